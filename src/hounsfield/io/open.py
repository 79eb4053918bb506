"""Open CT images; the format is detected from the first bytes, then from the suffix."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hounsfield.core.errors import PipelineError, QuantityError, naming, warn_each
from hounsfield.core.policy import DEFAULT_POLICY, Assume, Gaps, Padding, ReadPolicy, Tilt, Uneven
from hounsfield.core.source import VolumeSource, grid_data
from hounsfield.core.spec import QUANTITIES, Quantity
from hounsfield.core.stack import Stack
from hounsfield.core.volume import Volume
from hounsfield.io.formats import reader_of, sniff
from hounsfield.io.source_files import source_files
from hounsfield.io.values.raw_image import RawImage
from hounsfield.io.values.to_stack import stack_of, volume_of


def open_stack(
    path: str | Path,
    *,
    series: str | int | None = None,
    policy: ReadPolicy,
    quantity: Quantity | None = None,
) -> Stack:
    """Open an image as a Stack; voxels are decoded on request.

    `path` is a NIfTI, NRRD, MetaImage or npy file, a folder of 16-bit PNG slices written by this
    package, or DICOM as a file, folder, zip or tar. The default of `quantity` is the quantity
    declared by the file (npy and PNG), else HU. `series` selects one of several: a DICOM series by
    its id or number, a volume of a 4-D file by its number; numbers count from 0 in the order of
    `inspect`. Raises MissingFileError, ReadError, RefusedError, QuantityError or GeometryError; the
    message is one line that includes the path. No warnings are issued: see `diagnostics` of the
    Stack.
    """
    with naming(path):
        kind = sniff(Path(path))
        if kind == "dicom":
            return _dicom(
                Path(path), series=_text(series), policy=policy, quantity=quantity or "hu"
            )
        stored = _stored(Path(path), kind=kind, series=_text(series), policy=policy)
        if stored.channels:
            raise QuantityError(
                f"the file has {len(stored.channels)} channels; hu.open and pipelines expect one, "
                "use hu.read to read them all as a Volume"
            )
        stack = stack_of(stored, quantity=quantity or stored.quantity or "hu", policy=policy)
        return stack.replaced(checksum=source_files(Path(path)))


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
    """Open a CT as a Stack: raw slices with their own positions and rescale, nothing interpolated, decoded when asked.

    See `hounsfield.core.policy.ReadPolicy` for what each policy does, and `open_stack` for what is read and raised.
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


def read(
    path: str | Path,
    *,
    series: str | int | None = None,
    quantity: Quantity = "hu",
    policy: ReadPolicy | None = None,
    gaps: Gaps = "refuse",
    uneven: Uneven = "resample",
    tilt: Tilt = "correct",
    padding: Padding = "air",
    assume: Assume | None = None,
    assume_affine: str | None = None,
) -> Volume:
    """Read a CT, a label map or a mask as a Volume: the file's own axes, int16 where all values are whole and fit, else
    float32.

    `quantity` says what the numbers are to be. 'hu' warns where that is in doubt and raises RefusedError where it
    cannot be; 'label' and 'mask' take whole numbers and raise QuantityError for an image. The other keywords are those
    of `open`. Every repair and every doubt is one HounsfieldWarning and stands in `diagnostics` of the Volume, notes
    in `diagnostics` alone; `source.interpolated` marks the slices that gaps="fill" has interpolated.
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
    warn_each(volume.diagnostics)
    return volume


def read_volume(
    path: str | Path, *, series: str | int | None = None, quantity: Quantity, policy: ReadPolicy
) -> Volume:
    """Read a Volume like `read`, but without warnings; the caller reports its diagnostics."""
    if quantity not in QUANTITIES:
        raise QuantityError(
            f"unknown quantity '{quantity}'; expected one of {', '.join(QUANTITIES)}"
        )
    with naming(path):
        kind = sniff(Path(path))
        if kind == "dicom":
            return _dicom_volume(Path(path), series=_text(series), quantity=quantity, policy=policy)
        stored = _stored(Path(path), kind=kind, series=_text(series), policy=policy)
        if stored.channels:
            volume = volume_of(stored, quantity=quantity, policy=policy)
            geometry = {"grid": grid_data(volume.grid)}
            files = source_files(Path(path))
            return replace(volume, source=VolumeSource(geometry=geometry, checksum=files))
        stack = stack_of(stored, quantity=quantity, policy=policy)
        return stack.replaced(checksum=source_files(Path(path))).volume()


def _text(series: str | int | None) -> str | None:
    """The id or number as a string, the type that readers expect."""
    return None if series is None else str(series)


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
            path, kind=kind, series=_text(series), policy=policy or ReadPolicy()
        ).quantity


def _dicom(path: Path, *, series: str | None, policy: ReadPolicy, quantity: Quantity) -> Stack:
    from hounsfield.io.dicom.read import open_dicom

    return open_dicom(path, series=series, policy=policy, quantity=quantity)


def _dicom_volume(
    path: Path, *, series: str | None, quantity: Quantity, policy: ReadPolicy
) -> Volume:
    if quantity in ("label", "mask"):
        raise QuantityError(
            "found a DICOM image, expected labels; read RTSTRUCT and DICOM SEG with hu.read_labels"
        )
    stack = _dicom(path, series=series, policy=policy, quantity=quantity)
    return (
        stack.volume() if quantity == stack.quantity else stack.replaced(quantity=quantity).volume()
    )
