"""Bad input: one clear line naming the input, the right status, no traceback, no partial file."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest

import hounsfield as hu
from hounsfield.phantom import Faults, grid_about, head, write_series
from tests.cli.conftest import Answer, Line, ball_scan

AFFINE = np.diag([-2.0, -2.0, 3.0, 1.0])


def nifti(path: Path, array: np.ndarray, affine: np.ndarray = AFFINE) -> Path:
    """A NIfTI by nibabel."""
    image = nibabel.Nifti1Image(array, affine)
    image.set_sform(affine, 1)
    nibabel.save(image, path)
    return path


def zero_spacing(folder: Path) -> Path:
    path = nifti(folder / "zero.nii", np.zeros((6, 5, 4), np.int16))
    data = bytearray(path.read_bytes())
    data[76 + 4 : 76 + 16] = np.zeros(3, "<f4").tobytes()
    data[252:256] = np.array([1, 0], "<i2").tobytes()
    path.write_bytes(data)
    return path


def nan(folder: Path) -> Path:
    values = ball_scan().array.astype(np.float32)
    values[12, 10, 6] = np.nan
    return nifti(folder / "nan.nii.gz", values)


def cut(path: Path, share: float) -> Path:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


def flipped(path: Path) -> Path:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    return path


def npy_label(folder: Path) -> Path:
    scan = ball_scan()
    hu.write(
        hu.Volume.from_array(
            (scan.array > 500).astype(np.uint8), affine=scan.grid.affine, quantity="label"
        ),
        folder / "label.npy",
    )
    return folder / "label.npy"


def noise_file(folder: Path) -> Path:
    (folder / "letter").write_bytes(b"Dear colleague, the scan is attached.\n" * 50)
    return folder / "letter"


def ball(folder: Path) -> Path:
    hu.write(ball_scan(), folder / "ball.nii.gz")
    return folder / "ball.nii.gz"


BAD: dict[str, tuple[Callable[[Path], Path], int]] = {
    "not a CT": (noise_file, 3),
    "truncated": (lambda folder: cut(ball(folder), 0.6), 1),
    "truncated header": (lambda folder: cut(ball(folder), 0.02), 1),
    "corrupted": (lambda folder: flipped(ball(folder)), 1),
    "empty file": (lambda folder: cut(ball(folder), 0), 1),
    "2D": (lambda folder: nifti(folder / "flat.nii", np.zeros((6, 5), np.int16)), 1),
    "4D": (lambda folder: nifti(folder / "time.nii", np.zeros((6, 5, 4, 3), np.int16)), 1),
    "NaN": (nan, 1),
    "zero spacing": (zero_spacing, 1),
    "label where an image is wanted": (npy_label, 1),
}


def check(answer: Answer, typed: Path, status: int) -> None:
    """One line of error that names what was typed; the count of cases may follow."""
    errors = [text for text in answer.lines if text.startswith("error: ")]
    assert answer.status == status
    assert len(errors) == 1, answer.err
    assert errors[0].startswith(f"error: {typed}: ")
    assert "Traceback" not in answer.err
    assert "internal error" not in answer.err
    assert answer.out == ""


@pytest.mark.parametrize("name", BAD)
def test_run_says_what_is_wrong_in_one_line_and_leaves_nothing(
    name: str, line: Line, tmp_path: Path
) -> None:
    make, status = BAD[name]
    path = make(tmp_path)
    answer = line("run", "isotropic-mip", path, "-o", tmp_path / "out")
    check(answer, path, status)
    cases = tmp_path / "out" / "cases"
    assert not cases.exists() or not list(cases.iterdir())


@pytest.mark.parametrize("name", [name for name in BAD if name != "label where an image is wanted"])
def test_convert_says_what_is_wrong_in_one_line_and_leaves_nothing(
    name: str, line: Line, tmp_path: Path
) -> None:
    path = BAD[name][0](tmp_path)
    answer = line("convert", path, tmp_path / "copy.nrrd")
    check(answer, path, 1)
    assert not (tmp_path / "copy.nrrd").exists()


def test_an_empty_folder_is_one_line(line: Line, tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    check(
        line("run", "head", tmp_path / "nothing", "-o", tmp_path / "out"), tmp_path / "nothing", 3
    )
    check(line("inspect", tmp_path / "nothing"), tmp_path / "nothing", 3)


def test_a_truncated_series_is_one_line(line: Line, tmp_path: Path) -> None:
    phantom = head(grid_about((0, -4, 10), shape=(32, 32, 6), spacing_mm=(8, 8, 25)), noise_hu=0)
    write_series(phantom, tmp_path / "scan", faults=Faults(truncated=(3,)))
    answer = line("run", "isotropic-mip", tmp_path / "scan", "-o", tmp_path / "out")
    check(answer, tmp_path / "scan", 1)
    assert not list((tmp_path / "out" / "cases").iterdir())


def test_a_folder_without_permission_is_one_line(
    line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "closed").mkdir()

    def denied(path: object = ".") -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", denied)
    answer = line("run", "isotropic-mip", tmp_path / "closed", "-o", tmp_path / "out")
    check(answer, tmp_path / "closed", 3)
    assert "Permission denied" in answer.err


def test_an_image_where_a_label_is_wanted_is_one_line(
    line: Line, scan: Path, tmp_path: Path
) -> None:
    hu.write(
        hu.Volume.from_array(ball_scan().array + np.float32(0.5), affine=AFFINE),
        tmp_path / "image.nii.gz",
    )
    answer = line(
        "run", "isotropic-mip", scan, "--label", tmp_path / "image.nii.gz", "-o", tmp_path / "out"
    )
    check(answer, scan, 1)
    assert "label 'label'" in answer.err


def test_a_label_that_is_not_there_is_named_and_not_the_scan(
    line: Line, scan: Path, tmp_path: Path
) -> None:
    answer = line(
        "run",
        "isotropic-mip",
        scan,
        "--label",
        f"bone={tmp_path / 'none.nii.gz'}",
        "-o",
        tmp_path / "out",
    )
    check(answer, scan, 1)
    assert f"label 'bone': no such file or folder ({tmp_path / 'none.nii.gz'})" in answer.err


def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    noisy = rng.integers(-1000, 1000, (60, 60, 40)).astype(np.int16)
    hu.write(hu.Volume.from_array(noisy, affine=AFFINE), tmp_path / "noisy.nii.gz")

    def little_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))

    words = ["run", "isotropic-mip", str(tmp_path / "noisy.nii.gz"), "-o", str(tmp_path / "out")]
    done = subprocess.run(
        [sys.executable, "-m", "hounsfield", *words],
        capture_output=True,
        text=True,
        preexec_fn=little_room,
        env={**os.environ, "XDG_CONFIG_HOME": str(tmp_path)},
    )
    check(Answer(done.returncode, done.stdout, done.stderr), tmp_path / "noisy.nii.gz", 1)
    assert "no partial file" in done.stderr
    assert not list((tmp_path / "out" / "cases").iterdir())


def test_an_output_folder_that_is_a_file_is_one_line(
    line: Line, scan: Path, tmp_path: Path
) -> None:
    (tmp_path / "out").write_text("something else")
    check(line("run", "isotropic-mip", scan, "-o", tmp_path / "out"), tmp_path / "out", 1)


def test_terminal_escapes_in_names_are_inert(line: Line, tmp_path: Path) -> None:
    path = tmp_path / "a\x1b[31mred\x07.nii.gz"
    path.write_bytes(b"x")
    answer = line("run", "isotropic-mip", path, "-o", tmp_path / "out")
    assert answer.status == 1
    assert "\x1b" not in answer.err
    assert "\x07" not in answer.err


def test_inspect_of_what_is_no_ct_is_3_and_of_a_broken_file_1(line: Line, tmp_path: Path) -> None:
    check(line("inspect", noise_file(tmp_path), "-q"), tmp_path / "letter", 3)
    check(line("inspect", cut(ball(tmp_path), 0.6)), tmp_path / "ball.nii.gz", 1)


def test_a_message_names_the_option_that_helps(line: Line, tmp_path: Path) -> None:
    phantom = head(grid_about((0, -4, 10), shape=(32, 32, 8), spacing_mm=(8, 8, 20)), noise_hu=0)
    write_series(phantom, tmp_path / "scan", faults=Faults(missing=(3,)))
    answer = line("run", "isotropic-mip", tmp_path / "scan", "-o", tmp_path / "out")
    assert "--gaps fill" in answer.err
    assert "gaps=" not in answer.err
