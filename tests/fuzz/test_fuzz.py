"""Mutants of every kind of input keep the rule of law.py; `make fuzz` runs 10,000 of each."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.law import survive
from tests.fuzz.targets import TARGETS

FEW, MANY = 40, 500
pytestmark = pytest.mark.filterwarnings(
    "ignore::UserWarning"
)  # pydicom's, about the names of the good files


@pytest.fixture(autouse=True)
def own_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test makes or uses the key of the user who runs it."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.mark.parametrize("kind", TARGETS)
def test_any_bytes_give_an_answer_or_our_error_soon_and_in_little_memory(
    kind: str, tmp_path: Path
) -> None:
    assert survive(kind, tmp_path, count=FEW, seed=1).breaches == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", TARGETS)
def test_many_mutants_keep_the_law(kind: str, tmp_path: Path) -> None:
    assert survive(kind, tmp_path, count=MANY, seed=2).breaches == []
