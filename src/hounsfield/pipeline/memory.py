"""Estimate the memory of a pass: what it reads, writes and holds, and its working arrays.

The constants are measured by tests/pipeline/test_peak_memory.py, which compares the estimate with
the peak of a process for every step.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from hounsfield.core.grid import Grid
from hounsfield.core.spec import Spec
from hounsfield.core.stack import Stack
from hounsfield.core.volume import Volume
from hounsfield.kernels.sample import OUTPUT_DTYPES, SOURCE_DTYPES
from hounsfield.pipeline.fuse import FusedPass
from hounsfield.resampling.oblique import averaging
from hounsfield.resampling.one_pass import SLAB_BYTES
from hounsfield.resampling.sampling import Sampling
from hounsfield.steps.base import AnyStep, masks_of
from hounsfield.steps.geometric import GeometricStep

SLABS_DECODED = 2
"""Slabs of a source in memory while a pass decodes it: one that is sampled and the next."""

LABEL_BYTES = 1
"""Working bytes per output voxel of a label that is sampled: it is made in the order of the axes of
the source, and then transposed."""

FLOAT32_BYTES = 4

WORKING_BYTES = {
    "Windows": 4,
    "FillOutside": 1,
    "HeadMask": 1,
    "BodyMask": 1,
    "BrainMask": 2,
    "LungMask": 3,
}
"""Working bytes per voxel of steps that run alone: a window, the inverted mask, a mask's bits."""


def volume_bytes(spec: Spec) -> int:
    """Return the bytes of an image."""
    return math.prod(spec.shape) * spec.dtype.itemsize


def source_bytes(source: Spec | Stack | Volume) -> int:
    """Return the bytes of a source while the first pass reads it."""
    spec = source if isinstance(source, Spec) else source.spec
    if not isinstance(source, Stack):
        return volume_bytes(spec)
    whole = math.prod(source.shape) * source.stored_dtype.itemsize
    return whole if source.in_memory else min(whole, SLABS_DECODED * SLAB_BYTES)


def pass_working_bytes(fused: FusedPass) -> int:
    """Return the bytes of working arrays of a pass in the kernel."""
    if not fused.changes_values or fused.picks_values:
        return 0
    voxels = math.prod(fused.spec.shape)
    converted = 0 if fused.source.dtype in SOURCE_DTYPES else FLOAT32_BYTES
    made = fused.spec.dtype in OUTPUT_DTYPES
    needed = converted * math.prod(fused.source.shape) + (0 if made else FLOAT32_BYTES * voxels)
    if fused.sampling.order != (0, 1, 2):  # computed in the order of the source, then transposed
        needed += voxels * (fused.spec.dtype.itemsize if made else FLOAT32_BYTES)
    return needed


def step_working_bytes(step: AnyStep, before: Spec, after: Spec) -> int:
    """Return the bytes of working arrays of a step that runs alone."""
    voxels = math.prod(before.grid.shape)
    if isinstance(step, GeometricStep):
        return _sampling_bytes(step, before, after.grid)
    return WORKING_BYTES.get(type(step).__name__, 0) * voxels


def label_working_bytes(step: AnyStep | None, fused: FusedPass | None, grid: Grid) -> int:
    """Return the bytes of working arrays for a label on the output grid of a pass."""
    is_sampled = isinstance(step, GeometricStep)
    if fused is not None:
        is_sampled = not fused.label_sampling.is_copy
    return LABEL_BYTES * math.prod(grid.shape) if is_sampled else 0


def masks_added(steps: Sequence[AnyStep]) -> int:
    """Return how many masks the steps add to a case."""
    return sum(len(masks_of(step)) for step in steps)


def _sampling_bytes(step: GeometricStep, before: Spec, grid: Grid) -> int:
    """Return the bytes of what is averaged before a gather, or of one channel that is sampled."""
    if Sampling.between(before.grid, grid, method=step.interpolation) is None:
        means = averaging(before.grid, grid, method=step.interpolation)
        mean_bytes = 0 if means is None else FLOAT32_BYTES * math.prod(means.grid.shape)
        return mean_bytes + (FLOAT32_BYTES * math.prod(grid.shape) if before.channels else 0)
    return FLOAT32_BYTES * math.prod(grid.shape) if before.channels else 0
