"""The sidecar: what an array alone does not say, as JSON beside it."""

from __future__ import annotations

import json
import math
import operator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from hounsfield.core.errors import ReadError
from hounsfield.core.spec import QUANTITIES, Quantity, Spec
from hounsfield.io.bytes.gzip.read import reading
from hounsfield.io.values.affine import checked_grid

SIDECAR_NAME = "volume.json"
"""The file that a folder of our PNG slices keeps its grid in."""

SCHEMA = 1

SIDECAR_BYTES = 1 << 20
"""A sidecar is under 2 KB; a larger one is none."""

KEYS = {"schema", "shape", "affine_ras_mm", "dtype", "quantity", "background", "channels"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sidecar:
    """What an array means, and the slope and intercept of what is stored (PNG only)."""

    spec: Spec
    slope: float = 1.0
    intercept: float = 0.0

    def text(self) -> str:
        """It as JSON with sorted keys; floats so that they come back exactly."""
        spec = self.spec
        fields: dict[str, Any] = {
            "schema": SCHEMA,
            "shape": list(spec.grid.shape),
            "affine_ras_mm": spec.grid.affine.tolist(),
            "dtype": spec.dtype.name,
            "quantity": spec.quantity,
            "background": spec.background,
            "channels": list(spec.channels),
        }
        if spec.backgrounds:
            fields["backgrounds"] = list(spec.backgrounds)
        if (self.slope, self.intercept) != (1.0, 0.0):
            fields |= {"slope": self.slope, "intercept": self.intercept}
        return json.dumps(fields, indent=1, sort_keys=True) + "\n"


def read_sidecar(path: Path) -> Sidecar:
    """Read and check a sidecar; raises ReadError where it is missing, is none, or holds an unknown key."""
    with reading("sidecar"):
        with path.open("rb") as file:
            data = file.read(SIDECAR_BYTES + 1)
        if len(data) > SIDECAR_BYTES:
            raise ReadError("the sidecar is far larger than one is")
    try:
        fields = json.loads(data)
    except (ValueError, RecursionError):
        raise ReadError("the sidecar is no JSON") from None
    if not isinstance(fields, dict) or fields.get("schema") != SCHEMA or not set(fields) >= KEYS:
        raise ReadError(
            f"the sidecar is not one of ours: it needs schema {SCHEMA} and {', '.join(sorted(KEYS))}"
        )
    if not set(fields) <= KEYS | {"slope", "intercept", "backgrounds"}:
        raise ReadError("the sidecar holds keys that are not known")
    return _checked(fields)


def _checked(fields: dict[str, Any]) -> Sidecar:
    try:
        affine = np.array(fields["affine_ras_mm"], dtype=np.float64)
        dtype = np.dtype(str(fields["dtype"]))
        slope, intercept = float(fields.get("slope", 1.0)), float(fields.get("intercept", 0.0))
        background, quantity = float(fields["background"]), str(fields["quantity"])
        shape = [operator.index(size) for size in fields["shape"]]
        channels = tuple(str(name) for name in fields["channels"])
        backgrounds = tuple(float(value) for value in fields.get("backgrounds", ()))
    except (ValueError, TypeError, OverflowError):
        raise ReadError("the sidecar is corrupt: a value in it is of another type") from None
    if quantity not in QUANTITIES or dtype.kind not in "biuf" or dtype.itemsize > 8:
        raise ReadError("the sidecar is corrupt: its quantity or dtype is none")
    if not all(map(math.isfinite, (slope, intercept, background, *backgrounds))) or slope == 0:
        raise ReadError(
            "the sidecar is corrupt: its slope, intercept or background is no finite number"
        )
    if affine.shape != (4, 4):
        raise ReadError("the sidecar is corrupt: its affine is not 4 x 4")
    if backgrounds and len(backgrounds) != len(channels):
        raise ReadError("the sidecar is corrupt: it has not one background for each channel")
    spec = Spec(
        grid=checked_grid(shape, affine),
        dtype=dtype,
        quantity=cast("Quantity", quantity),
        background=background,
        channels=channels,
        backgrounds=backgrounds,
    )
    return Sidecar(spec=spec, slope=slope, intercept=intercept)
