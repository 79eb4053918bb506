"""`hounsfield diff`: compare two runs case by case."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Exit

from hounsfield.cli.errors import FAILED, about
from hounsfield.cli.terminal import Terminal

if TYPE_CHECKING:
    from hounsfield.dataset.diff import CaseDifference, PartDifference

COLUMNS = ("case", "part", "grid", "max", "mean", "rms", "differs", "dice", "record")
"""The columns of the table; values are in the unit of the image, HU for CT."""


def diff(
    terminal: Terminal,
    out1: Annotated[Path, Argument(readable=False, help="Output folder of a run.")],
    out2: Annotated[Path, Argument(readable=False, help="Output folder of another run.")],
) -> None:
    """Compare two runs: cases, grids, values, Dice of labels and masks, and records.

    Formats may differ: values are compared. The exit status is 1 if a result differs; records with
    other versions or steps are listed, and are no difference where the voxels are the same.
    """
    found = _differences(terminal, out1, out2)
    counts = {"same": 0, "different": 0, "only_in_first": 0, "only_in_second": 0}
    counts |= Counter(_kind(each) for each in found)
    listed = [each for each in found if not each.is_same or each.record or terminal.verbose]
    if terminal.json:
        cases = [each.to_json() for each in listed]
        terminal.data({"schema": 1, "counts": counts, "cases": cases})
    elif listed:
        rows = [row for each in listed for row in _rows(each)]
        numbers = ("max", "mean", "rms", "differs", "dice")
        terminal.table(COLUMNS, rows, right=numbers, spare=("record", "rms", "mean"))
    terminal.say(
        f"{counts['same']} same, {counts['different']} different, {counts['only_in_first']} only "
        f"in {out1}, {counts['only_in_second']} only in {out2}"
    )
    if counts["same"] != len(found):
        raise Exit(FAILED)


def _differences(terminal: Terminal, out1: Path, out2: Path) -> list[CaseDifference]:
    from hounsfield.dataset.diff import differences, statuses

    for path in (out1, out2):
        with about(path):
            statuses(path)
    found = []
    with terminal.progress("cases") as progress:
        for total, each in differences(out1, out2):
            found.append(each)
            progress(len(found), total, each.id)
    return found


def _kind(found: CaseDifference) -> str:
    if found.only_in is not None:
        return f"only_in_{found.only_in}"
    return "same" if found.is_same else "different"


def _rows(found: CaseDifference) -> Iterator[list[str]]:
    """Yield a row for each part that differs, or one for the case."""
    record = "; ".join(f"{name}: {one} and {two}" for name, (one, two) in found.record.items())
    parts = [part for part in found.parts if not part.is_same]
    for part in parts:
        yield [found.id, part.name, *_cells(part), record]
    if not parts:
        yield [found.id, "", _note(found), "", "", "", "", "", record]


def _note(found: CaseDifference) -> str:
    if found.only_in is not None:
        return f"only in the {found.only_in}"
    if found.error or found.status[0] != found.status[1]:
        return found.error or f"{found.status[0]} and {found.status[1]}"
    return "same"


def _cells(part: PartDifference) -> list[str]:
    """Return the cells of a part: its grid, its values, the lowest Dice."""
    only = f"only in the {part.only_in}" if part.only_in is not None else ""
    grid = only or part.error or "; ".join(part.grid) or "same"
    dice = f"{min(part.dice.values()):.4f}" if part.dice else ""
    if not part.values:
        return [grid, "", "", "", "", dice]
    values = part.values
    numbers = [f"{values[name]:.4g}" for name in ("max_abs", "mean_abs", "rms")]
    return [grid, *numbers, f"{values['share_different']:.4%}", dice]
