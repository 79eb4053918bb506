"""Promises of Slab: each slice has a centred slab, in any plane; as scipy's filters give."""

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

import hounsfield as hu
from hounsfield.core.stack import Stack
from hounsfield.pipeline.stream import stream
from hounsfield.testing import ORIENTATIONS, applied, grids, specs, volumes

ANY = volumes(spec=specs(grid=grids(), dtypes=("int16", "float32")))
PLANES = {"sagittal": 0, "coronal": 1, "axial": 2}


def by_hand(volume: hu.Volume, slab: hu.Slab) -> np.ndarray:
    """Each slab by a plain loop."""
    axis = next(
        n
        for n, letter in enumerate(volume.grid.orientation)
        if letter in ("LR", "PA", "IS")[PLANES[slab.plane]]
    )
    values = np.moveaxis(volume.array.astype(float), axis, 0)
    join = {"max": np.max, "min": np.min, "mean": np.mean}[slab.statistic]
    made = []
    for centre in range(0, len(values), slab.stride):
        low = centre - slab.slices // 2
        made.append(join(values[max(low, 0) : low + slab.slices], axis=0))
    return np.moveaxis(np.stack(made), 0, axis)


@given(
    volume=ANY,
    statistic=st.sampled_from(["max", "min", "mean"]),
    slices=st.integers(1, 12),
    stride=st.integers(1, 4),
    plane=st.sampled_from(sorted(PLANES)),
)
def test_every_slice_gets_the_slab_that_is_centred_on_it(
    volume: hu.Volume, statistic: str, slices: int, stride: int, plane: str
) -> None:
    slab = hu.Slab(statistic=statistic, slices=slices, stride=stride, plane=plane)
    made = applied(slab, volume).image.array
    assert np.allclose(made, by_hand(volume, slab), atol=1e-2)


@pytest.mark.parametrize("statistic", ["max", "min", "mean"])
@pytest.mark.parametrize("slices", [3, 5, 9])
def test_slabs_agree_with_scipy(statistic: str, slices: int) -> None:
    values = np.random.default_rng(0).integers(-1000, 3000, (6, 7, 30)).astype(np.int16)
    ct = hu.Volume.from_array(values, affine=np.eye(4))
    made = applied(hu.Slab(statistic=statistic, slices=slices), ct).image.array
    if statistic == "mean":
        theirs = ndimage.uniform_filter1d(values.astype(float), slices, axis=2)
        half = slices // 2
        assert np.allclose(made[..., half:-half], theirs[..., half:-half], atol=1e-2)
    else:
        filtered = getattr(ndimage, f"{statistic}imum_filter1d")(
            values, slices, axis=2, mode="nearest"
        )
        assert np.array_equal(made, filtered)


