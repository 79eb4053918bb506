"""RawImage values of frames into one Fortran-ordered array: straight from the files where nothing is compressed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.errors import HounsfieldError, unreadable
from hounsfield.core.platform import thread_count
from hounsfield.io.dicom import tags
from hounsfield.io.dicom.files.source import FileSource
from hounsfield.io.dicom.header.fragments import frame_bytes
from hounsfield.io.dicom.header.frame import MAX_SIDE, Frame, PixelFormat
from hounsfield.io.dicom.pixels.codestream import describe, is_whole
from hounsfield.io.dicom.pixels.rescale import LeavesInt16, finish_slice

Array = NDArray[Any]
MAX_WORKERS = 8
"""Threads that decode: the codecs and the reading free the interpreter's lock."""


@dataclass(frozen=True, slots=True)
class FrameDecoder:
    """Decodes frames, in their order, as `Stack.decode` wants it: (i, j, stop - start), Fortran-ordered."""

    frames: tuple[Frame, ...]
    dtype: np.dtype[Any]
    pads: tuple[tuple[tuple[int, int], ...], ...] = ()
    pad_value: int | None = None
    """Raw words of each frame that are padding, and the one stored value that they become; empty: left as they are."""

    def __call__(self, start: int, stop: int) -> Array:
        """RawImage values of frames start to stop (exclusive); raises ReadError."""
        first = self.frames[0].pixels
        assert first is not None
        values: Array = np.empty(
            (first.columns, first.rows, stop - start), dtype=self.dtype, order="F"
        )

        def work(n: int) -> None:
            pads = self.pads[start + n] if self.pads else ()
            decode_into(
                values[:, :, n].T, self.frames[start + n], pads=pads, pad_value=self.pad_value
            )

        in_parallel(work, stop - start)
        return values

    def rescaled(
        self,
        *,
        slopes: Array,
        intercepts: Array,
        padding: tuple[float, float] | None,
        background: float,
    ) -> Array | None:
        """All frames as int16 values after rescale and padding (i, j, k), each finished while it lies in the cache;
        None where that does not give the same as a sampling would: slopes other than 1, fractions, a wider dtype."""
        whole = (
            np.all(slopes == 1)
            and not np.any(intercepts % 1)
            and np.abs(intercepts).max() < 1 << 15
        )
        if (
            not whole
            or background % 1
            or self.dtype not in (np.dtype(np.int16), np.dtype(np.uint16))
        ):
            return None
        first = self.frames[0].pixels
        assert first is not None
        values: Array = np.empty(
            (first.columns, first.rows, len(self.frames)), dtype=np.int16, order="F"
        )

        def work(n: int) -> None:
            room = values[:, :, n].T.view(self.dtype)
            decode_into(
                room,
                self.frames[n],
                pads=self.pads[n] if self.pads else (),
                pad_value=self.pad_value,
            )
            finish_slice(
                room, intercept=int(intercepts[n]), padding=padding, background=int(background)
            )

        try:
            in_parallel(work, len(self.frames))
        except LeavesInt16:
            return None
        return values


