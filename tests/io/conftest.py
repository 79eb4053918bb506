"""What the tests of reading and writing share: a plain conversion of a Stack, independent of the sampling."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from hounsfield.core import hooks
from hounsfield.core.stack import Stack
from hounsfield.core.volume import Volume


def plain_volume(stack: Stack) -> Volume:
    """stored * slope + intercept in numpy, for regular stacks: what the sampling must give, without it."""
    assert stack.is_regular
    values = stack.slab(0, stack.shape[2]).astype(np.float64) * stack.slopes + stack.intercepts
    return Volume(np.asfortranarray(values.astype(stack.dtype)), stack.spec)


@pytest.fixture(autouse=True)
def _plain_volume_hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(hooks._LOADERS, "stack.volume", lambda: plain_volume)
    yield
