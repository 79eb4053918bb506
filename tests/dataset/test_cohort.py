"""A cohort of mixed cases, one in ten broken: all good ones are done, all bad ones explained."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from pathlib import Path

import numpy as np
import psutil
import pytest

import hounsfield as hu
from hounsfield.core.errors import HounsfieldWarning
from hounsfield.dataset.request import RunRequest, find_cases, prepare
from tests.factory import cohort

BUDGET_BYTES = 2 << 30
"""The memory of all processes together."""

OPEN_FILES = 256


class Watch:
    """The largest memory and the most open files of this process and its children, sampled."""

    def __init__(self) -> None:
        self.bytes, self.files = 0, 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._stop.is_set():
            used = 0
            for each in [psutil.Process(), *psutil.Process().children(recursive=True)]:
                try:
                    used += each.memory_info().rss
                    self.files = max(self.files, each.num_fds())
                except psutil.Error:
                    continue
            self.bytes = max(self.bytes, used)
            time.sleep(0.05)


@pytest.mark.slow
def test_all_good_cases_are_done_and_all_bad_ones_explained(tmp_path: Path) -> None:
    made = cohort(tmp_path, int(os.environ.get("HOUNSFIELD_COHORT", "40")))
    with Watch() as watch, pytest.warns(HounsfieldWarning):
        summary = hu.run(
            "isotropic-mip",
            [str(each.path) for each in made],
            tmp_path / "out",
            ids="stem",
            workers=2,
            memory="1G",
            linkage=False,
        )
    found = {case.id: case for case in summary.cases}
    assert set(found) == {each.path.name.partition(".")[0] for each in made}
    for each in made:
        case = found[each.path.name.partition(".")[0]]
        assert case.status == ("failed" if each.code else "done"), (case, each)
        assert case.code in each.code.split("|")
        assert bool(case.message) == bool(each.code)
    assert watch.bytes < BUDGET_BYTES
    assert watch.files < OPEN_FILES


@pytest.mark.slow
@pytest.mark.long
def test_a_thousand_cases_need_no_more_memory_and_files_than_a_hundred(tmp_path: Path) -> None:
    scan = tmp_path / "scan.nii"
    values = np.random.default_rng(0).integers(-1000, 1000, (12, 12, 6)).astype(np.int16)
    hu.write(hu.Volume.from_array(values, affine=np.diag([-2.0, -2.0, 5.0, 1.0])), scan)
    for n in range(1000):
        os.link(scan, tmp_path / f"case{n:04d}.nii")
    scan.unlink()
    steps = hu.Pipeline([hu.Reorient(to="RAS"), hu.Clip(low_hu=-100, high_hu=100)])
    process, after = psutil.Process(), []

    def sample(result: object) -> None:
        after.append((process.memory_info().rss, process.num_fds()))

    summary = hu.run(
        steps, str(tmp_path / "*.nii"), tmp_path / "out", workers=1, linkage=False, progress=sample
    )
    assert Counter(case.status for case in summary.cases) == {"done": 1000}
    assert max(files for _, files in after) < OPEN_FILES
    early, late = (max(used for used, _ in part) for part in (after[50:150], after[-100:]))
    assert late - early < 20 << 20  # results of 900 cases take 10 KB each


@pytest.mark.slow
def test_a_plan_tells_the_grids_and_the_refusals_before_a_voxel_is_read(tmp_path: Path) -> None:
    made = cohort(tmp_path, 20)
    request = RunRequest(
        pipeline=hu.preset("isotropic-mip"),
        sources=tuple(str(each.path) for each in made),
        out=tmp_path / "out",
        ids="stem",
    )
    config, plan = prepare(request, find_cases(request))
    by_id = {each.id: each for each in plan.cases}
    for each in made:
        found = by_id[each.path.name.partition(".")[0]]
        if each.code == "GAP":
            assert found.code == "GAP"
        if not each.code:
            assert found.code == ""
            assert np.allclose(found.output_spacing_mm, 1)
    assert config.memory_bytes == plan.memory_bytes
    assert plan.workers >= 1
    assert plan.refused["GAP"] == 1


def test_no_more_workers_are_started_than_memory_allows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = cohort(tmp_path, 4)
    monkeypatch.setattr("hounsfield.dataset.plan_cases.thread_count", lambda: 8)
    monkeypatch.setattr("hounsfield.dataset.plan_cases.WORTH_SECONDS", 0.0)
    steps = hu.Pipeline([hu.Resample(spacing_mm=1.0), hu.BodyMask()])
    request = RunRequest(
        pipeline=steps, sources=tuple(str(each.path) for each in made), out=tmp_path / "out"
    )
    found = find_cases(request)
    _, rich = prepare(request, found)
    assert rich.workers == 4
    free = int(2.5 * rich.peak_bytes / 0.8)
    monkeypatch.setattr("hounsfield.dataset.plan_cases.free_memory_bytes", lambda: free)
    _, poor = prepare(request, found)
    assert poor.workers == 2
    assert poor.memory_bytes == int(free * 0.8) // 2
