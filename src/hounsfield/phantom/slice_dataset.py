"""One slice as a DICOM data set, with header faults."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hounsfield.phantom.encode import SYNTAXES
from hounsfield.phantom.faults import Faults
from hounsfield.phantom.identity import IMPLEMENTATION_UID, PATIENT_ID, PATIENT_NAME, Identity
from hounsfield.phantom.stored import OVERLAY_BIT, TWELVE_BITS, Stored

if TYPE_CHECKING:
    from pydicom import Dataset

CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
POSITIONS = {"prone": "HFP", "feet-first": "FFS"}
OTHER_SPACING = 1.25
DATE = "20200102"


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceId:
    """The index of a slice along the normal, and its phase, study and copy."""

    index: int
    phase: int = 0
    study: int = 0
    copy: int = 0


def ds(value: float, *, odd: bool = False) -> str:
    """A decimal string of at most 16 characters (PS3.5 section 6.2); `odd` with padding zeros.

    >>> ds(0.48828125), ds(1, odd=True)
    ('0.48828125', '001.000000E+00')
    """
    return f"{value:014.6E}" if odd else f"{value + 0.0:.10g}"


def put(dataset: Dataset, keyword: str, vr: str, value: Any) -> None:
    """Set an element to any value, valid or not."""
    from pydicom import config
    from pydicom.datadict import tag_for_keyword
    from pydicom.dataelem import DataElement

    tag = tag_for_keyword(keyword)
    assert tag is not None
    dataset[tag] = DataElement(tag, vr, value, validation_mode=config.IGNORE)


def new_dataset(
    identity: Identity, *, sop_class: str, instance: str, study: int, syntax: str
) -> Dataset:
    """A data set with patient, study and equipment modules and file meta information."""
    from pydicom import Dataset
    from pydicom.dataset import FileMetaDataset

    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\0\1"
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = sop_class, instance
    meta.TransferSyntaxUID, meta.ImplementationClassUID = SYNTAXES[syntax], IMPLEMENTATION_UID
    meta.ImplementationVersionName = "HOUNSFIELD"
    dataset = Dataset()
    dataset.file_meta = meta
    dataset.SOPClassUID, dataset.SOPInstanceUID = sop_class, instance
    dataset.PatientName, dataset.PatientID = PATIENT_NAME, PATIENT_ID
    dataset.PatientBirthDate, dataset.PatientSex = "", "O"
    dataset.StudyInstanceUID, dataset.StudyID = identity.uid("study", study), str(study + 1)
    dataset.StudyDate = dataset.SeriesDate = dataset.AcquisitionDate = dataset.ContentDate = DATE
    dataset.StudyTime, dataset.AccessionNumber, dataset.ReferringPhysicianName = "100000", "", ""
    dataset.Manufacturer, dataset.ManufacturerModelName = "Hounsfield", "Phantom"
    dataset.Modality, dataset.BodyPartExamined = "CT", "HEAD"
    return dataset


def slice_dataset(
    identity: Identity,
    slice_id: SliceId,
    stored: Stored,
    faults: Faults,
    *,
    origin_lps_mm: Sequence[float],
    steps_lps_mm: tuple[NDArray[np.float64], NDArray[np.float64]],
    thickness_mm: float,
) -> Dataset:
    """The CT Image (PS3.3 A.3) of one slice, without pixels."""
    instance = identity.uid(
        "instance", slice_id.study, slice_id.phase, slice_id.index, slice_id.copy
    )
    dataset = new_dataset(
        identity, sop_class=CT_IMAGE, instance=instance, study=slice_id.study, syntax=faults.syntax
    )
    _series(dataset, identity, slice_id, faults)
    _plane(dataset, slice_id, faults, origin_lps_mm, steps_lps_mm, thickness_mm)
    pixels(dataset, stored.values, faults)
    rescale(dataset, stored, faults)
    _header_faults(dataset, faults)
    return dataset


def _series(dataset: Dataset, identity: Identity, slice_id: SliceId, faults: Faults) -> None:
    dataset.SeriesInstanceUID, dataset.SeriesNumber = identity.uid("series", slice_id.study), 2
    dataset.FrameOfReferenceUID = identity.uid("frame", slice_id.study)
    dataset.PositionReferenceIndicator = ""
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.AcquisitionNumber = slice_id.phase + 1
    seconds = slice_id.index + 60 * slice_id.phase
    dataset.SeriesTime = "100100"
    dataset.AcquisitionTime = dataset.ContentTime = f"10{2 + seconds // 60:02d}{seconds % 60:02d}"
    count = 1000 * slice_id.phase
    dataset.InstanceNumber = 1 if faults.equal_numbers else slice_id.index + 1 + count
    dataset.PatientPosition = POSITIONS.get(faults.orientation, "HFS")
    dataset.KVP, dataset.ConvolutionKernel, dataset.XRayTubeCurrent = "120", "SOFT", 200
    if faults.tilt_tag != "absent":
        dataset.GantryDetectorTilt = ds(
            faults.tilt_deg * (-1 if faults.tilt_tag == "opposite" else 1)
        )


def _plane(
    dataset: Dataset,
    slice_id: SliceId,
    faults: Faults,
    origin: Sequence[float],
    steps: tuple[NDArray[np.float64], NDArray[np.float64]],
    thickness: float,
) -> None:
    odd = faults.odd_numbers
    sizes = [float(np.linalg.norm(step)) for step in steps]
    if faults.other_spacing == slice_id.index:
        sizes = [size * OTHER_SPACING for size in sizes]
    cosines = [float(value) for step in steps for value in step / np.linalg.norm(step)]
    spacing = [sizes[1], sizes[0], *([thickness] if faults.three_spacings else [])]
    put(dataset, "PixelSpacing", "DS", [ds(size, odd=odd) for size in spacing])
    put(dataset, "ImageOrientationPatient", "DS", [ds(value) for value in cosines])
    put(dataset, "SliceThickness", "DS", ds(thickness, odd=odd))
    if slice_id.index not in faults.no_position:
        put(dataset, "ImagePositionPatient", "DS", [ds(value, odd=odd) for value in origin])
        put(dataset, "SliceLocation", "DS", ds(origin[2], odd=odd))


def pixels(dataset: Dataset, values: NDArray[Any], faults: Faults) -> None:
    """Set the image pixel module (PS3.3 C.7.6.3) for `values` (i, j), and the padding value."""
    signed = values.dtype.kind == "i"
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME1" if faults.monochrome1 else "MONOCHROME2"
    dataset.Columns, dataset.Rows = values.shape
    dataset.BitsAllocated, dataset.PixelRepresentation = 16, int(signed)
    dataset.BitsStored = 12 if faults.overlay else 16
    dataset.HighBit = dataset.BitsStored - 1
    _, tag = faults.stored_padding
    if tag is not None:
        put(dataset, "PixelPaddingValue", "SS" if tag < 0 else "US", tag)
    if faults.overlay:
        _overlay(dataset)


def _overlay(dataset: Dataset) -> None:
    """Add an overlay in the high bits of the pixels (retired, PS3.3-2004 C.9.2)."""
    for element, vr, value in (
        (0x0010, "US", dataset.Rows),
        (0x0011, "US", dataset.Columns),
        (0x0040, "CS", "G"),
        (0x0050, "SS", [1, 1]),
        (0x0100, "US", 16),
        (0x0102, "US", OVERLAY_BIT),
    ):
        dataset.add_new((0x6000, element), vr, value)


def rescale(dataset: Dataset, stored: Stored, faults: Faults) -> None:
    """Set rescale slope, intercept and type, or a modality LUT, or nothing."""
    from pydicom import Dataset

    if faults.rescale == "lut":
        table = Dataset()
        table.add_new("LUTDescriptor", "US", [TWELVE_BITS + 1, 0, 16])
        table.ModalityLUTType = "US"
        table.add_new("LUTData", "US", list(range(TWELVE_BITS, -1, -1)))
        dataset.ModalityLUTSequence = [table]
    elif faults.rescale != "absent":
        put(dataset, "RescaleIntercept", "DS", ds(stored.intercept, odd=faults.odd_numbers))
        put(dataset, "RescaleSlope", "DS", ds(stored.slope, odd=faults.odd_numbers))
        dataset.RescaleType = "US" if faults.rescale == "not-hu" else "HU"


def _header_faults(dataset: Dataset, faults: Faults) -> None:
    if faults.empty_sop_class:
        dataset.SOPClassUID = ""
    if faults.no_modality:
        del dataset.Modality
    if faults.invalid_dates:
        put(dataset, "StudyDate", "DA", "20201340")
        put(dataset, "AcquisitionDate", "DA", "YESTERDAY")
        put(dataset, "AcquisitionTime", "TM", "256199")
