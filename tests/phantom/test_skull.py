"""Variants of the skull change the bone that they name, and the truth stays what it is."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from hounsfield.core.errors import GeometryError
from hounsfield.core.grid import Grid
from hounsfield.phantom import SkullVariant, Tissue, grid_about, head, shapes
from hounsfield.phantom.render import points
from hounsfield.phantom.skull import PLACES, DefectPlace
from hounsfield.phantom.tissue import BRAIN

LONG = grid_about((0.3, -4.2, -25.4), shape=(52, 62, 60), spacing_mm=(4, 4, 4))
PARIETAL = grid_about((56, -19, 45), shape=(10, 10, 8), spacing_mm=(3, 3, 3))
BONE = (Tissue.COMPACT_BONE, Tissue.DIPLOE)


def tissues(skull: SkullVariant | None, grid: Grid = LONG) -> NDArray[np.uint8]:
    return points(shapes(headrest=False, skull=skull), grid)


@pytest.fixture(scope="module")
def plain() -> NDArray[np.uint8]:
    return tissues(None)


@pytest.mark.parametrize("place", list(PLACES))
def test_a_defect_replaces_bone_alone_over_its_diameter(
    plain: NDArray[np.uint8], place: DefectPlace
) -> None:
    open_ = tissues(SkullVariant(defect_mm=60, place=place))
    changed = open_ != plain
    assert np.isin(plain[changed], (*BONE, Tissue.FAT)).mean() > 0.95
    assert (open_[changed] == Tissue.MUSCLE).all()
    np.testing.assert_array_equal(np.isin(open_, list(BRAIN)), np.isin(plain, list(BRAIN)))
    centre, way = (np.array(each) for each in PLACES[place])
    way = way / np.linalg.norm(way)
    lost = LONG.world(np.argwhere(changed & np.isin(plain, BONE))) - centre
    aside = np.linalg.norm(lost - (lost @ way)[:, None] * way, axis=1)
    assert 25 < aside.max() <= 30
    assert (lost @ way > 0).all()


def test_fluid_in_a_defect_is_not_the_brain(plain: NDArray[np.uint8]) -> None:
    open_ = tissues(SkullVariant(defect_mm=60, place="vertex", filling="fluid"))
    assert set(open_[open_ != plain]) == {Tissue.SPINAL_FLUID}


def test_a_cisterna_magna_is_fluid_within_the_posterior_fossa(plain: NDArray[np.uint8]) -> None:
    wide = tissues(SkullVariant(cisterna_magna=True))
    changed = wide != plain
    assert (wide[changed] == Tissue.CSF).all()
    assert np.isin(plain[changed], list(BRAIN)).all()
    assert changed.sum() * 64 / 1000 > 40


def test_vertebrae_enclose_the_canal(plain: NDArray[np.uint8]) -> None:
    ringed = tissues(SkullVariant(vertebrae=True))
    at = round(LONG.index([(0, 0, -96.0)])[0, 2])
    canal = np.isin(ringed[:, :, at], (Tissue.SPINAL_FLUID, Tissue.CORD))
    from scipy.ndimage import binary_dilation

    around = binary_dilation(canal, iterations=2) & ~binary_dilation(canal)
    assert np.isin(ringed[:, :, at][around], BONE).mean() > 0.9
    assert np.isin(plain[:, :, at][around], BONE).mean() < 0.6


def test_roofs_separate_the_orbits_from_the_brain() -> None:
    from scipy.ndimage import binary_dilation

    grid = grid_about((31, 60, -18), shape=(60, 60, 40), spacing_mm=(1, 1, 1))
    for roofed in (False, True):
        found = tissues(SkullVariant(orbital_roofs=roofed), grid)
        touching = binary_dilation(found == Tissue.FAT) & np.isin(found, list(BRAIN))
        assert touching.any() != roofed


def test_a_variant_stays_with_its_head() -> None:
    variant = SkullVariant(defect_mm=80, place="parietal")
    made = head(PARIETAL, skull=variant)
    assert made.recipe.skull == variant
    np.testing.assert_array_equal(made.on(PARIETAL).image.array, made.image.array)
    assert (made.exact.array != head(PARIETAL).exact.array).any()


def test_uneven_slices_keep_the_variant() -> None:
    from hounsfield.phantom import Faults
    from hounsfield.phantom.acquisition import acquire

    faults = Faults(positions_mm=(0.0, 6.0, 15.0))
    plain, open_ = (
        acquire(head(PARIETAL, noise_hu=0, skull=skull), faults).hu
        for skull in (None, SkullVariant(defect_mm=80, place="parietal"))
    )
    assert (plain != open_).any()


def test_the_default_skull_is_that_of_no_variant() -> None:
    np.testing.assert_array_equal(tissues(SkullVariant()), tissues(None))


@pytest.mark.parametrize(
    ("differing", "message"),
    [
        ({"defect_mm": -1}, "expected 0 or more"),
        ({"defect_mm": float("nan")}, "expected 0 or more"),
        ({"place": "nose"}, "expected one of suboccipital"),
        ({"filling": "air"}, "expected one of tissue, fluid"),
    ],
)
def test_bad_variants_are_refused(differing: dict[str, object], message: str) -> None:
    with pytest.raises(GeometryError, match=message):
        SkullVariant(**differing)  # type: ignore[arg-type]
