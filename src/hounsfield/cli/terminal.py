"""What a verb says and where: answers on stdout, words and progress on stderr."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from typer import Option

COMMON = "Common"
"""The heading of the options that every verb has."""

PIPED_WIDTH = 10_000
"""A table that goes to a file or a pipe is as wide as it is; nothing is cut or wrapped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminal:
    """The options that every verb has, and the two streams."""

    json: Annotated[bool, Option("--json", help="Answer as JSON on stdout.", rich_help_panel=COMMON)] = False
    quiet: Annotated[bool, Option("--quiet", "-q", help="Say only what went wrong.", rich_help_panel=COMMON)] = False
    verbose: Annotated[bool, Option("--verbose", "-v", help="Say more.", rich_help_panel=COMMON)] = False
    traceback: Annotated[bool, Option("--traceback", help="Show where an error came from.",
                                      rich_help_panel=COMMON)] = False

    def data(self, value: Mapping[str, Any]) -> None:
        """Print the answer as JSON."""
        sys.stdout.write(json.dumps(value, indent=2, allow_nan=False) + "\n")

    def text(self, text: str) -> None:
        """Print the answer as text."""
        sys.stdout.write(text if text.endswith("\n") else text + "\n")

    def say(self, text: str) -> None:
        """Words about what is done; not with -q."""
        if not self.quiet:
            sys.stderr.write(inert(text) + "\n")

    def detail(self, text: str) -> None:
        """Words for -v."""
        if self.verbose and not self.quiet:
            sys.stderr.write(inert(text) + "\n")

    def warn(self, text: str) -> None:
        """What is in doubt; said with -q too."""
        sys.stderr.write(f"{_colored('warning:', '33')} {inert(text)}\n")

    def trace(self, text: str) -> None:
        """Where an error came from, for --traceback."""
        sys.stderr.write("\n".join(inert(line) for line in text.splitlines()) + "\n")

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[str] = ()) -> None:
        """Print the answer as a table; the columns named in `right` are aligned to the right."""
        from rich import box
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
        for name in columns:
            table.add_column(Text(name), justify="right" if name in right else "left", overflow="fold")
        for row in rows:
            table.add_row(*(Text(inert(cell)) for cell in row))
        Console(file=sys.stdout, width=None if sys.stdout.isatty() else PIPED_WIDTH, highlight=False).print(table)


def inert(text: str) -> str:
    """Text in which every character that a terminal might obey (escapes, controls, direction marks) is a '?'.

    >>> inert("head\\x1b[31m")
    'head?[31m'
    """
    return "".join(letter if letter.isprintable() or letter == "\n" else "?" for letter in text)


def error_line(text: str) -> None:
    """Write the one line that ends a verb."""
    line = inert(text).replace("\n", " ")
    sys.stderr.write(f"{_colored('error:', '31')} {line}\n")


def _colored(text: str, code: str) -> str:
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or not sys.stderr.isatty()
    return text if plain else f"\x1b[{code}m{text}\x1b[0m"
