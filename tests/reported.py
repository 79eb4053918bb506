"""Assert which diagnostics a call warns of: each HounsfieldWarning by code, no other warning."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from hounsfield.core.errors import HounsfieldWarning


@contextmanager
def reported(*codes: str) -> Iterator[None]:
    """The block warns of exactly these codes, in any order; any other warning fails as usual."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("error")
        warnings.simplefilter("always", HounsfieldWarning)
        yield
    found = [each.message.diagnostic.code for each in caught]  # type: ignore[union-attr]
    assert sorted(found) == sorted(codes)
