"""Sample labels without averaging them, and find their values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

import hounsfield.kernels.native as native
from hounsfield.core.platform import thread_count
from hounsfield.kernels.sample import AxisTable, SlabWindows

Labels = NDArray[Any]

KERNEL_DTYPES = tuple(
    np.dtype(name) for name in ("uint8", "int8", "uint16", "int16", "uint32", "int32")
)
"""Dtypes that the kernels take; others are numbered first."""


def share(
    source: Labels,
    *,
    tables: Sequence[Sequence[AxisTable]],
    background: float,
    threads: int | None = None,
) -> Labels:
    """Give each output voxel the label with the largest share of its cell.

    The share of a label is the sum of the weights of its voxels, that of the background what the
    weights leave. On a tie (shares within 1e-6), the lowest value is taken.

    Parameters
    ----------
    source
        Labels (i, j, k) of any real dtype; the first axis is contiguous (others are copied).
    tables
        For i, j and k one AxisTable each; for i and j also one for each source slice.
    background
        The value outside, which the dtype must be able to represent.
    threads
        Maximum number of threads; `thread_count()` if None. The result does not depend on it.

    Returns
    -------
    NDArray
        The labels (i, j, k) in the dtype of `source`, Fortran-ordered.

    Raises
    ------
    ValueError
        If a table does not fit the source.
    """
    axis_i, axis_j, axis_k = (_packed(axis) for axis in tables)
    shape = tuple(len(axis[0].first) for axis in tables)

    def sampled(values: Labels, outside: int) -> Labels:
        if values.strides[0] != values.itemsize and values.shape[0] > 1:
            values = np.asfortranarray(values)
        out = np.empty(shape, dtype=values.dtype, order="F")
        native.label_share(values, axis_i, axis_j, axis_k, outside, out, threads or thread_count())
        return out

    return _numbered(source, background, sampled)


def share_oblique(
    source: Labels,
    relation: NDArray[np.float64],
    *,
    shape: tuple[int, int, int],
    points: tuple[int, int, int],
    background: float,
    threads: int | None = None,
) -> Labels:
    """Give each voxel of an oblique grid the label with the largest share of its cell.

    The share is the mean, over `points` in the cell, of the trilinear weights of the voxels.

    Parameters
    ----------
    source
        Labels (i, j, k) of any real dtype.
    relation
        4 x 4: output index (i, j, k, 1) to source index.
    shape
        Shape (i, j, k) of the output.
    points
        Number of evenly spaced points of a cell along each output axis.
    background
        The value outside, which the dtype must be able to represent.
    threads
        Maximum number of threads; `thread_count()` if None. The result does not depend on it.

    Returns
    -------
    NDArray
        The labels (i, j, k) in the dtype of `source`, Fortran-ordered.
    """
    rows = tuple(float(value) for value in np.asarray(relation, dtype=np.float64)[:3].ravel())

    def sampled(values: Labels, outside: int) -> Labels:
        out = np.empty(shape, dtype=values.dtype, order="F")
        native.label_share_oblique(
            np.asfortranarray(values), rows, points, outside, threads or thread_count(), out
        )
        return out

    return _numbered(source, background, sampled)


def slab(
    source: Labels,
    windows: SlabWindows,
    *,
    axis: int,
    background: float,
    threads: int | None = None,
) -> Labels:
    """Give each slab of slices, per voxel, the label nearest to its centre.

    Background is passed over; of two labels at the same distance, that of the lower slice is taken.

    Parameters
    ----------
    source
        Labels (i, j, k) of any real dtype.
    windows
        The slices of each slab.
    axis
        The array axis across the slices.
    background
        The value of voxels without a label, which the dtype must be able to represent.
    threads
        Maximum number of threads; `thread_count()` if None. The result does not depend on it.

    Returns
    -------
    NDArray
        The labels (i, j, k) with one slice per slab, Fortran-ordered.
    """
    shape = list(source.shape)
    shape[axis] = len(windows.start)

    def projected(values: Labels, outside: int) -> Labels:
        out = np.empty(shape, dtype=values.dtype, order="F")
        native.label_slab(
            _around(np.asfortranarray(values), axis),
            np.ascontiguousarray(windows.start),
            np.ascontiguousarray(windows.stop),
            outside,
            threads or thread_count(),
            _around(out, axis),
        )
        return out

    return _numbered(source, background, projected)


def values_and_counts(source: Labels) -> tuple[Labels, NDArray[np.int64]]:
    """Return the values of an array in ascending order, and how many voxels have each.

    Parameters
    ----------
    source
        An array of any shape and real dtype.

    Returns
    -------
    tuple[NDArray, NDArray]
        Values in the dtype of `source`, and counts as int64.

    Examples
    --------
    >>> values_and_counts(np.array([[3, 0], [0, 0]], np.uint8))
    (array([0, 3], dtype=uint8), array([3, 1]))
    """
    kind = _kernel_dtype(source.dtype)
    if kind is None:
        values, numbers = np.unique(source, return_counts=True)
        return values, numbers.astype(np.int64)
    flat = source.reshape(-1, order="A") if source.flags.forc else np.ravel(source)
    found, amounts = native.label_counts(
        flat.astype(source.dtype.newbyteorder("="), copy=False).view(kind), thread_count()
    )
    order = np.argsort(np.asarray(found, dtype=np.int64))
    values = np.asarray(found, dtype=np.int64)[order].astype(source.dtype)
    return values, np.asarray(amounts, dtype=np.int64)[order]


def _kernel_dtype(dtype: np.dtype[Any]) -> np.dtype[Any] | None:
    """The dtype of the kernels with the same bytes; None if there is none."""
    if dtype.kind == "b":
        return np.dtype(np.uint8)
    native_order = dtype.newbyteorder("=")
    return native_order if native_order in KERNEL_DTYPES else None


def _numbered(
    source: Labels, background: float, function: Callable[[Labels, int], Labels]
) -> Labels:
    """Call `function` on labels of a dtype of the kernels, and return its result in their own.

    Values of other dtypes are replaced by their ranks, so that ties are resolved in the same way.
    """
    kind = _kernel_dtype(source.dtype)
    if kind is not None:
        values = source.astype(source.dtype.newbyteorder("="), copy=False)
        return function(values.view(kind), int(background)).view(values.dtype)
    outside = np.asarray(background).astype(source.dtype)
    values, ranks = np.unique(np.append(source.ravel(order="F"), outside), return_inverse=True)
    numbers = ranks[:-1].astype(np.int32).reshape(source.shape, order="F")
    return np.asfortranarray(values[function(numbers, int(np.searchsorted(values, outside)))])


def _packed(
    tables: Sequence[AxisTable],
) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]:
    """First, weight and rest of tables with a leading axis, padded to the same number of taps."""
    taps = max(table.taps for table in tables)
    weight = np.zeros((len(tables), len(tables[0].first), taps), dtype=np.float32)
    for packed, table in zip(weight, tables, strict=True):
        packed[:, : table.taps] = table.weight
    return (
        np.ascontiguousarray(np.stack([table.first for table in tables])),
        weight,
        np.ascontiguousarray(np.stack([table.rest for table in tables])),
    )


def _around(array: Labels, axis: int) -> Labels:
    """A view (after, axis, before) of a Fortran-ordered array (i, j, k)."""
    before, after = int(np.prod(array.shape[:axis])), int(np.prod(array.shape[axis + 1 :]))
    return array.T.reshape(after, array.shape[axis], before)
