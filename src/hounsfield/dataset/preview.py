"""Downsample a volume for its preview, slab by slab if it is streamed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from hounsfield.core.spec import Spec
from hounsfield.core.volume import Array, Volume

LARGEST = 192
"""Most voxels along an axis of a thumbnail: at most 28 MB, enough for a preview of 256 px."""


class Thumbnail:
    """A copy of every n-th voxel along each axis, collected from slabs in order."""

    def __init__(self, spec: Spec) -> None:
        self._every = [max(1, -(-size // LARGEST)) for size in spec.grid.shape]
        move = np.diag([*self._every, 1])
        shape = [
            -(-size // every) for size, every in zip(spec.grid.shape, self._every, strict=True)
        ]
        self._spec = spec.replaced(grid=spec.grid.moved(shape, move))
        self._array = np.zeros(self._spec.shape, dtype=spec.dtype, order="F")

    def collect(self, slabs: Iterable[Array]) -> Iterator[Array]:
        """Yield the slabs unchanged and copy every n-th voxel of each."""
        i, j, k = self._every
        start = 0
        for slab in slabs:
            first = -start % k
            kept = slab[::i, ::j, first::k]
            index = (start + first) // k
            self._array[:, :, index : index + kept.shape[2]] = kept
            start += slab.shape[2]
            yield slab

    def volume(self) -> Volume:
        """Return the thumbnail."""
        return Volume(self._array, self._spec)


def thumbnail_of(volume: Volume) -> Volume:
    """Return the thumbnail of a volume in memory."""
    small = Thumbnail(volume.spec)
    for _ in small.collect([volume.array]):
        pass
    return small.volume()
