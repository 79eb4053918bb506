"""Every public name has a numpydoc docstring, with its parameters in order and an example."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from enum import Enum

import pytest

import hounsfield as hu
from hounsfield.steps.base import Resolvable, Step
from hounsfield.steps.geometric import GeometricStep
from hounsfield.steps.pointwise import PointwiseStep

numpydoc = pytest.importorskip(
    "numpydoc.validate", reason="numpydoc is not installed: pip install hounsfield[check]"
)

SUMMARY = {"GL08", "SS03", "SS04", "SS05", "SS06"}
"""There is a docstring; its summary is one line, starts with a verb and ends with a full stop."""

SECTIONS = {"PR01", "PR02", "PR03", "PR04", "RT01", "YD01", "GL07"}
"""Parameters are documented, in order, with types; what is returned is; sections are in order."""

EXAMPLE = {"EX01"}

NO_VERBS = {
    "A",
    "All",
    "An",
    "As",
    "Each",
    "How",
    "It",
    "Several",
    "That",
    "The",
    "What",
    "Where",
    "Whether",
}
"""First words of a summary that is not imperative; properties may have them."""

MODULES = ("hounsfield", "hounsfield.testing", "hounsfield.phantom")

PROTOCOL = {
    name
    for kind in (Step, Resolvable, GeometricStep, PointwiseStep)
    for name in vars(kind)
    if not name.startswith("_")
}
"""Methods that a step overrides: documented in full in `steps.base`, by a summary in a step."""


def public_objects() -> Iterator[tuple[str, object]]:
    """Functions and classes of the public modules, by their import path."""
    for module in MODULES:
        for name in importlib.import_module(module).__all__:
            found = getattr(importlib.import_module(module), name)
            if callable(found) and not isinstance(found, str):
                yield f"{module}.{name}", found


def public_members(kind: object) -> Iterator[str]:
    """Methods and properties that a class of this package defines itself."""
    if inspect.isclass(kind):
        for name, member in vars(kind).items():
            is_documented = isinstance(member, property | classmethod | staticmethod)
            is_documented = is_documented or inspect.isfunction(member)
            if is_documented and not name.startswith(("_", "test_")):
                yield name


OBJECTS = dict(public_objects())
MEMBERS = [f"{path}.{name}" for path, kind in OBJECTS.items() for name in public_members(kind)]


class Validator(numpydoc.Validator):  # type: ignore[misc]
    """The validator of numpydoc, also for functions without a source or named as a module."""

    def __init__(self, obj_name: str) -> None:
        found = OBJECTS[obj_name] if obj_name in OBJECTS else self._load_obj(obj_name)
        super().__init__(numpydoc.get_doc_object(found))

    @property
    def source_file_def_line(self) -> int | None:
        try:
            return super().source_file_def_line
        except OSError:
            return None


def errors(path: str, required: set[str]) -> list[tuple[str, str]]:
    found = numpydoc.validate(path, validator_cls=Validator)["errors"]
    return [item for item in found if item[0] in required]


def required_of(kind: object) -> set[str]:
    """Errors and enumerations take what their base takes: a summary says the rest."""
    is_plain = inspect.isclass(kind) and issubclass(kind, BaseException | Enum)
    return SUMMARY if is_plain else SUMMARY | SECTIONS | EXAMPLE


@pytest.mark.parametrize("path", OBJECTS)
def test_a_public_name_is_documented_with_an_example(path: str) -> None:
    assert errors(path, required_of(OBJECTS[path])) == []


@pytest.mark.parametrize("path", MEMBERS)
def test_a_public_method_is_documented(path: str) -> None:
    is_override = path.rpartition(".")[2] in PROTOCOL
    assert errors(path, SUMMARY if is_override else SUMMARY | SECTIONS) == []


@pytest.mark.parametrize("path", [*OBJECTS, *MEMBERS])
def test_a_summary_is_imperative(path: str) -> None:
    found = Validator(path)
    is_override = path in MEMBERS and path.rpartition(".")[2] in PROTOCOL
    is_error = inspect.isclass(found.obj) and issubclass(found.obj, BaseException)
    if not (is_override or is_error or isinstance(found.obj, property)):
        assert found.summary.split()[0] not in NO_VERBS


def test_the_check_finds_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hu.Grid, "__doc__", "A grid without sections")
    assert {code for code, _ in errors("hounsfield.Grid", SUMMARY | SECTIONS | EXAMPLE)} >= {
        "SS03",
        "PR01",
        "EX01",
    }
