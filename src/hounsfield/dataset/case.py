"""The source and the result of a case; its id does not identify the patient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hounsfield.core.diagnostic import Diagnostic, without_secrets
from hounsfield.core.errors import ReadError
from hounsfield.core.points import Point
from hounsfield.io.bytes.remote import RemoteFolder
from hounsfield.io.source_files import source_files

if TYPE_CHECKING:
    from hounsfield.core.policy import ReadPolicy
    from hounsfield.core.spec import Quantity
    from hounsfield.core.stack import Stack
    from hounsfield.io.bytes.checksum import SourceFiles

Status = Literal["done", "skipped", "failed", "stale"]
"""'skipped' was up to date; 'stale' is of an earlier run and not among the sources any more."""


DEFAULT_LABEL = "label"
"""The name of a label without a name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelSource:
    """A label file that belongs to one case: an image file, an RTSTRUCT or a DICOM SEG.

    `names` are the names of the values of a label map, where its data set states them. `member` is
    the name of the object if `path` is an archive, else "". `remote` is the file if it is at a URL,
    which is copied with the case; `version` changes with its content.
    """

    name: str
    path: Path
    names: tuple[tuple[int, str], ...] = ()
    member: str = ""
    remote: RemoteFolder | None = None
    version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseSource:
    """The input of a case: its `id`, a file or folder, and optionally a `series` and `files` in it.

    `typed` is the path as the user typed it; it is shown on the terminal. Paths and the series UID
    are never written to the output folder. `diagnostics` are those of the search, which reading
    `files` alone cannot find. `earlier_key` and `earlier_record` are the key of the outputs of an
    earlier run and the sha256 of its record, or ""; `earlier_source` is the sha256 of the files
    when they had the stamp `earlier_stamp` (see `source_stamp`), or "".

    `labels` and `points` are the files that the source states for this case, `landmarks` its points
    of a file for all cases. `patient` and `study`
    are ids that do not identify them, equal for cases of one patient and study, or "" if unknown;
    `split` is the part of the data set that the source states, such as train, or "". `remote` are
    the files of a case at a URL, which are copied to this machine before it is run, and `version`
    changes with their content, or is "".
    """

    id: str
    path: Path
    series: str | None = None
    series_uid: str = ""
    files: tuple[str, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    typed: str = ""
    earlier_key: str = ""
    earlier_record: str = ""
    earlier_source: str = ""
    earlier_stamp: str = ""
    labels: tuple[LabelSource, ...] = ()
    points: Path | None = None
    landmarks: tuple[Point, ...] = ()
    patient: str = ""
    study: str = ""
    split: str = ""
    remote: RemoteFolder | None = None
    version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoCase:
    """A source without a case: a code, and a message without the path.

    `where` is the file or folder that the message is about; it is shown on the terminal only.
    """

    typed: str
    code: str
    message: str
    where: str = ""

    def __str__(self) -> str:
        where = f"{self.where}: " if self.where not in ("", self.typed) else ""
        return without_secrets(f"{self.typed}: {where}{self.message}")


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResult:
    """The result of one case.

    `message` is one line without a path; `diagnostics` are those of the record; `key` is the hash
    of the inputs and options. `where` is the file or step of a failure; it is shown on the terminal
    only. `record` is the text of record.json, or "" without outputs; `qc` are the quality values;
    `attempts` is how often the case was run. `started` is in seconds since 1970; `memory_bytes` is
    the peak memory of its process. `source_sha256` and `source_stamp` are those of its files.
    """

    id: str
    status: Status
    code: str = ""
    message: str = ""
    diagnostics: tuple[Mapping[str, str], ...] = ()
    seconds: float = 0.0
    key: str = ""
    output_sha256: str = ""
    record_sha256: str = ""
    where: str = ""
    record: str = ""
    qc: Mapping[str, Any] = field(default_factory=dict)
    attempts: int = 1
    started: float = 0.0
    memory_bytes: int = 0
    source_bytes: int = 0
    output_bytes: int = 0
    source_sha256: str = ""
    source_stamp: str = ""
    trace: str = ""
    """The traceback of a failure; it is shown on the terminal only."""
    is_short: bool = False
    """Whether memory, threads or open files were short, so that it may be done when it is alone."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """The codes of its diagnostics of severity warning, each once."""
        found = (each["code"] for each in self.diagnostics if each["severity"] == "warning")
        return tuple(dict.fromkeys(found))

    def to_json(self) -> dict[str, Any]:
        """Return the result as plain data."""
        return {
            "id": self.id,
            "status": self.status,
            "code": self.code,
            "message": self.message,
            "warnings": list(self.warnings),
            "diagnostics": [dict(each) for each in self.diagnostics],
            "seconds": self.seconds,
            "output_sha256": self.output_sha256,
        }


def open_case(case: CaseSource, *, policy: ReadPolicy, quantity: Quantity | None = None) -> Stack:
    """Open the files of a case and no others, with the diagnostics of the search.

    Raises ReadError (SOURCE_CHANGED) if the files are those of another series by now, and the
    errors of `hounsfield.io.open.open_stack`.
    """
    from hounsfield.io.open import open_stack

    stack = open_stack(
        case.path, series=case.series, files=case.files, policy=policy, quantity=quantity
    )
    _check_series(stack, case)
    known = {(each.code, each.message) for each in stack.diagnostics}
    new = [each for each in case.diagnostics if (each.code, each.message) not in known]
    before = tuple(each for each in new if each.severity != "warning")
    after = tuple(each for each in new if each.severity == "warning")
    return stack.replaced(diagnostics=(*before, *stack.diagnostics, *after)) if new else stack


def _check_series(stack: Stack, case: CaseSource) -> None:
    from hounsfield.io.dicom.read import source_frames

    frames = source_frames(stack) if case.files else ()
    if any(frame is not None and frame.series != case.series_uid for frame in frames):
        message = "the files are those of another series than when they were found; run again"
        raise ReadError(Diagnostic("SOURCE_CHANGED", "refusal", message))


def source_sha256(case: CaseSource) -> str:
    """Return the sha256 of the files of a case, independent of their names and order.

    Raises ReadError.
    """
    return files_of_case(case).sha256()


def files_of_case(case: CaseSource) -> SourceFiles:
    """Return the files of a case as of now; raises ReadError."""
    return source_files(case.path, names=case.files)
