"""Write a Volume to a file: one function for every format."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from hounsfield.core.arguments import checked
from hounsfield.core.cast import cast, check_finite
from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import WriteError, naming, warn_each
from hounsfield.core.policy import ReadPolicy
from hounsfield.core.stack import Stack
from hounsfield.core.volume import Volume
from hounsfield.io.base import Writer
from hounsfield.io.formats import DICOM, load, output_by_suffix, output_of
from hounsfield.io.open import open_stack

Identity = Literal["remove", "keep"]


@checked
def write(
    volume: Volume,
    path: str | Path,
    *,
    format: str | None = None,
    dtype: Any = None,
    source: Stack | str | Path | None = None,
    identity: Identity = "remove",
) -> None:
    """Write a volume to a file; no partial file is left, and no text of its source is written.

    Parameters
    ----------
    volume : Volume
        What to write.
    path : str or Path
        The file, or the folder for 'png', 'png8' and 'dicom'.
    format : str, optional
        'nii.gz', 'nii', 'nrrd', 'npy' (with a .json sidecar), 'png' (16-bit slices that keep HU),
        'png8' (8-bit slices to look at) or 'dicom' (default: that of the suffix).
    dtype : dtype_like, optional
        Type of the voxels; integers are rounded.
    source : Stack, str or Path, optional
        For 'dicom': the series that the volume was derived from.
    identity : {'remove', 'keep'}, default 'remove'
        For 'dicom': leave patient and study empty, or copy them from `source`.

    Raises
    ------
    WriteError
        If the file cannot be written, or the format is unknown.
    QuantityError
        If a voxel is NaN or infinite, a value does not fit the dtype, or `dtype` is not one of
        voxels.

    Warns
    -----
    HounsfieldWarning
        If voxels are rounded for DICOM, or the identity of the patient is kept.

    Examples
    --------
    >>> import os, tempfile, numpy as np, hounsfield as hu
    >>> ct = hu.Volume.from_array(np.zeros((4, 4, 2), np.int16), affine=np.diag([-1, -1, 5, 1]))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     hu.write(ct, f"{folder}/ct.nrrd", dtype="float32")
    ...     os.listdir(folder)
    ['ct.nrrd']
    """
    with naming(path):
        found = write_volume(
            volume, path, format=format, dtype=dtype, source=source, identity=identity
        )
    warn_each(found)


def write_volume(
    volume: Volume,
    path: str | Path,
    *,
    format: str | None = None,
    dtype: Any = None,
    source: Stack | str | Path | None = None,
    identity: Identity = "remove",
) -> tuple[Diagnostic, ...]:
    """Write like `write`, but without warnings; the caller reports the returned diagnostics."""
    target = Path(path)
    output = output_by_suffix(target) if format is None else output_of(format)
    is_dicom = output.name == DICOM
    if (source is not None or identity != "remove") and not is_dicom:
        raise WriteError(
            f"source= and identity= are only for format='dicom', but the format is {output.name}; "
            "leave them out"
        )
    _check_folder(target)
    check_finite(volume, what="the volume")
    if is_dicom:
        from hounsfield.io.dicom.write.series import write_dicom

        return write_dicom(
            _typed(volume, dtype),
            target,
            source=None if source is None else opened_source(source),
            identity=identity,
        )
    writer: Writer = load(output.writer)
    writer(_typed(volume, dtype), target)
    return ()


def _typed(volume: Volume, dtype: Any) -> Volume:
    return volume if dtype is None else cast(volume, dtype)


def _check_folder(path: Path) -> None:
    if not os.path.isdir(path.parent):
        raise WriteError("the folder of the output does not exist; create it first")


@checked
def write_seg(
    labels: Volume,
    path: str | Path,
    *,
    source: Stack | str | Path,
    names: Mapping[int, str] | None = None,
    identity: Identity = "remove",
) -> None:
    """Write a label map or mask as a DICOM SEG of its series.

    Labels are resampled to the original slices; slices without a label are left out.

    Parameters
    ----------
    labels : Volume
        The label map or mask; every value over 0 is a segment.
    path : str or Path
        The file.
    source : Stack, str or Path
        The series: a Stack, or its folder.
    names : mapping of int to str, optional
        Names of the values (default: 'segment-3' for 3).
    identity : {'remove', 'keep'}, default 'remove'
        Leave patient and study empty, or copy them from `source`, with a warning.

    Raises
    ------
    QuantityError
        If `labels` is not a label map or mask.
    GeometryError
        If it lies outside of the series.
    WriteError
        If the file cannot be written.
    MissingExtraError
        If highdicom is not installed.

    Notes
    -----
    A binary Segmentation (PS3.3 A.51). It has the UIDs of the source, which it refers to. Names of
    known structures ('liver', 'kidney_left') are coded in SNOMED CT (PS3.16). The same input gives
    the same bytes: the content date is the source's with ``identity='keep'``, else 1 January 1900.

    Examples
    --------
    >>> import tempfile, hounsfield as hu
    >>> from hounsfield.phantom import grid_about, head, write_series
    >>> small = head(grid_about((0, 0, 0), shape=(32, 32, 4), spacing_mm=(7, 7, 9)))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     series = write_series(small, f"{folder}/scan").folder
    ...     hu.write_seg(small.masks["head"], f"{folder}/seg.dcm", source=series)
    ...     list(hu.read_labels(f"{folder}/seg.dcm", image=hu.open(series)))
    ['segment-1']
    """
    from hounsfield.io.dicom.seg.write import write_seg as write_file

    write_file(labels, Path(path), source=opened_source(source), names=names, identity=identity)


def opened_source(source: Stack | str | Path) -> Stack:
    """The source series of an output; any quantity, and gaps between slices are allowed."""
    if isinstance(source, Stack):
        return source
    return open_stack(source, policy=ReadPolicy(gaps="fill"), quantity="other")
