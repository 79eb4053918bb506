"""The options and arguments that several verbs have, and how a function becomes a verb."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_type_hints

from typer import Option, Typer

from hounsfield.cli.errors import USAGE, about
from hounsfield.core.policy import ReadPolicy

if TYPE_CHECKING:
    from hounsfield.core.volume import Volume
    from hounsfield.pipeline.pipeline import Pipeline

READING = "Reading"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The read policy, and which series."""

    series: Annotated[
        str | None,
        Option(
            help="The series by its id (see inspect), or the number of a volume from 0.",
            rich_help_panel=READING,
        ),
    ] = None
    gaps: Annotated[
        Literal["refuse", "fill"], Option(help="Missing slices.", rich_help_panel=READING)
    ] = "refuse"
    uneven: Annotated[
        Literal["resample", "refuse"],
        Option(help="Slices at uneven distances.", rich_help_panel=READING),
    ] = "resample"
    tilt: Annotated[
        Literal["correct", "refuse"], Option(help="A tilted gantry.", rich_help_panel=READING)
    ] = "correct"
    padding: Annotated[
        Literal["air", "keep"], Option(help="Padding outside the scan.", rich_help_panel=READING)
    ] = "air"
    assume: Annotated[
        Literal["hu"] | None,
        Option(help="Take values for HU that do not say so.", rich_help_panel=READING),
    ] = None
    assume_affine: Annotated[
        str | None,
        Option(
            help="Three letters such as RAS for a NIfTI without any affine.",
            rich_help_panel=READING,
        ),
    ] = None

    @property
    def policy(self) -> ReadPolicy:
        """As the readers take it."""
        return ReadPolicy(
            gaps=self.gaps,
            uneven=self.uneven,
            tilt=self.tilt,
            padding=self.padding,
            assume=self.assume,
            assume_affine=self.assume_affine,
        )


QuantityWord = Literal["hu", "unit", "standardized", "display", "label", "mask", "other"]


def read_volume(path: Path, *, reading: Reading, quantity: QuantityWord | None = None) -> Volume:
    """The volume at `path`; without a `quantity` the one that the file says, or HU. Errors name the path."""
    from hounsfield.io.open import declared_quantity, read

    with about(path):
        policy = reading.policy
        said = quantity or declared_quantity(path, series=reading.series, policy=policy) or "hu"
        return read(
            path,
            series=reading.series,
            quantity=said,
            gaps=policy.gaps,
            uneven=policy.uneven,
            tilt=policy.tilt,
            padding=policy.padding,
            assume=policy.assume,
            assume_affine=policy.assume_affine,
        )


SUFFIXES = (".toml", ".json")


def load_pipeline(word: str, *, settings: Sequence[str] = ()) -> Pipeline:
    """The pipeline that `word` names, changed by settings; any diagnostic ends the verb with status 2."""
    from hounsfield.pipeline.pipeline import Pipeline
    from hounsfield.pipeline.presets import preset, preset_names

    with about(word, status=USAGE):
        if word not in preset_names() and (word.endswith(SUFFIXES) or Path(word).is_file()):
            return Pipeline.load(Path(word), settings=settings)
        return preset(word, settings=settings)


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
