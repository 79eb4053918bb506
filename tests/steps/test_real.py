"""Real CT: SimpleITK, nibabel and scipy agree with what our steps make of it."""

from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK
from scipy import ndimage

import hounsfield as hu
from hounsfield.testing import applied

TORSO = "torso_nifti_3mm_seg"


def loaded(path: Path, *, label: bool = False) -> hu.Volume:
    """A file by nibabel alone."""
    image = nibabel.load(path)
    values = np.asanyarray(image.dataobj)
    kind = np.uint8 if label else np.int16
    return hu.Volume.from_array(
        np.asfortranarray(values.astype(kind)),
        affine=image.affine,
        quantity="label" if label else "hu",
    )


@pytest.fixture(scope="module")
def torso(real_data: Path) -> hu.Volume:
    return loaded(real_data / TORSO / "example_ct.nii.gz")


@pytest.fixture(scope="module")
def head(real_data: Path) -> hu.Volume:
    """The GE head at every fourth pixel in plane, for speed: voxels of 0.98 x 0.98 x 2.62 mm."""
    found = sorted((real_data / "head_ge_tilt_varspacing" / "dcm2niix_ref").glob("*Eq*.nii*"))[0]
    whole = loaded(found)
    thin = np.asfortranarray(whole.array[::2, ::2])
    affine = whole.grid.affine @ np.diag([2, 2, 1, 1])
    return hu.Volume.from_array(thin, affine=affine)


def in_sitk(volume: hu.Volume) -> SimpleITK.Image:
    """The same volume for SimpleITK, by our own hand: RAS+ becomes LPS+."""
    image = SimpleITK.GetImageFromArray(np.ascontiguousarray(volume.array.T).astype(np.float64))
    place(image, volume.grid)
    return image


def place(image: SimpleITK.Image, grid: hu.Grid) -> None:
    lps = np.diag([-1.0, -1, 1])
    image.SetSpacing(grid.spacing_mm)
    image.SetOrigin((lps @ grid.affine[:3, 3]).tolist())
    image.SetDirection((lps @ grid.directions).ravel().tolist())


@pytest.mark.parametrize("name", ["torso", "head"])
@pytest.mark.parametrize("spacing", [(1.7, 1.9, 2.3), (4.0, 4.0, 5.0)])
def test_linear_resampling_agrees_with_simpleitk_inside_the_field(
    name: str, spacing: tuple[float, ...], request: pytest.FixtureRequest
) -> None:
    ct: hu.Volume = request.getfixturevalue(name)
    made = applied(hu.Resample(spacing_mm=spacing, method="linear"), ct).image
    like = SimpleITK.Image(made.grid.shape, SimpleITK.sitkFloat64)
    place(like, made.grid)
    theirs = SimpleITK.GetArrayFromImage(
        SimpleITK.Resample(in_sitk(ct), like, SimpleITK.Transform(), SimpleITK.sitkLinear, -9999.0)
    ).T
    ends = [np.array([0, n - 1]) for n in made.grid.shape]
    inside = np.ones(made.grid.shape, bool)
    for axis in range(3):
        scale = made.grid.spacing_mm[axis] / ct.grid.spacing_mm[axis]
        places = (ct.grid.shape[axis] - 1) / 2 + (
            np.arange(made.grid.shape[axis]) - ends[axis][1] / 2
        ) * scale
        inside &= np.expand_dims(
            (places >= 0) & (places <= ct.grid.shape[axis] - 1), [n for n in range(3) if n != axis]
        )
    assert inside.mean() > 0.8
    assert (theirs[inside] > -9999).all()
    assert np.abs(made.array - theirs)[inside].max() < 1e-3


def test_nearest_agrees_with_simpleitk(torso: hu.Volume) -> None:
    made = applied(hu.Resample(spacing_mm=1.9, method="nearest"), torso).image
    like = SimpleITK.Image(made.grid.shape, SimpleITK.sitkFloat64)
    place(like, made.grid)
    theirs = SimpleITK.GetArrayFromImage(
        SimpleITK.Resample(
            in_sitk(torso), like, SimpleITK.Transform(), SimpleITK.sitkNearestNeighbor, -1024
        )
    ).T
    index = [
        torso.grid.index(made.grid.world(np.eye(3)[n] * np.arange(made.grid.shape[n])[:, None]))[
            :, n
        ]
        for n in range(3)
    ]
    sure = [
        np.abs(places - np.floor(places) - 0.5) > 1e-3 for places in index
    ]  # not midway between two voxels
    assert np.array_equal(made.array[np.ix_(*sure)], theirs[np.ix_(*sure)])


