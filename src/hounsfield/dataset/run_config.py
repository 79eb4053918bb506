"""What is done to every case of a run: the same for all of them, and small enough to send to a worker."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from hounsfield.core.policy import ReadPolicy
from hounsfield.core.version import VERSION
from hounsfield.pipeline.pipeline import Pipeline
from hounsfield.pipeline.serialize import check_registered, to_data
from hounsfield.steps.split_slices import SplitSlices


@dataclass(frozen=True, slots=True, kw_only=True)
class RunConfig:
    """A pipeline, where its outputs go, and how they are written.

    `labels` are names and paths, in which {id} stands for the case's id. `memory_bytes` is what a case may take, which
    changes how it is made, never what; None is most of what is free. Raises PipelineError where a step is not registered.
    """

    pipeline: Pipeline
    out: Path
    format: str = "nii.gz"
    dtype: str | None = None
    policy: ReadPolicy = field(default_factory=ReadPolicy)
    labels: tuple[tuple[str, str], ...] = ()
    memory_bytes: int | None = None

    def __post_init__(self) -> None:
        check_registered(self.pipeline.steps)

    @property
    def is_split(self) -> bool:
        """Whether one file per slice is written."""
        return bool(self.pipeline.steps) and isinstance(self.pipeline.steps[-1], SplitSlices)

    def folder(self, case_id: str) -> Path:
        """Where a case's outputs go."""
        return self.out / "cases" / case_id

    def key(self, *, source: str, series: str | None, labels: dict[str, str]) -> str:
        """The sha256 of all that decides a case's outputs: what comes from the same key need not be made again."""
        said: dict[str, Any] = {
            "version": VERSION,
            "pipeline": to_data(
                self.pipeline.steps, name=self.pipeline.name, dtype=self.pipeline.dtype
            ),
            "format": self.format,
            "dtype": self.dtype,
            "policy": asdict(self.policy),
            "source": source,
            "series": series,
            "labels": labels,
        }
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
