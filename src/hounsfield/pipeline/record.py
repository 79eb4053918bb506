"""What was done to a case: enough to run it again, to verify it and to undo it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from hounsfield.core.display import counted, grid_text, html_value
from hounsfield.core.errors import HounsfieldError, unreadable
from hounsfield.core.grid import Grid
from hounsfield.core.spec import Spec
from hounsfield.core.stack import Stack
from hounsfield.core.volume import Array
from hounsfield.io.bytes.text import read_short_text

SCHEMA = 1
"""The version of record.json."""

LARGEST_BYTES = 1 << 26
"""A record is some KB, and 200 bytes more for each slice that lies unevenly: 64 MB are 300,000 slices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """All of record.json; everything but `volatile` is the same for the same input, pipeline and version."""

    case: str = ""
    version: str
    source: Mapping[str, Any]
    pipeline: Mapping[str, Any]
    steps: tuple[Mapping[str, Any], ...]
    output: Mapping[str, Any]
    diagnostics: tuple[Mapping[str, str], ...] = ()
    masks: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    volatile: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        case = f"case {self.case}, " if self.case else ""
        return f"Record({case}{counted(len(self.steps), 'step')}, output: {self._output_text()})"

    def _repr_html_(self) -> str:
        rows = [("case", self.case or "none"), ("version", self.version)]
        rows += [("steps", self.step_names), ("output", self._output_text())]
        return html_value("Record", [*rows, ("diagnostics", str(len(self.diagnostics)))])

    @property
    def step_names(self) -> str:
        """The names of its steps in order, on one line."""
        return " > ".join(str(step.get("step", "?")) for step in self.steps) or "none"

    def _output_text(self) -> str:
        """Quantity, dtype and grid of the output on one line."""
        try:
            text = grid_text(self.output_grid)
            return f"{self.output['quantity']}, {self.output['dtype']}, {text}"
        except (HounsfieldError, KeyError, TypeError, ValueError):
            return "unknown"

    def to_json(self) -> dict[str, Any]:
        """As plain data, with the schema's version."""
        return {
            "schema": SCHEMA,
            "case": self.case,
            "version": self.version,
            "source": dict(self.source),
            "pipeline": dict(self.pipeline),
            "steps": [dict(step) for step in self.steps],
            "output": dict(self.output),
            "diagnostics": [dict(repair) for repair in self.diagnostics],
            "masks": dict(self.masks),
            "labels": dict(self.labels),
            "outputs": dict(self.outputs),
            "volatile": dict(self.volatile),
        }

    def to_text(self) -> str:
        """As the text of record.json: sorted keys, two spaces."""
        return json.dumps(self.to_json(), indent=2, sort_keys=True, allow_nan=False) + "\n"

    def replaced(self, **changes: Any) -> Record:
        """The same record but for `changes`."""
        return replace(self, **changes)

    @classmethod
    def load(cls, path: Path) -> Record:
        """Read record.json; raises ReadError where it is not one of this version."""
        text = read_short_text(path, largest_bytes=LARGEST_BYTES)
        try:
            data = json.loads(text)
            schema = data.pop("schema")
            if schema != SCHEMA:
                raise unreadable(str(path), f"record schema {schema}; expected {SCHEMA}")
            record = cls(
                **{**data, "steps": tuple(data["steps"]), "diagnostics": tuple(data["diagnostics"])}
            )
            record._check_grids()
            return record
        except HounsfieldError:
            raise
        except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
            raise unreadable(str(path), f"not a record of a run ({type(error).__name__})") from None

    def _check_grids(self) -> None:
        """Raise KeyError, TypeError, ValueError or GeometryError where it does not say where its voxels lie."""
        if not all(isinstance(grid, Grid) for grid in (self.source_grid, self.output_grid)):
            raise TypeError

    @property
    def source_grid(self) -> Grid:
        """The natural grid of the source."""
        return grid_of(self.source["geometry"]["grid"])

    @property
    def output_grid(self) -> Grid:
        """The grid of the output."""
        return grid_of(self.output["grid"])


def grid_data(grid: Grid) -> dict[str, Any]:
    """A grid as plain data."""
    return {"shape": list(grid.shape), "affine_ras": grid.affine.tolist()}


def grid_of(data: Mapping[str, Any]) -> Grid:
    """The grid of plain data."""
    return Grid(data["shape"], data["affine_ras"])


def geometry_data(stack: Stack) -> dict[str, Any]:
    """Where a stack's voxels lie: its natural grid, and every slice's own place where the grid does not say it all."""
    data: dict[str, Any] = {"grid": grid_data(stack.grid)}
    if not stack.is_regular:
        data["slices"] = {
            "shape": list(stack.shape),
            "origins_ras_mm": stack.origins_ras_mm.tolist(),
            "step_i_ras_mm": stack.step_i_ras_mm.tolist(),
            "step_j_ras_mm": stack.step_j_ras_mm.tolist(),
        }
    return data


def output_data(spec: Spec) -> dict[str, Any]:
    """What came out."""
    return {
        "grid": grid_data(spec.grid),
        "dtype": str(spec.dtype),
        "quantity": spec.quantity,
        "background": spec.background,
        "channels": list(spec.channels),
        **({"backgrounds": list(spec.backgrounds)} if spec.backgrounds else {}),
    }


def array_sha256(array: Array) -> str:
    """SHA-256 of an array's values in Fortran order, little-endian, without shape or dtype."""
    little = np.asfortranarray(array).astype(array.dtype.newbyteorder("<"), copy=False)
    return hashlib.sha256(little.ravel(order="F").data).hexdigest()
