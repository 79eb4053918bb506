"""The head's truth holds on any grid, and its masks mean what they say."""

from __future__ import annotations

import numpy as np
import pytest

from hounsfield.core.errors import GeometryError
from hounsfield.core.grid import Grid
from hounsfield.phantom import HU, Head, Tissue, grid_about, head
from hounsfield.phantom.acquisition import oblique
from hounsfield.phantom.noise import noise

WIDE = grid_about((0, -4, 8), shape=(40, 44, 20), spacing_mm=(6, 6, 10))
CLOSE = grid_about((20, -10, 5), shape=(40, 44, 12), spacing_mm=(1.5, 1.5, 3))


@pytest.fixture(scope="module")
def wide() -> Head:
    return head(WIDE)


def test_a_coarse_grid_holds_the_means_of_a_fine_one() -> None:
    fine = head(CLOSE, noise_hu=0).exact.array
    coarse_grid = CLOSE.resampled(shape=(20, 22, 6))
    means = fine.reshape(20, 2, 22, 2, 6, 2).mean(axis=(1, 3, 5))
    difference = np.abs(head(coarse_grid, noise_hu=0).exact.array - means)
    assert difference.max() < 12.0
    assert difference.mean() < 0.1


def test_the_head_lies_where_the_grid_says() -> None:
    """A flipped, permuted grid gives the same voxels in another order, bit for bit."""
    flipped = CLOSE.permuted((2, 0, 1)).flipped((1,))
    there = head(CLOSE, noise_hu=0).labels.array
    again = head(flipped, noise_hu=0).labels.array
    assert (np.flip(there.transpose(2, 0, 1), 1) == again).mean() > 0.9999


def test_averages_of_an_oblique_grid_keep_the_head_s_volume(wide: Head) -> None:
    upright_grid = grid_about((0, 0, 0), shape=(32, 36, 32), spacing_mm=(7, 7, 7))
    turned, upright = (head(grid, noise_hu=0) for grid in (oblique(upright_grid), upright_grid))
    brain = [int(one.masks["brain"].array.sum()) for one in (turned, upright)]
    assert brain[0] == pytest.approx(brain[1], rel=0.02)


def test_the_same_seed_gives_the_same_bytes(wide: Head) -> None:
    again = head(WIDE)
    for mine, other in (
        (wide.image, again.image),
        (wide.exact, again.exact),
        (wide.labels, again.labels),
    ):
        assert mine.array.tobytes("F") == other.array.tobytes("F")
    assert (head(WIDE, seed=1).image.array != wide.image.array).any()


def test_noise_has_the_deviation_asked(wide: Head) -> None:
    difference = wide.image.array - wide.exact.array
    inside = wide.masks["brain"].array > 0
    assert difference[inside].std() == pytest.approx(4.0, rel=0.05)
    assert noise((256, 256, 4), sd=7.0, seed=3).std() == pytest.approx(7.0, rel=0.02)


def test_pure_voxels_have_the_hu_of_their_tissue(wide: Head) -> None:
    values = np.array([HU[tissue] for tissue in Tissue])
    exact = head(CLOSE, noise_hu=0)
    same = exact.exact.array == values[exact.labels.array]
    assert same.mean() > 0.6


def test_masks_mean_what_they_say(wide: Head) -> None:
    hu, masks, labels = (
        wide.exact.array,
        {n: m.array > 0 for n, m in wide.masks.items()},
        wide.labels.array,
    )
    assert not (masks["brain"] & ~masks["head"]).any()
    assert not (masks["head"] & masks["headrest"]).any()
    assert masks["head"][labels == Tissue.INNER_AIR].all()
    assert masks["head"][(labels == Tissue.AIR) | (labels == Tissue.TABLE)].mean() < 0.02
    outside = (hu == HU[Tissue.AIR]) & (labels == Tissue.AIR)
    assert not masks["head"][outside].any()
    litres = masks["brain"].sum() * 360 / 1e6
    assert 1.2 < litres < 1.7
    assert hu[masks["brain"]].max() < 1000


def test_without_a_headrest_there_is_none() -> None:
    assert not head(WIDE, headrest=False).masks["headrest"].array.any()


def test_points_are_samples_of_the_same_object() -> None:
    pure = head(CLOSE, noise_hu=0)
    points = head(CLOSE, noise_hu=0, sampling="point").exact.array
    values = np.unique(points)
    assert set(values.tolist()) <= {float(value) for value in HU.values()}
    inner = pure.exact.array == np.array([HU[tissue] for tissue in Tissue])[pure.labels.array]
    assert (points[inner] == pure.exact.array[inner]).mean() > 0.999


@pytest.mark.parametrize("sampling", ["average", "point"])
def test_blur_keeps_the_mean_and_spreads_edges(sampling: str) -> None:
    grid = grid_about((-20, -10, 5), shape=(24, 24, 8), spacing_mm=(0.5, 0.5, 1))
    sharp = head(grid, noise_hu=0).exact.array
    blurred = head(grid, noise_hu=0, blur_mm=1.0, sampling=sampling)  # type: ignore[arg-type]
    soft = blurred.exact.array
    assert soft.mean() == pytest.approx(sharp.mean(), abs=1.0)
    assert np.abs(np.diff(soft, axis=0)).max() < np.abs(np.diff(sharp, axis=0)).max()


def test_a_blurred_edge_is_the_error_function() -> None:
    """A plane blurred by a Gaussian of 2 mm FWHM, sampled at points, against its closed form."""
    from scipy.special import ndtr

    from hounsfield.phantom.blur import blurred
    from hounsfield.phantom.shape import box, ellipsoid

    scene = [
        ellipsoid(Tissue.AIR, (0, 0, 0), (1e5,) * 3),
        box(Tissue.SKIN, (50.2, 0, 0), (50, 500, 500)),
    ]
    grid = Grid((21, 3, 3), np.diag([0.5, 0.5, 0.5, 1.0])).boxed((-10, -1, -1), (21, 3, 3))
    found = blurred(scene, grid, fwhm_mm=2.0, sampling="point")[:, 1, 1]
    truth = -1000 + 1045 * ndtr(
        (grid.world([(i, 0, 0) for i in range(21)])[:, 0] - 0.2) / (2 * 0.42466)
    )
    assert np.abs(found - truth).max() < 4.0


def test_bad_amounts_are_refused() -> None:
    with pytest.raises(GeometryError, match="0 or more"):
        head(WIDE, noise_hu=-1)
