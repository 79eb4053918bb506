"""Write a Volume to a file: one function for every format."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from hounsfield.core.errors import WriteError
from hounsfield.core.stack import Stack
from hounsfield.core.volume import Volume

Format = Literal["nii.gz", "nii", "nrrd", "npy", "png", "png8", "dicom"]
FORMATS: tuple[str, ...] = get_args(Format)


def write(volume: Volume, path: str | Path, *, format: str | None = None, dtype: Any = None,
          like: Stack | str | Path | None = None, identity: Literal["remove", "keep"] = "remove") -> None:
    """Write `volume` to `path`, whole or not at all, without a word of text from its source.

    The format follows from the suffix (.nii, .nii.gz, .nrrd, .npy) or from `format`: nii.gz, nii, nrrd, npy (with a
    sidecar of the same name and .json), png (a folder of 16-bit slices that keep the HU), png8 (a folder of 8-bit
    slices to look at), dicom (a folder: a CT series derived from `like`, the stack or series that it came from; see
    io/derived/write.py for what `identity` does). `dtype` converts, checked: integers are
    rounded, and what does not fit raises QuantityError. Raises WriteError where the disk refuses.
    """
    target = Path(path)
    kind = _format(target, format)
    if (like is not None or identity != "remove") and kind != "dicom":
        raise WriteError(f"like= and identity= belong to format='dicom', and this is {kind}, which names nobody")
    _check_folder(target)
    if kind == "dicom":
        from hounsfield.io.derived.write import write_dicom

        write_dicom(_typed(volume, dtype), target, like=like, identity=identity)
        return
    _write_as(kind, _typed(volume, dtype), target)


def _typed(volume: Volume, dtype: Any) -> Volume:
    if dtype is None:
        return volume
    from hounsfield.io.cast import cast as cast_voxels

    array = cast_voxels(volume.array, np.dtype(dtype))
    return Volume(array, volume.spec.replaced(dtype=array.dtype))


def _format(path: Path, named: str | None) -> str:
    if named is not None:
        if named not in FORMATS:
            raise WriteError(f"format '{named}' is none of {', '.join(FORMATS)}")
        return named
    name = path.name.lower()
    for kind in ("nii.gz", "nii", "nrrd", "npy"):
        if name.endswith("." + kind):
            return kind
    raise WriteError("the suffix says no format: end the name in .nii.gz, .nii, .nrrd or .npy, or name one of "
                     f"{', '.join(FORMATS)} as format=")


def _check_folder(path: Path) -> None:
    if not path.parent.is_dir():
        raise WriteError("the folder of the output does not exist: make it first")


def _write_as(kind: str, volume: Volume, path: Path) -> None:
    if kind in ("nii", "nii.gz"):
        from hounsfield.io.nifti.writer import write_nifti

        write_nifti(volume, path, is_packed=kind == "nii.gz")
    elif kind == "nrrd":
        from hounsfield.io.nrrd.writer import write_nrrd

        write_nrrd(volume, path)
    elif kind == "npy":
        from hounsfield.io.npy import write_npy

        write_npy(volume, path)
    else:
        from hounsfield.io.png.writer import write_png

        write_png(volume, path, bits=8 if kind == "png8" else 16)
