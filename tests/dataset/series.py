"""DICOM series that share a UID, to be spread over folders."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pydicom
from pydicom.uid import generate_uid

from hounsfield.phantom import Faults, Head, grid_about, head, write_series

UID = "1.2.826.0.1.3680043.10.1"
Change = Callable[[pydicom.Dataset, int], None]


@cache
def small_head() -> Head:
    """A head of a few voxels, made once."""
    return head(grid_about((0, -4, 10), shape=(24, 24, 6), spacing_mm=(10, 10, 30)), noise_hu=2)


def part(
    source: Head,
    folder: Path,
    *,
    count: int = 6,
    change: Change | None = None,
    faults: Faults | None = None,
    **attributes: object,
) -> Path:
    """Write the first slices of a series with UID and other attributes, as new objects."""
    folder.mkdir(parents=True, exist_ok=True)
    raw = write_series(source, folder / "raw", faults=faults)
    for k, path in enumerate(raw.files):
        data = pydicom.dcmread(path)
        path.unlink()
        if k >= count:
            continue
        data.SeriesInstanceUID = UID
        for name, value in attributes.items():
            setattr(data, name, value)
        text = f"{sorted(attributes.items())}{k}{count}"
        data.SOPInstanceUID = generate_uid(entropy_srcs=[text, str(change)])
        data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
        if change is not None:
            change(data, k)
        name = "-".join(str(value) for value in attributes.values()) or "x"
        data.save_as(folder / f"{name}-{k}.dcm")
    (folder / "raw").rmdir()
    return folder
