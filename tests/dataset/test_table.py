"""A CSV file of cases: each row is used as it is written, or is listed with its line."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hounsfield.cli.main import run_line
from hounsfield.core.errors import HounsfieldError
from hounsfield.dataset.discover import Discovery, discover
from hounsfield.dataset.layouts import table as module
from hounsfield.dataset.layouts.table import read_table


def table(folder: Path, text: str, *, name: str = "cohort.csv") -> Discovery:
    (folder / name).write_text(text, encoding="utf-8", newline="")
    return discover([str(folder / name)])


def reasons(found: Discovery) -> dict[str, str]:
    return {one.where: one.message for one in found.missed}


def test_all_columns_reach_the_case(scans: Path) -> None:
    shutil.copy(scans / "c-3.nii.gz", scans / "liver.nii.gz")
    (scans / "points.csv").write_text("id,label,x,y,z\n")
    text = (
        "Image,label_Liver,label,id,patient,split,points\n"
        "anna.nii.gz,liver.nii.gz,b_2.nii.gz,case-1,MRN 77,train,points.csv\n"
    )
    (case,) = table(scans, text).cases
    assert (case.id, case.split, case.path) == ("case-1", "train", scans / "anna.nii.gz")
    assert {each.name: each.path.name for each in case.labels} == {
        "Liver": "liver.nii.gz",
        "label": "b_2.nii.gz",
    }
    assert case.points == scans / "points.csv"
    assert case.patient.startswith("p-")
    assert len(case.patient) == 14
    assert "77" not in case.patient


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_separators_marks_and_line_ends_change_nothing(
    scans: Path, separator: str, mark: str, end: str
) -> None:
    rows = [("image", "id", "split"), ("anna.nii.gz", "one", ""), ("", "", ""), ("b_2.nii.gz",) * 3]
    rows[3] = ("b_2.nii.gz", "two", "test")
    found = table(scans, mark + end.join(separator.join(row) for row in rows))
    assert [(case.id, case.split) for case in found.cases] == [("one", ""), ("two", "test")]
    assert not found.missed


def test_paths_are_relative_to_the_table_wherever_it_is_run(
    scans: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (scans / "a.csv").write_text("image\nanna.nii.gz\n")
    monkeypatch.chdir(scans.parent)
    (case,) = discover([os.path.join("scans", "a.csv")]).cases
    assert case.typed == os.path.join("scans", "anna.nii.gz")
    assert case.id == "anna"


def test_each_bad_row_has_its_line_and_the_others_run(scans: Path) -> None:
    text = (
        "image,id,label,split\n"  # 1
        "anna.nii.gz,ok,,\n"
        "gone.nii.gz,b,,\n"  # 3
        "b_2.nii.gz,a b,,\n"
        "b_2.nii.gz,c,gone.nii.gz,\n"  # 5
        "b_2.nii.gz,d\n"
        ",e,,\n"  # 7
        "b_2.nii.gz,same,,\n"
        "c-3.nii.gz,SAME,,\n"  # 9
        "b_2.nii.gz,f,,a/b\n"
        f"{'x' * 999},g,,\n"  # 11
    )
    found = table(scans, text)
    assert [case.id for case in found.cases] == ["ok"]
    assert reasons(found) == {
        "line 3": "image: no such file or folder",
        "line 4": "id is not 1 to 40 letters, digits, _ or -, or is a reserved name",
        "line 5": "label: no such file or folder",
        "line 6": "2 cells; expected 4 as in the header",
        "line 7": "the image is missing",
        "line 8": "the id is that of line 9 too; ids must differ",
        "line 9": "the id is that of line 8 too; ids must differ",
        "line 10": "split is not 1 to 40 letters, digits, _ or -, or is a reserved name",
        "line 11": "image: no such file or folder",
    }
    assert {one.code for one in found.missed} == {"BAD_ROW"}
    assert not any("gone" in one.message for one in found.missed)  # messages go into JSON


def test_a_quoted_cell_of_several_lines_keeps_the_line_numbers(scans: Path) -> None:
    found = table(scans, 'image,id\n"anna\n.nii.gz",a\nno.nii.gz,b\n')
    assert list(reasons(found)) == ["line 3", "line 4"]


def test_an_image_twice_needs_ids(scans: Path) -> None:
    found = table(scans, "image,id\nanna.nii.gz,one\nanna.nii.gz,two\nanna.nii.gz,\n")
    assert [case.id for case in found.cases] == ["one", "two"]
    assert list(reasons(found)) == ["line 4"]


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("imgae,id", "unknown column 'imgae'; .* did you mean 'image'"),
        ("image,age", "unknown column 'age'; expected image, label, id, patient"),
        ("image,label_a b", "unknown column 'label_a b'"),
        ("image,id,ID", "two columns are called 'id'"),
        ("image,label_liver,label_Liver", "two columns are called 'liver'"),
        ("image,label,label_label", "two columns are called 'label'"),
        ("id,label", "no column 'image'"),
        ("b_2.nii.gz,y", "unknown column 'b_2.nii.gz'"),
        ("image," * 250, "columns; expected at most"),
    ],
)
def test_a_bad_header_is_one_line(scans: Path, header: str, message: str) -> None:
    (scans / "a.csv").write_text(f"{header}\nanna.nii.gz,x\n")
    with pytest.raises(OSError, match=message):
        read_table(scans / "a.csv", "a.csv")


def test_tables_are_bounded(scans: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (scans / "a.csv").write_text("image\n" + "anna.nii.gz\n" * 3)
    monkeypatch.setattr(module, "MOST_ROWS", 2)
    with pytest.raises(OSError, match="more than 2 rows"):
        read_table(scans / "a.csv", "a.csv")
    monkeypatch.setattr(module, "LARGEST_BYTES", 20)
    with pytest.raises(OSError, match="too large"):
        read_table(scans / "a.csv", "a.csv")


def test_ids_of_a_table_are_hashed_on_request_and_never_clash_with_stems(scans: Path) -> None:
    (scans / "a.csv").write_text("image,id\nanna.nii.gz,b_2\n")
    both = discover([str(scans / "a.csv"), str(scans / "b_2.nii.gz")])
    assert len({case.id for case in both.cases}) == 2
    assert "b_2" in {case.id for case in both.cases if case.path.name == "anna.nii.gz"}
    (hashed,) = discover([str(scans / "a.csv")], ids="hash").cases
    assert hashed.id.startswith("c-")


def test_a_table_runs_with_its_labels_and_a_bad_row_fails_the_run(
    scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import numpy as np

    import hounsfield as hu

    image = hu.read(scans / "anna.nii.gz")
    made = (image.array > 200).astype(np.uint8)
    label = hu.Volume.from_array(made, affine=image.affine, quantity="label")
    hu.write(label, scans / "bone.nii.gz")
    (scans / "a.csv").write_text("image,label_bone,id\nanna.nii.gz,bone.nii.gz,x1\nno.nii.gz,,x2\n")
    out = tmp_path / "out"
    assert run_line(["run", "isotropic-mip", str(scans / "a.csv"), "-o", str(out)]) == 1
    assert (out / "cases" / "x1" / "label-bone.nii.gz").is_file()
    printed = capsys.readouterr().err
    assert "a.csv: line 3: image: no such file or folder" in printed


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.one_of(st.binary(max_size=300), st.text('imagedlbp,;\t"\n\r\0_x ', max_size=200)))
def test_any_bytes_give_rows_or_our_error(tmp_path: Path, data: bytes | str) -> None:
    path = tmp_path / "any.csv"
    path.write_bytes(data if isinstance(data, bytes) else b"image,id,label\n" + data.encode())
    problem = ""
    try:
        read_table(path, "any.csv")
    except HounsfieldError as error:
        problem = str(error)
    assert "\n" not in problem
