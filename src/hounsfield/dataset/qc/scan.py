"""The coarse scan that the checks read: HU, positions, and the patient's body."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.stack import Stack
from hounsfield.dataset.qc.probe import SliceProbe
from hounsfield.kernels.mask import Bits, Spacing, dilate
from hounsfield.kernels.outline import Outline

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

BODY = Outline(
    tissue_hu=-400.0, bridge_mm=4.0, core_mm=10.0, closing_mm=5.0, cell_mm=2.0, single=False
)
"""The defaults of BodyMask (design/masks.md)."""

AWAY_MM = 10.0
"""Air this far from the body has no partial volume, hair or clothes (design/masks.md)."""

NO_AIR_HU = -300.0
"""Air in or around a patient is below this at any noise; fat, at -150 to -50 HU, is above."""

UPRIGHT = 0.7
"""Least cosine between slice normal and the patient's long axis: gantries tilt by up to 30 degrees,
coronal and sagittal slices are at 90."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CoarseScan:
    """Sampled voxels `hu` (i, j, n) of the slices `slices` of a stack, at `spacing_mm`.

    `offset_hu` is subtracted from the values before tissue is looked for; `left_out` is the share
    of tissue outside of `body`.
    """

    stack: Stack
    hu: Floats
    slices: tuple[int, ...]
    spacing_mm: Spacing
    step: int
    offset_hu: float = 0.0
    body: Bools
    left_out: float = 0.0

    @classmethod
    def of(cls, probe: SliceProbe) -> CoarseScan | None:
        """Return what a probe has sampled, without a body yet; None if it has no slice."""
        slices = tuple(sorted(probe.sampled))
        if not slices:
            return None
        hu = np.asfortranarray(np.stack([probe.sampled[k] for k in slices], axis=2))
        steps = (probe.stack.step_i_ras_mm, probe.stack.step_j_ras_mm)
        i, j = (float(np.linalg.norm(step)) * probe.step for step in steps)
        positions = probe.stack.positions_mm[list(slices)]
        k = float(np.median(np.diff(positions))) if len(slices) > 1 else probe.stack.step_mm
        return cls(
            stack=probe.stack,
            hu=hu,
            slices=slices,
            spacing_mm=(i, j, k),
            step=probe.step,
            body=np.zeros(hu.shape, dtype=bool),
        )

    def segmented(self, offset_hu: float) -> CoarseScan:
        """Return the scan with its body, found in values that are `offset_hu` too high."""
        values = np.asfortranarray(self.hu - np.float32(offset_hu)) if offset_hu else self.hu
        found = BODY.find(values, spacing_mm=self.spacing_mm)
        body = found.voxels.expand().astype(bool)
        return replace(self, offset_hu=offset_hu, body=body, left_out=found.left_out)

    @property
    def has_body(self) -> bool:
        """Whether a body was found, and air around it."""
        return bool(self.body.any()) and not bool(self.body.all())

    @property
    def has_air(self) -> bool:
        """Whether any voxel is below NO_AIR_HU."""
        return bool(self.hu.min() - self.offset_hu < NO_AIR_HU)

    def every(self, slices: int) -> CoarseScan:
        """Return the scan with at most `slices` of its slices, evenly."""
        step = -(-len(self.slices) // slices)
        return replace(
            self, hu=self.hu[:, :, ::step], body=self.body[:, :, ::step], slices=self.slices[::step]
        )

    @property
    def outside(self) -> Bools:
        """Voxels AWAY_MM or more from the body within their slice."""
        flat = (*self.spacing_mm[:2], 1e3)
        near = dilate(Bits.pack(self.body), AWAY_MM, spacing_mm=flat)
        return ~near.expand().astype(bool)

    @property
    def areas_mm2(self) -> NDArray[np.float64]:
        """Area of the body in each sampled slice, (n,)."""
        cell = self.spacing_mm[0] * self.spacing_mm[1]
        return np.asarray(self.body.sum(axis=(0, 1)) * cell, dtype=np.float64)

    @property
    def ascends(self) -> bool | None:
        """Whether later slices are nearer to the head; None if slices are not transverse."""
        upwards = float(self.stack.normal[2])
        return None if abs(upwards) < UPRIGHT else upwards > 0

    @property
    def is_single(self) -> bool:
        """Whether it has one slice."""
        return self.stack.shape[2] == 1

    @property
    def has_both_ends(self) -> bool:
        """Whether the first and the last slice of the stack were read."""
        return self.slices[0] == 0 and self.slices[-1] == self.stack.shape[2] - 1
