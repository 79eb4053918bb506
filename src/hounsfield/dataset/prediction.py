"""A network's prediction as it comes: NIfTI, NRRD, npy or a folder of PNG slices."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hounsfield.core.errors import GeometryError, ReadError, missing_file
from hounsfield.core.grid import Grid
from hounsfield.core.policy import ReadPolicy
from hounsfield.core.spec import Quantity
from hounsfield.core.volume import Array
from hounsfield.io.formats import has_sidecar, is_image_folder

WITHOUT_AFFINE = ReadPolicy(assume="hu", assume_affine="RAS")
"""How a prediction's file is read: its values are no HU to be judged, and a missing affine does no harm."""

HEADER_BYTES = 10_000
"""numpy's own bound on a header."""

_DIGITS = re.compile(r"(\d+)")


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """Voxels (i, j, k), and the grid of the file where it has one that means something."""

    array: Array
    grid: Grid | None

    @property
    def quantity(self) -> Quantity:
        """label where all values are whole and none is negative, else other."""
        array = self.array
        if array.dtype.kind in "bu":
            return "label"
        whole = array.dtype.kind == "i" or bool(np.array_equal(array, np.rint(array)))
        return "label" if whole and float(array.min()) >= 0 else "other"


def read_prediction(path: Path) -> Prediction:
    """Read a prediction; raises ReadError and the errors of the readers, GeometryError where it has not three axes."""
    if path.is_dir() and not is_image_folder(path):
        return Prediction(_slices(path), None)
    if not has_sidecar(path):
        return Prediction(_three_axes(_bare_npy(path)), None)
    from hounsfield.io.open import open_stack

    stack = open_stack(path, policy=WITHOUT_AFFINE, quantity="other")
    volume = stack.volume()
    says_where = not any(repair.code == "ASSUMED_AFFINE" for repair in stack.diagnostics)
    return Prediction(volume.array, volume.grid if says_where else None)


def _bare_npy(path: Path) -> Array:
    """An .npy without a sidecar, as networks' scripts save it; never a pickle."""
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False, max_header_size=HEADER_BYTES)
    except FileNotFoundError:
        raise missing_file(path) from None
    except (OSError, ValueError, EOFError, SyntaxError) as error:
        why = getattr(error, "strerror", None) or "it is truncated or corrupt"
        raise ReadError(f"the .npy cannot be read ({why})") from None
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "biuf":
        raise ReadError("the .npy holds no plain numbers")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ReadError("the .npy holds NaN or infinite values")
    return np.asarray(array, dtype=array.dtype.newbyteorder("="))


def _three_axes(array: Array) -> Array:
    """Without leading axes of one entry, as batches and channels have; raises GeometryError unless three are left."""
    while array.ndim > 3 and array.shape[0] == 1:
        array = array[0]
    if array.ndim != 3:
        raise GeometryError(
            f"the prediction has the shape {array.shape}; three axes (i, j, k) were expected: take the "
            "argmax over its classes first"
        )
    return array


def _slices(folder: Path) -> Array:
    """A folder of PNG slices in the order of the numbers in their names: row j, column i, slice k."""
    from PIL import Image, UnidentifiedImageError

    names = sorted(
        (item for item in folder.iterdir() if item.suffix.lower() == ".png"), key=_natural
    )
    if not names:
        raise ReadError("the folder holds no PNG slices")
    planes: list[Array] = []
    for item in names:
        try:
            with Image.open(item, formats=["PNG"]) as image:
                if image.mode not in ("1", "L", "P", "I", "I;16", "I;16B"):
                    raise ReadError(
                        f"slice {len(planes)} is a picture in {image.mode}: a prediction has one value per "
                        "pixel"
                    )
                planes.append(np.asarray(image).T)
        except (
            UnidentifiedImageError,
            SyntaxError,
            ValueError,
            OSError,
            Image.DecompressionBombError,
        ) as error:
            if isinstance(error, ReadError):
                raise
            raise ReadError(f"slice {len(planes)} is corrupt or no PNG") from None
        if planes[-1].shape != planes[0].shape:
            raise GeometryError(
                f"slice {len(planes) - 1} is of {planes[-1].shape}, the first of {planes[0].shape}"
            )
    return np.asfortranarray(np.stack(planes, axis=2))


def _natural(path: Path) -> list[tuple[int, str]]:
    """A key by which slice-9 comes before slice-10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in _DIGITS.split(path.name)]
