"""No output has anything of a study whose header is full of what identifies the patient.

A new format of the registry is covered by itself; another kind of output is one line of OUTPUTS.
"""

from __future__ import annotations

import errno
import logging
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
from PIL import Image, PngImagePlugin

import hounsfield as hu
from hounsfield.dataset.audit.audit import Audit, audit, search_outputs
from hounsfield.dataset.audit.search import Searcher
from hounsfield.dataset.audit.source_tokens import Sources, read_sources
from hounsfield.dataset.audit.token import Kind
from hounsfield.io.formats import output_names
from tests.cli.conftest import Line, line, own_key
from tests.dataset.audit.planted import BIRTH, FOLDER, NESTED, PLACES, plant, uids, value_of
from tests.io.dicom.labels.segments import write_segments
from tests.io.dicom.labels.structures import Line as Contour
from tests.io.dicom.labels.structures import write_structures

__all__ = ["line", "own_key"]

KEEP = hu.Pipeline([hu.Clip(low_hu=-1024, high_hu=2000)])


@dataclass(frozen=True)
class Study:
    """The planted study, its tokens, and a pipeline."""

    scan: Path
    tokens: Sources
    pipeline: Path


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    folder = tmp_path_factory.mktemp("in")
    scan = plant(folder)
    steps = hu.Pipeline([hu.Window(name="brain")])  # what every format can store
    (folder / "steps.toml").write_text(steps.to_toml())
    return Study(scan, read_sources([str(scan)], out=folder / "none"), folder / "steps.toml")


@pytest.fixture(scope="module")
def runs() -> dict[str, Path]:
    """The outputs of runs by their formats, of the tests before."""
    return {}


Make = Callable[[Study, Path, Line], None]


def run(*options: object) -> Make:
    """What a run leaves, what it prints as JSON, and its messages."""

    def make(study: Study, out: Path, line: Line) -> None:
        words = ("run", study.pipeline, study.scan, "-o", out / "run", "-v")
        answer = line(*words, *(options or ("--json",)))
        keep_streams(answer, out, study, name="run")
        assert answer.status == 0, answer.err

    return make


def keep_streams(answer: object, out: Path, study: Study, *, name: str) -> None:
    """Write what a command printed; its terminal may name the path that was typed, and files."""
    typed = (str(study.scan), study.scan.name, *(path.name for path in study.scan.iterdir()))
    out.mkdir(exist_ok=True)
    text = answer.out if answer.out.startswith("{") else _without(answer.out, typed)  # type: ignore[attr-defined]
    (out / f"{name}.out").write_text(text)
    (out / f"{name}.err").write_text(_without(answer.err, typed))  # type: ignore[attr-defined]


def _without(text: str, typed: tuple[str, ...]) -> str:
    for path in typed:
        text = text.replace(path, "PATH")
    return text


def verb(*words: object, status: int = 0) -> Make:
    """What a verb writes and prints; SCAN and OUT are replaced."""

    def make(study: Study, out: Path, line: Line) -> None:
        places = {"SCAN": study.scan, "OUT": out / "made"}
        out.mkdir(exist_ok=True)
        for number, more in enumerate((("-v",), ("--json",))):
            filled = [_filled(str(word), places) for word in words]
            answer = line(*filled, *more, "--traceback")
            keep_streams(answer, out, study, name=f"verb-{number}")
            assert answer.status == status, answer.err

    return make


def _filled(word: str, places: dict[str, Path]) -> str:
    for name, path in places.items():
        word = word.replace(name, str(path))
    return word


def restored(study: Study, out: Path, line: Line) -> None:
    run()(study, out, line)
    (record,) = out.glob("run/cases/*/record.json")
    prediction = out / "prediction.nii.gz"
    made = hu.read(record.parent / "image.nii.gz", quantity="unit")
    label = (made.array > 0).astype(np.uint8)
    hu.write(hu.Volume.from_array(label, affine=made.affine, quantity="label"), prediction)
    words = ("restore", record, prediction, "-o")
    keep_streams(line(*words, out / "back.nii.gz", "-v"), out, study, name="restore")
    seg = ("--format", "seg", "--source", study.scan)
    answer = line(*words, out / "seg.dcm", *seg, "-v")
    assert answer.status == 0, answer.err


