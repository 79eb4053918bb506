"""Read a folder of PNG slices written by this package; other PNG files have no geometry."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from hounsfield.core.errors import HounsfieldError, ReadError
from hounsfield.core.policy import ReadPolicy
from hounsfield.core.spec import Spec
from hounsfield.core.volume import Array
from hounsfield.io.bytes.gzip.read import reading
from hounsfield.io.bytes.source_file import SourceFile
from hounsfield.io.png.writer import INTERCEPT_KEY, SLOPE_KEY, slice_name
from hounsfield.io.values.raw_image import RawImage
from hounsfield.io.values.sidecar import SIDECAR_NAME, Sidecar, read_sidecar

LARGEST_PIXEL_BYTES = 3
"""Most bytes per pixel: two, plus overhead of filters and of incompressible deflate blocks."""

OTHER_CHUNKS_BYTES = 1 << 16
"""Most bytes of the header and text chunks of a slice, which take some 200 bytes."""

PNG_END = bytes.fromhex("0000000049454e44ae426082")
"""The IEND chunk at the end of a complete PNG."""


def open_png(path: Path, *, series: str | None, policy: ReadPolicy) -> RawImage:
    """Open a folder of PNG slices with its sidecar; slices are decoded on request.

    Integers are read in their own dtype, other values as stored values with slope and intercept.
    Raises ReadError if a slice is missing or contradicts the sidecar.
    """
    sidecar = read_sidecar(path / SIDECAR_NAME)
    spec = sidecar.spec
    files = _files(path, spec)
    is_integer = spec.dtype.kind in "biu" and sidecar.slope == 1.0
    return RawImage(
        grid=spec.grid,
        dtype=spec.dtype if is_integer else np.dtype(np.uint16),
        load=lambda: _load(files, sidecar, is_integer),
        slope=1.0 if is_integer else sidecar.slope,
        intercept=0.0 if is_integer else sidecar.intercept,
        channels=spec.channels,
        quantity=spec.quantity,
        background=spec.background,
        backgrounds=spec.backgrounds,
    )


def _files(path: Path, spec: Spec) -> dict[str, SourceFile]:
    """The slices by name, with size and time; raises ReadError if one is missing."""
    files = {}
    for k in range(spec.grid.shape[2]):
        for channel in range(len(spec.channels)) if spec.channels else (None,):
            name = slice_name(k, channel)
            if not (path / name).is_file():
                raise ReadError(
                    f"slice {k} of {spec.grid.shape[2]} is missing; copy the whole folder again"
                )
            files[name] = SourceFile.of(path / name)
    return files


def _load(files: Mapping[str, SourceFile], sidecar: Sidecar, is_integer: bool) -> Array:
    spec = sidecar.spec
    # Check the first slice before allocating the whole volume.
    _slice(files, sidecar, 0, 0 if spec.channels else None)
    result = np.empty(spec.shape, dtype=spec.dtype if is_integer else np.uint16, order="F")
    for k in range(spec.grid.shape[2]):
        if not spec.channels:
            result[:, :, k] = _values(_slice(files, sidecar, k, None), sidecar, is_integer)
        for channel in range(len(spec.channels)):
            result[:, :, k, channel] = _values(
                _slice(files, sidecar, k, channel), sidecar, is_integer
            )
    return result


def _values(stored: Array, sidecar: Sidecar, is_integer: bool) -> Array:
    if not is_integer:
        return stored
    values = stored.astype(np.int64) + int(sidecar.intercept)
    low, high = (
        (0, 1)
        if sidecar.spec.dtype.kind == "b"
        else (np.iinfo(sidecar.spec.dtype).min, np.iinfo(sidecar.spec.dtype).max)
    )
    if values.min() < low or values.max() > high:
        raise ReadError(
            f"a slice has values outside {sidecar.spec.dtype}; it belongs to another output"
        )
    return values


def _slice(files: Mapping[str, SourceFile], sidecar: Sidecar, k: int, channel: int | None) -> Array:
    """Slice k as stored (i, j); its size is checked before it is decoded."""
    from PIL import Image

    columns, rows = sidecar.spec.grid.shape[:2]
    try:
        with reading("PNG"), files[slice_name(k, channel)].stream() as file:
            data = file.read(columns * rows * LARGEST_PIXEL_BYTES + OTHER_CHUNKS_BYTES)
        if not data.endswith(PNG_END):
            raise ReadError(f"slice {k} is truncated; copy it again")
        with reading("PNG"):
            Image.open(BytesIO(data), formats=["PNG"]).verify()
        with reading("PNG"), Image.open(BytesIO(data), formats=["PNG"]) as image:
            if image.size != (columns, rows) or image.mode not in ("I;16", "I;16B", "I", "L"):
                raise ReadError(
                    f"slice {k} is {image.size[0]} x {image.size[1]} ({image.mode}); expected "
                    f"{columns} x {rows} grey values"
                )
            image.load()
            values = np.asarray(image)
            _check_text(image.info, sidecar, k)
    except HounsfieldError:
        raise
    except Exception:  # Pillow raises many exception types for a corrupt file
        raise ReadError(f"slice {k} is corrupt or not a PNG; copy it again") from None
    if values.min() < 0 or values.max() > np.iinfo(np.uint16).max:
        raise ReadError(f"slice {k} is not a 16-bit image")
    return values.T.astype(np.uint16)


def _check_text(info: Mapping[Any, Any], sidecar: Sidecar, k: int) -> None:
    if (info.get(SLOPE_KEY), info.get(INTERCEPT_KEY)) != (
        repr(sidecar.slope),
        repr(sidecar.intercept),
    ):
        raise ReadError(
            f"slope or intercept of slice {k} differs from the sidecar; slice of another output"
        )
