"""Run a pipeline over cases that were found, on an engine, into an output folder."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import replace

from hounsfield.dataset.case import CaseResult, CaseSource
from hounsfield.dataset.discover import Discovery
from hounsfield.dataset.engines.base import Engine
from hounsfield.dataset.engines.local import LocalEngine
from hounsfield.dataset.lock import locked
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
    stale: their outputs are kept and the manifest marks them.

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
    make_folders(config.out)
    with (
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
        results = mark_stale(config, manifest, current={case.id for case in found.cases})
        for result in results:
            _report(report, result)
        with closing(_results(engine, config, _resumed(found.cases, manifest))) as running:
            for result in running:
                if result.status == "failed":  # outputs of an earlier run would be taken for its
                    remove_case(config, result.id)
                manifest.put(result)
                results.append(result)
                _report(report, result)
                publish()
    return Summary(
        cases=tuple(sorted(results, key=lambda result: result.id)),
        missed=found.missed,
        unused=found.unused,
        choices=found.choices,
        findings=found.findings,
        labels={} if found.label_table is None else found.label_table.to_json(),
    )


def _report(report: Report | None, result: CaseResult) -> None:
    if report is not None:
        report(result)


def _resumed(cases: Sequence[CaseSource], manifest: Manifest) -> list[CaseSource]:
    """Return the cases with the key and the record of their outputs of an earlier run."""
    earlier = manifest.earlier()
    found = []
    for case in cases:
        before = earlier.get(case.id)
        if before is not None and before.key and before.record_sha256:
            case = replace(case, earlier_key=before.key, earlier_record=before.record_sha256)
        found.append(case)
    return found


def _results(
    engine: Engine, config: RunConfig, cases: Sequence[CaseSource]
) -> Generator[CaseResult]:
    """Yield the result of every case; the engine is always closed, also after an exception."""
    lost = {case.id for case in cases}
    results = engine.run(config, cases)
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
