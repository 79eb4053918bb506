"""The regions of the label files of a case and the names that they are called by, from headers."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from hounsfield.dataset.case import CaseSource, LabelSource
from hounsfield.dataset.label_map.label_map import LabelMap
from hounsfield.dataset.labels import fill_paths, prefix_errors
from hounsfield.dataset.run_config import RunConfig
from hounsfield.io.formats import DICOM, sniff

BACKGROUND = 0
"""The value of a label map that is no region."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """A region of a label file; `text` is what it is called, which must not leave the terminal.

    `file` counts the label files of the case, `part` the DICOM objects of a file. A region of DICOM
    has the name `safe`, one of a label map its `value`; the whole of a label file has neither.
    """

    file: int
    text: str
    part: int = 0
    safe: str = ""
    value: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundRegions:
    """The regions of a case, and the label maps whose values are known only when they are read."""

    regions: tuple[Region, ...]
    unread: tuple[int, ...] = ()


def label_sources(labels: Sequence[tuple[str, str]], case: CaseSource) -> tuple[LabelSource, ...]:
    """Return the label files of a case, each once: those of the run, then those of its source.

    A file that is both has the name of the run and the names of values of the source.
    """
    given = [LabelSource(name=name, path=path) for name, path in fill_paths(labels, case).items()]
    once: dict[tuple[str, str], LabelSource] = {}
    for source in (*given, *case.labels):
        if source.remote is None:
            file = (os.path.realpath(source.path), source.member)
        else:  # its path is relative to the URL
            file = (source.remote.url, str(source.path))
        once[file] = replace(once[file], names=source.names) if file in once else source
    return tuple(once.values())


def label_files(config: RunConfig, case: CaseSource) -> dict[str, LabelSource]:
    """Return the label files of a case by name, those of its source first.

    The names of a label map are numbered, since only its labels have names.
    """
    if config.label_map is None:
        stated = {each.name: each for each in case.labels}
        given = fill_paths(config.labels, case)
        return stated | {name: LabelSource(name=name, path=p) for name, p in given.items()}
    sources = label_sources(config.labels, case)
    return {f"{n}-{source.name}": source for n, source in enumerate(sources)}


def regions_of(sources: Sequence[LabelSource], label_map: LabelMap) -> FoundRegions:
    """Return the regions of label files in order; raises ReadError if a file cannot be read.

    A label file whose own name matches a label of the map is one region; another one without names
    of its values is `unread`.
    """
    regions: list[Region] = []
    unread: list[int] = []
    for n, source in enumerate(sources):
        if source.remote is not None:
            unread.append(n)
            continue
        with prefix_errors(source.name):
            is_dicom = bool(source.member) or sniff(source.path) == DICOM
        if is_dicom:
            regions += _of_dicom(source, n)
        elif source.names:
            regions += _of_names(source, n)
        elif label_map.names_of(source.name):
            regions.append(Region(file=n, text=source.name))
        else:
            unread.append(n)
    return FoundRegions(regions=tuple(regions), unread=tuple(unread))


def _of_dicom(source: LabelSource, file: int) -> Iterator[Region]:
    """Yield the regions of the RTSTRUCT and SEG objects of a file, or of one member."""
    from hounsfield.io.dicom.labels.objects import label_objects
    from hounsfield.io.dicom.labels.summary import region_names

    for part, item in enumerate(label_objects(source.path, member=source.member)):
        for safe, text in region_names(item):
            yield Region(file=file, part=part, safe=safe, text=text)


def _of_names(source: LabelSource, file: int) -> Iterator[Region]:
    for value, text in source.names:
        if value != BACKGROUND:
            yield Region(file=file, text=text, value=value)
