"""Write labels as a DICOM SEG that refers to the original slices, by highdicom."""

from __future__ import annotations

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
from hounsfield.io.dicom.labels.names import PLAIN
from hounsfield.io.dicom.read import source_frames
from hounsfield.io.dicom.seg.build import seg_object
from hounsfield.io.dicom.seg.original_slices import on_slices

MOST_SEGMENTS = 1024
"""As many as are read back."""


def write_seg(
    volume: Volume,
    path: Path,
    *,
    source: Stack,
    names: Mapping[int, str] | None = None,
    identity: Identity = "remove",
) -> None:
    """Write a label or mask as a DICOM SEG (binary, one segment for each value over 0) of the series `source`.

    `source` is the Stack that hu.open made of the series. The label is brought back onto its original
    slices, each at its own place, and every frame names the slice that it lies on; slices without any label are left
    out. `names` names values; else value 3 is 'segment-3'. The UIDs of the source are in the file, since it refers
    to them; patient and study are empty unless identity='keep', which is warned of. The same input gives the same
    bytes: content date and time are 1 January 1900.

    Raises QuantityError where it is no label, GeometryError where it lies beyond the series, WriteError, and
    MissingExtraError without highdicom.
    """
    origin = dicom_source(source)
    values, labels = _values(volume, names or {})
    array = on_slices(volume, source)
    real = [k for k, frame in enumerate(source_frames(source)) if frame is not None]
    numbered = _numbered(array[:, :, real], values)
    if not numbered.any():
        raise GeometryError("no label lies on any slice of the series: nothing would be written")
    data = seg_object(numbered, labels, source=origin, identity=identity)
    if identity == "keep":
        warn("identity='keep': the patient and study of the source are in the file", stacklevel=3)
    _save(data, path)


def _values(volume: Volume, names: Mapping[int, str]) -> tuple[list[int], list[str]]:
    """The values that become segments, ascending, and their names."""
    if (
        volume.quantity not in ("label", "mask")
        or volume.array.dtype.kind not in "biu"
        or volume.spec.channels
    ):
        raise QuantityError(
            f"a segmentation is made of whole numbers that are labels, not of {volume.quantity} in "
            f"{volume.spec.dtype}"
        )
    values = [int(value) for value in np.unique(volume.array) if value != 0]
    if not values or values[0] < 0 or len(values) > MOST_SEGMENTS:
        raise QuantityError(
            f"labels are 1 to {MOST_SEGMENTS} values over 0; here are {len(values)}"
            + (f", from {values[0]}" if values else "")
        )
    for name in names.values():
        if PLAIN.fullmatch(name) is None:
            raise QuantityError("the name of a segment is 1 to 40 letters, digits, _ and -")
    return values, [names.get(value, f"segment-{value}") for value in values]


def _numbered(array: NDArray[Any], values: Sequence[int]) -> NDArray[np.uint16]:
    """Segment numbers (frame, row, column) from 1 in the order of `values`, 0 elsewhere."""
    number = np.searchsorted(values, array).clip(0, len(values) - 1)
    found = np.where(np.asarray(values)[number] == array, number + 1, 0).astype(np.uint16)
    return np.ascontiguousarray(found.transpose(2, 1, 0))


def _save(data: Any, path: Path) -> None:
    if not path.parent.is_dir():
        raise WriteError("the folder of the output does not exist: make it first")
    with atomic(path) as temporary:
        data.save_as(temporary, enforce_file_format=True)
