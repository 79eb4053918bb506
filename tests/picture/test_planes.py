"""Planes: the right side on the right side, true to mm, lettered, deterministic."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import nibabel
import numpy as np
import pytest
from scipy import ndimage

from hounsfield.core.errors import GeometryError, QuantityError, WriteError
from hounsfield.core.volume import Volume
from hounsfield.picture import Picture, planes
from hounsfield.picture.section import cut
from tests.picture.marked import CODES, MARKER, TISSUE, marked, middle_fraction, turned

GREY = 128
"""40 HU in a window of 40/400."""


def panels(picture: Picture) -> list[tuple[slice, slice]]:
    """The three sections of a block, left to right: its greys and its marker, without the text."""
    shown = (np.ptp(picture.array.astype(int), axis=2) == 0) & np.isin(
        picture.array[..., 0], [GREY, 255]
    )
    parts, _ = ndimage.label(ndimage.binary_opening(shown, iterations=2))
    boxes = sorted(
        ndimage.find_objects(parts),
        key=lambda box: np.prod([side.stop - side.start for side in box]),
    )
    return sorted(boxes[-3:], key=lambda box: box[1].start)


def marker_side(picture: Picture, panel: tuple[slice, slice]) -> tuple[str, str]:
    """In which half of a panel the marker lies, down and across."""
    rows, columns = np.nonzero((picture.array[panel] == 255).all(axis=2))
    height, width = (part.stop - part.start for part in panel)
    return (
        "top" if rows.mean() < height / 2 else "bottom",
        "left" if columns.mean() < width / 2 else "right",
    )


@pytest.mark.parametrize(("right", "anterior", "superior"), list(product((False, True), repeat=3)))
def test_a_marker_appears_where_a_radiologist_expects_it(
    right: bool, anterior: bool, superior: bool
) -> None:
    octant = {"right": right, "anterior": anterior, "superior": superior}
    volume = turned(marked(**octant), "RAS")
    for convention in ("radiological", "neurological"):
        picture = planes(volume, fraction=middle_fraction(**octant), convention=convention)
        patient_right = "left" if convention == "radiological" else "right"
        patient_left = "right" if convention == "radiological" else "left"
        across, up = patient_right if right else patient_left, "top" if superior else "bottom"
        sides = [marker_side(picture, panel) for panel in panels(picture)]
        assert sides == [
            ("top" if anterior else "bottom", across),
            (up, across),
            (up, "left" if anterior else "right"),
        ]


@pytest.mark.parametrize("codes", CODES)
def test_all_48_orientations_of_one_scan_give_the_same_picture(codes: str) -> None:
    image = marked(anterior=False)
    first, second = (
        planes(turned(image, to), fraction=(0.7, 0.3, 0.7), height_px=96, crosshair=True).array
        for to in ("RAS", codes)
    )
    assert np.array_equal(first, second)


@pytest.mark.parametrize("codes", CODES)
def test_a_section_is_what_nibabel_finds_there(codes: str) -> None:
    rng = np.random.default_rng(5)
    image = nibabel.Nifti1Image(
        rng.integers(-1000, 1000, (5, 6, 7)).astype(np.int16), np.diag([1, 2, 3, 1])
    )
    volume = turned(image, codes)
    canonical = nibabel.as_closest_canonical(nibabel.Nifti1Image(volume.array, volume.grid.affine))
    ras = np.asanyarray(canonical.dataobj)
    expected = {
        "axial": ras[::-1, ::-1, 2].T,
        "coronal": ras[::-1, 2, ::-1].T,
        "sagittal": ras[2, ::-1, ::-1].T,
    }
    for world, plane in ((2, "axial"), (1, "coronal"), (0, "sagittal")):
        section = cut(volume.array, volume.grid, plane=plane, index=2)
        assert np.array_equal(section.values, expected[plane])
        assert section.position_mm == pytest.approx((canonical.affine @ [2, 2, 2, 1])[world])
        assert section.pixel_mm == {"axial": (2, 1), "coronal": (3, 1), "sagittal": (3, 2)}[plane]
        neurological = cut(
            volume.array, volume.grid, plane=plane, index=2, convention="neurological"
        )
        mirrored = expected[plane] if plane == "sagittal" else expected[plane][:, ::-1]
        assert np.array_equal(neurological.values, mirrored)


def test_letters_stand_on_the_sides_that_they_name() -> None:
    volume = turned(marked(), "LPI")
    letters = {
        plane: cut(volume.array, volume.grid, plane=plane, index=0).letters
        for plane in ("axial", "coronal", "sagittal")
    }
    assert letters == {
        "axial": ("R", "L", "A", "P"),
        "coronal": ("R", "L", "S", "I"),
        "sagittal": ("A", "P", "S", "I"),
    }
    flipped = cut(
        volume.array, volume.grid, plane="axial", index=0, convention="neurological"
    ).letters
    assert flipped == ("L", "R", "A", "P")


def test_the_pictures_of_both_conventions_differ_in_their_letters() -> None:
    volume = Volume.from_array(np.full((30, 30, 30), -1024, np.int16), affine=np.eye(4))
    first, second = (
        planes(volume, convention=name).array for name in ("radiological", "neurological")
    )
    middle = slice(first.shape[0] // 2 - 30, first.shape[0] // 2 + 30)
    assert (first[middle] != second[middle]).any()


@pytest.mark.parametrize("height_px", [96, 300, 512])
def test_sections_are_true_to_mm_within_a_pixel(height_px: int) -> None:
    picture = planes(turned(marked(), "PIR"), fraction=(0.1, 0.1, 0.1), height_px=height_px)
    sizes_mm = [(24.0, 20.0), (36.0, 20.0), (36.0, 24.0)]
    for panel, (height_mm, width_mm) in zip(panels(picture), sizes_mm, strict=True):
        height, width = (part.stop - part.start for part in panel)
        assert abs(height - height_mm / 36.0 * height_px) <= 1
        assert abs(width - width_mm / 36.0 * height_px) <= 1


def test_a_point_in_mm_and_the_fraction_that_holds_it_show_the_same() -> None:
    volume = turned(marked(), "SLP")
    by_fraction = planes(volume, fraction=(0.26, 0.26, 0.76), height_px=96)
    assert (
        planes(volume, at_mm=(-4.0, 26.0, -23.0), height_px=96).array == by_fraction.array
    ).all()


@pytest.mark.parametrize("at_mm", [(0.0, 30.0, 999.0), (0.0, float("nan"), 0.0), (1.0, 2.0)])
def test_a_point_outside_is_refused(at_mm: tuple[float, ...]) -> None:
    with pytest.raises(GeometryError):
        planes(turned(marked(), "RAS"), at_mm=at_mm)


def test_one_grey_means_one_value_in_every_picture() -> None:
    alone = np.full((16, 16, 16), TISSUE, dtype=np.int16)
    beside_metal = alone.copy()
    beside_metal[:2, :2, :2] = 3000
    first, second = (
        planes(Volume.from_array(a, affine=np.eye(4))).array for a in (alone, beside_metal)
    )
    middle = first.shape[0] // 2 + 40
    assert (first[middle] == GREY).all(axis=1).any()
    assert (first[middle] == second[middle]).all()


def test_a_window_by_name_is_for_hu_alone() -> None:
    unit = Volume.from_array(np.zeros((4, 4, 4), np.float32), affine=np.eye(4), quantity="unit")
    with pytest.raises(QuantityError, match="holds unit"):
        planes(unit, window="brain")
    assert planes(unit, window=(0.5, 1.0)).array.shape == planes(unit).array.shape


@pytest.mark.parametrize("window", ["brian", (40.0, 0.0), (40.0, float("nan"))])
def test_an_impossible_window_is_refused(window: object) -> None:
    with pytest.raises(QuantityError):
        planes(turned(marked(), "RAS"), window=window)  # type: ignore[arg-type]


def test_an_overlay_colours_its_own_voxels_and_no_others() -> None:
    image = marked()
    volume = turned(image, "RAS")
    mask = Volume.from_array(
        (volume.array == MARKER).astype(np.uint8), affine=volume.grid.affine, quantity="mask"
    )
    plain = planes(volume, fraction=(0.75, 0.75, 0.75)).array
    over = planes(volume, fraction=(0.75, 0.75, 0.75), overlay=mask).array
    changed = (plain != over).any(axis=2)
    assert changed.any()
    assert (np.ptp(over[changed].astype(int), axis=1) > 0).all()
    unmarked = panels(planes(volume, fraction=(0.1, 0.1, 0.1)))
    for panel, voxels in zip(unmarked, (20 * 16, 20 * 12, 16 * 12), strict=True):
        assert changed[panel].mean() == pytest.approx(16 / voxels, rel=0.05)


def test_an_overlay_elsewhere_is_refused() -> None:
    volume = turned(marked(), "RAS")
    moved = volume.grid.affine.copy()
    moved[0, 3] += 5
    mask = Volume.from_array(np.zeros(volume.shape, np.uint8), affine=moved, quantity="mask")
    with pytest.raises(GeometryError, match="regrid"):
        planes(volume, overlay=mask)
    with pytest.raises(QuantityError):
        planes(volume, overlay=volume)


@pytest.mark.parametrize("shape", [(1, 1, 1), (300, 2, 2), (2, 300, 2), (2, 2, 300), (64, 64, 1)])
def test_any_shape_makes_a_picture_of_bounded_size(shape: tuple[int, int, int]) -> None:
    picture = planes(
        Volume.from_array(np.zeros(shape, np.int16), affine=np.diag([1, 1, 5, 1])), height_px=200
    )
    assert picture.array.shape[0] <= 300
    assert picture.array.shape[1] <= 1500


def test_three_channels_are_red_green_and_blue() -> None:
    array = np.zeros((8, 8, 8, 3), np.float32)
    array[..., 0] = 1.0
    picture = planes(Volume.from_array(array, affine=np.eye(4), quantity="unit"))
    assert (picture.array == (255, 0, 0)).all(axis=2).sum() > 10000


def test_a_picture_is_saved_whole_or_not_at_all(tmp_path: Path) -> None:
    from PIL import Image

    picture = planes(turned(marked(), "RAS"), height_px=96)
    picture.save(tmp_path / "a.png")
    picture.save(tmp_path / "b.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes() == picture.png()
    with Image.open(tmp_path / "a.png") as saved:
        assert not saved.info
        assert (np.asarray(saved) == picture.array).all()
    with pytest.raises(OSError, match="png"):
        picture.save(tmp_path / "a.jpg")
    with pytest.raises(OSError, match="cannot write"):
        picture.save(tmp_path / "missing" / "a.png")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.png", "b.png"]


def test_a_failed_save_leaves_the_old_picture_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    target = tmp_path / "a.png"
    target.write_bytes(b"old")
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(WriteError, match=r"a\.png: No space left"):
        planes(turned(marked(), "RAS"), height_px=96).save(target)
    assert target.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]


def test_a_real_body_looks_the_same_however_it_is_stored(real_data: Path) -> None:
    image = nibabel.load(real_data / "torso_nifti_3mm_seg" / "example_ct_sm.nii.gz")
    small = nibabel.Nifti1Image(np.asanyarray(image.dataobj).astype(np.int16), image.affine)
    straight = planes(turned(small, "RAS"), height_px=200).array
    for codes in ("LPS", "PIR", "SAL"):
        assert (planes(turned(small, codes), height_px=200).array == straight).all()
