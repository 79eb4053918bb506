"""Promises of LungMask on the chest phantom, whose truth is known, and on real scans."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import hounsfield as hu
from hounsfield.core.errors import PipelineError, QuantityError, RefusedError
from hounsfield.phantom import Chest, Thorax, chest, grid_about
from hounsfield.steps.fixed_masks import FixedMasks
from hounsfield.steps.lung_mask import ALL_PARTS, LungMask

Mask = NDArray[np.bool_]

NODULE_MM, SEPTUM_MM = 18.0, 0.8


@pytest.fixture(scope="module")
def phantom() -> Chest:
    """Lungs that touch in front of the heart, and a nodule at the pleura, 3 mm isotropic."""
    grid = grid_about((0, -5, 0), shape=(130, 106, 112), spacing_mm=(3, 3, 3))
    return chest(grid, thorax=Thorax(nodule_mm=NODULE_MM, septum_mm=SEPTUM_MM))


def resolved(image: hu.Volume) -> tuple[FixedMasks, dict[str, Mask]]:
    fixed = LungMask().resolve(hu.Case(image))
    return fixed, {
        name: np.asarray(voxels.array > 0)
        for name, voxels in zip(fixed.names, fixed.voxels, strict=True)
    }


def truth(made: Chest) -> dict[str, Mask]:
    return {name: np.asarray(mask.array > 0) for name, mask in made.masks.items()}


def dice(a: Mask, b: Mask) -> float:
    return float(2 * (a & b).sum() / max(a.sum() + b.sum(), 1))


def codes(fixed: FixedMasks) -> set[tuple[str, str]]:
    return {(each.code, each.severity) for each in fixed.diagnostics}


def expect_lungs(found: Mapping[str, Mask], true: Mapping[str, Mask], least: float) -> None:
    for side in ("lung-left", "lung-right", "lung"):
        assert dice(found[side], true[side]) > least
    assert not (found["lung-left"] & found["lung-right"]).any()
    assert ((found["lung-left"] | found["lung-right"]) == found["lung"]).all()
    assert not (found["trachea"] & found["lung"]).any()
    assert (found["lung"] & true["trachea"]).sum() < 0.01 * true["trachea"].sum()


def test_the_masks_are_those_of_the_phantom_and_nothing_is_doubtful(phantom: Chest) -> None:
    """Lungs that a septum of 0.8 mm divides, a nodule, vessels; no gas of gut and oesophagus."""
    fixed, found = resolved(phantom.image)
    true = truth(phantom)
    expect_lungs(found, true, 0.98)
    assert dice(found["trachea"], true["trachea"]) > 0.93
    assert (found["lung"] & true["nodule"]).sum() > 0.95 * true["nodule"].sum()
    gas = np.asarray(phantom.labels.array == 42)
    assert not (gas & (found["lung"] | found["trachea"])).any()
    assert codes(fixed) == set()


@pytest.mark.slow
@pytest.mark.parametrize("spacing", [(2.0, 2.0, 5.0), (1.5, 3.0, 10.0)])
def test_the_masks_hold_on_any_spacing(spacing: tuple[float, float, float]) -> None:
    shape = [int(size / mm) for size, mm in zip((390, 318, 210), spacing, strict=True)]
    variant = Thorax(nodule_mm=NODULE_MM, septum_mm=1.0)
    made = chest(grid_about((0, -5, 0), shape=shape, spacing_mm=spacing), thorax=variant)
    found, true = resolved(made.image)[1], truth(made)
    for side in ("lung-left", "lung-right"):
        assert dice(found[side], true[side]) > 0.98
    assert (found["lung"] & true["nodule"]).sum() > 0.95 * true["nodule"].sum()
    crossed = (found["lung"] & true["trachea"]).sum() / true["trachea"].sum()
    assert crossed < (0.02 if max(spacing) <= 5 else 0.1)


@pytest.mark.slow
def test_the_masks_hold_on_a_turned_child_and_in_noise() -> None:
    """Half the size, rolled by 20 degrees, with noise of 50 HU."""
    grid = grid_about((0, -5, 0), shape=(110, 110, 100), spacing_mm=(2, 2, 2))
    variant = Thorax(size=0.5, turn_deg=(8.0, 5.0, 20.0))
    made = chest(grid, thorax=variant, table=False, noise_hu=50)
    fixed, found = resolved(made.image)
    true = truth(made)
    for side in ("lung-left", "lung-right"):
        assert dice(found[side], true[side]) > 0.98
    assert dice(found["trachea"], true["trachea"]) > 0.85
    assert codes(fixed) == set()


def test_left_and_right_are_the_patient_s_for_any_order_of_axes(phantom: Chest) -> None:
    """Prone, feet first, sagittal and coronal stacks: the same voxels, within the last cells."""
    straight = resolved(phantom.image)[1]
    array, spec = phantom.image.array, phantom.image.spec
    for order, flips in (((0, 1, 2), (0, 1)), ((0, 1, 2), (0, 2)), ((1, 2, 0), (1,))):
        grid = spec.grid.permuted(order).flipped(flips)
        turned = np.flip(array.transpose(order), flips)
        found = resolved(hu.Volume(np.asfortranarray(turned), spec.replaced(grid=grid)))[1]
        for name in ALL_PARTS:
            back = np.flip(straight[name].transpose(order), flips)
            assert dice(found[name], np.asarray(back)) > 0.999


def test_the_masks_do_not_depend_on_threads(phantom: Chest) -> None:
    made = []
    try:
        for count in (1, 4):
            hu.set_threads(count)
            made.append(LungMask().resolve(hu.Case(phantom.image)).sha256)
    finally:
        hu.set_threads(None)
    assert made[0] == made[1]


@pytest.mark.parametrize(("start", "stop"), [(40, 90), (60, 63), (70, 71), (26, 45)])
def test_a_scan_that_cuts_the_lungs_has_the_lungs_that_it_shows(
    phantom: Chest, start: int, stop: int
) -> None:
    """Fifty slices, three, one, and the bases around the domes of the diaphragm."""
    box = hu.Box(start=(0, 0, start), shape=(130, 106, stop - start))
    part = box.apply(hu.Case(phantom.image, {}, dict(phantom.masks)))
    fixed, found = resolved(part.image)
    for side in ("lung-left", "lung-right"):
        assert dice(found[side], np.asarray(part.masks[side].array > 0)) > 0.96
    assert ("LUNG_CUT", "warning") in codes(fixed)
    assert "LUNG_DOUBTFUL" not in {code for code, _ in codes(fixed)}
    message = next(each.message for each in fixed.diagnostics if each.code == "LUNG_CUT")
    assert "inferior and superior" in message


def changed(phantom: Chest, where: Mask, value: int) -> hu.Volume:
    array = phantom.image.array.copy(order="F")
    array[where] = value + (array[where] % 30)
    return hu.Volume(array, phantom.image.spec)


def doubt(fixed: FixedMasks) -> str:
    return next(each.message for each in fixed.diagnostics if each.code == "LUNG_DOUBTFUL")


@pytest.mark.parametrize(("side", "other"), [("left", "right"), ("right", "left")])
def test_a_lung_without_air_is_reported_and_the_other_one_is_found(
    phantom: Chest, side: str, other: str
) -> None:
    true = truth(phantom)
    fixed, found = resolved(changed(phantom, true[f"lung-{side}"], 20))
    assert dice(found[f"lung-{other}"], true[f"lung-{other}"]) > 0.97
    assert found[f"lung-{side}"].sum() < 0.01 * true[f"lung-{side}"].sum()
    assert f"no {side} lung found" in doubt(fixed)


def test_a_consolidated_lobe_and_an_effusion_are_reported(phantom: Chest) -> None:
    """The back of the right lung is dense: it is in no mask, and the ratio of the volumes tells."""
    true = truth(phantom)
    behind = np.arange(106)[None, :, None] > 64
    assert phantom.image.grid.orientation == "LPS"
    fixed, found = resolved(changed(phantom, true["lung-right"] & behind, 10))
    assert "ratio" in doubt(fixed)
    assert dice(found["lung-left"], true["lung-left"]) > 0.97
    lost = true["lung-right"] & behind
    assert (found["lung"] & lost).sum() < 0.1 * lost.sum()


def test_gas_of_the_pleura_is_no_lung_and_is_reported(phantom: Chest) -> None:
    true = truth(phantom)
    i, j, k = np.ogrid[:130, :106, :112]
    small = ((i - 46) / 10) ** 2 + ((j - 56) / 14) ** 2 + ((k - 56) / 22) ** 2 < 1
    free = true["lung-right"] & ~small
    fixed, found = resolved(changed(phantom, free, -1010))
    assert "ratio" in doubt(fixed)
    assert (found["lung"] & free).sum() < 0.1 * free.sum()


def test_dense_lungs_are_reported(phantom: Chest) -> None:
    """Lungs of -500 HU, as in edema."""
    air = truth(phantom)["lung"] & (phantom.image.array < -700)
    fixed = resolved(changed(phantom, np.asarray(air), -515))[0]
    assert "median of the left lung" in doubt(fixed)


def test_lungs_that_nothing_divides_are_cut_at_the_midline_or_its_thinnest(phantom: Chest) -> None:
    """Without the septum the lungs are one piece of air, which is cut where it is thin."""
    true = truth(phantom)
    i, j, k = np.ogrid[:130, :106, :112]
    gap = (abs(i - 65) < 3) & (j > 21) & (j < 26) & (k > 62) & (k < 75)
    found = resolved(changed(phantom, np.asarray(gap), -850))[1]
    for side in ("lung-left", "lung-right"):
        assert dice(found[side], true[side]) > 0.97


def test_a_scan_without_lungs_says_what_is_missing() -> None:
    air = hu.Volume.from_array(np.full((40, 40, 20), -1000, np.int16), affine=np.eye(4))
    array = np.full((60, 60, 40), -1000, np.int16)
    array[8:52, 8:52] = 40
    tissue = hu.Volume.from_array(array.copy(), affine=np.eye(4))
    array[25:35, 25:35, 10:30] = -1000
    gas = hu.Volume.from_array(array, affine=np.eye(4))
    for image, words in ((air, "no tissue"), (tissue, "no air"), (gas, "no lung of -400 HU")):
        with pytest.raises(RefusedError, match=words) as refused:
            LungMask().resolve(hu.Case(image))
        assert refused.value.codes == ("EMPTY_MASK",)
        kept = LungMask(empty="keep").resolve(hu.Case(image))
        assert codes(kept) == {("EMPTY_MASK", "warning")}
        assert not any(voxels.array.any() for voxels in kept.voxels)


def test_values_that_are_no_hu_are_refused(phantom: Chest) -> None:
    shifted = hu.Volume(phantom.image.array + np.int16(1024), phantom.image.spec)
    with pytest.raises(RefusedError, match="is empty"):
        LungMask().resolve(hu.Case(shifted))
    with pytest.raises(QuantityError, match="LungMask needs HU"):
        LungMask().plan(phantom.image.spec.replaced(quantity="unit"))


def test_only_the_masks_that_are_asked_for_are_added(phantom: Chest) -> None:
    step = LungMask(masks=["lung-left", "trachea"])
    assert step.adds == ("lung-left", "trachea")
    assert set(step.resolve(hu.Case(phantom.image)).apply(hu.Case(phantom.image)).masks) == {
        "lung-left",
        "trachea",
    }
    assert LungMask(masks="lung").masks == ("lung",)
    for wrong in ([], ["lungs"], ["lung", "lung"]):
        with pytest.raises(QuantityError, match="masks is"):
            LungMask(masks=wrong)


def test_the_preset_crops_to_the_lungs_and_its_record_runs_again(
    phantom: Chest, tmp_path: Path
) -> None:
    done = hu.preset("lung", settings={"Resample.spacing_mm": 3}).run(phantom.image)
    places = np.argwhere(done.masks["lung"].array)
    margins = [*places.min(axis=0), *(np.array(done.volume.shape) - 1 - places.max(axis=0))]
    assert set(margins) == {2}  # 5 mm, rounded up to voxels of 3 mm
    assert done.volume.array.min() == 0
    assert float(np.median(done.volume.array[done.masks["lung"].array > 0])) < 0.15
    path = tmp_path / "record.json"
    path.write_text(json.dumps(done.record.to_json()), encoding="utf-8")
    again = hu.Pipeline.load(path, resolved=True).run(phantom.image)
    assert (again.volume.array == done.volume.array).all()
    assert (again.masks["lung"].array == done.masks["lung"].array).all()


def test_every_mask_of_a_record_runs_again(phantom: Chest, tmp_path: Path) -> None:
    pipeline = hu.Pipeline([LungMask(), hu.CropToMask(mask="lung-right")])
    done = pipeline.run(phantom.image)
    path = tmp_path / "record.json"
    path.write_text(json.dumps(done.record.to_json()), encoding="utf-8")
    again = hu.Pipeline.load(path, resolved=True).run(phantom.image)
    assert set(again.masks) == set(ALL_PARTS)
    for name, mask in done.masks.items():
        assert (again.masks[name].array == mask.array).all()


def test_a_record_with_other_counts_is_refused() -> None:
    image = hu.Volume.from_array(np.zeros((4, 4, 4), np.int16), affine=np.eye(4))
    with pytest.raises(QuantityError, match="expected one of each"):
        FixedMasks(names=("lung", "trachea"), sha256=("0" * 64,))
    with pytest.raises(PipelineError, match="run the pipeline that computed it"):
        FixedMasks(names=("lung",), sha256=("0" * 64,)).apply(hu.Case(image))


def test_a_pipeline_knows_the_names_of_the_masks(phantom: Chest) -> None:
    hu.Pipeline([LungMask(), hu.FillOutside(mask="lung-left")]).plan(phantom.image)
    with pytest.raises(PipelineError, match="put LungMask before it"):
        hu.Pipeline([hu.FillOutside(mask="lung-left")]).run(phantom.image)


def test_the_bases_of_real_lungs_are_those_of_the_labels(real_data: Path) -> None:
    """Lobes 10 and 11 are the left lung, 14 the right one; the scan ends 36 mm above the domes."""
    import nibabel as nib

    folder = real_data / "torso_nifti_3mm_seg"
    source = nib.load(folder / "example_ct.nii.gz")
    labels = np.asanyarray(nib.load(folder / "example_seg_fast_force_split.nii.gz").dataobj)
    array = np.maximum(np.asanyarray(source.dataobj), -1024).astype(np.int16)
    fixed, found = resolved(hu.Volume.from_array(array, affine=source.affine))
    for name, lobes in (("lung-left", (10, 11)), ("lung-right", (12, 13, 14))):
        truth = np.isin(labels, lobes)
        assert float(np.median(array[truth])) < -750
        assert dice(found[name], truth) > 0.95
        assert (found[name] & truth).sum() > 0.97 * truth.sum()
    assert not (found["lung"] & (labels == 20)).any()  # colon
    assert not found["trachea"].any()
    assert codes(fixed) == {("LUNG_CUT", "warning"), ("EMPTY_MASK", "note")}


@pytest.mark.parametrize(
    "name",
    [
        "head_ge_tilt_varspacing/dicom",
        "leg_rtstruct_sts001/dicom/image",
        "body_siemens_j2k_seg/dicom",
        "transfer_syntaxes_ge_chest/CTImage.dcm",
    ],
)
@pytest.mark.filterwarnings("ignore::hounsfield.HounsfieldWarning")
def test_real_scans_without_lungs_have_none(real_data: Path, name: str) -> None:
    """A head, a thigh, an abdomen whose bowel has gas and stool, a slice at the larynx."""
    with pytest.raises(RefusedError, match="no lung of -400 HU"):
        LungMask().resolve(hu.Case(hu.read(real_data / name)))


@pytest.mark.filterwarnings("ignore::hounsfield.HounsfieldWarning")
def test_one_real_slice_has_both_lungs(real_data: Path) -> None:
    image = hu.read(real_data / "odd_small" / "0.dcm")
    fixed, found = resolved(image)
    area = float(np.prod(image.grid.spacing_mm[:2])) / 100
    assert 60 < found["lung-left"].sum() * area < 75
    assert 115 < found["lung-right"].sum() * area < 130
    assert codes(fixed) == {("LUNG_CUT", "warning"), ("EMPTY_MASK", "note")}
