"""The traps of the two recipes: what the tutorials get wrong, and what we give instead."""

import json
from pathlib import Path

import numpy as np
import pytest

import hounsfield as hu
from hounsfield.core.stack import Stack
from hounsfield.pipeline.presets import preset_names
from hounsfield.testing import applied

AXIAL = np.diag([-1.0, -1, 1, 1])


def ct(values: object, *, affine: np.ndarray = AXIAL, dtype: str = "int16") -> hu.Volume:
    return hu.Volume.from_array(np.asfortranarray(np.asarray(values, dtype)), affine=affine)


def row(values: list[float], **more: str) -> hu.Volume:
    return ct(np.reshape(values, (-1, 1, 1)), **more)


def column(values: list[float]) -> hu.Volume:
    return ct(np.reshape(values, (1, 1, -1)))


def made(volume: hu.Volume, *steps: object) -> hu.Volume:
    return hu.Pipeline(steps).run(volume).volume


class TestStoredToHu:
    """One slope for all; uint16 + (-1024) overflows; padding is rescaled with the rest."""

    def stack(self, stored: np.ndarray, **more: object) -> Stack:
        count = stored.shape[2]
        fields = {
            "shape": stored.shape,
            "origins_ras_mm": [(0, 0, k) for k in range(count)],
            "step_i_ras_mm": (-1, 0, 0),
            "step_j_ras_mm": (0, -1, 0),
            "stored_dtype": stored.dtype,
            "decode": lambda a, b: stored[:, :, a:b],
            "slopes": np.ones(count),
            "intercepts": np.full(count, -1024.0),
            **more,
        }
        return Stack(**fields)  # type: ignore[arg-type]

    def test_every_slice_has_its_own_slope(self) -> None:
        stored = np.full((2, 2, 3), 100, np.uint16, order="F")
        volume = self.stack(stored, slopes=[1, 2, 3], intercepts=[0, -5, 10]).volume()
        assert volume.array[0, 0].tolist() == [100, 195, 310]

    def test_unsigned_storage_never_overflows(self) -> None:
        stored = np.asfortranarray(
            np.array([0, 1023, 1024, 4095, 65535], np.uint16).reshape(5, 1, 1)
        )
        assert self.stack(stored).volume().array.ravel().tolist() == [-1024, -1, 0, 3071, 64511]

    def test_padding_is_air_and_never_bleeds_into_what_is_interpolated(self) -> None:
        stored = np.full((9, 9, 4), 1024, np.int16, order="F")
        stored[:3] = -2000
        stack = self.stack(stored, padding=(-2000, -2000))
        for method in ("linear", "cubic", "conservative", "area"):
            array = (
                hu.Pipeline((hu.Resample(spacing_mm=0.7, method=method),)).run(stack).volume.array
            )
            assert array.min() >= -1024
            assert array.max() <= 0
        assert np.unique(stack.volume().array).tolist() == [-1024, 0]

    def test_padding_is_air_to_a_window_and_a_projection_too(self) -> None:
        stored = np.full((2, 1, 5), 1064, np.int16, order="F")
        stored[0] = 20000  # a padding value above every HU
        stack = self.stack(stored, padding=(20000, 20000))
        mip = hu.Pipeline((hu.Window(name="brain"), hu.Slab(slices=3))).run(stack).volume
        assert np.unique(mip.array[0]).tolist() == [0]
        assert np.unique(mip.array[1]).tolist() == [0.5]


class TestWindow:
    """width // 2: width 5 covers 4, width 1 one value; integer arrays cut the bounds."""

    @pytest.mark.parametrize("width", [1, 2, 5, 80])
    def test_a_window_is_as_wide_as_it_says(self, width: int) -> None:
        values = np.arange(-100, 100, 0.25)
        shown = made(
            row(values.tolist(), dtype="float32"), hu.Window(center_hu=0, width_hu=width)
        ).array.ravel()
        grey = values[(shown > 0) & (shown < 1)]
        assert np.ptp(grey) == width - 0.5

    def test_whole_numbers_are_windowed_as_fractions_are(self) -> None:
        values = list(range(-20, 120))
        assert np.array_equal(
            made(row(values), hu.Window(name="stroke-narrow")).array,
            made(row(values, dtype="float32"), hu.Window(name="stroke-narrow")).array,
        )

    def test_several_windows_are_channels(self) -> None:
        channels = hu.preset("head-3-windows").steps[-1]
        assert made(row([40, 80]), channels).array.shape == (2, 1, 1, 3)


