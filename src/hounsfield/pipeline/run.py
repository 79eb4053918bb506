"""Run a pipeline on one case."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hounsfield.core.cast import cast, check_finite
from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import GeometryError, HounsfieldError, PipelineError, QuantityError
from hounsfield.core.spec import Spec
from hounsfield.core.stack import Stack
from hounsfield.core.version import VERSION
from hounsfield.core.volume import Case, Volume, unshared
from hounsfield.kernels.labels import values_and_counts
from hounsfield.kernels.sampler import DEFAULT_SAMPLER, Sampler
from hounsfield.pipeline.check import check_names
from hounsfield.pipeline.fuse import FusedPass
from hounsfield.pipeline.interpolation import pass_interpolation, step_interpolation
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
    """Run the steps, fused into as few passes as possible, which `sampler` computes.

    `labels` belong to a stack or volume and are on its natural grid. Raises PipelineError before
    any voxel is read if the steps cannot run on this source, GeometryError if a label is on
    another grid, and the errors of steps, with their number, if they depend on voxels.
    """
    started = time.time()
    clock = time.perf_counter()
    state = _start(steps, source, dict(labels or {}), sampler)
    stack, image, before = state.stack, state.case, state.labels
    for number, step in enumerate(steps, 1):
        try:
            state.run_step(step)
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
        interpolation=tuple(state.interpolation),
        masks={name: array_sha256(mask.array) for name, mask in done.masks.items()},
        labels={name: label_changes(before[name], label) for name, label in done.labels.items()},
        volatile={"started": started, "seconds": time.perf_counter() - clock},
    )
    given = [*before.values(), *([] if image is None else [image.image])]
    given += source.masks.values() if isinstance(source, Case) else []
    return Result(
        volume=unshared(Volume(made.array, made.spec), given),
        labels={name: unshared(label, given) for name, label in done.labels.items()},
        masks={name: unshared(mask, given) for name, mask in done.masks.items()},
        record=record,
        diagnostics=diagnostics,
    )


def _start(
    steps: Sequence[AnyStep],
    source: Volume | Stack | Case,
    labels: Mapping[str, Volume],
    sampler: Sampler,
) -> _Run:
    """Check the steps and labels against the source, and return the run before its first step."""
    image: Volume | None = None
    given_masks: Mapping[str, Volume] = {}
    if isinstance(source, Case):
        image, labels, given_masks = source.image, source.labels, source.masks
    elif isinstance(source, Volume):
        image = source
    stack = source if isinstance(source, Stack) else None
    if stack is None:
        assert image is not None
        check_finite(image, what="the image")
        stack = Stack.from_volume(image)
    _check_grids(labels, stack)
    masks = {**interpolated_masks(stack), **given_masks}
    diagnostics = check_names(steps, {**labels, **masks})
    if diagnostics:
        raise PipelineError(diagnostics)
    if image is None or not image.spec.channels:
        plan(steps, stack)
    case = None if image is None else Case(image, labels, masks)
    return _Run(stack, case, labels=labels, masks=masks, sampler=sampler)


def record_of(
    pipeline: Mapping[str, Any],
    stack: Stack,
    spec: Spec,
    *,
    steps: Sequence[AnyStep],
    diagnostics: Sequence[Diagnostic],
) -> Record:
    """Return the record of a run of the resolved `steps` on `stack`, whose output is `spec`."""
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
    """The state of a run: the voxels computed so far (`case`), and the pass to run (`current`)."""

    stack: Stack
    case: Case | None
    labels: Mapping[str, Volume] = field(default_factory=dict)
    masks: Mapping[str, Volume] = field(default_factory=dict)
    current: FusedPass | None = None
    resolved: list[AnyStep] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    interpolation: list[Mapping[str, Any]] = field(default_factory=list)
    sampler: Sampler = DEFAULT_SAMPLER

    def run_step(self, step: AnyStep) -> None:
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
            current = self._current()
            fused = None if current is None else current.fused(fixed)
            if fused is not None:
                self.current = fused
                return
            self.flushed()
        before = self.flushed()
        made = fixed.apply(before)
        _check_made(fixed, before, made)
        self.interpolation += step_interpolation(
            fixed, before.image.spec, has_labels=bool(before.labels or before.masks)
        )
        self.case = made
        self._restart()

    def _is_fusible(self, step: Step) -> bool:
        current = self._current()
        return current is not None and current.fused(step) is not None

    def _spec(self) -> Spec:
        """Return the Spec of the input of the next step."""
        current = self._current()
        if current is not None:
            return current.spec
        assert self.case is not None
        return self.case.image.spec

    def flushed(self) -> Case:
        """Run the current pass, and return the case."""
        current = self._current()
        if current is not None and (
            current.steps or self.case is None or self.case.image.grid != current.spec.grid
        ):
            labels, masks = (
                (self.labels, self.masks)
                if self.case is None
                else (self.case.labels, self.case.masks)
            )
            try:
                self.case = self._pass(current, labels, masks)
            except QuantityError:
                if not current.may_leave_int16(self.stack):
                    raise
                self.case = self._pass(current.widened(), labels, masks)
                self.diagnostics.append(Diagnostic("WIDENED", "note", WIDER))
            self.interpolation += pass_interpolation(current, has_labels=bool(labels or masks))
            self._restart()
        assert self.case is not None
        return self.case

    def _pass(
        self, current: FusedPass, labels: Mapping[str, Volume], masks: Mapping[str, Volume]
    ) -> Case:
        return current.run(self.stack, labels=labels, masks=masks, sampler=self.sampler)

    def _current(self) -> FusedPass | None:
        if self.current is None and not (self.case is not None and self.case.image.spec.channels):
            self.current = FusedPass.of_stack(self.stack)
            if self.case is not None:
                self.current = FusedPass.of_spec(self.case.image.spec)
        return self.current

    def _restart(self) -> None:
        assert self.case is not None
        self.current = None
        if not self.case.image.spec.channels:
            self.stack = Stack.from_volume(self.case.image)


WIDER = "values exceed int16, the planned dtype; the image is float32"
"""What is reported of a pass whose values need more than int16."""


def _check_made(step: Step, before: Case, made: object) -> None:
    """Raise PipelineError unless the step made what its plan announces."""
    if not isinstance(made, Case):
        raise PipelineError(f"apply returned {type(made).__name__}; expected a Case")
    planned, found = step.plan(before.image.spec), made.image.spec
    differ = [
        f"{name} {getattr(found, name)!s} instead of {getattr(planned, name)!s}"
        for name in ("dtype", "quantity", "background", "channels")
        if getattr(found, name) != getattr(planned, name)
    ]
    if not found.grid.same_as(planned.grid):
        differ.insert(0, f"{found.grid!r} instead of {planned.grid!r}")
    if differ:
        raise PipelineError(
            f"the image differs from the step's plan: {', '.join(differ)}; "
            "plan and apply of the step must agree"
        )


def _check_grids(labels: Mapping[str, Volume], stack: Stack) -> None:
    """Raise GeometryError unless every label is on the natural grid of the stack."""
    for name, label in labels.items():
        if not label.grid.same_as(stack.grid):
            raise GeometryError(
                f"label '{name}' is on {label.grid!r}, the image on {stack.grid!r}; "
                f"resample it with hu.regrid(label, stack.grid)"
            )


def label_changes(before: Volume, after: Volume) -> list[dict[str, float]]:
    """Return the volume of each label value in ml, before and after the run."""
    volumes = []
    for volume in (before, after):
        values, counts = values_and_counts(volume.array)
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
    """Return the error with the number and name of the step that raised it."""
    if any(diagnostic.where for diagnostic in error.diagnostics):
        return error
    text = str(error)
    name = type(step).__name__
    return type(error)(f"step {number} ({name}): {text.removeprefix(f'{name}: ')}")


NAME = "interpolated"
"""The name of the mask of interpolated slices."""


def interpolated_masks(stack: Stack) -> dict[str, Volume]:
    """Return the mask 'interpolated' on the natural grid; empty if all slices were acquired.

    A slice of the grid is marked if the nearest slice of the stack was interpolated.
    """
    flags = stack.source.interpolated
    if not any(flags):
        return {}
    grid = stack.grid
    array = np.zeros(grid.shape, dtype=np.uint8, order="F")
    array[:, :, np.array(flags)] = 1
    return {NAME: Volume.from_array(array, affine=grid.affine, quantity="mask")}
