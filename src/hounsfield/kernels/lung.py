"""Lungs, trachea and main bronchi: air inside the body (design/masks.md)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hounsfield.kernels.airway import RIM_MM, Frame, bullae, trachea
from hounsfield.kernels.block_grid import BlockGrid
from hounsfield.kernels.lung_closing import closed, closed_over, smoothed
from hounsfield.kernels.lung_sides import Midline, Sides, split_sides
from hounsfield.kernels.mask import (
    Bits,
    Components,
    Shape,
    Spacing,
    components,
    dilate,
    erode,
    grown,
    occupied,
    opened,
    refined,
    stepped,
)
from hounsfield.kernels.outline import Outline
from hounsfield.kernels.reach import spread, spread_apart

CELL_MM = 2.0
"""Cell size: that of the body mask, a quarter of the width of a lobar bronchus."""

GAS_HU = -930.0
"""Highest HU of gas without tissue, of the median over a cell.

Lung at full inspiration has -900 to -800 HU; gas next to tissue is up to 50 HU above -1000."""

TUBE_MM = 3.5
"""Radius of a ball that gas outside the lungs contains: trachea, main bronchi, stomach, bowel.

Main bronchi are 9 to 16 mm wide, the bronchi within the lungs narrower."""

SMALL_TUBE_MM = 2.0
"""The same for the trachea where that finds none: that of an infant is 5 mm wide."""

FEWEST_VOXELS = 4
"""Fewest voxels of a cell whose median suppresses noise; pinholes of gas are closed in others."""

EDGE_MM = 100.0
"""Longest path from what the ball of `bridge_mm` sweeps to the end of a recess: that around the
diaphragm is narrower than the ball over up to 80 mm."""

BRONCHUS_MM = 30.0
"""Longest path from such a tube through narrower air outside the lungs: a main bronchus that is
squeezed. A left main bronchus is 40 to 50 mm long."""

PART_SHARE = 0.01
"""Least volume of a separate part of the lungs, as a fraction of the largest part."""

SEPTUM_HU = (-550.0, -700.0)
"""Highest HU of lung where the septum between two touching lungs is sought.

A septum of 1 mm in a cell of 2 mm raises lung of -850 HU to -420."""

BONE_HU = 200.0
"""Lowest HU of bone, whose median tells the midline: spine and ribs are symmetric."""

BONE_ML = 5.0
"""Least bone that tells the midline; the middle of the body does where there is less."""

LUMEN_HU = -500.0
"""Highest HU of a voxel at the wall of the trachea: midway between gas and tissue."""

PIT_MM = 2.5
"""Radius of the closing of single voxels: vessels at the surface of the cells."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LungSet:
    """Voxels of both lungs and of the trachea with main bronchi; any may be empty.

    `is_cut` tells that touching lungs were cut at the midline; `most_share` is the largest fraction
    of a slice of the body, across the long axis of the patient, that is lung; `missing` says what
    the scan lacks if both are empty.
    """

    left: Bits
    right: Bits
    trachea: Bits
    is_cut: bool = False
    most_share: float = 0.0
    missing: Literal["", "body", "air", "lung"] = ""


