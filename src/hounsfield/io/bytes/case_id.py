"""Pseudonymous case ids: a keyed hash of the series UID, with one secret key per user."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from hounsfield.core.errors import ReadError, WriteError
from hounsfield.core.file_system import is_open_to_others, open_flags, rename_new

KEY_BYTES = 32
"""Length of a SHA-256 digest; a longer key adds nothing (RFC 2104 section 3)."""

ID_DIGITS = 12
"""48 bits: the probability of a collision among 100,000 series is 1 in 50,000."""


def case_id(series_uid: str, *, key: bytes | None = None) -> str:
    """'c-' and 12 hex digits of HMAC-SHA256 of the series UID, under `key` or the user's own.

    >>> case_id("1.2.3", key=b"0" * 32)
    'c-bff0413eec99'
    """
    digest = hmac.new(
        user_key() if key is None else key,
        series_uid.encode("utf-8", "surrogatepass"),
        hashlib.sha256,
    )
    return "c-" + digest.hexdigest()[:ID_DIGITS]


def patient_id(text: str) -> str:
    """'p-' and 12 hex digits of the keyed hash of what identifies a patient; '' for ''.

    A patient ID of DICOM and the same one in a table give the same id.
    """
    return f"p-{_keyed('patient', text)}" if text else ""


def study_id(study_uid: str) -> str:
    """'s-' and 12 hex digits of the keyed hash of a study UID; '' for ''."""
    return f"s-{_keyed('study', study_uid)}" if study_uid else ""


def _keyed(kind: str, text: str) -> str:
    message = f"{kind}\0{text}".encode("utf-8", "surrogatepass")
    return hmac.new(user_key(), message, hashlib.sha256).hexdigest()[:ID_DIGITS]


def hidden_name(ordinal: int, name: str) -> str:
    """A file's name for what is written down: its ordinal and a keyed hash of its name.

    >>> len(hidden_name(3, "DOE_JOHN/0001.dcm"))
    10
    """
    digest = hmac.new(
        user_key(), b"file\0" + name.encode("utf-8", "surrogateescape"), hashlib.sha256
    )
    return f"{ordinal}-{digest.hexdigest()[:8]}"


KEY_VARIABLE = "HOUNSFIELD_KEY"
"""The environment variable with the path of a key that several users or machines share."""


def key_path() -> Path:
    """Path of the key: $HOUNSFIELD_KEY, else $XDG_CONFIG_HOME/hounsfield/key (or ~/.config)."""
    if os.environ.get(KEY_VARIABLE):
        return Path(os.environ[KEY_VARIABLE])
    base = os.environ.get("XDG_CONFIG_HOME") or os.path.join(os.path.expanduser("~"), ".config")
    return Path(base) / "hounsfield" / "key"


def user_key() -> bytes:
    """The user's key, created on first use with mode 0600. Raises ReadError, WriteError."""
    path = key_path()
    try:
        return read_key(path)
    except FileNotFoundError:
        if os.environ.get(KEY_VARIABLE):  # a new key would give other ids without a word
            raise ReadError(f"no key file at ${KEY_VARIABLE}; correct the path") from None
        return _create(path)


def read_key(path: Path) -> bytes:
    """The key in a file of 64 hex digits; raises FileNotFoundError, ReadError if invalid."""
    try:
        handle = os.open(path, open_flags("O_RDONLY", "O_NONBLOCK"))
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ReadError(f"key file cannot be read ({error.strerror})") from None
    if not stat.S_ISREG(os.fstat(handle).st_mode):  # a pipe may block for ever
        os.close(handle)
        raise ReadError("key file is not a regular file; expected a text file")
    with os.fdopen(handle, "rb") as file:
        if is_open_to_others(file.fileno()):
            raise ReadError("key file is readable by others; restrict it with chmod 600")
        text = file.read(4 * KEY_BYTES)
    try:
        key = bytes.fromhex(text.decode("ascii").strip())
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise ReadError(f"key file is invalid; expected {2 * KEY_BYTES} hex digits")
    return key


def _create(path: Path) -> bytes:
    """Write a new key and link it into place; with two processes the first one's key is used."""
    draft = path.with_name(f".key-{os.getpid()}-{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(draft, open_flags("O_WRONLY", "O_CREAT", "O_EXCL"), 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(KEY_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            rename_new(draft, path)
    except OSError as error:
        raise WriteError(
            f"key file cannot be written ({error.strerror}); "
            "set XDG_CONFIG_HOME to a writable folder"
        ) from None
    try:
        return read_key(path)
    except FileNotFoundError:
        raise ReadError("key file is a link to a missing file; remove or correct it") from None
