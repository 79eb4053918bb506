"""Header layouts of NIfTI-1 and NIfTI-2 (nifti1.h, nifti2.h), and conversion of quaternions.

They are defined here because importing nibabel takes longer than reading a scan; the tests compare
both.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

NIFTI1_BYTES, NIFTI2_BYTES = 348, 540

DTYPES: dict[int, str] = {
    2: "u1",
    4: "i2",
    8: "i4",
    16: "f4",
    64: "f8",
    256: "i1",
    512: "u2",
    768: "u4",
    1024: "i8",
    1280: "u8",
}
"""Data type codes of real numbers; the others are complex, colour, binary or 128-bit."""

STATISTICS_INTENTS = range(2, 25)
"""Intent codes of statistical maps, whose values are not HU."""

LABEL_INTENT = 1002
"""NIFTI_INTENT_LABEL: voxels are label indices."""

_ROWS = [("srow_x", "{f}", (4,)), ("srow_y", "{f}", (4,)), ("srow_z", "{f}", (4,))]
_QUATERN = [
    (name, "{f}")
    for name in ("quatern_b", "quatern_c", "quatern_d", "qoffset_x", "qoffset_y", "qoffset_z")
]
_NIFTI1: list[tuple[Any, ...]] = [
    ("sizeof_hdr", "i4"),
    ("data_type", "S10"),
    ("db_name", "S18"),
    ("extents", "i4"),
    ("session_error", "i2"),
    ("regular", "S1"),
    ("dim_info", "u1"),
    ("dim", "i2", (8,)),
    ("intent_p1", "f4"),
    ("intent_p2", "f4"),
    ("intent_p3", "f4"),
    ("intent_code", "i2"),
    ("datatype", "i2"),
    ("bitpix", "i2"),
    ("slice_start", "i2"),
    ("pixdim", "{f}", (8,)),
    ("vox_offset", "f4"),
    ("scl_slope", "f4"),
    ("scl_inter", "f4"),
    ("slice_end", "i2"),
    ("slice_code", "u1"),
    ("xyzt_units", "u1"),
    ("cal_max", "f4"),
    ("cal_min", "f4"),
    ("slice_duration", "f4"),
    ("toffset", "f4"),
    ("glmax", "i4"),
    ("glmin", "i4"),
    ("descrip", "S80"),
    ("aux_file", "S24"),
    ("qform_code", "i2"),
    ("sform_code", "i2"),
    *_QUATERN,
    *_ROWS,
    ("intent_name", "S16"),
    ("magic", "S4"),
]
_NIFTI2: list[tuple[Any, ...]] = [
    ("sizeof_hdr", "i4"),
    ("magic", "S4"),
    ("eol_check", "u1", (4,)),
    ("datatype", "i2"),
    ("bitpix", "i2"),
    ("dim", "i8", (8,)),
    ("intent_p1", "f8"),
    ("intent_p2", "f8"),
    ("intent_p3", "f8"),
    ("pixdim", "{f}", (8,)),
    ("vox_offset", "i8"),
    ("scl_slope", "f8"),
    ("scl_inter", "f8"),
    ("cal_max", "f8"),
    ("cal_min", "f8"),
    ("slice_duration", "f8"),
    ("toffset", "f8"),
    ("slice_start", "i8"),
    ("slice_end", "i8"),
    ("descrip", "S80"),
    ("aux_file", "S24"),
    ("qform_code", "i4"),
    ("sform_code", "i4"),
    *_QUATERN,
    *_ROWS,
    ("slice_code", "i4"),
    ("xyzt_units", "i4"),
    ("intent_code", "i4"),
    ("intent_name", "S16"),
    ("dim_info", "u1"),
    ("unused_str", "S15"),
]


@cache
def layout(version: int, order: str) -> np.dtype[Any]:
    """The header of NIfTI-`version` in byte order '<' or '>' as a packed numpy dtype."""
    real = "f4" if version == 1 else "f8"
    fields = [
        (name, kind.format(f=real), *shape)
        for name, kind, *shape in (_NIFTI1 if version == 1 else _NIFTI2)
    ]
    return np.dtype(fields).newbyteorder(order)  # type: ignore[arg-type]


def not_hu_by_intent(code: int) -> str | None:
    """Why values with an intent code are not HU; None if they may be."""
    if code in STATISTICS_INTENTS:
        return f"intent code {code} marks a statistical map"
    return "intent code marks labels" if code == LABEL_INTENT else None


def rotation(b: float, c: float, d: float) -> NDArray[np.float64] | None:
    """The rotation of a unit quaternion from b, c, d (nifti1.h, METHOD 2).

    None if their norm exceeds 1 by more than float32 rounding.
    """
    rest = 1.0 - (b * b + c * c + d * d)
    if not np.isfinite(rest) or rest < -3 * float(np.finfo(np.float32).eps):
        return None
    if rest < 0:
        length = np.sqrt(b * b + c * c + d * d)
        b, c, d, rest = b / length, c / length, d / length, 0.0
    a = np.sqrt(rest)
    return np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - c * c - b * b],
        ]
    )


def quaternion(matrix: NDArray[np.float64]) -> tuple[float, float, float]:
    """b, c, d of a proper rotation, with a >= 0, by Bar-Itzhack's method (J. Guidance 23, 2000).

    It is an eigenvector of a symmetric matrix, accurate also near rotations of 180 degrees.
    """
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = matrix.tolist()
    symmetric = np.array(
        [
            [xx - yy - zz, yx + xy, zx + xz, zy - yz],
            [yx + xy, yy - xx - zz, zy + yz, xz - zx],
            [zx + xz, zy + yz, zz - xx - yy, yx - xy],
            [zy - yz, xz - zx, yx - xy, xx + yy + zz],
        ]
    )
    values, vectors = np.linalg.eigh(symmetric / 3)
    b, c, d, a = vectors[:, int(values.argmax())].tolist()
    return (-b, -c, -d) if a < 0 else (b, c, d)
