"""Map the samples of one output axis to those of one source axis.

Interpolation reads a lattice: source samples in order or reversed, cropped, or padded with
background. Crops, pads and flips select from the lattice; the first interpolating step fixes it,
and later geometric steps move the points at which it is read. A sequence of steps is thus one
sampling at the composed points.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hounsfield.kernels.sample import AxisTable
from hounsfield.resampling.axis_weights import (
    BACKGROUND,
    SNAP,
    Floats,
    Indices,
    Kernel,
    axis_table,
    stencil,
)

Method = Literal["auto", "nearest", "linear", "area", "conservative", "cubic"]

COARSER = 1.0 + 1e-3
"""An axis gets coarser if target cells are wider than source cells by over a thousandth."""

COARSER_METHOD: Kernel = "conservative"
"""The kernel of `auto` along an axis that gets coarser, from benchmarks/accuracy.py."""


@dataclass(frozen=True, slots=True, eq=False)
class AxisMap:
    """The mapping of one output axis to one source axis.

    lattice: source index of each lattice entry, or BACKGROUND. nodes: the coordinate of each entry
    (0, 1, 2, ... except for uneven slices). points: the coordinate that each output sample reads.
    width: the output cell in the same coordinate. outside: output samples that are background.
    method: None until a step interpolates; then the points are the nodes. step: the distance of
    output samples in the same coordinate, which a single one does not show; negative if reversed.
    """

    lattice: Indices
    nodes: Floats
    points: Floats
    width: float
    outside: NDArray[np.bool_]
    method: Method | None = None
    step: float = 1.0

    @classmethod
    def identity(cls, size: int) -> AxisMap:
        """The axis unchanged."""
        return cls.choose(np.arange(size))

    @classmethod
    def choose(cls, lattice: Indices) -> AxisMap:
        """Source samples by index (or BACKGROUND), without interpolation."""
        nodes = np.arange(len(lattice), dtype=np.float64)
        outside = np.zeros(len(lattice), dtype=bool)
        return cls(lattice.astype(np.int64), nodes, nodes, 1.0, outside)

    @classmethod
    def between(cls, nodes: Floats, *, count: int) -> AxisMap:
        """Samples 0 to count - 1 of an even axis, interpolated from source samples at `nodes`."""
        return cls(
            np.arange(len(nodes)),
            np.asarray(nodes, dtype=np.float64),
            np.arange(count, dtype=np.float64),
            1.0,
            np.zeros(count, dtype=bool),
            "auto",
        )

    @property
    def size(self) -> int:
        """The number of output samples."""
        return len(self.points)

    @property
    def is_copy(self) -> bool:
        """Whether every output sample is a source sample or background."""
        return self.method is None

    def select(self, index: Indices, *, sign: int = 1) -> AxisMap:
        """The output samples `index` of this axis; indices out of range are background.

        `sign` is -1 if the indices descend.
        """
        known = (index >= 0) & (index < self.size)
        safe = np.where(known, index, 0)
        if self.is_copy:
            return AxisMap.choose(np.where(known, self.lattice[safe], BACKGROUND))
        return replace(
            self,
            points=self._at(index.astype(np.float64)),
            outside=~known | self.outside[safe],
            step=self.step * sign,
        )

    def sampled(self, points: Floats, *, width: float, method: Method, sign: int = 1) -> AxisMap:
        """Read this axis at `points` (output indices) with cells of `width` voxels.

        `sign` is -1 if the points descend.
        """
        nearest = np.clip(np.rint(points), 0, self.size - 1).astype(np.int64)
        beyond = (points < -0.5 - SNAP) | (points > self.size - 0.5 + SNAP)
        step = 1.0 if self.is_copy else self.step
        scale = abs(step)
        if not self.is_copy and self.size > 1:
            scale = abs(float(self.points[-1] - self.points[0])) / (self.size - 1)
        return replace(
            self,
            points=self._at(points),
            width=max(self.width if not self.is_copy else 0.0, width * scale),
            outside=beyond | self.outside[nearest],
            method=method,
            step=step * width * sign,
        )

    def kernel(self, method: Method | None = None) -> Kernel:
        """The kernel of `method` (default: the axis's own); `auto` averages if it gets coarser."""
        requested = method or self.method or "nearest"
        if requested != "auto":
            return requested
        return COARSER_METHOD if self.width > COARSER * self._cell else "linear"

    def table(self, *, shift: float | None = None, method: Method | None = None) -> AxisTable:
        """Indices and weights; `shift` is the offset of the source from the nodes (gantry tilt)."""
        points = self.points - (shift or 0.0)
        points = np.where(np.abs(points - np.rint(points)) < SNAP, np.rint(points), points)
        kernel: Kernel = "nearest" if self.is_copy else self.kernel(method)
        if len(self.lattice) == 1:
            kernel = "nearest"
        outside = self.outside
        if shift is not None:
            outside = outside | (points < self.nodes[0] - 0.5) | (points > self.nodes[-1] + 0.5)
        taps = stencil(kernel, self.nodes, points, self.width)
        return axis_table(self.lattice, taps, outside, extend=kernel in ("conservative", "cubic"))

    @property
    def _cell(self) -> float:
        if len(self.nodes) < 2:
            return 1.0
        return float(self.nodes[-1] - self.nodes[0]) / (len(self.nodes) - 1)

    def _at(self, index: Floats) -> Floats:
        """The points of output indices, which may be fractional or out of range."""
        if self.is_copy:
            return index
        if self.size < 2:
            return np.asarray(self.points[0] + index * self.step)
        steps = (self.points[1] - self.points[0], self.points[-1] - self.points[-2])
        middle = np.interp(index, np.arange(self.size), self.points)
        return np.asarray(
            middle
            + np.minimum(index, 0) * steps[0]
            + np.maximum(index - (self.size - 1), 0) * steps[1]
        )
