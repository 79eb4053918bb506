"""Assemble the series of a scan: groups without copies, split into phases, with ids."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.display import counted
from hounsfield.io.bytes.case_id import case_id
from hounsfield.io.dicom.header.frame import Frame, diagnose
from hounsfield.io.dicom.header.geometry import normal, positions_along
from hounsfield.io.dicom.header.scan_headers import HeaderScan, OtherFile
from hounsfield.io.dicom.series.classify import SLICES
from hounsfield.io.dicom.series.group import Group, group_frames
from hounsfield.io.dicom.series.phases import Phase, drop_copies, split_phases
from hounsfield.io.dicom.series.series_id import content_key, identity

_SPLIT_CODES = {
    "orientation": "MIXED_ORIENTATION",
    "spacing": "MIXED_SPACING",
    "size": "MIXED_SIZE",
    "kernel": "MIXED_KERNEL",
    "frame of reference": "MIXED_REFERENCE",
}


@dataclass(frozen=True, slots=True)
class Series:
    """A group of frames that can be read by itself, and the diagnostics of the grouping."""

    group: Group
    diagnostics: tuple[Diagnostic, ...] = ()
    cut: tuple[str, ...] = ()
    """Names of files of the series that have no pixels."""
    content: str = ""
    """The key of the content, where another series of the scan has the same identity."""

    @property
    def names(self) -> tuple[str, ...]:
        """The files, relative to the scanned path, each once."""
        return tuple(
            dict.fromkeys((*(frame.source.name for frame in self.group.frames), *self.cut))
        )

    @property
    def is_readable(self) -> bool:
        """Whether the frames are CT slices."""
        return self.group.kind in SLICES

    @property
    def uid(self) -> str:
        """The series UID; '' if there is none."""
        return self.group.series

    @property
    def id(self) -> str:
        """The case id, which depends on the frames and not on where they were found."""
        return case_id(self.identity + self.content)

    @property
    def identity(self) -> str:
        """The text that the id is made of."""
        return identity(self.group.frames, phase=self.group.phase)


def series_of(scanned: HeaderScan) -> list[Series]:
    """The series of a scan, in order of their first file."""
    cut: dict[str, list[OtherFile]] = {}
    for item in scanned.other:
        if item.series:
            cut.setdefault(item.series, []).append(item)
    return _distinct(
        [
            replace(series, cut=tuple(item.name for item in cut.get(group.series, ())))
            for group in group_frames(scanned.frames)
            for series in _parts(group, cut.get(group.series, ()))
        ]
    )


def _distinct(found: list[Series]) -> list[Series]:
    """Add the key of the content to series with equal identities."""
    texts = [series.identity for series in found]
    counts = Counter(texts)
    return [
        replace(series, content=content_key(series.group.frames)) if counts[text] > 1 else series
        for series, text in zip(found, texts, strict=True)
    ]


def unread_files(result: HeaderScan, series: Series) -> tuple[Diagnostic, ...]:
    """A warning if files that may be slices of this series could not be read.

    A file in a folder of other series alone is not one of its slices.
    """
    known = {frame.series for frame in result.frames}
    own = {os.path.dirname(name) for name in series.names}
    others = {os.path.dirname(frame.source.name) for frame in result.frames} - own
    ignored = tuple(
        (item.ordinal, item.name)
        for item in result.other
        if os.path.dirname(item.name) not in others
        and (
            item.code in ("UNREADABLE", "NESTED")
            or (item.series is not None and item.series not in known)
        )
    )
    links = tuple(
        (item.ordinal, item.name) for item in result.other if item.code == "OUTSIDE_FOLDER"
    )
    found = []
    if ignored:
        files = counted(len(ignored), "unreadable file")
        message = f"{files} ignored; slices of this series may be missing"
        found.append(
            Diagnostic("UNREADABLE", "warning", message, files=ignored, value=len(ignored))
        )
    if links:
        message = (
            f"{counted(len(links), 'link')} out of the folder ignored; slices of this series may "
            "be missing"
        )
        found.append(
            Diagnostic("OUTSIDE_FOLDER", "warning", message, files=links, value=len(links))
        )
    return tuple(found)


def _parts(group: Group, cut: Sequence[OtherFile]) -> list[Series]:
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
    kept, copies = drop_copies(group.frames)
    if copies:
        diagnostics.append(
            diagnose(
                "DUPLICATE",
                "repair",
                f"{counted(len(copies), 'duplicate object')} dropped",
                frames=copies,
                value=len(copies),
            )
        )
    phases = _phases(kept)
    if not phases:
        return [Series(replace(group, frames=tuple(kept)), tuple(diagnostics))]
    return [
        Series(
            replace(group, frames=phase.frames, phase=phase.name),
            (*diagnostics, _multi_phase(phase, len(phases))),
        )
        for phase in phases
    ]


def _phases(frames: Sequence[Frame]) -> tuple[Phase, ...]:
    across = normal(frames[0].orientation)
    if across is None or not all(frame.position_mm for frame in frames):
        return ()
    return split_phases(frames, positions_along(frames, across))


def _multi_phase(phase: Phase, count: int) -> Diagnostic:
    message = f"series has {count} phases over the same range; this is {phase.name}"
    return diagnose("MULTI_PHASE", "repair", message, value=count)


def _split(group: Group, what: str) -> Diagnostic:
    return diagnose(
        _SPLIT_CODES[what],
        "repair",
        f"series contains frames that differ in {what}; read as separate series",
        frames=group.frames,
    )
