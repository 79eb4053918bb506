"""Ids by name or pattern never collide, and labels are found by the names of their image."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hounsfield as hu
from hounsfield.core.errors import PipelineError
from hounsfield.dataset.case_ids import PLAIN, Found, named
from hounsfield.dataset.discover import discover
from hounsfield.dataset.status import read_status
from tests.cli.conftest import Answer, Line, ball_label, ball_scan
from tests.dataset.series import part, small_head


def process(*words: object, **environment: str) -> Answer:
    """Run the command line in a process of its own."""
    command = [sys.executable, "-m", "hounsfield", *map(str, words)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, **environment}
    )
    return Answer(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def patients(tmp_path: Path) -> Path:
    """Two patients with a scan and a label each, in folders of their own."""
    folder = tmp_path / "patients"
    for name in ("p1", "p2"):
        (folder / name).mkdir(parents=True)
        hu.write(ball_scan(), folder / name / "ct.nii.gz")
    return folder


def ids(out: Path) -> list[str]:
    """The ids of the cases of a run."""
    return [case.id for case in read_status(out).cases]


RUN = ("run", "isotropic-mip", "--set", "Resample.spacing_mm=6")


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("folder", ["p1", "p2"]), ("{parent}-{stem}", ["p1-ct", "p2-ct"]), ("{parent}", ["p1", "p2"])],
)
def test_ids_are_names_of_folders_or_a_pattern_of_names(
    mode: str, expected: list[str], line: Line, patients: Path, tmp_path: Path
) -> None:
    answer = line(*RUN, patients, "-o", tmp_path / "out", "--ids", mode)
    assert answer.status == 0, answer.err
    assert ids(tmp_path / "out") == expected
    assert "note:" not in answer.err


def test_a_series_has_the_names_of_its_folder(line: Line, tmp_path: Path) -> None:
    part(small_head(), tmp_path / "p1" / "axial")
    for mode, expected in (("folder", "axial"), ("stem", "axial"), ("{parent}-{stem}", "p1-axial")):
        found = discover([str(tmp_path / "p1")], ids=mode).cases
        assert [case.id for case in found] == [expected]


@pytest.mark.parametrize("mode", ["stem", "x{stem}", "{stem}-{stem}"])
def test_equal_ids_are_refused_before_the_run_and_both_sources_are_named(
    mode: str, patients: Path, tmp_path: Path
) -> None:
    answer = process(*RUN, patients, "-o", tmp_path / "out", "--ids", mode)
    assert answer.status == 2
    assert len(answer.lines) == 1
    for name in ("p1", "p2"):
        assert str(patients / name / "ct.nii.gz") in answer.err
    assert not (tmp_path / "out").exists()
    as_json = process(*RUN, patients, "-o", tmp_path / "out", "--ids", mode, "--json")
    assert json.loads(as_json.out)["error"]["code"] == "NOT_UNIQUE"
    assert str(tmp_path) not in as_json.out


def test_ids_that_differ_in_case_alone_collide(tmp_path: Path) -> None:
    for name in ("anna", "Anna", "ANNA"):
        (tmp_path / name).mkdir()
        hu.write(ball_scan(), tmp_path / name / "ct.nii.gz")
    with pytest.raises(PipelineError, match="3 cases share one name") as caught:
        discover([str(tmp_path)], ids="folder")
    assert caught.value.codes == ("NOT_UNIQUE",)


def test_two_series_in_one_folder_are_told_by_their_ids(tmp_path: Path) -> None:
    for kernel in ("SOFT", "BONE"):
        part(small_head(), tmp_path / "scan", ConvolutionKernel=kernel)
    found = discover([str(tmp_path)]).cases
    with pytest.raises(PipelineError) as caught:
        discover([str(tmp_path)], ids="folder")
    assert all(f"scan ({case.id})" in str(caught.value) for case in found)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("foo", "unknown value 'foo'"),
        ("", "an argument is empty"),
        ("{x}-{stem}", "unknown field {x}"),
        ("{path}", "unknown field {path}"),
        ("{}", "unknown value '{}'"),
        ("../{stem}", "1 to 40 letters"),
        ("{stem}" * 21, "1 to 40 letters"),
    ],
)
def test_an_invalid_mode_or_pattern_is_usage(
    mode: str, expected: str, line: Line, patients: Path, tmp_path: Path
) -> None:
    answer = line(*RUN, patients / "p1", "-o", tmp_path / "out", "--ids", mode)
    assert (answer.status, len(answer.lines)) == (2, 1)
    assert expected in answer.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["con", "NUL", "com1", "a\u0301", "ct\u202eiin", "-x", "'x", "=x"])
def test_a_stem_that_is_unsafe_on_some_system_is_hashed(name: str, tmp_path: Path) -> None:
    hu.write(ball_scan(), tmp_path / f"{name}.nii.gz")
    (case,) = discover([str(tmp_path)]).cases
    assert case.id.startswith("c-")
    assert PLAIN.fullmatch(case.id)


def test_forty_characters_are_an_id_and_one_more_is_not(tmp_path: Path) -> None:
    for count in (40, 41):
        hu.write(ball_scan(), tmp_path / f"{'x' * count}.nii.gz")
    found = [case.id for case in discover([str(tmp_path)]).cases]
    assert "x" * 40 in found
    assert len([each for each in found if each.startswith("c-")]) == 1


def test_a_file_named_as_the_id_of_a_series_does_not_take_it(tmp_path: Path) -> None:
    part(small_head(), tmp_path / "scan")
    (series,) = discover([str(tmp_path)]).cases
    hu.write(ball_scan(), tmp_path / f"{series.id}.nii.gz")
    found = discover([str(tmp_path)]).cases
    assert len({case.id for case in found}) == 2
    assert {case.id: case.series for case in found}[series.id] == series.id


NAMES = st.text(st.sampled_from("aAbB-_. é\u0130ıßſ\U0001f9e0"), min_size=1, max_size=42)


@given(paths=st.lists(st.tuples(NAMES, NAMES), unique=True, max_size=6), more=st.booleans())
def test_ids_are_plain_and_unique_or_refused(paths: list[tuple[str, str]], more: bool) -> None:
    found = [Found(path=Path(f"/no/{a}/{b}.nii.gz"), typed=f"{a}/{b}") for a, b in paths]
    if more:
        found.append(Found(path=Path("/no/scan"), typed="scan", series_id="c-0123456789ab"))
    for mode in ("auto", "hash", "stem", "folder", "{parent}-{stem}"):
        try:
            made = [case.id for case in named(found, ids=mode)]
        except PipelineError:
            assert mode not in ("auto", "hash")
            continue
        assert len({each.casefold() for each in made}) == len(made) == len(found)
        assert all(PLAIN.fullmatch(each) for each in made)


def test_one_note_tells_that_ids_are_names(line: Line, patients: Path, tmp_path: Path) -> None:
    answer = line(*RUN, patients / "p1", "-o", tmp_path / "out")
    assert answer.err.count("--ids hash") == 1
    assert "--ids hash" not in line(*RUN, patients / "p1", "-o", tmp_path / "out", "-q").err
    hashed = line(*RUN, patients / "p1", "-o", tmp_path / "out2", "--ids", "hash")
    assert "--ids hash" not in hashed.err


def test_a_shared_key_gives_shared_ids(patients: Path, tmp_path: Path) -> None:
    first = process("inspect", patients, "--json").out
    key = tmp_path / "config" / "hounsfield" / "key"
    shared = tmp_path / "shared-key"
    shutil.copy(key, shared)
    other = str(tmp_path / "other")
    answers = [
        process(*RUN, patients, "-o", tmp_path / "out", "--key", shared, XDG_CONFIG_HOME=other),
        process("inspect", patients, "--json", XDG_CONFIG_HOME=other, HOUNSFIELD_KEY=str(shared)),
    ]
    assert [answer.status for answer in answers] == [0, 0], answers
    assert answers[1].out == first
    assert ids(tmp_path / "out") == sorted(row["id"] for row in json.loads(first)["series"])
    assert not (tmp_path / "other").exists()
    missing = process(*RUN, patients, "-o", tmp_path / "out", "--key", tmp_path / "no-key")
    assert (missing.status, len(missing.lines)) == (2, 1)
    assert not (tmp_path / "no-key").exists()


@pytest.mark.parametrize("kind", ["folder", "pipe", "link to nothing"])
def test_a_key_that_is_no_file_is_one_line(
    kind: str, line: Line, patients: Path, tmp_path: Path
) -> None:
    key = tmp_path / "config" / "hounsfield" / "key"
    key.parent.mkdir(parents=True)
    if kind == "folder":
        key.mkdir()
    elif kind == "pipe":
        os.mkfifo(key, 0o600)
    else:
        key.symlink_to(tmp_path / "nowhere" / "key")
    answer = line("inspect", patients)
    assert answer.status == 1
    assert len(answer.lines) == 1
    assert "key file" in answer.err


LABELS = {
    "{path}/seg.nii.gz": "{patients}/{name}/seg.nii.gz",
    "labels/{parent}_{stem}.nii.gz": "labels/{name}_ct.nii.gz",
    "labels/{id}.nii.gz": "labels/{name}-ct.nii.gz",
}
"""A pattern of labels, and where the labels are."""


@pytest.mark.parametrize("pattern", LABELS)
def test_labels_are_found_by_path_parent_stem_and_id(
    pattern: str, line: Line, patients: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    places = [Path(LABELS[pattern].format(patients=patients, name=name)) for name in ("p1", "p2")]
    words = (*RUN, patients / "p*" / "ct.nii.gz", "-o", "out", "--ids", "{parent}-{stem}")
    answer = line(*words, "--label", f"bone={pattern}")
    assert answer.status == 1
    assert all(f"({place})" in answer.err for place in places)  # the path that was tried
    for place in places:
        place.parent.mkdir(exist_ok=True)
        hu.write(ball_label(ball_scan()), place)
    answer = line(*words, "--label", f"bone={pattern}")
    assert answer.status == 0, answer.err
    assert sorted(Path("out").glob("cases/*/label-bone.nii.gz")) == [
        Path(f"out/cases/{name}-ct/label-bone.nii.gz") for name in ("p1", "p2")
    ]


def test_a_label_is_that_of_its_own_image(line: Line, patients: Path, tmp_path: Path) -> None:
    for value, name in enumerate(("p1", "p2"), start=3):
        image = ball_scan()
        full = np.full(image.shape, value, np.uint8)
        label = hu.Volume.from_array(full, affine=image.grid.affine, quantity="label")
        hu.write(label, tmp_path / f"{name}.nii.gz")
    words = (*RUN, patients, "-o", tmp_path / "out", "--ids", "folder")
    assert line(*words, "--label", f"{tmp_path}/{{parent}}.nii.gz").status == 0
    for value, name in enumerate(("p1", "p2"), start=3):
        made = hu.read(tmp_path / "out" / "cases" / name / "label-label.nii.gz", quantity="label")
        assert made.array.max() == value


def test_the_number_of_a_series_leaves_image_files_out(line: Line, tmp_path: Path) -> None:
    source = tmp_path / "scans"
    for kernel in ("SOFT", "BONE"):
        part(small_head(), source / kernel, ConvolutionKernel=kernel)
    hu.write(ball_scan(), source / "ball.nii.gz")
    rows = json.loads(line("inspect", source, "--json").out)["series"]
    for row in (row for row in rows if row["number"] is not None):
        out = tmp_path / str(row["number"])
        answer = line(*RUN, source, "-o", out, "--series", row["number"])
        assert answer.status == 0, answer.err
        assert ids(out) == [row["id"]]
        assert "1 image file not selected by --series" in answer.err
    answer = line(*RUN, source, "-o", tmp_path / "none", "--series", 7)
    assert answer.status == 3
    assert "expected one of 0 (" in answer.err


@pytest.mark.parametrize("verb", ["inspect", "convert", "plan", "run", "planes", "status"])
def test_a_missing_source_is_3_whatever_the_verb(verb: str, line: Line, tmp_path: Path) -> None:
    missing, out = tmp_path / "missing", tmp_path / "out"
    words = {
        "inspect": (missing,),
        "status": (missing,),
        "convert": (missing, tmp_path / "x.nrrd"),
        "plan": ("isotropic-mip", missing),
        "run": ("isotropic-mip", missing, "-o", out),
        "planes": (missing, "-o", tmp_path / "x.png"),
    }[verb]
    answer = line(verb, *words)
    assert (answer.status, len(answer.lines)) == (3, 1)
    assert f"{missing}: no such file or folder" in answer.err
