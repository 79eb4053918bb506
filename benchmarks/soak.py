"""Kill a run at random moments and resume it, until its outputs are those of an undisturbed run.

    python benchmarks/soak.py [--cases 200] [--kills 50] [--seed 0] [--folder FOLDER]

Its figures are in design/isolation.md. `tests/dataset/test_soak.py` runs a short one.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

import hounsfield as hu
from hounsfield.phantom import Faults, grid_about, head, write_series
from hounsfield.testing.engines import contents

PIPELINE = "isotropic-mip"

BROKEN = 10
"""One case of so many is broken, and must be refused by its code in every run."""

AFFINE = np.diag([-1.5, -1.25, 3.0, 1.0])


def make_cases(folder: Path, *, count: int, seed: int = 0) -> None:
    """Write scans of mixed sizes and formats, one of ten broken, into `folder`."""
    folder.mkdir(parents=True)
    numbers = random.Random(seed)
    for n in range(count):
        name = f"case{n:03d}"
        if n % BROKEN == BROKEN - 1:
            (folder / f"{name}.nii.gz").write_bytes(b"\x1f\x8b broken")
        elif n % BROKEN == 4:
            _series(folder / name, seed=n)
        else:
            size = numbers.choice([24, 40, 64])
            values = np.random.default_rng(n).integers(-1000, 1500, (size, size, size // 2))
            volume = hu.Volume.from_array(values.astype(np.int16), affine=AFFINE)
            hu.write(volume, folder / f"{name}.{numbers.choice(['nii.gz', 'nrrd', 'nii'])}")


def _series(folder: Path, *, seed: int) -> None:
    grid = grid_about((0, -14, 10), shape=(40, 40, 8), spacing_mm=(6, 6, 8))
    syntax = ("jpeg-2000", "jpeg-ls")[seed % 2]
    write_series(head(grid, seed=seed), folder, faults=Faults(syntax=syntax))


@dataclass(slots=True, kw_only=True)
class Figures:
    """What a soak has found; the last four must be 0."""

    cases: int
    kills: dict[str, int] = field(default_factory=dict)
    ended_before_the_kill: int = 0
    seconds_straight: float = 0.0
    seconds_in_all: float = 0.0
    resumed_at_once: int = 0
    other_files: int = 0
    partial_files: int = 0
    other_statuses: int = 0
    processes_left: int = 0

    @property
    def is_clean(self) -> bool:
        """Whether nothing was lost, changed or left."""
        return not (
            self.other_files or self.partial_files or self.other_statuses or self.processes_left
        )


def soak(folder: Path, *, cases: int, kills: int, seed: int = 0) -> Figures:
    """Kill a run of `cases` cases `kills` times in `folder`, resume it, and compare."""
    begun = time.monotonic()
    numbers, found = random.Random(seed), Figures(cases=cases)
    make_cases(folder / "in", count=cases, seed=seed)
    clock = time.monotonic()
    _wait(_start(folder, "straight"))
    found.seconds_straight = time.monotonic() - clock
    truth = contents(folder / "straight"), statuses(folder / "straight")
    ways = (kill_parent, kill_worker, stop_worker_and_kill_parent)
    counts: Counter[str] = Counter()
    rounds = 0
    while sum(counts.values()) < kills:
        process = _start(folder, f"out{rounds}")
        time.sleep(numbers.uniform(0.1, found.seconds_straight))
        way = numbers.choice(ways)
        if process.poll() is not None:
            found.ended_before_the_kill += 1
            _check(folder, f"out{rounds}", truth, found)
            rounds += 1
            continue
        counts[way.__name__] += way(process, numbers)
        process.communicate() if way is kill_worker else process.wait()
        found.resumed_at_once += 1
    _wait(_start(folder, f"out{rounds}"))
    _check(folder, f"out{rounds}", truth, found)
    found.kills, found.seconds_in_all = dict(counts), time.monotonic() - begun
    return found


def _start(folder: Path, name: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "hounsfield", "run", PIPELINE, str(folder / "in"), "-q"]
    more = {"XDG_CONFIG_HOME": str(folder / "config"), "XDG_STATE_HOME": str(folder / "state")}
    return subprocess.Popen(
        [*command, "-j", "2", "-o", str(folder / name), "--no-linkage"],
        env={**os.environ, **more},
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _wait(process: subprocess.Popen[bytes]) -> None:
    """Wait for a run that must end by itself: with failed cases, and no other error."""
    if process.wait() != 1:
        raise RuntimeError(f"the run ended with status {process.returncode}, expected 1")


def kill_parent(process: subprocess.Popen[bytes], numbers: random.Random) -> int:
    """Kill the run's process alone; its workers must end by themselves."""
    process.kill()
    return 1


def kill_worker(process: subprocess.Popen[bytes], numbers: random.Random) -> int:
    """Kill one worker, if there is one by now; the run goes on by itself."""
    workers = workers_of(process.pid)
    if not workers:
        return 0
    os.kill(numbers.choice(workers), signal.SIGKILL)
    return 1


def stop_worker_and_kill_parent(process: subprocess.Popen[bytes], numbers: random.Random) -> int:
    """Stop one worker, then kill the run's process: the worker must not stay."""
    workers = workers_of(process.pid)
    if workers:
        os.kill(numbers.choice(workers), signal.SIGSTOP)
    process.kill()
    return 1


def workers_of(process: int) -> list[int]:
    """The workers of a run, from /proc."""
    try:
        listed = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii")
        found = [int(word) for word in listed.split()]
        lines = {each: Path(f"/proc/{each}/cmdline").read_bytes() for each in found}
    except OSError:
        return []
    return [each for each in found if b"multiprocessing-fork" in lines[each]]


def _check(
    folder: Path,
    name: str,
    truth: tuple[dict[str, bytes], dict[str, tuple[str, str]]],
    found: Figures,
) -> None:
    """Compare the outputs with those of the undisturbed run, and remove them."""
    out = folder / name
    files, known = contents(out), truth[0]
    names = set(files) | set(known)
    found.other_files += sum(files.get(each) != known.get(each) for each in names)
    left = [*out.glob("cases/.*"), *out.glob(".*")]
    found.partial_files += len(left)
    found.other_statuses += statuses(out) != truth[1]
    found.processes_left += len(_processes(out))
    shutil.rmtree(out)


def statuses(out: Path) -> dict[str, tuple[str, str]]:
    """The status and code of each case in the manifest of a run."""
    connection = sqlite3.connect(f"file:{out / 'manifest.db'}?mode=ro", uri=True)
    try:
        rows = connection.execute("SELECT id, status, code FROM cases").fetchall()
    finally:
        connection.close()
    return {name: (status, code) for name, status, code in rows}


def _processes(out: Path) -> list[str]:
    """The processes that have the lock of a run or name its folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if str(out).encode() in path.read_bytes() and path.parent.name != str(os.getpid()):
                found.append(path.parent.name)
        except OSError:
            continue
    return found


def main() -> int:
    """Run a soak and print its figures as JSON; the status is 1 if it is not clean."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="a new folder (default: a temporary one)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        found = soak(folder, cases=given.cases, kills=given.kills, seed=given.seed)
    print(json.dumps({**asdict(found), "is_clean": found.is_clean}, indent=2))
    return 0 if found.is_clean else 1


if __name__ == "__main__":
    sys.exit(main())
