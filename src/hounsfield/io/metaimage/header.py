"""Parse and check MetaImage headers; the only other reader of the format is ITK."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import ReadError, refused
from hounsfield.io.bytes.detached import FILES_AT_MOST, numbered
from hounsfield.io.values.affine import assumed_affine, to_ras

HEADER_BYTES = 1 << 16
"""The bytes read for the header, which has about twenty short lines."""

TYPES = {
    "MET_CHAR": "i1",
    "MET_UCHAR": "u1",
    "MET_SHORT": "i2",
    "MET_USHORT": "u2",
    "MET_INT": "i4",
    "MET_UINT": "u4",
    "MET_LONG": "i4",
    "MET_ULONG": "u4",
    "MET_LONG_LONG": "i8",
    "MET_ULONG_LONG": "u8",
    "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}
"""The types of MetaIO; MET_LONG always has four bytes (MET_ValueTypeSize in metaTypes.h)."""

NAMES = {
    "Offset": ("Offset", "Position", "Origin"),
    "TransformMatrix": ("TransformMatrix", "Rotation", "Orientation"),
    "BinaryDataByteOrderMSB": ("BinaryDataByteOrderMSB", "ElementByteOrderMSB"),
    "ElementSpacing": ("ElementSpacing", "ElementSize"),
}
"""The aliases of fields in MetaIO."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MetaHeader:
    """A checked MetaImage header; the `channel_count` values of a voxel are contiguous."""

    sizes: tuple[int, ...]
    dtype: np.dtype[Any]
    channel_count: int
    is_packed: bool
    data_files: Sequence[str]
    offset: int
    skip: int
    affine_ras: NDArray[np.float64]
    diagnostics: tuple[Diagnostic, ...]

    @property
    def voxel_bytes(self) -> int:
        """The declared size of the voxels in bytes."""
        return math.prod(self.sizes) * self.channel_count * self.dtype.itemsize


def parse(data: bytes, *, assume_affine: str | None) -> MetaHeader:
    """Parse the first bytes of a MetaImage; raises ReadError if the header is inconsistent."""
    fields, offset, listed = _fields(data)
    sizes = tuple(int(size) for size in _numbers(fields, "DimSize", whole=True))
    if not sizes or min(sizes) < 1 or _numbers(fields, "NDims", whole=True) != [len(sizes)]:
        raise ReadError("the MetaImage header is corrupt: DimSize must be NDims positive numbers")
    if len(sizes) < 3 or math.prod(sizes[3:]) != 1:
        raise refused(
            "NOT_3D",
            f"the file has {len(sizes)} axes ({' x '.join(map(str, sizes))}); expected three",
        )
    code = TYPES.get(fields.get("ElementType", ""))
    if code is None:
        raise refused(
            "NOT_NUMBERS",
            "unsupported MetaImage ElementType; expected an integer or floating-point type",
        )
    if fields.get("BinaryData", "False").lower() != "true":
        raise refused(
            "ENCODING", "the MetaImage voxels are text; write it again with BinaryData = True"
        )
    if any(
        name in fields
        for name in ("ElementToIntensityFunctionSlope", "ElementToIntensityFunctionOffset")
    ):
        raise refused(
            "NOT_HU",
            "the MetaImage has an ElementToIntensityFunction, which other readers ignore; write "
            "the rescaled values",
        )
    skip, count = (
        int(_numbers({name: "01"[default], **fields}, name, whole=True)[0])
        for name, default in (("HeaderSize", 0), ("ElementNumberOfChannels", 1))
    )
    if not -1 <= skip <= 2**40 or not 1 <= count <= 2**16:
        raise ReadError(
            "the MetaImage header is corrupt: HeaderSize or ElementNumberOfChannels is out of range"
        )
    affine, diagnostics = _affine(fields, len(sizes), assume_affine)
    order = ">" if fields.get("BinaryDataByteOrderMSB", "False").lower() == "true" else "<"
    return MetaHeader(
        sizes=sizes,
        dtype=np.dtype(order + code),
        channel_count=count,
        is_packed=fields.get("CompressedData", "False").lower() == "true",
        data_files=_names(fields["ElementDataFile"], listed),
        offset=offset,
        skip=skip,
        affine_ras=affine,
        diagnostics=diagnostics,
    )