class TestPad:
    """Raises when the input is larger; pads 0 HU, which is water; float64."""

    def test_a_pad_is_air_and_keeps_the_dtype(self) -> None:
        padded = made(ct(np.full((2, 2, 2), 40)), hu.CropOrPad(shape=(4, 4, 4)))
        assert padded.spec.dtype == np.int16
        assert np.unique(padded.array).tolist() == [-1024, 40]

    def test_a_larger_input_is_cropped_instead(self) -> None:
        assert made(ct(np.zeros((600, 300, 2))), hu.CropOrPad(shape=(512, 512, None))).shape == (
            512,
            512,
            2,
        )

    def test_after_a_window_a_pad_is_black_and_not_minus_1024(self) -> None:
        padded = made(
            ct(np.full((2, 2, 2), 40)), hu.Window(name="brain"), hu.CropOrPad(shape=(4, 4, 4))
        )
        assert np.unique(padded.array).tolist() == [0, 0.5]

    def test_a_pad_moves_the_affine_and_no_voxel(self) -> None:
        source = ct(np.arange(8).reshape(2, 2, 2))
        padded = made(source, hu.CropOrPad(shape=(6, 5, 4)))
        index = np.rint(padded.grid.index(source.grid.world(list(np.ndindex(2, 2, 2))))).astype(int)
        assert padded.array[tuple(index.T)].tolist() == list(range(8))


class TestSliceDistance:
    """The difference of z of any two files."""

    def test_it_is_measured_along_the_normal_over_all_gaps(self) -> None:
        lean = np.array([0, np.sin(0.3), np.cos(0.3)])
        count = 5
        stored = np.zeros((3, 3, count), np.int16, order="F")
        stack = Stack(
            shape=stored.shape,
            origins_ras_mm=np.outer(np.arange(count) * 4, lean),
            step_i_ras_mm=(-1, 0, 0),
            step_j_ras_mm=(0, -np.cos(0.3), np.sin(0.3)),
            stored_dtype=stored.dtype,
            decode=lambda a, b: stored[:, :, a:b],
            slopes=np.ones(count),
            intercepts=np.zeros(count),
        )
        assert stack.gaps_mm == pytest.approx([4] * 4)
        assert stack.grid.spacing_mm[2] == pytest.approx(4)
        assert np.diff(stack.origins_ras_mm[:, 2])[0] < 3.9  # what the tutorials would have taken