def status(study: Study, out: Path, line: Line) -> None:
    run()(study, out, line)
    for more in ((), ("--json",)):
        answer = line("status", out / "run", *more)
        keep_streams(answer, out, study, name=f"status{len(more)}")


def many(*commands: tuple[object, ...], make: Make | None = None) -> Make:
    """What several verbs write and print, after a run; SCAN, RUN and OUT are replaced."""

    def made(study: Study, out: Path, line: Line) -> None:
        (make or run())(study, out, line)
        places = {"SCAN": study.scan, "RUN": out / "run", "OUT": out, "STEPS": study.pipeline}
        for number, words in enumerate(commands):
            answer = line(*(_filled(str(word), places) for word in words), "--traceback")
            keep_streams(answer, out, study, name=f"verb-{number}")
            assert answer.status == 0, answer.err

    return made


TABLES = ("--csv", "OUT/a.csv", "--jsonl", "OUT/a.jsonl", "--parquet", "OUT/a.parquet")


def with_points(study: Study, out: Path, line: Line) -> None:
    """Points of a table whose texts are those of the patient's file."""
    table = out.parent / "points.csv"
    x, y, z = hu.open(study.scan).grid.world((12, 12, 2))
    table.write_text(f"id,label,x,y,z\n*,tip,{x},{y},{z}\n")
    run("--points", table, "--frame", "ras", "--json")(study, out, line)


def logged(study: Study, out: Path, line: Line) -> None:
    """What the logger has at its most detailed level, with a case that fails."""
    bad = out.parent / "bad" / FOLDER
    shutil.copytree(study.scan, bad)
    for path in sorted(bad.iterdir()):
        path.write_bytes(path.read_bytes()[:1400])
    out.mkdir()
    handler = logging.FileHandler(out / "log.txt")
    handler.setFormatter(logging.Formatter("%(name)s %(message)s %(args)s %(exc_text)s"))
    logger = logging.getLogger("hounsfield")
    logger.addHandler(handler)
    level = logger.level
    logger.setLevel(logging.DEBUG)
    try:
        hu.run(hu.Pipeline.load(study.pipeline), [str(study.scan), str(bad)], out / "run")
    finally:
        logger.setLevel(level)
        logger.removeHandler(handler)
        handler.close()
    assert (out / "log.txt").read_text()


def restored_folder(study: Study, out: Path, line: Line) -> None:
    run()(study, out, line)
    (record,) = out.glob("run/cases/*/record.json")
    made = hu.read(record.parent / "image.nii.gz", quantity="unit")
    label = (made.array > 0).astype(np.uint8)
    folder = out / "predictions"
    folder.mkdir()
    volume = hu.Volume.from_array(label, affine=made.affine, quantity="label")
    hu.write(volume, folder / f"{record.parent.name}.nii.gz")
    for name, more in (("a", ("--json",)), ("b", ("-v",))):
        answer = line("restore", out / "run", folder, "-o", out / name, *more)
        keep_streams(answer, out, study, name=f"restore-{name}")
        assert answer.status == 0, answer.err


def with_regions(study: Study, out: Path, line: Line) -> None:
    """Labels from contours and segments that are named after the patient."""
    files = sorted(path for path in study.scan.iterdir())
    made = out.parent / "labels"
    made.mkdir()
    names = ["GTV", "Zykowska Olimpia", "Zykowska", "tumour_zykowska2", value_of(0)]
    stack = hu.open(study.scan)
    centre = stack.grid.world((12, 12, 2))
    ring = [(-30, -30, 0), (30, -30, 0), (30, 30, 0), (-30, 30, 0)]
    contour = Contour(np.array([centre + np.array(point) for point in ring]))
    contours = write_structures(made / "rs.dcm", [(name, [contour]) for name in names])
    data = pydicom.dcmread(contours)
    data.PatientName, data.PatientID = "Zykowska^Olimpia Ng", value_of(0)
    data.save_as(contours)
    masks = np.zeros((len(files), 24, 24), np.uint8)
    masks[2, 5:9, 5:9] = 1
    write_segments(made / "seg.dcm", files, masks, names=["Olimpia"])
    for name in ("rs", "seg"):
        options = ("--label", made / f"{name}.dcm", "--traceback", "-v")
        answer = line("run", study.pipeline, study.scan, "-o", out / name, *options)
        keep_streams(answer, out, study, name=name)
        assert answer.status == 0, answer.err
        keep_streams(line("inspect", made, "--json"), out, study, name=f"inspect-{name}")


