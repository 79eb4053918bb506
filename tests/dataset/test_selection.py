"""`--select` runs one series of each study, and prints which and why before it runs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import hounsfield as hu
from hounsfield.cli.main import run_line
from hounsfield.core.errors import HounsfieldWarning, PipelineError
from hounsfield.dataset.discover import discover
from hounsfield.dataset.select.grammar import parse_rules
from tests.dataset.conftest import noisy
from tests.dataset.label_objects import headers, write_rtstruct
from tests.dataset.series import part, small_head

SERIES = {"soft5": ("B30f", 5), "soft1": ("B30f", 1), "sharp1": ("B70f", 1), "odd1": ("XYZ", 1)}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two studies of four series each."""
    folder, head = tmp_path_factory.mktemp("made"), small_head()
    for study in ("one", "two"):
        for n, (name, (kernel, thickness)) in enumerate(SERIES.items()):
            number = f"{len(study)}{ord(study[0])}"
            part(
                head,
                folder / study / name,
                Manufacturer="SIEMENS",
                ConvolutionKernel=kernel,
                SliceThickness=thickness,
                StudyInstanceUID=f"1.2.{number}",
                SeriesInstanceUID=f"1.2.{number}.{n}",
            )
    return folder


@pytest.fixture
def studies(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "studies"))


def folders(source: Path, rules: str) -> list[str]:
    found = discover([str(source)], select=parse_rules(rules))
    return sorted(f"{case.path.parent.name}/{case.path.name}" for case in found.cases)


def test_one_series_of_each_study_is_chosen(studies: Path) -> None:
    assert folders(studies, "kernel=soft, prefer=thinnest") == ["one/soft1", "two/soft1"]
    assert folders(studies, "kernel=sharp") == ["one/sharp1", "two/sharp1"]
    assert folders(studies, "kernel_name~xy*") == ["one/odd1", "two/odd1"]
    assert folders(studies, "prefer=soft|thickest") == ["one/soft5", "two/soft5"]


def test_series_of_one_study_in_several_sources_are_one_study(studies: Path) -> None:
    sources = [str(path) for path in (studies / "one").iterdir()]
    found = discover(sources, select=parse_rules("kernel=soft, prefer=thinnest"))
    assert [case.path.name for case in found.cases] == ["soft1"]


