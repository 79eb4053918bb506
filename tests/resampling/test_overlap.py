"""A target that does not overlap its source is refused, with the distance, on every path."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hounsfield as hu
from hounsfield.core.errors import GeometryError, PipelineError
from hounsfield.core.overlap import gap_mm


def grid_at(origin: tuple[float, float, float], *, turn_deg: float = 0.0) -> hu.Grid:
    """Twelve voxels of 1 mm along each axis, turned about z."""
    cosine, sine = np.cos(np.radians(turn_deg)), np.sin(np.radians(turn_deg))
    affine = np.eye(4)
    affine[:2, :2] = [[cosine, -sine], [sine, cosine]]
    affine[:3, 3] = origin
    return hu.Grid((12, 12, 12), affine)


SCAN = hu.Volume.from_array(np.zeros((12, 12, 12), np.int16), affine=np.eye(4))
FAR = [grid_at((111.5, 0, 0)), grid_at((150, 80, 0), turn_deg=30)]


@pytest.mark.parametrize("grid", FAR, ids=["upright", "oblique"])
def test_regrid_refuses_a_grid_outside_the_volume(grid: hu.Grid) -> None:
    with pytest.raises(GeometryError, match=r"does not overlap the source .* at least \d+\.\d mm"):
        hu.regrid(SCAN, grid)
    label = hu.Volume.from_array(
        np.ones((12, 12, 12), np.uint8), affine=np.eye(4), quantity="label"
    )
    with pytest.raises(GeometryError, match="does not overlap"):
        hu.regrid(label, grid)


def test_the_distance_is_that_from_the_outer_face_to_the_first_voxel_centre() -> None:
    with pytest.raises(GeometryError, match=r"at least 100\.0 mm away"):
        hu.regrid(SCAN, FAR[0])


@pytest.mark.parametrize(
    "step",
    [
        hu.Resample(like=FAR[0]),
        hu.Resample(like=FAR[1]),
        hu.Box(start=(112, 0, 0), shape=(3, 3, 3)),
        hu.CropToBox(start_mm=(60, 0, 0), stop_mm=(70, 5, 5)),
    ],
    ids=["like", "oblique like", "box", "box in mm"],
)
def test_a_pipeline_refuses_it_at_plan_time(step: object) -> None:
    pipeline = hu.Pipeline([hu.Reorient("LPS"), step])  # type: ignore[list-item]
    with pytest.raises(PipelineError, match=r"step 2: .*\d mm away"):
        pipeline.plan(SCAN)
    with pytest.raises(PipelineError, match="mm away"):
        pipeline.run(SCAN)


def test_a_grid_that_touches_one_voxel_is_taken() -> None:
    corner = hu.regrid(SCAN, SCAN.grid.boxed((11, 11, 11), (9, 9, 9))).array
    assert corner[0, 0, 0] == 0
    assert (corner[1:] == -1024).all()


@given(offset=st.tuples(*[st.floats(-30, 30)] * 3), turn_deg=st.floats(-90, 90))
def test_the_gap_is_zero_where_a_centre_is_inside_and_at_most_the_distance_of_any_centre(
    offset: tuple[float, float, float], turn_deg: float
) -> None:
    target = grid_at(offset, turn_deg=turn_deg)
    centres = target.world(np.indices(target.shape).reshape(3, -1).T)
    outside = np.maximum(np.maximum(-0.5 - centres, centres - 11.5), 0)  # a box: exact distances
    nearest = float(np.linalg.norm(outside, axis=1).min())
    gap = gap_mm(target, SCAN.grid)
    assert gap <= nearest + 1e-9
    if nearest == 0:
        assert gap == 0
    if gap == 0:
        assert nearest <= np.sqrt(3)  # between centres that are 1 mm apart
