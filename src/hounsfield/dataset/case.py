"""A case: its files, under an id that identifies no patient, and its result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from hounsfield.io.checksum import source_files

Status = Literal["done", "skipped", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseSource:
    """A case: its `id`, the file or folder that holds it, which `series` of that, and which `files` of a folder.

    `typed` is how the user named it, for the terminal alone: nothing that is written down may hold it. `earlier_key`
    is the key of the outputs that an earlier run left, if any.
    """

    id: str
    path: Path
    series: str | None = None
    files: tuple[str, ...] = ()
    typed: str = ""
    earlier_key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoCase:
    """Something that the user named and that holds no case: a code, and a message without its path.

    `where` names the file or folder in question, for the terminal alone.
    """

    typed: str
    code: str
    message: str
    where: str = ""

    def __str__(self) -> str:
        where = f"{self.where}: " if self.where not in ("", self.typed) else ""
        return f"{self.typed}: {where}{self.message}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResult:
    """The result of one case.

    `message` is one line without a path; `diagnostics` are those of its record; `key` identifies its
    inputs and options. `where` names the file or step of a failure, for the terminal alone.
    """

    id: str
    status: Status
    code: str = ""
    message: str = ""
    diagnostics: tuple[Mapping[str, str], ...] = ()
    seconds: float = 0.0
    key: str = ""
    output_sha256: str = ""
    where: str = ""
    trace: str = ""
    """Where an error came from: for the terminal alone."""

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "id": self.id,
            "status": self.status,
            "code": self.code,
            "message": self.message,
            "diagnostics": [dict(each) for each in self.diagnostics],
            "seconds": self.seconds,
            "output_sha256": self.output_sha256,
        }


def source_sha256(case: CaseSource) -> str:
    """Return the sha256 of the files of a case, whatever their names and order; raises ReadError."""
    return source_files(case.path, names=case.files).sha256()
