"""Case ids: the stem of the file if it is a safe file name, else a keyed hash; or a pattern."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import PipelineError
from hounsfield.dataset.case import CaseSource, LabelSource
from hounsfield.dataset.case_names import fields_in, fill, folder, parent, stem
from hounsfield.io.bytes.remote import RemoteFolder, joined_version

if TYPE_CHECKING:
    from hounsfield.io.dicom.series.series import Series

MODES = ("auto", "hash", "stem", "folder")
"""Values of --ids other than a pattern."""

FIELDS = {"parent", "stem"}
"""Fields of a pattern: the names of the folder and of the file without its suffix."""

PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
"""Stems that are safe as folder names on every system and need no quoting in a shell."""

RESERVED = re.compile(r"con|prn|aux|nul|com[0-9]|lpt[0-9]", re.IGNORECASE)
"""Names of devices on Windows, which cannot be names of folders there."""

SHOWN_GROUPS = 3
"""Ids of several cases that an error names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A case before its id is assigned; `series_id` is the id of a DICOM series, else None.

    `own_id` is the id if it differs from that of the series, else "". `given` is the id that a
    table or data set states, `row` the line that states it. `scanned` are the headers of a series
    and `instances` its SOP instance UIDs. `remote` are the files of a case at a URL; `path` is then
    relative to the URL. The other fields are those of CaseSource.
    """

    path: Path
    typed: str
    series_id: str | None = None
    series_uid: str = ""
    files: tuple[str, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    own_id: str = ""
    given: str = ""
    row: str = ""
    scanned: Series | None = field(default=None, repr=False)
    instances: frozenset[str] = field(default=frozenset(), repr=False)
    labels: tuple[LabelSource, ...] = ()
    points: Path | None = None
    patient: str = ""
    study: str = ""
    split: str = ""
    remote: RemoteFolder | None = None

    @property
    def place(self) -> str:
        """The path without links, or the URL."""
        return self.typed if self.remote is not None else os.path.realpath(self.path)


def named(found: Sequence[Found], *, ids: str = "auto") -> list[CaseSource]:
    """Assign a unique id to each case; a case that was found twice is returned once.

    auto: the id that a table states; the stem of a file if it is plain and unique among the files;
    the series id for DICOM; else a hash of the file's path under the user's key. hash: never an id
    that is stated, nor a stem. stem: the name of the file without its suffix, or of the folder of a
    series. folder: the name of the folder of the file or series. Else a pattern such as
    '{parent}-{stem}'. Raises PipelineError if `ids` is invalid, an id is not plain, or two cases
    have one id (upper and lower case are equal).
    """
    check_ids(ids)
    once = _once(found)
    chosen = _automatic(once, ids=ids) if ids in ("auto", "hash") else _from_names(once, ids=ids)
    problems = [*_not_plain(once, chosen, ids=ids), *_not_unique(once, chosen, ids=ids)]
    if problems:
        raise PipelineError(problems)
    return [_source(item, case_id) for item, case_id in zip(once, chosen, strict=True)]


def _once(found: Sequence[Found]) -> list[Found]:
    """Return each file or series once: the file itself rather than a link to it.

    An image with ids of its own is a case for each of them.
    """
    first: dict[tuple[str, str | None, str], Found] = {}
    stated = {_key(item) for item in found if item.given}
    for item in found:
        if not item.given and _key(item) in stated:
            continue
        key = (*_key(item), item.given)
        if key not in first or os.path.islink(first[key].path):
            first[key] = item
    return list(first.values())


def _key(item: Found) -> tuple[str, str | None]:
    return item.place, item.series_id


def check_ids(ids: str) -> None:
    """Raise PipelineError unless `ids` is a mode or a pattern of known fields."""
    unknown = sorted(fields_in(ids) - FIELDS)
    if ids in MODES or (fields_in(ids) and not unknown):
        return
    if unknown:
        message = f"unknown field {{{unknown[0]}}}; expected {{parent}} or {{stem}}"
    else:
        message = (
            f"unknown value '{ids}'; expected {', '.join(MODES)} or a pattern such as "
            "'{parent}-{stem}'"
        )
    raise PipelineError(Diagnostic("USAGE", "refusal", message, "--ids"))


def is_plain(name: str) -> bool:
    """Whether a name can be the name of a folder on every system.

    >>> is_plain("case-1"), is_plain("a b"), is_plain("con")
    (True, False, False)
    """
    return PLAIN.fullmatch(name) is not None and RESERVED.fullmatch(name) is None


def candidate_id(item: Found, *, ids: str) -> str:
    """Return an id for a table of choices: of the series, else as auto or hash give it."""
    if item.series_id is not None:
        return item.own_id or item.series_id
    shown = item.given or stem(item.path)
    return shown if ids == "auto" and is_plain(shown) else _hash(item)


def _source(item: Found, case_id: str) -> CaseSource:
    return CaseSource(
        id=case_id,
        path=item.path,
        series=item.series_id,
        series_uid=item.series_uid,
        files=item.files,
        diagnostics=item.diagnostics,
        typed=item.typed,
        remote=item.remote,
        version="" if item.remote is None else joined_version(item.remote.files),
        labels=item.labels,
        points=item.points,
        patient=item.patient,
        study=item.study,
        split=item.split,
    )


def _automatic(found: Sequence[Found], *, ids: str) -> list[str]:
    """Return ids that were given, the ids of series, and stems or hashes of files."""
    if ids == "hash":
        found = [replace(item, given="") for item in found]
    series = {item.series_id for item in found} | {item.given for item in found}
    unnamed = [item for item in found if item.series_id is None and not item.given]
    stems = {item.path: stem(item.path) for item in unnamed}
    counts = Counter(name.lower() for name in stems.values())
    taken = {
        name
        for name in stems.values()
        if ids == "hash" or counts[name.lower()] > 1 or name in series or not is_plain(name)
    }
    return [
        item.given or item.own_id or item.series_id or _stem_or_hash(item, stems[item.path], taken)
        for item in found
    ]


def _stem_or_hash(item: Found, name: str, taken: set[str]) -> str:
    return _hash(item) if name in taken else name


def _hash(item: Found) -> str:
    from hounsfield.io.bytes.case_id import case_id

    return case_id(f"file:{item.place}")


def _from_names(found: Sequence[Found], *, ids: str) -> list[str]:
    pattern = {"stem": "{stem}", "folder": "{folder}"}.get(ids, ids)
    return [fill(pattern, _fields(item)) for item in found]


def _fields(item: Found) -> dict[str, str]:
    is_series = item.series_id is not None
    return {
        "stem": stem(item.path),
        "parent": parent(item.path),
        "folder": folder(item.path, is_series=is_series),
    }


def _not_plain(found: Sequence[Found], chosen: Sequence[str], *, ids: str) -> list[Diagnostic]:
    bad = [item for item, name in zip(found, chosen, strict=True) if not is_plain(name)]
    if not bad:
        return []
    message = (
        f"--ids {ids}: an id is not 1 to 40 letters, digits, _ or -, or is a reserved name; use "
        "--ids auto or hash"
    )
    return [Diagnostic("NOT_PLAIN", "refusal", message, files=_sources(bad), value=len(bad))]


def _not_unique(found: Sequence[Found], chosen: Sequence[str], *, ids: str) -> list[Diagnostic]:
    groups: dict[str, list[Found]] = {}
    for item, name in zip(found, chosen, strict=True):
        groups.setdefault(name.lower(), []).append(item)
    equal = [group for group in groups.values() if len(group) > 1]
    return [
        Diagnostic(
            "NOT_UNIQUE",
            "refusal",
            f"--ids {ids}: {len(group)} cases share one name; use --ids auto, hash or another "
            "pattern",
            files=_sources(group),
            value=len(group),
        )
        for group in equal[:SHOWN_GROUPS]
    ]


def _sources(found: Sequence[Found]) -> tuple[tuple[int, str], ...]:
    """Return the paths as typed, with the id of the series where several are in one folder."""
    counts = Counter(item.typed for item in found)
    return tuple(
        (n, item.typed if counts[item.typed] == 1 else f"{item.typed} ({item.series_id})")
        for n, item in enumerate(found)
    )
