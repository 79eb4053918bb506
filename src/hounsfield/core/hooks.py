"""Where higher layers lend a method to a core value: imports go down only, so they register, and core looks up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_LOADERS: dict[str, Callable[[], Callable[..., Any]]] = {}


def register(name: str, loader: Callable[[], Callable[..., Any]]) -> None:
    """Say how to load the function behind `name`; it is loaded when first needed."""
    _LOADERS[name] = loader


def call(name: str, *arguments: Any, **keywords: Any) -> Any:
    """Load the function that was registered as `name` and call it."""
    return _LOADERS[name]()(*arguments, **keywords)
