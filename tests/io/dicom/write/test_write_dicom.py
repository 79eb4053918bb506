"""Promises about derived series: what was written comes back, valid, in position, anonymous."""

from __future__ import annotations

import shutil
import subprocess
import warnings
from collections.abc import Callable
from pathlib import Path

import dcm2niix
import nibabel
import numpy as np
import pydicom
import pytest
import SimpleITK
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import hounsfield as hu
from hounsfield.io.dicom.derived.uid import pseudonym_uid
from hounsfield.phantom import Faults
from hounsfield.phantom.identity import PATIENT_ID, PATIENT_NAME
from hounsfield.phantom.series import Series
from tests.io.volumes import affines
from tests.reported import reported

Make = Callable[..., Series]


def blocks(
    shape: tuple[int, int, int] = (20, 17, 6), *, affine: np.ndarray | None = None
) -> hu.Volume:
    """Air around noisy tissue, with a bright corner that says which way the axes run."""
    array = np.random.default_rng(5).integers(-30, 60, shape).astype(np.int16)
    array[:2], array[-2:], array[:, :2], array[:, -2:] = -1000, -1000, -1000, -1000
    array[2:6, 2:5, :2] = 900
    if affine is None:
        affine = np.diag([-0.7, -0.8, 2.5, 1.0])
        affine[:3, 3] = [11.25, 22.5, -77.125]
    return hu.Volume.from_array(array, affine=affine)


def errors(path: Path) -> list[str]:
    """What dciodvfy calls an error, without the values."""
    said = subprocess.run(
        ["dciodvfy", str(path)], capture_output=True, text=True, errors="replace"
    ).stderr
    return [line for line in said.splitlines() if line.startswith("Error")]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)
@given(affine=affines(), seed=st.integers(0, 9))
def test_what_is_written_is_read_back_bit_for_bit(
    tmp_path_factory: pytest.TempPathFactory, affine: np.ndarray, seed: int
) -> None:
    """On oblique grids too; a left-handed one comes back with k reversed, at the same position."""
    shape = (5 + seed, 7, 4)
    array = np.random.default_rng(seed).integers(-1200, 3000, shape).astype(np.int16)
    volume = hu.Volume.from_array(array, affine=affine)
    out = tmp_path_factory.mktemp("derived") / "series"
    hu.write(volume, out, format="dicom")
    again = hu.read(out)
    if np.linalg.det(affine[:3, :3]) < 0:
        volume = hu.regrid(volume, volume.grid.flipped([2]))
    assert again.spec.dtype == np.int16
    assert np.array_equal(again.array, volume.array)
    assert np.abs(again.grid.corners_mm - volume.grid.corners_mm).max() < 1e-6


@pytest.mark.parametrize(
    "faults",
    [
        Faults(),
        Faults(tilt_deg=12.0),
        Faults(slopes=(1.0, 2.0)),
        Faults(enhanced=True),
        Faults(syntax="jpeg-ls"),
    ],
)
def test_a_series_goes_back_as_it_was_read(series: Make, tmp_path: Path, faults: Faults) -> None:
    stack = hu.open(series(faults).folder)
    volume = stack.volume()
    if volume.spec.dtype != np.int16:
        volume = hu.Volume.from_array(
            np.rint(volume.array).astype(np.int16), affine=volume.grid.affine
        )
    hu.write(volume, tmp_path / "out", format="dicom", source=stack)
    again = hu.read(tmp_path / "out")
    assert np.array_equal(again.array, volume.array)
    assert again.grid.same_as(volume.grid, tolerance_voxels=1e-6)


