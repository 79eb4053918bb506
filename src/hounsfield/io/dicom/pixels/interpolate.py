"""Slices that no scanner measured: linear between their neighbours, marked as interpolated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hounsfield.io.dicom.pixels.decode import FrameDecoder

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Slot:
    """One slice of the filled stack: frame `low`, or `weight` of the way from it to the next one."""

    low: int
    weight: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class FilledDecoder:
    """A decoder whose missing slices are made of their neighbours, in rescaled values, stored as the lower one is."""

    real: FrameDecoder
    slots: tuple[Slot, ...]
    slopes: tuple[float, ...]
    intercepts: tuple[float, ...]
    padding: tuple[float, float] | None

    def __call__(self, start: int, stop: int) -> Array:
        """RawImage values of slots start to stop (exclusive), (i, j, stop - start)."""
        slots = self.slots[start:stop]
        if all(slot.weight == 0.0 for slot in slots):
            return self.real(slots[0].low, slots[-1].low + 1)
        first = self.real.frames[0].pixels
        assert first is not None
        values: Array = np.empty(
            (first.columns, first.rows, len(slots)), dtype=self.real.dtype, order="F"
        )
        for n, slot in enumerate(slots):
            values[:, :, n] = (
                self._blend(slot) if slot.weight else self.real(slot.low, slot.low + 1)[:, :, 0]
            )
        return values

    def _blend(self, slot: Slot) -> Array:
        """The slice between two others; padding where either of them is padding: nothing is known there."""
        pair = self.real(slot.low, slot.low + 2)
        rescaled = [
            pair[:, :, n] * self.slopes[slot.low + n] + self.intercepts[slot.low + n]
            for n in (0, 1)
        ]
        mixed = rescaled[0] * (1.0 - slot.weight) + rescaled[1] * slot.weight
        limits = np.iinfo(self.real.dtype)
        stored = np.rint((mixed - self.intercepts[slot.low]) / self.slopes[slot.low])
        values = np.clip(stored, limits.min, limits.max).astype(self.real.dtype)
        if self.padding is not None:
            padded = ((pair >= self.padding[0]) & (pair <= self.padding[1])).any(axis=2)
            values[padded] = int(self.padding[0])
        return values


def slots_of(count: int, missing: Mapping[int, int]) -> tuple[Slot, ...]:
    """The slots of a stack of `count` real slices, `missing[n]` more of them evenly after slice n."""
    slots = []
    for low in range(count):
        slots.append(Slot(low))
        steps = missing.get(low, 0) + 1
        slots.extend(Slot(low, turn / steps) for turn in range(1, steps))
    return tuple(slots)
