"""Phantom series that labels are drawn on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

import hounsfield as hu
from hounsfield.core.grid import Grid
from hounsfield.phantom import Faults, head, write_series
from hounsfield.phantom.series import Series
from tests.io.dicom.labels.structures import Plane, planes

SPACING_MM = (3.0, 3.0, 6.0)
SHAPE = (70, 66, 14)
"""Not square, and 70 x 66 is no whole number of bytes in bits."""

UNEVEN_MM = tuple(np.cumsum([0, 6, 6, 6, 6, 4, 4, 4, 5, 4, 4, 4, 6, 6]).astype(float).tolist())


@dataclass(frozen=True)
class Scan:
    """A series on disk, as it was written, as its files say it is, and as we open it."""

    series: Series
    planes: list[Plane]
    stack: hu.Stack


@pytest.fixture(autouse=True)
def own_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test makes or uses the key of the user who runs it."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.fixture(scope="session")
def scan(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Scan]:
    """A series by its kind: plain, tilted, uneven, both, oblique, sagittal or enhanced."""
    affine = np.diag([-SPACING_MM[0], -SPACING_MM[1], SPACING_MM[2], 1.0])
    affine[:3, 3] = [SPACING_MM[0] * 34.5, SPACING_MM[1] * 32.5, -SPACING_MM[2] * 6.5]
    small = head(Grid(SHAPE, affine), noise_hu=3.0)
    kinds = {
        "plain": Faults(),
        "tilted": Faults(tilt_deg=18.0),
        "uneven": Faults(positions_mm=UNEVEN_MM),
        "both": Faults(positions_mm=UNEVEN_MM, tilt_deg=-15.0),
        "oblique": Faults(orientation="oblique"),
        "sagittal": Faults(orientation="sagittal"),
        "enhanced": Faults(enhanced=True),
    }

    @lru_cache
    def made(kind: str) -> Scan:
        folder = tmp_path_factory.mktemp(kind)
        series = write_series(small, folder / "series", faults=kinds[kind])
        return Scan(
            series, [] if kind == "enhanced" else planes(series), hu.open(folder / "series")
        )

    return made
