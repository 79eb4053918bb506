"""All series of a scan_headers: groups, copies left out, phases set unshared, each with its id."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.io.bytes.case_id import case_id
from hounsfield.io.dicom.header.frame import Frame, diagnose
from hounsfield.io.dicom.header.geometry import normal, places
from hounsfield.io.dicom.header.scan_headers import HeaderScan, Other
from hounsfield.io.dicom.series.classify import SLICES
from hounsfield.io.dicom.series.group import Group, group_frames
from hounsfield.io.dicom.series.phases import split_phases, without_copies

_NAMING_BYTES = 1 << 20
"""Pixel bytes that name a frame without any UID: a whole slice, most often."""

_SPLIT_CODES = {
    "orientation": "MIXED_ORIENTATION",
    "spacing": "MIXED_SPACING",
    "size": "MIXED_SIZE",
    "kernel": "MIXED_KERNEL",
    "frame of reference": "MIXED_REFERENCE",
}


@dataclass(frozen=True, slots=True)
class Series:
    """A group of frames that may be read on its own, and what setting it unshared has found."""

    group: Group
    diagnostics: tuple[Diagnostic, ...] = ()
    cut: tuple[str, ...] = ()
    """Names of files that are of it too, but hold no pixels."""

    @property
    def names(self) -> tuple[str, ...]:
        """Its files, relative to what was looked at, each once."""
        return tuple(
            dict.fromkeys((*(frame.source.name for frame in self.group.frames), *self.cut))
        )

    @property
    def is_readable(self) -> bool:
        """Whether it holds slices of CT at all."""
        return self.group.kind in SLICES

    @property
    def id(self) -> str:
        """Its case id: the series' own for the largest part of a series, else of the part and phase."""
        uid = self.group.series or min(_own_name(frame) for frame in self.group.frames)
        part = f"/{self.group.part}" if self.group.part else ""
        return case_id(uid + part + (f"/{self.group.phase}" if self.group.phase else ""))


def _own_name(frame: Frame) -> str:
    """What names a frame where its series has no UID: its object's UID, or else the digest of its pixels."""
    if frame.sop_instance:
        return f"{frame.sop_instance}/{frame.index}"
    return hashlib.sha256(frame.source.read(frame.offset or 0, _NAMING_BYTES)).hexdigest()


def series_of(found_there: HeaderScan) -> list[Series]:
    """The series of a scan_headers, by their first file."""
    cut: dict[str, list[Other]] = {}
    for item in found_there.other:
        if item.series:
            cut.setdefault(item.series, []).append(item)
    return [
        replace(series, cut=tuple(item.name for item in cut.get(group.series, ())))
        for group in group_frames(found_there.frames)
        for series in _parts(group, cut.get(group.series, ()))
    ]


def unread_files(result: HeaderScan) -> tuple[Diagnostic, ...]:
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
    return (Diagnostic("UNREADABLE", "warning", said, files=lost, value=len(lost)),)


def _parts(group: Group, cut: Sequence[Other]) -> list[Series]:
    diagnostics = [_split(group, what) for what in group.split_by]
    if cut:
        diagnostics.append(
            Diagnostic(
                "NO_PIXELS",
                "refusal",
                "a slice of this series has no pixels; copy it again from the archive",
                files=tuple((item.ordinal, item.name) for item in cut),
                value=len(cut),
            )
        )
    if group.kind not in SLICES:
        return [Series(group, tuple(diagnostics))]
    kept, copies = without_copies(group.frames)
    if copies:
        diagnostics.append(
            diagnose(
                "DUPLICATE",
                "repair",
                f"{len(copies)} copies of objects that are there already are left out",
                frames=copies,
                value=len(copies),
            )
        )
    across = normal(kept[0].orientation)
    placed = across is not None and all(frame.position_mm for frame in kept)
    phases = split_phases(kept, places(kept, across)) if placed and across is not None else ()
    if not phases:
        return [Series(replace(group, frames=tuple(kept)), tuple(diagnostics))]
    return [
        Series(
            replace(group, frames=phase.frames, phase=phase.name),
            (
                *diagnostics,
                diagnose(
                    "MULTI_PHASE",
                    "repair",
                    f"the same stretch is scanned {len(phases)} times; this is {phase.name}",
                    value=len(phases),
                ),
            ),
        )
        for phase in phases
    ]


def _split(group: Group, what: str) -> Diagnostic:
    return diagnose(
        _SPLIT_CODES[what],
        "repair",
        f"the series holds frames of another {what}; they are set unshared",
        frames=group.frames,
    )
