"""Oblique sampling: the plain numpy twin, scipy, and what must hold for every affine."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import affine_transform

from hounsfield.kernels.oblique import gather

DTYPES = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "float32", "float64")
SHAPE = (5, 4, 3)


def values(dtype: str, seed: int, shape: tuple[int, int, int] = SHAPE) -> np.ndarray:
    """Noise of a dtype, Fortran-ordered."""
    made = np.random.default_rng(seed).normal(20, 12, shape)
    return np.asfortranarray(np.clip(made, 0, 120).astype(dtype))


@st.composite
def relations(draw: st.DrawFn) -> np.ndarray:
    """4 x 4 matrices from output to source indices: turned, scaled, shifted."""
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    matrix = np.eye(4)
    matrix[:3, :3] = turn * rng.uniform(0.3, 2.0, 3)
    matrix[:3, 3] = rng.uniform(-1, 4, 3)
    return matrix


def twin(
    source: np.ndarray,
    relation: np.ndarray,
    shape: tuple[int, int, int],
    background: float,
    method: str,
) -> np.ndarray:
    """The same voxel by voxel in Python."""
    out = np.empty(shape, np.float64)
    for index in np.ndindex(*shape):
        point = (relation @ [*index, 1.0])[:3]
        if any(p < -0.5 or p > n - 0.5 for p, n in zip(point, source.shape, strict=True)):
            out[index] = background
            continue
        if method == "nearest":
            nearest = np.clip(np.floor(point + 0.5).astype(int), 0, np.array(source.shape) - 1)
            out[index] = source[tuple(nearest)]
            continue
        kept = np.clip(point, 0, np.array(source.shape) - 1)
        low = kept.astype(int)
        total = 0.0
        for corner in product((0, 1), repeat=3):
            at = np.minimum(low + corner, np.array(source.shape) - 1)
            weight = np.prod(np.where(corner, kept - low, 1 - (kept - low)))
            total += weight * float(source[tuple(at)])
        out[index] = total
    return out


@pytest.mark.parametrize("dtype", DTYPES)
@settings(max_examples=15, deadline=None)
@given(relation=relations(), seed=st.integers(0, 999))
def test_it_is_its_numpy_twin(dtype: str, relation: np.ndarray, seed: int) -> None:
    source, shape = values(dtype, seed), (6, 5, 4)
    for method in ("linear", "nearest"):
        made = gather(source, relation, shape=shape, background=7, method=method)
        wanted = twin(source, relation, shape, 7, method)
        assert made.dtype == (np.float32 if method == "linear" else source.dtype)
        assert np.allclose(made, wanted, rtol=1e-6, atol=1e-5)


@settings(max_examples=25, deadline=None)
@given(relation=relations(), seed=st.integers(0, 999))
def test_scipy_agrees(relation: np.ndarray, seed: int) -> None:
    source, shape = values("int16", seed, (9, 8, 7)), (10, 9, 8)
    points = np.stack(np.indices(shape), -1) @ relation[:3, :3].T + relation[:3, 3]
    inside = ((points >= -0.5) & (points <= np.array(source.shape) - 0.5)).all(-1)
    for method, order in (("linear", 1), ("nearest", 0)):
        wanted = affine_transform(
            source.astype(np.float32),
            relation[:3, :3],
            relation[:3, 3],
            output_shape=shape,
            order=order,
            mode="nearest",
            prefilter=False,
        )
        made = gather(source, relation, shape=shape, background=-1024, method=method)
        assert np.allclose(made, np.where(inside, wanted, -1024), atol=1e-3)


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("signs", list(product((1, -1), repeat=3)))
def test_in_all_48_orientations_it_is_a_copy(
    order: tuple[int, ...], signs: tuple[int, ...]
) -> None:
    source = values("int16", 3)
    relation = np.zeros((4, 4))
    relation[3, 3] = 1
    for axis, (home, sign) in enumerate(zip(order, signs, strict=True)):
        relation[home, axis] = sign
        relation[home, 3] = 0 if sign > 0 else source.shape[home] - 1
    shape = tuple(source.shape[home] for home in order)
    wanted = source.transpose(order)[tuple(slice(None, None, sign) for sign in signs)]
    for method in ("linear", "nearest"):
        made = gather(source, relation, shape=shape, background=0, method=method)
        assert np.array_equal(made, wanted)


def test_a_midpoint_takes_the_higher_index_and_the_outer_half_voxel_the_edge() -> None:
    source = np.asfortranarray(np.arange(4, dtype=np.int16).reshape(4, 1, 1))
    relation = np.diag([0.5, 1, 1, 1.0])
    relation[0, 3] = -1
    made = gather(source, relation, shape=(10, 1, 1), background=-9, method="nearest")
    assert made.ravel().tolist() == [-9, 0, 0, 1, 1, 2, 2, 3, 3, 3]
    made = gather(source, relation, shape=(10, 1, 1), background=-9, method="linear")
    assert made.ravel().tolist() == [-9, 0, 0, 0.5, 1, 1.5, 2, 2.5, 3, 3]


def test_labels_beyond_float32_stay_exact() -> None:
    source = np.asfortranarray(np.full((2, 2, 2), 2**53 + 1, dtype=np.int64))
    made = gather(source, np.eye(4), shape=(2, 2, 2), background=0, method="nearest")
    assert made.dtype == np.int64
    assert np.array_equal(made, source)


def test_the_bits_do_not_depend_on_the_number_of_threads() -> None:
    source = values("float32", 5, (64, 60, 40))
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(0.3), -np.sin(0.3)], [np.sin(0.3), np.cos(0.3)]]
    made = [
        gather(source, turn, shape=(70, 60, 40), background=0, method="linear", threads=n).tobytes()
        for n in (1, 2, 3)
    ]
    assert len(set(made)) == 1


def test_an_empty_source_is_an_error() -> None:
    with pytest.raises(ValueError, match="empty"):
        gather(
            np.zeros((0, 2, 2), np.int16), np.eye(4), shape=(2, 2, 2), background=0, method="linear"
        )
