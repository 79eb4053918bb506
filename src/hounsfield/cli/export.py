"""`hounsfield export`: write a data set in a layout that people train on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Exit, Option

from hounsfield.cli.cohort import Making, RunOptions, make_cohort
from hounsfield.cli.errors import FAILED, about, check_local
from hounsfield.cli.terminal import Terminal, error_line
from hounsfield.dataset.export.export import ExportOptions, LayoutName

if TYPE_CHECKING:
    from hounsfield.dataset.export.cohort import Cohort
    from hounsfield.dataset.export.export import Exported

PARTS = ("train", "validation", "test")

SHOWN_LABELS = 8
"""Labels that the summary names; dataset.json has all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Splitting:
    """How the cases are split; a patient is never in two parts."""

    test: Annotated[
        float, Option(metavar="FRACTION", help="Fraction of the cases for testing (default: none).")
    ] = 0.0
    folds: Annotated[
        int,
        Option(
            min=0,
            metavar="N",
            help="Number of parts of the training cases for cross-validation; 0 writes none.",
        ),
    ] = 5
    seed: Annotated[int, Option(help="Seed of the split; the same seed gives the same split.")] = 0
    patients: Annotated[
        Path | None,
        Option(
            metavar="FILE",
            help="CSV file with the columns id, patient and split (train, validation or test), "
            "the last two optional (default: those of the sources).",
        ),
    ] = None


def export(
    terminal: Terminal,
    run: RunOptions,
    making: Making,
    splitting: Splitting,
    layout: Annotated[LayoutName, Argument(help="Layout of the data set.")],
    src: Annotated[
        list[str],
        Argument(help="CT: files, folders, patterns or @list.txt; or the output folder of a run."),
    ],
    out: Annotated[Path, Option("--out", "-o", help="Folder of the data set.")],
) -> None:
    """Write CT and labels as a data set for nnU-Net, MONAI, the Decathlon's readers or BIDS.

    Scans keep their own grid, in HU and int16, unless --pipeline is given. The training, validation
    and test cases are split by patient, with nearly the same share of each label.
    """
    from hounsfield.dataset.export.export import export_cohort
    from hounsfield.dataset.export.publish import check_folder
    from hounsfield.io.bytes.search import HIDDEN

    options = ExportOptions(
        layout=layout, test=splitting.test, folds=splitting.folds, seed=splitting.seed
    )
    check_local(out, what="the output")
    with about(out):
        check_folder(out)
    cohort, order = make_cohort(
        terminal, src, out / HIDDEN, making, run, patients=splitting.patients
    )
    with about(out), terminal.progress("cases") as progress:
        made = export_cohort(cohort, out, replace(options, order=order), progress=progress)
    _report(terminal, cohort, made, options, out)
    if made.failed or cohort.unreadable:
        raise Exit(FAILED)


def _report(
    terminal: Terminal, cohort: Cohort, made: Exported, options: ExportOptions, out: Path
) -> None:
    """Print what was written, and each case that was not."""
    reported = set() if cohort.is_run else {each.typed for each in cohort.failed}
    for case in made.failed:
        if case.id not in reported:
            error_line(f"{case.id}: {case.message}")
    if cohort.unknown > 1 and (options.test or options.folds):
        terminal.warn(
            f"the patients of {cohort.unknown} cases are unknown; each of these cases is split as "
            "a patient of its own: name the patients with --patients FILE"
        )
    for text in _shortfalls(made, options, out):
        terminal.warn(text)
    folds = len({case.fold for case in made.cases} - {None})
    if folds < options.folds and not made.count("validation"):  # 5 are the default
        few = "no folds" if folds == 0 else f"{folds} folds"
        text = f"{few} instead of {options.folds}: there are too few patients for training"
        terminal.say(f"note: {text}")
    for case in made.cases:
        for (kept, lost), count in sorted((case.overlaps or {}).items()):
            terminal.say(f"note: {case.id}: {count} voxels of '{lost}' are also '{kept}', kept")
    if terminal.json:
        terminal.data(_data(made, options))
    counts = ", ".join(f"{made.count(part)} {part}" for part in PARTS if made.count(part))
    shown = list(made.label_values.items())[: SHOWN_LABELS + 1]
    labels = ", ".join(f"{name} {value}" for name, value in shown)
    more = len(made.label_values) - len(shown)
    labels += f" and {more} more" if more else ""
    failed = f", {len(made.failed)} failed" if made.failed else ""
    terminal.say(f"{options.layout}: {counts}{failed}; labels: {labels}; see {out}")


def _shortfalls(made: Exported, options: ExportOptions, out: Path) -> Iterator[str]:
    """Yield what the split or the folder lacks of what was asked for."""
    if options.test and not made.count("test"):
        yield f"no case is for testing: --test {options.test:g} is less than half of a patient"
    if options.layout == "nnunet" and not re.fullmatch(r"Dataset\d{3}_.+", out.absolute().name):
        yield "nnU-Net finds data sets in folders such as Dataset501_Liver; rename the folder"


def _data(made: Exported, options: ExportOptions) -> dict[str, Any]:
    return {
        "schema": 1,
        "layout": options.layout,
        "labels": dict(made.label_values),
        "counts": {part: made.count(part) for part in PARTS} | {"failed": len(made.failed)},
        "cases": [case.to_json() for case in made.cases],
    }
