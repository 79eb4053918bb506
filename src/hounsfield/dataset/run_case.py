"""Run one case: read, run, write whole or not at all; whatever goes wrong becomes one failed outcome."""

from __future__ import annotations

import time
import traceback
import warnings
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import HounsfieldWarning, warned
from hounsfield.dataset.case import CaseSource
from hounsfield.dataset.case_folder import case_folder
from hounsfield.dataset.case_result import CaseResult
from hounsfield.dataset.checksum import source_sha256
from hounsfield.dataset.describe_error import cause, where_of
from hounsfield.dataset.labels import label_paths, read_labels
from hounsfield.dataset.memory import check_memory, slab_bytes
from hounsfield.dataset.outputs import RECORD, file_sha256, write_result, write_stream
from hounsfield.dataset.run_config import RunConfig
from hounsfield.io.bytes.atomic import write_text
from hounsfield.pipeline.stream import Stream

if TYPE_CHECKING:
    from hounsfield.core.stack import Stack
    from hounsfield.core.volume import Volume
    from hounsfield.pipeline.result import Result


def run_case(job: RunConfig, case: CaseSource, *, earlier_key: str = "") -> CaseResult:
    """Run a job on a case; `earlier_key` is that of its outputs that are there already. Raises nothing but signals."""
    clock = time.perf_counter()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", HounsfieldWarning)
        try:
            outcome = _run(job, case, earlier_key)
        except (
            Exception
        ) as error:  # the one place that catches everything: a bad case never stops the rest
            code, message = cause(error)
            outcome = CaseResult(
                id=case.id,
                status="failed",
                code=code,
                message=message,
                where=where_of(error),
                trace="".join(traceback.format_exception(error)),
            )
    doubts = tuple(str(diagnostic) for diagnostic in warned(caught))
    return replace(outcome, notes=outcome.notes or doubts, seconds=time.perf_counter() - clock)


def _run(job: RunConfig, case: CaseSource, earlier_key: str) -> CaseResult:
    from hounsfield.io.open import open_stack

    labels = label_paths(job, case.id)
    with warnings.catch_warnings(record=True) as caught, ThreadPoolExecutor(1) as aside:
        warnings.simplefilter("always", HounsfieldWarning)
        made_of = aside.submit(
            _made_of, job, case, labels
        )  # it takes as long as reading, and nothing else waits for it
        if earlier_key and made_of.result().key == earlier_key and is_complete(job.folder(case.id)):
            return CaseResult(id=case.id, status="skipped", message="up to date", key=earlier_key)
        stack = open_stack(case.path, series=case.series, policy=job.policy)
        streamed = _stream(job, stack) if not labels else None
        if streamed is not None:
            return _written(job, case, streamed, stack=stack, made_of=made_of, caught=caught)
        check_memory(job.pipeline.plan(stack).peak_bytes, job.memory_bytes)
        result, diagnostics = _result(job, stack, labels)
        return _written(
            job, case, result, stack=stack, extra=diagnostics, made_of=made_of, caught=caught
        )


@dataclass(frozen=True, slots=True)
class _MadeOf:
    """The sha256 of a case's source, and of all that decides its outputs."""

    source: str
    key: str


def _made_of(job: RunConfig, case: CaseSource, labels: dict[str, Path]) -> _MadeOf:
    from hounsfield.io.checksum import sha256_of

    source = source_sha256(case)
    digests = {name: sha256_of(path) for name, path in labels.items()}
    return _MadeOf(source, job.key(source=source, series=case.series, labels=digests))


def _stream(job: RunConfig, stack: Stack) -> Stream | None:
    """The case as a stream, where the pipeline is one pass and the format takes slabs."""
    from hounsfield.io.write_slabs import SLAB_FORMATS
    from hounsfield.pipeline.stream import stream

    if job.is_split or job.format not in SLAB_FORMATS:
        return None
    return stream(
        job.pipeline,
        stack,
        dtype=None if job.dtype is None else np.dtype(job.dtype),
        slab_bytes=slab_bytes(job.memory_bytes),
    )


def _result(
    job: RunConfig, stack: Stack, labels: dict[str, Path]
) -> tuple[Result, tuple[Diagnostic, ...]]:
    """Run the pipeline on the stack, with its labels on its natural grid."""
    volumes: dict[str, Volume] = {}
    diagnostics: tuple[Diagnostic, ...] = ()
    for name, path in labels.items():
        regions, found = read_labels(path, name=name, stack=stack)
        volumes |= regions
        diagnostics += found
    return job.pipeline.run(stack, dtype=job.dtype, labels=volumes), diagnostics


def _written(
    job: RunConfig,
    case: CaseSource,
    result: Result | Stream,
    *,
    stack: Stack,
    made_of: Future[_MadeOf],
    extra: tuple[Diagnostic, ...] = (),
    caught: Sequence[warnings.WarningMessage] = (),
) -> CaseResult:
    """Write the case; what was in doubt is known once a stream has run, so `caught` is looked at after it."""
    started, clock = time.time(), time.perf_counter()
    with case_folder(job.folder(case.id)) as folder:
        if isinstance(result, Stream):
            outputs = write_stream(result, folder, format=job.format)
        else:
            outputs = write_result(
                result, folder, format=job.format, is_split=job.is_split, source=stack
            )
        doubts = warned(caught)
        said = tuple(diagnostic.to_json() for diagnostic in (*extra, *doubts))
        source = {**result.record.source, "sha256": made_of.result().source}
        record = result.record.replaced(
            case=case.id, source=source, diagnostics=said + tuple(result.record.diagnostics)
        )
        if isinstance(result, Stream):
            record = record.replaced(
                volatile={"started": started, "seconds": time.perf_counter() - clock}
            )
        volatile = {**record.volatile, "memory_bytes": peak_bytes()}
        write_text(folder / RECORD, record.replaced(outputs=outputs, volatile=volatile).to_text())
    image = next(iter(sorted(name for name in outputs if name.startswith("image"))))
    return CaseResult(
        id=case.id,
        status="done",
        notes=tuple(repair["message"] for repair in record.diagnostics),
        key=made_of.result().key,
        output_sha256=outputs[image],
    )


def is_complete(folder: Path) -> bool:
    """Whether a case's folder holds a record and every file that it names, as it says."""
    from hounsfield.core.errors import HounsfieldError
    from hounsfield.pipeline.record import Record

    try:
        outputs = Record.load(folder / RECORD).outputs
        return all(file_sha256(folder / name) == digest for name, digest in outputs.items())
    except (HounsfieldError, OSError):
        return False


def peak_bytes() -> int:
    """The most memory that this process has had, bytes."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
