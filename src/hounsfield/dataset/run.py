"""Run a pipeline over many cases on an engine."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
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
    """The results of all cases, by id."""

    outcomes: tuple[CaseResult, ...]

    def count(self, status: Status) -> int:
        """Return the number of cases with a status."""
        return sum(outcome.status == status for outcome in self.outcomes)


def run_dataset(
    config: RunConfig,
    cases: Sequence[CaseSource],
    *,
    engine: Engine | None = None,
    report: Report | None = None,
    link: Callable[[str], None] | None = None,
) -> Summary:
    """Run a pipeline over `cases`; a failed case never stops the others.

    Cases with up-to-date outputs are skipped.

    Parameters
    ----------
    config
        The configuration of the run.
    cases
        The cases.
    engine
        The engine; None runs the cases in this process. The outputs do not depend on it.
    report
        Called with each result as soon as it is ready.
    link
        Called with the id of the run before the first case, to write its linkage file.

    Returns
    -------
    Summary
        The results by id; a case without a result from the engine has failed.

    Raises
    ------
    WriteError
        If the output folder cannot be used.
    """
    engine = LocalEngine(workers=1) if engine is None else engine
    _make_folders(config.out)
    with locked(config.out), Manifest(config.out / "manifest.db") as manifest:
        if link is not None:
            link(manifest.run_id())
        write_text(config.out / "pipeline.toml", config.pipeline.to_toml())
        outcomes = []
        with closing(_outcomes(engine, config, cases, keys=manifest.keys())) as results:
            for outcome in results:
                if outcome.status == "failed":
                    _clear(config.folder(outcome.id))
                manifest.put(outcome)
                outcomes.append(outcome)
                if report is not None:
                    report(outcome)
    return Summary(outcomes=tuple(sorted(outcomes, key=lambda outcome: outcome.id)))


def _outcomes(
    engine: Engine, config: RunConfig, cases: Sequence[CaseSource], *, keys: dict[str, str]
) -> Generator[CaseResult]:
    """Yield the result of every case; the engine is always closed, also after an exception."""
    lost = {case.id for case in cases}
    results = engine.run(
        config, [replace(case, earlier_key=keys.get(case.id, "")) for case in cases]
    )
    try:
        for result in results:
            lost.discard(result.id)
            yield result
    finally:
        close = getattr(results, "close", None)
        if close is not None:
            close()
    for case_id in sorted(lost):
        message = "the engine returned no result; run again"
        yield CaseResult(id=case_id, status="failed", code="WORKER_DIED", message=message)


def _make_folders(out: Path) -> None:
    try:
        (out / "cases").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(
            f"the output folder cannot be created ({error.strerror}); use another"
        ) from None


def _clear(folder: Path) -> None:
    """Remove outputs of an earlier run, which would be mistaken for outputs of the failed case."""
    if folder.is_dir():
        shutil.rmtree(folder, ignore_errors=True)
