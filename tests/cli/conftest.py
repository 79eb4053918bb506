"""The command line as a function, and small scans to use it on."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hounsfield as hu
from hounsfield.__main__ import main


@dataclass(frozen=True)
class Answer:
    """What a command left: its status and both streams."""

    status: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """The lines of stderr."""
        return self.err.strip().splitlines()

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events that `run --json` prints, one on each line."""
        return [json.loads(text) for text in self.out.splitlines()]

    @property
    def summary(self) -> dict[str, Any]:
        """The last event of `run --json`, with the results of the cases."""
        *others, last = self.events
        assert last["event"] == "summary"
        return {**last, "cases": [each for each in others if each["event"] == "case"]}


Line = Callable[..., Answer]


@pytest.fixture(autouse=True)
def own_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test makes or uses the key of the user who runs it."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.fixture
def line(capsys: pytest.CaptureFixture[str]) -> Line:
    """Run a command line in this process."""

    def run(*words: object) -> Answer:
        capsys.readouterr()
        status = main([str(word) for word in words])
        out, err = capsys.readouterr()
        return Answer(status, out, err)

    return run


def ball_scan(shape: tuple[int, int, int] = (24, 20, 12)) -> hu.Volume:
    """A ball of tissue with a shell of bone in air, oblong voxels, LPS."""
    places = np.indices(shape) - (np.array(shape).reshape(3, 1, 1, 1) - 1) / 2
    radius = np.sqrt((places**2).sum(axis=0))
    values = np.where(radius < 4, 40, np.where(radius < 5, 900, -1000)).astype(np.int16)
    values += (np.indices(shape).sum(axis=0) % 7).astype(np.int16)
    affine = np.diag([-2.0, -2.0, 3.0, 1.0])
    affine[:3, 3] = (20, 30, -15)
    return hu.Volume.from_array(values, affine=affine)


def ball_label(scan: hu.Volume) -> hu.Volume:
    """The bone of the ball as a label."""
    return hu.Volume.from_array(
        (scan.array > 500).astype(np.uint8), affine=scan.grid.affine, quantity="label"
    )


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    """A small scan as NIfTI."""
    path = tmp_path / "ball.nii.gz"
    hu.write(ball_scan(), path)
    return path


@pytest.fixture
def label(tmp_path: Path) -> Path:
    """Its label as NIfTI."""
    path = tmp_path / "bone.nii.gz"
    hu.write(ball_label(ball_scan()), path)
    return path
