"""The CLI against hostile input: one clear line, the right status, no header text, no hang."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset

import hounsfield as hu
from hounsfield.__main__ import main
from tests.cli.conftest import ball_scan
from tests.io.dicom.scanner import truth, write

EVIL = "SECRET\x1b[31m<script>alert(1)</script>{{7*7}}"
VERBS = ("inspect", "run", "convert", "planes")


@pytest.fixture(autouse=True)
def own_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test makes or uses the key of the user who runs it."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Callable[..., tuple[int, str, str]]:
    """Run a verb on a path: its status and both streams."""

    def run(verb: str, path: object, *more: str) -> tuple[int, str, str]:
        out = tmp_path / "out"
        words = {
            "run": ["run", "isotropic-mip", path, "-o", out],
            "convert": ["convert", path, out.with_suffix(".nii")],
            "planes": ["planes", path, "-o", out.with_suffix(".png")],
        }.get(verb, [verb, path])
        capsys.readouterr()
        status = main([str(word) for word in (*words, *more)])
        return (status, *capsys.readouterr())

    return run


def evil(data: Dataset, k: int) -> None:
    """Every attribute that is free text, and every UID, means harm."""
    for name in (
        "SeriesDescription",
        "StudyDescription",
        "ProtocolName",
        "Manufacturer",
        "ContrastBolusAgent",
        "PatientName",
        "BodyPartExamined",
        "ConvolutionKernel",
        "PatientComments",
    ):
        setattr(data, name, EVIL)
    data.SeriesInstanceUID = data.StudyInstanceUID = data.FrameOfReferenceUID = "../../../SECRET"
    data.SOPInstanceUID = f"../SECRET/{k}"


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("more", [(), ("-v",), ("--json",)])
def test_markup_and_escapes_in_headers_are_inert_and_uids_stay_inside_the_output(
    say: Callable[..., tuple[int, str, str]], tmp_path: Path, more: tuple[str, ...]
) -> None:
    write(tmp_path / "scan", truth(6), change=evil)
    before = set(tmp_path.iterdir())
    said = ""
    for verb in VERBS:
        status, out, err = say(verb, tmp_path / "scan", *more)
        assert status == 0
        said += out + err
    _, out, _ = say("inspect", tmp_path / "scan", "--html", str(tmp_path / "page.html"))
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    made = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    written = b"".join(path.read_bytes() for path in made).decode("latin1")
    for word in ("SECRET", "\x1b[31m", "<script", "{{7"):
        assert word not in said + out + page + written
    assert set(tmp_path.iterdir()) - before <= {
        tmp_path / name for name in ("out", "out.nii", "out.png", "page.html", "config")
    }
    (case,) = (tmp_path / "out" / "cases").iterdir()
    assert case.name.startswith("c-")
    assert len(case.name) == 14


def one_line(found: tuple[int, str, str], status: tuple[int, ...]) -> None:
    """A failure in one line, with nothing that a terminal obeys, and without a traceback."""
    assert found[0] in status
    errors = [line for line in found[2].splitlines() if line.startswith("error: ")]
    assert len(errors) == 1, found[2]
    assert "internal error" not in found[2]
    assert "Traceback" not in found[2]
    assert "\x1b" not in found[2]


def _pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe.nii.gz")
    return folder / "pipe.nii.gz"


def _circle(folder: Path) -> Path:
    (folder / "circle.nii").symlink_to("circle.nii")
    return folder / "circle.nii"


def _folder_of_traps(folder: Path) -> Path:
    (folder / "traps").mkdir()
    os.mkfifo(folder / "traps" / "pipe")
    for name, target in (
        ("zero", "/dev/zero"),
        ("self", "self"),
        ("up", ".."),
        ("gone", "nothing"),
    ):
        (folder / "traps" / name).symlink_to(target)
    (folder / "traps" / "empty.dcm").write_bytes(b"")
    return folder / "traps"


BAD: dict[str, Callable[[Path], object]] = {
    "pipe": _pipe,
    "device": lambda folder: "/dev/zero",
    "link in a circle": _circle,
    "traps": _folder_of_traps,
    "name too long": lambda folder: folder / ("x" * 300),
    "escape in the name": lambda folder: folder / "a\x1b[31mb.nii",
}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("name", BAD)
def test_pipes_devices_links_and_impossible_names_are_one_line(
    name: str, verb: str, tmp_path: Path, say: Callable[..., tuple[int, str, str]]
) -> None:
    one_line(say(verb, BAD[name](tmp_path)), (1, 2, 3))


def test_traps_beside_a_series_do_not_keep_it_from_being_read(
    tmp_path: Path, say: Callable[..., tuple[int, str, str]]
) -> None:
    write(_folder_of_traps(tmp_path) / "scan", truth(6))
    (tmp_path / "traps" / "empty.dcm").unlink()
    assert say("convert", tmp_path / "traps")[0] == 0
    assert np.array_equal(
        hu.read(tmp_path / "out.nii").array, hu.read(tmp_path / "traps" / "scan").array
    )
    assert json.loads(say("inspect", tmp_path / "traps", "--json")[1])["series"][0]["slices"] == 6


@pytest.mark.parametrize(
    "make",
    [_pipe, _circle, lambda folder: Path("/dev/zero"), _folder_of_traps],
    ids=["pipe", "circle", "device", "folder"],
)
def test_what_is_no_plain_file_is_no_pipeline_record_or_list(
    make: Callable[[Path], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hu.write(ball_scan(), tmp_path / "ball.nii")
    path = make(tmp_path)
    for suffix in (".toml", ".json"):
        (tmp_path / f"x{suffix}").symlink_to(path)
    for words in (
        ["run", tmp_path / "x.toml", tmp_path / "ball.nii", "-o", tmp_path / "out"],
        ["run", tmp_path / "x.json", tmp_path / "ball.nii", "-o", tmp_path / "out"],
        ["run", "isotropic-mip", f"@{path}", "-o", tmp_path / "out"],
        ["restore", tmp_path / "x.json", tmp_path / "ball.nii", "-o", tmp_path / "back.nii"],
    ):
        capsys.readouterr()
        status = main([str(word) for word in words])
        one_line((status, *capsys.readouterr()), (1, 2, 3))


def test_a_file_that_vanishes_is_our_error(tmp_path: Path) -> None:
    paths = write(tmp_path / "scan", truth(4))
    hu.write(ball_scan(), tmp_path / "ball.nii.gz")
    stacks = [hu.open(tmp_path / "scan"), hu.open(tmp_path / "ball.nii.gz")]
    paths[2].unlink()
    (tmp_path / "ball.nii.gz").unlink()
    for stack in stacks:
        with pytest.raises(hu.HounsfieldError):
            stack.volume()


def test_a_folder_that_may_not_be_listed_is_one_line(
    tmp_path: Path, say: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "scan" / "closed", truth(2))
    listed = os.scandir

    def denied(path: object = ".") -> object:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied")
        return listed(path)  # type: ignore[call-overload]

    monkeypatch.setattr(os, "scandir", denied)
    for verb in VERBS:
        found = say(verb, tmp_path / "scan")
        one_line(found, (1, 3))
        assert "Permission denied" in found[2]
