"""A resolved mask step: the name, the SHA-256 and the voxels of a mask."""

from __future__ import annotations

import hashlib
import zlib
from base64 import b64decode, b64encode
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import PipelineError, QuantityError, refused
from hounsfield.core.grid import Grid
from hounsfield.core.spec import Spec
from hounsfield.core.volume import Case, Volume
from hounsfield.kernels.mask import Bits

Empty = Literal["refuse", "keep"]

EMPTY_MASK = "EMPTY_MASK"

ZLIB_LEVEL = 1
"""Compression level: 33 ms and 290 KB for the body in 512 x 512 x 275 voxels.

Level 6 needs 134 ms and 200 KB (design/record.md)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedMask:
    """Add the mask `name` with fixed voxels.

    `sha256` is the SHA-256 of the packed mask: 8 voxels along i per byte, lowest bit first, each
    row padded to whole bytes, in Fortran order, as in
    `np.packbits(mask, axis=0, bitorder="little").tobytes("F")`. `bits` are these bytes for a
    record: each k-slice XOR the previous one, compressed with zlib, as base64. `diagnostics`
    describe possible problems of the mask.
    """

    name: str
    sha256: str
    bits: str = field(default="", repr=False, compare=False)
    diagnostics: tuple[Diagnostic, ...] = field(
        default=(), metadata={"record": False}
    )  # a record has its diagnostics in one list
    voxels: Volume | None = field(
        default=None, repr=False, compare=False, metadata={"record": False}
    )

    @property
    def adds(self) -> str:
        """The name of the mask."""
        return self.name

    def plan(self, spec: Spec) -> Spec:
        """Return `spec`; the image is unchanged."""
        return spec

    def apply(self, case: Case) -> Case:
        """Return the case with the mask, which replaces one of the same name.

        Raises PipelineError if the mask does not fit the grid of the image.
        """
        voxels = self._unpacked(case.image.grid) if self.voxels is None else self.voxels
        return Case(case.image, case.labels, {**case.masks, self.name: voxels})

    def _unpacked(self, grid: Grid) -> Volume:
        try:
            rows = _unpacked_rows(self.bits, grid.shape)
        except (ValueError, TypeError, zlib.error):
            rows = np.zeros((0, 0, 0), np.uint8)
        if hashlib.sha256(rows.data).hexdigest() != self.sha256:
            message = (
                f"the bits of the mask '{self.name}' do not match its sha256 or {grid.shape} "
                "voxels; run the pipeline that computed it"
            )
            raise PipelineError([Diagnostic("MASK_VOXELS", "refusal", message)])
        array = np.unpackbits(rows, axis=2, count=grid.shape[0], bitorder="little").T
        return Volume(array, Spec(grid=grid, dtype=array.dtype, quantity="mask", background=0))


def _packed_rows(rows: NDArray[np.uint8]) -> str:
    """Return rows of bits (k, j, byte) as text, compressed as differences between slices."""
    changes = rows.copy()
    changes[1:] ^= rows[:-1]
    return b64encode(zlib.compress(changes.data, level=ZLIB_LEVEL)).decode("ascii")


def _unpacked_rows(text: str, shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Unpack the rows (k, j, byte) of `_packed_rows`.

    Raises ValueError, TypeError or zlib.error.
    """
    size = (shape[2], shape[1], -(-shape[0] // 8))
    most = size[0] * size[1] * size[2]
    data = zlib.decompressobj().decompress(b64decode(text, validate=True), most + 1)
    return np.bitwise_xor.accumulate(np.frombuffer(data, np.uint8).reshape(size), axis=0)


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
    return replace(packed_mask(name, bits, spec=spec), diagnostics=diagnostics)


def packed_mask(name: str, bits: Bits, *, spec: Spec) -> FixedMask:
    """Return the fixed step of a mask, which may be empty."""
    i, j, k = bits.shape
    padded = bits.words.view("u1").reshape(k, j, 8 * -(-i // 64))
    rows = np.ascontiguousarray(padded[:, :, : -(-i // 8)])
    voxels = bits.expand()
    return FixedMask(
        name=name,
        sha256=hashlib.sha256(rows.data).hexdigest(),
        bits=_packed_rows(rows),
        voxels=Volume(
            voxels, Spec(grid=spec.grid, dtype=voxels.dtype, quantity="mask", background=0)
        ),
    )


def expect_hu(spec: Spec, *, step: str) -> None:
    """Raise QuantityError unless the image is HU in one channel."""
    if spec.quantity != "hu" or spec.channels:
        found = (
            f"{spec.quantity} in {len(spec.channels)} channels" if spec.channels else spec.quantity
        )
        raise QuantityError(
            f"{step} needs HU, but the image is {found}; put {step} before windows and mappings"
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
