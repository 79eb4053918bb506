"""A label map given where an image is wanted is refused, not read as HU."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import hounsfield as hu


def labels(path: Path) -> Path:
    """Three balls of labels 1, 5 and 117 in a box of zeros."""
    i, j, k = np.indices((40, 40, 30))
    array = np.zeros((40, 40, 30), dtype=np.uint8)
    for value, place in ((1, 10), (5, 20), (117, 30)):
        array[(i - place) ** 2 + (j - place) ** 2 + (k - 15) ** 2 < 36] = value
    hu.write(hu.Volume.from_array(array, affine=np.eye(4), quantity="label"), path)
    return path


@pytest.mark.parametrize("suffix", ["nii", "nii.gz", "nrrd"])
def test_labels_are_refused_where_an_image_is_wanted(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(hu.RefusedError, match="look like labels"):
        hu.read(labels(tmp_path / f"x.{suffix}"))
    assert hu.read(tmp_path / f"x.{suffix}", quantity="label").array.max() == 117
    assert hu.read(tmp_path / f"x.{suffix}", assume="hu").quantity == "hu"


def test_real_labels_are_refused_and_real_ct_is_not(real_data: Path) -> None:
    torso = real_data / "torso_nifti_3mm_seg"
    for name in ("example_seg.nii.gz", "example_seg_fast_force_split.nii.gz"):
        with pytest.raises(hu.RefusedError, match="look like labels"):
            hu.read(torso / name)
    assert hu.read(torso / "example_ct_sm.nii.gz").quantity == "hu"
