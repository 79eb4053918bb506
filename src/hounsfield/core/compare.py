"""Compare the grids of an image and a label map by their corners in RAS+ mm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hounsfield.core.arguments import checked
from hounsfield.core.grid import ALIGNED_TOLERANCE_VOXELS, Grid
from hounsfield.core.volume import Volume

SAME_WITHIN_MM = 0.01
"""Largest distance of corners that coincide: headers round to 0.01 mm."""


@checked
@dataclass(frozen=True, slots=True)
class Comparison:
    """Report whether two volumes have the same grid, and what differs.

    Parameters
    ----------
    same : bool
        Whether the grids are the same, index for index.
    max_corner_mm : float
        Largest distance from a corner to the nearest one of the other grid, mm; 0 for a flip.
    differences : tuple of str
        What differs, in sentences.

    Examples
    --------
    >>> Comparison(True, 0.0, ()).same
    True
    """

    same: bool
    max_corner_mm: float
    differences: tuple[str, ...]


@checked
def compare(image: Volume, label: Volume) -> Comparison:
    """Compare the positions of an image and a label map by their corners in RAS+ mm.

    Parameters
    ----------
    image : Volume
        The image.
    label : Volume
        The label map, or any other volume.

    Returns
    -------
    Comparison
        Whether both lie on the same grid, the distance of their corners and what differs.

    Raises
    ------
    ArgumentError
        If one of them is not a Volume.

    Examples
    --------
    >>> ct = Volume.from_array(np.zeros((4, 4, 2), np.int16), affine=np.diag([-1, -1, 5, 1]))
    >>> seg = np.zeros((4, 4, 2), np.uint8)
    >>> seg = Volume.from_array(seg, affine=np.diag([1, 1, 5, 1]), quantity="label")
    >>> compare(ct, seg).differences[0]
    'the image runs LPS, the label RAS: flip or reorder its axes by the affine, never its header'
    """
    first, second = image.grid, label.grid
    distance_mm = _farthest_mm(first, second)
    if first.same_as(second):
        return Comparison(True, distance_mm, ())
    return Comparison(False, distance_mm, tuple(_differences(first, second, distance_mm)))


def _farthest_mm(first: Grid, second: Grid) -> float:
    """The Hausdorff distance between the corners of two grids."""
    distances = np.linalg.norm(
        first.corners_mm[:, np.newaxis] - second.corners_mm[np.newaxis], axis=2
    )
    return float(max(distances.min(axis=0).max(), distances.min(axis=1).max()))


def _differences(first: Grid, second: Grid, distance_mm: float) -> list[str]:
    found = []
    turned = second
    if first.orientation != second.orientation:
        found.append(
            f"the image runs {first.orientation}, the label {second.orientation}: "
            f"flip or reorder its axes by the affine, never its header"
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
        found.append(f"their first voxels, in the image's orientation, differ by {shift_mm:.4g} mm")
    found.append(
        f"their corners differ by up to {distance_mm:.4g} mm"
        if distance_mm > SAME_WITHIN_MM
        else "their corners coincide in RAS+ mm: "
        "hu.regrid copies the label onto the image's grid exactly"
    )
    return found


def _angle_deg(first: Grid, second: Grid) -> float:
    """The largest angle between corresponding axes, degrees."""
    sines = np.linalg.norm(np.cross(first.directions.T, second.directions.T), axis=1)
    cosines = (first.directions * second.directions).sum(axis=0)
    return float(np.degrees(np.arctan2(sines, cosines)).max())


def _times(values: tuple[int, ...] | tuple[float, ...]) -> str:
    return " x ".join(f"{value:.6g}" for value in values)
