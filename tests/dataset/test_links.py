"""A search follows no link out of its folder, says so, and never takes outputs for inputs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import hounsfield as hu
from hounsfield.dataset.discover import discover
from hounsfield.dataset.run import run_dataset
from hounsfield.dataset.run_config import RunConfig
from hounsfield.dataset.status import read_status
from tests.cli.conftest import Line, line  # noqa: F401
from tests.dataset.conftest import SMALL, noisy, run_over
from tests.dataset.series import part, small_head

RUN = ("run", "isotropic-mip", "--set", "Resample.spacing_mm=10")


def ids(*sources: object) -> list[str]:
    """The ids of the cases in some sources."""
    return [case.id for case in discover([str(source) for source in sources]).cases]


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A scan and a series outside of the folder that is searched."""
    folder = tmp_path / "outside"
    part(small_head(), folder / "series")
    hu.write(noisy(9), folder / "secret.nii.gz")
    hu.write(noisy(9), folder / "slices", format="png")
    return folder


def test_links_to_images_outside_are_skipped_and_counted(
    line: Line,  # noqa: F811
    scans: Path,
    outside: Path,
    tmp_path: Path,
) -> None:
    (scans / "link.nii.gz").symlink_to(outside / "secret.nii.gz")
    (scans / "slices").symlink_to(outside / "slices")
    (scans / "folder").symlink_to(outside)
    assert ids(scans) == ["anna", "b_2", "c-3"]
    answer = line(*RUN, scans, "-o", tmp_path / "out")
    assert answer.status == 1
    assert "2 links out of the folder skipped" in answer.err
    codes = [row["code"] for row in json.loads(line("inspect", scans, "--json").out)["other"]]
    assert codes == ["OUTSIDE_FOLDER"] * 3
    assert [case.id for case in read_status(tmp_path / "out").cases] == ["anna", "b_2", "c-3"]


def test_a_link_that_is_named_is_followed(scans: Path, outside: Path, tmp_path: Path) -> None:
    link = scans / "link.nii.gz"
    link.symlink_to(outside / "secret.nii.gz")
    (tmp_path / "list.txt").write_text(f"{link}\n")
    assert ids(link) == ids(f"@{tmp_path / 'list.txt'}") == ids(scans / "l*.nii.gz") == ["link"]
    (tmp_path / "here").symlink_to(scans)
    link.unlink()
    assert ids(tmp_path / "here") == ["anna", "b_2", "c-3"]


def test_a_link_within_the_folder_is_the_file_that_it_leads_to(scans: Path) -> None:
    (scans / ".store").mkdir()
    (scans / "anna.nii.gz").rename(scans / ".store" / "x")  # as git-annex and DVC keep data
    (scans / "anna.nii.gz").symlink_to(Path(".store") / "x")
    (scans / "again.nii.gz").symlink_to("b_2.nii.gz")
    (scans / "zz.nii.gz").symlink_to("b_2.nii.gz")
    assert ids(scans) == ["anna", "b_2", "c-3"]


def test_a_recursive_pattern_does_not_follow_links_to_folders(scans: Path, outside: Path) -> None:
    (scans / "folder").symlink_to(outside)
    (scans / "circle").symlink_to(scans)
    assert ids(scans / "**" / "*.nii.gz") == ["anna", "b_2", "c-3"]
    assert ids(scans / "folder" / "*.nii.gz") == ["secret"]


def test_slices_that_are_links_out_of_the_folder_are_never_left_out_silently(
    outside: Path, tmp_path: Path
) -> None:
    scan = tmp_path / "scan"
    shutil.copytree(outside / "series", scan)
    last = sorted(scan.iterdir())[-1]
    last.unlink()
    last.symlink_to(outside / "series" / last.name)
    (case,) = discover([str(scan)]).cases
    assert len(case.files) == 5
    with pytest.warns(hu.HounsfieldWarning, match="1 link out of the folder ignored"):
        assert hu.read(scan).shape[2] == 5
    inspection = hu.inspect(scan)
    assert [each.code for each in inspection.other] == ["OUTSIDE_FOLDER"]
    assert inspection[0].verdict == "doubtful"
    config = RunConfig(pipeline=SMALL, out=tmp_path / "out")
    (result,) = run_dataset(config, [case]).cases
    assert "OUTSIDE_FOLDER" in {each["code"] for each in result.diagnostics}
    last.unlink()
    last.symlink_to(sorted(scan.iterdir())[0].name)
    (case,) = discover([str(scan)]).cases  # a link to a slice in the folder is a copy of it
    assert "DUPLICATE" in {each.code for each in case.diagnostics}


def test_a_folder_of_links_alone_says_why_it_is_empty(outside: Path, tmp_path: Path) -> None:
    (tmp_path / "scan").mkdir()
    for path in (outside / "series").iterdir():
        (tmp_path / "scan" / path.name).symlink_to(path)
    with pytest.raises(hu.ReadError, match="link leads out of the folder") as caught:
        hu.open(tmp_path / "scan")
    assert caught.value.codes == ("OUTSIDE_FOLDER",)
    assert not discover([str(tmp_path / "scan")]).cases


@pytest.mark.parametrize("format", ["nii.gz", "dicom", "png"])
def test_outputs_inside_a_source_are_never_inputs(format: str, scans: Path, tmp_path: Path) -> None:
    part(small_head(), scans / "series")
    before = ids(scans)
    for _ in range(2):
        run_over(scans, scans / "sub" / "out", format=format, pipeline=hu.Pipeline([]))
        assert ids(scans) == before
    assert ids(scans / "sub") == []
    assert sorted(report.id for report in hu.inspect(scans)) == before
    (scans / "sub" / "out" / "manifest.db").unlink()  # the records tell what they are
    assert ids(scans) == before
    hu.write(noisy(7), scans / "sub" / "out" / "mine.nii.gz")
    assert ids(scans) == sorted([*before, "mine"])


def test_the_outputs_of_a_run_can_be_named_as_inputs(scans: Path, tmp_path: Path) -> None:
    run_over(scans, tmp_path / "out")
    assert len(ids(tmp_path / "out" / "cases")) == 3
    assert ids(tmp_path / "out" / "cases" / "anna" / "image.nii.gz") == ["image"]


@pytest.mark.parametrize("how", ["same", "by ..", "by a link", "its outputs"])
def test_an_output_folder_that_is_the_source_is_refused(
    how: str,
    line: Line,  # noqa: F811
    scans: Path,
    tmp_path: Path,
) -> None:
    (tmp_path / "link").symlink_to(scans)
    before = sorted(scans.rglob("*"))
    source, out = {
        "same": (scans, scans),
        "by ..": (scans, scans / ".." / "scans"),
        "by a link": (tmp_path / "link", scans),
        "its outputs": (scans / "cases", scans),
    }[how]
    if how == "its outputs":
        (scans / "cases").mkdir()
        before = sorted(scans.rglob("*"))
    answer = line(*RUN, source, "-o", out)
    assert (answer.status, len(answer.lines)) == (2, 1)
    assert "the output folder is the source" in answer.err
    assert sorted(scans.rglob("*")) == before
