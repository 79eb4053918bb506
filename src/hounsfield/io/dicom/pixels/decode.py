"""Decode frames into one Fortran-ordered array of stored values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.errors import HounsfieldError, unreadable
from hounsfield.core.platform import check_available, thread_count
from hounsfield.core.thread_pool import ThreadPool
from hounsfield.io.dicom import tags
from hounsfield.io.dicom.files.source import FileSource
from hounsfield.io.dicom.header.fragments import frame_bytes
from hounsfield.io.dicom.header.frame import MAX_SIDE, Frame, PixelFormat
from hounsfield.io.dicom.pixels.codestream import Codestream, describe, without_padding
from hounsfield.io.dicom.pixels.lossless import decoded_lossless
from hounsfield.io.dicom.pixels.lossy_padding import grown
from hounsfield.io.dicom.pixels.rescale import Int16Overflow, rescale_slice

Array = NDArray[Any]
MAX_WORKERS = 8
"""Most decoding threads; codecs and file reads release the GIL."""

FUNCTIONS = {
    "jpeg": "jpeg8_decode",
    "jpeg-lossless": "jpeg8_decode",
    "jpeg-ls": "jpegls_decode",
    "jpeg2000": "jpeg2k_decode",
    "htj2k": "jpeg2k_decode",
    "rle": "dicomrle_decode",
}
"""The function of imagecodecs for each codec."""

DECODER_BYTES = 32 << 20
"""Memory that must be available before a decoder is loaded; the largest library has 9 MB."""


@dataclass(frozen=True, slots=True)
class FrameDecoder:
    """Decode runs of frames for `Stack.decode`: (i, j, stop - start), Fortran-ordered."""

    frames: tuple[Frame, ...]
    dtype: np.dtype[Any]
    pads: tuple[tuple[tuple[int, int], ...], ...] = ()
    pad_value: int | None = None
    """Raw padding values of each frame (empty: none), and the value that replaces them."""
    edges: tuple[int | None, ...] = ()
    """The highest raw value of each frame's padding edge (lossy compression); empty: none."""

    def __call__(self, start: int, stop: int) -> Array:
        """Stored values of frames start to stop (exclusive); raises ReadError."""
        first = self.frames[0].pixels
        assert first is not None
        values: Array = np.empty(
            (first.columns, first.rows, stop - start), dtype=self.dtype, order="F"
        )

        def work(n: int) -> None:
            self._decode_into(values[:, :, n].T, start + n)

        in_parallel(work, stop - start)
        return values

    def _decode_into(self, target: Array, n: int) -> None:
        decode_into(
            target,
            self.frames[n],
            pads=self.pads[n] if self.pads else (),
            pad_value=self.pad_value,
            edge=self.edges[n] if self.edges else None,
        )

    def rescaled(
        self,
        *,
        slopes: Array,
        intercepts: Array,
        padding: tuple[float, float] | None,
        background: float,
    ) -> Array | None:
        """All frames rescaled to int16, with padding replaced (i, j, k), one slice at a time.

        None if int16 arithmetic would not be exact: slopes other than 1, fractions, wider dtypes.
        """
        exact = (
            np.all(slopes == 1)
            and not np.any(intercepts % 1)
            and np.abs(intercepts).max() < 1 << 15
            and background % 1 == 0
            and self.dtype in (np.dtype(np.int16), np.dtype(np.uint16))
        )
        if not exact:
            return None
        first = self.frames[0].pixels
        assert first is not None
        values: Array = np.empty(
            (first.columns, first.rows, len(self.frames)), dtype=np.int16, order="F"
        )

        def work(n: int) -> None:
            target = values[:, :, n].T.view(self.dtype)
            self._decode_into(target, n)
            rescale_slice(
                target, intercept=int(intercepts[n]), padding=padding, background=int(background)
            )

        try:
            in_parallel(work, len(self.frames))
        except Int16Overflow:
            return None
        return values


