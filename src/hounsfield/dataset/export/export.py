"""Write the cases of a run in a layout that people train on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import HounsfieldError, PipelineError, refused
from hounsfield.dataset.case import NoCase
from hounsfield.dataset.describe_error import describe_error
from hounsfield.dataset.export.check import check_no_leak
from hounsfield.dataset.export.cohort import Cohort, ExportCase
from hounsfield.dataset.export.label_table import (
    LabelTable,
    Values,
    label_table,
    merged,
    read_label,
    values_of,
)
from hounsfield.dataset.export.layout import DataSet, Layout, write_json
from hounsfield.dataset.export.publish import PARTS, link_file, publishing
from hounsfield.dataset.export.splits import Split, Subject, split_cases
from hounsfield.dataset.lock import locked
from hounsfield.io.bytes.atomic import write_text
from hounsfield.io.bytes.search import HIDDEN, RECORD

LayoutName = Literal["nnunet", "monai", "decathlon", "bids"]

NO_LABEL = "no label; cases for training and testing need one in this layout"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOptions:
    """The layout and its split; `order` are names of labels, whose first wins an overlap."""

    layout: LayoutName
    test: float = 0.0
    folds: int = 0
    seed: int = 0
    order: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.test < 1:
            raise _usage(f"--test is {self.test:g}; expected a fraction from 0 to less than 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedCase:
    """What became of a case: its part and its labels, or the reason why it is missing.

    `overlaps` are voxels of two labels, by the names of the one that is kept and of the other.
    """

    id: str
    part: str = ""
    fold: int | None = None
    labels: tuple[str, ...] = ()
    overlaps: Mapping[tuple[str, str], int] | None = None
    code: str = ""
    message: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        overlaps = self.overlaps or {}
        return {
            "id": self.id,
            "status": "failed" if self.code else "done",
            "part": self.part,
            "fold": self.fold,
            "labels": list(self.labels),
            "overlaps": [
                {"kept": kept, "lost": lost, "voxels": count}
                for (kept, lost), count in sorted(overlaps.items())
            ],
            "code": self.code,
            "message": self.message,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """The result of an export: every case, and the value of each label."""

    cases: tuple[ExportedCase, ...]
    label_values: Mapping[str, int]

    def count(self, part: str) -> int:
        """Return the number of cases in a part."""
        return sum(case.part == part and not case.code for case in self.cases)

    @property
    def failed(self) -> tuple[ExportedCase, ...]:
        """The cases that were not written."""
        return tuple(case for case in self.cases if case.code)


Progress = Callable[[int, int], None]


def layout_of(name: LayoutName) -> Layout:
    """Return a layout by its name."""
    from hounsfield.dataset.export.bids import Bids
    from hounsfield.dataset.export.datalist import Decathlon, Monai
    from hounsfield.dataset.export.nnunet import NnUNet

    layouts: dict[LayoutName, Callable[[], Layout]] = {
        "nnunet": NnUNet,
        "monai": Monai,
        "decathlon": Decathlon,
        "bids": Bids,
    }
    return layouts[name]()


def export_cohort(
    cohort: Cohort,
    out: Path,
    options: ExportOptions,
    *,
    progress: Progress = lambda done, all: None,
) -> Exported:
    """Write the cases to `out`; those that fail are listed, and the others are written.

    Nothing in `out` changes unless the whole layout was written and no patient is in two parts.
    Raises PipelineError, RefusedError (SPLIT_LEAK) or WriteError.
    """
    layout = layout_of(options.layout)
    values, failed = _label_values(cohort, needs_labels=layout.needs_labels)
    cases = [case for case in cohort.cases if case.id in values]
    if not cases:
        raise _nothing(failed)
    table = label_table(list(values.values()), order=options.order)
    split = _split(cases, values, table, options)
    (out / HIDDEN).mkdir(parents=True, exist_ok=True)
    with locked(out / HIDDEN), publishing(out, index=layout.index) as folder:
        data = DataSet(
            name=_name(out),
            cases=tuple(cases),
            parts=split.parts,
            folds=split.fold_of,
            labels=table.names,
            present={case.id: table.present(values[case.id]) for case in cases if case.labels},
        )
        written, more = _write_cases(layout, data, table, folder, progress)
        failed += more
        layout.describe(written.data, folder)
        check_no_leak(layout, folder, patients={case.id: case.patient for case in cases})
        _keep_records(written.data, out / HIDDEN)
    done = [_done(case, written) for case in written.data.cases]
    everything = sorted([*done, *failed], key=lambda case: case.id)
    return Exported(cases=tuple(everything), label_values=data.label_values)


def _label_values(
    cohort: Cohort, *, needs_labels: bool
) -> tuple[dict[str, Values], list[ExportedCase]]:
    """Return the values of the label files of each case, and the cases that have failed."""
    found: dict[str, Values] = {}
    failed = [_failed_source(each) for each in cohort.failed]
    for case in cohort.cases:
        if needs_labels and not case.labels:
            failed.append(ExportedCase(id=case.id, code="NO_LABELS", message=NO_LABEL))
            continue
        try:
            found[case.id] = {
                name: values_of(read_label(path, case.grid)) for name, path in case.labels.items()
            }
        except (HounsfieldError, OSError) as error:
            failed.append(_failed(case.id, error))
    return found, failed


def _nothing(failed: Sequence[ExportedCase]) -> HounsfieldError:
    """Return the error of an export without cases: the first reason."""
    if not failed:
        return refused("NO_CASE", "no case to export; check the sources, or the run with status")
    return refused(
        "NO_CASE",
        f"no case can be exported; {len(failed)} failed, the first for: {failed[0].message}",
    )


def _failed(case_id: str, error: Exception) -> ExportedCase:
    found = describe_error(error)
    return ExportedCase(id=case_id, code=found.code, message=found.message)


def _failed_source(source: NoCase) -> ExportedCase:
    return ExportedCase(id=source.typed, code=source.code, message=source.message)


def _split(
    cases: Sequence[ExportCase],
    values: Mapping[str, Values],
    table: LabelTable,
    options: ExportOptions,
) -> Split:
    subjects = [
        Subject(
            id=case.id,
            patient=case.patient,
            labels=frozenset(table.present(values[case.id])),
            split=case.split,
        )
        for case in cases
    ]
    split = split_cases(subjects, test=options.test, folds=options.folds, seed=options.seed)
    if not split.train:
        message = "no case is left for training; check the sources, the labels and --test"
        raise PipelineError(Diagnostic("NO_CASE", "refusal", message))
    return split


@dataclass(frozen=True, slots=True, kw_only=True)
class _Written:
    """The data set without the cases that failed, and the overlaps of the labels of each case."""

    data: DataSet
    overlaps: Mapping[str, Mapping[tuple[str, str], int]]


def _write_cases(
    layout: Layout, data: DataSet, table: LabelTable, folder: Path, progress: Progress
) -> tuple[_Written, list[ExportedCase]]:
    overlaps: dict[str, Mapping[tuple[str, str], int]] = {}
    failed: list[ExportedCase] = []
    for n, case in enumerate(data.cases):
        progress(n, len(data.cases))
        try:
            overlaps[case.id] = _write_case(layout, data, case, table, folder)
        except (HounsfieldError, OSError) as error:
            failed.append(_failed(case.id, error))
            (folder / layout.image(data, case)).unlink(missing_ok=True)
            (folder / layout.label(data, case)).unlink(missing_ok=True)
    kept = tuple(case for case in data.cases if case.id in overlaps)
    return _Written(data=replace(data, cases=kept), overlaps=overlaps), failed


def _write_case(
    layout: Layout, data: DataSet, case: ExportCase, table: LabelTable, folder: Path
) -> Mapping[tuple[str, str], int]:
    """Write image and label map of a case; returns the overlaps of its labels."""
    from hounsfield.io.write import write_volume

    link_file(case.image, folder / layout.image(data, case))
    if not case.labels:
        return {}
    volumes = {name: read_label(path, case.grid) for name, path in case.labels.items()}
    label, overlaps = merged(volumes, table)
    target = folder / layout.label(data, case)
    target.parent.mkdir(parents=True, exist_ok=True)
    write_volume(label, target, format="nii.gz")
    return overlaps


def _keep_records(data: DataSet, hidden: Path) -> None:
    """Keep the record of each case and its part, by which `restore` brings predictions back."""
    parts = {case.id: [data.parts[case.id], data.folds.get(case.id)] for case in data.cases}
    write_json(hidden / PARTS, parts)
    for case in data.cases:
        target = hidden / "cases" / case.id / RECORD
        if target != case.record:
            target.parent.mkdir(parents=True, exist_ok=True)
            write_text(target, case.record.read_text(encoding="utf-8"))


def _done(case: ExportCase, written: _Written) -> ExportedCase:
    data = written.data
    return ExportedCase(
        id=case.id,
        part=data.parts[case.id],
        fold=data.folds.get(case.id),
        labels=data.present.get(case.id, ()),
        overlaps=written.overlaps[case.id],
    )


def _name(out: Path) -> str:
    """Return the name of the data set: that of its folder."""
    return out.absolute().name


def _usage(message: str) -> PipelineError:
    return PipelineError([Diagnostic("USAGE", "refusal", message)])
