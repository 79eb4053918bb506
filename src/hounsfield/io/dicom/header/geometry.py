"""Slice normals, positions along them, and the conversion from LPS to RAS."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hounsfield.io.dicom.header.frame import Frame

Floats = NDArray[np.float64]
Plane = Literal["axial", "coronal", "sagittal"]

UNIT_TOLERANCE = 1e-2
"""Largest deviation of direction cosines from orthonormal; most writers give six decimals, some
three."""

LPS_TO_RAS = np.array([-1.0, -1.0, 1.0])
"""Multiply to convert between LPS+ (DICOM) and RAS+."""


@lru_cache(maxsize=256)
def axes(orientation: tuple[float, ...]) -> tuple[Floats, Floats] | None:
    """Unit vectors along a row and down a column (LPS); None if they are not orthonormal."""
    if len(orientation) != 6:
        return None
    along, down = np.array(orientation, dtype=np.float64).reshape(2, 3)
    lengths = np.linalg.norm(along), np.linalg.norm(down)
    if max(abs(length - 1.0) for length in lengths) > UNIT_TOLERANCE:
        return None
    along, down = along / lengths[0], down / lengths[1]
    return None if abs(float(along @ down)) > UNIT_TOLERANCE else (along, down)


@lru_cache(maxsize=256)
def normal(orientation: tuple[float, ...]) -> Floats | None:
    """The unit normal of a slice (LPS): row direction x column direction."""
    pair = axes(orientation)
    if pair is None:
        return None
    across = np.cross(*pair)
    return np.asarray(across / np.linalg.norm(across), dtype=np.float64)


def positions_along(frames: Sequence[Frame], across: Floats) -> Floats:
    """Position of each frame along the unit vector `across`, mm (k,)."""
    origins = np.array([frame.position_mm for frame in frames], dtype=np.float64)
    return np.asarray(origins @ across, dtype=np.float64)


def plane(across: Floats) -> Plane:
    """The anatomical plane (axial, coronal, sagittal) closest to a slice with this normal."""
    planes: tuple[Plane, Plane, Plane] = ("sagittal", "coronal", "axial")
    return planes[int(np.argmax(np.abs(across)))]
