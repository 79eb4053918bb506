"""Bit-packed masks and their morphology: one bit per voxel, radii in mm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.platform import thread_count
from hounsfield.kernels import native

Shape = tuple[int, int, int]
Words = NDArray[np.uint64]
Spacing = tuple[float, float, float]

UNBOUNDED = (-np.inf, np.inf)


@dataclass(frozen=True, slots=True, eq=False)
class Bits:
    """A mask of `shape` (i, j, k) in 64-bit words, i fastest; rows along i are zero-padded."""

    words: Words
    shape: Shape

    @classmethod
    def zeros(cls, shape: Shape) -> Bits:
        """Return a mask with no voxel set."""
        return cls(np.zeros(-(-shape[0] // 64) * shape[1] * shape[2], np.uint64), shape)

    @classmethod
    def unwritten(cls, shape: Shape) -> Bits:
        """Return an uninitialised mask, for a kernel that writes every word."""
        return cls(np.empty(-(-shape[0] // 64) * shape[1] * shape[2], np.uint64), shape)

    @classmethod
    def pack(cls, array: NDArray[Any]) -> Bits:
        """Return the mask of the nonzero voxels of an array (i, j, k)."""
        flat = np.asfortranarray(array != 0).view(np.uint8).reshape(-1, order="F")
        packed = cls.unwritten(_shape(array))
        native.mask_pack(flat, packed.shape, thread_count(), packed.words)
        return packed

    def expand(self) -> NDArray[np.uint8]:
        """Return the mask as a uint8 array (i, j, k) of 0 and 1, Fortran-ordered."""
        flat = np.empty(int(np.prod(self.shape)), np.uint8)
        native.mask_expand(self.words, self.shape, thread_count(), flat)
        return flat.reshape(self.shape, order="F")

    @property
    def rows(self) -> NDArray[np.uint64]:
        """The words as a view (word, j, k)."""
        return self.words.reshape((-1, self.shape[1], self.shape[2]), order="F")

    @property
    def is_empty(self) -> bool:
        """Whether no voxel is set."""
        return not self.words.any()

    @property
    def count(self) -> int:
        """Number of voxels set."""
        return int(np.bitwise_count(self.words).sum())

    def __and__(self, other: Bits) -> Bits:
        return Bits(self.words & other.words, self.shape)

    def __or__(self, other: Bits) -> Bits:
        return Bits(self.words | other.words, self.shape)

    def __sub__(self, other: Bits) -> Bits:
        return Bits(self.words & ~other.words, self.shape)

    def __invert__(self) -> Bits:
        inverted = Bits(~self.words, self.shape)
        if self.shape[0] % 64:
            inverted.rows[-1] &= np.uint64((1 << self.shape[0] % 64) - 1)
        return inverted


@dataclass(frozen=True, slots=True, eq=False)
class Components:
    """The face-connected components of a mask.

    `runs` are runs of voxels along i with the label of their component; `sizes` counts the voxels
    of each component; `boxes` has its first and last index along i, j and k.
    """

    shape: Shape
    runs: NDArray[np.int32]
    sizes: NDArray[np.int64]
    boxes: NDArray[np.int64]

    def keep(self, chosen: NDArray[np.bool_]) -> Bits:
        """Return the union of the chosen components."""
        kept = Bits.unwritten(self.shape)
        native.mask_paint(
            self.runs, np.ascontiguousarray(chosen).view(np.uint8), self.shape, kept.words
        )
        return kept

    def meeting(self, other: Bits) -> NDArray[np.bool_]:
        """Return which components share a voxel with another mask."""
        marks = np.zeros(len(self.sizes), np.uint8)
        native.mask_meets(self.runs, other.words, self.shape, marks)
        return marks.astype(bool)


def components(bits: Bits) -> Components:
    """Label the face-connected components of a mask, in raster order (i fastest)."""
    runs, stats = native.mask_components(bits.words, bits.shape)
    return Components(bits.shape, runs, stats[:, 0], stats[:, 1:])


def largest(bits: Bits) -> Bits:
    """Return the component with the most voxels (the first of equals); empty for an empty mask."""
    parts = components(bits)
    return parts.keep(
        np.arange(len(parts.sizes)) == (int(parts.sizes.argmax()) if len(parts.sizes) else -1)
    )


def ball(radius_mm: float, *, spacing_mm: Spacing) -> NDArray[np.int32]:
    """Return a ball as rows (dj, dk, half width along i), by ascending half width.

    It contains the voxels whose centres are within `radius_mm`.
    """
    reach = [int(radius_mm / step + 1e-9) for step in spacing_mm]
    across, along = np.meshgrid(
        np.arange(-reach[1], reach[1] + 1), np.arange(-reach[2], reach[2] + 1), indexing="ij"
    )
    left = radius_mm**2 * (1 + 1e-9) - (across * spacing_mm[1]) ** 2 - (along * spacing_mm[2]) ** 2
    width = np.floor(np.sqrt(np.maximum(left, 0)) / spacing_mm[0] + 1e-9)
    table = np.stack([across, along, width], axis=-1)[left >= 0].astype(np.int32)
    return np.ascontiguousarray(table[np.lexsort((table[:, 1], table[:, 0], table[:, 2]))])


def dilate(bits: Bits, radius_mm: float, *, spacing_mm: Spacing) -> Bits:
    """Dilate by a ball of `radius_mm`; voxels outside the volume count as unset."""
    return _dilate(bits, ball(radius_mm, spacing_mm=spacing_mm))


def erode(bits: Bits, radius_mm: float, *, spacing_mm: Spacing) -> Bits:
    """Erode by a ball of `radius_mm`.

    Voxels outside the volume count as set, so that an object cut by the volume keeps its cut face.
    """
    return ~dilate(~bits, radius_mm, spacing_mm=spacing_mm)


def opened(bits: Bits, radius_mm: float, *, spacing_mm: Spacing) -> Bits:
    """Open by a ball of `radius_mm`; bridges and sheets thinner than the ball are removed."""
    return dilate(erode(bits, radius_mm, spacing_mm=spacing_mm), radius_mm, spacing_mm=spacing_mm)


def grown(bits: Bits) -> Bits:
    """Dilate by one voxel with 26-connectivity."""
    table = [(dj, dk, 1) for dj in (-1, 0, 1) for dk in (-1, 0, 1)]
    return _dilate(bits, np.array(table, np.int32))


def stepped(bits: Bits) -> Bits:
    """Dilate by one voxel with 6-connectivity."""
    table = [(-1, 0, 0), (0, -1, 0), (0, 1, 0), (1, 0, 0), (0, 0, 1)]
    return _dilate(bits, np.array(table, np.int32))


def extended(bits: Bits, margin: tuple[int, int]) -> Bits:
    """Repeat the border planes outwards: 64 or more voxels along i, `margin` along j and k."""
    shape = (bits.shape[0] + 128, bits.shape[1] + 2 * margin[0], bits.shape[2] + 2 * margin[1])
    rows = bits.rows
    first = (rows[:1] & np.uint64(1)) * np.uint64(2**64 - 1)
    bit = np.uint64((bits.shape[0] - 1) % 64)
    last = ((rows[-1:] >> bit) & np.uint64(1)) * np.uint64(2**64 - 1)
    used = np.uint64(2 ** (bits.shape[0] % 64) - 1 if bits.shape[0] % 64 else 2**64 - 1)
    beyond = last & used
    wide = np.concatenate([first, rows[:-1], rows[-1:] | (last & ~used), beyond], axis=0)
    wide = np.pad(wide, ((0, 0), (margin[0], margin[0]), (margin[1], margin[1])), mode="edge")
    return Bits(wide.reshape(-1, order="F"), shape)


def unextended(bits: Bits, margin: tuple[int, int]) -> Bits:
    """Remove the margin that `extended` added."""
    shape = (bits.shape[0] - 128, bits.shape[1] - 2 * margin[0], bits.shape[2] - 2 * margin[1])
    rows = bits.rows[1:-1, margin[0] : margin[0] + shape[1], margin[1] : margin[1] + shape[2]]
    return Bits(rows.reshape(-1, order="F").copy(), shape) & ~Bits.zeros(shape)


def filled(bits: Bits) -> Bits:
    """Fill holes: unset voxels that are not face-connected to the outside.

    Border voxels are connected to the outside unless the mask encloses them within their border
    plane; so the trachea of a neck cut by the volume is filled, and a single slice is filled in
    plane.
    """
    empty = ~bits
    parts = components(empty)
    return ~parts.keep(parts.meeting(_open_borders(empty)))


def occupied(
    values: NDArray[Any], *, block: Shape, bounds: tuple[float, float], share: float = 0.5
) -> Bits:
    """Return the cells of `block` voxels with at least a fraction `share` within `bounds`.

    Both bounds are inclusive. `values` (i, j, k) are Fortran-ordered; 8 and 16 bit integers, int32
    and float32 are read without a copy.
    """
    flat, shape = _flat(values), _shape(values)
    cells = Bits.unwritten(cell_shape(shape, block))
    native.mask_occupancy(
        flat, shape, block, bounds[0], bounds[1], share, thread_count(), cells.words
    )
    return cells


def refined(
    values: NDArray[Any],
    *,
    block: Shape,
    inner: Bits,
    band: Bits,
    band_bounds: tuple[float, float],
    inner_bounds: tuple[float, float] = UNBOUNDED,
) -> Bits:
    """Return the voxels of cells that are within bounds.

    Voxels of `inner` cells must be within `inner_bounds`, those of `band` cells within
    `band_bounds`; all others are unset.
    """
    flat, shape = _flat(values), _shape(values)
    voxels = Bits.unwritten(shape)
    native.mask_refine(
        flat,
        shape,
        block,
        inner.words,
        band.words,
        (*inner_bounds, *band_bounds),
        thread_count(),
        voxels.words,
    )
    return voxels


def rays(
    wall: Bits, outside: Bits, *, steps: NDArray[np.int32]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Count for each voxel the rays that hit `wall` first and those that hit `outside` first.

    `steps` (n, 3) are the directions of the rays in voxels.
    """
    size = int(np.prod(wall.shape))
    hits, misses = np.empty(size, np.uint8), np.empty(size, np.uint8)
    native.mask_rays(
        wall.words, outside.words, wall.shape, np.ascontiguousarray(steps, np.int32), hits, misses
    )
    return hits.reshape(wall.shape, order="F"), misses.reshape(wall.shape, order="F")


