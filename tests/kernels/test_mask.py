"""The bit kernels against scipy.ndimage, which shares no code with them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from hounsfield.kernels.mask import (
    Bits,
    bounding_box,
    components,
    dilate,
    erode,
    extended,
    filled,
    grown,
    largest,
    occupied,
    opened,
    rays,
    refined,
    stepped,
    unextended,
)

FACES = ndimage.generate_binary_structure(3, 1)

shapes = st.tuples(st.integers(1, 140), st.integers(1, 9), st.integers(1, 9))
spacings = st.tuples(*[st.sampled_from([0.4, 0.7, 1.0, 1.5, 5.0])] * 3)


@st.composite
def masks(draw: st.DrawFn) -> NDArray[np.bool_]:
    """Masks of any shape, sparse to dense, rows beyond one word included."""
    density = draw(st.sampled_from([0.0, 0.02, 0.3, 0.6, 0.95, 1.0]))
    chance = np.random.default_rng(draw(st.integers(0, 2**31)))
    return np.asfortranarray(chance.random(draw(shapes)) < density)


def same(bits: Bits, expected: NDArray[np.bool_]) -> None:
    np.testing.assert_array_equal(bits.expand().astype(bool), expected)


def distance(mask: NDArray[np.bool_], spacing: tuple[float, float, float]) -> NDArray[np.float64]:
    """To the nearest voxel of the mask, mm; infinite where there is none."""
    if not mask.any():
        return np.full(mask.shape, np.inf)
    return np.asarray(ndimage.distance_transform_edt(~mask, sampling=spacing))


@given(masks())
def test_packing_loses_no_voxel(mask: NDArray[np.bool_]) -> None:
    packed = Bits.pack(mask)
    same(packed, mask)
    same(~packed, ~mask)
    assert packed.count == mask.sum()
    assert (~(~packed)).words.tobytes() == packed.words.tobytes()


@given(masks(), spacings, st.sampled_from([0.3, 1.0, 2.25, 4.1]))
def test_dilation_reaches_exactly_the_radius(
    mask: NDArray[np.bool_], spacing: tuple[float, float, float], radius: float
) -> None:
    same(
        dilate(Bits.pack(mask), radius, spacing_mm=spacing),
        distance(mask, spacing) <= radius + 1e-7,
    )


@given(masks(), spacings, st.sampled_from([0.3, 1.0, 2.25, 4.1]))
def test_erosion_leaves_what_lies_deeper_than_the_radius(
    mask: NDArray[np.bool_], spacing: tuple[float, float, float], radius: float
) -> None:
    same(
        erode(Bits.pack(mask), radius, spacing_mm=spacing), distance(~mask, spacing) > radius + 1e-7
    )


@given(masks(), spacings)
def test_opening_never_adds_a_voxel(
    mask: NDArray[np.bool_], spacing: tuple[float, float, float]
) -> None:
    packed = Bits.pack(mask)
    assert (opened(packed, 1.6, spacing_mm=spacing) - packed).is_empty


@given(masks())
def test_neighbours_are_those_of_scipy(mask: NDArray[np.bool_]) -> None:
    same(grown(Bits.pack(mask)), ndimage.binary_dilation(mask, np.ones((3, 3, 3))))
    same(stepped(Bits.pack(mask)), ndimage.binary_dilation(mask, FACES))


@given(masks())
def test_components_are_those_of_scipy(mask: NDArray[np.bool_]) -> None:
    found = components(Bits.pack(mask))
    labels, count = ndimage.label(mask, FACES)
    assert len(found.sizes) == count
    assert sorted(found.sizes.tolist()) == sorted(np.bincount(labels.ravel())[1:].tolist())
    seen = set()
    for n in range(count):
        part = found.keep(np.arange(count) == n).expand().astype(bool)
        label = set(np.unique(labels[part]).tolist())
        assert len(label) == 1
        seen |= label
        assert part.sum() == found.sizes[n]
        where = np.argwhere(part)
        assert (
            found.boxes[n].tolist()
            == np.stack([where.min(axis=0), where.max(axis=0)], axis=1).ravel().tolist()
        )
    assert len(seen) == count


@given(masks(), st.integers(0, 2**31))
def test_parts_that_meet_a_mask_are_found(mask: NDArray[np.bool_], seed: int) -> None:
    other = np.random.default_rng(seed).random(mask.shape) < 0.05
    found = components(Bits.pack(mask))
    expected = [
        bool((found.keep(np.arange(len(found.sizes)) == n).expand().astype(bool) & other).any())
        for n in range(len(found.sizes))
    ]
    assert found.meeting(Bits.pack(other)).tolist() == expected


@given(masks())
def test_the_largest_part_is_scipys(mask: NDArray[np.bool_]) -> None:
    labels, count = ndimage.label(mask, FACES)
    kept = largest(Bits.pack(mask)).expand().astype(bool)
    assert kept.sum() == (np.bincount(labels.ravel())[1:].max() if count else 0)


def filled_by_scipy(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Holes in 3D, where each border plane is closed with what it encloses in itself."""
    capped = np.pad(mask, 1)
    for axis in range(3):
        for side in (0, -1):
            plane: list[slice | int] = [slice(1, -1)] * 3
            face = [slice(None)] * 3
            plane[axis], face[axis] = side, slice(side, side + 1 or None)
            capped[tuple(plane)] = ndimage.binary_fill_holes(mask[tuple(face)].squeeze(axis))
    return np.asarray(ndimage.binary_fill_holes(capped, FACES)[1:-1, 1:-1, 1:-1])


