"""A list limits a run to its cases; it is never evaluated, and other results stay as they are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import hounsfield as hu
from hounsfield.__main__ import main
from hounsfield.core.errors import PipelineError
from hounsfield.dataset.only import read_only
from tests.dataset.conftest import SMALL
from tests.dataset.test_manifest import table


def run(scans: Path, out: Path, only: object) -> hu.Summary:
    """Run the accepted cases in this process."""
    return hu.run(SMALL, scans, out, workers=1, linkage=False, only=only)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        "id,decision,note\nanna,accept,\nb_2,reject,=cmd|' /C calc'!A0\n",
        "\ufeffid;decision;note\r\nanna;Accept;\r\nb_2;reject;moved\r\n",
        'note\tid\tdecision\n"two\nlines"\tanna\taccept\n@SUM(1)\tb_2\treject\n',
    ],
    ids=["comma", "semicolon", "tab"],
)
def test_accepted_cases_are_run_and_others_are_counted(
    text: str, scans: Path, tmp_path: Path
) -> None:
    path = tmp_path / "list.csv"
    path.write_text(text, newline="")
    summary = run(scans, tmp_path / "out", path)
    assert [case.id for case in summary.cases] == ["anna"]
    assert (summary.counts["rejected"], summary.counts["unlisted"]) == (1, 1)
    assert summary.is_complete
    assert str(summary) == "1 done, 0 up to date, 0 failed, 1 rejected, 1 not in the list"


@pytest.mark.parametrize(
    "text", ["anna\n# later: b_2\n\nc-3", "id\nanna\nc-3\n", '"id"\n"anna"\n"c-3"\n', "c-3\r\nanna"]
)
def test_a_plain_list_of_ids_is_a_list(text: str, scans: Path, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text(text)
    for only in (tmp_path / "list.txt", ["c-3", "anna"]):
        cases = run(scans, tmp_path / "out", only).cases
        assert [case.id for case in cases] == ["anna", "c-3"]


def test_other_cases_of_the_folder_are_neither_stale_nor_run(scans: Path, tmp_path: Path) -> None:
    run(scans, tmp_path / "out", None)
    before = table(tmp_path / "out" / "manifest.db")
    assert run(scans, tmp_path / "out", ["b_2"]).counts["stale"] == 0
    assert table(tmp_path / "out" / "manifest.db") == before
    (scans / "anna.nii.gz").unlink()
    run(scans, tmp_path / "out", ["b_2"])
    assert table(tmp_path / "out" / "manifest.db") == before


def test_an_id_that_no_source_has_is_listed_and_makes_the_run_incomplete(
    scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "list.txt").write_text("anna\nzoe\n")
    command = ["run", "isotropic-mip", str(scans), "-o", str(tmp_path / "out")]
    assert main([*command, "--only", str(tmp_path / "list.txt")]) == 1
    assert "warning: zoe: the list names a case that no source has" in capsys.readouterr().err
    with pytest.warns(hu.HounsfieldWarning, match="zoe: the list names"):
        summary = run(scans, tmp_path / "python", tmp_path / "list.txt")
    assert [missed.code for missed in summary.missed] == ["UNKNOWN_ID"]
    assert not summary.is_complete


def test_a_list_that_accepts_nothing_ends_with_3(
    scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "list.csv").write_text("id,decision\nanna,reject\n")
    command = ["run", "isotropic-mip", str(scans), "-o", str(tmp_path / "out")]
    assert main([*command, "--only", str(tmp_path / "list.csv")]) == 3
    assert "the list accepts none of 3 cases" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("id,decision,comment\na,accept,x\n", "has other columns"),
        ("decision,note\naccept,x\n", "has other columns"),
        ("id,decision\na,maybe\n", "row 1 that is not accept or reject"),
        ("id,decision\na,accept,x\n", "has 3 cells in row 1 and 2 columns"),
        ("id,decision\na,accept\na,reject\n", "accepts and rejects one case"),
    ],
)
def test_an_invalid_list_is_2_and_quotes_nothing_of_it(
    text: str, found: str, scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "list.csv").write_text(text.replace("maybe", "Jane Doe"))
    command = ["run", "isotropic-mip", str(scans), "-o", str(tmp_path / "out"), "--json"]
    assert main([*command, "--only", str(tmp_path / "list.csv")]) == 2
    printed = capsys.readouterr()
    error = json.loads(printed.out)["error"]
    assert found in error["message"]
    assert "Jane" not in printed.out + printed.err
    assert str(tmp_path) not in printed.out
    assert not (tmp_path / "out").exists()


@given(st.text(max_size=60) | st.text(alphabet='id,;\t"\n=+-@accept', max_size=60))
def test_any_text_is_a_list_or_our_error(text: str) -> None:
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        path = Path(folder) / "list"
        path.write_text(text, encoding="utf-8", newline="")
        try:
            found = read_only(path)
        except PipelineError:
            return
        assert not set(found.accepted) & set(found.rejected)
