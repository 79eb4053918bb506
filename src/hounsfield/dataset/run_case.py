"""Run one case: read, run and write it atomically; every error becomes a failed result."""

from __future__ import annotations

import time
import traceback
import warnings
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.dtype import voxel_dtype
from hounsfield.core.errors import HounsfieldError, HounsfieldWarning
from hounsfield.core.platform import peak_memory_bytes
from hounsfield.dataset.case import CaseResult, CaseSource, open_case, source_sha256
from hounsfield.dataset.describe_error import describe_error, where_of
from hounsfield.dataset.labels import label_paths, read_labels
from hounsfield.dataset.memory import check_memory, slab_bytes
from hounsfield.dataset.outputs import write_result, write_stream
from hounsfield.dataset.qc.probe import SliceProbe
from hounsfield.dataset.qc.quality import qc_of
from hounsfield.dataset.run_config import RunConfig
from hounsfield.io.bytes.atomic import atomic_folder, write_text
from hounsfield.io.bytes.checksum import file_sha256
from hounsfield.io.bytes.search import RECORD
from hounsfield.pipeline.pipeline import run_pipeline
from hounsfield.pipeline.record import Record
from hounsfield.pipeline.stream import Stream

if TYPE_CHECKING:
    from hounsfield.core.stack import Stack
    from hounsfield.core.volume import Volume
    from hounsfield.pipeline.result import Result


def run_case(config: RunConfig, case: CaseSource) -> CaseResult:
    """Run the pipeline on a case unless its outputs are up to date; only signals raise."""
    clock = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # warnings of libraries may quote a header
        warnings.simplefilter("always", HounsfieldWarning)
        try:
            outcome = _run(config, case)
        except Exception as error:  # a failed case never stops the others
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


def _run(config: RunConfig, case: CaseSource) -> CaseResult:
    labels = label_paths(config, case)
    with ThreadPoolExecutor(1) as executor:
        # Hashing takes as long as reading; both run at the same time.
        hashes = executor.submit(_hash_inputs, config, case, labels)
        key = case.earlier_key
        if key and hashes.result().key == key:
            earlier = complete_record(config.folder(case.id), sha256=case.earlier_record)
            if earlier is not None:
                return _skipped(case, earlier)
        stack = open_case(case, policy=config.policy)
        probe = SliceProbe(stack)
        streamed = _stream(config, probe.probed()) if not labels else None
        if streamed is not None:
            made = _write_case(config, case, streamed, stack=stack, hashes=hashes)
            return replace(made, qc=qc_of(probe))
        check_memory(
            config.pipeline.plan(stack).peak_bytes_with(labels=len(labels)), config.memory_bytes
        )
        result, diagnostics = _run_in_memory(config, probe, labels)
        quality = executor.submit(qc_of, probe)  # all is sampled; it is measured while we write
        made = _write_case(config, case, result, stack=stack, extra=diagnostics, hashes=hashes)
        return replace(made, qc=quality.result())


def _skipped(case: CaseSource, record: Record) -> CaseResult:
    """Return the result of a case that is up to date, with the diagnostics of its record."""
    return CaseResult(
        id=case.id,
        status="skipped",
        message="up to date",
        diagnostics=record.diagnostics,
        key=case.earlier_key,
        output_sha256=_image_sha256(record.outputs),
        record_sha256=case.earlier_record,
    )


def _image_sha256(outputs: Mapping[str, str]) -> str:
    """Return the sha256 of the image, or of the first of its slices."""
    return outputs[min(name for name in outputs if name.startswith("image"))]


@dataclass(frozen=True, slots=True)
class _Hashes:
    """The sha256 of the source of a case, and of everything that determines its outputs."""

    source: str
    key: str


def _hash_inputs(config: RunConfig, case: CaseSource, labels: dict[str, Path]) -> _Hashes:
    from hounsfield.io.source_files import sha256_of

    source = source_sha256(case)
    digests = {name: sha256_of(path) for name, path in labels.items()}
    return _Hashes(source, config.key(source=source, series=case.series, labels=digests))


def _stream(config: RunConfig, stack: Stack) -> Stream | None:
    """Return the case as a stream; None unless it is one pass and the format accepts slabs."""
    from hounsfield.io.formats import output_of
    from hounsfield.pipeline.stream import stream

    if config.is_split or not output_of(config.format).slab_writer:
        return None
    return stream(
        config.pipeline,
        stack,
        dtype=None if config.dtype is None else voxel_dtype(config.dtype),
        slab_bytes=slab_bytes(config.memory_bytes),
    )


def _run_in_memory(
    config: RunConfig, probe: SliceProbe, labels: dict[str, Path]
) -> tuple[Result, tuple[Diagnostic, ...]]:
    """Run the pipeline on the stack and its labels, which are resampled to its natural grid."""
    stack = probe.stack
    volumes: dict[str, Volume] = {}
    diagnostics: tuple[Diagnostic, ...] = ()
    for name, path in labels.items():
        regions, found = read_labels(path, name=name, stack=stack)
        volumes |= regions
        diagnostics += found
    made = run_pipeline(config.pipeline, probe.probed(), dtype=config.dtype, labels=volumes)
    return made, diagnostics


def _write_case(
    config: RunConfig,
    case: CaseSource,
    result: Result | Stream,
    *,
    stack: Stack,
    hashes: Future[_Hashes],
    extra: tuple[Diagnostic, ...] = (),
) -> CaseResult:
    """Write the outputs and the record of a case; a stream has no record before it is written."""
    started, clock = time.time(), time.perf_counter()
    of_labels = tuple(each.to_json() for each in extra)
    written: tuple[dict[str, str], ...] = ()
    with atomic_folder(config.folder(case.id)) as folder:
        if isinstance(result, Stream):
            outputs = write_stream(result, folder, format=config.format)
        else:
            outputs, found = write_result(
                result, folder, format=config.format, is_split=config.is_split, source=stack
            )
            written = tuple(each.to_json() for each in found)
        record = result.record
        source = {"geometry": record.source["geometry"], "sha256": hashes.result().source}
        diagnostics = (*of_labels, *record.diagnostics, *written)
        volatile = dict(record.volatile)
        if isinstance(result, Stream):  # it was computed while it was written
            volatile = {"started": started, "seconds": time.perf_counter() - clock}
        record = record.replaced(
            case=case.id,
            source=source,
            diagnostics=diagnostics,
            outputs=outputs,
            volatile={**volatile, "memory_bytes": peak_memory_bytes()},
        )
        text = record.to_text()
        write_text(folder / RECORD, text)
    return CaseResult(
        id=case.id,
        status="done",
        diagnostics=record.diagnostics,
        key=hashes.result().key,
        output_sha256=_image_sha256(outputs),
        record=text,
        record_sha256=sha256(text.encode("utf-8")).hexdigest(),
    )


def complete_record(folder: Path, *, sha256: str = "") -> Record | None:
    """Return the record of a folder if it and all its output files have their sha256, else None.

    `sha256` is that of the record when it was written, or "" if it is unknown.
    """
    try:
        if sha256 and file_sha256(folder / RECORD) != sha256:
            return None
        record = Record.load(folder / RECORD)
        names = record.outputs.items()
        whole = all(file_sha256(folder / name) == digest for name, digest in names)
    except (HounsfieldError, OSError):
        return None
    return record if whole and record.outputs else None
