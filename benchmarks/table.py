"""The measurements as tables and a plot, put into benchmarks/README.md between its markers.

python benchmarks/table.py [FILE.json]      write them again from an earlier run
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from plot import plotted

HERE = Path(__file__).parent
BEGIN, END = "<!-- generated -->", "<!-- /generated -->"
Found = dict[str, Any]
PEERS = ("SimpleITK", "MONAI", "TorchIO", "tutorial")

ACCURACY = {
    "hounsfield": "linear",
    "hounsfield conservative": "conservative",
    "hounsfield auto": "auto",
    "SimpleITK": "SimpleITK linear",
    "scipy": "scipy order 1",
    "MONAI": "SimpleITK linear",
    "TorchIO": "SimpleITK linear",
    "tutorial": "scipy order 1",
    "nnU-Net": "scipy order 3",
}
"""The row of accuracy.md that each contender's interpolation is."""


def write(found: Found, folder: Path | None) -> None:
    """Print everything, and write it and the plot to the README.md of a folder if one is given."""
    text = "\n".join(parts(found))
    print(text)
    if folder is None:
        return
    readme = folder / "README.md"
    before, _, rest = readme.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    readme.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")
    (folder / "speed.svg").write_text(plotted(found), encoding="utf-8")


def parts(found: Found) -> Iterable[str]:
    """All of it, in order."""
    versions = ", ".join(f"{name} {number}" for name, number in found["versions"].items())
    yield (
        f"Measured {found['when']} UTC on {found['machine']}. "
        f"Load average {found['load_before']:.1f} before, {found['load_after']:.1f} after; "
        f"memory bandwidth {found['triad']['gb_per_s']:.1f} GB/s before, "
        f"{found['triad after']['gb_per_s']:.1f} after "
        f"(best of ten; median {found['triad']['median_gb_per_s']:.1f}). "
        f"With {versions}.\n"
    )
    yield "### What is held\n\n" + held(found)
    yield "### Recipe 2 in memory, head\n\n" + table(found["recipe2"], accuracy=True)
    yield "### Recipe 2 in memory, chest\n\n" + table(found["recipe2 chest"])
    yield "### Recipe 1: head mask, crop, pad, in memory, head\n\n" + table(found["masks"])
    for title, key in (
        ("Recipe 2, uncompressed DICOM folder to .npy, warm process", "npy"),
        ("The same as a whole process: `hounsfield run` against a script", "whole"),
        ("Recipe 2, .nii.gz to .nii.gz, warm process", "gz"),
        ("The same as a whole process", "whole gz"),
        ("DICOM folder to HU in memory", "load"),
        ("The same, JPEG-LS", "load jpeg-ls"),
        ("DICOM folder to .nii", "convert"),
    ):
        yield f"### {title}\n\n" + table(found[key])
    yield "### Growth: recipe 2 on more and more slices\n\n" + growth(found["growth"])
    for name, works in found["given"].items():
        for work, rows in works.items():
            yield f"### Given {name}: {work}\n\n" + table(rows)


def table(rows: dict[str, Found], *, accuracy: bool = False) -> str:
    """A row per contender."""
    ours = rows["hounsfield"].get("wall_s")
    errors = accuracies() if accuracy else {}
    head = [
        "",
        "wall ms",
        "least to most",
        "CPU ms",
        "times ours",
        "peak MB",
        "over start MB",
        "differs by at most",
    ]
    head += ["HU error, RMS"] if errors else []
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for name, row in rows.items():
        if "failed" in row:
            lines.append(f"| {name} | failed: {row['failed']} |" + " |" * (len(head) - 2))
            continue
        cells = [
            name,
            f"{row['wall_s'] * 1e3:.0f}",
            f"{row['least_s'] * 1e3:.0f} to {row['most_s'] * 1e3:.0f}",
            f"{row['cpu_s'] * 1e3:.0f}",
            f"{row['wall_s'] / ours:.1f}" if ours else "",
            f"{peak(row):.0f}",
            "" if row["children_mb"] > 1 else f"{row['over_mb']:.0f}",
            difference(row),
        ]
        lines.append(
            "| "
            + " | ".join(cells + ([errors.get(ACCURACY.get(name, ""), "")] if errors else []))
            + " |"
        )
    return "\n".join(lines) + "\n"


def peak(row: Found) -> float:
    """The highest resident memory of the process, or of the whole process that it started."""
    return float(row["children_mb"] if row["children_mb"] > 1 else row["peak_mb"])


def difference(row: Found) -> str:
    """How far the result lies from ours, and what is said about that."""
    if "dice_to_ours" in row:
        return f"Dice to ours {row['dice_to_ours']:.4f}"
    if "max_difference" not in row:
        return ""
    value = "another shape" if row["max_difference"] is None else f"{row['max_difference']:.1e}"
    return f"{value} ({row['remark']})" if row.get("remark") else value


