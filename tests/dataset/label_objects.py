"""RTSTRUCT objects that refer to a series, with one square contour in its middle."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

RTSTRUCT = "1.2.840.10008.5.1.4.1.1.481.3"


def headers(folder: Path) -> list[pydicom.Dataset]:
    """The headers of the slices of a folder."""
    found = [pydicom.dcmread(path, stop_before_pixels=True) for path in sorted(folder.iterdir())]
    return [each for each in found if each.get("Modality") == "CT"]


def _item(**values: object) -> Dataset:
    item = Dataset()
    for name, value in values.items():
        setattr(item, name, value)
    return item


def write_rtstruct(
    path: Path,
    slices: Sequence[pydicom.Dataset],
    *,
    series: str | None = None,
    instances: bool = True,
    name: str = "GTV",
) -> str:
    """Write an RTSTRUCT about slices, and return its SOP instance UID.

    `series` is the series UID that it refers to (None: that of the slices, "": none); `instances`
    adds the SOP instance UIDs of the slices.
    """
    first = slices[0]
    uid = generate_uid(entropy_srcs=[str(path)])
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = RTSTRUCT, uid
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data = FileDataset(str(path), {}, file_meta=meta, preamble=bytes(128))
    data.SOPClassUID, data.SOPInstanceUID, data.Modality = RTSTRUCT, uid, "RTSTRUCT"
    data.StudyInstanceUID = first.StudyInstanceUID
    data.SeriesInstanceUID = generate_uid(entropy_srcs=["series", str(path)])
    refers = [_item(ReferencedSOPInstanceUID=one.SOPInstanceUID) for one in slices]
    wanted = first.SeriesInstanceUID if series is None else series
    of_series = _item(SeriesInstanceUID=wanted) if wanted else _item()
    if instances:
        of_series.ContourImageSequence = refers
    study = _item(RTReferencedSeriesSequence=[of_series])
    data.ReferencedFrameOfReferenceSequence = [_item(RTReferencedStudySequence=[study])]
    data.StructureSetROISequence = [_item(ROINumber=1, ROIName=name)]
    data.ROIContourSequence = [_item(ReferencedROINumber=1, ContourSequence=_contours(slices))]
    path.parent.mkdir(parents=True, exist_ok=True)
    data.save_as(path)
    return str(uid)


def _contours(slices: Sequence[pydicom.Dataset]) -> list[Dataset]:
    middle = slices[len(slices) // 2]
    x, y, z = (float(value) for value in middle.ImagePositionPatient)
    row, column = (float(value) for value in middle.PixelSpacing)
    near = [(4, 4), (12, 4), (12, 12), (4, 12)]
    points = [value for i, j in near for value in (x + i * column, y + j * row, z)]
    return [
        _item(
            ContourGeometricType="CLOSED_PLANAR",
            NumberOfContourPoints=4,
            ContourData=[f"{value:.4f}" for value in points],
        )
    ]
