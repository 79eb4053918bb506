"""Check arguments against the type hints of public functions and classes."""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

import numpy as np

from hounsfield.core.errors import ArgumentError, HounsfieldError

Target = TypeVar("Target", bound=Callable[..., Any])

LONGEST_TEXT = 60
"""Maximum number of characters of a value in a message."""

_NUMBERS: dict[type, tuple[type, ...]] = {
    float: (int, float, np.integer, np.floating),
    int: (int, np.integer),
    bool: (bool, np.bool_),
}
"""The classes of values that a hint of a number accepts; bool is not a number."""

_NAMES = {NoneType: "None", str: "str", float: "number", int: "int", bool: "bool"}


def checked(target: Target) -> Target:
    """Return a function, or a class, whose arguments are checked against its type hints.

    Elements of sequences and mappings are checked too. Of a Literal only the type is checked, as
    the function names the allowed values. A class checks what its own code accepts. Raises
    ArgumentError, a TypeError.
    """
    if not isinstance(target, type):
        return typing.cast(Target, _checked_function(target))
    make: Callable[..., None] = target.__init__  # type: ignore[misc]
    check = _checker(make, hints_of=target, name=target.__name__)

    @functools.wraps(make)
    def init(*values: Any, **keywords: Any) -> None:
        try:
            make(*values, **keywords)
        except HounsfieldError:
            raise
        except Exception:
            check(values, keywords)
            raise
        check(values, keywords)

    target.__init__ = init  # type: ignore[misc]
    return target


def _checked_function(function: Callable[..., Any]) -> Callable[..., Any]:
    check = _checker(function, hints_of=function, name=function.__name__)

    @functools.wraps(function)
    def wrapper(*values: Any, **keywords: Any) -> Any:
        check(values, keywords)
        return function(*values, **keywords)

    return wrapper


def _checker(
    function: Callable[..., Any], *, hints_of: Any, name: str
) -> Callable[[tuple[Any, ...], dict[str, Any]], None]:
    """Return a function that raises ArgumentError for the wrong arguments of a call."""

    @functools.cache
    def prepared() -> tuple[inspect.Signature, dict[str, Any]]:
        return inspect.signature(function), typing.get_type_hints(hints_of)

    def check(values: tuple[Any, ...], keywords: dict[str, Any]) -> None:
        signature, hints = prepared()
        try:
            given = signature.bind(*values, **keywords).arguments
        except TypeError as error:
            raise ArgumentError(f"{name}: {error}; expected {name}{_text(signature)}") from None
        for argument, value in given.items():
            if argument in hints and not matches(value, hints[argument]):
                raise ArgumentError(
                    f"{name}: {argument} is {short(value)}; expected {described(hints[argument])}"
                )

    return check


def _text(signature: inspect.Signature) -> str:
    """The names of the parameters, as in a call."""
    names = [
        f"{name}=..." if each.kind is each.KEYWORD_ONLY else name
        for name, each in signature.parameters.items()
        if name not in ("self", "cls")
    ]
    return f"({', '.join(names)})"


def short(value: object) -> str:
    """Return the type of a value, and the value if it is a short text or number."""
    kind = type(value).__name__
    if not isinstance(value, str | int | float | bool | NoneType):
        return f"of type {kind}"
    if isinstance(value, int) and value.bit_length() > 64:
        return f"an integer of {value.bit_length()} bits"
    text = repr(value)
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}... ({kind})"


def described(hint: Any) -> str:
    """Return a type hint in words.

    >>> described(Union[str, Sequence[float], None])
    'str, sequence of number or None'
    """
    origin, parts = get_origin(hint), get_args(hint)
    if hint in _NAMES:
        return _NAMES[hint]
    if origin in (Union, UnionType):
        *first, last = dict.fromkeys(described(part) for part in parts)
        return f"{', '.join(first)} or {last}" if first else last
    if origin is Literal:
        return f"one of {', '.join(repr(part) for part in parts)}"
    if origin is not None and _is_sequence(origin):
        inner = dict.fromkeys(described(part) for part in parts if part is not ...)
        return f"sequence of {' and '.join(inner)}"
    if origin is not None and issubclass(origin, Mapping):
        return "mapping"
    return str(getattr(origin or hint, "__name__", hint))


def matches(value: object, hint: Any) -> bool:
    """Return whether a value is of a type; True for hints that cannot be checked.

    >>> matches([1, 2.5], Sequence[float]), matches("ab", Sequence[str]), matches(True, int)
    (True, False, False)
    """
    origin, parts = get_origin(hint), get_args(hint)
    if hint is None or hint is NoneType:
        return value is None
    if origin in (Union, UnionType):
        return any(matches(value, part) for part in parts)
    if origin is Literal:
        return type(value) in {type(part) for part in parts}
    if hint in _NUMBERS:
        return isinstance(value, _NUMBERS[hint]) and (hint is bool) == isinstance(
            value, bool | np.bool_
        )
    if origin is np.dtype:
        return isinstance(value, np.dtype | str | type)  # what numpy.dtype() takes; parsed later
    if origin is not None and _is_sequence(origin):
        return _is_sequence_of(value, parts)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return isinstance(value, Mapping) and _is_mapping_of(value, parts)
    return _is_instance(value, origin or hint)


def _is_sequence(origin: Any) -> bool:
    return origin in (tuple, list, Sequence, Iterable)


def _is_sequence_of(value: object, parts: tuple[Any, ...]) -> bool:
    """Whether a value is a sequence whose elements match; a text or a set is not a sequence."""
    if isinstance(value, str | bytes | Mapping | Set) or not isinstance(value, Iterable):
        return False
    if not isinstance(value, Sequence) and not (isinstance(value, np.ndarray) and value.ndim):
        return not isinstance(value, np.ndarray)  # an iterator can be read once only
    allowed = tuple(part for part in parts if part is not ...)
    return all(any(matches(each, part) for part in allowed) for each in value)


def _is_mapping_of(value: Mapping[Any, Any], parts: tuple[Any, ...]) -> bool:
    """Whether keys and values match; values that may be anything are not computed."""
    if not parts:
        return True
    return all(matches(key, parts[0]) for key in value) and (
        parts[1] is Any or all(matches(each, parts[1]) for each in value.values())
    )


def _is_instance(value: object, kind: Any) -> bool:
    try:
        return isinstance(value, kind)
    except TypeError:  # a protocol that is not for run time, a type variable, Any
        return True
