"""List the regions of an RTSTRUCT or SEG and the series that it refers to, without its voxels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hounsfield.io.bytes.case_id import case_id
from hounsfield.io.dicom.files.source import Source
from hounsfield.io.dicom.header.dataset import dataset_of, parse_errors
from hounsfield.io.dicom.labels.names import label_names, public_text
from hounsfield.io.dicom.labels.objects import RTSTRUCT, SEGMENTATIONS, sop_class_of


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelSummary:
    """An object with labels: its kind, its id, the UID of its series, and its regions.

    A name that may identify a patient is replaced by a number, as reading does.
    """

    kind: str
    id: str
    series_uid: str
    regions: tuple[str, ...]
    shape: tuple[int, ...] = ()


def summarize(source: Source) -> LabelSummary | None:
    """The labels of the object in `source`; None if it is neither RTSTRUCT nor SEG.

    Raises ReadError if it is corrupt.
    """
    sop_class = sop_class_of(source)
    if sop_class not in {RTSTRUCT, *SEGMENTATIONS}:
        return None
    data = dataset_of(source)
    kind = "rtstruct" if sop_class == RTSTRUCT else "seg"
    with parse_errors(source.name):
        own = str(data.get("SeriesInstanceUID") or data.get("SOPInstanceUID") or source.name)
        names = label_names(_regions(data, kind), kind="roi" if kind == "rtstruct" else "segment")
        series = sorted({uid for uid in _series(data, kind) if uid})
        sizes = (data.get("Columns"), data.get("Rows"), data.get("NumberOfFrames") or 1)
        return LabelSummary(
            kind=kind,
            id=case_id(own),
            series_uid=series[0] if len(series) == 1 else "",
            regions=tuple(names.values()),
            shape=tuple(int(size) for size in sizes) if kind == "seg" and all(sizes) else (),
        )


def _regions(data: Any, kind: str) -> list[tuple[int, str]]:
    if kind == "rtstruct":
        described = data.get("StructureSetROISequence") or ()
        return [
            (int(one.ROINumber), public_text(data, str(one.get("ROIName") or "")))
            for one in described
        ]
    described = data.get("SegmentSequence") or ()
    return [
        (int(one.SegmentNumber), public_text(data, str(one.get("SegmentLabel") or "")))
        for one in described
    ]


def _series(data: Any, kind: str) -> Iterator[str]:
    """The series UIDs that the object refers to (PS3.3 C.8.8.5 and C.12.1)."""
    if kind == "seg":
        for one in data.get("ReferencedSeriesSequence") or ():
            yield str(one.get("SeriesInstanceUID") or "")
        return
    for reference in data.get("ReferencedFrameOfReferenceSequence") or ():
        for study in reference.get("RTReferencedStudySequence") or ():
            for one in study.get("RTReferencedSeriesSequence") or ():
                yield str(one.get("SeriesInstanceUID") or "")
