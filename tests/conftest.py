"""What every test may ask for."""

from __future__ import annotations

import os
from collections.abc import Iterator
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


@pytest.fixture(scope="session", autouse=True)
def own_state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test writes a linkage file into the home of the user who runs it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield
