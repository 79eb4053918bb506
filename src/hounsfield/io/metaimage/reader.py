"""Read MetaImage (.mha, .mhd), plain or compressed, with data files in the header folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.errors import ReadError
from hounsfield.core.policy import ReadPolicy
from hounsfield.io.bytes.detached import data_file
from hounsfield.io.bytes.gzip.bounded import RATIO, Codec, allocate, check_length, fill, too_short
from hounsfield.io.bytes.gzip.read import read_plain, reading
from hounsfield.io.bytes.source_file import PlainVoxels, SourceFile, Voxels
from hounsfield.io.metaimage.header import HEADER_BYTES, MetaHeader, parse
from hounsfield.io.values.affine import ANY_AFFINE, checked_grid
from hounsfield.io.values.raw_image import RawImage
from hounsfield.io.values.select_volume import select_volume


def open_metaimage(path: Path, *, series: str | None, policy: ReadPolicy) -> RawImage:
    """Open a MetaImage; voxels are loaded on request.

    Raises ReadError, RefusedError or GeometryError.
    """
    header, files = header_and_files(path, assume_affine=policy.assume_affine)
    _, diagnostics = select_volume(1, series, axes=len(header.sizes))
    channels = (
        tuple(str(n) for n in range(header.channel_count)) if header.channel_count > 1 else ()
    )
    with reading("MetaImage"):
        sources = [SourceFile.of(file) for file in files]
    return RawImage(
        grid=checked_grid(header.sizes[:3], header.affine_ras),
        dtype=header.dtype,
        load=lambda: _load(sources, header),
        channels=channels,
        diagnostics=header.diagnostics + diagnostics,
    )


def header_and_files(path: Path, *, assume_affine: str | None) -> tuple[MetaHeader, Sequence[Path]]:
    """The checked header and the files with its voxels, in order."""
    with reading("MetaImage"):
        with path.open("rb") as file:
            header = parse(file.read(HEADER_BYTES), assume_affine=assume_affine)
        files = [data_file(path, name) for name in header.data_files] or [path]
        _check_size(files, header)
    return header, files


def files_of(path: Path) -> Sequence[Path]:
    """The header and the files with its voxels."""
    return (path, *header_and_files(path, assume_affine=ANY_AFFINE)[1])


def _check_size(files: Sequence[Path], header: MetaHeader) -> None:
    each, rest = divmod(header.voxel_bytes, len(files))
    if rest:
        raise ReadError(
            f"the MetaImage header is corrupt: size is not a multiple of {len(files)} files"
        )
    for file in files:
        available = file.stat().st_size * RATIO["zlib" if header.is_packed else "raw"]
        if available < each:
            raise too_short(available, each)


def _load(files: Sequence[SourceFile], header: MetaHeader) -> Voxels:
    with reading("MetaImage"):
        if len(files) == 1 and not header.is_packed and header.channel_count == 1:
            start = _checked_start(files[0], header, header.voxel_bytes)
            shape = header.sizes[:3]
            return PlainVoxels(files[0], offset=start, shape=shape, dtype=header.dtype)
        raw = _raw(files, header)
    values = raw.view(header.dtype)
    if header.channel_count == 1:
        return values.reshape(header.sizes[:3], order="F")
    return np.asfortranarray(
        np.moveaxis(values.reshape((header.channel_count, *header.sizes[:3]), order="F"), 0, 3)
    )


def _checked_start(file: SourceFile, header: MetaHeader, count: int) -> int:
    """The offset of `count` bytes of voxels; an uncompressed file must end after them."""
    start = _start(file.path, header, count)
    if not header.is_packed:
        check_length(file.path, start=start, count=count)
    return start


def _raw(files: Sequence[SourceFile], header: MetaHeader) -> NDArray[np.uint8]:
    each = header.voxel_bytes // len(files)
    starts = [_checked_start(file, header, each) for file in files]
    if len(files) == 1 and not header.is_packed:
        return read_plain(files[0], offset=starts[0], count=each)
    codec: Codec = "zlib" if header.is_packed else "raw"
    values = allocate(header.voxel_bytes, codec=codec, packed=sum(file.size for file in files))
    for n, file in enumerate(files):
        fill(values[n * each : (n + 1) * each], file, codec=codec, start=starts[n])
    return values


def _start(file: Path, header: MetaHeader, count: int) -> int:
    """The offset of the voxels; a HeaderSize of -1 counts from the end of the file."""
    if header.skip == -1 and not header.is_packed:
        return max(file.stat().st_size - count, 0)
    return (0 if header.data_files else header.offset) + max(header.skip, 0)
