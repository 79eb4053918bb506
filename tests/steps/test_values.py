"""Promises of steps that change only values: exact windows, no wrap, no stretch, known bounds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.pixels import apply_windowing

import hounsfield as hu
from hounsfield.core.cast import cast
from hounsfield.core.windows import WINDOWS
from hounsfield.resampling.transfer import Transfer
from hounsfield.testing import applied, grids, specs, volumes

ROW = hu.Grid((5, 1, 1), np.eye(4))
NUMBERS = st.floats(-4000, 4000).map(lambda x: round(x, 3))


def row(values: list[float], dtype: str = "int16", **more: object) -> hu.Volume:
    """A volume of one row."""
    array = np.asarray(values, dtype).reshape(-1, 1, 1)
    return hu.Volume.from_array(array, affine=np.eye(4), **more)


def after(step: object, values: list[float], dtype: str = "int16") -> list[float]:
    """What a step makes of a row of HU, alone and as the clamped line that a pass folds it into."""
    alone = applied(step, row(values, dtype)).image.array
    folded = hu.Pipeline((step,)).run(row(values, dtype)).volume.array
    line = step.transfer(row(values, dtype).spec)
    rounding = (
        1e-5 if line is None else 1e-5 + 1e-3 * abs(line.slope)
    )  # a thousandth of a HU, as steep as the line is
    assert np.allclose(folded, alone, rtol=1e-5, atol=rounding)
    return alone.ravel().tolist()


@given(
    center=st.floats(-1000, 2000),
    width=st.floats(1, 4000),
    dtype=st.sampled_from(["int16", "int32", "float32"]),
)
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [("linear", "LINEAR"), ("linear-exact", "LINEAR_EXACT"), ("sigmoid", "SIGMOID")],
)
def test_dicoms_windows_agree_with_pydicom(
    ours: str, theirs: str, center: float, width: float, dtype: str
) -> None:
    center, width = round(center, 2), round(max(width, 1.01), 2)
    values = np.linspace(-1024, 3071, 300).astype(dtype)
    header = Dataset()
    header.PhotometricInterpretation, header.BitsStored, header.PixelRepresentation = (
        "MONOCHROME2",
        16,
        1,
    )
    header.WindowCenter, header.WindowWidth, header.VOILUTFunction = center, width, theirs
    header.RescaleSlope, header.RescaleIntercept = 1, 0
    with np.errstate(over="ignore"):  # pydicom's exp overflows where its sigmoid is 0
        truth = (apply_windowing(values.astype(np.float64), header) + 32768) / 65535
    made = after(hu.Window(center_hu=center, width_hu=width, function=ours), values.tolist(), dtype)
    sure = (
        np.abs(values - center) > 1e-3
    )  # a step as steep as a width of 1 turns rounding into values
    assert np.abs(np.array(made) - truth)[sure].max() < 2e-3


@given(center=st.floats(-1000, 2000), width=st.floats(0.01, 4000))
def test_an_exact_window_covers_its_width_whole(center: float, width: float) -> None:
    window = hu.Window(center_hu=center, width_hu=width)
    made = after(
        window,
        [center - width, center - width / 2, center, center + width / 2, center + width],
        "float64",
    )
    assert made == pytest.approx([0, 0, 0.5, 1, 1], abs=1e-3 + 1e-3 / width)


@pytest.mark.parametrize(("width", "levels"), [(1, 2), (5, 6), (4, 5)])
def test_odd_widths_are_not_halved_down(width: int, levels: int) -> None:
    made = after(hu.Window(center_hu=0.5 if width % 2 else 0, width_hu=width), list(range(-9, 10)))
    assert len(set(made)) == levels


def test_a_dicom_window_of_width_1_is_a_threshold() -> None:
    assert after(hu.Window(center_hu=40, width_hu=1, function="linear"), [38, 39, 40, 41]) == [
        0,
        0,
        1,
        1,
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        {"width_hu": 0.5, "function": "linear"},
        {"width_hu": 0},
        {"width_hu": -1},
        {"width_hu": float("nan")},
        {"center_hu": float("inf")},
        {"function": "cosine"},
        {"name": "brain"},
        {"width_hu": None},
        {"center_hu": "40"},
    ],
)
def test_a_window_that_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(hu.QuantityError):
        hu.Window(**{"center_hu": 40, "width_hu": 80, **wrong})


def test_an_unknown_window_says_which_there_are() -> None:
    with pytest.raises(hu.QuantityError, match="brain"):
        hu.Window(name="brian")


@pytest.mark.parametrize("name", sorted(WINDOWS))
def test_a_named_window_is_its_numbers(name: str) -> None:
    center, width = WINDOWS[name]
    values = np.linspace(-1500, 3500, 40).astype(np.int16).tolist()
    assert after(hu.Window(name=name), values) == after(
        hu.Window(center_hu=center, width_hu=width), values
    )


def test_windows_of_what_has_channels_are_refused_when_planned() -> None:
    ct = hu.Volume.from_array(np.zeros((2, 3, 4, 3), np.float32), affine=np.eye(4))
    with pytest.raises(hu.PipelineError, match="3 already"):
        hu.Pipeline((hu.Windows(names=("brain", "bone")),)).plan(ct)


def test_windows_are_the_single_ones_side_by_side() -> None:
    ct = row(list(range(-200, 300, 7)))
    made = applied(hu.Windows(names=("brain", "subdural", "head-soft")), ct).image
    assert made.spec.channels == ("brain", "subdural", "head-soft")
    for n, name in enumerate(made.spec.channels):
        assert np.array_equal(made.array[..., n], applied(hu.Window(name=name), ct).image.array)


@pytest.mark.parametrize(
    "step",
    [
        hu.Window(name="brain"),
        hu.Windows(names=("brain",)),
        hu.Clip(low_hu=0, high_hu=1),
        hu.Standardize(mean_hu=0, std_hu=1),
    ],
)
def test_what_is_no_longer_hu_is_not_taken_for_hu(step: hu.Window) -> None:
    spec = hu.Window(name="brain").plan(row([0]).spec)
    with pytest.raises(hu.QuantityError, match="unit"):
        step.plan(spec)


@given(
    low=st.integers(-2000, 1000),
    span=st.integers(1, 3000),
    dtype=st.sampled_from(["int16", "uint8", "int32", "float32"]),
)
def test_clip_is_numpys(low: int, span: int, dtype: str) -> None:
    values = (
        np.linspace(0, 250, 11).astype(dtype)
        if dtype == "uint8"
        else np.linspace(-1024, 3071, 50).astype(dtype)
    )
    made = applied(hu.Clip(low_hu=low, high_hu=low + span), row(values.tolist(), dtype)).image
    assert np.array_equal(made.array.ravel(), np.clip(values.astype(float), low, low + span))
    assert made.spec.bounds == (low, low + span)
    assert made.background == np.clip(-1024, low, low + span)


@pytest.mark.parametrize(
    ("low", "high"), [(1, 1), (2, 1), (float("nan"), 1), (0, float("inf")), ("0", 1), (True, 2)]
)
def test_a_clip_of_no_interval_is_refused(low: float, high: float) -> None:
    with pytest.raises(hu.QuantityError):
        hu.Clip(low_hu=low, high_hu=high)


@given(
    low=st.floats(-1000, 500),
    span=st.floats(1, 3000),
    to_low=st.floats(-10, 10),
    to_span=st.floats(0.1, 300),
    clip=st.booleans(),
)
def test_map_range_is_the_line_through_both_ends(
    low: float, span: float, to_low: float, to_span: float, clip: bool
) -> None:
    step = hu.MapRange(
        from_low=low, from_high=low + span, to_low=to_low, to_high=to_low + to_span, clip=clip
    )
    values = np.linspace(-1024, 3071, 30)
    made = np.array(after(step, values.tolist(), "float32"))
    truth = to_low + (values - low) / span * to_span
    assert np.allclose(
        made,
        np.clip(truth, to_low, to_low + to_span) if clip else truth,
        rtol=1e-4,
        atol=1e-3 * to_span,
    )


def test_map_range_takes_the_bounds_of_the_last_clip() -> None:
    ct = row([-2000, -100, 450, 1000, 3000])
    clipped = applied(hu.Clip(low_hu=-100, high_hu=1000), ct)
    made = applied(hu.MapRange(), clipped).image
    assert made.array.ravel().tolist() == pytest.approx([0, 0, 0.5, 1, 1])
    assert made.quantity == "unit"
    assert made.background == 0
    with pytest.raises(hu.QuantityError, match="no bounds"):
        applied(hu.MapRange(), ct)


@pytest.mark.parametrize(
    "wrong",
    [
        {"from_low": 1, "from_high": 1},
        {"from_low": 2, "from_high": 1},
        {"to_low": 1, "to_high": 1},
        {"from_low": float("nan"), "from_high": 1},
        {"to_high": float("inf")},
    ],
)
def test_a_zero_range_is_refused_and_not_divided_by(wrong: dict[str, float]) -> None:
    with pytest.raises(hu.QuantityError):
        hu.MapRange(**wrong)


def test_a_half_given_range_that_ends_before_it_begins_is_refused_when_planned() -> None:
    clipped = hu.Clip(low_hu=-100, high_hu=1000).plan(row([0]).spec)
    with pytest.raises(hu.QuantityError, match="expected low < high"):
        hu.MapRange(from_low=2000).plan(clipped)


@pytest.mark.parametrize(
    ("to", "quantity"), [((0, 1), "unit"), ((0, 255), "display"), ((-1, 1), "other")]
)
def test_the_quantity_says_what_the_interval_is(to: tuple[float, float], quantity: str) -> None:
    assert (
        hu.MapRange(from_low=0, from_high=80, to_low=to[0], to_high=to[1])
        .plan(row([0]).spec)
        .quantity
        == quantity
    )


def test_standardize_is_the_mean_and_deviation_given_and_never_those_of_the_scan() -> None:
    made = applied(hu.Standardize(mean_hu=100, std_hu=50), row([0, 100, 200])).image
    assert made.array.ravel().tolist() == [-2, 0, 2]
    assert made.background == pytest.approx((-1024 - 100) / 50)
    for sd in (0, -1, float("nan")):
        with pytest.raises(hu.QuantityError):
            hu.Standardize(mean_hu=0, std_hu=sd)


LINES = st.builds(
    lambda slope, intercept, ends: Transfer(slope, intercept, *sorted(ends)),
    st.floats(-3, 3),
    NUMBERS,
    st.tuples(NUMBERS, NUMBERS) | st.just((float("-inf"), float("inf"))),
)


@given(first=LINES, second=LINES, value=NUMBERS)
def test_two_clamped_lines_are_one(first: Transfer, second: Transfer, value: float) -> None:
    assert first.then(second)(value) == pytest.approx(second(first(value)), abs=1e-6, rel=1e-9)


@given(
    volume=volumes(spec=specs(grid=grids(), dtypes=("int16", "float32"))),
    dtype=st.sampled_from(["int16", "int32", "float32", "float16"]),
)
def test_a_cast_rounds_and_never_wraps(volume: hu.Volume, dtype: str) -> None:
    made = cast(volume, np.dtype(dtype))
    assert made.spec.dtype == dtype
    assert np.abs(made.array.astype(float) - volume.array).max() <= (
        2 if dtype == "float16" else 0.5
    )


def test_a_cast_that_does_not_fit_is_refused() -> None:
    with pytest.raises(hu.QuantityError, match="do not fit uint8"):
        cast(row([-1, 300]), np.dtype("uint8"))
    unit = applied(hu.Window(name="brain"), row([0, 40])).image
    with pytest.raises(hu.QuantityError, match="map them"):
        cast(unit, np.dtype("uint8"))
