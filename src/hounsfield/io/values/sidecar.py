"""The JSON sidecar file of an array, with its grid, quantity and background."""

from __future__ import annotations

import json
import math
import operator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from hounsfield.core.dtype import voxel_dtype
from hounsfield.core.errors import ReadError
from hounsfield.core.spec import QUANTITIES, Quantity, Spec
from hounsfield.io.bytes.gzip.read import reading
from hounsfield.io.values.affine import checked_grid

SIDECAR_NAME = "volume.json"
"""The sidecar file in a folder of PNG slices."""

SCHEMA = 1

SIDECAR_BYTES = 1 << 20
"""The largest accepted sidecar; a typical one is under 2 KB."""

KEYS = {"schema", "shape", "affine_ras_mm", "dtype", "quantity", "background", "channels"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sidecar:
    """The Spec of an array, with slope and intercept of the stored values (PNG only)."""

    spec: Spec
    slope: float = 1.0
    intercept: float = 0.0

    def text(self) -> str:
        """The JSON text, with sorted keys and floats that round-trip exactly."""
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
    """Read and check a sidecar; raises ReadError if it is missing, invalid or has unknown keys."""
    with reading("sidecar"):
        with path.open("rb") as file:
            data = file.read(SIDECAR_BYTES + 1)
        if len(data) > SIDECAR_BYTES:
            raise ReadError(
                f"the sidecar is larger than {SIDECAR_BYTES} bytes; write it with hu.write"
            )
    try:
        fields = json.loads(data)
    except (ValueError, RecursionError):
        raise ReadError("the sidecar is not JSON; write it again with hu.write") from None
    if not isinstance(fields, dict) or fields.get("schema") != SCHEMA or not set(fields) >= KEYS:
        raise ReadError(
            f"invalid sidecar; expected schema {SCHEMA} and the keys {', '.join(sorted(KEYS))}"
        )
    if not set(fields) <= KEYS | {"slope", "intercept", "backgrounds"}:
        raise ReadError("the sidecar has unknown keys; remove them or write it again with hu.write")
    return _checked(fields)


def _checked(fields: dict[str, Any]) -> Sidecar:
    try:
        affine = np.array(fields["affine_ras_mm"], dtype=np.float64)
        dtype = voxel_dtype(fields["dtype"])
        slope, intercept = float(fields.get("slope", 1.0)), float(fields.get("intercept", 0.0))
        background, quantity = float(fields["background"]), str(fields["quantity"])
        shape = [operator.index(size) for size in fields["shape"]]
        channels = tuple(str(name) for name in fields["channels"])
        backgrounds = tuple(float(value) for value in fields.get("backgrounds", ()))
    except (ValueError, TypeError, OverflowError):  # QuantityError is a ValueError
        raise ReadError("the sidecar is corrupt: a value has an unexpected type") from None
    if quantity not in QUANTITIES:
        raise ReadError("the sidecar is corrupt: unknown quantity")
    if not all(map(math.isfinite, (slope, intercept, background, *backgrounds))) or slope == 0:
        raise ReadError(
            "the sidecar is corrupt: slope, intercept and background must be finite, slope not 0"
        )
    if affine.shape != (4, 4):
        raise ReadError("the sidecar is corrupt: its affine is not 4 x 4")
    if backgrounds and len(backgrounds) != len(channels):
        raise ReadError("the sidecar is corrupt: the number of backgrounds is not that of channels")
    spec = Spec(
        grid=checked_grid(shape, affine),
        dtype=dtype,
        quantity=cast("Quantity", quantity),
        background=background,
        channels=channels,
        backgrounds=backgrounds,
    )
    return Sidecar(spec=spec, slope=slope, intercept=intercept)
