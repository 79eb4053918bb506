"""Promises about labels written back: on the original slices, by reference, without identity."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest

import hounsfield as hu
from hounsfield.phantom.identity import PATIENT_ID, PATIENT_NAME
from tests.io.dicom.labels.conftest import Scan

Get = Callable[[str], Scan]


def some_label(grid: hu.Grid) -> hu.Volume:
    """Values 2 and 9 in two boxes without symmetry."""
    array = np.zeros(grid.shape, np.int16)
    array[10:30, 12:40, 2:6] = 2
    array[25:50, 30:60, 5:9] = 9
    return hu.Volume.from_array(array, affine=grid.affine, quantity="label")


def frames(path: Path, names: list[str]) -> dict[str, np.ndarray]:
    """By highdicom: the label (row, column) of each original slice's UID, 1 for the first name."""
    seg = highdicom.seg.segread(path)
    uids = [one[2] for one in seg.get_source_image_uids()]
    numbers = [seg.get_segment_numbers(segment_label=name)[0] for name in names]
    planes = seg.get_pixels_by_source_instance(
        uids, segment_numbers=numbers, combine_segments=True, relabel=True
    )
    return dict(zip(uids, planes, strict=True))


@pytest.mark.parametrize("kind", ["plain", "oblique", "enhanced"])
def test_what_is_written_is_read_back_voxel_for_voxel(scan: Get, tmp_path: Path, kind: str) -> None:
    this = scan(kind)
    label = some_label(this.stack.grid)
    hu.write_seg(label, tmp_path / "s.dcm", source=this.stack, names={9: "bone"})
    found = hu.read_labels(tmp_path / "s.dcm", image=this.stack)
    assert list(found) == ["segment-2", "bone"]
    for name, value in zip(found, (2, 9), strict=True):
        assert np.array_equal(found[name].array > 0, label.array == value)


def test_every_frame_names_the_slice_that_it_lies_on(scan: Get, tmp_path: Path) -> None:
    """Read by highdicom, slice by slice through the UIDs, from a label whose axes run otherwise."""
    this = scan("plain")
    label = some_label(this.stack.grid)
    turned = hu.regrid(label, label.grid.reoriented("PIR"))
    hu.write_seg(turned, tmp_path / "s.dcm", source=this.series.folder)
    found = frames(tmp_path / "s.dcm", ["segment-2", "segment-9"])
    for k, plane in enumerate(this.planes):
        expected = np.searchsorted([0, 2, 9], label.array[:, :, k].T)
        assert np.array_equal(found.get(plane.instance, np.zeros_like(expected)), expected)
        assert (plane.instance in found) or not expected.any()


@pytest.mark.parametrize("kind", ["tilted", "uneven", "both"])
def test_a_label_goes_back_onto_tilted_and_uneven_slices(
    scan: Get, tmp_path: Path, kind: str
) -> None:
    """A ball on the natural grid is the ball's disc on every slice, at the slice's own place."""
    this = scan(kind)
    centre, radius = np.array([4.0, -7.0, 3.0]), 27.0
    world = this.stack.grid.world(np.moveaxis(np.indices(this.stack.grid.shape), 0, -1))
    ball = (np.linalg.norm(world - centre, axis=-1) <= radius).astype(np.uint8)
    label = hu.Volume.from_array(ball, affine=this.stack.grid.affine, quantity="mask")
    hu.write_seg(label, tmp_path / "s.dcm", source=this.stack)
    found = frames(tmp_path / "s.dcm", ["segment-1"])
    shared, total = 0, 0
    i, j = np.meshgrid(np.arange(70), np.arange(66))
    for plane in this.planes:
        points = plane.points(np.stack([i.ravel(), j.ravel()], axis=1))
        disc = (np.linalg.norm(points - centre, axis=1) <= radius).reshape(i.shape)
        drawn = found.get(plane.instance, np.zeros(i.shape)) > 0
        shared, total = (
            shared + 2 * int((disc & drawn).sum()),
            total + int(disc.sum()) + int(drawn.sum()),
        )
    assert shared / total > 0.95


def test_the_same_label_gives_the_same_bytes(scan: Get, tmp_path: Path) -> None:
    this = scan("plain")
    for name in ("a.dcm", "b.dcm"):
        hu.write_seg(some_label(this.stack.grid), tmp_path / name, source=this.stack)
    assert (tmp_path / "a.dcm").read_bytes() == (tmp_path / "b.dcm").read_bytes()


def test_the_patient_is_in_the_file_only_where_asked(scan: Get, tmp_path: Path) -> None:
    this = scan("plain")
    hu.write_seg(some_label(this.stack.grid), tmp_path / "removed.dcm", source=this.stack)
    with pytest.warns(hu.HounsfieldWarning, match="patient and study"):
        hu.write_seg(
            some_label(this.stack.grid), tmp_path / "kept.dcm", source=this.stack, identity="keep"
        )
    words = [PATIENT_NAME.encode(), PATIENT_ID.encode(), b"20200102"]
    assert [word in (tmp_path / "kept.dcm").read_bytes() for word in words] == [True, True, True]
    assert [word in (tmp_path / "removed.dcm").read_bytes() for word in words] == [
        False,
        False,
        False,
    ]


