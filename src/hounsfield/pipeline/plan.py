"""Plan a pipeline without reading voxels: the Spec after each step, passes, bytes and memory."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hounsfield.core.arguments import checked
from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.display import html_value, spec_text
from hounsfield.core.errors import GeometryError, PipelineError, QuantityError
from hounsfield.core.spec import Spec
from hounsfield.core.stack import Stack
from hounsfield.core.volume import Volume
from hounsfield.pipeline.fuse import FusedPass
from hounsfield.pipeline.interpolation import step_kernels
from hounsfield.pipeline.memory import (
    label_working_bytes,
    masks_added,
    pass_working_bytes,
    source_bytes,
    step_working_bytes,
    volume_bytes,
)
from hounsfield.steps.base import AnyStep, Step, needs_voxels


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelBytes:
    """Bytes of one label in a pass: its original, its input and output, and working arrays."""

    held: int = 0
    read: int = 0
    written: int = 0
    working: int = 0

    def total(self, labels: int, masks: int) -> int:
        """Return the bytes of labels of the case, and of masks that steps made."""
        both = labels + masks
        return labels * self.held + both * (self.read + self.written) + min(both, 1) * self.working


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """Steps that run together; `kernels` is the interpolation along each axis, if any.

    `bytes_held` is the source where it stays in memory, `bytes_working` what the pass needs besides
    input and output. `label_bytes` is what each label or mask needs, `masks` how many steps made.
    `is_alone` is whether the step is not fused, `may_widen` whether values may exceed int16.
    """

    numbers: tuple[int, ...]
    steps: tuple[str, ...]
    spec: Spec
    kernels: tuple[str, ...] = ()
    needs_voxels: bool = False
    permutes_slices: bool = False
    bytes_read: int = 0
    bytes_written: int = 0
    bytes_held: int = 0
    bytes_working: int = 0
    label_bytes: LabelBytes = LabelBytes()
    masks: int = 0
    is_alone: bool = False
    may_widen: bool = False

    def peak_bytes(self, labels: int) -> int:
        """Return the bytes in memory during the pass, with labels of one byte per voxel."""
        image = self.bytes_held + self.bytes_read + self.bytes_written + self.bytes_working
        return image + self.label_bytes.total(labels, self.masks)

    def __str__(self) -> str:
        what = " + ".join(self.steps) or "read"
        how = f" [{', '.join(self.kernels)}]" if self.kernels else ""
        notes = " (depends on the voxels: known only when it runs)" if self.needs_voxels else ""
        notes += (
            " (permutes the slice axis: streaming uses a temporary file)"
            if self.permutes_slices
            else ""
        )
        wider = " (float32 if values exceed int16)" if self.may_widen else ""
        made = f"{self.spec.quantity} {self.spec.dtype}{wider}"
        return f"{what}{how}{notes} -> {made} {self.spec.grid!r}"


@checked
@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Describe what a pipeline will do to a source: Specs, passes, bytes and memory.

    Parameters
    ----------
    source : Spec
        The Spec of the source.
    specs : tuple of Spec
        The Spec after each step.
    passes : tuple of Pass
        The steps that run together, in order.

    Examples
    --------
    >>> from hounsfield.pipeline.check import TYPICAL
    >>> from hounsfield.pipeline.presets import preset
    >>> found = preset("isotropic-mip").plan(TYPICAL)
    >>> len(found.passes), found.spec.quantity
    (1, 'unit')
    """

    source: Spec
    specs: tuple[Spec, ...]
    passes: tuple[Pass, ...]

    @property
    def spec(self) -> Spec:
        """The Spec of the output."""
        return self.specs[-1] if self.specs else self.source

    @property
    def bytes_moved(self) -> int:
        """Bytes read and written by all passes together."""
        return sum(one.bytes_read + one.bytes_written for one in self.passes)

    @property
    def peak_bytes(self) -> int:
        """Bytes in memory during the largest pass, without labels."""
        return self.peak_bytes_with(labels=0)

    def peak_bytes_with(self, *, labels: int) -> int:
        """Return the bytes in memory during the largest pass of a case.

        Parameters
        ----------
        labels : int
            How many labels and masks the case has, of one byte per voxel.

        Returns
        -------
        int
            Bytes of the source, the input and output of the pass and its working arrays.
        """
        return max(one.peak_bytes(labels) for one in self.passes)

    def to_json(self) -> dict[str, Any]:
        """Return the plan as plain data.

        Returns
        -------
        dict of str to Any
            A row for each pass, the bytes moved and the peak memory in bytes.
        """
        rows = [
            {
                "steps": list(one.numbers),
                "names": list(one.steps),
                "interpolation": list(one.kernels),
                "needs_voxels": one.needs_voxels,
                "permutes_slices": one.permutes_slices,
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
        return f"Plan({_count(len(self.passes))}, {spec_text(self.spec)})"

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
    """Plan on a spec, a stack or a volume.

    Raises PipelineError with a diagnostic for every step that cannot work.
    """
    if isinstance(source, Stack):
        first = FusedPass.of_stack(source)
    else:
        first = FusedPass.of_spec(source.spec if isinstance(source, Volume) else source)
    specs = _specs(steps, first.spec)
    passes = _with_memory(list(_passes(steps, specs, first)), steps, source)
    return Plan(source=first.spec, specs=specs, passes=passes)


def _specs(steps: Sequence[AnyStep], spec: Spec) -> tuple[Spec, ...]:
    """Return the Spec after each step; raises PipelineError with every diagnostic."""
    specs, diagnostics = [], []
    for number, step in enumerate(steps, 1):
        try:
            spec = step.plan(spec)
        except (QuantityError, GeometryError) as error:
            diagnostics.append(Diagnostic("PLAN", "refusal", str(error), where=f"step {number}"))
        specs.append(spec)
    if diagnostics:
        raise PipelineError(diagnostics)
    return tuple(specs)


def _passes(steps: Sequence[AnyStep], specs: Sequence[Spec], current: FusedPass) -> Iterator[Pass]:
    """Yield the passes in order; each has as many steps as can be fused."""
    numbers: tuple[int, ...] = ()
    for number, (step, spec) in enumerate(zip(steps, specs, strict=True), 1):
        fused = _fused(current, step)
        if fused is None:
            if numbers:
                yield _pass(current, numbers)
            current, numbers = FusedPass.of_spec(current.spec), ()
            fused = _fused(current, step)
        if fused is None:
            yield _separate_pass(step, number, before=current.spec, after=spec)
            current = FusedPass.of_spec(spec)
        else:
            current, numbers = fused, (*numbers, number)
    if numbers or not steps:
        yield _pass(current, numbers)


def _with_memory(
    passes: list[Pass], steps: Sequence[AnyStep], source: Spec | Stack | Volume
) -> tuple[Pass, ...]:
    """Return the passes with what stays in memory while each runs."""
    held = source_bytes(source) if not isinstance(source, Stack) or source.in_memory else 0
    widens = isinstance(source, Stack) and source.may_exceed_int16
    grid, masks, done = source.grid, 0, []
    for number, one in enumerate(passes):
        masks += masks_added([steps[n - 1] for n in one.numbers])
        sizes = replace(
            one.label_bytes,
            held=math.prod(source.grid.shape) if number else 0,
            read=math.prod(grid.shape),
        )
        widens = widens and one.spec.dtype == np.int16
        is_first = number == 0 and not one.is_alone  # then it reads the source itself
        done.append(
            replace(
                one,
                bytes_read=source_bytes(source) if is_first else one.bytes_read,
                bytes_held=0 if number == 0 and not isinstance(source, Stack) else held,
                label_bytes=sizes,
                masks=masks,
                may_widen=widens,
            )
        )
        grid = one.spec.grid
    return tuple(done)


def _fused(current: FusedPass, step: AnyStep) -> FusedPass | None:
    """Return `current` with the step; None if the step needs a separate pass."""
    if needs_voxels(step) or not isinstance(step, Step) or current.spec.channels:
        return None
    return current.fused(step)


def _separate_pass(step: AnyStep, number: int, *, before: Spec, after: Spec) -> Pass:
    return Pass(
        numbers=(number,),
        steps=(type(step).__name__,),
        spec=after,
        needs_voxels=needs_voxels(step),
        is_alone=True,
        kernels=step_kernels(step, before),
        bytes_read=volume_bytes(before),
        bytes_written=volume_bytes(after),
        bytes_working=step_working_bytes(step, before, after),
        label_bytes=LabelBytes(
            written=math.prod(after.grid.shape), working=label_working_bytes(step, None, after.grid)
        ),
    )


def _pass(fused: FusedPass, numbers: tuple[int, ...]) -> Pass:
    return Pass(
        numbers=numbers,
        steps=tuple(type(step).__name__ for step in fused.steps),
        spec=fused.spec,
        kernels=fused.kernels,
        permutes_slices=fused.sampling.order[2] != 2,
        bytes_read=volume_bytes(fused.source),
        bytes_written=volume_bytes(fused.spec),
        bytes_working=pass_working_bytes(fused),
        label_bytes=LabelBytes(
            written=math.prod(fused.spec.grid.shape),
            working=label_working_bytes(None, fused, fused.label_sampling.grid),
        ),
    )


def _count(count: int) -> str:
    return f"{count} pass" if count == 1 else f"{count} passes"
