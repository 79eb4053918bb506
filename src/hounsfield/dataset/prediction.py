"""Read the prediction of a network: NIfTI, NRRD, npy or a folder of PNG slices."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hounsfield.core.errors import GeometryError, HounsfieldError, ReadError, missing_file
from hounsfield.core.grid import Grid
from hounsfield.core.policy import ReadPolicy
from hounsfield.core.spec import Quantity
from hounsfield.core.volume import Array
from hounsfield.io.formats import has_sidecar, is_image_folder

WITHOUT_AFFINE = ReadPolicy(assume="hu", assume_affine="RAS")
"""The read policy of predictions: values are not checked for HU, the affine is optional."""

HEADER_BYTES = 10_000
"""The default header limit of numpy."""

_DIGITS = re.compile(r"(\d+)")


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """Voxels (i, j, k), and the grid of the file; None if the file has no valid affine."""

    array: Array
    grid: Grid | None

    @property
    def quantity(self) -> Quantity:
        """Return label if all values are non-negative integers, else other."""
        array = self.array
        if array.dtype.kind in "bu":
            return "label"
        integral = array.dtype.kind == "i" or bool(np.array_equal(array, np.rint(array)))
        return "label" if integral and float(array.min()) >= 0 else "other"


def read_prediction(path: Path) -> Prediction:
    """Read a prediction; raises GeometryError unless it has three axes, and errors of readers."""
    if os.path.isdir(path) and not is_image_folder(path):
        return Prediction(_slices(path), None)
    if not has_sidecar(path):
        return Prediction(_three_axes(_npy_without_sidecar(path)), None)
    from hounsfield.io.open import open_stack

    stack = open_stack(path, policy=WITHOUT_AFFINE, quantity="other")
    volume = stack.volume()
    has_affine = not any(repair.code == "ASSUMED_AFFINE" for repair in stack.diagnostics)
    return Prediction(volume.array, volume.grid if has_affine else None)


def _npy_without_sidecar(path: Path) -> Array:
    """Read an .npy without a sidecar; pickled objects are refused."""
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False, max_header_size=HEADER_BYTES)
    except FileNotFoundError:
        raise missing_file(path) from None
    except (OSError, ValueError, EOFError, SyntaxError) as error:
        reason = getattr(error, "strerror", None) or "truncated or corrupt"
        raise ReadError(f"the .npy cannot be read ({reason}); write it again") from None
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "biuf":
        raise ReadError("the .npy has no numeric dtype; expected bool, integers or floats")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ReadError("the .npy has NaN or infinite values; expected finite values")
    return np.asarray(array, dtype=array.dtype.newbyteorder("="))


def _three_axes(array: Array) -> Array:
    """Drop leading axes of length 1 (batch, channel); raises GeometryError unless three remain."""
    while array.ndim > 3 and array.shape[0] == 1:
        array = array[0]
    if array.ndim != 3:
        raise GeometryError(
            f"the prediction has the shape {array.shape}; expected three axes (i, j, k): take the "
            "argmax over the classes first"
        )
    return array


def _slices(folder: Path) -> Array:
    """Read PNG slices in the numeric order of their names: row j, column i, slice k."""
    from PIL import Image

    names = sorted(
        (item for item in folder.iterdir() if item.suffix.lower() == ".png"), key=_natural
    )
    if not names:
        raise ReadError("no PNG slices in the folder; expected files such as slice-0.png")
    planes: list[Array] = []
    for item in names:
        try:
            with Image.open(item, formats=["PNG"]) as image:
                if image.mode not in ("1", "L", "P", "I", "I;16", "I;16B"):
                    raise ReadError(
                        f"slice {len(planes)} has the mode {image.mode}; expected one channel"
                    )
                planes.append(np.asarray(image).T)
        except HounsfieldError:
            raise
        except Exception:  # Pillow raises many exception types for a corrupt file
            raise ReadError(
                f"slice {len(planes)} is corrupt or not a PNG; write it again"
            ) from None
        if planes[-1].shape != planes[0].shape:
            raise GeometryError(
                f"slice {len(planes) - 1} has the shape {planes[-1].shape}; expected "
                f"{planes[0].shape}, the shape of the first slice"
            )
    return np.asfortranarray(np.stack(planes, axis=2))


def _natural(path: Path) -> list[tuple[int, str]]:
    """Return a sort key that puts slice-9 before slice-10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in _DIGITS.split(path.name)]
