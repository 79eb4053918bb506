"""List the regions of an RTSTRUCT or SEG and the series that it refers to, without its voxels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hounsfield.io.bytes.case_id import case_id
from hounsfield.io.dicom.files.source import Source
from hounsfield.io.dicom.header.dataset import dataset_before, header_of, parse_errors
from hounsfield.io.dicom.labels.names import label_names, public_text
from hounsfield.io.dicom.labels.objects import RTSTRUCT, SEGMENTATIONS, LabelObject, sop_class_of


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelSummary:
    """An object with labels: its kind, its id, its regions, and what it refers to.

    A name in `regions` that may identify a patient is replaced by a number, as reading does;
    `called` are the names in the header, for the terminal alone. `all_series` and `instances` are
    the UIDs of the series and of the SOP instances that it refers to.
    """

    kind: str
    id: str
    regions: tuple[str, ...]
    called: tuple[str, ...] = ()
    shape: tuple[int, ...] = ()
    uid: str = ""
    all_series: frozenset[str] = frozenset()
    instances: frozenset[str] = frozenset()


def summarize(source: Source) -> LabelSummary | None:
    """The labels of the object in `source`; None if it is neither RTSTRUCT nor SEG.

    Raises ReadError if it is corrupt.
    """
    sop_class = sop_class_of(source)
    if sop_class not in {RTSTRUCT, *SEGMENTATIONS}:
        return None
    data = header_of(source)
    kind = "rtstruct" if sop_class == RTSTRUCT else "seg"
    with parse_errors(source.name):
        own = str(data.get("SeriesInstanceUID") or data.get("SOPInstanceUID") or source.name)
        regions = _named(data, kind)
        series = sorted({uid for uid in _series(data, kind) if uid})
        sizes = (data.get("Columns"), data.get("Rows"), data.get("NumberOfFrames") or 1)
        return LabelSummary(
            kind=kind,
            id=case_id(own),
            regions=tuple(safe for safe, _ in regions),
            called=tuple(text for _, text in regions),
            shape=tuple(int(size) for size in sizes) if kind == "seg" and all(sizes) else (),
            uid=str(data.get("SOPInstanceUID") or ""),
            all_series=frozenset(series),
            instances=frozenset(_instances(data, kind)),
        )


CONTOURS, FRAMES = 0x30060039, 0x52009229
"""The first long attributes, which stand after the names of regions: ROIContourSequence, and
SharedFunctionalGroupsSequence."""


def region_names(item: LabelObject) -> list[tuple[str, str]]:
    """The name that reading gives each region of an object, and its name in the header.

    The background of a label map is left out. Raises ReadError if the object is corrupt.
    """
    is_contours = item.sop_class == RTSTRUCT
    data = dataset_before(item.source, CONTOURS if is_contours else FRAMES)
    with parse_errors(item.source.name):
        return _named(data, "rtstruct" if is_contours else "seg")


def _named(data: Any, kind: str) -> list[tuple[str, str]]:
    regions = _regions(data, kind)
    names = label_names(regions, kind="roi" if kind == "rtstruct" else "segment")
    is_map = str(data.get("SegmentationType") or "").upper() == "LABELMAP"
    background = int(data.get("PixelPaddingValue") or 0) if is_map else None
    texts = dict(regions)
    return [(safe, texts[number]) for number, safe in names.items() if number != background]


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
    for one in _series_items(data, kind):
        yield str(one.get("SeriesInstanceUID") or "")


def _series_items(data: Any, kind: str) -> Iterator[Any]:
    """The items that refer to a series each."""
    if kind == "seg":
        yield from data.get("ReferencedSeriesSequence") or ()
        return
    for reference in data.get("ReferencedFrameOfReferenceSequence") or ():
        for study in reference.get("RTReferencedStudySequence") or ():
            yield from study.get("RTReferencedSeriesSequence") or ()


def _instances(data: Any, kind: str) -> Iterator[str]:
    """The SOP instance UIDs that the object refers to: by its series, frames or contours."""
    for one in _series_items(data, kind):
        name = "ReferencedInstanceSequence" if kind == "seg" else "ContourImageSequence"
        yield from _uids(one.get(name))
    groups = (*(data.get("PerFrameFunctionalGroupsSequence") or ()),)
    groups += (*(data.get("SharedFunctionalGroupsSequence") or ()),)
    for group in groups if kind == "seg" else ():
        for derived in group.get("DerivationImageSequence") or ():
            yield from _uids(derived.get("SourceImageSequence"))
    for region in data.get("ROIContourSequence") or ():
        for contour in region.get("ContourSequence") or ():
            yield from _uids(contour.get("ContourImageSequence"))


def _uids(items: Any) -> Iterator[str]:
    yield from filter(None, (str(one.get("ReferencedSOPInstanceUID") or "") for one in items or ()))
