"""Make a function a verb: dataclasses among its parameters stand for the options that are their fields."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any, get_type_hints

from typer import Typer

Verb = Callable[..., None]


def add_verb(app: Typer, function: Verb, *, name: str) -> None:
    """Register `function` as the verb `name`; its docstring is the help.

    A parameter whose type is a dataclass is made of options: one for each field, as the field's annotation says.
    """
    flat = _Flat.of(function)

    def command(**values: Any) -> None:
        function(**flat.gathered(values))

    command.__doc__ = function.__doc__
    command.__name__ = name
    command.__signature__ = inspect.Signature(flat.parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {
        parameter.name: parameter.annotation for parameter in flat.parameters
    }
    app.command(name)(command)


@dataclasses.dataclass(frozen=True, slots=True)
class _Flat:
    """The parameters of a verb with its dataclasses spread out, and how to put them together again."""

    parameters: list[inspect.Parameter]
    groups: dict[str, type]
    own: tuple[str, ...]

    @classmethod
    def of(cls, function: Verb) -> _Flat:
        parameters: list[inspect.Parameter] = []
        groups, own = {}, []
        hints = get_type_hints(function, include_extras=True)
        for parameter in inspect.signature(function).parameters.values():
            kind = hints[parameter.name]
            if dataclasses.is_dataclass(kind) and isinstance(kind, type):
                groups[parameter.name] = kind
                parameters += _fields(kind)
            else:
                own.append(parameter.name)
                parameters.append(
                    parameter.replace(annotation=kind, kind=inspect.Parameter.KEYWORD_ONLY)
                )
        return cls(parameters, groups, tuple(own))

    def gathered(self, values: dict[str, Any]) -> dict[str, Any]:
        """The arguments of the function out of the values of all options."""
        arguments = {name: values[name] for name in self.own}
        for name, kind in self.groups.items():
            arguments[name] = kind(
                **{item.name: values[item.name] for item in dataclasses.fields(kind)}
            )
        return arguments


def _fields(kind: type) -> list[inspect.Parameter]:
    hints = get_type_hints(kind, include_extras=True)
    result = []
    for item in dataclasses.fields(kind):
        default = item.default
        if item.default_factory is not dataclasses.MISSING:
            default = item.default_factory()
        result.append(
            inspect.Parameter(
                item.name,
                inspect.Parameter.KEYWORD_ONLY,
                annotation=hints[item.name],
                default=inspect.Parameter.empty if default is dataclasses.MISSING else default,
            )
        )
    return result
