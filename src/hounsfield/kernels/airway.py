"""Gas outside the lungs: trachea and main bronchi, bullae, and what is bowel or stomach."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hounsfield.kernels.mask import Bits, Components, Shape, Spacing, dilate, stepped

Vector = NDArray[np.float64]

RIM_MM = 2.5
"""Thickness of the rim of gas whose voxels are mixtures of gas and wall."""

LEAST_ML = 0.3
"""Least gas that is examined: 15 mm of a bronchus of 5 mm; smaller holes in a lung are filled."""

BULLA_SHARE = 0.35
"""Least fraction of the surface of gas that borders on lung for the gas to be in the lung.

A stomach or a colon under the diaphragm borders on it from one side, 4 mm away; half of the surface
of a bulla at the pleura is chest wall."""

MOST_ML = 150.0
"""Largest trachea with main bronchi: 20 to 80 mL, and the larynx of a scan of neck and chest."""

MOST_MM2 = 1200.0
"""Largest cross-section: a trachea has up to 600 mm2, both main bronchi at the carina 900."""

LEAST_MM = 20.0
"""Least length along the body, except where the volume ends; oesophageal gas is shorter."""

ACROSS = 0.6
"""Where it is between the lungs: within this fraction of the way from their middle to a centre."""

LEAST_BODY = 0.25
"""Least slice of the body, as a fraction of the largest, of which the share of lung is taken."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """Directions of the patient's right and superior side, in mm per index along (i, j, k)."""

    right: Vector
    superior: Vector

    def scaled(self, block: Sequence[int]) -> Frame:
        """The same for cells of `block` voxels."""
        return Frame(self.right * np.array(block), self.superior * np.array(block))

    def places(self, bits: Bits) -> tuple[Vector, Vector]:
        """The positions of the set cells along right and superior, mm."""
        index = np.argwhere(bits.expand())
        return index @ self.right, index @ self.superior

    def ends(self, shape: Shape) -> tuple[float, float]:
        """The lowest and the highest position of the volume along superior, mm."""
        corners = self.superior * (np.array(shape) - 1)
        return float(np.minimum(corners, 0).sum()), float(np.maximum(corners, 0).sum())

    def most_share(self, part: Bits, whole: Bits) -> float:
        """The largest fraction of a plane of `whole` along the axis next to superior."""
        axis = int(np.abs(self.superior).argmax())
        others = tuple(n for n in range(3) if n != axis)
        counts, of = (each.expand().sum(axis=others, dtype=np.int64) for each in (part, whole))
        used = of >= max(LEAST_BODY * float(of.max(initial=0)), 1.0)
        return float((counts[used] / of[used]).max(initial=0.0))


def bullae(gas: Components, lungs: Bits, *, spacing_mm: Spacing) -> NDArray[np.bool_]:
    """Tell which components of gas are surrounded by lung."""
    around = dilate(lungs, RIM_MM, spacing_mm=spacing_mm)
    chosen = gas.meeting(around) & (gas.sizes * _cell_ml(spacing_mm) >= LEAST_ML)
    for number in np.flatnonzero(chosen):
        one = gas.keep(np.arange(len(gas.sizes)) == number)
        wide = dilate(one, RIM_MM, spacing_mm=spacing_mm)
        shell = stepped(wide) - wide
        chosen[number] = (shell & lungs).count >= BULLA_SHARE * shell.count
    return chosen


def trachea(
    gases: Sequence[Components], lungs: tuple[Bits, Bits], *, frame: Frame, spacing_mm: Spacing
) -> Bits:
    """Return the largest component that is shaped and placed as trachea and main bronchi.

    It is one of the first of `gases` that has one; empty if none has.
    """
    centres = [frame.places(side) for side in lungs if not side.is_empty]
    lowest = min(float(up.mean()) for _, up in centres)
    across = [float(out.mean()) for out, _ in centres]
    reach = ACROSS * (max(across) - min(across)) / 2 if len(across) > 1 else np.inf
    middle = sum(across) / len(across)
    for gas in gases:
        volumes = gas.sizes * _cell_ml(spacing_mm)
        for number in np.argsort(-volumes, kind="stable"):
            if not LEAST_ML <= volumes[number] <= MOST_ML:
                continue
            one = gas.keep(np.arange(len(gas.sizes)) == number)
            out, up = frame.places(one)
            is_between = abs(float(out.mean()) - middle) <= reach and up.max() >= lowest
            if is_between and _is_tube(up, frame, one.shape, spacing_mm):
                return one
    return Bits.zeros(lungs[0].shape)


def _is_tube(up: Vector, frame: Frame, shape: Shape, spacing_mm: Spacing) -> bool:
    """Whether gas at the positions `up` is narrow, and long unless the volume cuts it."""
    step = float(np.abs(frame.superior).max())
    levels = np.bincount(((up - up.min()) / step + 1e-6).astype(np.int64))
    area_mm2 = float(levels.max()) * float(np.prod(spacing_mm)) / step
    low, high = frame.ends(shape)
    is_cut = up.min() <= low + step / 2 or up.max() >= high - step / 2
    return area_mm2 <= MOST_MM2 and (bool(is_cut) or float(np.ptp(up)) + step >= LEAST_MM)


def _cell_ml(spacing_mm: Spacing) -> float:
    return float(np.prod(spacing_mm)) / 1000
