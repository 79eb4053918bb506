"""Promises of BodyMask, HeadMask, BrainMask, FillOutside and CropToMask on known scenes."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import hounsfield as hu
from hounsfield.core.errors import PipelineError, QuantityError, RefusedError
from hounsfield.core.grid import Grid
from hounsfield.core.volume import Case, Volume
from hounsfield.phantom import Head, grid_about, head
from hounsfield.steps.body_mask import BodyMask
from hounsfield.steps.box import Box
from hounsfield.steps.brain_mask import BrainMask
from hounsfield.steps.crop_to_mask import CropToMask
from hounsfield.steps.fill_outside import FillOutside
from hounsfield.steps.fixed_mask import FixedMask
from hounsfield.steps.head_mask import HeadMask
from tests.reported import reported

Mask = NDArray[np.bool_]


@pytest.fixture(scope="module")
def phantom() -> Head:
    """A head in its headrest, 2 mm isotropic."""
    return head(grid_about((0, -14, -5), shape=(130, 140, 104), spacing_mm=(2, 2, 2)))


def dice(a: NDArray[np.generic], b: NDArray[np.generic]) -> float:
    one, other = a.astype(bool), b.astype(bool)
    return float(2 * (one & other).sum() / (one.sum() + other.sum()))


def found(step: HeadMask | BodyMask | BrainMask, image: Volume) -> Mask:
    fixed = step.resolve(Case(image))
    assert fixed.voxels is not None
    return np.asarray(fixed.voxels.array.astype(bool))


def ct(array: NDArray[np.generic], spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> Volume:
    return Volume.from_array(array, affine=np.diag([*spacing, 1.0]))


def air(shape: tuple[int, int, int]) -> NDArray[np.int16]:
    return np.full(shape, -1000, np.int16, order="F")


def test_head_mask_is_the_head_and_nothing_of_the_headrest(phantom: Head) -> None:
    mask = found(HeadMask(), phantom.image)
    assert dice(mask, phantom.masks["head"].array) > 0.99
    assert not (mask & phantom.masks["headrest"].array.astype(bool)).any()


def test_brain_mask_is_the_inside_of_the_skull(phantom: Head) -> None:
    mask = found(BrainMask(), phantom.image)
    assert dice(mask, phantom.masks["brain"].array) > 0.97
    assert phantom.image.array[mask].max() <= 300


@pytest.mark.parametrize("spacing", [(1.5, 1.5, 5.0), (1.5, 1.5, 6.9)])
def test_masks_hold_on_thick_slices(spacing: tuple[float, float, float]) -> None:
    shape = tuple(int(mm / step) for mm, step in zip((250, 270, 190), spacing, strict=True))
    scene = head(grid_about((0, -10, 5), shape=shape, spacing_mm=spacing))
    mask = found(HeadMask(), scene.image)
    assert dice(mask, scene.masks["head"].array) > 0.99
    assert not (mask & scene.masks["headrest"].array.astype(bool)).any()
    assert dice(found(BrainMask(), scene.image), scene.masks["brain"].array) > 0.95


@pytest.mark.parametrize("step", [HeadMask(), BodyMask(), BrainMask()])
def test_masks_do_not_depend_on_the_order_of_axes(
    phantom: Head, step: HeadMask | BodyMask | BrainMask
) -> None:
    straight = found(step, phantom.image)
    array = phantom.image.array
    for turn in ((2, 0, 1), (1, 2, 0)):
        turned = phantom.image.spec.replaced(grid=phantom.image.grid.permuted(turn))
        np.testing.assert_array_equal(
            found(step, Volume(array.transpose(turn), turned)), straight.transpose(turn)
        )
    for axis in range(3):
        flipped = phantom.image.spec.replaced(grid=phantom.image.grid.flipped([axis]))
        np.testing.assert_array_equal(
            found(step, Volume(np.flip(array, axis), flipped)), np.flip(straight, axis)
        )


def test_masks_do_not_depend_on_the_air_around(phantom: Head) -> None:
    array = phantom.image.array.copy(order="F")
    array[~phantom.masks["head"].array.astype(bool)] = -1000
    case = Case(Volume(array, phantom.image.spec), {}, {"head": phantom.masks["head"]})
    mask = found(HeadMask(), case.image)
    box = CropToMask(mask="head", margin_mm=6).resolve(case)
    cropped = box.apply(case)
    inside = tuple(slice(a, a + n) for a, n in zip(box.start, box.shape, strict=True))
    np.testing.assert_array_equal(found(HeadMask(), cropped.image), mask[inside])


def test_a_scan_of_air_says_that_its_mask_is_empty() -> None:
    for step in (HeadMask(), BodyMask(), BrainMask()):
        with pytest.raises(RefusedError, match="empty") as refused:
            step.resolve(Case(ct(air((40, 40, 20)))))
        assert refused.value.codes == ("EMPTY_MASK",)


def test_an_empty_mask_is_kept_on_request_and_said() -> None:
    fixed = HeadMask(empty="keep").resolve(Case(ct(air((40, 40, 20)))))
    assert [diagnostic.code for diagnostic in fixed.diagnostics] == ["EMPTY_MASK"]
    assert not fixed.apply(Case(ct(air((40, 40, 20))))).masks["head"].array.any()


def test_masks_ask_for_hu() -> None:
    unit = Volume.from_array(np.zeros((8, 8, 8), np.float32), affine=np.eye(4), quantity="unit")
    for step in (HeadMask(), BodyMask(), BrainMask()):
        with pytest.raises(QuantityError, match="needs HU, but the image is unit"):
            step.plan(unit.spec)


def test_the_digest_is_that_of_the_packed_mask(phantom: Head) -> None:
    fixed = HeadMask().resolve(Case(phantom.image))
    assert fixed.voxels is not None
    packed = np.packbits(fixed.voxels.array, axis=0, bitorder="little").tobytes("F")
    assert fixed.sha256 == hashlib.sha256(packed).hexdigest()


def test_a_fixed_mask_without_voxels_says_what_to_do(phantom: Head) -> None:
    with pytest.raises(PipelineError, match="run the pipeline that computed it"):
        FixedMask(name="head", sha256="0" * 64).apply(Case(phantom.image))


def test_fill_outside_takes_the_background_and_not_water(phantom: Head) -> None:
    case = HeadMask().resolve(Case(phantom.image)).apply(Case(phantom.image))
    filled = FillOutside(mask="head").apply(case)
    mask = case.masks["head"].array.astype(bool)
    assert set(np.unique(filled.image.array[~mask])) == {-1024}
    np.testing.assert_array_equal(filled.image.array[mask], phantom.image.array[mask])
    assert filled.image.spec == FillOutside(mask="head").plan(phantom.image.spec)


def test_a_step_that_misses_its_mask_says_which_there_are(phantom: Head) -> None:
    case = Case(phantom.image, {"lung": phantom.labels}, {"brain": phantom.masks["brain"]})
    for act in (FillOutside(mask="head").apply, CropToMask(mask="head").resolve):
        with pytest.raises(
            QuantityError, match=r"no mask or label 'head' \(available: brain, lung\)"
        ):
            act(case)


def marked(
    shape: tuple[int, int, int],
    *points: tuple[int, int, int],
    spacing: tuple[float, float, float] = (1.0, 1.0, 1.0),
) -> Case:
    mask = np.zeros(shape, np.uint8, order="F")
    for point in points:
        mask[point] = 1
    image = ct(air(shape), spacing)
    return Case(
        image,
        {"lung": Volume.from_array(mask * 7, affine=image.grid.affine, quantity="label")},
        {"head": Volume.from_array(mask, affine=image.grid.affine, quantity="mask")},
    )


@pytest.mark.parametrize("name", ["head", "lung"])
def test_crop_keeps_the_last_row_and_column(name: str) -> None:
    box = CropToMask(mask=name).resolve(marked((20, 20, 10), (3, 4, 2), (5, 8, 9)))
    assert box == Box(start=(3, 4, 2), shape=(3, 5, 8))


def test_crop_to_one_voxel_keeps_one_voxel() -> None:
    assert CropToMask(mask="head").resolve(marked((9, 9, 9), (8, 0, 4))) == Box(
        start=(8, 0, 4), shape=(1, 1, 1)
    )


def test_the_margin_is_in_mm_and_stops_at_the_volume() -> None:
    case = marked((20, 20, 10), (3, 10, 5), spacing=(0.5, 1.0, 5.0))
    assert CropToMask(mask="head", margin_mm=2.0).resolve(case) == Box(
        start=(0, 8, 4), shape=(8, 5, 3)
    )


def test_crop_to_an_empty_mask_is_refused_or_keeps_all() -> None:
    case = marked((6, 5, 4))
    with pytest.raises(RefusedError, match="'head' is empty"):
        CropToMask(mask="head").resolve(case)
    assert CropToMask(mask="head", empty="keep").resolve(case) == Box(
        start=(0, 0, 0), shape=(6, 5, 4)
    )


def test_the_real_head_has_no_bone_in_its_brain_and_no_headrest(real_data: Path) -> None:
    import nibabel as nib

    source = nib.load(next((real_data / "head_ge_tilt_varspacing" / "dcm2niix_ref").glob("*.nii*")))
    array = np.maximum(np.asanyarray(source.dataobj), -1024).astype(np.int16)
    image = Volume.from_array(array, affine=source.affine)
    brain, outline = found(BrainMask(), image), found(HeadMask(), image)
    assert image.array[brain].max() <= 300
    volume_ml = np.prod(image.grid.spacing_mm) / 1000
    assert 1300 < brain.sum() * volume_ml < 1700
    assert 3100 < outline.sum() * volume_ml < 3500
    assert not (brain & ~outline).any()
    assert isinstance(image.grid, Grid)


def test_the_real_body_holds_every_label(real_data: Path) -> None:
    import nibabel as nib

    folder = real_data / "torso_nifti_3mm_seg"
    source = nib.load(folder / "example_ct.nii.gz")
    labels = np.asanyarray(nib.load(folder / "example_seg_fast_force_split.nii.gz").dataobj)
    image = Volume.from_array(np.asanyarray(source.dataobj).astype(np.int16), affine=source.affine)
    mask = found(BodyMask(), image)
    assert (mask & (labels > 0)).sum() > 0.9999 * (labels > 0).sum()
    assert mask.mean() < 0.7


def test_a_whole_skull_is_not_called_open(phantom: Head) -> None:
    assert BrainMask().resolve(Case(phantom.image)).diagnostics == ()


def test_brain_mask_says_that_the_vertex_is_cut(phantom: Head) -> None:
    low = Box(start=(0, 0, 0), shape=(130, 140, 60)).apply(
        Case(phantom.image, {}, dict(phantom.masks))
    )
    fixed = BrainMask().resolve(low)
    assert [
        (diagnostic.code, "superior" in diagnostic.message) for diagnostic in fixed.diagnostics
    ] == [("SKULL_CUT", True)]
    assert fixed.voxels is not None
    assert dice(fixed.voxels.array, low.masks["brain"].array) > 0.97


def test_brain_mask_says_that_the_skull_is_open(phantom: Head) -> None:
    array, brain = phantom.image.array.copy(order="F"), phantom.masks["brain"].array.astype(bool)
    i, j, k = np.ogrid[:130, :140, :104]
    middle = [int(places.mean()) for places in np.nonzero(brain)]
    hole = (
        ((j - middle[1]) ** 2 + (k - middle[2] - 3) ** 2 < 20**2) & (i > middle[0]) & (array > 150)
    )
    array[hole] = 40
    fixed = BrainMask().resolve(Case(Volume(array, phantom.image.spec)))
    assert [diagnostic.code for diagnostic in fixed.diagnostics] == ["SKULL_OPEN"]
    assert fixed.voxels is not None
    mask = fixed.voxels.array.astype(bool)
    assert dice(mask, brain) > 0.9
    assert (mask & ~brain).sum() < 0.02 * brain.sum()


def test_a_headrest_that_touches_the_head_is_cut(phantom: Head) -> None:
    array, rest = phantom.image.array.copy(order="F"), phantom.masks["headrest"].array.astype(bool)
    truth = phantom.masks["head"].array.astype(bool)
    i, _, k = np.ogrid[:130, :140, :104]
    bridge = (np.cumsum(truth, axis=1) == 0) & (np.cumsum(rest[:, ::-1], axis=1)[:, ::-1] == 0)
    for row in np.argwhere((np.abs(i - 64) < 8) & (np.abs(k - 55) < 8))[:, [0, 2]]:
        line = array[row[0], :, row[1]]
        skin, shell = (
            np.flatnonzero(truth[row[0], :, row[1]]),
            np.flatnonzero(rest[row[0], :, row[1]]),
        )
        if len(skin) and len(shell):
            nearest = shell[np.argmin(np.minimum(abs(shell - skin[0]), abs(shell - skin[-1])))]
            near = skin[0] if abs(nearest - skin[0]) < abs(nearest - skin[-1]) else skin[-1]
            line[min(near, nearest) : max(near, nearest) + 1] = 100
    assert bridge.any()
    mask = found(HeadMask(), Volume(array, phantom.image.spec))
    assert dice(mask, truth) > 0.99
    assert (mask & rest).sum() < 0.002 * truth.sum()


def test_left_out_tissue_makes_a_mask_doubtful() -> None:
    array = air((80, 80, 60))
    array[25:55, 25:55, 10:50] = 40
    array[:3] = 40
    assert BodyMask().resolve(Case(ct(array))).diagnostics == ()
    array[65:69] = array[:, 65:69] = array[:, 72:76] = 700
    for step in (BodyMask(), HeadMask()):
        first = step.resolve(Case(ct(array))).diagnostics[0]
        assert first.code == "MASK_DOUBTFUL"
        assert "of all tissue is outside the mask" in first.message


def test_noise_leaves_the_masks(phantom: Head) -> None:
    noise = np.random.default_rng(7).normal(0, 60, phantom.image.shape)
    loud = Volume((phantom.image.array + noise).astype(np.int16), phantom.image.spec)
    assert dice(found(HeadMask(), loud), phantom.masks["head"].array) > 0.99
    assert dice(found(BrainMask(), loud), phantom.masks["brain"].array) > 0.95


def test_air_at_a_cut_neck_is_inside() -> None:
    array = air((60, 60, 40))
    i, j, _ = np.ogrid[:60, :60, :40]
    array[np.broadcast_to((i - 30) ** 2 + (j - 30) ** 2 < 22**2, array.shape)] = 40
    array[np.broadcast_to((i - 30) ** 2 + (j - 22) ** 2 < 7**2, array.shape)] = -1000
    assert found(HeadMask(), ct(array))[30, 22].all()


def test_air_behind_a_narrow_opening_is_inside() -> None:
    array = air((80, 80, 70))
    array[5:75, 5:75, 5:65] = 40
    array[30:50, 30:50, 27:43] = -1000
    array[38:42, 5:30, 33:37] = -1000
    assert found(HeadMask(), ct(array))[30:50, 30:50, 27:43].all()


def test_two_thighs_are_both_the_body() -> None:
    array = air((120, 60, 30))
    i, j, _ = np.ogrid[:120, :60, :30]
    for middle in (30, 90):
        array[np.broadcast_to((i - middle) ** 2 + (j - 30) ** 2 < 20**2, array.shape)] = 40
    array[:, 54:57] = 100
    body, single = found(BodyMask(), ct(array)), found(HeadMask(), ct(array))
    assert body[30, 30, 15]
    assert body[90, 30, 15]
    assert not body[:, 54:57].any()
    assert single[30, 30, 15] != single[90, 30, 15]


def test_masks_agree_over_spacings(phantom: Head) -> None:
    skipped = phantom.image.spec.replaced(grid=phantom.image.grid.resampled(shape=(65, 70, 52)))
    averaged = (
        phantom.image.array.reshape(65, 2, 70, 2, 52, 2)
        .mean(axis=(1, 3, 5))
        .round()
        .astype(np.int16)
    )
    for step in (HeadMask(), BodyMask(), BrainMask()):
        small = (
            found(step, Volume(averaged, skipped))
            .repeat(2, axis=0)
            .repeat(2, axis=1)
            .repeat(2, axis=2)
        )
        assert dice(small, found(step, phantom.image)) > 0.97


def test_a_crop_to_an_empty_label_that_is_kept_is_reported() -> None:
    image = ct(np.full((8, 9, 10), 40, np.int16))
    nothing = Volume.from_array(
        np.zeros((8, 9, 10), np.uint8), affine=image.affine, quantity="label"
    )
    steps = hu.Pipeline([hu.CropToMask(mask="liver", empty="keep")])
    with reported("EMPTY_MASK"):
        result = steps.run(hu.Case(image, {"liver": nothing}))
    assert result.volume.shape == (8, 9, 10)
    assert [each["code"] for each in result.record.diagnostics] == ["EMPTY_MASK"]
    assert "diagnostics" not in result.record.steps[0]
