"""Convert pipelines to and from TOML and JSON data; all diagnostics are reported at once."""

from __future__ import annotations

import dataclasses
import json
import tomllib
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np

from hounsfield.core.arguments import short
from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.dtype import voxel_dtype
from hounsfield.core.errors import HounsfieldError, PipelineError, PluginError, QuantityError
from hounsfield.core.grid import Grid
from hounsfield.io.bytes.text import read_short_text
from hounsfield.pipeline.check import check_order
from hounsfield.pipeline.parameters import fill_parameters, is_parameter
from hounsfield.pipeline.record import LARGEST_BYTES as LARGEST_RECORD_BYTES
from hounsfield.pipeline.record import UNREGISTERED
from hounsfield.pipeline.settings import NO_SETTINGS, Settings, apply_settings
from hounsfield.steps.base import AnyStep
from hounsfield.steps.registry import GROUP, is_registered, package_version, step_class, step_names

SCHEMA = 1
"""The version of the file format; other versions are refused."""

LARGEST_BYTES = 1 << 20
"""Maximum size; a pipeline file has a few hundred bytes."""

_TOP = ("schema", "name", "steps", "parameters", "dtype", "packages")


@dataclasses.dataclass(frozen=True, slots=True)
class Parsed:
    """The contents of a pipeline file."""

    steps: tuple[AnyStep, ...]
    name: str
    dtype: np.dtype[Any] | None


def load(path: Path, *, settings: Settings = NO_SETTINGS, resolved: bool = False) -> Parsed:
    """Read a .toml pipeline, or the pipeline or the resolved steps of a record.json.

    Raises ReadError and PipelineError.
    """
    is_record = path.suffix == ".json"
    text = read_short_text(path, largest_bytes=LARGEST_RECORD_BYTES if is_record else LARGEST_BYTES)
    try:
        data = _of_record(json.loads(text), resolved) if is_record else tomllib.loads(text)
    except (
        json.JSONDecodeError,
        tomllib.TOMLDecodeError,
        KeyError,
        TypeError,
        ValueError,
        RecursionError,
    ) as error:
        kind = "a record with a pipeline" if is_record else "TOML"
        raise PipelineError(
            [Diagnostic("SYNTAX", "refusal", f"not {kind}: {error}", str(path))]
        ) from None
    if "steps" not in data:  # an empty file, or one of another kind, would copy every scan
        message = "no steps found; expected tables [[steps]] (see hounsfield presets NAME)"
        raise PipelineError([Diagnostic("SYNTAX", "refusal", message, str(path))])
    return parse(data, settings=settings, where=str(path))


def _of_record(record: Mapping[str, Any], resolved: bool) -> dict[str, Any]:
    """Return the pipeline of a record as plain data; with its resolved steps if `resolved`."""
    data = dict(record["pipeline"])
    return {**data, "steps": [dict(row) for row in record["steps"]]} if resolved else data


def parse(data: Mapping[str, Any], *, settings: Settings = NO_SETTINGS, where: str = "") -> Parsed:
    """Parse the steps, the name and the dtype of a pipeline from plain data.

    Raises PipelineError with every diagnostic, each with the number of its step.
    """
    diagnostics = [
        Diagnostic(
            "UNKNOWN_KEY",
            "refusal",
            f"unknown key '{key}' of a pipeline; expected one of {', '.join(_TOP)}",
            where,
        )
        for key in data
        if key not in _TOP
    ]
    schema, name = data.get("schema", SCHEMA), data.get("name", "")
    if schema != SCHEMA or type(schema) is not int:
        message = f"pipeline schema {short(schema)}; expected {SCHEMA}"
        diagnostics.append(Diagnostic("SCHEMA", "refusal", message, where))
    if not isinstance(name, str):
        message = f"name is {short(name)}; expected str"
        diagnostics.append(Diagnostic("VALUE", "refusal", message, where))
    rows = data.get("steps")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise PipelineError(
            [
                *diagnostics,
                Diagnostic(
                    "SYNTAX",
                    "refusal",
                    "steps is not a list of tables; expected tables with a key 'step'",
                    where,
                ),
            ]
        )
    rows = [dict(row) for row in rows]
    parameters, changed = apply_settings(rows, settings)
    diagnostics += changed + fill_parameters(rows, data.get("parameters", {}), parameters)
    steps: list[AnyStep | None] = []
    for number, row in enumerate(rows, 1):
        if any(is_parameter(value) for value in row.values()):
            steps.append(None)  # a missing parameter, which is reported above
            continue
        step, wrong = _parse_step(row, where=f"step {number}")
        diagnostics += wrong
        steps.append(step)
    diagnostics += check_order(steps)
    dtype, wrong = _parse_dtype(data.get("dtype"), where)
    if diagnostics or wrong:
        raise PipelineError([*diagnostics, *wrong])
    return Parsed(tuple(step for step in steps if step is not None), name, dtype)


