"""Run a job over many cases, one after the other or in several processes."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hounsfield.core.errors import WriteError
from hounsfield.dataset.case import CaseSource
from hounsfield.dataset.case_result import CaseResult, Status
from hounsfield.dataset.lock import locked
from hounsfield.dataset.manifest import Manifest
from hounsfield.dataset.run_case import run_case
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
    job: RunConfig, cases: Sequence[CaseSource], *, workers: int = 1, report: Report | None = None
) -> Summary:
    """Run a job over `cases`; what is up to date is left, one that fails never stops the rest, each is reported.

    The outputs do not depend on the number of workers. Raises WriteError where the output folder cannot be used.
    """
    with _ready(job.out), locked(job.out), Manifest(job.out / "manifest.db") as manifest:
        write_text(job.out / "pipeline.toml", job.pipeline.to_toml())
        outcomes = []
        for outcome in _outcomes(job, cases, keys=manifest.keys(), workers=workers):
            if outcome.status == "failed":
                _clear(job.folder(outcome.id))
            manifest.put(outcome)
            outcomes.append(outcome)
            if report is not None:
                report(outcome)
    return Summary(outcomes=tuple(sorted(outcomes, key=lambda outcome: outcome.id)))


def _outcomes(
    job: RunConfig, cases: Sequence[CaseSource], *, keys: dict[str, str], workers: int
) -> Iterator[CaseResult]:
    if workers <= 1 or len(cases) <= 1:
        for case in cases:
            yield run_case(job, case, earlier_key=keys.get(case.id, ""))
        return
    from hounsfield.dataset.engines.local import run_in_workers

    yield from run_in_workers(job, cases, keys=keys, workers=min(workers, len(cases)))


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
