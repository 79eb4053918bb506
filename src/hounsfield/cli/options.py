"""Options that several verbs share, and the conversion of a function to a verb."""

from __future__ import annotations

import dataclasses
import inspect
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_type_hints

from typer import BadParameter, Option, Typer

from hounsfield.cli.errors import USAGE, about
from hounsfield.cli.terminal import Terminal, set_options
from hounsfield.core.errors import HounsfieldError
from hounsfield.core.policy import DEFAULT_POLICY, ReadPolicy
from hounsfield.io.formats import FORMATS, output_of

if TYPE_CHECKING:
    from hounsfield.core.volume import Volume
    from hounsfield.pipeline.pipeline import Pipeline

READING = "Reading"
"""The heading of the read options in the help."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The series to read and the read policy, which becomes one option for each of its fields."""

    series: Annotated[
        str | None,
        Option(
            metavar="ID|NUMBER",
            help="Series to read, by its id or its number from 0, as inspect lists them; for a "
            "4-D file the number of the volume (default: the only one; inspect and run: all).",
            rich_help_panel=READING,
        ),
    ] = None
    policy: ReadPolicy = DEFAULT_POLICY


@dataclass(frozen=True, slots=True, kw_only=True)
class Ids:
    """How cases are named."""

    ids: Annotated[
        str,
        Option(
            metavar="auto|hash|stem|folder|PATTERN",
            help="Case ids: plain stems of files and else hashes (auto), always hashes, stems, "
            "names of folders, or a pattern such as '{parent}-{stem}'.",
        ),
    ] = "auto"
    key: Annotated[
        Path | None,
        Option(metavar="FILE", help="Key of the hashes (default: that of the user, see info)."),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming(Ids):
    """How cases are named, and where their ids are linked to their sources."""

    linkage: Annotated[
        Path | None,
        Option(
            metavar="FILE",
            help="CSV file with the path and series UID of each case id, outside of OUT "
            "(default: ~/.local/state/hounsfield/linkage/RUN.csv).",
        ),
    ] = None
    no_linkage: Annotated[bool, Option("--no-linkage", help="Write no linkage file.")] = False


QuantityName = Literal["hu", "unit", "standardized", "display", "label", "mask", "other"]


def read_volume(
    terminal: Terminal, path: Path, *, reading: Reading, quantity: QuantityName | None = None
) -> Volume:
    """Read the volume at `path` and report its diagnostics on stderr, notes with -v only."""
    volume = load_volume(path, reading=reading, quantity=quantity)
    terminal.report_all(volume.diagnostics, subject=str(path))
    return volume


def load_volume(path: Path, *, reading: Reading, quantity: QuantityName | None = None) -> Volume:
    """Read the volume at `path`; without `quantity`, as the file states it, else as HU."""
    from hounsfield.io.open import declared_quantity, read_volume

    with about(path):
        series, policy = reading.series, reading.policy
        found = quantity or declared_quantity(path, series=series, policy=policy) or "hu"
        return read_volume(path, series=series, quantity=found, policy=policy)


def diagnostics_data(*volumes: Volume | None) -> list[dict[str, str]]:
    """Return the diagnostics of the volumes as plain data, for --json."""
    read = [volume for volume in volumes if volume is not None]
    return [each.to_json() for volume in read for each in volume.diagnostics]


FORMAT_METAVAR = "[" + "|".join(out.name for each in FORMATS for out in each.outputs) + "]"
"""The formats of this package: the help does not search installed packages."""


def format_name(name: str) -> str:
    """Check the name of an output format; a usage error if there is none."""
    try:
        return output_of(name).name
    except HounsfieldError as error:
        raise BadParameter(str(error)) from None


SUFFIXES = (".toml", ".json")


def load_pipeline(name: str, *, settings: Sequence[str] = ()) -> Pipeline:
    """Load the pipeline called `name`, with settings applied; errors exit with status 2."""
    from hounsfield.pipeline.pipeline import Pipeline
    from hounsfield.pipeline.presets import preset, preset_names
    from hounsfield.pipeline.settings import parse_settings

    with about(name, status=USAGE):
        changes = parse_settings(settings)
        if name not in preset_names() and (name.endswith(SUFFIXES) or os.path.isfile(name)):
            return Pipeline.load(Path(name), settings=changes)
        return preset(name, settings=changes)


Verb = Callable[..., None]


def add_verb(app: Typer, function: Verb, *, name: str) -> None:
    """Register `function` as the verb `name`; its docstring is the help.

    A parameter whose type is a dataclass becomes one option for each field of it.
    """
    flat = _Flat.of(function)

    def command(**values: Any) -> None:
        set_options(values)
        function(**flat.collected(values))

    command.__doc__ = function.__doc__
    command.__name__ = name
    command.__signature__ = inspect.Signature(flat.parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {
        parameter.name: parameter.annotation for parameter in flat.parameters
    }
    app.command(name)(command)


@dataclasses.dataclass(frozen=True, slots=True)
class _Flat:
    """The parameters of a verb with its dataclasses expanded into their fields."""

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
            if _is_group(kind):
                groups[parameter.name] = kind
                parameters += _fields(kind)
            else:
                own.append(parameter.name)
                parameters.append(
                    parameter.replace(annotation=kind, kind=inspect.Parameter.KEYWORD_ONLY)
                )
        return cls(parameters, groups, tuple(own))

    def collected(self, values: dict[str, Any]) -> dict[str, Any]:
        """Collect the arguments of the function from the values of all options."""
        arguments = {name: values[name] for name in self.own}
        for name, kind in self.groups.items():
            arguments[name] = _built(kind, values)
        return arguments


def _is_group(kind: Any) -> bool:
    return isinstance(kind, type) and dataclasses.is_dataclass(kind)


def _fields(kind: type) -> list[inspect.Parameter]:
    hints = get_type_hints(kind, include_extras=True)
    result = []
    for item in dataclasses.fields(kind):
        if _is_group(hints[item.name]):
            result += _fields(hints[item.name])
        else:
            result.append(_parameter(item, hints[item.name]))
    return result


def _parameter(item: dataclasses.Field[Any], hint: Any) -> inspect.Parameter:
    """Return the option of a field, by its annotation or by the help text in its metadata."""
    if "help" in item.metadata:
        hint = Annotated[hint, Option(help=item.metadata["help"], rich_help_panel=READING)]
    default = item.default
    if item.default_factory is not dataclasses.MISSING:
        default = item.default_factory()
    return inspect.Parameter(
        item.name,
        inspect.Parameter.KEYWORD_ONLY,
        annotation=hint,
        default=inspect.Parameter.empty if default is dataclasses.MISSING else default,
    )


def _built(kind: type, values: dict[str, Any]) -> Any:
    """Build the dataclass from the values of its options."""
    hints = get_type_hints(kind)
    return kind(
        **{
            item.name: _built(hints[item.name], values)
            if _is_group(hints[item.name])
            else values[item.name]
            for item in dataclasses.fields(kind)
        }
    )
