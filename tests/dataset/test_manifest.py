"""manifest.db keeps all of a case, and manifests of earlier versions are migrated at once."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import hounsfield as hu
from hounsfield.core.errors import WriteError
from hounsfield.dataset import manifest_schema
from hounsfield.dataset.case import CaseResult, CaseSource
from hounsfield.dataset.manifest import Manifest
from hounsfield.dataset.run import run_dataset
from hounsfield.dataset.run_config import RunConfig
from hounsfield.dataset.status import read_status
from hounsfield.io.bytes import checksum
from tests.dataset.conftest import SMALL, noisy, run_over

OLD = {
    1: [
        "CREATE TABLE IF NOT EXISTS cases (id TEXT PRIMARY KEY, status TEXT NOT NULL, "
        "code TEXT NOT NULL,\nmessage TEXT NOT NULL, seconds REAL NOT NULL, key TEXT NOT NULL, "
        "output_sha256 TEXT NOT NULL) WITHOUT ROWID",
        "PRAGMA user_version = 1",
    ],
    2: [
        """CREATE TABLE IF NOT EXISTS cases (
id TEXT PRIMARY KEY, status TEXT NOT NULL, code TEXT NOT NULL,
message TEXT NOT NULL, seconds REAL NOT NULL, key TEXT NOT NULL, output_sha256 TEXT NOT NULL,
diagnostics TEXT NOT NULL) WITHOUT ROWID""",
        "CREATE TABLE IF NOT EXISTS run (id TEXT NOT NULL)",
        "PRAGMA user_version = 2",
    ],
    3: [
        """CREATE TABLE IF NOT EXISTS cases (
id TEXT PRIMARY KEY, status TEXT NOT NULL, code TEXT NOT NULL,
message TEXT NOT NULL, seconds REAL NOT NULL, key TEXT NOT NULL, output_sha256 TEXT NOT NULL,
diagnostics TEXT NOT NULL, warnings TEXT NOT NULL, record_sha256 TEXT NOT NULL) WITHOUT ROWID""",
        """CREATE TABLE IF NOT EXISTS settings (
name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID""",
        """CREATE TABLE IF NOT EXISTS unused (
code TEXT NOT NULL, severity TEXT NOT NULL, message TEXT NOT NULL, files INTEGER NOT NULL)""",
        "CREATE TABLE IF NOT EXISTS run (id TEXT NOT NULL)",
        "PRAGMA user_version = 3",
        "PRAGMA application_id = 1213547348",
    ],
}
"""The statements by which earlier versions made a manifest, as they stood in their code."""

ADDED = {1: 7, 2: 8, 3: 10}
"""The number of columns of each version."""


def table(path: Path, name: str = "cases") -> list[dict[str, Any]]:
    """The rows of a table."""
    connection = sqlite3.connect(path)
    connection.row_factory = sqlite3.Row
    try:
        return [dict(row) for row in connection.execute(f"SELECT * FROM {name} ORDER BY 1")]
    finally:
        connection.close()


def make_old(out: Path, version: int) -> list[dict[str, Any]]:
    """Replace the manifest of a run by one of an earlier version with the same cases."""
    rows = table(out / "manifest.db")
    settings = [tuple(row.values()) for row in table(out / "manifest.db", "settings")]
    (out / "manifest.db").unlink()
    connection = sqlite3.connect(out / "manifest.db")
    for statement in OLD[version]:
        connection.execute(statement)
    marks = ", ".join("?" * ADDED[version])
    kept = [dict(list(row.items())[: ADDED[version]]) for row in rows]
    connection.executemany(
        f"INSERT INTO cases VALUES ({marks})", [tuple(row.values()) for row in kept]
    )
    if version > 1:
        connection.execute("INSERT INTO run VALUES ('0123456789abcdef')")
    if version == 3:
        connection.executemany("INSERT INTO settings VALUES (?, ?)", settings)
    connection.commit()
    connection.close()
    return kept


@pytest.mark.parametrize("version", OLD)
def test_an_earlier_manifest_is_migrated_and_keeps_its_cases(
    version: int, scans: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    run_over(scans, out)
    kept = make_old(out, version)
    with Manifest(out / "manifest.db") as manifest:
        if version > 1:
            assert manifest.run_id() == "0123456789abcdef"
        assert len(manifest.earlier()) == 3
    now = table(out / "manifest.db")
    assert [{name: row[name] for name in kept[0]} for row in now] == kept
    assert set(now[0]) == set(manifest_schema.COLUMNS)


@pytest.mark.parametrize("version", OLD)
def test_a_run_goes_on_with_an_earlier_manifest(version: int, scans: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run_over(scans, out)
    records = [(out / "cases" / name / "record.json").read_text() for name in ("anna", "b_2")]
    make_old(out, version)
    again = run_over(scans, out)
    assert again.count("skipped" if version == 3 else "done") == 3
    stored = [row["record"] for row in table(out / "manifest.db")]
    if version == 3:  # what was missing is read from the folders
        assert stored[:2] == records
    assert all(json.loads(text)["outputs"] for text in stored)
    assert run_over(scans, out).count("skipped") == 3


def test_a_failed_migration_leaves_the_earlier_manifest(
    scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    run_over(scans, out)
    kept = make_old(out, 3)
    with monkeypatch.context() as patch:
        patch.setattr(manifest_schema, "_TABLES", ("CREATE TABLE cases (again)",))
        with pytest.raises(WriteError, match="already exists"):
            run_over(scans, out)
    assert table(out / "manifest.db") == kept
    assert run_over(scans, out).count("skipped") == 3


def test_a_newer_manifest_is_refused_in_one_line_and_unchanged(scans: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run_over(scans, out)
    connection = sqlite3.connect(out / "manifest.db")
    connection.execute("ALTER TABLE cases ADD COLUMN later TEXT")
    connection.execute("PRAGMA user_version = 5")
    connection.commit()
    connection.close()
    before = (out / "manifest.db").read_bytes()
    with pytest.raises(WriteError, match=r"version 5, newer than 4.*; update hounsfield") as caught:
        run_over(scans, out)
    assert "\n" not in str(caught.value)
    assert (out / "manifest.db").read_bytes() == before


def test_the_manifest_has_record_times_sizes_and_the_ids_of_the_source(tmp_path: Path) -> None:
    path, out = tmp_path / "a.nii.gz", tmp_path / "out"
    hu.write(noisy(0), path)
    case = CaseSource(id="a", path=path, patient="p-1", study="s-1", split="train")
    before = time.time()
    run_dataset(RunConfig(pipeline=SMALL, out=out), [case])
    (row,) = table(out / "manifest.db")
    assert row["record"] == (out / "cases" / "a" / "record.json").read_text()
    assert (row["patient"], row["study"], row["split"]) == ("p-1", "s-1", "train")
    assert (row["attempts"], row["version"]) == (1, hu.__version__)
    assert json.loads(row["qc"])["values"]["air_peak"]["unit"] == "HU"
    assert before <= row["started"] <= time.time()
    assert row["memory_bytes"] > 10e6
    assert row["source_bytes"] == path.stat().st_size
    outputs = json.loads(row["record"])["outputs"]
    sizes = [(out / "cases" / "a" / name).stat().st_size for name in outputs]
    assert row["output_bytes"] == sum(sizes)
    assert row["source_sha256"] == json.loads(row["record"])["source"]["sha256"]


def test_a_resumed_run_keeps_when_and_how_a_case_was_made(scans: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run_over(scans, out)
    before = table(out / "manifest.db")
    run_over(scans, out)
    assert table(out / "manifest.db") == before


def test_the_bits_of_masks_of_a_large_record_stand_in_its_file_alone(tmp_path: Path) -> None:
    step = {"step": "FixedMask", "name": "body", "sha256": "0" * 64, "bits": "A" * 100_000}
    text = json.dumps({"steps": [step], "pipeline": {"steps": []}, "case": "a"})
    with Manifest(tmp_path / "manifest.db") as manifest:
        manifest.put(CaseResult(id="a", status="done", record=text))
    (row,) = table(tmp_path / "manifest.db")
    assert json.loads(row["record"])["steps"] == [{k: v for k, v in step.items() if k != "bits"}]


def aged(folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Let the files be older than any change that could be missed; count what is hashed."""
    from hounsfield.dataset import source_stamp

    monkeypatch.setattr(source_stamp, "UNCHANGED_SECONDS", -1.0)
    hashed: list[Path] = []
    plain = checksum.file_sha256

    def counting(path: Path) -> str:
        hashed.append(path)
        return plain(path)

    monkeypatch.setattr(checksum, "file_sha256", counting)
    return hashed


def test_unchanged_sources_are_not_read_again(
    scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed = aged(scans, monkeypatch)
    run_over(scans, tmp_path / "out")
    assert sorted(hashed) == sorted(scans.iterdir())
    hashed.clear()
    assert run_over(scans, tmp_path / "out").count("skipped") == 3
    assert hashed == []


def test_a_source_whose_size_and_date_were_set_back_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "scans").mkdir()
    path = tmp_path / "scans" / "anna.nii"
    hu.write(noisy(0), path)
    aged(path.parent, monkeypatch)
    run_over(path.parent, tmp_path / "out")
    before, data = path.stat(), bytearray(path.read_bytes())
    data[-2] ^= 1  # a voxel
    with path.open("rb+") as file:
        file.write(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = path.stat()
    same = ("st_size", "st_mtime_ns", "st_ino")
    assert [getattr(after, name) for name in same] == [getattr(before, name) for name in same]
    assert run_over(path.parent, tmp_path / "out").count("done") == 1


def test_sources_that_changed_just_now_are_hashed(scans: Path, tmp_path: Path) -> None:
    run_over(scans, tmp_path / "out")
    assert [row["source_stamp"] for row in table(tmp_path / "out" / "manifest.db")] == [""] * 3


def test_moved_sources_are_hashed_and_up_to_date(
    scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed = aged(scans, monkeypatch)
    run_over(scans, tmp_path / "out")
    shutil.copytree(scans, tmp_path / "copy")
    hashed.clear()
    assert run_over(tmp_path / "copy", tmp_path / "out").count("skipped") == 3
    assert len(hashed) == 3


def test_results_are_stored_in_order_and_read_back_at_once(tmp_path: Path) -> None:
    with Manifest(tmp_path / "manifest.db") as manifest:
        for n in range(3000):  # more than one transaction
            manifest.put(CaseResult(id=f"c{n % 1000}", status="done", key=str(n)))
        found = manifest.earlier()
        assert {case_id: result.key for case_id, result in found.items()} == {
            f"c{n}": str(n + 2000) for n in range(1000)
        }
        manifest.forget([f"c{n}" for n in range(999)])
    assert [row["id"] for row in table(tmp_path / "manifest.db")] == ["c999"]


def test_a_result_is_on_the_disk_while_the_run_goes_on(tmp_path: Path) -> None:
    with Manifest(tmp_path / "manifest.db") as manifest:
        manifest.put(CaseResult(id="a", status="done"))
        deadline = time.monotonic() + 10
        while not table(tmp_path / "manifest.db") and time.monotonic() < deadline:
            time.sleep(0.01)
        assert [row["id"] for row in table(tmp_path / "manifest.db")] == ["a"]


def store_without_a_table(path: Path, *, then: Callable[[Manifest], object]) -> None:
    """Store a result in a manifest that has lost its table, and do what follows."""
    with Manifest(path) as manifest:
        manifest._connection.execute("DROP TABLE cases")
        manifest.put(CaseResult(id="a", status="done"))
        then(manifest)


def put_until_refused(manifest: Manifest) -> None:
    """Store more results; the first error may come with any of them."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        manifest.put(CaseResult(id="b", status="done"))
    pytest.fail("no result was refused")


@pytest.mark.parametrize(
    "then",
    [put_until_refused, Manifest.earlier, lambda manifest: None],
    ids=["next result", "next query", "end"],
)
def test_a_result_that_cannot_be_stored_ends_the_run(
    then: Callable[[Manifest], object], tmp_path: Path
) -> None:
    with pytest.raises(WriteError, match=r"cannot be written .*no such table"):
        store_without_a_table(tmp_path / "manifest.db", then=then)
    assert "manifest" not in [thread.name for thread in threading.enumerate()]


def test_an_error_of_the_run_is_not_hidden_by_one_of_the_manifest(tmp_path: Path) -> None:
    def fail(manifest: Manifest) -> None:
        raise KeyError

    with pytest.raises(KeyError):
        store_without_a_table(tmp_path / "manifest.db", then=fail)


WRITER = """
import sys
from pathlib import Path
from hounsfield.dataset.case import CaseResult
from hounsfield.dataset.manifest import Manifest
with Manifest(Path(sys.argv[1])) as manifest:
    for n in range(10**9):
        manifest.put(CaseResult(id=f"c{n % 500}", status="done", key=str(n), message="x" * 3000))
        if n % 50 == 0:
            manifest.earlier()  # waits for the disk
"""
"""Stores results until it is killed."""


@pytest.mark.parametrize("moment", [0.0, 0.13])
def test_a_killed_writer_leaves_a_whole_manifest(moment: float, tmp_path: Path) -> None:
    path = tmp_path / "manifest.db"
    with subprocess.Popen([sys.executable, "-c", WRITER, str(path)]) as process:
        deadline = time.monotonic() + 20
        while not (path.is_file() and path.stat().st_size > 100_000):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        time.sleep(moment)
        process.kill()
    before = {each.name: each.read_bytes() for each in tmp_path.iterdir()}
    shown = read_status(tmp_path).cases
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == before
    with Manifest(path) as manifest:
        assert set(manifest.earlier()) == {case.id for case in shown}
        assert manifest._connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert shown
