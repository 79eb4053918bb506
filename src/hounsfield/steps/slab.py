"""Project slabs of slices: sliding maximum, minimum or mean."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from hounsfield.core.arguments import checked
from hounsfield.core.errors import GeometryError, QuantityError
from hounsfield.core.grid import Grid
from hounsfield.core.spec import Spec
from hounsfield.core.volume import Array, Case, Volume
from hounsfield.kernels.labels import slab
from hounsfield.kernels.sample import SlabWindows, Statistic
from hounsfield.resampling.sampling import holds
from hounsfield.steps.parse import finite, one_of, whole
from hounsfield.steps.pointwise import require

Plane = Literal["axial", "coronal", "sagittal"]
Edges = Literal["shrink", "valid"]
ACROSS = {"sagittal": 0, "coronal": 1, "axial": 2}
"""The patient axis (0 R, 1 A, 2 S) perpendicular to each plane."""

MOST_SLICES = 1_000_000
"""Most slices of a slab, more than any scan has; the kernel counts them in 32 bits."""

PART_VOXELS = 1 << 20
"""Voxels that are projected at a time, so that working copies take some tens of MB."""


@checked
@dataclass(frozen=True, slots=True, kw_only=True)
class Slab:
    """Project slabs of slices: their maximum, minimum or mean.

    Give either `slices` or `thickness_mm`. The dtype is kept; the mean is float32.

    Parameters
    ----------
    statistic : {'max', 'min', 'mean'}, default 'max'
        The projection.
    slices : int, optional
        Slices of a slab.
    thickness_mm : float, optional
        Thickness of a slab, mm, rounded to slices.
    plane : {'axial', 'coronal', 'sagittal'}, default 'axial'
        Plane of the slices; the array axis across it follows from the orientation.
    stride : int, default 1
        Slices from one slab to the next.
    edges : {'shrink', 'valid'}, default 'shrink'
        Truncate slabs at the ends, so that every slice has one, or keep complete slabs only.

    Raises
    ------
    GeometryError
        If not exactly one thickness is given, or a number is not positive.
    QuantityError
        If an option has an unknown value.

    Notes
    -----
    Each slab is centred on its slice; with an even number of slices the centre is half a slice
    lower, as in the grid of the output. Labels and masks take the nonzero value nearest to the
    centre of the slab.

    Examples
    --------
    >>> Slab(statistic="mean", thickness_mm=10).thick(Grid((4, 4, 9), np.diag([1, 1, 2.5, 1])))
    4
    """

    statistic: Statistic = "max"
    slices: int | None = None
    thickness_mm: float | None = None
    plane: Plane = "axial"
    stride: int = 1
    edges: Edges = "shrink"

    def __post_init__(self) -> None:
        one_of(self.statistic, Statistic, name="statistic")
        one_of(self.plane, Plane, name="plane")
        one_of(self.edges, Edges, name="edges")
        if (self.slices is None) == (self.thickness_mm is None):
            raise GeometryError("Slab needs either slices or thickness_mm")
        if self.slices is not None and whole(self.slices, name="slices") < 1:
            raise GeometryError(f"slices is {self.slices}; expected at least 1")
        if self.thickness_mm is not None and finite(self.thickness_mm, name="thickness_mm") <= 0:
            raise GeometryError(f"thickness_mm is {self.thickness_mm}; expected more than 0")
        if whole(self.stride, name="stride") < 1:
            raise GeometryError(f"stride is {self.stride}; expected at least 1")

    def axis(self, grid: Grid) -> int:
        """Return the array axis across the plane.

        Parameters
        ----------
        grid : Grid
            The grid of the input.

        Returns
        -------
        int
            0, 1 or 2.
        """
        return next(
            n for n, (world, _) in enumerate(grid.axis_codes) if world == ACROSS[self.plane]
        )

    def thick(self, grid: Grid) -> int:
        """Return the number of slices of a slab.

        Parameters
        ----------
        grid : Grid
            The grid of the input.

        Returns
        -------
        int
            At least 1.

        Raises
        ------
        GeometryError
            If it is more than a million slices.
        """
        spacing = grid.spacing_mm[self.axis(grid)]
        thick = self.slices or max(1, round((self.thickness_mm or 0.0) / spacing))
        if thick > MOST_SLICES:
            raise GeometryError(
                f"{thick:.3g} slices of a slab; expected at most {MOST_SLICES}: use fewer slices"
            )
        return thick

    def completed(self, spec: Spec) -> Slab:
        """Return the step with its thickness in slices.

        Parameters
        ----------
        spec : Spec
            The Spec of the input.

        Returns
        -------
        Slab
            The step with `slices` in place of `thickness_mm`.
        """
        return replace(self, slices=self.thick(spec.grid), thickness_mm=None)

    def windows(self, grid: Grid) -> SlabWindows:
        """Return the range of slices of every slab.

        Parameters
        ----------
        grid : Grid
            The grid of the input.

        Returns
        -------
        SlabWindows
            First and last slice (exclusive) of each slab along the axis across the plane.

        Raises
        ------
        GeometryError
            If `edges` is 'valid' and a slab has more slices than the volume.
        """
        axis = self.axis(grid)
        size = grid.shape[axis]
        thick = self.thick(grid)
        first = np.arange(0, size, self.stride) - thick // 2
        if self.edges == "valid":
            if thick > size:
                raise GeometryError(
                    f"a slab of {thick} slices does not fit in a volume of {size}; "
                    "use fewer slices or edges='shrink'"
                )
            first = np.arange(0, size - thick + 1, self.stride)
        start, stop = np.clip(first, 0, size - 1), np.clip(first + thick, 1, size)
        return SlabWindows(self.statistic, start.astype(np.int32), stop.astype(np.int32))

    def plan(self, spec: Spec) -> Spec:
        """Return the Spec with one slice per slab, at its centre."""
        require(spec, "hu", "unit", "standardized", "display", "other", step="Slab")
        axis = self.axis(spec.grid)
        windows = self.windows(spec.grid)
        size = spec.grid.shape[axis]
        thick = self.thick(spec.grid)
        move = np.eye(4)
        move[axis, axis] = self.stride
        move[axis, 3] = (thick - 1) / 2 if self.edges == "valid" else (thick - 1) / 2 - thick // 2
        shape = list(spec.grid.shape)
        shape[axis] = len(windows.start)
        assert len(windows.start) <= size
        dtype = np.dtype(np.float32) if self.statistic == "mean" else spec.dtype
        return spec.replaced(grid=spec.grid.moved(shape, move), dtype=dtype)

    def apply(self, case: Case) -> Case:
        """Project the image, labels and masks."""
        spec = self.plan(case.image.spec)
        axis, windows = self.axis(case.image.grid), self.windows(case.image.grid)
        image = Volume(
            projected(case.image.array, windows, axis=axis).astype(
                spec.dtype, order="F", copy=False
            ),
            spec,
        )
        labels = {
            name: slab_label(label, spec.grid, windows, axis=axis)
            for name, label in case.labels.items()
        }
        masks = {
            name: slab_label(mask, spec.grid, windows, axis=axis)
            for name, mask in case.masks.items()
        }
        return Case(image, labels, masks)


def projected(array: Array, windows: SlabWindows, *, axis: int) -> Array:
    """Project windows of an array (i, j, k[, channel]) along an axis; Fortran-ordered.

    The time does not depend on their thickness: with blocks as long as the longest window, each
    window is the suffix of one block and the prefix of the next (van Herk).
    """
    values = np.moveaxis(array, axis, 0)
    shape = (len(windows.start), *values.shape[1:])
    dtype = np.dtype(np.float32) if windows.statistic == "mean" else array.dtype
    out = np.empty([shape[n] for n in _back(axis, array.ndim)], dtype=dtype, order="F")
    for part in _parts(values.shape):
        _project(values[part].astype(dtype), windows, np.moveaxis(out, axis, 0)[part])
    return out


def _back(axis: int, ndim: int) -> list[int]:
    """The order of axes that moves the first one to `axis`."""
    return [*range(1, axis + 1), 0, *range(axis + 1, ndim)]


def _parts(shape: tuple[int, ...]) -> Iterator[tuple[slice, ...]]:
    """Parts of an array along its third axis, of about PART_VOXELS."""
    step = max(1, PART_VOXELS * shape[2] // max(1, math.prod(shape)))
    for start in range(0, shape[2], step):
        yield (slice(None), slice(None), slice(start, start + step))


def _project(values: Array, windows: SlabWindows, out: Array) -> None:
    """Fill `out` with the projections of windows along the first axis."""
    join = {"max": np.maximum, "min": np.minimum, "mean": np.add}[windows.statistic]
    size = len(values)
    longest = int((windows.stop - windows.start).max())
    prefix, suffix = values.copy(), values
    for n in range(1, size):
        if n % longest:
            prefix[n] = join(prefix[n - 1], values[n])
    for n in range(size - 2, -1, -1):
        if (n + 1) % longest:
            suffix[n] = join(suffix[n + 1], values[n])
    for n, (start, stop) in enumerate(
        zip(windows.start.tolist(), windows.stop.tolist(), strict=True)
    ):
        if start // longest != (stop - 1) // longest:
            out[n] = join(suffix[start], prefix[stop - 1])
        else:
            out[n] = prefix[stop - 1] if start % longest == 0 else suffix[start]
        if windows.statistic == "mean":
            out[n] /= np.float32(stop - start)


def slab_label(label: Volume, grid: Grid, windows: SlabWindows, *, axis: int) -> Volume:
    """Return for each slab the nonzero label nearest to its centre, the lower slice first."""
    if label.quantity not in ("label", "mask"):
        raise QuantityError(f"slab_label needs a label or mask, not {label.quantity}")
    background = label.background if holds(label.spec.dtype, label.background) else 0.0
    array = slab(label.array, windows, axis=axis, background=background)
    return Volume(array, label.spec.replaced(grid=grid))