@given(masks())
def test_holes_are_filled_as_scipy_fills_a_capped_volume(mask: NDArray[np.bool_]) -> None:
    same(filled(Bits.pack(mask)), filled_by_scipy(mask))


@given(masks(), st.tuples(st.integers(0, 3), st.integers(0, 3)))
def test_extending_repeats_the_border_planes(
    mask: NDArray[np.bool_], margin: tuple[int, int]
) -> None:
    wide = extended(Bits.pack(mask), margin)
    beyond = wide.shape[0] - 64 - mask.shape[0]
    same(wide, np.pad(mask, ((64, beyond), (margin[0],) * 2, (margin[1],) * 2), mode="edge"))
    same(unextended(wide, margin), mask)


@given(masks())
def test_the_box_holds_first_and_last_voxel(mask: NDArray[np.bool_]) -> None:
    box = bounding_box(mask.astype(np.uint8))
    if not mask.any():
        assert box is None
        return
    where = np.argwhere(mask)
    assert box == (tuple(where.min(axis=0)), tuple(np.ptp(where, axis=0) + 1))


@pytest.mark.parametrize(
    "dtype", ["int8", "uint8", "int16", "uint16", "int32", "float32", "float64"]
)
@pytest.mark.parametrize(
    "bounds", [(-np.inf, 40), (3, np.inf), (2.5, 60.5), (-1e9, 1e9), (90000, 1e6)]
)
def test_occupancy_counts_each_voxel_of_a_cell(dtype: str, bounds: tuple[float, float]) -> None:
    values = np.asfortranarray(np.random.default_rng(3).integers(0, 100, (70, 11, 7)).astype(dtype))
    block = (3, 2, 2)
    inside = (values >= bounds[0]) & (values <= bounds[1])
    expected = np.zeros((24, 6, 4), bool)
    for cell in np.ndindex(expected.shape):
        expected[cell] = (
            inside[tuple(slice(c * b, c * b + b) for c, b in zip(cell, block, strict=True))].mean()
            >= 0.5
        )
    same(occupied(values, block=block, bounds=bounds), expected)


def test_refining_judges_each_voxel_of_the_band() -> None:
    chance = np.random.default_rng(5)
    values = np.asfortranarray(chance.integers(-1000, 1000, (131, 10, 8)).astype(np.int16))
    inner, band = chance.random((44, 5, 4)) < 0.5, chance.random((44, 5, 4)) < 0.5

    def fine(cells: NDArray[np.bool_]) -> NDArray[np.bool_]:
        return cells.repeat(3, axis=0).repeat(2, axis=1).repeat(2, axis=2)[:131]

    for limits in ((-np.inf, np.inf), (-np.inf, 300.0)):
        allowed = (values >= limits[0]) & (values <= limits[1])
        expected = (fine(inner) & allowed) | (fine(band & ~inner) & (values >= -400))
        same(
            refined(
                values,
                block=(3, 2, 2),
                inner=Bits.pack(inner),
                band=Bits.pack(band & ~inner),
                inner_bounds=limits,
                band_bounds=(-400, np.inf),
            ),
            expected,
        )


@given(masks(), masks(), st.tuples(*[st.integers(-3, 3)] * 3).filter(any))
def test_rays_stop_at_the_first_wall_or_outside(
    one: NDArray[np.bool_], other: NDArray[np.bool_], step: tuple[int, int, int]
) -> None:
    shape = tuple(np.minimum(one.shape, other.shape))
    wall, outside = (
        np.asfortranarray(mask[: shape[0], : shape[1], : shape[2]]) for mask in (one, other)
    )
    hits, misses = rays(Bits.pack(wall), Bits.pack(outside), steps=np.array([step], np.int32))
    for start in list(np.ndindex(shape))[::17]:
        at, hit, miss = np.array(start) + step, 0, 0
        while np.all(at >= 0) and np.all(at < shape) and not (hit or miss):
            hit, miss = int(wall[tuple(at)]), int(outside[tuple(at)] and not wall[tuple(at)])
            at = at + step
        assert (hits[start], misses[start]) == (hit, miss)