class TestResample:
    """A slice as a volume; 512 at 0.501953 gives 1.00195 mm; cubic rings; a lost partial voxel."""

    @pytest.mark.parametrize("thickness", [0.4, 1.0, 5.0])
    def test_a_single_slice_is_resampled_in_plane_only(self, thickness: float) -> None:
        one = made(
            ct(np.zeros((8, 8, 1)), affine=np.diag([0.5, 0.5, thickness, 1])),
            hu.Resample(spacing_mm=1),
        )
        assert one.shape == (4, 4, 1)
        assert one.grid.spacing_mm == (1, 1, thickness)

    def test_1_mm_is_1_mm(self) -> None:
        grid = made(
            ct(np.zeros((512, 512, 2)), affine=np.diag([0.501953, 0.501953, 5, 1])),
            hu.Resample(spacing_mm=1),
        ).grid
        assert grid.spacing_mm == (1, 1, 1)
        assert grid.shape[0] * 1.0 >= 512 * 0.501953

    @pytest.mark.parametrize("method", ["cubic", "conservative", "linear", "area", "auto"])
    def test_a_step_of_bone_and_air_never_rings(self, method: str) -> None:
        edge = np.full((20, 20, 20), -1000)
        edge[10:, 8:, 5:] = 1000
        for spacing in (0.31, 0.7, 1.6):
            array = made(ct(edge), hu.Resample(spacing_mm=spacing, method=method)).array
            assert np.abs(array).max() <= 1000 + 1e-3

    def test_the_last_partial_voxel_is_not_dropped(self) -> None:
        assert made(column([0, 10, 20, 30, 40]), hu.Resample(shape=(1, 1, 5))).shape[2] == 5
        thinner = made(
            ct(np.zeros((1, 1, 5)), affine=np.diag([1, 1, 0.9, 1])), hu.Resample(spacing_mm=1)
        )
        assert thinner.shape[2] == 5

    def test_what_gets_coarser_is_averaged_and_not_aliased(self) -> None:
        stripes = np.tile([-1000, 1000], 32).reshape(64, 1, 1) * np.ones((1, 4, 4))
        array = made(ct(stripes), hu.Resample(spacing_mm=(4, 1, 1))).array
        assert np.abs(array[1:-1]).max() < 200
        assert (
            np.abs(
                made(ct(stripes), hu.Resample(spacing_mm=(3.9, 1, 1), method="linear")).array
            ).max()
            > 200
        )

    def test_the_orientation_is_not_ignored(self) -> None:
        source = ct(np.random.default_rng(0).integers(0, 99, (8, 9, 10)))
        turned = hu.regrid(source, source.grid.reoriented("PIR"))
        first, second = (
            made(one, hu.Reorient("RAS"), hu.Resample(spacing_mm=1.3, method="linear"))
            for one in (source, turned)
        )
        assert first.grid.same_as(second.grid)
        assert np.abs(first.array - second.array).max() < 1e-3

    def test_values_are_float32_and_not_float64(self) -> None:
        assert made(ct(np.zeros((4, 4, 4))), hu.Resample(spacing_mm=0.7)).spec.dtype == np.float32


class TestIntervalMapping:
    """No clip (3000 HU becomes 2.82); zero range gives -inf; uint8 wraps."""

    def test_what_lies_beyond_the_interval_stays_at_its_ends(self) -> None:
        mapped = made(
            row([-2000, -100, 450, 1000, 3000]), hu.MapRange(from_low=-100, from_high=1000)
        )
        assert mapped.array.ravel() == pytest.approx([0, 0, 0.5, 1, 1])

    def test_a_zero_range_is_refused(self) -> None:
        with pytest.raises(hu.QuantityError):
            hu.MapRange(from_low=5, from_high=5)

    def test_uint8_never_wraps(self) -> None:
        steps = hu.Pipeline((hu.MapRange(from_low=-100, from_high=1000, to_high=255),))
        grey = steps.run(row([-2000, 450, 3000]), dtype="uint8").volume
        assert grey.array.ravel().tolist() == [0, 128, 255]
        with pytest.raises(hu.QuantityError, match="do not fit uint8"):
            hu.Pipeline(()).run(row([-1, 256]), dtype="uint8")


class TestMip:
    """The last slices stay 0; shifted by half a slab; in slices, not mm; one axis."""

    def test_every_slice_has_its_slab_and_none_is_water(self) -> None:
        mip = made(column([-900 - n for n in range(12)]), hu.Slab(slices=5))
        assert mip.array.ravel().tolist() == [-900, -900, -900, *range(-901, -910, -1)]

    def test_a_spot_stays_in_the_middle_of_its_slab(self) -> None:
        values = [-1000] * 12
        values[6] = 700
        assert np.flatnonzero(
            made(column(values), hu.Slab(slices=5)).array.ravel() == 700
        ).tolist() == [4, 5, 6, 7, 8]

    def test_an_even_slab_says_that_it_lies_half_a_slice_lower(self) -> None:
        source = column(list(range(12)))
        grid = made(source, hu.Slab(slices=4)).grid
        assert grid.world((0, 0, 2))[2] == pytest.approx(source.grid.world((0, 0, 1.5))[2])

    def test_millimetres_mean_the_same_on_any_spacing(self) -> None:
        fine = ct(np.zeros((1, 1, 20)), affine=np.diag([1, 1, 0.5, 1]))
        slab = hu.Slab(thickness_mm=5)
        widths = [
            (slab.windows(one.grid).stop - slab.windows(one.grid).start).max()
            for one in (fine, column([0] * 20))
        ]
        assert widths == [10, 5]

    def test_all_three_planes_and_statistics_are_there(self) -> None:
        source = ct(np.random.default_rng(1).integers(-1000, 1000, (6, 7, 8)))
        for axis, plane in enumerate(("sagittal", "coronal", "axial")):
            for statistic, join in (("max", np.max), ("min", np.min), ("mean", np.mean)):
                slab = made(source, hu.Slab(slices=3, plane=plane, statistic=statistic)).array
                truth = join(np.take(source.array, [2, 3, 4], axis=axis).astype(float), axis=axis)
                assert np.allclose(np.take(slab, 3, axis=axis), truth, atol=1e-3)


