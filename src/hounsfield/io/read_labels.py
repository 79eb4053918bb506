"""Read labels of any kind onto an image's grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import QuantityError, naming, refused, warn
from hounsfield.core.grid import Grid
from hounsfield.core.stack import Stack
from hounsfield.core.volume import Volume
from hounsfield.io.dicom.labels.names import PLAIN
from hounsfield.io.dicom.labels.objects import RTSTRUCT, LabelObject, label_objects
from hounsfield.io.formats import sniff


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """Labels by name, all on the image's grid, and what its user should know of how they came there."""

    volumes: dict[str, Volume]
    diagnostics: tuple[Diagnostic, ...] = ()


def read_labels(
    path: str | Path, *, image: Stack | Volume, names: Sequence[str] | None = None
) -> dict[str, Volume]:
    """The labels at `path` by name, each a Volume on the grid of `image` (a stack's natural grid).

    `path` is an RTSTRUCT or DICOM SEG (a file, a folder or an archive of them): one mask for each region or segment,
    so that overlapping ones keep their voxels. Or it is a NIfTI, NRRD, MetaImage or npy file: one label volume under
    the file's stem. `names` reads only these. A region's own name is kept where it is a plain word, else it is called
    roi-1 or segment-1 by its number, since free text may name a patient.

    Warns (HounsfieldWarning) of what was left out, cut, thresholded or brought over from another grid. Raises
    ReadError, RefusedError or QuantityError.
    """
    labels = load_labels(Path(path), image=image, names=names)
    for diagnostic in labels.diagnostics:
        warn(diagnostic)
    return labels.volumes


def load_labels(path: Path, *, image: Stack | Volume, names: Sequence[str] | None = None) -> Labels:
    """The same with its diagnostics beside it, instead of warnings."""
    with naming(path):
        return _load(path, image, names)


def _load(path: Path, image: Stack | Volume, names: Sequence[str] | None) -> Labels:
    found = _of_file(path, image.grid) if sniff(path) != "dicom" else _of_dicom(path, image, names)
    missing = [name for name in names or () if name not in found.volumes]
    if missing:
        there = ", ".join(
            _of_dicom(path, image, None).volumes if sniff(path) == "dicom" else found.volumes
        )
        raise refused("NO_LABELS", f"no label '{missing[0]}' there; there are {there}")
    return found


def stem(path: Path) -> str:
    """The name of a label file without its suffixes where it is a plain word, else 'label'."""
    name = path.name
    for suffix in (".gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd", ".npy", ".hdr", ".img"):
        name = name[: -len(suffix)] if name.lower().endswith(suffix) else name
    return name if PLAIN.fullmatch(name) else "label"


def _of_file(path: Path, grid: Grid) -> Labels:
    from hounsfield.io.open import read

    volume, diagnostics = on_grid(read(path, quantity="label"), grid, name=stem(path))
    return Labels({stem(path): volume}, diagnostics)


def _of_dicom(path: Path, image: Stack | Volume, names: Sequence[str] | None) -> Labels:
    volumes: dict[str, Volume] = {}
    diagnostics: tuple[Diagnostic, ...] = ()
    for item in label_objects(path):
        found = _of_object(item, image, names)
        for name, volume in found.volumes.items():
            volumes[_free(name, volumes)] = volume
        diagnostics += found.diagnostics
    interpolated = sum(image.interpolated) if isinstance(image, Stack) else 0
    if interpolated:
        said = f"{interpolated} slices of the image were filled in: labels hold nothing there"
        diagnostics += (Diagnostic("INTERPOLATED", "repair", said),)
    if not volumes and names is None:
        raise refused("NO_LABELS", "no region there encloses an area")
    return Labels(volumes, diagnostics)


def _of_object(item: LabelObject, image: Stack | Volume, names: Sequence[str] | None) -> Labels:
    if item.sop_class == RTSTRUCT:
        from hounsfield.io.dicom.rtstruct.labels import contour_labels

        return Labels(*contour_labels(item, image, wanted=names))
    from hounsfield.io.dicom.seg.labels import segment_labels

    return Labels(*segment_labels(item, image, wanted=names))


def _free(name: str, taken: dict[str, Volume]) -> str:
    """A name that no other object's label has taken."""
    turn, free = 2, name
    while free in taken:
        free, turn = f"{name[:36]}-{turn}", turn + 1
    return free


def on_grid(label: Volume, grid: Grid, *, name: str) -> tuple[Volume, tuple[Diagnostic, ...]]:
    """A label on `grid`, copied where that is aligned, else by the largest share of each voxel; and what was done."""
    from hounsfield.resampling.regrid import regrid

    if label.quantity not in ("label", "mask"):
        raise QuantityError(f"label '{name}' holds {label.quantity}, not labels")
    if label.grid.same_as(grid):
        return Volume(label.array, label.spec.replaced(grid=grid)), ()
    copied = grid.aligned_with(label.grid)
    how = (
        "its voxels were copied"
        if copied
        else "each voxel took the label with the largest share of it"
    )
    said = f"label '{name}' lay on another grid ({label.grid!r}) than the image ({grid!r}): {how}"
    made = regrid(label, grid, method=None if copied else "linear")
    return made, (Diagnostic("REGRIDDED", "repair", said),)
