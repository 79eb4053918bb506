"""Run a pipeline on one case."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hounsfield.core.cast import cast
from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import GeometryError, HounsfieldError, PipelineError, QuantityError
from hounsfield.core.spec import Spec
from hounsfield.core.stack import Stack
from hounsfield.core.version import VERSION
from hounsfield.core.volume import Case, Volume, unshared
from hounsfield.kernels.sampler import DEFAULT_SAMPLER, Sampler
from hounsfield.pipeline.check import check_names
from hounsfield.pipeline.fuse import FusedPass
from hounsfield.pipeline.plan import plan
from hounsfield.pipeline.record import Record, SourceData, array_sha256, output_data
from hounsfield.pipeline.result import Result
from hounsfield.pipeline.serialize import step_data, to_data
from hounsfield.steps.base import AnyStep, Resolvable, Step, completed, needs_voxels
from hounsfield.steps.end_pass import EndPass


def run(
    steps: Sequence[AnyStep],
    source: Volume | Stack | Case,
    *,
    name: str = "",
    dtype: np.dtype[Any] | None = None,
    labels: Mapping[str, Volume] | None = None,
    sampler: Sampler = DEFAULT_SAMPLER,
) -> Result:
    """Run the steps, as few passes as they fold into; `labels` go with a stack, and lie on its natural grid;
    `sampler` computes the passes.

    Raises PipelineError before any voxel is read where they cannot be run on this source, GeometryError where a label
    lies elsewhere, and the steps' own errors, with their number, where voxels decide.
    """
    started = time.time()
    clock = time.perf_counter()
    case = source if isinstance(source, Case) else None
    stack = (
        source
        if isinstance(source, Stack)
        else Stack.from_volume(source.image if isinstance(source, Case) else source)
    )
    channels = (case is not None and bool(case.image.spec.channels)) or (
        isinstance(source, Volume) and bool(source.spec.channels)
    )
    before = dict(labels or {}) if case is None else case.labels
    _check_places(before, stack)
    masks = {**interpolated_masks(stack), **({} if case is None else case.masks)}
    wrong = check_names(steps, {**before, **masks})
    if wrong:
        raise PipelineError(wrong)
    if not channels:
        plan(steps, stack)
    image = source if isinstance(source, Volume) else None if case is None else case.image
    state = _Run(
        stack,
        None if image is None else Case(image, before, masks),
        labels=before,
        masks=masks,
        sampler=sampler,
    )
    for number, step in enumerate(steps, 1):
        try:
            state.take(step)
        except HounsfieldError as error:
            raise _numbered(error, number, step) from None
    done = state.flushed()
    made = done.image if dtype is None else cast(done.image, dtype)
    diagnostics = (*stack.finished(), *state.diagnostics)
    record = record_of(
        to_data(steps, name=name, dtype=dtype),
        stack,
        made.spec,
        steps=state.resolved,
        diagnostics=diagnostics,
    ).replaced(
        masks={name: array_sha256(mask.array) for name, mask in done.masks.items()},
        labels={name: label_changes(before[name], label) for name, label in done.labels.items()},
        volatile={"started": started, "seconds": time.perf_counter() - clock},
    )
    given = [*before.values(), *([] if image is None else [image])]
    given += [] if case is None else case.masks.values()
    return Result(
        volume=unshared(Volume(made.array, made.spec), given),
        labels={name: unshared(label, given) for name, label in done.labels.items()},
        masks={name: unshared(mask, given) for name, mask in done.masks.items()},
        record=record,
        diagnostics=diagnostics,
    )


def record_of(
    pipeline: Mapping[str, Any],
    stack: Stack,
    spec: Spec,
    *,
    steps: Sequence[AnyStep],
    diagnostics: Sequence[Diagnostic],
) -> Record:
    """The record of a run on `stack` that took the resolved `steps`, gave `spec` and found `diagnostics`."""
    return Record(
        version=VERSION,
        source=SourceData(stack.source),
        pipeline=pipeline,
        steps=tuple(step_data(step) for step in steps),
        output=output_data(spec),
        diagnostics=tuple(each.to_json() for each in diagnostics),
    )


@dataclass(slots=True)
class _Run:
    """Where a run is: voxels that are there (`case`), and steps that have been folded but not done (`fold`)."""

    stack: Stack
    case: Case | None
    labels: Mapping[str, Volume] = field(default_factory=dict)
    masks: Mapping[str, Volume] = field(default_factory=dict)
    fold: FusedPass | None = None
    resolved: list[AnyStep] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    sampler: Sampler = DEFAULT_SAMPLER

    def take(self, step: AnyStep) -> None:
        fixed, has_read = step, False
        if isinstance(step, Resolvable) and needs_voxels(step):
            before = self.case
            fixed = step.resolve(self.flushed())
            has_read = self.case is not before
        assert isinstance(fixed, Step)
        fixed = completed(fixed, self._spec())
        if has_read and self._is_fusible(fixed):
            self.resolved.append(EndPass())  # so that the resolved steps are fused in the same way
        self.resolved.append(fixed)
        self.diagnostics += getattr(fixed, "diagnostics", ())
        for _ in range(2):
            fold = self._fold()
            fused = None if fold is None else fold.fused(fixed)
            if fused is not None:
                self.fold = fused
                return
            self.flushed()
        self.case = fixed.apply(self.flushed())
        self._restart()

    def _is_fusible(self, step: Step) -> bool:
        fold = self._fold()
        return fold is not None and fold.fused(step) is not None

    def _spec(self) -> Spec:
        """What the next step gets."""
        fold = self._fold()
        if fold is not None:
            return fold.spec
        assert self.case is not None
        return self.case.image.spec

    def flushed(self) -> Case:
        """Do what has been folded."""
        fold = self._fold()
        if fold is not None and (
            fold.steps or self.case is None or self.case.image.grid != fold.spec.grid
        ):
            labels, masks = (
                (self.labels, self.masks)
                if self.case is None
                else (self.case.labels, self.case.masks)
            )
            try:
                self.case = self._pass(fold, labels, masks)
            except QuantityError:
                if not fold.may_leave_int16(self.stack):
                    raise
                self.case = self._pass(fold.widened(), labels, masks)
            self._restart()
        assert self.case is not None
        return self.case

    def _pass(
        self, fold: FusedPass, labels: Mapping[str, Volume], masks: Mapping[str, Volume]
    ) -> Case:
        return fold.run(self.stack, labels=labels, masks=masks, sampler=self.sampler)

    def _fold(self) -> FusedPass | None:
        if self.fold is None and not (self.case is not None and self.case.image.spec.channels):
            self.fold = FusedPass.of_stack(self.stack)
            if self.case is not None:
                self.fold = FusedPass.of_spec(self.case.image.spec)
        return self.fold

    def _restart(self) -> None:
        assert self.case is not None
        self.fold = None
        if not self.case.image.spec.channels:
            self.stack = Stack.from_volume(self.case.image)


def _check_places(labels: Mapping[str, Volume], stack: Stack) -> None:
    """Raise GeometryError unless every label lies on the stack's natural grid."""
    for name, label in labels.items():
        if not label.grid.same_as(stack.grid):
            raise GeometryError(
                f"label '{name}' lies on {label.grid!r}, the image on {stack.grid!r}; bring it over with "
                f"hu.regrid(label, stack.grid)"
            )


