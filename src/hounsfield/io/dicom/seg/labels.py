"""A DICOM SEG's segments as masks on an image's grid."""

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
from hounsfield.io.dicom.labels.names import label_names
from hounsfield.io.dicom.labels.objects import LabelObject
from hounsfield.io.dicom.labels.slice_grid import SliceGrid
from hounsfield.io.dicom.seg.header import SegFrame, Segmentation, segmentation_of
from hounsfield.io.dicom.seg.pixels import frames_with_pixels
from hounsfield.resampling.regrid import regrid

SAME_SLICE = 0.05
"""A frame is a slice's where no corner is off by over a twentieth of a pixel or of the gap: headers round to 0.01 mm,
and less than this moves no border of a mask by a visible amount."""

MOST_PLANES = 8192
"""The most planes of a grid of the frames' own."""


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """Frame n goes to slice `slots[n]` of arrays of `shape`; `finish` brings such an array onto the image's grid."""

    shape: tuple[int, int, int]
    slots: tuple[int, ...]
    finish: Callable[[NDArray[np.uint8]], Volume]
    diagnostics: tuple[Diagnostic, ...] = ()


def segment_labels(
    item: LabelObject, image: Stack | Volume, *, wanted: Sequence[str] | None = None
) -> tuple[dict[str, Volume], tuple[Diagnostic, ...]]:
    """Each segment as a mask on the image's grid, by name, and what to know of them.

    Frames go where their plane positions say, in whatever order they lie in the file. A segment without frames is an
    empty mask. Fractional segments are 1 where at least half of the full value is stored. Raises ReadError, and
    RefusedError where the frames lie nowhere near the image or at uneven places that are not its slices.
    """
    seg = segmentation_of(item)
    names = {
        number: name
        for number, name in label_names(seg.segments, kind="segment").items()
        if (wanted is None or name in wanted)
        and not (seg.kind == "labelmap" and number == seg.background)
    }
    placed = _placed(seg, image)
    arrays = _arrays(item, seg, placed, numbers=set(names))
    masks = {}
    for number, name in names.items():
        array = arrays.pop(number, None)
        masks[name] = placed.finish(
            np.zeros(placed.shape, np.uint8, order="F") if array is None else array
        )
    return masks, (*_notes(seg, image), *placed.diagnostics)


def _arrays(
    item: LabelObject, seg: Segmentation, placed: Placed, *, numbers: set[int]
) -> dict[int, NDArray[np.uint8]]:
    """The masks (i, j, k) of the wanted segments that have a pixel, where the frames lie."""
    arrays: dict[int, NDArray[np.uint8]] = {}
    seen: set[tuple[int, int]] = set()
    for frame, values in frames_with_pixels(item, seg):
        slot = placed.slots[frame.index]
        if (frame.segment, slot) in seen:
            raise unreadable(
                seg.name, "two frames of one segment lie at one place", code="DUPLICATE"
            )
        seen.add((frame.segment, slot))
        for number, mask in _masks(seg, frame, values, numbers):
            if number not in arrays:
                arrays[number] = np.zeros(placed.shape, np.uint8, order="F")
            arrays[number][:, :, slot] = mask
    return arrays


def _masks(
    seg: Segmentation, frame: SegFrame, values: NDArray[Any], numbers: set[int]
) -> Iterator[tuple[int, NDArray[np.bool_]]]:
    """The wanted segments that a frame holds a pixel of, each as (number, pixels)."""
    if seg.kind == "labelmap":
        for number in numbers & set(np.unique(values).tolist()):
            yield number, values == number
    elif frame.segment in numbers:
        mask = values if seg.kind == "binary" else values >= seg.full / 2
        if mask.any():
            yield frame.segment, mask


def _placed(seg: Segmentation, image: Stack | Volume) -> Placed:
    """On the image's slices where every frame is one of them, else on an even grid of the frames' own."""
    own = image if isinstance(image, Stack) and image.exact_grid is None else None
    lattice = SliceGrid.of_grid(image.grid) if own is None else SliceGrid.of_stack(own)
    slots = tuple(_slot(frame, seg, lattice) for frame in seg.frames)
    if all(slot is not None for slot in slots):
        return Placed(
            lattice.shape, tuple(slot for slot in slots if slot is not None), lattice.volume
        )
    return _on_own_grid(seg, image.grid)


