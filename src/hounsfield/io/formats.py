"""Tell what kind of file or folder a path is, from its first bytes, and from its suffix where bytes say nothing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from hounsfield.core.errors import ReadError, missing_file, naming, unreadable
from hounsfield.io.bytes.gzip.read import head, reading
from hounsfield.io.values.sidecar import SIDECAR_NAME

Kind = Literal["nifti", "nrrd", "metaimage", "npy", "png", "dicom"]

SNIFFED_BYTES = 1024
"""Enough for every magic number: NIfTI's lies at 344, tar's at 257, DICOM's at 128."""

SUFFIXES: dict[str, Kind] = {
    ".nii": "nifti",
    ".hdr": "nifti",
    ".img": "nifti",
    ".nrrd": "nrrd",
    ".nhdr": "nrrd",
    ".mha": "metaimage",
    ".mhd": "metaimage",
    ".npy": "npy",
}


def sniff(path: Path) -> Kind:
    """What `path` is; 'dicom' for every folder, archive and file that is nothing else.

    Raises ReadError where there is nothing, or nothing that may be read.
    """
    if not os.path.exists(path):  # False for a name that is too long, or a link in a circle
        raise missing_file(path)
    if path.is_dir():
        return "png" if os.path.isfile(path / SIDECAR_NAME) else "dicom"
    if not os.path.isfile(path):
        raise unreadable(str(path), "neither a file nor a folder")
    with naming(path), reading("image"):
        if path.stat().st_size == 0:
            raise ReadError("the file is empty")
        data = head(path, SNIFFED_BYTES)
    by_content = _by_content(data)
    if by_content is not None:
        return by_content
    name = path.name.lower().removesuffix(".gz")
    return SUFFIXES.get(name[name.rfind(".") :] if "." in name else "", "dicom")


def _by_content(data: bytes) -> Kind | None:
    if data[344:348] in (b"n+1\0", b"ni1\0") or data[4:8] in (b"n+2\0", b"ni2\0"):
        return "nifti"
    if data[:4] == b"NRRD":
        return "nrrd"
    if data[:6] == b"\x93NUMPY":
        return "npy"
    if data[128:132] == b"DICM" or data[:4] == b"PK\x03\x04" or data[257:262] == b"ustar":
        return "dicom"
    return "metaimage" if data.startswith((b"ObjectType", b"NDims")) else None
