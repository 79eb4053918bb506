"""The sha256 that names a source in a record: of the bytes of all its files, not of their names."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from hounsfield.io.bytes.gzip.read import reading
from hounsfield.io.formats import sniff

CHUNK_BYTES = 1 << 20

ANY_AFFINE = "RAS"
"""Stands in for an affine that a header lacks: only the names of its data files are asked for here."""


def sha256_of(path: Path) -> str:
    """The sha256 of a source: of a file, that of its bytes; of a pair, a sidecar or detached data, that of the parts'
    sha256s in order; of a folder, that of its files' sorted sha256s, so that names and order do not count.

    Raises ReadError, or RefusedError where a header names a file outside of its folder.
    """
    if path.is_dir():
        with reading("source"):
            return _together(sorted(_of_file(item) for item in path.rglob("*") if item.is_file()))
    parts = _parts(path)
    with reading("source"):
        return (
            _of_file(parts[0]) if len(parts) == 1 else _together([_of_file(part) for part in parts])
        )


def _parts(path: Path) -> Sequence[Path]:
    """The files that a volume is made of, the one with the header first, none twice."""
    kind = sniff(path)
    found: Sequence[Path] = (path,)
    if kind == "nifti":
        from hounsfield.io.nifti.reader import halves

        found = halves(path)
    elif kind == "nrrd":
        from hounsfield.io.nrrd.reader import header_and_files as of_nrrd

        found = (path, *of_nrrd(path, assume_affine=ANY_AFFINE)[1])
    elif kind == "metaimage":
        from hounsfield.io.metaimage.reader import header_and_files as of_metaimage

        found = (path, *of_metaimage(path, assume_affine=ANY_AFFINE)[1])
    elif kind == "npy":
        from hounsfield.io.npy.npy import sidecar_path

        found = (path, sidecar_path(path))
    return tuple(dict.fromkeys(found))


def _together(digests: Sequence[str]) -> str:
    return hashlib.sha256("".join(digests).encode("ascii")).hexdigest()


def _of_file(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
