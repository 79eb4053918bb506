"""A finding about data or a pipeline: a code, a severity and a message."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

Severity = Literal["note", "repair", "warning", "refusal"]
SEVERITIES: tuple[str, ...] = get_args(Severity)
"""Severities in ascending order: a fact, a correction, a possible problem, a refusal."""

FILES_NAMED = 3
"""Maximum number of files that a message names; the diagnostic has all of them."""

LONGEST_TEXT = 1000
"""Maximum number of characters of a message; the middle of a longer one is left out."""

_USER = re.compile(r"(://)[^/\s@]*:[^/\s@]*@")
"""The user and the password of a URL (RFC 3986, section 3.2.1)."""

_QUERY = re.compile(r"(https?:/[^\s?]*)\?[^\s:;,)]*")
"""The query of a web address, where signatures and tokens are."""


def without_secrets(text: str) -> str:
    """Remove passwords and the queries of web addresses from a text.

    >>> without_secrets("https://me:word@host/ct.nii.gz?token=1: no such file")
    'https://host/ct.nii.gz: no such file'
    """
    return _QUERY.sub(r"\1", _USER.sub(r"\1", text)) if ":/" in text else text


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """Hold one finding of a reader, a step, a plan or a run.

    Characters that a terminal might interpret become '?'.

    Parameters
    ----------
    code : str
        What kind of finding it is, such as ``GAP``; each has a page in docs/codes.
    severity : {'note', 'repair', 'warning', 'refusal'}
        A fact, a correction that was made, a doubt, or a reason not to go on.
    message : str
        One line: what was found, what was expected, what to do. It never holds text from a header.
    where : str, default ''
        What the message is about, such as ``step 2``; for the terminal alone when it is a file.
    files : tuple of (int, str), default ()
        The files that it is about, as (ordinal, name) pairs.
    value : float, optional
        The number that matters, in mm, degrees or counts.

    Examples
    --------
    >>> message = "unknown key 'spacing'; expected spacing_mm"
    >>> str(Diagnostic("UNKNOWN_KEY", "refusal", message, "step 2"))
    "step 2: unknown key 'spacing'; expected spacing_mm"
    """

    code: str
    severity: Severity
    message: str
    where: str = ""
    files: tuple[tuple[int, str], ...] = ()
    value: float | None = None

    def __post_init__(self) -> None:
        for name in ("code", "message", "where"):
            given = getattr(self, name)
            text = given if isinstance(given, str) else str(given)
            if text is not given or not text.isprintable() or len(text) > LONGEST_TEXT:
                object.__setattr__(self, name, _shortened(_printable(text)))

    def __repr__(self) -> str:
        about = f", {len(self.files)} files" if self.files else ""
        return f"Diagnostic({self.code}, {self.severity}, {self.message!r}{about})"

    def __str__(self) -> str:
        names = "" if self.file_names and self.where.endswith(self.file_names) else self.file_names
        where = without_secrets(self.where)
        return ": ".join(part for part in (where, names, self.message) if part)

    @property
    def file_names(self) -> str:
        """The names of its first files, for the terminal."""
        names = [_printable(name) for _, name in self.files]
        more = f" and {len(names) - FILES_NAMED} more" if len(names) > FILES_NAMED else ""
        return ", ".join(names[:FILES_NAMED]) + more

    def to_json(self) -> dict[str, str]:
        """Return it as plain data, without `where` and `files`, which may name a patient.

        Returns
        -------
        dict of str
            Code, severity and message.
        """
        return {"code": self.code, "severity": self.severity, "message": self.message}


def worst(diagnostics: Iterable[Diagnostic]) -> Severity | None:
    """Return the most serious severity among `diagnostics`; None if empty."""
    severities = [diagnostic.severity for diagnostic in diagnostics]
    return max(severities, key=SEVERITIES.index) if severities else None


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _shortened(text: str) -> str:
    if len(text) <= LONGEST_TEXT:
        return text
    half = LONGEST_TEXT // 2 - 2
    return f"{text[:half]}...{text[-half:]}"
