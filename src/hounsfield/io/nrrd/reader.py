"""Read NRRD files, attached or with data files in the same folder."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.errors import ReadError
from hounsfield.core.policy import ReadPolicy
from hounsfield.io.bytes.detached import FILES_AT_MOST, data_file, numbered
from hounsfield.io.bytes.gzip.bounded import RATIO, allocate, check_length, fill, too_short
from hounsfield.io.bytes.gzip.read import read_plain, reading
from hounsfield.io.bytes.source_file import PlainVoxels, SourceFile, Voxels
from hounsfield.io.nrrd.header import HEADER_BYTES, NrrdHeader, parse
from hounsfield.io.values.affine import ANY_AFFINE, checked_grid
from hounsfield.io.values.raw_image import RawImage
from hounsfield.io.values.select_volume import select_volume


def open_nrrd(path: Path, *, series: str | None, policy: ReadPolicy) -> RawImage:
    """Open a NRRD file; voxels are loaded on demand.

    `series` selects one of several volumes by number, from 0. Raises ReadError, RefusedError or
    GeometryError.
    """
    header, files = header_and_files(path, assume_affine=policy.assume_affine)
    axis = header.list_axis
    shape = tuple(size for n, size in enumerate(header.sizes) if n != axis)
    has_channels = axis is not None and header.list_kind == "vector" and header.sizes[axis] > 1
    count = 1 if axis is None else header.sizes[axis]
    number, diagnostics = (
        (None, ()) if has_channels else select_volume(count, series, axes=len(header.sizes))
    )
    channels = tuple(str(n) for n in range(count)) if has_channels else ()
    with reading("NRRD"):
        sources = [SourceFile.of(file) for file in files]
    return RawImage(
        grid=checked_grid(shape, header.affine_ras),
        dtype=header.dtype,
        load=lambda: _load(sources, header, number),
        channels=channels,
        not_hu="'old min' and 'old max' mark quantized values" if header.is_quantised else None,
        diagnostics=header.diagnostics + diagnostics,
    )


def header_and_files(path: Path, *, assume_affine: str | None) -> tuple[NrrdHeader, Sequence[Path]]:
    """The checked header and its data files, in order."""
    with reading("NRRD"):
        with path.open("rb") as file:
            header = parse(file.read(HEADER_BYTES), assume_affine=assume_affine)
        files = _files(path, header)
        _check_size(files, header)
    return header, files


def files_of(path: Path) -> Sequence[Path]:
    """The header and the files with its voxels."""
    return (path, *header_and_files(path, assume_affine=ANY_AFFINE)[1])


def _files(path: Path, header: NrrdHeader) -> Sequence[Path]:
    """The data files in order: attached, one detached file, a pattern, or a list."""
    named = header.data_files
    if not named:
        return [path]
    if isinstance(named, tuple):
        names: Sequence[str] = named
    else:
        parts = named.split()
        is_pattern = (
            "%" in named and len(parts) in (4, 5) and all(_is_integer(part) for part in parts[1:])
        )
        names = numbered(parts[0], *(int(part) for part in parts[1:4])) if is_pattern else [named]
    if len(names) > FILES_AT_MOST or header.voxel_bytes % (len(names) * header.dtype.itemsize):
        raise ReadError(
            f"NRRD header is corrupt; its size is not divisible by {len(names)} data files"
        )
    return [data_file(path, name) for name in names]


def _is_integer(word: str) -> bool:
    return word.removeprefix("-").isdecimal() and len(word) < 10


def _check_size(files: Sequence[Path], header: NrrdHeader) -> None:
    each = header.voxel_bytes // len(files)
    for file in files:
        available = file.stat().st_size * RATIO[header.codec]
        if available < each:
            raise too_short(available, each)


def _load(files: Sequence[SourceFile], header: NrrdHeader, number: int | None) -> Voxels:
    with reading("NRRD"):
        if len(files) == 1 and header.codec == "raw" and header.list_axis is None:
            start = _checked_start(files[0], header)
            return PlainVoxels(files[0], offset=start, shape=header.sizes, dtype=header.dtype)
        raw = _raw(files, header)
    array = raw.view(header.dtype).reshape(header.sizes, order="F")
    if header.list_axis is None:
        return array
    if number is None:
        return np.asfortranarray(np.moveaxis(array, header.list_axis, 3))
    return np.asfortranarray(np.take(array, number, axis=header.list_axis))


def _checked_start(file: SourceFile, header: NrrdHeader) -> int:
    """The offset of the voxels of one uncompressed file of the declared length."""
    start = _start(file.path, header, header.voxel_bytes)
    check_length(file.path, start=start, count=header.voxel_bytes)
    return start


def _raw(files: Sequence[SourceFile], header: NrrdHeader) -> NDArray[np.uint8]:
    if len(files) == 1 and header.codec == "raw":
        start = _checked_start(files[0], header)
        return read_plain(files[0], offset=start, count=header.voxel_bytes)
    packed = sum(file.size for file in files)
    values = allocate(header.voxel_bytes, codec=header.codec, packed=packed)
    each = math.prod(values.shape) // len(files)
    for n, file in enumerate(files):
        # Bytes are skipped after decompression, lines before it (NRRD format, 'byte skip').
        start = _start(file.path, header, each)
        if header.codec == "raw":
            check_length(file.path, start=start, count=each)
        fill(
            values[n * each : (n + 1) * each],
            file,
            codec=header.codec,
            start=start,
            skip=max(header.byte_skip, 0) if header.codec != "raw" else 0,
        )
    return values


def _start(file: Path, header: NrrdHeader, count: int) -> int:
    """The offset of the voxel data; a byte skip of -1 counts from the end of a raw file."""
    if header.byte_skip == -1:
        if header.codec != "raw":
            raise ReadError("NRRD header is corrupt; a byte skip of -1 requires raw encoding")
        return max(file.stat().st_size - count, 0)
    start = 0 if header.data_files else header.offset
    with file.open("rb") as stream:
        stream.seek(start)
        for _ in range(header.line_skip):
            if not stream.readline(1 << 20):
                raise too_short(0, count)
        return stream.tell() + (max(header.byte_skip, 0) if header.codec == "raw" else 0)
