"""`hounsfield restore` of a folder of predictions, with one line for each case."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from typer import Exit, Option

from hounsfield.cli.errors import FAILED, USAGE, Failure, about
from hounsfield.cli.options import QuantityName
from hounsfield.cli.terminal import Terminal, error_line

if TYPE_CHECKING:
    from hounsfield.dataset.restore_folder import RestoredCase, RestoreOptions

STATUSES = ("done", "failed", "missing", "unknown")


@dataclass(frozen=True, slots=True, kw_only=True)
class Segmentation:
    """Options of --format seg."""

    source: Annotated[
        Path | None,
        Option(metavar="DIR", help="DICOM series of the scan; required by --format seg."),
    ] = None
    series: Annotated[
        str | None,
        Option(
            metavar="ID|NUMBER",
            help="Series in DIR, by its id or its number (default: that of the record).",
        ),
    ] = None
    identity: Annotated[
        Literal["remove", "keep"], Option(help="Identity of patient and study in the SEG.")
    ] = "remove"


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """What the values of a prediction are."""

    quantity: Annotated[
        QuantityName | None,
        Option(help="Quantity of the values (default: label for whole numbers, else other)."),
    ] = None
    probabilities: Annotated[
        Literal["argmax", "write"] | None,
        Option(
            help="Resample the probabilities in CASE.npz before the argmax over the classes, or "
            "write them too (default: only where there is no CASE.nii.gz)."
        ),
    ] = None


def source_of(seg: Segmentation) -> Path:
    """Return the folder of the series; a usage error without one."""
    if seg.source is None:
        raise Failure(
            "--source is missing; --format seg needs the DICOM series that it refers to",
            status=USAGE,
            code="USAGE",
        )
    return seg.source


def restore_all(
    terminal: Terminal,
    run: Path,
    predictions: Path,
    out: Path,
    *,
    values: Values,
    seg: Segmentation | None,
) -> None:
    """Restore every prediction in a folder; exits with 1 unless each case has one and it worked."""
    from hounsfield.dataset.restore_folder import RestoreOptions, restore_folder

    options = RestoreOptions(quantity=values.quantity, probabilities=values.probabilities)
    if seg is not None:
        options = _with_series(options, seg)
    cases = []
    for case in restore_folder(run, predictions, out, options):
        cases.append(case)
        _print(terminal, case)
    counts = Counter(str(case.status) for case in cases)
    if terminal.json:
        terminal.data(
            {
                "schema": 1,
                "counts": {status: counts[status] for status in STATUSES},
                "cases": [case.to_json() for case in cases],
            }
        )
    names = {"missing": "without a prediction", "unknown": "without a record"}
    parts = [f"{counts['done']} restored"]
    parts += [f"{counts[each]} {names.get(each, each)}" for each in STATUSES[1:] if counts[each]]
    terminal.say(f"{', '.join(parts)}; see {out}")
    if counts["done"] < len(cases):
        raise Exit(FAILED)


def _with_series(options: RestoreOptions, seg: Segmentation) -> RestoreOptions:
    from dataclasses import replace

    from hounsfield.dataset.restore import series_at

    source = source_of(seg)
    with about(source):
        found = series_at(source, series=seg.series)
    return replace(options, sources=found, identity=seg.identity)


def _print(terminal: Terminal, case: RestoredCase) -> None:
    if case.status != "done":
        error_line(f"{case.id}: {case.message}")
        return
    terminal.say(f"{case.id}  restored")
    for note in case.notes:
        terminal.detail(f"  note: {note}")
