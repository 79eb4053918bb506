"""A volume: an array and its description, and the case that a pipeline processes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hounsfield.core import hooks
from hounsfield.core.arguments import checked
from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.display import html_value, spec_rows, spec_text
from hounsfield.core.errors import GeometryError, QuantityError
from hounsfield.core.grid import Grid
from hounsfield.core.part import part_of, slices_of
from hounsfield.core.source import VolumeSource
from hounsfield.core.spec import BACKGROUNDS, Quantity, Spec

Array = NDArray[Any]


@checked
@dataclass(frozen=True, slots=True, eq=False)
class Volume:
    """Hold an array and what it means.

    The array is stored in Fortran order, so that one k-slice is contiguous. A volume that was read
    has `diagnostics` and a `source`; one of a step or an array has neither.

    Parameters
    ----------
    array : ndarray, (i, j, k) or (i, j, k, channel)
        The voxels.
    spec : Spec
        Grid, dtype, quantity, background and channels.
    diagnostics : tuple of Diagnostic, default ()
        What the reader repaired or assumed.
    source : VolumeSource, optional
        What the volume was read from.

    Raises
    ------
    GeometryError
        If the shape is not that of the Spec.
    QuantityError
        If the dtype is not that of the Spec.

    Examples
    --------
    >>> ct = Volume.from_array(np.zeros((4, 4, 2), np.int16), affine=np.diag([-1, -1, 5, 1]))
    >>> ct.quantity, ct.background, ct.grid.orientation
    ('hu', -1024.0, 'LPS')
    """

    array: Array
    spec: Spec
    diagnostics: tuple[Diagnostic, ...] = ()
    source: VolumeSource | None = None

    def __post_init__(self) -> None:
        if tuple(self.array.shape) != self.spec.shape:
            raise GeometryError(
                f"array has shape {tuple(self.array.shape)}; expected {self.spec.shape} of its Spec"
            )
        if self.array.dtype != self.spec.dtype:
            raise QuantityError(
                f"array has dtype {self.array.dtype}; expected {self.spec.dtype} of its Spec"
            )
        if not self.array.flags.f_contiguous:
            object.__setattr__(self, "array", np.asfortranarray(self.array))

    @classmethod
    @checked
    def from_array(
        cls,
        array: ArrayLike,
        *,
        affine: ArrayLike,
        quantity: Quantity = "hu",
        background: float | None = None,
        channels: tuple[str, ...] = (),
    ) -> Volume:
        """Make a volume of an array and its affine.

        Parameters
        ----------
        array : array_like, (i, j, k) or (i, j, k, channel)
            The voxels.
        affine : array_like of float, (4, 4)
            Maps voxel indices to RAS+ mm.
        quantity : str, default 'hu'
            What the values are: 'hu', 'unit', 'standardized', 'display', 'label', 'mask', 'other'.
        background : float, optional
            The value outside of the volume (default: -1024 for HU, else 0).
        channels : tuple of str, default ()
            Names of the channels (default: '0', '1', ...).

        Returns
        -------
        Volume
            The volume; it shares memory with `array` if that is in Fortran order.

        Raises
        ------
        GeometryError
            If there are not three or four axes, or the affine is invalid.
        QuantityError
            If a voxel is NaN or infinite, or the quantity unknown.
        """
        values = np.asarray(array)
        values = values.astype(
            values.dtype.newbyteorder("="), copy=False
        )  # results of steps have native byte order
        names = (
            channels or tuple(str(n) for n in range(values.shape[3])) if values.ndim == 4 else ()
        )
        if values.ndim not in (3, 4):
            raise GeometryError(
                f"array has {values.ndim} axes; expected three, or four with channels"
            )
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise QuantityError("array has NaN or infinite values; replace them first")
        grid = Grid(values.shape[:3], affine)
        outside = BACKGROUNDS.get(quantity, 0.0) if background is None else background
        return cls(
            values,
            Spec(
                grid=grid, dtype=values.dtype, quantity=quantity, background=outside, channels=names
            ),
        )

    @property
    def grid(self) -> Grid:
        """The grid of the voxels."""
        return self.spec.grid

    @property
    def quantity(self) -> Quantity:
        """The kind of values: hu, unit, standardized, display, label, mask or other."""
        return self.spec.quantity

    @property
    def background(self) -> float:
        """The value of voxels outside the image."""
        return self.spec.background

    @checked
    def channel(self, number: int) -> Volume:
        """Return one channel with its own background.

        Parameters
        ----------
        number : int
            Which channel, from 0.

        Returns
        -------
        Volume
            A view, (i, j, k).
        """
        spec = self.spec.channel(number)
        return replace(self, array=self.array[..., number], spec=spec)

    def __getitem__(self, box: object) -> Volume:
        """Return a part of the volume by slices, as numpy does, with its affine moved along.

        A slice with a step takes every n-th voxel without smoothing, a negative one flips the axis.
        The part has no diagnostics or source.
        """
        slices = slices_of(box, self.grid.shape)
        return Volume(self.array[slices], self.spec.replaced(grid=part_of(self.grid, slices)))

    @property
    def shape(self) -> tuple[int, ...]:
        """The array's shape."""
        return self.spec.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the array."""
        return self.spec.dtype

    @property
    def affine(self) -> NDArray[np.float64]:
        """The affine of the grid, from voxel indices to RAS+ mm, (4, 4)."""
        return self.grid.affine

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance between neighbouring voxel centres along each axis, mm."""
        return self.grid.spacing_mm

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.array(self.array, dtype=dtype, copy=copy)

    def __dlpack__(self, **keywords: Any) -> Any:
        return self.array.__dlpack__(**keywords)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.array.__dlpack_device__()

    def __repr__(self) -> str:
        return f"Volume({spec_text(self.spec)})"

    def _repr_png_(self) -> bytes:
        return bytes(hooks.call("volume.png", self))

    def _repr_html_(self) -> str:
        return html_value("Volume", spec_rows(self.spec), png=self._repr_png_())

    def to_nibabel(self) -> Any:
        """Return the volume as a nibabel image with the same affine.

        Returns
        -------
        nibabel.Nifti1Image
            The image; channels are on its fifth axis.
        """
        return hooks.call("volume.to_nibabel", self)

    def to_sitk(self) -> Any:
        """Return the volume as a SimpleITK image; RAS+ becomes LPS+.

        Returns
        -------
        SimpleITK.Image
            The image with the axes i, j and k; channels are its components.

        Raises
        ------
        GeometryError
            If the grid is sheared, which SimpleITK cannot represent.
        """
        return hooks.call("volume.to_sitk", self)


