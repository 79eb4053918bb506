"""A DICOM file, folder or archive as a Stack."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hounsfield.core.errors import Problem, ReadError, RefusedError
from hounsfield.core.policy import ReadPolicy
from hounsfield.core.spec import BACKGROUNDS, Quantity
from hounsfield.core.stack import Decode, Stack
from hounsfield.io.dicom.bad_file import BadFileError
from hounsfield.io.dicom.checks import Examined, examine
from hounsfield.io.dicom.decode import FrameDecoder, common_dtype
from hounsfield.io.dicom.fill import FilledDecoder, slots_of
from hounsfield.io.dicom.finding import Finding
from hounsfield.io.dicom.listing import sources
from hounsfield.io.dicom.orientation import LPS_TO_RAS, axes
from hounsfield.io.dicom.padding import NOTHING, Padding, settle_padding
from hounsfield.io.dicom.series import Series, series_of
from hounsfield.io.dicom.sign import with_true_signs
from hounsfield.io.dicom.source import printable
from hounsfield.io.dicom.triage import Other, Triage, triage

SHOWN_IDS = 8
"""Ids of series that a message names."""


def open_dicom(path: Path, *, series: str | None = None, policy: ReadPolicy,
               quantity: Quantity = "hu") -> Stack:
    """The CT series at `path` (file, folder, zip, tar, DICOMDIR) as a Stack; its slices are decoded when asked for.

    `series` chooses one by its id (see `scan_dicom`) where there are several. Up to three slices are decoded at once,
    to look for padding that the header does not declare. Values that are not HU are refused unless `quantity` is
    another than 'hu': the Stack then says 'other'. Raises ReadError where nothing can be read, RefusedError
    with its codes where reading would be guessing.
    """
    result = triage(sources(path))
    chosen = _chosen(series_of(result), series, path, result.other)
    examined = examine(chosen, policy)
    refusals = [finding for finding in examined.refusals if quantity == "hu" or finding.code != "NOT_HU"]
    if refusals:
        raise RefusedError([finding.problem() for finding in refusals])
    return stack_of(examined, policy, extra=_unread(result))


def stack_of(examined: Examined, policy: ReadPolicy, *, extra: Sequence[Finding] = ()) -> Stack:
    """The Stack of a series that may be read."""
    frames = with_true_signs(examined.frames)
    dtype = common_dtype(frames)
    padding = settle_padding(frames, dtype) if policy.padding == "air" else NOTHING
    decoder = FrameDecoder(frames, dtype, padding.ranges, padding.common)
    slots = slots_of(len(frames), examined.holes)
    slopes = [1.0 if frame.lut is not None or frame.slope is None else frame.slope for frame in frames]
    intercepts = [0.0 if frame.lut is not None or frame.intercept is None else frame.intercept for frame in frames]
    decode: Decode = decoder if not examined.holes else FilledDecoder(
        decoder, slots, tuple(slopes), tuple(intercepts), padding.stored)
    first, pair = frames[0], axes(frames[0].orientation)
    assert first.pixels is not None
    assert pair is not None
    origins = np.array([frame.position_mm for frame in frames], dtype=np.float64) * LPS_TO_RAS
    ahead = np.vstack([origins[1:], origins[-1:]])
    return Stack(
        shape=(first.pixels.columns, first.pixels.rows, len(slots)),
        origins_ras_mm=np.array([origins[s.low] + s.weight * (ahead[s.low] - origins[s.low]) for s in slots]),
        step_i_ras_mm=pair[0] * first.spacing_mm[1] * LPS_TO_RAS,
        step_j_ras_mm=pair[1] * first.spacing_mm[0] * LPS_TO_RAS,
        stored_dtype=dtype, decode=decode, slopes=np.array([slopes[s.low] for s in slots]),
        intercepts=np.array([intercepts[s.low] for s in slots]), padding=padding.stored, quantity=examined.quantity,
        background=BACKGROUNDS.get(examined.quantity, 0.0), thickness_mm=first.thickness_mm,
        invented=tuple(s.weight > 0 for s in slots) if examined.holes else (),
        repairs=_repairs(examined, padding, extra), policy=policy)


def _chosen(found_series: Sequence[Series], wanted: str | None, path: Path, other: Sequence[Other]) -> Series:
    readable = [series for series in found_series if series.is_readable]
    if wanted is not None:
        named = [series for series in found_series if series.id == wanted]
        if not named:
            raise BadFileError(printable(path.name), f"no series '{wanted}' there; inspect lists the ids")
        readable = [series for series in named if series.is_readable]
    if len(readable) == 1:
        return readable[0]
    if not readable:
        raise _nothing(found_series, path, other)
    ids = ", ".join(item.id for item in readable[:SHOWN_IDS])
    raise RefusedError([*_split_reasons(readable), Problem(
        printable(path.name), "SEVERAL_SERIES", f"{len(readable)} series could be read; choose one by series=: {ids}")])


def _split_reasons(readable: Sequence[Series]) -> list[Problem]:
    reasons = {finding.code: finding for series in readable for finding in series.findings}
    return [finding.problem() for code, finding in reasons.items() if code != "DUPLICATE"]


def _nothing(found_series: Sequence[Series], path: Path, other: Sequence[Other]) -> ReadError | RefusedError:
    if found_series:
        kinds = ", ".join(sorted({series.group.kind for series in found_series}))
        return RefusedError([Problem(printable(path.name), "NO_CT", f"no series of CT slices there, only {kinds}")])
    grave = [item for item in other if item.code != "NOT_DICOM"]
    if grave:
        more = f" ({len(grave)} such files)" if len(grave) > 1 else ""
        return BadFileError(grave[0].name, f"{_SAID[grave[0].code]}{more}", code=grave[0].code)
    return BadFileError(printable(path.name), "no DICOM file there" if other else "the folder is empty",
                        code="NOT_DICOM" if other else "EMPTY")


_SAID = {"UNREADABLE": "DICOM, but its header cannot be read; it is truncated or corrupt",
         "NO_PIXELS": "DICOM, but it holds no image", "NESTED": "DICOM, but its sequences nest over 64 deep; refused",
         "DICOMDIR": "a DICOM directory without files that it names"}


def _unread(result: Triage) -> tuple[Finding, ...]:
    """Files that could not be read: one of them may have been a slice of this series."""
    known = {frame.series for frame in result.frames}
    lost = tuple((item.ordinal, item.name) for item in result.other if item.code in ("UNREADABLE", "NESTED")
                 or (item.series is not None and item.series not in known))
    if not lost:
        return ()
    said = f"{len(lost)} files that may have been slices could not be read and are left out"
    return (Finding("UNREADABLE", "repair", said, lost, len(lost)),)


def _repairs(examined: Examined, padding: Padding, extra: Sequence[Finding]) -> tuple[Problem, ...]:
    """What was mended or taken for granted, for the record."""
    return tuple(finding.problem() for finding in (*examined.findings, *padding.findings, *extra))


