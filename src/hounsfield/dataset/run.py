"""Run a pipeline over cases that were found, on an engine, into an output folder."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace

from hounsfield.core.interrupts import allowed, deferred
from hounsfield.dataset.case import CaseResult, CaseSource
from hounsfield.dataset.discover import Discovery
from hounsfield.dataset.engines.base import Engine
from hounsfield.dataset.engines.local import LocalEngine
from hounsfield.dataset.lock import locked
from hounsfield.dataset.log import log_result, log_start, log_summary
from hounsfield.dataset.manifest import Manifest
from hounsfield.dataset.output_folder import (
    check_settings,
    make_folders,
    mark_stale,
    remove_case,
    without_partial,
)
from hounsfield.dataset.remote_output import published
from hounsfield.dataset.run_config import RunConfig
from hounsfield.dataset.summary import Summary
from hounsfield.io.bytes.atomic import write_text
from hounsfield.io.bytes.search import OUTPUT_MARK

Report = Callable[[CaseResult], None]


def run_dataset(
    config: RunConfig,
    cases: Sequence[CaseSource] | Discovery,
    *,
    engine: Engine | None = None,
    report: Report | None = None,
    overwrite: bool = False,
    link: Callable[[str], None] | None = None,
) -> Summary:
    """Run a pipeline over `cases`; a failed case never stops the others.

    Cases with up-to-date outputs are skipped. Cases of earlier runs that are not among `cases` are
    stale: their outputs are kept and the manifest marks them, unless a list has chosen the cases.

    Parameters
    ----------
    config
        The configuration of the run.
    cases
        The cases, or all that was found in the sources.
    engine
        The engine; None runs the cases in this process. The outputs do not depend on it.
    report
        Called with each result as soon as it is ready, stale cases first.
    link
        Called with the id of the run before the first case, to write its linkage file.
    overwrite
        Remove outputs of another pipeline or of other options, instead of refusing the run.

    Returns
    -------
    Summary
        The results by id; a case without a result from the engine has failed.

    Raises
    ------
    PipelineError
        If the output folder has results of another pipeline or of other options.
    WriteError
        If the output folder cannot be used.
    """
    engine = LocalEngine(workers=1) if engine is None else engine
    found = cases if isinstance(cases, Discovery) else Discovery(cases=tuple(cases))
    sources = {case.id: case for case in found.cases}
    make_folders(config.out)
    with (
        deferred(),
        locked(config.out),
        published(config) as publish,
        Manifest(config.out / OUTPUT_MARK) as manifest,
        without_partial(config.out),
    ):
        check_settings(config, manifest, overwrite=overwrite)
        if link is not None:
            link(manifest.run_id())
        write_text(config.out / "pipeline.toml", config.pipeline.to_toml())
        manifest.set_unused(found.unused)
        current = {case.id for case in found.cases}
        log_start(len(found.cases))
        results = [] if found.is_part else mark_stale(config, manifest, current=current)
        for result in results:
            _report(report, result)
        with closing(_results(engine, config, _resumed(found.cases, manifest))) as running:
            for result in running:
                if result.status == "failed":  # outputs of an earlier run would be taken for its
                    remove_case(config, result.id)
                manifest.put(result, sources[result.id])
                results.append(result)
                _report(report, result)
                publish()
    summary = Summary(
        cases=tuple(sorted(results, key=lambda result: result.id)),
        missed=found.missed,
        unused=found.unused,
        choices=found.choices,
        findings=found.findings,
        labels={} if found.label_table is None else found.label_table.to_json(),
        rejected=found.rejected,
        unlisted=found.unlisted,
    )
    log_summary(summary)
    return summary


def _report(report: Report | None, result: CaseResult) -> None:
    log_result(result)
    if report is not None:
        with allowed():  # a terminal may block
            report(result)


def _resumed(cases: Sequence[CaseSource], manifest: Manifest) -> list[CaseSource]:
    """Return the cases with the key and the record of their outputs of an earlier run."""
    earlier = manifest.earlier()
    found = []
    for case in cases:
        before = earlier.get(case.id)
        if before is not None and before.key and before.record_sha256:
            case = replace(
                case,
                earlier_key=before.key,
                earlier_record=before.record_sha256,
                earlier_source=before.source_sha256,
                earlier_stamp=before.source_stamp if before.source_sha256 else "",
            )
        found.append(case)
    return found


def _results(
    engine: Engine, config: RunConfig, cases: Sequence[CaseSource]
) -> Generator[CaseResult]:
    """Yield the result of every case; the engine is always closed, also after an exception."""
    lost = {case.id for case in cases}
    results = iter(engine.run(config, cases))
    try:
        while (result := _next(engine, results)) is not None:
            lost.discard(result.id)
            yield result
    finally:
        close = getattr(results, "close", None)
        if close is not None:
            close()
    for case_id in sorted(lost):
        message = "the engine returned no result; run again"
        yield CaseResult(id=case_id, status="failed", code="WORKER_DIED", message=message)


def _next(engine: Engine, results: Iterator[CaseResult]) -> CaseResult | None:
    """Return the next result, None after the last; signals are raised while an engine waits."""
    if getattr(engine, "defers_signals", False):
        return next(results, None)
    with allowed():
        return next(results, None)
