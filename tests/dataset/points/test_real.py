"""Points on the tilted slices of a real head are in bone in the output, and in dcm2niix's."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

import hounsfield as hu

BONE_HU = 900
STILL_BONE_HU = 500
"""What interpolation between slices of 4 to 7 mm may leave of it."""


@pytest.mark.filterwarnings("ignore::hounsfield.core.errors.HounsfieldWarning")
def test_points_in_bone_stay_in_bone_on_tilted_uneven_slices(
    real_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    head = real_data / "head_ge_tilt_varspacing"
    stack = hu.open(head / "dicom")
    stored = stack.slab(3, stack.shape[2] - 3)
    rng = np.random.default_rng(0)
    i, j, k = rng.choice(np.argwhere(stored > BONE_HU), 300, replace=False).T
    world = stack.origins_ras_mm[k + 3] + np.outer(i, stack.step_i_ras_mm)
    world += np.outer(j, stack.step_j_ras_mm)
    (case,) = hu.inspect(head / "dicom")
    rows = [f"{case.id},bone,{-x},{-y},{z}" for x, y, z in world]
    (tmp_path / "points.csv").write_text("\n".join(["id,label,x,y,z", *rows]))
    hu.run(
        hu.Pipeline([hu.Reorient(to="RAS"), hu.Resample(spacing_mm=1.0)]),
        head / "dicom",
        tmp_path / "out",
        workers=1,
        linkage=False,
        points=tmp_path / "points.csv",
        frame="lps",
    )
    folder = tmp_path / "out" / "cases" / case.id
    with (folder / "points.csv").open(newline="") as file:
        found = list(csv.DictReader(file))
    assert {row["inside"] for row in found} == {"yes"}
    ours = hu.read(folder / "image.nii.gz").array
    index = np.rint([[float(row[axis]) for axis in "ijk"] for row in found]).astype(int)
    assert (ours[tuple(index.T)] > STILL_BONE_HU).mean() > 0.98
    (path,) = (head / "dcm2niix_ref").glob("*Tilt_Eq*.nii*")
    peers = SimpleITK.ReadImage(str(path))
    lps = [[float(row[f"{axis}_mm"]) for axis in "xyz"] for row in found] * np.array([-1, -1, 1])
    theirs = [peers.GetPixel(peers.TransformPhysicalPointToIndex(at.tolist())) for at in lps]
    assert (np.array(theirs) > STILL_BONE_HU).mean() > 0.98
