"""Segment lungs, left and right, and trachea with main bronchi."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from hounsfield.core.arguments import checked
from hounsfield.core.errors import QuantityError, refused
from hounsfield.core.spec import Spec
from hounsfield.core.volume import Case
from hounsfield.kernels.airway import Frame
from hounsfield.kernels.lung import Lungs, LungSet
from hounsfield.kernels.mask import Bits
from hounsfield.steps.body_mask import BodyMask
from hounsfield.steps.fixed_mask import EMPTY_MASK, Empty, expect_hu
from hounsfield.steps.fixed_masks import FixedMasks, fix_masks
from hounsfield.steps.lung_findings import LUNG, findings
from hounsfield.steps.parse import finite, length_mm, one_of

LungPart = Literal["lung", "lung-left", "lung-right", "trachea"]

ALL_PARTS = ("lung", "lung-left", "lung-right", "trachea")


@checked
@dataclass(frozen=True, slots=True, kw_only=True)
class LungMask:
    """Find the lungs and add them as 'lung', 'lung-left' and 'lung-right', and 'trachea'.

    The masks have vessels, nodules at the pleura and small bronchi; 'trachea', which is in no lung,
    is the lumen of trachea and main bronchi, where it can be told. Consolidated lung, fluid and gas
    of the pleura, and gas of stomach, bowel and oesophagus are in none.

    Parameters
    ----------
    air_hu : float, default -400
        Highest HU of lung: midway between lung and tissue.
    bridge_mm : float, default 3
        Air joined to the lungs only by what a ball of this radius cannot sweep is left out, mm.
    core_mm : float, default 10
        Radius of a ball that each part of the lungs must contain, mm.
    closing_mm : float, default 10
        Vessels and nodules that a ball of this radius cannot enter from outside are inside, mm; a
        nodule of up to 15 mL that lung mostly surrounds, where a ball of three times that cannot.
    masks : str or sequence of str, default ('lung', 'lung-left', 'lung-right', 'trachea')
        The masks to add.
    empty : {'refuse', 'keep'}, default 'refuse'
        Refuse a scan without lungs, or add empty masks.

    Raises
    ------
    QuantityError
        If a parameter is invalid.

    Notes
    -----
    Left and right are the patient's, as the affine tells. LUNG_DOUBTFUL reports what makes the
    masks doubtful: only one lung, one much smaller than the other, density, lungs that no septum
    divides. LUNG_CUT reports lungs that the volume cuts. The method is that of design/masks.md.

    Examples
    --------
    >>> LungMask(masks=["lung"]).masks
    ('lung',)
    """

    air_hu: float = -400.0
    bridge_mm: float = 3.0
    core_mm: float = 10.0
    closing_mm: float = 10.0
    masks: str | Sequence[str] = ALL_PARTS
    empty: Empty = "refuse"

    def __post_init__(self) -> None:
        object.__setattr__(self, "air_hu", finite(self.air_hu, name="air_hu"))
        for name in ("bridge_mm", "core_mm", "closing_mm"):
            object.__setattr__(self, name, length_mm(getattr(self, name), name=name))
        chosen = (self.masks,) if isinstance(self.masks, str) else tuple(self.masks)
        for name in chosen:
            one_of(name, LungPart, name="masks")
        if not chosen or len(set(chosen)) < len(chosen):
            raise QuantityError(
                f"masks is {list(chosen)}; expected some of {', '.join(ALL_PARTS)}, each once"
            )
        object.__setattr__(self, "masks", chosen)
        one_of(self.empty, Empty, name="empty")

    @property
    def adds(self) -> tuple[str, ...]:
        """The names of the masks."""
        return tuple(self.masks)

    def plan(self, spec: Spec) -> Spec:
        """Return `spec`; raises QuantityError unless the image is HU."""
        expect_hu(spec, step="LungMask")
        return spec

    def resolve(self, case: Case) -> FixedMasks:
        """Segment; raises RefusedError if no lung is found and `empty` is 'refuse'."""
        spec = self.plan(case.image.spec)
        found = self._find(case)
        if found.missing and self.empty == "refuse":
            advice = "use empty='keep' to continue with empty masks"
            raise refused(EMPTY_MASK, f"{self._reason(found)}; {advice}", where=LUNG)
        parts: dict[str, Bits] = {
            "lung": found.left | found.right,
            "lung-left": found.left,
            "lung-right": found.right,
            "trachea": found.trachea,
        }
        return fix_masks(
            {name: parts[name] for name in self.masks},
            spec=spec,
            diagnostics=findings(
                found, case.image, missing=self._reason(found), parts=tuple(self.masks)
            ),
        )

    def _find(self, case: Case) -> LungSet:
        grid = case.image.grid
        lungs = Lungs(
            air_hu=self.air_hu,
            bridge_mm=self.bridge_mm,
            core_mm=self.core_mm,
            closing_mm=self.closing_mm,
        )
        return lungs.find(
            case.image.array,
            spacing_mm=grid.spacing_mm,
            body=BodyMask().outline,
            frame=Frame(np.array(grid.affine[0, :3]), np.array(grid.affine[2, :3])),
        )

    def _reason(self, found: LungSet) -> str:
        """Why no lung is found: what is missing first."""
        body = BodyMask()
        reasons = {
            "": "",
            "body": f"no tissue of {body.tissue_hu:g} HU or more contains a ball "
            f"of radius {body.core_mm:g} mm",
            "air": f"no air of {self.air_hu:g} HU or less inside the body",
            "lung": f"no lung of {self.air_hu:g} HU or less inside the body contains a ball of "
            f"radius {self.core_mm:g} mm; gas of stomach and bowel is none",
        }
        return f"the mask is empty: {reasons[found.missing]}" if found.missing else ""
