"""Find the series that the RTSTRUCT and SEG objects among the sources refer to, by UID."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import HounsfieldError
from hounsfield.dataset.case import DEFAULT_LABEL, LabelSource, NoCase
from hounsfield.dataset.case_ids import Found
from hounsfield.dataset.describe_error import describe_error
from hounsfield.dataset.series_cases import SeriesScan, is_file
from hounsfield.dataset.unused import unused_labels
from hounsfield.io.bytes.remote import joined_version

if TYPE_CHECKING:
    from hounsfield.io.dicom.files.source import Source
    from hounsfield.io.dicom.labels.summary import LabelSummary


@dataclass(frozen=True, slots=True)
class LabelFound:
    """An object with labels among the sources."""

    scan: SeriesScan
    source: Source
    summary: LabelSummary

    @property
    def file(self) -> tuple[int, str]:
        """The ordinal and name, which the terminal shows."""
        return self.source.ordinal, self.source.name


@dataclass(frozen=True, slots=True)
class LabelSearch:
    """The objects with labels, each once, and those that cannot be read."""

    objects: tuple[LabelFound, ...] = ()
    broken: tuple[NoCase, ...] = ()


def label_names(scan: SeriesScan) -> frozenset[str]:
    """Return the names of the files of a scan that are RTSTRUCT or SEG by their SOP class."""
    from hounsfield.io.dicom.labels.objects import RTSTRUCT, SEGMENTATIONS

    kinds = {RTSTRUCT, *SEGMENTATIONS}
    frames = (frame for one in scan.series for frame in one.group.frames)
    pixels = {frame.source.name for frame in frames if frame.sop_class in kinds}
    return frozenset(pixels | {o.name for o in scan.headers.other if o.sop_class in kinds})


def labels_left_out(scans: Iterable[SeriesScan]) -> Iterator[Diagnostic]:
    """Yield the diagnostic of the objects with labels of each scan, where none is used."""
    for scan in scans:
        names = label_names(scan)
        files = [(each.ordinal, each.name) for each in scan.listed if each.name in names]
        if files:
            yield unused_labels(code="LABEL_NOT_USED", files=files)


def search_labels(scans: Iterable[SeriesScan]) -> LabelSearch:
    """Read what the objects with labels of all scans refer to; a copy of an object is left out."""
    from hounsfield.io.dicom.labels.summary import summarize

    found: dict[str, LabelFound] = {}
    broken: list[NoCase] = []
    for scan in scans:
        names = label_names(scan)
        for source in (each for each in scan.listed if each.name in names):
            try:
                summary = summarize(source)
            except HounsfieldError as error:
                broken.append(_broken(scan, source, error))
                continue
            if summary is not None:
                key = summary.uid or f"{scan.path}/{source.name}"
                found.setdefault(key, LabelFound(scan, source, summary))
    return LabelSearch(tuple(found.values()), tuple(broken))


def _broken(scan: SeriesScan, source: Source, error: HounsfieldError) -> NoCase:
    seen = describe_error(error)
    message = f"labels cannot be read: {seen.message}"
    return NoCase(typed=scan.typed, code=seen.code, message=message, where=source.name)


@dataclass(frozen=True, slots=True)
class Labelled:
    """The cases with their labels, the ambiguous objects, those that are not used, and the sources
    of those that are.
    """

    found: list[Found]
    missed: list[NoCase]
    unused: list[Diagnostic]
    used: frozenset[str]


def add_labels(
    found: Sequence[Found], search: LabelSearch, scans: Sequence[SeriesScan]
) -> Labelled:
    """Add to each case the objects that refer to it alone.

    The labels that a table states for a case replace those that refer to it.
    """
    matched: dict[int, list[LabelFound]] = {}
    missed: list[NoCase] = []
    unmatched: list[tuple[int, str]] = []
    not_used: list[tuple[int, str]] = []
    index = UidIndex(found, scans)
    for each in search.objects:
        hits = index.matching(each.summary)
        if len(hits) == 1 and not found[hits[0]].labels:
            matched.setdefault(hits[0], []).append(each)
        elif len(hits) > 1:
            missed.append(_ambiguous(each, len(hits)))
        else:
            is_known = bool(hits) or index.is_known(each.summary)
            (not_used if is_known else unmatched).append(each.file)
    cases = [
        replace(item, labels=_sources(matched[n])) if n in matched else item
        for n, item in enumerate(found)
    ]
    unused = [
        *([unused_labels(code="UNMATCHED_LABEL", files=unmatched)] if unmatched else ()),
        *([unused_labels(code="LABEL_NOT_USED", files=not_used)] if not_used else ()),
    ]
    used = frozenset(each.scan.typed for members in matched.values() for each in members)
    return Labelled(cases, missed, unused, used)


class UidIndex:
    """The cases, and all series of the sources, by the UIDs that an object may refer to."""

    def __init__(self, found: Sequence[Found], scans: Sequence[SeriesScan]) -> None:
        self._found = found
        self._scans = scans
        self._by_series: dict[str, list[int]] = {}
        for n, item in enumerate(found):
            if item.series_uid:
                self._by_series.setdefault(item.series_uid, []).append(n)

    def matching(self, label: LabelSummary) -> list[int]:
        """Return the cases that an object refers to: by series UID, else by SOP instance UIDs.

        SOP instance UIDs distinguish the parts and phases of a series, one of which may be no case.
        """
        by_series = sorted({n for uid in label.all_series for n in self._by_series.get(uid, ())})
        both = [n for n in by_series if self._found[n].instances & label.instances]
        if both or not by_series:
            return both or sorted({n for u in label.instances for n in self._cases.get(u, ())})
        return [] if label.instances & self._known else by_series

    def is_known(self, label: LabelSummary) -> bool:
        """Whether an object refers to a series of the sources, which may be no case."""
        return bool(label.all_series & self._series or label.instances & self._known)

    @cached_property
    def _cases(self) -> dict[str, list[int]]:
        cases: dict[str, list[int]] = {}
        for n, item in enumerate(self._found):
            for uid in item.instances:
                cases.setdefault(uid, []).append(n)
        return cases

    @cached_property
    def _series(self) -> frozenset[str]:
        return frozenset(one.uid for scan in self._scans for one in scan.series) - {""}

    @cached_property
    def _known(self) -> frozenset[str]:
        series = (one for scan in self._scans for one in scan.series)
        return frozenset(f.sop_instance for one in series for f in one.group.frames) - {""}


def _sources(objects: Sequence[LabelFound]) -> tuple[LabelSource, ...]:
    """Return the label files of a case, whose names do not depend on where they were found."""
    ordered = sorted(objects, key=lambda each: (each.summary.kind, each.summary.uid))
    names = _names([each.summary.kind for each in ordered])
    return tuple(_source(each, name) for each, name in zip(ordered, names, strict=True))


def _names(kinds: Sequence[str]) -> Iterator[str]:
    counts, seen = Counter(kinds), Counter[str]()
    for kind in kinds:
        seen[kind] += 1
        yield (
            DEFAULT_LABEL
            if len(kinds) == 1
            else kind + (f"-{seen[kind]}" if counts[kind] > 1 else "")
        )


def _source(each: LabelFound, name: str) -> LabelSource:
    path = getattr(each.source, "path", None)
    if path is not None and is_file(each.source):
        return LabelSource(name=name, path=Path(path))
    remote = each.scan.remote
    if remote is not None:
        file = remote.only([each.source.name])
        version = joined_version(file.files)
        return LabelSource(name=name, path=Path(each.source.name), remote=file, version=version)
    return LabelSource(name=name, path=each.scan.path, member=each.source.name)


def _ambiguous(each: LabelFound, count: int) -> NoCase:
    message = (
        f"labels refer to {count} series of CT slices; not used, choose one series with --series "
        "or --select, or name the file with --label"
    )
    typed = each.scan.typed
    is_whole = os.path.basename(typed) == each.source.name
    where = "" if is_whole else each.source.name
    return NoCase(typed=typed, code="AMBIGUOUS_LABEL", message=message, where=where)
