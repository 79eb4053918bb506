"""HOUNSFIELD_THREADS bounds the threads of reading and of a run, and changes no byte."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hounsfield as hu
from hounsfield.dataset.case import CaseSource
from hounsfield.dataset.run_case import run_case
from hounsfield.dataset.run_config import RunConfig
from hounsfield.pipeline.stream import stream
from hounsfield.testing import NumpySampler
from hounsfield.testing.engines import contents

STEPS = hu.Pipeline([hu.Reorient(to="RAS"), hu.Resample(spacing_mm=(4, 4, 5)), hu.Slab(slices=2)])


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A compressed series of a head."""
    from hounsfield.phantom import Faults, grid_about, head, write_series

    folder = tmp_path_factory.mktemp("scan")
    phantom = head(grid_about((0, -14, 10), shape=(48, 48, 12), spacing_mm=(5, 5, 6)), noise_hu=0)
    write_series(phantom, folder, faults=Faults(syntax="jpeg-2000"))
    return folder


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the threads that are started."""
    names: list[str] = []
    real = threading.Thread.start

    def start(thread: threading.Thread) -> None:
        names.append(thread.name)
        real(thread)

    monkeypatch.setattr(threading.Thread, "start", start)
    return names


class CountingSampler(NumpySampler):
    """A sampler that notes how many threads it may use."""

    def __init__(self) -> None:
        self.threads: list[int] = []

    def sample(self, source: np.ndarray, **call: Any) -> None:
        self.threads.append(call["threads"])
        super().sample(source, **call)


@pytest.mark.parametrize("threads", [1, 2])
def test_reading_and_running_start_no_more_threads_than_they_may(
    threads: int, series: Path, started: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOUNSFIELD_THREADS", str(threads))
    hu.read(series)
    assert min(1, threads - 1) <= len(started) <= (0 if threads == 1 else threads)
    started.clear()
    sampler = CountingSampler()
    made = STEPS.run(hu.open(series), sampler=sampler).volume
    assert min(1, threads - 1) <= len(started) <= (0 if threads == 1 else threads)
    assert sampler.threads == [threads]
    assert np.allclose(made.array, STEPS.run(hu.open(series)).volume.array, atol=2e-3)


def test_a_pass_of_several_slabs_starts_one_thread_that_decodes_ahead(
    series: Path, started: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOUNSFIELD_THREADS", "1")
    passes = stream(STEPS, hu.open(series), slab_bytes=1 << 13)
    assert passes is not None
    assert len(list(passes.slabs())) > 2
    assert len(started) == 1


def test_one_thread_and_two_give_the_same_bytes(
    series: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for threads in ("1", "2"):
        monkeypatch.setenv("HOUNSFIELD_THREADS", threads)
        run = RunConfig(pipeline=STEPS, out=tmp_path / threads)
        assert run_case(run, CaseSource(id="case", path=series)).status == "done"
    assert contents(tmp_path / "1") == contents(tmp_path / "2")
