"""A DICOM file, folder or archive as a Stack."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import ReadError, RefusedError, unreadable
from hounsfield.core.policy import ReadPolicy
from hounsfield.core.spec import BACKGROUNDS, Quantity
from hounsfield.core.stack import Decode, Stack
from hounsfield.io.bytes.checksum import SourceFiles
from hounsfield.io.dicom.files.listing import files_of, sources
from hounsfield.io.dicom.files.source import printable
from hounsfield.io.dicom.header.frame import Frame
from hounsfield.io.dicom.header.geometry import LPS_TO_RAS, axes
from hounsfield.io.dicom.header.scan_headers import HeaderScan, Other, scan_headers
from hounsfield.io.dicom.pixels.codestream import with_codestream_signs
from hounsfield.io.dicom.pixels.decode import FrameDecoder, common_dtype
from hounsfield.io.dicom.pixels.interpolate import FilledDecoder, slots_of
from hounsfield.io.dicom.pixels.padding import NOTHING, Padding, find_padding
from hounsfield.io.dicom.series.series import Series, series_of
from hounsfield.io.dicom.series.validate import ValidatedSeries, validate

SHOWN_IDS = 8
"""Ids of series that a message names."""


def open_dicom(
    path: Path, *, series: str | None = None, policy: ReadPolicy, quantity: Quantity = "hu"
) -> Stack:
    """The CT series at `path` (file, folder, zip, tar, DICOMDIR) as a Stack; its slices are decoded when asked for.

    `series` chooses one by its id (see `scan_dicom`) where there are several. Up to three slices are decoded at once,
    to look for padding that the header does not declare. Values that are not HU are refused unless `quantity` is
    another than 'hu': the Stack then says 'other'. Raises ReadError where nothing can be read, RefusedError
    with its codes where reading would be guessing.
    """
    result = scan_headers(sources(path))
    chosen = _chosen(series_of(result), series, path, result.other)
    examined = validate(chosen, policy)
    refusals = [
        diagnostic
        for diagnostic in examined.refusals
        if quantity == "hu" or diagnostic.code != "NOT_HU"
    ]
    if refusals:
        raise RefusedError(list(refusals))
    stack = stack_of(examined, policy, extra=_unread(result))
    return stack.replaced(checksum=_source_files(path, chosen))


def stack_of(
    examined: ValidatedSeries, policy: ReadPolicy, *, extra: Sequence[Diagnostic] = ()
) -> Stack:
    """The Stack of a series that may be read."""
    frames = with_codestream_signs(examined.frames)
    dtype = common_dtype(frames)
    padding = find_padding(frames, dtype) if policy.padding == "air" else NOTHING
    decoder = FrameDecoder(frames, dtype, padding.ranges, padding.common)
    slots = slots_of(len(frames), {hole.after: hole.missing for hole in examined.holes})
    slopes = [
        1.0 if frame.lut is not None or frame.slope is None else frame.slope for frame in frames
    ]
    intercepts = [
        0.0 if frame.lut is not None or frame.intercept is None else frame.intercept
        for frame in frames
    ]
    decode: Decode = (
        decoder
        if not examined.holes
        else FilledDecoder(decoder, slots, tuple(slopes), tuple(intercepts), padding.stored)
    )
    first, pair = frames[0], axes(frames[0].orientation)
    assert first.pixels is not None
    assert pair is not None
    origins = np.array([frame.position_mm for frame in frames], dtype=np.float64) * LPS_TO_RAS
    ahead = np.vstack([origins[1:], origins[-1:]])
    return Stack(
        shape=(first.pixels.columns, first.pixels.rows, len(slots)),
        origins_ras_mm=np.array(
            [origins[s.low] + s.weight * (ahead[s.low] - origins[s.low]) for s in slots]
        ),
        step_i_ras_mm=pair[0] * first.spacing_mm[1] * LPS_TO_RAS,
        step_j_ras_mm=pair[1] * first.spacing_mm[0] * LPS_TO_RAS,
        stored_dtype=dtype,
        decode=decode,
        slopes=np.array([slopes[s.low] for s in slots]),
        intercepts=np.array([intercepts[s.low] for s in slots]),
        padding=padding.stored,
        quantity=examined.quantity,
        background=BACKGROUNDS.get(examined.quantity, 0.0),
        thickness_mm=first.thickness_mm,
        interpolated=tuple(s.weight > 0 for s in slots) if examined.holes else (),
        diagnostics=_repairs(examined, padding, extra),
        policy=policy,
    )


def _source_files(path: Path, series: Series) -> SourceFiles:
    """The files of a series, or the archive or directory file that it lies in."""
    if not path.is_dir():
        return SourceFiles.of(files_of(path))
    files = [path / name for name in series.names]
    if not all(file.is_file() for file in files):  # a name that no terminal may show
        files = [item for item in path.rglob("*") if item.is_file()]
    return SourceFiles.of(files, is_ordered=False)


def source_frames(stack: Stack) -> tuple[Frame | None, ...]:
    """One frame for each slice of `stack`; None where the slice was filled in, or did not come from DICOM."""
    decode = stack.decode
    if isinstance(decode, FilledDecoder):
        return tuple(None if slot.weight else decode.real.frames[slot.low] for slot in decode.slots)
    if isinstance(decode, FrameDecoder):
        return decode.frames
    return (None,) * stack.shape[2]


def _chosen(
    found_series: Sequence[Series], wanted: str | None, path: Path, other: Sequence[Other]
) -> Series:
    readable = [series for series in found_series if series.is_readable]
    if wanted is not None:
        named = [series for series in found_series if series.id == wanted]
        if not named:
            raise unreadable(
                printable(path.name), f"no series '{wanted}' there; inspect lists the ids"
            )
        readable = [series for series in named if series.is_readable]
    if len(readable) == 1:
        return readable[0]
    if not readable:
        raise _nothing(found_series, path, other)
    ids = ", ".join(item.id for item in readable[:SHOWN_IDS])
    raise RefusedError(
        [
            *_split_reasons(readable),
            Diagnostic(
                "SEVERAL_SERIES",
                "refusal",
                f"{len(readable)} series could be read; choose one by series=: {ids}",
                printable(path.name),
            ),
        ]
    )


def _split_reasons(readable: Sequence[Series]) -> list[Diagnostic]:
    reasons = {
        diagnostic.code: diagnostic for series in readable for diagnostic in series.diagnostics
    }
    return [diagnostic for code, diagnostic in reasons.items() if code != "DUPLICATE"]


def _nothing(
    found_series: Sequence[Series], path: Path, other: Sequence[Other]
) -> ReadError | RefusedError:
    if found_series:
        kinds = ", ".join(sorted({series.group.kind for series in found_series}))
        return RefusedError(
            [
                Diagnostic(
                    "NO_CT",
                    "refusal",
                    f"no series of CT slices there, only {kinds}",
                    printable(path.name),
                )
            ]
        )
    grave = [item for item in other if item.code != "NOT_DICOM"]
    if grave:
        more = f" ({len(grave)} such files)" if len(grave) > 1 else ""
        return unreadable(grave[0].name, f"{_SAID[grave[0].code]}{more}", code=grave[0].code)
    return unreadable(
        printable(path.name),
        "no DICOM file there" if other else "the folder is empty",
        code="NOT_DICOM" if other else "EMPTY",
    )


_SAID = {
    "UNREADABLE": "DICOM, but its header cannot be read; it is truncated or corrupt",
    "NO_PIXELS": "DICOM, but it holds no image",
    "NESTED": "DICOM, but its sequences nest over 64 deep; refused",
    "DICOMDIR": "a DICOM directory without files that it names",
}


def _unread(result: HeaderScan) -> tuple[Diagnostic, ...]:
    """Files that could not be read: one of them may have been a slice of this series."""
    known = {frame.series for frame in result.frames}
    lost = tuple(
        (item.ordinal, item.name)
        for item in result.other
        if item.code in ("UNREADABLE", "NESTED")
        or (item.series is not None and item.series not in known)
    )
    if not lost:
        return ()
    said = f"{len(lost)} files that may have been slices could not be read and are left out"
    return (Diagnostic("UNREADABLE", "repair", said, files=lost, value=len(lost)),)


def _repairs(
    examined: ValidatedSeries, padding: Padding, extra: Sequence[Diagnostic]
) -> tuple[Diagnostic, ...]:
    """What was mended or taken for granted, for the record."""
    return tuple(diagnostic for diagnostic in (*examined.diagnostics, *padding.diagnostics, *extra))
