"""Write a volume as a derived CT series: a folder of DICOM slices on the volume's own grid."""

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
"""As many as the names of the files count."""


def write_dicom(
    volume: Volume, path: Path, *, source: Stack | None = None, identity: Identity = "remove"
) -> tuple[Diagnostic, ...]:
    """Write `volume` as a CT series into the folder `path`, whole or not at all; the same input gives the same bytes.

    16-bit stored values: whole ones come back bit for bit, others within half a slope, which is a diagnostic. `source` is
    the DICOM series that it came from, to which it then refers. Only listed attributes are written: with
    identity='remove' patient and study are empty and every UID of the source stands as its pseudonym under the user's
    key; with 'keep' they are the source's own, which is one too. k is counted along rows x columns when it is read
    back, so a volume whose axes are left-handed comes back with k turned, at the same place in the world.

    Raises QuantityError for labels and channels, GeometryError for a sheared grid, WriteError.
    """
    _check(volume)
    if identity == "keep" and source is None:
        raise WriteError(
            "identity='keep' needs source=: the series whose patient and study are to be kept"
        )
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
    rounded = f"the values are no whole numbers of 16 bits: they are kept within {error:.3g}"
    kept = "identity='keep': the patient and study of the source are in every file that was written"
    return (
        *((Diagnostic("ROUNDED", "warning", rounded),) if error else ()),
        *((Diagnostic("IDENTITY_KEPT", "warning", kept),) if is_kept else ()),
    )


def _check(volume: Volume) -> None:
    if volume.quantity in ("label", "mask"):
        raise QuantityError(
            "labels are no CT: write them with hu.write_seg, or as nii.gz, nrrd or npy"
        )
    if volume.spec.channels:
        raise QuantityError(
            f"a CT image has one value per voxel, and this volume has {len(volume.spec.channels)}"
        )
    if volume.shape[2] > MOST_SLICES:
        raise GeometryError(f"{volume.shape[2]} slices are more than {MOST_SLICES}")
    _check_upright(volume.grid)


def _check_upright(grid: Grid) -> None:
    """Raise GeometryError where the axes are not at right angles: DICOM's pixels are rectangles, and a sheared stack
    would be read as a tilted gantry and sampled again."""
    cosines = grid.directions.T @ grid.directions - np.eye(3)
    if float(np.abs(cosines).max()) * max(grid.shape) > ALIGNED_TOLERANCE_VOXELS:
        raise GeometryError(
            "the grid is sheared: resample onto one whose axes are at right angles first"
        )


def _seed(volume: Volume, source: DicomSource | None, identity: Identity) -> bytes:
    """What the UIDs are made of: the voxels, their meaning and place, and the source."""
    names = [frame.sop_instance for frame in source.frames] if source is not None else []
    words = "\n".join([identity, volume.quantity, *names])
    return (
        fingerprint(volume.array)
        + np.asarray(volume.grid.affine, dtype="<f8").tobytes()
        + words.encode("utf-8")
    )
