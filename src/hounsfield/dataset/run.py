"""Run a job over many cases, on whatever engine is given."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from hounsfield.core.errors import WriteError
from hounsfield.dataset.case import CaseResult, CaseSource, Status
from hounsfield.dataset.engines.base import Engine
from hounsfield.dataset.engines.local import LocalEngine
from hounsfield.dataset.lock import locked
from hounsfield.dataset.manifest import Manifest
from hounsfield.dataset.run_config import RunConfig
from hounsfield.io.bytes.atomic import write_text

Report = Callable[[CaseResult], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What became of all cases, by id."""

    outcomes: tuple[CaseResult, ...]

    def count(self, status: Status) -> int:
        """How many ended so."""
        return sum(outcome.status == status for outcome in self.outcomes)


def run_dataset(
    job: RunConfig,
    cases: Sequence[CaseSource],
    *,
    engine: Engine | None = None,
    report: Report | None = None,
) -> Summary:
    """Run a job over `cases`; what is up to date is left, one that fails never stops the rest, each is reported.

    Parameters
    ----------
    job
        What is done to every case.
    cases
        The cases.
    engine
        What runs them; None is this process. The outputs do not depend on it.
    report
        Called with each result as it comes.

    Returns
    -------
    Summary
        The results by id; a case that the engine lost has failed.

    Raises
    ------
    WriteError
        Where the output folder cannot be used.
    """
    engine = LocalEngine(workers=1) if engine is None else engine
    with _ready(job.out), locked(job.out), Manifest(job.out / "manifest.db") as manifest:
        write_text(job.out / "pipeline.toml", job.pipeline.to_toml())
        outcomes = []
        with closing(_outcomes(engine, job, cases, keys=manifest.keys())) as results:
            for outcome in results:
                if outcome.status == "failed":
                    _clear(job.folder(outcome.id))
                manifest.put(outcome)
                outcomes.append(outcome)
                if report is not None:
                    report(outcome)
    return Summary(outcomes=tuple(sorted(outcomes, key=lambda outcome: outcome.id)))


def _outcomes(
    engine: Engine, job: RunConfig, cases: Sequence[CaseSource], *, keys: dict[str, str]
) -> Generator[CaseResult]:
    """The result of every case; the engine is closed whatever ends this."""
    lost = {case.id for case in cases}
    results = engine.run(job, [replace(case, earlier_key=keys.get(case.id, "")) for case in cases])
    try:
        for result in results:
            lost.discard(result.id)
            yield result
    finally:
        close = getattr(results, "close", None)
        if close is not None:
            close()
    for case_id in sorted(lost):
        message = "the engine gave no result for it: run again"
        yield CaseResult(id=case_id, status="failed", code="WORKER_DIED", message=message)


@contextmanager
def _ready(out: Path) -> Iterator[None]:
    try:
        (out / "cases").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(f"the output folder cannot be made ({error.strerror})") from None
    yield


def _clear(folder: Path) -> None:
    """Outputs of another input or pipeline must not stand where this one failed: they would be taken for its own."""
    if folder.is_dir():
        shutil.rmtree(folder, ignore_errors=True)
