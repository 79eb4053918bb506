"""Each verb does what it says, and says nothing of the patient."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import hounsfield as hu
from hounsfield.phantom import Faults, Head, grid_about, head, write_series
from tests.cli.conftest import Line, ball_label, ball_scan


@pytest.fixture(scope="module")
def phantom() -> Head:
    """A small head with headrest."""
    return head(grid_about((0, -4, 10), shape=(64, 64, 20), spacing_mm=(4, 4, 8)), noise_hu=3)


def test_inspect_json_has_the_keys_that_scripts_rely_on(
    line: Line, phantom: Head, tmp_path: Path
) -> None:
    write_series(phantom, tmp_path / "scan", faults=Faults(missing=(6,), extras=("localizer",)))
    hu.write(ball_scan(), tmp_path / "scan" / "ball.nrrd")
    (tmp_path / "scan" / "letter.txt").write_text("Dear colleague")
    answer = json.loads(line("inspect", tmp_path / "scan", "--json").out)
    keys = {
        "id",
        "kind",
        "slices",
        "shape",
        "spacing_mm",
        "gaps_mm",
        "orientation",
        "tilt_deg",
        "obliquity_degrees",
        "uniform_slice_spacing",
        "unique_slice_positions",
        "regularly_spaced_3d_volume",
        "kernel",
        "codec",
        "quantity",
        "verdict",
        "reasons",
    }
    assert set(answer) == {"schema", "series", "other"}
    assert all(keys <= set(series) for series in answer["series"])
    reasons = [reason for one in answer["series"] for reason in one["reasons"]]
    assert all(
        set(reason) == {"code", "severity", "message", "files", "value"} for reason in reasons
    )
    found = {series["kind"]: series for series in answer["series"]}
    assert found["axial"]["verdict"] == "refused"
    assert "GAP" in [reason["code"] for reason in found["axial"]["reasons"]]
    assert found["axial"]["gaps_mm"] == [[8.0, 17], [16.0, 1]]
    assert found["axial"]["spacing_mm"] == [4.0, 4.0, 8.0]
    assert found["nrrd"]["spacing_mm"] == [2.0, 2.0, 3.0]
    assert [other["code"] for other in answer["other"]] == ["NOT_DICOM"]
    assert "letter" not in json.dumps(answer)
    named = json.loads(line("inspect", tmp_path / "scan", "--json", "--paths").out)
    assert [other["path"] for other in named["other"]] == ["letter.txt"]
    assert ["ball.nrrd"] in [series["paths"] for series in named["series"]]


def test_inspect_writes_one_page_in_which_all_text_is_inert(line: Line, tmp_path: Path) -> None:
    folder = tmp_path / "<script>alert(1)</script>"[:8]
    folder.mkdir()
    hu.write(ball_scan(), folder / "ball.nii.gz")
    assert line("inspect", folder, "--html", tmp_path / "page.html", "-q").status == 0
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "script" not in text
    assert "default-src &#x27;none&#x27;" in text or "default-src 'none'" in text
    assert "ball" not in text, "the name of a file may name a patient"
    assert "<td>int16</td>" in text


def test_convert_keeps_every_voxel_and_its_place(line: Line, scan: Path, tmp_path: Path) -> None:
    for name in ("a.nii", "a.nrrd", "a.npy", "a.nii.gz"):
        assert line("convert", scan, tmp_path / name).status == 0
        copy = hu.read(tmp_path / name)
        assert np.array_equal(copy.array, ball_scan().array)
        assert copy.grid.same_as(ball_scan().grid)


def test_convert_like_samples_onto_the_other_grid(line: Line, scan: Path, tmp_path: Path) -> None:
    grid = ball_scan().grid.reoriented("RAS").resampled(spacing_mm=(1.0, 1.0, 1.0))
    hu.write(
        hu.Volume.from_array(np.zeros(grid.shape, np.int16), affine=grid.affine),
        tmp_path / "like.nrrd",
    )
    assert (
        line("convert", scan, tmp_path / "out.nrrd", "--like", tmp_path / "like.nrrd").status == 0
    )
    made = hu.read(tmp_path / "out.nrrd")
    assert made.grid.same_as(grid)
    assert np.allclose(made.array, hu.regrid(ball_scan(), grid).array)


def test_a_dicom_folder_becomes_a_nifti_of_the_same_values(
    line: Line, phantom: Head, tmp_path: Path
) -> None:
    series = write_series(phantom, tmp_path / "scan")
    assert line("convert", tmp_path / "scan", tmp_path / "scan.nii").status == 0
    assert series.truth is not None
    assert np.array_equal(hu.read(tmp_path / "scan.nii").array, series.truth.array)


@pytest.mark.parametrize("verb", ["planes", "montage", "histogram"])
def test_pictures_are_the_librarys_own(verb: str, line: Line, scan: Path, tmp_path: Path) -> None:
    assert line(verb, scan, "-o", tmp_path / "picture.png", "--window", "brain").status == 0
    drawn = {"planes": hu.planes, "montage": hu.montage, "histogram": hu.histogram}[verb](
        hu.read(scan), window="brain"
    )
    assert np.array_equal(np.asarray(Image.open(tmp_path / "picture.png")), drawn.array)


def test_a_window_may_be_center_and_width_and_labels_lie_over_it(
    line: Line, scan: Path, label: Path, tmp_path: Path
) -> None:
    words = (
        "planes",
        scan,
        "-o",
        tmp_path / "picture.png",
        "--window",
        "40,80",
        "--overlay",
        label,
        "--at",
        "0,10,0",
        "--crosshair",
        "--convention",
        "neurological",
    )
    assert line(*words).status == 0
    drawn = hu.planes(
        hu.read(scan),
        window=(40, 80),
        overlay=hu.read(label, quantity="label"),
        at_mm=(0, 10, 0),
        crosshair=True,
        convention="neurological",
    )
    assert np.array_equal(np.asarray(Image.open(tmp_path / "picture.png")), drawn.array)


def test_plan_says_what_the_library_plans_and_touches_nothing(line: Line, scan: Path) -> None:
    plan = hu.preset("isotropic-mip").plan(hu.open(scan))
    assert line("plan", "isotropic-mip", scan).out.strip() == str(plan)
    assert json.loads(line("plan", "isotropic-mip", scan, "--json").out) == json.loads(
        json.dumps({**plan.to_json(), "diagnostics": []})
    )


def test_a_preset_that_is_printed_can_be_changed_and_run(
    line: Line, scan: Path, tmp_path: Path
) -> None:
    text = line("presets", "isotropic-mip").out.replace("1.0", "4.0")
    (tmp_path / "mine.toml").write_text(text)
    assert line("run", tmp_path / "mine.toml", scan, "-o", tmp_path / "out").status == 0
    image = hu.read(tmp_path / "out" / "cases" / "ball" / "image.nii.gz", quantity="unit")
    assert image.grid.spacing_mm == pytest.approx((4, 4, 4))


def test_set_changes_a_step(line: Line, scan: Path, tmp_path: Path) -> None:
    assert (
        line(
            "run",
            "isotropic-mip",
            scan,
            "-o",
            tmp_path / "out",
            "--set",
            "Resample.spacing_mm=3",
            "--set",
            "Slab.slices=1",
            "--format",
            "npy",
        ).status
        == 0
    )
    assert hu.read(
        tmp_path / "out" / "cases" / "ball" / "image.npy", quantity="unit"
    ).grid.spacing_mm == (3, 3, 3)


@pytest.mark.parametrize(
    "options", [(), ("--dtype", "float64")], ids=["as it comes", "another dtype"]
)
def test_a_record_is_a_pipeline(
    line: Line, scan: Path, tmp_path: Path, options: tuple[str, ...]
) -> None:
    line("run", "isotropic-mip", scan, "-o", tmp_path / "out", *options)
    record = tmp_path / "out" / "cases" / "ball" / "record.json"
    assert line("run", record, scan, "-o", tmp_path / "again").status == 0
    again = tmp_path / "again" / "cases" / "ball" / "image.nii.gz"
    assert again.read_bytes() == record.with_name("image.nii.gz").read_bytes()


def test_restore_needs_the_record_and_the_prediction_alone(
    line: Line, scan: Path, tmp_path: Path
) -> None:
    (tmp_path / "crop.toml").write_text(
        '[[steps]]\nstep = "Reorient"\nto = "RAS"\n[[steps]]\nstep = "CropOrPad"\n'
        "shape = [16, 32, 10]\n"
    )
    line("run", tmp_path / "crop.toml", scan, "-o", tmp_path / "out")
    case = tmp_path / "out" / "cases" / "ball"
    np.save(tmp_path / "p.npy", (hu.read(case / "image.nii.gz").array > 500).astype(np.uint8))
    scan.unlink()
    answer = line(
        "restore",
        case / "record.json",
        tmp_path / "p.npy",
        "-o",
        tmp_path / "back.nii.gz",
        "--json",
    )
    assert answer.status == 0
    assert json.loads(answer.out)["quantity"] == "label"
    back = hu.read(tmp_path / "back.nii.gz", quantity="label")
    assert back.grid.same_as(ball_scan().grid)
    assert np.array_equal(back.array, ball_scan().array > 500)


def test_restore_of_another_shape_is_one_line(line: Line, scan: Path, tmp_path: Path) -> None:
    line("run", "isotropic-mip", scan, "-o", tmp_path / "out")
    np.save(tmp_path / "p.npy", np.zeros((3, 4, 5), np.uint8))
    answer = line(
        "restore",
        tmp_path / "out" / "cases" / "ball" / "record.json",
        tmp_path / "p.npy",
        "-o",
        tmp_path / "back.nii.gz",
    )
    assert (answer.status, len(answer.lines)) == (1, 1)
    assert "(3, 4, 5)" in answer.err
    assert not (tmp_path / "back.nii.gz").exists()


def test_demo_on_ones_own_scan_leaves_pictures_volumes_and_records(
    line: Line, phantom: Head, tmp_path: Path
) -> None:
    write_series(phantom, tmp_path / "scan")
    answer = line("demo", tmp_path / "scan", "-o", tmp_path / "demo")
    assert answer.status == 0, answer.err
    assert len(list((tmp_path / "demo" / "pictures").glob("*.png"))) == 5
    for recipe in ("head", "isotropic-mip"):
        assert len(list((tmp_path / "demo" / recipe / "cases").glob("*/record.json"))) == 1
    assert all(str(path) in answer.err for path in (tmp_path / "demo" / "pictures").glob("*.png"))


def test_demo_draws_what_it_was_told_how_to_read(line: Line, phantom: Head, tmp_path: Path) -> None:
    write_series(phantom, tmp_path / "scan", faults=Faults(missing=(6, 7)))
    answer = line("demo", tmp_path / "scan", "--gaps", "fill", "-o", tmp_path / "demo")
    assert answer.status == 0, answer.err
    assert len(list((tmp_path / "demo" / "pictures").glob("*.png"))) == 5


def test_invented_slices_come_as_a_mask_beside_the_image(
    line: Line, phantom: Head, tmp_path: Path
) -> None:
    write_series(phantom, tmp_path / "scan", faults=Faults(missing=(6, 7)))
    (tmp_path / "read.toml").write_text('[[steps]]\nstep = "Reorient"\nto = "LPS"\n')
    assert (
        line("run", tmp_path / "read.toml", tmp_path / "scan", "-o", tmp_path / "out").status == 1
    )
    assert (
        line(
            "run",
            tmp_path / "read.toml",
            tmp_path / "scan",
            "-o",
            tmp_path / "out",
            "--gaps",
            "fill",
        ).status
        == 0
    )
    (path,) = (tmp_path / "out" / "cases").glob("*/mask-interpolated.nii.gz")
    mask = hu.read(path, quantity="mask").array
    assert np.flatnonzero(mask.any(axis=(0, 1))).tolist() == [6, 7]


def test_nothing_of_the_patient_is_in_what_a_run_writes_or_says(
    line: Line, phantom: Head, tmp_path: Path
) -> None:
    from pydicom import dcmread

    series = write_series(phantom, tmp_path / "scan")
    header = dcmread(series.files[0])
    words = {
        str(header[key].value)
        for key in ("PatientName", "PatientID", "StudyInstanceUID", "SeriesInstanceUID")
    }
    answer = line("run", "head", tmp_path / "scan", "-o", tmp_path / "out", "-v", "--json")
    said = answer.out + answer.err + line("inspect", tmp_path / "scan", "--json").out
    written = b"".join(
        path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()
    )
    for word in words - {""}:
        assert word not in said
        assert word.encode() not in written
    assert not any(path.name.encode() in written for path in series.files)
    assert str(tmp_path).encode() not in written


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_tables_fit_a_screen_and_no_color_is_honoured(columns: int, scan: Path) -> None:
    import pty

    environment = {**os.environ, "COLUMNS": str(columns), "NO_COLOR": "1", "TERM": "xterm"}
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "hounsfield", "inspect", str(scan)],
        stdout=theirs,
        stderr=theirs,
        env=environment,
    )
    os.close(theirs)
    text = b""
    try:
        while chunk := os.read(ours, 4096):
            text += chunk
    except OSError:
        pass
    process.wait()
    os.close(ours)
    lines = re.sub(r"\x1b\[[01]m", "", text.decode()).splitlines()
    assert process.returncode == 0
    assert all(len(one) <= columns for one in lines[:3])
    assert "\x1b[3" not in text.decode()
    assert lines[0].startswith("id")


def test_the_regions_of_an_rtstruct_are_labels_by_their_own_names(
    line: Line, real_data: Path, tmp_path: Path
) -> None:
    leg = real_data / "leg_rtstruct_sts001" / "dicom"
    (tmp_path / "read.toml").write_text('[[steps]]\nstep = "Reorient"\nto = "LPS"\n')
    answer = line(
        "run",
        tmp_path / "read.toml",
        leg / "image",
        "--label",
        leg / "mask" / "RS.dcm",
        "-o",
        tmp_path / "out",
    )
    assert answer.status == 0, answer.err
    (path,) = (tmp_path / "out" / "cases").glob("*/label-GTV_Mass_CT.nii.gz")
    assert abs(np.count_nonzero(hu.read(path, quantity="label").array) / 117_145 - 1) < 0.01


def reading_verbs(scan: Path, out: Path, *more: object) -> list[tuple[object, ...]]:
    """Every verb that reads a scan for one answer."""
    label = out / "label.nii.gz"
    return [
        ("convert", scan, out / "x.nii.gz", *more),
        ("planes", scan, "-o", out / "planes.png", *more),
        ("montage", scan, "-o", out / "montage.png", *more),
        ("histogram", scan, "-o", out / "histogram.png", *more),
        ("compare", scan, label, *more),
    ]


def check_reported(line: Line, scan: Path, out: Path, *more: object, repairs: set[str]) -> None:
    """Repairs are lines on stderr, notes lines with -v, and all of them rows with --json."""
    stack = hu.open(scan, gaps="fill")
    notes = {found.message for found in stack.diagnostics if found.severity == "note"}
    assert {found.code for found in stack.diagnostics if found.severity == "repair"} == repairs
    hu.write(ball_label(ball_scan()), out / "label.nii.gz")
    for words in reading_verbs(scan, out, *more):
        plain, full, data = line(*words), line(*words, "-v"), line(*words, "--json")
        for answer in (plain, full):
            assert sum(row.startswith("repair: ") for row in answer.lines) == len(repairs)
        assert not any(note in plain.err for note in notes)
        assert all(note in full.err for note in notes)
        rows = json.loads(data.out)["diagnostics"]
        assert rows == [found.to_json() for found in stack.diagnostics]
        assert "repair: " not in line(*words, "-q").err


def test_verbs_report_what_was_repaired_in_a_phantom_with_a_filled_gap(
    line: Line, phantom: Head, tmp_path: Path
) -> None:
    write_series(phantom, tmp_path / "scan", faults=Faults(missing=(6, 7)))
    check_reported(line, tmp_path / "scan", tmp_path, "--gaps", "fill", repairs={"GAP"})


def test_verbs_report_what_was_repaired_in_a_real_tilted_head(
    line: Line, real_data: Path, tmp_path: Path
) -> None:
    scan = real_data / "head_ge_tilt_varspacing" / "dicom"
    check_reported(line, scan, tmp_path, repairs={"UNEVEN", "TILT"})


def test_a_doubt_is_a_warning_of_a_verb_also_with_quiet(line: Line, tmp_path: Path) -> None:
    scan = ball_scan()
    doubtful = hu.Volume.from_array(scan.array + np.int16(1100), affine=scan.grid.affine)
    hu.write(doubtful, tmp_path / "x.nii")
    answer = line("convert", tmp_path / "x.nii", tmp_path / "y.nii", "-q")
    (found,) = answer.lines
    assert found.startswith("warning: ")
    assert "may not be HU" in found