def broken(study: Study, out: Path, line: Line) -> None:
    """A truncated slice, a series that is refused, and an error in a step."""
    for name in ("cut", "refused"):
        scan = out.parent / name / FOLDER
        shutil.copytree(study.scan, scan)
        first = sorted(scan.iterdir())[2]
        if name == "cut":
            first.write_bytes(first.read_bytes()[:1400])
        else:
            data = pydicom.dcmread(first)
            data.RescaleSlope = "0"
            data.save_as(first)
        for more in ((), ("--json",)):
            words = ("run", study.pipeline, scan, "-o", out / name, "-v", "--traceback", *more)
            keep_streams(line(*words), out, Study(scan, study.tokens, scan), name=f"{name}{more}")
            words = ("inspect", scan, "--values", "-v", "--html", out / f"{name}.html", *more)
            keep_streams(
                line(*words), out, Study(scan, study.tokens, scan), name=f"in-{name}{more}"
            )


def full_disk(study: Study, out: Path, line: Line) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(study.scan))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hounsfield.dataset.outputs._draw", fail)
        words = ("run", study.pipeline, study.scan, "-o", out / "run", "-v", "--traceback")
        answer = line(*words)
        keep_streams(answer, out, study, name="run")
        keep_streams(line(*words, "--json"), out, study, name="json")
    assert answer.status == 1


KILLED = """
import os, signal, sys
import hounsfield.dataset.outputs as outputs
outputs._draw = lambda *a, **k: os.kill(os.getpid(), signal.SIGKILL)
from hounsfield.__main__ import main
main(sys.argv[1:])
"""


def killed(study: Study, out: Path, line: Line) -> None:
    """What is left of a run that is killed before its last file."""
    words = ["run", str(study.pipeline), str(study.scan), "-o", str(out / "run")]
    done = subprocess.run([sys.executable, "-c", KILLED, *words], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL
    assert list(out.rglob("image.nii.gz"))


OUTPUTS: dict[str, Make] = {
    **{f"run to {name}": run("--format", name, "--json") for name in output_names()},
    **{
        f"convert to {name}": verb(
            "convert", "SCAN", "OUT", "--format", name, status=int(name == "png8")
        )
        for name in output_names()
    },
    "run of a preset": run("--set", "Window.name=bone"),
    "run with hashed ids": run("--ids", "hash"),
    "restore": restored,
    "status": status,
    "tables of status": many(
        ("status", "RUN", *TABLES, "-v"), ("status", "RUN", "--csv", "OUT/b.csv", "--json")
    ),
    "verify": many(("verify", "RUN", "-v"), ("verify", "RUN", "--json")),
    "diff": many(("diff", "RUN", "RUN", "-v"), ("diff", "RUN", "RUN", "--json")),
    "plan as JSON": many(("plan", "STEPS", "SCAN", "--json")),
    "points": with_points,
    "logger": logged,
    "restore of a folder": restored_folder,
    **{
        f"export {name}": many(
            ("export", name, "SCAN", "-o", f"OUT/Dataset501_{name}", "-v"),
            ("export", name, "RUN", "-o", f"OUT/Dataset502_{name}", "--json"),
        )
        for name in ("monai", "bids")  # the others need labels
    },
    "Dask": run("--engine", "dask", "-j", "1", "--json"),
    "regions": with_regions,
    "inspect": verb("inspect", "SCAN", "--values", "--html", "OUT.html"),
    "plan": verb("plan", "head", "SCAN"),
    "planes": verb("planes", "SCAN", "-o", "OUT.png", "--crosshair"),
    "montage": verb("montage", "SCAN", "-o", "OUT.png"),
    "histogram": verb("histogram", "SCAN", "-o", "OUT.png"),
    "compare": verb("compare", "SCAN", "SCAN", status=1),
    "demo": verb("demo", "SCAN", "-o", "OUT"),
    "a wrong option": verb("convert", "SCAN", "OUT.xyz", status=1),
    "another series": verb("convert", "SCAN", "OUT.nii", "--series", "9", status=1),
    "broken sources": broken,
    "a full disk": full_disk,
    "a killed run": killed,
}

ALLOWED: dict[str, tuple[Kind, ...]] = {"restore": ("uid",)}
"""A segmentation names the slices that it belongs to."""


def audited(study: Study, out: Path, *, allow: tuple[Kind, ...] = ()) -> Audit:
    return search_outputs(out, study.tokens, allow=allow)


@pytest.mark.filterwarnings("ignore::hounsfield.HounsfieldWarning")
@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.slow] * (name in ("demo", "Dask"))) for name in OUTPUTS],
)
def test_no_output_has_anything_of_the_patient(
    name: str, study: Study, tmp_path: Path, line: Line, runs: dict[str, Path]
) -> None:
    out = tmp_path / "out"
    runs[name.removeprefix("run to ")] = out
    OUTPUTS[name](study, out, line)
    found = audited(study, out, allow=ALLOWED.get(name, ()))
    assert found.files > 1
    leaks = [each for each in found.findings if not each.is_note]
    assert [(each.file, each.kind, each.attribute, each.where, each.value) for each in leaks] == []
    assert found.is_clean


