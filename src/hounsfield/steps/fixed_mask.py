"""A resolved mask step: the name, the digest and the voxels of a mask."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import PipelineError, QuantityError, refused
from hounsfield.core.spec import Spec
from hounsfield.core.volume import Case, Volume
from hounsfield.kernels.mask import Bits

Empty = Literal["refuse", "keep"]

EMPTY_MASK = "EMPTY_MASK"
MASK_DOUBTFUL = "MASK_DOUBTFUL"

MOST_LEFT_OUT = 0.4
"""Largest fraction of tissue outside a mask without a warning.

Table and headrest are 10 % of the tissue of a scan, 20 % if it shows little of the patient."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedMask:
    """Add the mask `name`; its voxels are not part of a record.

    `sha256` is the digest of the mask packed along i, eight voxels per byte, lowest bit first, rows
    padded to bytes, in Fortran order:
    `np.packbits(mask, axis=0, bitorder="little").tobytes("F")`. `diagnostics` are findings about
    this mask.
    """

    name: str
    sha256: str
    diagnostics: tuple[Diagnostic, ...] = field(
        default=(), metadata={"record": False}
    )  # a record has diagnostics of its own
    voxels: Volume | None = field(
        default=None, repr=False, compare=False, metadata={"record": False}
    )

    def plan(self, spec: Spec) -> Spec:
        """Return `spec`; the image is unchanged."""
        return spec

    def apply(self, case: Case) -> Case:
        """Add the mask or replace one of its name; raises PipelineError without its voxels."""
        if self.voxels is None:
            message = (
                f"no voxels of the mask '{self.name}': a record has only its digest; "
                "run the pipeline that computed it"
            )
            raise PipelineError([Diagnostic("MASK_VOXELS", "refusal", message)])
        return Case(case.image, case.labels, {**case.masks, self.name: self.voxels})


def fix_mask(
    name: str,
    bits: Bits,
    *,
    spec: Spec,
    empty: Empty,
    missing: str,
    diagnostics: tuple[Diagnostic, ...] = (),
) -> FixedMask:
    """Return the fixed step of a mask; `missing` explains an empty one.

    Raises RefusedError if the mask is empty and `empty` is 'refuse'; 'keep' makes it a warning.
    """
    if bits.is_empty:
        message = f"the mask is empty: {missing}"
        if empty == "refuse":
            advice = f"{message}; use empty='keep' to continue with an empty mask"
            raise refused(EMPTY_MASK, advice, where=f"mask '{name}'")
        diagnostics = (*diagnostics, Diagnostic(EMPTY_MASK, "warning", message, f"mask '{name}'"))
    rows = bits.words.view("u1").reshape(-1, 8 * (-(-bits.shape[0] // 64)))[
        :, : -(-bits.shape[0] // 8)
    ]
    voxels = bits.expand()
    volume = Volume(voxels, Spec(grid=spec.grid, dtype=voxels.dtype, quantity="mask", background=0))
    digest = hashlib.sha256(np.ascontiguousarray(rows).data).hexdigest()
    return FixedMask(name=name, sha256=digest, diagnostics=diagnostics, voxels=volume)


def doubts(name: str, left_out: float) -> tuple[Diagnostic, ...]:
    """Warn if so much tissue was excluded that it may belong to the patient (a hollow skull)."""
    if left_out <= MOST_LEFT_OUT:
        return ()
    message = (
        f"{left_out:.0%} of all tissue is outside the mask (at most {MOST_LEFT_OUT:.0%} expected); "
        "check that it is table and headrest"
    )
    return (Diagnostic(MASK_DOUBTFUL, "warning", message, f"mask '{name}'"),)


def expect_hu(spec: Spec, *, step: str) -> None:
    """Raise QuantityError unless the image is HU in one channel."""
    if spec.quantity != "hu" or spec.channels:
        found = (
            f"{spec.quantity} in {len(spec.channels)} channels" if spec.channels else spec.quantity
        )
        raise QuantityError(
            f"{step} needs HU, but the image is {found}; put it before windows and mappings"
        )


def named_mask(case: Case, name: str, *, step: str) -> Volume:
    """Return the mask, or else the label, `name` of the case; raises QuantityError if missing."""
    found = case.masks.get(name, case.labels.get(name))
    if found is None:
        known = ", ".join([*case.masks, *case.labels]) or "none"
        raise QuantityError(
            f"{step}: no mask or label '{name}' (available: {known}); "
            f"add the step that makes it before this one"
        )
    return found