def bounding_box(mask: NDArray[Any]) -> tuple[Shape, Shape] | None:
    """Return first index and shape of the box of nonzero voxels; None if there are none."""
    flat = (
        np.asfortranarray(mask if mask.dtype == np.uint8 else mask != 0)
        .view(np.uint8)
        .reshape(-1, order="F")
    )
    i0, i1, j0, j1, k0, k1 = native.mask_bounds(flat, _shape(mask))
    return None if i1 < 0 else ((i0, j0, k0), (i1 - i0 + 1, j1 - j0 + 1, k1 - k0 + 1))


def cell_shape(shape: Shape, block: Shape) -> Shape:
    """Return the shape in cells of `block` voxels; the last cells may be partial."""
    i, j, k = (-(-size // step) for size, step in zip(shape, block, strict=True))
    return (i, j, k)


def _dilate(bits: Bits, table: NDArray[np.int32]) -> Bits:
    result = Bits.unwritten(bits.shape)
    native.mask_dilate(bits.words, bits.shape, table, thread_count(), result.words)
    return result


def _open_borders(empty: Bits) -> Bits:
    """The components of `empty` in each of the six border planes that reach the plane's edge."""
    borders = Bits.zeros(empty.shape)
    last, shift = empty.shape[0] - 1, np.uint64((empty.shape[0] - 1) % 64)
    for at in (0, empty.shape[2] - 1):
        borders.rows[:, :, at] |= _open_plane(
            empty.rows[:, :, at], (empty.shape[0], empty.shape[1])
        )
    for at in (0, empty.shape[1] - 1):
        borders.rows[:, at, :] |= _open_plane(
            empty.rows[:, at, :], (empty.shape[0], empty.shape[2])
        )
    for word, bit in ((0, np.uint64(0)), (last // 64, shift)):
        plane_bytes = ((empty.rows[word] >> bit) & np.uint64(1)).astype(np.uint8)
        packed = Bits.pack(plane_bytes[:, :, None])
        plane = _open_plane(packed.rows[:, :, 0], (empty.shape[1], empty.shape[2]))
        reached = Bits(plane.reshape(-1, order="F"), packed.shape)
        borders.rows[word] |= reached.expand()[:, :, 0].astype(np.uint64) << bit
    return borders


def _open_plane(words: Words, shape: tuple[int, int]) -> Words:
    plane = Bits(np.ascontiguousarray(words.reshape(-1, order="F")), (*shape, 1))
    parts = components(plane)
    box = parts.boxes
    reaches = (
        (box[:, 0] == 0)
        | (box[:, 1] == shape[0] - 1)
        | (box[:, 2] == 0)
        | (box[:, 3] == shape[1] - 1)
    )
    return parts.keep(reaches).rows[:, :, 0]


def _flat(values: NDArray[Any]) -> NDArray[Any]:
    """The voxels in Fortran order in a dtype of the kernels; a view if they already are."""
    kinds: dict[str, type[Any]] = {
        "b1": np.int16,
        "i1": np.int16,
        "u1": np.int16,
        "i2": np.int16,
        "u2": np.uint16,
        "i4": np.int32,
    }
    dtype = kinds.get(values.dtype.str[1:], np.float32)
    return np.asfortranarray(values, dtype=dtype).reshape(-1, order="F")


def _shape(values: NDArray[Any]) -> Shape:
    i, j, k = (int(size) for size in values.shape)
    return (i, j, k)
