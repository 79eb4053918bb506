"""The geometry of slices from their own vectors: normals, positions along them, and LPS to RAS."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from hounsfield.io.dicom.header.frame import Frame

Floats = NDArray[np.float64]

UNIT_TOLERANCE = 1e-2
"""Direction cosines are unit vectors at right angles within this (six decimals are usual, some write three); beyond
it they say nothing that can be trusted."""

LPS_TO_RAS = np.array([-1.0, -1.0, 1.0])
"""DICOM's patient axes (left, posterior, superior) into ours (right, anterior, superior)."""


@lru_cache(maxsize=256)
def axes(orientation: tuple[float, ...]) -> tuple[Floats, Floats] | None:
    """The unit vectors along a row and down a column (LPS), or None where the six numbers are no such pair."""
    if len(orientation) != 6:
        return None
    along, down = (
        np.array(orientation[:3], dtype=np.float64),
        np.array(orientation[3:], dtype=np.float64),
    )
    lengths = np.linalg.norm(along), np.linalg.norm(down)
    if max(abs(length - 1.0) for length in lengths) > UNIT_TOLERANCE:
        return None
    along, down = along / lengths[0], down / lengths[1]
    return None if abs(float(along @ down)) > UNIT_TOLERANCE else (along, down)


@lru_cache(maxsize=256)
def normal(orientation: tuple[float, ...]) -> Floats | None:
    """The unit vector across a slice (LPS): rows cross columns."""
    pair = axes(orientation)
    if pair is None:
        return None
    across = np.cross(*pair)
    return np.asarray(across / np.linalg.norm(across), dtype=np.float64)


def places(frames: Sequence[Frame], across: Floats) -> Floats:
    """Position of each frame along `across`, mm."""
    return np.asarray(
        np.array([frame.position_mm for frame in frames], dtype=np.float64) @ across,
        dtype=np.float64,
    )


def plane(across: Floats) -> str:
    """axial, coronal or sagittal: the anatomical plane nearest to a slice of this normal."""
    return ("sagittal", "coronal", "axial")[int(np.argmax(np.abs(across)))]
