"""Read NIfTI: header checked against the file's size, then mapped or inflated."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import ReadError
from hounsfield.core.policy import ReadPolicy
from hounsfield.core.volume import Array
from hounsfield.io.bytes.gzip.bounded import too_short
from hounsfield.io.bytes.gzip.read import content, head, is_gzip, reading, room
from hounsfield.io.bytes.gzip.stream import GzipVoxels
from hounsfield.io.nifti.header import HEADER_BYTES, NiftiHeader, parse
from hounsfield.io.values.raw_image import RawImage
from hounsfield.io.values.select_volume import chosen

STATISTICS_INTENTS = range(2, 25)
"""NIfTI's intent codes of statistical parameters and p-values: such a map is not HU."""

LABEL_INTENT = 1002
"""NIFTI_INTENT_LABEL: every voxel is the index of a label."""


def open_nifti(path: Path, *, series: str | None, policy: ReadPolicy) -> RawImage:
    """What the NIfTI file, or the pair of which `path` is one half, holds; voxels are loaded when asked for.

    `series` chooses among several volumes by number, from 0. Raises ReadError, RefusedError or GeometryError.
    """
    with reading("NIfTI"):
        header_path, voxel_path = halves(path)
        header = parse(head(header_path, HEADER_BYTES))
        if header.is_single:
            voxel_path = header_path
        elif voxel_path == header_path:
            raise ReadError("this is the header of a NIfTI pair: its .img file must lie beside it")
        surplus = _check_size(voxel_path, header)
    grid, assumed = header.grid(policy.assume_affine)
    channels = (
        tuple(str(n) for n in range(header.sizes[4]))
        if header.is_vector and header.sizes[4] > 1
        else ()
    )
    count = math.prod(header.sizes[3:])
    number, diagnostics = (0, ()) if channels else chosen(count, series, axes=len(header.sizes))
    voxels = header if channels else _of_one(header, number)
    return RawImage(
        grid=grid,
        dtype=header.dtype,
        load=lambda: _load(voxel_path, voxels, bool(channels)),
        slope=header.slope,
        intercept=header.intercept,
        channels=channels,
        not_hu=_not_hu(header),
        diagnostics=header.diagnostics + assumed + diagnostics + surplus,
        packed=GzipVoxels(path=voxel_path, offset=voxels.offset)
        if is_gzip(voxel_path) and not channels
        else None,
    )


def halves(path: Path) -> tuple[Path, Path]:
    """The files of header and voxels: the same one, but for a pair .hdr and .img, either of them gzip or not."""
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
        raise ReadError("this is the voxel half of a pair: its .hdr file must lie beside it")
    return found[0], found[1] or found[0]


def _case(half: str, stem: str) -> str:
    return half.upper() if stem[-3:].isupper() else half


def _check_size(path: Path, header: NiftiHeader) -> tuple[Diagnostic, ...]:
    """Compare what the header declares with what the file can hold, before anything is allocated; say what is over."""
    packed = is_gzip(path)
    held = room(path, "gzip" if packed else "raw")
    needed = header.offset + header.voxel_bytes
    if held < needed:
        raise too_short(held - header.offset, header.voxel_bytes)
    if packed or held == needed:
        return ()
    return (
        Diagnostic(
            "TRAILING",
            "warning",
            f"{held - needed} bytes behind the voxels that the header declares were left unread",
        ),
    )


def _of_one(header: NiftiHeader, number: int) -> NiftiHeader:
    """The header of volume `number` alone: the same but for where its voxels begin."""
    one = replace(header, sizes=header.sizes[:3])
    return replace(one, offset=header.offset + number * one.voxel_bytes)


def _load(path: Path, header: NiftiHeader, has_channels: bool) -> Array:
    with reading("NIfTI"):
        raw = content(path, offset=header.offset, count=header.voxel_bytes)
    shape = (*header.sizes[:3], header.sizes[4]) if has_channels else header.sizes[:3]
    return raw.view(header.dtype).reshape(shape, order="F")


def _not_hu(header: NiftiHeader) -> str | None:
    if header.intent in STATISTICS_INTENTS:
        return f"its intent code {header.intent} says that it is a statistical map"
    return "its intent code says that it holds labels" if header.intent == LABEL_INTENT else None
