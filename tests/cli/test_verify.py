"""`hounsfield verify`: every change of an output is found, and nothing is written into OUT."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import hounsfield as hu
from hounsfield.dataset import run_case as run_case_module
from tests.cli.conftest import Line, ball_scan

RUN = ("run", "isotropic-mip")


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of linkage files."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture
def out(line: Line, tmp_path: Path, state: Path) -> Path:
    """The outputs of two scans."""
    (tmp_path / "scans").mkdir()
    for name in ("a", "b"):
        hu.write(ball_scan(), tmp_path / "scans" / f"{name}.nii.gz")
    assert line(*RUN, tmp_path / "scans", "-o", tmp_path / "out").status == 0
    return tmp_path / "out"


def contents(folder: Path) -> dict[Path, tuple[bytes, int]]:
    """The bytes and dates of all files."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def findings(line: Line, out: Path, *words: object) -> list[tuple[str, str, str]]:
    """Case, file and code of what differs."""
    answer = line("verify", out, "--json", *words)
    found = json.loads(answer.out)["findings"]
    assert answer.status == (1 if found else 0), answer.err
    assert str(out) not in answer.out
    return [(each["case"], each["file"], each["code"]) for each in found]


def test_outputs_as_they_were_written_are_verified_and_unchanged(line: Line, out: Path) -> None:
    before = contents(out)
    answer = line("verify", out, "--json")
    assert answer.status == 0
    data = json.loads(answer.out)
    assert (data["cases"], data["files"], data["computed_again"]) == (2, 6, ["a", "b"])
    assert contents(out) == before
    assert json.loads(line("verify", out, "--sample", "1", "--json").out)["computed_again"] in (
        ["a"],
        ["b"],
    )


@pytest.mark.parametrize("name", ["image.nii.gz", "preview.png", "record.json"])
@pytest.mark.parametrize("how", ["one bit", "removed"])
def test_a_file_that_is_damaged_is_named_by_its_case(
    name: str, how: str, line: Line, out: Path
) -> None:
    path = out / "cases" / "b" / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.unlink() if how == "removed" else path.write_bytes(data)
    assert findings(line, out, "--sample", "0") == [("b", name, "OUTPUT_CHANGED")]
    assert f"error: b/{name}: " in line("verify", out, "--sample", "0").err


def test_a_record_that_was_made_to_fit_is_found_by_the_manifest(line: Line, out: Path) -> None:
    path = out / "cases" / "a" / "record.json"
    path.write_text(path.read_text().replace('"dtype": "float32"', '"dtype": "float64"'))
    assert findings(line, out, "--sample", "0") == [("a", "record.json", "OUTPUT_CHANGED")]


