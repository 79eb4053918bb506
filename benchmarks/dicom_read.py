"""Time to read an uncompressed CT series into memory: Hounsfield, SimpleITK, pydicom (median of 5).

    python benchmarks/dicom_read.py [slices] [side]

The series is generated in a temporary folder with shuffled names; every reader's values are
compared first. Then the same for JPEG-LS, and peak memory compared with the volume's own size.
"""

from __future__ import annotations

import random
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

REPEATS = 5


def write_series(folder: Path, *, slices: int, side: int, codec: str = "raw") -> None:
    """A series of noise in a cylinder, 12 bits unsigned, intercept -1024, as scanners write it."""
    import imagecodecs
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.encaps import encapsulate
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, JPEGLSLossless, generate_uid

    rng = np.random.default_rng(0)
    y, x = np.mgrid[:side, :side] - side / 2
    body = np.where(x * x + y * y < (side * 0.4) ** 2, 1064, 24)
    names = random.Random(0).sample(range(slices), slices)
    series, study, reference = generate_uid(), generate_uid(), generate_uid()
    for k in range(slices):
        pixels = np.clip(body + rng.normal(0, 12, body.shape), 0, 4095).astype(np.uint16)
        data = Dataset()
        data.file_meta = FileMetaDataset()
        data.file_meta.TransferSyntaxUID = (
            ExplicitVRLittleEndian if codec == "raw" else JPEGLSLossless
        )
        data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = CTImageStorage
        data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        data.SeriesInstanceUID, data.StudyInstanceUID, data.FrameOfReferenceUID = (
            series,
            study,
            reference,
        )
        data.Modality, data.ImageType, data.InstanceNumber = (
            "CT",
            ["ORIGINAL", "PRIMARY", "AXIAL"],
            k + 1,
        )
        data.Rows = data.Columns = side
        data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 12, 11, 0
        data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
        data.RescaleSlope, data.RescaleIntercept = 1, -1024
        data.PixelSpacing, data.SliceThickness = [0.7, 0.7], 1.0
        data.ImageOrientationPatient, data.ImagePositionPatient = (
            [1, 0, 0, 0, 1, 0],
            [-180.0, -180.0, -150.0 + k],
        )
        data.PixelData = (
            pixels.tobytes() if codec == "raw" else encapsulate([imagecodecs.jpegls_encode(pixels)])
        )
        data["PixelData"].VR = "OW" if codec == "raw" else "OB"
        data.save_as(folder / f"{names[k]:05d}", enforce_file_format=True)


def by_hounsfield(folder: Path) -> np.ndarray:
    """RawImage values into memory."""
    from hounsfield.core.policy import ReadPolicy
    from hounsfield.io.dicom.read import open_dicom

    stack = open_dicom(folder, policy=ReadPolicy())
    return stack.slab(0, stack.shape[2])


def by_hounsfield_hu(folder: Path) -> np.ndarray:
    """A Volume in HU."""
    import hounsfield as hu

    return hu.read(folder).array


def by_simpleitk(folder: Path) -> Any:
    """ImageSeriesReader, which rescales; its image, without a copy into an array."""
    import SimpleITK as sitk

    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    return reader.Execute()


def by_pydicom(folder: Path) -> np.ndarray:
    """The usual loop."""
    import pydicom

    slices = sorted(
        (pydicom.dcmread(path) for path in folder.iterdir()),
        key=lambda item: item.ImagePositionPatient[2],
    )
    return np.stack([item.pixel_array.T for item in slices], axis=2)


def median_ms(read: Callable[[Path], Any], folder: Path) -> float:
    """Median wall time of REPEATS runs after one that warms the cache."""
    read(folder)
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        read(folder)
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e3


def peak_kb() -> int:
    """Peak resident size of this process, kB (a child's getrusage includes its parent's)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmHWM")))


def peak_mb(folder: Path) -> float:
    """Peak memory of a process that reads the folder, less one that only imports, MB."""
    code = (
        "import sys, pathlib, numpy; sys.path.insert(0, {here!r}); import dicom_read; "
        "import hounsfield.io.dicom.read; {work}; print(dicom_read.peak_kb())"
    )
    peaks = []
    for work in ("pass", f"dicom_read.by_hounsfield(pathlib.Path({str(folder)!r}))"):
        text = code.format(here=str(Path(__file__).parent), work=work)
        peaks.append(
            int(
                subprocess.run([sys.executable, "-c", text], check=True, capture_output=True).stdout
            )
            / 1024
        )
    return peaks[1] - peaks[0]


def main(slices: int, side: int) -> None:
    """Print the tables."""
    import SimpleITK as sitk

    warnings.simplefilter("ignore")
    for codec in ("raw", "jpeg-ls"):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write_series(folder, slices=slices, side=side, codec=codec)
            assert np.array_equal(by_hounsfield(folder), by_pydicom(folder))
            theirs = sitk.GetArrayFromImage(by_simpleitk(folder)).T
            assert np.array_equal(by_hounsfield(folder).astype(np.int32) - 1024, theirs)
            readers = {
                "hounsfield, stored values": by_hounsfield,
                "hounsfield, HU": by_hounsfield_hu,
                "SimpleITK": by_simpleitk,
                "pydicom": by_pydicom,
            }
            print(
                f"\n{codec}, {slices} slices of {side} x {side}: "
                f"{slices * side * side * 2 / 2**20:.0f} MB; "
                f"peak over the imports {peak_mb(folder):.0f} MB"
            )
            base = median_ms(by_simpleitk, folder)
            for label, read in readers.items():
                try:
                    took = base if read is by_simpleitk else median_ms(read, folder)
                except (ImportError, AttributeError, KeyError) as error:
                    print(f"  {label:28s} not there yet ({type(error).__name__})")
                    continue
                print(
                    f"  {label:28s} {took:8.1f} ms   "
                    f"SimpleITK takes {base / took:5.2f} times as long"
                )


if __name__ == "__main__":
    main(*(int(value) for value in sys.argv[1:3])) if len(sys.argv) > 2 else main(300, 512)
