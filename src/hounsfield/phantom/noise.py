"""Noise of reconstructed CT: Gaussian, correlated between neighboring pixels of a slice."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

TAPS = (0.25, 0.5, 0.25)
"""Weights that give the correlation of a soft kernel within a slice; slices are independent."""


def noise(shape: tuple[int, int, int], *, sd: float, seed: int) -> NDArray[np.float32]:
    """Noise of standard deviation `sd`, (i, j, k) float32; each slice has its own random stream.

    >>> round(float(noise((64, 64, 4), sd=5.0, seed=1).std()), 0)
    5.0
    """
    out = np.zeros(shape, dtype=np.float32, order="F")
    if sd > 0:
        scale = np.float32(sd / sum(tap * tap for tap in TAPS))
        for k in range(shape[2]):
            stream = np.random.default_rng((seed, k))
            white = stream.standard_normal((shape[0] + 2, shape[1] + 2), dtype=np.float32) * scale
            rows = TAPS[0] * (white[:-2] + white[2:]) + TAPS[1] * white[1:-1]
            out[:, :, k] = TAPS[0] * (rows[:, :-2] + rows[:, 2:]) + TAPS[1] * rows[:, 1:-1]
    return out
