"""The cut of a mask against scipy's maximum flow, and against shapes whose cut is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra, maximum_flow

from hounsfield.kernels.mask import Bits
from hounsfield.kernels.reach import cut_far, spread

Mask = NDArray[np.bool_]
FAR = 1 << 28


@st.composite
def scenes(draw: st.DrawFn) -> tuple[Mask, Mask, tuple[float, float, float], float]:
    """A part and a source without a common voxel, a spacing and a reach."""
    shape = draw(st.tuples(st.integers(1, 70), st.integers(1, 6), st.integers(1, 6)))
    chance = np.random.default_rng(draw(st.integers(0, 2**31)))
    kinds = chance.random(shape)
    dense = draw(st.sampled_from([0.5, 0.8]))
    spacing = tuple(draw(st.sampled_from([1.0, 1.5, 5.0])) for _ in range(3))
    assert len(spacing) == 3
    return (
        np.asfortranarray(kinds < dense),
        np.asfortranarray(kinds > 0.93),
        spacing,
        draw(st.sampled_from([2.0, 4.1, 9.0])),
    )


def faces(mask: Mask) -> list[tuple[NDArray[np.intp], NDArray[np.intp], int]]:
    """Pairs of voxels (flat) that share a face across an axis."""
    number = np.arange(mask.size).reshape(mask.shape)
    found = []
    for axis in range(3):
        low = [slice(None)] * 3
        high = [slice(None)] * 3
        low[axis], high[axis] = slice(None, -1), slice(1, None)
        found.append((number[tuple(low)].ravel(), number[tuple(high)].ravel(), axis))
    return found


def far_voxels(part: Mask, source: Mask, spacing: tuple[float, ...], reach: float) -> Mask:
    """Voxels of the part that no path over 26 neighbours reaches, by Dijkstra of scipy."""
    set_voxels = np.argwhere(part)
    rows, columns, lengths = [], [], []
    index = -np.ones(part.shape, int)
    index[part] = np.arange(len(set_voxels))
    starts = np.full(len(set_voxels), np.inf)
    for n, at in enumerate(set_voxels):
        for by in np.ndindex(3, 3, 3):
            to = at + np.array(by) - 1
            if (to < 0).any() or (to >= part.shape).any() or tuple(by) == (1, 1, 1):
                continue
            step = float(np.linalg.norm((np.array(by) - 1) * spacing))
            step = round(step * 20) / 20
            if index[tuple(to)] >= 0:
                rows.append(n), columns.append(index[tuple(to)]), lengths.append(step)
            if source[tuple(to)] and np.abs(np.array(by) - 1).sum() == 1:
                starts[n] = min(starts[n], min(step, reach))
    count = len(set_voxels)
    touching = np.flatnonzero(np.isfinite(starts))
    rows += [count] * len(touching)
    columns += touching.tolist()
    lengths += starts[touching].tolist()
    graph = coo_array((lengths, (rows, columns)), shape=(count + 1, count + 1)).tocsr()
    away = dijkstra(graph, indices=count)[:count]
    far = np.zeros(part.shape, bool)
    far[part] = away > reach + 1e-9
    return far


@given(scenes())
def test_the_cut_is_as_small_as_scipys(
    scene: tuple[Mask, Mask, tuple[float, float, float], float],
) -> None:
    part, source, spacing, reach = scene
    near = cut_far(Bits.pack(part), Bits.pack(source), reach_mm=reach, spacing_mm=spacing)
    kept = near.expand().astype(bool)
    far = far_voxels(part, source, spacing, reach)
    assert not (kept & ~part).any()
    assert not (kept & far).any()
    i, j, k = spacing
    area = [round(each * 16) for each in (j * k, i * k, i * j)]
    size, top, bottom = part.size, part.size, part.size + 1
    edges: dict[tuple[int, int], int] = {}
    opened = 0
    inside, outer, kept_flat = part.ravel(), source.ravel(), kept.ravel()
    for low, high, axis in faces(part):
        for one, other in ((low, high), (high, low)):
            for a, b in zip(one.tolist(), other.tolist(), strict=True):
                if inside[a] and inside[b]:
                    edges[a, b] = edges.get((a, b), 0) + area[axis]
                    opened += area[axis] * int(kept_flat[a] and not kept_flat[b])
                elif outer[a] and inside[b]:
                    edges[top, b] = edges.get((top, b), 0) + area[axis]
                    opened += area[axis] * int(not kept_flat[b])
    for n in np.flatnonzero(far.ravel()).tolist():
        edges[n, bottom] = FAR
    if not edges:
        return
    ends = np.array(list(edges))
    graph = coo_array(
        (np.array(list(edges.values()), np.int32), (ends[:, 0], ends[:, 1])),
        shape=(size + 2, size + 2),
    ).tocsr()
    assert opened == maximum_flow(graph, top, bottom).flow_value


def test_a_plate_is_cut_at_its_contact_and_a_short_rod_is_kept() -> None:
    part, source = np.zeros((60, 40, 20), bool), np.zeros((60, 40, 20), bool)
    source[:, :, :5] = True
    part[28:31, 18:21, 5:9] = True
    part[:, :, 9] = True
    part[5:9, 5:9, 5:8] = True
    near = cut_far(Bits.pack(part), Bits.pack(source), reach_mm=12.0, spacing_mm=(1, 1, 1))
    kept = near.expand().astype(bool)
    assert kept[5:9, 5:9, 5:8].all()
    assert not kept[:, :, 9].any()


def test_what_touches_no_source_is_removed() -> None:
    part = np.zeros((9, 9, 9), bool)
    part[4] = True
    near = cut_far(Bits.pack(part), Bits.zeros((9, 9, 9)), reach_mm=5.0, spacing_mm=(1, 1, 1))
    assert near.is_empty


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (1.0, 1.0, 4.0)])
def test_a_path_stays_within_its_mask(spacing: tuple[float, float, float]) -> None:
    within = np.zeros((70, 9, 9), bool)
    within[:, 4, 4] = within[69, :, 4] = True
    start = np.zeros((70, 9, 9), bool)
    start[0, 4, 4] = True
    reached = spread(Bits.pack(start), Bits.pack(within), 30.0, spacing_mm=spacing).expand()
    assert reached[:31, 4, 4].all()
    assert reached.sum() == 31
