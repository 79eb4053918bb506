"""The engine of a Dask cluster, on real clusters: one of this machine, and a scheduler apart."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from hounsfield.dataset.engines.base import Engine
from hounsfield.dataset.engines.local import LocalEngine
from hounsfield.dataset.run import run_dataset
from hounsfield.dataset.run_config import RunConfig
from hounsfield.testing import EngineTests
from hounsfield.testing.engines import PIPELINE, config, contents, scans

pytest.importorskip("distributed", reason="distributed is not installed: the extra 'dask'")

from hounsfield.dataset.engines.dask import DaskEngine

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::ResourceWarning")]


class TestDask(EngineTests):
    def engine(self) -> Engine:
        return DaskEngine(workers=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class OnceConfig(RunConfig):
    """A run whose case 'scan2' kills the process that runs it, the first time."""

    def folder(self, case_id: str) -> Path:
        mark = self.out / "killed"
        if case_id == "scan2" and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return RunConfig.folder(self, case_id)


def test_a_worker_killed_midway_loses_and_doubles_no_case(tmp_path: Path) -> None:
    cases = scans(tmp_path, count=8)
    plain = run_dataset(config(tmp_path / "plain"), cases, engine=LocalEngine(workers=1))
    out = tmp_path / "dask"
    results = []
    summary = run_dataset(
        OnceConfig(pipeline=PIPELINE, out=out),
        cases,
        engine=DaskEngine(workers=2),
        report=results.append,
    )
    assert (out / "killed").exists()
    assert sorted(each.id for each in results) == [case.id for case in cases]
    assert summary.counts["done"] == plain.counts["done"] == 8
    assert contents(out) == contents(tmp_path / "plain")


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowConfig(RunConfig):
    """A run whose case 'scan1' takes a minute in any process but this one."""

    parent: int = 0

    def folder(self, case_id: str) -> Path:
        if case_id == "scan1" and os.getpid() != self.parent:
            time.sleep(60)
        return RunConfig.folder(self, case_id)


def test_a_case_over_its_time_limit_fails_with_that_reason(tmp_path: Path) -> None:
    cases = scans(tmp_path, count=2)
    engine = DaskEngine(workers=1, timeout_seconds=1.0)
    slow = SlowConfig(pipeline=PIPELINE, out=tmp_path / "out", parent=os.getpid())
    summary = run_dataset(slow, cases, engine=engine)
    assert [(each.status, each.code) for each in summary.cases] == [
        ("done", ""),
        ("failed", "TIMEOUT"),
    ]


@contextmanager
def scheduler() -> Iterator[str]:
    """The address of a scheduler with one worker of two threads, in processes of their own."""
    import distributed

    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=2, dashboard_address="127.0.0.1:0", host="127.0.0.1"
    ) as cluster:
        yield str(cluster.scheduler_address)


def test_a_scheduler_elsewhere_outlives_the_run(tmp_path: Path) -> None:
    cases = scans(tmp_path, count=3)
    run_dataset(config(tmp_path / "plain"), cases, engine=LocalEngine(workers=1))
    with scheduler() as address:
        for name in ("first", "second"):
            engine = DaskEngine(scheduler=address)
            assert run_dataset(config(tmp_path / name), cases, engine=engine).counts["done"] == 3
            assert contents(tmp_path / name) == contents(tmp_path / "plain")


def test_a_scheduler_that_does_not_answer_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hounsfield.dataset.engines.dask.CONNECT_SECONDS", 0.5)
    with pytest.raises(Exception, match="the Dask scheduler does not answer"):
        run_dataset(
            config(tmp_path / "out"),
            scans(tmp_path, count=1),
            engine=DaskEngine(scheduler="tcp://127.0.0.1:9"),
        )


def test_a_cluster_starts_where_the_default_port_of_the_dashboard_is_taken(tmp_path: Path) -> None:
    cases = scans(tmp_path, count=1)
    with socket.socket() as taken:
        with suppress(OSError):  # another cluster on this machine has it
            taken.bind(("", 8787))
            taken.listen()
        summary = run_dataset(config(tmp_path / "out"), cases, engine=DaskEngine(workers=1))
    assert summary.counts["done"] == 1


def test_no_process_is_left(tmp_path: Path) -> None:
    before = {each.pid for each in psutil.Process().children(recursive=True)}
    run_dataset(config(tmp_path / "out"), scans(tmp_path, count=1), engine=DaskEngine(workers=1))
    time.sleep(0.5)
    after = {
        each.pid
        for each in psutil.Process().children(recursive=True)
        if "resource_tracker" not in " ".join(each.cmdline())
    }
    assert after <= before
