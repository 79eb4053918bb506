"""Write labels as a DICOM SEG that references the original slices."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.errors import GeometryError, QuantityError, WriteError, warn
from hounsfield.core.stack import Stack
from hounsfield.core.volume import Volume
from hounsfield.io.bytes.atomic import atomic
from hounsfield.io.dicom.derived.source import Identity, dicom_source
from hounsfield.io.dicom.labels.names import WITH_SPACES
from hounsfield.io.dicom.read import source_frames
from hounsfield.io.dicom.seg.build import seg_object
from hounsfield.io.dicom.seg.original_slices import on_slices
from hounsfield.kernels.labels import values_and_counts

MOST_SEGMENTS = 1024
"""Most segments; the reader has the same limit."""


def write_seg(
    volume: Volume,
    path: Path,
    *,
    source: Stack,
    names: Mapping[int, str] | None = None,
    identity: Identity = "remove",
) -> None:
    """Write a label or mask as a binary DICOM SEG of `source`, one segment per value over 0.

    `source` is the Stack of the series, from hu.open. The label is sampled to the original slices,
    and every frame references its slice; slices without labels are omitted. `names` maps values to
    names; the default for value 3 is 'segment-3'. Known structures ('liver', 'kidney_left') are
    coded in SNOMED CT and labelled with spaces, others as an anatomical structure. The file
    contains the UIDs of the source, since it references them; patient and study are empty unless
    identity='keep', which warns. The output is reproducible: its content date is that of the source
    with identity='keep', else 1 January 1900.

    Raises QuantityError if it is not a label, GeometryError if it is outside the series,
    WriteError, and MissingExtraError without highdicom.
    """
    origin = dicom_source(source)
    values, labels = _values(volume, names or {})
    array = on_slices(volume, source)
    measured = [k for k, frame in enumerate(source_frames(source)) if frame is not None]
    numbered = _numbered(array[:, :, measured], values)
    if not numbered.any():
        raise GeometryError("label is empty on all slices of the series; nothing to write")
    data = seg_object(numbered, labels, source=origin, identity=identity)
    if identity == "keep":
        warn("identity='keep': the file contains the patient and study of the source")
    _save(data, path)


def _values(volume: Volume, names: Mapping[int, str]) -> tuple[list[int], list[str]]:
    """The values that become segments, ascending, and their names."""
    if (
        volume.quantity not in ("label", "mask")
        or volume.array.dtype.kind not in "biu"
        or volume.spec.channels
    ):
        raise QuantityError(
            f"volume is {volume.quantity} in {volume.spec.dtype}; expected an integer label or mask"
        )
    values = [int(value) for value in values_and_counts(volume.array)[0] if value != 0]
    if not values or values[0] < 0 or len(values) > MOST_SEGMENTS:
        raise QuantityError(
            f"label has {len(values)} values"
            + (f" from {values[0]}" if values else "")
            + f"; expected 1 to {MOST_SEGMENTS} values over 0"
        )
    for name in names.values():
        if WITH_SPACES.fullmatch(name) is None:
            raise QuantityError(
                "invalid segment name; expected 1 to 40 letters, digits, spaces, _ or -"
            )
    return values, [names.get(value, f"segment-{value}") for value in values]


def _numbered(array: NDArray[Any], values: Sequence[int]) -> NDArray[np.uint16]:
    """Segment numbers (frame, row, column) from 1 in the order of `values`, 0 elsewhere."""
    size = array.dtype.itemsize
    if array.dtype.kind in "bu" and size <= 2:
        table = np.zeros(1 << 8 * size, dtype=np.uint16)
        table[list(values)] = np.arange(1, len(values) + 1)
        segments = table[array.view(f"u{size}")]
    else:
        number = np.searchsorted(values, array).clip(0, len(values) - 1)
        segments = np.where(np.asarray(values)[number] == array, number + 1, 0).astype(np.uint16)
    return np.ascontiguousarray(segments.transpose(2, 1, 0))


def _save(data: Any, path: Path) -> None:
    if not os.path.isdir(path.parent):
        raise WriteError("output folder does not exist; create it first")
    with atomic(path) as temporary:
        data.save_as(temporary, enforce_file_format=True)
