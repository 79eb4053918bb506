"""Kill a run at random moments and resume it, until its outputs are those of an undisturbed run.

    python -m tests.soak [--cases 200] [--kills 50] [--seed 0] [--folder FOLDER]

Its cases are those of tests/factory.py, from a CSV with their labels. Its figures are in
design/isolation.md. `tests/dataset/test_soak.py` runs a short one.
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

from hounsfield.testing.engines import contents
from tests.factory import Made, cohort, table

PIPELINE = "isotropic-mip"

KILLS_PER_RUN = 6
"""About so many kills fall into the seconds of an undisturbed run."""


@dataclass(slots=True, kw_only=True)
class Figures:
    """What a soak has found; the last five must be 0."""

    cases: int
    kills: dict[str, int] = field(default_factory=dict)
    ended_before_the_kill: int = 0
    seconds_straight: float = 0.0
    seconds_in_all: float = 0.0
    resumed_at_once: int = 0
    other_files: int = 0
    partial_files: int = 0
    other_statuses: int = 0
    wrong_statuses: int = 0
    processes_left: int = 0

    @property
    def is_clean(self) -> bool:
        """Whether nothing was lost, changed or left."""
        return not any(
            (
                self.other_files,
                self.partial_files,
                self.other_statuses,
                self.wrong_statuses,
                self.processes_left,
            )
        )


def soak(folder: Path, *, cases: int, kills: int, seed: int = 0) -> Figures:
    """Kill a run of `cases` cases `kills` times in `folder`, resume it, and compare."""
    begun = time.monotonic()
    numbers, found = random.Random(seed), Figures(cases=cases)
    made = cohort(folder / "in", cases, seed=seed)
    table(made, folder / "in" / "cases.csv")
    clock = time.monotonic()
    _wait(_start(folder, "straight"))
    found.seconds_straight = time.monotonic() - clock
    truth = contents(folder / "straight"), statuses(folder / "straight")
    found.wrong_statuses = wrong(truth[1], made)
    ways = (kill_parent, kill_worker, stop_worker_and_kill_parent)
    counts: Counter[str] = Counter()
    rounds = 0
    while sum(counts.values()) < kills:
        process = _start(folder, f"out{rounds}")
        time.sleep(numbers.uniform(0.1, 2 * found.seconds_straight / KILLS_PER_RUN))
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
    command = [
        sys.executable,
        "-m",
        "hounsfield",
        "run",
        PIPELINE,
        str(folder / "in" / "cases.csv"),
        "-q",
    ]
    more = {"XDG_CONFIG_HOME": str(folder / "config"), "XDG_STATE_HOME": str(folder / "state")}
    return subprocess.Popen(
        [*command, "-j", "2", "-o", str(folder / name), "--no-linkage", "--ids", "stem"],
        env={**os.environ, **more},
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def wrong(found: dict[str, tuple[str, str]], made: tuple[Made, ...]) -> int:
    """How many cases are not as the factory made them: done, or failed with the code it names."""
    count = abs(len(found) - len(made))
    for each in made:
        status, code = found.get(each.path.name.partition(".")[0], ("", ""))
        count += status != ("failed" if each.code else "done") or code not in each.code.split("|")
    return count


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
    others = sorted(each for each in names if files.get(each) != known.get(each))
    found.other_files += len(others)
    for each in others:
        print(f"{each} differs: {_change(known.get(each), files.get(each))}", file=sys.stderr)
    left = [*out.glob("cases/.*"), *out.glob(".*")]
    found.partial_files += len(left)
    found.other_statuses += statuses(out) != truth[1]
    found.processes_left += len(_processes(out))
    shutil.rmtree(out)


def _change(known: bytes | None, now: bytes | None) -> str:
    """Return what differs in a file: the keys of a record, or the sizes."""
    if known is None or now is None:
        return "it is missing" if now is None else "it is new"
    if known[:1] != b"{":
        return f"{len(known)} and {len(now)} bytes"
    one, two = json.loads(known), json.loads(now)
    return "; ".join(
        f"{key}: {one[key]} / {two.get(key)}" for key in one if one[key] != two.get(key)
    )


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
