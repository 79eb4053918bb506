"""What a run is asked to do, from Python or from the command line, and how its cases are found."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from hounsfield.core.platform import free_memory_bytes
from hounsfield.core.policy import DEFAULT_POLICY, ReadPolicy
from hounsfield.dataset.check_labels import check_labels
from hounsfield.dataset.discover import Discovery, discover
from hounsfield.dataset.label_map.label_map import LabelMap
from hounsfield.dataset.label_map.table import label_table
from hounsfield.dataset.memory import SHARE
from hounsfield.dataset.points.of_cases import with_points
from hounsfield.dataset.points.read import Frame
from hounsfield.dataset.run_config import RunConfig
from hounsfield.pipeline.pipeline import Pipeline


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """The options of a run before its cases are found.

    `labels` are names and paths of label files of every case; fields such as {id} in a path are
    replaced; `label_map` says which regions become which label. `points` is a file of points of all
    cases, `frame` that of the points of files. `memory_bytes` is the memory limit of a case (None:
    a share of the free memory) and `workers` the number of processes that share it.
    """

    pipeline: Pipeline
    sources: tuple[str, ...]
    out: Path
    format: str = "nii.gz"
    dtype: str | None = None
    policy: ReadPolicy = DEFAULT_POLICY
    ids: str = "auto"
    series: str | None = None
    labels: tuple[tuple[str, str], ...] = ()
    memory_bytes: int | None = None
    workers: int = 1
    label_map: LabelMap | None = None
    points: Path | None = None
    frame: Frame | None = None


def find_cases(request: RunRequest) -> Discovery:
    """Find the cases of a run in its sources, with their labels and points, from headers.

    Raises the errors of `discover`, and PipelineError if the points cannot be used.
    """
    found = discover(request.sources, ids=request.ids, series=request.series)
    cases, findings = with_points(found.cases, request.points, frame=request.frame)
    table = None
    if request.label_map is not None:
        table = label_table(request.label_map, cases, labels=request.labels)
        findings += table.warnings
    return replace(found, cases=cases, findings=findings, label_table=table)


def run_config(request: RunRequest, found: Discovery) -> RunConfig:
    """Return the configuration that the cases of a run share.

    Raises PipelineError if the pipeline or the labels cannot work.
    """
    check_labels(
        request.pipeline, request.labels, count=len(found.cases), label_map=request.label_map
    )
    memory = request.memory_bytes
    if memory is None:
        memory = int(free_memory_bytes() * SHARE) // request.workers
    return RunConfig(
        pipeline=request.pipeline,
        out=request.out,
        format=request.format,
        dtype=request.dtype,
        policy=request.policy,
        labels=request.labels,
        memory_bytes=memory,
        label_map=request.label_map,
        frame=request.frame,
    )
