"""Draw docs/pictures/rooms.svg: the rooms of the package and what imports what, from the imports.

    python docs/make_rooms.py

Only direct dependencies that no path through another room implies are drawn (the transitive
reduction); every import, those inside functions included, is counted.
"""

from __future__ import annotations

import ast
import tomllib
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "hounsfield"
TARGET = ROOT / "docs" / "pictures" / "rooms.svg"

BOX_WIDTH, BOX_HEIGHT, GAP, ROW = 158, 46, 18, 92
MARGIN, TITLE_HEIGHT = 24, 34
NOTES = {
    "hounsfield.testing": "tests for plug-ins",
    "hounsfield.cli": "one file a verb",
    "hounsfield.dataset": "many cases",
    "hounsfield.pipeline": "plan, fuse, run, record",
    "hounsfield.io": "files to volumes and back",
    "hounsfield.picture": "planes, montage",
    "hounsfield.phantom": "a head of known truth",
    "hounsfield.steps": "plan, apply, resolve",
    "hounsfield.resampling": "tables, the one pass",
    "hounsfield.kernels": "arrays in, arrays out; C++",
    "hounsfield.core": "Grid, Spec, Stack, Volume",
    "hounsfield.io.read_labels": "labels on an image's grid",
    "hounsfield.io.write": "a volume to a file",
    "hounsfield.io.open": "a Stack or a Volume",
    "hounsfield.io.source_files": "sha256 of a source",
    "hounsfield.io.write_slabs": "slab by slab",
    "hounsfield.io.interop": "nibabel, SimpleITK",
    "hounsfield.io.formats": "the registry",
    "hounsfield.io.base": "protocols of a format",
    "hounsfield.io.dicom": "see the right panel",
    "hounsfield.io.nifti": "NIfTI-1, NIfTI-2",
    "hounsfield.io.nrrd": "NRRD",
    "hounsfield.io.metaimage": "MetaImage",
    "hounsfield.io.npy": "npy with a sidecar",
    "hounsfield.io.png": "slices",
    "hounsfield.io.report": "Report, Inspection",
    "hounsfield.io.values": "affine, dtype, plausibility",
    "hounsfield.io.bytes": "gzip, atomic, checksum",
    "hounsfield.io.dicom.files": "sources of bytes",
    "hounsfield.io.dicom.header": "bytes to frames",
    "hounsfield.io.dicom.pixels": "decoding, padding",
    "hounsfield.io.dicom.series": "group, order, validate",
    "hounsfield.io.dicom.read": "a Stack",
    "hounsfield.io.dicom.report": "for inspect",
    "hounsfield.io.dicom.write": "derived CT series",
    "hounsfield.io.dicom.seg": "DICOM SEG",
    "hounsfield.io.dicom.rtstruct": "contours",
    "hounsfield.io.dicom.labels": "label objects",
    "hounsfield.io.dicom.derived": "source, rescale, UIDs",
    "hounsfield.io.dicom.tags": "attribute numbers",
}

Rows = list[list[str]]
Edges = set[tuple[str, str]]


