"""Read the folder of PNG slices that we wrote; other pictures do not say where they lie."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from hounsfield.core.errors import ReadError
from hounsfield.core.policy import ReadPolicy
from hounsfield.core.volume import Array
from hounsfield.io.bytes.gzip.read import reading
from hounsfield.io.png.writer import INTERCEPT_KEY, SLOPE_KEY, slice_name
from hounsfield.io.values.raw_image import RawImage
from hounsfield.io.values.sidecar import SIDECAR_NAME, Sidecar, read_sidecar

LARGEST_PIXEL_BYTES = 3
"""Two bytes of a pixel, and room for the filter and for deflate's blocks where noise does not compress."""

OTHER_CHUNKS_BYTES = 1 << 16
"""Room for the header and the text chunks of a slice, which take some 200 bytes."""

PNG_END = bytes.fromhex("0000000049454e44ae426082")
"""The chunk IEND, which ends every PNG that is whole."""


def open_png(path: Path, *, series: str | None, policy: ReadPolicy) -> RawImage:
    """What the folder holds, by its sidecar; slices are decoded when asked for.

    Whole numbers come back in their own dtype; others as stored numbers with slope and intercept. Raises ReadError
    where a slice is missing, of another size or of another slope than the sidecar says.
    """
    sidecar = read_sidecar(path / SIDECAR_NAME)
    spec = sidecar.spec
    for k in (0, spec.grid.shape[2] - 1):
        if not (path / slice_name(k, 0 if spec.channels else None)).is_file():
            raise ReadError(f"slice {k} of {spec.grid.shape[2]} is missing in the folder")
    is_whole = spec.dtype.kind in "biu" and sidecar.slope == 1.0
    return RawImage(
        grid=spec.grid,
        dtype=spec.dtype if is_whole else np.dtype(np.uint16),
        load=lambda: _load(path, sidecar, is_whole),
        slope=1.0 if is_whole else sidecar.slope,
        intercept=0.0 if is_whole else sidecar.intercept,
        channels=spec.channels,
        quantity=spec.quantity,
        background=spec.background,
        backgrounds=spec.backgrounds,
    )


def _load(path: Path, sidecar: Sidecar, is_whole: bool) -> Array:
    spec = sidecar.spec
    # Decoded first and gathered then: no more is allocated than slices that are there can fill.
    _slice(path, sidecar, 0, 0 if spec.channels else None)
    result = np.empty(spec.shape, dtype=spec.dtype if is_whole else np.uint16, order="F")
    for k in range(spec.grid.shape[2]):
        if not spec.channels:
            result[:, :, k] = _values(_slice(path, sidecar, k, None), sidecar, is_whole)
        for channel in range(len(spec.channels)):
            result[:, :, k, channel] = _values(_slice(path, sidecar, k, channel), sidecar, is_whole)
    return result


def _values(stored: Array, sidecar: Sidecar, is_whole: bool) -> Array:
    if not is_whole:
        return stored
    values = stored.astype(np.int64) + int(sidecar.intercept)
    low, high = (
        (0, 1)
        if sidecar.spec.dtype.kind == "b"
        else (np.iinfo(sidecar.spec.dtype).min, np.iinfo(sidecar.spec.dtype).max)
    )
    if values.min() < low or values.max() > high:
        raise ReadError(
            f"a slice holds values that {sidecar.spec.dtype} does not: it belongs to another output"
        )
    return values


def _slice(path: Path, sidecar: Sidecar, k: int, channel: int | None) -> Array:
    """Slice k as stored, (i, j); its size is compared before it is decoded."""
    from PIL import Image, UnidentifiedImageError

    columns, rows = sidecar.spec.grid.shape[:2]
    try:
        with reading("PNG"), (path / slice_name(k, channel)).open("rb") as file:
            data = file.read(columns * rows * LARGEST_PIXEL_BYTES + OTHER_CHUNKS_BYTES)
        if not data.endswith(PNG_END):
            raise ReadError(f"slice {k} is cut short: fetch it again")
        with reading("PNG"):
            Image.open(BytesIO(data), formats=["PNG"]).verify()
        with reading("PNG"), Image.open(BytesIO(data), formats=["PNG"]) as image:
            if image.size != (columns, rows) or image.mode not in ("I;16", "I;16B", "I", "L"):
                raise ReadError(
                    f"slice {k} is {image.size[0]} x {image.size[1]} of {image.mode}, and {columns} x "
                    f"{rows} of grey values was expected"
                )
            image.load()
            values = np.asarray(image)
            _check_text(image.info, sidecar, k)
    except (UnidentifiedImageError, SyntaxError, ValueError, Image.DecompressionBombError):
        raise ReadError(f"slice {k} is corrupt or no PNG: fetch it again") from None
    if values.min() < 0 or values.max() > np.iinfo(np.uint16).max:
        raise ReadError(f"slice {k} is no picture of 16 bits")
    return values.T.astype(np.uint16)


def _check_text(info: Mapping[Any, Any], sidecar: Sidecar, k: int) -> None:
    if (info.get(SLOPE_KEY), info.get(INTERCEPT_KEY)) != (
        repr(sidecar.slope),
        repr(sidecar.intercept),
    ):
        raise ReadError(
            f"slice {k} has another slope and intercept than the sidecar: it belongs to another output"
        )
