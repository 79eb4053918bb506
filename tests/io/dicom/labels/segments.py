"""DICOM SEGs as highdicom writes them, with what goes wrong with them in the wild."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import highdicom
import numpy as np
import pydicom

CODE = highdicom.sr.CodedConcept("123037004", "SCT", "Anatomical Structure")
FAMILY = highdicom.sr.CodedConcept("123109", "DCM", "Artificial Intelligence")
BYTES_OF_RLE = pydicom.uid.RLELossless


def write_segments(
    path: Path,
    files: Sequence[Path],
    masks: np.ndarray,
    *,
    names: Sequence[str],
    kind: str = "BINARY",
    syntax: str = pydicom.uid.ExplicitVRLittleEndian,
) -> Path:
    """Write masks (frame, row, column, segment) or a label map (frame, row, column) of `files`."""
    describe = [
        highdicom.seg.SegmentDescription(
            segment_number=number,
            segment_label=name,
            segmented_property_category=CODE,
            segmented_property_type=CODE,
            algorithm_type="AUTOMATIC",
            algorithm_identification=highdicom.AlgorithmIdentificationSequence("x", FAMILY, "1"),
        )
        for number, name in enumerate(names, 1)
    ]
    sources = [pydicom.dcmread(file, stop_before_pixels=True) for file in files]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = highdicom.seg.Segmentation(
            source_images=sources,
            pixel_array=masks,
            segmentation_type=kind,
            segment_descriptions=describe,
            series_instance_uid="1.2.3",
            series_number=1,
            sop_instance_uid="1.2.4",
            instance_number=1,
            manufacturer="x",
            manufacturer_model_name="x",
            software_versions="1",
            device_serial_number="1",
            transfer_syntax_uid=syntax,
        )
        data.save_as(path)
    return path


def shuffle_frames(path: Path, *, seed: int) -> None:
    """Put the frames of a SEG into another order, places and pixels alike."""
    data = pydicom.dcmread(path)
    count, size = int(data.NumberOfFrames), data.Rows * data.Columns
    order = np.random.default_rng(seed).permutation(count)
    groups = list(data.PerFrameFunctionalGroupsSequence)
    data.PerFrameFunctionalGroupsSequence = [groups[n] for n in order]
    if data.BitsAllocated == 1:
        bits = np.unpackbits(np.frombuffer(data.PixelData, np.uint8), bitorder="little")[
            : count * size
        ]
        packed = np.packbits(bits.reshape(count, size)[order].ravel(), bitorder="little").tobytes()
    else:
        packed = (
            np.frombuffer(data.PixelData, np.uint8)[: count * size]
            .reshape(count, size)[order]
            .tobytes()
        )
    data.PixelData = packed + b"\0" * (len(packed) % 2)
    data.save_as(path)
