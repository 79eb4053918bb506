"""What a run is asked to do, from Python or from the command line, and how its cases are found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import PipelineError
from hounsfield.core.policy import DEFAULT_POLICY, ReadPolicy
from hounsfield.dataset.check_labels import check_labels
from hounsfield.dataset.discover import Discovery, discover
from hounsfield.dataset.label_map.label_map import LabelMap
from hounsfield.dataset.label_map.table import label_table
from hounsfield.dataset.only import Only
from hounsfield.dataset.plan_cases import RunPlan, plan_run
from hounsfield.dataset.points.of_cases import with_points
from hounsfield.dataset.points.read import Frame
from hounsfield.dataset.remote_output import state_folder
from hounsfield.dataset.run_config import RunConfig
from hounsfield.dataset.select.load import load_rules
from hounsfield.io.bytes.remote import url_of
from hounsfield.pipeline.pipeline import Pipeline


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """The options of a run before its cases are found.

    `labels` are names and paths of label files of every case; fields such as {id} in a path are
    replaced. With `find_labels`, and without `labels`, RTSTRUCT and SEG objects in the sources are
    the labels of the series that they refer to. `select` are rules, or a .toml file of them, that
    choose one series of each study. `label_map` says which regions become which label. `points`
    is a file of points of all cases, `frame` that of the points of files. `memory_bytes` is the
    memory limit of a case (None: a share of the free memory) and `workers` the number of processes
    that share it (None: what cores and memory allow). `only` is the list of the cases that are run
    (None: all).
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
    find_labels: bool = True
    select: str | None = None
    label_map: LabelMap | None = None
    points: Path | None = None
    frame: Frame | None = None
    memory_bytes: int | None = None
    workers: int | None = None
    only: Only | None = None


def find_cases(request: RunRequest) -> Discovery:
    """Find the cases of a run in its sources, with their labels and points, from headers.

    Raises the errors of `discover`, and PipelineError if the rules of a selection are invalid or
    the points cannot be used.
    """
    if request.select is not None and request.series is not None:
        message = "series and select are given; expected one of them"
        raise PipelineError(Diagnostic("USAGE", "refusal", message))
    found = discover(
        request.sources,
        ids=request.ids,
        series=request.series,
        find_labels=request.find_labels and not request.labels,
        select=None if request.select is None else load_rules(request.select),
        policy=request.policy,
    )
    if request.only is not None:
        found = request.only.of(found)
    cases, findings = with_points(found.cases, request.points, frame=request.frame)
    table = None
    if request.label_map is not None:
        table = label_table(request.label_map, cases, labels=request.labels)
        findings += table.warnings
    return replace(found, cases=cases, findings=findings, label_table=table)


def prepare(
    request: RunRequest, found: Discovery, *, progress: Callable[[int, int], None] | None = None
) -> tuple[RunConfig, RunPlan]:
    """Return the configuration that the cases of a run share, and the plan of all cases.

    Raises PipelineError if the pipeline or the labels cannot work.
    """
    check_labels(request.pipeline, request.labels, cases=found.cases, label_map=request.label_map)
    url = url_of(request.out)
    config = RunConfig(
        pipeline=request.pipeline,
        out=state_folder(url) if url else request.out,
        out_url=url,
        format=request.format,
        dtype=request.dtype,
        policy=request.policy,
        labels=request.labels,
        label_map=request.label_map,
        frame=request.frame,
    )
    plan = plan_run(
        config,
        found.cases,
        workers=request.workers,
        memory_bytes=request.memory_bytes,
        progress=progress,
    )
    return replace(config, memory_bytes=plan.memory_bytes), plan
