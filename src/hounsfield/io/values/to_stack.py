"""Convert a RawImage to a Stack of one volume, or to a Volume with channels."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import QuantityError
from hounsfield.core.policy import ReadPolicy
from hounsfield.core.spec import BACKGROUNDS, Quantity, Spec
from hounsfield.core.stack import Stack
from hounsfield.core.stack_on_grid import stack_on_grid
from hounsfield.core.volume import Array, Volume
from hounsfield.io.bytes.gzip.stream import KEPT_IN_MEMORY_BYTES, GzipVoxels, Sequential
from hounsfield.io.bytes.process_lock import ProcessLock
from hounsfield.io.bytes.source_file import Voxels
from hounsfield.io.values.dtype import INT16, label_values, rescale_to_dtype
from hounsfield.io.values.plausibility import (
    check_hu,
    check_hu_sample,
    check_labels,
    check_mask,
    sample_stride,
)
from hounsfield.io.values.raw_image import RawImage

Check = Callable[[Voxels], tuple[Diagnostic, ...]]


class Slices:
    """Voxels that are loaded and checked at the first access, then cached.

    Those of an uncompressed file stay there; each slab is read from it.
    """

    def __init__(self, load: Callable[[], Voxels], dtype: np.dtype[Any], check: Check) -> None:
        self._load, self._dtype, self._check = load, dtype, check
        self._array: Voxels | None = None
        self._found: tuple[Diagnostic, ...] = ()
        self._lock = ProcessLock()

    def slab(self, start: int, stop: int) -> Array:
        """Slices start to stop (exclusive) in Fortran order; read-only if they are cached."""
        return self._loaded()[:, :, start:stop].astype(self._dtype, order="F", copy=False)

    def finish(self) -> tuple[Diagnostic, ...]:
        """The diagnostics of the check of the voxels."""
        self._loaded()
        return self._found

    def _loaded(self) -> Voxels:
        with self._lock:
            if self._array is None:
                array = self._load()
                self._found = self._check(array)
                if isinstance(array, np.ndarray):
                    array = array.view()
                    array.setflags(write=False)
                self._array = array
            return self._array


def stack_of(stored: RawImage, *, quantity: Quantity, policy: ReadPolicy) -> Stack:
    """Build the Stack of a file; voxels are loaded only if the dtype depends on them.

    Raises RefusedError, QuantityError or ReadError; `finish` returns a diagnostic for implausible
    HU.
    """
    _check_quantity(stored, quantity, policy)
    background = _background(stored, quantity)
    if quantity in ("label", "mask"):
        return _label_stack(stored, quantity, policy)
    if _dtype_is_known(stored, quantity):
        dtype = (
            np.dtype(np.int16)
            if quantity == "hu" and not stored.is_rescaled
            else stored.dtype.newbyteorder("=")
        )
        if (
            stored.packed is not None
            and math.prod(stored.grid.shape) * dtype.itemsize > KEPT_IN_MEMORY_BYTES
        ):
            return _sequential(stored, stored.packed, dtype, quantity=quantity, policy=policy)
        slices = Slices(stored.load, dtype, _check(stored, quantity, policy))
        return stack_on_grid(
            stored.grid,
            stored_dtype=dtype,
            decode=slices.slab,
            quantity=quantity,
            finish=slices.finish,
            background=background,
            slope=stored.slope,
            intercept=stored.intercept,
            diagnostics=stored.diagnostics,
            policy=policy,
        )
    array, diagnostics = rescale_to_dtype(
        stored.load(),
        slope=stored.slope,
        intercept=stored.intercept,
        background=background,
        policy=policy,
    )
    diagnostics += _check(replace(stored, slope=1.0, intercept=0.0), quantity, policy)(array)
    return _in_memory(
        stored,
        array,
        quantity=quantity,
        background=background,
        diagnostics=diagnostics,
        policy=policy,
    )


def _sequential(
    stored: RawImage,
    packed: GzipVoxels,
    dtype: np.dtype[Any],
    *,
    quantity: Quantity,
    policy: ReadPolicy,
) -> Stack:
    """The stack of a large compressed file, with slices inflated on request."""
    is_unverified = quantity == "hu" and policy.assume != "hu" and stored.quantity != "hu"
    if is_unverified and stored.not_hu is not None:
        check_hu(np.zeros((1, 1, 1)), not_hu=stored.not_hu)
    check = partial(check_hu_sample, slope=stored.slope, intercept=stored.intercept)
    slices = Sequential(
        packed,
        shape=stored.grid.shape,
        stored=stored.dtype,
        dtype=dtype,
        stride=sample_stride(math.prod(stored.grid.shape)),
        check=check if is_unverified else None,
    )
    return stack_on_grid(
        stored.grid,
        stored_dtype=dtype,
        decode=slices.slab,
        quantity=quantity,
        finish=slices.finish,
        background=_background(stored, quantity),
        slope=stored.slope,
        intercept=stored.intercept,
        diagnostics=stored.diagnostics,
        policy=policy,
    )


def volume_of(stored: RawImage, *, quantity: Quantity, policy: ReadPolicy) -> Volume:
    """The Volume of a file with channels."""
    _check_quantity(stored, quantity, policy)
    background = _background(stored, quantity)
    diagnostics: tuple[Diagnostic, ...] = ()
    raw = stored.load()
    if quantity in ("label", "mask"):
        array = np.array(
            label_values(raw, slope=stored.slope, intercept=stored.intercept), order="F"
        )
    elif (
        quantity != "hu"
        and not stored.is_rescaled
        and raw.dtype.kind in "biu"
        and raw.dtype.itemsize <= 2
    ):
        array = np.array(np.asarray(raw), dtype=raw.dtype.newbyteorder("="), order="F")
    else:
        array, diagnostics = rescale_to_dtype(
            raw,
            slope=stored.slope,
            intercept=stored.intercept,
            background=background,
            policy=policy,
        )
        diagnostics += _check(replace(stored, slope=1.0, intercept=0.0), quantity, policy)(array)
    spec = Spec(
        grid=stored.grid,
        dtype=array.dtype,
        quantity=quantity,
        background=background,
        channels=stored.channels,
        backgrounds=stored.backgrounds if stored.quantity == quantity else (),
    )
    return Volume(array, spec, diagnostics=stored.diagnostics + diagnostics)


def _check_quantity(stored: RawImage, quantity: Quantity, policy: ReadPolicy) -> None:
    """Raise QuantityError if the file declares another quantity than the requested one."""
    declared = stored.quantity
    both_labels = declared in ("label", "mask") and quantity in ("label", "mask")
    forced = quantity == "other" or (quantity == "hu" and policy.assume == "hu")
    if declared is not None and declared != quantity and not both_labels and not forced:
        raise QuantityError(
            f"the file declares {declared}, expected {quantity}; read it with "
            f"quantity='{declared}', or 'other' for values without a unit"
        )


def _background(stored: RawImage, quantity: Quantity) -> float:
    if stored.background is not None and stored.quantity == quantity:
        return stored.background
    return BACKGROUNDS.get(quantity, 0.0)


def _check(stored: RawImage, quantity: Quantity, policy: ReadPolicy) -> Check:
    """The check of the stored values; none if the user or the file declares them as HU."""
    if quantity != "hu" or policy.assume == "hu" or stored.quantity == "hu":
        return lambda array: ()
    return lambda array: check_hu(
        array, slope=stored.slope, intercept=stored.intercept, not_hu=stored.not_hu
    )


def _dtype_is_known(stored: RawImage, quantity: Quantity) -> bool:
    """Whether the dtype of the values follows from the header alone."""
    kind, size = stored.dtype.kind, stored.dtype.itemsize
    if kind not in "iu" or size > 2:
        return False
    if not stored.is_rescaled:
        return quantity != "hu" or (kind, size) != ("u", 2)
    limits = np.iinfo(stored.dtype)
    limits_rescaled = [end * stored.slope + stored.intercept for end in (limits.min, limits.max)]
    return bool(stored.slope % 1 or stored.intercept % 1) or (
        min(limits_rescaled) >= INT16.min and max(limits_rescaled) <= INT16.max
    )


def _label_stack(stored: RawImage, quantity: Quantity, policy: ReadPolicy) -> Stack:
    array = label_values(stored.load(), slope=stored.slope, intercept=stored.intercept)
    diagnostics: tuple[Diagnostic, ...] = ()
    if quantity == "mask":
        check_mask(array)
        if int(array.max()) == 255:
            array = (array != 0).astype(np.uint8, order="F")
            diagnostics = (
                Diagnostic("MASK_255", "repair", "the mask has values 0 and 255; read as 0 and 1"),
            )
    else:
        check_labels(array)
    return _in_memory(
        stored, array, quantity=quantity, background=0.0, diagnostics=diagnostics, policy=policy
    )


def _in_memory(
    stored: RawImage,
    array: Array,
    *,
    quantity: Quantity,
    background: float,
    diagnostics: tuple[Diagnostic, ...],
    policy: ReadPolicy,
) -> Stack:
    """The stack of converted values in memory."""
    slices = Slices(lambda: array, array.dtype, lambda _: ())
    return stack_on_grid(
        stored.grid,
        stored_dtype=array.dtype,
        decode=slices.slab,
        quantity=quantity,
        background=background,
        diagnostics=stored.diagnostics + diagnostics,
        policy=policy,
    )
