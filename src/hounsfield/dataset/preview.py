"""A small copy of a volume for its preview: every so many voxels, so that a stream can make it as it goes by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from hounsfield.core.spec import Spec
from hounsfield.core.volume import Array, Volume

LARGEST = 192
"""Voxels along an axis of a thumbnail: at most 28 MB, and enough for the 256 pixels of a preview."""


class Thumbnail:
    """Gathers one voxel in so many along every axis from slabs of a volume of `spec` that come in order."""

    def __init__(self, spec: Spec) -> None:
        self._every = [max(1, -(-size // LARGEST)) for size in spec.grid.shape]
        move = np.diag([*self._every, 1])
        shape = [
            -(-size // every) for size, every in zip(spec.grid.shape, self._every, strict=True)
        ]
        self._spec = spec.replaced(grid=spec.grid.moved(shape, move))
        self._array = np.zeros(self._spec.shape, dtype=spec.dtype, order="F")

    def watched(self, slabs: Iterable[Array]) -> Iterator[Array]:
        """The slabs as they are, looked at in passing."""
        i, j, k = self._every
        start = 0
        for slab in slabs:
            first = -start % k
            kept = slab[::i, ::j, first::k]
            place = (start + first) // k
            self._array[:, :, place : place + kept.shape[2]] = kept
            start += slab.shape[2]
            yield slab

    def volume(self) -> Volume:
        """What was gathered."""
        return Volume(self._array, self._spec)


def thumbnail_of(volume: Volume) -> Volume:
    """The thumbnail of a volume that is there already."""
    small = Thumbnail(volume.spec)
    for _ in small.watched([volume.array]):
        pass
    return small.volume()
