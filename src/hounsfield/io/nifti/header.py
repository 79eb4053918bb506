"""Parse and check a NIfTI header."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import GeometryError, ReadError, refused
from hounsfield.core.grid import Grid
from hounsfield.io.bytes.gzip.bounded import too_short
from hounsfield.io.nifti.layout import DTYPES, NIFTI1_BYTES, NIFTI2_BYTES, layout, rotation
from hounsfield.io.values.affine import FARTHEST_MM, assumed_affine, checked_grid

HEADER_BYTES = NIFTI2_BYTES
"""The size of the longer header: 540 bytes in NIfTI-2, 348 in NIfTI-1."""

UNIT_MM = {1: ("metres", 1000.0), 3: ("micrometres", 0.001)}
"""Spatial codes of xyzt_units other than millimetres (2) and unknown (0, read as millimetres)."""

AFFINES_AGREE_MM = 0.01
"""Largest distance of corners by sform and qform, mm: writers round to 0.01. The rounding of the
float32 quaternion is added (see _rounding)."""

QUATERN_ERROR = 4e-7
"""Largest error of b^2 + c^2 + d^2 of a float32 quaternion: three roundings of 2^-24, doubled."""

VECTOR_INTENT = 1007
"""NIFTI_INTENT_VECTOR: the fifth axis is the channels of one volume."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NiftiHeader:
    """A checked NIfTI header; `sizes` has at least three entries, `affine` is None if invalid."""

    sizes: tuple[int, ...]
    dtype: np.dtype[Any]
    offset: int
    is_single: bool
    slope: float
    intercept: float
    affine: NDArray[np.float64] | None
    affine_fault: str
    pixdim_mm: tuple[float, float, float]
    is_vector: bool
    intent: int
    diagnostics: tuple[Diagnostic, ...]

    @property
    def voxel_bytes(self) -> int:
        """The declared size of the voxel data, bytes."""
        return math.prod(self.sizes) * self.dtype.itemsize

    def grid(self, assume_affine: str | None) -> tuple[Grid, tuple[Diagnostic, ...]]:
        """The grid, and what was assumed for it; raises RefusedError if it is unknown."""
        shape = self.sizes[:3]
        if self.affine is not None:
            return checked_grid(shape, self.affine), ()
        affine, assumption = assumed_affine(assume_affine, self.pixdim_mm, self.affine_fault)
        return checked_grid(shape, affine), (assumption,)


def parse(data: bytes) -> NiftiHeader:
    """Parse the first bytes of a NIfTI file.

    Raises ReadError if they are invalid, RefusedError if the voxels are not real or not 3D.
    """
    header, is_single = _record(data)
    sizes = _sizes(header)
    code = int(header["datatype"])
    if code not in DTYPES:
        raise refused(
            "NOT_NUMBERS",
            f"NIfTI data type {code} (colour, complex or binary) is not supported; convert the "
            "image to one real channel",
        )
    slope, intercept = _rescale(header)
    factor, units = _units(header)
    affine, fault, diagnostics = _affine(header, sizes, factor)
    pixdim = [abs(float(step)) * factor for step in header["pixdim"][1:4]]
    return NiftiHeader(
        sizes=sizes,
        dtype=np.dtype(DTYPES[code]).newbyteorder(header.dtype["dim"].base.byteorder),
        offset=_offset(header, is_single),
        is_single=is_single,
        slope=slope,
        intercept=intercept,
        affine=affine,
        affine_fault=fault,
        pixdim_mm=(pixdim[0], pixdim[1], pixdim[2]),
        is_vector=int(header["intent_code"]) == VECTOR_INTENT and len(sizes) == 5 and sizes[3] == 1,
        intent=int(header["intent_code"]),
        diagnostics=units + diagnostics,
    )


def _record(data: bytes) -> tuple[Any, bool]:
    """The unchecked header in either version and byte order, and whether it is a single file."""
    if data[344:348] in (b"n+1\0", b"ni1\0"):
        version, size, magic = 1, NIFTI1_BYTES, data[344:348]
    elif data[4:8] in (b"n+2\0", b"ni2\0"):
        version, size, magic = 2, NIFTI2_BYTES, data[4:8]
    else:
        raise ReadError("not a NIfTI file; it lacks the magic number of NIfTI-1 and NIfTI-2")
    if len(data) < size:
        raise ReadError(f"NIfTI header is truncated ({len(data)} of {size} bytes)")
    if size not in (int.from_bytes(data[:4], "little"), int.from_bytes(data[:4], "big")):
        raise ReadError(f"NIfTI header is corrupt; sizeof_hdr is not {size}")
    order = "<" if int.from_bytes(data[:4], "little") == size else ">"
    return np.frombuffer(data[:size], dtype=layout(version, order))[0], magic[1:2] == b"+"


