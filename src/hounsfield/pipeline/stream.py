"""A pipeline that is one pass, slab by slab from a source to wherever the slabs go: nothing is held whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from hounsfield.core.spec import Spec
from hounsfield.core.stack import Stack
from hounsfield.core.volume import Array, Volume
from hounsfield.pipeline.fold import Fold
from hounsfield.pipeline.pipeline import Pipeline
from hounsfield.pipeline.plan import plan
from hounsfield.pipeline.record import Record
from hounsfield.pipeline.run import record_of
from hounsfield.steps.base import Step, needs_voxels
from hounsfield.steps.one_pass import SLAB_BYTES, OnePass
from hounsfield.steps.pointwise import cast


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stream:
    """What will come out, the record of it, and the slabs themselves (i, j, some of k), in order."""

    spec: Spec
    record: Record
    one_pass: OnePass

    def slabs(self) -> Iterator[Array]:
        """Read the source once and give the output slab by slab."""
        for start, slab in self.one_pass.slabs():
            i, j, _ = self.spec.grid.shape
            made = self.one_pass.dtype
            grid = self.spec.grid.boxed((0, 0, start), (i, j, slab.shape[2]))
            part = Volume(np.asfortranarray(slab), self.spec.replaced(grid=grid, dtype=made))
            yield cast(part, self.spec.dtype).array


def stream(pipeline: Pipeline, stack: Stack, *, dtype: np.dtype[Any] | None = None, slab_bytes: int = SLAB_BYTES
           ) -> Stream | None:
    """The pipeline on `stack` as a stream, or None where it takes more than one pass, looks at voxels, or makes the
    source's slices lie along another axis than k. Raises PipelineError where the steps cannot be run on it."""
    if any(needs_voxels(step) for step in pipeline.steps) or any(stack.invented):
        return None
    plan(pipeline, stack)
    fold: Fold | None = Fold.of_stack(stack)
    for step in pipeline.steps:
        fold = fold.joined(step) if fold is not None and isinstance(step, Step) else None
    if fold is None or fold.sampling.order[2] != 2 or fold.spec.channels:
        return None
    spec = fold.spec if dtype is None else fold.spec.replaced(dtype=dtype)
    return Stream(spec=spec, record=record_of(pipeline, stack, spec, steps=pipeline.steps),
                  one_pass=fold.one_pass(stack, slab_bytes=slab_bytes))
