"""A table and lines as one page of HTML that asks for nothing else, in which every text is inert."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from hounsfield.cli.terminal import inert

STYLE = """body { font: 14px/1.4 system-ui, sans-serif; margin: 2em; color: #222; }
table { border-collapse: collapse; } th, td { text-align: left; padding: .3em .8em; border-bottom: 1px solid #ddd; }
th { background: #f2f2f2; } .refused { color: #a00; } .repairable, .doubtful { color: #850; } li { margin: .2em 0; }"""

POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""No script, no picture, no font, no frame, from nowhere: the style of the page itself is all there is."""


def page(
    *, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], lines: Sequence[str]
) -> str:
    """The page; the last column of a row is its class, too."""
    head = "".join(f"<th>{_text(name)}</th>" for name in columns)
    body = "".join(
        f'<tr class="{_text(row[-1])}">'
        + "".join(f"<td>{_text(cell)}</td>" for cell in row)
        + "</tr>\n"
        for row in rows
    )
    said = "".join(f"<li>{_text(line)}</li>\n" for line in lines)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n<title>{_text(title)}</title>\n'
        f"<style>{STYLE}</style></head>\n<body><h1>{_text(title)}</h1>\n"
        f"<table><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table>\n<ul>\n{said}</ul></body></html>\n"
    )


def _text(text: str) -> str:
    return escape(inert(text), quote=True)
