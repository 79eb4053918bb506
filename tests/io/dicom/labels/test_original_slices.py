"""Labels on the slices of a tilted, uneven stack, however the label's axes run, and in time."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

import hounsfield as hu
from hounsfield.core.stack import Stack
from hounsfield.io.dicom.seg.original_slices import on_slices
from hounsfield.resampling.labels import sample_label
from hounsfield.resampling.tilted_stack import straighten


def tilted() -> Stack:
    """Slices of 12 x 14 pixels of 1.5 mm, of which the fourth is missing, under a gantry tilt."""
    ct = hu.Volume.from_array(
        np.zeros((12, 14, 6), np.int16), affine=np.diag([-1.5, -1.5, 2.0, 1.0])
    )
    stack = Stack.from_volume(ct)
    places = np.array([0, 1, 2, 4, 5, 6])[:, None]
    return stack.replaced(
        exact_grid=None, origins_ras_mm=stack.origins_ras_mm[0] + places * [0, -0.7, 2.0]
    )


@pytest.mark.parametrize("orientation", ["SPL", "PSR", "RAI"])
def test_a_label_comes_onto_slices_in_the_same_way_along_any_axis(orientation: str) -> None:
    stack = tilted()
    values = np.random.default_rng(0).integers(0, 3, (9, 11, 30)).astype(np.uint8)
    affine = np.diag([-2.1, -2.1, 0.5, 1.0])
    affine[:3, 3] = stack.grid.world((0, 0, 0))
    label = hu.Volume.from_array(values, affine=affine, quantity="label")
    turned = hu.regrid(label, label.grid.reoriented(orientation))
    assert np.array_equal(on_slices(turned, stack), on_slices(label, stack))


def test_a_label_on_tilted_slices_has_the_largest_share_of_each_voxel() -> None:
    stack = tilted()
    sampling = straighten(stack)
    values = np.random.default_rng(1).integers(0, 4, stack.shape).astype(np.uint8)
    label = hu.Volume.from_array(values, affine=stack.grid.affine, quantity="label")
    made = sample_label(label, stack.grid, sampling, method="partial_volume").array
    nodes = stack.nodes
    for i, j, k in np.ndindex(stack.grid.shape):
        shares = dict.fromkeys(range(4), 0.0)
        after = int(np.clip(np.searchsorted(nodes[:, 2], k), 1, stack.shape[2] - 1))
        part = np.clip((k - nodes[after - 1, 2]) / np.diff(nodes[:, 2])[after - 1], 0, 1)
        for s, weight in ((after - 1, 1 - part), (after, part)):
            y = j - nodes[s, 1]
            if not -0.5 <= y <= stack.shape[1] - 0.5:
                shares[0] += weight
                continue
            y = float(np.clip(y, 0, stack.shape[1] - 1))
            low = min(int(y), stack.shape[1] - 2)
            shares[int(values[i, low, s])] += weight * (low + 1 - y)
            shares[int(values[i, low + 1, s])] += weight * (y - low)
        assert shares[int(made[i, j, k])] >= max(shares.values()) - 1e-5


@pytest.mark.slow
def test_five_labels_come_onto_the_tilted_head_and_back_in_seconds(
    real_data: Path, tmp_path: Path
) -> None:
    stack = hu.open(real_data / "head_ge_tilt_varspacing/dicom")
    index = np.indices(stack.grid.shape, sparse=True)
    values = np.zeros(stack.grid.shape, np.uint8, order="F")
    for n in range(1, 6):
        middle = [size * (0.2 + 0.1 * n) for size in stack.grid.shape]
        radius = [size * 0.15 for size in stack.grid.shape]
        apart = sum(((x - m) / r) ** 2 for x, m, r in zip(index, middle, radius, strict=True))
        values[apart < 1] = n
    label = hu.Volume.from_array(values, affine=stack.grid.affine, quantity="label")
    started = time.process_time()
    hu.write_seg(label, tmp_path / "seg.dcm", source=stack)
    written = time.process_time()
    masks = hu.read_labels(tmp_path / "seg.dcm", image=stack)
    assert time.process_time() - written < 3
    assert written - started < 6  # highdicom is imported in it
    for n, mask in enumerate(masks.values(), 1):
        both = np.count_nonzero((mask.array > 0) & (values == n))
        assert 2 * both / (np.count_nonzero(mask.array) + np.count_nonzero(values == n)) > 0.9