def test_a_case_that_gives_other_bytes_is_found(
    line: Line, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = run_case_module.write_stream

    def other(stream: object, folder: Path, **more: object) -> dict[str, str]:
        found = plain(stream, folder, **more)  # type: ignore[arg-type]
        return {**found, "image.nii.gz": "0" * 64}

    monkeypatch.setattr(run_case_module, "write_stream", other)
    assert findings(line, out) == [
        ("a", "image.nii.gz", "NOT_REPRODUCED"),
        ("b", "image.nii.gz", "NOT_REPRODUCED"),
    ]


def test_a_source_that_has_changed_is_found(line: Line, out: Path, tmp_path: Path) -> None:
    hu.write(
        hu.Pipeline([hu.Clip(low_hu=0, high_hu=9)]).run(ball_scan()).volume, tmp_path / "x.nii.gz"
    )
    shutil.copy(tmp_path / "x.nii.gz", tmp_path / "scans" / "a.nii.gz")
    assert findings(line, out) == [("a", "", "OTHER_SOURCE")]


def test_sources_are_found_by_the_linkage_file_or_named(
    line: Line, out: Path, tmp_path: Path, state: Path
) -> None:
    (tmp_path / "scans").rename(tmp_path / "moved")
    codes = {code for _, _, code in findings(line, out)}
    assert codes == {"MISSING_FILE"}
    assert findings(line, out, tmp_path / "moved") == []
    shutil.rmtree(state)
    answer = line("verify", out)
    assert answer.status == 0
    assert "warning: no case was computed again: the run has no linkage file" in answer.err
    answer = line("verify", out, "--sample", "1")
    assert (answer.status, len(answer.lines)) == (1, 1)
    (tmp_path / "moved" / "a.nii.gz").rename(tmp_path / "moved" / "other.nii.gz")
    assert findings(line, out, tmp_path / "moved") == []


def test_labels_are_computed_again_where_they_are_named(
    line: Line, scan: Path, label: Path, tmp_path: Path, state: Path
) -> None:
    out = tmp_path / "labelled"
    assert line(*RUN, scan, "-o", out, "--label", f"bone={label}").status == 0
    answer = line("verify", out)
    assert answer.status == 0, answer.err
    assert "warning: the labels or points of 1 case were not computed again" in answer.err
    answer = line("verify", out, "--label", f"bone={label}")
    assert (answer.status, "warning" in answer.err) == (0, False)


WARNING = "warning: the labels or points of 1 case were not computed again"


def test_labels_and_points_of_a_table_are_computed_again_from_the_table(
    line: Line, scan: Path, label: Path, tmp_path: Path, state: Path
) -> None:
    table, out = tmp_path / "cases.csv", tmp_path / "out"
    (tmp_path / "own.csv").write_text("label,x,y,z\ntip,1,2,3\n")
    table.write_text(f"image,label_bone,points\n{scan},{label},own.csv\n")
    assert line(*RUN, table, "-o", out, "--frame", "lps").status == 0
    answer = line("verify", out)
    assert (answer.status, WARNING in answer.err) == (0, True), answer.err
    answer = line("verify", out, table)
    assert (answer.status, "warning" in answer.err) == (0, False), answer.err
    (tmp_path / "own.csv").write_text("label,x,y,z\ntip,1,2,4\n")
    case = next((out / "cases").iterdir()).name
    assert findings(line, out, table) == [(case, "points.csv", "NOT_REPRODUCED")]


def test_points_of_all_cases_are_computed_again_where_they_are_named(
    line: Line, scan: Path, tmp_path: Path, state: Path
) -> None:
    points, out = tmp_path / "points.csv", tmp_path / "out"
    points.write_text(f"id,label,x,y,z\n{scan.name.split('.')[0]},tip,1,2,3\n")
    assert line(*RUN, scan, "-o", out, "--frame", "lps", "--points", points).status == 0
    answer = line("verify", out)
    assert (answer.status, WARNING in answer.err) == (0, True), answer.err
    answer = line("verify", out, "--points", points)
    assert (answer.status, "warning" in answer.err) == (0, False), answer.err


def test_labels_that_a_map_names_are_computed_again_by_the_map_of_the_run(
    line: Line, real_data: Path, tmp_path: Path, state: Path
) -> None:
    folder, out = real_data / "ct_dicomseg_nrrdseg_dcmqi", tmp_path / "out"
    sources = (folder / "ct-3slice", folder / "liver.dcm")
    assert line("run", "bone", *sources, "-o", out, "--labels", "organ=li.*").status == 0
    answer = line("verify", out)
    assert (answer.status, WARNING in answer.err) == (0, True), answer.err
    answer = line("verify", out, *sources)
    assert (answer.status, "warning" in answer.err) == (0, False), answer.err
    other = tmp_path / "unmatched"
    assert line("run", "bone", *sources, "-o", other, "--labels", "organ=x").status == 0
    answer = line("verify", other)
    assert (answer.status, WARNING in answer.err) == (0, True), answer.err
    answer = line("verify", other, *sources)
    assert (answer.status, "warning" in answer.err) == (0, False), answer.err


@pytest.mark.parametrize("words", [("--dtype", "float64"), ("--format", "png")])
def test_formats_dtypes_and_real_scans_are_computed_again(
    words: tuple[str, ...], line: Line, real_data: Path, tmp_path: Path, state: Path
) -> None:
    source = real_data / "head_ge_tilt_varspacing" / "dicom"
    pipeline = tmp_path / "coarse.toml"
    steps = [hu.Reorient(), hu.Resample(spacing_mm=8.0)]
    pipeline.write_text(hu.Pipeline(steps).to_toml())
    run = line("run", pipeline, source, "-o", tmp_path / "real", *words)
    assert run.status == 0, run.err
    sources = (source,) if "png" in words else ()  # else those of the linkage file
    assert findings(line, tmp_path / "real", *sources, "--sample", "1") == []