def test_every_planted_value_is_searched_for(study: Study, tmp_path: Path) -> None:
    """One file for each value: each is found, and nothing is in the file without one."""
    planted = {place: value_of(number) for number, place in enumerate(PLACES)}
    planted |= {place: value_of(number) for place, number in NESTED.items()} | uids(study.scan)
    planted |= {"birth": BIRTH, "weight": '"weight": 83.75', "size": '"PatientSize": 1.792'}
    planted |= {"name": "Olimpia", "age": "068Y", "word": "Aareschlucht", "phone": "0315551234"}
    planted |= {"time": "10:15:30.274913", "doctor": "XAVER, Przybyl", "place": "ostermundigen"}
    planted |= {"path": str(study.scan), "none": "WQK999"}
    for number, text in enumerate(planted.values()):
        (tmp_path / f"{number:03d}.txt").write_text(f"value {text} end\n")
    found = {each.ordinal for each in audited(study, tmp_path).findings}
    assert [place for n, place in enumerate(planted) if n not in found] == ["none"]


def spoil(path: Path) -> bool:
    """Put a planted value into an output as its format allows; returns whether it is possible."""
    text = value_of(13)
    if path.name.endswith(".nii.gz") or path.suffix == ".nii":
        image = nibabel.Nifti1Image.from_bytes(nibabel.load(path).to_bytes())
        image.header["aux_file"] = text.encode()
        nibabel.save(image, path)
    elif path.suffix == ".dcm":
        data = pydicom.dcmread(path)
        data.StationName = text
        data.save_as(path)
    elif path.suffix == ".png":
        info = PngImagePlugin.PngInfo()
        info.add_text("Comment", text, zip=True)
        with Image.open(path) as image:
            image.copy().save(path, pnginfo=info)
    elif path.suffix == ".nrrd":
        head, _, rest = path.read_bytes().partition(b"\n\n")
        path.write_bytes(head + b"\nnote:=" + text.encode() + b"\n\n" + rest)
    else:
        path.write_bytes(path.read_bytes() + text.encode())
    return True


@pytest.mark.filterwarnings("ignore::hounsfield.HounsfieldWarning")
@pytest.mark.parametrize("format", output_names())
def test_a_value_in_any_file_of_a_run_is_found(
    format: str, study: Study, tmp_path: Path, line: Line, runs: dict[str, Path]
) -> None:
    out = runs.get(format, tmp_path / "out")
    if not out.exists():
        OUTPUTS[f"run to {format}"](study, out, line)
    files = sorted(path for path in (out / "run").rglob("*") if path.is_file())
    kinds = {path.suffix: path for path in files}
    for path in kinds.values():
        before = path.read_bytes()
        spoil(path)
        names = {each.file for each in audited(study, out / "run").findings}
        assert names == {path.relative_to(out / "run").as_posix()}
        path.write_bytes(before)


