"""Check a list of steps before a scan is known: their order, quantities and the masks that they use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import GeometryError, QuantityError
from hounsfield.core.grid import Grid
from hounsfield.core.spec import AIR_HU, Spec
from hounsfield.steps.base import AnyStep, needs_voxels
from hounsfield.steps.split_slices import SplitSlices

TYPICAL = Spec(
    grid=Grid((512, 512, 200), np.diag([-0.5, -0.5, 1.0, 1.0])),
    dtype=np.dtype(np.int16),
    quantity="hu",
    background=AIR_HU,
)
"""What a pipeline is checked on before a scan is known: a CT in HU; only its quantity and bounds matter there."""


def check_order(steps: Sequence[AnyStep | None], spec: Spec = TYPICAL) -> list[Diagnostic]:
    """What is wrong with the order of the steps: quantities that do not fit, MapRange without bounds, and the like.

    None is a step that could not be read: it may have been the Clip whose bounds a later step takes.
    """
    diagnostics = []
    for number, step in enumerate(steps, 1):
        if step is None:
            spec = spec.replaced(bounds=spec.bounds or (spec.background, -spec.background))
            continue
        try:
            spec = step.plan(spec)
        except QuantityError as error:
            diagnostics.append(Diagnostic("ORDER", "refusal", str(error), f"step {number}"))
        except GeometryError:
            continue  # whether a box lies in the scan is known once the scan is
        if isinstance(step, SplitSlices) and number != len(steps):
            diagnostics.append(
                Diagnostic(
                    "ORDER", "refusal", "SplitSlices must be the last step", f"step {number}"
                )
            )
    return diagnostics


def check_names(steps: Sequence[AnyStep], known: Mapping[str, Any]) -> list[Diagnostic]:
    """Masks and labels that a step asks for and that neither the case has nor an earlier step makes."""
    names = set(known)
    diagnostics = []
    for number, step in enumerate(steps, 1):
        wanted = (
            getattr(step, "center", None)
            if needs_voxels(step) and hasattr(step, "center")
            else getattr(step, "mask", None)
        )
        if isinstance(wanted, str) and wanted not in names:
            have = ", ".join(sorted(names)) or "none"
            diagnostics.append(
                Diagnostic(
                    "NO_MASK",
                    "refusal",
                    f"{type(step).__name__} needs a mask or label '{wanted}'; "
                    f"there is {have}; put {_maker(wanted)} before it",
                    f"step {number}",
                )
            )
        makes = getattr(step, "adds", None)
        if isinstance(makes, str):
            names.add(makes)
    return diagnostics


def _maker(mask: str) -> str:
    return {"head": "HeadMask", "body": "BodyMask", "brain": "BrainMask"}.get(
        mask, "the step that makes it"
    )
