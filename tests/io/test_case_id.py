"""Case ids: stable under one key, another under another, and the key is the user's alone."""

from __future__ import annotations

import re
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hounsfield.core.errors import HounsfieldError
from hounsfield.io.bytes.case_id import case_id, key_path, read_key, user_key


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def test_id_is_stable_under_one_key_and_says_nothing_of_the_uid() -> None:
    uid = "1.2.840.113619.2.55.3.1234567"
    assert case_id(uid) == case_id(uid)
    assert re.fullmatch(r"c-[0-9a-f]{12}", case_id(uid))
    assert case_id(uid) != case_id(uid + "8")
    assert case_id(uid, key=b"a" * 32) != case_id(uid, key=b"b" * 32)


@pytest.mark.parametrize("uid", ["../../etc", "", "\0", "x" * 10_000, "\udcff", "ü/..\\"])
def test_any_uid_gives_a_safe_name(uid: str) -> None:
    assert re.fullmatch(r"c-[0-9a-f]{12}", case_id(uid))


def test_different_uids_have_different_ids_also_where_they_are_no_text() -> None:
    uids = ["\udcff", "\udcfe", "?", "", "\0", "1.2/3", "1.2", "é", "e\u0301"]
    assert len({case_id(uid) for uid in uids}) == len(uids)


def test_id_is_hmac_sha256() -> None:
    import hashlib

    key, text = b"k" * 32, b"1.2.3"  # RFC 2104, written out
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in key.ljust(64, b"\0")) + text).digest()
    outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in key.ljust(64, b"\0")) + inner).hexdigest()
    assert case_id("1.2.3", key=key) == "c-" + outer[:12]


def test_key_is_made_once_and_readable_by_its_owner_alone() -> None:
    key = user_key()
    assert len(key) == 32
    assert user_key() == key
    assert stat.S_IMODE(key_path().stat().st_mode) == 0o600
    assert stat.S_IMODE(key_path().parent.stat().st_mode) & 0o077 == 0
    assert [path.name for path in key_path().parent.iterdir()] == ["key"]


def test_makers_at_one_time_agree_on_one_key() -> None:
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: user_key(), range(16)))) == 1


@pytest.mark.parametrize("content", ["", "00", "zz" * 32, "00" * 33])
def test_broken_key_is_an_error_that_does_not_print_it(content: str) -> None:
    user_key()
    key_path().write_text(content)
    with pytest.raises(HounsfieldError) as caught:
        user_key()
    assert not content or content not in str(caught.value)


def test_key_that_others_can_read_is_refused() -> None:
    user_key()
    key_path().chmod(0o644)
    with pytest.raises(HounsfieldError, match="chmod 600"):
        read_key(key_path())


def test_folder_that_cannot_be_written_is_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "file"))
    with pytest.raises(HounsfieldError):
        user_key()
