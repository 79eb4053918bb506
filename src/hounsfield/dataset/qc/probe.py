"""Keep a coarse sample of the slices of a stack while a pipeline decodes them, once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import HounsfieldError
from hounsfield.core.stack import Stack
from hounsfield.core.volume import Array

SIDE = 128
"""Most sampled voxels along a row or column: 2 to 4 mm of a head or body."""

SLICES = 64
"""Most sampled slices (one more with the last): 3 to 5 mm of a head or body; 4 MB in all."""


@dataclass(slots=True, eq=False)
class SliceProbe:
    """The decoder of a stack that keeps every `step`-th voxel of every sampled slice, in HU.

    It reads the first and the last slice, and sampled slices that the caller skips between two
    slabs, on its way: always forwards, so that a compressed file is inflated once. What it keeps
    does not depend on the slabs in which it is read, as long as their first and last slice are the
    same.
    """

    stack: Stack
    wanted: NDArray[np.bool_] = field(init=False)
    step: int = field(init=False)
    sampled: dict[int, NDArray[np.float32]] = field(init=False, default_factory=dict)
    _next: int = field(init=False, default=0)
    _lock: Lock = field(init=False, default_factory=Lock)

    def __post_init__(self) -> None:
        self.step = -(-max(self.stack.shape[:2]) // SIDE)
        self.wanted = _wanted(self.stack)

    def probed(self) -> Stack:
        """Return the stack that is read through this probe."""
        return self.stack.replaced(decode=self, finish=self.finish)

    def __call__(self, start: int, stop: int) -> Array:
        """Return the stored values of slices start to stop (exclusive), and sample them."""
        self._read_between(start)
        values = self.stack.decode(start, stop)
        for k in range(start, stop):
            if self.wanted[k] and k not in self.sampled:
                self.sampled[k] = self._rescaled(values[:: self.step, :: self.step, k - start], k)
        self._next = max(self._next, stop)
        return values

    @property
    def rescaled(self) -> Callable[..., Array | None] | None:
        """The rescaling decoder of a DICOM series, sampled too; None if there is none."""
        rescaled = getattr(self.stack.decode, "rescaled", None)
        return None if rescaled is None else self._all_rescaled

    def finish(self) -> tuple[Diagnostic, ...]:
        """Sample the last slice, and finish the stack."""
        self._read_between(self.stack.shape[2])
        return () if self.stack.finish is None else self.stack.finish()

    def _all_rescaled(self, **how: Any) -> Array | None:
        made: Callable[..., Array | None] = getattr(self.stack.decode, "rescaled")  # noqa: B009
        values = made(**how)
        if values is not None:
            for k in np.flatnonzero(self.wanted):
                part = values[:: self.step, :: self.step, k]
                self.sampled[int(k)] = part.astype(np.float32, order="F")
            self._next = self.stack.shape[2]
        return values

    def _read_between(self, start: int) -> None:
        """Sample what the caller skips: the first slice, the last, and those between two slabs."""
        last = self.stack.shape[2] - 1
        with self._lock:
            skipped = [0] if self._next == 0 else list(range(self._next, start))
            if start > last:
                skipped = [0, last] if self._next == 0 else [last]
            for k in skipped:
                if k < start and self.wanted[k] and k not in self.sampled:
                    self._sample(k)

    def _sample(self, k: int) -> None:
        """Decode one slice; what cannot be decoded is not sampled, as the caller has no need."""
        try:
            values = self.stack.decode(k, k + 1)
        except HounsfieldError:
            return
        self.sampled[k] = self._rescaled(values[:: self.step, :: self.step, 0], k)

    def _rescaled(self, stored: Array, k: int) -> NDArray[np.float32]:
        """The HU of a part of slice k; padding is background."""
        line = (self.stack.slopes[k], self.stack.intercepts[k])
        hu = np.asarray(stored * line[0] + line[1], dtype=np.float32, order="F")
        if self.stack.padding is not None:
            low, high = self.stack.padding
            hu[(stored >= low) & (stored <= high)] = self.stack.background
        return np.nan_to_num(hu, copy=False, nan=self.stack.background)


def _wanted(stack: Stack) -> NDArray[np.bool_]:
    """Which slices are sampled: evenly, with first and last; none that was interpolated."""
    count = stack.shape[2]
    wanted = np.zeros(count, dtype=bool)
    wanted[:: -(-count // SLICES)] = True
    wanted[-1] = True
    if any(stack.interpolated):
        wanted &= ~np.array(stack.interpolated)
    return wanted
