"""Every step keeps its contract: the plan is true, the input unchanged, landmarks stay."""

import numpy as np
import pytest
from hypothesis import strategies as st

import hounsfield as hu
from hounsfield.core.grid import Grid
from hounsfield.testing import StepTests, grids, specs, volumes


class TestReorient(StepTests):
    def step(self) -> hu.Reorient:
        return hu.Reorient("RAS")


class TestReorientAnotherWay(StepTests):
    def step(self) -> hu.Reorient:
        return hu.Reorient("SPL")


@pytest.mark.parametrize("method", ["auto", "nearest", "linear", "area", "conservative", "cubic"])
class TestResampleByEveryMethod:
    """A landmark stays through every method, finer along two axes and coarser along one."""

    def test_a_landmark_stays(self, method: str) -> None:
        class One(StepTests):
            def step(self) -> hu.Resample:
                return hu.Resample(spacing_mm=(0.8, 1.7, 0.9), method=method)

        One().test_a_landmark_stays_where_it_is_in_all_48_orientations()


class TestResampleToASpacing(StepTests):
    def step(self) -> hu.Resample:
        return hu.Resample(spacing_mm=1.3)


class TestResampleConservatively(StepTests):
    def step(self) -> hu.Resample:
        return hu.Resample(spacing_mm=0.9, method="conservative")


class TestResampleToTheNearest(StepTests):
    def step(self) -> hu.Resample:
        return hu.Resample(spacing_mm=1.3, method="nearest", label_method="nearest")


class TestResampleToAShape(StepTests):
    def step(self) -> hu.Resample:
        return hu.Resample(shape=(11, 15, 12))


class TestResampleLikeAnObliqueGrid(StepTests):
    def step(self) -> hu.Resample:
        turn = np.eye(4)
        turn[:2, :2] = [[np.cos(0.3), -np.sin(0.3)], [np.sin(0.3), np.cos(0.3)]]
        # the turned grid covers the middle of the volume in which StepTests follows its landmark
        grid = Grid((32, 32, 26), np.eye(4)).boxed((-16, -16, -13), (32, 32, 26))
        affine = turn @ grid.affine
        affine[:3, 3] += (-20.7, 45.8, -63.9)
        return hu.Resample(like=Grid(grid.shape, affine), method="linear")

    def images(self) -> st.SearchStrategy[hu.Volume]:
        still = st.just(Grid((16, 20, 20), np.eye(4)).boxed((-28, 37, -74), (16, 20, 20)))
        return volumes(spec=specs(grid=still))


class TestCropToBox(StepTests):
    def step(self) -> hu.CropToBox:
        return hu.CropToBox(start_mm=(-28, 37, -74), stop_mm=(-13, 54, -53))

    def images(self) -> st.SearchStrategy[hu.Volume]:
        still = st.just(Grid((16, 20, 20), np.eye(4)).boxed((-28, 37, -74), (16, 20, 20)))
        return volumes(spec=specs(grid=still))


class TestCropOrPad(StepTests):
    def step(self) -> hu.CropOrPad:
        return hu.CropOrPad(shape=(22, None, 15))

    def images(self) -> st.SearchStrategy[hu.Volume]:
        return volumes(spec=specs(grid=grids(oblique=True), dtypes=("int16", "int32", "float32")))


class TestBox(StepTests):
    def step(self) -> hu.Box:
        return hu.Box(start=(-3, 0, 1), shape=(24, 15, 25))

    def images(self) -> st.SearchStrategy[hu.Volume]:
        return volumes(spec=specs(grid=grids(smallest=2), dtypes=("int16", "float64")))


class TestSplitSlices(StepTests):
    def step(self) -> hu.SplitSlices:
        return hu.SplitSlices(plane="coronal")


class TestSlab(StepTests):
    def step(self) -> hu.Slab:
        return hu.Slab(statistic="max", slices=5)


class TestSlabByMean(StepTests):
    def step(self) -> hu.Slab:
        return hu.Slab(statistic="mean", thickness_mm=4, plane="coronal")


class TestSlabByStride(StepTests):
    def step(self) -> hu.Slab:
        return hu.Slab(statistic="max", slices=2, plane="sagittal", stride=2, edges="valid")


class TestClip(StepTests):
    def step(self) -> hu.Clip:
        return hu.Clip(low_hu=-500, high_hu=900.5)


class TestMapRange(StepTests):
    def step(self) -> hu.MapRange:
        return hu.MapRange(from_low=-1000, from_high=1500, to_high=255)


class TestMapRangeUnclipped(StepTests):
    def step(self) -> hu.MapRange:
        return hu.MapRange(from_low=-100, from_high=100, to_low=-1, clip=False)


class TestWindow(StepTests):
    def step(self) -> hu.Window:
        return hu.Window(center_hu=0, width_hu=1900)


class TestWindowBySigmoid(StepTests):
    def step(self) -> hu.Window:
        return hu.Window(center_hu=0, width_hu=1900, function="sigmoid")


class TestWindowAsDicomDoes(StepTests):
    def step(self) -> hu.Window:
        return hu.Window(center_hu=0, width_hu=1900, function="linear")


class TestWindows(StepTests):
    def step(self) -> hu.Windows:
        return hu.Windows(names=("full", "bone"))

    def images(self) -> st.SearchStrategy[hu.Volume]:
        return volumes(spec=specs(dtypes=("int16", "int32", "float32")))


class TestStandardize(StepTests):
    def step(self) -> hu.Standardize:
        return hu.Standardize(mean_hu=80, std_hu=130.5)


class TestDenoiseByMedian(StepTests):
    def step(self) -> hu.Denoise:
        return hu.Denoise(method="median", radius_mm=1.3)


class TestDenoiseByGaussian(StepTests):
    def step(self) -> hu.Denoise:
        return hu.Denoise(method="gaussian", sigma_mm=1.0)
