"""A series is selected by its id or by its number, which counts from 0 as inspect lists them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import hounsfield as hu
from hounsfield.dataset.discover import discover
from hounsfield.phantom import grid_about, head, write_series

SHAPES = ((24, 24, 5), (32, 32, 6), (40, 40, 7))


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three series of unequal sizes in one folder."""
    folder = tmp_path_factory.mktemp("study")
    for number, shape in enumerate(SHAPES):
        grid = grid_about((0, -4, 10), shape=shape, spacing_mm=(8, 8, 20))
        write_series(head(grid, noise_hu=0).image, folder / str(number), seed=number)
    return folder


def test_a_number_selects_what_the_id_of_that_row_selects(study: Path) -> None:
    reports = hu.inspect(study)
    assert [report.number for report in reports] == [0, 1, 2]
    for report in reports:
        assert report.number is not None
        by_id, by_number = hu.read(study, series=report.id), hu.read(study, series=report.number)
        by_digits = hu.read(study, series=str(report.number))
        assert by_id.shape == by_number.shape == by_digits.shape == report.shape
        np.testing.assert_array_equal(by_id.array, by_number.array)


def test_several_series_are_listed_by_number_and_id(study: Path) -> None:
    with pytest.raises(hu.RefusedError, match="found 3 series, expected one") as caught:
        hu.open(study)
    for report in hu.inspect(study):
        assert f"{report.number} ({report.id})" in str(caught.value)


@pytest.mark.parametrize("wanted", [3, "3", -1, "c-000000000000", "1.0", ""])
def test_a_series_that_is_not_there_is_one_refusal_that_lists_what_is(
    study: Path, wanted: str | int
) -> None:
    with pytest.raises(
        hu.RefusedError, match=f"no series has the id or number '{wanted}'"
    ) as caught:
        hu.open(study, series=wanted)
    assert caught.value.codes == ("NO_SERIES",)
    for report in hu.inspect(study):
        assert f"{report.number} ({report.id})" in str(caught.value)


def test_a_run_takes_the_series_that_read_takes(study: Path) -> None:
    for report in hu.inspect(study):
        (case,) = discover([str(study)], series=str(report.number)).cases
        assert case.series == case.id == report.id
    found = discover([str(study)], series="7")
    assert not found.cases
    assert [missed.code for missed in found.missed] == ["NO_SERIES"]


def test_an_id_that_one_source_has_leaves_the_others_out(study: Path) -> None:
    wanted = hu.inspect(study)[1].id
    found = discover([str(study / str(number)) for number in range(3)], series=wanted)
    assert [case.id for case in found.cases] == [wanted]
    assert found.missed == ()
    nowhere = discover([str(study)], series="c-000000000000")
    assert "expected one of 0 (" in nowhere.missed[0].message


def test_a_volume_of_a_4d_file_is_selected_by_an_int_as_by_its_digits(tmp_path: Path) -> None:
    nibabel = pytest.importorskip("nibabel")
    data = np.stack([np.full((4, 5, 6), value, np.int16) for value in (-1000, 40)], axis=3)
    nibabel.save(nibabel.Nifti1Image(data, np.eye(4)), tmp_path / "x.nii.gz")
    assert hu.read(tmp_path / "x.nii.gz", series=1, assume="hu").array.max() == 40
    with pytest.raises(hu.RefusedError, match="series=0 to series=1"):
        hu.read(tmp_path / "x.nii.gz", series=-1)


def test_the_command_line_prints_and_takes_the_number(study: Path) -> None:
    def line(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "hounsfield", *words]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    rows = json.loads(line("inspect", str(study), "--json").stdout)["series"]
    assert [row["number"] for row in rows] == [0, 1, 2]
    assert "number" in line("inspect", str(study)).stdout.splitlines()[0]
    answer = line("planes", str(study), "-o", str(study.parent / "planes.png"))
    assert answer.returncode == 1
    assert "such as --series 0" in answer.stderr
    table = line("plan", "isotropic-mip", str(study))
    assert table.returncode == 0, table.stderr
    assert all(row["id"] in table.stdout for row in rows)
    planned = line("plan", "isotropic-mip", str(study), "--series", "2")
    assert planned.returncode == 0, planned.stderr
    assert str(SHAPES[2]) in planned.stdout
