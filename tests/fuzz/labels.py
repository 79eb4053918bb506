"""A small RTSTRUCT and a small DICOM SEG of the series of tests.io.dicom.scanner, by pydicom."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from tests.io.dicom.scanner import COLUMNS, ROWS
from tests.io.dicom.test_enhanced import item

SLICES = 3


def _begun(sop_class: str) -> Dataset:
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = sop_class
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID = generate_uid()
    data.PatientName, data.StudyInstanceUID, data.SeriesInstanceUID = (
        "SECRET^NAME",
        generate_uid(),
        generate_uid(),
    )
    return data


def contours(folder: Path) -> Path:
    """Two regions of one square each on every slice, one with a hole."""
    data = _begun("1.2.840.10008.5.1.4.1.1.481.3")
    data.Modality = "RTSTRUCT"
    data.StructureSetROISequence = [
        item(ROINumber=n, ROIName=name, ReferencedFrameOfReferenceUID="")
        for n, name in ((1, "Tumour"), (2, "SECRET NAME"))
    ]
    regions = []
    for number, sizes in ((1, (3.0,)), (2, (3.0, 1.0))):
        rows = []
        for k in range(SLICES):
            for size in sizes:
                corners = ((0, 0), (size, 0), (size, size / 2), (0, size / 2))
                points = [value for x, y in corners for value in (10.9 + x, 20.4 + y, 2.0 * k)]
                rows.append(
                    item(
                        ContourGeometricType="CLOSED_PLANAR",
                        NumberOfContourPoints=4,
                        ContourData=points,
                    )
                )
        regions.append(item(ReferencedROINumber=number, ContourSequence=rows))
    data.ROIContourSequence = regions
    data.save_as(folder / "rs.dcm", enforce_file_format=True)
    return folder / "rs.dcm"


def segments(folder: Path) -> Path:
    """Two segments, binary, a frame of each on every slice."""
    data = _begun("1.2.840.10008.5.1.4.1.1.66.4")
    data.Modality, data.SegmentationType, data.ImageType = "SEG", "BINARY", ["DERIVED", "PRIMARY"]
    data.Rows, data.Columns, data.NumberOfFrames = ROWS, COLUMNS, 2 * SLICES
    data.BitsAllocated = data.BitsStored = data.SamplesPerPixel = 1
    data.HighBit = data.PixelRepresentation = 0
    data.PhotometricInterpretation, data.LossyImageCompression = "MONOCHROME2", "00"
    data.SegmentSequence = [
        item(SegmentNumber=n, SegmentLabel=name, SegmentAlgorithmType="MANUAL")
        for n, name in ((1, "liver"), (2, "SECRET NAME"))
    ]
    data.SharedFunctionalGroupsSequence = [
        item(
            PlaneOrientationSequence=[item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])],
            PixelMeasuresSequence=[item(PixelSpacing=[0.5, 0.75], SliceThickness=2.0)],
        )
    ]
    data.PerFrameFunctionalGroupsSequence = [
        item(
            PlanePositionSequence=[item(ImagePositionPatient=[10, 20, 2.0 * k])],
            SegmentIdentificationSequence=[item(ReferencedSegmentNumber=n)],
        )
        for n in (1, 2)
        for k in range(SLICES)
    ]
    bits = np.random.default_rng(1).integers(0, 2, 2 * SLICES * ROWS * COLUMNS).astype(np.uint8)
    data.PixelData = np.packbits(bits, bitorder="little").tobytes()
    data["PixelData"].VR = "OB"
    data.save_as(folder / "seg.dcm", enforce_file_format=True)
    return folder / "seg.dcm"
