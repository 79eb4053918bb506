"""A folder holds the results of one pipeline over its sources; older ones are marked or refused."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest

import hounsfield as hu
from hounsfield.core.errors import PipelineError, WriteError
from hounsfield.dataset.summary import Summary
from tests.dataset.conftest import SMALL, noisy, run_over


def rows(out: Path, columns: str = "id, status") -> list[tuple[str, ...]]:
    """The rows of the manifest."""
    connection = sqlite3.connect(out / "manifest.db")
    try:
        return connection.execute(f"SELECT {columns} FROM cases ORDER BY id").fetchall()
    finally:
        connection.close()


def statuses(summary: Summary) -> dict[str, str]:
    return {case.id: case.status for case in summary.cases}


def test_a_removed_source_leaves_a_stale_case_which_is_kept_and_comes_back(
    scans: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    run_over(scans, out)
    (scans / "anna.nii.gz").rename(tmp_path / "anna.nii.gz")
    for _ in range(2):
        summary = run_over(scans, out)
        assert statuses(summary) == {"anna": "stale", "b_2": "skipped", "c-3": "skipped"}
    assert rows(out) == [("anna", "stale"), ("b_2", "done"), ("c-3", "done")]
    assert (out / "cases" / "anna" / "image.nii.gz").is_file()
    assert "remove its folder" in summary.cases[0].message
    assert summary.counts["stale"] == 1
    (tmp_path / "anna.nii.gz").rename(scans / "anna.nii.gz")
    assert run_over(scans, out).count("skipped") == 3
    assert rows(out)[0] == ("anna", "done")


def test_a_stale_case_is_forgotten_once_its_folder_is_removed(scans: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run_over(scans, out)
    (scans / "anna.nii.gz").unlink()
    run_over(scans, out)
    shutil.rmtree(out / "cases" / "anna")
    assert "anna" not in statuses(run_over(scans, out))
    assert [case for case, _ in rows(out)] == ["b_2", "c-3"]


def test_a_name_that_became_ambiguous_leaves_a_stale_case_and_no_patient_twice(
    scans: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    run_over(scans, out)
    (scans / "sub").mkdir()
    hu.write(noisy(7), scans / "sub" / "anna.nii.gz")
    summary = run_over(scans, out)
    assert statuses(summary)["anna"] == "stale"
    current = [case.output_sha256 for case in summary.cases if case.status != "stale"]
    assert len(current) == len(set(current)) == 4


@pytest.mark.parametrize("change", ["record", "record's output", "added key", "removed record"])
def test_a_changed_record_is_made_again(change: str, scans: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run_over(scans, out)
    path = out / "cases" / "anna" / "record.json"
    data = json.loads(path.read_text())
    good = path.read_text()
    if change == "record":
        data["source"]["geometry"]["shape"] = [1, 1, 1]
    elif change == "record's output":
        (path.parent / "image.nii.gz").write_bytes(b"other")
        from hounsfield.io.bytes.checksum import file_sha256

        data["outputs"]["image.nii.gz"] = file_sha256(path.parent / "image.nii.gz")
    else:
        data["more"] = 1
    path.write_text(json.dumps(data))
    if change == "removed record":
        path.unlink()
    assert statuses(run_over(scans, out))["anna"] == "done"
    volatile = {"volatile": 0}
    assert json.loads(path.read_text()) | volatile == json.loads(good) | volatile
    assert run_over(scans, out).count("skipped") == 3


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ({"pipeline": hu.Pipeline([*SMALL.steps, hu.Slab(slices=3)])}, "another pipeline"),
        ({"pipeline": hu.Pipeline(SMALL.steps, dtype="float64")}, "another pipeline"),
        ({"format": "nrrd"}, r"another format \(nii.gz; this run has nrrd\)"),
        ({"dtype": "float64"}, r"another dtype \(none; this run has float64\)"),
        ({"labels": (("bone", "{id}-label.nii.gz"),)}, r"other labels \(none; this run has bone\)"),
    ],
    ids=["pipeline", "pipeline's dtype", "format", "dtype", "labels"],
)
def test_another_pipeline_or_option_is_refused_or_replaces_all(
    more: dict[str, object], named: str, scans: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    run_over(scans, out)
    before = (out / "pipeline.toml").read_text(), rows(out, "id, status, key")
    with pytest.raises(PipelineError, match=f"the output folder has results with {named}; use an"):
        run_over(scans / "anna.nii.gz", out, **more)
    assert ((out / "pipeline.toml").read_text(), rows(out, "id, status, key")) == before
    if "labels" not in more:
        done = run_over(scans / "anna.nii.gz", out, overwrite=True, **more)
        assert statuses(done) == {"anna": "done"}
        assert [folder.name for folder in (out / "cases").iterdir()] == ["anna"]
        assert run_over(scans / "anna.nii.gz", out, **more).count("skipped") == 1


def test_a_folder_without_results_is_free_for_any_pipeline(scans: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (scans / "broken.nii.gz").write_bytes(b"broken")
    assert run_over(scans / "broken.nii.gz", out).count("failed") == 1
    assert run_over(scans / "anna.nii.gz", out, format="nrrd").count("done") == 1


def test_another_read_option_goes_on_in_the_folder_and_runs_all_again(
    scans: Path, tmp_path: Path
) -> None:
    run_over(scans, tmp_path / "out")
    fill = hu.ReadPolicy(gaps="fill")
    assert run_over(scans, tmp_path / "out", policy=fill).count("done") == 3


def test_every_repair_and_warning_of_a_case_is_in_its_record_and_in_the_manifest(
    scans: Path, tmp_path: Path
) -> None:
    grid = noisy(0).grid.reoriented("RAS")
    marks = hu.Volume.from_array(np.ones(grid.shape, np.uint8), affine=grid.affine, quantity="mask")
    hu.write(marks, tmp_path / "label.nii.gz")
    labels = (("bone", str(tmp_path / "label.nii.gz")),)
    (case,) = run_over(scans / "anna.nii.gz", tmp_path / "out", labels=labels).cases
    assert [each["code"] for each in case.diagnostics] == ["REGRIDDED"]
    ((stored,),) = rows(tmp_path / "out", "diagnostics")
    record = json.loads((tmp_path / "out" / "cases" / "anna" / "record.json").read_text())
    assert json.loads(stored) == record["diagnostics"] == [dict(each) for each in case.diagnostics]


def test_a_renamed_pipeline_is_the_same_pipeline(scans: Path, tmp_path: Path) -> None:
    run_over(scans, tmp_path / "out")
    named = hu.Pipeline(SMALL.steps, name="other")
    assert run_over(scans, tmp_path / "out", pipeline=named).count("done") == 3


def test_the_manifest_has_the_digest_of_the_pipeline(scans: Path, tmp_path: Path) -> None:
    run_over(scans, tmp_path / "out")
    connection = sqlite3.connect(tmp_path / "out" / "manifest.db")
    settings = dict(connection.execute("SELECT name, value FROM settings"))
    connection.close()
    assert len(settings["pipeline"]) == 64
    assert settings["format"] == "nii.gz"


def foreign_database(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


@pytest.mark.parametrize(
    ("statements", "message"),
    [
        (["CREATE TABLE cases (name TEXT)"], "was not written by hounsfield"),
        (["CREATE TABLE photos (name TEXT)"], "was not written by hounsfield"),
        (["CREATE TABLE cases (id TEXT)", "PRAGMA user_version = 3"], "not written by hounsfield"),
        (["CREATE VIEW cases AS SELECT 1 AS id"], "was not written by hounsfield"),
        (
            ["CREATE TABLE cases (id, output_sha256)", "PRAGMA user_version = 2"],
            "has a table 'cases' with other columns",
        ),
        (
            [
                "CREATE TABLE cases (id, output_sha256)",
                "PRAGMA user_version = 3",
                "PRAGMA application_id = 1213547348",
            ],
            "has a table 'cases' with other columns",
        ),
    ],
)
def test_a_database_of_another_program_is_refused_and_unchanged(
    statements: list[str], message: str, scans: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    foreign_database(out / "manifest.db", *statements)
    before = (out / "manifest.db").read_bytes()
    with pytest.raises(WriteError, match=message) as caught:
        run_over(scans, out)
    assert "\n" not in str(caught.value)
    assert (out / "manifest.db").read_bytes() == before


@pytest.mark.parametrize("name", ["manifest.db", "manifest.db-journal", "cases"])
def test_nothing_is_written_through_a_link(name: str, scans: Path, tmp_path: Path) -> None:
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    out.mkdir()
    elsewhere.mkdir()
    target = elsewhere if name == "cases" else elsewhere / "file"
    (out / name).symlink_to(target)
    with pytest.raises(WriteError, match="link"):
        run_over(scans, out)
    assert list(elsewhere.iterdir()) == []


def test_a_file_that_is_no_database_is_refused_in_one_line(scans: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "manifest.db").write_bytes(b"not a database" * 100)
    with pytest.raises(WriteError, match="not a database"):
        run_over(scans, tmp_path / "out")


def test_partial_outputs_are_removed_at_the_start_of_a_run(scans: Path, tmp_path: Path) -> None:
    cases = tmp_path / "out" / "cases"
    (cases / ".anna.part").mkdir(parents=True)
    (cases / ".anna.part" / "image.nii.gz").write_bytes(b"half")
    (cases / ".gone.old").mkdir()
    (tmp_path / "out" / ".hounsfield-0.part").write_bytes(b"")
    run_over(scans / "b_2.nii.gz", tmp_path / "out")
    assert [path.name for path in cases.iterdir()] == ["b_2"]
    assert not list((tmp_path / "out").glob(".*"))


def test_warnings_are_counted_named_and_kept_by_a_resumed_run(tmp_path: Path) -> None:
    doubt = hu.Volume.from_array(
        np.random.default_rng(0).integers(0, 255, (20, 18, 10)).astype(np.uint8),
        affine=np.diag([-1.0, -1, 2, 1]),
        quantity="other",
    )
    (tmp_path / "scans").mkdir()
    hu.write(doubt, tmp_path / "scans" / "doubt.nii.gz")
    hu.write(noisy(1), tmp_path / "scans" / "good.nii.gz")
    first = run_over(tmp_path / "scans", tmp_path / "out", policy=hu.ReadPolicy(assume="hu"))
    again = run_over(tmp_path / "scans", tmp_path / "out", policy=hu.ReadPolicy(assume="hu"))
    codes = first.cases[0].warnings
    assert codes == again.cases[0].warnings
    if codes:  # whether 0 to 255 is doubtful is the reader's matter
        assert first.counts["warned"] == again.counts["warned"] == 1
        assert "(1 with warnings)" in str(first)
        assert rows(tmp_path / "out", "warnings")[0] == (",".join(codes),)
