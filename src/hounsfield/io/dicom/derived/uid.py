"""Reproducible UIDs, made from content or as pseudonyms of the UIDs of a source."""

from __future__ import annotations

import hashlib
import hmac
import uuid

from hounsfield.io.bytes.case_id import user_key

IMPLEMENTATION_UID = "2.25.248913372120870531744512950735283761841"
"""ImplementationClassUID of this writer (PS3.7 D.3.3.2)."""


def content_uid(*parts: str | bytes) -> str:
    """A UID made of '2.25.' and the UUID of the SHA-256 of `parts` (PS3.5 B.2).

    >>> content_uid("series", b"voxels")
    '2.25.211835963915016663505125201972239007827'
    """
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8") if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "little") + data)
    return _uid(digest.digest())


def pseudonym_uid(uid: str, *, key: bytes | None = None) -> str:
    """A pseudonym of a source's UID, which may contain a serial number and the time of the scan.

    It is the HMAC-SHA256 under `key` (default: the user's own), so only the owner can match it.
    """
    secret = user_key() if key is None else key
    return _uid(hmac.new(secret, b"uid:" + uid.encode("utf-8"), hashlib.sha256).digest())


def _uid(digest: bytes) -> str:
    """A UID of the first 16 bytes as a UUID of version 8 (custom, RFC 9562)."""
    raw = bytearray(digest[:16])
    raw[6], raw[8] = raw[6] & 0x0F | 0x80, raw[8] & 0x3F | 0x80
    return f"2.25.{uuid.UUID(bytes=bytes(raw)).int}"