@given(
    volume=ANY,
    slices=st.integers(1, 9),
    stride=st.integers(1, 3),
    edges=st.sampled_from(["shrink", "valid"]),
)
def test_a_slab_lies_in_the_world_where_its_centre_is(
    volume: hu.Volume, slices: int, stride: int, edges: str
) -> None:
    slab = hu.Slab(slices=slices, stride=stride, edges=edges)
    axis = slab.axis(volume.grid)
    if edges == "valid" and slices > volume.grid.shape[axis]:
        with pytest.raises(hu.GeometryError, match="does not fit"):
            slab.plan(volume.spec)
        return
    grid = slab.plan(volume.spec).grid
    first = 0.0 if edges == "valid" else -float(slices // 2)
    for n in range(grid.shape[axis]):
        place = np.zeros(3)
        place[axis] = n
        middle = np.zeros(3)
        middle[axis] = first + n * stride + (slices - 1) / 2
        assert np.allclose(grid.world(place), volume.grid.world(middle), atol=1e-8)


@given(volume=ANY, slices=st.integers(1, 5))
def test_valid_keeps_only_whole_slabs(volume: hu.Volume, slices: int) -> None:
    slab = hu.Slab(slices=slices, edges="valid")
    size = volume.grid.shape[slab.axis(volume.grid)]
    if slices <= size:
        made = applied(slab, volume).image
        assert made.grid.shape[slab.axis(volume.grid)] == size - slices + 1


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_the_plane_is_found_from_the_orientation(orientation: str) -> None:
    grid = hu.Grid((4, 5, 6), np.diag([1.0, 2, 3, 1])).reoriented(orientation)
    values = np.random.default_rng(1).integers(0, 99, grid.shape).astype(np.int16)
    ct = hu.Volume.from_array(values, affine=grid.affine)
    upright = hu.regrid(ct, grid.reoriented("RAS"))
    for plane in PLANES:
        made = applied(hu.Slab(slices=3, plane=plane), ct).image
        theirs = applied(hu.Slab(slices=3, plane=plane), upright).image
        assert np.array_equal(hu.regrid(made, theirs.grid).array, theirs.array)


@pytest.mark.parametrize(
    ("thickness", "slices"), [(5.0, 5), (4.6, 5), (0.2, 1), (1.0, 1), (2.6, 3)]
)
def test_millimetres_become_the_nearest_number_of_slices(thickness: float, slices: int) -> None:
    ct = hu.Volume.from_array(
        np.random.default_rng(2).integers(0, 99, (3, 3, 9)).astype(np.int16), affine=np.eye(4)
    )
    by_mm, by_number = hu.Slab(thickness_mm=thickness), hu.Slab(slices=slices)
    assert np.array_equal(applied(by_mm, ct).image.array, applied(by_number, ct).image.array)
    assert by_mm.plan(ct.spec) == by_number.plan(ct.spec)


def test_a_thickness_beyond_any_volume_is_refused() -> None:
    ct = hu.Volume.from_array(np.zeros((3, 3, 9), np.int16), affine=np.eye(4))
    with pytest.raises(hu.GeometryError, match="slices of a slab"):
        hu.Slab(thickness_mm=1e300).plan(ct.spec)


def test_the_cost_does_not_depend_on_the_thickness() -> None:
    ct = hu.Volume.from_array(
        np.random.default_rng(0).integers(0, 99, (64, 64, 120)).astype(np.int16), affine=np.eye(4)
    )
    spent = {}
    for slices in (3, 60):
        runs = []
        for _ in range(5):
            clock = time.process_time()
            applied(hu.Slab(slices=slices), ct)
            runs.append(time.process_time() - clock)
        spent[slices] = min(runs)
    assert spent[60] < 4 * spent[3] + 0.01


def test_a_stream_decodes_each_slice_a_few_times_however_thick_the_slab() -> None:
    values = np.random.default_rng(0).integers(-1000, 999, (5, 4, 200)).astype(np.int16)
    ct = hu.Volume.from_array(values, affine=np.eye(4))
    asked: list[int] = []

    def decode(start: int, stop: int) -> np.ndarray:
        asked.extend(range(start, stop))
        return values[:, :, start:stop]

    stack = Stack.from_volume(ct).replaced(decode=decode, in_memory=False)
    for slices in (3, 50, 199, 500):
        asked.clear()
        pipeline = hu.Pipeline([hu.Slab(statistic="mean", slices=slices)])
        streamed = stream(pipeline, stack, slab_bytes=1)
        assert streamed is not None
        joined = np.concatenate(list(streamed.slabs()), axis=2)
        assert np.array_equal(joined, pipeline.run(ct).volume.array)
        assert len(asked) <= 4 * 200


@given(
    seed=st.integers(0, 2**32 - 1),
    size=st.integers(1, 25),
    slices=st.integers(1, 30),
    stride=st.integers(1, 3),
)
def test_a_label_of_a_slab_is_the_nearest_to_its_centre_by_a_plain_search(
    seed: int, size: int, slices: int, stride: int
) -> None:
    rng = np.random.default_rng(seed)
    column = (rng.integers(1, 5, size) * (rng.random(size) < 0.3)).astype(np.uint8)
    ct = hu.Volume.from_array(np.zeros((1, 1, size), np.int16), affine=np.eye(4))
    label = hu.Volume.from_array(column.reshape(1, 1, -1), affine=np.eye(4), quantity="label")
    case = hu.Case(ct, {"a": label})
    made = applied(hu.Slab(slices=slices, stride=stride), case).labels["a"].array.ravel()
    for n, value in enumerate(made):
        start = max(n * stride - slices // 2, 0)
        stop = min(n * stride - slices // 2 + slices, size)
        near = [k for k in range(start, stop) if column[k]]
        nearest = min(near, key=lambda k: (abs(2 * k - start - stop + 1), k), default=None)
        assert value == (0 if nearest is None else column[nearest])


def test_a_label_takes_the_nonzero_value_nearest_to_the_slabs_centre() -> None:
    column = np.array([0, 0, 3, 0, 0, 7, 0, 0], np.uint8).reshape(1, 1, 8)
    ct = hu.Volume.from_array(np.zeros((1, 1, 8), np.int16), affine=np.eye(4))
    label = hu.Volume.from_array(column, affine=np.eye(4), quantity="label")
    done = applied(hu.Slab(slices=5), hu.Case(ct, {"a": label}))
    assert done.labels["a"].array.ravel().tolist() == [3, 3, 3, 3, 7, 7, 7, 7]


def test_a_label_whose_background_is_not_0_keeps_it() -> None:
    column = np.array([9, 9, 1, 9, 9, 9], np.uint8).reshape(1, 1, 6)
    ct = hu.Volume.from_array(np.zeros((1, 1, 6), np.int16), affine=np.eye(4))
    label = hu.Volume.from_array(column, affine=np.eye(4), quantity="label", background=9)
    done = applied(hu.Slab(slices=3), hu.Case(ct, {"a": label}))
    assert done.labels["a"].array.ravel().tolist() == [9, 1, 1, 1, 9, 9]


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"slices": 3, "thickness_mm": 3},
        {"slices": 0},
        {"slices": 2.5},
        {"thickness_mm": 0},
        {"thickness_mm": float("nan")},
        {"slices": 3, "stride": 0},
        {"slices": 3, "plane": "oblique"},
        {"slices": 3, "statistic": "median"},
        {"slices": 3, "edges": "wrap"},
        {"slices": "five"},
    ],
)
def test_what_cannot_be_is_refused_when_it_is_written(wrong: dict[str, object]) -> None:
    with pytest.raises((hu.GeometryError, hu.QuantityError)):
        hu.Slab(**wrong)
