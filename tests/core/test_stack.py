"""Promises of Stack: positions order the slices; the natural grid is upright and contains all."""

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import hounsfield as hu
from hounsfield.core.stack import Stack
from hounsfield.testing import ramp, stacks


def made(
    positions_mm: list[float],
    *,
    lean: float = 0.0,
    size: tuple[int, int] = (4, 5),
    value: int = 0,
    **more: object,
) -> Stack:
    """An axial stack (LPS, 1 mm pixels) at `positions_mm`, shifted along j by `lean` mm per mm."""
    count = len(positions_mm)
    stored = np.full((*size, count), value, np.int16, order="F")
    stored += np.arange(count, dtype=np.int16)
    origins = np.stack(
        [np.zeros(count), np.asarray(positions_mm) * lean, np.asarray(positions_mm)], axis=1
    )
    fields = {
        "shape": stored.shape,
        "origins_ras_mm": origins,
        "step_i_ras_mm": (-1, 0, 0),
        "step_j_ras_mm": (0, -1, 0),
        "stored_dtype": stored.dtype,
        "decode": lambda start, stop: stored[:, :, start:stop],
        "slopes": np.ones(count),
        "intercepts": np.zeros(count),
        **more,
    }
    return Stack(**fields)  # type: ignore[arg-type]


@given(stack=stacks(even=True, upright=True))
def test_an_even_upright_stack_is_its_grid(stack: Stack) -> None:
    assert stack.is_regular
    assert stack.tilt_deg == pytest.approx(0, abs=1e-5)
    assert np.allclose(stack.nodes, [(0, 0, k) for k in range(stack.shape[2])], atol=1e-6)
    stored = stack.slab(0, stack.shape[2]).astype(float)
    assert np.allclose(stack.volume().array, stored * stack.slopes + stack.intercepts)


@given(stack=stacks())
def test_the_natural_grid_holds_every_voxel(stack: Stack) -> None:
    corners = [(i, j) for i in (0, stack.shape[0] - 1) for j in (0, stack.shape[1] - 1)]
    points = np.array(
        [
            origin + i * stack.step_i_ras_mm + j * stack.step_j_ras_mm
            for origin in stack.origins_ras_mm
            for i, j in corners
        ]
    )
    index = stack.grid.index(points)
    assert index.min() >= -0.5
    assert (index <= np.array(stack.grid.shape) - 0.5).all()


@given(stack=stacks())
def test_the_natural_grid_is_upright_even_and_in_the_slices_own_frame(stack: Stack) -> None:
    grid = stack.grid
    assert np.allclose(grid.affine[:3, 0], stack.step_i_ras_mm)
    assert np.allclose(grid.affine[:3, 1], stack.step_j_ras_mm)
    if not stack.is_regular:
        assert np.allclose(np.cross(grid.affine[:3, 2], stack.normal), 0, atol=1e-9)
        assert stack.step_mm >= stack.gaps_mm.min() - 1e-9


@given(stack=stacks())
def test_slices_ascend_along_the_normal(stack: Stack) -> None:
    assert (stack.gaps_mm > 0).all()
    assert np.linalg.norm(stack.normal) == pytest.approx(1)
    assert stack.spec == stack.volume().spec


@pytest.mark.parametrize("lean", [-0.3, 0.2, 0.5])
def test_the_tilt_is_measured_from_the_positions(lean: float) -> None:
    stack = made([0, 5, 10, 15], lean=lean)
    assert stack.tilt_deg == pytest.approx(abs(np.degrees(np.arctan(lean))))
    assert not stack.is_upright
    assert stack.is_even
    assert not stack.is_regular


def test_a_thicker_vertex_is_uneven_and_the_finest_common_gap_is_the_step() -> None:
    gaps = [4.002] * 13 + [1.081] + [6.999] * 13
    stack = made(np.concatenate([[0], np.cumsum(gaps)]).tolist())
    assert not stack.is_even
    assert stack.step_mm == pytest.approx(4.002)
    assert stack.gaps_mm.tolist() == pytest.approx(gaps)
    assert (stack.grid.shape[2] - 1) * stack.step_mm >= sum(gaps) - 0.01 * stack.step_mm


