"""What became of one case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Status = Literal["done", "skipped", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResult:
    """A case's end: `message` is one line without any path, `diagnostics` what its record says was found, repaired or
    doubted, `key` what it was made of."""

    id: str
    status: Status
    code: str = ""
    message: str = ""
    diagnostics: tuple[Mapping[str, str], ...] = ()
    seconds: float = 0.0
    key: str = ""
    output_sha256: str = ""
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
