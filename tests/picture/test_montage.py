"""Montage: any shape, clamped, one window, the place in mm of each section."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hounsfield.core.errors import GeometryError
from hounsfield.core.grid import Grid
from hounsfield.core.volume import Volume
from hounsfield.picture import montage
from hounsfield.picture.montage import _chosen
from tests.picture.marked import CODES, marked, turned


def ramp(slices: int) -> Volume:
    """Slice n holds n everywhere."""
    values = np.broadcast_to(np.arange(slices, dtype=np.int16), (12, 12, slices))
    return Volume.from_array(values, affine=np.diag([-1, -1, 2, 1]))


@given(st.integers(1, 40), st.integers(1, 9), st.integers(1, 9))
def test_any_rows_and_columns_fit_any_stack(slices: int, rows: int, columns: int) -> None:
    indices = _chosen(ramp(slices).grid, "axial", start_mm=None, stop_mm=None, most=rows * columns)
    assert len(indices) == min(slices, rows * columns)
    assert indices == sorted(set(indices))
    assert indices[0] == 0
    assert len(indices) == 1 or indices[-1] == slices - 1


@pytest.mark.parametrize(("rows", "columns"), [(2, 5), (5, 2), (1, 1), (3, 7), (9, 9)])
def test_unequal_rows_and_columns_make_a_sheet_of_that_shape(rows: int, columns: int) -> None:
    picture = montage(ramp(10), rows=rows, columns=columns, window=(5, 10), tile_px=120)
    shown = min(rows * columns, 10)
    across = min(columns, shown)
    down = -(-shown // across)
    assert picture.array.shape[0] == down * (120 + 22 + 4) - 4 + 28
    assert picture.array.shape[1] == across * (120 + 4) - 4 or across < 3


def test_sections_ascend_and_one_window_holds_for_all() -> None:
    picture = montage(ramp(4), rows=1, columns=4, window=(1.5, 3), tile_px=100).array
    greys = [int(picture[22 + 20, n * 104 + 50, 0]) for n in range(4)]
    assert greys == [0, 85, 170, 255]


def test_bounds_in_mm_are_kept() -> None:
    volume = ramp(30)
    assert _chosen(volume.grid, "axial", start_mm=10.0, stop_mm=20.0, most=99) == [
        5,
        6,
        7,
        8,
        9,
        10,
    ]
    assert _chosen(volume.grid, "axial", start_mm=20.5, stop_mm=None, most=3) == [11, 20, 29]
    with pytest.raises(GeometryError, match="within 0"):
        montage(volume, start_mm=200.0)
    with pytest.raises(GeometryError):
        montage(volume, rows=0)
    with pytest.raises(GeometryError, match="oblique"):
        montage(volume, plane="oblique")  # type: ignore[arg-type]


@pytest.mark.parametrize("codes", CODES[::5])
@pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal"])
def test_all_orientations_of_one_scan_give_the_same_montage(codes: str, plane: str) -> None:
    image = marked(superior=False)
    pictures = [
        montage(turned(image, to), plane=plane, rows=2, columns=3, tile_px=64).array
        for to in (codes, "RAS")
    ]
    assert (pictures[0] == pictures[1]).all()


def test_places_ascend_along_the_world_whatever_the_storage() -> None:
    from hounsfield.picture.section import positions_mm

    stored_downwards = Grid(
        (4, 4, 5), np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, -3, 6], [0, 0, 0, 1]])
    )
    assert positions_mm(stored_downwards, 2).tolist() == [-6, -3, 0, 3, 6]
