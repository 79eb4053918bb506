"""The read options are stated once: in ReadPolicy."""

from __future__ import annotations

import inspect
import re
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

import hounsfield as hu
from hounsfield.core.policy import choices

DOCS = Path(__file__).parents[2] / "docs"
FIELDS = {item.name: item for item in fields(hu.ReadPolicy)}


@pytest.mark.parametrize("function", [hu.open, hu.read])
def test_the_keywords_of_open_and_read_are_the_fields_of_the_policy(function: object) -> None:
    keywords = inspect.signature(function).parameters  # type: ignore[arg-type]
    assert [name for name in keywords if name in FIELDS] == list(FIELDS)
    assert {name: keywords[name].default for name in FIELDS} == {
        name: item.default for name, item in FIELDS.items()
    }
    hints = inspect.get_annotations(hu.ReadPolicy)
    assert {name: keywords[name].annotation for name in FIELDS} == hints


@pytest.mark.parametrize("name", FIELDS)
def test_the_options_of_the_command_line_are_the_fields_of_the_policy(name: str) -> None:
    from hounsfield.cli.main import app

    (plan,) = app(["plan"]).registered_commands
    option = inspect.signature(plan.callback).parameters[name]  # type: ignore[arg-type]
    assert option.default == FIELDS[name].default
    assert option.annotation.__metadata__[0].help == FIELDS[name].metadata["help"]


@pytest.mark.parametrize("name", FIELDS)
def test_help_docstring_and_docs_say_the_same_of_an_option(name: str) -> None:
    help_text = FIELDS[name].metadata["help"]
    assert help_text in re.sub(r"\s+", " ", hu.ReadPolicy.__doc__ or "")
    allowed = "\\|".join(choices()[name]) or "AXES"
    row = f"| `--{name.replace('_', '-')} {allowed}` | {help_text} |"
    assert row in (DOCS / "reference" / "command-line.md").read_text(encoding="utf-8")


def test_a_policy_and_its_fields_read_the_same(tmp_path: Path) -> None:
    ball = hu.Volume.from_array(np.full((4, 5, 6), -1000, np.int16), affine=np.eye(4))
    hu.write(ball, tmp_path / "ball.nii.gz")
    by_policy = hu.open(tmp_path / "ball.nii.gz", policy=hu.ReadPolicy(gaps="fill", assume="hu"))
    by_fields = hu.open(tmp_path / "ball.nii.gz", gaps="fill", assume="hu")
    assert by_policy.policy == by_fields.policy == hu.ReadPolicy(gaps="fill", assume="hu")


def test_a_policy_and_a_field_together_are_refused() -> None:
    with pytest.raises(hu.PipelineError, match="use one of the two"):
        hu.read("ball.nii.gz", policy=hu.ReadPolicy(), gaps="fill")


def test_every_invalid_value_is_named_with_what_was_expected() -> None:
    with pytest.raises(hu.PipelineError) as caught:
        hu.ReadPolicy(gaps="never", tilt="no")  # type: ignore[arg-type]
    assert str(caught.value) == (
        "unknown gaps 'never'; expected refuse or fill; "
        "unknown tilt 'no'; expected correct or refuse"
    )
