"""Promises of Denoise: sizes in millimetres on any spacing, as SimpleITK and plain loops say."""

import numpy as np
import pytest
import SimpleITK

import hounsfield as hu
from hounsfield.testing import applied

SPACING = (0.7, 0.7, 2.0)


def noisy(shape: tuple[int, int, int] = (11, 10, 9)) -> hu.Volume:
    values = np.random.default_rng(5).normal(40, 30, shape)
    values[4:, :, 3:] += 900
    return hu.Volume.from_array(values.round().astype(np.int16), affine=np.diag([*SPACING, 1]))


@pytest.mark.parametrize("radius", [0.3, 0.7, 1.0, 1.5, 2.1])
def test_the_median_is_over_the_voxels_whose_centres_lie_in_the_ball(radius: float) -> None:
    ct = noisy()
    made = applied(hu.Denoise(method="median", radius_mm=radius), ct).image
    padded = np.pad(ct.array, 4, mode="edge")
    for i, j, k in ((0, 0, 0), (5, 5, 4), (4, 9, 3), (10, 0, 8)):
        near = [
            padded[i + a + 4, j + b + 4, k + c + 4]
            for a in range(-4, 5)
            for b in range(-4, 5)
            for c in range(-4, 5)
            if (a * SPACING[0]) ** 2 + (b * SPACING[1]) ** 2 + (c * SPACING[2]) ** 2
            <= radius**2 * (1 + 1e-6)
        ]
        assert made.array[i, j, k] == np.median(near)
    assert made.spec == ct.spec


def test_the_gaussian_agrees_with_simpleitk_away_from_the_edges() -> None:
    ct = noisy((30, 28, 26))
    made = applied(hu.Denoise(method="gaussian", sigma_mm=1.2), ct).image.array
    image = SimpleITK.GetImageFromArray(np.ascontiguousarray(ct.array.T.astype(np.float32)))
    image.SetSpacing(SPACING)
    theirs = SimpleITK.DiscreteGaussian(
        image,
        variance=[1.2**2] * 3,
        maximumKernelWidth=64,
        maximumError=[1e-4] * 3,
        useImageSpacing=True,
    )
    inner = (slice(8, -8), slice(8, -8), slice(5, -5))
    # ITK's kernel is the discrete Gaussian (Bessel), ours the sampled one: they differ where it is
    # narrow, along k.
    difference = np.abs(made - SimpleITK.GetArrayFromImage(theirs).T)[inner]
    assert np.median(difference) < 4
    assert difference.max() < 40


def test_the_size_is_the_same_in_mm_on_any_spacing() -> None:
    fine = np.zeros((41, 41, 41), np.float32)
    fine[20, 20, 20] = 1
    coarse = np.zeros((21, 21, 21), np.float32)
    coarse[10, 10, 10] = 1
    for values, spacing in ((fine, 0.5), (coarse, 1.0)):
        ct = hu.Volume.from_array(values, affine=np.diag([spacing] * 3 + [1]), quantity="other")
        spot = applied(hu.Denoise(method="gaussian", sigma_mm=2), ct).image.array.astype(float)
        places = (np.arange(len(values)) - len(values) // 2) * spacing
        assert np.sqrt((spot.sum(axis=(1, 2)) * places**2).sum() / spot.sum()) == pytest.approx(
            2, rel=0.02
        )


@pytest.mark.parametrize(
    "step",
    [hu.Denoise(method="median", radius_mm=1.5), hu.Denoise(method="gaussian", sigma_mm=1.5)],
)
def test_a_constant_stays_one(step: hu.Denoise) -> None:
    ct = hu.Volume.from_array(np.full((6, 6, 6), -1000, np.int16), affine=np.diag([*SPACING, 1]))
    assert np.unique(applied(step, ct).image.array).tolist() == [-1000]


@pytest.mark.parametrize(
    "wrong",
    [
        {"radius_mm": 0},
        {"radius_mm": -1},
        {"radius_mm": float("nan")},
        {"method": "bilateral"},
        {"method": "gaussian"},
        {"sigma_mm": 1},
        {"radius_mm": None},
        {"radius_mm": None, "sigma_mm": 1},
    ],
)
def test_what_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(hu.QuantityError):
        hu.Denoise(**{"method": "median", "radius_mm": 1, **wrong})


def test_float16_is_filtered_as_float32() -> None:
    values = np.random.default_rng(0).normal(0, 100, (6, 7, 5)).astype(np.float16)
    half = hu.Volume.from_array(values, affine=np.eye(4))
    full = hu.Volume.from_array(values.astype(np.float32), affine=np.eye(4))
    for step in (
        hu.Denoise(method="median", radius_mm=1.5),
        hu.Denoise(method="gaussian", sigma_mm=1),
    ):
        made, wanted = (step.apply(hu.Case(image)).image for image in (half, full))
        assert made.dtype == (np.float16 if step.method == "median" else np.float32)
        assert np.array_equal(made.array, wanted.array)
