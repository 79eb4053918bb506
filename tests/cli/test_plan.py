"""`hounsfield plan` shows what a run would use and refuse, without a run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import hounsfield as hu
from tests.cli.conftest import Line, ball_label, ball_scan

MANY = [f"c-{n}" for n in range(30)]


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    hu.write(ball_scan(), tmp_path / "ct.nii.gz")
    return tmp_path / "ct.nii.gz"


def test_a_plan_lists_the_sources_that_a_run_misses(line: Line, scan: Path, tmp_path: Path) -> None:
    answer = line("plan", "bone", scan, tmp_path / "none")
    assert answer.status == 1
    assert "none: no such file or folder" in answer.err
    assert "ct " in answer.out
    data = json.loads(line("plan", "bone", scan, tmp_path / "none", "--json").out)
    assert [each["code"] for each in data["missed"]] == ["MISSING_FILE"]
    assert str(tmp_path) not in json.dumps(data)


def test_a_plan_shows_the_choice_of_series_and_the_names_of_regions(
    line: Line, scan: Path, tmp_path: Path
) -> None:
    hu.write(ball_label(ball_scan()), tmp_path / "bone.nii.gz")
    words = ("plan", "bone", scan, "--label", f"Skull_1={tmp_path / 'bone.nii.gz'}")
    answer = line(*words, "--labels", "skull=skull.*,liver=.*liver.*", "--select", "slices<100")
    assert answer.status == 0
    assert "label skull: 'Skull_1' (1)" in answer.err
    assert "no region of any case matches 'liver'" in answer.err
    assert "chosen" in answer.err
    assert line(*words, "--labels", "liver=liver", "--select", "slices>100").status == 3
    assert not (tmp_path / "out").exists()


def test_a_run_and_a_plan_list_the_cases_that_cannot_be_read(
    line: Line, scan: Path, tmp_path: Path
) -> None:
    (tmp_path / "bad.nii").write_bytes(b"\0" * 400)
    for words in (("plan", "bone"), ("run", "bone", "-o", tmp_path / "out", "-j", "1")):
        answer = line(*words, scan, tmp_path / "bad.nii")
        assert answer.status == 1
        table = answer.out + answer.err.partition("bad.nii: ")[0]
        assert any(row.startswith("bad ") and "UNREADABLE: " in row for row in table.splitlines())
        assert "1 case cannot be read and will fail: UNREADABLE (1)" in answer.err


def test_a_label_at_a_url_is_refused_with_the_way_that_works(line: Line, scan: Path) -> None:
    answer = line("plan", "bone", scan, scan, "--labels", "a=1", "--label", "s3://b/{stem}.nii.gz")
    assert answer.status == 2
    assert "column label of a CSV file" in answer.err
