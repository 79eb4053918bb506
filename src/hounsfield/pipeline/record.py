"""The record of a run: all that is needed to repeat, verify and undo it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from hounsfield.core.arguments import checked
from hounsfield.core.display import counted, grid_text, html_value
from hounsfield.core.errors import HounsfieldError, PipelineError, unreadable
from hounsfield.core.grid import Grid
from hounsfield.core.source import VolumeSource, grid_data, grid_of
from hounsfield.core.spec import Spec
from hounsfield.core.volume import Array
from hounsfield.io.bytes.text import read_short_text

SCHEMA = 1
"""The version of record.json."""

LARGEST_BYTES = 1 << 26
"""Maximum size; a record has a few KB, and 200 bytes per slice of an uneven stack."""


class SourceData(Mapping[str, Any]):
    """The source of a record: its geometry, and its sha256, computed on first access."""

    def __init__(self, source: VolumeSource) -> None:
        self._source = source

    def __getitem__(self, key: str) -> Any:
        if key == "sha256":
            return self._source.sha256
        return {"geometry": self._source.geometry}[key]

    def __iter__(self) -> Iterator[str]:
        return iter(("sha256", "geometry"))

    def __len__(self) -> int:
        return 2


UNREGISTERED = "unregistered"
"""The key, in the data of a pipeline, of a step whose class is not registered."""


@checked
@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Hold the contents of record.json: how a case was made, to repeat and to verify it.

    Everything but `volatile` is the same for the same input, pipeline and version.

    Parameters
    ----------
    case : str, default ''
        Id of the case.
    version : str
        Version of this package.
    source : mapping of str to Any
        Checksum and geometry of the source; the checksum is computed when it is first read.
    pipeline : mapping of str to Any
        The pipeline, as `Pipeline.parse` reads it.
    steps : tuple of mapping
        The steps as they were resolved on the source.
    output : mapping of str to Any
        Grid, dtype, quantity, background and channels of the image.
    interpolation : tuple of mapping, default ()
        How each pass sampled, such as 'conservative' or 'linear' along each axis, and its labels;
        a pass that copies voxels is left out.
    diagnostics : tuple of mapping, default ()
        Code, severity and message of each diagnostic.
    masks : mapping of str to Any, default {}
        What is known of each mask.
    labels : mapping of str to Any, default {}
        What is known of each label.
    overlaps : tuple of mapping, default ()
        Of labels of a label map: the winner and the loser of an overlap, and its voxels.
    outputs : mapping of str to str, default {}
        The sha256 of each file.
    volatile : mapping of str to Any, default {}
        Start, duration and memory.

    Examples
    --------
    >>> import hounsfield as hu
    >>> ct = hu.Volume.from_array(np.zeros((4, 4, 2), np.int16), affine=np.eye(4))
    >>> record = hu.Pipeline([hu.Reorient("LPS")]).run(ct).record
    >>> record.steps[0], record.output_grid.orientation
    ({'step': 'Reorient', 'to': 'LPS'}, 'LPS')
    """

    case: str = ""
    version: str
    source: Mapping[str, Any]
    pipeline: Mapping[str, Any]
    steps: tuple[Mapping[str, Any], ...]
    output: Mapping[str, Any]
    interpolation: tuple[Mapping[str, Any], ...] = ()
    diagnostics: tuple[Mapping[str, str], ...] = ()
    masks: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, Any] = field(default_factory=dict)
    overlaps: tuple[Mapping[str, Any], ...] = ()
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
        """Return quantity, dtype and grid of the output on one line."""
        try:
            text = grid_text(self.output_grid)
            return f"{self.output['quantity']}, {self.output['dtype']}, {text}"
        except (HounsfieldError, KeyError, TypeError, ValueError):
            return "unknown"

    def to_json(self) -> dict[str, Any]:
        """Return the record as plain data.

        Returns
        -------
        dict of str to Any
            All fields, and the version of the schema.
        """
        return {
            "schema": SCHEMA,
            "case": self.case,
            "version": self.version,
            "source": dict(self.source),
            "pipeline": dict(self.pipeline),
            "steps": [dict(step) for step in self.steps],
            "output": dict(self.output),
            "interpolation": [dict(each) for each in self.interpolation],
            "diagnostics": [dict(each) for each in self.diagnostics],
            "masks": dict(self.masks),
            "labels": dict(self.labels),
            "overlaps": [dict(each) for each in self.overlaps],
            "outputs": dict(self.outputs),
            "volatile": dict(self.volatile),
        }

    def to_text(self) -> str:
        """Return the text of record.json.

        Returns
        -------
        str
            JSON with sorted keys, indented by two spaces.
        """
        unknown = [row["step"] for row in self.pipeline.get("steps", ()) if UNREGISTERED in row]
        if unknown:
            raise PipelineError(
                f"step class {unknown[0]} is not registered, so the record cannot be run again; "
                f"add it to the entry points of group 'hounsfield.steps' in its package"
            )
        return json.dumps(self.to_json(), indent=2, sort_keys=True, allow_nan=False) + "\n"

    def replaced(self, **changes: Any) -> Record:
        """Return a copy with some fields changed.

        Parameters
        ----------
        **changes : Any
            New values of fields of Record.

        Returns
        -------
        Record
            The changed copy.
        """
        return replace(self, **changes)

    @classmethod
    @checked
    def load(cls, path: str | PathLike[str]) -> Record:
        """Read a record.json.

        Parameters
        ----------
        path : str or PathLike
            The file.

        Returns
        -------
        Record
            The record.

        Raises
        ------
        ReadError
            If the file is not a record of this version.
        """
        text = read_short_text(Path(path), largest_bytes=LARGEST_BYTES)
        try:
            data = json.loads(text)
            schema = data.pop("schema")
            if schema != SCHEMA:
                raise unreadable(str(path), f"record schema {schema}; expected {SCHEMA}")
            for name in ("interpolation", "overlaps"):  # missing in older records
                data[name] = data.get(name, ())
            listed = ("steps", "interpolation", "diagnostics", "overlaps")
            record = cls(**data | {name: tuple(data[name]) for name in listed})
            record._check_grids()
            return record
        except HounsfieldError:
            raise
        except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
            raise unreadable(str(path), f"not a record of a run ({type(error).__name__})") from None

    def _check_grids(self) -> None:
        """Raise KeyError, TypeError, ValueError or GeometryError if a grid is invalid."""
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


def output_data(spec: Spec) -> dict[str, Any]:
    """Return the Spec of the output as plain data."""
    return {
        "grid": grid_data(spec.grid),
        "dtype": str(spec.dtype),
        "quantity": spec.quantity,
        "background": spec.background,
        "channels": list(spec.channels),
        **({"backgrounds": list(spec.backgrounds)} if spec.backgrounds else {}),
    }


def array_sha256(array: Array) -> str:
    """Return the SHA-256 of the values in Fortran order, little-endian, without shape or dtype."""
    little = np.asfortranarray(array).astype(array.dtype.newbyteorder("<"), copy=False)
    return hashlib.sha256(little.ravel(order="F").data).hexdigest()
