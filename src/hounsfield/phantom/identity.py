"""Synthetic identity: UIDs, file names and patient name from one seed."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass

NAMESPACE = uuid.UUID("6f0e4a52-5d0b-5c3e-9a7e-0b7a3f6c1d42")
"""Namespace of the name-based UUIDs of the phantom."""

PATIENT_NAME = "Phantom^Head"
PATIENT_ID = "PHANTOM"
IMPLEMENTATION_UID = f"2.25.{uuid.uuid5(NAMESPACE, 'implementation').int}"


@dataclass(frozen=True, slots=True)
class Identity:
    """UIDs (2.25 and a name-based UUID, PS3.5 annex B.2) and file names, from `seed` alone."""

    seed: int

    def uid(self, *what: object) -> str:
        """The UID of an object, such as ('series', 0).

        >>> one, two = Identity(1), Identity(2)
        >>> one.uid("series", 0) == one.uid("series", 0) != two.uid("series", 0)
        True
        """
        return f"2.25.{uuid.uuid5(NAMESPACE, '/'.join(map(str, (self.seed, *what)))).int}"

    def file_name(self, *what: object) -> str:
        """A file name of eight hex digits in no particular order, without a suffix."""
        return (
            hashlib.sha256("/".join(map(str, ("file", self.seed, *what))).encode())
            .hexdigest()[:8]
            .upper()
        )
