"""Find the sources of cases of an earlier run, by its linkage file or among given sources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from hounsfield.core.errors import HounsfieldError, refused
from hounsfield.dataset.case import CaseSource, source_sha256
from hounsfield.dataset.discover import discover
from hounsfield.dataset.linkage import linkage_file, read_links
from hounsfield.pipeline.record import Record


class Sources:
    """The sources of the cases of a run.

    `paths` are those of the linkage file by case id, `given` those that the user named.
    """

    def __init__(self, *, paths: Mapping[str, str], given: Sequence[CaseSource]) -> None:
        self._paths, self._given = paths, given
        self._digests: dict[str, str] = {}

    def __bool__(self) -> bool:
        return bool(self._paths or self._given)

    def of(self, record: Record, *, series: str | None = None) -> CaseSource:
        """Return the source of a case, whose files have the sha256 of the record.

        Raises RefusedError (OTHER_SOURCE) if there is none, and the errors of reading.
        """
        from hounsfield.dataset.restore import case_of, series_at

        if self._given:
            found = self._among_given(record)
        elif record.case in self._paths:
            found = case_of(record, series_at(Path(self._paths[record.case]), series=series))
        else:
            raise refused("OTHER_SOURCE", "the linkage file has no source of it; name the source")
        return replace(found, id=record.case)

    def _among_given(self, record: Record) -> CaseSource:
        wanted = record.source["sha256"]
        for case in sorted(self._given, key=lambda case: case.id != record.case):
            if self._sha256(case) == wanted:
                return case
        raise refused(
            "OTHER_SOURCE", "no source has the files that the run read; name their folder"
        )

    def _sha256(self, case: CaseSource) -> str:
        """Return the sha256 of the files of a case, '' if they cannot be read."""
        if case.id not in self._digests:
            try:
                self._digests[case.id] = source_sha256(case)
            except HounsfieldError:
                self._digests[case.id] = ""
        return self._digests[case.id]


def find_sources(
    run_id: str,
    *,
    sources: Sequence[str],
    linkage: Path | None = None,
    series: str | None = None,
    find_labels: bool = True,
) -> Sources:
    """Find the sources of a run: those given, else those of its linkage file, if there is one.

    With `find_labels`, objects in the given sources are the labels of their series. Raises
    ReadError if `linkage` is no linkage file.
    """
    if sources:
        found = discover(sources, series=series, find_labels=find_labels)
        return Sources(paths={}, given=found.cases)
    path = linkage if linkage is not None else linkage_file(run_id) if run_id else None
    if path is None or (linkage is None and not path.is_file()):
        return Sources(paths={}, given=())
    return Sources(paths={link.id: link.path for link in read_links(path)}, given=())
