"""The linkage file is the user's alone, outside of the output; status prints what a run did."""

from __future__ import annotations

import csv
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import hounsfield as hu
from hounsfield.dataset.case import CaseSource
from hounsfield.dataset.linkage import Link, add_links, linkage_file, links_of, read_links
from hounsfield.dataset.status import read_status
from tests.cli.conftest import Line, ball_scan
from tests.dataset.series import UID, part, small_head

RUN = ("run", "isotropic-mip", "--set", "Resample.spacing_mm=10")


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder for each test."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture
def series(tmp_path: Path) -> Path:
    """A DICOM series in a folder whose name is that of a patient."""
    return part(small_head(), tmp_path / "DOE_JOHN" / "scan").parent


def test_a_run_writes_id_path_and_uid_for_its_user_alone(series: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-m", "hounsfield", *RUN, str(series), "-o", str(out)]
    subprocess.run(command, check=True, capture_output=True, umask=0)
    (path,) = (tmp_path / "state").rglob("*.csv")
    assert path == linkage_file(read_status(out).run_id)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for folder in (path.parent, path.parent.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    with path.open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert row == {
        "id": read_status(out).cases[0].id,
        "path": str(series / "scan"),
        "series_uid": UID,
    }
    for file in (file for file in out.rglob("*") if file.is_file()):
        assert b"DOE_JOHN" not in file.read_bytes()
        assert UID.encode() not in file.read_bytes()


def test_a_resumed_run_adds_to_its_linkage_file(
    line: Line, tmp_path: Path, own_state: Path
) -> None:
    for name in ("a", "b"):
        hu.write(ball_scan(), tmp_path / f"{name}.nii.gz")
        assert line(*RUN, tmp_path / f"{name}.nii.gz", "-o", tmp_path / "out").status == 0
    (path,) = own_state.rglob("*.csv")
    assert [link.id for link in read_links(path)] == ["a", "b"]
    assert not list(path.parent.glob(".*"))


def test_status_prints_results_and_paths_on_request(line: Line, scan: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.nii.gz"
    broken.write_bytes(scan.read_bytes()[:300])
    out = tmp_path / "out"
    assert line(*RUN, scan, broken, "-o", out).status == 1
    answer = line("status", out)
    assert answer.status == 0
    assert "1 done, 1 failed" in answer.err
    assert str(tmp_path) not in answer.out
    data = json.loads(line("status", out, "--json").out)
    assert data["schema"] == 1
    assert data["counts"] == {"done": 1, "failed": 1}
    assert [(row["id"], row["status"]) for row in data["cases"]] == [
        ("ball", "done"),
        ("broken", "failed"),
    ]
    assert data["cases"][1]["code"]
    assert data["cases"][1]["message"]
    names = {"id", "status", "code", "message", "seconds", "attempts", "memory_bytes"}
    assert set(data["cases"][0]) == names
    paths = json.loads(line("status", out, "--paths", "--json").out)["cases"]
    assert [row["path"] for row in paths] == [str(scan), str(broken)]
    assert str(scan) in line("status", out, "--paths").out


def test_status_changes_nothing(line: Line, scan: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    line(*RUN, scan, "-o", out)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert line("status", out).status == 0
    assert before == {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}


@pytest.mark.parametrize("content", [None, b"", b"text" * 100])
def test_status_of_what_is_no_output_is_one_line(
    content: bytes | None, line: Line, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "manifest.db").write_bytes(content)
    answer = line("status", tmp_path)
    assert (answer.status, len(answer.lines)) == (1, 1)
    assert "expected the" in answer.err


def test_the_linkage_file_may_be_elsewhere_or_left_out(
    line: Line, scan: Path, tmp_path: Path, own_state: Path
) -> None:
    chosen = tmp_path / "new" / "links.csv"
    assert line(*RUN, scan, "-o", tmp_path / "one", "--linkage", chosen).status == 0
    assert line(*RUN, scan, "-o", tmp_path / "two", "--no-linkage").status == 0
    assert not own_state.exists()
    assert stat.S_IMODE(chosen.stat().st_mode) == 0o600
    assert str(scan) in line("status", tmp_path / "one", "--paths", "--linkage", chosen).out
    for name in ("one", "two"):
        answer = line("status", tmp_path / name, "--paths")
        assert (answer.status, len(answer.lines)) == (1, 1)
        assert "no linkage file" in answer.err
    both = line(*RUN, scan, "-o", tmp_path / "x", "--linkage", chosen, "--no-linkage")
    assert (both.status, len(both.lines)) == (2, 1)


@pytest.mark.parametrize("how", ["plain", "by ..", "by a link", "by the state folder"])
def test_a_linkage_file_in_the_output_is_refused_before_the_run(
    how: str, line: Line, scan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    (tmp_path / "link").symlink_to(out)
    chosen = {
        "plain": out / "x.csv",
        "by ..": tmp_path / "other" / ".." / "out" / "x.csv",
        "by a link": tmp_path / "link" / "deep" / "x.csv",
    }.get(how)
    if chosen is None:
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "link"))
    more = () if chosen is None else ("--linkage", chosen)
    answer = line(*RUN, scan, "-o", out, *more)
    assert (answer.status, len(answer.lines)) == (2, 1)
    assert "linkage file would be in the output folder" in answer.err
    assert not out.exists()


def test_another_file_is_never_replaced_by_a_linkage_file(
    line: Line, scan: Path, tmp_path: Path
) -> None:
    other = tmp_path / "patients.csv"
    other.write_text("name,born\nDoe,1970\n")
    answer = line(*RUN, scan, "-o", tmp_path / "out", "--linkage", other)
    assert answer.status == 1
    assert "not a linkage file" in answer.err
    assert other.read_text() == "name,born\nDoe,1970\n"
    assert not (tmp_path / "out").exists()


def test_a_state_folder_that_cannot_be_written_is_a_warning(
    line: Line, scan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    answer = line(*RUN, scan, "-o", tmp_path / "out")
    assert answer.status == 0
    assert "warning:" in answer.err
    assert "linkage file cannot be written" in answer.err


HOSTILE = ["=cmd|'/c calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "'=1", 'a"b,c\nd']


def test_formulas_are_escaped_and_come_back(tmp_path: Path) -> None:
    path = tmp_path / "links.csv"
    links = [Link(f"c-{n}", text, text) for n, text in enumerate(HOSTILE)]
    links.append(Link("x", os.fsdecode(b"/tmp/\xff"), "\u202e"))
    add_links(path, links)
    assert read_links(path) == links
    with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        for row in csv.reader(file):
            assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) for cell in row)


def test_links_are_absolute_and_the_last_one_of_an_id_is_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (link,) = links_of([CaseSource(id="a", path=Path("x/../ct.nii"))])
    assert link.path == str(tmp_path / "ct.nii")
    add_links(tmp_path / "l.csv", [Link("a", "/1"), Link("b", "/2")])
    add_links(tmp_path / "l.csv", [Link("a", "/3")])
    add_links(tmp_path / "l.csv", [Link("a", "/1")])
    assert [link.path for link in read_links(tmp_path / "l.csv")] == ["/2", "/3", "/1"]
