"""Run a pipeline of one pass slab by slab, without the whole volume in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from mmap import mmap
from tempfile import TemporaryFile
from typing import Any

import numpy as np

from hounsfield.core.cast import cast
from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.platform import release_pages
from hounsfield.core.spec import Spec
from hounsfield.core.stack import Stack
from hounsfield.core.volume import Array, Volume
from hounsfield.pipeline.fuse import FusedPass
from hounsfield.pipeline.interpolation import pass_interpolation
from hounsfield.pipeline.pipeline import Pipeline
from hounsfield.pipeline.plan import plan
from hounsfield.pipeline.record import Record
from hounsfield.pipeline.run import record_of
from hounsfield.pipeline.serialize import to_data
from hounsfield.resampling.one_pass import SLAB_BYTES, OnePass
from hounsfield.steps.base import Step, completed, needs_voxels


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stream:
    """The Spec of the output, its slabs (i, j, some of k) in order, and the record of the run."""

    spec: Spec
    steps: tuple[Step, ...]
    pipeline: Mapping[str, Any]
    one_pass: OnePass
    interpolation: tuple[Mapping[str, Any], ...] = ()

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """The diagnostics of the source; reads all of it if no slab was read before."""
        return self.one_pass.stack.finished()

    @property
    def record(self) -> Record:
        """The record of the run, complete after the last slab."""
        return record_of(
            self.pipeline,
            self.one_pass.stack,
            self.spec,
            steps=self.steps,
            diagnostics=self.diagnostics,
        ).replaced(interpolation=self.interpolation)

    def slabs(self) -> Iterator[Array]:
        """Read the source once and yield the output slab by slab along k.

        If the slices of the source are along another axis of the output, a temporary file is used.
        """
        parts = self.one_pass.slabs() if self.one_pass.along == 2 else self._transposed()
        for start, slab in parts:
            i, j, _ = self.spec.grid.shape
            made = self.one_pass.dtype
            grid = self.spec.grid.boxed((0, 0, start), (i, j, slab.shape[2]))
            part = Volume(np.asfortranarray(slab), self.spec.replaced(grid=grid, dtype=made))
            yield cast(part, self.spec.dtype).array

    def _transposed(self) -> Iterator[tuple[int, Array]]:
        once = self.one_pass
        per_slice = self.spec.grid.shape[0] * self.spec.grid.shape[1] * once.dtype.itemsize
        step = max(1, once.slab_bytes // per_slice)
        with TemporaryFile() as file:
            file.truncate(per_slice * once.shape[2])
            with mmap(file.fileno(), 0) as pages:
                whole = np.ndarray(once.shape, dtype=once.dtype, buffer=pages, order="F")
                for start, slab in once.slabs():
                    stop = start + slab.shape[once.along]
                    whole[(slice(None),) * once.along + (slice(start, stop),)] = slab
                    release_pages(pages)  # written pages need not count as resident memory
                for start in range(0, once.shape[2], step):
                    yield start, whole[:, :, start : start + step].copy(order="F")
                    release_pages(pages)
                del whole


def stream(
    pipeline: Pipeline,
    stack: Stack,
    *,
    dtype: np.dtype[Any] | None = None,
    slab_bytes: int = SLAB_BYTES,
    is_planned: bool = False,
) -> Stream | None:
    """Return the pipeline on `stack` as a stream; None if it cannot be streamed.

    That is if it needs more than one pass, if a step depends on voxels, or if values may exceed
    the planned dtype. Raises PipelineError if the steps cannot run on the stack, which the caller
    knows already if it `is_planned`.
    """
    if any(needs_voxels(step) for step in pipeline.steps) or any(stack.interpolated):
        return None
    if not is_planned:
        plan(pipeline.steps, stack)
    current: FusedPass | None = FusedPass.of_stack(stack)
    steps = []
    for step in pipeline.steps:
        if current is None or not isinstance(step, Step):
            return None
        steps.append(completed(step, current.spec))
        current = current.fused(steps[-1])
    # The header is written before the values are known, so the dtype must be certain.
    if (
        current is None
        or current.spec.channels
        or current.may_leave_int16(stack)
        or current.needs_whole
    ):
        return None
    cast_to = pipeline.dtype if dtype is None else dtype
    return Stream(
        spec=current.spec if cast_to is None else current.spec.replaced(dtype=cast_to),
        steps=tuple(steps),
        pipeline=to_data(pipeline.steps, name=pipeline.name, dtype=cast_to),
        one_pass=current.one_pass(stack, slab_bytes=slab_bytes),
        interpolation=pass_interpolation(current, has_labels=False),
    )
