"""On an oblique grid images are averaged over the target's cells, as the method asks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hounsfield as hu
from hounsfield.phantom import grid_about, head
from hounsfield.resampling.oblique import oblique_kernels
from hounsfield.testing import ramp
from hounsfield.testing.values import centres, ramp_hu

MASTOID_RAS_MM = (50.0, -26.0, -36.0)


def turned(grid: hu.Grid, *, degrees: tuple[float, float]) -> hu.Grid:
    """The grid rotated about its middle, around S and then around R."""
    (a, b), middle = np.radians(degrees), (np.array(grid.shape) - 1) / 2
    about_s = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    about_r = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    affine = grid.affine.copy()
    affine[:3, :3] = about_s @ about_r @ grid.affine[:3, :3]
    affine[:3, 3] = grid.world(middle) - affine[:3, :3] @ middle
    return hu.Grid(grid.shape, affine)


@pytest.mark.parametrize("degrees", [(17.0, 11.0), (45.0, 35.0)])
@pytest.mark.parametrize(("method", "most_hu"), [("auto", 20), ("conservative", 20), ("area", 35)])
def test_a_coarser_oblique_target_has_the_phantoms_averages(
    degrees: tuple[float, float], method: str, most_hu: float
) -> None:
    """Air cells in bone: trilinear sampling alone is off by over 60 HU."""
    source = head(
        grid_about(MASTOID_RAS_MM, shape=(84, 84, 84), spacing_mm=(0.5, 0.5, 0.5)), noise_hu=0
    ).exact
    target = turned(
        grid_about(MASTOID_RAS_MM, shape=(12, 12, 12), spacing_mm=(2, 2, 2)), degrees=degrees
    )
    truth = head(target, noise_hu=0).exact.array
    off = {
        name: float(np.sqrt(np.mean((hu.regrid(source, target, method=name).array - truth) ** 2)))
        for name in (method, "linear")
    }
    assert off[method] < most_hu
    assert off["linear"] > 60


@pytest.mark.parametrize("method", ["auto", "area", "conservative"])
@given(angle=st.floats(3, 40), spacing=st.floats(0.5, 6.0))
def test_a_constant_stays_constant_and_the_faces_are_the_sources(
    method: str, angle: float, spacing: float
) -> None:
    source = hu.Volume.from_array(np.full((9, 8, 7), 55, np.int16), affine=np.diag([1, 1.5, 2, 1]))
    target = turned(source.grid.resampled(spacing_mm=(spacing,) * 3), degrees=(angle, angle / 2))
    made = hu.regrid(source, target, method=method).array
    plain = hu.regrid(source, target, method="linear").array
    index = source.grid.index(centres(target))
    low, high = index + 0.5, np.array(source.grid.shape) - 0.5 - index
    clear = (np.abs(low) > 1e-6).all(axis=-1) & (np.abs(high) > 1e-6).all(axis=-1)
    assert np.allclose(made[clear], plain[clear], atol=1e-3)


@pytest.mark.parametrize("method", ["auto", "area", "conservative"])
def test_a_linear_field_stays_linear_inside(method: str) -> None:
    source = ramp(hu.Grid((40, 40, 30), np.diag([1.0, 1.0, 1.5, 1.0])))
    middle = source.grid.boxed((14, 14, 10), (12, 12, 10)).resampled(spacing_mm=(3,) * 3)
    target = turned(middle, degrees=(20, 10))
    made = hu.regrid(source, target, method=method).array
    assert np.allclose(made, ramp_hu(centres(target), grid=source.grid), atol=0.05)


def test_axes_that_get_finer_are_linear_bit_for_bit() -> None:
    values = np.random.default_rng(0).integers(-1000, 2000, (9, 8, 7)).astype(np.int16)
    source = hu.Volume.from_array(values, affine=np.diag([1, 1, 2, 1]))
    target = turned(source.grid.resampled(spacing_mm=(0.8,) * 3), degrees=(20, 10))
    assert oblique_kernels(source.grid, target, method="auto") == ("linear",) * 3
    made, plain = (hu.regrid(source, target, method=name).array for name in ("auto", "linear"))
    assert np.array_equal(made, plain)


def test_cubic_is_refused_before_a_voxel_is_read() -> None:
    source = hu.Volume.from_array(np.zeros((9, 8, 7), np.int16), affine=np.eye(4))
    target = turned(source.grid, degrees=(20, 10))
    with pytest.raises(hu.QuantityError, match="'cubic' needs a grid parallel to the axes"):
        hu.regrid(source, target, method="cubic")
    with pytest.raises(hu.PipelineError, match=r"step 1: .*'cubic' needs a grid parallel"):
        hu.Pipeline([hu.Resample(like=target, method="cubic")]).plan(source)


def test_plan_and_record_tell_how_each_axis_was_sampled() -> None:
    values = np.random.default_rng(0).integers(-1000, 2000, (12, 11, 10)).astype(np.int16)
    source = hu.Volume.from_array(values, affine=np.diag([1, 1, 5, 1]))
    target = turned(source.grid.resampled(spacing_mm=(2,) * 3), degrees=(3, 2))
    label = hu.Volume.from_array(
        (values > 0).astype(np.uint8), affine=source.grid.affine, quantity="label"
    )
    for like, axes in (
        (target, ["conservative + linear", "conservative + linear", "linear"]),
        (source.grid.resampled(spacing_mm=(2,) * 3), ["conservative", "conservative", "linear"]),
    ):
        pipeline = hu.Pipeline([hu.Reorient("RAS"), hu.Resample(like=like), hu.Reorient("LPS")])
        assert ", ".join(axes) in str(pipeline.plan(source))
        result = pipeline.run(source, labels={"part": label})
        (row,) = result.record.interpolation
        assert row["axes"] == axes
        assert "Resample" in row["steps"]
        assert row["labels"] == "partial_volume"
        again = hu.Pipeline.parse({"steps": list(result.record.steps)})
        assert np.array_equal(again.run(source).volume.array, result.volume.array)


def test_a_record_has_no_interpolation_where_voxels_are_copied() -> None:
    source = hu.Volume.from_array(np.zeros((4, 4, 4), np.int16), affine=np.eye(4))
    assert hu.Pipeline([hu.Reorient("LPS")]).run(source).record.interpolation == ()
