"""Display values as one short line, and as an HTML table with escaped text."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape

from hounsfield.core.grid import Grid
from hounsfield.core.spec import Spec

Row = tuple[str, str]


def times(values: Iterable[float]) -> str:
    """Return sizes or lengths with three digits.

    >>> times([0.78125, 0.78125, 1.0])
    '0.781 x 0.781 x 1'
    """
    return " x ".join(
        f"{value:.0f}" if 100 <= abs(value) < 1e6 else f"{value:.3g}" for value in values
    )


def counted(count: int, noun: str) -> str:
    """Return a count and its noun.

    >>> counted(1, "mask"), counted(2, "mask"), counted(0, "mask")
    ('1 mask', '2 masks', 'no masks')
    """
    return f"{count or 'no'} {noun}" + ("" if count == 1 else "s")


def grid_text(grid: Grid) -> str:
    """Return shape, orientation and spacing on one line."""
    return f"{times(grid.shape)}, {grid.orientation}, {times(grid.spacing_mm)} mm"


def spec_text(spec: Spec) -> str:
    """Return quantity, dtype, grid and the number of channels on one line."""
    channels = f", {counted(len(spec.channels), 'channel')}" if spec.channels else ""
    return f"{spec.quantity}, {spec.dtype}, {grid_text(spec.grid)}{channels}"


def grid_rows(grid: Grid) -> list[Row]:
    """Return the rows of a table that describe a grid."""
    return [
        ("shape (i, j, k)", times(grid.shape)),
        ("spacing", f"{times(grid.spacing_mm)} mm"),
        ("orientation", grid.orientation),
    ]


def spec_rows(spec: Spec) -> list[Row]:
    """Return the rows of a table that describe a Spec."""
    rows = [("quantity", spec.quantity), ("dtype", str(spec.dtype)), *grid_rows(spec.grid)]
    if spec.channels:
        rows.append(("channels", str(len(spec.channels))))
    return [*rows, ("background", f"{spec.background:g}")]


def escaped(text: str) -> str:
    """Return text that is safe between tags and in attributes; control characters become '?'.

    >>> escaped("<b>")
    '&lt;b&gt;'
    """
    return escape("".join(letter if letter.isprintable() else "?" for letter in text), quote=True)


def html_table(
    rows: Sequence[Sequence[str]], *, head: Sequence[str] = (), classes: Sequence[str] = ()
) -> str:
    """Return a table of escaped texts; `classes` are the CSS classes of its rows."""
    names = list(classes) or [""] * len(rows)
    body = "".join(_row(row, "td", name) for row, name in zip(rows, names, strict=True))
    titles = f"<thead>{_row(head, 'th', '')}</thead>\n" if head else ""
    return f"<table>{titles}<tbody>{body}</tbody></table>\n"


def html_value(name: str, rows: Sequence[Row], *, png: bytes = b"") -> str:
    """Return a value as HTML for a notebook: its class, a table of its properties, a picture."""
    picture = ""
    if png:
        data = base64.b64encode(png).decode("ascii")
        picture = f'<img alt="{escaped(name)}" src="data:image/png;base64,{data}">\n'
    return f"<div><strong>{escaped(name)}</strong>\n{html_table(rows)}{picture}</div>"


def _row(cells: Sequence[str], tag: str, name: str) -> str:
    attribute = f' class="{escaped(name)}"' if name else ""
    return (
        f"<tr{attribute}>"
        + "".join(f"<{tag}>{escaped(cell)}</{tag}>" for cell in cells)
        + "</tr>\n"
    )
