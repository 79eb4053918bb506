"""A pipeline as TOML and as JSON data, there and back, with every problem reported at once."""

from __future__ import annotations

import dataclasses
import json
import tomllib
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, cast

import numpy as np

from hounsfield.core.errors import HounsfieldError, PipelineError, Problem
from hounsfield.core.grid import Grid
from hounsfield.io.short_text import read_short_text
from hounsfield.pipeline.pipeline import AnyStep, Pipeline, order_problems
from hounsfield.pipeline.record import LARGEST_BYTES as LARGEST_RECORD_BYTES
from hounsfield.steps.catalog import NAMES, step_class

SCHEMA = 1
"""The version of the file format; a file of a later one is refused."""

LARGEST_BYTES = 1 << 20
"""A pipeline file is a few hundred bytes; a megabyte is not one."""

_TOP = ("schema", "name", "steps", "parameters")


def load(path: Path, *, settings: Sequence[str] = ()) -> Pipeline:
    """Read a .toml pipeline or the pipeline of a record.json; raises ReadError and PipelineError."""
    is_record = path.suffix == ".json"
    text = read_short_text(path, largest_bytes=LARGEST_RECORD_BYTES if is_record else LARGEST_BYTES)
    try:
        data = dict(json.loads(text)["pipeline"]) if is_record else tomllib.loads(text)
    except (json.JSONDecodeError, tomllib.TOMLDecodeError, KeyError, TypeError, ValueError,
            RecursionError) as error:
        kind = "a record with a pipeline" if is_record else "TOML"
        raise PipelineError([Problem(str(path), "syntax", f"is not {kind}: {error}")]) from None
    return parse(data, settings=settings, where=str(path))


def parse(data: Mapping[str, Any], *, settings: Sequence[str] = (), where: str = "") -> Pipeline:
    """Make a pipeline of plain data; raises PipelineError with every problem, each with the number of its step."""
    problems = [Problem(where, "unknown-key", f"there is no key '{key}' in a pipeline (there is {', '.join(_TOP)})")
                for key in data if key not in _TOP]
    if data.get("schema", SCHEMA) != SCHEMA:
        problems.append(Problem(where, "schema", f"schema {data['schema']} is not {SCHEMA}, which this version reads"))
    rows = data.get("steps", [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise PipelineError([*problems, Problem(where, "syntax", "steps is a list of tables, each with a key 'step'")])
    rows = [dict(row) for row in rows]
    parameters, changed = _apply_settings(rows, settings)
    problems += changed + _fill_parameters(rows, data.get("parameters", {}), parameters)
    steps: list[AnyStep | None] = []
    for number, row in enumerate(rows, 1):
        if any(isinstance(value, str) and value.startswith("$") for value in row.values()):
            steps.append(None)  # a parameter that was not given, which has been said
            continue
        step, wrong = _parse_step(row, where=f"step {number}")
        problems += wrong
        steps.append(step)
    problems += order_problems(steps)
    if problems:
        raise PipelineError(problems)
    return Pipeline(tuple(step for step in steps if step is not None), name=str(data.get("name", "")))


def to_data(pipeline: Pipeline) -> dict[str, Any]:
    """The pipeline as plain data: only what differs from the defaults."""
    return {"schema": SCHEMA, "name": pipeline.name, "steps": [step_data(step) for step in pipeline.steps]}


def step_data(step: AnyStep) -> dict[str, Any]:
    """A step as plain data: its name and the parameters that are not the defaults."""
    row: dict[str, Any] = {"step": type(step).__name__}
    for item in dataclasses.fields(cast("Any", step)):
        value = getattr(step, item.name)
        if item.metadata.get("record", True) and not _is_default(item, value):
            row[item.name] = _plain(value)
    return row


def to_toml(pipeline: Pipeline) -> str:
    """The text of a .toml file."""
    import tomli_w

    return tomli_w.dumps(to_data(pipeline))


def _parse_step(row: dict[str, Any], *, where: str) -> tuple[AnyStep | None, list[Problem]]:
    name = row.pop("step", None)
    if not isinstance(name, str) or name not in NAMES:
        near = get_close_matches(str(name), NAMES, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(NAMES)}"
        return None, [Problem(where, "unknown-step", f"there is no step '{name}'; {hint}")]
    kind = step_class(name)
    known = [item.name for item in dataclasses.fields(kind) if item.init and item.metadata.get("record", True)]
    unknown = [key for key in row if key not in known]
    problems = []
    for key in unknown:
        near = get_close_matches(key, known, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(known) or 'none'}"
        problems.append(Problem(where, "unknown-key", f"{name} has no '{key}'; {hint}"))
    if problems:
        return None, problems
    try:
        values = {key: Grid(value["shape"], value["affine"]) if isinstance(value, dict) and key == "like" else value
                  for key, value in row.items()}
        return kind(**values), []
    except HounsfieldError as error:
        return None, [Problem(where, "value", str(error))]
    except (TypeError, ValueError, KeyError) as error:
        return None, [Problem(where, "value", f"{name} cannot take these values: {error}")]


def _apply_settings(rows: list[dict[str, Any]], settings: Sequence[str]) -> tuple[dict[str, str], list[Problem]]:
    """Put 'Resample.spacing_mm=2' into the rows; 'pipeline.fingerprint=FILE' gives a parameter."""
    parameters: dict[str, str] = {}
    problems = []
    for setting in settings:
        target, equals, text = setting.partition("=")
        step, dot, key = target.partition(".")
        if not equals or not dot or not key:
            problems.append(Problem("--set", "syntax", f"'{setting}' is not STEP.KEY=VALUE, such as Resample.spacing_mm=2"))
            continue
        if step == "pipeline":
            parameters[key] = text
            continue
        found = [row for number, row in enumerate(rows, 1) if row.get("step") == step or step == str(number)]
        if not found:
            problems.append(Problem("--set", "unknown-step", f"the pipeline has no step '{step}' "
                                                             f"(it has {', '.join(str(row.get('step')) for row in rows)})"))
        for row in found:
            row[key] = _value(text)
    return parameters, problems


def _fill_parameters(rows: list[dict[str, Any]], declared: Any, given: Mapping[str, str]) -> list[Problem]:
    """Replace values such as '$fingerprint.mean' by what the file given as that parameter says."""
    from hounsfield.pipeline.fingerprint import read_fingerprint

    problems = [Problem("--set", "unknown-key", f"the pipeline has no parameter '{key}' (it has {', '.join(declared) or 'none'})")
                for key in given if key not in declared]
    for name, meaning in dict(declared).items():
        if name not in given:
            problems.append(Problem("pipeline", "missing-parameter",
                                    f"it needs {meaning}: give it by --set pipeline.{name}=FILE"))
            continue
        try:
            found = read_fingerprint(Path(given[name]))
        except HounsfieldError as error:
            problems.append(Problem("--set", "value", str(error)))
            continue
        for row in rows:
            for key, value in row.items():
                if isinstance(value, str) and value.startswith(f"${name}."):
                    row[key] = found[value.removeprefix(f"${name}.")]
    return problems


def _value(text: str) -> Any:
    """A value as TOML would read it; a bare word is a string."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


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
