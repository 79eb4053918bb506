"""Read labels of any format onto the grid of an image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hounsfield.core.arguments import checked
from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import check_path, naming, refused, warn_each
from hounsfield.core.grid import Grid
from hounsfield.core.policy import DEFAULT_POLICY
from hounsfield.core.stack import Stack
from hounsfield.core.volume import Volume
from hounsfield.io.dicom.labels.findings import Finding, diagnostics_of
from hounsfield.io.dicom.labels.names import PLAIN
from hounsfield.io.dicom.labels.objects import RTSTRUCT, LabelObject, label_objects
from hounsfield.io.formats import sniff, without_suffix
from hounsfield.resampling.regrid import label_on_grid


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """Labels by name, all on the grid of the image, with the diagnostics of reading them."""

    volumes: dict[str, Volume]
    diagnostics: tuple[Diagnostic, ...] = ()


@checked
def read_labels(
    path: str | Path, *, image: Stack | Volume, names: Sequence[str] | None = None
) -> dict[str, Volume]:
    """Read labels and resample them to the grid of an image.

    Parameters
    ----------
    path : str or Path
        An RTSTRUCT or DICOM SEG (a file, a folder or an archive), of which each region or segment
        is a mask; or a NIfTI, NRRD, MetaImage or npy file, which is one label map.
    image : Stack or Volume
        The image whose (natural) grid the labels are to have.
    names : sequence of str, optional
        Read these labels only.

    Returns
    -------
    dict of str to Volume
        Labels by name. A name that may identify a patient becomes 'roi-1' or 'segment-1'; that of a
        file is its stem.

    Raises
    ------
    ReadError
        If the file cannot be read.
    RefusedError
        If there is no such label, or it could be read only by guessing.
    QuantityError
        If the file is not a label map.

    Warns
    -----
    HounsfieldWarning
        For everything that was left out, cut, thresholded or resampled.

    Examples
    --------
    >>> import tempfile, numpy as np, hounsfield as hu
    >>> ct = hu.Volume.from_array(np.zeros((4, 4, 2), np.int16), affine=np.eye(4))
    >>> seg = hu.Volume.from_array(np.ones((4, 4, 2), np.uint8), affine=np.eye(4), quantity="label")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     hu.write(seg, f"{folder}/liver.nii.gz")
    ...     list(hu.read_labels(f"{folder}/liver.nii.gz", image=ct))
    ['liver']
    """
    check_path(path)
    labels = load_labels(Path(path), image=image, names=names)
    warn_each(labels.diagnostics, about=path)
    return labels.volumes


def load_labels(
    path: Path, *, image: Stack | Volume, names: Sequence[str] | None = None, member: str = ""
) -> Labels:
    """Read labels like `read_labels`, but return the diagnostics instead of warning.

    `member` is the one object of an archive to read, or "" for all.
    """
    with naming(path):
        if member:
            return _of_dicom(path, image, names, member)
        return _load(path, image, names)


def _load(path: Path, image: Stack | Volume, names: Sequence[str] | None) -> Labels:
    found = _of_file(path, image.grid) if sniff(path) != "dicom" else _of_dicom(path, image, names)
    missing = [name for name in names or () if name not in found.volumes]
    if missing:
        names_found = ", ".join(
            _of_dicom(path, image, None).volumes if sniff(path) == "dicom" else found.volumes
        )
        raise refused("NO_LABELS", f"label '{missing[0]}' not found; expected one of {names_found}")
    return found


def stem(path: Path) -> str:
    """The file name without suffixes if it is a plain identifier, else 'label'."""
    name = without_suffix(path.name)
    return name if PLAIN.fullmatch(name) else "label"


def _of_file(path: Path, grid: Grid) -> Labels:
    from hounsfield.io.open import read_volume

    label = read_volume(path, quantity="label", policy=DEFAULT_POLICY)
    volume, diagnostics = label_on_grid(label, grid, name=stem(path))
    return Labels({stem(path): volume}, label.diagnostics + diagnostics)


def _of_dicom(
    path: Path, image: Stack | Volume, names: Sequence[str] | None, member: str = ""
) -> Labels:
    volumes: dict[str, Volume] = {}
    findings: tuple[Finding, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    for item in label_objects(path, member=member):
        found, found_of_labels, found_of_all = read_object(item, image, names)
        for name, volume in found.items():
            volumes[_free(name, volumes)] = volume
        findings += found_of_labels
        diagnostics += found_of_all
    diagnostics = (
        *diagnostics_of(findings),
        *dict.fromkeys(diagnostics),
        *empty_where_interpolated(image),
    )
    if not volumes and names is None:
        raise refused(
            "NO_LABELS",
            "no region encloses an area; expected at least one closed contour or segment",
        )
    return Labels(volumes, diagnostics)


def empty_where_interpolated(image: Stack | Volume) -> tuple[Diagnostic, ...]:
    """A warning if slices of the image are interpolated, in which labels of DICOM are empty."""
    interpolated = sum(image.interpolated) if isinstance(image, Stack) else 0
    if not interpolated:
        return ()
    message = f"{interpolated} slices of the image are interpolated; labels are empty in them"
    return (Diagnostic("INTERPOLATED", "warning", message),)


def read_object(
    item: LabelObject, image: Stack | Volume, names: Sequence[str] | None
) -> tuple[dict[str, Volume], tuple[Finding, ...], tuple[Diagnostic, ...]]:
    """The masks by name, the findings about each of them, and the diagnostics of the object."""
    if item.sop_class == RTSTRUCT:
        from hounsfield.io.dicom.rtstruct.labels import contour_labels

        return (*contour_labels(item, image, wanted=names), ())
    from hounsfield.io.dicom.seg.labels import segment_labels

    return segment_labels(item, image, wanted=names)


def _free(name: str, used: dict[str, Volume]) -> str:
    """The name, with a number appended if another object already uses it."""
    number, free = 2, name
    while free in used:
        free, number = f"{name[:36]}-{number}", number + 1
    return free
