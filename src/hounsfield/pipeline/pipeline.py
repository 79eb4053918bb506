"""A pipeline: a name and steps, checked before any voxel is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hounsfield.core.errors import GeometryError, PipelineError, Problem, QuantityError
from hounsfield.core.grid import Grid
from hounsfield.core.spec import AIR_HU, Spec
from hounsfield.core.stack import Stack
from hounsfield.core.volume import Case, Volume
from hounsfield.steps.base import Resolvable, Step, needs_voxels
from hounsfield.steps.split_slices import SplitSlices

if TYPE_CHECKING:
    from hounsfield.pipeline.plan import Plan
    from hounsfield.pipeline.result import Result

TYPICAL = Spec(grid=Grid((512, 512, 200), np.diag([-0.5, -0.5, 1.0, 1.0])), dtype=np.dtype(np.int16), quantity="hu",
               background=AIR_HU)
"""What a pipeline is checked on before a scan is known: a CT in HU; only its quantity and bounds matter there."""

AnyStep = Step | Resolvable


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Steps in order, as data.

    >>> from hounsfield.steps.clip import Clip
    >>> from hounsfield.steps.map_range import MapRange
    >>> Pipeline((Clip(low_hu=-100, high_hu=1000), MapRange())).plan(TYPICAL).spec.quantity
    'unit'

    Raises PipelineError, with every problem and the number of its step, where the steps make no sense in their order.
    """

    steps: tuple[AnyStep, ...] | Sequence[AnyStep]
    name: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", tuple(self.steps))
        for number, step in enumerate(self.steps, 1):
            if not isinstance(step, Step | Resolvable):
                raise PipelineError([Problem(f"step {number}", "not-a-step", f"{type(step).__name__} is no step")])
        problems = order_problems(self.steps)
        if problems:
            raise PipelineError(problems)

    @classmethod
    def load(cls, path: str | PathLike[str], *, settings: Sequence[str] = ()) -> Pipeline:
        """The pipeline of a .toml file or of a record.json; `settings` are changes such as 'Resample.spacing_mm=2'."""
        from hounsfield.pipeline.text import load

        return load(Path(path), settings=settings)

    def to_toml(self) -> str:
        """The pipeline as the text of a .toml file, which `load` reads back as an equal one."""
        from hounsfield.pipeline.text import to_toml

        return to_toml(self)

    def plan(self, source: Spec | Stack | Volume) -> Plan:
        """What each step makes and which steps fold into one pass, without touching a voxel."""
        from hounsfield.pipeline.plan import plan

        return plan(self, source)

    def run(self, source: Volume | Stack | Case, *, dtype: str | np.dtype[Any] | None = None,
            labels: Mapping[str, Volume] | None = None) -> Result:
        """Run it on a volume, a stack, or a case with labels and masks; `dtype` casts the image at the end.

        `labels` go with a stack or a volume, on its (natural) grid; those of a Case are in the Case.
        """
        from hounsfield.pipeline.run import run

        return run(self, source, dtype=None if dtype is None else np.dtype(dtype), labels=labels)


def order_problems(steps: Sequence[AnyStep | None], spec: Spec = TYPICAL) -> list[Problem]:
    """What is wrong with the order of the steps: quantities that do not fit, MapRange without bounds, and the like.

    None is a step that could not be read: it may have been the Clip whose bounds a later step takes.
    """
    problems = []
    for number, step in enumerate(steps, 1):
        if step is None:
            spec = spec.replaced(bounds=spec.bounds or (spec.background, -spec.background))
            continue
        try:
            spec = step.plan(spec)
        except QuantityError as error:
            problems.append(Problem(f"step {number}", "order", str(error)))
        except GeometryError:
            continue  # whether a box lies in the scan is known once the scan is
        if isinstance(step, SplitSlices) and number != len(steps):
            problems.append(Problem(f"step {number}", "order", "SplitSlices must be the last step"))
    return problems


def name_problems(steps: Sequence[AnyStep], known: Mapping[str, Any]) -> list[Problem]:
    """Masks and labels that a step asks for and that neither the case has nor an earlier step makes."""
    names = set(known)
    problems = []
    for number, step in enumerate(steps, 1):
        wanted = getattr(step, "center", None) if needs_voxels(step) and hasattr(step, "center") else getattr(step, "mask", None)
        if isinstance(wanted, str) and wanted not in names:
            have = ", ".join(sorted(names)) or "none"
            problems.append(Problem(f"step {number}", "no-mask", f"{type(step).__name__} needs a mask or label '{wanted}'; "
                                                                 f"there is {have}; put {_maker(wanted)} before it"))
        makes = getattr(step, "adds", None)
        if isinstance(makes, str):
            names.add(makes)
    return problems


def _maker(mask: str) -> str:
    return {"head": "HeadMask", "body": "BodyMask", "brain": "BrainMask"}.get(mask, "the step that makes it")
