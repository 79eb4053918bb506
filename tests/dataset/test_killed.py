"""A killed run leaves no partial final file, and the resumed run gives the same bytes."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import hounsfield as hu
from hounsfield.io.bytes.checksum import file_sha256
from hounsfield.pipeline.record import Record
from tests.dataset.conftest import noisy, run_over
from tests.dataset.test_run import content

KILLS = int(os.environ.get("HOUNSFIELD_KILLS", "6"))
"""How often a run is killed; the figure in design/checks.md is of a longer series."""


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_a_run_that_is_killed_leaves_no_partial_file_and_resumes_to_the_same_bytes(
    workers: int, tmp_path: Path
) -> None:
    scans = tmp_path / "many"
    scans.mkdir()
    for seed in range(6):
        hu.write(noisy(seed, shape=(60, 60, 40)), scans / f"case{seed}.nii.gz")
    run_over(scans, tmp_path / "straight", pipeline=hu.preset("isotropic-mip"))
    truth = content(tmp_path / "straight")
    command = [
        sys.executable,
        "-m",
        "hounsfield",
        "run",
        "isotropic-mip",
        str(scans),
        "-q",
        "--workers",
        str(workers),
    ]
    moments = random.Random(workers)
    for kill in range(KILLS):
        out = tmp_path / f"out{kill % 2}"
        process = subprocess.Popen([*command, "-o", str(out)], start_new_session=True)
        time.sleep(moments.uniform(0.2, 1.5))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for record in (out / "cases").glob("[!.]*/record.json"):
            for name, digest in Record.load(record).outputs.items():
                assert file_sha256(record.parent / name) == digest
        for folder in (out / "cases").glob("[!.]*"):
            assert (folder / "record.json").is_file()
    for kill in range(min(KILLS, 2)):
        assert (
            run_over(scans, tmp_path / f"out{kill}", pipeline=hu.preset("isotropic-mip")).count(
                "failed"
            )
            == 0
        )
        assert content(tmp_path / f"out{kill}") == truth
