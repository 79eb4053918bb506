"""An RTSTRUCT's regions as masks on an image's grid."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.stack import Stack
from hounsfield.core.volume import Volume
from hounsfield.io.dicom.labels.names import label_names
from hounsfield.io.dicom.labels.objects import LabelObject
from hounsfield.io.dicom.labels.slice_grid import SliceGrid
from hounsfield.io.dicom.rtstruct.contours import CLOSED, Roi, rois_of
from hounsfield.io.dicom.rtstruct.rasterize import draw


def contour_labels(
    item: LabelObject, image: Stack | Volume, *, wanted: Sequence[str] | None = None
) -> tuple[dict[str, Volume], tuple[Diagnostic, ...]]:
    """Each region with closed contours as a mask on the image's grid, by name, and what to know of them.

    A region's points and open lines enclose nothing: they are left out, and said. Raises ReadError, RefusedError.
    """
    rois = rois_of(item)
    names = label_names(((roi.number, roi.text) for roi in rois), kind="roi")
    masks: dict[str, Volume] = {}
    diagnostics: list[Diagnostic] = []
    for roi in rois:
        name = names[roi.number]
        if wanted is not None and name not in wanted:
            continue
        if not roi.closed:
            diagnostics.append(
                Diagnostic(
                    "EMPTY_LABEL",
                    "warning",
                    f"label '{name}' has no closed contour and is left out",
                )
            )
            continue
        lattice = lattice_for(roi, image)
        drawn = draw(roi.closed, lattice, name=name)
        masks[name] = lattice.volume(drawn.array)
        diagnostics += [*_notes(roi, name, lattice), *drawn.diagnostics]
    return masks, tuple(diagnostics)


def lattice_for(roi: Roi, image: Stack | Volume) -> SliceGrid:
    """The slices of `image` across which the region's contours are flattest: of a grid, any of its three axes."""
    if isinstance(image, Stack) and image.exact_grid is None:
        return SliceGrid.of_stack(image)
    grid = image.grid
    choices = [SliceGrid.of_grid(grid, axis=axis) for axis in (2, 1, 0)]
    return min(
        choices,
        key=lambda lattice: max(
            float(np.ptp(contour.points_ras_mm @ lattice.normal)) for contour in roi.closed
        ),
    )


def _notes(roi: Roi, name: str, lattice: SliceGrid) -> tuple[Diagnostic, ...]:
    notes = []
    open_ones = sum(contour.kind not in CLOSED for contour in roi.contours)
    if open_ones:
        notes.append(
            Diagnostic(
                "OPEN_CONTOUR",
                "repair",
                f"label '{name}': {open_ones} points or open lines enclose nothing and are "
                "left out",
            )
        )
    repeated = len(roi.contours) - open_ones - len(roi.closed)
    if repeated:
        notes.append(
            Diagnostic(
                "REPEATED_CONTOUR",
                "repair",
                f"label '{name}': {repeated} contours are there twice and are drawn once",
            )
        )
    named = {instance for instance, _ in lattice.instances}
    strange = roi.reference and lattice.references and roi.reference not in lattice.references
    if strange and not any(contour.instance in named for contour in roi.closed):
        notes.append(
            Diagnostic(
                "OTHER_REFERENCE",
                "warning",
                f"label '{name}': it was drawn in another frame of reference than "
                "the image's; only its place in mm was used",
            )
        )
    return tuple(notes)
