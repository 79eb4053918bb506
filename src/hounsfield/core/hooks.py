"""A registry of functions that core classes call but higher layers define.

Imports go down only, so the higher layers register them here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_LOADERS: dict[str, Callable[[], Callable[..., Any]]] = {}


def register(name: str, loader: Callable[[], Callable[..., Any]]) -> None:
    """Register the loader of the function `name`, which is called on first use."""
    _LOADERS[name] = loader


def call(name: str, *arguments: Any, **keywords: Any) -> Any:
    """Load the function registered as `name` and call it."""
    return _LOADERS[name]()(*arguments, **keywords)
