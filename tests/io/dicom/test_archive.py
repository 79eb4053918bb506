"""A series shuffled, renamed, in folders, zip, tar or behind a DICOMDIR is the same volume."""

from __future__ import annotations

import io
import shutil
import stat
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from hounsfield.core.errors import HounsfieldError, ReadError, RefusedError
from hounsfield.core.policy import ReadPolicy
from hounsfield.core.stack import Stack
from hounsfield.io.dicom.read import open_dicom
from hounsfield.io.dicom.report import scan_dicom
from tests.io.dicom.scanner import truth, write


def read(path: Path) -> Stack:
    return open_dicom(path, policy=ReadPolicy())


def same(one: Stack, other: Stack) -> bool:
    return (
        bool(np.array_equal(one.slab(0, one.shape[2]), other.slab(0, other.shape[2])))
        and one.grid == other.grid
    )


@pytest.fixture
def series(tmp_path: Path) -> Path:
    write(tmp_path / "series", truth(6))
    return tmp_path / "series"


def test_renamed_and_split_over_subfolders_is_the_same(series: Path, tmp_path: Path) -> None:
    whole = read(series)
    for n, path in enumerate(sorted(series.iterdir(), reverse=True)):
        target = tmp_path / "split" / f"d{n % 3}" / "deep" / f"file {n}.ima"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    assert same(read(tmp_path / "split"), whole)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("ConvolutionKernel", ("B30f", "B70f")),
        ("PixelSpacing", ([1, 1], [2, 2])),
        ("FrameOfReferenceUID", ("1.2.9", "1.2.8")),
    ],
)
def test_the_id_of_a_part_is_of_its_content_whatever_its_files_are_called(
    tmp_path: Path, name: str, values: tuple[object, object]
) -> None:
    uid, found = generate_uid(), []
    for turn, first in enumerate("az"):
        for part, letter in enumerate((first, "m")):

            def change(data: Dataset, k: int, part: int = part) -> None:
                setattr(data, name, values[part])
                data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = (
                    f"{uid[:50]}.{part}.{k}"
                )

            write(tmp_path / str(turn), truth(4, seed=part), change=change, name=letter, uid=uid)
        found.append(
            {
                report.id: open_dicom(tmp_path / str(turn), series=report.id, policy=ReadPolicy())
                for report in scan_dicom(tmp_path / str(turn))
            }
        )
    assert found[0].keys() == found[1].keys()
    assert len(found[0]) == 2
    assert all(same(found[0][key], found[1][key]) for key in found[0])


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
def test_zipped_is_the_same(series: Path, tmp_path: Path, method: int) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", method) as archive:
        for path in series.iterdir():
            archive.write(path, f"x/{path.name}")
    assert same(read(tmp_path / "a.zip"), read(series))
    assert scan_dicom(tmp_path / "a.zip")[0].slices == 6


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_tarred_is_the_same(series: Path, tmp_path: Path, mode: str) -> None:
    with tarfile.open(tmp_path / "a.tar", mode) as archive:  # type: ignore[call-overload]
        archive.add(series, "x")
    assert same(read(tmp_path / "a.tar"), read(series))


@pytest.mark.parametrize("name", ["../out", "/abs", "a/../../b", "C:/x", "a\\b"])
def test_members_that_lead_out_are_refused(series: Path, tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(name, b"x")
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        tar.addfile(tarfile.TarInfo(name), io.BytesIO())
    for archive_name in ("a.zip", "a.tar"):
        with pytest.raises(RefusedError) as caught:
            read(tmp_path / archive_name)
        assert caught.value.codes == ("ARCHIVE",)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_in_a_tar_are_refused(tmp_path: Path, kind: bytes) -> None:
    member = tarfile.TarInfo("x")
    member.type, member.linkname = kind, "/etc/passwd"
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        tar.addfile(member)
    with pytest.raises(RefusedError):
        read(tmp_path / "a.tar")


def test_link_in_a_zip_is_refused(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("x")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(RefusedError):
        read(tmp_path / "a.zip")


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz"])
def test_cut_archive_is_an_error(series: Path, tmp_path: Path, name: str) -> None:
    shutil.make_archive(
        str(tmp_path / "a"), {"a.zip": "zip", "a.tar": "tar", "a.tar.gz": "gztar"}[name], series
    )
    data = (tmp_path / name).read_bytes()
    for share in (0.2, 0.5, 0.9):
        (tmp_path / name).write_bytes(data[: int(len(data) * share)])
        try:
            stack = read(tmp_path / name)
        except HounsfieldError:
            continue
        assert name == "a.tar", "only a tar has padding that may be cut off"
        assert same(stack, read(series)), "a part of the series was taken for the whole"


def directory(folder: Path, names: list[list[str]]) -> Path:
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.1.3.10"
    data.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    records = []
    for name in names:
        record = Dataset()
        record.DirectoryRecordType, record.ReferencedFileID = "IMAGE", name
        records.append(record)
    data.DirectoryRecordSequence = records
    data.save_as(folder / "DICOMDIR", enforce_file_format=True)
    return folder / "DICOMDIR"


def test_dicomdir_names_the_files_of_its_series(series: Path, tmp_path: Path) -> None:
    disc = tmp_path / "disc"
    (disc / "IMG").mkdir(parents=True)
    names = []
    for n, path in enumerate(sorted(series.iterdir())):
        shutil.copy(path, disc / "IMG" / f"I{n}")
        names.append(["IMG", f"I{n}"])
    shutil.copy(path, disc / "NOT_NAMED")
    assert same(read(directory(disc, names)), read(series))
    assert same(read(disc), read(series))


@pytest.mark.filterwarnings("ignore:Invalid value for VR CS")
@pytest.mark.parametrize(
    "name", [["..", "s0-0"], ["/etc", "passwd"], ["IMG", "..", "..", "x"], ["../series2"]]
)
def test_reference_that_leads_out_of_the_folder_is_refused(series: Path, name: list[str]) -> None:
    with pytest.raises(RefusedError) as caught:
        read(directory(series, [name]))
    assert caught.value.codes == ("DICOMDIR",)


def test_reference_by_a_link_that_leads_out_is_refused(series: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"x")
    (series / "LINK").symlink_to(tmp_path / "secret")
    with pytest.raises(RefusedError):
        read(directory(series, [["LINK"]]))


def test_missing_reference_is_an_error(series: Path) -> None:
    with pytest.raises(ReadError):
        read(directory(series, [["NONE"]]))
