"""What every test may ask for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("lean", deadline=None, max_examples=50, derandomize=True)
settings.register_profile("long", deadline=None, max_examples=20000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "lean"))

DATA = Path(
    os.environ.get("HOUNSFIELD_TEST_DATA", Path(__file__).resolve().parents[2] / "shared" / "data")
)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real CT; tests that need it are skipped aloud without it."""
    if not DATA.is_dir():
        pytest.skip(f"no real CT at {DATA}: set HOUNSFIELD_TEST_DATA to its folder")
    return DATA
