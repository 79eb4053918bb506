"""What a run is asked to do, from Python or from the command line, and how its cases are found."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hounsfield.core.platform import free_memory_bytes
from hounsfield.core.policy import DEFAULT_POLICY, ReadPolicy
from hounsfield.dataset.check_labels import check_labels
from hounsfield.dataset.discover import Discovery, discover
from hounsfield.dataset.memory import SHARE
from hounsfield.dataset.run_config import RunConfig
from hounsfield.pipeline.pipeline import Pipeline


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """The options of a run before its cases are found.

    `labels` are names and paths of label files of every case; fields such as {id} in a path are
    replaced. `memory_bytes` is the memory limit of a case (None: a share of the free memory) and
    `workers` the number of processes that share it.
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


def find_cases(request: RunRequest) -> Discovery:
    """Find the cases of a run in its sources; raises the errors of `discover`."""
    return discover(request.sources, ids=request.ids, series=request.series)


def run_config(request: RunRequest, found: Discovery) -> RunConfig:
    """Return the configuration that the cases of a run share.

    Raises PipelineError if the pipeline or the labels cannot work.
    """
    check_labels(request.pipeline, request.labels, count=len(found.cases))
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
    )