def _fields(data: bytes) -> tuple[dict[str, str], int, list[str]]:
    """The fields by canonical name, the offset after the header, and the listed data files."""
    fields: dict[str, str] = {}
    start = 0
    while start < len(data) and (stop := data.find(b"\n", start)) >= 0:
        name, equals, value = data[start:stop].decode("ascii", "replace").partition("=")
        start = stop + 1
        if not equals:
            raise ReadError("the MetaImage header is corrupt: expected lines of 'name = value'")
        key = next((first for first, names in NAMES.items() if name.strip() in names), name.strip())
        fields[key] = value.strip()
        if key == "ElementDataFile":
            rest = (
                data[start:].decode("utf-8", "replace").splitlines()
                if value.strip().startswith("LIST")
                else []
            )
            return fields, start, [line.strip() for line in rest if line.strip()]
    raise ReadError("the MetaImage header is corrupt or truncated: ElementDataFile is missing")


def _names(value: str, listed: list[str]) -> Sequence[str]:
    """The data files of ElementDataFile; empty if the voxels follow the header."""
    words = value.split()
    if value.upper() == "LOCAL":
        return []
    if words and words[0] == "LIST":
        if not 0 < len(listed) <= FILES_AT_MOST:
            raise ReadError(
                f"the MetaImage header lists {len(listed)} files; expected 1 to {FILES_AT_MOST}"
            )
        return listed
    if (
        "%" in value
        and len(words) == 4
        and all(word.isdecimal() and len(word) < 10 for word in words[1:])
    ):
        return numbered(words[0], *(int(word) for word in words[1:]))
    if not value:
        raise ReadError("the MetaImage header is corrupt: ElementDataFile is empty")
    return [value]


def _numbers(fields: Mapping[str, str], name: str, *, whole: bool = False) -> list[float]:
    try:
        values = [float(int(word)) if whole else float(word) for word in fields[name].split()]
    except (KeyError, ValueError, OverflowError):
        raise ReadError(f"the MetaImage header is corrupt: {name} must be numbers") from None
    if not values or not all(math.isfinite(value) for value in values):
        raise ReadError(f"the MetaImage header is corrupt: {name} must be numbers")
    return values


def _affine(
    fields: Mapping[str, str], dimensions: int, assume_affine: str | None
) -> tuple[NDArray[np.float64], tuple[Diagnostic, ...]]:
    """The affine in RAS+ mm.

    Rows of TransformMatrix are axis directions in LPS, Offset is the position of the first voxel.
    """
    missing = [
        name for name in ("TransformMatrix", "Offset", "ElementSpacing") if name not in fields
    ]
    if missing:
        spacing = _numbers(fields, "ElementSpacing")[:3] if "ElementSpacing" in fields else None
        affine, assumption = assumed_affine(
            assume_affine, spacing, f"MetaImage has no {missing[0]}"
        )
        return affine, (assumption,)
    matrix, offset, spacing = (
        _numbers(fields, name) for name in ("TransformMatrix", "Offset", "ElementSpacing")
    )
    if (len(matrix), len(offset), len(spacing)) != (dimensions**2, dimensions, dimensions):
        raise ReadError(
            "the MetaImage header is corrupt: TransformMatrix, Offset or ElementSpacing do not "
            f"have {dimensions} axes"
        )
    directions = np.array(matrix).reshape(dimensions, dimensions)[:3, :3].T
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = directions * np.array(spacing[:3]), offset[:3]
    return to_ras(affine), ()