def layers(container: str) -> Rows:
    """The rows of rooms of one container, top first, as import-linter's contract has them."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    for contract in config["tool"]["importlinter"]["contracts"]:
        if contract.get("containers") == [container]:
            return [[name.strip() for name in row.split("|")] for row in contract["layers"]]
    raise SystemExit(f"no contract of layers for {container} in pyproject.toml")


def edges(container: str, rooms: set[str]) -> Edges:
    """Which room imports which, below `container`."""
    prefix = container.split(".")
    folder = SOURCE.joinpath(*prefix[1:])
    found: Edges = set()
    for path in folder.rglob("*.py"):
        own = path.relative_to(folder).with_suffix("").parts[0]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.ImportFrom) or not node.module:
                continue
            for name in node.names:
                parts = [*node.module.split("."), name.name]
                if parts[: len(prefix)] == prefix and len(parts) > len(prefix):
                    other = parts[len(prefix)]
                    if own in rooms and other in rooms and own != other:
                        found.add((own, other))
    return found


def reduced(pairs: Edges) -> Edges:
    """The transitive reduction: pairs that no longer path implies."""

    def reachable(start: str, goal: str, skipped: tuple[str, str]) -> bool:
        waiting, done = [start], set()
        while waiting:
            here = waiting.pop()
            for a, b in pairs:
                if a == here and (a, b) != skipped and b not in done:
                    if b == goal:
                        return True
                    done.add(b)
                    waiting.append(b)
        return False

    return {pair for pair in pairs if not reachable(pair[0], pair[1], pair)}


def panel(title: str, container: str, rows: Rows, left: float) -> tuple[list[str], float, float]:
    """The SVG of one container, its width and its height."""
    rooms = {room for row in rows for room in row}
    width = max(len(row) for row in rows) * (BOX_WIDTH + GAP) - GAP
    centers = {}
    for n, row in enumerate(rows):
        start = left + (width - (len(row) * (BOX_WIDTH + GAP) - GAP)) / 2
        for m, room in enumerate(row):
            x = start + m * (BOX_WIDTH + GAP) + BOX_WIDTH / 2
            centers[room] = (x, MARGIN + TITLE_HEIGHT + n * ROW + BOX_HEIGHT / 2)
    parts = [f'<text class="title" x="{left}" y="{MARGIN + 14}">{escape(title)}</text>']
    for above, below in sorted(reduced(edges(container, rooms))):
        (x1, y1), (x2, y2) = centers[above], centers[below]
        y1, y2 = y1 + BOX_HEIGHT / 2, y2 - BOX_HEIGHT / 2 - 4
        bend = (y2 - y1) / 2
        curve = f"M{x1:g} {y1:g} C{x1:g} {y1 + bend:g} {x2:g} {y2 - bend:g} {x2:g} {y2:g}"
        parts.append(f'<path class="edge" marker-end="url(#head)" d="{curve}"/>')
    for room, (x, y) in centers.items():
        parts.append(
            f'<rect x="{x - BOX_WIDTH / 2:g}" y="{y - BOX_HEIGHT / 2:g}" width="{BOX_WIDTH}" '
            f'height="{BOX_HEIGHT}" rx="5"/><text x="{x:g}" y="{y - 3:g}">{escape(room)}</text>'
            f'<text class="note" x="{x:g}" y="{y + 13:g}">'
            f"{escape(NOTES.get(f'{container}.{room}', ''))}</text>"
        )
    return parts, width, TITLE_HEIGHT + len(rows) * ROW


STYLE = (
    "text{font:600 13px sans-serif;text-anchor:middle;fill:#1d2733}"
    ".note{font:11px sans-serif;fill:#52606d}"
    ".title{font:600 15px sans-serif;text-anchor:start}"
    "rect{fill:#f3f6f9;stroke:#8795a1}.edge{fill:none;stroke:#a5b1bd;stroke-width:1.3}"
    "marker path{fill:#a5b1bd}.sheet{fill:#fff;stroke:none}"
)


def draw() -> str:
    """The whole picture."""
    hidden = {"__main__"}
    parts: list[str] = []
    left, height = float(MARGIN), 0.0
    panels = (
        ("hounsfield", "hounsfield"),
        ("hounsfield.io", "hounsfield.io"),
        ("hounsfield.io.dicom", "hounsfield.io.dicom"),
    )
    for title, container in panels:
        rows = [[room for room in row if room not in hidden] for row in layers(container)]
        drawn, width, tall = panel(title, container, [row for row in rows if row], left)
        parts += drawn
        left, height = left + width + 3 * GAP, max(height, tall)
    total = left - 3 * GAP + MARGIN
    head = (
        '<marker id="head" viewBox="0 0 6 6" refX="3" refY="3" markerWidth="6" markerHeight="6" '
        'orient="auto"><path d="M0 0 6 3 0 6z"/></marker>'
    )
    size = f'viewBox="0 0 {total:g} {height + MARGIN:g}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" '
        f'aria-label="The packages of hounsfield; an arrow leads to what a package imports">'
        f'<style>{STYLE}</style><defs>{head}</defs><rect class="sheet" width="100%" height="100%"/>'
        + "".join(parts)
        + "</svg>\n"
    )


if __name__ == "__main__":
    TARGET.write_text(draw(), encoding="utf-8")
