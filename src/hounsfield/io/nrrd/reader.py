"""Read NRRD: the data files checked to lie in the header's folder, then mapped or inflated."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.errors import ReadError
from hounsfield.core.policy import ReadPolicy
from hounsfield.core.volume import Array
from hounsfield.io.bytes.detached import FILES_AT_MOST, beside, numbered
from hounsfield.io.bytes.gzip.bounded import RATIO, allocate, check_length, fill, too_short
from hounsfield.io.bytes.gzip.read import mapped, reading
from hounsfield.io.nrrd.header import HEADER_BYTES, NrrdHeader, parse
from hounsfield.io.values.affine import ANY_AFFINE, placed
from hounsfield.io.values.raw_image import RawImage
from hounsfield.io.values.select_volume import chosen


def open_nrrd(path: Path, *, series: str | None, policy: ReadPolicy) -> RawImage:
    """What the NRRD file holds; voxels are loaded when asked for.

    `series` chooses among several volumes by number, from 0. Raises ReadError, RefusedError or GeometryError.
    """
    header, files = header_and_files(path, assume_affine=policy.assume_affine)
    axis = header.list_axis
    shape = tuple(size for n, size in enumerate(header.sizes) if n != axis)
    has_channels = axis is not None and header.list_kind == "vector" and header.sizes[axis] > 1
    count = 1 if axis is None else header.sizes[axis]
    number, diagnostics = (
        (None, ()) if has_channels else chosen(count, series, axes=len(header.sizes))
    )
    channels = tuple(str(n) for n in range(count)) if has_channels else ()
    return RawImage(
        grid=placed(shape, header.affine_ras),
        dtype=header.dtype,
        load=lambda: _load(files, header, number),
        channels=channels,
        not_hu="'old min' and 'old max' say that they were quantised"
        if header.is_quantised
        else None,
        diagnostics=header.diagnostics + diagnostics,
    )


def header_and_files(path: Path, *, assume_affine: str | None) -> tuple[NrrdHeader, Sequence[Path]]:
    """The checked header and the files, in order, that hold its voxels."""
    with reading("NRRD"):
        with path.open("rb") as file:
            header = parse(file.read(HEADER_BYTES), assume_affine=assume_affine)
        files = _files(path, header)
        _check_size(files, header)
    return header, files


def files_of(path: Path) -> Sequence[Path]:
    """The header and the files that hold its voxels."""
    return (path, *header_and_files(path, assume_affine=ANY_AFFINE)[1])


def _files(path: Path, header: NrrdHeader) -> Sequence[Path]:
    """The data files in order: the header's own, one beside it, a pattern of them, or a list."""
    named = header.data_files
    if not named:
        return [path]
    if isinstance(named, tuple):
        names: Sequence[str] = named
    else:
        words = named.split()
        is_pattern = (
            "%" in named and len(words) in (4, 5) and all(_is_whole(word) for word in words[1:])
        )
        names = numbered(words[0], *(int(word) for word in words[1:4])) if is_pattern else [named]
    if len(names) > FILES_AT_MOST or header.voxel_bytes % (len(names) * header.dtype.itemsize):
        raise ReadError(
            f"the NRRD header is corrupt: {len(names)} data files cannot share its sizes evenly"
        )
    return [beside(path, name) for name in names]


def _is_whole(word: str) -> bool:
    return word.removeprefix("-").isdecimal() and len(word) < 10


def _check_size(files: Sequence[Path], header: NrrdHeader) -> None:
    each = header.voxel_bytes // len(files)
    for file in files:
        held = file.stat().st_size * RATIO[header.codec]
        if held < each:
            raise too_short(held, each)


def _load(files: Sequence[Path], header: NrrdHeader, number: int | None) -> Array:
    with reading("NRRD"):
        raw = _raw(files, header)
    array = raw.view(header.dtype).reshape(header.sizes, order="F")
    if header.list_axis is None:
        return array
    if number is None:
        return np.asfortranarray(np.moveaxis(array, header.list_axis, 3))
    return np.asfortranarray(np.take(array, number, axis=header.list_axis))


def _raw(files: Sequence[Path], header: NrrdHeader) -> NDArray[np.uint8]:
    if len(files) == 1 and header.codec == "raw":
        start = _start(files[0], header, header.voxel_bytes)
        check_length(files[0], start=start, count=header.voxel_bytes)
        return mapped(files[0], offset=start, count=header.voxel_bytes)
    packed = sum(file.stat().st_size for file in files)
    values = allocate(header.voxel_bytes, codec=header.codec, packed=packed)
    each = math.prod(values.shape) // len(files)
    for n, file in enumerate(files):
        # Bytes are skipped in what was inflated, lines in the file itself (the NRRD format, 'byte skip').
        start = _start(file, header, each)
        if header.codec == "raw":
            check_length(file, start=start, count=each)
        fill(
            values[n * each : (n + 1) * each],
            file,
            codec=header.codec,
            start=start,
            skip=max(header.byte_skip, 0) if header.codec != "raw" else 0,
        )
    return values


def _start(file: Path, header: NrrdHeader, count: int) -> int:
    """Where the stream of voxels begins in the file; a byte skip of -1 counts from the end of a raw one."""
    if header.byte_skip == -1:
        if header.codec != "raw":
            raise ReadError(
                "the NRRD header is corrupt: a byte skip of -1 belongs to raw data alone"
            )
        return max(file.stat().st_size - count, 0)
    start = 0 if header.data_files else header.offset
    with file.open("rb") as stream:
        stream.seek(start)
        for _ in range(header.line_skip):
            if not stream.readline(1 << 20):
                raise too_short(0, count)
        return stream.tell() + (max(header.byte_skip, 0) if header.codec == "raw" else 0)
