"""Open CT images; the format is detected from the first bytes, then from the suffix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from hounsfield.core.arguments import checked
from hounsfield.core.errors import PipelineError, QuantityError, naming, warn_each
from hounsfield.core.policy import DEFAULT_POLICY, Assume, Gaps, Padding, ReadPolicy, Tilt, Uneven
from hounsfield.core.source import VolumeSource, grid_data
from hounsfield.core.spec import QUANTITIES, Quantity
from hounsfield.core.stack import Stack
from hounsfield.core.volume import Volume
from hounsfield.io.formats import reader_of, sniff
from hounsfield.io.source_files import source_files
from hounsfield.io.values.raw_image import RawImage
from hounsfield.io.values.select_volume import series_text
from hounsfield.io.values.to_stack import stack_of, volume_of


def open_stack(
    path: str | Path,
    *,
    series: str | int | None = None,
    files: Sequence[str] = (),
    policy: ReadPolicy,
    quantity: Quantity | None = None,
) -> Stack:
    """Open a CT as a Stack, as `open` does, with a ReadPolicy and any quantity.

    `files` are those of a DICOM series in the folder `path`, relative to it: no other is read.
    `quantity` None is that of the file (npy and PNG have one), else HU. Every error is one line and
    names the path. Nothing warns: the Stack has `diagnostics`.
    """
    with naming(path):
        kind = "dicom" if files else sniff(Path(path))
        if kind == "dicom":
            from hounsfield.io.dicom.read import open_dicom

            return open_dicom(
                Path(path),
                series=series_text(series),
                files=files,
                policy=policy,
                quantity=quantity or "hu",
            )
        stored = _stored(Path(path), kind=kind, series=series_text(series), policy=policy)
        if stored.channels:
            raise QuantityError(
                f"the file has {len(stored.channels)} channels; hu.open and pipelines expect one, "
                "use hu.read to read them all as a Volume"
            )
        stack = stack_of(stored, quantity=quantity or stored.quantity or "hu", policy=policy)
        return stack.replaced(checksum=source_files(Path(path)))


@checked
def open(
    path: str | Path,
    *,
    series: str | int | None = None,
    policy: ReadPolicy | None = None,
    gaps: Gaps = "refuse",
    uneven: Uneven = "resample",
    tilt: Tilt = "correct",
    padding: Padding = "air",
    assume: Assume | None = None,
    assume_affine: str | None = None,
) -> Stack:
    """Open a CT as a Stack: raw slices, nothing interpolated, decoded on demand.

    Parameters
    ----------
    path : str or Path
        A NIfTI, NRRD, MetaImage or npy file, a folder of 16-bit PNG slices, or DICOM in a file, a
        folder, a zip or a tar.
    series : str or int, optional
        A DICOM series by its id or number, or a volume of a 4-D file by its number; numbers count
        from 0 in the order of `inspect`.
    policy : ReadPolicy, optional
        All read options at once (default: made of the keywords below).
    gaps, uneven, tilt, padding : str
        How incomplete or irregular data is treated; see `ReadPolicy`.
    assume, assume_affine : str, optional
        What is assumed if the file does not say it; see `ReadPolicy`.

    Returns
    -------
    Stack
        The slices, with their positions and rescale.

    Raises
    ------
    MissingFileError
        If there is nothing at `path`.
    ReadError
        If the file cannot be read.
    RefusedError
        If it could be read only by guessing.
    QuantityError
        If the values cannot be HU.

    Examples
    --------
    >>> import tempfile, numpy as np, hounsfield as hu
    >>> ct = hu.Volume.from_array(np.zeros((4, 4, 2), np.int16), affine=np.diag([-1, -1, 5, 1]))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     hu.write(ct, f"{folder}/ct.nii.gz")
    ...     hu.open(f"{folder}/ct.nii.gz").positions_mm.tolist()
    [0.0, 5.0]
    """
    keywords = ReadPolicy(
        gaps=gaps,
        uneven=uneven,
        tilt=tilt,
        padding=padding,
        assume=assume,
        assume_affine=assume_affine,
    )
    return open_stack(path, series=series, policy=_one_policy(policy, keywords))


@checked
def read(
    path: str | Path,
    *,
    series: str | int | None = None,
    quantity: Quantity | None = None,
    policy: ReadPolicy | None = None,
    gaps: Gaps = "refuse",
    uneven: Uneven = "resample",
    tilt: Tilt = "correct",
    padding: Padding = "air",
    assume: Assume | None = None,
    assume_affine: str | None = None,
) -> Volume:
    """Read a CT, a label map or a mask as a Volume.

    The axes are those of the file. The dtype is int16 if all values are integers that fit, else
    float32.

    Parameters
    ----------
    path : str or Path
        What to read, as in `open`.
    series : str or int, optional
        A DICOM series by its id or number, or a volume of a 4-D file by its number; numbers count
        from 0 in the order of `inspect`.
    quantity : str, optional
        What the values are: 'hu', 'label', 'mask' or another quantity (default: what the file
        declares, as npy and PNG slices of this package do, else 'hu').
    policy : ReadPolicy, optional
        All read options at once (default: made of the keywords below).
    gaps, uneven, tilt, padding : str
        How incomplete or irregular data is treated; see `ReadPolicy`.
    assume, assume_affine : str, optional
        What is assumed if the file does not say it; see `ReadPolicy`.

    Returns
    -------
    Volume
        The voxels and what they mean; `diagnostics` has all repairs, warnings and notes, and
        ``source.interpolated`` marks slices that ``gaps="fill"`` has interpolated.

    Raises
    ------
    MissingFileError
        If there is nothing at `path`.
    ReadError
        If the file cannot be read.
    RefusedError
        If it could be read only by guessing.
    QuantityError
        If the values cannot be the quantity.

    Warns
    -----
    HounsfieldWarning
        For every repair and every doubt.

    Examples
    --------
    >>> import tempfile, numpy as np, hounsfield as hu
    >>> ct = hu.Volume.from_array(np.zeros((4, 4, 2), np.int16), affine=np.diag([-1, -1, 5, 1]))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     hu.write(ct, f"{folder}/ct.nii.gz")
    ...     hu.read(f"{folder}/ct.nii.gz").grid.orientation
    'LPS'
    """
    keywords = ReadPolicy(
        gaps=gaps,
        uneven=uneven,
        tilt=tilt,
        padding=padding,
        assume=assume,
        assume_affine=assume_affine,
    )
    used = _one_policy(policy, keywords)
    volume = read_volume(path, series=series, quantity=quantity, policy=used)
    warn_each(volume.diagnostics, about=path)
    return volume


def read_volume(
    path: str | Path,
    *,
    series: str | int | None = None,
    quantity: Quantity | None,
    policy: ReadPolicy,
) -> Volume:
    """Read a Volume like `read`, but without warnings; the caller reports its diagnostics."""
    if quantity is not None and quantity not in QUANTITIES:
        raise QuantityError(
            f"unknown quantity '{quantity}'; expected one of {', '.join(QUANTITIES)}"
        )
    with naming(path):
        kind = sniff(Path(path))
        if kind == "dicom":
            return _dicom_volume(
                Path(path), series=series_text(series), quantity=quantity or "hu", policy=policy
            )
        stored = _stored(Path(path), kind=kind, series=series_text(series), policy=policy)
        quantity = quantity or stored.quantity or "hu"
        if stored.channels:
            volume = volume_of(stored, quantity=quantity, policy=policy)
            geometry = {"grid": grid_data(volume.grid)}
            files = source_files(Path(path))
            return replace(volume, source=VolumeSource(geometry=geometry, checksum=files))
        stack = stack_of(stored, quantity=quantity, policy=policy)
        return stack.replaced(checksum=source_files(Path(path))).volume()


def _one_policy(policy: ReadPolicy | None, keywords: ReadPolicy) -> ReadPolicy:
    """The policy or that of the keywords; raises PipelineError if both are given."""
    if policy is not None and keywords != DEFAULT_POLICY:
        raise PipelineError("both policy= and its fields are given; use one of the two")
    return keywords if policy is None else policy


def _stored(path: Path, *, kind: str, series: str | None, policy: ReadPolicy) -> RawImage:
    return reader_of(kind)(path, series=series, policy=policy)


def open_raw(path: Path, *, series: str | None = None, policy: ReadPolicy) -> RawImage:
    """Read the header of an image file other than DICOM; voxels are not read.

    Raises the errors of the readers.
    """
    with naming(path):
        return _stored(path, kind=sniff(path), series=series, policy=policy)


def declared_quantity(
    path: Path, *, series: str | int | None = None, policy: ReadPolicy | None = None
) -> Quantity | None:
    """The quantity declared by a file (npy and PNG slices of this package), else None.

    Raises the errors of the readers.
    """
    with naming(path):
        kind = sniff(path)
        if kind == "dicom":
            return None
        return _stored(
            path, kind=kind, series=series_text(series), policy=policy or ReadPolicy()
        ).quantity


def _dicom_volume(
    path: Path, *, series: str | None, quantity: Quantity, policy: ReadPolicy
) -> Volume:
    if quantity in ("label", "mask"):
        raise QuantityError(
            "found no label file; expected NIfTI, NRRD or npy (RTSTRUCT and DICOM SEG are read by "
            "hu.read_labels and run --label)"
        )
    from hounsfield.io.dicom.read import open_dicom

    stack = open_dicom(path, series=series, policy=policy, quantity=quantity)
    return (
        stack.volume() if quantity == stack.quantity else stack.replaced(quantity=quantity).volume()
    )
