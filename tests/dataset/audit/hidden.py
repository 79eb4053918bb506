"""Files in which a text is hidden, one for each format and encoding."""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import json
import lzma
import os
import sqlite3
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import nibabel
import nrrd
import numpy as np
import pydicom
from PIL import Image, PngImagePlugin
from pydicom.dataset import Dataset, FileMetaDataset

Hide = Callable[[Path, str], None]
HIDDEN: dict[str, Hide] = {}
"""How a text is hidden in an empty folder."""


def hides(function: Hide) -> Hide:
    """Add a way to hide a text, by the name of its function."""
    HIDDEN[function.__name__.replace("_", " ")] = function
    return function


def _file(name: str, made: Callable[[str], bytes]) -> Hide:
    def hide(folder: Path, text: str) -> None:
        (folder / name).write_bytes(made(text))

    return hide


def _line(text: str) -> str:
    return f'{{"id": "x1", "note": "{text}", "size": [1, 2, 3]}}\n'


def _base64(text: str) -> bytes:
    return base64.b64encode(f"patient {text} has come".encode())


HIDDEN |= {
    "a text file": _file("a.txt", lambda text: _line(text).encode()),
    "capitals": _file("a.txt", lambda text: _line(text).upper().encode()),
    "utf-16": _file("a.txt", lambda text: _line(text).encode("utf-16")),
    "utf-16 without a mark": _file("a.bin", lambda text: b"\1" + _line(text).encode("utf-16-be")),
    "utf-32": _file("a.txt", lambda text: _line(text).encode("utf-32-le")),
    "escapes of JSON": _file(
        "a.json", lambda text: _line("".join(f"\\u{ord(x):04x}" for x in text)).encode()
    ),
    "escapes of a URL": _file(
        "a.txt", lambda text: "".join(f"%{ord(x):02X}" for x in text).encode()
    ),
    "entities of HTML": _file(
        "a.html", lambda text: f"<p>{''.join(f'&#{ord(x)};' for x in text)}</p>".encode()
    ),
    "escapes of Python": _file(
        "a.txt", lambda text: "".join(f"\\x{ord(x):02x}" for x in text).encode()
    ),
    "base64": _file("a.txt", lambda text: b"key: " + _base64(text) + b"\n"),
    "base64 in a word": _file("a.txt", lambda text: b"xy" + _base64(text)),
    "base64 of gzip": _file(
        "a.json",
        lambda text: json.dumps(
            {"a": base64.b64encode(gzip.compress(text.encode() + os.urandom(400))).decode()}
        ).encode(),
    ),
    "base64 of zlib": _file(
        "a.json",
        lambda text: b'{"bits": "%s"}' % base64.b64encode(zlib.compress(f"{text} {text}".encode())),
    ),
    "hexadecimal digits": _file("a.txt", lambda text: b"0x" + text.encode().hex().encode()),
    "gzip": _file("a.gz", lambda text: gzip.compress(_line(text).encode())),
    "after gzip": _file("a.gz", lambda text: gzip.compress(b"1") + text.encode()),
    "gzip in gzip": _file("a.gz", lambda text: gzip.compress(gzip.compress(text.encode()))),
    "bzip2": _file("a.bz2", lambda text: bz2.compress(_line(text).encode())),
    "xz": _file("a.xz", lambda text: lzma.compress(_line(text).encode())),
    "binary data": _file("a.bin", lambda text: b"\xff\xfe\x01" * 9 + text.encode() + b"\0\xff\xe9"),
    "bytes after a NIfTI": _file("a.nii", lambda text: _nifti().to_bytes() + text.encode()),
    "a MetaImage": _file(
        "a.mha",
        lambda text: (
            f"ObjectType = Image\nComment = {text}\nElementDataFile = LOCAL\n".encode()
            + bytes(range(256))
        ),
    ),
    "the name of a file": lambda folder, text: (folder / f"{text}.json").write_text("{}") and None,
    "the name of a folder": lambda folder, text: (folder / text).mkdir(),
    "a link": lambda folder, text: (folder / "a").symlink_to(f"/data/{text}/scan"),
    "an extended attribute": lambda folder, text: _attribute(folder / "a.txt", text),
}


def _attribute(path: Path, text: str) -> None:
    path.write_text("x")
    os.setxattr(path, "user.note", text.encode())


def _nifti() -> nibabel.Nifti1Image:
    return nibabel.Nifti1Image(np.zeros((4, 5, 6), np.int16), np.eye(4))


@hides
def the_name_in_gzip(folder: Path, text: str) -> None:
    with (folder / "a.gz").open("wb") as raw, gzip.GzipFile(f"{text}.nii", "wb", 9, raw) as file:
        file.write(b"1")


@hides
def a_member_of_zip(folder: Path, text: str) -> None:
    with zipfile.ZipFile(folder / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.json", _line(text))


@hides
def the_name_of_a_member_of_zip(folder: Path, text: str) -> None:
    with zipfile.ZipFile(folder / "a.zip", "w") as archive:
        archive.writestr(f"{text}/x.json", "{}")


@hides
def the_comment_of_a_zip(folder: Path, text: str) -> None:
    with zipfile.ZipFile(folder / "a.zip", "w") as archive:
        archive.writestr("x.json", "{}")
        archive.comment = text.encode()


@hides
def a_member_of_a_packed_tar(folder: Path, text: str) -> None:
    with tarfile.open(folder / "a.tgz", "w:gz") as archive:
        data = _line(text).encode()
        info = tarfile.TarInfo("x.json")
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))


