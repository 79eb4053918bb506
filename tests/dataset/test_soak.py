"""A run that is killed again and again gives the bytes of an undisturbed one."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from benchmarks.soak import soak


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds the workers in /proc")
def test_five_kills_change_no_byte_and_leave_nothing(tmp_path: Path) -> None:
    found = soak(tmp_path / "soak", cases=12, kills=5)
    assert sum(found.kills.values()) == 5
    assert found.is_clean, found