def test_the_verb_reports_what_was_found_without_a_value(
    study: Study, tmp_path: Path, line: Line
) -> None:
    out = tmp_path / "out"
    run()(study, out, line)
    words = ("audit", out / "run", "--source", study.scan)
    assert line(*words).status == 0
    note = out / "run" / "cases" / f"{FOLDER}.txt"
    note.write_text(f"seen on 31.12.1949 by {value_of(3)}")
    answer = line(*words)
    assert answer.status == 1
    assert "PatientBirthDate" in answer.out
    printed = line(*words).out + line(*words, "--json").out
    assert not [text for text in ("1949", value_of(3), "Zykowska", "Olimpia") if text in printed]
    assert value_of(3) in line(*words, "-v").out
    answer = line(*words, "--allow", "date", "--allow", "id", "--allow", "name", "--allow", "path")
    assert answer.status == 0
    assert line("audit", tmp_path / "none", "--source", study.scan).status == 3
    assert line("audit", out, "--source", tmp_path / "none").status == 3
    assert line(*words, "--allow", "nothing").status == 2
    assert line("audit", out, "--source", out).status == 2


def test_many_forms_are_searched_in_parts_with_the_same_findings(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "Zykowska").mkdir()
    text = f"{BIRTH} {value_of(3)} {value_of(4)} {value_of(4)} olimpia"
    (tmp_path / "Zykowska" / "a.txt").write_text(text)

    def found() -> list[object]:
        return sorted((str(each) for each in audited(study, tmp_path).findings), key=str)

    whole = found()
    assert len(whole) > 5
    monkeypatch.setattr("hounsfield.dataset.audit.audit.Searcher", partial(Searcher, most=9000))
    assert found() == whole


def test_the_digest_of_a_source_file_is_a_note(tmp_path: Path) -> None:
    source = tmp_path / "Zykowska.nii.gz"
    hu.write(hu.Volume.from_array(np.zeros((9, 9, 9), np.int16), affine=np.eye(4)), source)
    out = tmp_path / "out"
    hu.run(KEEP, [str(source)], out, ids="hash")
    found = audit(out, [str(source)], digests=True)
    assert {each.kind for each in found.findings} == {"file-digest"}
    assert found.is_clean


def test_the_name_of_a_file_in_a_case_id_is_found(tmp_path: Path) -> None:
    source = tmp_path / "Zykowska.nii.gz"
    hu.write(hu.Volume.from_array(np.zeros((9, 9, 9), np.int16), affine=np.eye(4)), source)
    hu.run(KEEP, [str(source)], tmp_path / "out")
    found = audit(tmp_path / "out", [str(source)])
    assert {each.kind for each in found.findings} == {"path"}
    assert all("ykowska" not in each.file for each in found.findings)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::hounsfield.HounsfieldWarning")
def test_a_run_over_real_studies_leaves_nothing_of_them(real_data: Path, tmp_path: Path) -> None:
    names = ["leg_rtstruct_sts001/dicom", "body_siemens_j2k_seg/dicom", "odd_small", "nrrd"]
    sources = [str(real_data / name) for name in names]
    policy = hu.ReadPolicy(gaps="fill", assume="hu")
    hu.run(
        KEEP,
        sources,
        tmp_path / "out",
        format="dicom",
        ids="hash",
        policy=policy,
        find_labels=False,
    )
    found = audit(tmp_path / "out", sources)
    assert found.unread_sources == 0
    assert found.files > 50
    assert [(each.kind, each.attribute, each.file) for each in found.findings] == []
    assert {"name", "id", "date", "uid", "text", "path"} <= set(found.tokens)
    (tmp_path / "out" / "cases" / "note.txt").write_text("Mr. SIMPSON")
    assert {each.kind for each in audit(tmp_path / "out", sources).findings} == {"name"}
