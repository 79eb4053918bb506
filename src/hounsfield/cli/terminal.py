"""Output of the verbs: results on stdout, messages and progress on stderr."""

from __future__ import annotations

import json
import os
import re
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Annotated, Any, Protocol, TextIO

from typer import Option

from hounsfield.core.diagnostic import Diagnostic, without_secrets

if TYPE_CHECKING:
    from rich.table import Table


class Progress(Protocol):
    """A function of what is done, of how much in all, and of a note."""

    def __call__(self, done: int, total: int, note: str = "") -> None: ...


COMMON = "Common"
"""The heading of the options of every verb in the help."""

PIPED_WIDTH = 10_000
"""Width of a table in a file or a pipe: nothing is cut or wrapped."""

SHOWN_AFTER_SECONDS = 1.0
"""A shorter task shows no progress bar."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminal:
    """The options of every verb, and output to the two streams."""

    json: Annotated[
        bool, Option("--json", help="Print the result as JSON on stdout.", rich_help_panel=COMMON)
    ] = False
    quiet: Annotated[
        bool,
        Option("--quiet", "-q", help="Print only warnings and errors.", rich_help_panel=COMMON),
    ] = False
    verbose: Annotated[
        bool, Option("--verbose", "-v", help="Print more details.", rich_help_panel=COMMON)
    ] = False
    traceback: Annotated[
        bool, Option("--traceback", help="Print the traceback of an error.", rich_help_panel=COMMON)
    ] = False

    def data(self, value: Mapping[str, Any]) -> None:
        """Print the result as JSON."""
        sys.stdout.write(json.dumps(value, indent=2, allow_nan=False) + "\n")

    def event(self, name: str, value: Mapping[str, Any]) -> None:
        """Print an event as one line of JSON, at once."""
        data = {"event": name, **value}
        sys.stdout.write(json.dumps(data, allow_nan=False) + "\n")
        sys.stdout.flush()

    def text(self, text: str) -> None:
        """Print the result as text."""
        sys.stdout.write(text if text.endswith("\n") else text + "\n")

    def say(self, text: str) -> None:
        """Print a message; not with -q."""
        if not self.quiet:
            sys.stderr.write(as_options(one_line(text)) + "\n")

    def detail(self, text: str) -> None:
        """Print a detail; with -v only."""
        if self.verbose and not self.quiet:
            sys.stderr.write(one_line(text) + "\n")

    def warn(self, text: str) -> None:
        """Print a warning; with -q too."""
        sys.stderr.write(f"{_colored('warning:', '33')} {as_options(one_line(text))}\n")

    def report(self, diagnostic: Diagnostic, *, subject: str) -> None:
        """Print a diagnostic of `subject`: a repair not with -q, a note with -v only."""
        text = f"{subject}: {diagnostic}"
        if diagnostic.severity == "note":
            self.detail(f"note: {text}")
        elif diagnostic.severity == "repair":
            self.say(f"repair: {text}")
        else:
            self.warn(text)

    def report_all(self, diagnostics: Iterable[Diagnostic], *, subject: str) -> None:
        """Print the diagnostics of `subject` in order."""
        for diagnostic in diagnostics:
            self.report(diagnostic, subject=subject)

    def trace(self, text: str) -> None:
        """Print a traceback."""
        sys.stderr.write("\n".join(inert(line) for line in text.splitlines()) + "\n")

    def table(
        self,
        columns: Sequence[str],
        rows: Sequence[Sequence[str]],
        *,
        right: Sequence[str] = (),
        spare: Sequence[str] = (),
        stream: TextIO | None = None,
    ) -> None:
        """Print the result as a table; columns in `right` are aligned to the right.

        `stream` is where a table that is not the result goes (None: stdout). On a narrow screen
        columns in `spare` are dropped one by one; a file gets all of them.
        """
        from rich.console import Console

        stream = sys.stdout if stream is None else stream
        is_screen = stream.isatty()
        console = Console(
            file=stream, width=None if is_screen else PIPED_WIDTH, highlight=False, soft_wrap=False
        )
        shown = list(columns)
        left_out = list(spare)
        table = _table(columns, rows, shown=shown, right=right)
        unbounded = console.options.update(width=PIPED_WIDTH)
        while left_out and console.measure(table, options=unbounded).maximum > console.width:
            shown.remove(left_out.pop(0))
            table = _table(columns, rows, shown=shown, right=right)
        with console.capture() as captured:
            console.print(table)
        stream.write(
            "\n".join(line.rstrip() for line in captured.get().rstrip("\n").split("\n")) + "\n"
        )

    @property
    def is_live(self) -> bool:
        """Whether a progress bar is shown: on a terminal, for a person."""
        return not (self.quiet or self.json) and sys.stderr.isatty()

    @contextmanager
    def progress(self, label: str) -> Iterator[Progress]:
        """Show a progress bar on stderr after a second; yields the function that moves it."""
        if not self.is_live:
            yield lambda done, total, note="": None
            return
        bar = _Bar(label)
        with bar:
            yield bar.update


class _Bar:
    """A progress bar that appears after a second and disappears at the end."""

    def __init__(self, label: str) -> None:
        self._label, self._done, self._total, self._note = label, 0, 0, ""
        self._timer = threading.Timer(SHOWN_AFTER_SECONDS, self._show)
        self._timer.daemon = True
        self._lock = threading.Lock()
        self._shown: Any = None
        self._task: Any = None
        self._over = False

    def __enter__(self) -> _Bar:
        self._timer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        with self._lock:
            self._over = True
            if self._shown is not None:
                self._shown.stop()

    def update(self, done: int, total: int, note: str = "") -> None:
        self._done, self._total, self._note = done, total, note
        if self._shown is not None:
            self._shown.update(self._task, completed=done, total=total or None, note=note)

    def _show(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as RichProgress

        with self._lock:
            if self._over:
                return
            shown = RichProgress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TextColumn("{task.fields[note]}", markup=False),
                console=Console(file=sys.stderr),
                transient=True,
            )
            self._task = shown.add_task(
                self._label, completed=self._done, total=self._total or None, note=self._note
            )
            shown.start()
            self._shown = shown


def _table(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    shown: Sequence[str],
    right: Sequence[str],
) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    for name in shown:
        table.add_column(Text(name), justify="right" if name in right else "left", overflow="fold")
    for row in rows:
        table.add_row(
            *(
                Text(one_line(cell))
                for name, cell in zip(columns, row, strict=True)
                if name in shown
            )
        )
    return table


def inert(text: str) -> str:
    """Replace every character that a terminal might interpret (escape, control, direction) by '?'.

    Passwords in URLs are left out.

    >>> inert("head\\x1b[31m")
    'head?[31m'
    """
    shown = without_secrets(text)
    return "".join(letter if letter.isprintable() or letter == "\n" else "?" for letter in shown)


def one_line(text: str) -> str:
    """Return inert text in which a line break is '?' too, so that no name forges a line.

    >>> one_line("a\\nerror: b")
    'a?error: b'
    """
    return inert(text).replace("\n", "?")


_KEYWORD = re.compile(
    r"\b(series|gaps|uneven|tilt|padding|assume|assume_affine|quantity)=(?:'([^']+)'|(\d+))"
)


_options: list[frozenset[str]] = []
"""The options of the verb that runs, as keywords; empty before a verb is known."""


def set_options(keywords: Iterable[str]) -> None:
    """Set the options of the verb that runs, so that no message advises one that it lacks."""
    _options[:] = [frozenset(keywords)]


def as_options(text: str) -> str:
    """Replace the keywords in a message of the library by the options of the command line.

    A keyword that is no option of the verb is for Python.

    >>> as_options("use gaps='fill' to interpolate")
    'use --gaps fill to interpolate'
    >>> as_options("choose one with series=0")
    'choose one with --series 0'
    """
    return _KEYWORD.sub(_as_option, text.replace("format= one of", "--format with one of"))


def _as_option(found: re.Match[str]) -> str:
    if _options and found[1] not in _options[0]:
        return f"{found[0]} in Python"
    return f"--{found[1].replace('_', '-')} {found[2] or found[3]}"


def error_line(text: str) -> None:
    """Print the error that ends a verb, on one line."""
    line = as_options(inert(text)).replace("\n", " ")
    sys.stderr.write(f"{_colored('error:', '31')} {line}\n")


def _colored(text: str, code: str) -> str:
    plain = (
        os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or not sys.stderr.isatty()
    )
    return text if plain else f"\x1b[{code}m{text}\x1b[0m"
