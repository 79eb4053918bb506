"""What lies outside never bleeds into what lies inside, through any step and any chain of them."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hounsfield as hu
from hounsfield.core.stack import Stack
from hounsfield.testing import ORIENTATIONS, grids
from hounsfield.testing.values import centres

METHODS = ("auto", "nearest", "linear", "area", "conservative", "cubic")


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=30)
@given(grid=grids(smallest=2, largest=6), spacing=st.tuples(*[st.floats(0.4, 4.0)] * 3))
def test_nothing_bleeds_in_from_beyond_the_outer_faces(
    method: str, grid: hu.Grid, spacing: tuple[float, ...]
) -> None:
    """40 HU to the faces and -1024 beyond them: no sample is anything between."""
    ct = hu.Volume.from_array(np.full(grid.shape, 40, np.int16), affine=grid.affine)
    made = hu.Pipeline((hu.Resample(spacing_mm=spacing, method=method),)).run(ct).volume.array
    assert (np.isclose(made, 40, atol=1e-3) | (made == -1024)).all()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("padding", [-2000, 30000])
def test_padding_of_the_scanner_never_bleeds(method: str, padding: int) -> None:
    stored = np.full((12, 12, 5), 40, np.int16, order="F")
    stored[:4] = padding
    stack = Stack(
        shape=stored.shape,
        origins_ras_mm=[(0, 0, 3 * k) for k in range(5)],
        step_i_ras_mm=(-1, 0, 0),
        step_j_ras_mm=(0, -1, 0),
        stored_dtype=stored.dtype,
        decode=lambda a, b: stored[:, :, a:b],
        slopes=np.ones(5),
        intercepts=np.zeros(5),
        padding=(padding, padding),
    )
    made = hu.Pipeline((hu.Resample(spacing_mm=0.8, method=method),)).run(stack).volume.array
    assert made.min() >= -1024 - 1e-3
    assert made.max() <= 40 + 1e-3
    far = (
        centres(hu.Pipeline((hu.Resample(spacing_mm=0.8, method=method),)).plan(stack).spec.grid)[
            ..., 0
        ]
        < -7
    )
    assert np.allclose(made[far & (made != -1024)], 40, atol=1e-3)


PADS = st.one_of(
    st.builds(
        hu.Box,
        start=st.tuples(*[st.integers(-3, 1)] * 3),
        shape=st.tuples(*[st.integers(4, 9)] * 3),
    ),
    st.builds(hu.CropOrPad, shape=st.tuples(*[st.integers(4, 10)] * 3)),
    st.builds(hu.Reorient, to=st.sampled_from(ORIENTATIONS)),
)
CHAINS = {
    "clip": ((hu.Clip(low_hu=-100, high_hu=1000),), -100.0),
    "map": ((hu.Clip(low_hu=-100, high_hu=1000), hu.MapRange()), 0.0),
    "window": ((hu.Window(name="brain"),), 0.0),
    "none": ((), -1024.0),
    "standardize": ((hu.Standardize(mean_hu=76, std_hu=100),), -11.0),
}


@pytest.mark.parametrize("chain", CHAINS)
@settings(max_examples=30)
@given(before=st.lists(PADS, max_size=2), after=st.lists(PADS, max_size=2))
def test_what_is_padded_is_the_floor_of_the_range_whenever_it_is_padded(
    chain: str, before: list[object], after: list[object]
) -> None:
    steps, floor = CHAINS[chain]
    ct = hu.Volume.from_array(np.full((5, 6, 4), 40, np.int16), affine=np.diag([-1, -1, 2, 1]))
    done = hu.Pipeline((*before, *steps, *after)).run(ct).volume
    assert done.background == pytest.approx(floor)
    index = ct.grid.index(centres(done.grid))
    inside = ((index > -0.5) & (index < np.array(ct.grid.shape) - 0.5)).all(axis=-1)
    assert np.unique(done.array[~inside]).tolist() in ([], [pytest.approx(floor)])
    assert len(np.unique(done.array)) <= 2


def test_the_background_of_a_map_that_is_not_clipped_follows_its_line() -> None:
    spec = hu.Volume.from_array(np.zeros((2, 2, 2), np.int16), affine=np.eye(4)).spec
    assert hu.MapRange(from_low=0, from_high=1024, clip=False).plan(spec).background == -1


def test_each_window_has_its_own_background() -> None:
    ct = hu.Volume.from_array(np.zeros((4, 4, 4), np.int16), affine=np.eye(4), background=-500)
    pad, turned = (
        hu.CropOrPad(shape=(6, 6, 6)),
        np.array([[0.8, -0.6, 0, -2], [0.6, 0.8, 0, -2], [0, 0, 1, 0], [0, 0, 0, 1]]),
    )
    for after in (pad, hu.Resample(like=hu.Grid((9, 9, 4), turned)), hu.Resample(shape=(7, 7, 7))):
        one = hu.Pipeline([hu.Windows(names=("lung", "bone")), pad, after]).run(ct).volume
        for n, name in enumerate(("lung", "bone")):
            alone = hu.Pipeline([hu.Window(name=name), pad, after]).run(ct).volume
            assert one.spec.channel(n) == alone.spec
            assert np.allclose(one.array[..., n], alone.array, atol=1e-6)


def test_filling_outside_fills_each_channel_with_its_own(tmp_path: Path) -> None:
    ct = hu.Volume.from_array(np.zeros((4, 4, 4), np.int16), affine=np.eye(4), background=-500)
    mask = hu.Volume.from_array(
        np.eye(4, dtype=np.uint8)[..., None].repeat(4, 2), affine=np.eye(4), quantity="mask"
    )
    done = (
        hu.Pipeline([hu.Windows(names=("lung", "bone")), hu.FillOutside(mask="m")])
        .run(hu.Case(ct, masks={"m": mask}))
        .volume
    )
    assert done.array[1, 0, 0].tolist() == pytest.approx(
        [hu.Window(name=name).plan(ct.spec).background for name in ("lung", "bone")]
    )
    hu.write(done, tmp_path / "x.npy")
    assert hu.read(tmp_path / "x.npy", quantity="unit").spec.backgrounds == done.spec.backgrounds
