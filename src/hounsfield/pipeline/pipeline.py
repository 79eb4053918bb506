"""A pipeline: a name and steps, checked before any voxel is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import PipelineError
from hounsfield.core.spec import Spec
from hounsfield.core.stack import Stack
from hounsfield.core.volume import Case, Volume
from hounsfield.kernels.sampler import DEFAULT_SAMPLER, Sampler
from hounsfield.pipeline import serialize
from hounsfield.pipeline.check import check_order
from hounsfield.pipeline.plan import Plan, plan
from hounsfield.pipeline.record import Record
from hounsfield.pipeline.result import Result
from hounsfield.pipeline.run import run
from hounsfield.pipeline.settings import NO_SETTINGS, Settings
from hounsfield.steps.base import AnyStep, Resolvable, Step


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Steps in order, as data.

    >>> from hounsfield.pipeline.check import TYPICAL
    >>> from hounsfield.steps.clip import Clip
    >>> from hounsfield.steps.map_range import MapRange
    >>> Pipeline((Clip(low_hu=-100, high_hu=1000), MapRange())).plan(TYPICAL).spec.quantity
    'unit'

    Raises PipelineError, with every diagnostic and the number of its step, where the steps make no sense in their order.
    """

    steps: tuple[AnyStep, ...] | Sequence[AnyStep]
    name: str = ""
    dtype: np.dtype[Any] | None = None
    """What the image is cast to at the end; None leaves it as the steps made it."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", tuple(self.steps))
        object.__setattr__(self, "dtype", None if self.dtype is None else np.dtype(self.dtype))
        for number, step in enumerate(self.steps, 1):
            if not isinstance(step, Step | Resolvable):
                raise PipelineError(
                    [
                        Diagnostic(
                            "NOT_A_STEP",
                            "refusal",
                            f"{type(step).__name__} is not a step; "
                            f"expected plan and apply or resolve",
                            where=f"step {number}",
                        )
                    ]
                )
        diagnostics = check_order(self.steps)
        if diagnostics:
            raise PipelineError(diagnostics)

    @classmethod
    def load(
        cls, path: str | PathLike[str], *, settings: Settings = NO_SETTINGS, resolved: bool = False
    ) -> Pipeline:
        """The pipeline of a .toml file or of a record.json; `settings` are changes such as 'Resample.spacing_mm=2'.

        `resolved` loads the steps that the pipeline of a record came down to on its source: masks and boxes as they
        were found there, which no step looks for again.
        """
        found = serialize.load(Path(path), settings=settings, resolved=resolved)
        return cls(found.steps, name=found.name, dtype=found.dtype)

    @classmethod
    def of_record(cls, record: Record, *, resolved: bool = False) -> Pipeline:
        """The pipeline that a record was made by, or the steps that it came down to: both make the same again."""
        data = dict(record.pipeline)
        return cls.parse({**data, "steps": list(record.steps)} if resolved else data)

    @classmethod
    def parse(
        cls, data: Mapping[str, Any], *, settings: Settings = NO_SETTINGS, where: str = ""
    ) -> Pipeline:
        """The pipeline of plain data, as TOML and JSON give it; `where` names it in messages."""
        found = serialize.parse(data, settings=settings, where=where)
        return cls(found.steps, name=found.name, dtype=found.dtype)

    def to_toml(self) -> str:
        """The pipeline as the text of a .toml file, which `load` reads back as an equal one."""
        return serialize.to_toml(self.steps, name=self.name, dtype=self.dtype)

    def plan(self, source: Spec | Stack | Volume) -> Plan:
        """What each step makes and which steps fold into one pass, without touching a voxel."""
        return plan(self.steps, source)

    def run(
        self,
        source: Volume | Stack | Case,
        *,
        dtype: str | np.dtype[Any] | None = None,
        labels: Mapping[str, Volume] | None = None,
        sampler: Sampler = DEFAULT_SAMPLER,
    ) -> Result:
        """Run it on a volume, a stack, or a case with labels and masks; `dtype` casts the image at the end, in the place
        of the pipeline's own.

        `labels` go with a stack or a volume, on its (natural) grid; those of a Case are in the Case. `sampler`
        computes the passes: the compiled kernel, or one of your own.
        """
        return run(
            self.steps,
            source,
            name=self.name,
            dtype=self.dtype if dtype is None else np.dtype(dtype),
            labels=labels,
            sampler=sampler,
        )
