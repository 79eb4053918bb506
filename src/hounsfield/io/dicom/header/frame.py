"""The header of one frame: pixel format, geometry, rescale and identifiers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hounsfield.core.diagnostic import Diagnostic, Severity
from hounsfield.io.dicom import tags
from hounsfield.io.dicom.files.source import Source

Vector = tuple[float, ...]

MAX_SIDE = 8192
"""Most rows or columns of a slice (128 MB); CT has 512 to 2048, micro-CT 4096."""


ENCAPSULATED, UNCOMPRESSED = "encapsulated", "uncompressed"
"""Syntaxes of pixels that are encapsulated under an uncompressed transfer syntax, or uncompressed
under a compressed one."""


@dataclass(frozen=True, slots=True)
class PixelFormat:
    """How the pixels of a frame are stored (PS3.3 C.7.6.3)."""

    rows: int
    columns: int
    allocated: int
    stored: int
    high_bit: int
    signed: bool
    samples: int
    photometric: str
    syntax: str
    little: bool

    @property
    def codec(self) -> str:
        """The short name of the codec, 'unknown' for a syntax that cannot be decoded."""
        return tags.CODECS.get(self.syntax, "unknown")

    @property
    def undecodable(self) -> str:
        """Why pixels of an unknown codec cannot be decoded, and what to do."""
        if self.syntax == ENCAPSULATED:
            return (
                "pixel data is encapsulated (compressed), but the transfer syntax is an "
                "uncompressed one; correct TransferSyntaxUID"
            )
        if self.syntax == UNCOMPRESSED:
            return (
                "pixel data is not encapsulated (uncompressed), but the transfer syntax is a "
                "compressed one; correct TransferSyntaxUID"
            )
        if not self.syntax.startswith(tags.PUBLIC_ROOT):
            return (
                "private transfer syntax cannot be decoded; convert the file to an uncompressed "
                "one with the vendor's software"
            )
        return "unsupported transfer syntax; convert the file to an uncompressed one"

    @property
    def is_native(self) -> bool:
        """Whether the pixels are stored uncompressed."""
        return self.syntax in tags.NATIVE

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the stored values, in native byte order."""
        return np.dtype(f"{'ui'[self.signed]}{self.allocated // 8}")

    @property
    def frame_bytes(self) -> int:
        """The length of one uncompressed frame, bytes."""
        return self.rows * self.columns * self.samples * self.allocated // 8


@dataclass(frozen=True, slots=True)
class ModalityLut:
    """A modality LUT (PS3.3 C.11.1.1); `first` is the stored value mapped by its first entry."""

    first: int
    table: tuple[int, ...]
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One frame, with positions and directions in LPS+ mm; missing attributes are empty tuples."""

    source: Source
    index: int = 0
    count: int = 1
    sop_class: str = ""
    sop_instance: str = ""
    study: str = ""
    series: str = ""
    reference: str = ""
    modality: str = ""
    image_type: tuple[str, ...] = ()
    pixels: PixelFormat | None = None
    offset: int | None = None
    length: int = 0
    position_mm: Vector = ()
    orientation: Vector = ()
    spacing_mm: Vector = ()
    thickness_mm: float | None = None
    slope: float | None = None
    intercept: float | None = None
    rescale_type: str = ""
    bad_rescale: bool = False
    lut: ModalityLut | None = None
    padding: int | None = None
    padding_limit: int | None = None
    lossy: bool = False
    kernel: str = ""
    manufacturer: str = ""
    """In lower case; it is compared only, never shown."""
    patient: str = field(default="", repr=False)
    """What identifies the patient, or ""; only its keyed hash leaves the reader."""
    contrast: bool = False
    order: tuple[tuple[str, float], ...] = ()
    """(name, value) of attributes that distinguish phases, such as the acquisition number."""
    parts: tuple[tuple[int, int], ...] = ()
    """(position, length) of this frame's fragments in a compressed multi-frame object."""
    assumed: tuple[str, ...] = ()
    """Attributes that are missing and were assumed."""

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns; (0, 0) if the header does not give them."""
        return (self.pixels.rows, self.pixels.columns) if self.pixels is not None else (0, 0)

    @property
    def name(self) -> str:
        """The file name, with the frame number if it has several frames."""
        return self.source.name if self.count == 1 else f"{self.source.name} frame {self.index + 1}"


def diagnose(
    code: str,
    severity: Severity,
    message: str,
    *,
    frames: Iterable[Frame] = (),
    value: float | None = None,
) -> Diagnostic:
    """Return a Diagnostic about `frames`."""
    files = tuple((frame.source.ordinal, frame.name) for frame in frames)
    return Diagnostic(code, severity, message, files=files, value=value)