@hides
def a_row_of_sqlite(folder: Path, text: str) -> None:
    with closing(sqlite3.connect(folder / "a.db")) as database, database:
        database.execute("CREATE TABLE cases (id TEXT, note TEXT)")
        database.execute("INSERT INTO cases VALUES ('c', ?)", (text,))


@hides
def a_deleted_row_of_sqlite(folder: Path, text: str) -> None:
    a_row_of_sqlite(folder, text)
    with closing(sqlite3.connect(folder / "a.db")) as database, database:
        database.execute("PRAGMA secure_delete = OFF")
        database.execute("DELETE FROM cases")


@hides
def an_array_of_texts(folder: Path, text: str) -> None:
    np.save(folder / "a.npy", np.array(["", text]))


@hides
def a_packed_array(folder: Path, text: str) -> None:
    np.savez_compressed(folder / "a.npz", x=np.zeros(9), note=np.array([text]))


@hides
def bytes_after_an_array(folder: Path, text: str) -> None:
    np.save(folder / "a.npy", np.zeros((9, 9), np.int16))
    with (folder / "a.npy").open("ab") as file:
        file.write(text.encode())


@hides
def a_text_of_NIfTI(folder: Path, text: str) -> None:
    image = _nifti()
    image.header["descrip"] = text[:79].encode()
    nibabel.save(image, folder / "a.nii.gz")


@hides
def an_extension_of_NIfTI(folder: Path, text: str) -> None:
    image = _nifti()
    image.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", text.encode()))
    nibabel.save(image, folder / "a.nii.gz")


@hides
def a_text_of_NIfTI2(folder: Path, text: str) -> None:
    image = nibabel.Nifti2Image(np.zeros((4, 5, 6), np.int16), np.eye(4))
    image.header["descrip"] = text[:79].encode()
    nibabel.save(image, folder / "a.nii")


@hides
def a_pair_of_NRRD(folder: Path, text: str) -> None:
    nrrd.write(str(folder / "a.nrrd"), np.zeros((4, 5, 6)), header={"note": text})


@hides
def bytes_after_NRRD(folder: Path, text: str) -> None:
    nrrd.write(str(folder / "a.nrrd"), np.zeros((4, 5, 6)), header={"encoding": "raw"})
    with (folder / "a.nrrd").open("ab") as file:
        file.write(text.encode())


def _png(path: Path, text: str, *, packed: bool) -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("note", f"{text} ü" if packed else text, zip=packed)
    Image.new("L", (30, 30)).save(path, pnginfo=info)


@hides
def a_text_of_PNG(folder: Path, text: str) -> None:
    _png(folder / "a.png", text, packed=False)


@hides
def a_packed_text_of_PNG(folder: Path, text: str) -> None:
    _png(folder / "a.png", text, packed=True)


@hides
def an_international_text_of_PNG(folder: Path, text: str) -> None:
    info = PngImagePlugin.PngInfo()
    info.add_itxt("note", text, zip=True)
    Image.new("L", (30, 30)).save(folder / "a.png", pnginfo=info)


@hides
def bytes_after_PNG(folder: Path, text: str) -> None:
    _png(folder / "a.png", "x", packed=False)
    with (folder / "a.png").open("ab") as file:
        file.write(text.encode())


@hides
def a_picture_in_a_page(folder: Path, text: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (40, 40)).astype(np.uint8)
    info = PngImagePlugin.PngInfo()
    info.add_text("note", text, zip=True)
    data = io.BytesIO()
    Image.fromarray(noise).save(data, "png", pnginfo=info)
    code = base64.b64encode(data.getvalue()).decode()
    (folder / "a.html").write_text(f'<img src="data:image/png;base64,{code}">')


def _dicom() -> Dataset:
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID = "2.25.1"
    data.Rows, data.Columns, data.BitsAllocated = 4, 4, 16
    data.add_new(0x7FE00010, "OW", bytes(32))
    return data


def _saved(data: Dataset, folder: Path) -> None:
    data.save_as(folder / "a.dcm", enforce_file_format=True)


@hides
def an_element_of_DICOM(folder: Path, text: str) -> None:
    data = _dicom()
    data.SeriesDescription = text
    _saved(data, folder)


@hides
def a_nested_private_element_of_DICOM(folder: Path, text: str) -> None:
    data, inner = _dicom(), Dataset()
    inner.private_block(0x0029, "x", create=True).add_new(1, "UN", text.encode())
    data.ReferencedImageSequence = [inner]
    _saved(data, folder)


@hides
def the_preamble_of_DICOM(folder: Path, text: str) -> None:
    data = _dicom()
    data.preamble = text.encode()[:128].ljust(128, b"\0")
    _saved(data, folder)


@hides
def an_element_after_the_pixels_of_DICOM(folder: Path, text: str) -> None:
    data = _dicom()
    data.add_new(0xFFFCFFFC, "OB", text.encode())
    _saved(data, folder)


@hides
def a_deflated_DICOM(folder: Path, text: str) -> None:
    data = _dicom()
    data.SeriesDescription = text
    data.file_meta.TransferSyntaxUID = pydicom.uid.DeflatedExplicitVRLittleEndian
    _saved(data, folder)
