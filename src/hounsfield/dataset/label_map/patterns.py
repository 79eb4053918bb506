"""Regular expressions of label names: compile them, and refuse those that may take for ever."""

from __future__ import annotations

import re
import warnings
from functools import lru_cache

LONGEST_PATTERN = 500
"""Most characters of a pattern."""

LONGEST_NAME = 64
"""Most characters of a name that is matched, those of a DICOM LO (PS3.5 6.2): a longer name matches
no pattern."""

MOST_REPEATS = 6
"""Most repetitions (*, + or {}) of a pattern: on 64 characters six of them take less than a second,
and each further one ten times as long."""

_TOKEN = re.compile(
    r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]"  # an escaped character, a set of characters
    r"|\((?:\?(?:P<\w+>|<[=!]|[:=!>]|[aiLmsux-]+:?))?"  # the start of a group
    r"|\{\d*,?\d*\}|.",
    re.DOTALL,
)


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> re.Pattern[str]:
    """Return the pattern, compiled to ignore case; raises ValueError with what is wrong."""
    if len(pattern) > LONGEST_PATTERN:
        raise ValueError(f"it has {len(pattern)} characters; expected at most {LONGEST_PATTERN}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "[[" may mean something else in a later Python
            found = re.compile(pattern, re.IGNORECASE)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"{error}") from None
    _check_time(pattern)
    return found


def matches(pattern: str, name: str) -> bool:
    """Whether a pattern matches a whole name, in any case and without spaces around it.

    >>> matches("(gtv|tumou?r).*", "GTV_Mass_CT "), matches("gtv", "GTV 2")
    (True, False)
    """
    text = name.strip(" \0")
    return len(text) <= LONGEST_NAME and compiled(pattern).fullmatch(text) is not None


def _check_time(pattern: str) -> None:
    """Raise ValueError if matching may take a time that is exponential in the length of a name.

    That is so where a repeated group can match one text in several ways: it has a repetition,
    an option or alternatives of its own.
    """
    tokens = _TOKEN.findall(pattern)
    varies = [False]  # of each group that is open: whether it has one of these
    is_group_varied, repeats = False, 0
    for token in tokens:
        if token in ("*", "+") or (token.startswith("{") and len(token) > 1):
            repeats += 1
            if is_group_varied:
                raise ValueError(
                    "a repeated group has a repetition, '?' or '|' of its own, which can take for "
                    "ever; repeat a set of characters such as [a-z_]* instead"
                )
        is_group_varied = False
        if token.startswith("("):
            varies.append(False)
        elif token == ")" and len(varies) > 1:
            is_group_varied = varies.pop()
            varies[-1] |= is_group_varied
        elif token in ("*", "+", "?", "|") or (token.startswith("{") and len(token) > 1):
            varies[-1] = True
    if repeats > MOST_REPEATS:
        raise ValueError(f"it has {repeats} repetitions; expected at most {MOST_REPEATS}")
