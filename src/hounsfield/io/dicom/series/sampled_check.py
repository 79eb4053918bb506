"""Check whether the values of a DICOM series are plausible as HU, on a few decoded slices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.io.dicom.header.frame import Frame
from hounsfield.io.dicom.pixels.decode import FrameDecoder
from hounsfield.io.dicom.pixels.padding import Padding, find_padding
from hounsfield.io.values.plausibility import doubts, sample

SLICES = (3, 8)
"""Fewest and most slices that are decoded for the check, spread evenly over the series."""

ONE_OF = 16
"""One of so many slices is decoded, so that the check takes a small part of the reading time."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SampledCheck:
    """Check some slices, rescaled and with padding as background, as `Stack.finish`.

    Values that do not look like HU are a doubt and no refusal: the header declares HU. The result
    is computed once.
    """

    frames: tuple[Frame, ...]
    dtype: np.dtype[Any]
    slopes: Sequence[float]
    intercepts: Sequence[float]
    padding: Padding | None
    """The padding of the series; None if it is kept, and has to be found for the check."""
    background: float
    _found: list[tuple[Diagnostic, ...]] = field(default_factory=list, repr=False)

    def __call__(self) -> tuple[Diagnostic, ...]:
        """The diagnostics of the values; raises ReadError if a slice cannot be decoded."""
        if not self._found:
            self._found.append(doubts(self._sample()))
        return self._found[0]

    def _sample(self) -> NDArray[Any]:
        count = len(self.frames)
        wanted = min(count, max(SLICES[0], min(SLICES[1], count // ONE_OF)))
        chosen = np.unique(np.linspace(0, count - 1, wanted).round().astype(int)).tolist()
        padding = find_padding(self.frames, self.dtype) if self.padding is None else self.padding
        decoder = FrameDecoder(
            self.frames, self.dtype, padding.ranges, padding.common, padding.edges
        )
        slices = [self._values(decoder, n, padding=padding.stored) for n in chosen]
        return sample(np.asfortranarray(np.concatenate(slices, axis=2)))

    def _values(
        self, decoder: FrameDecoder, n: int, *, padding: tuple[float, float] | None
    ) -> NDArray[np.float32]:
        stored = decoder(n, n + 1)
        values = stored.astype(np.float32) * self.slopes[n] + self.intercepts[n]
        if padding is not None:
            low, high = padding
            values[(stored >= low) & (stored <= high)] = self.background
        return np.asarray(values, dtype=np.float32)
