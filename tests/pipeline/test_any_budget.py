"""A memory limit never changes a byte: random pipelines, streamed within random budgets."""

from __future__ import annotations

import numpy as np
import pytest

import hounsfield as hu
from hounsfield.core.errors import HounsfieldError
from hounsfield.core.stack import Stack
from hounsfield.pipeline.stream import stream
from hounsfield.steps.base import Step
from hounsfield.testing import ORIENTATIONS

METHODS = ("auto", "nearest", "linear", "area", "conservative", "cubic")


def random_stack(rng: np.random.Generator) -> Stack:
    """Slices of noise with padding: tilted or not, even or not, in any orientation."""
    shape = tuple(int(size) for size in rng.integers(2, 13, 3))
    values = np.asfortranarray(rng.integers(-1000, 2000, shape).astype(np.int16))
    values[rng.random(shape) < 0.1] = -2000
    count = shape[2]
    gaps = rng.uniform(1, 3, count) if rng.random() < 0.4 else np.full(count, 2.0)
    tilt_mm = rng.choice([0.0, 0.31, 1.7])
    slices = np.stack([np.zeros(count), np.arange(count) * tilt_mm, np.cumsum(gaps)], axis=1)
    order, signs = rng.permutation(3), rng.choice([-1.0, 1.0], 3)
    turn = np.zeros((3, 3))
    turn[order, range(3)] = signs
    same = rng.random() < 0.5
    return Stack(
        shape=shape,
        origins_ras_mm=slices @ turn.T,
        step_i_ras_mm=turn @ [-0.8, 0, 0],
        step_j_ras_mm=turn @ [0, -1.1, 0],
        stored_dtype=np.dtype(np.int16),
        slopes=np.ones(count) if same else rng.uniform(0.5, 1.5, count),
        intercepts=np.full(count, -24.0) if same else rng.uniform(-5, 5, count),
        decode=lambda start, stop: values[:, :, start:stop],
        padding=(-2000, -2000) if rng.random() < 0.5 else None,
    )


def random_step(rng: np.random.Generator) -> Step:
    """A step that moves or resamples."""
    kind = rng.integers(5)
    if kind == 0:
        return hu.Reorient(str(rng.choice(ORIENTATIONS)))
    if kind == 1:
        start, shape = rng.integers(-6, 5, 3), rng.integers(1, 20, 3)
        return hu.Box(start=start.tolist(), shape=shape.tolist())
    if kind == 2:
        return hu.CropOrPad(shape=[None if rng.random() < 0.3 else int(rng.integers(2, 24))] * 3)
    method = str(rng.choice(METHODS))
    return hu.Resample(spacing_mm=rng.uniform(0.6, 5.0, 3).tolist(), method=method)


def random_pipeline(rng: np.random.Generator) -> hu.Pipeline:
    """Steps in any order, with a mapping and a slab in some."""
    steps = [random_step(rng) for _ in range(rng.integers(1, 5))]
    if rng.random() < 0.3:
        values = [hu.Clip(low_hu=-500, high_hu=900), hu.Window(center_hu=100, width_hu=1500)]
        steps.insert(int(rng.integers(len(steps) + 1)), values[rng.integers(2)])
    if rng.random() < 0.4:
        steps.append(
            hu.Slab(
                statistic=str(rng.choice(["max", "min", "mean"])),
                slices=int(rng.integers(1, 7)),
                plane=str(rng.choice(["axial", "coronal", "sagittal"])),
                stride=int(rng.integers(1, 4)),
            )
        )
    return hu.Pipeline(steps)


def compared(seed: int) -> bool:
    """Compare one pipeline in memory with its stream; False if it cannot run or be streamed."""
    rng = np.random.default_rng(seed)
    source, budget = random_stack(rng), int(rng.choice([1, 200, 700, 3000]))
    try:
        pipeline = random_pipeline(rng)
        streamed = stream(pipeline, source, slab_bytes=budget)
    except HounsfieldError:
        return False
    if streamed is None:
        return False
    labels = {"part": random_label(rng, source)}
    whole = pipeline.run(source, labels=labels).volume
    joined = np.concatenate(list(streamed.slabs()), axis=2)
    assert streamed.spec == whole.spec, (seed, pipeline)
    assert joined.tobytes(order="F") == whole.array.tobytes(order="F"), (seed, pipeline)
    return True


def random_label(rng: np.random.Generator, source: Stack) -> hu.Volume:
    """A label of three values on the grid of the source."""
    values = rng.integers(0, 3, source.grid.shape).astype(np.uint8)
    return hu.Volume.from_array(values, affine=source.grid.affine, quantity="label")


def test_a_budget_never_changes_a_byte() -> None:
    assert sum(compared(seed) for seed in range(140)) >= 60


@pytest.mark.slow
@pytest.mark.long
def test_a_budget_never_changes_a_byte_of_a_thousand_pipelines() -> None:
    assert sum(compared(seed) for seed in range(1000, 3400)) >= 1000


@pytest.mark.parametrize("method", ["conservative", "cubic"])
def test_a_pad_before_a_sharp_kernel_reads_the_slices_next_to_it(method: str) -> None:
    """Behind a pad, weights of real slices can sum to less than 0 and still count."""
    values = np.random.default_rng(0).integers(-1000, 2000, (6, 5, 30)).astype(np.int16)
    source = Stack.from_volume(hu.Volume.from_array(values, affine=np.diag([1, 1, 2, 1])))
    kept = source.replaced(decode=lambda start, stop: values[:, :, start:stop], in_memory=False)
    pipeline = hu.Pipeline(
        [
            hu.Box(start=(0, 0, -5), shape=(6, 5, 40)),
            hu.Resample(spacing_mm=(1, 1, 0.7), method=method),
        ]
    )
    streamed = stream(pipeline, kept, slab_bytes=1)
    assert streamed is not None
    joined = np.concatenate(list(streamed.slabs()), axis=2)
    assert np.array_equal(joined, pipeline.run(kept).volume.array)
