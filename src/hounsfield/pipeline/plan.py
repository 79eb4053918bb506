"""What a pipeline will do, said before any voxel is touched: specs, passes, bytes and memory."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.display import html_value, spec_text
from hounsfield.core.errors import GeometryError, PipelineError, QuantityError
from hounsfield.core.spec import Spec
from hounsfield.core.stack import Stack
from hounsfield.core.volume import Volume
from hounsfield.pipeline.fuse import FusedPass
from hounsfield.steps.base import AnyStep, Step, needs_voxels


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """Steps that run as one: `kernels` is the interpolation along the output's axes where there is a sampling."""

    numbers: tuple[int, ...]
    steps: tuple[str, ...]
    spec: Spec
    kernels: tuple[str, ...] = ()
    looks: bool = False
    turns: bool = False
    bytes_read: int = 0
    bytes_written: int = 0

    def __str__(self) -> str:
        what = " + ".join(self.steps) or "read"
        how = f" [{', '.join(self.kernels)}]" if self.kernels else ""
        looks = " (looks at voxels: its result is known only then)" if self.looks else ""
        looks += " (turns the slices: a stream goes through a temporary file)" if self.turns else ""
        return f"{what}{how}{looks} -> {self.spec.quantity} {self.spec.dtype} {self.spec.grid!r}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The Spec after every step, the passes that the steps fold into, bytes moved and peak memory in memory."""

    source: Spec
    specs: tuple[Spec, ...]
    passes: tuple[Pass, ...]

    @property
    def spec(self) -> Spec:
        """What comes out."""
        return self.specs[-1] if self.specs else self.source

    @property
    def bytes_moved(self) -> int:
        """Bytes read and written by all passes together."""
        return sum(one.bytes_read + one.bytes_written for one in self.passes)

    @property
    def peak_bytes(self) -> int:
        """The input and output of the largest pass; working planes are a few MB more."""
        return max(
            (one.bytes_read + one.bytes_written for one in self.passes), default=_bytes(self.source)
        )

    def to_json(self) -> dict[str, Any]:
        """The plan as plain data."""
        rows = [
            {
                "steps": list(one.numbers),
                "names": list(one.steps),
                "interpolation": list(one.kernels),
                "looks": one.looks,
                "turns": one.turns,
                "shape": list(one.spec.shape),
                "spacing_mm": list(one.spec.grid.spacing_mm),
                "dtype": str(one.spec.dtype),
                "quantity": one.spec.quantity,
                "bytes_read": one.bytes_read,
                "bytes_written": one.bytes_written,
            }
            for one in self.passes
        ]
        return {
            "schema": 1,
            "passes": rows,
            "bytes_moved": self.bytes_moved,
            "peak_bytes": self.peak_bytes,
        }

    def __repr__(self) -> str:
        return f"Plan({_passes(len(self.passes))}, {spec_text(self.spec)})"

    def _repr_html_(self) -> str:
        rows = [("source", spec_text(self.source))]
        rows += [
            (f"pass {number}", f"{' + '.join(one.steps) or 'read'}: {spec_text(one.spec)}")
            for number, one in enumerate(self.passes, 1)
        ]
        moved, peak = f"{self.bytes_moved / 1e6:.1f} MB", f"{self.peak_bytes / 1e6:.1f} MB"
        return html_value("Plan", [*rows, ("bytes moved", moved), ("peak memory", peak)])

    def __str__(self) -> str:
        lines = [f"source -> {self.source.quantity} {self.source.dtype} {self.source.grid!r}"]
        lines += [f"pass {n}: {one}" for n, one in enumerate(self.passes, 1)]
        lines.append(f"moves {self.bytes_moved / 1e6:.1f} MB, peak {self.peak_bytes / 1e6:.1f} MB")
        return "\n".join(lines)


def plan(steps: Sequence[AnyStep], source: Spec | Stack | Volume) -> Plan:
    """Plan on a spec, a stack or a volume; raises PipelineError with every diagnostic and the number of its step."""
    if isinstance(source, Stack):
        fold = FusedPass.of_stack(source)
    else:
        fold = FusedPass.of_spec(source.spec if isinstance(source, Volume) else source)
    start = fold.spec
    specs, passes, diagnostics = [], [], []
    numbers: tuple[int, ...] = ()
    spec = start
    for number, step in enumerate(steps, 1):
        try:
            spec = step.plan(spec)
        except (QuantityError, GeometryError) as error:
            diagnostics.append(Diagnostic("PLAN", "refusal", str(error), f"step {number}"))
            continue
        specs.append(spec)
        joined = None if needs_voxels(step) or diagnostics else _joined(fold, step)
        if joined is not None:
            fold, numbers = joined, (*numbers, number)
            continue
        if numbers:
            passes.append(_pass(fold, numbers))
        fold, numbers = FusedPass.of_spec(fold.spec), ()
        joined = None if needs_voxels(step) or diagnostics else _joined(fold, step)
        if joined is not None:
            fold, numbers = joined, (number,)
            continue
        passes.append(
            Pass(
                numbers=(number,),
                steps=(type(step).__name__,),
                spec=spec,
                looks=needs_voxels(step),
                bytes_read=_bytes(fold.spec),
                bytes_written=_bytes(spec),
            )
        )
        fold = FusedPass.of_spec(spec)
    if diagnostics:
        raise PipelineError(diagnostics)
    if numbers or not passes:
        passes.append(_pass(fold, numbers))
    return Plan(source=start, specs=tuple(specs), passes=tuple(passes))


def _joined(fold: FusedPass, step: AnyStep) -> FusedPass | None:
    return fold.joined(step) if isinstance(step, Step) and not fold.spec.channels else None


def _pass(fold: FusedPass, numbers: tuple[int, ...]) -> Pass:
    return Pass(
        numbers=numbers,
        steps=tuple(type(step).__name__ for step in fold.steps),
        spec=fold.spec,
        kernels=fold.sampling.kernels,
        turns=fold.sampling.order[2] != 2,
        bytes_read=_bytes(fold.source),
        bytes_written=_bytes(fold.spec),
    )


def _passes(count: int) -> str:
    return f"{count} pass" if count == 1 else f"{count} passes"


def _bytes(spec: Spec) -> int:
    return math.prod(spec.shape) * spec.dtype.itemsize
