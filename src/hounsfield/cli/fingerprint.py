"""`hounsfield fingerprint`: measure the intensities and spacings of a data set."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any, cast

from typer import Argument, Exit, Option

from hounsfield.cli.cohort import Making, RunOptions, make_cohort
from hounsfield.cli.errors import FAILED, about, check_local
from hounsfield.cli.terminal import Terminal, error_line

if TYPE_CHECKING:
    from hounsfield.core.spec import Quantity
    from hounsfield.dataset.fingerprint import ImageAndLabels

COLUMNS = ("mean", "std", "min", "percentile_00_5", "median", "percentile_99_5", "max")


def fingerprint(
    terminal: Terminal,
    run: RunOptions,
    making: Making,
    src: Annotated[
        list[str],
        Argument(
            help="CT with labels: files, folders, patterns or @list.txt; the output folder of a "
            "run; or a data set of nnU-Net."
        ),
    ],
    out: Annotated[
        Path | None, Option("--out", "-o", metavar="FILE", help="Write dataset_fingerprint.json.")
    ] = None,
) -> None:
    """Measure the HU of the labelled voxels and the spacings of a data set, as nnU-Net does.

    The file is nnU-Net's dataset_fingerprint.json; `--set pipeline.fingerprint=FILE` gives its
    numbers to a pipeline.
    """
    from hounsfield.dataset.fingerprint import measure
    from hounsfield.io.bytes.atomic import write_text

    check_local(out, what="the output")
    with (
        _cases(terminal, run, making, src) as (cases, failed),
        about(src[0]),
        terminal.progress("cases") as progress,
    ):
        found = measure(cases, progress=progress)
    if out is not None:
        with about(out):
            write_text(out, json.dumps(found, indent=2, allow_nan=False) + "\n")
    _print(terminal, found)
    if out is not None:
        terminal.say(f"wrote {out}: {len(cases)} cases")
    if failed:
        raise Exit(FAILED)


@contextmanager
def _cases(
    terminal: Terminal, run: RunOptions, making: Making, src: Sequence[str]
) -> Iterator[tuple[list[ImageAndLabels], bool]]:
    """Yield the files of the cases and whether some failed; scans are run to a temporary folder."""
    from hounsfield.dataset.fingerprint import ImageAndLabels, training_cases

    if len(src) == 1 and os.path.isdir(os.path.join(src[0], "imagesTr")):
        with about(src[0]):
            found = training_cases(Path(src[0]))
        yield found, False
        return
    with TemporaryDirectory(prefix="hounsfield-") as folder:
        cohort, _ = make_cohort(terminal, src, Path(folder) / "out", making, run)
        for missed in cohort.failed if cohort.is_run else ():
            error_line(f"{missed.typed}: {missed.message}")
        without = [case.id for case in cohort.cases if not case.labels]
        for case_id in without:
            error_line(f"{case_id}: no label; a fingerprint is of labelled cases")
        cases = [
            ImageAndLabels(
                image=case.image,
                labels=tuple(case.labels.values()),
                quantity=cast("Quantity", case.quantity),
            )
            for case in cohort.cases
            if case.labels
        ]
        yield cases, bool(without or cohort.failed or cohort.unreadable)


def _print(terminal: Terminal, found: dict[str, Any]) -> None:
    """Print the figures, as JSON on stdout with --json."""
    import numpy as np

    if terminal.json:
        terminal.data({"schema": 1, **found})
        return
    values = found["foreground_intensity_properties_per_channel"]["0"]
    terminal.table(COLUMNS, [[f"{values[name]:.6g}" for name in COLUMNS]], right=COLUMNS)
    spacing = " x ".join(f"{x:.4g}" for x in np.median(found["spacings"], axis=0)[::-1])
    terminal.say(f"{len(found['spacings'])} cases, median spacing {spacing} mm (i, j, k)")