def slab_view(volume: Volume, start: int, stop: int) -> Array:
    """Return slices start to stop of a volume as a read-only view."""
    part = volume.array[:, :, start:stop]
    part.setflags(write=False)
    return part


def unshared(volume: Volume, given: Iterable[Volume]) -> Volume:
    """Return `volume`, or a copy if it shares memory with one of `given`.

    Writing to a result then does not change its inputs.
    """
    if any(np.may_share_memory(volume.array, other.array) for other in given):
        return replace(volume, array=volume.array.copy(order="F"))
    return volume


@checked
@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """Hold an image with its labels and masks, all on the grid of the image.

    Parameters
    ----------
    image : Volume
        The image.
    labels : mapping of str to Volume, default {}
        Label maps by name.
    masks : mapping of str to Volume, default {}
        Masks by name.

    Raises
    ------
    GeometryError
        If a label or mask lies on another grid.
    QuantityError
        If a label or mask has another quantity, or one name is both a label and a mask.

    Examples
    --------
    >>> ct = Volume.from_array(np.zeros((4, 4, 2), np.int16), affine=np.eye(4))
    >>> seg = Volume.from_array(np.zeros((4, 4, 2), np.uint8), affine=np.eye(4), quantity="label")
    >>> list(Case(ct, {"liver": seg}).labels)
    ['liver']
    """

    image: Volume
    labels: Mapping[str, Volume] = field(default_factory=dict)
    masks: Mapping[str, Volume] = field(default_factory=dict)

    def __post_init__(self) -> None:
        both = sorted(set(self.labels) & set(self.masks))
        if both:
            raise QuantityError(f"'{both[0]}' is both a label and a mask; rename one of them")
        for role, volumes in (("label", self.labels), ("mask", self.masks)):
            for name, volume in volumes.items():
                if not volume.grid.same_as(self.image.grid):
                    raise GeometryError(
                        f"{role} '{name}' has {volume.grid!r}, but the image {self.image.grid!r}; "
                        f"use hu.regrid(label, image.grid) first"
                    )
                if volume.quantity not in ("label", "mask"):
                    raise QuantityError(f"{role} '{name}' is {volume.quantity}, not labels")
