"""Place voxels in the world: affines of other frames turned into RAS+ mm, refused where they cannot be a scan's."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import GeometryError, refused
from hounsfield.core.grid import Grid, parse_orientation

SIGNS: dict[str, tuple[float, float, float]] = {
    "LPS": (-1.0, -1.0, 1.0),
    "RAS": (1.0, 1.0, 1.0),
    "LAS": (-1.0, 1.0, 1.0),
}
"""What each world axis of a frame is multiplied with to become RAS+."""

ANY_AFFINE = "RAS"
"""Stands in for an affine that a header lacks where only the names of its data files are asked for."""

FARTHEST_MM = 1e6
"""A kilometre: no scanner places a voxel farther off, and no arithmetic on smaller numbers overflows."""

FINEST_MM = 1e-6
"""A nanometre: no CT resolves it; a smaller spacing is a header gone wrong."""


def placed(shape: Sequence[int], affine_ras: ArrayLike) -> Grid:
    """The grid of a file's shape and affine; raises GeometryError where a spacing or an origin is no scan's."""
    affine = np.asarray(affine_ras, dtype=np.float64)
    if not np.isfinite(affine).all() or np.abs(affine).max() > FARTHEST_MM:
        raise GeometryError("it holds NaN, infinity, or distances over a kilometre")
    if np.abs(affine[:3, :3]).max(axis=0).min() < FINEST_MM:
        raise GeometryError("a spacing in it is 0 mm, or as good as that")
    return Grid(shape, affine)


def to_ras(affine: ArrayLike, frame: str = "LPS") -> NDArray[np.float64]:
    """An affine (4 x 4) to `frame` mm as one to RAS+ mm; for LPS it is its own inverse."""
    return np.asarray(
        np.array([*SIGNS[frame], 1.0])[:, np.newaxis] * np.asarray(affine, dtype=np.float64)
    )


def assumed(
    letters: str | None, spacing_mm: ArrayLike | None, fault: str
) -> tuple[NDArray[np.float64], Diagnostic]:
    """The affine that the user's three letters and the file's spacing give, first voxel at 0; raises RefusedError
    (NO_AFFINE) where there are none."""
    if spacing_mm is None:
        raise refused(
            "NO_AFFINE",
            f"{fault}, and there is no spacing either: nothing says where the voxels lie",
        )
    if letters is None:
        raise refused(
            "NO_AFFINE",
            f"{fault}, so nothing says where the voxels lie; assume_affine='RAS' (or the "
            "letters that you know) takes your word for it",
        )
    affine = np.diag([0.0, 0.0, 0.0, 1.0])
    steps = np.asarray(spacing_mm, dtype=np.float64)
    for axis, (world, sign) in enumerate(parse_orientation(letters)):
        affine[world, axis] = sign * steps[axis]
    return affine, Diagnostic(
        "ASSUMED_AFFINE",
        "repair",
        f"{fault}: axes taken as {letters}, the spacing from the header, the first "
        "voxel at 0, 0, 0 mm",
    )