def label_changes(before: Volume, after: Volume) -> list[dict[str, float]]:
    """For each label value its volume in ml before and after, so that a loss shows."""
    volumes = []
    for volume in (before, after):
        values, counts = np.unique(volume.array, return_counts=True)
        cell_ml = float(abs(np.linalg.det(volume.grid.affine[:3, :3]))) / 1000
        volumes.append(
            {
                int(value): float(count) * cell_ml
                for value, count in zip(values, counts, strict=True)
            }
        )
    return [
        {
            "value": value,
            "ml_before": volumes[0].get(value, 0.0),
            "ml_after": volumes[1].get(value, 0.0),
        }
        for value in sorted({*volumes[0], *volumes[1]})
        if value != int(before.background)
    ]


def _numbered(error: HounsfieldError, number: int, step: AnyStep) -> HounsfieldError:
    """The same error with the number and name of the step that raised it."""
    if any(diagnostic.where for diagnostic in error.diagnostics):
        return error
    text = str(error)
    name = type(step).__name__
    return type(error)(f"step {number} ({name}): {text.removeprefix(f'{name}: ')}")


NAME = "interpolated"


def interpolated_masks(stack: Stack) -> dict[str, Volume]:
    """The mask 'interpolated' on the stack's natural grid, uint8; no mask where every slice was measured.

    On an even grid made of uneven slices, a slice is interpolated where the nearest one of the stack is.
    """
    flags = stack.source.interpolated
    if not any(flags):
        return {}
    grid = stack.grid
    array = np.zeros(grid.shape, dtype=np.uint8, order="F")
    array[:, :, np.array(flags)] = 1
    return {NAME: Volume.from_array(array, affine=grid.affine, quantity="mask")}
