"""Run one case: read, run and write it atomically; every error becomes a failed result."""

from __future__ import annotations

import time
import traceback
import warnings
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.dtype import voxel_dtype
from hounsfield.core.errors import HounsfieldError, HounsfieldWarning
from hounsfield.core.platform import peak_memory_bytes
from hounsfield.core.thread_pool import ThreadPool
from hounsfield.dataset.case import CaseResult, CaseSource, LabelSource, files_of_case, open_case
from hounsfield.dataset.describe_error import describe_error, is_short, where_of
from hounsfield.dataset.label_map.overlaps import with_overlaps
from hounsfield.dataset.label_map.read import read_mapped
from hounsfield.dataset.label_map.regions import label_files
from hounsfield.dataset.labels import check_regions, read_labels
from hounsfield.dataset.memory import check_memory, slab_bytes
from hounsfield.dataset.outputs import write_result, write_stream
from hounsfield.dataset.points.of_cases import digest_of, points_of
from hounsfield.dataset.points.write import write_points
from hounsfield.dataset.qc.probe import SliceProbe
from hounsfield.dataset.qc.quality import qc_of
from hounsfield.dataset.remote_cases import local_case
from hounsfield.dataset.remote_output import RemoteOutput, local_output
from hounsfield.dataset.run_config import RunConfig
from hounsfield.dataset.source_stamp import source_stamp
from hounsfield.io.bytes.atomic import atomic_folder, write_text
from hounsfield.io.bytes.checksum import file_sha256
from hounsfield.io.bytes.search import RECORD
from hounsfield.io.source_files import sha256_of
from hounsfield.pipeline.pipeline import run_pipeline
from hounsfield.pipeline.record import Record
from hounsfield.pipeline.stream import Stream

if TYPE_CHECKING:
    from hounsfield.core.points import Point
    from hounsfield.core.stack import Stack
    from hounsfield.core.volume import Volume
    from hounsfield.pipeline.result import Result


def run_case(config: RunConfig, case: CaseSource) -> CaseResult:
    """Run the pipeline on a case unless its outputs are up to date; only signals raise."""
    try:
        return _described(config, case)
    except MemoryError:  # none was left to describe the first one; by now that of the case is free
        message = "out of memory; use fewer workers or free some memory"
        return CaseResult(
            id=case.id, status="failed", code="MEMORY", message=message, is_short=True
        )


def _described(config: RunConfig, case: CaseSource) -> CaseResult:
    """Run a case; every error becomes a failed result."""
    started, clock = time.time(), time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # warnings of libraries may quote a header
        warnings.simplefilter("always", HounsfieldWarning)
        try:
            outcome = _unchanged(config, case) or _run_local(config, case)
        except Exception as error:  # a failed case never stops the others
            found = describe_error(error)
            outcome = CaseResult(
                id=case.id,
                status="failed",
                code=found.code,
                message=found.message,
                where=where_of(error),
                trace="".join(traceback.format_exception(error)),
                is_short=is_short(error),
            )
    return replace(
        outcome,
        seconds=time.perf_counter() - clock,
        started=started,
        memory_bytes=peak_memory_bytes(),
    )


def _unchanged(config: RunConfig, case: CaseSource) -> CaseResult | None:
    """Return the result of a case at a URL that is up to date by its version; nothing is copied."""
    if not (case.version and case.earlier_key):
        return None
    labels, points = label_files(config, case), points_of(case, frame=config.frame)
    key = _key(config, case, labels, points, source=case.version)
    earlier = _earlier_record(config, case) if key == case.earlier_key else None
    if earlier is None or case.remote is None:
        return None
    size = sum(file.size for file in case.remote.files)
    hashes = _Hashes(source=case.earlier_source, stamp="", source_bytes=size, key=key)
    return _skipped(config, case, earlier, hashes)


def _run_local(config: RunConfig, case: CaseSource) -> CaseResult:
    """Run a case on copies of its files if they are at a URL; copy the outputs to a URL."""
    with local_case(case) as near, local_output(config, case.id) as local:
        return _run(local, near)


def _earlier_record(config: RunConfig, case: CaseSource) -> Record | None:
    """Return the record of an earlier run if its outputs are complete."""
    if config.out_url:
        return RemoteOutput(config.out_url).complete_record(case.id, sha256=case.earlier_record)
    return complete_record(config.folder(case.id), sha256=case.earlier_record)


def _run(config: RunConfig, case: CaseSource) -> CaseResult:
    labels = label_files(config, case)
    points = points_of(case, frame=config.frame)
    with ThreadPool(1) as executor:
        # Hashing takes as long as reading; both run at the same time.
        hashes = executor.submit(_hash_inputs, config, case, labels, points)
        key = case.earlier_key
        if key and hashes.result().key == key:
            earlier = _earlier_record(config, case)
            if earlier is not None:
                return _skipped(config, case, earlier, hashes.result())
        stack = open_case(case, policy=config.policy)
        probe = SliceProbe(stack)
        result, extra = _result(config, probe, labels)
        quality = None
        if not isinstance(result, Stream):  # all is sampled; it is measured while we write
            quality = executor.submit(qc_of, probe)
        made = _write_case(
            config, case, result, stack=stack, extra=extra, hashes=hashes, points=points
        )
        return replace(made, qc=qc_of(probe) if quality is None else quality.result())


