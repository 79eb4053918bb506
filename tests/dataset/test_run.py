"""What a run leaves is the same for the same input, whole or not there, and never another run's."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import hounsfield as hu
from hounsfield.core.errors import WriteError
from hounsfield.dataset.run_case import run_case
from hounsfield.pipeline.record import Record
from tests.dataset.conftest import SMALL, noisy, run_over


def content(out: Path) -> dict[str, bytes]:
    """Every file below the cases of an output, records without what is volatile."""
    files = {}
    for path in sorted((out / "cases").rglob("*")):
        if path.is_file():
            data = path.read_bytes()
            if path.name == "record.json":
                record = json.loads(data)
                del record["volatile"]
                data = json.dumps(record, sort_keys=True).encode()
            files[str(path.relative_to(out))] = data
    return files


def test_the_same_input_gives_the_same_bytes_with_one_worker_and_with_two(
    scans: Path, tmp_path: Path
) -> None:
    for name, workers in (("first", 1), ("again", 1), ("two", 2)):
        assert run_over(scans, tmp_path / name, workers=workers).count("done") == 3
    assert content(tmp_path / "first") == content(tmp_path / "again") == content(tmp_path / "two")
    assert len(content(tmp_path / "first")) == 9


def test_outputs_have_the_sha256_that_the_record_says(scans: Path, tmp_path: Path) -> None:
    import hashlib

    run_over(scans, tmp_path / "out")
    folder = tmp_path / "out" / "cases" / "anna"
    outputs = Record.load(folder / "record.json").outputs
    assert set(outputs) == {"image.nii.gz", "preview.png"}
    for name, digest in outputs.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest


@pytest.mark.parametrize("change", ["input", "pipeline", "format", "lost output", "changed output"])
def test_only_what_is_up_to_date_is_left(change: str, scans: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run_over(scans, out)
    assert run_over(scans, out).count("skipped") == 3
    pipeline, more = SMALL, {}
    image = out / "cases" / "anna" / "image.nii.gz"
    if change == "input":
        hu.write(noisy(9), scans / "anna.nii.gz")
    elif change == "pipeline":
        pipeline = hu.Pipeline([*SMALL.steps, hu.Slab(slices=3)])
    elif change == "format":
        more = {"format": "nrrd"}
    elif change == "lost output":
        image.unlink()
    else:
        image.write_bytes(b"something else")
    replaced = change in ("pipeline", "format")  # refused otherwise
    done = run_over(scans, out, pipeline=pipeline, overwrite=replaced, **more)
    assert done.count("done") == (3 if change in ("pipeline", "format") else 1)
    assert run_over(scans, out, pipeline=pipeline, **more).count("skipped") == 3
    assert image.exists() == (change != "format")


def test_a_case_that_fails_leaves_none_of_an_earlier_runs_outputs(
    scans: Path, tmp_path: Path
) -> None:
    run_over(scans, tmp_path / "out")
    (scans / "anna.nii.gz").write_bytes(b"broken")
    summary = run_over(scans, tmp_path / "out")
    assert (summary.count("failed"), summary.count("skipped")) == (1, 2)
    assert sorted(path.name for path in (tmp_path / "out" / "cases").iterdir()) == ["b_2", "c-3"]


def test_renaming_a_file_changes_its_id_and_nothing_else(scans: Path, tmp_path: Path) -> None:
    run_over(scans, tmp_path / "one")
    (scans / "anna.nii.gz").rename(scans / "ANNA MARIA (2).nii.gz")
    run_over(scans, tmp_path / "two")
    (other,) = {path.name for path in (tmp_path / "two" / "cases").iterdir()} - {"b_2", "c-3"}
    assert other.startswith("c-")
    assert len(other) == 14
    one, two = (content(tmp_path / name) for name in ("one", "two"))
    assert one["cases/anna/image.nii.gz"] == two[f"cases/{other}/image.nii.gz"]
    written = [*two.values(), (tmp_path / "two" / "manifest.db").read_bytes()]
    assert not any(b"ANNA" in data or b"MARIA" in data for data in written)


def test_a_record_can_be_run_again(scans: Path, tmp_path: Path) -> None:
    run_over(scans, tmp_path / "out")
    again = hu.Pipeline.load(tmp_path / "out" / "cases" / "anna" / "record.json")
    assert again == hu.Pipeline.load(tmp_path / "out" / "pipeline.toml") == SMALL
    run_over(scans, tmp_path / "again", pipeline=again)
    assert content(tmp_path / "out") == content(tmp_path / "again")


def test_labels_go_along_and_their_change_is_in_the_record(scans: Path, tmp_path: Path) -> None:
    label = hu.Volume.from_array(
        (noisy(0).array > 200).astype(np.uint8), affine=noisy(0).grid.affine, quantity="label"
    )
    hu.write(hu.regrid(label, label.grid.reoriented("RAS")), tmp_path / "anna-label.nii.gz")
    summary = run_over(
        scans / "anna.nii.gz",
        tmp_path / "out",
        labels=(("bone", str(tmp_path / "{id}-label.nii.gz")),),
    )
    folder = tmp_path / "out" / "cases" / "anna"
    record = Record.load(folder / "record.json")
    assert hu.read(folder / "label-bone.nii.gz", quantity="label").grid.same_as(record.output_grid)
    assert record.labels["bone"][0]["ml_before"] > 0
    assert [repair["code"] for repair in record.diagnostics] == ["REGRIDDED"]
    assert "copied" in summary.cases[0].diagnostics[0]["message"]


def test_a_label_with_no_place_in_the_image_is_refused_and_one_with_no_mark_in_it_is_said(
    scans: Path, tmp_path: Path
) -> None:
    grid, marks = noisy(0).grid, np.zeros((4, 4, 4), np.uint8)
    marks[0, 0, 0] = 1
    made = []
    for name, first_voxel in (("elsewhere", 1e4), ("corner", -2.0)):
        affine = grid.affine.copy()
        affine[:3, 3] += affine[:3, :3] @ np.full(3, first_voxel)
        hu.write(
            hu.Volume.from_array(marks, affine=affine, quantity="label"),
            tmp_path / f"{name}.nii.gz",
        )
        labels = (("bone", str(tmp_path / f"{name}.nii.gz")),)
        made += run_over(scans / "anna.nii.gz", tmp_path / name, labels=labels).cases
    assert "does not overlap the image" in made[0].message
    assert not (tmp_path / "elsewhere" / "cases" / "anna").exists()
    (found,) = made[1].diagnostics
    assert "no labelled voxel is inside the image" in found["message"]
    assert found["severity"] == "warning"


def test_slices_are_one_file_each(scans: Path, tmp_path: Path) -> None:
    pipeline = hu.Pipeline([*SMALL.steps, hu.SplitSlices(plane="coronal")])
    for format, suffix in (("nii.gz", ".nii.gz"), ("png", ".png")):
        run_over(scans / "anna.nii.gz", tmp_path / format, pipeline=pipeline, format=format)
        folder = tmp_path / format / "cases" / "anna"
        record = Record.load(folder / "record.json")
        files = sorted(path for path in (folder / "image").iterdir() if path.name.endswith(suffix))
        assert len(files) == record.output_grid.shape[2]
    first = hu.read(
        tmp_path / "nii.gz" / "cases" / "anna" / "image" / "slice-0000.nii.gz", quantity="unit"
    )
    assert first.grid.shape == (*record.output_grid.shape[:2], 1)


def test_a_second_run_on_the_same_output_is_locked_out(scans: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    with (out / ".lock").open("w") as lock:
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(WriteError, match=rf"another run.*{os.getpid()}"):
            run_over(scans, out)
    assert not (out / "manifest.db").exists()


def test_a_stale_lock_is_no_hindrance(scans: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / ".lock").write_text("4711\n")
    assert run_over(scans, tmp_path / "out").count("done") == 3
    assert not (tmp_path / "out" / ".lock").exists()


def test_any_error_becomes_a_failed_outcome(
    scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import hounsfield.io.open

    def broken(*arguments: object, **keywords: object) -> None:
        raise ZeroDivisionError("DOE^JOHN")

    monkeypatch.setattr(hounsfield.io.open, "open_stack", broken)
    summary = run_over(scans, tmp_path / "out")
    assert summary.count("failed") == 3
    assert {outcome.code for outcome in summary.cases} == {"INTERNAL"}
    assert not any("DOE" in outcome.message for outcome in summary.cases)
    assert b"DOE" not in (tmp_path / "out" / "manifest.db").read_bytes()


def test_run_case_lets_signals_through(
    scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import hounsfield.io.open
    from hounsfield.dataset.discover import discover
    from hounsfield.dataset.run_config import RunConfig

    def interrupted(*arguments: object, **keywords: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(hounsfield.io.open, "open_stack", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_case(RunConfig(pipeline=SMALL, out=tmp_path / "out"), discover([str(scans)]).cases[0])


def children_of(process: int) -> list[int]:
    listed = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii")
    return [int(word) for word in listed.split()]


@pytest.mark.slow
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_run_within_5_s_leaves_no_orphan_and_a_resumed_run_is_the_same(
    number: int, status: int, tmp_path: Path
) -> None:
    scans = tmp_path / "many"
    scans.mkdir()
    for seed in range(12):
        hu.write(noisy(seed, shape=(90, 90, 60)), scans / f"case{seed:02d}.nii.gz")
    command = [
        sys.executable,
        "-m",
        "hounsfield",
        "run",
        "isotropic-mip",
        str(scans),
        "-o",
        str(tmp_path / "out"),
        "--workers",
        "2",
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    cases = tmp_path / "out" / "cases"
    while process.poll() is None and not (cases.is_dir() and any(cases.glob("*/record.json"))):
        time.sleep(0.02)
    workers = children_of(process.pid)
    asked = time.monotonic()
    process.send_signal(number)
    _, err = process.communicate(timeout=20)
    while (
        any(Path(f"/proc/{worker}").exists() for worker in workers) and time.monotonic() - asked < 5
    ):
        time.sleep(0.02)
    assert time.monotonic() - asked < 5
    assert process.returncode == status
    assert "Traceback" not in err
    assert workers
    assert not (tmp_path / "out" / ".lock").exists()
    assert (
        run_over(scans, tmp_path / "out", pipeline=hu.preset("isotropic-mip")).count("failed") == 0
    )
    run_over(scans, tmp_path / "straight", pipeline=hu.preset("isotropic-mip"))
    assert content(tmp_path / "out") == content(tmp_path / "straight")


def test_a_worker_that_dies_fails_its_case_alone(scans: Path, tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; "
        "import hounsfield.dataset.engines.worker as w; real = w.run_case\n"
        "def run_case(job, case):\n"
        "    os.kill(os.getpid(), 9) if case.id == 'b_2' else None\n"
        "    return real(job, case)\n"
        "w.run_case = run_case\n"
        "if __name__ == '__main__':\n"
        "    from tests.dataset.conftest import run_over\n"
        f"    done = run_over(Path({str(scans)!r}), Path({str(tmp_path / 'out')!r}), workers=2)\n"
        "    print([(one.id, one.status, one.code) for one in done.cases])\n"
    )
    script = tmp_path / "script.py"
    script.write_text(code)
    done = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
    )
    assert "('b_2', 'failed', 'WORKER_DIED')" in done.stdout
    assert done.stdout.count("'done'") == 2
