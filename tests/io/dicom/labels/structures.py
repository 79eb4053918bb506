"""RTSTRUCTs as others write them: put together by pydicom alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset

from hounsfield.phantom.series import Series

RTSTRUCT = "1.2.840.10008.5.1.4.1.1.481.3"
CT = "1.2.840.10008.5.1.4.1.1.2"
LPS = np.array([-1.0, -1.0, 1.0])


@dataclass(frozen=True)
class Line:
    """One contour: points (n, 3) in RAS+ mm, its type, the instance that it names."""

    points: np.ndarray
    kind: str = "CLOSED_PLANAR"
    instance: str = ""


def write_structures(
    path: Path, regions: Sequence[tuple[str, Sequence[Line]]], *, reference: str = ""
) -> Path:
    """Write regions of contours as an RTSTRUCT."""
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.MediaStorageSOPClassUID, data.file_meta.MediaStorageSOPInstanceUID = (
        RTSTRUCT,
        "1.2.3.4",
    )
    data.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    data.SOPClassUID, data.SOPInstanceUID, data.Modality = RTSTRUCT, "1.2.3.4", "RTSTRUCT"
    data.StructureSetROISequence = [
        _described(number, name, reference) for number, (name, _) in enumerate(regions, 1)
    ]
    data.ROIContourSequence = [
        _drawn(number, lines) for number, (_, lines) in enumerate(regions, 1)
    ]
    data.save_as(path, enforce_file_format=True)
    return path


def _described(number: int, name: str, reference: str) -> Dataset:
    item = Dataset()
    item.ROINumber, item.ROIName, item.ReferencedFrameOfReferenceUID = number, name, reference
    return item


def _drawn(number: int, lines: Sequence[Line]) -> Dataset:
    item = Dataset()
    item.ReferencedROINumber = number
    item.ContourSequence = []
    for line in lines:
        contour = Dataset()
        contour.ContourGeometricType, contour.NumberOfContourPoints = line.kind, len(line.points)
        contour.ContourData = [f"{value:.4f}" for value in (line.points * LPS).ravel()]
        if line.instance:
            image = Dataset()
            image.ReferencedSOPClassUID, image.ReferencedSOPInstanceUID = CT, line.instance
            contour.ContourImageSequence = [image]
        item.ContourSequence.append(contour)
    return item


@dataclass(frozen=True)
class Plane:
    """A slice as its own file says it is."""

    origin: np.ndarray
    step_i: np.ndarray
    step_j: np.ndarray
    instance: str

    @property
    def normal(self) -> np.ndarray:
        across = np.cross(self.step_i, self.step_j)
        return across / np.linalg.norm(across)

    def points(self, pixels: Sequence[tuple[float, float]]) -> np.ndarray:
        """Pixel coordinates as points in RAS+ mm."""
        ij = np.asarray(pixels, dtype=float)
        return self.origin + np.outer(ij[:, 0], self.step_i) + np.outer(ij[:, 1], self.step_j)

    def ring(self, centre: np.ndarray, radius_mm: float, *, count: int = 180) -> np.ndarray | None:
        """Where a sphere meets the slice, as points in RAS+ mm; None where it does not."""
        height = float((self.origin - centre) @ self.normal)
        if abs(height) >= radius_mm:
            return None
        foot, radius = centre + height * self.normal, (radius_mm**2 - height**2) ** 0.5
        one = self.step_i / np.linalg.norm(self.step_i)
        other = np.cross(self.normal, one)
        angle = np.linspace(0, 2 * np.pi, count, endpoint=False)[:, None]
        return foot + radius * (np.cos(angle) * one + np.sin(angle) * other)


def planes(series: Series) -> list[Plane]:
    """The slices of a phantom series in true order, from their files by pydicom."""
    found = []
    for path in series.files:
        data = pydicom.dcmread(path, stop_before_pixels=True)
        turn = np.array(data.ImageOrientationPatient, float).reshape(2, 3) * LPS
        down, along = (float(value) for value in data.PixelSpacing)
        origin = np.array(data.ImagePositionPatient, float) * LPS
        found.append(Plane(origin, turn[0] * along, turn[1] * down, str(data.SOPInstanceUID)))
    return found


def ball_lines(
    slices: Sequence[Plane], centre: np.ndarray, radius_mm: float, *, named: bool = True
) -> list[Line]:
    """A ball as one contour on each slice that it meets."""
    rings = [(plane, plane.ring(centre, radius_mm)) for plane in slices]
    return [
        Line(ring, instance=plane.instance if named else "")
        for plane, ring in rings
        if ring is not None
    ]