def test_the_table_is_printed_and_is_in_the_json(
    studies: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["run", "isotropic-mip", str(studies), "-o", str(tmp_path / "out")]
    assert run_line([*words, "--select", "kernel=soft, prefer=thinnest", "--json"]) == 0
    printed = capsys.readouterr()
    lines = printed.err.splitlines()
    first_done = next(n for n, line in enumerate(lines) if " done in " in line)
    rows = [n for n, line in enumerate(lines) if " chosen " in line or " rejected " in line]
    assert len(rows) == 9  # and the heading
    assert max(rows) < first_done
    assert "kernel sharp (not kernel=soft)" in printed.err
    data = json.loads(printed.out.splitlines()[-1])["selection"]
    assert len(data) == 8
    assert sum(row["chosen"] for row in data) == 2
    assert len({row["study"] for row in data}) == 2
    assert str(studies) not in printed.out
    assert not any(name in printed.out for name in SERIES)
    before = [(row["id"], row["chosen"], row["reason"]) for row in data]
    shutil.move(studies, studies.with_name("moved"))
    found = discover(
        [str(studies.with_name("moved"))], select=parse_rules("kernel=soft, prefer=thinnest")
    )
    after = [(each.candidate.id, each.is_chosen, each.reason) for each in found.choices]
    assert before == after


def test_a_tie_and_a_study_without_a_match_are_listed(
    studies: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(studies / "two" / "soft5")
    out = str(tmp_path / "out")
    words = ["run", "isotropic-mip", str(studies), "-o", out, "--json", "--select"]
    assert run_line([*words, "kernel=soft"]) == 1
    printed = capsys.readouterr()
    data = json.loads(printed.out.splitlines()[-1])
    assert [one["code"] for one in data["missed"]] == ["TIED_SERIES"]
    assert data["counts"]["done"] == 1
    assert "2 series of one study match" in printed.err
    shutil.rmtree(studies / "two" / "sharp1")
    assert run_line([*words, "kernel=sharp"]) == 1
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert [one["code"] for one in last["missed"]] == ["NO_MATCH"]
    assert run_line([*words, "slices>1000"]) == 3


def test_a_mistake_in_the_rules_ends_before_any_file_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["run", "isotropic-mip", str(tmp_path), "-o", str(tmp_path / "out"), "--select"]
    assert run_line([*words, "kernl=soft"]) == 2
    assert "did you mean 'kernel'" in capsys.readouterr().err
    assert run_line([*words, "kernel=soft", "--series", "0"]) == 2
    assert not (tmp_path / "out").exists()


def test_a_series_that_would_be_refused_is_not_chosen(studies: Path) -> None:
    first = sorted((studies / "one" / "soft1").iterdir())
    first[2].unlink()
    rules = parse_rules("kernel=soft, prefer=thinnest")
    found = discover([str(studies / "one")], select=rules)
    assert [case.path.name for case in found.cases] == ["soft5"]
    (reason,) = (each.reason for each in found.choices if "missing" in each.reason)
    assert reason.startswith("cannot be read: ")
    filled = discover([str(studies / "one")], select=rules, policy=hu.ReadPolicy(gaps="fill"))
    assert [case.path.name for case in filled.cases] == ["soft1"]


def test_labels_of_a_rejected_series_are_not_used(studies: Path) -> None:
    for name in ("soft1", "sharp1"):
        write_rtstruct(studies / f"{name}.dcm", headers(studies / "one" / name))
    found = discover([str(studies)], select=parse_rules("kernel=soft, prefer=thinnest"))
    assert [each.path.name for case in found.cases for each in case.labels] == ["soft1.dcm"]
    assert {each.code: each.value for each in found.unused} == {"LABEL_NOT_USED": 1}


def test_a_row_of_a_table_may_be_a_study(studies: Path) -> None:
    table = studies / "t.csv"
    table.write_text("image,id\none,first\ntwo,second\n")
    plain = discover([str(table)])
    assert not plain.cases
    assert [one.code for one in plain.missed] == ["BAD_ROW", "BAD_ROW"]
    assert "the image has 4 series" in plain.missed[0].message
    chosen = discover([str(table)], select=parse_rules("kernel=soft, prefer=thinnest"))
    assert [case.id for case in chosen.cases] == ["first", "second"]
    assert {case.path.name for case in chosen.cases} == {"soft1"}


def test_image_files_are_studies_of_their_own(tmp_path: Path) -> None:
    for n, count in enumerate((10, 4)):
        hu.write(noisy(n, shape=(20, 18, count)), tmp_path / f"ct{count}.nii.gz")
    found = discover([str(tmp_path)], select=parse_rules("slices>=10"))
    assert [case.id for case in found.cases] == ["ct10"]
    assert [one.code for one in found.missed] == ["NO_MATCH"]
    assert not discover([str(tmp_path)], select=parse_rules("kernel=soft")).cases


def test_python_takes_the_same_rules(studies: Path, tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_text('kernel = "soft"\nprefer = ["thinnest"]\n')
    more = {"workers": 1, "linkage": False}
    summary = hu.run("isotropic-mip", studies, tmp_path / "out", select=tmp_path / "r.toml", **more)  # type: ignore[arg-type]
    assert summary.count("done") == 2
    assert sum(each.is_chosen for each in summary.choices) == 2
    with pytest.raises(PipelineError, match="expected one of them"):
        hu.run("isotropic-mip", studies, tmp_path / "o", select="slices>1", series=0, **more)  # type: ignore[arg-type]
    shutil.rmtree(studies / "two" / "soft5")
    with pytest.warns(HounsfieldWarning, match="2 series of one study match"):
        hu.run("isotropic-mip", studies, tmp_path / "o", select="kernel=soft", **more)  # type: ignore[arg-type]


def test_the_real_study_has_one_series_and_its_reasons(real_data: Path) -> None:
    source = str(real_data / "headphantom_philips_study")
    found = discover([source], select=parse_rules("slices>20, thickness_mm=5"))
    assert [case.path.name for case in found.cases] == ["S2010"]
    reasons = {each.candidate.typed.rsplit("/")[-1]: each.reason for each in found.choices}
    assert reasons["S2010"] == "the only match"
    assert reasons["ph_s21570_s2010_201.nii.gz"] == "thickness_mm unknown (not thickness_mm=5)"
