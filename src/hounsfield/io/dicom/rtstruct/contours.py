"""Read the contours of an RTSTRUCT (PS3.3 C.8.8.5 and C.8.8.6)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.errors import unreadable
from hounsfield.io.dicom.header.dataset import dataset_of, parse_errors
from hounsfield.io.dicom.header.geometry import LPS_TO_RAS
from hounsfield.io.dicom.labels.names import public_text
from hounsfield.io.dicom.labels.objects import LabelObject

CLOSED = frozenset({"CLOSED_PLANAR", "CLOSEDPLANAR_XOR"})
"""Contour types that enclose an area (PS3.3 C.8.8.6.1), unlike points and open lines."""

MAX_ROIS = 1024
"""Most regions of interest that are read; plans have far fewer."""

FARTHEST_MM = 1e5
"""Largest valid distance of a point from the scanner origin (100 m)."""

CONTOUR_DATA = 0x30060050


@dataclass(frozen=True, slots=True, eq=False)
class Contour:
    """One contour: points (n, 3) in RAS+ mm, type, and the slice that it references ('', 0)."""

    points_ras_mm: NDArray[np.float64]
    kind: str
    instance: str = ""
    frame: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Roi:
    """A region of interest; `text` is its name, free text that must not be shown."""

    number: int
    text: str
    reference: str
    contours: tuple[Contour, ...]

    @property
    def closed(self) -> tuple[Contour, ...]:
        """The distinct contours that enclose an area."""
        once: dict[tuple[str, bytes], Contour] = {}
        for contour in self.contours:
            if contour.kind in CLOSED:
                once.setdefault((contour.instance, contour.points_ras_mm.tobytes()), contour)
        return tuple(once.values())


def rois_of(item: LabelObject) -> tuple[Roi, ...]:
    """The regions of an RTSTRUCT in file order; raises ReadError if it is corrupt."""
    data = dataset_of(item.source)
    with parse_errors(item.source.name):
        described = data.get("StructureSetROISequence") or ()
        if len(described) > MAX_ROIS:
            message = f"RTSTRUCT has {len(described)} regions; at most {MAX_ROIS} are read"
            raise unreadable(item.source.name, message, code="TOO_LARGE")
        by_roi: dict[int, list[Contour]] = {}
        for region in data.get("ROIContourSequence") or ():
            contours = by_roi.setdefault(int(region.ReferencedROINumber), [])
            contours.extend(_contours(region, item.source.name))
        return tuple(
            Roi(
                number=int(one.ROINumber),
                text=public_text(data, str(one.get("ROIName") or "")),
                reference=str(one.get("ReferencedFrameOfReferenceUID") or ""),
                contours=tuple(by_roi.get(int(one.ROINumber), ())),
            )
            for one in described
        )


def _contours(region: Any, name: str) -> Iterator[Contour]:
    for contour in region.get("ContourSequence") or ():
        points = _points(contour, name)
        kind = str(contour.get("ContourGeometricType") or "").strip().upper()
        images = list(contour.get("ContourImageSequence") or ())
        instance = str(images[0].get("ReferencedSOPInstanceUID") or "") if len(images) == 1 else ""
        frame = int(images[0].get("ReferencedFrameNumber") or 0) if len(images) == 1 else 0
        if len(points):
            yield Contour(points, kind, instance, frame)


def _points(contour: Any, name: str) -> NDArray[np.float64]:
    """The points (n, 3) in RAS+ mm; raises ReadError if they are not finite triples."""
    raw = contour.get_item(CONTOUR_DATA) if CONTOUR_DATA in contour else None
    value = raw.value if raw is not None else None
    if value is None or len(value) == 0:
        return np.empty((0, 3))
    numbers = _decimals(value) if isinstance(value, bytes) else np.array(list(map(float, value)))
    if len(numbers) % 3 or not np.isfinite(numbers).all() or np.abs(numbers).max() > FARTHEST_MM:
        raise unreadable(name, "contour data are not valid coordinate triples", code="BAD_CONTOUR")
    return np.asarray(numbers.reshape(-1, 3) * LPS_TO_RAS)


def _decimals(value: bytes) -> NDArray[np.float64]:
    """The numbers of a decimal string; raises ValueError if one of them is invalid."""
    text = value.strip(b" \0")
    numbers: NDArray[np.float64] = np.fromstring(text, dtype=np.float64, sep="\\")
    if len(numbers) == text.count(b"\\") + 1:
        return numbers
    return np.array(list(map(float, text.split(b"\\"))))
