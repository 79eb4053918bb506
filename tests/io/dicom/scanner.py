"""A small CT series with any header, written by pydicom: what the readers are tested on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

ROWS, COLUMNS = 6, 8
Change = Callable[[Dataset, int], Any]


def truth(count: int, *, low: int = 0, high: int = 2000, seed: int = 1) -> np.ndarray:
    """RawImage values (k, row, column), all different from one another in place."""
    return np.random.default_rng(seed).integers(low, high, (count, ROWS, COLUMNS)).astype(np.int16)


def slice_of(
    pixels: np.ndarray, *, position: Sequence[float], uid: str, syntax: str = ExplicitVRLittleEndian
) -> Dataset:
    """One classic CT slice."""
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = syntax
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = CTImageStorage
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID = generate_uid()
    data.StudyInstanceUID = data.SeriesInstanceUID = data.FrameOfReferenceUID = uid
    data.PatientName, data.PatientID, data.Modality = "SECRET^NAME", "SECRET-ID", "CT"
    data.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    data.Rows, data.Columns = pixels.shape[:2]
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated = data.BitsStored = 8 * pixels.dtype.itemsize
    data.HighBit, data.PixelRepresentation = data.BitsStored - 1, int(pixels.dtype.kind == "i")
    data.RescaleSlope, data.RescaleIntercept, data.RescaleType = 1, -1024, "HU"
    data.PixelSpacing, data.SliceThickness = [0.5, 0.75], 2.0
    data.ImageOrientationPatient, data.ImagePositionPatient = [1, 0, 0, 0, 1, 0], list(position)
    data.AcquisitionNumber, data.ConvolutionKernel = 1, "B30f"
    data.PixelData = pixels.tobytes()
    data["PixelData"].VR = "OW"
    return data


def write(
    folder: Path,
    pixels: np.ndarray,
    *,
    positions: Sequence[Sequence[float]] | None = None,
    change: Change | None = None,
    name: str = "s",
    skip: Sequence[int] = (),
    uid: str = "",
) -> list[Path]:
    """Write slices (k, row, column) every 2 mm, changed by `change(data, k)`, without `skip`."""
    folder.mkdir(parents=True, exist_ok=True)
    uid = uid or generate_uid()
    paths = []
    for k, plane in enumerate(pixels):
        if k in skip:
            continue
        data = slice_of(
            plane, position=(10.0, 20.0, 2.0 * k) if positions is None else positions[k], uid=uid
        )
        data.InstanceNumber = len(pixels) - k
        if change is not None:
            change(data, k)
        paths.append(folder / f"{name}{k * 7 % len(pixels)}-{k}")
        data.save_as(paths[-1], enforce_file_format=True)
    return paths