def accuracies() -> dict[str, str]:
    """RMS error in HU, 0.488 -> 1 mm, averages to averages, per blur, of rows of accuracy.md."""
    path = HERE / "accuracy.md"
    if not path.exists():
        return {}
    section = path.read_text(encoding="utf-8").partition("### 0.488 -> 1 mm")[2].partition("###")[0]
    lines = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line] for line in lines]
    return {
        row[0]: "; ".join(pair.split(" / ")[0] for pair in row[1].split("; ")) for row in cells[1:]
    }


def ratio(rows: dict[str, Found], name: str, base: str = "hounsfield") -> float | None:
    """Wall time of a contender over ours."""
    if "failed" in rows[name] or "failed" in rows[base]:
        return None
    return float(rows[name]["wall_s"] / rows[base]["wall_s"])


def held(found: Found) -> str:
    """What the project promises of itself as ratios, and what was measured."""
    memory, gz, whole_gz = found["recipe2"], found["gz"], found["whole gz"]
    rows: list[tuple[str, str, str, bool | None]] = []

    def more(work: str, measured: float | None, least: float) -> None:
        rows.append(
            (
                work,
                f"at least {least:g}",
                "failed" if measured is None else f"{measured:.1f}",
                None if measured is None else measured >= least,
            )
        )

    def less(work: str, measured: float | None, most: float, unit: str = "") -> None:
        rows.append(
            (
                work,
                f"at most {most:g}{unit}",
                "failed" if measured is None else f"{measured:.2f}{unit}",
                None if measured is None else measured <= most,
            )
        )

    for name, least in (("SimpleITK", 8), ("MONAI", 60), ("TorchIO", 60), ("tutorial", 150)):
        more(f"recipe 2 in memory, linear: {name} over ours", ratio(memory, name), least)
    less("conservative over linear", ratio(memory, "hounsfield conservative"), 2)
    more("recipe 1, mask, crop, pad: tutorial over ours", ratio(found["masks"], "tutorial"), 60)
    more("the same: best of other libraries over ours", ratio(found["masks"], "OpenCV, cc3d"), 10)
    for name, least in (("SimpleITK", 7), ("MONAI", 30), ("TorchIO", 30)):
        more(
            f"recipe 2, DICOM folder to .npy, warm: {name} over ours",
            ratio(found["npy"], name),
            least,
        )
    for name, share in (("SimpleITK", 2.5), ("MONAI", 25)):
        more(
            f"`hounsfield run` as a whole process: {name}'s script over ours",
            ratio(found["whole"], name),
            share,
        )
    for name, share in (("SimpleITK", 2.5), ("MONAI", 8), ("TorchIO", 8)):
        more(f"recipe 2, .nii.gz to .nii.gz, warm: {name} over ours", ratio(gz, name), share)
    for label, files in (("warm", gz), ("whole process", whole_gz)):
        for name, share in (("SimpleITK", 1.0), ("MONAI", 0.25)):
            less(
                f"peak memory of that, {label}: ours over {name}'s",
                peak(files["hounsfield"]) / peak(files[name]),
                share,
            )
    grown = {int(n): row["hounsfield, .nii.gz to .nii.gz"] for n, row in found["growth"].items()}
    if 256 in grown and 1024 in grown:
        less(
            "its growth from 256 to 1024 slices, whole process",
            peak(grown[1024]) - peak(grown[256]),
            32,
            " MB",
        )
    limit = found["bytes"] / found["triad"]["gb_per_s"] / 1e9
    less(
        f"recipe 2 in memory over bytes moved / bandwidth ({limit * 1e3:.1f} ms)",
        memory["hounsfield"]["wall_s"] / limit,
        2.5,
    )
    lines = ["| | wanted | measured | held |", "|---|---|---|---|"]
    lines += [
        f"| {work} | {wanted} | {value} | {'yes' if kept else 'no'} |"
        for work, wanted, value, kept in rows
    ]
    return "\n".join(lines) + "\n"


def growth(rows: dict[str, dict[str, Found]]) -> str:
    """Time and peak memory by the number of slices."""
    names = list(next(iter(rows.values())))
    lines = [
        "| slices | " + " | ".join(f"{name}: ms; peak MB" for name in names) + " |",
        "|---" * (len(names) + 1) + "|",
    ]
    for slices, row in rows.items():
        cells = [
            "failed" if "failed" in found else f"{found['wall_s'] * 1e3:.0f}; {peak(found):.0f}"
            for found in (row[name] for name in names)
        ]
        lines.append(f"| {slices} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    write(
        json.loads(
            Path(sys.argv[1] if len(sys.argv) > 1 else HERE / ".kept/latest.json").read_text()
        ),
        HERE,
    )
