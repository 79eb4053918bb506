"""Bring a folder of predictions back to the grids of their scans, from the records of a run."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hounsfield.core.errors import HounsfieldError, ReadError, missing_file, unreadable
from hounsfield.dataset.describe_error import describe_error
from hounsfield.dataset.export.publish import PARTS
from hounsfield.io.bytes.search import HIDDEN, RECORD
from hounsfield.io.bytes.text import read_short_text
from hounsfield.io.formats import case_suffix, without_suffix
from hounsfield.pipeline.record import Record

if TYPE_CHECKING:
    from hounsfield.core.spec import Quantity
    from hounsfield.core.volume import Volume
    from hounsfield.dataset.case import CaseSource
    from hounsfield.io.dicom.derived.source import Identity

LARGEST_BYTES = 1 << 28
"""Maximum size of PARTS, which has 100 bytes for each case."""

PROBABILITIES = ".npz"

Mode = Literal["argmax", "write"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoredCase:
    """What became of a case: a file was written, or the reason why not."""

    id: str
    status: Literal["done", "failed", "missing", "unknown"]
    code: str = ""
    message: str = ""
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "id": self.id,
            "status": self.status,
            "code": self.code,
            "message": self.message,
            "notes": list(self.notes),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreOptions:
    """How predictions are restored.

    `probabilities` are the classes of .npz files: None uses a label file where there is one. With
    `sources`, series that were found, each prediction is written as a DICOM SEG of its series.
    """

    quantity: Quantity | None = None
    probabilities: Mode | None = None
    sources: Sequence[CaseSource] | None = None
    identity: Identity = "remove"


def restore_folder(
    run: Path, predictions: Path, out: Path, options: RestoreOptions
) -> Iterator[RestoredCase]:
    """Write each prediction in a folder to `out`/CASE.nii.gz on the grid of its scan.

    `run` is the output folder of a run, or of an export. Predictions are matched by the name of
    their file. Yields what became of each case, in order: also predictions without a record
    (NO_RECORD) and cases without a prediction (NO_PREDICTION), of the parts and folds of an export
    for which there is any. Raises ReadError if `run` has no records or `predictions` no file.
    """
    found = _predictions(predictions)
    records = find_records(run)
    known = sorted(set(found) & set(records))
    if not found:
        raise unreadable(str(predictions), "no prediction; expected files such as CASE.nii.gz")
    out.mkdir(parents=True, exist_ok=True)
    for case in sorted({*found, *_expected(run, records, known)}):
        if case not in records:
            message = "no record of a case with this name; use the run that made its image"
            yield RestoredCase(id=case, status="unknown", code="NO_RECORD", message=message)
        elif case not in found:
            message = "the case has no prediction; predict it, or restore other cases"
            yield RestoredCase(id=case, status="missing", code="NO_PREDICTION", message=message)
        else:
            yield _restored(case, records[case], found[case], out, options)


def find_records(run: Path) -> dict[str, Path]:
    """Return the record of each case of a run or an export. Raises ReadError without any."""
    if not run.is_dir():
        raise missing_file(run)
    for folder in (run / HIDDEN / "cases", run / "cases"):
        found = {path.parent.name: path for path in sorted(folder.glob(f"*/{RECORD}"))}
        if found:
            return found
    raise unreadable(
        str(run), "no records of cases; expected the output folder of a run or of an export"
    )


def _expected(run: Path, records: Mapping[str, Path], known: Sequence[str]) -> list[str]:
    """Return the cases that should have a prediction: all of each part with one of `known`."""
    path = run / HIDDEN / PARTS
    if not path.is_file():
        return list(records)
    try:
        parts = dict(json.loads(read_short_text(path, largest_bytes=LARGEST_BYTES)))
    except (ValueError, TypeError):
        raise unreadable(str(path), "corrupt; export again") from None
    wanted = {json.dumps(parts.get(case)) for case in known}
    return [case for case in records if json.dumps(parts.get(case)) in wanted and case in parts]


def _predictions(folder: Path) -> dict[str, dict[str, Path]]:
    """Return the files of each prediction, by kind: label and probabilities."""
    found: dict[str, dict[str, Path]] = {}
    try:
        names = sorted(os.listdir(folder))
    except FileNotFoundError:
        raise missing_file(folder) from None
    except OSError as error:
        raise ReadError(f"the folder cannot be listed ({error.strerror}); check it") from None
    for name in names:
        path = folder / name
        if name.startswith(".") or not path.is_file():
            continue
        if name.endswith(PROBABILITIES):
            found.setdefault(name.removesuffix(PROBABILITIES), {})["probabilities"] = path
        elif case_suffix(name):
            found.setdefault(without_suffix(name), {})["label"] = path
    return found


def _restored(
    case: str, record: Path, files: Mapping[str, Path], out: Path, options: RestoreOptions
) -> RestoredCase:
    try:
        notes = _restore(case, record, files, out, options)
    except (HounsfieldError, OSError, MemoryError) as error:
        found = describe_error(error)
        return RestoredCase(id=case, status="failed", code=found.code, message=found.message)
    return RestoredCase(id=case, status="done", notes=notes)


def _restore(
    case: str, path: Path, files: Mapping[str, Path], out: Path, options: RestoreOptions
) -> tuple[str, ...]:
    """Write one prediction; returns the notes for the user."""
    from hounsfield.dataset.prediction import read_prediction
    from hounsfield.dataset.restore import restore, seg_of_series
    from hounsfield.io.write import write_volume

    record = Record.load(path)
    wants_probabilities = options.probabilities is not None or "label" not in files
    if wants_probabilities and "probabilities" not in files:
        raise ReadError("no .npz with probabilities; predict with --save_probabilities")
    if options.sources is not None:
        prediction = read_prediction(files["label"])
        target = out / f"{case}.dcm"
        return seg_of_series(
            record, prediction, target, series=options.sources, identity=options.identity
        ).notes
    target = out / f"{case}.nii.gz"
    if wants_probabilities:
        write_volume(_argmax(record, files["probabilities"], out / case, options), target)
        return ()
    restored = restore(record, read_prediction(files["label"]), quantity=options.quantity)
    write_volume(restored.volume, target)
    return restored.notes


def _argmax(record: Record, path: Path, folder: Path, options: RestoreOptions) -> Volume:
    from hounsfield.dataset.probabilities import restore_probabilities

    if options.probabilities != "write":
        return restore_probabilities(record, path)
    folder.mkdir(exist_ok=True)
    return restore_probabilities(record, path, folder=folder)
