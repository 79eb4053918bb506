"""A run writes a derived DICOM series that reads back as what the pipeline made."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import hounsfield as hu
from hounsfield.dataset.case import CaseSource
from hounsfield.dataset.run_case import run_case
from hounsfield.dataset.run_config import RunConfig
from hounsfield.phantom import grid_about, head, write_series


@pytest.mark.parametrize("origin", ["dicom", "nifti"])
def test_a_run_to_dicom_reads_back_as_what_was_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, origin: str
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    phantom = head(grid_about((0, -14, 10), shape=(48, 56, 20), spacing_mm=(5, 5, 7)), noise_hu=2)
    source = tmp_path / ("scan.nii.gz" if origin == "nifti" else "scan")
    if origin == "nifti":
        hu.write(phantom.image, source)
    else:
        write_series(phantom, source)
    pipeline = hu.Pipeline(
        [hu.CropToBox(start_mm=(-80, -90, -40), stop_mm=(80, 90, 60)), hu.HeadMask()]
    )
    job = RunConfig(pipeline=pipeline, out=tmp_path / "out", format="dicom")
    outcome = run_case(job, CaseSource(id="case", path=source))
    assert outcome.status == "done", outcome.message
    folder = tmp_path / "out" / "cases" / "case"
    made = pipeline.run(hu.read(source))
    back = hu.read(folder / "image")
    assert np.array_equal(back.array, made.volume.array)
    assert back.grid.same_as(made.volume.grid)
    mask = hu.read(folder / "mask-head.nii.gz", quantity="mask")
    assert np.array_equal(mask.array, made.masks["head"].array)
