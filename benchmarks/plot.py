"""One plot: how long each contender takes for each work, on a logarithmic axis, as SVG."""

from __future__ import annotations

from math import log10
from typing import Any

WORKS = {
    "recipe2": "recipe 2 in memory",
    "masks": "mask, crop, pad",
    "npy": "DICOM folder to .npy",
    "whole": "the same, whole process",
    "gz": ".nii.gz to .nii.gz",
    "load": "DICOM folder to HU",
}
COLOURS = {
    "hounsfield": "#0b6e4f",
    "hounsfield conservative": "#57b894",
    "SimpleITK": "#1f6fb4",
    "MONAI": "#d9822b",
    "TorchIO": "#b04fb0",
    "tutorial": "#b3242a",
    "scipy": "#8a8a8a",
    "nnU-Net": "#5a4632",
    "OpenCV, cc3d": "#444444",
    "pydicom": "#e8a5a8",
    "dicom-numpy": "#c9c9c9",
}
LEFT, WIDTH, ROW, TOP = 180, 620, 46, 60
FIRST, LAST = 0.01, 100.0


def plotted(found: dict[str, Any]) -> str:
    """Rows of dots, ours large; every dot has its name and milliseconds as a title."""
    bottom = TOP + ROW * len(WORKS)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" '
        f'width="{LEFT + WIDTH + 40}" height="{bottom + 74}" '
        'font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="{LEFT}" y="24" font-size="15">'
        "Wall time, 512 x 512 x 300, median (left is faster)</text>",
    ]
    for tick, label in ((0.01, "10 ms"), (0.1, "100 ms"), (1, "1 s"), (10, "10 s"), (100, "100 s")):
        lines.append(
            f'<path d="M{_x(tick):.0f} {TOP - 16}V{bottom - 10}" stroke="#ddd"/>'
            f'<text x="{_x(tick):.0f}" y="{TOP - 20}" text-anchor="middle" fill="#666">'
            f"{label}</text>"
        )
    for number, (key, label) in enumerate(WORKS.items()):
        y = TOP + 14 + ROW * number
        lines.append(
            f'<text x="{LEFT - 12}" y="{y + 4}" text-anchor="end">{label}</text>'
            f'<path d="M{LEFT} {y}H{LEFT + WIDTH}" stroke="#eee"/>'
        )
        for name, row in found.get(key, {}).items():
            if name in COLOURS and "wall_s" in row:
                radius = 8 if name == "hounsfield" else 6
                lines.append(
                    f'<circle cx="{_x(row["wall_s"]):.1f}" cy="{y}" r="{radius}" '
                    f'fill="{COLOURS[name]}" fill-opacity="0.85">'
                    f"<title>{name}: {row['wall_s'] * 1e3:.0f} ms</title></circle>"
                )
    shown = [name for name in COLOURS if any(name in found.get(key, {}) for key in WORKS)]
    for number, name in enumerate(shown):
        x, y = LEFT + 155 * (number % 4), bottom + 14 + 20 * (number // 4)
        lines.append(
            f'<circle cx="{x}" cy="{y}" r="6" fill="{COLOURS[name]}"/>'
            f'<text x="{x + 12}" y="{y + 4}">{name}</text>'
        )
    return "\n".join([*lines, "</svg>"]) + "\n"


def _x(seconds: float) -> float:
    share = (log10(min(max(seconds, FIRST), LAST)) - log10(FIRST)) / (log10(LAST) - log10(FIRST))
    return LEFT + share * WIDTH