@pytest.mark.parametrize("kind", ["plain", "both", "enhanced"])
def test_an_independent_validator_finds_no_error(scan: Get, tmp_path: Path, kind: str) -> None:
    if shutil.which("dciodvfy") is None:
        pytest.skip("no dciodvfy: install Debian's dicom3tools")
    this = scan(kind)
    names = {2: "kidney_left"}
    hu.write_seg(some_label(this.stack.grid), tmp_path / "s.dcm", source=this.stack, names=names)
    said = subprocess.run(
        ["dciodvfy", str(tmp_path / "s.dcm")], capture_output=True, text=True
    ).stderr
    assert [line for line in said.splitlines() if line.startswith("Error")] == []
    assert "Segmentation" in said


def test_what_is_no_label_is_refused(scan: Get, tmp_path: Path) -> None:
    this = scan("plain")
    grid = this.stack.grid
    share = hu.Volume.from_array(
        np.full(grid.shape, 0.5, np.float32), affine=grid.affine, quantity="unit"
    )
    nothing = hu.Volume.from_array(
        np.zeros(grid.shape, np.uint8), affine=grid.affine, quantity="label"
    )
    for volume in (share, nothing):
        with pytest.raises(hu.QuantityError):
            hu.write_seg(volume, tmp_path / "s.dcm", source=this.stack)
    far = some_label(grid)
    moved = hu.Volume.from_array(
        far.array, affine=grid.boxed((500, 0, 0), grid.shape).affine, quantity="label"
    )
    with pytest.raises(hu.GeometryError, match="label is empty on all slices"):
        hu.write_seg(moved, tmp_path / "s.dcm", source=this.stack)
    with pytest.raises(hu.WriteError, match="not a DICOM series"):
        hu.write_seg(far, tmp_path / "s.dcm", source=hu.Stack.from_volume(far))
    with pytest.raises(hu.QuantityError, match="invalid segment name"):
        hu.write_seg(far, tmp_path / "s.dcm", source=this.stack, names={2: "DOE^JANE"})
    assert list(tmp_path.glob("*.dcm")) == []


def test_without_highdicom_it_is_one_line(
    scan: Get, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    this = scan("plain")
    monkeypatch.setitem(sys.modules, "highdicom", None)
    with pytest.raises(hu.MissingExtraError, match=r"pip install 'hounsfield\[seg\]'"):
        hu.write_seg(some_label(this.stack.grid), tmp_path / "s.dcm", source=this.stack)


def test_reading_labels_needs_no_highdicom(
    scan: Get, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    this = scan("plain")
    hu.write_seg(some_label(this.stack.grid), tmp_path / "s.dcm", source=this.stack)
    monkeypatch.setitem(sys.modules, "highdicom", None)
    assert len(hu.read_labels(tmp_path / "s.dcm", image=this.stack)) == 2


def test_restore_writes_a_prediction_as_a_segmentation(scan: Get, tmp_path: Path) -> None:
    """From a resampled output straight onto tilted slices, by the command line."""
    from hounsfield.__main__ import main

    this = scan("tilted")
    steps = hu.Pipeline([hu.Reorient(to="RAS"), hu.Resample(spacing_mm=3.0)])
    (tmp_path / "p.toml").write_text(steps.to_toml())
    assert (
        main(
            ["run", str(tmp_path / "p.toml"), str(this.series.folder), "-o", str(tmp_path / "out")]
        )
        == 0
    )
    case = next((tmp_path / "out" / "cases").iterdir())
    image = hu.read(case / "image.nii.gz")
    np.save(tmp_path / "bone.npy", (image.array > 300).astype(np.uint8))
    words = [
        "restore",
        str(case / "record.json"),
        str(tmp_path / "bone.npy"),
        "-o",
        str(tmp_path / "s.dcm"),
        "--format",
        "seg",
    ]
    assert main(words) == 2
    assert main([*words, "--source", str(scan("plain").series.folder)]) == 1
    assert not (tmp_path / "s.dcm").exists()
    assert main([*words, "--source", str(this.series.folder)]) == 0
    found = frames(tmp_path / "s.dcm", ["segment-1"])
    shared, total = 0, 0
    for file in this.series.files:
        data = pydicom.dcmread(file)
        bright = data.pixel_array * float(data.RescaleSlope) + float(data.RescaleIntercept) > 300
        drawn = found.get(data.SOPInstanceUID, np.zeros(bright.shape)) > 0
        shared, total = (
            shared + 2 * int((bright & drawn).sum()),
            total + int(bright.sum()) + int(drawn.sum()),
        )
    assert shared / total > 0.8


def test_a_segmentation_never_refers_to_another_scan_on_the_same_grid(
    scan: Get, tmp_path: Path
) -> None:
    from hounsfield.__main__ import main
    from hounsfield.phantom import write_series

    this = scan("plain")
    (tmp_path / "p.toml").write_text(hu.Pipeline([hu.Reorient(to="RAS")]).to_toml())
    assert (
        main(
            ["run", str(tmp_path / "p.toml"), str(this.series.folder), "-o", str(tmp_path / "out")]
        )
        == 0
    )
    case = next((tmp_path / "out" / "cases").iterdir())
    np.save(tmp_path / "bone.npy", (hu.read(case / "image.nii.gz").array > 300).astype(np.uint8))
    other = write_series(hu.read(this.series.folder), tmp_path / "other", seed=7)
    assert hu.open(other.folder).grid.same_as(this.stack.grid)
    words = [
        "restore",
        str(case / "record.json"),
        str(tmp_path / "bone.npy"),
        "-o",
        str(tmp_path / "s.dcm"),
        "--format",
        "seg",
    ]
    assert main([*words, "--source", str(other.folder)]) == 1
    assert not (tmp_path / "s.dcm").exists()
