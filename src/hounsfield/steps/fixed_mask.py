"""What a mask step comes down to once it has looked at the voxels: a name, a digest, and the mask itself."""

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
"""A table and a headrest are a tenth of what a scan shows of tissue, a fifth where little of the patient is in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedMask:
    """Add the mask `name`, whose voxels are carried along but are not part of a record.

    `sha256` is that of the mask as bits: rows along i of 8 voxels a byte, the lowest bit first, each row padded to
    whole bytes, in Fortran order, which is `np.packbits(mask, axis=0, bitorder="little").tobytes("F")`. `diagnostics`
    say what a user should know of this mask.
    """

    name: str
    sha256: str
    diagnostics: tuple[Diagnostic, ...] = field(
        default=(), metadata={"record": False}
    )  # a record has them as its diagnostics
    voxels: Volume | None = field(
        default=None, repr=False, compare=False, metadata={"record": False}
    )

    def plan(self, spec: Spec) -> Spec:
        """The image stays as it is."""
        return spec

    def apply(self, case: Case) -> Case:
        """The case with the mask (over one of the same name); raises PipelineError without its voxels."""
        if self.voxels is None:
            message = f"a record keeps only the digest of the mask '{self.name}'; run the pipeline that made it"
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
    """The fixed step of a mask that was found; `missing` says, where it is empty, what was looked for in vain.

    Raises refused where it is empty and `empty` is 'refuse'; 'keep' makes that a diagnostic.
    """
    if bits.is_empty:
        message = f"{missing}: the mask is empty (empty='keep' goes on with it so)"
        if empty == "refuse":
            raise refused(EMPTY_MASK, message, where=f"mask '{name}'")
        diagnostics = (*diagnostics, Diagnostic(EMPTY_MASK, "warning", message, f"mask '{name}'"))
    rows = bits.words.view("u1").reshape(-1, 8 * (-(-bits.shape[0] // 64)))[
        :, : -(-bits.shape[0] // 8)
    ]
    voxels = bits.expand()
    volume = Volume(voxels, Spec(grid=spec.grid, dtype=voxels.dtype, quantity="mask", background=0))
    digest = hashlib.sha256(np.ascontiguousarray(rows).data).hexdigest()
    return FixedMask(name=name, sha256=digest, diagnostics=diagnostics, voxels=volume)


def doubts(name: str, left_out: float) -> tuple[Diagnostic, ...]:
    """A diagnostic where so much tissue was left out that it may have been the patient (a hollow skull, say)."""
    if left_out <= MOST_LEFT_OUT:
        return ()
    message = (
        f"{left_out:.0%} of all tissue is not in the mask: look whether it is table and headrest"
    )
    return (Diagnostic(MASK_DOUBTFUL, "warning", message, f"mask '{name}'"),)


def expect_hu(spec: Spec, *, step: str) -> None:
    """Raise QuantityError unless the image is HU in one channel."""
    if spec.quantity != "hu" or spec.channels:
        found = (
            f"{spec.quantity} in {len(spec.channels)} channels" if spec.channels else spec.quantity
        )
        raise QuantityError(
            f"{step} needs HU, but the image holds {found}; put it before windows and mappings"
        )


def named_mask(case: Case, name: str, *, step: str) -> Volume:
    """The mask `name` of the case, or else its label of that name; raises QuantityError where there is neither."""
    found = case.masks.get(name, case.labels.get(name))
    if found is None:
        known = ", ".join([*case.masks, *case.labels]) or "none"
        raise QuantityError(
            f"{step}: there is no mask or label '{name}' (there is {known}); "
            f"put the step that makes it before"
        )
    return found
