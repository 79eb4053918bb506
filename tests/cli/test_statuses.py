"""Scripts rely on exit statuses, on JSON alone on stdout, and on one line of error."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import hounsfield as hu
from hounsfield.cli.main import VERBS
from tests.cli.conftest import Line

DIRECT = {
    "inspect": ["SCAN"],
    "convert": ["SCAN", "OUT.nrrd"],
    "run": ["isotropic-mip", "SCAN", "-o", "OUT"],
    "plan": ["isotropic-mip", "SCAN"],
    "presets": [],
    "windows": [],
    "planes": ["SCAN", "-o", "OUT.png"],
    "montage": ["SCAN", "-o", "OUT.png"],
    "histogram": ["SCAN", "-o", "OUT.png"],
    "compare": ["SCAN", "LABEL"],
    "export": ["monai", "SCAN", "-o", "OUT"],
    "fingerprint": ["SCAN", "--label", "LABEL"],
    "info": [],
}
"""A command line for each verb that needs no more than a scan and a label."""


def words_of(verb: str, scan: Path, label: Path, tmp_path: Path) -> list[str]:
    swaps = {"SCAN": str(scan), "LABEL": str(label), "OUT": str(tmp_path / "out")}
    return [verb, *(swaps.get(word, word.replace("OUT", swaps["OUT"])) for word in DIRECT[verb])]


def test_every_verb_is_tried_here_or_has_its_own_tests() -> None:
    assert set(VERBS) - set(DIRECT) == {"restore", "demo", "status", "verify", "diff", "audit"}


@pytest.mark.parametrize("verb", DIRECT)
def test_json_is_all_that_is_on_stdout(
    verb: str, line: Line, scan: Path, label: Path, tmp_path: Path
) -> None:
    answer = line(*words_of(verb, scan, label, tmp_path), "--json")
    assert answer.status == 0, answer.err
    data = answer.events[0] if verb == "run" else json.loads(answer.out)
    assert data["schema"] == (2 if verb == "inspect" else 1)


@pytest.mark.parametrize("verb", DIRECT)
def test_quiet_says_nothing_on_stderr_when_all_is_well(
    verb: str, line: Line, scan: Path, label: Path, tmp_path: Path
) -> None:
    answer = line(*words_of(verb, scan, label, tmp_path), "-q", "-v", "--traceback")
    assert (answer.status, answer.err) == (0, "")


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_and_the_options_of_all(verb: str, line: Line) -> None:
    answer = line(verb, "--help")
    assert answer.status == 0
    assert all(option in answer.out for option in ("--json", "--quiet", "--verbose", "--traceback"))


def test_version_is_one_line(line: Line) -> None:
    assert line("--version").out == f"hounsfield {hu.__version__}\n"


@pytest.mark.parametrize(
    "words",
    [
        ["run"],
        ["nonsense"],
        ["presets", "nonsense"],
        ["windows", "--nonsense"],
        ["run", "nonsense", "SCAN", "-o", "OUT"],
        ["run", "isotropic-mip", "SCAN", "-o", "OUT", "--dtype", "complex64"],
        ["run", "isotropic-mip", "SCAN", "-o", "OUT", "--set", "Resample.spacing=2"],
        ["run", "nnunet-ct", "SCAN", "-o", "OUT"],
        ["run", "no.toml", "SCAN", "-o", "OUT"],
        ["run", "bone", "SCAN", "-o", "OUT", "--workers", "0"],
        ["run", "bone", "SCAN", "-o", "OUT", "--label", "a/b=x.nii"],
        ["planes", "SCAN", "-o", "OUT.png", "--at", "1,2"],
        ["planes", "SCAN", "-o", "OUT"],
        ["montage", "SCAN", "-o", "OUT.png", "--window", "brian"],
        ["histogram", "SCAN", "-o", "OUT.png", "--window", "40,0"],
        ["convert", "SCAN", "OUT", "--format", "nrrd", "--dtype", "nonsense"],
    ],
    ids=lambda words: " ".join(words[:2]) + words[-1],
)
def test_usage_and_impossible_pipelines_end_with_2_and_touch_nothing(
    words: list[str], line: Line, scan: Path, tmp_path: Path
) -> None:
    swaps = {"SCAN": str(scan), "OUT": str(tmp_path / "out"), "OUT.png": str(tmp_path / "out.png")}
    answer = line(*(swaps.get(word, word) for word in words))
    assert answer.status == 2
    assert len(answer.lines) == 1
    assert answer.lines[0].startswith("error: ")
    assert not (tmp_path / "out").exists()


def test_impossible_order_is_2_with_every_problem_and_its_step(
    line: Line, scan: Path, tmp_path: Path
) -> None:
    path = tmp_path / "twice.toml"
    path.write_text(
        '[[steps]]\nstep = "Window"\nname = "brain"\n[[steps]]\nstep = "Window"\nname = "bone"\n'
        '[[steps]]\nstep = "CropToMask"\nmask = "head"\n'
    )
    answer = line("run", path, scan, "-o", tmp_path / "out")
    assert answer.status == 2
    assert "step 2" in answer.err


def test_a_mask_that_no_step_makes_is_2_before_any_voxel_is_read(
    line: Line, scan: Path, tmp_path: Path
) -> None:
    path = tmp_path / "maskless.toml"
    path.write_text('[[steps]]\nstep = "CropToMask"\nmask = "head"\n')
    answer = line("run", path, scan, "-o", tmp_path / "out")
    assert (answer.status, len(answer.lines)) == (2, 1)
    assert "HeadMask" in answer.err
    assert not (tmp_path / "out").exists()


def test_no_case_is_3(line: Line, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for word in (tmp_path / "empty", tmp_path / "missing", tmp_path / "none*.nii"):
        answer = line("run", "isotropic-mip", word, "-o", tmp_path / "out")
        assert answer.status == 3
        assert not (tmp_path / "out").exists()
    assert line("inspect", tmp_path / "empty").status == 3


def test_one_bad_case_is_1_and_the_others_are_done(line: Line, scan: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.nii.gz").write_bytes(scan.read_bytes()[:300])
    answer = line(
        "run", "isotropic-mip", scan, tmp_path / "broken.nii.gz", "-o", tmp_path / "out", "--json"
    )
    assert answer.status == 1
    names = ("skipped", "stale", "warned", "missed", "unreadable", "rejected", "unlisted")
    others = dict.fromkeys(names, 0)
    assert answer.summary["counts"] == {"done": 1, "failed": 1, **others}
    assert (tmp_path / "out" / "cases" / "ball" / "record.json").is_file()
    assert not (tmp_path / "out" / "cases" / "broken").exists()


def test_all_up_to_date_is_0(line: Line, scan: Path, tmp_path: Path) -> None:
    assert line("run", "isotropic-mip", scan, "-o", tmp_path / "out").status == 0
    answer = line("run", "isotropic-mip", scan, "-o", tmp_path / "out", "--json")
    assert answer.status == 0
    assert answer.summary["counts"]["skipped"] == 1


def test_a_difference_is_1_and_fix_brings_the_labels_over(
    line: Line, scan: Path, label: Path, tmp_path: Path
) -> None:
    turned = tmp_path / "turned.nii.gz"
    volume = hu.read(label, quantity="label")
    hu.write(hu.regrid(volume, volume.grid.reoriented("RAS")), turned)
    answer = line("compare", scan, turned, "--fix", tmp_path / "fixed.nii.gz")
    assert answer.status == 1
    assert "LPS" in answer.out
    assert line("compare", scan, tmp_path / "fixed.nii.gz").status == 0
    assert np.array_equal(hu.read(tmp_path / "fixed.nii.gz", quantity="label").array, volume.array)


def test_fix_says_that_nothing_of_the_labels_is_left(
    line: Line, scan: Path, label: Path, tmp_path: Path
) -> None:
    volume = hu.read(label, quantity="label")
    affine = volume.grid.affine.copy()
    affine[0, 3] += 1e4
    hu.write(
        hu.Volume.from_array(volume.array, affine=affine, quantity="label"), tmp_path / "far.nii.gz"
    )
    answer = line("compare", scan, tmp_path / "far.nii.gz", "--fix", tmp_path / "fixed.nii.gz")
    assert answer.status == 1
    assert "no labelled voxel is inside the image" in answer.err
    answer = line("planes", scan, "-o", tmp_path / "out.png", "--overlay", tmp_path / "far.nii.gz")
    assert answer.status == 0
    assert "no labelled voxel is inside the image" in answer.err


def test_strict_turns_a_refused_series_into_1(line: Line, real_data: Path) -> None:
    study = real_data / "headphantom_philips_study" / "S1000"
    assert line("inspect", study).status == 0
    assert line("inspect", study, "--strict").status == 1


def test_an_unknown_error_is_one_line_without_its_text(
    line: Line, scan: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import hounsfield.io.open

    def broken(*arguments: object, **keywords: object) -> None:
        raise KeyError("DOE^JOHN")

    monkeypatch.setattr(hounsfield.io.open, "open_stack", broken)
    answer = line("plan", "isotropic-mip", scan)
    assert answer.status == 1
    assert len(answer.lines) == 1
    assert "internal error" in answer.err
    assert "DOE" not in answer.err
    assert "Traceback" in line("plan", "isotropic-mip", scan, "--traceback").err


def test_interrupts_are_130_and_termination_143(
    line: Line, scan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import signal

    import hounsfield.io.open

    for number, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):

        def shot(*arguments: object, number: int = number, **keywords: object) -> None:
            os.kill(os.getpid(), number)

        monkeypatch.setattr(hounsfield.io.open, "open_stack", shot)
        answer = line("run", "isotropic-mip", scan, "-o", tmp_path / "out")
        assert (answer.status, len(answer.lines)) == (status, 1)
        assert not list((tmp_path / "out").rglob("*.part"))
        assert not (tmp_path / "out" / ".lock").exists()


def test_an_interrupt_during_the_imports_is_one_line_and_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from importlib.abc import MetaPathFinder

    from hounsfield.__main__ import main

    class Interrupted(MetaPathFinder):
        def find_spec(self, name: str, *arguments: object) -> None:
            if name == "hounsfield.cli.main":
                raise KeyboardInterrupt

    monkeypatch.delitem(sys.modules, "hounsfield.cli.main", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Interrupted(), *sys.meta_path])
    assert main(["windows"]) == 130
    assert capsys.readouterr().err == "error: interrupted\n"


def test_a_closed_pipe_ends_quietly() -> None:
    command = f"{sys.executable} -m hounsfield windows | head -1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert done.stdout.startswith("window")
    assert done.stderr == ""


def test_completion_knows_the_verbs() -> None:
    words = {
        "_HOUNSFIELD_COMPLETE": "complete_bash",
        "COMP_WORDS": "hounsfield wi",
        "COMP_CWORD": "1",
    }
    done = subprocess.run(
        [sys.executable, "-m", "hounsfield"],
        capture_output=True,
        text=True,
        env={**os.environ, **words},
    )
    assert done.stdout.split() == ["windows"]
