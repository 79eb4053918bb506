"""Measure the fingerprint of a data set as nnU-Net does: foreground intensities and spacings."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.errors import GeometryError, QuantityError, ReadError, refused, unreadable
from hounsfield.core.policy import DEFAULT_POLICY
from hounsfield.core.spec import Quantity
from hounsfield.core.volume import Array, Volume
from hounsfield.io.bytes.text import read_short_text

STEPS_PER_HU = 64
"""Fractions of HU are counted in steps of 1/64 HU, an order below the rounding of whole HU."""

PERCENTILES = {"percentile_00_5": 0.5, "median": 50.0, "percentile_99_5": 99.5}
"""The percentiles of nnU-Net's dataset_fingerprint.json by their names."""

LARGEST_BYTES = 1 << 24
"""Maximum size of dataset.json, which has a line for each label."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageAndLabels:
    """The files of a case: voxels over 0 in any of the labels are its foreground.

    `quantity` is that of the image; None is as the file states it, else HU.
    """

    image: Path
    labels: tuple[Path, ...]
    quantity: Quantity | None = None


@dataclass(frozen=True, slots=True)
class _Counts:
    """Sorted values in steps of 1/64 HU, and the weight of each."""

    values: NDArray[np.int64]
    weights: NDArray[np.float64]

    def joined(self, other: _Counts) -> _Counts:
        values, index = np.unique(np.concatenate([self.values, other.values]), return_inverse=True)
        joined = np.concatenate([self.weights, other.weights])
        weights = np.bincount(index, joined).astype(np.float64)
        return _Counts(values, weights)


_NONE = _Counts(np.empty(0, dtype=np.int64), np.empty(0))


def measure(
    cases: Sequence[ImageAndLabels], *, progress: Progress = lambda done, total: None
) -> dict[str, Any]:
    """Return the content of dataset_fingerprint.json for CT.

    All voxels of the foreground count, and each case with a foreground has the same weight: what
    nnU-Net's random sample of them, with replacement and of one size per case, is in the limit. One
    case is in memory at a time. Raises QuantityError unless the images are in HU, RefusedError
    without a foreground, and the errors of the readers.
    """
    total = _NONE
    shapes, spacings, sizes = [], [], []
    for n, case in enumerate(cases):
        progress(n, len(cases))
        image, foreground = _read(case)
        total = total.joined(_counts(image.array, foreground))
        shape = _shape_after_crop(image.array)
        shapes.append(list(reversed(shape)))
        spacings.append(list(reversed(image.spacing_mm)))
        sizes.append(float(np.prod(shape) / np.prod(image.shape)))
    if not len(total.values):
        raise refused("EMPTY_LABEL", "no case has a labelled voxel; check the labels")
    return {
        "foreground_intensity_properties_per_channel": {"0": _properties(total)},
        "median_relative_size_after_cropping": float(np.median(sizes)),
        "shapes_after_crop": shapes,
        "spacings": spacings,
    }


def _read(case: ImageAndLabels) -> tuple[Volume, NDArray[np.bool_]]:
    """Return the image in HU, and where any label is over 0."""
    from hounsfield.io.open import declared_quantity, read_volume

    quantity = case.quantity or declared_quantity(case.image, policy=DEFAULT_POLICY) or "hu"
    if quantity != "hu":
        raise QuantityError(f"the image is {quantity}; a fingerprint requires HU")
    image = read_volume(case.image, quantity=quantity, policy=DEFAULT_POLICY)
    inside = np.zeros(image.shape, dtype=np.bool_, order="F")
    for path in case.labels:
        label = read_volume(path, quantity="label", policy=DEFAULT_POLICY)
        if not label.grid.same_as(image.grid):
            raise GeometryError(
                f"the label has the grid {label.grid!r}; expected that of the image, {image.grid!r}"
            )
        inside |= label.array > 0
    return image, inside


def _counts(array: Array, inside: NDArray[np.bool_]) -> _Counts:
    """Count the values where `inside` is true, slice by slice; the weights have the sum 1."""
    found = _NONE
    waiting: list[NDArray[np.int64]] = []
    for k in range(array.shape[2]):
        values = array[:, :, k][inside[:, :, k]]
        waiting.append(np.rint(values.astype(np.float64) * STEPS_PER_HU).astype(np.int64))
        if sum(map(len, waiting)) > array[:, :, 0].size or k == array.shape[2] - 1:
            steps, counts = np.unique(np.concatenate(waiting), return_counts=True)
            found = found.joined(_Counts(steps, counts.astype(np.float64)))
            waiting = []
    total = found.weights.sum()
    return _Counts(found.values, found.weights / total) if total else _NONE


def _shape_after_crop(array: Array) -> tuple[int, ...]:
    """Return the shape of the box around all voxels that are not 0, as nnU-Net crops."""
    along = [np.zeros(size, dtype=np.bool_) for size in array.shape]
    for k in range(array.shape[2]):
        used = array[:, :, k] != 0
        along[0] |= used.any(axis=1)
        along[1] |= used.any(axis=0)
        along[2][k] = used.any()
    bounds = [np.flatnonzero(axis) for axis in along]
    if not len(bounds[2]):
        raise QuantityError("all voxels of an image are 0; expected a CT in HU")
    return tuple(int(where[-1] - where[0] + 1) for where in bounds)


def _properties(counts: _Counts) -> dict[str, float]:
    weights = counts.weights / counts.weights.sum()
    hu = counts.values / STEPS_PER_HU
    mean = float(weights @ hu)
    below = np.cumsum(weights)
    last = len(hu) - 1
    return {
        "max": float(hu[-1]),
        "mean": mean,
        "min": float(hu[0]),
        "std": float(np.sqrt(weights @ (hu - mean) ** 2)),
        **{
            name: float(hu[min(int(np.searchsorted(below, percent / 100)), last)])
            for name, percent in PERCENTILES.items()
        },
    }


def training_cases(folder: Path) -> list[ImageAndLabels]:
    """Return the training cases of a data set of nnU-Net.

    Raises ReadError unless it has dataset.json with one CT channel, and a label for each image.
    """
    path = folder / "dataset.json"
    try:
        data = json.loads(read_short_text(path, largest_bytes=LARGEST_BYTES))
        ending, channels = str(data["file_ending"]), dict(data["channel_names"])
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        if isinstance(error, ReadError):
            raise
        raise unreadable(str(path), "not the dataset.json of nnU-Net; expected its keys") from None
    if list(channels.values()) != ["CT"]:
        raise unreadable(str(path), "the channels are not one of CT; expected {'0': 'CT'}")
    return [_training_case(folder, image, ending) for image in _images(folder, ending)]


def _images(folder: Path, ending: str) -> Iterable[Path]:
    images = sorted((folder / "imagesTr").glob(f"*_0000{ending}"))
    if not images:
        raise unreadable(str(folder), "no image in imagesTr; expected CASE_0000 and the ending")
    return images


def _training_case(folder: Path, image: Path, ending: str) -> ImageAndLabels:
    label = folder / "labelsTr" / f"{image.name.removesuffix(f'_0000{ending}')}{ending}"
    return ImageAndLabels(image=image, labels=(label,), quantity="hu")