def test_a_stray_short_gap_does_not_multiply_the_volume() -> None:
    positions = [*range(0, 100, 5), 95.3]
    assert made(positions).grid.shape[2] <= len(positions) + 1


def test_headers_rounded_to_a_hundredth_are_even() -> None:
    positions = [round(n * 0.625, 2) for n in range(40)]
    assert made(positions).is_even


@pytest.mark.parametrize("lean", [0.0, 0.3])
@pytest.mark.parametrize("positions", [[0, 2, 4, 6, 8, 10], [0, 2, 3, 7, 8, 12]])
def test_a_linear_field_in_the_world_is_read_as_one(positions: list[float], lean: float) -> None:
    stack = made(positions, lean=lean, size=(6, 20))
    points = (
        stack.origins_ras_mm[None, None]
        + np.arange(6)[:, None, None, None] * stack.step_i_ras_mm
        + np.arange(20)[None, :, None, None] * stack.step_j_ras_mm
    )
    gradient = np.array([3.0, -2.0, 5.0])
    field = np.asfortranarray((points @ gradient).astype(np.float32))
    volume = stack.replaced(
        stored_dtype=field.dtype, decode=lambda start, stop: field[:, :, start:stop]
    ).volume()
    index = np.stack(np.meshgrid(*map(np.arange, volume.shape), indexing="ij"), axis=-1)
    truth = volume.grid.world(index) @ gradient
    inside = (index[..., 2] * stack.step_mm <= positions[-1]) & (volume.array != -1024)
    # A tilted slice covers another part of the plane: a sample needs both slices around it.
    shift = volume.grid.index(stack.origins_ras_mm)[:, 1]
    inside &= (index[..., 1] >= shift.max()) & (index[..., 1] <= shift.min() + 19)
    assert inside.mean() > 0.5
    assert np.abs(volume.array - truth)[inside].max() < 1e-3


@given(first=st.integers(0, 3), length=st.integers(1, 4))
def test_only_the_slices_asked_for_are_decoded(first: int, length: int) -> None:
    asked = []
    stack = made([0, 1, 2, 3, 4, 5, 6, 7])
    stored = stack.slab(0, 8)

    def decode(start: int, stop: int) -> np.ndarray:
        asked.append((start, stop))
        return stored[:, :, start:stop]

    lazy = stack.replaced(decode=decode)
    assert not asked
    assert np.array_equal(lazy.slab(first, first + length), stored[:, :, first : first + length])
    assert asked == [(first, first + length)]


def test_padding_is_air_before_anything_is_interpolated() -> None:
    positions = [0.0, 2, 3, 7]
    stored = np.full((4, 4, 4), 1064, np.int16, order="F")
    stored[0] = -2000
    stack = made(
        positions,
        size=(4, 4),
        decode=lambda start, stop: stored[:, :, start:stop],
        padding=(-2000, -2000),
        intercepts=np.full(4, -1024.0),
    )
    volume = stack.volume()
    assert np.array_equal(np.unique(volume.array[0]), [-1024])
    assert np.array_equal(np.unique(volume.array[1:]), [40])


def test_a_slope_per_slice_is_a_slope_per_slice() -> None:
    slopes, intercepts = np.array([1.0, 2, 0.5]), np.array([-1024.0, 0, 10])
    volume = made([0, 1, 2], slopes=slopes, intercepts=intercepts, value=100).volume()
    assert volume.spec.dtype == np.float32
    for k in range(3):
        assert np.unique(volume.array[:, :, k]).tolist() == [(100 + k) * slopes[k] + intercepts[k]]


