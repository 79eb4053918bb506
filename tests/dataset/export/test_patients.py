"""A table of patients and splits is read whole or refused, and holds no name afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest

from hounsfield.core.errors import HounsfieldError, ReadError, RefusedError
from hounsfield.dataset.export.patients import read_patients


@pytest.fixture(autouse=True)
def own_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test makes or uses the key of the user who runs it."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def test_patients_are_keyed_hashes(tmp_path: Path) -> None:
    found = read_patients(
        _write(tmp_path, "\ufeffid,patient,split\r\na,DOE,val\r\nb,DOE,\r\nc,,\r\n")
    )
    assert found["a"].patient == found["b"].patient != found["c"].patient == ""
    assert "DOE" not in repr(found)
    assert (found["a"].split, found["b"].split) == ("validation", "")


def _write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "people.csv"
    path.write_bytes(text.encode())
    return path


BROKEN = {
    "empty": "",
    "other columns": "a,b\n1,2\n",
    "no column of patients": "id\na\n",
    "an id twice": "id,patient\na,x\na,y\n",
    "no id": "id,patient\n,x\n",
    "zero bytes": "\0\n\0\n",
    "a field without end": "id,patient\na," + "x" * 200_000 + "\n",
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_another_table_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(ReadError):
        read_patients(_write(tmp_path, text))


def test_an_unknown_split_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="expected one of these"):
        read_patients(_write(tmp_path, "id,split\na,DOE\n"))


def test_a_table_that_is_not_text_is_our_error(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(HounsfieldError):
        read_patients(tmp_path / "people.csv")