@dataclass(frozen=True, slots=True, eq=False)
class _Scene:
    """The cells of a scan: the body, the air in it, and the air without tissue."""

    values: NDArray[Any]
    lattice: BlockGrid
    frame: Frame
    body: Bits
    air: Bits
    gas: Bits

    @property
    def steps(self) -> Spacing:
        """The edges of a cell, mm."""
        return self.lattice.spacing_mm

    @property
    def voxel_mm(self) -> Spacing:
        """The edges of a voxel, mm."""
        i, j, k = (mm / n for mm, n in zip(self.steps, self.lattice.block, strict=True))
        return (i, j, k)

    def within(self, low_hu: float, high_hu: float) -> Bits:
        """The cells of the body whose median is within bounds."""
        cells = occupied(self.values, block=self.lattice.block, bounds=(low_hu, high_hu))
        return cells & self.body

    def voxels(self, cells: Bits, band: Bits | None = None, high_hu: float = -np.inf) -> Bits:
        """All voxels of cells, and those of `band` up to `high_hu`."""
        return refined(
            self.values,
            block=self.lattice.block,
            inner=cells,
            band=Bits.zeros(cells.shape) if band is None else band,
            band_bounds=(-np.inf, high_hu),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Lungs:
    """Parameters of lungs.

    Air is `air_hu` and below. What is joined to the lungs only by bridges narrower than a ball of
    radius `bridge_mm` is none of them; each part must contain a ball of radius `core_mm`. Vessels
    and nodules at the pleura are inside that a ball of radius `closing_mm` cannot enter.
    """

    air_hu: float
    bridge_mm: float
    core_mm: float
    closing_mm: float

    def find(
        self, values: NDArray[Any], *, spacing_mm: Spacing, body: Outline, frame: Frame
    ) -> LungSet:
        """Segment `values` (i, j, k) in HU, Fortran-ordered.

        `frame` has the directions of the patient in mm per voxel.
        """
        scene = self._scene(values, spacing_mm, body, frame)
        gas = components(opened(scene.gas, TUBE_MM, spacing_mm=scene.steps))
        tubes = dilate(_all(gas), RIM_MM, spacing_mm=scene.steps)
        lungs = self._parts(scene.air - tubes, scene)
        if lungs.is_empty:
            none = Bits.zeros(_shape(values))
            missing = self._missing(scene)
            return LungSet(left=none, right=none, trachea=none, missing=missing)
        inner = bullae(gas, lungs, spacing_mm=scene.steps)
        around = dilate(gas.keep(inner), RIM_MM + CELL_MM, spacing_mm=scene.steps)
        return self._found(scene, lungs | (scene.air & around), gas.keep(~inner))

    def _found(self, scene: _Scene, lungs: Bits, outer: Bits) -> LungSet:
        """Both lungs and the trachea, with `outer` the gas that is in no lung."""
        sides = split_sides(
            lungs,
            [lungs & scene.within(-np.inf, hu) for hu in SEPTUM_HU],
            midline=_midline(scene, lungs),
            spacing_mm=scene.steps,
        )
        narrow = opened((scene.gas | outer) - lungs, SMALL_TUBE_MM, spacing_mm=scene.steps)
        tube = trachea(
            [components(outer), components(narrow)],
            (sides.left, sides.right),
            frame=scene.frame,
            spacing_mm=scene.steps,
        )
        tube = spread(tube, scene.air - lungs, BRONCHUS_MM, spacing_mm=scene.steps)
        pipe = scene.voxels(tube, stepped(tube) - tube, LUMEN_HU)
        wall = stepped(pipe)
        left, right = self._voxels(scene, sides, stepped(outer | tube))
        return LungSet(
            left=left - wall,
            right=right - left - wall,
            trachea=pipe,
            is_cut=sides.is_cut,
            most_share=scene.frame.most_share(lungs, scene.body),
        )

    def _scene(
        self, values: NDArray[Any], spacing_mm: Spacing, body: Outline, frame: Frame
    ) -> _Scene:
        lattice = BlockGrid.of(spacing_mm, cell_mm=CELL_MM)
        whole = body.cells(values, lattice=lattice)[0]
        air, gas = (
            occupied(values, block=lattice.block, bounds=(-np.inf, hu)) & whole
            for hu in (self.air_hu, min(GAS_HU, self.air_hu))
        )
        if np.prod(lattice.block) < FEWEST_VOXELS:
            steps = lattice.spacing_mm
            gas = closed(gas, max(CELL_MM, min(steps)), spacing_mm=steps) & air
        return _Scene(values, lattice, frame.scaled(lattice.block), whole, air, gas)

    def _missing(self, scene: _Scene) -> Literal["body", "air", "lung"]:
        if scene.body.is_empty:
            return "body"
        return "air" if scene.air.is_empty else "lung"

    def _parts(self, rest: Bits, scene: _Scene) -> Bits:
        """The parts that contain a ball of `core_mm`, with their recesses."""
        parts = components(opened(rest, self.bridge_mm, spacing_mm=scene.steps))
        thick = parts.meeting(erode(rest, self.core_mm, spacing_mm=scene.steps))
        sizes = np.where(thick, parts.sizes, 0)
        main = thick & (sizes >= PART_SHARE * sizes.max(initial=0))
        return spread(parts.keep(main), rest, EDGE_MM, spacing_mm=scene.steps)

    def _voxels(self, scene: _Scene, sides: Sides, away: Bits) -> tuple[Bits, Bits]:
        """The voxels of both lungs; cells of `away` are not in them."""
        closings = [
            (closed_over(side, self.closing_mm, spacing_mm=scene.steps) - away) & scene.body
            for side in (sides.left, sides.right)
        ]
        both = closings[0] & closings[1]
        left = closings[0] - (both - sides.left)
        right = closings[1] - (both - sides.right) - left
        cells = left | right
        near, inner = grown(cells), ~grown(~cells)
        filling = (cells - scene.air) | inner
        voxels = scene.voxels(filling, near - filling - away, self.air_hu)
        zones = spread_apart(left, right, within=near, spacing_mm=scene.steps)
        one, other = (
            smoothed(voxels & scene.voxels(zone), PIT_MM, spacing_mm=scene.voxel_mm)
            for zone in zones
        )
        return one, other


def _midline(scene: _Scene, lungs: Bits) -> Midline:
    """The middle of the bones at the levels of the lungs, or of the body."""
    bone = scene.within(BONE_HU, np.inf)
    enough = bone.count * scene.lattice.cell_ml >= BONE_ML
    out, up = scene.frame.places(bone if enough else scene.body)
    levels = scene.frame.places(lungs)[1]
    near = (up >= levels.min()) & (up <= levels.max())
    return Midline(scene.frame.right, float(np.median(out[near] if near.any() else out)))


def _all(parts: Components) -> Bits:
    return parts.keep(np.ones(len(parts.sizes), bool))


def _shape(values: NDArray[Any]) -> Shape:
    i, j, k = (int(size) for size in values.shape)
    return (i, j, k)
