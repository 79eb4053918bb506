"""Promises of Resample: exact spacing, lines stay straight, values stay among neighbours."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import hounsfield as hu
from hounsfield.testing import applied, grids, ramp, specs, volumes
from hounsfield.testing.values import centres, ramp_hu

METHODS = ("auto", "nearest", "linear", "area", "conservative", "cubic")
SPACINGS = st.tuples(*[st.floats(0.4, 5.0)] * 3)


@pytest.mark.parametrize("method", ["linear", "cubic", "conservative", "auto"])
@given(grid=grids(smallest=4, largest=9, oblique=True), spacing=SPACINGS)
def test_a_linear_field_stays_linear_between_the_first_and_last_centres(
    method: str, grid: hu.Grid, spacing: tuple[float, ...]
) -> None:
    made = applied(hu.Resample(spacing_mm=spacing, method=method), ramp(grid)).image
    points = centres(made.grid)
    index = grid.index(points)
    inside = ((index >= 0) & (index <= np.array(grid.shape) - 1)).all(axis=-1)
    if method in ("conservative", "auto"):  # cells that overhang are cut at the faces
        reach = np.abs(np.linalg.inv(grid.affine)[:3, :3] @ made.grid.affine[:3, :3]).sum(1) / 2
        inside &= ((index >= reach - 0.5) & (index <= np.array(grid.shape) - 0.5 - reach)).all(-1)
    assert np.abs(made.array - ramp_hu(points, grid=grid))[inside].max(initial=0) < 1e-2


@pytest.mark.parametrize("method", METHODS)
@given(grid=grids(oblique=True), spacing=SPACINGS, value=st.integers(-1000, 3000))
def test_a_constant_stays_constant_to_the_outer_faces(
    method: str, grid: hu.Grid, spacing: tuple[float, ...], value: int
) -> None:
    ct = hu.Volume.from_array(np.full(grid.shape, value, np.int16), affine=grid.affine)
    made = applied(hu.Resample(spacing_mm=spacing, method=method), ct).image
    index = grid.index(centres(made.grid))
    inside = ((index > -0.499) & (index < np.array(grid.shape) - 0.501)).all(axis=-1)
    assert np.abs(made.array[inside] - value).max(initial=0) < 1e-3
    assert made.grid.spacing_mm == pytest.approx(
        [s if n > 1 else g for s, g, n in zip(spacing, grid.spacing_mm, grid.shape, strict=True)]
    )


@pytest.mark.parametrize("method", METHODS)
@given(volume=volumes(spec=specs(grid=grids(smallest=2), dtypes=("int16",))), spacing=SPACINGS)
def test_no_value_is_beyond_what_was_there(
    method: str, volume: hu.Volume, spacing: tuple[float, ...]
) -> None:
    made = applied(hu.Resample(spacing_mm=spacing, method=method), volume).image.array
    assert made.min() >= min(volume.array.min(), -1024) - 1e-2
    assert made.max() <= volume.array.max() + 1e-2


@given(
    volume=volumes(spec=specs(grid=grids(smallest=4), dtypes=("int16",))), factor=st.integers(2, 4)
)
def test_area_by_a_whole_factor_is_the_mean_of_the_block(volume: hu.Volume, factor: int) -> None:
    ni, nj, nk = (size // factor for size in volume.grid.shape)
    assume(min(ni, nj, nk) > 0)
    box = volume.grid.boxed((0, 0, 0), (ni * factor, nj * factor, nk * factor))
    source = hu.regrid(volume, box)
    made = applied(hu.Resample(shape=(ni, nj, nk), method="area"), source).image.array
    truth = source.array.reshape(ni, factor, nj, factor, nk, factor).mean(axis=(1, 3, 5))
    assert np.allclose(made, truth, atol=1e-2)


@given(
    volume=volumes(spec=specs(grid=grids(smallest=2), dtypes=("int16",))),
    shape=st.tuples(*[st.integers(1, 12)] * 3),
)
def test_area_keeps_the_sum_of_hu_times_volume(volume: hu.Volume, shape: tuple[int, ...]) -> None:
    made = applied(hu.Resample(shape=shape, method="area"), volume).image
    cell = [float(abs(np.linalg.det(one.grid.affine))) for one in (volume, made)]
    before, after = volume.array.sum(dtype=float) * cell[0], made.array.sum(dtype=float) * cell[1]
    coarser = all(new <= old for new, old in zip(shape, volume.grid.shape, strict=True))
    if coarser:
        assert after == pytest.approx(
            before, abs=1e-5 * np.abs(volume.array).sum() * cell[0] + 1e-3
        )


def test_conservative_keeps_the_sum_of_what_is_smooth_enough_not_to_be_limited() -> None:
    x = np.linspace(0, np.pi, 24)
    bump = 1000 * np.einsum("i,j,k->ijk", np.sin(x) ** 4, np.sin(x) ** 4, np.sin(x) ** 4)
    ct = hu.Volume.from_array(bump.astype(np.float32), affine=np.eye(4), background=0)
    for shape in ((12, 12, 12), (7, 11, 15)):
        made = applied(hu.Resample(shape=shape, method="conservative"), ct).image
        assert made.array.sum(dtype=float) * np.prod(made.grid.spacing_mm) == pytest.approx(
            bump.sum(), rel=2e-3
        )


@given(
    volume=volumes(
        spec=specs(grid=grids(smallest=2), dtypes=("int16", "uint8", "int32", "float64"))
    ),
    spacing=SPACINGS,
)
def test_nearest_only_picks_and_keeps_the_dtype(
    volume: hu.Volume, spacing: tuple[float, ...]
) -> None:
    volume = hu.Volume(volume.array, volume.spec.replaced(background=0))
    made = applied(hu.Resample(spacing_mm=spacing, method="nearest"), volume).image
    assert made.spec.dtype == volume.spec.dtype
    assert np.isin(made.array, [*volume.array.ravel(), volume.background]).all()
    index = volume.grid.index(centres(made.grid))
    near = np.clip(np.rint(index), 0, np.array(volume.grid.shape) - 1).astype(int)
    sure = (np.abs(index - np.floor(index) - 0.5) > 1e-4).all(axis=-1)
    sure &= ((index > -0.499) & (index < np.array(volume.grid.shape) - 0.501)).all(axis=-1)
    assert np.array_equal(made.array[sure], volume.array[tuple(near[sure].T)])


def test_nearest_needs_no_room_for_a_background_that_it_does_not_write() -> None:
    ct = hu.Volume.from_array(np.arange(64, dtype=np.uint16).reshape(4, 4, 4), affine=np.eye(4))
    made = hu.Pipeline((hu.Resample(spacing_mm=2.0, method="nearest"),)).run(ct).volume
    assert made.array.dtype == np.uint16
    assert set(made.array.ravel()) <= set(range(64))


def test_nearest_onto_an_oblique_grid_keeps_the_dtype_as_well() -> None:
    ct = hu.Volume.from_array(np.arange(512, dtype=np.int16).reshape(8, 8, 8), affine=np.eye(4))
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(0.3), -np.sin(0.3)], [np.sin(0.3), np.cos(0.3)]]
    step = hu.Resample(like=hu.Grid((8, 8, 8), turn), method="nearest")
    made = applied(step, ct).image
    assert made.spec == step.plan(ct.spec)
    assert made.spec.dtype == np.int16


@given(volume=volumes(spec=specs(grid=grids(smallest=3), dtypes=("float32",), channels=True)))
def test_each_channel_is_sampled_alone_oblique_or_not(volume: hu.Volume) -> None:
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(0.2), -np.sin(0.2)], [np.sin(0.2), np.cos(0.2)]]
    targets = (volume.grid.resampled(shape=(4, 5, 6)), volume.grid.moved((4, 4, 4), turn))
    for grid in targets:
        made = applied(hu.Resample(like=grid, method="linear"), volume).image
        for n in range(len(volume.spec.channels)):
            alone = hu.Volume(volume.array[..., n], volume.spec.replaced(channels=()))
            assert np.array_equal(
                made.array[..., n],
                applied(hu.Resample(like=grid, method="linear"), alone).image.array,
            )


@given(grid=grids(smallest=4, largest=8, oblique=True), angle=st.floats(-0.6, 0.6))
def test_an_oblique_target_reads_a_linear_field_as_one(grid: hu.Grid, angle: float) -> None:
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    target = grid.moved((6, 5, 4), turn)
    made = hu.regrid(ramp(grid), target)
    points = centres(target)
    index = grid.index(points)
    inside = ((index >= 0) & (index <= np.array(grid.shape) - 1)).all(axis=-1)
    outside = ((index < -0.501) | (index > np.array(grid.shape) - 0.499)).any(axis=-1)
    assert np.abs(made.array - ramp_hu(points, grid=grid))[inside].max(initial=0) < 1e-2
    assert (made.array[outside] == -1024).all()


def test_a_long_axis_may_become_one_sample() -> None:
    ct = hu.Volume.from_array(np.arange(1500, dtype=np.int16).reshape(1, 1, 1500), affine=np.eye(4))
    made = applied(hu.Resample(shape=(1, 1, 1), method="area"), ct).image
    assert made.array.item() == pytest.approx(749.5)
    endless = hu.Volume.from_array(np.zeros((1, 1, 5000), np.int16), affine=np.eye(4))
    with pytest.raises(hu.GeometryError, match="in two steps"):
        applied(hu.Resample(shape=(1, 1, 1), method="area"), endless)


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"spacing_mm": 1, "shape": (2, 2, 2)},
        {"spacing_mm": 0},
        {"spacing_mm": (1, 1)},
        {"spacing_mm": float("nan")},
        {"shape": (0, 1, 1)},
        {"spacing_mm": 1, "method": "lanczos"},
        {"spacing_mm": 1, "fit": "exact"},
        {"spacing_mm": 1, "label_method": "linear"},
        {"shape": (1.5, 2, 2)},
        {"spacing_mm": "one"},
        {"spacing_mm": True},
    ],
)
def test_what_cannot_be_is_refused_when_it_is_written(wrong: dict[str, object]) -> None:
    with pytest.raises((hu.GeometryError, hu.QuantityError)):
        hu.Resample(**wrong)
