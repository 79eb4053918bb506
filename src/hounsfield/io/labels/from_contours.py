"""An RTSTRUCT's regions as masks on an image's grid."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hounsfield.core.errors import Problem
from hounsfield.core.stack import Stack
from hounsfield.core.volume import Volume
from hounsfield.io.labels.draw import draw
from hounsfield.io.labels.lattice import Lattice
from hounsfield.io.labels.objects import LabelObject
from hounsfield.io.labels.plain_name import plain_names
from hounsfield.io.labels.rtstruct import CLOSED, Roi, rois_of


def contour_labels(item: LabelObject, image: Stack | Volume, *, wanted: Sequence[str] | None = None
                   ) -> tuple[dict[str, Volume], tuple[Problem, ...]]:
    """Each region with closed contours as a mask on the image's grid, by name, and what to know of them.

    A region's points and open lines enclose nothing: they are left out, and said. Raises ReadError, RefusedError.
    """
    rois = rois_of(item)
    names = plain_names(((roi.number, roi.text) for roi in rois), kind="roi")
    masks: dict[str, Volume] = {}
    problems: list[Problem] = []
    for roi in rois:
        name = names[roi.number]
        if wanted is not None and name not in wanted:
            continue
        if not roi.closed:
            problems.append(Problem("", "EMPTY", f"label '{name}' has no closed contour and is left out"))
            continue
        lattice = lattice_for(roi, image)
        drawn = draw(roi.closed, lattice, name=name)
        masks[name] = lattice.volume(drawn.array)
        problems += [*_notes(roi, name, lattice), *drawn.problems]
    return masks, tuple(problems)


def lattice_for(roi: Roi, image: Stack | Volume) -> Lattice:
    """The slices of `image` across which the region's contours are flattest: of a grid, any of its three axes."""
    if isinstance(image, Stack) and image.exact_grid is None:
        return Lattice.of_stack(image)
    grid = image.grid
    choices = [Lattice.of_grid(grid, axis=axis) for axis in (2, 1, 0)]
    return min(choices, key=lambda lattice: max(float(np.ptp(contour.points_ras_mm @ lattice.normal))
                                                for contour in roi.closed))


def _notes(roi: Roi, name: str, lattice: Lattice) -> tuple[Problem, ...]:
    notes = []
    open_ones = sum(contour.kind not in CLOSED for contour in roi.contours)
    if open_ones:
        notes.append(Problem("", "OPEN", f"label '{name}': {open_ones} points or open lines enclose nothing and are "
                                         "left out"))
    repeated = len(roi.contours) - open_ones - len(roi.closed)
    if repeated:
        notes.append(Problem("", "REPEATED", f"label '{name}': {repeated} contours are there twice and are drawn once"))
    named = {instance for instance, _ in lattice.instances}
    strange = roi.reference and lattice.references and roi.reference not in lattice.references
    if strange and not any(contour.instance in named for contour in roi.closed):
        notes.append(Problem("", "OTHER_REFERENCE", f"label '{name}': it was drawn in another frame of reference than "
                                                    "the image's; only its place in mm was used"))
    return tuple(notes)
