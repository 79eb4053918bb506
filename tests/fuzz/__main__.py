"""The long run: `python -m tests.fuzz [COUNT] [KIND...]` breaks each kind of input COUNT times.

Each kind has a process of its own. Where one dies, or one mutant breaks the rule of law.py, the
status is 1.
"""

from __future__ import annotations

import dataclasses
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

ROOM_BYTES = 12 << 30
"""Address space of one kind's process: no mutant may take the machine down with it."""

COUNT = 10_000


def one(kind: str, count: int, seed: int, folder: Path) -> None:
    """Run one kind, and print its figures as JSON."""
    resource.setrlimit(resource.RLIMIT_AS, (ROOM_BYTES, ROOM_BYTES))
    from tests.fuzz.law import survive

    print(json.dumps(dataclasses.asdict(survive(kind, folder, count=count, seed=seed))))


def main(words: list[str]) -> int:
    """Run every kind, a line for each."""
    from tests.fuzz.targets import TARGETS

    count = int(words[0]) if words else COUNT
    kinds, seed = words[1:] or list(TARGETS), int(os.environ.get("HOUNSFIELD_FUZZ_SEED", "3"))
    kept = Path(tempfile.mkdtemp(prefix="hounsfield-fuzz-"))
    bad = 0
    print(
        "| kind | mutants | answers | refusals | breaches | seconds | worst s | worst MiB |\n"
        "|---|---|---|---|---|---|---|---|"
    )
    for kind in kinds:
        folder = kept / kind.replace(" ", "-")
        folder.mkdir()
        done = subprocess.run(
            [sys.executable, "-m", "tests.fuzz", "--one", kind, str(count), str(seed), str(folder)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "XDG_CONFIG_HOME": str(kept)},
        )
        if done.returncode:
            print(
                f"| {kind} | its process ended with {done.returncode}; "
                f"the last mutant lies in {folder} |",
                flush=True,
            )
            bad += 1
            continue
        found = json.loads(done.stdout)
        print(
            f"| {kind} | {found['mutants']} | {found['answers']} | {found['refusals']} | "
            f"{len(found['breaches'])} | {found['seconds']:.0f} | {found['worst_seconds']:.2f} | "
            f"{found['worst_bytes'] / (1 << 20):.0f} |",
            flush=True,
        )
        for breach in found["breaches"][:10]:
            print(f"  {breach}", flush=True)
        bad += bool(found["breaches"])
    print(f"mutants that break the law are kept in {kept}" if bad else "the law holds")
    return 1 if bad else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        one(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), Path(sys.argv[5]))
    else:
        sys.exit(main(sys.argv[1:]))
