"""Run one case: read, run, write whole or not at all; whatever goes wrong becomes one failed outcome."""

from __future__ import annotations

import time
import traceback
import warnings
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import HounsfieldWarning
from hounsfield.core.platform import peak_memory_bytes
from hounsfield.dataset.case import CaseResult, CaseSource, source_sha256
from hounsfield.dataset.describe_error import describe_error, where_of
from hounsfield.dataset.labels import label_paths, read_labels
from hounsfield.dataset.memory import check_memory, slab_bytes
from hounsfield.dataset.outputs import RECORD, write_result, write_stream
from hounsfield.dataset.run_config import RunConfig
from hounsfield.io.bytes.atomic import atomic_folder, write_text
from hounsfield.io.bytes.checksum import file_sha256
from hounsfield.pipeline.stream import Stream

if TYPE_CHECKING:
    from hounsfield.core.stack import Stack
    from hounsfield.core.volume import Volume
    from hounsfield.pipeline.result import Result


def run_case(job: RunConfig, case: CaseSource) -> CaseResult:
    """Run a job on a case, unless its outputs are there already. Raises nothing but signals."""
    clock = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what a library warns of may quote a header
        warnings.simplefilter("always", HounsfieldWarning)
        try:
            outcome = _run(job, case)
        except (
            Exception
        ) as error:  # the one place that catches everything: a bad case never stops the rest
            found = describe_error(error)
            outcome = CaseResult(
                id=case.id,
                status="failed",
                code=found.code,
                message=found.message,
                where=where_of(error),
                trace="".join(traceback.format_exception(error)),
            )
    return replace(outcome, seconds=time.perf_counter() - clock)


def _run(job: RunConfig, case: CaseSource) -> CaseResult:
    from hounsfield.io.open import open_stack

    labels = label_paths(job, case.id)
    with ThreadPoolExecutor(1) as aside:
        made_of = aside.submit(
            _made_of, job, case, labels
        )  # it takes as long as reading, and nothing else waits for it
        key = case.earlier_key
        if key and made_of.result().key == key and is_complete(job.folder(case.id)):
            return CaseResult(id=case.id, status="skipped", message="up to date", key=key)
        stack = open_stack(case.path, series=case.series, policy=job.policy)
        streamed = _stream(job, stack) if not labels else None
        if streamed is not None:
            return _written(job, case, streamed, stack=stack, made_of=made_of)
        check_memory(job.pipeline.plan(stack).peak_bytes, job.memory_bytes)
        result, diagnostics = _result(job, stack, labels)
        return _written(job, case, result, stack=stack, extra=diagnostics, made_of=made_of)


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
    from hounsfield.io.formats import output_of
    from hounsfield.pipeline.stream import stream

    if job.is_split or not output_of(job.format).slab_writer:
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
) -> CaseResult:
    """Write the case; a stream has its record once it has been written."""
    started, clock = time.time(), time.perf_counter()
    of_labels = tuple(each.to_json() for each in extra)
    written: tuple[dict[str, str], ...] = ()
    with atomic_folder(job.folder(case.id)) as folder:
        if isinstance(result, Stream):
            outputs = write_stream(result, folder, format=job.format)
        else:
            outputs, found = write_result(
                result, folder, format=job.format, is_split=job.is_split, source=stack
            )
            written = tuple(each.to_json() for each in found)
        record = result.record
        source = {"geometry": record.source["geometry"], "sha256": made_of.result().source}
        diagnostics = (*of_labels, *record.diagnostics, *written)
        record = record.replaced(case=case.id, source=source, diagnostics=diagnostics)
        if isinstance(result, Stream):
            record = record.replaced(
                volatile={"started": started, "seconds": time.perf_counter() - clock}
            )
        volatile = {**record.volatile, "memory_bytes": peak_memory_bytes()}
        write_text(folder / RECORD, record.replaced(outputs=outputs, volatile=volatile).to_text())
    image = next(iter(sorted(name for name in outputs if name.startswith("image"))))
    return CaseResult(
        id=case.id,
        status="done",
        diagnostics=record.diagnostics,
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