def test_whole_numbers_stay_int16_and_unsigned_storage_never_wraps() -> None:
    stored = np.zeros((2, 2, 2), np.uint16, order="F")
    stored[0] = 4095
    stack = made(
        [0, 1],
        size=(2, 2),
        stored_dtype=stored.dtype,
        decode=lambda a, b: stored[:, :, a:b],
        intercepts=np.full(2, -1024.0),
    )
    volume = stack.volume()
    assert volume.spec.dtype == np.int16
    assert sorted(np.unique(volume.array).tolist()) == [-1024, 3071]


@pytest.mark.parametrize(
    "wrong",
    [
        {"slopes": np.array([1.0, 0])},
        {"slopes": np.array([1.0, np.nan])},
        {"slopes": np.ones(3)},
        {"intercepts": np.array([np.inf, 0])},
        {"step_j_ras_mm": (-2, 0, 0)},
        {"origins_ras_mm": np.full((2, 3), np.nan)},
    ],
)
def test_what_cannot_be_a_stack_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(hu.GeometryError):
        made([0.0, 1.0], **wrong)


@pytest.mark.parametrize(("start", "stop"), [(-1, 1), (0, 3), (1, 1)])
def test_slices_that_are_not_there_are_refused(start: int, stop: int) -> None:
    with pytest.raises(hu.GeometryError, match="is not in a stack"):
        made([0.0, 1.0]).slab(start, stop)


def test_a_reader_that_decodes_something_else_is_found_out() -> None:
    with pytest.raises(hu.GeometryError, match="decoding gave"):
        made([0.0, 1.0], decode=lambda a, b: np.zeros((4, 5, 1), np.int16)).slab(0, 2)


@given(stack=stacks(even=True, upright=True), data=st.data())
def test_a_volume_as_a_stack_is_the_same_volume(stack: Stack, data: st.DataObject) -> None:
    assume(stack.is_regular)
    volume = ramp(stack.grid)
    again = Stack.from_volume(volume)
    assert again.grid == volume.grid
    assert np.array_equal(again.volume().array, volume.array)
    assert np.shares_memory(again.slab(0, 1), volume.array)


class BoxReader:
    """Decodes boxes of an array, and counts the values that were read."""

    def __init__(self, stored: np.ndarray[Any, Any]) -> None:
        self.stored, self.count = stored, 0

    def __call__(self, start: int, stop: int) -> np.ndarray[Any, Any]:
        return self.box((0, 0, start), (*self.stored.shape[:2], stop))

    def box(self, start: tuple[int, ...], stop: tuple[int, ...]) -> np.ndarray[Any, Any]:
        read = self.stored[tuple(slice(a, b) for a, b in zip(start, stop, strict=True))]
        self.count += read.size
        return read


@given(st.data(), st.booleans())
def test_a_box_is_that_part_of_the_slices(data: st.DataObject, reads_boxes: bool) -> None:
    stored = np.arange(4 * 5 * 3, dtype=np.int16).reshape((4, 5, 3), order="F")
    reader = BoxReader(stored)
    decode = reader if reads_boxes else lambda a, b: stored[:, :, a:b]
    stack = made([0.0, 1.0, 2.0], size=(4, 5), decode=decode)
    start = tuple(data.draw(st.integers(0, n - 1)) for n in stored.shape)
    stop = tuple(data.draw(st.integers(a + 1, n)) for a, n in zip(start, stored.shape, strict=True))
    box = stack.box(start, stop)  # type: ignore[arg-type]
    np.testing.assert_array_equal(
        box, stored[start[0] : stop[0], start[1] : stop[1], start[2] : stop[2]]
    )
    assert not reads_boxes or reader.count == box.size


@pytest.mark.parametrize(("start", "stop"), [((0, 0, 0), (5, 1, 1)), ((1, 0, 0), (1, 1, 1))])
def test_a_box_that_is_not_there_is_refused(
    start: tuple[int, int, int], stop: tuple[int, int, int]
) -> None:
    with pytest.raises(hu.GeometryError, match="is not in a stack"):
        made([0.0, 1.0]).box(start, stop)
