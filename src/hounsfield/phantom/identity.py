"""Made-up identity: UIDs, names of files and of a patient who never was, all from one seed."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass

NAMESPACE = uuid.UUID("6f0e4a52-5d0b-5c3e-9a7e-0b7a3f6c1d42")
"""The namespace of this factory's name-based UUIDs."""

PATIENT_NAME = "Phantom^Head"
PATIENT_ID = "PHANTOM"
IMPLEMENTATION_UID = f"2.25.{uuid.uuid5(NAMESPACE, 'implementation').int}"


@dataclass(frozen=True, slots=True)
class Identity:
    """UIDs (2.25 and a name-based UUID, PS3.5 annex B.2) and file names that depend on `seed` alone."""

    seed: int

    def uid(self, *what: object) -> str:
        """The UID of what the words name, such as ('series', 0).

        >>> Identity(1).uid("series", 0) == Identity(1).uid("series", 0) != Identity(2).uid("series", 0)
        True
        """
        return f"2.25.{uuid.uuid5(NAMESPACE, '/'.join(map(str, (self.seed, *what)))).int}"

    def file_name(self, *what: object) -> str:
        """Eight hex digits that say nothing of the order, without an extension."""
        return (
            hashlib.sha256("/".join(map(str, ("file", self.seed, *what))).encode())
            .hexdigest()[:8]
            .upper()
        )
