"""Find the entry points of other packages on first use."""

from __future__ import annotations

from collections.abc import Container
from functools import cache
from typing import TYPE_CHECKING, Any

from hounsfield.core.errors import PluginError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


@cache
def found(group: str) -> tuple[EntryPoint, ...]:
    """Return the entry points of `group` in all packages, sorted by name and package."""
    from importlib.metadata import entry_points  # slow to import, and seldom needed

    return tuple(sorted(entry_points(group=group), key=lambda each: (each.name, package_of(each))))


def by_name(group: str, *, noun: str, ours: Container[str]) -> dict[str, EntryPoint]:
    """Return the entry points of `group` by name.

    Raises PluginError if a package uses one of the names `ours`, or if two packages use the same
    name; `noun` describes the entry points in messages.
    """
    result: dict[str, EntryPoint] = {}
    for each in found(group):
        if each.name in ours:
            raise PluginError(
                f"package {package_of(each)} offers a {noun} '{each.name}', which is a name of "
                f"hounsfield; uninstall the package, or ask its author for another name"
            )
        if each.name in result:
            raise PluginError(
                f"packages {package_of(result[each.name])} and {package_of(each)} both offer a "
                f"{noun} '{each.name}'; uninstall one of them"
            )
        result[each.name] = each
    return result


def loaded(point: EntryPoint, *, noun: str) -> Any:
    """Import the object of an entry point; raises PluginError, which names the package."""
    try:
        return point.load()
    except Exception as error:  # a package's import may raise anything
        reason = " ".join(str(error).split())
        raise PluginError(
            f"package {package_of(point)} offers the {noun} '{point.name}' and cannot be imported "
            f"({type(error).__name__}: {reason}); update or uninstall it"
        ) from None


def package_of(point: EntryPoint) -> str:
    """Return the name of the package of an entry point."""
    return point.dist.name if point.dist is not None else point.module.partition(".")[0]
