"""Read the segments and frame positions of a DICOM SEG (PS3.3 C.8.20 and A.51)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.errors import unreadable
from hounsfield.io.dicom.header.dataset import dataset_of, parse_errors
from hounsfield.io.dicom.header.geometry import LPS_TO_RAS, axes
from hounsfield.io.dicom.labels.names import public_text
from hounsfield.io.dicom.labels.objects import LabelObject

Kind = Literal["binary", "fractional", "labelmap"]
KINDS: dict[str, Kind] = {"BINARY": "binary", "FRACTIONAL": "fractional", "LABELMAP": "labelmap"}

MAX_SEGMENTS = 1024
"""Most segments that are read; atlases of the body have far fewer."""

MAX_SIDE = 8192
"""Most rows or columns of a frame, as for a CT slice."""

MAX_FRAMES = 1 << 20
"""Most frames: 1,024 segments in 1,024 slices."""


@dataclass(frozen=True, slots=True, eq=False)
class SegFrame:
    """One frame: segment (0 in a label map), origin in RAS+ mm, and the referenced slice."""

    index: int
    segment: int
    origin_ras_mm: NDArray[np.float64] | None
    instance: str = ""
    instance_frame: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Segmentation:
    """The content of a SEG. Segment names are free text and must not be shown.

    `step_i` and `step_j` are the steps to the next column and row, `full` is the stored value of a
    fully covered pixel, `packed` the raw pixel data.
    """

    name: str
    kind: Kind
    segments: tuple[tuple[int, str], ...]
    frames: tuple[SegFrame, ...]
    columns: int
    rows: int
    bits: int
    step_i_ras_mm: NDArray[np.float64]
    step_j_ras_mm: NDArray[np.float64]
    thickness_mm: float
    full: int
    background: int
    reference: str
    packed: bytes


def segmentation_of(item: LabelObject) -> Segmentation:
    """The SEG in `item`; raises ReadError if it is corrupt or lacks frame positions."""
    data = dataset_of(item.source)
    name = item.source.name
    with parse_errors(name):
        kind = KINDS.get(str(data.get("SegmentationType") or "").upper())
        rows, columns, bits = int(data.Rows), int(data.Columns), int(data.BitsAllocated)
        described = tuple(
            (int(one.SegmentNumber), public_text(data, str(one.get("SegmentLabel") or "")))
            for one in data.SegmentSequence
        )
        count = int(data.get("NumberOfFrames") or 1)
        _check(name, kind, rows, columns, bits, len(described), count)
        shared = (data.get("SharedFunctionalGroupsSequence") or [{}])[0]
        own = list(data.get("PerFrameFunctionalGroupsSequence") or [])
        if len(own) not in (count, 0 if count == 1 else count):
            raise unreadable(
                name, f"found {len(own)} functional groups; expected {count}, one per frame"
            )
        groups = own or [{}]
        steps = _steps(name, [shared, *groups])
        assert kind is not None
        frames = tuple(_frame(n, group, shared, kind) for n, group in enumerate(groups))
        measures = _first(shared, groups[0], "PixelMeasuresSequence")
        thickness = (
            float(measures.get("SpacingBetweenSlices") or measures.get("SliceThickness") or 0)
            or 1.0
        )
        return Segmentation(
            name=name,
            kind=kind,
            segments=described,
            frames=frames,
            columns=columns,
            rows=rows,
            bits=bits,
            step_i_ras_mm=steps[0],
            step_j_ras_mm=steps[1],
            thickness_mm=abs(thickness),
            full=int(data.get("MaximumFractionalValue") or 255) if kind == "fractional" else 1,
            background=int(data.get("PixelPaddingValue") or 0),
            reference=str(data.get("FrameOfReferenceUID") or ""),
            packed=bytes(data.PixelData) if bits == 1 else b"",
        )


def _check(
    name: str, kind: Kind | None, rows: int, columns: int, bits: int, segments: int, frames: int
) -> None:
    if kind is None:
        raise unreadable(
            name, "unknown segmentation type; expected one of BINARY, FRACTIONAL, LABELMAP"
        )
    allowed = {"binary": (1,), "fractional": (8,), "labelmap": (8, 16)}[kind]
    if bits not in allowed:
        raise unreadable(
            name, f"{bits} bits allocated; expected {' or '.join(map(str, allowed))} for {kind}"
        )
    if not (
        0 < rows <= MAX_SIDE
        and 0 < columns <= MAX_SIDE
        and 0 < frames <= MAX_FRAMES
        and segments <= MAX_SEGMENTS
    ):
        raise unreadable(
            name,
            f"SEG is too large: {columns} x {rows} pixels, {frames} frames, {segments} segments",
            code="TOO_LARGE",
        )


def _first(group: Any, other: Any, keyword: str) -> Any:
    """The first item of a sequence in either group; an empty one if neither has it."""
    items = group.get(keyword) or other.get(keyword)
    return items[0] if items else {}


def _steps(name: str, groups: list[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The steps to the next column and row in RAS+ mm, common to all frames."""
    orientations, spacings = set(), set()
    for group in groups:
        orientation = _first(group, {}, "PlaneOrientationSequence").get("ImageOrientationPatient")
        if orientation:
            orientations.add(tuple(map(float, orientation)))
        spacing = _first(group, {}, "PixelMeasuresSequence").get("PixelSpacing")
        if spacing:
            spacings.add(tuple(map(float, spacing)))
    if len(orientations) != 1 or len(spacings) != 1:
        raise unreadable(
            name,
            "orientation or pixel spacing is missing or not the same for all frames",
            code="NO_POSITION",
        )
    pair, (down_mm, along_mm) = axes(orientations.pop()), spacings.pop()
    if pair is None or not (down_mm > 0 and along_mm > 0 and np.isfinite(down_mm + along_mm)):
        raise unreadable(
            name,
            "orientation or pixel spacing is invalid; expected unit vectors and positive mm",
            code="NO_POSITION",
        )
    return pair[0] * along_mm * LPS_TO_RAS, pair[1] * down_mm * LPS_TO_RAS


def _ras(position: Any) -> NDArray[np.float64] | None:
    """A position in RAS+ mm; None if it is not three finite numbers."""
    values = np.asarray([float(value) for value in position], dtype=np.float64)
    return (
        np.asarray(values * LPS_TO_RAS) if values.size == 3 and np.isfinite(values).all() else None
    )


def _frame(index: int, group: Any, shared: Any, kind: Kind) -> SegFrame:
    position = _first(group, shared, "PlanePositionSequence").get("ImagePositionPatient")
    origin = _ras(position) if position else None
    segment = (
        0
        if kind == "labelmap"
        else int(
            _first(group, shared, "SegmentIdentificationSequence")["ReferencedSegmentNumber"].value
        )
    )
    sources = list(
        _first(group, shared, "DerivationImageSequence").get("SourceImageSequence") or ()
    )
    if len(sources) != 1:
        return SegFrame(index, segment, origin)
    return SegFrame(
        index,
        segment,
        origin,
        str(sources[0].get("ReferencedSOPInstanceUID") or ""),
        int(sources[0].get("ReferencedFrameNumber") or 0),
    )
