"""DICOM files that are no case: slices that cannot be read, localizers, screens and others."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from hounsfield.core.diagnostic import Diagnostic, Severity
from hounsfield.core.display import counted

if TYPE_CHECKING:
    from hounsfield.io.dicom.header.scan_headers import HeaderScan, OtherFile
    from hounsfield.io.dicom.series.series import Series

_KINDS: dict[str, tuple[Severity, str, str]] = {
    "UNREADABLE": (
        "refusal",
        "{files} cannot be read (the header is truncated or corrupt)",
        "; copy {them} again from the archive",
    ),
    "NESTED": ("refusal", "{files} with sequences nested more than 64 deep", " cannot be read"),
    "NO_PIXELS": ("note", "{files} without an image", " not used"),
    "LOCALIZER": ("note", "{files} of localizers", " not used"),
    "SCREEN": ("note", "{files} of screen captures", " not used"),
    "SECONDARY": ("note", "{files} of secondary captures", " not used"),
    "NOT_CT": ("note", "{files} of other modalities than CT", " not used"),
    "UNMATCHED_LABEL": (
        "warning",
        "{files} of labels that refer to no series here",
        "; add the folder of the image, or name {them} with --label",
    ),
    "LABEL_NOT_USED": (
        "note",
        "{files} of labels of series that are no case or have other labels",
        " not used",
    ),
}
"""Severity and message of each code; a file that may be a CT slice is a refusal."""

_CODES = {
    "localizer": "LOCALIZER",
    "screen": "SCREEN",
    "secondary": "SECONDARY",
    "not-ct": "NOT_CT",
}
"""The code of a kind of series."""

NO_SLICE = "{files} of CT slices without pixels; copy {them} again from the archive"


def unused_files(
    scanned: HeaderScan, series: Sequence[Series], *, labels: Container[str] = ()
) -> tuple[Diagnostic, ...]:
    """Return what a scan found besides series of CT slices, one diagnostic for each code.

    `labels` are the names of files of labels, which are left out.
    """
    found: dict[tuple[str, Severity], list[tuple[int, str]]] = {}
    for code, severity, ordinal, name in (*_of_series(series), *_of_files(scanned.other, series)):
        if name in labels:
            continue
        files = found.setdefault((code, severity), [])
        if (ordinal, name) not in files[-1:]:  # a file of several frames
            files.append((ordinal, name))
    return tuple(_diagnostic(code, severity, files) for (code, severity), files in found.items())


def unused_labels(*, code: str, files: Sequence[tuple[int, str]]) -> Diagnostic:
    """Return the diagnostic of files of labels that are not used."""
    return _diagnostic(code, _KINDS[code][0], list(files))


def merged(found: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Return one diagnostic for each code and severity, with the files of all."""
    files: dict[tuple[str, Severity], list[tuple[int, str]]] = {}
    for each in found:
        files.setdefault((each.code, each.severity), []).extend(each.files)
    return tuple(_diagnostic(code, severity, every) for (code, severity), every in files.items())


Found = tuple[str, Severity, int, str]


def _of_series(series: Sequence[Series]) -> Iterator[Found]:
    for one in series:
        if not one.is_readable:
            code = _CODES.get(one.group.kind, "NOT_CT")
            for frame in one.group.frames:
                yield code, "note", frame.source.ordinal, frame.source.name


def _of_files(other: Sequence[OtherFile], series: Sequence[Series]) -> Iterator[Found]:
    """Yield unreadable files; slices without pixels of a series that is read refuse that series."""
    refused = {name for one in series if one.is_readable for name in one.cut}
    for item in other:
        if item.code in _KINDS and item.name not in refused:
            code = "UNREADABLE" if item.series == "" else item.code  # cut before the series UID
            severity = _KINDS[code][0] if item.series is None else "refusal"
            yield code, severity, item.ordinal, item.name


def _diagnostic(code: str, severity: Severity, files: list[tuple[int, str]]) -> Diagnostic:
    usual, text, advice = _KINDS[code]
    message = text + advice if severity == usual else NO_SLICE
    count = len(files)
    message = message.format(files=counted(count, "file"), them="it" if count == 1 else "them")
    return Diagnostic(code, severity, message, files=tuple(files), value=count)
