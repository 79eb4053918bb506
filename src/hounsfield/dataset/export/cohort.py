"""The cases of a run as an export needs them: image, labels, patient and split."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import HounsfieldError, PipelineError
from hounsfield.core.grid import Grid
from hounsfield.dataset.case import CaseSource, NoCase
from hounsfield.dataset.export.patients import Assignment
from hounsfield.dataset.export.splits import split_name
from hounsfield.io.bytes.search import RECORD
from hounsfield.pipeline.record import Record

IMAGE = "image.nii.gz"
"""The image of a case in the format that every layout has."""

LABEL, SUFFIX = "label-", ".nii.gz"
"""Start and end of the name of a label file of a case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportCase:
    """A case of a run: its files, the grid and quantity of its image, its patient and its split.

    `patient` is the id of the case where the patient is unknown; `source` is where a run of this
    process read it from.
    """

    id: str
    image: Path
    record: Path
    grid: Grid
    quantity: str
    labels: Mapping[str, Path] = field(default_factory=dict)
    patient: str
    split: str = ""
    source: CaseSource | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohort:
    """The cases, sorted by id, and those that cannot be exported.

    `unknown` is the number of cases whose patient is unknown, `unreadable` that of the files of the
    sources that cannot be read; `is_run` is whether the cases are those of an earlier run.
    """

    cases: tuple[ExportCase, ...]
    failed: tuple[NoCase, ...] = ()
    unknown: int = 0
    unreadable: int = 0
    is_run: bool = False


def cohort_of_run(
    out: Path,
    ids: Iterable[str],
    *,
    sources: Sequence[CaseSource] = (),
    assigned: Mapping[str, Assignment],
) -> Cohort:
    """Return the cases of the run in `out`; raises PipelineError for outputs of another form.

    `assigned` are patients and splits by case id, which replace those of the sources.
    """
    known = {case.id: case for case in sources}
    cases: list[ExportCase] = []
    failed: list[NoCase] = []
    for case_id in sorted(ids):
        folder = out / "cases" / case_id
        try:
            record = Record.load(folder / RECORD)
        except (HounsfieldError, FileNotFoundError):
            message = "no record.json; run the case again"
            failed.append(NoCase(typed=case_id, code="UNREADABLE", message=message))
            continue
        row = assigned.get(case_id, Assignment())
        cases.append(_case(folder, record, source=known.get(case_id), row=row))
    unknown = sum(case.patient == case.id for case in cases)
    _check_ids(assigned, {case.id for case in cases} | {case.typed for case in failed})
    return Cohort(cases=tuple(cases), failed=tuple(failed), unknown=unknown)


def _case(
    folder: Path, record: Record, *, source: CaseSource | None, row: Assignment
) -> ExportCase:
    names = record.outputs
    if IMAGE not in names or record.output.get("channels"):
        raise PipelineError(
            Diagnostic(
                "USAGE",
                "refusal",
                "the run wrote slices, channels or another format; export requires one 3-D "
                "image.nii.gz for each case (run with --format nii.gz)",
            )
        )
    labels = {
        name[len(LABEL) : -len(SUFFIX)]: folder / name
        for name in sorted(names)
        if name.startswith(LABEL) and name.endswith(SUFFIX)
    }
    return ExportCase(
        id=folder.name,
        image=folder / IMAGE,
        record=folder / RECORD,
        grid=record.output_grid,
        quantity=str(record.output["quantity"]),
        labels=labels,
        patient=row.patient or (source.patient if source else "") or folder.name,
        split=row.split or split_name(source.split if source else ""),
        source=source,
    )


def _check_ids(assigned: Mapping[str, Assignment], ids: Collection[str]) -> None:
    """Raise PipelineError if no row of the file of patients names a case: its ids are others."""
    if assigned and not set(assigned) & set(ids):
        raise PipelineError(
            Diagnostic(
                "USAGE",
                "refusal",
                "no id in the file matches a case id of the run; expected ids as status lists them",
                "--patients",
            )
        )
