"""What a run prints about labels and points of all cases before it starts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from hounsfield.cli.terminal import Terminal
from hounsfield.core.display import counted

if TYPE_CHECKING:
    from hounsfield.dataset.discover import Discovery
    from hounsfield.dataset.label_map.table import LabelTable

HEAD = ("label", "cases", "several regions", "missing", "unknown", "required")

SHOWN_REGIONS = 20
"""Names of regions that are listed without -v."""


def print_findings(terminal: Terminal, found: Discovery) -> None:
    """Print the table of labels, the regions that are left out, and the warnings."""
    if found.label_table is not None:
        for line in table_lines(found.label_table, all_regions=terminal.verbose):
            terminal.say(line)
    for each in found.findings:
        names = f": {each.file_names}" if each.files else ""
        terminal.warn(f"{each.message}{names} [{each.code}]")


def table_lines(table: LabelTable, *, all_regions: bool) -> Iterator[str]:
    """Yield the lines of the table; regions are called as in their files."""
    rows: list[tuple[str, ...]] = [HEAD]
    for row in table.rows:
        counts = (row.cases, row.joined, row.missing, row.unknown)
        rows.append((row.name, *map(str, counts), "yes" if row.required else ""))
    yield from _aligned(rows)
    yield from _matched_lines(table, all_regions=all_regions)
    shown = table.unmatched if all_regions else table.unmatched[:SHOWN_REGIONS]
    for text, count in shown:
        yield f"no label for region '{text}' ({count})"
    more = len(table.unmatched) - len(shown)
    if more:
        yield f"no label for {more} more names of regions; -v lists them"
    for text, names, count in table.ambiguous:
        yield f"region '{text}' ({count}) matches {' and '.join(names)}: its cases are refused"
    if table.unread:
        cases = counted(table.unread, "case")
        yield f"{cases} with label files whose values are known only when they are read"
    if table.unreadable:
        yield f"{counted(table.unreadable, 'case')} with label files that cannot be read"


def _matched_lines(table: LabelTable, *, all_regions: bool) -> Iterator[str]:
    """Yield a line for each label with the names of its regions, the most frequent first."""
    for row in table.rows:
        of = [(text, count) for name, text, count in table.matched if name == row.name]
        of.sort(key=lambda item: -item[1])
        shown = of if all_regions else of[:SHOWN_REGIONS]
        more = f" and {len(of) - len(shown)} more" if len(of) > len(shown) else ""
        if shown:
            texts = ", ".join(f"'{text}' ({count})" for text, count in shown)
            yield f"label {row.name}: {texts}{more}"


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for name, *counts, last in rows:
        cells = [text.rjust(width) for text, width in zip(counts, widths[1:], strict=False)]
        yield "  ".join([name.ljust(widths[0]), *cells, last]).rstrip()
