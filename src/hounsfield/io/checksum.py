"""The sha256 that names a source in a record: of the bytes of all its files, not of their names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hounsfield.io.bytes.checksum import SourceFiles
from hounsfield.io.bytes.gzip.read import reading
from hounsfield.io.formats import sniff

ANY_AFFINE = "RAS"
"""Stands in for an affine that a header lacks: only the names of its data files are asked for here."""


def sha256_of(path: Path) -> str:
    """The sha256 of the source at `path`, see `source_files`; raises ReadError and RefusedError."""
    return source_files(path).sha256()


def source_files(path: Path, *, names: Sequence[str] = ()) -> SourceFiles:
    """The files that the source at `path` is made of: `names` in a folder, or all of it; a file, or the parts of one.

    The sha256 of one file is that of its bytes; of a pair, a sidecar or detached data, that of the parts' sha256s in
    order; of a folder, that of its files' sorted sha256s, so that names and order do not count.
    Raises ReadError, or RefusedError where a header names a file outside of its folder.
    """
    if path.is_dir():
        with reading("source"):
            files = [path / name for name in names] or [
                item for item in path.rglob("*") if item.is_file()
            ]
            return SourceFiles.of(files, is_ordered=False)
    parts = _parts(path)
    with reading("source"):
        return SourceFiles.of(parts)


def _parts(path: Path) -> Sequence[Path]:
    """The files that a volume is made of, the one with the header first."""
    kind = sniff(path)
    if kind == "nifti":
        from hounsfield.io.nifti.reader import halves

        return halves(path)
    if kind == "nrrd":
        from hounsfield.io.nrrd.reader import header_and_files as of_nrrd

        return (path, *of_nrrd(path, assume_affine=ANY_AFFINE)[1])
    if kind == "metaimage":
        from hounsfield.io.metaimage.reader import header_and_files as of_metaimage

        return (path, *of_metaimage(path, assume_affine=ANY_AFFINE)[1])
    if kind == "npy":
        from hounsfield.io.npy.npy import sidecar_path

        return (path, sidecar_path(path))
    from hounsfield.io.dicom.files.listing import files_of

    return files_of(path) if kind == "dicom" else (path,)
