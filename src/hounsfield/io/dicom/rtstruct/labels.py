"""Convert the regions of an RTSTRUCT to masks on an image grid."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hounsfield.core.stack import Stack
from hounsfield.core.volume import Volume
from hounsfield.io.dicom.labels.findings import Finding
from hounsfield.io.dicom.labels.names import label_names
from hounsfield.io.dicom.labels.objects import LabelObject
from hounsfield.io.dicom.labels.slice_grid import SliceGrid
from hounsfield.io.dicom.rtstruct.contours import CLOSED, Roi, rois_of
from hounsfield.io.dicom.rtstruct.rasterize import draw


def contour_labels(
    item: LabelObject, image: Stack | Volume, *, wanted: Sequence[str] | None = None
) -> tuple[dict[str, Volume], tuple[Finding, ...]]:
    """A mask on the image grid for each region with closed contours, by name, and findings.

    Points and open lines are ignored, with a finding. Raises ReadError, RefusedError.
    """
    rois = rois_of(item)
    names = label_names(((roi.number, roi.text) for roi in rois), kind="roi")
    masks: dict[str, Volume] = {}
    findings: list[Finding] = []
    for roi in rois:
        name = names[roi.number]
        if wanted is not None and name not in wanted:
            continue
        if not roi.closed:
            findings.append(Finding("EMPTY_LABEL", "warning", name, "no closed contour; ignored"))
            continue
        lattice = lattice_for(roi, image)
        drawn = draw(roi.closed, lattice, name=name)
        masks[name] = lattice.volume(drawn.array)
        findings += [*_notes(roi, name, lattice), *drawn.findings]
    return masks, tuple(findings)


def lattice_for(roi: Roi, image: Stack | Volume) -> SliceGrid:
    """The slices of `image` that the contours are most parallel to: for a grid, of any axis."""
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


def _notes(roi: Roi, name: str, lattice: SliceGrid) -> tuple[Finding, ...]:
    notes = []
    open_count = sum(contour.kind not in CLOSED for contour in roi.contours)
    if open_count:
        text = "{count} open contour(s) (or points) ignored"
        notes.append(Finding("OPEN_CONTOUR", "repair", name, text, open_count))
    repeated = len(roi.contours) - open_count - len(roi.closed)
    if repeated:
        text = "{count} duplicate contour(s) dropped"
        notes.append(Finding("REPEATED_CONTOUR", "repair", name, text, repeated))
    instances = {instance for instance, _ in lattice.instances}
    differs = roi.reference and lattice.references and roi.reference not in lattice.references
    if differs and not any(contour.instance in instances for contour in roi.closed):
        text = "another frame of reference than the image; placed by its coordinates in mm"
        notes.append(Finding("OTHER_REFERENCE", "warning", name, text))
    return tuple(notes)
