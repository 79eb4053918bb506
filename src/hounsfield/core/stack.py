"""Raw slices before interpolation, each with its own position and rescale."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hounsfield.core import hooks
from hounsfield.core.arguments import checked
from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.display import counted, html_value, spec_text, times
from hounsfield.core.errors import GeometryError
from hounsfield.core.grid import Grid
from hounsfield.core.policy import DEFAULT_POLICY, ReadPolicy
from hounsfield.core.rescale import exceeds_int16, rescaled_dtype
from hounsfield.core.slice_geometry import SliceGeometry, SliceProperties, finite_array
from hounsfield.core.source import VolumeSource, grid_data, nearest_flags, unknown
from hounsfield.core.spec import AIR_HU, Quantity, Spec
from hounsfield.core.stored_values import Decode, StoredValues
from hounsfield.core.volume import Volume, slab_view


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stack(SliceProperties, StoredValues):
    """Hold raw slices, each with its own position and rescale; nothing is decoded before `slab`.

    Parameters
    ----------
    shape : (int, int, int)
        Columns, rows and slices.
    origins_ras_mm : ndarray of float64, (k, 3)
        Centre of voxel (0, 0) of each slice, RAS+ mm, ascending along the normal.
    step_i_ras_mm : ndarray of float64, (3,)
        From one column to the next, RAS+ mm.
    step_j_ras_mm : ndarray of float64, (3,)
        From one row to the next, RAS+ mm.
    stored_dtype : numpy.dtype
        Type of the stored values.
    decode : callable
        ``decode(start, stop)`` returns stored values (i, j, stop - start) in Fortran order.
    slopes : ndarray of float64, (k,)
        Rescale slope of each slice.
    intercepts : ndarray of float64, (k,)
        Rescale intercept of each slice.
    padding : (float, float), optional
        Lowest and highest stored value of padding, inclusive; they become `background`.
    quantity : str, default 'hu'
        What the rescaled values are.
    background : float, default -1024
        The value outside of the volume.
    thickness_mm : float, optional
        Thickness of a slice, mm.
    exact_grid : Grid, optional
        The grid if the file has one (NIfTI, NRRD), which may be sheared; else positions give it.
    interpolated : tuple of bool, default ()
        For each slice whether it was interpolated; empty if none was.
    diagnostics : tuple of Diagnostic, default ()
        What was repaired or assumed.
    policy : ReadPolicy
        How the stack was opened.
    checksum : callable
        Returns the sha256 of the bytes of the source.
    in_memory : bool, default False
        Whether `decode` returns views of an array in memory.
    finish : callable, optional
        Reads on to the end of the source and returns the diagnostics that only voxels give.
    volume_source : VolumeSource, optional
        The source of the volume that the stack was made of.

    Raises
    ------
    GeometryError
        If an array has another shape or is not finite, or a slope is 0.

    Notes
    -----
    ``HU = stored * slope + intercept`` for each slice (PS3.3 C.11.1). The natural grid of uneven or
    tilted slices is described in design/stack.md.

    Examples
    --------
    >>> ct = Volume.from_array(np.zeros((4, 4, 3), np.int16), affine=np.diag([-1, -1, 5, 1]))
    >>> stack = Stack.from_volume(ct)
    >>> stack.gaps_mm.tolist(), stack.is_regular
    ([5.0, 5.0], True)
    """

    shape: tuple[int, int, int]
    origins_ras_mm: NDArray[np.float64]
    step_i_ras_mm: NDArray[np.float64]
    step_j_ras_mm: NDArray[np.float64]
    stored_dtype: np.dtype[Any]
    decode: Decode
    slopes: NDArray[np.float64]
    intercepts: NDArray[np.float64]
    padding: tuple[float, float] | None = None
    quantity: Quantity = "hu"
    background: float = AIR_HU
    thickness_mm: float | None = None
    exact_grid: Grid | None = None
    interpolated: tuple[bool, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    policy: ReadPolicy = DEFAULT_POLICY
    checksum: Callable[[], str] = unknown
    in_memory: bool = False
    finish: Callable[[], tuple[Diagnostic, ...]] | None = None
    volume_source: VolumeSource | None = None

    def __post_init__(self) -> None:
        count = self.shape[2]
        sizes = {"origins_ras_mm": (count, 3), "slopes": (count,), "intercepts": (count,)}
        for name, size in {**sizes, "step_i_ras_mm": (3,), "step_j_ras_mm": (3,)}.items():
            values = finite_array(getattr(self, name), size, what=f"{name} of {count} slices")
            object.__setattr__(self, name, values)
        object.__setattr__(self, "stored_dtype", np.dtype(self.stored_dtype))
        if not np.any(np.cross(self.step_i_ras_mm, self.step_j_ras_mm)):
            raise GeometryError("step_i_ras_mm and step_j_ras_mm are parallel; expected two axes")
        if not np.all(self.slopes):
            raise GeometryError("a rescale slope is 0; expected any other number")

    @classmethod
    @checked
    def from_volume(cls, volume: Volume) -> Stack:
        """Return the stack of a volume in memory; its slices are read-only views.

        Parameters
        ----------
        volume : Volume
            The volume.

        Returns
        -------
        Stack
            The stack, with the source and diagnostics of the volume.
        """
        slices, count = SliceGeometry.of_grid(volume.grid), volume.shape[2]
        return cls(
            shape=volume.grid.shape,
            origins_ras_mm=slices.origins_ras_mm,
            step_i_ras_mm=slices.step_i_ras_mm,
            step_j_ras_mm=slices.step_j_ras_mm,
            stored_dtype=volume.spec.dtype,
            decode=partial(slab_view, volume),
            slopes=np.ones(count),
            intercepts=np.zeros(count),
            quantity=volume.quantity,
            background=volume.background,
            exact_grid=volume.grid,
            interpolated=() if volume.source is None else volume.source.interpolated,
            diagnostics=volume.diagnostics,
            volume_source=volume.source,
            in_memory=True,
        )

    @property
    def geometry(self) -> SliceGeometry:
        """The positions of its slices, from which spacing and tilt are computed."""
        return SliceGeometry(
            origins_ras_mm=self.origins_ras_mm,
            step_i_ras_mm=self.step_i_ras_mm,
            step_j_ras_mm=self.step_j_ras_mm,
            thickness_mm=self.thickness_mm,
        )

    @property
    def is_regular(self) -> bool:
        """Whether the slices are on the natural grid, so that no interpolation is needed."""
        return self.exact_grid is not None or (self.is_even and self.is_upright)

    @property
    def _regularity(self) -> str:
        """Regular, or tilted, uneven or both."""
        if self.is_regular:
            return "regular"
        faults = {"tilted": not self.is_upright, "uneven": not self.is_even}
        return ", ".join(name for name, is_so in faults.items() if is_so)

    @property
    def grid(self) -> Grid:
        """The natural grid: even, upright, covering every slice; see design/stack.md."""
        if self.exact_grid is not None:
            return self.exact_grid
        return self.geometry.natural_grid(self.shape)

    @property
    def nodes(self) -> NDArray[np.float64]:
        """Position of voxel (0, 0) of each slice in indices of the natural grid, (k, 3)."""
        return self.grid.index(self.origins_ras_mm)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of its volume.

        That of the stored values if nothing is rescaled or interpolated; int16 if all values are
        integers that fit; else float32.
        """
        if not self.is_regular:
            return np.dtype(np.float32)
        if self.is_raw:
            return self.stored_dtype
        return rescaled_dtype(self.stored_dtype, self.slopes, self.intercepts)

    @property
    def is_raw(self) -> bool:
        """Whether stored values need neither rescale nor padding."""
        return (
            bool(np.all(self.slopes == 1)) and not np.any(self.intercepts) and self.padding is None
        )

    @property
    def may_exceed_int16(self) -> bool:
        """Whether a value of the stored dtype could exceed int16 after the rescale."""
        return exceeds_int16(self.stored_dtype, self.slopes, self.intercepts)

    @property
    def spec(self) -> Spec:
        """The Spec of its volume."""
        return Spec(
            grid=self.grid, dtype=self.dtype, quantity=self.quantity, background=self.background
        )

    @property
    def source(self) -> VolumeSource:
        """The source, for the volume and for records."""
        if self.volume_source is not None:
            return self.volume_source
        grid = self.grid
        geometry: dict[str, Any] = {"grid": grid_data(grid)}
        if not self.is_regular:
            names = ("origins_ras_mm", "step_i_ras_mm", "step_j_ras_mm")
            slices = {name: getattr(self, name).tolist() for name in names}
            geometry["slices"] = {"shape": list(self.shape), **slices}
        flags: tuple[bool, ...] = ()
        if any(self.interpolated):
            flags = nearest_flags(self.interpolated, self.nodes[:, 2], grid.shape[2])
        return VolumeSource(geometry=geometry, interpolated=flags, checksum=self.checksum)

    def finished(self) -> tuple[Diagnostic, ...]:
        """Read on to the end of the source.

        Returns
        -------
        tuple of Diagnostic
            All diagnostics, those of the voxels too.
        """
        return (*self.diagnostics, *(() if self.finish is None else self.finish()))

    def volume(self) -> Volume:
        """Read the stack as a volume.

        Values are rescaled, and padding becomes background. Uneven or tilted slices are resampled
        to the natural grid by linear interpolation.

        Returns
        -------
        Volume
            The volume, with its diagnostics and source.

        Raises
        ------
        ReadError
            If slices cannot be decoded.
        """
        result = hooks.call("stack.volume", self)
        assert isinstance(result, Volume)
        return result

    def replaced(self, **changes: Any) -> Stack:
        """Return a copy with some fields changed.

        Parameters
        ----------
        **changes : Any
            New values of fields of Stack.

        Returns
        -------
        Stack
            The changed copy.
        """
        return replace(self, **changes)

    def __repr__(self) -> str:
        found = counted(len(self.diagnostics), "diagnostic")
        return f"Stack({self._text()}, {self.shape[2]} slices, {self._regularity}, {found})"

    def _repr_html_(self) -> str:
        rows = [("spec", self._text()), ("slices", str(self.shape[2]))]
        rows += [("slice positions", self._regularity), ("tilt", f"{self.tilt_deg:.3g} degrees")]
        rows += [("stored dtype", str(self.stored_dtype))]
        rows += [(each.severity, f"{each.code}: {each.message}") for each in self.diagnostics]
        return html_value("Stack", rows)

    def _text(self) -> str:
        """Return its Spec on one line; only quantity and shape if the grid is invalid."""
        try:
            return spec_text(self.spec)
        except GeometryError:
            return f"{self.quantity}, {times(self.shape)}, no grid"
