"""The fingerprint is nnU-Net's: what its samples of the foreground approach."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import hounsfield as hu
from hounsfield.core.errors import GeometryError, QuantityError, RefusedError
from hounsfield.dataset.fingerprint import ImageAndLabels, measure
from hounsfield.pipeline.fingerprint import read_fingerprint
from tests.dataset.conftest import noisy


def written(
    folder: Path, seed: int, *, dtype: str = "i2", size: tuple[int, int, int] = (20, 18, 10)
) -> ImageAndLabels:
    """A scan and a label of it, with a foreground of another size for each seed."""
    scan = noisy(seed, shape=size)
    array = scan.array.astype(dtype) + (0.3 if dtype == "f4" else 0)
    array[:2] = 0
    array[:, :, -1] = 0
    scan = hu.Volume.from_array(array.astype(dtype), affine=scan.affine)
    inside = (array > 200 * seed).astype(np.uint8) * 3
    hu.write(scan, folder / f"{seed}.nii.gz")
    label = hu.Volume.from_array(inside, affine=scan.affine, quantity="label")
    hu.write(label, folder / f"label-{seed}.nii.gz")
    return ImageAndLabels(
        image=folder / f"{seed}.nii.gz", labels=(folder / f"label-{seed}.nii.gz",)
    )


def as_nnunet(cases: list[ImageAndLabels], *, count: int = 400_000) -> dict[str, float]:
    """The numbers as nnU-Net computes them: samples of one size per case, with replacement."""
    import nibabel

    pool = []
    for case in cases:
        image, label = (nibabel.load(path).get_fdata() for path in (case.image, *case.labels))
        pool.append(np.random.RandomState(1234).choice(image[label > 0], count, replace=True))
    values = np.concatenate(pool)
    low, median, high = np.percentile(values, (0.5, 50, 99.5))
    return {
        "max": values.max(),
        "mean": values.mean(),
        "median": median,
        "min": values.min(),
        "percentile_00_5": low,
        "percentile_99_5": high,
        "std": values.std(),
    }


@pytest.mark.parametrize("dtype", ["i2", "f4"])
def test_the_numbers_are_those_that_samples_approach(dtype: str, tmp_path: Path) -> None:
    cases = [written(tmp_path, seed, dtype=dtype) for seed in (0, 2, 5)]
    found = measure(cases)
    values = found["foreground_intensity_properties_per_channel"]["0"]
    expected = as_nnunet(cases)
    assert values.keys() == expected.keys()
    for name, value in expected.items():
        assert values[name] == pytest.approx(value, abs=3), name
    assert found["shapes_after_crop"] == [[9, 18, 18]] * 3
    np.testing.assert_allclose(found["spacings"], [[3.0, 1.25, 1.5]] * 3)
    assert found["median_relative_size_after_cropping"] == pytest.approx(0.9 * 0.9)


def test_a_case_counts_once_however_large_its_foreground_is(tmp_path: Path) -> None:
    large, small = written(tmp_path, 0, size=(40, 36, 20)), written(tmp_path, 6)
    means = [_mean([case]) for case in (large, small)]
    assert _mean([large, small]) == pytest.approx(np.mean(means))


def _mean(cases: list[ImageAndLabels]) -> float:
    values = measure(cases)["foreground_intensity_properties_per_channel"]["0"]
    return float(values["mean"])


def test_a_pipeline_reads_the_file(tmp_path: Path) -> None:
    found = measure([written(tmp_path, 1)])
    (tmp_path / "fp.json").write_text(json.dumps(found))
    read = read_fingerprint(tmp_path / "fp.json")
    assert read["spacing_mm"] == pytest.approx([1.5, 1.25, 3.0])
    step = hu.Standardize(mean_hu=read["mean"], std_hu=read["std"])
    assert step.std_hu > 0


def test_labels_of_another_grid_no_foreground_and_other_units_are_refused(tmp_path: Path) -> None:
    one, other = written(tmp_path, 1), written(tmp_path, 2, size=(10, 9, 5))
    with pytest.raises(GeometryError, match="expected that of the image"):
        measure([ImageAndLabels(image=one.image, labels=other.labels)])
    with pytest.raises(RefusedError, match="no case has a labelled voxel"):
        measure([ImageAndLabels(image=one.image, labels=())])
    with pytest.raises(QuantityError, match="a fingerprint requires HU"):
        measure([ImageAndLabels(image=one.image, labels=one.labels, quantity="unit")])
