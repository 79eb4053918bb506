"""A pipeline: a name and steps, checked before any voxel is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np

from hounsfield.core.arguments import checked, short
from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.dtype import voxel_dtype
from hounsfield.core.errors import ArgumentError, PipelineError, warn_each
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


@checked
@dataclass(frozen=True, slots=True)
class Pipeline:
    """Hold steps in order, checked before any voxel is read.

    Parameters
    ----------
    steps : sequence of steps
        The steps, each of this package or your own.
    name : str, default ''
        Name of the pipeline, for records.
    dtype : numpy.dtype, optional
        Type to which the image is cast at the end; None keeps that of the last step.

    Raises
    ------
    PipelineError
        If the steps do not fit together; it has a diagnostic with the number of each step.
    QuantityError
        If `dtype` is not one of voxels.

    Examples
    --------
    >>> from hounsfield.pipeline.check import TYPICAL
    >>> from hounsfield.steps.clip import Clip
    >>> from hounsfield.steps.map_range import MapRange
    >>> Pipeline((Clip(low_hu=-100, high_hu=1000), MapRange())).plan(TYPICAL).spec.quantity
    'unit'
    """

    steps: tuple[AnyStep, ...] | Sequence[AnyStep]
    name: str = ""
    dtype: np.dtype[Any] | None = None
    """What the image is cast to at the end; None leaves it as the steps made it."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", tuple(self.steps))
        object.__setattr__(self, "dtype", None if self.dtype is None else voxel_dtype(self.dtype))
        for number, step in enumerate(self.steps, 1):
            if isinstance(step, type) or not isinstance(step, Step | Resolvable):
                raise PipelineError(_not_a_step(step, where=f"step {number}"))
        diagnostics = check_order(self.steps)
        if diagnostics:
            raise PipelineError(diagnostics)

    def __repr__(self) -> str:
        name = f"{self.name!r}: " if self.name else ""
        return f"Pipeline({name}{', '.join(type(step).__name__ for step in self.steps)})"

    @classmethod
    @checked
    def load(
        cls, path: str | PathLike[str], *, settings: Settings = NO_SETTINGS, resolved: bool = False
    ) -> Pipeline:
        """Load a pipeline from a .toml file or from the record.json of a run.

        Parameters
        ----------
        path : str or PathLike
            The file.
        settings : mapping of str to Any, default {}
            Values by 'STEP.KEY', as in `preset`.
        resolved : bool, default False
            Of a record, load the steps as resolved on its source, with masks and boxes fixed.

        Returns
        -------
        Pipeline
            The pipeline.

        Raises
        ------
        ReadError
            If the file cannot be read.
        PipelineError
            If it is not a pipeline; it has every diagnostic.
        """
        found = serialize.load(Path(path), settings=settings, resolved=resolved)
        return cls(found.steps, name=found.name, dtype=found.dtype)

    @classmethod
    @checked
    def of_record(cls, record: Record, *, resolved: bool = False) -> Pipeline:
        """Return the pipeline of a record; either form gives the same voxels again.

        Parameters
        ----------
        record : Record
            The record of a run.
        resolved : bool, default False
            Take the steps as they were resolved on its source, with masks and boxes fixed.

        Returns
        -------
        Pipeline
            The pipeline.
        """
        data = dict(record.pipeline)
        return cls.parse({**data, "steps": list(record.steps)} if resolved else data)

    @classmethod
    @checked
    def parse(
        cls, data: Mapping[str, Any], *, settings: Settings = NO_SETTINGS, where: str = ""
    ) -> Pipeline:
        """Make a pipeline of plain data, as TOML and JSON give it.

        Parameters
        ----------
        data : mapping of str to Any
            A table with the keys 'steps' and optionally 'schema', 'name', 'dtype' and 'parameters'.
        settings : mapping of str to Any, default {}
            Values by 'STEP.KEY', as in `preset`.
        where : str, default ''
            Name of the data in messages.

        Returns
        -------
        Pipeline
            The pipeline.

        Raises
        ------
        PipelineError
            If the data is not a pipeline; it has every diagnostic.
        """
        found = serialize.parse(data, settings=settings, where=where)
        return cls(found.steps, name=found.name, dtype=found.dtype)

    def to_toml(self) -> str:
        """Return the text of a .toml file that `load` reads as an equal pipeline.

        Returns
        -------
        str
            TOML, with the parameters that differ from the defaults.
        """
        return serialize.to_toml(self.steps, name=self.name, dtype=self.dtype)

    @checked
    def plan(self, source: Spec | Stack | Volume | str | PathLike[str]) -> Plan:
        """Plan the pipeline on a source without reading voxels.

        Parameters
        ----------
        source : Spec, Stack, Volume, str or PathLike
            What the pipeline would run on; of a path only the headers are read.

        Returns
        -------
        Plan
            The Spec after each step, the passes, bytes moved and peak memory.

        Raises
        ------
        PipelineError
            If a step cannot run; it has a diagnostic for each of them.
        """
        return plan(self.steps, _opened(source) if isinstance(source, str | PathLike) else source)

    @checked
    def run(
        self,
        source: Volume | Stack | Case | str | PathLike[str],
        *,
        dtype: str | np.dtype[Any] | None = None,
        labels: Mapping[str, Volume] | None = None,
        sampler: Sampler = DEFAULT_SAMPLER,
    ) -> Result:
        """Run the pipeline.

        Parameters
        ----------
        source : Volume, Stack, Case, str or PathLike
            What to run on; a path is opened as by `open`, with its defaults.
        dtype : str or numpy.dtype, optional
            Type to which the image is cast at the end; None takes that of the pipeline.
        labels : mapping of str to Volume, optional
            Labels of a Stack or Volume, on its (natural) grid; not for a Case, which has its own.
        sampler : Sampler, optional
            What computes the passes (default: the compiled kernel).

        Returns
        -------
        Result
            The volume, labels, masks and record.

        Raises
        ------
        PipelineError
            If a step cannot run; it has a diagnostic for each of them.
        RefusedError
            If a step refuses the data, such as a mask that is empty.
        ArgumentError
            If labels are given with a Case.

        Warns
        -----
        HounsfieldWarning
            For every repair and every doubt of the steps, and if `source` is a path of the reader;
            those of a Volume, Case or Stack are in their `diagnostics` and the result's alone.
        """
        if not isinstance(sampler, Sampler):
            raise ArgumentError(f"run: sampler is {short(sampler)}; expected a Sampler")
        if labels and isinstance(source, Case):
            raise ArgumentError("run: labels are given with a Case; give them to the Case")
        opened = _opened(source) if isinstance(source, str | PathLike) else source
        result = run_pipeline(self, opened, dtype=dtype, labels=labels, sampler=sampler)
        if isinstance(source, str | PathLike):
            warn_each(result.diagnostics, about=source)
        else:
            known = _diagnostics_of(source)
            warn_each(each for each in result.diagnostics if each not in known)
        return result