class TestArrays:
    """npy loses spacing, position, units."""

    def test_an_npy_comes_back_with_its_grid_and_its_quantity(self, tmp_path: Path) -> None:
        source = ct(
            np.random.default_rng(2).integers(-1000, 1000, (4, 5, 6)),
            affine=np.diag([-0.7, -0.7, 3, 1]),
        )
        hu.write(source, tmp_path / "scan.npy")
        back = hu.read(tmp_path / "scan.npy")
        assert back.spec == source.spec
        assert np.array_equal(back.array, source.array)
        assert np.array_equal(np.load(tmp_path / "scan.npy"), source.array)
        assert "affine" in json.dumps(json.loads((tmp_path / "scan.json").read_text()))


class TestOrientation:
    """'NIfTI usually comes flipped': two weeks lost."""

    def test_a_flip_is_seen_in_the_world_and_undone_by_the_affine(self) -> None:
        image = ct(np.zeros((4, 5, 6)))
        label = hu.Volume.from_array(
            np.eye(4, 5, dtype=np.uint8)[..., None] * np.ones(6, np.uint8),
            affine=image.grid.affine,
            quantity="label",
        )
        flipped = hu.regrid(label, image.grid.reoriented("RAS"))
        assert hu.compare(image, label).same
        found = hu.compare(image, flipped)
        assert not found.same
        assert found.max_corner_mm == pytest.approx(0)
        assert any("RAS" in sentence for sentence in found.differences)
        assert np.array_equal(hu.regrid(flipped, image.grid).array, label.array)

    def test_a_header_is_never_copied_in_silence(self) -> None:
        image = ct(np.zeros((4, 5, 6)))
        label = hu.Volume.from_array(
            np.zeros((4, 5, 6), np.uint8), affine=np.diag([1.0, 1, 1, 1]), quantity="label"
        )
        with pytest.raises(hu.GeometryError, match="regrid"):
            hu.Pipeline((hu.Reorient(),)).run(hu.Case(image, {"organs": label}))


class TestTextAndCode:
    """Says clip 0..1900 for bone, does -100..1000."""

    def test_a_preset_does_what_its_file_says(self) -> None:
        clip = next(step for step in hu.preset("isotropic-mip").steps if isinstance(step, hu.Clip))
        assert (clip.low_hu, clip.high_hu) == (-100, 1000)
        assert {
            "head",
            "isotropic-mip",
            "head-3-windows",
            "lung",
            "abdomen",
            "bone",
            "nnunet-ct",
        } <= set(preset_names())

    def test_there_is_one_table_of_windows(self) -> None:
        for name, (center, width) in hu.WINDOWS.items():
            assert applied(
                hu.Window(name=name), row([center - width / 2, center + width / 2], dtype="float32")
            ).image.array.ravel() == (pytest.approx([0, 1], abs=1e-4))
        assert hu.WINDOWS["bone-tutorial"] == (400, 1000)


def test_head_pads_with_air_until_the_window_and_then_with_black() -> None:
    plan = hu.preset("head").plan(ct(np.zeros((8, 8, 8))).spec)
    assert plan.specs[-2].background == -1024
    assert plan.spec.background == 0
