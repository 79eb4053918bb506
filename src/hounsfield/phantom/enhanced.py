"""A CT series as one enhanced multi-frame file with shuffled frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from hounsfield.phantom.acquisition import Acquisition
from hounsfield.phantom.encode import file_bytes, set_pixels
from hounsfield.phantom.faults import Faults
from hounsfield.phantom.identity import Identity
from hounsfield.phantom.slice_dataset import OTHER_SPACING, ds, new_dataset, pixels, put
from hounsfield.phantom.stored import Stored

if TYPE_CHECKING:
    from pydicom import Dataset

ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.1"
STACK_ID, POSITION_INDEX, FRAME_CONTENT = 0x00209056, 0x00209057, 0x00209111
LPS = np.array([-1.0, -1.0, 1.0])


def enhanced_bytes(
    identity: Identity,
    acquisition: Acquisition,
    slices: Sequence[tuple[int, Stored]],
    faults: Faults,
    *,
    study: int,
    phase: int,
) -> bytes:
    """The Enhanced CT Image (PS3.3 A.38) of `slices` (index along the normal, stored)."""
    instance = identity.uid("enhanced", study, phase)
    dataset = new_dataset(
        identity, sop_class=ENHANCED_CT, instance=instance, study=study, syntax=faults.syntax
    )
    dataset.SeriesInstanceUID, dataset.SeriesNumber = identity.uid("series", study), 2
    dataset.FrameOfReferenceUID, dataset.PositionReferenceIndicator = (
        identity.uid("frame", study),
        "",
    )
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    dataset.SeriesTime = dataset.ContentTime = f"10{1 + phase:02d}00"
    dataset.AcquisitionDateTime = f"{dataset.StudyDate}{dataset.ContentTime}"
    dataset.AcquisitionNumber = dataset.InstanceNumber = phase + 1
    dataset.PixelPresentation, dataset.VolumetricProperties = "MONOCHROME", "VOLUME"
    dataset.VolumeBasedCalculationTechnique, dataset.PresentationLUTShape = "NONE", "IDENTITY"
    dataset.BurnedInAnnotation, dataset.LossyImageCompression = "NO", "00"
    order = np.random.default_rng((identity.seed, study, phase)).permutation(len(slices))
    _dimensions(dataset, identity)
    dataset.NumberOfFrames = len(slices)
    dataset.SharedFunctionalGroupsSequence = [_shared(acquisition, faults)]
    dataset.PerFrameFunctionalGroupsSequence = [
        _frame(acquisition, slices[n], faults, position=int(n) + 1) for n in order
    ]
    pixels(dataset, slices[0][1].values, faults)
    set_pixels(dataset, np.stack([slices[n][1].values.T for n in order]), faults.syntax)
    if faults.empty_sop_class:
        dataset.SOPClassUID = ""
    if faults.no_modality:
        del dataset.Modality
    return file_bytes(
        dataset, faults.syntax, no_preamble=faults.no_preamble, no_meta=faults.no_meta
    )


def _dimensions(dataset: Dataset, identity: Identity) -> None:
    uid = identity.uid("dimensions")
    dataset.DimensionOrganizationSequence = [_item(DimensionOrganizationUID=uid)]
    dataset.DimensionIndexSequence = [
        _item(
            DimensionOrganizationUID=uid,
            DimensionIndexPointer=pointer,
            FunctionalGroupPointer=FRAME_CONTENT,
        )
        for pointer in (STACK_ID, POSITION_INDEX)
    ]


def _shared(acquisition: Acquisition, faults: Faults) -> Dataset:
    steps = (acquisition.step_i_ras_mm * LPS, acquisition.step_j_ras_mm * LPS)
    cosines = [ds(float(value)) for step in steps for value in step / np.linalg.norm(step)]
    plane = _item()
    put(plane, "ImageOrientationPatient", "DS", cosines)
    kind = _item(
        FrameType=["ORIGINAL", "PRIMARY", "VOLUME", "NONE"],
        PixelPresentation="MONOCHROME",
        VolumetricProperties="VOLUME",
        VolumeBasedCalculationTechnique="NONE",
    )
    groups = _item(PlaneOrientationSequence=[plane], CTImageFrameTypeSequence=[kind])
    if faults.other_spacing is None:
        groups.PixelMeasuresSequence = [_measures(acquisition, faults, 1.0)]
    return groups


def _measures(acquisition: Acquisition, faults: Faults, scale: float) -> Dataset:
    measures = _item()
    sizes = [
        float(np.linalg.norm(step)) * scale
        for step in (acquisition.step_j_ras_mm, acquisition.step_i_ras_mm)
    ]
    put(measures, "PixelSpacing", "DS", [ds(size, odd=faults.odd_numbers) for size in sizes])
    put(measures, "SliceThickness", "DS", ds(acquisition.thickness_mm, odd=faults.odd_numbers))
    return measures


def _frame(
    acquisition: Acquisition, one: tuple[int, Stored], faults: Faults, *, position: int
) -> Dataset:
    index, stored = one
    plane = _item()
    origin = acquisition.origins_ras_mm[index] * LPS
    put(
        plane,
        "ImagePositionPatient",
        "DS",
        [ds(float(value), odd=faults.odd_numbers) for value in origin],
    )
    content = _item(
        StackID="1",
        InStackPositionNumber=position,
        DimensionIndexValues=[1, position],
        FrameAcquisitionNumber=1,
    )
    groups = _item(PlanePositionSequence=[plane], FrameContentSequence=[content])
    if faults.other_spacing is not None:
        scale = OTHER_SPACING if index == faults.other_spacing else 1.0
        groups.PixelMeasuresSequence = [_measures(acquisition, faults, scale)]
    if faults.rescale != "absent":
        values = _item(
            RescaleIntercept=ds(stored.intercept),
            RescaleSlope=ds(stored.slope),
            RescaleType="US" if faults.rescale == "not-hu" else "HU",
        )
        groups.PixelValueTransformationSequence = [values]
    return groups


def _item(**elements: object) -> Dataset:
    from pydicom import Dataset

    item = Dataset()
    for keyword, value in elements.items():
        setattr(item, keyword, value)
    return item
