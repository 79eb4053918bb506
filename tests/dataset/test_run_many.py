"""hu.run: many cases from Python, as the command runs them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import hounsfield as hu
from hounsfield.cli.main import run_line
from tests.dataset.conftest import SMALL, noisy, run_over
from tests.dataset.test_run import content


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test writes a linkage file of the user who runs it."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def test_it_writes_what_the_command_writes(
    scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    summary = hu.run("isotropic-mip", scans, tmp_path / "python", workers=2)
    command = ["run", "isotropic-mip", str(scans), "-o", str(tmp_path / "command"), "--json"]
    assert run_line(command) == 0
    assert content(tmp_path / "python") == content(tmp_path / "command")
    printed = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert printed["counts"] == summary.counts == {**summary.to_json()["counts"], "done": 3}
    assert capsys.readouterr() == ("", "")
    assert len(list((tmp_path / "state" / "hounsfield" / "linkage").iterdir())) == 2


def test_a_summary_is_short_and_says_what_happened(scans: Path, tmp_path: Path) -> None:
    (scans / "bad.nii.gz").write_bytes(b"broken")
    seen: list[str] = []
    with pytest.warns(hu.HounsfieldWarning, match=r"1 case failed, such as bad: "):
        first = hu.run(
            SMALL,
            [scans],
            tmp_path / "out",
            workers=1,
            format="nrrd",
            linkage=False,
            progress=lambda result: seen.append(f"{result.id} {result.status}"),
        )
    assert repr(first) == "Summary(3 done, 0 up to date, 1 failed)"
    assert len(repr(first)) < 200
    assert sorted(seen) == ["anna done", "b_2 done", "bad failed", "c-3 done"]
    assert not first.is_complete
    assert [each.where for each in first.diagnostics] == ["bad"]
    assert first.diagnostics[0].severity == "refusal"
    (scans / "bad.nii.gz").unlink()
    (scans / "anna.nii.gz").unlink()
    with pytest.warns(hu.HounsfieldWarning, match="1 case stale, such as anna: its source is not"):
        again = hu.run(SMALL, scans, tmp_path / "out", workers=1, format="nrrd", linkage=False)
    assert repr(again) == "Summary(0 done, 2 up to date, 0 failed, 1 stale)"
    assert again.is_complete
    assert [(each.code, each.severity) for each in again.diagnostics] == [("STALE", "warning")]
    assert "<table" in again._repr_html_()


def test_it_warns_of_sources_without_a_case_and_prints_nothing(
    scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "none").mkdir()
    with pytest.warns(hu.HounsfieldWarning, match="none: no CT"):
        summary = hu.run(
            SMALL, [scans, tmp_path / "none"], tmp_path / "out", workers=1, linkage=False
        )
    assert summary.counts["missed"] == 1
    assert capsys.readouterr() == ("", "")


def test_labels_by_name_and_by_path(scans: Path, tmp_path: Path) -> None:
    label = hu.Volume.from_array(
        (noisy(0).array > 200).astype(np.uint8), affine=noisy(0).grid.affine, quantity="label"
    )
    hu.write(label, tmp_path / "anna-seg.nii.gz")
    source, path = scans / "anna.nii.gz", tmp_path / "{id}-seg.nii.gz"
    for n, (labels, name) in enumerate([({"bone": path}, "bone"), (path, "label")]):
        out = tmp_path / f"out{n}"
        hu.run(SMALL, source, out, workers=1, labels=labels, linkage=False)
        assert (out / "cases" / "anna" / f"label-{name}.nii.gz").is_file()


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"sources": "nowhere"}, hu.ReadError, "no such file or folder"),
        ({"pipeline": "isotropic"}, hu.PipelineError, "there is no preset 'isotropic'"),
        ({"pipeline": "gone.toml"}, hu.MissingFileError, "gone.toml"),
        ({"format": "jpg"}, hu.HounsfieldError, "jpg"),
        ({"dtype": "int17"}, hu.QuantityError, "'int17' is not a dtype of voxels"),
        ({"memory": "much"}, hu.PipelineError, "memory: invalid size 'much'"),
        ({"engine": "spark"}, hu.PipelineError, "unknown engine 'spark'; expected 'local'"),
        ({"labels": "one.nii.gz"}, hu.PipelineError, "one label file for 3 cases"),
        ({"linkage": "out/links.csv"}, hu.PipelineError, "would be in the output folder"),
        ({"workers": 0}, hu.PipelineError, "workers is 0; expected 1 or more"),
        ({"workers": "two"}, hu.ArgumentError, "workers is 'two'; expected int or None"),
        ({"timeout_seconds": -1}, hu.PipelineError, "timeout_seconds is -1; expected a positive"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_wrong_arguments_are_refused_before_any_case_is_read(
    arguments: dict[str, object],
    error: type[Exception],
    text: str,
    scans: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    given = {"pipeline": SMALL, "sources": scans, "out": tmp_path / "out", **arguments}
    with pytest.raises(error, match=text):
        hu.run(**given)  # type: ignore[arg-type]
    assert not list((tmp_path / "out").glob("cases/*"))


@pytest.mark.parametrize("name", ["scans", "scans/cases/..", "link", "inside"])
def test_an_output_folder_that_is_a_source_is_refused(
    name: str, scans: Path, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to(scans)
    out, source = tmp_path / name, scans
    if name == "inside":
        out, source = tmp_path, tmp_path / "cases" / "x"
        source.mkdir(parents=True)
        hu.write(noisy(0), source / "image.nii.gz")
    (scans / "cases").mkdir(exist_ok=True)
    with pytest.raises(hu.PipelineError, match="the output folder is the source"):
        hu.run(SMALL, source, out, workers=1, linkage=False)
    assert not (out / "manifest.db").exists()


def test_a_default_linkage_file_that_cannot_be_written_is_a_warning(
    scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    with pytest.warns(hu.HounsfieldWarning, match="the linkage file cannot be written"):
        summary = hu.run(SMALL, scans, tmp_path / "out", workers=1)
    assert summary.count("done") == 3


def test_another_file_is_no_linkage_file_before_any_case_is_run(
    scans: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.csv"
    other.write_text("a,b\n")
    with pytest.raises(hu.ReadError, match="not a linkage file"):
        hu.run(SMALL, scans, tmp_path / "out", workers=1, linkage=other)
    assert not (tmp_path / "out").exists()
    assert other.read_text() == "a,b\n"


def test_an_engine_of_ones_own_runs_the_cases(scans: Path, tmp_path: Path) -> None:
    from hounsfield.dataset.engines.local import LocalEngine

    summary = hu.run(SMALL, scans, tmp_path / "out", engine=LocalEngine(workers=1), linkage=False)
    assert summary.count("done") == 3
    assert run_over(scans, tmp_path / "out").count("skipped") == 3
