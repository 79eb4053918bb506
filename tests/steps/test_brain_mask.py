"""Promises of BrainMask on skulls with defects, thick slices, and volumes that show no skull."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from hounsfield.core.errors import RefusedError
from hounsfield.core.volume import Case, Volume
from hounsfield.kernels.cavity import Cavity, Measures
from hounsfield.kernels.mask import Bits
from hounsfield.phantom import SkullVariant, Tissue, grid_about, shapes
from hounsfield.phantom.anatomy import FORAMEN_MM
from hounsfield.phantom.render import points
from hounsfield.phantom.skull import PLACES, DefectPlace
from hounsfield.phantom.tissue import BRAIN, members, values
from hounsfield.steps.brain_findings import direction, findings
from hounsfield.steps.brain_mask import BrainMask
from hounsfield.steps.fixed_mask import FixedMask
from tests.reported import reported

Mask = NDArray[np.bool_]
Scene = tuple[Volume, Mask, NDArray[np.uint8]]

WORDS = {
    "suboccipital": "posterior inferior",
    "parietal": "right superior",
    "frontal": "anterior right",
    "temporal": "right",
    "vertex": "superior",
}
ORBIT = (Tissue.FAT, Tissue.EYE, Tissue.LENS)


@cache
def scene(skull: SkullVariant, *, thick: int = 1, noise: float = 4.0) -> Scene:
    """A head down to C3: HU, the true inside of the skull, and the tissue of each voxel.

    Voxels of 2.2 mm sampled at points; `thick` slices of 1 mm are averaged to one.
    """
    spacing = (2.2, 2.2, 2.2) if thick == 1 else (1.7, 1.7, 1.0)
    shape = tuple(round(mm / step) for mm, step in zip((205, 245, 235), spacing, strict=True))
    grid = grid_about((0.3, -4.2, -24.4), shape=shape, spacing_mm=spacing)
    tissue = points(shapes(headrest=False, skull=skull), grid)
    count = tissue.shape[2] // thick

    def averaged(table: NDArray[np.float32]) -> NDArray[np.float32]:
        whole = table[tissue][:, :, : count * thick]
        return whole.reshape(*tissue.shape[:2], count, thick).mean(axis=-1)

    affine = grid.affine @ np.diag([1, 1, thick, 1])
    affine[:3, 3] += grid.affine[:3, 2] * (thick - 1) / 2
    sampled = averaged(values())
    sampled = sampled + np.random.default_rng(1).normal(0, noise, sampled.shape)
    image = np.asfortranarray(np.rint(sampled).clip(-1024, 3000).astype(np.int16))
    middle = tissue[:, :, thick // 2 : count * thick : thick]
    return Volume.from_array(image, affine=affine), averaged(members(BRAIN)) > 0.5, middle


def whole(**differing: object) -> SkullVariant:
    return SkullVariant(vertebrae=True, orbital_roofs=True, **differing)  # type: ignore[arg-type]


def resolved(image: Volume) -> tuple[FixedMask, Mask]:
    fixed = BrainMask().resolve(Case(image))
    assert fixed.voxels is not None
    return fixed, np.asarray(fixed.voxels.array.astype(bool))


def dice(a: Mask, b: Mask) -> float:
    return float(2 * (a & b).sum() / (a.sum() + b.sum()))


def messages(fixed: FixedMask) -> dict[str, str]:
    return {each.code: each.message for each in fixed.diagnostics}


@pytest.mark.parametrize("size", [20, 50, 80])
@pytest.mark.parametrize("place", list(PLACES))
def test_a_defect_leaves_the_mask_whole_and_is_reported(place: DefectPlace, size: int) -> None:
    image, truth, _ = scene(whole(defect_mm=size, place=place))
    fixed, mask = resolved(image)
    assert dice(mask, truth) > 0.985
    assert (truth & ~mask).sum() < 0.005 * truth.sum()
    found = messages(fixed)
    assert list(found) == ["SKULL_OPEN"]
    words, _, rest = found["SKULL_OPEN"].removeprefix("skull open, ").partition(" (")
    assert words == WORDS[place]
    joined = 15 if place == "suboccipital" and size > 30 else 4  # it opens into the foramen magnum
    assert size - 4 <= float(rest.split(" mm")[0]) <= size + joined


@pytest.mark.parametrize("place", ["suboccipital", "frontal"])
def test_a_defect_full_of_fluid_ends_at_the_rim(place: DefectPlace) -> None:
    image, truth, _ = scene(whole(defect_mm=60, place=place, filling="fluid", cisterna_magna=True))
    fixed, mask = resolved(image)
    assert dice(mask, truth) > 0.985
    assert (mask & ~truth).sum() < 0.02 * truth.sum()
    assert WORDS[place] in messages(fixed)["SKULL_OPEN"]


@pytest.mark.parametrize("thick", [1, 5, 7])
@pytest.mark.parametrize("fluid", [False, True])
def test_an_intact_skull_ends_at_the_foramen_and_the_orbits(thick: int, fluid: bool) -> None:
    image, truth, tissue = scene(whole(cisterna_magna=fluid), thick=thick)
    fixed, mask = resolved(image)
    assert fixed.diagnostics == ()
    assert dice(mask, truth) > (0.995 if thick == 1 else 0.96)
    voxel_ml = float(np.prod(image.grid.spacing_mm)) / 1000
    assert (mask & np.isin(tissue, ORBIT)).sum() * voxel_ml < 0.1
    lowest = image.grid.world(np.argwhere(mask))[:, 2].min()
    assert lowest > FORAMEN_MM - max(thick, 3)
    spilled = mask & ~truth
    assert spilled.sum() * voxel_ml < 5


@pytest.mark.parametrize("place", ["suboccipital", "frontal"])
def test_a_defect_in_thick_slices_is_reported(place: DefectPlace) -> None:
    image, truth, _ = scene(whole(defect_mm=60, place=place), thick=5)
    fixed, mask = resolved(image)
    assert dice(mask, truth) > 0.97
    assert WORDS[place] in messages(fixed)["SKULL_OPEN"]


def test_noise_does_not_hide_a_defect() -> None:
    image, truth, _ = scene(whole(defect_mm=60, place="parietal"), noise=25.0)
    fixed, mask = resolved(image)
    assert dice(mask, truth) > 0.97
    assert WORDS["parietal"] in messages(fixed)["SKULL_OPEN"]


def test_a_defect_in_a_few_slices_is_reported() -> None:
    image, truth, _ = scene(whole(defect_mm=60, place="frontal"))
    first = int(image.grid.index([(0, 0, 25.0)])[0, 2])
    grid = image.grid.boxed((0, 0, first), (*image.shape[:2], 10))
    few = Volume.from_array(image.array[:, :, first : first + 10], affine=grid.affine)
    fixed, mask = resolved(few)
    assert dice(mask, truth[:, :, first : first + 10]) > 0.97
    assert list(messages(fixed)) == ["SKULL_OPEN", "SKULL_CUT"]


def test_the_order_of_axes_changes_neither_mask_nor_report() -> None:
    image, _, _ = scene(whole(defect_mm=50, place="parietal"))
    fixed, straight = resolved(image)
    grid = image.grid.permuted((2, 0, 1)).flipped([1])
    array = np.flip(image.array.transpose(2, 0, 1), 1)
    other, turned = resolved(Volume(array, image.spec.replaced(grid=grid)))
    np.testing.assert_array_equal(turned, np.flip(straight.transpose(2, 0, 1), 1))
    assert messages(other) == messages(fixed)


def box(hu: int) -> NDArray[np.int16]:
    return np.full((60, 60, 60), hu, np.int16, order="F")


def shell(inner_hu: int) -> NDArray[np.int16]:
    """A sphere of 160 mm in air: 10 mm of soft tissue, 10 mm of bone, and what is inside."""
    places = np.ogrid[:60, :60, :60]
    radius = 3 * np.sqrt(sum((place - 29.5) ** 2 for place in places))
    inside = np.select([radius < 60, radius < 70, radius < 80], [inner_hu, 1000, 40], -1000)
    return np.asfortranarray(inside.astype(np.int16))


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (box(-1000), "no tissue of -400 HU or more contains a ball of radius 10 mm"),
        (box(0), "no bone of 250 HU or more"),
        (box(1000), "no soft tissue of -20 to 100 HU"),
        (shell(-100), "906 mL with a median of -100 HU; soft tissue of -20 to 100 HU expected"),
        (shell(1000), "encloses 0 mL of the head; at least 100 mL expected"),
    ],
)
def test_an_empty_mask_gives_the_reason_that_holds(array: NDArray[np.int16], reason: str) -> None:
    image = Volume.from_array(array, affine=np.diag([3.0, 3.0, 3.0, 1.0]))
    with pytest.raises(RefusedError) as refused:
        BrainMask().resolve(Case(image))
    assert reason in str(refused.value)


def test_a_sphere_of_brain_is_found_without_a_doubt() -> None:
    image = Volume.from_array(shell(35), affine=np.diag([3.0, 3.0, 3.0, 1.0]))
    assert resolved(image)[0].diagnostics == ()


def test_values_that_are_not_hu_are_doubted() -> None:
    image, _, _ = scene(whole())
    raised = Volume.from_array(image.array + np.int16(1024), affine=image.grid.affine)
    found = messages(resolved(raised)[0])["BRAIN_DOUBTFUL"]
    assert "no air" in found
    assert "may not be HU" in found


GOOD = Measures(volume_ml=1400, extent_mm=(140, 165, 140), median_hu=33, share=0.4, air=0.4)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"volume_ml": 5600.0, "extent_mm": (250.0, 240.0, 200.0)}, "5600 mL (250 to 2200 mL"),
        ({"volume_ml": 5600.0, "extent_mm": (250.0, 240.0, 200.0)}, "250 mm long (at most 220 mm"),
        ({"volume_ml": 120.0, "extent_mm": (60.0, 65.0, 60.0)}, "120 mL (250 to 2200 mL"),
        ({"volume_ml": 3000.0}, "93% of its bounding box (30% to 70% expected)"),
        ({"share": 0.9}, "90% of the head (at most 75% expected)"),
        ({"median_hu": 95.0}, "its median is 95 HU (0 to 80 expected)"),
        ({"air": 0.0}, "the volume has no air (below -400 HU)"),
        ({"sighted": 0.01}, "bone is met in 1% of all directions"),
    ],
)
def test_each_bound_has_its_message(changed: dict[str, object], reason: str) -> None:
    from dataclasses import replace

    grid = grid_about((0, 0, 0), shape=(2, 2, 2), spacing_mm=(1, 1, 1))
    bits = Bits.zeros((2, 2, 2))
    assert findings(Cavity(voxels=bits, measures=GOOD), grid) == ()
    odd = Cavity(voxels=bits, measures=replace(GOOD, **changed))  # type: ignore[arg-type]
    (found,) = findings(odd, grid)
    assert found.code == "BRAIN_DOUBTFUL"
    assert reason in found.message


def test_directions_are_named_by_their_largest_component_first() -> None:
    assert direction(np.array([-1.0, 0.0, 0.0])) == "left"
    assert direction(np.array([-0.58, 0.57, 0.585])) == "superior left anterior"


def test_a_report_reaches_the_result_the_record_and_the_command_line(tmp_path: Path) -> None:
    import json
    import subprocess
    import sys

    import hounsfield as hu

    image, _, _ = scene(whole(defect_mm=50, place="parietal"))
    with reported("SKULL_OPEN"):
        result = hu.Pipeline((hu.BrainMask(),)).run(image)
    (expected,) = BrainMask().resolve(Case(image)).diagnostics
    assert expected in result.diagnostics
    data = result.record.to_json()
    assert expected.to_json() in data["diagnostics"]
    hu.write(image, tmp_path / "head.nii.gz")
    (tmp_path / "brain.toml").write_text(hu.Pipeline((hu.BrainMask(),)).to_toml())
    command = [sys.executable, "-m", "hounsfield", "run", str(tmp_path / "brain.toml")]
    command += [str(tmp_path / "head.nii.gz"), "-o", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert expected.message.split(";")[0] in " ".join((done.stdout + done.stderr).split())
    (record,) = (tmp_path / "out").glob("cases/*/record.json")
    assert expected.to_json() in json.loads(record.read_text())["diagnostics"]


def real_head(real_data: Path) -> Volume:
    import nibabel

    source = nibabel.load(
        next((real_data / "head_ge_tilt_varspacing" / "dcm2niix_ref").glob("*.nii*"))
    )
    array = np.maximum(np.asanyarray(source.dataobj), -1024).astype(np.int16)
    return Volume.from_array(np.asfortranarray(array), affine=source.affine)


def test_the_real_head_ends_at_the_foramen_and_the_orbits_without_a_report(real_data: Path) -> None:
    from scipy.ndimage import uniform_filter

    image = real_head(real_data)
    fixed, mask = resolved(image)
    assert fixed.diagnostics == ()
    voxel_ml = abs(float(np.linalg.det(image.grid.affine[:3, :3]))) / 1000
    assert 1450 < mask.sum() * voxel_ml < 1650
    fat = uniform_filter(image.array[::2, ::2].astype(np.float32), (3, 3, 1)) < -20
    assert (mask[::2, ::2] & fat).sum() * 4 * voxel_ml < 0.3
    assert not mask[:, :, :2].any()


def test_the_real_head_of_other_numbers_is_doubted(real_data: Path) -> None:
    image = real_head(real_data)
    raised = Volume.from_array(image.array + np.int16(1024), affine=image.grid.affine)
    assert "no air" in messages(resolved(raised)[0])["BRAIN_DOUBTFUL"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("headphantom_philips_study/S2010", "mL of the head; at least 100 mL expected"),
        ("torso_nifti_3mm_seg/example_ct.nii.gz", "the mask is empty"),
    ],
)
def test_what_has_no_brain_is_refused(real_data: Path, name: str, reason: str) -> None:
    import hounsfield as hu

    with pytest.raises(RefusedError, match=reason):
        BrainMask().resolve(Case(hu.read(real_data / name)))
