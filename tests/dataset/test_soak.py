"""A run that is killed again and again gives the bytes of an undisturbed one."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.soak import soak

CASES = int(os.environ.get("HOUNSFIELD_COHORT", "30"))

KILLS = int(os.environ.get("HOUNSFIELD_SOAK_KILLS", "5"))


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds the workers in /proc")
def test_five_kills_change_no_byte_and_leave_nothing(tmp_path: Path) -> None:
    found = soak(tmp_path / "soak", cases=CASES, kills=KILLS)
    assert sum(found.kills.values()) == KILLS
    assert found.is_clean, found
