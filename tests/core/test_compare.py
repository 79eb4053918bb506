"""Comparing grids: by corners in the world, and in words."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hounsfield.core.compare import compare
from hounsfield.core.errors import ArgumentError
from hounsfield.core.grid import Grid
from hounsfield.core.volume import Volume
from tests.io.volumes import affines

ORIENTATIONS = ["RAS", "LPS", "LAS", "PSR", "IAL", "SRA"]


def on(grid: Grid, quantity: str = "hu") -> Volume:
    return Volume.from_array(np.zeros(grid.shape, np.int16), affine=grid.affine, quantity=quantity)


@given(affine=affines(), to=st.sampled_from(ORIENTATIONS))
def test_a_reorientation_leaves_the_corners_and_is_named(affine: np.ndarray, to: str) -> None:
    grid = Grid((4, 5, 6), affine)
    turned = grid.reoriented(to)
    result = compare(on(grid), on(turned, "label"))
    assert result.max_corner_mm == pytest.approx(0, abs=1e-9)
    assert result.same == (grid == turned)
    if not result.same:
        assert f"the image runs {grid.orientation}, the label {to}" in result.differences[0]
        assert "corners coincide" in result.differences[-1]


@given(affine=affines(), shift=st.floats(0.5, 50))
def test_a_shift_is_told_in_mm(affine: np.ndarray, shift: float) -> None:
    grid = Grid((4, 5, 6), affine)
    moved = affine.copy()
    moved[0, 3] += shift
    result = compare(on(grid), on(Grid((4, 5, 6), moved)))
    assert not result.same
    assert 0 < result.max_corner_mm <= shift + 1e-9
    assert any(f"differ by {shift:.4g} mm" in text for text in result.differences)


def test_a_copied_header_is_found_by_its_corners() -> None:
    image = Grid((10, 10, 5), np.diag([-1.0, -1.0, 3.0, 1.0]))
    copied = Grid((10, 10, 5), np.diag([1.0, 1.0, 3.0, 1.0]))
    result = compare(on(image), on(copied))
    assert result.max_corner_mm == pytest.approx(9 * np.sqrt(2))
    assert [text.split(":")[0] for text in result.differences] == [
        "the image runs LPS, the label RAS",
        "their first voxels, in the image's orientation, differ by 12.73 mm",
        "their corners differ by up to 12.73 mm",
    ]


def test_shape_spacing_and_angle_are_named() -> None:
    image = Grid((10, 10, 5), np.diag([1.0, 1.0, 3.0, 1.0]))
    other = Grid((20, 10, 5), np.diag([0.5, 1.0, 3.0, 1.0]))
    texts = " ".join(compare(on(image), on(other)).differences)
    assert "10 x 10 x 5 voxels, the label 20 x 10 x 5" in texts
    assert "spacing of 1 x 1 x 3 mm, the label of 0.5 x 1 x 3 mm" in texts
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(0.1), -np.sin(0.1)], [np.sin(0.1), np.cos(0.1)]]
    texts = " ".join(compare(on(image), on(Grid((10, 10, 5), turn @ image.affine))).differences)
    assert "their axes differ by 5.73 degrees" in texts


def test_rounding_of_a_header_is_the_same_grid() -> None:
    image = Grid((512, 512, 60), np.diag([0.488281, 0.488281, 2.5, 1.0]))
    other = Grid((512, 512, 60), np.diag([0.48828101, 0.488281, 2.5, 1.0]))
    result = compare(on(image), on(other))
    assert result.same
    assert result.differences == ()


@pytest.mark.parametrize("wrong", [None, 5, "ct", np.zeros((3, 3, 3)), Grid((2, 2, 2), np.eye(4))])
def test_what_is_no_volume_is_refused(wrong: object) -> None:
    ct = on(Grid((2, 2, 2), np.eye(4)))
    with pytest.raises(ArgumentError, match=r"label is .*; expected Volume"):
        compare(ct, wrong)
    with pytest.raises(ArgumentError, match=r"image is .*; expected Volume"):
        compare(wrong, ct)
