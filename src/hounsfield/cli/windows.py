"""`hounsfield windows`: list the named windows and clips."""

from __future__ import annotations

from hounsfield.cli.terminal import Terminal
from hounsfield.core.windows import CLIPS, WINDOWS


def windows(terminal: Terminal) -> None:
    """List every window (center and width in HU) and clip (lowest and highest HU) by name."""
    if terminal.json:
        terminal.data(
            {
                "schema": 1,
                "windows": {
                    name: {"center_hu": c, "width_hu": w} for name, (c, w) in WINDOWS.items()
                },
                "clips": {
                    name: {"low_hu": low, "high_hu": high} for name, (low, high) in CLIPS.items()
                },
            }
        )
        return
    terminal.table(
        ("window", "center", "width", "range HU"),
        [
            (name, f"{c:g}", f"{w:g}", f"{c - w / 2:g} to {c + w / 2:g}")
            for name, (c, w) in WINDOWS.items()
        ],
        right=("center", "width"),
    )
    terminal.text("")
    terminal.table(
        ("clip", "lowest", "highest"),
        [(name, f"{low:g}", f"{high:g}") for name, (low, high) in CLIPS.items()],
        right=("lowest", "highest"),
    )
