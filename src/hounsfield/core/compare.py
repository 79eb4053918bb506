"""Compare where an image and a label map lie: corner by corner in the world, never index by index."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hounsfield.core.grid import ALIGNED_TOLERANCE_VOXELS, Grid
from hounsfield.core.volume import Volume

SAME_WITHIN_MM = 0.01
"""Corners closer than this are one place: headers round to 0.01 mm."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Whether two volumes lie on one grid; the largest distance between corners, mm; and what differs, in sentences.

    `same` is index for index. `max_corner_mm` is a distance in the world, corner to nearest corner, so that a mere
    flip has 0: the labels lie right, but their axes run otherwise.
    """

    same: bool
    max_corner_mm: float
    differences: tuple[str, ...]


def compare(image: Volume, label: Volume) -> Comparison:
    """Compare the grids of `image` and `label` by their corners in RAS+ mm.

    >>> ct = Volume.from_array(np.zeros((4, 4, 2), np.int16), affine=np.diag([-1, -1, 5, 1]))
    >>> seg = Volume.from_array(np.zeros((4, 4, 2), np.uint8), affine=np.diag([1, 1, 5, 1]), quantity="label")
    >>> compare(ct, seg).differences[0]
    'the image runs LPS, the label RAS: flip or reorder its axes by the affine, never its header'
    """
    first, second = image.grid, label.grid
    apart_mm = _farthest_mm(first, second)
    if first.same_as(second):
        return Comparison(True, apart_mm, ())
    return Comparison(False, apart_mm, tuple(_differences(first, second, apart_mm)))


def _farthest_mm(first: Grid, second: Grid) -> float:
    """The largest distance from a corner of either to the nearest corner of the other (Hausdorff over corners)."""
    distances = np.linalg.norm(
        first.corners_mm[:, np.newaxis] - second.corners_mm[np.newaxis], axis=2
    )
    return float(max(distances.min(axis=0).max(), distances.min(axis=1).max()))


def _differences(first: Grid, second: Grid, apart_mm: float) -> list[str]:
    found = []
    turned = second
    if first.orientation != second.orientation:
        found.append(
            f"the image runs {first.orientation}, the label {second.orientation}: flip or reorder its axes by "
            f"the affine, never its header"
        )
        turned = second.reoriented(first.orientation)
    if first.shape != turned.shape:
        found.append(
            f"the image has {_times(first.shape)} voxels, the label {_times(turned.shape)}"
        )
    steps = np.abs(np.subtract(first.spacing_mm, turned.spacing_mm)) * first.shape
    if steps.max() > ALIGNED_TOLERANCE_VOXELS * min(first.spacing_mm):
        found.append(
            f"the image has a spacing of {_times(first.spacing_mm)} mm, the label of "
            f"{_times(turned.spacing_mm)} mm"
        )
    angle = _angle_deg(first, turned)
    if np.radians(angle) * max(first.extent_mm) > SAME_WITHIN_MM:
        found.append(f"their axes differ by {angle:.4g} degrees")
    shift_mm = float(np.linalg.norm(first.world((0, 0, 0)) - turned.world((0, 0, 0))))
    if shift_mm > ALIGNED_TOLERANCE_VOXELS * min(first.spacing_mm):
        found.append(f"their first voxels, in the image's orientation, lie {shift_mm:.4g} mm apart")
    found.append(
        f"their corners lie up to {apart_mm:.4g} mm apart"
        if apart_mm > SAME_WITHIN_MM
        else "their corners coincide in the world: hu.regrid copies the label onto the image's grid exactly"
    )
    return found


def _angle_deg(first: Grid, second: Grid) -> float:
    """The largest angle between axes of the same number."""
    sines = np.linalg.norm(np.cross(first.directions.T, second.directions.T), axis=1)
    cosines = (first.directions * second.directions).sum(axis=0)
    return float(np.degrees(np.arctan2(sines, cosines)).max())


def _times(values: tuple[int, ...] | tuple[float, ...]) -> str:
    return " x ".join(f"{value:.6g}" for value in values)
