"""Sample an array at the points of an oblique grid: trilinear, or the nearest voxel."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

import hounsfield.kernels.native as native
from hounsfield.core.platform import thread_count

_INTEGERS = ("b", "i", "u")


def gather(
    source: NDArray[Any],
    relation: NDArray[np.float64],
    *,
    shape: tuple[int, int, int],
    background: float,
    method: Literal["linear", "nearest"],
    threads: int | None = None,
) -> NDArray[Any]:
    """Sample `source` (i, j, k) at the source indices that `relation` gives for each output index.

    Up to the outer faces (index -0.5 to size - 0.5) edge values are repeated; beyond them the
    background is used. `linear` interpolates between eight voxels and gives float32 from any real
    dtype; `nearest` copies the nearest voxel (the higher index at a midpoint) in the source's
    dtype, bit for bit.

    Parameters
    ----------
    source
        Array (i, j, k), Fortran-ordered (others are copied).
    relation
        4 x 4: output index (i, j, k, 1) to source index.
    shape
        Shape (i, j, k) of the output.
    background
        The value outside the source; it must be representable in the output's dtype.
    method
        ``linear`` or ``nearest``.
    threads
        The most threads to use; `thread_count()` if None.

    Returns
    -------
    NDArray
        Array of `shape`, Fortran-ordered: float32, or the source's dtype for ``nearest``.

    Raises
    ------
    ValueError
        If the source is empty or not three-dimensional or not of real numbers, the relation is not
        4 x 4, or the background does not fit the dtype.
    """
    rows = np.asarray(relation, dtype=np.float64)
    if source.ndim != 3 or not source.size or source.dtype.kind not in "biuf":
        raise ValueError(
            f"source has shape {source.shape} and dtype {source.dtype}; "
            "expected three axes, none empty, of real numbers"
        )
    if rows.shape != (4, 4):
        raise ValueError(f"relation has shape {rows.shape}; expected (4, 4)")
    values = np.asfortranarray(_native(source))
    dtype = np.dtype(np.float32) if method == "linear" else values.dtype
    out = np.empty(shape, dtype=dtype, order="F")
    outside: float = float(background)
    if dtype.kind in _INTEGERS:
        limits, outside = np.iinfo(values.dtype), int(background)
        if not limits.min <= outside <= limits.max:
            raise ValueError(f"background {outside} does not fit {dtype}")
    kernel = native.gather_linear if method == "linear" else native.gather_nearest
    kernel(values, tuple(rows[:3].ravel().tolist()), outside, threads or thread_count(), out)
    return out if source.dtype.kind != "b" or method == "linear" else out.view(source.dtype)


def _native(source: NDArray[Any]) -> NDArray[Any]:
    """The array in a dtype of the kernel, without loss: native byte order, bool as uint8."""
    if source.dtype.kind == "b":
        return source.view(np.uint8)
    if source.dtype == np.float16:
        return source.astype(np.float32)
    return source.astype(source.dtype.newbyteorder("="), copy=False)
