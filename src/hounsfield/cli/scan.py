"""Read a scan as a Volume the way that verbs want it: by what the file says it is, or by what the user says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from hounsfield.cli.errors import about
from hounsfield.cli.reading import Reading
from hounsfield.cli.terminal import Terminal

if TYPE_CHECKING:
    from hounsfield.core.volume import Volume

QuantityWord = Literal["hu", "unit", "standardized", "display", "label", "mask", "other"]


def read_volume(
    terminal: Terminal, path: Path, *, reading: Reading, quantity: QuantityWord | None = None
) -> Volume:
    """The volume at `path`; without a `quantity` the one that the file says, or HU. Errors name the path.

    What was repaired or is in doubt is reported on stderr, notes with -v.
    """
    volume = load_volume(path, reading=reading, quantity=quantity)
    for diagnostic in volume.diagnostics:
        terminal.report(diagnostic, subject=str(path))
    return volume


def load_volume(path: Path, *, reading: Reading, quantity: QuantityWord | None = None) -> Volume:
    """The same without a word: for what was reported before."""
    from hounsfield.io.open import declared_quantity, read_volume

    with about(path):
        policy = reading.policy
        found = quantity or declared_quantity(path, series=reading.series, policy=policy) or "hu"
        return read_volume(path, series=reading.series, quantity=found, policy=policy)


def diagnostics_data(*volumes: Volume | None) -> list[dict[str, str]]:
    """The diagnostics of what was read, as plain data for --json."""
    return [
        each.to_json() for volume in volumes if volume is not None for each in volume.diagnostics
    ]
