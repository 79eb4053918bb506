"""Whether a grid overlaps another, and the distance between them."""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.errors import GeometryError
from hounsfield.core.grid import Grid

FACE_TOLERANCE_VOXELS = 1e-3
"""Largest distance of a voxel centre outside an outer face of the source: rounding of an affine in
float32, as NIfTI stores it (nifti1.h, srow_x)."""


def check_overlap(target: Grid, source: Grid, *, what: str) -> None:
    """Raise GeometryError unless some voxel centre of `target` may be inside `source`.

    `what` names the target in the message, which states the distance in mm.
    """
    gap = gap_mm(target, source)
    if gap > FACE_TOLERANCE_VOXELS * min(source.spacing_mm):
        raise GeometryError(
            f"{what} {target!r} does not overlap the source {source!r}: its voxel centres are at "
            f"least {gap:.1f} mm away; check that both belong to the same scan"
        )


def gap_mm(target: Grid, source: Grid) -> float:
    """Return the largest gap, mm, between the voxel centres of `target` and the faces of `source`.

    It is the separation along the best of the 15 axes that can separate two parallelepipeds, at
    most their distance, and 0 exactly where they overlap (the separating axis theorem: Gottschalk,
    Lin and Manocha, OBBTree, SIGGRAPH 1996).

    Examples
    --------
    >>> grid = Grid((4, 4, 4), np.eye(4))
    >>> gap_mm(grid.boxed((10, 0, 0), (4, 4, 4)), grid)
    6.5
    """
    ends = np.array(list(product((0.0, 1.0), repeat=3)))
    centres = target.world(ends * (np.array(target.shape) - 1))
    faces = source.world(ends * np.array(source.shape) - 0.5)
    along = _axes(target, source)
    inner, outer = centres @ along.T, faces @ along.T
    gaps = np.maximum(inner.min(axis=0) - outer.max(axis=0), outer.min(axis=0) - inner.max(axis=0))
    return max(0.0, float(gaps.max()))


def _axes(first: Grid, second: Grid) -> NDArray[np.float64]:
    """Return the unit vectors that can separate two parallelepipeds: face normals and crosses."""
    one, other = (grid.directions.T for grid in (first, second))
    left = np.concatenate([one[[1, 2, 0]], other[[1, 2, 0]], np.repeat(one, 3, axis=0)])
    right = np.concatenate([one[[2, 0, 1]], other[[2, 0, 1]], np.tile(other, (3, 1))])
    found = np.cross(left, right)  # in one call: a plan asks for it after each step
    lengths = np.linalg.norm(found, axis=1)
    kept = lengths > 1e-6  # edges that are parallel have no cross product
    return np.asarray(found[kept] / lengths[kept, None], dtype=np.float64)
