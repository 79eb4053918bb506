"""The registry of file formats, with their detection, readers, writers and files.

Detection, `--format`, the search for cases, case ids, checksums, writing and the table in
docs/reference/formats.md use the tuple FORMATS and the entry points of installed packages. Readers
and writers are given by import path and imported on first use.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from hounsfield.core.entry_points import by_name, loaded, package_of
from hounsfield.core.errors import (
    PluginError,
    ReadError,
    WriteError,
    missing_file,
    naming,
    unreadable,
)
from hounsfield.io.base import Format, Output, Reader
from hounsfield.io.bytes.gzip.read import head, reading
from hounsfield.io.values.sidecar import SIDECAR_NAME

GROUP = "hounsfield.formats"
"""Entry point group of plugin formats: `rawct = "my_package.format:RAWCT"`, a Format."""

SNIFFED_BYTES = 1024
"""Enough for all magic bytes: NIfTI at 344, tar at 257, DICOM at 128."""

GZIP_SUFFIX = ".gz"
"""Accepted after any suffix; the reader decides whether it reads gzip."""


_IO = "hounsfield.io"

FORMATS: tuple[Format, ...] = (
    Format(
        name="nifti",
        title="NIfTI",
        magic=((344, b"n+1\0"), (344, b"ni1\0"), (4, b"n+2\0"), (4, b"ni2\0")),
        suffixes=(".nii", ".nii.gz", ".hdr", ".img"),
        case_suffixes=(".nii", ".nii.gz"),
        data_suffixes=(".img",),
        reader=f"{_IO}.nifti.reader:open_nifti",
        files=f"{_IO}.nifti.reader:halves",
        outputs=(
            Output(
                name="nii.gz",
                writer=f"{_IO}.nifti.writer:write_nii_gz",
                slab_writer=f"{_IO}.nifti.writer:slabs_nii_gz",
            ),
            Output(
                name="nii",
                writer=f"{_IO}.nifti.writer:write_nii",
                slab_writer=f"{_IO}.nifti.writer:slabs_nii",
            ),
        ),
    ),
    Format(
        name="nrrd",
        title="NRRD",
        magic=((0, b"NRRD"),),
        suffixes=(".nrrd", ".nhdr"),
        data_suffixes=(".raw",),
        reader=f"{_IO}.nrrd.reader:open_nrrd",
        files=f"{_IO}.nrrd.reader:files_of",
        outputs=(Output(name="nrrd", writer=f"{_IO}.nrrd.writer:write_nrrd"),),
    ),
    Format(
        name="metaimage",
        title="MetaImage",
        magic=((0, b"ObjectType"), (0, b"NDims")),
        suffixes=(".mha", ".mhd"),
        data_suffixes=(".raw", ".zraw"),
        reader=f"{_IO}.metaimage.reader:open_metaimage",
        files=f"{_IO}.metaimage.reader:files_of",
    ),
    Format(
        name="npy",
        title="npy with a sidecar",
        magic=((0, b"\x93NUMPY"),),
        suffixes=(".npy",),
        sidecar_suffix=".json",
        data_suffixes=(".json",),
        reader=f"{_IO}.npy.reader:open_npy",
        files=f"{_IO}.npy.header:files_of",
        outputs=(
            Output(
                name="npy",
                writer=f"{_IO}.npy.writer:write_npy",
                slab_writer=f"{_IO}.npy.writer:slabs_npy",
            ),
        ),
    ),
    Format(
        name="png",
        title="PNG slices with a sidecar",
        data_suffixes=(".png", ".json"),
        folder_mark=SIDECAR_NAME,
        reader=f"{_IO}.png.reader:open_png",
        outputs=(
            Output(
                name="png", writer=f"{_IO}.png.writer:write_png", is_folder=True, is_lossless=False
            ),
            Output(
                name="png8",
                writer=f"{_IO}.png.writer:write_png8",
                is_folder=True,
                is_lossless=False,
            ),
        ),
    ),
    Format(
        name="dicom",
        title="DICOM",
        magic=((128, b"DICM"), (0, b"PK\x03\x04"), (257, b"ustar")),
        suffixes=(".dcm", ".dicom", ".ima", ".zip", ".tar", ".tgz"),
        case_suffixes=(),
        reader=f"{_IO}.dicom.read:open_dicom",  # returns a Stack; called by io.open
        outputs=(Output(name="dicom", is_folder=True, is_lossless=False),),
    ),
)
"""The built-in formats, in order of detection; a file of no other format is assumed to be DICOM."""

DICOM = "dicom"


@cache
def plugin_formats() -> tuple[Format, ...]:
    """Import the formats of installed packages; raises PluginError if one is invalid."""
    ours = {each.name for each in FORMATS} | {out.name for each in FORMATS for out in each.outputs}
    result: list[Format] = []
    for name, point in by_name(GROUP, noun="format", ours=ours).items():
        made = loaded(point, noun="format")
        if not isinstance(made, Format) or made.name != name:
            raise PluginError(
                f"package {package_of(point)} registers '{point.value}' as the format '{name}'; "
                f"expected a hounsfield.io.formats.Format of that name"
            )
        _check_new(made, [*FORMATS, *result], package=package_of(point))
        result.append(made)
    return tuple(result)


def _check_new(made: Format, others: Iterable[Format], *, package: str) -> None:
    """Raise PluginError if a suffix or output name is already used by another format."""
    for other in others:
        outputs = {each.name for each in made.outputs} & {each.name for each in other.outputs}
        taken = sorted((set(made.suffixes) & set(other.suffixes)) | outputs)
        if taken:
            raise PluginError(
                f"package {package} registers the format '{made.name}' with '{taken[0]}', which is "
                f"used by {other.title}; uninstall the package, or ask its author to rename it"
            )


def formats() -> tuple[Format, ...]:
    """Return all formats, built-in ones first; raises PluginError if a plugin is invalid."""
    return FORMATS + plugin_formats()


def format_of(name: str) -> Format:
    """Return the format `name`; raises KeyError if it is unknown."""
    for group in _groups():
        for each in group:
            if each.name == name:
                return each
    raise KeyError(name)


def by_suffix(name: str) -> Format | None:
    """Return the format of a file name by its suffix (any case, optional .gz), or None."""
    lower = name.lower()
    known = (each for group in _groups_of(lower) for each in group)
    return next((each for each in known if _suffix(lower, each.suffixes)), None)


def without_suffix(name: str) -> str:
    """Return a file name without the suffix of its format; unchanged if it has none.

    >>> without_suffix("scan.nii.gz"), without_suffix("scan.v2.nrrd"), without_suffix("scan.txt")
    ('scan', 'scan.v2', 'scan.txt')
    """
    found = by_suffix(name)
    return name if found is None else name[: -len(_suffix(name.lower(), found.suffixes))]


def _suffix(lower: str, suffixes: Sequence[str]) -> str:
    """The longest suffix, with or without .gz, of a name in lower case, or ''."""
    both = (each + gz for each in suffixes for gz in ("", GZIP_SUFFIX))
    return max((each for each in both if lower.endswith(each)), key=len, default="")


def case_suffix(name: str) -> str:
    """Return the suffix of a file that is a case at any depth of a searched folder, or ''."""
    lower = name.lower()
    found = (
        _ending(lower, each.searched_suffixes) for group in _groups_of(lower) for each in group
    )
    return next(filter(None, found), "")


def _ending(lower: str, suffixes: Sequence[str]) -> str:
    return max((each for each in suffixes if lower.endswith(each)), key=len, default="")


def has_sidecar(path: Path) -> bool:
    """Whether the sidecar of a file exists, or its format needs none."""
    found = by_suffix(path.name)
    needs = "" if found is None else found.sidecar_suffix
    return not needs or path.with_suffix(needs).is_file()


def is_data(name: str) -> bool:
    """Whether the suffix is that of a part of an image, not of a complete image."""
    lower = name.lower()
    return any(_ending(lower, each.data_suffixes) for group in _groups_of(lower) for each in group)


def _groups_of(lower: str) -> Iterator[tuple[Format, ...]]:
    """Like `_groups`, but plugins only for a new suffix that is not a number."""
    yield FORMATS
    last = lower.rpartition(".")[2]
    is_ours = any(_suffix(lower, each.suffixes) for each in FORMATS)
    if not (is_ours or last == lower or last.isdecimal()):
        yield plugin_formats()


def _groups() -> Iterator[tuple[Format, ...]]:
    """The built-in formats, then those of plugins, which are imported only if needed."""
    yield FORMATS
    yield plugin_formats()


def sniff(path: Path) -> str:
    """Return the name of the format of a file or folder, by its first bytes, then its suffix.

    Plugins are tried after the built-in formats. A folder, archive or file of no other format is
    'dicom'. Raises ReadError if the path does not exist or cannot be read.
    """
    if not os.path.exists(path):  # False for a name that is too long, or a link in a circle
        raise missing_file(path)
    if path.is_dir():
        return _of_folder(path)
    if not os.path.isfile(path):
        raise unreadable(
            str(path), "path is neither a file nor a folder; expected an image file or a folder"
        )
    with naming(path), reading("image"):
        if path.stat().st_size == 0:
            raise ReadError("the file is empty; copy it again from the source")
        data = head(path, SNIFFED_BYTES)
    for group in _groups():
        known = [each for each in group if each.matches(data)]
        known += [each for each in group if _suffix(path.name.lower(), each.suffixes)]
        if known:
            return known[0].name
    return DICOM


def _of_folder(path: Path) -> str:
    marked = [each for each in FORMATS if each.folder_mark]
    return next((each.name for each in marked if os.path.isfile(path / each.folder_mark)), DICOM)


def is_image_folder(path: Path) -> bool:
    """Whether a folder is one image of a built-in format rather than a folder of images."""
    return _of_folder(path) != DICOM


def reader_of(name: str) -> Reader:
    """Import the reader of a format; raises ReadError if the format is write-only."""
    found = format_of(name)
    if not found.reader:
        raise ReadError(f"{found.title} files can only be written; use a format that can be read")
    reader: Reader = load(found.reader)
    return reader


def files_of(path: Path) -> tuple[Path, ...]:
    """Return the files of an image, the header first, without duplicates.

    Raises ReadError, or RefusedError if a header names a file outside its folder.
    """
    found = format_of(sniff(path))
    return tuple(dict.fromkeys(load(found.files)(path))) if found.files else (path,)


def output_names() -> tuple[str, ...]:
    """Return the values of `format=` and `--format`, built-in formats first."""
    return tuple(out.name for each in formats() for out in each.outputs)


def output_of(name: str) -> Output:
    """Return the output of a `format=` value; raises WriteError if it is unknown."""
    for group in _groups():
        for out in (out for each in group for out in each.outputs):
            if out.name == name:
                return out
    raise WriteError(f"unknown format '{name}'; expected one of {', '.join(output_names())}")


def output_by_suffix(path: Path) -> Output:
    """Return the output of a file suffix; raises WriteError if it is unknown."""
    lower = path.name.lower()
    for group in _groups():
        for out in (out for each in group for out in each.outputs if not out.is_folder):
            if lower.endswith(f".{out.name}"):
                return out
    names = [f".{out.name}" for each in formats() for out in each.outputs if not out.is_folder]
    raise WriteError(
        f"the suffix is not that of a format; expected {', '.join(names[:-1])} or "
        f"{names[-1]}, or format= one of {', '.join(output_names())}"
    )


def load(path: str) -> Any:
    """Import the object 'package.module:name'."""
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)
