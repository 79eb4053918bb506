"""The configuration of a run, which all its cases share; it is pickled for worker processes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from hounsfield.core.policy import ReadPolicy
from hounsfield.core.version import VERSION
from hounsfield.dataset.label_map.label_map import LabelMap
from hounsfield.dataset.points.read import Frame
from hounsfield.pipeline.pipeline import Pipeline
from hounsfield.pipeline.serialize import check_registered, to_data
from hounsfield.steps.split_slices import SplitSlices


@dataclass(frozen=True, slots=True, kw_only=True)
class RunConfig:
    """A pipeline, the output folder, and the options of the output.

    `labels` are names and paths; fields such as {id} in a path are replaced. `label_map` says which
    regions become which label. `frame` is that of points of cases in files. `memory_bytes` is the
    memory limit of a case (None: a share of the free memory); the outputs do not depend on it. With
    `out_url` the outputs of cases are copied there, and `out` has only the manifest. `is_second` is
    true for a case that is tried again, with less memory; the outputs do not depend on it.
    Raises PipelineError if a step is not registered.
    """

    pipeline: Pipeline
    out: Path
    format: str = "nii.gz"
    dtype: str | None = None
    policy: ReadPolicy = field(default_factory=ReadPolicy)
    labels: tuple[tuple[str, str], ...] = ()
    memory_bytes: int | None = None
    out_url: str = ""
    label_map: LabelMap | None = None
    frame: Frame | None = None
    is_second: bool = False

    def __post_init__(self) -> None:
        check_registered(self.pipeline.steps)

    @property
    def is_split(self) -> bool:
        """Whether one file per slice is written."""
        return bool(self.pipeline.steps) and isinstance(self.pipeline.steps[-1], SplitSlices)

    def folder(self, case_id: str) -> Path:
        """Return the output folder of a case."""
        return self.out / "cases" / case_id

    def key(
        self,
        *,
        source: str,
        series: str | None,
        labels: Mapping[str, str],
        points: str = "",
        values: Sequence[Any] = (),
    ) -> str:
        """Return the sha256 of everything that determines the outputs of a case.

        `points` is the digest of its points, "" for none, and `values` are the names of values and
        the members of the label files.
        """
        inputs: dict[str, Any] = {
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
        if self.label_map is not None:
            inputs["label_map"] = {"labels": self.label_map.to_data(), "values": list(values)}
        if points:
            inputs["points"] = points
        return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()
