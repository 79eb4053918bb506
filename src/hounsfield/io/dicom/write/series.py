"""Write a volume as a derived CT series: a folder of DICOM slices."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import GeometryError, QuantityError, WriteError
from hounsfield.core.grid import ALIGNED_TOLERANCE_VOXELS, Grid
from hounsfield.core.stack import Stack
from hounsfield.core.volume import Volume
from hounsfield.io.bytes.atomic import atomic_folder
from hounsfield.io.dicom.derived.rescale import fingerprint, rescale_for
from hounsfield.io.dicom.derived.source import DicomSource, Identity, dicom_source
from hounsfield.io.dicom.write.slice import DerivedSeries

SLICE_NAME = "slice-{:05d}.dcm"
_OURS = re.compile(r"slice-\d{5}\.dcm")

MOST_SLICES = 99_999
"""Largest number of slices: file names have five digits."""


def write_dicom(
    volume: Volume, path: Path, *, source: Stack | None = None, identity: Identity = "remove"
) -> tuple[Diagnostic, ...]:
    """Write `volume` as a CT series into the folder `path`, atomically and reproducibly.

    Values are stored in 16 bits: integers exactly, others within half a slope. Returns the
    diagnostics. `source` is the DICOM series that the volume was derived from, and is referenced.
    Only listed attributes are written: with identity='remove', patient and study are
    empty and the UIDs of the source are replaced by pseudonyms under the user's key; with
    'keep' they are copied.
    Readers sort slices along rows x columns, so a volume with left-handed axes is read
    back with k reversed, at the same position in world space.

    Raises QuantityError for labels and channels, GeometryError for a sheared grid, WriteError.
    """
    _check(volume)
    if identity == "keep" and source is None:
        raise WriteError("identity='keep' needs source=, the series to copy patient and study from")
    origin = None if source is None else dicom_source(source)
    rescale = rescale_for(volume.array)
    series = DerivedSeries(
        spec=volume.spec,
        rescale=rescale,
        source=origin,
        identity=identity,
        seed=_seed(volume, origin, identity),
    )
    with atomic_folder(
        path, is_ours=lambda names: all(_OURS.fullmatch(name) for name in names)
    ) as folder:
        for k in range(volume.shape[2]):
            data = series.slice_dataset(k, rescale.stored(volume.array[:, :, k]))
            data.save_as(folder / SLICE_NAME.format(k + 1), enforce_file_format=True)
    return _diagnostics(rescale.error, is_kept=identity == "keep" and origin is not None)


def _diagnostics(error: float, *, is_kept: bool) -> tuple[Diagnostic, ...]:
    rounded = f"values are not 16-bit integers; stored with an error of up to {error:.3g}"
    kept = "identity='keep': the files contain the patient and study of the source"
    return (
        *((Diagnostic("ROUNDED", "warning", rounded),) if error else ()),
        *((Diagnostic("IDENTITY_KEPT", "warning", kept),) if is_kept else ()),
    )


def _check(volume: Volume) -> None:
    if volume.quantity in ("label", "mask"):
        raise QuantityError(
            "labels cannot be written as CT; use hu.write_seg, or write nii.gz, nrrd or npy"
        )
    if volume.spec.channels:
        raise QuantityError(
            f"volume has {len(volume.spec.channels)} channels; a CT image has one value per voxel"
        )
    if volume.shape[2] > MOST_SLICES:
        raise GeometryError(
            f"volume has {volume.shape[2]} slices; at most {MOST_SLICES} can be written"
        )
    _check_upright(volume.grid)


def _check_upright(grid: Grid) -> None:
    """Raise GeometryError if the grid is sheared: readers would correct it as gantry tilt."""
    cosines = grid.directions.T @ grid.directions - np.eye(3)
    if float(np.abs(cosines).max()) * max(grid.shape) > ALIGNED_TOLERANCE_VOXELS:
        raise GeometryError("grid is sheared; resample to a grid with orthogonal axes first")


def _seed(volume: Volume, source: DicomSource | None, identity: Identity) -> bytes:
    """The content that determines the UIDs: voxels, quantity, affine and source."""
    names = [frame.sop_instance for frame in source.frames] if source is not None else []
    text = "\n".join([identity, volume.quantity, *names])
    return (
        fingerprint(volume.array)
        + np.asarray(volume.grid.affine, dtype="<f8").tobytes()
        + text.encode("utf-8")
    )
