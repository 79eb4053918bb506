"""Open whatever holds a CT, by what its bytes say it is; the suffix only settles what bytes leave open."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hounsfield.core.errors import PipelineError, QuantityError, naming, warn_each
from hounsfield.core.policy import DEFAULT_POLICY, Assume, Gaps, Padding, ReadPolicy, Tilt, Uneven
from hounsfield.core.source import VolumeSource, grid_data
from hounsfield.core.spec import QUANTITIES, Quantity
from hounsfield.core.stack import Stack
from hounsfield.core.volume import Volume
from hounsfield.io.checksum import source_files
from hounsfield.io.formats import reader_of, sniff
from hounsfield.io.values.raw_image import RawImage
from hounsfield.io.values.to_stack import stack_of, volume_of


def open_stack(
    path: str | Path,
    *,
    series: str | int | None = None,
    policy: ReadPolicy,
    quantity: Quantity | None = None,
) -> Stack:
    """The Stack of what lies at `path`: a NIfTI, NRRD, MetaImage or npy file, a folder of our 16-bit PNG slices, or
    DICOM in a file, a folder, a zip or a tar. Voxels are decoded when asked for.

    `quantity` None is what the file says itself (npy and PNG do), else HU.
    `series` selects one of several: a DICOM series by its id or number, a volume of a 4-D file by its
    number; numbers count from 0 in the order in which `inspect` lists them.
    Raises MissingFileError, ReadError, RefusedError, QuantityError or GeometryError, each one line that
    names the path. Nothing warns: the Stack has `diagnostics`.
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
                f"the file holds {len(stored.channels)} channels, which no scanner makes: hu.read "
                "reads them as a Volume; hu.open and pipelines take one"
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
    """What `read` gives, without a warning: its diagnostics are for the caller to report."""
    if quantity not in QUANTITIES:
        raise QuantityError(f"quantity '{quantity}' is none of {', '.join(QUANTITIES)}")
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
    """The id or number as readers take it."""
    return None if series is None else str(series)


def _one_policy(policy: ReadPolicy | None, keywords: ReadPolicy) -> ReadPolicy:
    """The policy, or the one of the keywords; both together would be ambiguous."""
    if policy is not None and keywords != DEFAULT_POLICY:
        raise PipelineError("both policy= and its fields are given; give one of the two")
    return keywords if policy is None else policy


def _stored(path: Path, *, kind: str, series: str | None, policy: ReadPolicy) -> RawImage:
    return reader_of(kind)(path, series=series, policy=policy)


def open_raw(path: Path, *, series: str | None = None, policy: ReadPolicy) -> RawImage:
    """What an image file that is not DICOM says in its header; voxels are not read.

    Raises the errors of the readers.
    """
    with naming(path):
        return _stored(path, kind=sniff(path), series=series, policy=policy)


def declared_quantity(
    path: Path, *, series: str | int | None = None, policy: ReadPolicy | None = None
) -> Quantity | None:
    """The quantity that a file says itself (our npy and PNG slices); None where it does not, and for DICOM.

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
            "this is a DICOM image, not labels: read RTSTRUCT and DICOM SEG with hu.read_labels"
        )
    stack = _dicom(path, series=series, policy=policy, quantity=quantity)
    return (
        stack.volume() if quantity == stack.quantity else stack.replaced(quantity=quantity).volume()
    )
