"""Interpolate missing slices linearly between their neighbours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hounsfield.io.dicom.pixels.decode import FrameDecoder

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class OutputSlice:
    """A slice of the filled stack, at the fraction `weight` between frames `low` and `low + 1`."""

    low: int
    weight: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class FilledDecoder:
    """Decode frames and interpolate missing slices, with the rescale of the lower neighbour."""

    decoder: FrameDecoder
    slices: tuple[OutputSlice, ...]
    slopes: tuple[float, ...]
    intercepts: tuple[float, ...]
    padding: tuple[float, float] | None

    def __call__(self, start: int, stop: int) -> Array:
        """Stored values of slices start to stop (exclusive), (i, j, stop - start)."""
        slices = self.slices[start:stop]
        if all(item.weight == 0.0 for item in slices):
            return self.decoder(slices[0].low, slices[-1].low + 1)
        first = self.decoder.frames[0].pixels
        assert first is not None
        shape = (first.columns, first.rows, len(slices))
        values: Array = np.empty(shape, dtype=self.decoder.dtype, order="F")
        for n, item in enumerate(slices):
            values[:, :, n] = (
                self._interpolated(item)
                if item.weight
                else self.decoder(item.low, item.low + 1)[:, :, 0]
            )
        return values

    def _interpolated(self, item: OutputSlice) -> Array:
        """One interpolated slice (i, j); padding where either neighbour is padding."""
        low, weight = item.low, item.weight
        pair = self.decoder(low, low + 2)
        first, second = (
            pair[:, :, n] * self.slopes[low + n] + self.intercepts[low + n] for n in (0, 1)
        )
        mixed = first * (1.0 - weight) + second * weight
        limits = np.iinfo(self.decoder.dtype)
        stored = np.rint((mixed - self.intercepts[low]) / self.slopes[low])
        values = np.clip(stored, limits.min, limits.max).astype(self.decoder.dtype)
        if self.padding is not None:
            padded = ((pair >= self.padding[0]) & (pair <= self.padding[1])).any(axis=2)
            values[padded] = int(self.padding[0])
        return values


def output_slices(count: int, missing: Mapping[int, int]) -> tuple[OutputSlice, ...]:
    """The slices of a stack of `count` frames with `missing[n]` slices filled in after frame n."""
    slices = []
    for low in range(count):
        slices.append(OutputSlice(low))
        steps = missing.get(low, 0) + 1
        slices.extend(OutputSlice(low, step / steps) for step in range(1, steps))
    return tuple(slices)
