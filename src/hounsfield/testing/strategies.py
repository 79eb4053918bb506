"""Hypothesis strategies for core values and pipelines; arrays are drawn as seeds."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from hounsfield.core.grid import Grid
from hounsfield.core.spec import AIR_HU, Quantity, Spec
from hounsfield.core.stack import Stack
from hounsfield.core.volume import Volume
from hounsfield.pipeline.pipeline import Pipeline
from hounsfield.steps.base import Step
from hounsfield.steps.box import Box
from hounsfield.steps.clip import Clip
from hounsfield.steps.crop_or_pad import CropOrPad
from hounsfield.steps.map_range import MapRange
from hounsfield.steps.reorient import Reorient
from hounsfield.steps.resample import Resample
from hounsfield.steps.slab import Slab
from hounsfield.steps.standardize import Standardize
from hounsfield.steps.window import Window
from hounsfield.testing.values import noise

ORIENTATIONS = tuple(
    "".join(letters) for order in permutations(("LR", "PA", "IS")) for letters in product(*order)
)
"""The 48 orientations of three axes along the world axes."""

_QUANTITIES: st.SearchStrategy[Quantity] = st.sampled_from(
    ("hu", "unit", "standardized", "display", "other")
)
IMAGE_DTYPES = ("int16", "uint16", "int32", "uint8", "float32", "float64")


@st.composite
def affines(draw: st.DrawFn, *, oblique: bool = False) -> NDArray[np.float64]:
    """Draw affines to RAS+ mm of any orientation, with spacings of 0.3 to 6 mm.

    Parameters
    ----------
    oblique : bool, default False
        Rotate some of them by up to 30 degrees.

    Returns
    -------
    SearchStrategy of ndarray, (4, 4)
        A strategy for `hypothesis.given`.

    Examples
    --------
    >>> from hypothesis import given
    >>> @given(affine=affines(oblique=True))
    ... def test_an_affine_is_invertible(affine):
    ...     assert np.linalg.det(affine) != 0
    """
    spacing = np.array(draw(st.tuples(*[st.floats(0.3, 6.0)] * 3)))
    matrix = np.eye(4)
    matrix[:3, :3] = _directions(draw(st.sampled_from(ORIENTATIONS))) * spacing
    matrix[:3, 3] = draw(st.tuples(*[st.floats(-300.0, 300.0)] * 3))
    if oblique:
        matrix[:3, :3] = _rotation(*draw(st.tuples(*[st.floats(-0.5, 0.5)] * 3))) @ matrix[:3, :3]
    return matrix


@st.composite
def grids(draw: st.DrawFn, *, smallest: int = 1, largest: int = 9, oblique: bool = False) -> Grid:
    """Draw grids.

    Parameters
    ----------
    smallest : int, default 1
        Fewest voxels of an axis.
    largest : int, default 9
        Most voxels of an axis.
    oblique : bool, default False
        Rotate some of them by up to 30 degrees.

    Returns
    -------
    SearchStrategy of Grid
        A strategy for `hypothesis.given`.

    Examples
    --------
    >>> from hypothesis import given
    >>> @given(grid=grids(largest=4))
    ... def test_a_grid_has_at_most_64_voxels(grid):
    ...     assert np.prod(grid.shape) <= 64
    """
    shape = draw(st.tuples(*[st.integers(smallest, largest)] * 3))
    return Grid(shape, draw(affines(oblique=oblique)))


@st.composite
def specs(
    draw: st.DrawFn,
    *,
    grid: st.SearchStrategy[Grid] | None = None,
    quantity: Quantity | None = "hu",
    dtypes: tuple[str, ...] = IMAGE_DTYPES,
    channels: bool = False,
) -> Spec:
    """Draw Specs of images.

    The background is -1024 HU where the dtype can represent it, else 0.

    Parameters
    ----------
    grid : SearchStrategy of Grid, optional
        A strategy for the grid (default: `grids`).
    quantity : str or None, default 'hu'
        The quantity; None draws one.
    dtypes : tuple of str
        Dtypes to draw from, but for 'unit' and 'standardized', which are float32.
    channels : bool, default False
        Draw one or two channels.

    Returns
    -------
    SearchStrategy of Spec
        A strategy for `hypothesis.given`.

    Examples
    --------
    >>> from hypothesis import given
    >>> @given(spec=specs(quantity="unit"))
    ... def test_a_spec_is_float32(spec):
    ...     assert spec.dtype == np.float32
    """
    kind: Quantity = draw(_QUANTITIES) if quantity is None else quantity
    dtype = np.dtype(
        "float32" if kind in ("unit", "standardized") else draw(st.sampled_from(dtypes))
    )
    names = ("a", "b")[: draw(st.integers(1, 2))] if channels else ()
    background = AIR_HU if kind == "hu" and dtype.kind != "u" else 0.0
    return Spec(
        grid=draw(grids() if grid is None else grid),
        dtype=dtype,
        quantity=kind,
        background=background,
        channels=names,
    )


@st.composite
def volumes(draw: st.DrawFn, *, spec: st.SearchStrategy[Spec] | None = None) -> Volume:
    """Draw volumes of random voxels.

    Parameters
    ----------
    spec : SearchStrategy of Spec, optional
        A strategy for the Spec (default: `specs`).

    Returns
    -------
    SearchStrategy of Volume
        A strategy for `hypothesis.given`.

    Examples
    --------
    >>> from hypothesis import given
    >>> @given(volume=volumes())
    ... def test_a_volume_is_hu(volume):
    ...     assert volume.quantity == "hu"
    """
    return noise(draw(specs() if spec is None else spec), seed=draw(st.integers(0, 2**32 - 1)))


@st.composite
def stacks(
    draw: st.DrawFn,
    *,
    smallest: int = 2,
    largest: int = 7,
    even: bool | None = None,
    upright: bool | None = None,
) -> Stack:
    """Draw stacks of int16 slices, with a slope and intercept for each slice.

    Parameters
    ----------
    smallest : int, default 2
        Fewest voxels of an axis.
    largest : int, default 7
        Most voxels of an axis.
    even : bool, optional
        Whether slices are evenly spaced; None draws it.
    upright : bool, optional
        Whether slices are not tilted; None draws it.

    Returns
    -------
    SearchStrategy of Stack
        A strategy for `hypothesis.given`.

    Examples
    --------
    >>> from hypothesis import given
    >>> @given(stack=stacks(even=True, upright=True))
    ... def test_a_stack_is_regular(stack):
    ...     assert stack.is_regular
    """
    ni, nj, nk = draw(st.tuples(*[st.integers(smallest, largest)] * 3))
    affine = draw(affines(oblique=draw(st.booleans())))
    step_i, step_j = affine[:3, 0], affine[:3, 1]
    normal = np.cross(step_i, step_j) / np.linalg.norm(np.cross(step_i, step_j))
    same_gap = draw(st.booleans()) if even is None else even
    gaps = (
        np.full(nk - 1, draw(st.floats(1.0, 5.0)))
        if same_gap
        else np.array(draw(st.lists(st.floats(1.0, 5.0), min_size=nk - 1, max_size=nk - 1)))
    )
    straight = draw(st.booleans()) if upright is None else upright
    lean = 0.0 if straight else draw(st.floats(0.1, 0.5)) * draw(st.sampled_from((-1.0, 1.0)))
    positions = np.concatenate([[0.0], np.cumsum(gaps)])
    origins = affine[:3, 3] + np.outer(positions, normal + lean * step_j / np.linalg.norm(step_j))
    values = (
        np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
        .integers(0, 4096, (ni, nj, nk))
        .astype(np.int16)
    )
    stored = np.asfortranarray(values)
    return Stack(
        shape=(ni, nj, nk),
        origins_ras_mm=origins,
        step_i_ras_mm=step_i,
        step_j_ras_mm=step_j,
        stored_dtype=stored.dtype,
        decode=lambda start, stop: stored[:, :, start:stop],
        slopes=np.array(draw(st.lists(st.sampled_from((1.0, 0.5, 2.0)), min_size=nk, max_size=nk))),
        intercepts=np.full(nk, -1024.0),
    )


@st.composite
def pipelines(draw: st.DrawFn, *, longest: int = 5, interpolations: int = 2) -> Pipeline:
    """Draw pipelines of geometric steps and perhaps a mapping of values and a slab.

    Parameters
    ----------
    longest : int, default 5
        Most geometric steps.
    interpolations : int, default 2
        Most steps that resample.

    Returns
    -------
    SearchStrategy of Pipeline
        A strategy for `hypothesis.given`.

    Examples
    --------
    >>> from hypothesis import given
    >>> @given(pipeline=pipelines(longest=2))
    ... def test_a_pipeline_has_no_name(pipeline):
    ...     assert pipeline.name == ""
    """
    steps: list[Step] = []
    resamplings = 0
    for _ in range(draw(st.integers(0, longest))):
        step = draw(_geometry(resampling=resamplings < interpolations))
        resamplings += isinstance(step, Resample)
        steps.append(step)
    values = draw(st.lists(_VALUES, max_size=1))
    for step in values[0] if values else ():
        steps.insert(draw(st.integers(0, len(steps))) if len(values[0]) == 1 else len(steps), step)
    return Pipeline((*steps, *draw(st.lists(_SLABS, max_size=1))))


def _geometry(*, resampling: bool) -> st.SearchStrategy[Step]:
    sizes = st.tuples(*[st.integers(1, 10)] * 3)
    moves: list[st.SearchStrategy[Step]] = [
        st.builds(Reorient, to=st.sampled_from(ORIENTATIONS)),
        st.builds(Box, start=st.tuples(*[st.integers(-2, 2)] * 3), shape=sizes),
        st.builds(CropOrPad, shape=st.tuples(*[st.none() | st.integers(1, 10)] * 3)),
    ]
    lengths = st.tuples(*[st.floats(0.8, 4.0)] * 3)
    methods = st.sampled_from(("linear", "auto", "nearest"))
    return st.one_of(
        *moves, *([st.builds(Resample, spacing_mm=lengths, method=methods)] if resampling else [])
    )


_VALUES: st.SearchStrategy[tuple[Step, ...]] = st.sampled_from(
    (
        (Clip(low_hu=-100, high_hu=1000),),
        (Clip(low_hu=-100, high_hu=1000), MapRange()),
        (Window(name="brain"),),
        (Standardize(mean_hu=50, std_hu=300),),
        (MapRange(from_low=-500, from_high=1500, to_high=255),),
    )
)
_SLABS: st.SearchStrategy[Step] = st.builds(
    Slab,
    statistic=st.sampled_from(("max", "min", "mean")),
    slices=st.integers(1, 6),
    plane=st.sampled_from(("axial", "coronal", "sagittal")),
    stride=st.integers(1, 3),
)


def _directions(orientation: str) -> NDArray[np.float64]:
    matrix = np.zeros((3, 3))
    for axis, letter in enumerate(orientation):
        world = next(n for n, pair in enumerate(("LR", "PA", "IS")) if letter in pair)
        matrix[world, axis] = 1.0 if letter in "RAS" else -1.0
    return matrix


def _rotation(x: float, y: float, z: float) -> NDArray[np.float64]:
    turn = np.eye(3)
    for axis, angle in enumerate((x, y, z)):
        a, b = [n for n in range(3) if n != axis]
        one = np.eye(3)
        one[a, a] = one[b, b] = np.cos(angle)
        one[a, b], one[b, a] = -np.sin(angle), np.sin(angle)
        turn = turn @ one
    return turn
