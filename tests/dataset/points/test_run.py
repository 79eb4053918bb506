"""Points of a CSV come out of a run in voxels of each output and in mm, wherever they are."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hounsfield as hu
from hounsfield.core.errors import PipelineError
from hounsfield.dataset.discover import discover
from hounsfield.dataset.points.read import Frame, read_points
from hounsfield.dataset.run import run_dataset
from hounsfield.dataset.run_config import RunConfig
from tests.cli.conftest import Line, line, own_key

__all__ = ["line", "own_key"]

AFFINE = np.array([[-2.0, 0, 0, 20], [0, -2, 0, 30], [0, 0, 3, -15], [0, 0, 0, 1]])
AT = (5, 8, 7)
"""The bright voxel of the scan."""

WORLD = (20.0 - 2 * 5, 30.0 - 2 * 8, -15.0 + 3 * 7)
TURN = hu.Pipeline([hu.Reorient(to="RAS"), hu.Resample(spacing_mm=1.5)], name="turn")


def scan() -> hu.Volume:
    array = np.full((16, 18, 12), -1000, np.int16)
    array[AT] = 2000
    return hu.Volume.from_array(array, affine=AFFINE)


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """A folder of two scans."""
    (tmp_path / "scans").mkdir()
    for name in ("a", "b"):
        hu.write(scan(), tmp_path / "scans" / f"{name}.nii.gz")
    return tmp_path / "scans"


def table(path: Path, rows: Sequence[str], head: str = "id,label,x,y,z") -> Path:
    path.write_text("\n".join([head, *rows]) + "\n")
    return path


def run(scans: Path, points: Path, frame: Frame | None, **more: object) -> hu.Summary:
    options = {"pipeline": TURN, "out": scans.parent / "out", **more}
    return hu.run(
        options.pop("pipeline"),
        scans,
        options.pop("out"),
        workers=1,
        linkage=False,
        points=points,
        frame=frame,
        **options,
    )


def rows_of(out: Path, case: str) -> list[dict[str, str]]:
    with (out / "cases" / case / "points.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def brightest(path: Path) -> np.ndarray:
    array = hu.read(path, assume="hu").array
    return np.array(np.unravel_index(int(array.argmax()), array.shape))


def index_of(row: dict[str, str]) -> np.ndarray:
    return np.array([float(row[name]) for name in "ijk"])


@pytest.mark.parametrize("frame", ["ras", "lps"])
def test_a_point_is_where_the_output_shows_it_in_either_frame(scans: Path, frame: Frame) -> None:
    x, y, z = WORLD if frame == "ras" else (-WORLD[0], -WORLD[1], WORLD[2])
    points = table(scans.parent / "p.csv", [f"a,tip,{x},{y},{z}", f"b,other,{x},{y},{z}"])
    out = scans.parent / "out"
    assert run(scans, points, frame).counts["done"] == 2
    (row,) = rows_of(out, "a")
    assert (row["id"], row["label"], row["inside"], row["slice"]) == ("a", "tip", "yes", "")
    assert tuple(float(row[name]) for name in ("x_mm", "y_mm", "z_mm")) == WORLD
    image = hu.open(out / "cases/a/image.nii.gz")
    assert np.abs(index_of(row) - brightest(out / "cases/a/image.nii.gz")).max() <= 0.5001
    assert np.allclose(image.grid.world(index_of(row)), WORLD, atol=1e-3)
    record = json.loads((out / "cases/a/record.json").read_text())
    text = (out / "cases/a/points.csv").read_bytes()
    assert record["outputs"]["points.csv"] == hashlib.sha256(text).hexdigest()


def test_boxes_have_the_size_of_the_output_and_cut_ones_are_kept(scans: Path) -> None:
    head = "ID,Label,x,y,z,size_x,size_y,size_z"
    x, y, z = WORLD
    rows = [f"a,in,{x},{y},{z},6,3,1.5", f"a,cut,{x},{y},-15,2,2,9", "a,out,500,0,0,,,"]
    points = table(scans.parent / "p.csv", rows, head)
    with pytest.warns(hu.HounsfieldWarning, match=r"POINT_OUTSIDE \(1\)"):
        (case, _) = run(scans, points, "ras").cases
    assert case.warnings == ("POINT_OUTSIDE",)
    found = rows_of(scans.parent / "out", "a")
    assert [row["inside"] for row in found] == ["yes", "part", "no"]
    sizes = [[row[f"size_{axis}"] for axis in "ijk"] for row in found]
    assert sizes == [["4.0000", "2.0000", "1.0000"], ["1.3333", "1.3333", "6.0000"], [""] * 3]
    assert found[0]["size_x_mm"] == "6.0000"
    assert not (scans.parent / "out/cases/b/points.csv").exists()


def test_slices_have_their_numbers(scans: Path) -> None:
    points = table(scans.parent / "p.csv", ["a,tip,{},{},{}".format(*WORLD), "a,far,0,0,900"])
    split = hu.Pipeline([hu.Reorient(to="RAS"), hu.SplitSlices(plane="coronal")])
    with pytest.warns(hu.HounsfieldWarning, match="POINT_OUTSIDE"):
        run(scans, points, "ras", pipeline=split)
    tip, far = rows_of(scans.parent / "out", "a")
    files = sorted((scans.parent / "out/cases/a/image").iterdir())
    shown = [n for n, path in enumerate(files) if hu.read(path, assume="hu").array.max() == 2000]
    assert [int(tip["slice"])] == shown
    assert far["slice"] == ""


def test_a_changed_point_or_frame_runs_its_case_again_and_no_other(scans: Path) -> None:
    points = table(scans.parent / "p.csv", ["a,tip,1,2,3", "b,tip,0,0,3"])
    assert run(scans, points, "ras").counts["done"] == 2
    assert run(scans, points, "ras").counts["skipped"] == 2
    summary = run(scans, points, "lps")  # b's point is on the axis: the same in both frames
    assert {case.id: case.status for case in summary.cases} == {"a": "done", "b": "skipped"}
    table(points, ["a,tip,1,2,3", "b,tip,0,0,4"])
    summary = run(scans, points, "lps")
    assert {case.id: case.status for case in summary.cases} == {"a": "skipped", "b": "done"}


def test_a_point_of_an_unknown_case_is_named_on_the_terminal_alone(scans: Path, line: Line) -> None:
    points = table(scans.parent / "p.csv", ["a,tip,1,2,3", "DOE,tip,0,0,3"])
    (scans.parent / "turn.toml").write_text(TURN.to_toml())
    words = ["run", scans.parent / "turn.toml", scans, "--points", points, "--no-linkage"]
    answer = line(*words, "--frame", "ras", "-o", scans.parent / "out", "--json")
    assert answer.status == 0
    assert "1 point is of 1 unknown case; ignored: DOE [POINTS_WITHOUT_CASE]" in answer.err
    assert [each["code"] for each in answer.summary["findings"]] == ["POINTS_WITHOUT_CASE"]
    assert "DOE" not in answer.out


BAD = {
    "label,x,y\na,1,2": "column z is missing",
    "id,label,x,y,z,w\na,b,1,2,3,4": "unknown or repeated column",
    "id,label,x,y,z,size_x\na,b,1,2,3,4": "only size_x of",
    "id,label,x,y,z\na,b,1,2": "line 2: 4 cells; expected 5",
    "id,label,x,y,z\na,b,1,2,3\na,b,nan,2,3": "line 3: x is not within",
    "id,label,x,y,z\na,b,1,two,3": "line 2: y is not a number in mm",
    "id,label,x,y,z\na,=1+1,1,2,3": "line 2: label is not 1 to 40 letters",
    "id,label,x,y,z,size_x,size_y,size_z\na,b,1,2,3,1,,1": "line 2: size_y is not a number",
    "id,label,x,y,z,size_x,size_y,size_z\na,b,1,2,3,1,0,1": "line 2: a size is not positive",
    'id,label,x,y,z\na,"b"c,1,2,3': "line 2: invalid CSV",
    "label,x,y,z\nb,1,2,3": "no case id",
    "": "the file is empty",
}


@pytest.mark.parametrize("text", BAD)
def test_a_bad_file_is_one_line_and_status_2(scans: Path, line: Line, text: str) -> None:
    path = scans.parent / "p.csv"
    path.write_text(text)
    words = ("run", "isotropic-mip", scans, "--points", path, "-o", scans.parent / "out")
    answer = line(*words, "--frame", "lps")
    assert answer.status == 2
    assert len(answer.lines) == 1
    assert BAD[text] in answer.lines[0]
    assert not (scans.parent / "out").exists()


def test_points_without_a_frame_are_refused(scans: Path, line: Line) -> None:
    points = table(scans.parent / "p.csv", ["a,tip,1,2,3"])
    answer = line("run", "isotropic-mip", scans, "--points", points, "-o", scans.parent / "out")
    assert answer.status == 2
    assert "--frame ras or --frame lps" in answer.err
    missing = scans.parent / "none.csv"
    with pytest.raises(hu.ReadError, match=r"none\.csv"):
        run(scans, missing, "ras")


def test_a_case_may_have_a_file_of_its_own(scans: Path) -> None:
    own = table(scans.parent / "own.csv", ["tip,1,2,3"], "label,x,y,z")
    wrong = table(scans.parent / "wrong.csv", ["a,tip,1,2,3"])
    files = {"a": own, "b": wrong}
    cases = [replace(case, points=files[case.id]) for case in discover([str(scans)]).cases]
    config = RunConfig(pipeline=TURN, out=scans.parent / "out", frame="lps")
    found = {case.id: (case.status, case.code) for case in run_dataset(config, cases).cases}
    assert found == {"a": ("done", ""), "b": ("failed", "POINTS")}
    (row,) = rows_of(scans.parent / "out", "a")
    assert [row[name] for name in ("x_mm", "y_mm", "z_mm")] == ["-1.0000", "-2.0000", "3.0000"]


def test_a_file_with_a_byte_order_mark_and_empty_lines_is_read(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_bytes("\ufefflabel, X ,y,z\r\n\r\ntip, 1.5 ,-0,3\r\n".encode())
    ((case_id, point),) = read_points(path, frame="lps")
    assert (case_id, point.label, point.size_mm) == ("", "tip", None)
    assert point.position_ras_mm == (-1.5, 0.0, 3.0)
    (tmp_path / "p.csv").write_bytes(b"label,x,y,z\n" * (6 << 20))
    with pytest.raises((PipelineError, hu.ReadError)):
        read_points(path, frame="lps")


CELLS = st.sampled_from(
    [*',\n\r"\0', "id", "label", "x", "y", "z", "tip", "1", "-2.5e3", "nan", "1e999"]
)


@given(st.lists(CELLS, max_size=30).map("".join), st.booleans())
def test_any_text_is_points_or_our_error_in_one_line(
    tmp_path_factory: pytest.TempPathFactory, text: str, has_head: bool
) -> None:
    file = tmp_path_factory.getbasetemp() / "any.csv"
    file.write_text(("label,x,y,z\n" if has_head else "") + text)
    message = ""
    try:
        for _, point in read_points(file, frame="lps"):
            assert np.isfinite(point.position_ras_mm).all()
    except PipelineError as error:
        message = str(error)
    assert "\n" not in message


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_points_have_the_separators_of_a_table(tmp_path: Path, separator: str) -> None:
    rows = [["id", "label", "x", "y", "z"], ["a", "tip", "1.5", "-2", "3"]]
    (tmp_path / "p.csv").write_text("\n".join(separator.join(row) for row in rows))
    ((case, point),) = read_points(tmp_path / "p.csv", frame="ras")
    assert (case, point.position_ras_mm) == ("a", (1.5, -2.0, 3.0))
