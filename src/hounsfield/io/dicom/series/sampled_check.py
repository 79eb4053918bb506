"""Check whether the values of a DICOM series are plausible as HU, on a few decoded slices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.io.dicom.pixels.decode import FrameDecoder
from hounsfield.io.values.plausibility import doubts, sample

SLICES = 8
"""Slices that are decoded for the check, spread evenly over the series."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SampledCheck:
    """Check some slices, rescaled and with padding as background, as `Stack.finish`.

    Values that do not look like HU are a doubt and no refusal: the header declares HU. The result
    is computed once.
    """

    decoder: FrameDecoder
    slopes: Sequence[float]
    intercepts: Sequence[float]
    padding: tuple[float, float] | None
    background: float
    _found: list[tuple[Diagnostic, ...]] = field(default_factory=list, repr=False)

    def __call__(self) -> tuple[Diagnostic, ...]:
        """The diagnostics of the values; raises ReadError if a slice cannot be decoded."""
        if not self._found:
            self._found.append(doubts(self._sample()))
        return self._found[0]

    def _sample(self) -> NDArray[Any]:
        count = len(self.decoder.frames)
        chosen = np.unique(np.linspace(0, count - 1, min(count, SLICES)).round().astype(int))
        slices = [self._values(n) for n in chosen.tolist()]
        return sample(np.asfortranarray(np.concatenate(slices, axis=2)))

    def _values(self, n: int) -> NDArray[np.float32]:
        stored = self.decoder(n, n + 1)
        values = stored.astype(np.float32) * self.slopes[n] + self.intercepts[n]
        if self.padding is not None:
            low, high = self.padding
            values[(stored >= low) & (stored <= high)] = self.background
        return np.asarray(values, dtype=np.float32)
