"""Recipe 1's head mask, crop and pad: ours, the tutorials' way, and the best of other libraries.

    python benchmarks/masks.py [--repeats 5] [--cache head.npz]

Runs on 512 x 512 x 300. Needs scikit-image, opencv-python-headless and connected-components-3d as
well as the package. Prints medians, ratios and how well the masks agree with the phantom's truth.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.volume import Case, Volume
from hounsfield.kernels.mask import bounding_box
from hounsfield.phantom import grid_about, head
from hounsfield.steps.head_mask import HeadMask

SHAPE = (512, 512, 300)
SPACING_MM = (0.5, 0.5, 0.7)
PADDED = (512, 512)

Array = NDArray[np.int16]
Mask = NDArray[np.uint8]
Way = Callable[[Volume], tuple[Mask, Array]]


def scene(cache: Path | None) -> tuple[Volume, Mask, Mask]:
    """The phantom in its headrest, its mask, and the headrest's."""
    grid = grid_about((0, -14, -5), shape=SHAPE, spacing_mm=SPACING_MM)
    if cache is not None and cache.exists():
        with np.load(cache) as stored:
            image, truth, rest = (
                np.asfortranarray(stored[name]) for name in ("image", "head", "headrest")
            )
        return Volume.from_array(image, affine=grid.affine), truth, rest
    made = head(grid)
    truth, rest = made.masks["head"].array, made.masks["headrest"].array
    if cache is not None:
        np.savez(cache, image=made.image.array, head=truth, headrest=rest)
    return made.image, truth, rest


def boxed(array: Array, start: tuple[int, ...], shape: tuple[int, ...]) -> Array:
    """Crop to the box and pad it in plane around its middle, in one copy."""
    out = np.empty((*PADDED, shape[2]), np.int16, order="F")
    i0, j0 = ((size - count) // 2 for size, count in zip(PADDED, shape[:2], strict=True))
    i1, j1 = i0 + shape[0], j0 + shape[1]
    out[:, :j0] = out[:, j1:] = out[:i0, j0:j1] = out[i1:, j0:j1] = -1024
    out[i0:i1, j0:j1] = array[tuple(slice(a, a + n) for a, n in zip(start, shape, strict=True))]
    return out


def ours(image: Volume) -> tuple[Mask, Array]:
    """HeadMask in HU and mm with its digest, crop to its box, pad."""
    case = HeadMask().resolve(Case(image)).apply(Case(image))
    mask = case.masks["head"].array
    box = bounding_box(mask)
    assert box is not None
    return mask, boxed(image.array, *box)


def tutorial(image: Volume) -> tuple[Mask, Array]:
    """The code that is copied everywhere, with its libraries: slice by slice, windowed, in float64.

    As there, the last row and column of the crop are lost, and what is outside becomes 0.
    """
    from scipy import ndimage
    from skimage import morphology

    masks, padded = [], []
    for k in range(image.shape[2]):
        windowed = np.clip(image.array[:, :, k].astype(np.float64), 0, 80)
        labels, _ = ndimage.label(morphology.dilation(windowed, np.ones((1, 1))))
        counts = np.bincount(labels.ravel().astype(np.int64))
        counts[0] = 0
        mask = morphology.dilation(labels == counts.argmax(), np.ones((1, 1)))
        mask = morphology.dilation(ndimage.binary_fill_holes(mask), np.ones((3, 3)))
        masked = mask * windowed
        if (
            not masked.any()
        ):  # There the tutorials raise; here the slice stays empty, so that they come to an end.
            masks.append(mask)
            padded.append(np.zeros(PADDED))
            continue
        coordinates = np.array(np.nonzero(masked != 0))
        low, high = coordinates.min(axis=1), coordinates.max(axis=1)
        cropped = masked[low[0] : high[0], low[1] : high[1]]
        canvas = np.zeros(PADDED)
        first = [(size - count) // 2 for size, count in zip(PADDED, cropped.shape, strict=True)]
        canvas[first[0] : first[0] + cropped.shape[0], first[1] : first[1] + cropped.shape[1]] = (
            cropped
        )
        masks.append(mask)
        padded.append(canvas)
    return np.stack(masks, axis=2), np.stack(padded, axis=2)


def best_of_others(image: Volume) -> tuple[Mask, Array]:
    """The fastest way to the same result with OpenCV, cc3d and numpy.

    Opening by a disc in plane and a line across, both of 5 mm; the largest component in 3D; closing
    and filling in plane.
    """
    import cc3d
    import cv2

    tissue = np.ascontiguousarray((image.array > -400).transpose(2, 1, 0)).view(np.uint8)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (21, 21))
    line = np.ones((15, 1), np.uint8)
    opened = np.empty_like(tissue)
    for plane, to in zip(tissue, opened, strict=True):
        cv2.erode(plane, disc, dst=to)
    across = opened.reshape(len(opened), -1)
    cv2.morphologyEx(across, cv2.MORPH_OPEN, line, dst=across)
    for plane in opened:
        cv2.dilate(plane, disc, dst=plane)
    kept = cc3d.largest_k(opened & tissue, k=1, connectivity=6, binary_image=True).astype(np.uint8)
    for plane in kept:
        cv2.morphologyEx(plane, cv2.MORPH_CLOSE, disc, dst=plane)
        outlines, _ = cv2.findContours(plane, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(plane, outlines, -1, 1, thickness=cv2.FILLED)
    rows = [
        np.flatnonzero(kept.any(axis=tuple(n for n in range(3) if n != axis))) for axis in (2, 1, 0)
    ]
    start = tuple(int(used[0]) for used in rows)
    shape = tuple(int(used[-1] - used[0] + 1) for used in rows)
    return kept.transpose(2, 1, 0), boxed(image.array, start, shape)


def timed(way: Way, image: Volume, repeats: int) -> tuple[float, float, Mask]:
    """Median wall and CPU time of a way, ms, after one run to warm up, and its mask."""
    mask = way(image)[0]
    wall, cpu = [], []
    for _ in range(repeats):
        start, used = time.perf_counter(), time.process_time()
        way(image)
        wall.append((time.perf_counter() - start) * 1e3)
        cpu.append((time.process_time() - used) * 1e3)
    return statistics.median(wall), statistics.median(cpu), mask


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument(
        "--cache", type=Path, default=None, help="keep the phantom here between runs"
    )
    arguments = parser.parse_args()
    image, truth, rest = scene(arguments.cache)
    base = None
    print(
        f"{'way':22} {'wall ms':>9} {'CPU ms':>9} {'ratio':>7}  Dice to truth, voxels of headrest"
    )
    for name, way in (
        ("hounsfield", ours),
        ("scipy, OpenCV, cc3d", best_of_others),
        ("tutorial", tutorial),
    ):
        wall, cpu, mask = timed(way, image, arguments.repeats)
        base = base or wall
        dice = (
            2 * np.count_nonzero(mask & truth) / (np.count_nonzero(mask) + np.count_nonzero(truth))
        )
        print(
            f"{name:22} {wall:9.0f} {cpu:9.0f} {wall / base:7.1f}  "
            f"{dice:.4f}, {np.count_nonzero(mask & rest)}",
            flush=True,
        )


if __name__ == "__main__":
    main()
