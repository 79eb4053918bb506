"""Convert the segments of a DICOM SEG to masks on an image grid."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import GeometryError, refused, unreadable
from hounsfield.core.grid import Grid
from hounsfield.core.stack import Stack
from hounsfield.core.volume import Volume
from hounsfield.io.dicom.labels.findings import Finding
from hounsfield.io.dicom.labels.names import label_names
from hounsfield.io.dicom.labels.objects import LabelObject
from hounsfield.io.dicom.labels.slice_grid import SliceGrid
from hounsfield.io.dicom.seg.header import SegFrame, Segmentation, segmentation_of
from hounsfield.io.dicom.seg.pixels import frames_with_pixels
from hounsfield.kernels.labels import values_and_counts
from hounsfield.resampling.regrid import regrid

SAME_SLICE = 0.05
"""Largest offset of a frame's corners from a slice, in pixels or slice gaps: headers round to
0.01 mm, and this moves no mask border visibly."""

MOST_PLANES = 8192
"""Most slices of a grid that is made from frame positions."""


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """Frame n is slice `slice_indices[n]` of `shape`; `finish` samples an array to the image."""

    shape: tuple[int, int, int]
    slice_indices: tuple[int, ...]
    finish: Callable[[NDArray[np.uint8]], Volume]
    diagnostics: tuple[Diagnostic, ...] = ()


def segment_labels(
    item: LabelObject, image: Stack | Volume, *, wanted: Sequence[str] | None = None
) -> tuple[dict[str, Volume], tuple[Finding, ...], tuple[Diagnostic, ...]]:
    """A mask on the image grid for each segment, by name, findings, and diagnostics of all.

    Frames are sorted by their plane positions. A segment without frames is an empty mask. A
    fractional segment is 1 where at least half of the maximum is stored. Raises ReadError, and
    RefusedError if the frames are outside the image or unevenly spaced without being its slices.
    """
    seg = segmentation_of(item)
    names = {
        number: name
        for number, name in label_names(seg.segments, kind="segment").items()
        if (wanted is None or name in wanted)
        and not (seg.kind == "labelmap" and number == seg.background)
    }
    target = _target(seg, image)
    arrays = _arrays(item, seg, target, numbers=set(names))
    masks = {}
    findings: list[Finding] = []
    for number, name in names.items():
        array = arrays.pop(number, None)
        masks[name] = target.finish(
            np.zeros(target.shape, np.uint8, order="F") if array is None else array
        )
        if array is not None and not masks[name].array.any():
            text = "no voxel is left on the grid of the image; the mask is empty"
            findings.append(Finding("EMPTY_LABEL", "warning", name, text))
    return masks, tuple(findings), (*_notes(seg, image), *target.diagnostics)


def _arrays(
    item: LabelObject, seg: Segmentation, target: Target, *, numbers: set[int]
) -> dict[int, NDArray[np.uint8]]:
    """The masks (i, j, k) of the requested segments that have any pixel."""
    arrays: dict[int, NDArray[np.uint8]] = {}
    seen: set[tuple[int, int]] = set()
    for frame, values in frames_with_pixels(item, seg):
        k = target.slice_indices[frame.index]
        if (frame.segment, k) in seen:
            raise unreadable(
                seg.name,
                "two frames of one segment have the same position; expected one",
                code="DUPLICATE",
            )
        seen.add((frame.segment, k))
        for number, mask in _masks(seg, frame, values, numbers):
            if number not in arrays:
                arrays[number] = np.zeros(target.shape, np.uint8, order="F")
            arrays[number][:, :, k] = mask
    return arrays


def _masks(
    seg: Segmentation, frame: SegFrame, values: NDArray[Any], numbers: set[int]
) -> Iterator[tuple[int, NDArray[np.bool_]]]:
    """The requested segments with pixels in a frame, as (number, pixels)."""
    if seg.kind == "labelmap":
        for number in numbers & set(values_and_counts(values)[0].tolist()):
            yield number, values == number
    elif frame.segment in numbers:
        mask = values if seg.kind == "binary" else values >= seg.full / 2
        if mask.any():
            yield frame.segment, mask


def _target(seg: Segmentation, image: Stack | Volume) -> Target:
    """The slices of the image if every frame matches one, else an even grid of the frames."""
    own = image if isinstance(image, Stack) and image.exact_grid is None else None
    lattice = SliceGrid.of_grid(image.grid) if own is None else SliceGrid.of_stack(own)
    slice_indices = tuple(_matching_slice(frame, seg, lattice) for frame in seg.frames)
    if all(k is not None for k in slice_indices):
        return Target(
            lattice.shape, tuple(k for k in slice_indices if k is not None), lattice.volume
        )
    return _on_own_grid(seg, image.grid)


def _matching_slice(frame: SegFrame, seg: Segmentation, lattice: SliceGrid) -> int | None:
    """The slice with the same pixels as a frame, or None."""
    if (seg.columns, seg.rows) != lattice.shape[:2]:
        return None
    if frame.origin_ras_mm is None:
        named = [
            k
            for k, (instance, number) in enumerate(lattice.instances)
            if instance and instance == frame.instance and frame.instance_frame in (0, number)
        ]
        return named[0] if len(named) == 1 else None
    k = int(np.abs(lattice.positions_mm - frame.origin_ras_mm @ lattice.normal).argmin())
    i, j = np.array([(0, 0), (seg.columns - 1, 0), (0, seg.rows - 1)]).T
    corners = frame.origin_ras_mm + np.outer(i, seg.step_i_ras_mm) + np.outer(j, seg.step_j_ras_mm)
    off = np.abs(lattice.in_plane(corners, k) - np.stack([i, j], axis=1)).max()
    lift = np.abs((corners - lattice.origins_ras_mm[k]) @ lattice.normal).max() / lattice.gaps_mm[k]
    return k if max(off, lift) <= SAME_SLICE else None


def _on_own_grid(seg: Segmentation, target: Grid) -> Target:
    origins = [frame.origin_ras_mm for frame in seg.frames if frame.origin_ras_mm is not None]
    if len(origins) < len(seg.frames):
        raise unreadable(
            seg.name,
            "frame position is missing; expected a position or a reference to a slice of the image",
            code="NO_POSITION",
        )
    grid, slice_indices = own_grid(seg, np.array(origins))
    copied = target.aligned_with(grid)
    if not _overlaps(grid, target):
        raise refused(
            "OUTSIDE_IMAGE", "segmentation is outside the image; use the image it was made from"
        )

    def finish(array: NDArray[np.uint8]) -> Volume:
        mask = Volume.from_array(array, affine=grid.affine, quantity="mask")
        return regrid(mask, target)

    how = "voxels copied" if copied else "resampled, a voxel is set if over half of it is covered"
    message = f"segmentation has another grid than the image ({target!r}); {how}"
    return Target(grid.shape, slice_indices, finish, (Diagnostic("REGRIDDED", "repair", message),))


def own_grid(
    seg: Segmentation, origins_ras_mm: NDArray[np.float64]
) -> tuple[Grid, tuple[int, ...]]:
    """An even grid with slices at the frame origins (n, 3), and the slice of each frame.

    Raises RefusedError if the frames are unevenly spaced, since only the source image gives a grid.
    """
    across = np.cross(seg.step_i_ras_mm, seg.step_j_ras_mm)
    across = across / np.linalg.norm(across)
    positions = origins_ras_mm @ across
    order = np.argsort(positions)
    gaps = np.diff(positions[order])
    steps_mm = gaps[gaps > SAME_SLICE * seg.thickness_mm]
    step = float(steps_mm.min()) if len(steps_mm) else seg.thickness_mm
    # The mean step over the whole extent: the smallest gap has the rounding error of one header.
    count = max(1, round(float(np.ptp(positions)) / step))
    step = float(np.ptp(positions)) / count if len(steps_mm) else step
    slice_indices = np.rint((positions - positions[order[0]]) / step).astype(np.int64)
    first, last = origins_ras_mm[order[0]], origins_ras_mm[order[-1]]
    stride = (last - first) / slice_indices.max() if slice_indices.max() else across * step
    off = np.linalg.norm(first + np.outer(slice_indices, stride) - origins_ras_mm, axis=1).max()
    if slice_indices.max() >= MOST_PLANES or off > SAME_SLICE * min(step, *_lengths(seg)):
        raise refused(
            "UNEVEN",
            "frames are unevenly spaced and are not slices of the image; use the series that the "
            "segmentation was made from as image (hu.open)",
        )
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1], affine[:3, 2], affine[:3, 3] = (
        seg.step_i_ras_mm,
        seg.step_j_ras_mm,
        stride,
        first,
    )
    try:
        return Grid((seg.columns, seg.rows, int(slice_indices.max()) + 1), affine), tuple(
            slice_indices.tolist()
        )
    except GeometryError:
        raise unreadable(
            seg.name, "frame positions do not form a grid", code="NO_POSITION"
        ) from None


def _lengths(seg: Segmentation) -> tuple[float, float]:
    return float(np.linalg.norm(seg.step_i_ras_mm)), float(np.linalg.norm(seg.step_j_ras_mm))


def _overlaps(grid: Grid, target: Grid) -> bool:
    """Whether the bounding boxes of two grids overlap, in indices of the target."""
    corners = target.index(grid.corners_mm)
    return bool(
        (corners.max(axis=0) >= -0.5).all()
        and (corners.min(axis=0) <= np.array(target.shape) - 0.5).all()
    )


def _notes(seg: Segmentation, image: Stack | Volume) -> tuple[Diagnostic, ...]:
    notes = []
    if seg.kind == "fractional":
        notes.append(
            Diagnostic(
                "FRACTIONAL",
                "repair",
                f"segmentation is fractional; a voxel is set if at least half of {seg.full} is "
                "stored",
            )
        )
    references = SliceGrid.of_stack(image).references if isinstance(image, Stack) else frozenset()
    if seg.reference and references and seg.reference not in references:
        notes.append(
            Diagnostic(
                "OTHER_REFERENCE",
                "warning",
                "segmentation has another frame of reference than the image; placed by its "
                "coordinates in mm",
            )
        )
    return tuple(notes)
