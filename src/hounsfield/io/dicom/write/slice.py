"""Build one slice of a derived CT series as a CT Image (PS3.3 A.3), from listed attributes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.grid import Grid
from hounsfield.core.spec import Spec
from hounsfield.core.version import VERSION
from hounsfield.io.dicom import tags
from hounsfield.io.dicom.derived.rescale import Rescale, decimal
from hounsfield.io.dicom.derived.source import (
    POSITIONS,
    DicomSource,
    Identity,
    defined_term,
    lps,
    put_owner,
)
from hounsfield.io.dicom.derived.uid import IMPLEMENTATION_UID, content_uid
from hounsfield.io.dicom.header.frame import Frame


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DerivedSeries:
    """The data shared by the slices of a derived series; `seed` determines its UIDs."""

    spec: Spec
    rescale: Rescale
    source: DicomSource | None
    identity: Identity
    seed: bytes

    @property
    def grid(self) -> Grid:
        """The grid of the volume."""
        return self.spec.grid

    def slice_dataset(self, k: int, stored: NDArray[np.int16]) -> Any:
        """The Dataset of slice k with stored values (i, j)."""
        from pydicom import Dataset

        data = Dataset()
        data.file_meta = _meta(content_uid("instance", self.seed, str(k)))
        put_owner(data, self.source, self.identity)
        self._series(data, k)
        self._plane(data, k)
        self._pixels(data, stored)
        self._references(data, k)
        return data

    def _series(self, data: Any, k: int) -> None:
        data.SOPClassUID, data.SOPInstanceUID = (
            tags.CT_IMAGE,
            data.file_meta.MediaStorageSOPInstanceUID,
        )
        data.SeriesInstanceUID = content_uid("series", self.seed)
        first = None if self.source is None else self.source.frames[0]
        study, reference = (first.study, first.reference) if first is not None else ("", "")
        data.StudyInstanceUID = self._uid(study) or content_uid("study", self.seed)
        data.FrameOfReferenceUID = self._uid(reference) or content_uid("reference", self.seed)
        data.PositionReferenceIndicator, data.Laterality = "", ""
        data.Modality, data.SeriesNumber, data.InstanceNumber = "CT", None, k + 1
        data.SeriesDescription = "Hounsfield: derived"
        data.AcquisitionNumber, data.AcquisitionDate, data.AcquisitionTime = None, "", ""
        data.ContentDate, data.ContentTime, data.KVP = "", "", None
        data.PatientPosition = (
            defined_term(self.source.header, "PatientPosition", POSITIONS) if self.source else ""
        )
        data.PatientOrientation = ""
        data.Manufacturer, data.ManufacturerModelName, data.SoftwareVersions = (
            "Hounsfield",
            "hounsfield",
            VERSION,
        )
        data.ImageType = ["DERIVED", "SECONDARY", "AXIAL"]
        data.DerivationDescription = "Written by Hounsfield"
        data.BurnedInAnnotation = "NO"

    def _uid(self, uid: str) -> str:
        """A UID of the source as written; '' if there is none."""
        return self.source.uid(uid, self.identity) if self.source is not None and uid else ""

    def _plane(self, data: Any, k: int) -> None:
        """Image Plane Module (PS3.3 C.7.6.2)."""
        grid = self.grid
        along, down = lps(grid.directions[:, 0]), lps(grid.directions[:, 1])
        data.ImageOrientationPatient = [
            decimal(value) for value in (*along.tolist(), *down.tolist())
        ]
        data.ImagePositionPatient = [
            decimal(value) for value in lps(grid.world((0, 0, k))).tolist()
        ]
        data.PixelSpacing = [decimal(grid.spacing_mm[1]), decimal(grid.spacing_mm[0])]
        data.SliceThickness = decimal(grid.spacing_mm[2])

    def _pixels(self, data: Any, stored: NDArray[np.int16]) -> None:
        """Image Pixel (PS3.3 C.7.6.3) and CT Image (C.8.2.1) Modules."""
        data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
        data.Columns, data.Rows = stored.shape
        data.BitsAllocated = data.BitsStored = 16
        data.HighBit, data.PixelRepresentation = 15, 1
        data.RescaleIntercept, data.RescaleSlope = self.rescale.intercept, self.rescale.slope
        data.RescaleType = "HU" if self.spec.quantity == "hu" else "US"
        data.PixelData = stored.astype("<i2").tobytes(order="F")
        data["PixelData"].VR = "OW"

    def _references(self, data: Any, k: int) -> None:
        """Source Image Sequence (PS3.3 C.12.4): the original slices that this one overlaps."""
        if self.source is None:
            return
        i, j = (size - 1 for size in self.grid.shape[:2])
        corners = self.grid.world([(0, 0, k), (i, 0, k), (0, j, k), (i, j, k)])
        near = self.source.near(corners, thickness_mm=self.grid.spacing_mm[2])
        data.SourceImageSequence = [self._reference(frame) for frame in near if frame.sop_instance]

    def _reference(self, frame: Frame) -> Any:
        from pydicom import Dataset

        item, purpose = Dataset(), Dataset()
        item.ReferencedSOPClassUID = frame.sop_class or tags.CT_IMAGE
        item.ReferencedSOPInstanceUID = self._uid(frame.sop_instance)
        if frame.count > 1:
            item.ReferencedFrameNumber = frame.index + 1
        purpose.CodeValue, purpose.CodingSchemeDesignator = "121322", "DCM"
        purpose.CodeMeaning = "Source image for image processing operation"
        item.PurposeOfReferenceCodeSequence = [purpose]
        return item


def _meta(instance: str) -> Any:
    """The file meta information (PS3.10 7.1)."""
    from pydicom.dataset import FileMetaDataset

    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\0\1"
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = tags.CT_IMAGE, instance
    meta.TransferSyntaxUID, meta.ImplementationClassUID = tags.EXPLICIT_LITTLE, IMPLEMENTATION_UID
    meta.ImplementationVersionName = "HOUNSFIELD"
    return meta
