"""Our readers and writers pass the plug-ins' checks, on files made by hand or by other tools."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pytest

import hounsfield as hu
from hounsfield.io.bytes.source_file import SourceFile
from hounsfield.io.nifti import reader
from hounsfield.testing import ReaderTests, WriterTests
from tests.io.made import meta_header, nifti, nrrd_header


class TestNifti(ReaderTests):
    format = "nifti"

    def make(self, folder: Path, truth: hu.Volume) -> Path:
        return nifti(folder / "scan.nii", truth.array, affine=truth.grid.affine)

    def truth(self) -> hu.Volume:
        return upright(super().truth())


class TestGzippedNifti(TestNifti):
    is_compressed = True

    def make(self, folder: Path, truth: hu.Volume) -> Path:
        return nifti(folder / "scan.nii.gz", truth.array, affine=truth.grid.affine)


class TestNrrd(ReaderTests):
    format = "nrrd"

    def make(self, folder: Path, truth: hu.Volume) -> Path:
        path = folder / "scan.nrrd"
        header = nrrd_header(truth.array, **nrrd_places(truth)) + "\n"
        path.write_bytes(header.encode() + truth.array.tobytes(order="F"))
        return path


class TestDetachedNrrd(ReaderTests):
    format, is_detached = "nrrd", True

    def make(self, folder: Path, truth: hu.Volume) -> Path:
        path = folder / "scan.nhdr"
        fields = {**nrrd_places(truth), "data_file": "scan.raw"}
        path.write_text(nrrd_header(truth.array, **fields))
        (folder / "scan.raw").write_bytes(truth.array.tobytes(order="F"))
        return path


class TestMetaImage(ReaderTests):
    format = "metaimage"

    def make(self, folder: Path, truth: hu.Volume) -> Path:
        path = folder / "scan.mha"
        header = meta_header(truth.array, **meta_places(truth))
        path.write_bytes(header.encode() + truth.array.tobytes(order="F"))
        return path

    def truth(self) -> hu.Volume:
        return upright(super().truth())


class TestDetachedMetaImage(TestMetaImage):
    is_detached = is_compressed = True

    def make(self, folder: Path, truth: hu.Volume) -> Path:
        path = folder / "scan.mhd"
        fields = {**meta_places(truth), "CompressedData": "True", "ElementDataFile": "scan.zraw"}
        path.write_text(meta_header(truth.array, **fields))
        (folder / "scan.zraw").write_bytes(zlib.compress(truth.array.tobytes(order="F")))
        return path


class TestNpy(ReaderTests):
    format = "npy"

    def make(self, folder: Path, truth: hu.Volume) -> Path:
        hu.write(truth, folder / "scan.npy")
        np.save(folder / "scan.npy", truth.array)
        return folder / "scan.npy"


class TestNiftiWriter(WriterTests):
    output = "nii"


class TestGzippedNiftiWriter(WriterTests):
    output = "nii.gz"


class TestNrrdWriter(WriterTests):
    output = "nrrd"


class TestNpyWriter(WriterTests):
    output = "npy"


def test_the_laws_find_a_reader_that_fills_up_with_zeros(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def padded(file: SourceFile, *, offset: int, shape: tuple, dtype: np.dtype) -> np.ndarray:
        count = int(np.prod(shape)) * dtype.itemsize
        data = file.path.read_bytes()[offset : offset + count].ljust(count, b"\0")
        return np.frombuffer(data, dtype).reshape(shape, order="F")

    monkeypatch.setattr(reader, "_check_size", lambda path, header: ())
    monkeypatch.setattr(reader, "PlainVoxels", padded)
    with pytest.raises(AssertionError, match="read as other voxels"):
        TestNifti().test_a_truncated_file_is_an_error_and_never_zeros(tmp_path)


def test_the_laws_find_a_reader_that_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def leaving(path: Path) -> tuple[Path, Path]:
        (path.parent / "left.tmp").write_bytes(b"")
        return path, path

    monkeypatch.setattr(reader, "halves", leaving)
    with pytest.raises(AssertionError):
        TestNifti().test_reading_writes_nothing(tmp_path)


def upright(volume: hu.Volume) -> hu.Volume:
    """The same voxels on a grid whose axes are at right angles, which a quaternion can say."""
    affine = np.diag([-0.7, -0.7, 2.5, 1.0])
    affine[:3, 3] = 90, 110, -40
    return hu.Volume.from_array(volume.array, affine=affine)


def nrrd_places(volume: hu.Volume) -> dict[str, str]:
    """The lines of a NRRD header, in LPS, for the volume's affine."""
    lps = np.diag([-1, -1, 1, 1]) @ volume.grid.affine
    vectors = ["(" + ",".join(map(repr, map(float, lps[:3, n]))) + ")" for n in range(4)]
    return {"space_directions": " ".join(vectors[:3]), "space_origin": vectors[3]}


def meta_places(volume: hu.Volume) -> dict[str, str]:
    """The lines of a MetaImage header, in LPS, for a volume whose axes are at right angles."""
    lps = np.diag([-1, -1, 1, 1]) @ volume.grid.affine
    spacing = volume.grid.spacing_mm
    return {
        "Offset": " ".join(map(str, lps[:3, 3])),
        "TransformMatrix": " ".join(map(str, (lps[:3, :3] / spacing).T.ravel())),
        "ElementSpacing": " ".join(map(str, spacing)),
    }
