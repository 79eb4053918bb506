"""A DICOM file, folder or archive as a Stack."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import ReadError, RefusedError, refused, unreadable
from hounsfield.core.policy import ReadPolicy
from hounsfield.core.spec import BACKGROUNDS, Quantity
from hounsfield.core.stack import Decode, Stack
from hounsfield.io.dicom.files.listing import sources
from hounsfield.io.dicom.header.frame import Frame
from hounsfield.io.dicom.header.geometry import LPS_TO_RAS, axes
from hounsfield.io.dicom.header.scan_headers import HeaderScan, Other, scan_headers
from hounsfield.io.dicom.pixels.codestream import with_codestream_signs
from hounsfield.io.dicom.pixels.decode import FrameDecoder, common_dtype
from hounsfield.io.dicom.pixels.interpolate import FilledDecoder, slots_of
from hounsfield.io.dicom.pixels.padding import NOTHING, Padding, find_padding
from hounsfield.io.dicom.series.select_series import (
    listed,
    matching_series,
    no_such_series,
    readable_series,
)
from hounsfield.io.dicom.series.series import Series, series_of
from hounsfield.io.dicom.series.validate import ValidatedSeries, validate


def open_dicom(
    path: Path, *, series: str | None = None, policy: ReadPolicy, quantity: Quantity = "hu"
) -> Stack:
    """The CT series at `path` (file, folder, zip, tar, DICOMDIR) as a Stack; its slices are decoded when asked for.

    `series` selects one by its id or its number from 0 (see `scan_dicom`). Up to three slices are decoded at once,
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
    return stack_of(examined, policy, extra=_unread(result))


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
    readable = readable_series(found_series)
    if wanted is not None:
        matches = matching_series(found_series, wanted)
        if not matches and readable:
            raise refused("NO_SERIES", no_such_series(found_series, wanted))
        readable = readable_series(matches)
    if len(readable) == 1:
        return readable[0]
    if not readable:
        raise _nothing(found_series, path, other)
    raise RefusedError(
        [
            *_split_reasons(readable),
            Diagnostic(
                "SEVERAL_SERIES",
                "refusal",
                f"found {len(readable)} series, expected one; choose one by its number or id, "
                f"such as series=0: {listed(found_series)}",
                str(path),
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
                    "NO_CT", "refusal", f"no series of CT slices there, only {kinds}", str(path)
                )
            ]
        )
    grave = [item for item in other if item.code != "NOT_DICOM"]
    if grave:
        more = f" ({len(grave)} such files)" if len(grave) > 1 else ""
        return unreadable(grave[0].name, f"{_SAID[grave[0].code]}{more}", code=grave[0].code)
    return unreadable(
        str(path),
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
