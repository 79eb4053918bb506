"""One case as it was found: an id that names nobody, and where its files lie."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseSource:
    """A case: its `id`, the file or folder that holds it, which `series` of that, and which `files` of a folder.

    `typed` is how the user named it, for the terminal alone: nothing that is written down may hold it.
    """

    id: str
    path: Path
    series: str | None = None
    files: tuple[str, ...] = ()
    typed: str = ""


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
