"""What became of one case."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Status = Literal["done", "skipped", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResult:
    """A case's end: `message` is one line without any path, `notes` diagnostics and doubts, `key` what it was made of."""

    id: str
    status: Status
    code: str = ""
    message: str = ""
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    key: str = ""
    output_sha256: str = ""
    where: str = ""
    """The file or step that an error is about: for the terminal alone."""
    trace: str = ""
    """Where an error came from: for the terminal alone."""

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "id": self.id,
            "status": self.status,
            "code": self.code,
            "message": self.message,
            "notes": list(self.notes),
            "seconds": self.seconds,
            "output_sha256": self.output_sha256,
        }
