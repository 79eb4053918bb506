"""Pictures mark interpolated slices, have a scale bar true to mm, and caption doubtful values."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray

import hounsfield as hu
from hounsfield.core.source import VolumeSource
from hounsfield.picture.canvas import GREY, MARK
from hounsfield.picture.section import cut, interpolated_spans
from hounsfield.picture.shade import shades
from hounsfield.testing.strategies import ORIENTATIONS

SIZE = 20


def volume(*interpolated: int, orientation: str = "LPS") -> hu.Volume:
    """A volume of which some k-slices were interpolated; their voxels are 1000, the others 0."""
    grid = hu.Grid((SIZE,) * 3, np.eye(4)).reoriented(orientation)
    array = np.zeros(grid.shape, np.int16, order="F")
    array[:, :, list(interpolated)] = 1000
    flags = tuple(k in interpolated for k in range(SIZE))
    made = hu.Volume.from_array(array, affine=grid.affine)
    return replace(made, source=VolumeSource(geometry={}, interpolated=flags))


def is_color(picture: hu.Picture, color: tuple[int, int, int]) -> NDArray[np.bool_]:
    return np.asarray((picture.array == np.array(color)).all(axis=-1))


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_a_section_is_marked_where_its_voxels_were_interpolated(orientation: str) -> None:
    made = volume(3, 4, 5, 11, orientation=orientation)
    flags = made.source.interpolated if made.source else ()
    for plane, index in product(("axial", "coronal", "sagittal"), (0, 4, 16)):
        section = cut(made.array, made.grid, plane=plane, index=index, interpolated=flags)  # type: ignore[arg-type]
        truth = np.asarray(section.values) == 1000
        found = np.full(truth.shape, section.is_interpolated)
        for start, stop, is_row in interpolated_spans(made.grid, section, flags):
            part = slice(round(start * SIZE), round(stop * SIZE))
            found[part if is_row else slice(None), slice(None) if is_row else part] = True
        np.testing.assert_array_equal(found, truth)


def test_planes_and_montage_mark_interpolated_slices_and_only_these() -> None:
    for draw in (hu.planes, hu.montage):
        assert is_color(draw(volume(9, 10, 11)), MARK).sum() > 100
        assert not is_color(draw(volume()), MARK).any()
        assert not is_color(draw(replace(volume(9), source=None)), MARK).any()


def test_a_montage_has_a_scale_bar_true_to_mm() -> None:
    large = hu.Volume.from_array(np.zeros((128, 128, 4), np.int16), affine=np.eye(4))
    picture = hu.montage(large, rows=1, columns=4, tile_px=256)
    band = is_color(picture, GREY)[-14]
    runs = np.diff(np.flatnonzero(np.diff(np.concatenate([[0], band.astype(np.int8), [0]]))))
    assert max(runs) == 50 * 2 + 1  # 256 pixels for 128 mm


def test_a_small_montage_still_has_a_scale_bar() -> None:
    picture = hu.montage(volume(), rows=1, columns=1, tile_px=32)
    assert is_color(picture, GREY).any()


def test_doubtful_values_are_captioned() -> None:
    doubt = hu.Diagnostic("NOT_HU", "warning", "values are 0 to 255; expected air")
    assert shades(volume(), None).caption == "soft-tissue   C 40  W 400  HU"
    assert "HU (doubtful)" in shades(replace(volume(), diagnostics=(doubt,)), None).caption
    note = replace(doubt, severity="note")
    assert "doubtful" not in shades(replace(volume(), diagnostics=(note,)), None).caption
