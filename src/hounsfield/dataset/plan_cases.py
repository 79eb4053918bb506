"""Plan all cases of a run from their headers: grids, memory, time, and how many workers fit."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from hounsfield.core.dtype import voxel_dtype
from hounsfield.core.platform import free_memory_bytes, thread_count
from hounsfield.dataset.case import CaseSource, open_case
from hounsfield.dataset.describe_error import describe_error
from hounsfield.dataset.memory import PROCESS_BYTES, SHARE, SLABS_AT_ONCE
from hounsfield.resampling.one_pass import SLAB_BYTES

if TYPE_CHECKING:
    from hounsfield.core.stack import Stack
    from hounsfield.dataset.run_config import RunConfig
    from hounsfield.pipeline.plan import Plan

BYTES_PER_SECOND = 150e6
"""Bytes that a thread moves in a second with decoding, sampling and compression; the presets took
90 to 260 MB/s on the scans of the tests. The time is an estimate for orientation."""

START_SECONDS = 0.6
"""The time that a worker process takes to start."""


WORTH_SECONDS = 2 * START_SECONDS
"""Work that is worth a second process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CasePlan:
    """The plan of a case: grids, peak memory and seconds of one thread, or the code of a refusal.

    A case at a URL is known only when it is copied: its numbers are 0.
    """

    id: str
    shape: tuple[int, ...] = ()
    spacing_mm: tuple[float, ...] = ()
    output_shape: tuple[int, ...] = ()
    output_spacing_mm: tuple[float, ...] = ()
    peak_bytes: int = 0
    seconds: float = 0.0
    is_streamed: bool = False
    code: str = ""
    message: str = ""
    warnings: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the plan as plain data."""
        return {
            "id": self.id,
            "shape": list(self.shape),
            "spacing_mm": list(self.spacing_mm),
            "output_shape": list(self.output_shape),
            "output_spacing_mm": list(self.output_spacing_mm),
            "peak_bytes": self.peak_bytes,
            "seconds": self.seconds,
            "streamed": self.is_streamed,
            "code": self.code,
            "message": self.message,
            "warnings": list(self.warnings),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlan:
    """The plans of all cases, and the workers and the memory of each that the run takes."""

    cases: tuple[CasePlan, ...]
    workers: int
    memory_bytes: int

    @property
    def refused(self) -> Counter[str]:
        """How many cases cannot be read, by code."""
        return Counter(each.code for each in self.cases if each.code)

    @property
    def too_large(self) -> tuple[CasePlan, ...]:
        """The cases that are not streamed and exceed the memory of a worker."""
        return tuple(
            each
            for each in self.cases
            if not each.is_streamed and each.peak_bytes > self.memory_bytes
        )

    @property
    def seconds(self) -> float:
        """The estimated time of the run."""
        work = sum(each.seconds for each in self.cases) / thread_count()
        return work + (START_SECONDS if self.workers > 1 else 0.0)

    @property
    def peak_bytes(self) -> int:
        """The memory of the largest case."""
        return max((each.peak_bytes for each in self.cases), default=0)

    def to_json(self) -> dict[str, Any]:
        """Return the plan as plain data."""
        return {
            "cases": [each.to_json() for each in self.cases],
            "workers": self.workers,
            "memory_bytes": self.memory_bytes,
            "peak_bytes": self.peak_bytes,
            "seconds": self.seconds,
            "refused": dict(sorted(self.refused.items())),
            "too_large": [each.id for each in self.too_large],
        }


def plan_run(
    config: RunConfig,
    cases: Sequence[CaseSource],
    *,
    workers: int | None = None,
    memory_bytes: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> RunPlan:
    """Plan the cases of a run; only headers are read.

    `workers` None are as many as there are threads and cases, and as fit into 80 % of the free
    memory, each with the largest case. `memory_bytes` None is an equal share of that memory.
    """
    plans = []
    for done, case in enumerate(cases, 1):
        plans.append(_plan_case(config, case))
        if progress is not None:
            progress(done, len(cases))
    free = int(free_memory_bytes() * SHARE)
    chosen = workers or _workers(plans, free, memory_bytes)
    chosen = max(1, min(chosen, len(cases)))
    return RunPlan(cases=tuple(plans), workers=chosen, memory_bytes=memory_bytes or free // chosen)


def _workers(plans: Sequence[CasePlan], free: int, memory_bytes: int | None) -> int:
    """Return how many workers run the largest cases at once within the free memory."""
    largest = max((each.peak_bytes for each in plans), default=0)
    if sum(each.seconds for each in plans) < WORTH_SECONDS and all(each.shape for each in plans):
        return 1
    if memory_bytes is not None:
        largest = min(largest, memory_bytes)
    return max(1, min(thread_count(), free // max(largest, PROCESS_BYTES)))


def _plan_case(config: RunConfig, case: CaseSource) -> CasePlan:
    if case.remote is not None:
        return CasePlan(id=case.id)
    try:
        # Padding that headers do not declare is searched in voxels; no grid depends on it.
        stack = open_case(case, policy=replace(config.policy, padding="keep"))
        planned = config.pipeline.plan(stack)
        return _planned(config, case, stack, planned)
    except Exception as error:  # a case that cannot be planned never stops the others
        found = describe_error(error)
        return CasePlan(id=case.id, code=found.code, message=found.message)


def _planned(config: RunConfig, case: CaseSource, stack: Stack, planned: Plan) -> CasePlan:
    files = len(config.labels) + len(case.labels)
    labels = files if config.label_map is None else len(config.label_map.names)
    is_streamed = files == 0 and _is_streamed(config, stack)
    peak = planned.peak_bytes_with(labels=labels)
    if is_streamed:
        peak = min(peak, SLABS_AT_ONCE * SLAB_BYTES)
    voxels = math.prod(planned.spec.grid.shape)
    moved = planned.bytes_moved + voxels * planned.spec.dtype.itemsize * labels
    return CasePlan(
        id=case.id,
        shape=stack.shape,
        spacing_mm=stack.grid.spacing_mm,
        output_shape=planned.spec.grid.shape,
        output_spacing_mm=planned.spec.grid.spacing_mm,
        peak_bytes=peak + PROCESS_BYTES,
        seconds=moved / BYTES_PER_SECOND,
        is_streamed=is_streamed,
        warnings=tuple(
            dict.fromkeys(each.code for each in stack.diagnostics if each.severity == "warning")
        ),
    )


def _is_streamed(config: RunConfig, stack: Stack) -> bool:
    """Whether the case runs slab by slab, so that its memory does not depend on its size."""
    from hounsfield.io.formats import output_of
    from hounsfield.pipeline.stream import stream

    if config.is_split or not output_of(config.format).slab_writer:
        return False
    dtype = None if config.dtype is None else voxel_dtype(config.dtype)
    return stream(config.pipeline, stack, dtype=dtype, is_planned=True) is not None
