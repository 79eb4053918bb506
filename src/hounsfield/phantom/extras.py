"""Other files in the folder of a series: localizer, dose screen, secondary capture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hounsfield.phantom.encode import file_bytes
from hounsfield.phantom.identity import Identity
from hounsfield.phantom.slice_dataset import CT_IMAGE, ds, new_dataset, put

if TYPE_CHECKING:
    from pydicom import Dataset

SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
NUMBERS = {"localizer": 1, "screen": 900, "secondary": 901}
UNCOMPRESSED = ("explicit", "implicit")


def extra_bytes(identity: Identity, kind: str, hu: NDArray[np.float32], syntax: str) -> bytes:
    """The file of one extra.

    'localizer' is a sagittal projection of `hu` (i, j, k), 'screen' an RGB dose report and
    'secondary' an 8-bit image of the middle slice with Modality CT.
    """
    plain = syntax if syntax in UNCOMPRESSED else "explicit"
    sop_class = CT_IMAGE if kind == "localizer" else SECONDARY_CAPTURE
    dataset = new_dataset(
        identity, sop_class=sop_class, instance=identity.uid("extra", kind), study=0, syntax=plain
    )
    dataset.SeriesInstanceUID, dataset.SeriesNumber = identity.uid("series", kind), NUMBERS[kind]
    dataset.SeriesTime = dataset.ContentTime = "100000"
    dataset.InstanceNumber = 1
    if kind == "localizer":
        _localizer(dataset, identity, hu)
    elif kind == "screen":
        _screen(dataset)
    else:
        _capture(dataset, hu)
    return file_bytes(dataset, plain)


def _localizer(dataset: Dataset, identity: Identity, hu: NDArray[np.float32]) -> None:
    picture = hu.mean(axis=0).T[::-1].astype(np.int16)
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    dataset.FrameOfReferenceUID = identity.uid("frame", 0)
    dataset.PatientPosition, dataset.AcquisitionNumber = "HFS", 0
    put(dataset, "ImagePositionPatient", "DS", [ds(value) for value in (0, -125, 125)])
    put(dataset, "ImageOrientationPatient", "DS", [ds(value) for value in (0, 1, 0, 0, 0, -1)])
    put(dataset, "PixelSpacing", "DS", ["1", "1"])
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = "0", "1", "HU"
    _image(dataset, picture, samples=1)


def _screen(dataset: Dataset) -> None:
    """White bars in place of the lines of a report."""
    picture = np.zeros((256, 256, 3), dtype=np.uint8)
    for row in range(16, 240, 16):
        picture[row : row + 6, 16 : 16 + (row * 7919) % 200 + 20] = 255
    dataset.ImageType = ["DERIVED", "SECONDARY", "SCREEN SAVE"]
    dataset.ConversionType = "WSD"
    dataset.PlanarConfiguration = 0
    _image(dataset, picture, samples=3)


def _capture(dataset: Dataset, hu: NDArray[np.float32]) -> None:
    middle = hu[:, :, hu.shape[2] // 2].T
    dataset.ImageType = ["DERIVED", "SECONDARY"]
    dataset.ConversionType = "WSD"
    _image(dataset, (np.clip((middle + 20) / 120, 0, 1) * 255).astype(np.uint8), samples=1)


def _image(dataset: Dataset, picture: NDArray[Any], *, samples: int) -> None:
    bits = picture.dtype.itemsize * 8
    dataset.Rows, dataset.Columns = picture.shape[:2]
    dataset.SamplesPerPixel = samples
    dataset.PhotometricInterpretation = "RGB" if samples == 3 else "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = bits
    dataset.HighBit, dataset.PixelRepresentation = bits - 1, int(picture.dtype.kind == "i")
    data = np.ascontiguousarray(picture).tobytes()
    dataset.PixelData = data + b"\0" * (len(data) % 2)
    dataset["PixelData"].VR = "OW" if bits == 16 else "OB"
