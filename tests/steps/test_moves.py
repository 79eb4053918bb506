"""Crops, pads, flips and reorientations move no voxel, change no bit, and regrid undoes them."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import hounsfield as hu
from hounsfield.core.overlap import gap_mm
from hounsfield.testing import ORIENTATIONS, applied, grids, specs, volumes

SIGNED = ("int16", "int32", "float32", "float64")
ANY = volumes(spec=specs(grid=grids(oblique=True), dtypes=SIGNED, channels=True))
MOVES = st.one_of(
    st.builds(hu.Reorient, to=st.sampled_from(ORIENTATIONS)),
    st.builds(
        hu.Box,
        start=st.tuples(*[st.integers(-3, 3)] * 3),
        shape=st.tuples(*[st.integers(1, 9)] * 3),
    ),
    st.builds(hu.CropOrPad, shape=st.tuples(*[st.none() | st.integers(1, 12)] * 3)),
    st.builds(hu.SplitSlices, plane=st.sampled_from(("axial", "coronal", "sagittal"))),
)


def overlaps(step: object, grid: hu.Grid) -> bool:
    """Whether a box has a voxel of the grid; one that has none is refused."""
    if not isinstance(step, hu.Box):
        return True
    sides = zip(step.start, step.shape, grid.shape, strict=True)
    return all(start < size and start + length > 0 for start, length, size in sides)


def by_place(volume: hu.Volume) -> dict[tuple[float, ...], bytes]:
    """The bits of every voxel by its place in the world, rounded to a thousandth of a mm."""
    points = volume.grid.world(np.array(list(np.ndindex(*volume.grid.shape)))).round(3) + 0.0
    values = volume.array.reshape(len(points), -1)
    return {
        tuple(point): value.tobytes() for point, value in zip(points.tolist(), values, strict=True)
    }


@given(volume=ANY, step=MOVES)
def test_a_move_keeps_every_voxel_in_its_place_bit_for_bit(volume: hu.Volume, step: hu.Box) -> None:
    assume(overlaps(step, volume.grid))
    before, after = by_place(volume), by_place(applied(step, volume).image)
    outside = np.full(
        max(1, len(volume.spec.channels)), volume.background, volume.spec.dtype
    ).tobytes()
    assert all(value == before.get(place, outside) for place, value in after.items())


@given(volume=ANY, steps=st.lists(MOVES, min_size=1, max_size=4))
def test_undo_is_bit_exact_where_the_output_covered_the_source(
    volume: hu.Volume, steps: list[hu.Box]
) -> None:
    case = hu.Case(volume)
    reached = np.ones(volume.grid.shape, bool)
    for step in steps:
        assume(overlaps(step, case.image.grid))
        case = applied(step, case)
        index = np.rint(
            case.image.grid.index(volume.grid.world(np.array(list(np.ndindex(*volume.grid.shape)))))
        ).astype(int)
        reached &= (
            ((index >= 0) & (index < case.image.grid.shape)).all(axis=1).reshape(volume.grid.shape)
        )
    assume(gap_mm(volume.grid, case.image.grid) == 0)  # several boxes may lead away from it
    back = hu.regrid(case.image, volume.grid)
    assert back.spec == volume.spec
    assert back.array[reached].tobytes() == volume.array[reached].tobytes()
    assert (back.array[~reached] == volume.background).all()


@pytest.mark.parametrize("to", ORIENTATIONS)
def test_a_reorientation_agrees_with_nibabel(to: str) -> None:
    import nibabel

    values = np.random.default_rng(3).integers(-1000, 3000, (5, 4, 3)).astype(np.int16)
    affine = hu.Grid((5, 4, 3), np.diag([0.7, 0.7, 3, 1])).reoriented("ASR").affine
    change = nibabel.orientations.ornt_transform(
        nibabel.io_orientation(affine), nibabel.orientations.axcodes2ornt(to)
    )
    theirs = nibabel.Nifti1Image(values, affine).as_reoriented(change)
    ours = applied(hu.Reorient(to), hu.Volume.from_array(values, affine=affine)).image
    assert np.array_equal(ours.array, np.asarray(theirs.dataobj))
    assert np.allclose(ours.grid.affine, theirs.affine)


def test_aligned_grids_are_copied_though_their_affines_differ_by_rounding() -> None:
    values = np.random.default_rng(0).integers(-1000, 3000, (30, 20, 10)).astype(np.int16)
    ct = hu.Volume.from_array(values, affine=np.diag([-0.9766, -0.9766, 3.27, 1]))
    off = np.array(ct.grid.affine)
    off[:3, 3] += 1e-5
    back = hu.regrid(ct, hu.Grid(ct.grid.shape, off))
    assert back.spec.dtype == np.int16
    assert np.array_equal(back.array, values)


def test_half_a_voxel_is_interpolated_and_not_copied() -> None:
    ct = hu.Volume.from_array(
        np.array([0, 100, 200, 300], np.int16).reshape(4, 1, 1), affine=np.eye(4)
    )
    shifted = np.eye(4)
    shifted[0, 3] = 0.5
    made = hu.regrid(ct, hu.Grid((3, 1, 1), shifted))
    assert made.spec.dtype == np.float32
    assert made.array.ravel().tolist() == [50, 150, 250]


@given(volume=ANY)
def test_a_crop_to_a_box_keeps_exactly_the_voxels_inside(volume: hu.Volume) -> None:
    upright = hu.Volume(
        volume.array,
        volume.spec.replaced(grid=hu.Grid(volume.grid.shape, np.diag([-1.0, 2, 3, 1]))),
    )
    points = upright.grid.world(np.array(list(np.ndindex(*upright.grid.shape))))
    start, stop = np.sort(points[[0, len(points) // 2]], axis=0)
    made = applied(hu.CropToBox(start_mm=start.tolist(), stop_mm=stop.tolist()), upright).image
    inside = ((points >= start - 1e-6) & (points <= stop + 1e-6)).all(axis=1)
    assert sorted(by_place(made)) == sorted(map(tuple, (points[inside].round(3) + 0.0).tolist()))


def test_a_box_that_holds_no_voxel_is_refused_when_planned() -> None:
    ct = hu.Volume.from_array(np.zeros((4, 4, 4), np.int16), affine=np.eye(4))
    with pytest.raises(hu.GeometryError, match="no voxel of Grid"):
        hu.CropToBox(start_mm=(50, 0, 0), stop_mm=(60, 3, 3)).plan(ct.spec)
    with pytest.raises(hu.GeometryError, match="expected at most stop_mm"):
        hu.CropToBox(start_mm=(5, 0, 0), stop_mm=(1, 3, 3))


@pytest.mark.parametrize(
    ("size", "wanted"), [(4, 6), (4, 7), (5, 8), (6, 4), (7, 4), (5, 2), (3, 3)]
)
def test_an_odd_voxel_is_cropped_or_padded_at_the_end(size: int, wanted: int) -> None:
    ct = hu.Volume.from_array(
        np.arange(1, size + 1, dtype=np.int16).reshape(size, 1, 1), affine=np.eye(4)
    )
    made = applied(hu.CropOrPad(shape=(wanted, None, None)), ct).image.array.ravel()
    first = (wanted - size) // 2 if wanted >= size else -((size - wanted) // 2)
    truth = [n - first + 1 if 0 <= n - first < size else -1024 for n in range(wanted)]
    assert made.tolist() == truth


def test_crop_or_pad_centres_on_a_mask() -> None:
    mask = np.zeros((9, 9, 3), np.uint8)
    mask[6:9, 1:4] = 1
    ct = hu.Volume.from_array(np.arange(243, dtype=np.int16).reshape(9, 9, 3), affine=np.eye(4))
    case = hu.Case(ct, {}, {"head": hu.Volume.from_array(mask, affine=np.eye(4), quantity="mask")})
    made = applied(hu.CropOrPad(shape=(3, 3, None), center="head"), case)
    assert made.masks["head"].array.all()
    with pytest.raises(hu.QuantityError, match="expected 'grid' or one of: head"):
        applied(hu.CropOrPad(shape=(3, 3, None), center="body"), case)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_a_pad_that_the_dtype_cannot_hold_is_refused_and_never_wraps(dtype: str) -> None:
    ct = hu.Volume.from_array(np.zeros((3, 3, 3), dtype), affine=np.eye(4), background=-1024)
    with pytest.raises(hu.QuantityError, match="cannot hold the background -1024"):
        hu.CropOrPad(shape=(5, 5, 5)).plan(ct.spec)
    with pytest.raises(hu.QuantityError, match="background -1024 cannot be represented in"):
        hu.regrid(ct, ct.grid.boxed((-1, 0, 0), (4, 3, 3)))
    assert hu.CropOrPad(shape=(2, 2, 2)).plan(ct.spec).dtype == dtype


@pytest.mark.parametrize("shape", [(0, -1, 4), (2, 2), (2.5, 2, 2), ("a", 2, 2)])
def test_sizes_that_cannot_be_are_refused(shape: tuple[object, ...]) -> None:
    with pytest.raises(hu.GeometryError, match="sizes of at least 1"):
        hu.CropOrPad(shape=shape)


@pytest.mark.parametrize(
    "steps",
    [
        (),
        (hu.Reorient(to="RAS"),),
        (hu.CropOrPad(shape=(4, 5, 6)),),
        (hu.Resample(spacing_mm=1.0),),
        (hu.Clip(low_hu=-2000, high_hu=4000),),
        (hu.Slab(slices=1),),
    ],
    ids=lambda steps: "".join(type(step).__name__ for step in steps) or "none",
)
def test_who_writes_to_a_result_changes_nothing_of_the_source(steps: tuple[object, ...]) -> None:
    ct = hu.Volume.from_array(np.arange(120, dtype=np.int16).reshape(4, 5, 6), affine=np.eye(4))
    label = hu.Volume.from_array(
        (ct.array > 60).astype(np.uint8), affine=np.eye(4), quantity="label"
    )
    before = ct.array.copy(), label.array.copy()
    made = hu.Pipeline(steps).run(hu.Case(ct, {"half": label}, {"same": label}))
    for volume in (
        made.volume,
        made.labels["half"],
        made.masks["same"],
        hu.regrid(ct, ct.grid),
        hu.Pipeline(steps).run(ct).volume,
    ):
        volume.array[...] = 7
    assert np.array_equal(ct.array, before[0])
    assert np.array_equal(label.array, before[1])
