"""Convert affines to RAS+ mm, check them, and assume missing ones on request."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import GeometryError, refused
from hounsfield.core.grid import Grid
from hounsfield.core.orientation import parse_orientation

SIGNS: dict[str, tuple[float, float, float]] = {
    "LPS": (-1.0, -1.0, 1.0),
    "RAS": (1.0, 1.0, 1.0),
    "LAS": (-1.0, 1.0, 1.0),
}
"""Sign of each world axis in the conversion to RAS+."""

ANY_AFFINE = "RAS"
"""The orientation to assume if only the names of data files are needed from a header."""

FARTHEST_MM = 1e6
"""Largest valid entry of an affine (1 km)."""

FINEST_MM = 1e-6
"""Smallest valid spacing (1 nm)."""


def checked_grid(shape: Sequence[int], affine_ras: ArrayLike) -> Grid:
    """The grid of a shape and affine; raises GeometryError for invalid spacings or origins."""
    affine = np.asarray(affine_ras, dtype=np.float64)
    if not np.isfinite(affine).all() or np.abs(affine).max() > FARTHEST_MM:
        raise GeometryError(
            "affine has NaN, infinite or larger values than 1 km; correct the header"
        )
    if np.abs(affine[:3, :3]).max(axis=0).min() < FINEST_MM:
        raise GeometryError("affine has a spacing of 0 mm; expected positive spacings")
    return Grid(shape, affine)


def to_ras(affine: ArrayLike, frame: str = "LPS") -> NDArray[np.float64]:
    """Convert an affine (4 x 4) from `frame` to RAS+ mm; for LPS also the inverse."""
    return np.asarray(
        np.array([*SIGNS[frame], 1.0])[:, np.newaxis] * np.asarray(affine, dtype=np.float64)
    )


def assumed_affine(
    letters: str | None, spacing_mm: ArrayLike | None, fault: str
) -> tuple[NDArray[np.float64], Diagnostic]:
    """The affine of the given orientation and spacing, with the first voxel at 0, 0, 0 mm.

    `fault` is why the file has no affine. Raises RefusedError (NO_AFFINE) if either is missing.
    """
    if spacing_mm is None:
        raise refused("NO_AFFINE", f"{fault}, and no spacing; the voxel positions are unknown")
    if letters is None:
        raise refused(
            "NO_AFFINE",
            f"{fault}; the voxel positions are unknown; use assume_affine='RAS' (or another "
            "orientation) to assume one",
        )
    affine = np.diag([0.0, 0.0, 0.0, 1.0])
    steps = np.asarray(spacing_mm, dtype=np.float64)
    for axis, (world, sign) in enumerate(parse_orientation(letters)):
        affine[world, axis] = sign * steps[axis]
    return affine, Diagnostic(
        "ASSUMED_AFFINE",
        "repair",
        f"{fault}; assumed axes {letters}, the spacing of the header and the first voxel at "
        "0, 0, 0 mm",
    )