def test_an_oblique_target_agrees_with_simpleitk(torso: hu.Volume) -> None:
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(0.2), -np.sin(0.2)], [np.sin(0.2), np.cos(0.2)]]
    middle = torso.grid.corners_mm.mean(axis=0)
    affine = turn @ np.diag([4.0, 4, 4, 1])
    affine[:3, 3] = middle - affine[:3, :3] @ (19.5, 19.5, 19.5)
    grid = hu.Grid((40, 40, 40), affine)
    made = hu.regrid(torso, grid)
    like = SimpleITK.Image(grid.shape, SimpleITK.sitkFloat64)
    place(like, grid)
    theirs = SimpleITK.GetArrayFromImage(
        SimpleITK.Resample(in_sitk(torso), like, SimpleITK.Transform(), SimpleITK.sitkLinear, -1024)
    ).T
    assert np.abs(made.array - theirs).max() < 1e-2


@pytest.mark.parametrize("to", ["RAS", "LPS", "PIR", "SLA"])
def test_a_reorientation_agrees_with_nibabel(torso: hu.Volume, to: str) -> None:
    image = nibabel.Nifti1Image(torso.array, torso.grid.affine)
    change = nibabel.orientations.ornt_transform(
        nibabel.io_orientation(image.affine), nibabel.orientations.axcodes2ornt(to)
    )
    theirs = image.as_reoriented(change)
    made = applied(hu.Reorient(to), torso).image
    assert np.array_equal(made.array, np.asarray(theirs.dataobj))
    assert np.allclose(made.grid.affine, theirs.affine, atol=1e-9)


@pytest.mark.parametrize(("plane", "axis"), [("sagittal", 0), ("coronal", 1), ("axial", 2)])
def test_slabs_agree_with_scipy(torso: hu.Volume, plane: str, axis: int) -> None:
    assert torso.grid.orientation == "RAS"
    for statistic in ("max", "min"):
        theirs = getattr(ndimage, f"{statistic}imum_filter1d")(
            torso.array, 5, axis=axis, mode="nearest"
        )
        assert np.array_equal(
            applied(hu.Slab(statistic=statistic, slices=5, plane=plane), torso).image.array, theirs
        )
    theirs = ndimage.uniform_filter1d(torso.array.astype(float), 5, axis=axis)
    made = applied(hu.Slab(statistic="mean", slices=5, plane=plane), torso).image.array
    inner = np.moveaxis(np.abs(made - theirs), axis, 0)[2:-2]
    assert inner.max() < 1e-2


def test_recipe_2_agrees_with_simpleitk_and_numpy_doing_the_same(torso: hu.Volume) -> None:
    steps = (
        hu.Resample(spacing_mm=2.0, method="linear"),
        hu.Clip(low_hu=-100, high_hu=1000),
        hu.MapRange(),
        hu.Slab(slices=5),
    )
    made = hu.Pipeline(steps).run(torso).volume
    grid = torso.grid.resampled(spacing_mm=(2, 2, 2))
    assert made.grid == grid
    like = SimpleITK.Image(grid.shape, SimpleITK.sitkFloat64)
    place(like, grid)
    resampled = SimpleITK.Resample(
        in_sitk(torso), like, SimpleITK.Transform(), SimpleITK.sitkLinear, -1024
    )
    mapped = (np.clip(SimpleITK.GetArrayFromImage(resampled).T, -100, 1000) + 100) / 1100
    theirs = ndimage.maximum_filter1d(mapped, 5, axis=2, mode="nearest")
    assert np.abs(made.array - theirs)[1:-1, 1:-1, 3:-3].max() < 1e-5


def test_labels_stay_on_their_organs(real_data: Path) -> None:
    ct = loaded(real_data / TORSO / "example_ct_sm.nii.gz")
    label = loaded(real_data / TORSO / "example_seg.nii.gz", label=True)
    pipeline = hu.Pipeline((hu.Reorient("LPS"), hu.Resample(spacing_mm=2)))
    done = pipeline.run(hu.Case(ct, {"organs": label}))
    assert set(np.unique(done.labels["organs"].array)) <= set(np.unique(label.array))
    for value in np.unique(label.array):
        before, after = (
            ct.array[label.array == value],
            done.volume.array[done.labels["organs"].array == value],
        )
        if value and before.size > 2000:
            assert abs(float(np.median(before)) - float(np.median(after))) < 50
            assert after.size * 8 == pytest.approx(before.size * 27, rel=0.1)


def test_a_prediction_comes_back_to_the_scan(torso: hu.Volume) -> None:
    done = hu.Pipeline((hu.Reorient("LPS"), hu.CropOrPad(shape=(140, 90, 120)))).run(torso).volume
    back = hu.regrid(done, torso.grid)
    reached = hu.regrid(
        hu.Volume.from_array(
            np.ones(done.shape, np.uint8), affine=done.grid.affine, quantity="mask"
        ),
        torso.grid,
    )
    assert np.array_equal(back.array[reached.array == 1], torso.array[reached.array == 1])
    assert reached.array.mean() > 0.85
