"""Write a Volume to a file: one function for every format."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np

from hounsfield.core.cast import cast
from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import WriteError, warn_each
from hounsfield.core.policy import ReadPolicy
from hounsfield.core.stack import Stack
from hounsfield.core.volume import Volume
from hounsfield.io.base import Writer
from hounsfield.io.formats import DICOM, load, output_by_suffix, output_of
from hounsfield.io.open import open_stack

Identity = Literal["remove", "keep"]


def write(
    volume: Volume,
    path: str | Path,
    *,
    format: str | None = None,
    dtype: Any = None,
    source: Stack | str | Path | None = None,
    identity: Identity = "remove",
) -> None:
    """Write `volume` to `path`, whole or not at all, without a word of text from its source.

    The format follows from the suffix (.nii, .nii.gz, .nrrd, .npy) or from `format`: nii.gz, nii, nrrd, npy (with a
    sidecar of the same name and .json), png (a folder of 16-bit slices that keep the HU), png8 (a folder of 8-bit
    slices to look at), dicom (a folder: a CT series derived from `source`, the stack or series that it came from; see
    io/dicom/write/series.py for what `identity` does). `dtype` converts, checked: integers are
    rounded, and what does not fit raises QuantityError. Raises WriteError where the disk refuses.
    """
    found = write_volume(volume, path, format=format, dtype=dtype, source=source, identity=identity)
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
    return volume if dtype is None else cast(volume, np.dtype(dtype))


def _check_folder(path: Path) -> None:
    if not path.parent.is_dir():
        raise WriteError("the folder of the output does not exist; create it first")


def write_seg(
    labels: Volume,
    path: str | Path,
    *,
    source: Stack | str | Path,
    names: Mapping[int, str] | None = None,
    identity: Identity = "remove",
) -> None:
    """Write a label or mask as a DICOM SEG (binary, one segment for each value over 0) of the series `source`.

    `source` is the Stack that hu.open made of the series, or its folder. The label is brought back onto its original
    slices, each at its own place, and every frame names the slice that it lies on; slices without any label are left
    out. `names` names values; else value 3 is 'segment-3'. The UIDs of the source are in the file, since it refers
    to them; patient and study are empty unless identity='keep', which is warned of. The same input gives the same
    bytes: content date and time are 1 January 1900.

    Raises QuantityError where it is no label, GeometryError where it lies beyond the series, WriteError, and
    MissingExtraError without highdicom.
    """
    from hounsfield.io.dicom.seg.write import write_seg as write_file

    write_file(labels, Path(path), source=opened_source(source), names=names, identity=identity)


def opened_source(source: Stack | str | Path) -> Stack:
    """The source series of an output; any quantity, and gaps between slices are allowed."""
    if isinstance(source, Stack):
        return source
    return open_stack(source, policy=ReadPolicy(gaps="fill"), quantity="other")
