"""The stored values of a stack: its slices, or a box of them, decoded when they are asked for."""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable
from typing import Any

import numpy as np

from hounsfield.core.arguments import checked
from hounsfield.core.display import times
from hounsfield.core.errors import GeometryError
from hounsfield.core.volume import Array

Decode = Callable[[int, int], Array]


class StoredValues(ABC):
    """The decoding of stored values, for a class with `shape`, `stored_dtype` and `decode`."""

    __slots__ = ()

    shape: tuple[int, int, int]
    stored_dtype: np.dtype[Any]
    decode: Decode

    @checked
    def slab(self, start: int, stop: int) -> Array:
        """Decode the stored values of some slices.

        Parameters
        ----------
        start : int
            First slice.
        stop : int
            Last slice, exclusive.

        Returns
        -------
        ndarray, (i, j, stop - start)
            Stored values in Fortran order.

        Raises
        ------
        GeometryError
            If the slices do not exist, or decoding returns another shape or dtype.
        ReadError
            If the slices cannot be decoded.
        """
        return self.box((0, 0, start), (*self.shape[:2], stop))

    @checked
    def box(self, start: tuple[int, int, int], stop: tuple[int, int, int]) -> Array:
        """Decode the stored values of a box.

        Only the box is read where `decode` has a method ``box(start, stop)``, as that of a store
        has; else its slices are.

        Parameters
        ----------
        start : (int, int, int)
            First column, row and slice.
        stop : (int, int, int)
            Last column, row and slice, exclusive.

        Returns
        -------
        ndarray, stop - start
            Stored values; in Fortran order if the box has whole slices.

        Raises
        ------
        GeometryError
            If a part of the box does not exist, or decoding returns another shape or dtype.
        ReadError
            If the values cannot be decoded.
        """
        if not all(0 <= a < b <= n for a, b, n in zip(start, stop, self.shape, strict=True)):
            raise GeometryError(
                f"the box {start} to {stop} is not in a stack of {times(self.shape)}; "
                "expected 0 <= start < stop <= shape"
            )
        (i, j, k), (i_stop, j_stop, k_stop) = start, stop
        whole = (i, j) == (0, 0) and (i_stop, j_stop) == self.shape[:2]
        read_box = None if whole else getattr(self.decode, "box", None)
        if read_box is None:
            values = self._decoded(self.decode(k, k_stop), (*self.shape[:2], k_stop - k))
            return values[i:i_stop, j:j_stop]
        size = (i_stop - i, j_stop - j, k_stop - k)
        return self._decoded(read_box(start, stop), size)

    def _decoded(self, values: Array, expected: tuple[int, int, int]) -> Array:
        """Return decoded values; raises GeometryError for another shape or dtype."""
        if values.shape != expected or values.dtype != self.stored_dtype:
            raise GeometryError(
                f"decoding gave {values.shape} of {values.dtype}; "
                f"expected {expected} of {self.stored_dtype}"
            )
        return values
