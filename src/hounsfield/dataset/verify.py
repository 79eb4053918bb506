"""Check the outputs of a run: their sha256, and a sample of cases that is computed again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hounsfield.core.errors import HounsfieldError, unreadable
from hounsfield.core.policy import ReadPolicy
from hounsfield.dataset.case import CaseSource
from hounsfield.dataset.describe_error import describe_error
from hounsfield.dataset.find_sources import Sources
from hounsfield.dataset.label_map.label_map import LabelMap, LabelRule
from hounsfield.dataset.points.of_cases import with_points
from hounsfield.dataset.points.read import Frame
from hounsfield.dataset.read_manifest import case_rows, reading_manifest, run_id, settings_of_run
from hounsfield.dataset.run_case import run_case
from hounsfield.dataset.run_config import RunConfig
from hounsfield.io.bytes.checksum import file_sha256
from hounsfield.io.bytes.search import RECORD
from hounsfield.pipeline.pipeline import Pipeline
from hounsfield.pipeline.record import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A file of a case that is not what the run wrote, or a case that cannot be checked."""

    case: str
    code: str
    message: str
    file: str = ""

    def __str__(self) -> str:
        file = f"/{self.file}" if self.file else ""
        return f"{self.case}{file}: {self.message}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What a run wrote: the sha256 of the record and the key of each case, its settings, its id."""

    records: Mapping[str, str]
    keys: Mapping[str, str]
    settings: Mapping[str, str]
    run_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What a case is computed from again, as it was given to the run.

    `labels` are names and paths, `points` is a file of points of all cases.
    """

    sources: Sources
    series: str | None = None
    labels: Sequence[tuple[str, str]] = ()
    points: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """What differs in a case that was computed again.

    With `is_partial` only the image and the masks were compared: its labels or points are not
    those that the run had.
    """

    findings: tuple[Finding, ...]
    is_partial: bool = False


def read_written(out: Path) -> Written:
    """Read the manifest of a run; raises MissingFileError or ReadError."""
    with reading_manifest(out) as connection:
        found = case_rows(connection, ("id", "status", "record_sha256", "key"))
        rows = [row for row in found if row["status"] != "failed"]
        return Written(
            records={row["id"]: row["record_sha256"] for row in rows},
            keys={row["id"]: row["key"] for row in rows},
            settings=settings_of_run(connection),
            run_id=run_id(connection),
        )


def check_files(out: Path, case_id: str, record_sha256: str) -> tuple[list[Finding], int]:
    """Compare the files of a case with its record, and that with the manifest.

    Returns what differs, and the number of files that were read.
    """
    folder = out / "cases" / case_id
    digest = _digest(folder / RECORD)
    if digest is None:
        return [_changed(case_id, RECORD, "is missing or cannot be read")], 0
    if record_sha256 and digest != record_sha256:
        return [_changed(case_id, RECORD, "has another sha256 than in the manifest")], 1
    try:
        outputs = Record.load(folder / RECORD).outputs
    except HounsfieldError:
        return [_changed(case_id, RECORD, "is not a record")], 1
    found = [_checked(folder, case_id, name, wanted) for name, wanted in outputs.items()]
    return [each for each in found if each is not None], 1 + len(outputs)


def _checked(folder: Path, case_id: str, name: str, wanted: str) -> Finding | None:
    digest = _digest(folder / name)
    if digest is None:
        return _changed(case_id, name, "is missing or cannot be read")
    return (
        None if digest == wanted else _changed(case_id, name, "has another sha256 than its record")
    )


def _digest(path: Path) -> str | None:
    try:
        return file_sha256(path)
    except OSError:
        return None


def _changed(case_id: str, name: str, found: str) -> Finding:
    message = f"{found}; run the pipeline again to make it anew"
    return Finding(case=case_id, code="OUTPUT_CHANGED", message=message, file=name)


def check_again(out: Path, written: Written, case_id: str, inputs: Inputs) -> Again:
    """Compute a case again in a temporary folder and compare all bytes; OUT is only read."""
    try:
        record = Record.load(out / "cases" / case_id / RECORD)
        with TemporaryDirectory(prefix="hounsfield-") as folder:
            config = _config(written.settings, record, Path(folder), labels=inputs.labels)
            result = run_case(config, _source(record, inputs, config))
    except HounsfieldError as error:
        found = describe_error(error)
        return Again(findings=(_not_again(case_id, found.code, found.message),))
    if result.status != "done":
        return Again(findings=(_not_again(case_id, result.code, result.message),))
    again = json.loads(result.record)
    is_partial = set(record.outputs) != set(again["outputs"])
    if config.label_map is not None:  # labels that match no pattern are in the record alone
        is_partial = is_partial or result.key != written.keys[case_id]
    differing = tuple(_differences(record, again, case_id=case_id, is_partial=is_partial))
    return Again(findings=differing, is_partial=is_partial)


def _source(record: Record, inputs: Inputs, config: RunConfig) -> CaseSource:
    """Return the source of a case, with labels only if the run had some, and with its points."""
    case = inputs.sources.of(record, series=inputs.series)
    if not record.labels and config.label_map is None:
        case = replace(case, labels=())
    (case,), _ = with_points((case,), inputs.points, frame=config.frame)
    return case


def _not_again(case_id: str, code: str, message: str) -> Finding:
    return Finding(case=case_id, code=code, message=f"cannot be computed again: {message}")


def _config(
    settings: Mapping[str, str], record: Record, folder: Path, *, labels: Sequence[tuple[str, str]]
) -> RunConfig:
    """Return the configuration of the run of a record, with another output folder."""
    try:
        policy = ReadPolicy(**json.loads(settings["policy"]))
        return RunConfig(
            pipeline=Pipeline.of_record(record),
            out=folder,
            format=settings["format"],
            dtype=settings["dtype"] or None,
            policy=policy,
            labels=tuple(labels),
            label_map=_label_map(settings.get("label_map", "")),
            frame=_FRAMES.get(settings.get("frame", "")),
        )
    except (KeyError, TypeError, ValueError):
        message = "the manifest lacks the settings of the run; run the pipeline again first"
        raise unreadable("", message) from None


_FRAMES: dict[str, Frame] = {"ras": "ras", "lps": "lps"}


def _label_map(text: str) -> LabelMap | None:
    """Return the label map of the settings of a run."""
    if not text:
        return None
    rules = [rule | {"patterns": tuple(rule["patterns"])} for rule in json.loads(text)]
    return LabelMap(tuple(LabelRule(**rule) for rule in rules))


def _differences(
    record: Record, again: Mapping[str, Any], *, case_id: str, is_partial: bool
) -> Iterator[Finding]:
    names = {*record.outputs, *again["outputs"]}
    if is_partial:  # the preview shows a label, a record has all
        names = {name for name in names if name.startswith(("image", "mask-"))}
    for name in sorted(names):
        if record.outputs.get(name) != again["outputs"].get(name):
            yield _other(case_id, name, record.version)
    if not is_partial and record.version == again["version"]:
        before = json.loads(json.dumps(record.to_json()))
        parts = ("steps", "output", "diagnostics", "masks", "labels")
        if any(before[part] != again[part] for part in parts):
            yield _other(case_id, RECORD, record.version)


def _other(case_id: str, name: str, version: str) -> Finding:
    message = (
        f"has other bytes when it is computed again (it was written by version {version}); "
        "compare the two with hounsfield diff"
    )
    return Finding(case=case_id, code="NOT_REPRODUCED", message=message, file=name)
