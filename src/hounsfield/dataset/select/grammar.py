"""Parse rules such as 'kernel=soft, thickness_mm<=2, prefer=thinnest|most-slices'."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import NoReturn, cast

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import PipelineError
from hounsfield.dataset.select.facts import CLOSED, NUMBERS, WORDS
from hounsfield.dataset.select.rules import PREFERENCES, Operator, Rule, Rules

LONGEST = 4096
"""The longest text of rules; all names in one rule each have under 500 characters."""

PREFER = "prefer"

_TOKEN = re.compile(
    r'\s*(?:(?P<quoted>"[^"]*")|(?P<symbol><=|>=|!=|[=<>~,|])|(?P<word>[^\s"=<>!~,|]+))'
)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    position: int


def parse_rules(text: str) -> Rules:
    """Parse rules that are separated by commas; values are separated by |.

    Raises PipelineError with the position of the mistake, counted in characters from 1.

    >>> str(parse_rules("kernel = soft|medium, thickness_mm<=2, prefer=thinnest"))
    'kernel in soft|medium, thickness_mm<=2, prefer=thinnest'
    """
    if len(text) > LONGEST:
        _fail(f"rules are longer than {LONGEST} characters; put them into a .toml file", 1)
    tokens = list(_tokens(text))
    if not tokens:
        _fail("no rule; expected one such as kernel=soft", 1)
    rules: list[Rule] = []
    prefer: tuple[str, ...] = ()
    for item in _items(tokens, stop=len(text) + 1):
        name, operator, values = item
        if name.text == PREFER:
            if prefer:
                _fail("prefer is given twice; separate preferences with |", name.position)
            prefer = _preferences(operator, values)
        else:
            rules.append(_rule(name, operator, values))
    return Rules(tuple(rules), prefer)


_Item = tuple[_Token, _Token, list[_Token]]


def _tokens(text: str) -> Iterator[_Token]:
    position = 0
    stripped = text.rstrip()
    while position < len(stripped):
        found = _TOKEN.match(stripped, position)
        if found is None or found.lastgroup is None:
            rest = len(stripped) - len(stripped[position:].lstrip())
            what = "a quote is not closed" if stripped[rest] == '"' else f"'{stripped[rest]}'"
            _fail(f"{what}; expected NAME=VALUE, separated by commas", rest + 1)
        kind = found.lastgroup
        yield _Token(kind, found[kind].strip('"'), found.start(kind) + 1)
        position = found.end()


def _items(tokens: Sequence[_Token], *, stop: int) -> Iterator[_Item]:
    """Yield name, operator and values of each rule."""
    n = 0
    while True:
        name = _expect(tokens, n, stop, "a name", kinds=("word",))
        operator = _expect(tokens, n + 1, stop, f"an operator after '{name.text}'")
        is_in = operator.kind == "word" and operator.text.lower() == "in"
        if not is_in and (operator.kind != "symbol" or operator.text in ",|"):
            _fail(
                f"'{operator.text}' after '{name.text}'; expected =, !=, <, <=, >, >=, ~ or in",
                operator.position,
            )
        n, values = _values(tokens, n + 2, stop, after=f"{name.text} {operator.text}")
        yield name, operator, values
        if n == len(tokens):
            return
        if tokens[n].text != "," or tokens[n].kind != "symbol":
            _fail(f"'{tokens[n].text}'; expected a comma before it", tokens[n].position)
        n += 1


def _values(tokens: Sequence[_Token], n: int, stop: int, *, after: str) -> tuple[int, list[_Token]]:
    values = [_expect(tokens, n, stop, f"a value after '{after}'", kinds=("word", "quoted"))]
    n += 1
    while n < len(tokens) and tokens[n].kind == "symbol" and tokens[n].text == "|":
        values.append(_expect(tokens, n + 1, stop, "a value after '|'", kinds=("word", "quoted")))
        n += 2
    return n, values


def _expect(
    tokens: Sequence[_Token], n: int, stop: int, what: str, *, kinds: Sequence[str] = ()
) -> _Token:
    if n >= len(tokens):
        _fail(f"expected {what}", stop)
    if kinds and tokens[n].kind not in kinds:
        _fail(f"'{tokens[n].text}'; expected {what}", tokens[n].position)
    return tokens[n]


def _preferences(operator: _Token, values: Sequence[_Token]) -> tuple[str, ...]:
    if operator.text != "=":
        _fail(f"prefer {operator.text}; expected prefer=", operator.position)
    for value in values:
        if value.text not in PREFERENCES:
            known = ", ".join(PREFERENCES)
            near = _near(value.text, list(PREFERENCES))
            _fail(f"unknown preference '{value.text}'; expected {known}{near}", value.position)
    texts = [value.text for value in values]
    twice = next((value for n, value in enumerate(values) if value.text in texts[:n]), None)
    if twice is not None:
        _fail(f"preference '{twice.text}' is given twice", twice.position)
    return tuple(texts)


def _rule(name: _Token, operator: _Token, values: Sequence[_Token]) -> Rule:
    if name.text not in NUMBERS and name.text not in WORDS:
        known = [*NUMBERS, *WORDS, PREFER]
        expected = ", ".join(known)
        near = _near(name.text, known)
        _fail(f"unknown name '{name.text}'; expected {expected}{near}", name.position)
    symbol = operator.text.lower()
    _check_operator(name, operator, symbol, count=len(values))
    for value in values:
        _check_value(name.text, value, is_pattern=symbol == "~")
    if symbol == "=" and len(values) > 1:
        symbol = "in"
    return Rule(name.text, cast(Operator, symbol), tuple(value.text for value in values))


def _check_operator(name: _Token, operator: _Token, symbol: str, *, count: int) -> None:
    is_number = name.text in NUMBERS
    if symbol == "~" and is_number:
        _fail(f"'~' is for words; {name.text} is a number", operator.position)
    if symbol in ("<", "<=", ">", ">=") and not is_number:
        _fail(f"'{symbol}' is for numbers; {name.text} is a word", operator.position)
    if symbol in ("<", "<=", ">", ">=") and count > 1:
        _fail(f"several values after '{symbol}'; expected one", operator.position)


def _check_value(name: str, value: _Token, *, is_pattern: bool) -> None:
    if name in NUMBERS:
        try:
            is_finite = "_" not in value.text and math.isfinite(float(value.text))
        except ValueError:
            is_finite = False
        if not is_finite:
            _fail(f"'{value.text}' is not a number; {name} is {NUMBERS[name]}", value.position)
    elif name in CLOSED and not is_pattern and value.text.lower() not in CLOSED[name]:
        near = _near(value.text, list(CLOSED[name]))
        expected = ", ".join(CLOSED[name])
        hint = "; for the name of a kernel use kernel_name" if name == "kernel" else ""
        _fail(f"{name} is '{value.text}'; expected {expected}{near or hint}", value.position)


def _near(text: str, known: Sequence[str]) -> str:
    found = get_close_matches(text, known, n=1, cutoff=0.5)
    return f"; did you mean '{found[0]}'?" if found else ""


def _fail(message: str, position: int) -> NoReturn:
    text = f"{message} (character {position})"
    shown = "".join(letter if letter.isprintable() else "?" for letter in text)
    raise PipelineError(Diagnostic("SELECT", "refusal", shown, "select"))
