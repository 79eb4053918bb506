"""Abstract tests of an engine: a subclass returns the engine, and pytest runs the tests."""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from hounsfield.core.volume import Volume
from hounsfield.dataset.case import CaseResult, CaseSource
from hounsfield.dataset.engines.base import Engine
from hounsfield.dataset.run_case import run_case
from hounsfield.dataset.run_config import RunConfig
from hounsfield.pipeline.pipeline import Pipeline
from hounsfield.steps.clip import Clip
from hounsfield.steps.map_range import MapRange
from hounsfield.steps.reorient import Reorient
from hounsfield.steps.resample import Resample

GONE_SECONDS = 5.0
"""How long a process may take to end once its engine's iterator is closed."""

LONG_SECONDS = 60.0
"""How long a case takes that no closed engine may wait for."""

STOPPED_SECONDS = 1.0
"""The limit of a case in the tests of stopped processes, which take two attempts."""

DEADLY = "deadly"
"""The id of the case that ends its process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadlyConfig(RunConfig):
    """A run whose case 'deadly' ends the process that runs it."""

    def folder(self, case_id: str) -> Path:
        """Return a case's folder; for 'deadly', end this process at once."""
        if case_id == DEADLY:
            os._exit(9)
        return RunConfig.folder(self, case_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class MortalConfig(RunConfig):
    """A run whose case 'deadly' is killed in its first attempt, while it writes its outputs.

    In every attempt it is stopped instead if `is_stopped`. Only a process that is not
    `parent` gets into trouble.
    """

    parent: int
    is_stopped: bool = False

    def folder(self, case_id: str) -> Path:
        """Return a case's folder; for 'deadly', get into trouble first."""
        found = RunConfig.folder(self, case_id)
        if case_id == DEADLY and os.getpid() != self.parent:
            if self.is_stopped:
                os.kill(os.getpid(), signal.SIGSTOP)
            elif _is_first(self.out.parent / "attempt"):
                (found.parent / f".{case_id}-{'0' * 16}.part").mkdir(parents=True)
                os.kill(os.getpid(), signal.SIGKILL)
        return found


def _is_first(mark: Path) -> bool:
    """Make a file, and return whether it did not exist."""
    try:
        mark.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class LongConfig(RunConfig):
    """A run whose cases, all but 'scan0', take a minute each."""

    def folder(self, case_id: str) -> Path:
        """Return a case's folder, after a minute."""
        if case_id != "scan0":
            time.sleep(LONG_SECONDS)
        return RunConfig.folder(self, case_id)


class EngineTests:
    """Test an engine: inherit this class and override `engine`, and `processes` if needed.

    The attribute `has_processes` tells whether cases run in other processes, which they may end
    without ending the run.

    Examples
    --------
    >>> from hounsfield.dataset.engines.local import LocalEngine
    >>> class TestLocal(EngineTests):
    ...     def engine(self):
    ...         return LocalEngine(workers=2)
    """

    has_processes: bool = True

    def engine(self) -> Engine:
        """Return the engine under test.

        Returns
        -------
        Engine
            The engine.
        """
        raise NotImplementedError(
            "engine() is not defined; a subclass of EngineTests must return its engine"
        )

    def engine_with_limit(self, seconds: float) -> Engine | None:
        """Return an engine that ends a case that takes longer, or whose process is stopped.

        Parameters
        ----------
        seconds : float
            The limit.

        Returns
        -------
        Engine or None
            None, the default, leaves out the tests of stopped processes.
        """
        return None

    def processes(self) -> int:
        """Return how many processes that run cases there are.

        Returns
        -------
        int
            The children of this process; override it for an engine whose workers are not.
        """
        import multiprocessing

        return len(multiprocessing.active_children())

    def results(
        self, config: RunConfig, cases: Sequence[CaseSource], *, engine: Engine | None = None
    ) -> tuple[dict[str, str], list[CaseResult]]:
        """Run cases.

        Parameters
        ----------
        config : RunConfig
            The run.
        cases : sequence of CaseSource
            The cases.
        engine : Engine, optional
            Another engine than that under test.

        Returns
        -------
        (dict of str, list of CaseResult)
            The status of each case by its id, and all results.
        """
        results = list((engine or self.engine()).run(config, iter(cases)))
        assert Counter(result.id for result in results) == Counter(case.id for case in cases)
        return {result.id: result.status for result in results}, results

    def test_every_case_ends_once_and_a_failure_stops_no_other(self, tmp_path: Path) -> None:
        """A case that cannot be read is a failed result with a code; all others are done."""
        cases = [*scans(tmp_path, count=4), CaseSource(id="lost", path=tmp_path / "lost.nii.gz")]
        (tmp_path / "bad.nii.gz").write_bytes(b"broken")
        cases.insert(1, CaseSource(id="bad", path=tmp_path / "bad.nii.gz"))
        statuses, results = self.results(config(tmp_path / "out"), cases)
        assert statuses == {
            **dict.fromkeys(["scan0", "scan1", "scan2", "scan3"], "done"),
            **dict.fromkeys(["bad", "lost"], "failed"),
        }
        assert all(bool(result.code) == (result.status == "failed") for result in results)
        assert self.processes() == 0

    def test_no_cases_give_no_results(self, tmp_path: Path) -> None:
        """Nothing to do is no error."""
        assert self.results(config(tmp_path / "out"), []) == ({}, [])
        assert self.processes() == 0

    def test_the_bytes_depend_on_neither_the_engine_nor_the_order(self, tmp_path: Path) -> None:
        """Every file equals that of cases run in turn, except `volatile` in records."""
        cases = scans(tmp_path, count=5)
        for case in cases:
            assert run_case(config(tmp_path / "plain"), case).status == "done"
        for name, order in (("one", cases), ("other", cases[::-1])):
            self.results(config(tmp_path / name), order)
            assert contents(tmp_path / name) == contents(tmp_path / "plain")

    def test_what_is_up_to_date_is_skipped(self, tmp_path: Path) -> None:
        """A case whose key is that of its outputs is not run again."""
        (case,) = scans(tmp_path, count=1)
        _, (first,) = self.results(config(tmp_path / "out"), [case])
        again = CaseSource(id=case.id, path=case.path, earlier_key=first.key)
        assert self.results(config(tmp_path / "out"), [again])[0] == {case.id: "skipped"}

    def test_closing_early_leaves_no_process(self, tmp_path: Path) -> None:
        """After `close` no case begins and no process is left."""
        kind = LongConfig if self.has_processes else RunConfig
        cases, taken = scans(tmp_path, count=8), []

        def watched() -> Iterator[CaseSource]:
            for case in cases:
                taken.append(case.id)
                yield case

        results = self.engine().run(kind(pipeline=PIPELINE, out=tmp_path / "out"), watched())
        assert next(iter(results)).status == "done"
        results.close()  # type: ignore[attr-defined]
        count = len(taken)
        deadline = time.monotonic() + GONE_SECONDS
        while self.processes() and time.monotonic() < deadline:
            time.sleep(0.02)
        assert self.processes() == 0
        assert len(taken) == count

    def test_a_case_that_ends_its_process_is_one_failed_result(self, tmp_path: Path) -> None:
        """The others are done, and no process is left."""
        if not self.has_processes:
            pytest.skip("the engine runs cases in this process")
        cases = scans(tmp_path, count=4)
        deadly = CaseSource(id=DEADLY, path=cases[0].path)
        statuses, _ = self.results(
            DeadlyConfig(pipeline=PIPELINE, out=tmp_path / "out"), [cases[0], deadly, *cases[1:]]
        )
        assert statuses == {**{case.id: "done" for case in cases}, DEADLY: "failed"}
        assert self.processes() == 0

    def test_a_case_whose_process_is_killed_once_is_done_and_leaves_nothing(
        self, tmp_path: Path
    ) -> None:
        """It is tried again; what the killed process had begun to write is removed."""
        if not self.has_processes or not hasattr(signal, "SIGKILL"):
            pytest.skip("the engine runs cases in this process")
        scan, *others = scans(tmp_path, count=3)
        cases = [CaseSource(id=DEADLY, path=scan.path), *others]
        run = MortalConfig(pipeline=PIPELINE, out=tmp_path / "out", parent=os.getpid())
        statuses, _ = self.results(run, cases)
        assert statuses == {case.id: "done" for case in cases}
        left = sorted(path.name for path in (tmp_path / "out" / "cases").iterdir())
        assert left == sorted(case.id for case in cases)
        assert self.processes() == 0

    def test_a_stopped_process_ends_its_case_and_not_the_run(self, tmp_path: Path) -> None:
        """The case has failed with a code, the others are done, and no process is left."""
        engine = self.engine_with_limit(STOPPED_SECONDS) if self.has_processes else None
        if engine is None or not hasattr(signal, "SIGSTOP"):
            pytest.skip("the engine has no limit for a stopped process")
        scan, *others = scans(tmp_path, count=3)
        cases = [CaseSource(id=DEADLY, path=scan.path), *others]
        out = tmp_path / "out"
        run = MortalConfig(pipeline=PIPELINE, out=out, parent=os.getpid(), is_stopped=True)
        statuses, results = self.results(run, cases, engine=engine)
        assert statuses == {DEADLY: "failed", **{case.id: "done" for case in others}}
        assert all(bool(result.code) == (result.id == DEADLY) for result in results)
        assert self.processes() == 0


PIPELINE = Pipeline(
    [Reorient(to="RAS"), Resample(spacing_mm=2.0), Clip(low_hu=-100, high_hu=1000), MapRange()]
)
"""A few quick steps."""


def config(out: Path) -> RunConfig:
    """Return a run of a few quick steps into `out`."""
    return RunConfig(pipeline=PIPELINE, out=out)


def scans(folder: Path, *, count: int) -> list[CaseSource]:
    """Write small scans of noise into `folder` and return them as cases."""
    from hounsfield.io.write import write

    affine = np.diag([-1.5, -1.25, 3.0, 1.0])
    cases = []
    for n in range(count):
        values = np.random.default_rng(n).integers(-1000, 1500, (14, 12, 8 + n)).astype(np.int16)
        path = folder / f"scan{n}.nii.gz"
        write(Volume.from_array(values, affine=affine), path)
        cases.append(CaseSource(id=f"scan{n}", path=path))
    return cases


def contents(out: Path) -> dict[str, bytes]:
    """Return the files below the cases of `out` by name, records without `volatile`."""
    files = {}
    for path in sorted((out / "cases").rglob("*")):
        if path.is_file():
            data = path.read_bytes()
            if path.name == "record.json":
                record = json.loads(data)
                del record["volatile"]
                data = json.dumps(record, sort_keys=True).encode()
            files[str(path.relative_to(out))] = data
    return files
