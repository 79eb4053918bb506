"""An id follows from the content of a series, and what was discovered is what is read."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest

import hounsfield as hu
from hounsfield.core.policy import DEFAULT_POLICY
from hounsfield.dataset.case import CaseSource, open_case, source_sha256
from hounsfield.dataset.discover import discover
from hounsfield.dataset.status import read_status
from hounsfield.io.source_files import source_files
from hounsfield.phantom import Faults, Head, write_series
from tests.dataset.conftest import noisy
from tests.dataset.series import UID, part, small_head

KERNELS = {"SOFT": 6, "BONE": 5, "LUNG": 4}
"""Kernel and number of slices of three reconstructions under one series UID."""


@pytest.fixture(scope="module")
def phantom() -> Head:
    """A head of a few voxels."""
    return small_head()


def run(*words: object) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own."""
    command = [sys.executable, "-m", "hounsfield", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def cases(*paths: Path) -> list[CaseSource]:
    """The cases at some paths."""
    return list(discover([str(path) for path in paths]).cases)


def ids(*paths: Path) -> list[str]:
    """Their ids, sorted."""
    return [case.id for case in cases(*paths)]


@pytest.fixture
def kernels(phantom: Head, tmp_path: Path) -> Path:
    """Three kernels of one series UID: one in a folder of its own, two in another."""
    tree = tmp_path / "tree"
    for kernel, count in KERNELS.items():
        folder = tree / ("A" if kernel == "SOFT" else "B")
        part(phantom, folder, count=count, ConvolutionKernel=kernel)
    return tree


def test_a_run_writes_the_voxels_of_the_files_whose_sha256_it_records(
    kernels: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    done = run("run", "isotropic-mip", kernels, "-o", out, "--set", "Resample.spacing_mm=10")
    assert done.returncode == 0, done.stderr
    counts = set()
    for folder in (out / "cases").iterdir():
        record = json.loads((folder / "record.json").read_text())
        geometry = record["source"]["geometry"]
        count = geometry["grid"]["shape"][2]
        kernel = next(name for name, slices in KERNELS.items() if slices == count)
        files = sorted(kernels.rglob(f"{kernel}-*.dcm"))
        digest = source_files(kernels, names=[str(f.relative_to(kernels)) for f in files]).sha256()
        assert record["source"]["sha256"] == digest
        counts.add(count)
    assert counts == set(KERNELS.values())


def test_each_case_reads_its_files_and_no_others(kernels: Path) -> None:
    for case in cases(kernels):
        stack = open_case(case, policy=DEFAULT_POLICY)
        (kernel,) = {name.partition("-")[0] for name in case.files}
        assert stack.shape[2] == len(case.files) == KERNELS[kernel]
        assert stack.source.sha256 == source_sha256(case)
        if kernel != "SOFT":  # that it was split is found by the search alone
            assert "MIXED_KERNEL" in {each.code for each in stack.diagnostics}


def test_a_file_that_arrives_after_the_search_is_not_read(kernels: Path) -> None:
    found = {case.files[0].partition("-")[0]: case for case in cases(kernels)}
    (kernels / "B" / "BONE-4.dcm").rename(kernels / "later.dcm")
    shutil.copy(kernels / "later.dcm", kernels / "B" / "LUNG-9.dcm")
    assert open_case(found["LUNG"], policy=DEFAULT_POLICY).shape[2] == KERNELS["LUNG"]
    with pytest.raises(hu.ReadError):
        open_case(found["BONE"], policy=DEFAULT_POLICY)


def test_an_id_does_not_depend_on_the_root_or_on_what_else_is_there(
    kernels: Path, tmp_path: Path
) -> None:
    whole = {case.files[0].partition("-")[0]: case.id for case in cases(kernels)}
    assert len(set(whole.values())) == 3
    assert {*ids(kernels / "A"), *ids(kernels / "B")} == set(whole.values())
    assert ids(kernels / "A", kernels / "B") == ids(kernels / "B", kernels / "A") == ids(kernels)
    for kernel, case_id in whole.items():
        alone = tmp_path / "alone" / kernel
        alone.mkdir(parents=True)
        for n, path in enumerate(sorted(kernels.rglob(f"{kernel}-*.dcm"))):
            shutil.copy(path, alone / f"{9 - n}")
        assert ids(alone) == [case_id]
        assert [report.id for report in hu.inspect(alone)] == [case_id]
        (alone / "8").unlink()
        assert ids(alone) == [case_id]  # a lost slice does not make another case


def test_files_that_become_those_of_another_series_are_refused(
    phantom: Head, tmp_path: Path
) -> None:
    part(phantom, tmp_path / "a")
    (case,) = cases(tmp_path / "a")
    for path in (tmp_path / "a").iterdir():
        data = pydicom.dcmread(path)
        data.SeriesInstanceUID = "1.2.3"
        data.save_as(path)
    with pytest.raises(hu.ReadError) as caught:
        open_case(case, policy=DEFAULT_POLICY)
    assert caught.value.codes == ("SOURCE_CHANGED",)


SPLITS: dict[str, tuple[dict[str, object], dict[str, object]]] = {
    "orientation": (
        {"ImageOrientationPatient": [1, 0, 0, 0, 1, 0]},
        {"ImageOrientationPatient": [1, 0, 0, 0, 0.9, -0.43589]},
    ),
    "spacing": ({"PixelSpacing": [10, 10]}, {"PixelSpacing": [10.05, 10.05]}),
    "reference": ({"FrameOfReferenceUID": "1.2.3"}, {"FrameOfReferenceUID": "1.2.4"}),
    "phase": ({"AcquisitionNumber": 1}, {"AcquisitionNumber": 2}),
    "image type": (
        {"ImageType": ["ORIGINAL", "PRIMARY", "AXIAL", "A"]},
        {"ImageType": ["ORIGINAL", "PRIMARY", "AXIAL", "B"]},
    ),
}


@pytest.mark.parametrize("name", SPLITS)
def test_each_part_of_a_series_has_the_same_id_alone_and_with_the_others(
    name: str, phantom: Head, tmp_path: Path
) -> None:
    for folder, attributes in zip("ab", SPLITS[name], strict=True):
        part(phantom, tmp_path / "tree" / folder, **attributes)
    together = ids(tmp_path / "tree")
    assert len(together) == 2
    alone = [case_id for folder in "ab" for case_id in ids(tmp_path / "tree" / folder)]
    assert sorted(alone) == together
    assert sorted(report.id for report in hu.inspect(tmp_path / "tree")) == together
    for case in cases(tmp_path / "tree"):
        assert open_case(case, policy=DEFAULT_POLICY).shape[2] == 6


def test_phases_that_blocks_of_numbers_tell_are_read_from_their_files(
    phantom: Head, tmp_path: Path
) -> None:
    for n, folder in enumerate("ab"):

        def number(data: pydicom.Dataset, k: int, start: int = 6 * n) -> None:
            data.InstanceNumber = start + k
            for name in ("AcquisitionNumber", "AcquisitionTime", "ContentTime"):
                if name in data:
                    delattr(data, name)
            data.PixelData = (np.frombuffer(data.PixelData, "<i2") + start).tobytes()

        part(phantom, tmp_path / "tree" / folder, change=number, SeriesNumber=n)
    found = cases(tmp_path / "tree")
    assert len(found) == 2
    read = [open_case(case, policy=DEFAULT_POLICY).volume().array for case in found]
    assert [array.shape[2] for array in read] == [6, 6]
    assert not np.array_equal(*read)


def test_copies_of_a_series_are_one_case_and_said_to_be(phantom: Head, tmp_path: Path) -> None:
    def own_reference(data: pydicom.Dataset, k: int) -> None:
        data.FrameOfReferenceUID = f"1.2.3.{k}"

    part(phantom, tmp_path / "tree" / "a", change=own_reference)
    shutil.copytree(tmp_path / "tree" / "a", tmp_path / "tree" / "b")
    (alone,) = cases(tmp_path / "tree" / "a")
    for found in (
        cases(tmp_path / "tree"),
        cases(tmp_path / "tree" / "a", tmp_path / "tree" / "b"),
        cases(tmp_path / "tree", tmp_path / "tree" / "b"),
    ):
        (case,) = found
        assert case.id == alone.id
        assert source_sha256(case) == source_sha256(alone)
        stack = open_case(case, policy=DEFAULT_POLICY)
        assert stack.shape[2] == 6
        assert "DUPLICATE" in {each.code for each in stack.diagnostics}
    (report,) = hu.inspect(tmp_path / "tree")
    assert report.id == alone.id
    done = run(
        "run",
        "isotropic-mip",
        tmp_path / "tree" / "a",
        tmp_path / "tree" / "b",
        "-o",
        tmp_path / "out",
        "--set",
        "Resample.spacing_mm=10",
    )
    assert done.returncode == 0
    assert "6 duplicate objects dropped" in done.stderr
    assert [path.name for path in (tmp_path / "out" / "cases").iterdir()] == [alone.id]


def test_copies_of_real_ct_whose_slices_have_own_references_are_one_case(
    real_data: Path, tmp_path: Path
) -> None:
    source = real_data / "body_lidc0314" / "dicom_original_10"
    for folder in "ab":
        shutil.copytree(source, tmp_path / "tree" / folder)
        for k, path in enumerate(sorted((tmp_path / "tree" / folder).iterdir())):
            data = pydicom.dcmread(path)
            data.FrameOfReferenceUID = f"1.2.3.{k}"
            data.save_as(path)
    assert len(cases(tmp_path / "tree")) == len(cases(tmp_path / "tree" / "a")) == 1


def test_different_pixels_under_the_same_uids_are_refused(phantom: Head, tmp_path: Path) -> None:
    part(phantom, tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    (path, *_) = sorted((tmp_path / "b").iterdir())
    data = pydicom.dcmread(path)
    data.PixelData = bytes(len(data.PixelData))
    data.save_as(path)
    (case,) = cases(tmp_path / "a", tmp_path / "b")
    with pytest.raises(hu.RefusedError) as caught:
        open_case(case, policy=DEFAULT_POLICY)
    assert "DUPLICATE" in caught.value.codes


def test_the_files_of_a_series_by_a_pattern_are_one_case(phantom: Head, tmp_path: Path) -> None:
    part(phantom, tmp_path / "scan")
    (case,) = discover([f"{tmp_path}/scan/*.dcm"]).cases
    assert [case.id] == ids(tmp_path / "scan")
    assert open_case(case, policy=DEFAULT_POLICY).shape[2] == 6


def test_an_archive_of_a_series_beside_it_is_no_second_case(phantom: Head, tmp_path: Path) -> None:
    part(phantom, tmp_path / "scan")
    packed = tmp_path / "scan.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for path in (tmp_path / "scan").iterdir():
            archive.write(path, path.name)
    assert ids(packed) == ids(tmp_path / "scan") == ids(tmp_path / "scan", packed)


def test_series_without_a_uid_are_one_case_each(phantom: Head, tmp_path: Path) -> None:
    def nameless(data: pydicom.Dataset, k: int) -> None:
        del data.SeriesInstanceUID

    for folder, kernel in (("a", "SOFT"), ("b", "BONE")):
        part(phantom, tmp_path / "tree" / folder, change=nameless, ConvolutionKernel=kernel)
    shutil.copytree(tmp_path / "tree" / "a", tmp_path / "tree" / "copy of a")
    together = ids(tmp_path / "tree")
    assert len(together) == 2
    assert sorted([*ids(tmp_path / "tree" / "a"), *ids(tmp_path / "tree" / "b")]) == together


def test_a_name_that_no_terminal_shows_is_read_as_it_is(phantom: Head, tmp_path: Path) -> None:
    part(phantom, tmp_path / "tree" / "a\nb", ConvolutionKernel="SOFT")
    part(phantom, tmp_path / "tree" / "a\nb", ConvolutionKernel="BONE", count=5)
    for case in cases(tmp_path / "tree"):
        assert len(case.files) == open_case(case, policy=DEFAULT_POLICY).shape[2]


def every_kind(phantom: Head, folder: Path) -> None:
    """Write a folder with images of all formats and series of all kinds."""
    folder.mkdir()
    hu.write(noisy(0), folder / "anna.nii.gz")
    (folder / "x").mkdir()
    hu.write(noisy(1), folder / "x" / "ANNA.nrrd")
    hu.write(noisy(2), folder / "a b.nii.gz")
    hu.write(noisy(3), folder / "con.npy")
    hu.write(noisy(4), folder / "slices", format="png")
    hu.write(noisy(5), folder / "study.nii.gz")
    for kernel, count in KERNELS.items():
        part(phantom, folder / "study" / kernel[0], count=count, ConvolutionKernel=kernel)
    write_series(phantom, folder / "phases", faults=Faults(phases=3), seed=1)
    write_series(phantom, folder / "extras", faults=Faults(extras=("localizer",)), seed=2)
    write_series(phantom, folder / "enhanced", faults=Faults(enhanced=True), seed=3)
    for name in ("no uid", "no uid copy", "no uid other"):

        def nameless(data: pydicom.Dataset, k: int, name: str = name) -> None:
            del data.SeriesInstanceUID
            data.SOPInstanceUID = f"1.2.{7 if 'other' in name else 8}.{k}"

        part(phantom, folder / name, change=nameless)
    nibabel.save(
        nibabel.Nifti1Image(np.zeros((4, 4, 4, 2), np.int16), np.eye(4)), folder / "four.nii"
    )


def test_inspect_and_run_print_the_same_ids(phantom: Head, tmp_path: Path) -> None:
    source, out = tmp_path / "scans", tmp_path / "out"
    every_kind(phantom, source)
    rows = json.loads(run("inspect", source, "--json").stdout)["series"]
    not_read = {"localizer", "screen", "secondary", "not-ct"}
    inspected = [row["id"] for row in rows if row["kind"] not in not_read]
    done = run("run", "isotropic-mip", source, "-o", out, "--json")
    assert done.returncode in (0, 1), done.stderr
    assert sorted(inspected) == [case.id for case in read_status(out).cases]
    assert len(inspected) == len(set(inspected)) == 6 + 3 + 3 + 2 + 2 + 1
    events = [json.loads(text) for text in done.stdout.splitlines()]
    assert sorted(each["id"] for each in events if each["event"] == "case") == sorted(inspected)
    assert UID not in (out / "manifest.db").read_bytes().decode("latin-1")
