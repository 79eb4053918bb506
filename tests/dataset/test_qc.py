"""Quality values name what is wrong with a scan, and leave a right one alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import hounsfield as hu
from hounsfield.core.stack import Stack
from hounsfield.dataset.qc.quality import CHECKS, Quality, measure
from hounsfield.dataset.qc.value import QualityValue
from hounsfield.phantom import grid_about, head

SHAPE, SPACING = (128, 128, 40), (2.0, 2.0, 5.0)
NOISE_HU = 10.0


@pytest.fixture(scope="module")
def exact() -> hu.Volume:
    """A head from below the chin to above the vertex."""
    return head(grid_about((0, -4, 10), shape=SHAPE, spacing_mm=SPACING), noise_hu=0).exact


@pytest.fixture(scope="module")
def phantom(exact: hu.Volume) -> hu.Volume:
    """The head with white noise."""
    return noisy(exact, NOISE_HU)


def noisy(volume: hu.Volume, sd: float) -> hu.Volume:
    noise = np.random.default_rng(0).standard_normal(volume.array.shape, np.float32)
    return like(volume, volume.array + sd * noise)


def like(volume: hu.Volume, values: np.ndarray) -> hu.Volume:
    """The values in int16 with the affine of a volume."""
    rounded = np.asfortranarray(np.rint(values).astype(np.int16))
    return hu.Volume.from_array(rounded, affine=volume.grid.affine)


def quality(volume: hu.Volume) -> Quality:
    made = measure(Stack.from_volume(volume))
    assert made is not None
    return made


def value(volume: hu.Volume, name: str) -> QualityValue:
    return next(each for each in quality(volume).values if each.name == name)


def suspicious(made: Quality) -> set[str]:
    return {each.name for each in made.values if each.status == "suspicious"}


def test_a_clean_head_has_no_suspicious_value(phantom: hu.Volume) -> None:
    made = quality(phantom)
    assert (suspicious(made), made.score) == (set(), 0)
    assert [each.name for each in made.values] == [check.name for check in CHECKS]


@pytest.mark.parametrize("added", [1024, 1000])
def test_a_scan_without_its_rescale_is_named(phantom: hu.Volume, added: int) -> None:
    raised = like(phantom, phantom.array.astype(float) + added)
    air, soft = value(raised, "air_peak"), value(raised, "soft_tissue_peak")
    assert air.status == soft.status == "suspicious"
    assert air.value == pytest.approx(added - 1000, abs=8)
    assert "the rescale intercept was not applied, or 1024 was added" in air.reason


@pytest.mark.parametrize("added", [-1024, -1000])
def test_a_scan_with_its_rescale_applied_twice_is_named(phantom: hu.Volume, added: int) -> None:
    lowered = like(phantom, phantom.array.astype(float) + added)
    assert "the rescale intercept was applied twice" in value(lowered, "air_peak").reason
    assert value(lowered, "air_peak").value == pytest.approx(added - 1000, abs=8)


def test_a_wrong_scale_does_not_hide_what_else_is_measured(phantom: hu.Volume) -> None:
    raised = like(phantom, phantom.array.astype(float) + 1024)
    known = {each.name: each.value for each in quality(phantom).values}
    for each in quality(raised).values:
        if each.name not in ("air_peak", "soft_tissue_peak", "lowest", "highest"):
            assert each.value == known[each.name], each.name


def test_air_replaced_by_padding_is_no_wrong_scale(phantom: hu.Volume) -> None:
    masked = like(phantom, np.where(phantom.array < -900, -2000, phantom.array))
    assert value(masked, "soft_tissue_peak").status == "ok"
    assert "twice" not in value(masked, "air_peak").reason


def test_padding_around_air_is_no_air_at_twice_its_value(phantom: hu.Volume) -> None:
    padded = phantom.array.copy()
    padded[:24] = padded[-24:] = -2000
    assert suspicious(quality(like(phantom, padded))) == set()


@pytest.mark.parametrize("window", [(0, 80), (-100, 1000)])
def test_values_clipped_to_a_window_are_suspicious_but_no_wrong_scale(
    phantom: hu.Volume, window: tuple[int, int]
) -> None:
    clipped = like(phantom, phantom.array.clip(*window))
    assert "window" in value(clipped, "lowest").reason
    assert "rescale" not in value(clipped, "soft_tissue_peak").reason


@pytest.mark.parametrize("sd", [4.0, 30.0])
def test_noise_in_air_is_that_which_was_added(exact: hu.Volume, sd: float) -> None:
    assert value(noisy(exact, sd), "noise_in_air").value == pytest.approx(sd, rel=0.05)


def test_noise_of_a_kernel_is_measured_between_unrelated_pixels() -> None:
    grid = grid_about((0, -4, 40), shape=(128, 128, 6), spacing_mm=(2, 2, 5))
    assert value(head(grid, noise_hu=12).image, "noise_in_air").value == pytest.approx(12, rel=0.05)


def test_noise_in_air_that_was_clipped_or_replaced_is_unknown(phantom: hu.Volume) -> None:
    clipped = value(like(phantom, np.maximum(phantom.array, -1000)), "noise_in_air")
    assert (clipped.status, clipped.value) == ("unknown", None)
    assert "clipped or replaced" in clipped.reason


def test_a_head_without_vertex_or_base_is_named(phantom: hu.Volume) -> None:
    low, high = like(phantom, phantom.array), hu.Volume.from_array
    low = high(np.asfortranarray(phantom.array[:, :, :28]), affine=phantom.grid.affine)
    moved = phantom.grid.boxed((0, 0, 18), (128, 128, 22))
    top = high(np.asfortranarray(phantom.array[:, :, 18:]), affine=moved.affine)
    assert suspicious(quality(low)) == {"vertex"}
    assert suspicious(quality(top)) == {"skull_base"}


def test_vertex_and_base_follow_the_affine_not_the_order_of_slices(phantom: hu.Volume) -> None:
    low = hu.Volume.from_array(
        np.asfortranarray(phantom.array[:, :, :28]), affine=phantom.grid.affine
    )
    turned = hu.Pipeline([hu.Reorient(to="LPI")]).run(low).volume
    assert suspicious(quality(turned)) == suspicious(quality(low)) == {"vertex"}
    across = hu.Pipeline([hu.Reorient(to="LSA")]).run(low).volume
    assert value(across, "vertex").status == "unknown"


def test_a_trunk_with_part_of_a_head_is_no_head_that_was_cut(phantom: hu.Volume) -> None:
    wide = np.concatenate([phantom.array[:, :, :10], phantom.array[:, :, :28]], axis=2)
    wide[2:-2, 2:-2, :10] = 40
    found = value(like(phantom, wide), "vertex")
    assert (found.status, found.reason[:31]) == ("unknown", "the scan shows more than a head")


def test_a_peak_is_where_its_values_are(exact: hu.Volume) -> None:
    assert value(noisy(exact, 8.0), "air_peak").value == pytest.approx(-1000, abs=1)
    assert value(like(exact, exact.array), "air_peak").value == pytest.approx(-1000, abs=2)


def test_a_head_shifted_over_the_edge_of_the_field_of_view_is_named(exact: hu.Volume) -> None:
    moved = np.full(SHAPE, -1000, np.float32)
    moved[:80] = exact.array[48:]  # 96 mm
    wide = like(exact, np.where(exact.array[48:49] > -400, 1, 0))
    found = value(noisy(like(exact, moved), NOISE_HU), "cut_by_field_of_view")
    assert found.status == "suspicious"
    assert found.value == pytest.approx(2.0 * wide.array.sum(axis=(0, 1)).max(), rel=0.1)


def test_a_body_cut_by_the_circle_of_reconstruction_is_named(phantom: hu.Volume) -> None:
    i, j = np.meshgrid(np.arange(128) - 63.5, np.arange(128) - 63.5, indexing="ij")
    outside = (np.hypot(i, j) > 64)[..., None]
    whole = like(phantom, np.where(outside, -1024, phantom.array))
    assert value(whole, "cut_by_field_of_view").status == "ok"
    moved = np.where(outside, -1024, np.roll(phantom.array, (30, 25), axis=(0, 1)))
    assert value(like(phantom, moved), "cut_by_field_of_view").status == "suspicious"


def test_a_body_that_fills_the_field_of_view_is_cut_by_it(phantom: hu.Volume) -> None:
    brain = hu.Volume.from_array(
        np.asfortranarray(phantom.array[48:80, 48:80, 16:32]), affine=phantom.grid.affine
    )
    filled = like(brain, brain.array.clip(min=0))
    assert value(filled, "cut_by_field_of_view").status == "unknown"
    with_air = filled.array.copy()
    with_air[10:12, 10:12, 5] = -950
    assert value(like(brain, with_air), "cut_by_field_of_view").status == "suspicious"


def test_metal_at_the_end_of_12_bits_is_named(phantom: hu.Volume) -> None:
    metal = phantom.array.copy()
    metal[60:64, 60:64, 20] = 5000
    found = value(like(phantom, metal.clip(max=3071)), "clipped_at_top")
    assert found.status == "suspicious"
    assert found.value == pytest.approx(16 / metal.size, rel=1e-3)
    assert "3071 HU" in found.reason


def test_a_highest_value_that_bone_reaches_is_no_metal(phantom: hu.Volume) -> None:
    assert value(like(phantom, phantom.array.clip(max=1200)), "clipped_at_top").value == 0


def test_slices_that_drift_are_uneven_though_no_gap_is_wide(phantom: hu.Volume) -> None:
    stack = Stack.from_volume(phantom)
    origins = stack.origins_ras_mm.copy()
    origins[:, 2] = origins[0, 2] + np.cumsum(np.r_[0, np.linspace(4.9, 5.1, 39)])
    drifting = measure(stack.replaced(origins_ras_mm=origins, exact_grid=None))
    assert drifting is not None
    assert suspicious(drifting) == {"gaps"}


def vessels(*, blood_hu: float, cortex_hu: float) -> hu.Volume:
    """A trunk of 40 HU with an aorta of 24 mm, and a vertebra of 200 HU in a cortex."""
    i, j, _ = np.meshgrid(*(np.arange(n) * 2.0 for n in (128, 128, 40)), indexing="ij")
    values = np.where(np.hypot((i - 128) / 1.3, j - 128) < 90, 40.0, -1000.0)
    vertebra = np.hypot(i - 128, j - 160)
    values[vertebra < 22] = cortex_hu
    values[vertebra < 18] = 200.0
    values[np.hypot(i - 110, j - 125) < 12] = blood_hu
    values += np.random.default_rng(0).normal(0, 10, values.shape)
    rounded = np.asfortranarray(np.rint(values).astype(np.int16))
    return hu.Volume.from_array(rounded, affine=np.diag([-2.0, -2.0, 2.0, 1.0]))


def test_contrast_agent_is_told_from_bone() -> None:
    enhanced = value(vessels(blood_hu=300, cortex_hu=600), "contrast")
    assert (enhanced.status, enhanced.value) == ("ok", pytest.approx(300, abs=5))
    plain = value(vessels(blood_hu=45, cortex_hu=600), "contrast")
    assert (plain.status, plain.value) == ("unknown", None)


def test_geometry_of_the_header_is_checked(phantom: hu.Volume, tmp_path: Path) -> None:
    from hounsfield.phantom import Faults, write_series

    small = head(grid_about((0, -4, 10), shape=(48, 48, 12), spacing_mm=(5, 5, 8)), noise_hu=4)
    series = write_series(small, tmp_path / "scan", faults=Faults(missing=(5,)))
    filled = measure(hu.open(series.folder, gaps="fill"))
    assert filled is not None
    assert {"interpolated_slices"} <= suspicious(filled)
    coarse = hu.Volume.from_array(phantom.array, affine=np.diag([-7.0, -7.0, 0.4, 1.0]))
    assert {"pixel_spacing", "extent"} <= suspicious(quality(coarse))


def test_values_of_another_unit_have_no_quality() -> None:
    unit = hu.Volume.from_array(np.zeros((8, 8, 8), np.float32), affine=np.eye(4), quantity="other")
    assert measure(Stack.from_volume(unit)) is None


def test_every_check_has_a_source_and_every_doubt_a_reason(phantom: hu.Volume) -> None:
    assert all(check.source for check in CHECKS)
    for volume in (phantom, like(phantom, phantom.array.astype(float) + 1024)):
        for each in quality(volume).values:
            assert bool(each.reason) == (each.status != "ok")
            assert (each.value is None) <= (each.status != "ok")


REAL = {
    "body_lidc0314/dicom_jpegls": {"cut_by_field_of_view"},
    "head_ge_tilt_varspacing/dicom": {"gaps"},
    "headphantom_philips_study/S2010": set(),
    "body_siemens_j2k_seg/dicom": set(),
    "torso_nifti_3mm_seg/example_ct.nii.gz": {"cut_by_field_of_view"},
    "torso_nifti_3mm_seg/example_ct_sm.nii.gz": set(),
    "leg_rtstruct_sts001/dicom/image": {"cut_by_field_of_view"},
    "ct_dicomseg_nrrdseg_dcmqi": {"cut_by_field_of_view", "extent"},
    "odd_small/scct.nii": {"lowest"},
    "ct_brain_atlas_1mm.nii.gz": {"lowest"},
}
"""What is wrong with real scans, as their pictures and the catalogue show."""


@pytest.mark.parametrize("name", [name for name in REAL if "lidc" not in name])
@pytest.mark.filterwarnings("ignore")
def test_real_scans_have_the_faults_that_they_have(real_data: Path, name: str) -> None:
    made = measure(hu.open(real_data / name))
    assert made is not None
    assert suspicious(made) == REAL[name]


@pytest.mark.parametrize("added", [1024, 1000, -1024, -1000])
@pytest.mark.parametrize(
    "name", ["torso_nifti_3mm_seg/example_ct_sm.nii.gz", "leg_rtstruct_sts001/CT_image.nii.gz"]
)
def test_a_wrong_scale_of_a_real_scan_is_named(real_data: Path, name: str, added: int) -> None:
    ct = hu.read(real_data / name)
    found = value(like(ct, ct.array.astype(float) + added), "air_peak")
    assert ("not applied" if added > 0 else "applied twice") in found.reason


@pytest.mark.slow
def test_a_real_chest_has_the_shoulders_cut_and_nothing_else(real_data: Path) -> None:
    name = "body_lidc0314/dicom_jpegls"
    made = measure(hu.open(real_data / name))
    assert made is not None
    assert suspicious(made) == REAL[name]
