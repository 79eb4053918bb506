"""HeadMask keeps nose, ears and frontal sinus of heads, and not the objects that touch them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

import hounsfield as hu
from hounsfield.__main__ import main
from hounsfield.core.volume import Case, Volume
from hounsfield.kernels import outline, protrusion
from hounsfield.phantom import Face, Head, grid_about, head
from hounsfield.steps import mask_doubts
from hounsfield.steps.body_mask import BodyMask
from hounsfield.steps.fixed_mask import FixedMask
from hounsfield.steps.head_mask import HeadMask
from tests.reported import reported

EXTENT_MM = (270, 330, 250)

CONTACT_ML = {"headrest": 2.0, "pad": 5.0, "board": 5.0, "strap": 10.0, "sheet": 7.0}
"""What may stay of objects that touch the head: their area of contact times a cell of 1.5 mm, the
strap where it is flat on the skin of the forehead, and 6 mm of a shell around an ear."""


def scene(face: Face, spacing: tuple[float, float, float], noise_hu: float = 4.0) -> Head:
    shape = tuple(int(mm / step) for mm, step in zip(EXTENT_MM, spacing, strict=True))
    return head(
        grid_about((0, -4, -15), shape=shape, spacing_mm=spacing), face=face, noise_hu=noise_hu
    )


def expect_whole(made: Head, dice: float) -> FixedMask:
    """The mask has all tissue of the head, and of the objects what `CONTACT_ML` permits."""
    fixed = HeadMask().resolve(Case(made.image))
    assert fixed.voxels is not None
    mask, truth = fixed.voxels.array > 0, made.masks["head"].array > 0
    voxel_ml = float(np.prod(made.image.grid.spacing_mm)) / 1000
    assert (truth & ~mask & (made.image.array > -300)).sum() * voxel_ml < 0.5
    assert 2 * (mask & truth).sum() / (mask.sum() + truth.sum()) > dice
    for name, most_ml in CONTACT_ML.items():
        if name in made.masks:
            assert (mask & (made.masks[name].array > 0)).sum() * voxel_ml < most_ml, name
    return fixed


def test_a_face_is_whole_beside_what_touches_it() -> None:
    fixed = expect_whole(scene(Face(touching=("sheet", "drape")), (2, 2, 2)), 0.99)
    assert {each.code for each in fixed.diagnostics} == {"MASK_CUT"}


HEADS: tuple[tuple[Face, tuple[float, float, float], float], ...] = (
    (Face(), (1.5, 1.5, 1.5), 4),
    (Face(touching=("strap", "sheet", "drape", "ear pad")), (1.5, 1.5, 1.5), 4),
    (Face(size=0.75, turn_deg=(-8, 0, 20), touching=("sheet", "ear pad")), (1.5, 1.5, 2), 10),
    (Face(size=1.12, turn_deg=(8, -5, 0), touching=("drape", "board")), (1.5, 1.5, 2), 4),
    (Face(turn_deg=(0, 0, 25), ear_mm=(66, 42, 24)), (1.5, 1.5, 1.5), 4),
    (Face(turn_deg=(8, 0, -30), nose_mm=(56, 42, 34)), (1, 1, 2.5), 15),
    (Face(size=0.85, turn_deg=(-8, 0, 10), touching=("drape",)), (1.5, 1.5, 1.5), 4),
    (
        Face(size=1.05, turn_deg=(0, 10, 0), sinus_mm=(32, 32, 20), touching=("strap",)),
        (1.5, 1.5, 1.5),
        30,
    ),
    (Face(touching=("ear pad",)), (0.98, 0.98, 5.0), 4),
    (
        Face(
            size=0.95,
            turn_deg=(5, 5, 5),
            sinus_mm=(30, 28, 18),
            wall_mm=1.5,
            touching=("board", "ear pad"),
        ),
        (1.5, 1.5, 1.5),
        4,
    ),
    (Face(touching=("pad",)), (1.5, 1.5, 1.5), 4),
)


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("number", range(len(HEADS)))
def test_faces_are_whole_over_heads_sizes_and_poses(number: int) -> None:
    face, spacing, noise_hu = HEADS[number]
    expect_whole(scene(face, spacing, noise_hu), 0.995)


@pytest.mark.parametrize("name", ["pad", "board"])
def test_a_cushion_or_a_table_under_the_occiput_is_left_out_and_reported(name: Any) -> None:
    made = scene(Face(touching=(name,)), (3, 3, 3))
    fixed = HeadMask().resolve(Case(made.image))
    assert fixed.voxels is not None
    kept = (fixed.voxels.array > 0) & (made.masks[name].array > 0)
    assert kept.sum() * 0.027 < 15
    assert made.masks[name].array.sum() * 0.027 > 1000
    cut = [each for each in fixed.diagnostics if each.code == "MASK_CUT"]
    assert cut
    assert "denser than -300 HU" in cut[-1].message


def findings(array: NDArray[Any], spacing: float = 3.0) -> list[str]:
    image = Volume.from_array(array, affine=np.diag([spacing] * 3 + [1.0]))
    return [
        each.message
        for each in HeadMask().resolve(Case(image)).diagnostics
        if each.code == "MASK_DOUBTFUL"
    ]


def test_a_mask_of_the_whole_volume_is_doubtful(made_small: Head) -> None:
    hu = made_small.image.array
    for array in (np.zeros_like(hu), np.full_like(hu, 1200), hu + np.int16(1024)):
        (message,) = findings(array)
        assert message.startswith("the mask is 100% of the volume")
        assert "check that the values are HU" in message


@pytest.fixture(scope="module")
def made_small() -> Head:
    return head(grid_about((0, -4, -5), shape=(80, 100, 70), spacing_mm=(3, 3, 3)), headrest=False)


def test_a_mask_of_bone_is_doubtful_for_its_soft_tissue(made_small: Head) -> None:
    array = made_small.image.array.copy(order="F")
    array[made_small.masks["head"].array > 0] = 1200
    (message,) = findings(array)
    assert message.startswith("0% of the mask is soft tissue from -200 to 200 HU")


def test_a_head_has_no_doubt_and_two_heads_have(made_small: Head) -> None:
    one = made_small.image.array
    assert findings(one) == []
    two = np.concatenate([one, one], axis=0)
    messages = findings(two)
    assert any(message.startswith("bone encloses two regions") for message in messages)


def test_the_limits_in_the_docs_are_those_of_the_code() -> None:
    text = (Path(__file__).parents[2] / "design" / "masks.md").read_text()
    low, high = mask_doubts.SOFT_HU
    for row in (
        f"| share of the volume | {mask_doubts.MOST_OF_VOLUME:.0%} |",
        f"| tissue left out | {mask_doubts.MOST_LEFT_OUT:.0%} |",
        f"| soft tissue ({low:g} to {high:g} HU) in a head, at least | "
        f"{mask_doubts.FEWEST_SOFT:.0%} |",
        f"| volume of a head | {mask_doubts.HEAD_MOST_ML:g} mL |",
        f"| second longest edge of a head's box | {mask_doubts.HEAD_MOST_MM:g} mm |",
        f"| enclosed by bone, at least | {mask_doubts.SKULL_LEAST_ML:g} mL or "
        f"{mask_doubts.SKULL_LEAST_SHARE:.0%} of the mask |",
        f"| second region enclosed by bone | {mask_doubts.SECOND_SKULL_ML:g} mL |",
        f"over {protrusion.REACH_MM:g} mm from the trunk",
        f"at most {protrusion.MOST_ML:g} mL, if its area of contact with the trunk is at least "
        f"{protrusion.NECK_SHARE:g} of",
        f"over {protrusion.FLAT_MM:g} mm high; {protrusion.RIM_MM:g} mm beyond the cut",
        f"a sheet of over {protrusion.SHEET_ML:g} mL",
        f"parts of {outline.REPORTED_ML:g} mL or more, denser than {outline.DENSE_HU:g} HU",
        f"leads over {outline.BULK_REACH_MM:g} mm away from what a ball of {outline.BULK_MM:g} mm",
    ):
        assert row.replace("%", " %") in text, row


def test_a_block_of_fifty_litres_is_too_large_for_a_head() -> None:
    array = np.full((140, 140, 140), -1000, np.int16)
    array[8:-8, 8:-8, 8:-8] = 40
    messages = findings(array)
    assert [message.split(" (")[0] for message in messages] == [
        "the mask has 51479 mL",
        "the mask is 372 by 372 mm",
        "no closed skull: bone encloses 0 mL",
    ]


@pytest.mark.parametrize(
    "path", ["torso_nifti_3mm_seg/example_ct.nii.gz", "leg_rtstruct_sts001/CT_image.nii.gz"]
)
def test_a_real_torso_and_thigh_are_no_head(real_data: Path, path: str) -> None:
    fixed = HeadMask().resolve(Case(nifti(real_data / path)))
    assert any(each.message.startswith("no closed skull") for each in fixed.diagnostics)
    body = BodyMask().resolve(Case(nifti(real_data / path)))
    assert not [each for each in body.diagnostics if each.severity == "warning"]


def test_the_real_head_keeps_its_ears_that_press_on_the_headrest(real_data: Path) -> None:
    image = nifti(next((real_data / "head_ge_tilt_varspacing" / "dcm2niix_ref").glob("*.nii*")))
    fixed = HeadMask().resolve(Case(image))
    assert fixed.voxels is not None
    mask = fixed.voxels.array > 0
    voxel_ml = float(np.prod(image.grid.spacing_mm)) / 1000
    # Both auricles and hardly any of the shells, seen in pictures; without them it has 3359 mL.
    assert 3370 < mask.sum() * voxel_ml < 3390
    assert [each.code for each in fixed.diagnostics] == ["MASK_CUT"]
    body = BodyMask().resolve(Case(image))
    assert body.voxels is not None
    shells = (image.array > 200) & ~ndimage.binary_dilation(body.voxels.array > 0, iterations=2)
    labels, _ = ndimage.label(image.array > 200)
    sizes = np.bincount(labels[shells])[1:]
    for label in np.argsort(sizes)[-2:] + 1:  # The shells are denser than skin and cartilage.
        assert (mask & (labels == label)).sum() * voxel_ml < 2.5
    labels, count = ndimage.label((image.array > -300) & ~mask)
    near = np.unique(labels[ndimage.binary_dilation(mask)])
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[near[near > 0]] * voxel_ml
    assert sorted(size > 1 for size in sizes)[-2:] == [True, True]
    assert sum(size > 1 for size in sizes) == 2


def nifti(path: Path) -> Volume:
    import nibabel as nib

    source = nib.load(path)
    array = np.maximum(np.asanyarray(source.dataobj), -1024).astype(np.int16)
    return Volume.from_array(array, affine=source.affine)


def test_what_was_left_out_reaches_the_result_and_the_record(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))

    array = np.full((60, 60, 60), -1000, np.int16)
    array[20:50, 20:50, 10:50] = 40
    array[18:20, 22:26, 20:24] = array[16:18, 15:45, 15:45] = 100
    image = Volume.from_array(array, affine=np.diag([2.0, 2.0, 2.0, 1.0]))
    with reported("MASK_DOUBTFUL", "MASK_CUT"):
        result = hu.Pipeline([hu.HeadMask()]).run(image)
    assert [each.code for each in result.diagnostics] == ["MASK_DOUBTFUL", "MASK_CUT"]
    assert result.diagnostics[1].severity == "warning"
    assert "1 part denser than -300 HU, 1" in result.diagnostics[1].message
    assert [each["code"] for each in result.record.diagnostics] == ["MASK_DOUBTFUL", "MASK_CUT"]
    hu.write(image, tmp_path / "scan.nii.gz")
    (tmp_path / "head.toml").write_text('schema = 1\n[[steps]]\nstep = "HeadMask"\n')
    names = [str(tmp_path / name) for name in ("head.toml", "scan.nii.gz", "out")]
    assert main(["run", *names[:2], "--out", names[2]]) == 0
    assert "touching the mask but left out" in capsys.readouterr().err
