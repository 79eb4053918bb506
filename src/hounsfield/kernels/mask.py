"""Masks as bits: a voxel is one bit, so that a scan's mask lies in the cache; radii in mm, borders said."""

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
    """A mask of `shape` (i, j, k) in 64-bit words, i fastest, each row of i padded to whole words with zeros."""

    words: Words
    shape: Shape

    @classmethod
    def zeros(cls, shape: Shape) -> Bits:
        """No voxel set."""
        return cls(np.zeros(-(-shape[0] // 64) * shape[1] * shape[2], np.uint64), shape)

    @classmethod
    def unwritten(cls, shape: Shape) -> Bits:
        """Room for a kernel that writes every word."""
        return cls(np.empty(-(-shape[0] // 64) * shape[1] * shape[2], np.uint64), shape)

    @classmethod
    def pack(cls, array: NDArray[Any]) -> Bits:
        """The voxels of an array (i, j, k) that are not 0."""
        flat = np.asfortranarray(array != 0).view(np.uint8).reshape(-1, order="F")
        packed = cls.unwritten(_shape(array))
        native.mask_pack(flat, packed.shape, thread_count(), packed.words)
        return packed

    def expand(self) -> NDArray[np.uint8]:
        """The mask as bytes 0 and 1, (i, j, k), Fortran-ordered."""
        flat = np.empty(int(np.prod(self.shape)), np.uint8)
        native.mask_expand(self.words, self.shape, thread_count(), flat)
        return flat.reshape(self.shape, order="F")

    @property
    def rows(self) -> NDArray[np.uint64]:
        """The words as (word, j, k), a view."""
        return self.words.reshape((-1, self.shape[1], self.shape[2]), order="F")

    @property
    def is_empty(self) -> bool:
        """Whether no voxel is set."""
        return not self.words.any()

    @property
    def count(self) -> int:
        """How many voxels are set."""
        return int(np.bitwise_count(self.words).sum())

    def __and__(self, other: Bits) -> Bits:
        return Bits(self.words & other.words, self.shape)

    def __or__(self, other: Bits) -> Bits:
        return Bits(self.words | other.words, self.shape)

    def __sub__(self, other: Bits) -> Bits:
        return Bits(self.words & ~other.words, self.shape)

    def __invert__(self) -> Bits:
        turned = Bits(~self.words, self.shape)
        if self.shape[0] % 64:
            turned.rows[-1] &= np.uint64((1 << self.shape[0] % 64) - 1)
        return turned


@dataclass(frozen=True, slots=True, eq=False)
class Components:
    """The parts of a mask whose voxels join over faces: runs along i with their part's number, and each part's size
    in voxels and box (first and last index along i, j, k)."""

    shape: Shape
    runs: NDArray[np.int32]
    sizes: NDArray[np.int64]
    boxes: NDArray[np.int64]

    def keep(self, chosen: NDArray[np.bool_]) -> Bits:
        """The union of the chosen parts."""
        kept = Bits.unwritten(self.shape)
        native.mask_paint(
            self.runs, np.ascontiguousarray(chosen).view(np.uint8), self.shape, kept.words
        )
        return kept

    def meeting(self, other: Bits) -> NDArray[np.bool_]:
        """Which parts share a voxel with another mask."""
        marks = np.zeros(len(self.sizes), np.uint8)
        native.mask_meets(self.runs, other.words, self.shape, marks)
        return marks.astype(bool)


def components(bits: Bits) -> Components:
    """Find the parts of a mask, numbered in reading order (i fastest); exact, whatever the number of threads."""
    runs, stats = native.mask_components(bits.words, bits.shape)
    return Components(bits.shape, runs, stats[:, 0], stats[:, 1:])


def largest(bits: Bits) -> Bits:
    """The part of most voxels; of several the first; nothing of nothing."""
    parts = components(bits)
    return parts.keep(
        np.arange(len(parts.sizes)) == (int(parts.sizes.argmax()) if len(parts.sizes) else -1)
    )


def ball(radius_mm: float, *, spacing_mm: Spacing) -> NDArray[np.int32]:
    """Rows (dj, dk, half width along i) of all voxels whose centre lies within `radius_mm`, by ascending half width."""
    reach = [int(radius_mm / step + 1e-9) for step in spacing_mm]
    across, along = np.meshgrid(
        np.arange(-reach[1], reach[1] + 1), np.arange(-reach[2], reach[2] + 1), indexing="ij"
    )
    left = radius_mm**2 * (1 + 1e-9) - (across * spacing_mm[1]) ** 2 - (along * spacing_mm[2]) ** 2
    width = np.floor(np.sqrt(np.maximum(left, 0)) / spacing_mm[0] + 1e-9)
    table = np.stack([across, along, width], axis=-1)[left >= 0].astype(np.int32)
    return np.ascontiguousarray(table[np.lexsort((table[:, 1], table[:, 0], table[:, 2]))])


def dilate(bits: Bits, radius_mm: float, *, spacing_mm: Spacing) -> Bits:
    """All voxels within `radius_mm` of the mask: x in A (+) B with B a ball; nothing comes in over the borders."""
    return _dilate(bits, ball(radius_mm, spacing_mm=spacing_mm))


def erode(bits: Bits, radius_mm: float, *, spacing_mm: Spacing) -> Bits:
    """All voxels with no unset one within `radius_mm`; beyond the borders counts as set, so that an object which the
    volume cuts keeps its cut face."""
    return ~dilate(~bits, radius_mm, spacing_mm=spacing_mm)


def opened(bits: Bits, radius_mm: float, *, spacing_mm: Spacing) -> Bits:
    """What a ball of `radius_mm` can sweep inside the mask: bridges and sheets thinner than the ball go."""
    return dilate(erode(bits, radius_mm, spacing_mm=spacing_mm), radius_mm, spacing_mm=spacing_mm)


def grown(bits: Bits) -> Bits:
    """The mask and the 26 neighbours of each of its voxels."""
    table = [(dj, dk, 1) for dj in (-1, 0, 1) for dk in (-1, 0, 1)]
    return _dilate(bits, np.array(table, np.int32))


def stepped(bits: Bits) -> Bits:
    """The mask and the 6 neighbours of each of its voxels."""
    table = [(-1, 0, 0), (0, -1, 0), (0, 1, 0), (1, 0, 0), (0, 0, 1)]
    return _dilate(bits, np.array(table, np.int32))


def extended(bits: Bits, margin: tuple[int, int]) -> Bits:
    """The mask with its border planes repeated outwards: a word or more along i, `margin` voxels along j and k."""
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
    """What `extended` added taken off again."""
    shape = (bits.shape[0] - 128, bits.shape[1] - 2 * margin[0], bits.shape[2] - 2 * margin[1])
    rows = bits.rows[1:-1, margin[0] : margin[0] + shape[1], margin[1] : margin[1] + shape[2]]
    return Bits(rows.reshape(-1, order="F").copy(), shape) & ~Bits.zeros(shape)


def filled(bits: Bits) -> Bits:
    """The mask with its holes: unset voxels from which no path over unset faces leads outside.

    A border of the volume counts as outside but where, within that border plane, the mask encloses the voxel: so the
    windpipe of a neck that the volume cuts is inside. A volume of one slice is so filled in plane.
    """
    empty = ~bits
    parts = components(empty)
    return ~parts.keep(parts.meeting(_open_borders(empty)))


def occupied(
    values: NDArray[Any], *, block: Shape, bounds: tuple[float, float], share: float = 0.5
) -> Bits:
    """Cells of `block` voxels in which at least `share` of the voxels lie within `bounds` (both inclusive).

    values: (i, j, k), Fortran-ordered; 8 and 16 bit integers, int32 and float32 are read in place.
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
    """From cells back to voxels: those of `inner` cells within `inner_bounds`, those of `band` cells within
    `band_bounds`; the rest unset."""
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
    """For each voxel, how many of the rays in `steps` (n, 3) meet the wall first, and how many the outside first."""
    size = int(np.prod(wall.shape))
    hits, misses = np.empty(size, np.uint8), np.empty(size, np.uint8)
    native.mask_rays(
        wall.words, outside.words, wall.shape, np.ascontiguousarray(steps, np.int32), hits, misses
    )
    return hits.reshape(wall.shape, order="F"), misses.reshape(wall.shape, order="F")


def bounding_box(mask: NDArray[Any]) -> tuple[Shape, Shape] | None:
    """First index and shape of the box that holds every voxel of (i, j, k) that is not 0; None where all are."""
    flat = (
        np.asfortranarray(mask if mask.dtype == np.uint8 else mask != 0)
        .view(np.uint8)
        .reshape(-1, order="F")
    )
    i0, i1, j0, j1, k0, k1 = native.mask_bounds(flat, _shape(mask))
    return None if i1 < 0 else ((i0, j0, k0), (i1 - i0 + 1, j1 - j0 + 1, k1 - k0 + 1))


def cell_shape(shape: Shape, block: Shape) -> Shape:
    """How many cells of `block` voxels cover `shape`; the last ones may be cut."""
    i, j, k = (-(-size // step) for size, step in zip(shape, block, strict=True))
    return (i, j, k)


def _dilate(bits: Bits, table: NDArray[np.int32]) -> Bits:
    result = Bits.unwritten(bits.shape)
    native.mask_dilate(bits.words, bits.shape, table, thread_count(), result.words)
    return result


def _open_borders(empty: Bits) -> Bits:
    """Of the six border planes, the parts of `empty` that within their plane reach the plane's rim."""
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
    """The voxels in Fortran order in a type that the kernels read: a view wherever they are already so."""
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
