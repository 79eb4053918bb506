"""Case discovery and case names reveal no personal data and do not depend on order."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import hounsfield as hu
from hounsfield.core.errors import PipelineError, ReadError
from hounsfield.dataset.case_ids import PLAIN
from hounsfield.dataset.discover import discover
from hounsfield.io.dicom.report import scan_dicom
from hounsfield.io.source_files import source_files
from hounsfield.phantom import Faults, Head, grid_about, head, write_series
from tests.dataset.conftest import noisy, run_over


@pytest.fixture(scope="module")
def phantom() -> Head:
    """A head of a few voxels."""
    return head(grid_about((0, -4, 10), shape=(24, 24, 5), spacing_mm=(10, 10, 30)), noise_hu=2)


def ids(*words: object, **more: object) -> list[str]:
    found = discover([str(word) for word in words], **more)  # type: ignore[arg-type]
    return [case.id for case in found.cases]


def test_a_folder_is_its_image_files_and_its_series(scans: Path, phantom: Head) -> None:
    write_series(phantom, scans / "study" / "series", faults=Faults(extras=("localizer",)))
    (scans / "notes.txt").write_text("nothing")
    found = ids(scans)
    assert found[:2] == ["anna", "b_2"]
    assert len(found) == 4
    (series,) = {case for case in found if case.startswith("c-") and len(case) == 14}
    assert series in {report.id for report in scan_dicom(scans / "study")}


def test_words_may_be_files_folders_patterns_and_lists(scans: Path, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text(f"# two of them\n\n{scans / 'anna.nii.gz'}\n{scans}/b*\n")
    assert (
        ids(scans)
        == ids(scans / "*.nii.gz")
        == ids(tmp_path / "**" / "*.nii.gz")
        == ["anna", "b_2", "c-3"]
    )
    assert ids(f"@{tmp_path / 'list.txt'}") == ["anna", "b_2"]
    assert ids(scans, scans, scans / "anna.nii.gz") == ["anna", "b_2", "c-3"]


def test_a_list_that_is_not_there_is_our_own_error(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="no such file or folder"):
        discover([f"@{tmp_path / 'no.txt'}"])


def test_the_outputs_of_a_run_are_no_input(scans: Path) -> None:
    before = ids(scans)
    run_over(scans, scans / "out")
    assert ids(scans) == before


@pytest.mark.parametrize("name", ["Anna Maria", "x" * 41, "_x", "..x", "ärzte", "a.b"])
def test_a_stem_that_is_not_plain_is_never_an_id(name: str, tmp_path: Path) -> None:
    hu.write(noisy(0), tmp_path / f"{name}.nii.gz")
    (found,) = ids(tmp_path / f"{name}.nii.gz")
    assert found.startswith("c-")
    assert PLAIN.fullmatch(found)
    with pytest.raises(PipelineError, match="40 letters"):
        ids(tmp_path / f"{name}.nii.gz", ids="stem")


def test_two_files_of_one_stem_never_share_an_id(scans: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    shutil.copy(scans / "anna.nii.gz", tmp_path / "other" / "ANNA.nii.gz")
    found = ids(scans, tmp_path / "other")
    assert len(set(found)) == 4
    assert "anna" not in found
    with pytest.raises(PipelineError, match="share one name"):
        ids(scans, tmp_path / "other", ids="stem")


def test_hashes_hide_every_name_and_are_the_same_each_time(scans: Path) -> None:
    found = ids(scans, ids="hash")
    assert found == ids(scans / "*.nii.gz", ids="hash")
    assert not {"anna", "b_2", "c-3"} & set(found)


def test_hashes_differ_under_another_key(
    scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = ids(scans, ids="hash")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "other"))
    assert not set(found) & set(ids(scans, ids="hash"))


def test_a_series_is_one_case_with_one_digest_however_its_files_are_spread(
    phantom: Head, tmp_path: Path
) -> None:
    series = write_series(phantom, tmp_path / "one")
    for n, path in enumerate(series.files):
        target = tmp_path / "two" / f"part{n % 2}" / f"{n}.dcm"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    one, two = (discover([str(tmp_path / name)]).cases for name in ("one", "two"))
    assert [case.id for case in one] == [case.id for case in two]
    digests = {source_files(case.path, names=case.files).sha256() for case in (*one, *two)}
    assert digests == {hu.open(tmp_path / "one").source.sha256}


def test_what_lies_beside_a_series_does_not_make_it_new(phantom: Head, tmp_path: Path) -> None:
    write_series(phantom, tmp_path / "scan")
    out = tmp_path / "scan" / "out"
    assert run_over(tmp_path / "scan", out).count("done") == 1
    (tmp_path / "scan" / "notes.txt").write_text("looked at")
    assert run_over(tmp_path / "scan", out).count("skipped") == 1


def test_every_series_of_a_real_study_is_found_and_screens_are_not(real_data: Path) -> None:
    found = discover([str(real_data / "headphantom_philips_study")])
    assert len([case for case in found.cases if case.series]) == 1
    assert (
        discover([str(real_data / "headphantom_philips_study" / "S1000")]).missed[0].code == "NO_CT"
    )


def test_a_slice_without_pixels_in_another_folder_is_of_its_series_too(
    phantom: Head, tmp_path: Path
) -> None:
    series = write_series(phantom, tmp_path / "scan" / "one")
    last = series.files[-1]
    whole = last.read_bytes()
    (tmp_path / "scan" / "two").mkdir()
    (tmp_path / "scan" / "two" / "x").write_bytes(whole[: whole.rindex(b"\xe0\x7f\x10\0")])
    last.unlink()
    found = discover([str(tmp_path / "scan")]).cases
    assert [case.path for case in found] == [tmp_path / "scan"]