def test_simpleitk_and_dcm2niix_find_it_at_the_same_place(tmp_path: Path) -> None:
    turn = np.eye(4)
    turn[:3, :3] = hu.Grid((2, 2, 2), np.diag([-0.7, -0.8, 2.5, 1])).affine[:3, :3]
    tilt = np.array([[0.96, -0.28, 0], [0.28, 0.96, 0], [0, 0, 1]]) @ np.array(
        [[1, 0, 0], [0, 0.8, -0.6], [0, 0.6, 0.8]]
    )
    turn[:3, :3] = tilt @ turn[:3, :3]
    turn[:3, 3] = [5, -60, 33]
    volume = blocks(affine=turn)
    hu.write(volume, tmp_path / "out", format="dicom")
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(tmp_path / "out")))
    theirs = reader.Execute()
    assert np.array_equal(SimpleITK.GetArrayFromImage(theirs).T, volume.array)
    point = theirs.TransformIndexToPhysicalPoint((19, 16, 5))
    assert np.abs(np.array(point) * [-1, -1, 1] - volume.grid.world((19, 16, 5))).max() < 1e-3
    (tmp_path / "nii").mkdir()
    subprocess.run(
        [
            dcm2niix.bin,
            "-b",
            "n",
            "-z",
            "n",
            "-f",
            "x",
            "-o",
            str(tmp_path / "nii"),
            str(tmp_path / "out"),
        ],
        check=True,
        capture_output=True,
    )
    image = nibabel.load(next((tmp_path / "nii").glob("*.nii")))
    found = hu.regrid(hu.from_nibabel(image), volume.grid)
    assert np.array_equal(found.array, volume.array)


