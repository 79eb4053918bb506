"""Every measurement in one run, each in a fresh process: `make bench [SRC=folder]`, or

    python benchmarks/bench.py [--small] [SRC ...]

Leaves benchmarks/.kept/latest.json, and writes the tables and the plot of benchmarks/README.md.
`--small` runs everything on 128 x 128 x 40 and writes neither.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from data import GROWTH, KEPT, Scan, chest, grown, head, jpeg_ls
from recipe2 import CONTENDERS, result_on_tutorials_grid

HERE = Path(__file__).parent
REPEATS = 5
OUT = KEPT / "out"
Found = dict[str, Any]


def child(kind: str, name: str, **spec: Path | str) -> Found:
    """One measurement; a contender that fails says why in 'failed'."""
    text = json.dumps({key: str(value) for key, value in spec.items()})
    command = [sys.executable, str(HERE / "child.py"), kind, name, str(REPEATS), text]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"ended with {done.returncode}"])[-1]
        found: Found = {"failed": last[:160]}
    else:
        found = json.loads(done.stdout.strip().splitlines()[-1])
    say = found.get("failed") or ", ".join(f"{key} {value:.3g}" for key, value in found.items())
    print(f"{time.strftime('%H:%M:%S')} {kind} | {name}: {say}", flush=True)
    return found


def in_memory(scan: Scan, names: list[str]) -> dict[str, Found]:
    """Recipe 2 in memory, each result compared with ours."""
    rows = {}
    OUT.mkdir(exist_ok=True)
    ours = OUT / "recipe2-hounsfield.npy"
    for name in names:
        result = OUT / f"recipe2-{name}.npy"
        rows[name] = child(
            "recipe2", name, array=scan.npy, affine=scan.npy.with_name("affine.npy"), result=result
        )
        if "failed" not in rows[name]:
            wanted = (
                result_on_tutorials_grid(scan.array, scan.affine)
                if name == "tutorial"
                else np.load(ours)
            )
            rows[name] |= compared(np.load(result), wanted)
            rows[name]["tolerance"] = CONTENDERS[name].tolerance
            rows[name]["remark"] = CONTENDERS[name].remark
    return rows


def compared(values: np.ndarray, wanted: np.ndarray) -> Found:
    """The largest and the mean difference, of 0..1; None where the shapes differ."""
    if values.shape != wanted.shape:
        return {"max_difference": None, "mean_difference": None}
    off = np.abs(values.astype(np.float32) - wanted)
    return {
        "max_difference": float(off.max()),
        "mean_difference": float(off.mean(dtype=np.float64)),
    }


def of_files(
    kind: str, source: Path, *, suffix: str = "", names: list[str] | None = None
) -> dict[str, Found]:
    """Work on files; results are compared where they are files that all read alike."""
    from files import CONTENDERS as WORKS

    rows: dict[str, Found] = {}
    wanted = None
    for name in names or list(WORKS[kind]):
        out = OUT / f"{kind.replace(' ', '-')}-{name}{suffix}"
        rows[name] = child(kind, name, source=source, out=out)
        values = None if "failed" in rows[name] else written(out)
        if values is not None and wanted is not None:
            rows[name] |= compared(values, wanted)
        wanted = values if name == "hounsfield" else wanted
    return rows


def written(path: Path) -> np.ndarray | None:
    """What a contender wrote, in RAS."""
    if not path.is_file():
        return None
    if path.suffix == ".npy":
        values: np.ndarray = np.load(path)
        return values
    import nibabel

    return np.asarray(nibabel.as_closest_canonical(nibabel.load(path)).get_fdata(dtype=np.float32))


def masks(scan: Scan) -> dict[str, Found]:
    """Recipe 1's mask, crop and pad, with each mask's Dice to ours."""
    rows = {}
    ours = None
    for name in ("hounsfield", "OpenCV, cc3d", "tutorial"):
        result = OUT / f"masks-{name.split(',')[0]}.npy"
        rows[name] = child(
            "masks", name, array=scan.npy, affine=scan.npy.with_name("affine.npy"), result=result
        )
        if "failed" in rows[name]:
            continue
        mask = np.load(result) > 0
        ours = mask if ours is None else ours
        sizes = np.count_nonzero(mask) + np.count_nonzero(ours)
        rows[name]["dice_to_ours"] = float(2 * np.count_nonzero(mask & ours) / sizes)
    return rows


def growth(sizes: tuple[int, ...], side: int) -> dict[str, dict[str, Found]]:
    """The same work on more and more slices: in memory, and from file to file."""
    rows: dict[str, dict[str, Found]] = {}
    for slices in sizes:
        scan = grown(slices, side=side)
        row = {
            "in memory": child(
                "recipe2", "hounsfield", array=scan.npy, affine=scan.npy.with_name("affine.npy")
            )
        }
        files = of_files(
            "whole gz", scan.nifti, suffix=".nii.gz", names=["hounsfield", "SimpleITK"]
        )
        rows[str(slices)] = row | {
            f"{name}, .nii.gz to .nii.gz": found for name, found in files.items()
        }
        shutil.rmtree(OUT, ignore_errors=True)
        OUT.mkdir()
    return rows


def given(path: Path) -> dict[str, dict[str, Found]]:
    """Recipe 2 on a real folder or file, to .npy or .nii.gz, and reading it."""
    names = ["hounsfield", "SimpleITK", "MONAI", "TorchIO"]
    if path.is_file():
        return {"recipe 2 to .nii.gz": of_files("gz", path, suffix=".nii.gz", names=names)}
    return {
        "recipe 2 to .npy": of_files("npy", path, suffix=".npy", names=names),
        "read": of_files("load", path),
        "to .nii": of_files("convert", path),
    }


def machine() -> str:
    """The processor, how many of them, memory, Python and numpy; no name of the machine."""
    cpu = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    memory = int(Path("/proc/meminfo").read_text().split()[1]) / 2**20
    processors = len(os.sched_getaffinity(0))
    return (
        f"{cpu}, {processors} processors, {memory:.0f} GB, "
        f"Linux {platform.release().split('-')[0]}, "
        f"Python {platform.python_version()}, numpy {np.__version__}"
    )


def versions() -> dict[str, str]:
    """Of everything that was measured."""
    from importlib.metadata import version

    names = (
        "hounsfield",
        "SimpleITK",
        "scipy",
        "monai",
        "torchio",
        "torch",
        "scikit-image",
        "opencv-python-headless",
        "connected-components-3d",
        "nibabel",
        "pydicom",
        "dicom2nifti",
        "dicom-numpy",
        "dcm2niix",
    )
    return {name: version(name) for name in names}


def load_average() -> float:
    """How busy the machine was over the last minute."""
    return float(Path("/proc/loadavg").read_text().split()[0])


def main(sources: list[Path], *, small: bool) -> None:
    """Run everything."""
    scans = (head(40, side=128), chest(40, side=128)) if small else (head(), chest())
    first, second = scans
    found: Found = {
        "machine": machine(),
        "versions": versions(),
        "when": datetime.now(UTC).strftime("%Y-%m-%d %H:%M"),
        "load_before": load_average(),
        "triad": child("triad", "-"),
    }
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    found["recipe2"] = in_memory(first, list(CONTENDERS))
    found["bytes"] = sum(
        np.load(path, mmap_mode="r").nbytes for path in (first.npy, OUT / "recipe2-hounsfield.npy")
    )
    fewer = ["hounsfield", "hounsfield conservative", "SimpleITK", "MONAI", "TorchIO"]
    found["recipe2 chest"] = in_memory(second, fewer)
    found["masks"] = masks(first)
    found["npy"] = of_files("npy", first.dicom, suffix=".npy")
    found["whole"] = of_files("whole", first.dicom, suffix=".npy")
    found["gz"] = of_files("gz", first.nifti, suffix=".nii.gz")
    found["whole gz"] = of_files("whole gz", first.nifti, suffix=".nii.gz")
    found["load"] = of_files("load", first.dicom)
    found["load jpeg-ls"] = of_files("load", jpeg_ls(first.slices, side=first.side))
    found["convert"] = of_files("convert", first.dicom)
    found["growth"] = growth((16, 32) if small else GROWTH, first.side)
    found["given"] = {f"folder {n}": given(path) for n, path in enumerate(sources, 1)}
    found["triad after"], found["load_after"] = child("triad", "-"), load_average()
    shutil.rmtree(OUT, ignore_errors=True)
    name = "small.json" if small else "latest.json"
    (KEPT / name).write_text(json.dumps(found, indent=1))
    from table import write

    write(found, None if small else HERE)


if __name__ == "__main__":
    arguments = [text for text in sys.argv[1:] if text != "--small"]
    main([Path(text) for text in arguments], small="--small" in sys.argv)