def run_pipeline(
    pipeline: Pipeline,
    source: Volume | Stack | Case,
    *,
    dtype: str | np.dtype[Any] | None = None,
    labels: Mapping[str, Volume] | None = None,
    sampler: Sampler = DEFAULT_SAMPLER,
) -> Result:
    """Run like `Pipeline.run`, but without warnings; the caller reports the diagnostics."""
    return run(
        pipeline.steps,
        source,
        name=pipeline.name,
        dtype=pipeline.dtype if dtype is None else voxel_dtype(dtype),
        labels=labels,
        sampler=sampler,
    )


def _diagnostics_of(source: Volume | Stack | Case) -> tuple[Diagnostic, ...]:
    """The diagnostics of the reader, which the user of a Volume, Stack or Case has."""
    if isinstance(source, Stack):
        return source.finished()
    return (source.image if isinstance(source, Case) else source).diagnostics


def _opened(path: str | PathLike[str]) -> Stack:
    """Open a path as `hounsfield.open` does."""
    from hounsfield.io.open import open

    return open(fspath(path))


def _not_a_step(given: object, *, where: str) -> Diagnostic:
    """Return the diagnostic of something that is not a step, such as a step's class."""
    if isinstance(given, type):
        name = given.__name__
        message = f"{name} is a class; expected a step, such as {name}() with its parameters"
    else:
        message = f"{type(given).__name__} is not a step; expected plan and apply or resolve"
    return Diagnostic("NOT_A_STEP", "refusal", message, where=where)
