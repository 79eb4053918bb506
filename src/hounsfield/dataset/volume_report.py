"""What an image file is: grid, dtype, quantity, range of values; in the shape that a DICOM series is reported in."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import HounsfieldWarning, QuantityError, RefusedError, warned
from hounsfield.core.policy import ReadPolicy
from hounsfield.core.spec import Spec
from hounsfield.core.volume import Volume
from hounsfield.io.open import declared_quantity, open_stack, read


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeReport:
    """One file: `spec` and `value_range` where it could be read; codes and sentences of what is wrong or in doubt."""

    id: str
    kind: str
    spec: Spec | None
    value_range: tuple[float, float] | None
    verdict: str
    reasons: tuple[Diagnostic, ...]

    def to_json(self) -> dict[str, Any]:
        """As the row of a series, with dtype and value_range besides."""
        grid = None if self.spec is None else self.spec.grid
        count = 0 if grid is None else grid.shape[2]
        return {
            "number": None,
            "id": self.id,
            "kind": self.kind,
            "slices": count,
            "shape": [] if grid is None else list(grid.shape),
            "spacing_mm": None if grid is None else list(grid.spacing_mm),
            "gaps_mm": [] if grid is None or count < 2 else [[grid.spacing_mm[2], count - 1]],
            "orientation": "" if grid is None else grid.orientation,
            "tilt_deg": 0.0,
            "kernel": "",
            "codec": "",
            "quantity": "other" if self.spec is None else self.spec.quantity,
            "verdict": self.verdict,
            "reasons": [
                {"code": each.code, "message": each.message, "files": [], "value": None}
                for each in self.reasons
            ],
            "dtype": "" if self.spec is None else str(self.spec.dtype),
            "value_range": None if self.value_range is None else list(self.value_range),
        }


def report_volume(
    path: Path, *, id: str, policy: ReadPolicy, series: str | None = None
) -> VolumeReport:
    """Read a file and report it; a refusal is part of the report. Raises ReadError and other errors of the readers."""
    from hounsfield.io.formats import sniff

    kind = sniff(path)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", HounsfieldWarning)
        try:
            volume, diagnostics = _read(path, series=series, policy=policy)
        except RefusedError as error:
            return VolumeReport(
                id=id,
                kind=kind,
                spec=None,
                value_range=None,
                verdict="refused",
                reasons=error.diagnostics,
            )
    doubts = warned(caught)
    return VolumeReport(
        id=id,
        kind=kind,
        spec=volume.spec,
        reasons=(*diagnostics, *doubts),
        value_range=(float(volume.array.min()), float(volume.array.max())),
        verdict="repairable" if diagnostics else "ok",
    )


def _read(
    path: Path, *, series: str | None, policy: ReadPolicy
) -> tuple[Volume, tuple[Diagnostic, ...]]:
    """The volume of a file, channels included, and what was mended."""
    try:
        stack = open_stack(path, series=series, policy=policy)
    except QuantityError:
        said = declared_quantity(path, series=series, policy=policy)
        return read(path, series=series, quantity=said or "other", policy=policy), ()
    return stack.volume(), stack.diagnostics
