"""The chest's truth holds on any grid, and its masks mean what they say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

import hounsfield as hu
from hounsfield.core.errors import GeometryError
from hounsfield.phantom import (
    HU,
    Chest,
    ChestRecipe,
    Faults,
    Thorax,
    Tissue,
    chest,
    chest_grid,
    grid_about,
    write_series,
)
from hounsfield.phantom.chest import Disease

WIDE = grid_about((0, -5, 0), shape=(40, 32, 34), spacing_mm=(10, 10, 10))


@pytest.fixture(scope="module")
def wide() -> Chest:
    return chest(WIDE, thorax=Thorax(nodule_mm=24))


def litres(made: Chest, name: str) -> float:
    return float(made.masks[name].array.sum() * np.prod(made.image.grid.spacing_mm) / 1e6)


def test_masks_mean_what_they_say(wide: Chest) -> None:
    masks = {name: mask.array > 0 for name, mask in wide.masks.items()}
    assert not (masks["lung-left"] & masks["lung-right"]).any()
    assert ((masks["lung-left"] | masks["lung-right"]) & ~masks["lung"]).sum() == 0
    assert not (masks["lung"] & masks["trachea"]).any()
    assert not (masks["nodule"] & ~masks["lung-right"]).any()
    assert not (masks["lung"] & ~masks["body"]).any()
    assert 2.0 < litres(wide, "lung-left") < litres(wide, "lung-right") < 3.5
    right = wide.image.grid.world(np.argwhere(masks["lung-right"]))[:, 0]
    left = wide.image.grid.world(np.argwhere(masks["lung-left"]))[:, 0]
    assert left.max() < right.min()
    inside = wide.exact.array[ndimage.binary_erosion(masks["lung-left"])]
    assert float(np.median(inside)) == HU[Tissue.LUNG_LEFT]


def test_a_coarse_grid_holds_the_means_of_a_fine_one() -> None:
    grid = grid_about((30, -30, 10), shape=(36, 28, 12), spacing_mm=(3, 3, 4))
    fine = chest(grid, noise_hu=0).exact.array
    means = fine.reshape(18, 2, 14, 2, 6, 2).mean(axis=(1, 3, 5))
    difference = np.abs(chest(grid.resampled(shape=(18, 14, 6)), noise_hu=0).exact.array - means)
    assert difference.max() < 40.0  # of 2,000 HU, where ribs, vessels and pleura share a cell
    assert difference.mean() < 1.5


def test_the_same_recipe_gives_the_same_bytes(wide: Chest) -> None:
    again = ChestRecipe(noise_hu=0, thorax=Thorax(nodule_mm=24)).on(WIDE)
    assert again.exact.array.tobytes("F") == wide.exact.array.tobytes("F")
    assert (again.image.array == np.rint(again.exact.array)).all()
    assert 10 < float((wide.image.array - wide.exact.array).std()) < 20


@pytest.mark.parametrize("disease", ["consolidation", "effusion", "atelectasis"])
def test_a_disease_takes_the_place_of_lung(wide: Chest, disease: Disease) -> None:
    made = chest(WIDE, thorax=Thorax(disease=disease))
    whole, kept = litres(wide, "lung-right"), litres(made, "lung-right")
    assert kept == 0 if disease == "atelectasis" else 0.5 * whole < kept < 0.9 * whole
    assert litres(made, disease) == pytest.approx(whole - kept, rel=0.15)
    assert litres(made, "lung-left") == pytest.approx(litres(wide, "lung-left"), rel=0.01)


def test_a_pneumothorax_is_gas_around_a_small_lung() -> None:
    made = chest(WIDE, thorax=Thorax(disease="pneumothorax", side="left"))
    assert 0.1 < litres(made, "lung-left") < 0.5
    assert litres(made, "pneumothorax") > 1.5


def test_size_and_pose_move_the_patient_and_not_the_table(wide: Chest) -> None:
    small = chest(WIDE, thorax=Thorax(size=0.5, turn_deg=(0.0, 0.0, 90.0)))
    assert litres(small, "lung") == pytest.approx(litres(wide, "lung") / 8, rel=0.1)
    is_table = [made.labels.array == Tissue.TABLE_FOAM for made in (small, wide)]
    assert (is_table[0] == is_table[1]).all()
    places = small.image.grid.world(np.argwhere(small.masks["lung-right"].array))
    assert float(places[:, 1].mean()) > 20  # a quarter turn about S brings right to anterior


def test_a_chest_is_written_as_a_series_and_read_back(tmp_path: Path) -> None:
    small = chest(grid_about((0, 0, 0), shape=(40, 40, 6), spacing_mm=(10, 10, 12)))
    series = write_series(small, tmp_path / "scan", faults=Faults(orientation="prone"))
    assert series.truth is not None
    back = hu.read(tmp_path / "scan")
    assert (back.array == series.truth.array).all()
    assert back.grid.orientation == "RAS"
    again = series.on(small.image.grid)
    assert isinstance(again, Chest)
    assert again.exact.array.tobytes("F") == small.exact.array.tobytes("F")


def test_the_default_grid_is_that_of_a_routine_scan() -> None:
    assert chest_grid().shape == (512, 512, 280)
    assert chest_grid().orientation == "LPS"


@pytest.mark.parametrize(
    "wrong",
    [
        {"nodule_mm": -1},
        {"size": 2.0},
        {"disease": "cold"},
        {"side": "both"},
        {"septum_mm": np.nan},
    ],
)
def test_bad_parameters_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(GeometryError):
        Thorax(**wrong)  # type: ignore[arg-type]
    with pytest.raises(GeometryError, match="0 or more"):
        chest(WIDE, noise_hu=-1)
