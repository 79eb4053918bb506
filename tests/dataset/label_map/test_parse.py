"""A label map is parsed whole, or refused in one line that names what is wrong."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hounsfield.core.errors import PipelineError, ReadError
from hounsfield.dataset.label_map.parse import parse_label_map
from hounsfield.dataset.label_map.patterns import MOST_REPEATS, compiled, matches

NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}", fullmatch=True)
LITERALS = st.text("ab_ ,.", min_size=1, max_size=8).map(re.escape)


@given(st.lists(NAMES, min_size=1, max_size=5, unique_by=str.lower), st.data())
def test_text_and_data_give_the_same_map(names: list[str], data: st.DataObject) -> None:
    patterns = {name: data.draw(LITERALS) for name in names}
    text = ",".join(f"{name}={pattern}" for name, pattern in patterns.items())
    found = parse_label_map(text)
    assert found.names == tuple(names)
    assert [rule.patterns for rule in found.rules] == [(p,) for p in patterns.values()]
    assert found == parse_label_map(patterns)


@given(st.from_regex(r"[a-c]{0,3}[a-c_]{0,3}", fullmatch=True))
def test_a_pattern_matches_as_pythons_own_does_in_any_case(name: str) -> None:
    for pattern in ("a.*", "(ab|b)_?c*", "[^a]+", "a{2,3}.*"):
        expected = re.fullmatch(pattern, name, re.IGNORECASE) is not None
        assert matches(pattern, name.upper()) == matches(pattern, f" {name} ") == expected


def test_a_toml_file_has_patterns_and_required_in_its_order(tmp_path: Path) -> None:
    path = tmp_path / "labels.toml"
    path.write_text(
        '[labels.tumour]\npatterns = ["gtv.*", "tumou?r.*"]\nrequired = true\n\n'
        '[labels.liver]\npatterns = ".*liver.*"\n'
    )
    found = parse_label_map(path)
    assert found.names == ("tumour", "liver")
    assert [rule.required for rule in found.rules] == [True, False]
    assert found == parse_label_map(str(path))
    assert found.names_of("GTV_Mass_CT") == ("tumour",)
    assert found.names_of("liver tumour") == ("liver",)


BAD = {
    "": "no name",
    "liver": "no name",
    "=liver": "invalid label name ''",
    "liver=": "missing or empty",
    "liver=a,liver=b": "given twice",
    "liver=a,Liver=b": "differ in case alone",
    "liver=a,left kidney=b": "invalid label name 'left kidney'",
    "../../etc=a": "invalid label name",
    "liver=(": "invalid pattern '('",
    "liver=(a+)+": "can take for ever",
    "liver=(a|aa)*": "can take for ever",
    "liver=" + ".*a" * (MOST_REPEATS + 1): "7 repetitions",
    "liver=" + "a" * 501: "501 characters",
    "liver=a{99999999999}": "invalid pattern",
}


@pytest.mark.parametrize("text", BAD)
def test_a_bad_map_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(PipelineError, match=re.escape(BAD[text])) as found:
        parse_label_map(text)
    assert found.value.codes == ("LABEL_MAP",)
    assert "\n" not in str(found.value)


BAD_FILES = {
    "labels = 1\n": "no table",
    "[labels.a]\npattern = 'x'\n": "unknown key 'pattern'",
    "[label.a]\npatterns = 'x'\n": "unknown key 'label'",
    "[labels.a]\npatterns = 1\n": "not a text",
    "[labels.a]\npatterns = 'x'\nrequired = 1\n": "not true or false",
    "[labels.a]\n": "missing or empty",
    "[labels]\n": "0 labels",
    "[labels": "not TOML",
}


@pytest.mark.parametrize("text", BAD_FILES)
def test_a_bad_file_is_refused_in_one_line(text: str, tmp_path: Path) -> None:
    (tmp_path / "labels.toml").write_text(text)
    with pytest.raises(PipelineError, match=BAD_FILES[text]) as found:
        parse_label_map(tmp_path / "labels.toml")
    assert "\n" not in str(found.value)


def test_a_file_that_is_missing_or_too_large_is_a_read_error(tmp_path: Path) -> None:
    with pytest.raises(ReadError):
        parse_label_map("none.toml")
    (tmp_path / "big.toml").write_text("#" * (1 << 21))
    with pytest.raises(ReadError, match="too large"):
        parse_label_map(tmp_path / "big.toml")


HARMLESS = (
    *(r"\(a+\)+", "[(a+)]+", "[]a(b*]+", "(?!.*tumou?r).*liver.*", "(.*_)?gtv(_.*)?"),
    *(r"(?P<side>left)+", "(left|right)?[ _-]*lung", "(?i)gtv.*"),
)


@pytest.mark.parametrize("pattern", HARMLESS)
def test_a_harmless_pattern_is_accepted(pattern: str) -> None:
    assert compiled(pattern).pattern == pattern


def test_the_slowest_pattern_takes_a_bounded_time_on_the_longest_name() -> None:
    pattern = ".*a" * MOST_REPEATS + "b"
    started = time.perf_counter()
    assert not matches(pattern, "a" * 64)
    assert not matches(".*", "a" * 65)
    assert time.perf_counter() - started < 10


PIECES = st.sampled_from(
    [*'[]labels.="(){}*+?|\\,\n', "liver", "patterns = ", "required", "a=", "1"]
)


@given(st.lists(PIECES, max_size=25).map("".join), st.booleans())
def test_any_text_is_a_map_or_our_error_in_one_line(
    tmp_path_factory: pytest.TempPathFactory, text: str, is_file: bool
) -> None:
    file = tmp_path_factory.getbasetemp() / "any.toml"
    file.write_text(text)
    message = ""
    try:
        assert parse_label_map(file if is_file else text).names
    except (PipelineError, ReadError) as error:
        message = str(error)
    assert "\n" not in message
