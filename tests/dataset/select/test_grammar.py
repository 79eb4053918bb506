"""Rules are parsed as they are printed, and a mistake is one line with its position."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hounsfield.core.errors import PipelineError
from hounsfield.dataset.select.facts import CLOSED, NUMBERS, WORDS
from hounsfield.dataset.select.grammar import parse_rules
from hounsfield.dataset.select.load import load_rules
from hounsfield.dataset.select.rules import PREFERENCES, Operator, Rule, Rules

FREE = sorted(set(WORDS) - set(CLOSED))
TEXTS = st.text(st.characters(blacklist_characters='"', blacklist_categories=("Cs",)), max_size=12)


def values(one: st.SearchStrategy[str]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(one, min_size=2, max_size=3).map(tuple)


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    kind = draw(st.sampled_from(["number", "closed", "free"]))
    operators: list[Operator] = ["=", "!=", "in"]
    if kind == "number":
        name, one = draw(st.sampled_from(sorted(NUMBERS))), st.floats(-1e6, 1e6).map(repr)
        operators += ["<", "<=", ">", ">="]
    elif kind == "closed":
        name = draw(st.sampled_from(sorted(CLOSED)))
        one = st.sampled_from(CLOSED[name])
    else:
        name, one = draw(st.sampled_from(FREE)), TEXTS
        operators += ["~"]
    operator = draw(st.sampled_from(operators))
    return Rule(name, operator, draw(values(one)) if operator == "in" else (draw(one),))


SELECTIONS = st.builds(
    Rules,
    st.lists(rules(), max_size=4).map(tuple),
    st.lists(st.sampled_from(sorted(PREFERENCES)), unique=True, max_size=3).map(tuple),
).filter(lambda made: made.rules or made.prefer)


@given(SELECTIONS)
def test_what_is_printed_is_parsed_to_the_same_rules(made: Rules) -> None:
    assert parse_rules(str(made)) == made


@given(SELECTIONS, st.sampled_from(["", " ", "  "]))
def test_spaces_around_symbols_change_nothing(made: Rules, space: str) -> None:
    simple = Rules(tuple(rule for rule in made.rules if rule.name in NUMBERS), made.prefer)
    if simple.rules or simple.prefer:
        text = str(simple)
        for symbol in ("<=", ">=", "!=", ",", "|"):
            text = text.replace(symbol, f"{space}{symbol}{space}")
        assert parse_rules(text) == simple


@given(st.text('kernel=soft,|<>!~" inprefer\0\n2', max_size=60) | st.text(max_size=40))
def test_any_text_gives_rules_or_one_line_with_a_position(text: str) -> None:
    try:
        parse_rules(text)
        message = "(character 1)"
    except PipelineError as error:
        message = str(error)
    assert "\n" not in message
    assert "(character " in message


@pytest.mark.parametrize(
    ("text", "position", "message"),
    [
        ("", 1, "no rule"),
        ("kernl=soft", 1, "unknown name 'kernl'; .* did you mean 'kernel'"),
        ("slices>10, thicknes_mm<2", 12, "did you mean 'thickness_mm'"),
        ("kernel=sotf", 8, "expected soft, medium, sharp, unknown; did you mean 'soft'"),
        ("kernel=B30f", 8, "for the name of a kernel use kernel_name"),
        ("thickness_mm<=2mm", 15, "'2mm' is not a number"),
        ("thickness_mm<=nan", 15, "not a number"),
        ("thickness_mm~2", 13, "'~' is for words"),
        ("kernel<soft", 7, "'<' is for numbers"),
        ("kernel soft", 8, "expected =, !=, <, <=, >, >=, ~ or in"),
        ("kernel=", 8, "expected a value"),
        ("kernel=soft,", 13, "expected a name"),
        ("kernel=soft slices>3", 13, "expected a comma"),
        ("slices<3|4", 7, "several values after '<'"),
        ('phase="late', 7, "a quote is not closed"),
        ("prefer=thinest", 8, "did you mean 'thinnest'"),
        ("prefer=thinnest, prefer=soft", 18, "prefer is given twice"),
        ("prefer=soft|soft", 13, "preference 'soft' is given twice"),
        ("prefer<soft", 7, "expected prefer="),
    ],
)
def test_a_mistake_has_its_position_and_a_suggestion(
    text: str, position: int, message: str
) -> None:
    with pytest.raises(PipelineError, match=message) as error:
        parse_rules(text)
    assert f"(character {position})" in str(error.value)


def test_a_file_has_the_same_rules_as_a_text(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(
        'kernel = ["soft", "medium"]\nthickness_mm = "<=2"\nslices = 10\ncontrast = "!=given"\n'
        'kernel_name = "~B3*"\nprefer = ["thinnest", "most-slices"]\n'
    )
    assert str(load_rules(str(path))) == (
        "kernel in soft|medium, thickness_mm<=2, slices=10, contrast!=given, kernel_name~B3*, "
        "prefer=thinnest|most-slices"
    )


@pytest.mark.parametrize("text", ["kernel = true", "kernel = {a = 1}", "kernel", "kernl = 'soft'"])
def test_a_bad_file_is_one_line_with_its_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(text)
    with pytest.raises(PipelineError, match=r"rules\.toml") as error:
        load_rules(str(path))
    assert "\n" not in str(error.value)
