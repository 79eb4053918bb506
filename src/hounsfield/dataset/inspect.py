"""Look at what lies at a path: every DICOM series and every image file, what is right and wrong with each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hounsfield.core.errors import HounsfieldError
from hounsfield.core.policy import ReadPolicy
from hounsfield.dataset.case_ids import Found, named
from hounsfield.dataset.describe_error import describe_error
from hounsfield.dataset.discover import NoCaseError, image_files
from hounsfield.dataset.volume_report import VolumeReport, report_volume

if TYPE_CHECKING:
    from hounsfield.io.dicom.report import Scan, SeriesReport

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """A file that could not be read: its name below the path for the terminal, hidden for JSON."""

    name: str
    hidden: str
    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What lies at a path."""

    series: tuple[SeriesReport | VolumeReport, ...]
    names: tuple[str, ...]
    other: tuple[Unread, ...]

    def to_json(self) -> dict[str, Any]:
        """The answer of `inspect --json`."""
        return {
            "schema": 1,
            "series": [one.to_json() for one in self.series],
            "other": [{"file": each.hidden, "code": each.code} for each in self.other],
        }


def inspect(
    path: Path, *, policy: ReadPolicy, series: str | None = None, progress: Progress | None = None
) -> Inspection:
    """Look at a file or folder; headers alone for DICOM, values too for image files.

    Raises NoCaseError where nothing lies there that could be a CT, ReadError where the path cannot be read.
    """
    images, has_others = image_files(path)
    rows: list[SeriesReport | VolumeReport] = []
    names: list[str] = []
    other: list[Unread] = []
    for item, case_id in _with_ids(images):
        try:
            rows.append(report_volume(item, id=case_id, policy=policy, series=series))
            names.append(item.name)
        except HounsfieldError as error:
            if item == path:
                raise
            found = describe_error(error)
            other.append(
                Unread(
                    name=str(item.relative_to(path)),
                    hidden=case_id,
                    code=found.code,
                    message=found.message,
                )
            )
    if has_others:
        scanned = _scan(path, progress)
        rows += scanned
        names += [""] * len(scanned)
        other += _others(scanned, images, path)
    if not rows and not other:
        raise NoCaseError("there is no CT there")
    return Inspection(series=tuple(rows), names=tuple(names), other=tuple(other))


def diagnostics_of(report: SeriesReport | VolumeReport) -> Iterator[tuple[str, str, str]]:
    """Code, sentence and files of each reason."""
    for reason in report.reasons:
        yield reason.code, reason.message, reason.file_names


def _with_ids(images: list[Path]) -> list[tuple[Path, str]]:
    cases = named([Found(path=item, typed="") for item in images])
    return [(case.path, case.id) for case in cases]


def _scan(path: Path, progress: Progress | None) -> Scan:
    from hounsfield.io.dicom.report import scan_dicom

    return scan_dicom(path, progress)


def _others(scan: Scan, images: list[Path], path: Path) -> list[Unread]:
    """Files that are no DICOM object and no image that is reported already."""
    from hounsfield.io.dicom.report import hidden_name

    known = {str(item.relative_to(path)) for item in images if item != path}
    return [
        Unread(
            name=each.name, hidden=hidden_name(each.ordinal, each.name), code=each.code, message=""
        )
        for each in scan.other
        if each.name not in known
    ]
