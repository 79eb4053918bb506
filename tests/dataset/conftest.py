"""Small scans, and jobs over them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import hounsfield as hu
from hounsfield.dataset.discover import discover
from hounsfield.dataset.engines.local import LocalEngine
from hounsfield.dataset.run import run_dataset
from hounsfield.dataset.run_config import RunConfig
from hounsfield.dataset.summary import Summary


@pytest.fixture(autouse=True)
def own_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test makes or uses the key of the user who runs it."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def noisy(seed: int, *, shape: tuple[int, int, int] = (20, 18, 10)) -> hu.Volume:
    """A scan of noise from air to bone, oblong voxels."""
    rng = np.random.default_rng(seed)
    affine = np.diag([-1.5, -1.25, 3.0, 1.0])
    affine[:3, 3] = (11, 7, -20)
    return hu.Volume.from_array(rng.integers(-1000, 1500, shape).astype(np.int16), affine=affine)


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """A folder of three scans."""
    folder = tmp_path / "scans"
    folder.mkdir()
    for seed, name in enumerate(("anna", "b_2", "c-3")):
        hu.write(noisy(seed), folder / f"{name}.nii.gz")
    return folder


SMALL = hu.Pipeline(
    [
        hu.Reorient(to="RAS"),
        hu.Resample(spacing_mm=2.0),
        hu.Clip(low_hu=-100, high_hu=1000),
        hu.MapRange(),
    ]
)


def run_over(
    source: Path,
    out: Path,
    *,
    pipeline: hu.Pipeline = SMALL,
    workers: int = 1,
    overwrite: bool = False,
    **more: object,
) -> Summary:
    """Run a pipeline over what lies at `source`."""
    job = RunConfig(pipeline=pipeline, out=out, **more)  # type: ignore[arg-type]
    engine = LocalEngine(workers=workers)
    return run_dataset(job, discover([str(source)]), engine=engine, overwrite=overwrite)