def _slot(frame: SegFrame, seg: Segmentation, lattice: SliceGrid) -> int | None:
    """The slice that a frame covers pixel for pixel, or None."""
    if (seg.columns, seg.rows) != lattice.shape[:2]:
        return None
    if frame.origin_ras_mm is None:
        named = [
            k
            for k, (instance, number) in enumerate(lattice.instances)
            if instance and instance == frame.instance and frame.instance_frame in (0, number)
        ]
        return named[0] if len(named) == 1 else None
    k = int(np.abs(lattice.places_mm - frame.origin_ras_mm @ lattice.normal).argmin())
    i, j = np.array([(0, 0), (seg.columns - 1, 0), (0, seg.rows - 1)]).T
    corners = frame.origin_ras_mm + np.outer(i, seg.step_i_ras_mm) + np.outer(j, seg.step_j_ras_mm)
    off = np.abs(lattice.in_plane(corners, k) - np.stack([i, j], axis=1)).max()
    lift = np.abs((corners - lattice.origins_ras_mm[k]) @ lattice.normal).max() / lattice.gaps_mm[k]
    return k if max(off, lift) <= SAME_SLICE else None


def _on_own_grid(seg: Segmentation, target: Grid) -> Placed:
    origins = [frame.origin_ras_mm for frame in seg.frames if frame.origin_ras_mm is not None]
    if len(origins) < len(seg.frames):
        raise unreadable(
            seg.name,
            "frames do not say where they lie, nor name a slice of the image",
            code="NO_POSITION",
        )
    grid, slots = own_grid(seg, np.array(origins))
    copied = target.aligned_with(grid)
    if not _overlaps(grid, target):
        raise refused(
            "OUTSIDE_IMAGE",
            "the segmentation lies beyond the image; this is not the image that it was made of",
        )

    def finish(array: NDArray[np.uint8]) -> Volume:
        mask = Volume.from_array(array, affine=grid.affine, quantity="mask")
        return regrid(mask, target, method=None if copied else "linear")

    how = "its voxels were copied" if copied else "a voxel is in where the mask has over half of it"
    said = f"the segmentation lies on another grid ({grid!r}) than the image ({target!r}): {how}"
    return Placed(grid.shape, slots, finish, (Diagnostic("REGRIDDED", "repair", said),))


def own_grid(
    seg: Segmentation, origins_ras_mm: NDArray[np.float64]
) -> tuple[Grid, tuple[int, ...]]:
    """The even grid whose slices hold frames at `origins_ras_mm` (n, 3), empty ones between, and each frame's slice.

    Raises RefusedError where the frames lie at uneven places, which only the image that they were drawn on can tell.
    """
    across = np.cross(seg.step_i_ras_mm, seg.step_j_ras_mm)
    across = across / np.linalg.norm(across)
    places = origins_ras_mm @ across
    order = np.argsort(places)
    gaps = np.diff(places[order])
    unshared = gaps[gaps > SAME_SLICE * seg.thickness_mm]
    step = float(unshared.min()) if len(unshared) else seg.thickness_mm
    # The whole extent over a whole number of steps: the smallest gap alone carries the rounding of one header.
    steps = max(1, round(float(np.ptp(places)) / step))
    step = float(np.ptp(places)) / steps if len(unshared) else step
    slots = np.rint((places - places[order[0]]) / step).astype(np.int64)
    first, last = origins_ras_mm[order[0]], origins_ras_mm[order[-1]]
    stride = (last - first) / slots.max() if slots.max() else across * step
    off = np.linalg.norm(first + np.outer(slots, stride) - origins_ras_mm, axis=1).max()
    if slots.max() >= MOST_PLANES or off > SAME_SLICE * min(step, *_lengths(seg)):
        raise refused(
            "UNEVEN",
            "the segmentation's frames lie at uneven places that are not the image's slices; give "
            "the series that it was made of as image (hu.open)",
        )
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1], affine[:3, 2], affine[:3, 3] = (
        seg.step_i_ras_mm,
        seg.step_j_ras_mm,
        stride,
        first,
    )
    try:
        return Grid((seg.columns, seg.rows, int(slots.max()) + 1), affine), tuple(slots.tolist())
    except GeometryError:
        raise unreadable(seg.name, "its frames lie on no grid", code="NO_POSITION") from None


def _lengths(seg: Segmentation) -> tuple[float, float]:
    return float(np.linalg.norm(seg.step_i_ras_mm)), float(np.linalg.norm(seg.step_j_ras_mm))


def _overlaps(grid: Grid, target: Grid) -> bool:
    """Whether the boxes around two grids, in the target's indices, share a voxel."""
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
                f"the segmentation is fractional: a voxel is in where at least half of "
                f"{seg.full} is stored",
            )
        )
    references = SliceGrid.of_stack(image).references if isinstance(image, Stack) else frozenset()
    if seg.reference and references and seg.reference not in references:
        notes.append(
            Diagnostic(
                "OTHER_REFERENCE",
                "warning",
                "the segmentation was made in another frame of reference than the "
                "image's; only its place in mm was used",
            )
        )
    return tuple(notes)