def in_parallel(work: Callable[[int], None], count: int) -> None:
    """Do `work(n)` for n from 0 to `count` on as many threads as may be used, in runs of neighbours."""
    workers = min(MAX_WORKERS, thread_count(), count)
    if workers < 2:
        for n in range(count):
            work(n)
        return

    def run(turn: int) -> None:
        for n in range(turn * count // workers, (turn + 1) * count // workers):
            work(n)

    with ThreadPoolExecutor(workers) as pool:
        for done in [pool.submit(run, turn) for turn in range(workers)]:
            done.result()


def decode_into(
    target: Array,
    frame: Frame,
    *,
    pads: Sequence[tuple[int, int]] = (),
    pad_value: int | None = None,
) -> None:
    """Decode one frame's stored values into `target` (rows, columns), C-contiguous; raises ReadError.

    Words within `pads` become `pad_value`: before bits are masked, since a padding word may lie outside of them.
    """
    form = frame.pixels
    assert form is not None
    if pads and pad_value is not None:
        values = _words(frame, form)
        padded = np.any([(values >= low) & (values <= high) for low, high in pads], axis=0)
        mask_bits(values, form)
        target[...] = values if frame.lut is None else _looked_up(values, frame)
        target[padded] = pad_value
        return
    if form.is_native and form.dtype == target.dtype and isinstance(frame.source, FileSource):
        start = (frame.offset or 0) + frame.index * form.frame_bytes
        got = frame.source.read_into(target.data.cast("B"), start)
        if got != form.frame_bytes:
            raise unreadable(
                frame.name,
                f"pixel data is truncated, {got} of {form.frame_bytes} bytes are there",
                code="TRUNCATED",
            )
        if not form.little:
            target.byteswap(inplace=True)
        mask_bits(target, form)
        return
    target[...] = decoded(frame)


def decoded(frame: Frame) -> Array:
    """The stored values of one frame as (rows, columns), any source, any codec; raises ReadError."""
    form = frame.pixels
    assert form is not None
    values = _words(frame, form)
    mask_bits(values, form)
    return values if frame.lut is None else _looked_up(values, frame)


def _words(frame: Frame, form: PixelFormat) -> Array:
    return _native(frame, form) if form.is_native else _compressed(frame, form)


def mask_bits(values: Array, form: PixelFormat) -> None:
    """Drop the bits that are not the value's (overlays, rubbish) and extend its sign, in place (PS3.5 8.1.1)."""
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
    if len(data) != form.frame_bytes:
        raise unreadable(
            frame.name,
            f"pixel data is truncated, {len(data)} of {form.frame_bytes} bytes are there",
            code="TRUNCATED",
        )
    order: Literal["<", ">"] = "<" if form.little else ">"
    return (
        np.frombuffer(data, form.dtype.newbyteorder(order))
        .reshape(form.rows, form.columns)
        .astype(form.dtype)
    )


def _compressed(frame: Frame, form: PixelFormat) -> Array:
    if max(frame.size) > MAX_SIDE:
        raise unreadable(
            frame.name, f"a slice of over {MAX_SIDE} rows or columns", code="TOO_LARGE"
        )
    data = frame_bytes(frame)
    stream = None
    if form.syntax != tags.RLE:
        stream = describe(data)
        found = None if stream is None else (stream.rows, stream.columns, stream.components)
        if found != (form.rows, form.columns, form.samples):
            raise unreadable(
                frame.name,
                f"the compressed frame is {found}, its header says "
                f"{(form.rows, form.columns, form.samples)} rows, columns and samples",
            )
        if not is_whole(data):
            raise unreadable(
                frame.name,
                "the compressed frame is truncated, its end marker is missing",
                code="TRUNCATED",
            )
    try:
        values = _decoder(form.codec)(data, form)
    except HounsfieldError:
        raise
    except Exception as error:
        raise unreadable(
            frame.name, f"the {form.codec} decoder failed ({type(error).__name__})"
        ) from None
    if values.shape != (form.rows, form.columns):
        raise unreadable(
            frame.name, f"decoding gave {values.shape}, expected {(form.rows, form.columns)}"
        )
    return _as_stored(
        values,
        form,
        bits=stream.bits if stream is not None and not stream.signed else form.allocated,
    )


def _as_stored(values: Array, form: PixelFormat, *, bits: int) -> Array:
    """Decoded samples as the header's dtype; an unsigned stream of signed pixels is extended from its own `bits`."""
    same = values.astype(form.dtype, copy=False)
    values = same if same.flags.writeable and same.flags.c_contiguous else np.array(same, order="C")
    if form.signed and bits < form.allocated:
        np.left_shift(values, form.allocated - bits, out=values)
        np.right_shift(values, form.allocated - bits, out=values)
    return values


def _decoder(codec: str) -> Callable[[bytes, PixelFormat], Array]:
    import imagecodecs

    def rle(data: bytes, form: PixelFormat) -> Array:
        if len(data) < 64 or int.from_bytes(data[:4], "little") != form.allocated // 8:
            raise ValueError("an RLE header that does not fit the pixels")
        room = np.empty(form.frame_bytes, dtype=np.uint8)
        done: Array = np.asarray(imagecodecs.dicomrle_decode(data, form.dtype, out=room))  # type: ignore[arg-type]
        if done.size != room.size:
            raise ValueError("RLE segments that are too short")
        return done.view(form.dtype).reshape(form.rows, form.columns)

    plain: dict[str, Callable[[bytes], Array]] = {
        "jpeg": imagecodecs.jpeg8_decode,
        "jpeg-lossless": imagecodecs.jpeg8_decode,
        "jpeg-ls": imagecodecs.jpegls_decode,
        "jpeg2000": imagecodecs.jpeg2k_decode,
        "htj2k": imagecodecs.jpeg2k_decode,
    }
    return rle if codec == "rle" else lambda data, form: np.asarray(plain[codec](data))


def _looked_up(values: Array, frame: Frame) -> Array:
    assert frame.lut is not None
    table = np.asarray(frame.lut.table, dtype=np.uint16)
    index = np.clip(values.astype(np.int64) - frame.lut.first, 0, len(table) - 1)
    return np.asarray(table[index])


def common_dtype(frames: Sequence[Frame]) -> np.dtype[Any]:
    """The dtype that holds the stored values of all `frames`."""
    kinds = {
        np.dtype(np.uint16) if frame.lut is not None else frame.pixels.dtype
        for frame in frames
        if frame.pixels
    }
    return np.dtype(np.result_type(*kinds))
