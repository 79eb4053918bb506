"""One measurement in one fresh process: `python child.py KIND CONTENDER REPEATS SPEC` prints JSON.

Memory: resident size before the first run (imports and the prepared input), and its peak during
that run. Then REPEATS timed runs, wall and CPU (all threads, and children that were waited for).
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

LONG_S = 5.0
"""Runs that take longer are repeated three times."""


def memory_kb(key: str) -> int:
    """VmRSS or VmHWM of this process, kB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(key)))


def cpu_s() -> float:
    """User and system time of this process and of children that have ended."""
    both = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    return sum(used.ru_utime + used.ru_stime for used in both)


def measured(
    work: Callable[[], Any], *, repeats: int, out: Path | None = None
) -> tuple[dict[str, float], Any]:
    """Run once for memory and the result, then time the repeats.

    What was written to `out` is removed before each run, untimed: replacing a file takes time.
    """
    before = memory_kb("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    start = time.perf_counter()
    result = work()
    first = time.perf_counter() - start
    peak = memory_kb("VmHWM")
    walls, cpus = [], []
    for _ in range(min(repeats, 3) if first > LONG_S else repeats):
        if out is not None:
            removed(out)
        wall, cpu = time.perf_counter(), cpu_s()
        work()
        walls.append(time.perf_counter() - wall)
        cpus.append(cpu_s() - cpu)
    children_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return {
        "wall_s": statistics.median(walls),
        "least_s": min(walls),
        "most_s": max(walls),
        "first_s": first,
        "cpu_s": statistics.median(cpus),
        "runs": len(walls),
        "before_mb": before / 1024,
        "peak_mb": peak / 1024,
        "over_mb": (peak - before) / 1024,
        "children_mb": children_mb,
    }, result


def removed(out: Path) -> None:
    """No file or folder whose name begins as `out`'s is left."""
    for path in out.parent.glob(f"{out.name.split('.')[0]}*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def triad() -> dict[str, float]:
    """Memory bandwidth in GB/s: c = a + b on arrays much larger than the caches, on all processors.

    Counts three arrays, as McCalpin's STREAM does, and takes the best of ten runs.
    """
    from concurrent.futures import ThreadPoolExecutor

    import numpy as np

    count, threads = 64 << 20, len(os.sched_getaffinity(0))
    a, b, c = (np.ones(count, np.float32) for _ in range(3))
    parts = [slice(n * count // threads, (n + 1) * count // threads) for n in range(threads)]
    rates = []
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(10):
            start = time.perf_counter()
            list(pool.map(lambda part: np.add(a[part], b[part], out=c[part]), parts))
            rates.append(3 * a.nbytes / (time.perf_counter() - start) / 1e9)
    return {"gb_per_s": max(rates), "median_gb_per_s": statistics.median(rates)}


def main(kind: str, name: str, repeats: int, spec: dict[str, str]) -> None:
    """Prepare, measure, keep the result where `spec['result']` says, print."""
    import numpy as np

    warnings.simplefilter("ignore")
    if kind == "recipe2":
        from recipe2 import CONTENDERS

        contender = CONTENDERS[name]
        given = contender.prepare(np.load(spec["array"]), np.load(spec["affine"]))
        found, result = measured(lambda: contender.run(given), repeats=repeats)
        if "result" in spec:
            np.save(spec["result"], result)
    elif kind == "masks":
        import masks

        import hounsfield as hu

        image = hu.Volume.from_array(np.load(spec["array"]), affine=np.load(spec["affine"]))
        way = {
            "hounsfield": masks.ours,
            "OpenCV, cc3d": masks.best_of_others,
            "tutorial": masks.tutorial,
        }[name]
        found, result = measured(lambda: way(image), repeats=repeats)
        np.save(spec["result"], result[0])
    elif kind == "triad":
        found = triad()
    else:
        from files import CONTENDERS as FILES

        out = Path(spec["out"])

        found, _ = measured(
            lambda: FILES[kind][name](Path(spec["source"]), out), repeats=repeats, out=out
        )
    print(json.dumps(found))


if __name__ == "__main__":
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), json.loads(sys.argv[4]))
