"""`inspect` lists labels with their series, broken files and folders; a page names no file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pydicom
import pytest

import hounsfield as hu
from hounsfield.phantom import Faults, Head, grid_about, head, write_series
from tests.cli.conftest import Line, ball_label, ball_scan, line, own_key
from tests.io.dicom.labels.structures import write_structures
from tests.io.dicom.scanner import truth, write

__all__ = ["line", "own_key"]


@pytest.fixture(scope="module")
def small() -> Head:
    """A head of few voxels."""
    return head(grid_about((0, -4, 10), shape=(24, 20, 8), spacing_mm=(10, 10, 12)))


def test_rtstruct_and_seg_are_listed_with_regions_and_series(real_data: Path, line: Line) -> None:
    leg = hu.inspect(real_data / "leg_rtstruct_sts001" / "dicom")
    (series,) = [each for each in leg if each.number is not None]
    (structures,) = [each for each in leg if each.kind == "rtstruct"]
    assert structures.regions == ("GTV_Mass_CT",)
    assert structures.refers_to == series.id
    assert structures.verdict == "ok"
    assert not [each for each in leg.other if each.code == "NO_PIXELS"]
    answer = line("inspect", real_data / "leg_rtstruct_sts001" / "dicom")
    assert f"regions of series {series.id}: GTV_Mass_CT" in answer.out
    found = hu.inspect(real_data / "ct_dicomseg_nrrdseg_dcmqi")
    ids = {each.id for each in found if each.number is not None}
    segmentations = [each for each in found if each.kind == "seg"]
    assert segmentations
    assert {each.refers_to for each in segmentations} <= ids | {""}
    assert "liver" in {name.lower() for each in segmentations for name in each.regions} or all(
        each.regions for each in segmentations
    )


def test_a_region_that_may_name_a_patient_is_called_so_on_the_terminal_alone(
    tmp_path: Path, line: Line
) -> None:
    write(tmp_path / "scan", truth(6))
    write_structures(tmp_path / "rs.dcm", [("liver", []), ("DOE^JANE 1970", [])])
    (structures,) = [each for each in hu.inspect(tmp_path) if each.kind == "rtstruct"]
    assert structures.regions == ("liver", "roi-2")
    assert "regions: liver, DOE^JANE 1970 (roi-2)" in line("inspect", tmp_path).out
    assert "DOE" not in repr(structures) + json.dumps(structures.to_json(paths=True))
    page = tmp_path / "page.html"
    for words in (("--json",), ("--json", "--paths"), ("--json", "-v", "--html", page)):
        answer = line("inspect", tmp_path, *words)
        assert "DOE" not in answer.out + answer.err
    assert "DOE" not in page.read_text()


def test_the_name_of_a_region_cannot_write_to_the_terminal(tmp_path: Path, line: Line) -> None:
    write(tmp_path / "scan", truth(6))
    name = "a\x1b[2Jb\x9b31mc\rd"
    write_structures(tmp_path / "rs.dcm", [(name, [])])
    rows = [row for row in line("inspect", tmp_path).out.splitlines() if "regions:" in row]
    assert len(rows) == 1
    assert rows[0].isprintable()


def test_broken_files_are_in_the_table_and_labels_have_their_size(
    tmp_path: Path, line: Line
) -> None:
    (tmp_path / "a").mkdir()
    hu.write(ball_scan(), tmp_path / "a" / "ball.nii.gz")
    hu.write(ball_label(ball_scan()), tmp_path / "bone.nii.gz")
    (tmp_path / "cut.nii.gz").write_bytes((tmp_path / "a" / "ball.nii.gz").read_bytes()[:900])
    for n in range(3):
        (tmp_path / f"broken{n}.dcm").write_bytes(bytes(128) + b"DICM" + bytes(7))
    answer = line("inspect", tmp_path)
    rows = {
        name: [row for row in answer.out.splitlines() if row.endswith(str(tmp_path / name))]
        for name in ("cut.nii.gz", "bone.nii.gz", "a/ball.nii.gz", "broken0.dcm and 2 more")
    }
    assert {name: len(found) for name, found in rows.items()} == dict.fromkeys(rows, 1)
    verdicts = {name: found[0].split(str(tmp_path))[0].split()[-1] for name, found in rows.items()}
    assert list(verdicts.values()) == ["refused", "doubtful", "ok", "refused"]
    assert "24 x 20 x 12" in rows["bone.nii.gz"][0]
    assert line("inspect", tmp_path, "--strict").status == 1


def test_the_path_as_typed_is_on_the_terminal_and_in_json_on_request(
    small: Head, tmp_path: Path, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_series(small, tmp_path / "SECRET" / "one")
    write_series(small, tmp_path / "SECRET" / "two", faults=Faults(duplicated=(2,)), seed=2)
    monkeypatch.chdir(tmp_path)
    answer = line("inspect", "SECRET")
    assert "SECRET/one" in answer.out
    assert "SECRET/two" in answer.out
    assert "SECRET" not in line("inspect", "SECRET", "--json").out
    named = json.loads(line("inspect", "SECRET", "--json", "--paths").out)
    assert {each["paths"][0].split("/")[0] for each in named["series"]} == {"one", "two"}


def test_a_page_names_no_path_and_no_file(small: Head, tmp_path: Path, line: Line) -> None:
    folder = tmp_path / "DOE_JANE"
    write_series(small, folder / "SMITH", faults=Faults(missing=(4,), duplicated=(2,)))
    for file in sorted((folder / "SMITH").rglob("*")):
        if file.is_file():
            file.rename(file.with_name(f"MILLER-{file.name}"))
    hu.write(ball_scan(), folder / "MILLER.nii.gz")
    (folder / "MILLER2.nii.gz").write_bytes(b"\x1f\x8b")
    assert line("inspect", folder, "--html", tmp_path / "page.html").status == 0
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "GAP" in text
    assert not [name for name in ("DOE", "SMITH", "MILLER", str(tmp_path)) if name in text]


def test_a_line_break_in_a_name_forges_no_line(tmp_path: Path, line: Line) -> None:
    forged = "x\nerror: forged"
    folder = tmp_path / forged
    folder.mkdir()
    hu.write(ball_scan(), folder / f"{forged}.nii.gz")
    (folder / f"{forged}.txt").write_text("letter")
    (folder / f"{forged}.nrrd").write_bytes(b"NRRD0004\n")
    (folder / f"{forged}.dcm").write_bytes(bytes(128) + b"DICM" + bytes(7))
    commands = (
        ("inspect", folder),
        ("inspect", folder, "-v"),
        ("convert", folder / f"{forged}.nii.gz", tmp_path / f"{forged}.nii", "-v"),
        ("run", "bone", folder, "-o", tmp_path / f"o{forged}", "-v"),
        ("planes", folder / f"{forged}.nii.gz", "-o", tmp_path / f"{forged}.png"),
    )
    for words in commands:
        answer = line(*words)
        lines = [*answer.out.splitlines(), *answer.lines]
        assert not [each for each in lines if each.startswith("error: forged")], words


@pytest.mark.parametrize(
    ("fault", "words", "verdict"),
    [
        (Faults(missing=(4,)), (), "refused"),
        (Faults(missing=(4,)), ("--gaps", "fill"), "repairable"),
        (Faults(tilt_deg=10.0), (), "repairable"),
        (Faults(tilt_deg=10.0), ("--tilt", "refuse"), "refused"),
        (Faults(rescale="absent"), (), "refused"),
        (Faults(rescale="absent"), ("--assume", "hu"), "repairable"),
    ],
)
def test_options_change_the_verdict_as_they_change_reading(
    small: Head, tmp_path: Path, line: Line, fault: Faults, words: tuple[str, ...], verdict: str
) -> None:
    write_series(small, tmp_path / "scan", faults=fault)
    (series,) = json.loads(line("inspect", tmp_path / "scan", "--json", *words).out)["series"]
    assert series["verdict"] == verdict
    done = line("convert", tmp_path / "scan", tmp_path / "x.nii", *words)
    assert (done.status != 0) == (verdict == "refused")


def test_a_kernel_of_free_text_is_hidden(tmp_path: Path) -> None:
    names = ("B30f", "DOE^JANE", "Doe, born 1970", "<script>")
    for n, name in enumerate(names):

        def named(data: pydicom.Dataset, k: int, name: str = name) -> None:
            data.ConvolutionKernel = name

        write(tmp_path / f"{n}", truth(4, seed=n), change=named)
    assert [hu.inspect(tmp_path / f"{n}")[0].kernel for n in range(4)] == [
        "B30f",
        "other",
        "other",
        "other",
    ]


def test_values_of_dicom_are_checked_on_request(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(-(1 << 15), 1 << 15, (5, 40, 40)).astype(np.int16)
    write(tmp_path, noise)
    assert hu.inspect(tmp_path)[0].verdict == "ok"
    (report,) = hu.inspect(tmp_path, values=True)
    assert report.verdict == "doubtful"
    assert "NOT_HU" in {each.code for each in report.reasons}