def _parse_dtype(text: object, where: str) -> tuple[np.dtype[Any] | None, list[Diagnostic]]:
    try:
        return None if text is None else voxel_dtype(text), []
    except QuantityError as error:
        return None, [Diagnostic("VALUE", "refusal", str(error), where)]


def to_data(
    steps: Sequence[AnyStep], *, name: str, dtype: np.dtype[Any] | None = None
) -> dict[str, Any]:
    """Return the pipeline as plain data; parameters with default values are omitted.

    `packages` are the versions of other packages whose steps are used. A step whose class is not
    registered has `unregistered = true`; such data is not written to a file.
    """
    rows = [
        step_data(step) if is_registered(type(step)) else {**step_data(step), UNREGISTERED: True}
        for step in steps
    ]
    found = [package_version(type(step)) for step in steps]
    packages = dict(sorted(each for each in found if each is not None))
    data: dict[str, Any] = {"schema": SCHEMA, "name": name, "steps": rows}
    if dtype is not None:
        data["dtype"] = str(dtype)
    return {**data, "packages": packages} if packages else data


def check_registered(steps: Sequence[AnyStep]) -> None:
    """Raise PipelineError unless all steps are registered, so that a file can be read back."""
    diagnostics = [
        Diagnostic("UNREGISTERED", "refusal", _why_unregistered(step), where=f"step {number}")
        for number, step in enumerate(steps, 1)
        if not is_registered(type(step))
    ]
    if diagnostics:
        raise PipelineError(diagnostics)


def _why_unregistered(step: AnyStep) -> str:
    """Return why a pipeline with this step cannot be written to a file, and what to do."""
    name, reason = type(step).__name__, getattr(step, "python_only", None)
    if reason is not None:
        return f"{name} cannot be written to a file, as {reason}; register a step class instead"
    return (
        f"step class {name} of {type(step).__module__} is not registered; add it to the entry "
        f"points of group '{GROUP}' in its package, or run the pipeline in Python without a file"
    )


def step_data(step: AnyStep) -> dict[str, Any]:
    """Return a step as plain data: its name and the parameters that differ from the defaults."""
    row: dict[str, Any] = {"step": type(step).__name__}
    for item in _fields(step):
        value = getattr(step, item.name)
        if item.metadata.get("record", True) and not _is_default(item, value):
            row[item.name] = _plain(value)
    return row


def _fields(step: Any) -> tuple[dataclasses.Field[Any], ...]:
    """Return the parameters of a step; empty if it is not a dataclass (unregistered steps)."""
    return dataclasses.fields(step) if dataclasses.is_dataclass(step) else ()


def to_toml(steps: Sequence[AnyStep], *, name: str, dtype: np.dtype[Any] | None = None) -> str:
    """Return the text of a .toml file; raises PipelineError if a step is not registered."""
    import tomli_w

    check_registered(steps)
    return tomli_w.dumps(to_data(steps, name=name, dtype=dtype))


def _parse_step(row: dict[str, Any], *, where: str) -> tuple[AnyStep | None, list[Diagnostic]]:
    name = row.pop("step", None)
    try:
        kind = step_class(str(name))
    except PluginError as error:
        return None, [Diagnostic("PLUGIN", "refusal", str(error), where)]
    except KeyError:
        names = step_names()
        near = get_close_matches(str(name), names, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]}?" if near else f"available: {', '.join(names)}"
        return None, [
            Diagnostic("UNKNOWN_STEP", "refusal", f"there is no step '{name}'; {hint}", where)
        ]
    known = [
        item.name
        for item in dataclasses.fields(kind)
        if item.init and item.metadata.get("record", True)
    ]
    unknown = [key for key in row if key not in known]
    diagnostics = []
    for key in unknown:
        near = get_close_matches(key, known, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]}?" if near else f"available: {', '.join(known) or 'none'}"
        diagnostics.append(
            Diagnostic("UNKNOWN_KEY", "refusal", f"{name} has no '{key}'; {hint}", where)
        )
    if diagnostics:
        return None, diagnostics
    try:
        values = {
            key: Grid(value["shape"], value["affine"])
            if isinstance(value, dict) and key == "like"
            else value
            for key, value in row.items()
        }
        return kind(**values), []
    except HounsfieldError as error:
        return None, [Diagnostic("VALUE", "refusal", str(error), where)]
    except (TypeError, ValueError, KeyError) as error:
        return None, [Diagnostic("VALUE", "refusal", f"invalid values for {name}: {error}", where)]


def _is_default(item: dataclasses.Field[Any], value: Any) -> bool:
    if item.default is not dataclasses.MISSING:
        return bool(value == item.default)
    return item.default_factory is not dataclasses.MISSING and bool(value == item.default_factory())


def _plain(value: Any) -> Any:
    if isinstance(value, Grid):
        return {"shape": list(value.shape), "affine": value.affine.tolist()}
    if isinstance(value, list | tuple):
        return [_plain(item) if item is not None else 0 for item in value]
    if isinstance(value, np.generic):
        return value.item()
    return value
