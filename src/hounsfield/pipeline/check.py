"""Check a list of steps before a scan is known: their order, quantities and masks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import GeometryError, QuantityError
from hounsfield.core.grid import Grid
from hounsfield.core.spec import AIR_HU, Spec
from hounsfield.steps.base import AnyStep, masks_of, needs_voxels
from hounsfield.steps.split_slices import SplitSlices

TYPICAL = Spec(
    grid=Grid((512, 512, 200), np.diag([-0.5, -0.5, 1.0, 1.0])),
    dtype=np.dtype(np.int16),
    quantity="hu",
    background=AIR_HU,
)
"""The Spec that pipelines are checked on: a CT in HU; only its quantity and bounds matter."""


def check_order(steps: Sequence[AnyStep | None], spec: Spec = TYPICAL) -> list[Diagnostic]:
    """Check the order of the steps: wrong quantities, MapRange without bounds, and the like.

    None stands for a step that could not be parsed, such as the Clip that sets the bounds of a
    later step.
    """
    diagnostics = []
    for number, step in enumerate(steps, 1):
        if step is None:
            spec = spec.replaced(bounds=spec.bounds or (spec.background, -spec.background))
            continue
        try:
            spec = step.plan(spec)
        except QuantityError as error:
            diagnostics.append(_wrong_order(number, str(error)))
        except GeometryError:
            continue  # whether a box intersects the scan is known only with the scan
        if isinstance(step, SplitSlices) and number != len(steps):
            diagnostics.append(_wrong_order(number, "SplitSlices must be the last step"))
    return diagnostics


def _wrong_order(number: int, message: str) -> Diagnostic:
    return Diagnostic("ORDER", "refusal", message, where=f"step {number}")


def check_names(steps: Sequence[AnyStep], known: Mapping[str, Any]) -> list[Diagnostic]:
    """Check that each mask or label that a step uses is in the case or made by an earlier step."""
    names = set(known)
    diagnostics = []
    for number, step in enumerate(steps, 1):
        used = _name_used(step)
        if used is not None and used not in names:
            available = ", ".join(sorted(names)) or "none"
            message = (
                f"{type(step).__name__} needs a mask or label '{used}'; available: {available}; "
                f"put {_maker(used)} before it"
            )
            diagnostics.append(Diagnostic("NO_MASK", "refusal", message, where=f"step {number}"))
        names.update(masks_of(step))
    return diagnostics


def _name_used(step: AnyStep) -> str | None:
    """The mask or label that a step uses, if any."""
    is_centered = needs_voxels(step) and hasattr(step, "center")
    name = getattr(step, "center" if is_centered else "mask", None)
    return name if isinstance(name, str) else None


def _maker(mask: str) -> str:
    makers = {"head": "HeadMask", "body": "BodyMask", "brain": "BrainMask"}
    makers |= dict.fromkeys(("lung", "lung-left", "lung-right", "trachea"), "LungMask")
    return makers.get(mask, "the step that makes it")
