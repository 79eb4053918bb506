"""Parse a NRRD header with pynrrd and check its fields."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import ReadError, refused
from hounsfield.io.bytes.gzip.bounded import Codec
from hounsfield.io.values.affine import assumed_affine, to_ras

HEADER_BYTES = 1 << 20
"""Largest header, bytes; headers are a few KB."""

TYPES = {
    "int8": "i1",
    "uint8": "u1",
    "int16": "i2",
    "uint16": "u2",
    "int32": "i4",
    "uint32": "u4",
    "int64": "i8",
    "uint64": "u8",
    "float": "f4",
    "double": "f8",
}
ALIASES = {
    "signed char": "int8",
    "int8_t": "int8",
    "uchar": "uint8",
    "unsigned char": "uint8",
    "uint8_t": "uint8",
    "short": "int16",
    "short int": "int16",
    "signed short": "int16",
    "signed short int": "int16",
    "int16_t": "int16",
    "ushort": "uint16",
    "unsigned short": "uint16",
    "unsigned short int": "uint16",
    "uint16_t": "uint16",
    "int": "int32",
    "signed int": "int32",
    "int32_t": "int32",
    "uint": "uint32",
    "unsigned int": "uint32",
    "uint32_t": "uint32",
    "longlong": "int64",
    "long long": "int64",
    "long long int": "int64",
    "signed long long": "int64",
    "signed long long int": "int64",
    "int64_t": "int64",
    "ulonglong": "uint64",
    "unsigned long long": "uint64",
    "unsigned long long int": "uint64",
    "uint64_t": "uint64",
}
"""Type names of the NRRD format definition, section 'type'."""

CODECS: dict[str, Codec] = {
    "raw": "raw",
    "gzip": "gzip",
    "gz": "gzip",
    "bzip2": "bzip2",
    "bz2": "bzip2",
}

FRAMES = {
    "left-posterior-superior": "LPS",
    "lps": "LPS",
    "right-anterior-superior": "RAS",
    "ras": "RAS",
    "left-anterior-superior": "LAS",
    "las": "LAS",
}

UNITS_MM = {
    "": 1.0,
    "mm": 1.0,
    "millimeter": 1.0,
    "millimeters": 1.0,
    "millimetre": 1.0,
    "cm": 10.0,
    "m": 1000.0,
    "meter": 1000.0,
    "um": 0.001,
    "micron": 0.001,
    "microns": 0.001,
    "micrometer": 0.001,
}

COLOUR_KINDS = ("rgb-color", "hsv-color", "xyz-color", "rgba-color", "complex", "quaternion")
"""Axis kinds whose entries form one value, which CT does not have."""

_LIST = re.compile(rb"^data ?file:[ \t]*LIST(?:[ \t]+(\d+))?[ \t]*\r?$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NrrdHeader:
    """A checked NRRD header; `list_axis` is the non-spatial axis (or None), of kind `list_kind`."""

    sizes: tuple[int, ...]
    dtype: np.dtype[Any]
    codec: Codec
    data_files: str | tuple[str, ...]
    offset: int
    line_skip: int
    byte_skip: int
    affine_ras: NDArray[np.float64]
    list_axis: int | None
    list_kind: str
    is_quantised: bool
    diagnostics: tuple[Diagnostic, ...]

    @property
    def voxel_bytes(self) -> int:
        """The declared size of the voxel data, bytes."""
        return math.prod(self.sizes) * self.dtype.itemsize


def parse(data: bytes, *, assume_affine: str | None) -> NrrdHeader:
    """Parse the first bytes of a NRRD file, including a list of data files."""
    fields, offset, names = _fields(data)
    sizes = tuple(int(size) for size in _field(fields, "sizes"))
    if len(sizes) != int(_field(fields, "dimension")) or not sizes or min(sizes) < 1:
        raise ReadError("NRRD header is corrupt; sizes must be one positive number per dimension")
    codec = CODECS.get(str(_field(fields, "encoding")).lower())
    if codec is None:
        raise refused("ENCODING", "unsupported NRRD encoding; expected one of raw, gzip, bzip2")
    list_axis, kind = _list_axis(fields, sizes)
    affine, diagnostics = _affine(fields, list_axis, assume_affine)
    named = fields.get("data file", fields.get("datafile", ""))
    return NrrdHeader(
        sizes=sizes,
        dtype=_dtype(fields),
        codec=codec,
        data_files=names or str(named),
        offset=offset,
        line_skip=_skip(fields, "line skip", "lineskip"),
        byte_skip=_skip(fields, "byte skip", "byteskip"),
        affine_ras=affine,
        list_axis=list_axis,
        list_kind=kind,
        diagnostics=diagnostics,
        is_quantised=not fields.keys().isdisjoint(("old min", "old max", "oldmin", "oldmax")),
    )


def _fields(data: bytes) -> tuple[dict[str, Any], int, tuple[str, ...]]:
    """The header fields, the offset of attached data, and the listed data files."""
    import nrrd

    listed = _LIST.search(data)
    end = re.search(rb"\n\r?\n", data)
    names: tuple[str, ...] = ()
    if listed is not None and (end is None or listed.start() < end.start()):
        lines = data[listed.end() :].decode("utf-8", "replace").splitlines()
        names = tuple(line.strip() for line in lines if line.strip())
        if not names:
            raise ReadError("NRRD header has an empty list of data files; expected at least one")
        data = data[: listed.start()]
    elif end is None and len(data) >= HEADER_BYTES:
        raise ReadError(f"NRRD header is longer than {HEADER_BYTES} bytes")
    file = BytesIO(data)
    try:
        with np.errstate(all="ignore"):  # a size of 1e19 is checked by the caller
            fields = dict(nrrd.read_header(file))
    except (
        nrrd.NRRDError,
        ValueError,
        TypeError,
        IndexError,
        KeyError,
        StopIteration,
        OverflowError,
    ):
        raise ReadError("NRRD header is corrupt; a line cannot be parsed") from None
    return fields, file.tell(), names


def _field(fields: dict[str, Any], name: str) -> Any:
    if name not in fields:
        raise ReadError(f"NRRD header is corrupt; field '{name}' is missing")
    return fields[name]


def _skip(fields: dict[str, Any], *names: str) -> int:
    value = int(next((fields[name] for name in names if name in fields), 0))
    if not -1 <= value <= 2**40:
        raise ReadError(f"NRRD header is corrupt; invalid skip of {value}")
    return value


def _dtype(fields: dict[str, Any]) -> np.dtype[Any]:
    name = str(_field(fields, "type")).lower()
    code = TYPES.get(ALIASES.get(name, name))
    if code is None:
        raise refused("NOT_NUMBERS", "unsupported NRRD type; expected real numbers")
    endian = str(fields.get("endian", "")).lower()
    if endian not in ("little", "big") and code[1] != "1":
        raise ReadError(
            "NRRD header is corrupt; endian is missing or invalid, expected little or big"
        )
    return np.dtype(code).newbyteorder(">" if endian == "big" else "<")


def _list_axis(fields: dict[str, Any], sizes: tuple[int, ...]) -> tuple[int | None, str]:
    """The non-spatial axis of a 4D image and its kind."""
    kinds = [str(kind).lower() for kind in fields.get("kinds") or []]
    kinds = kinds if len(kinds) == len(sizes) else ["???"] * len(sizes)
    if any(kind in COLOUR_KINDS for kind in kinds):
        raise refused(
            "NOT_NUMBERS", "NRRD has colour or complex values; expected one real value per voxel"
        )
    if len(sizes) == 3:
        return None, ""
    if len(sizes) != 4:
        raise refused(
            "NOT_3D",
            f"image has {len(sizes)} dimensions ({' x '.join(map(str, sizes))}); expected 3 (one "
            "slice is i x j x 1)",
        )
    directions = _directions(fields, 4)
    off_space = (
        [] if directions is None else [n for n in range(4) if not np.isfinite(directions[n]).all()]
    )
    if not off_space:
        off_space = [n for n in range(4) if kinds[n] not in ("domain", "space", "???", "none")]
    if len(off_space) != 1:
        raise refused(
            "NOT_3D", "NRRD has four axes, and its kinds do not identify the non-spatial one"
        )
    return off_space[0], kinds[off_space[0]]


def _directions(fields: dict[str, Any], count: int) -> NDArray[np.float64] | None:
    """Space directions, one row per axis, NaN for a non-spatial axis."""
    rows = fields.get("space directions")
    if rows is None:
        return None
    try:
        values = np.array([[np.nan] * 3 if row is None else row for row in rows], dtype=np.float64)
    except (ValueError, TypeError):
        values = np.zeros(0)
    if values.shape != (count, 3):
        raise ReadError(
            f"NRRD header is corrupt; expected {count} space directions of 3 numbers each"
        )
    return values


def _affine(
    fields: dict[str, Any], list_axis: int | None, assume_affine: str | None
) -> tuple[NDArray[np.float64], tuple[Diagnostic, ...]]:
    """The affine to RAS+ mm, and its diagnostics."""
    count = 3 if list_axis is None else 4
    directions = _directions(fields, count)
    axes = [n for n in range(count) if n != list_axis]
    frame = FRAMES.get(str(fields.get("space", "")).lower())
    origin = np.asarray(fields.get("space origin", np.zeros(0)), dtype=np.float64)
    factor, scaled = _units(fields)
    if directions is not None and frame is not None and origin.shape == (3,):
        affine = np.eye(4)
        affine[:3, :3], affine[:3, 3] = directions[axes].T * factor, origin * factor
        return to_ras(affine, frame), scaled
    if directions is not None:
        spacing = np.linalg.norm(directions[axes], axis=1) * factor
    else:
        listed = np.asarray(fields.get("spacings", []), dtype=np.float64)
        spacing = np.abs(listed[axes]) * factor if listed.shape == (count,) else np.zeros(0)
    fault = (
        "NRRD has no space directions"
        if directions is None
        else "NRRD space is not one of LPS, RAS, LAS"
        if frame is None
        else "NRRD has no space origin"
    )
    affine, assumption = assumed_affine(
        assume_affine, spacing if spacing.shape == (3,) else None, fault
    )
    return affine, (*scaled, assumption)


def _units(fields: dict[str, Any]) -> tuple[float, tuple[Diagnostic, ...]]:
    units = {str(unit).strip().lower() for unit in fields.get("space units") or []}
    if len(units) > 1 or not units <= set(UNITS_MM):
        raise refused(
            "UNITS",
            "unsupported NRRD space units; expected the same one of mm, cm, m, um for all axes",
        )
    factor = UNITS_MM[units.pop()] if units else 1.0
    if factor == 1.0:
        return 1.0, ()
    return factor, (
        Diagnostic("UNITS", "note", f"space units scaled by {factor:g} to millimetres"),
    )