def _sizes(header: Any) -> tuple[int, ...]:
    dimensions = int(header["dim"][0])
    if not 1 <= dimensions <= 7:
        raise ReadError(f"NIfTI header is corrupt; {dimensions} dimensions, expected 1 to 7")
    sizes = tuple(int(size) for size in header["dim"][1 : dimensions + 1])
    if min(sizes) < 1:
        raise ReadError(f"NIfTI header is corrupt; image size is {' x '.join(map(str, sizes))}")
    if len(sizes) < 3:
        raise refused(
            "NOT_3D",
            f"image has {len(sizes)} dimensions ({' x '.join(map(str, sizes))}); expected 3 (one "
            "slice is i x j x 1)",
        )
    return sizes


def _rescale(header: Any) -> tuple[float, float]:
    """Slope and intercept; a slope of 0 or NaN means no rescale (1 and 0), as nibabel writes."""
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    if slope == 0.0 or math.isnan(slope):
        return 1.0, 0.0
    if not math.isfinite(slope) or not math.isfinite(intercept):
        raise ReadError(f"NIfTI header is corrupt; scl_slope {slope:g}, scl_inter {intercept}")
    return slope, intercept


def _units(header: Any) -> tuple[float, tuple[Diagnostic, ...]]:
    name, factor = UNIT_MM.get(int(header["xyzt_units"]) & 7, ("millimetres", 1.0))
    if factor == 1.0:
        return 1.0, ()
    return factor, (
        Diagnostic(
            "UNITS", "note", f"header units are {name}; scaled by {factor:g} to millimetres"
        ),
    )


def _offset(header: Any, is_single: bool) -> int:
    offset = float(header["vox_offset"])
    first = int(header["sizeof_hdr"]) + 4 if is_single else 0
    if not math.isfinite(offset) or offset < 0 or offset != int(offset) or 0 < offset < first:
        raise ReadError(f"NIfTI header is corrupt; invalid vox_offset {offset:g}")
    if offset > 2**40:
        raise too_short(0, int(offset))
    return max(int(offset), first)


def _affine(
    header: Any, sizes: tuple[int, ...], factor: float
) -> tuple[NDArray[np.float64] | None, str, tuple[Diagnostic, ...]]:
    """The sform, or else the qform, in mm; why there is none; and diagnostics."""
    scale = np.array([factor, factor, factor, 1.0])[:, np.newaxis]
    with np.errstate(all="ignore"):
        sform = scale * _sform(header) if int(header["sform_code"]) > 0 else None
        qform = _qform(header)
        qform = scale * qform if qform is not None else None
    affine = sform if sform is not None else qform
    if affine is None:
        fault = (
            "neither sform nor qform is set"
            if not int(header["qform_code"]) > 0
            else "qform is not a valid rotation"
        )
        return None, fault, ()
    try:
        grid = checked_grid(sizes[:3], affine)
    except GeometryError as error:
        return (
            None,
            f"{'sform' if sform is not None else 'qform'} is not a valid affine ({error})",
            (),
        )
    if sform is None or qform is None:
        return grid.affine, "", ()
    return grid.affine, "", _difference(grid, qform, rounding=_rounding(header))


def _sform(header: Any) -> NDArray[np.float64]:
    return np.array([*(header[f"srow_{name}"] for name in "xyz"), (0, 0, 0, 1)], dtype=np.float64)


def _qform(header: Any) -> NDArray[np.float64] | None:
    if not int(header["qform_code"]) > 0:
        return None
    directions = rotation(*(float(header[f"quatern_{name}"]) for name in "bcd"))
    steps = np.array(header["pixdim"][1:4], dtype=np.float64)
    if directions is None or not (steps > 0).all():
        return None
    steps[2] *= -1.0 if float(header["pixdim"][0]) < 0 else 1.0
    affine = np.eye(4)
    affine[:3, :3] = directions * steps
    affine[:3, 3] = [float(header[f"qoffset_{name}"]) for name in "xyz"]
    return affine if np.isfinite(affine).all() and np.abs(affine).max() <= FARTHEST_MM else None


def _rounding(header: Any) -> float:
    """The rotation error, in radians, of a quaternion in float32.

    Its real part is sqrt(1 - b^2 - c^2 - d^2), which is close to 0 for rotations near 180 degrees.
    """
    rest = max(0.0, 1.0 - sum(float(header[f"quatern_{name}"]) ** 2 for name in "bcd"))
    return 2 * float(np.sqrt(rest + QUATERN_ERROR) - np.sqrt(max(rest - QUATERN_ERROR, 0.0)))


def _difference(
    grid: Grid, qform: NDArray[np.float64], *, rounding: float
) -> tuple[Diagnostic, ...]:
    ends = grid.index(grid.corners_mm)
    distance_mm = float(
        np.linalg.norm(ends @ qform[:3, :3].T + qform[:3, 3] - grid.corners_mm, axis=1).max()
    )
    reach_mm = float(np.linalg.norm(grid.corners_mm - grid.affine[:3, 3], axis=1).max())
    if distance_mm <= AFFINES_AGREE_MM + rounding * reach_mm:
        return ()
    return (
        Diagnostic(
            "AFFINES_DIFFER",
            "warning",
            f"sform and qform differ by up to {distance_mm:.4g} mm at the corners; sform used",
        ),
    )