def in_parallel(work: Callable[[int], None], count: int) -> None:
    """Call `work(n)` for n in range(count), in contiguous runs on `thread_count()` threads."""
    workers = min(MAX_WORKERS, thread_count(), count)
    if workers < 2:
        for n in range(count):
            work(n)
        return

    def run(part: int) -> None:
        for n in range(part * count // workers, (part + 1) * count // workers):
            work(n)

    with ThreadPool(workers) as pool:
        for future in [pool.submit(run, part) for part in range(workers)]:
            future.result()


def decode_into(
    target: Array,
    frame: Frame,
    *,
    pads: Sequence[tuple[int, int]] = (),
    pad_value: int | None = None,
    edge: int | None = None,
) -> None:
    """Decode one frame into `target` (rows, columns), C-contiguous; raises ReadError.

    Raw values within `pads` become `pad_value` before unused bits are masked, since a padding value
    may use them, and so do values up to `edge` that are connected to them.
    """
    form = frame.pixels
    assert form is not None
    if pads and pad_value is not None:
        values = _raw_values(frame, form)
        padded = np.any([(values >= low) & (values <= high) for low, high in pads], axis=0)
        if edge is not None:
            padded = grown(padded, values, edge)
        mask_bits(values, form)
        target[...] = values if frame.lut is None else _apply_lut(values, frame)
        target[padded] = pad_value
        return
    if form.is_native and form.dtype == target.dtype and isinstance(frame.source, FileSource):
        start = (frame.offset or 0) + frame.index * form.frame_bytes
        _check_length(frame, form, frame.source.read_into(target.data.cast("B"), start))
        if not form.little:
            target.byteswap(inplace=True)
        mask_bits(target, form)
        return
    target[...] = decoded(frame)


def decoded(frame: Frame) -> Array:
    """The stored values of one frame (rows, columns); raises ReadError."""
    form = frame.pixels
    assert form is not None
    values = _raw_values(frame, form)
    mask_bits(values, form)
    return values if frame.lut is None else _apply_lut(values, frame)


def _check_length(frame: Frame, form: PixelFormat, length: int) -> None:
    if length != form.frame_bytes:
        message = f"pixel data is truncated ({length} of {form.frame_bytes} bytes)"
        raise unreadable(frame.name, message, code="TRUNCATED")


def _raw_values(frame: Frame, form: PixelFormat) -> Array:
    return _native(frame, form) if form.is_native else _compressed(frame, form)


def mask_bits(values: Array, form: PixelFormat) -> None:
    """Clear unused bits (such as overlays) and extend the sign, in place (PS3.5 8.1.1)."""
    if form.stored == form.allocated:
        return
    down = form.high_bit + 1 - form.stored
    if form.signed:
        up = form.allocated - form.high_bit - 1
        np.left_shift(values, up, out=values)
        np.right_shift(values, up + down, out=values)
        return
    if down:
        np.right_shift(values, down, out=values)
    np.bitwise_and(values, (1 << form.stored) - 1, out=values)


def _native(frame: Frame, form: PixelFormat) -> Array:
    start = (frame.offset or 0) + frame.index * form.frame_bytes
    data = frame.source.read(start, form.frame_bytes)
    _check_length(frame, form, len(data))
    order: Literal["<", ">"] = "<" if form.little else ">"
    values = np.frombuffer(data, form.dtype.newbyteorder(order))
    return values.reshape(form.rows, form.columns).astype(form.dtype)


def _compressed(frame: Frame, form: PixelFormat) -> Array:
    if max(frame.size) > MAX_SIDE:
        message = f"slice has more than {MAX_SIDE} rows or columns"
        raise unreadable(frame.name, message, code="TOO_LARGE")
    data = frame_bytes(frame)
    stream = None
    if form.syntax != tags.RLE:
        data, stream = _checked_stream(frame, form, data)
    try:
        if stream is not None and stream.is_sof3 and stream.components == 1:
            values = decoded_lossless(data, form, frame.name)
        else:
            values = _decoder(form.codec)(data, form)
    except (HounsfieldError, MemoryError):
        raise
    except Exception as error:
        raise unreadable(
            frame.name, f"{form.codec} decoder failed ({type(error).__name__})"
        ) from None
    if values.shape != (form.rows, form.columns):
        message = f"decoded shape is {values.shape}, expected {(form.rows, form.columns)}"
        raise unreadable(frame.name, message)
    bits = stream.bits if stream is not None and not stream.signed else form.allocated
    return _as_stored(values, form, bits=bits)


def _checked_stream(frame: Frame, form: PixelFormat, data: bytes) -> tuple[bytes, Codestream]:
    """A complete codestream without padding, and its header, which has the DICOM header's size."""
    stream = describe(data)
    size = None if stream is None else (stream.rows, stream.columns, stream.components)
    expected = (form.rows, form.columns, form.samples)
    if stream is None or size != expected:
        message = f"compressed frame is {size}, but the DICOM header gives {expected}"
        raise unreadable(frame.name, f"{message} (rows, columns, samples)")
    whole = without_padding(data)
    if whole is None:
        message = "compressed frame is truncated; its end marker is missing"
        raise unreadable(frame.name, message, code="TRUNCATED")
    return whole, stream


def _as_stored(values: Array, form: PixelFormat, *, bits: int) -> Array:
    """Decoded samples in the dtype of the header; signed pixels are sign-extended from `bits`."""
    same = values.astype(form.dtype, copy=False)
    values = same if same.flags.writeable and same.flags.c_contiguous else np.array(same, order="C")
    if form.signed and bits < form.allocated:
        np.left_shift(values, form.allocated - bits, out=values)
        np.right_shift(values, form.allocated - bits, out=values)
    return values


@cache
def _load(codec: str) -> None:
    """Load the decoder; raises MemoryError, since imagecodecs tries to load a decoder once only."""
    import imagecodecs

    check_available(DECODER_BYTES)
    getattr(imagecodecs, FUNCTIONS[codec])


def _decoder(codec: str) -> Callable[[bytes, PixelFormat], Array]:
    import imagecodecs

    _load(codec)

    def rle(data: bytes, form: PixelFormat) -> Array:
        if len(data) < 64 or int.from_bytes(data[:4], "little") != form.allocated // 8:
            raise ValueError("RLE header does not match the pixel format")
        target = np.empty(form.frame_bytes, dtype=np.uint8)
        rle_decode: Any = imagecodecs.dicomrle_decode  # its stub lacks a dtype argument
        values: Array = np.asarray(rle_decode(data, form.dtype, out=target))
        if values.size != target.size:
            raise ValueError("RLE segments are too short; copy the file again from the archive")
        return values.view(form.dtype).reshape(form.rows, form.columns)

    if codec == "rle":
        return rle
    plain: Callable[[bytes], Array] = getattr(imagecodecs, FUNCTIONS[codec])
    return lambda data, form: np.asarray(plain(data))


def _apply_lut(values: Array, frame: Frame) -> Array:
    assert frame.lut is not None
    table = np.asarray(frame.lut.table, dtype=np.uint16)
    index = np.clip(values.astype(np.int64) - frame.lut.first, 0, len(table) - 1)
    return np.asarray(table[index])


def common_dtype(frames: Sequence[Frame]) -> np.dtype[Any]:
    """The smallest dtype that can represent the stored values of all frames."""
    kinds = {
        np.dtype(np.uint16) if frame.lut is not None else frame.pixels.dtype
        for frame in frames
        if frame.pixels
    }
    return np.dtype(np.result_type(*kinds))
