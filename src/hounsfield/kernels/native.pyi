"""The compiled kernels on arrays; the Python modules of this package wrap and check them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Line = tuple[float, float, float, float]
"""slope, intercept, low, high of a clamped linear function."""

Table = tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32], NDArray[np.int32]]
"""first (sets, n), weight (sets, n, taps), rest (sets, n), limits (sets, n or 0, 2)."""

LabelTable = tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]
"""first (sets, n), weight (sets, n, taps), rest (sets, n)."""

def jpeg_lossless(
    data: NDArray[np.uint8], is_signed: bool, out: NDArray[np.uint16]
) -> tuple[int, bool]: ...
def sample(
    source: NDArray[Any],
    slopes: NDArray[np.float32],
    intercepts: NDArray[np.float32],
    before: Line,
    padding: tuple[float, float, float] | None,
    axis_i: Table,
    axis_j: Table,
    axis_k: Table,
    background: float,
    after: Line,
    statistic: int,
    start: NDArray[np.int32],
    stop: NDArray[np.int32],
    block: int,
    out: NDArray[Any],
    threads: int,
) -> None: ...
def gather_linear(
    source: NDArray[Any],
    relation: Sequence[float],
    background: float,
    threads: int,
    out: NDArray[np.float32],
) -> None: ...
def gather_nearest(
    source: NDArray[Any],
    relation: Sequence[float],
    background: float,
    threads: int,
    out: NDArray[Any],
) -> None: ...
def label_share(
    source: NDArray[Any],
    axis_i: LabelTable,
    axis_j: LabelTable,
    axis_k: LabelTable,
    background: int,
    out: NDArray[Any],
    threads: int,
) -> None: ...
def label_share_oblique(
    source: NDArray[Any],
    relation: Sequence[float],
    points: Sequence[int],
    background: int,
    threads: int,
    out: NDArray[Any],
) -> None: ...
def label_counts(voxels: NDArray[Any], threads: int) -> tuple[list[int], list[int]]: ...
def label_slab(
    source: NDArray[Any],
    start: NDArray[np.int32],
    stop: NDArray[np.int32],
    background: int,
    threads: int,
    out: NDArray[Any],
) -> None: ...
def mask_pack(
    bytes: NDArray[np.uint8], shape: Sequence[int], threads: int, out: NDArray[np.uint64]
) -> None: ...
def mask_expand(
    words: NDArray[np.uint64], shape: Sequence[int], threads: int, out: NDArray[np.uint8]
) -> None: ...
def mask_bounds(
    bytes: NDArray[np.uint8], shape: Sequence[int]
) -> tuple[int, int, int, int, int, int]: ...
def mask_occupancy(
    values: NDArray[Any],
    shape: Sequence[int],
    block: Sequence[int],
    low: float,
    high: float,
    share: float,
    threads: int,
    out: NDArray[np.uint64],
) -> None: ...
def mask_refine(
    values: NDArray[Any],
    shape: Sequence[int],
    block: Sequence[int],
    inner: NDArray[np.uint64],
    band: NDArray[np.uint64],
    limits: Sequence[float],
    threads: int,
    out: NDArray[np.uint64],
) -> None: ...
def mask_dilate(
    words: NDArray[np.uint64],
    shape: Sequence[int],
    offsets: NDArray[np.int32],
    threads: int,
    out: NDArray[np.uint64],
) -> None: ...
def mask_components(
    words: NDArray[np.uint64], shape: Sequence[int]
) -> tuple[NDArray[np.int32], NDArray[np.int64]]: ...
def mask_paint(
    runs: NDArray[np.int32], keep: NDArray[np.uint8], shape: Sequence[int], out: NDArray[np.uint64]
) -> None: ...
def mask_meets(
    runs: NDArray[np.int32], words: NDArray[np.uint64], shape: Sequence[int], out: NDArray[np.uint8]
) -> None: ...
def mask_cut(
    part: NDArray[np.uint64],
    source: NDArray[np.uint64],
    shape: Sequence[int],
    spacing_mm: Sequence[float],
    reach_mm: float,
    out: NDArray[np.uint64],
) -> None: ...
def mask_rays(
    wall: NDArray[np.uint64],
    outside: NDArray[np.uint64],
    shape: Sequence[int],
    steps: NDArray[np.int32],
    hits: NDArray[np.uint8],
    misses: NDArray[np.uint8],
) -> None: ...
def polygon_fill(points: NDArray[np.int64], out: NDArray[np.uint8]) -> None: ...
