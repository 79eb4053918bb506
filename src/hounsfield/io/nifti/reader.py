"""Read NIfTI files and pairs."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import ReadError
from hounsfield.core.policy import ReadPolicy
from hounsfield.io.bytes.gzip.bounded import too_short
from hounsfield.io.bytes.gzip.read import (
    head,
    is_gzip,
    max_content_bytes,
    read_content,
    read_plain,
    reading,
)
from hounsfield.io.bytes.gzip.stream import GzipVoxels
from hounsfield.io.bytes.source_file import PlainVoxels, SourceFile, Voxels
from hounsfield.io.nifti.header import HEADER_BYTES, NiftiHeader, parse
from hounsfield.io.nifti.layout import not_hu_by_intent
from hounsfield.io.values.raw_image import RawImage
from hounsfield.io.values.select_volume import select_volume


def open_nifti(path: Path, *, series: str | None, policy: ReadPolicy) -> RawImage:
    """Open a NIfTI file, or the pair to which `path` belongs; voxels are loaded on demand.

    `series` selects one of several volumes by number, from 0. Raises ReadError, RefusedError or
    GeometryError.
    """
    with reading("NIfTI"):
        header_path, voxel_path = halves(path)
        header = parse(head(header_path, HEADER_BYTES))
        if header.is_single:
            voxel_path = header_path
        elif voxel_path == header_path:
            raise ReadError("header of a NIfTI pair without its .img file; put both in one folder")
        surplus = _check_size(voxel_path, header)
    grid, assumed = header.grid(policy.assume_affine)
    channels = (
        tuple(str(n) for n in range(header.sizes[4]))
        if header.is_vector and header.sizes[4] > 1
        else ()
    )
    count = math.prod(header.sizes[3:])
    number, diagnostics = (
        (0, ()) if channels else select_volume(count, series, axes=len(header.sizes))
    )
    voxels = header if channels else _volume_header(header, number)
    with reading("NIfTI"):
        source, is_packed = SourceFile.of(voxel_path), is_gzip(voxel_path)
    return RawImage(
        grid=grid,
        dtype=header.dtype,
        load=lambda: _load(source, voxels, is_packed=is_packed, has_channels=bool(channels)),
        slope=header.slope,
        intercept=header.intercept,
        channels=channels,
        not_hu=not_hu_by_intent(header.intent),
        diagnostics=header.diagnostics + assumed + diagnostics + surplus,
        packed=GzipVoxels(file=source, offset=voxels.offset)
        if is_packed and not channels
        else None,
    )


def halves(path: Path) -> tuple[Path, Path]:
    """The header and voxel files: one file, or a pair .hdr and .img, each gzip or not."""
    name = path.name
    packed = name[-3:] if name.lower().endswith(".gz") else ""
    stem = name[: len(name) - len(packed)]
    if stem.lower()[-4:] not in (".hdr", ".img"):
        return path, path
    found = [
        next(
            (
                candidate
                for ending in (packed, "" if packed else ".gz")
                if (candidate := path.with_name(stem[:-4] + _case(half, stem) + ending)).is_file()
            ),
            None,
        )
        for half in (".hdr", ".img")
    ]
    if found[0] is None:
        raise ReadError(".img file of a NIfTI pair without its .hdr file; put both in one folder")
    return found[0], found[1] or found[0]


def _case(half: str, stem: str) -> str:
    return half.upper() if stem[-3:].isupper() else half


def _check_size(path: Path, header: NiftiHeader) -> tuple[Diagnostic, ...]:
    """Check the declared size against the file before allocating; report trailing bytes."""
    packed = is_gzip(path)
    available = max_content_bytes(path, "gzip" if packed else "raw")
    needed = header.offset + header.voxel_bytes
    if available < needed:
        raise too_short(available - header.offset, header.voxel_bytes)
    if packed or available == needed:
        return ()
    return (
        Diagnostic(
            "TRAILING", "warning", f"{available - needed} trailing bytes after the voxels ignored"
        ),
    )


def _volume_header(header: NiftiHeader, number: int) -> NiftiHeader:
    """The header of volume `number` of several."""
    one = replace(header, sizes=header.sizes[:3])
    return replace(one, offset=header.offset + number * one.voxel_bytes)


def _load(
    source: SourceFile, header: NiftiHeader, *, is_packed: bool, has_channels: bool
) -> Voxels:
    offset, count = header.offset, header.voxel_bytes
    if not is_packed and not has_channels:
        return PlainVoxels(source, offset=offset, shape=header.sizes[:3], dtype=header.dtype)
    with reading("NIfTI"):
        read = read_content if is_packed else read_plain
        raw = read(source, offset=offset, count=count)
    shape = (*header.sizes[:3], header.sizes[4]) if has_channels else header.sizes[:3]
    return raw.view(header.dtype).reshape(shape, order="F")