def _result(
    config: RunConfig, probe: SliceProbe, labels: Mapping[str, LabelSource]
) -> tuple[Result | Stream, tuple[Diagnostic, ...]]:
    """Run the pipeline, or return the stream that will, with the diagnostics of labels."""
    label_map, stack = config.label_map, probe.stack
    streamed = None if labels else _stream(config, probe.probed())
    if streamed is not None:
        missing = () if label_map is None else read_mapped(label_map, (), stack=stack)[1]
        return streamed, missing
    count = len(labels if label_map is None else label_map.names)
    check_memory(config.pipeline.plan(stack).peak_bytes_with(labels=count), config.memory_bytes)
    return _run_in_memory(config, probe, labels)


def _skipped(config: RunConfig, case: CaseSource, record: Record, hashes: _Hashes) -> CaseResult:
    """Return the result of a case that is up to date, with its record and its diagnostics."""
    return CaseResult(
        id=case.id,
        status="skipped",
        message="up to date",
        diagnostics=record.diagnostics,
        key=case.earlier_key,
        output_sha256=_image_sha256(record.outputs),
        record_sha256=case.earlier_record,
        source_sha256=hashes.source,
        source_stamp=hashes.stamp,
        source_bytes=hashes.source_bytes,
    )


def _image_sha256(outputs: Mapping[str, str]) -> str:
    """Return the sha256 of the image, or of the first of its slices."""
    return outputs[min(name for name in outputs if name.startswith("image"))]


@dataclass(frozen=True, slots=True)
class _Hashes:
    """The sha256, stamp and size of the source, and the sha256 of all that determines outputs."""

    source: str
    stamp: str
    source_bytes: int
    key: str


def _hash_inputs(
    config: RunConfig, case: CaseSource, labels: Mapping[str, LabelSource], points: Sequence[Point]
) -> _Hashes:
    files = files_of_case(case)
    stamp = source_stamp(files)
    is_known = stamp != "" and stamp == case.earlier_stamp
    source = case.earlier_source if is_known else files.sha256()
    return _Hashes(
        source=source,
        stamp=stamp,
        source_bytes=sum(size for size, *_ in files.stamps),
        key=_key(config, case, labels, points, source=case.version or source),
    )


def _key(
    config: RunConfig,
    case: CaseSource,
    labels: Mapping[str, LabelSource],
    points: Sequence[Point],
    *,
    source: str,
) -> str:
    """Return the hash of all inputs; of files at URLs their versions, so that none is copied."""
    digests = {
        name: (label.version or sha256_of(label.path))
        + (f":{label.member}" if label.member else "")
        for name, label in labels.items()
    }
    return config.key(
        source=source,
        series=case.series,
        labels=digests,
        values=[label.names for label in labels.values()],
        points=digest_of(points) if points else "",
    )


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
        slab_bytes=slab_bytes(config.memory_bytes, is_second=config.is_second),
    )


def _run_in_memory(
    config: RunConfig, probe: SliceProbe, labels: Mapping[str, LabelSource]
) -> tuple[Result, tuple[Diagnostic, ...]]:
    """Run the pipeline on the stack and its labels, which are resampled to its natural grid."""
    label_map, stack = config.label_map, probe.stack
    if label_map is not None:
        volumes, diagnostics = read_mapped(label_map, tuple(labels.values()), stack=stack)
    else:
        volumes, diagnostics = _read_all(labels, stack)
    made = run_pipeline(config.pipeline, probe.probed(), dtype=config.dtype, labels=volumes)
    if label_map is None:
        return made, diagnostics
    made, overlaps = with_overlaps(made, label_map)
    return made, (*diagnostics, *overlaps)


def _read_all(
    labels: Mapping[str, LabelSource], stack: Stack
) -> tuple[dict[str, Volume], tuple[Diagnostic, ...]]:
    """Read every region of every label file, by their safe names."""
    volumes: dict[str, Volume] = {}
    diagnostics: tuple[Diagnostic, ...] = ()
    for name, label in labels.items():
        regions, found = read_labels(label.path, name=name, stack=stack, member=label.member)
        check_regions(regions, volumes)
        volumes |= regions
        diagnostics += found
    return volumes, diagnostics


def _write_case(
    config: RunConfig,
    case: CaseSource,
    result: Result | Stream,
    *,
    stack: Stack,
    hashes: Future[_Hashes],
    points: Sequence[Point],
    extra: tuple[Diagnostic, ...] = (),
) -> CaseResult:
    """Write the outputs and the record of a case; a stream has no record before it is written."""
    started, clock = time.time(), time.perf_counter()
    of_labels = tuple(each.to_json() for each in extra)
    written: tuple[dict[str, str], ...] = ()
    spec = result.spec if isinstance(result, Stream) else result.volume.spec
    with atomic_folder(config.folder(case.id)) as folder:
        outside = write_points(
            points, folder, case_id=case.id, grid=spec.grid, is_split=config.is_split
        )
        if isinstance(result, Stream):
            outputs = write_stream(result, folder, format=config.format)
        else:
            outputs, found = write_result(
                result, folder, format=config.format, is_split=config.is_split, source=stack
            )
            written = tuple(each.to_json() for each in found)
        record = result.record
        source = {"geometry": record.source["geometry"], "sha256": hashes.result().source}
        of_points = tuple(each.to_json() for each in outside)
        diagnostics = (*of_labels, *record.diagnostics, *written, *of_points)
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
        size = sum((folder / name).stat().st_size for name in outputs)
    return CaseResult(
        id=case.id,
        status="done",
        diagnostics=record.diagnostics,
        key=hashes.result().key,
        output_sha256=_image_sha256(outputs),
        record=text,
        record_sha256=sha256(text.encode("utf-8")).hexdigest(),
        source_sha256=hashes.result().source,
        source_stamp=hashes.result().stamp,
        source_bytes=hashes.result().source_bytes,
        output_bytes=size,
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