def test_the_same_volume_gives_the_same_bytes_and_another_other_uids(
    series: Make, tmp_path: Path
) -> None:
    stack = hu.open(series().folder)
    volume = stack.volume()
    other = hu.Volume.from_array(volume.array + 1, affine=volume.grid.affine)
    for name, made in (("a", volume), ("b", volume), ("c", other)):
        hu.write(made, tmp_path / name, format="dicom", source=stack)
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert names[0] == "slice-00001.dcm"
    assert all(
        (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
        for name in names
    )
    one, two = (pydicom.dcmread(tmp_path / name / names[0]) for name in ("a", "c"))
    assert one.SeriesInstanceUID != two.SeriesInstanceUID
    assert one.SOPInstanceUID != two.SOPInstanceUID
    assert one.StudyInstanceUID == two.StudyInstanceUID


def test_each_slice_refers_to_those_it_was_made_of(series: Make, tmp_path: Path) -> None:
    source = series()
    stack = hu.open(source.folder)
    finer = hu.regrid(stack.volume(), stack.grid.resampled(spacing_mm=(3.0, 3.0, 2.0)))
    rounded = hu.Volume.from_array(np.rint(finer.array).astype(np.int16), affine=finer.grid.affine)
    with pytest.warns(hu.HounsfieldWarning, match="identity='keep'"):
        hu.write(rounded, tmp_path / "kept", format="dicom", source=source.folder, identity="keep")
    hu.write(rounded, tmp_path / "removed", format="dicom", source=source.folder)
    places = {
        str(data.SOPInstanceUID): float(data.ImagePositionPatient[2])
        for data in map(pydicom.dcmread, source.files)
    }
    for path in sorted((tmp_path / "kept").iterdir()):
        data = pydicom.dcmread(path)
        named = [str(item.ReferencedSOPInstanceUID) for item in data.SourceImageSequence]
        distances = [abs(places[uid] - float(data.ImagePositionPatient[2])) for uid in named]
        assert 1 <= len(named) <= 3
        assert max(distances) <= 6.0
        assert min(distances) <= 3.0
        twin = pydicom.dcmread(tmp_path / "removed" / path.name)
        assert [str(item.ReferencedSOPInstanceUID) for item in twin.SourceImageSequence] == [
            pseudonym_uid(uid) for uid in named
        ]


def test_it_says_that_it_is_derived_and_keeps_hu(series: Make, tmp_path: Path) -> None:
    stack = hu.open(series().folder)
    hu.write(stack.volume(), tmp_path / "out", format="dicom", source=stack)
    data = pydicom.dcmread(tmp_path / "out" / "slice-00003.dcm")
    assert list(data.ImageType) == ["DERIVED", "SECONDARY", "AXIAL"]
    assert (data.RescaleSlope, data.RescaleIntercept, data.RescaleType) == (1, 0, "HU")
    assert data.PatientPosition == "HFS"
    assert hu.inspect(tmp_path / "out")[0].verdict == "ok"


def test_the_patient_is_in_it_only_where_asked(series: Make, tmp_path: Path) -> None:
    source = series()
    stack = hu.open(source.folder)
    with pytest.warns(hu.HounsfieldWarning, match="identity='keep'"):
        hu.write(stack.volume(), tmp_path / "kept", format="dicom", source=stack, identity="keep")
    hu.write(stack.volume(), tmp_path / "removed", format="dicom", source=stack)
    original = pydicom.dcmread(source.files[0])
    words = [PATIENT_NAME, PATIENT_ID, "20200102", original.StudyInstanceUID]
    unique = [original.SOPInstanceUID, original.SeriesInstanceUID, original.FrameOfReferenceUID]
    kept, removed = (
        (tmp_path / name / "slice-00001.dcm").read_bytes() for name in ("kept", "removed")
    )
    assert all(word.encode() in kept for word in words)
    assert not any(word.encode() in removed for word in [*words, *unique])
    assert removed[:128] == bytes(128)
    assert not any(
        element.tag.is_private
        for element in pydicom.dcmread(tmp_path / "removed" / "slice-00001.dcm")
    )
    assert "PatientIdentityRemoved" in pydicom.dcmread(tmp_path / "removed" / "slice-00001.dcm")


def test_nothing_that_is_planted_in_a_header_gets_through(series: Make, tmp_path: Path) -> None:
    """Mark every text element that pydicom knows, and private ones: no mark is in the output."""
    mark = "PLANTED"
    folder = tmp_path / "planted"
    shutil.copytree(series().folder, folder)
    for number, path in enumerate(sorted(folder.iterdir())):
        data = pydicom.dcmread(path)
        for tag, (vr, _, _, _, keyword) in pydicom.datadict.DicomDictionary.items():
            if (
                vr in ("LO", "SH", "PN", "ST", "LT", "UT", "UC")
                and keyword
                and tag >> 16 > 2
                and keyword not in data
            ):
                data.add_new(tag, vr, mark)
        data.PatientName, data.StudyID, data.PatientPosition = mark, mark, "PLANTED"
        data.private_block(0x0009, mark, create=True).add_new(1, "LO", mark)
        data.preamble = mark.encode().ljust(128, b"!")
        data.save_as(folder / f"{number}.dcm")
        path.unlink()
    stack = hu.open(folder, assume="hu")
    hu.write(stack.volume(), tmp_path / "out", format="dicom", source=stack)
    label = hu.Volume.from_array(
        (stack.volume().array > 200).astype(np.uint8), affine=stack.grid.affine, quantity="mask"
    )
    hu.write_seg(label, tmp_path / "seg.dcm", source=stack)
    for path in [*(tmp_path / "out").iterdir(), tmp_path / "seg.dcm"]:
        assert mark.encode() not in path.read_bytes()


@pytest.mark.parametrize("identity", ["remove", "keep"])
@pytest.mark.parametrize(
    "folder",
    [
        "",
        "leg_rtstruct_sts001/dicom/image",
        "body_siemens_j2k_seg/dicom",
        "head_ge_tilt_varspacing/dicom",
        "ct_dicomseg_nrrdseg_dcmqi/ct-3slice",
    ],
)
def test_an_independent_validator_finds_no_error_that_the_source_had_not(
    series: Make, tmp_path: Path, folder: str, identity: str, real_data: Path
) -> None:
    if shutil.which("dciodvfy") is None:
        pytest.skip("no dciodvfy: install Debian's dicom3tools")
    where = real_data / folder if folder else series().folder
    stack = hu.open(where)
    part = stack.grid.boxed((0, 0, 0), (*stack.grid.shape[:2], 1))
    volume = hu.Volume.from_array(np.zeros(part.shape, np.int16), affine=part.affine)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", hu.HounsfieldWarning)
        hu.write(volume, tmp_path / "out", format="dicom", source=stack, identity=identity)
    known = errors(next(path for path in sorted(where.iterdir()) if path.is_file()))
    found = errors(tmp_path / "out" / "slice-00001.dcm")
    assert [line for line in found if line not in known] == []
    if identity == "remove":
        assert found == []


def test_fractions_come_back_within_half_a_slope_and_that_is_said(tmp_path: Path) -> None:
    shares = blocks()
    values = hu.Volume.from_array(shares.array + np.float32(0.37), affine=shares.grid.affine)
    with pytest.warns(hu.HounsfieldWarning, match="stored with an error of up to"):
        hu.write(values, tmp_path / "out", format="dicom")
    slope = float(pydicom.dcmread(tmp_path / "out" / "slice-00001.dcm").RescaleSlope)
    assert slope <= np.ptp(values.array) / 65535 * 1.001
    assert np.abs(hu.read(tmp_path / "out").array - values.array).max() <= slope / 2 + 1e-4


def test_what_is_not_hu_does_not_say_so(tmp_path: Path) -> None:
    scan = blocks()
    shown = hu.Volume.from_array(
        (scan.array > 0).astype(np.uint8) * 200, affine=scan.grid.affine, quantity="display"
    )
    hu.write(shown, tmp_path / "out", format="dicom")
    with pytest.raises(hu.RefusedError, match="not HU"):
        hu.read(tmp_path / "out")
    with reported("NOT_HU"):
        read = hu.read(tmp_path / "out", quantity="other")
    assert np.array_equal(read.array, shown.array)


def test_what_a_series_cannot_hold_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    scan = blocks()
    label = hu.Volume.from_array(
        (scan.array > 0).astype(np.uint8), affine=scan.grid.affine, quantity="label"
    )
    colours = hu.Volume.from_array(
        np.zeros((4, 4, 4, 3), np.uint8), affine=np.eye(4), quantity="display"
    )
    leaning = scan.grid.affine.copy()
    leaning[1, 2] = 1.0
    sheared = hu.Volume.from_array(scan.array, affine=leaning)
    for volume, kind in (
        (label, hu.QuantityError),
        (colours, hu.QuantityError),
        (sheared, hu.GeometryError),
    ):
        with pytest.raises(kind):
            hu.write(volume, tmp_path / "out", format="dicom")
    with pytest.raises(hu.WriteError, match="not a DICOM series"):
        hu.write(scan, tmp_path / "out", format="dicom", source=hu.Stack.from_volume(scan))
    with pytest.raises(hu.WriteError, match="needs source="):
        hu.write(scan, tmp_path / "out", format="dicom", identity="keep")
    assert list(tmp_path.glob("*out*")) == []


def test_a_folder_of_others_is_left_alone_and_one_of_ours_replaced(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "thesis.doc").write_text("years of work")
    with pytest.raises(hu.WriteError, match="other files"):
        hu.write(blocks(), tmp_path / "theirs", format="dicom")
    assert [path.name for path in (tmp_path / "theirs").iterdir()] == ["thesis.doc"]
    hu.write(blocks((20, 17, 9)), tmp_path / "ours", format="dicom")
    hu.write(blocks(), tmp_path / "ours", format="dicom")
    assert len(list((tmp_path / "ours").iterdir())) == 6


def test_a_write_that_fails_midway_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = pydicom.Dataset.save_as, []

    def full(self: pydicom.Dataset, path: Path, **options: object) -> None:
        calls.append(path)
        if len(calls) > 3:
            raise OSError(28, "No space left on device")
        real(self, path, **options)

    monkeypatch.setattr(pydicom.Dataset, "save_as", full)
    with pytest.raises(hu.WriteError, match="No space left"):
        hu.write(blocks(), tmp_path / "out", format="dicom")
    assert [path for path in tmp_path.iterdir() if path.name != "config"] == []


def test_convert_writes_a_derived_series(series: Make, tmp_path: Path) -> None:
    """From DICOM with its references, and onto another grid; from NIfTI without any."""
    from hounsfield.__main__ import main

    source = series()
    assert main(["convert", str(source.folder), str(tmp_path / "out"), "--format", "dicom"]) == 0
    assert np.array_equal(hu.read(tmp_path / "out").array, hu.read(source.folder).array)
    assert "SourceImageSequence" in pydicom.dcmread(tmp_path / "out" / "slice-00001.dcm")
    hu.write(blocks(), tmp_path / "ct.nii.gz")
    assert (
        main(["convert", str(tmp_path / "ct.nii.gz"), str(tmp_path / "new"), "--format", "dicom"])
        == 0
    )
    assert np.array_equal(hu.read(tmp_path / "new").array, blocks().array)
