"""A volume: an array and its description, and the case that a pipeline processes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hounsfield.core import hooks
from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.display import html_value, spec_rows, spec_text
from hounsfield.core.errors import GeometryError, QuantityError
from hounsfield.core.grid import Grid
from hounsfield.core.source import VolumeSource
from hounsfield.core.spec import BACKGROUNDS, Quantity, Spec

Array = NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Volume:
    """An array (i, j, k) or (i, j, k, channel) and its Spec.

    The array is Fortran-ordered, so that one k-slice is contiguous.

    >>> ct = Volume.from_array(np.zeros((4, 4, 2), np.int16), affine=np.diag([-1, -1, 5, 1]))
    >>> ct.quantity, ct.background, ct.grid.orientation
    ('hu', -1024.0, 'LPS')

    A volume that was read has `diagnostics`, the repairs and assumptions of its reader, and
    `source`, what it was read from; the result of a step has neither.

    Raises GeometryError or QuantityError if shape or dtype are not those of the Spec.
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
    def from_array(
        cls,
        array: ArrayLike,
        *,
        affine: ArrayLike,
        quantity: Quantity = "hu",
        background: float | None = None,
        channels: tuple[str, ...] = (),
    ) -> Volume:
        """Make a volume of an array (i, j, k[, channel]) and its affine (4 x 4, to RAS+ mm)."""
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

    def channel(self, number: int) -> Volume:
        """Return one channel (i, j, k) with its own background; a view."""
        return replace(self, array=self.array[..., number], spec=self.spec.channel(number))

    @property
    def shape(self) -> tuple[int, ...]:
        """The array's shape."""
        return self.spec.shape

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
        """Return the volume as a nibabel Nifti1Image with the same affine."""
        return hooks.call("volume.to_nibabel", self)

    def to_sitk(self) -> Any:
        """Return the volume as a SimpleITK image; raises GeometryError if the affine has shear.

        The axes i, j, k are kept; RAS+ becomes LPS+.
        """
        return hooks.call("volume.to_sitk", self)


def unshared(volume: Volume, given: Iterable[Volume]) -> Volume:
    """Return `volume`, or a copy if it shares memory with one of `given`.

    Writing to a result then does not change its inputs.
    """
    if any(np.may_share_memory(volume.array, other.array) for other in given):
        return replace(volume, array=volume.array.copy(order="F"))
    return volume


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """An image, and labels and masks by name, all on the image's grid."""

    image: Volume
    labels: Mapping[str, Volume] = field(default_factory=dict)
    masks: Mapping[str, Volume] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for role, volumes in (("label", self.labels), ("mask", self.masks)):
            for name, volume in volumes.items():
                if not volume.grid.same_as(self.image.grid):
                    raise GeometryError(
                        f"{role} '{name}' has {volume.grid!r}, but the image {self.image.grid!r}; "
                        f"use hu.regrid(label, image.grid) first"
                    )
                if volume.quantity not in ("label", "mask"):
                    raise QuantityError(f"{role} '{name}' is {volume.quantity}, not labels")
