"""The kernels of lungs against scipy, which shares no code with them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from hounsfield.kernels.airway import Frame, bullae, trachea
from hounsfield.kernels.lung_closing import closed, closed_over, holes_filled, smoothed
from hounsfield.kernels.lung_sides import Midline, split_sides
from hounsfield.kernels.mask import Bits, Spacing, components
from hounsfield.kernels.reach import spread_apart

Mask = NDArray[np.bool_]

ISOTROPIC = (1.0, 1.0, 1.0)
SPACINGS = st.sampled_from([ISOTROPIC, (1.0, 1.5, 2.0), (2.0, 0.8, 5.0)])


def blobs(seed: int, share: float = 0.5, shape: tuple[int, int, int] = (26, 22, 14)) -> Mask:
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=shape), 1.5)
    return np.asarray(noise > np.quantile(noise, 1 - share))


def ball(radius_mm: float, spacing_mm: Spacing) -> Mask:
    reach = [int(radius_mm / mm + 1e-9) for mm in spacing_mm]
    axes = np.ogrid[tuple(slice(-n, n + 1) for n in reach)]
    squares = [(axis * mm) ** 2 for axis, mm in zip(axes, spacing_mm, strict=True)]
    return np.asarray(squares[0] + squares[1] + squares[2] <= radius_mm**2 * (1 + 1e-9))


def set_voxels(bits: Bits) -> Mask:
    return bits.expand() > 0


@given(seed=st.integers(0, 99), spacing=SPACINGS, radius=st.sampled_from([1.0, 2.0, 3.6]))
def test_a_closing_is_that_of_scipy_with_border_planes_repeated(
    seed: int, spacing: Spacing, radius: float
) -> None:
    array = blobs(seed, 0.3)
    margin = [int(radius / mm) + 3 for mm in spacing]
    wide = np.pad(array, [(n, n) for n in margin], mode="edge")
    theirs = ndimage.binary_closing(wide, ball(radius, spacing))
    inner = tuple(slice(n, n + size) for n, size in zip(margin, array.shape, strict=True))
    mine = closed(Bits.pack(array), radius, spacing_mm=spacing)
    assert (set_voxels(mine) == theirs[inner]).all()


@given(seed=st.integers(0, 99))
def test_holes_inside_are_those_of_scipy(seed: int) -> None:
    array = np.zeros((26, 22, 14), bool)
    array[1:-1, 1:-1, 1:-1] = blobs(seed, 0.8)[1:-1, 1:-1, 1:-1]
    mine = set_voxels(holes_filled(Bits.pack(array), spacing_mm=ISOTROPIC))
    theirs = ndimage.binary_fill_holes(array)
    assert (mine & ~theirs).sum() == 0
    assert (theirs & ~mine).sum() == 0


def test_a_wide_hole_that_the_border_cuts_stays_open() -> None:
    """The dome of the diaphragm is surrounded by lung in the last slice of a scan."""
    i, j, _ = np.ogrid[:80, :80, :6]
    ring = np.broadcast_to((i - 40) ** 2 + (j - 40) ** 2 < 38**2, (80, 80, 6)).copy()
    dome = np.broadcast_to((i - 40) ** 2 + (j - 40) ** 2 < 25**2, ring.shape)
    vessel = np.broadcast_to((i - 40) ** 2 + (j - 8) ** 2 < 3**2, ring.shape)
    lung = ring & ~dome & ~vessel
    filled = set_voxels(holes_filled(Bits.pack(lung), spacing_mm=ISOTROPIC))
    assert filled[vessel].all()
    assert not filled[dome].any()


@given(seed=st.integers(0, 99), spacing=SPACINGS)
def test_masks_that_grow_apart_share_what_they_reach(seed: int, spacing: Spacing) -> None:
    within = blobs(seed, 0.6)
    places = np.argwhere(within)
    first, second = np.zeros_like(within), np.zeros_like(within)
    first[tuple(places[0])] = True
    second[tuple(places[-1])] = True
    one, other = (
        set_voxels(each)
        for each in spread_apart(
            Bits.pack(first), Bits.pack(second), within=Bits.pack(within), spacing_mm=spacing
        )
    )
    assert not (one & other).any()
    parts, _ = ndimage.label(within, np.ones((3, 3, 3)))
    reached = np.isin(parts, [parts[tuple(places[0])], parts[tuple(places[-1])]])
    assert not ((one | other) & ~reached).any()
    faces, _ = ndimage.label(within)
    sure = np.isin(faces, [faces[tuple(places[0])], faces[tuple(places[-1])]])
    assert (one | other)[sure].all()


@pytest.mark.parametrize("spacing", [ISOTROPIC, (1.0, 1.0, 3.0)])
def test_masks_that_grow_apart_meet_midway(spacing: Spacing) -> None:
    within = np.ones((41, 21, 9), bool)
    first, second = np.zeros_like(within), np.zeros_like(within)
    first[4, 10, 4] = second[36, 10, 4] = True
    one, _ = spread_apart(
        Bits.pack(first), Bits.pack(second), within=Bits.pack(within), spacing_mm=spacing
    )
    near = [ndimage.distance_transform_edt(~mask, sampling=spacing) for mask in (first, second)]
    mine = set_voxels(one)
    assert mine[near[0] < 0.8 * near[1]].all()
    assert not mine[near[1] < 0.8 * near[0]].any()


def lungs(gap: int) -> Mask:
    """Two balls whose surfaces are `gap` voxels apart."""
    i, j, k = np.ogrid[:100, :50, :50]
    around = (j - 25) ** 2 + (k - 25) ** 2
    left, right = 27, 73 - 6 + gap
    return ((i - left) ** 2 + around < 20**2) | ((i - right) ** 2 + around < 20**2)


@pytest.mark.parametrize("gap", [-2, 4])
def test_two_lungs_come_apart_where_they_are_thin(gap: int) -> None:
    both = Bits.pack(lungs(gap))
    middle = (27 + 67 + gap) / 2
    midline = Midline(np.array([1.0, 0.0, 0.0]), middle + 6)  # 6 mm off
    sides = split_sides(both, [], midline=midline, spacing_mm=ISOTROPIC)
    assert not sides.is_cut
    left, right = set_voxels(sides.left), set_voxels(sides.right)
    assert ((left | right) == lungs(gap)).all()
    assert not (left & right).any()
    assert np.argwhere(left)[:, 0].max() <= middle + 2
    assert np.argwhere(right)[:, 0].min() >= middle - 2


def test_a_ball_that_nothing_divides_is_cut_at_the_midline() -> None:
    i, j, k = np.ogrid[:50, :50, :50]
    whole = Bits.pack((i - 25) ** 2 + (j - 25) ** 2 + (k - 25) ** 2 < 22**2)
    midline = Midline(np.array([-1.0, 0.0, 0.0]), -25.0)
    sides = split_sides(whole, [], midline=midline, spacing_mm=ISOTROPIC)
    assert sides.is_cut
    assert np.argwhere(set_voxels(sides.right))[:, 0].max() < 25


def test_a_nodule_at_the_surface_is_closed_and_a_bay_is_not() -> None:
    """Half a ball of 24 mm at the flat side of a lung, and a trough of the width of an aorta."""
    lung = np.zeros((90, 90, 60), bool)
    lung[20:85, 5:85, 5:55] = True
    i, j, k = np.ogrid[:90, :90, :60]
    nodule = ((i - 26) ** 2 + (j - 25) ** 2 + (k - 30) ** 2 < 12**2) & lung
    bay = np.broadcast_to((i - 20) ** 2 + (j - 65) ** 2 < 14**2, lung.shape) & lung
    made = closed_over(Bits.pack(lung & ~nodule & ~bay), 10.0, spacing_mm=ISOTROPIC)
    found = set_voxels(made)
    assert found[nodule].mean() > 0.95
    assert found[bay].mean() < 0.5


def test_pits_are_smoothed_and_nothing_is_lost() -> None:
    array = blobs(3, 0.6)
    made = set_voxels(smoothed(Bits.pack(array), 1.5, spacing_mm=ISOTROPIC))
    assert made[array].all()
    assert not set_voxels(smoothed(Bits.zeros((9, 8, 7)), 1.5, spacing_mm=ISOTROPIC)).any()


def test_gas_that_lung_surrounds_is_a_bulla_and_gas_beside_it_is_not() -> None:
    lung = np.zeros((60, 40, 40), bool)
    lung[:30] = True
    gas = np.zeros_like(lung)
    gas[10:20, 15:25, 15:25] = gas[36:50, 15:25, 15:25] = True
    lung &= ~ndimage.binary_dilation(gas, iterations=2)
    chosen = bullae(components(Bits.pack(gas)), Bits.pack(lung), spacing_mm=ISOTROPIC)
    assert chosen.tolist() == [True, False]


def test_the_trachea_is_between_the_lungs_and_not_below_them() -> None:
    """Along k is superior, along i left to right."""
    frame = Frame(np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.0, 1.0]))
    left, right, gas = (np.zeros((80, 40, 60), bool) for _ in range(3))
    left[5:30, 5:35, 20:50] = right[50:75, 5:35, 20:50] = True
    gas[36:44, 16:24, 30:58] = True
    stomach = gas.copy()
    stomach[20:60, 5:35, 2:14] = True
    sides = (Bits.pack(left), Bits.pack(right))

    def found(*gases: Mask) -> Mask:
        every = [components(Bits.pack(each)) for each in gases]
        return set_voxels(trachea(every, sides, frame=frame, spacing_mm=ISOTROPIC))

    assert (found(stomach) == gas).all()
    assert (found(stomach & ~gas, gas) == gas).all()
    assert not found(stomach & ~gas).any()


def test_the_largest_share_of_a_slice_is_that_of_numpy() -> None:
    part, whole = blobs(1, 0.2), blobs(1, 0.7)
    frame = Frame(np.array([0.0, 2.0, 0.0]), np.array([-1.5, 0.1, 0.2]))
    counts, of = part.sum(axis=(1, 2)), whole.sum(axis=(1, 2))
    used = of >= 0.25 * of.max()
    share = frame.most_share(Bits.pack(part), Bits.pack(whole))
    assert share == pytest.approx((counts[used] / of[used]).max())
    assert frame.ends((3, 4, 5)) == pytest.approx((-3.0, 1.1))
