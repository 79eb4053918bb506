"""Series that something is derived from."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from hounsfield.core.grid import Grid
from hounsfield.phantom import Faults, head, write_series
from hounsfield.phantom.series import Series


@pytest.fixture(autouse=True)
def own_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test makes or uses the key of the user who runs it."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.fixture(scope="session")
def series(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Series]:
    """A small phantom series with faults; the same faults give the same one."""
    affine = np.diag([-3.0, -3.0, 6.0, 1.0])
    affine[:3, 3] = [104, 98, -36]
    small = head(Grid((70, 66, 13), affine), noise_hu=3.0)

    @lru_cache
    def made(faults: Faults | None = None) -> Series:
        return write_series(small, tmp_path_factory.mktemp("source") / "series", faults=faults)

    return made
