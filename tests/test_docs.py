"""Every example in docstrings, README and docs runs, and every link leads somewhere."""

from __future__ import annotations

import ast
import doctest
import importlib
import pkgutil
import re
import shlex
import shutil
import subprocess
import sys
from glob import glob
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import hounsfield

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("design/**/*.md")])
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
BLOCK = re.compile(r"^```(python|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]+)(#[^)\s]*)?\)")
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def modules() -> list[str]:
    """The names of all modules of the package, the compiled one apart."""
    found = [module.name for module in pkgutil.walk_packages(hounsfield.__path__, "hounsfield.")]
    return ["hounsfield", *(name for name in found if not name.endswith((".native", ".__main__")))]


@pytest.mark.parametrize("name", modules())
def test_examples_in_docstrings_run(name: str) -> None:
    module: ModuleType = importlib.import_module(name)
    assert doctest.testmod(module, optionflags=FLAGS).failed == 0


@pytest.fixture(scope="session")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files of the pages, of a phantom head: scan/, ct.nii.gz, label.nii.gz."""
    from docs.make_examples import make_examples

    folder = tmp_path_factory.mktemp("examples")
    make_examples(folder)
    return folder


def blocks(page: Path) -> list[tuple[str, str]]:
    """The python and console blocks of a page, in order: (kind, text)."""
    return BLOCK.findall(page.read_text(encoding="utf-8"))


def run_python(text: str, names: dict[str, object], *, page: str) -> None:
    """Run a block of python: as a script, or as a doctest where it has prompts."""
    if ">>>" not in text:
        exec(compile(text, page, "exec", dont_inherit=True), names)  # noqa: S102
        return
    test = doctest.DocTestParser().get_doctest(text, names, page, page, 0)
    assert doctest.DocTestRunner(optionflags=FLAGS).run(test, clear_globs=False).failed == 0
    names.update(test.globs)


def run_console(text: str) -> None:
    """Run each line that begins with a prompt, with its stars expanded."""
    for line in text.splitlines():
        if line.startswith("$ hounsfield "):
            words = [
                found for word in shlex.split(line)[2:] for found in (sorted(glob(word)) or [word])
            ]
            done = subprocess.run(
                [sys.executable, "-m", "hounsfield", *words], capture_output=True, text=True
            )
            assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"


WITH_CODE = [page for page in PAGES if blocks(page)]


@pytest.mark.parametrize("page", WITH_CODE, ids=[str(page.relative_to(ROOT)) for page in WITH_CODE])
def test_code_on_a_page_runs_from_top_to_bottom(
    page: Path, examples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    shutil.copytree(examples, here)
    monkeypatch.chdir(here)
    run_page(page)


def run_page(page: Path) -> None:
    """Run the blocks of a page in order, in the current folder."""
    names: dict[str, object] = {"__name__": "__page__"}
    for kind, text in blocks(page):
        if kind == "python":
            run_python(text, names, page=page.name)
        else:
            run_console(text)


SCANS = {
    "tilted head": ("head_ge_tilt_varspacing/dicom", "LPS"),
    "head phantom as LAS": ("headphantom_philips_study/S2010", "LAS"),
    "body in JPEG 2000 as RAS": ("body_siemens_j2k_seg/dicom", "RAS"),
}
"""Real scans for the pages: a folder of DICOM, and the axes of ct.nii.gz and label.nii.gz."""

ON_SCANS = [ROOT / "docs" / "how-to" / f"{name}.md" for name in ("dicom-out", "labels", "pictures")]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::hounsfield.HounsfieldWarning")
@pytest.mark.parametrize("scan", SCANS)
@pytest.mark.parametrize("page", ON_SCANS, ids=[page.stem for page in ON_SCANS])
def test_code_on_a_page_runs_on_a_real_scan(
    page: Path, scan: str, real_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, axes = SCANS[scan]
    shutil.copytree(real_data / folder, tmp_path / "scan")
    ct = hounsfield.read(tmp_path / "scan")
    turned = hounsfield.regrid(ct, ct.grid.reoriented(axes))
    label = (turned.array > 100).astype(np.uint8) + (turned.array > -300)
    tissue = hounsfield.Volume.from_array(label, affine=turned.affine, quantity="label")
    hounsfield.write(turned, tmp_path / "ct.nii.gz")
    hounsfield.write(tissue, tmp_path / "label.nii.gz")
    monkeypatch.chdir(tmp_path)
    run_page(page)


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_links_on_a_page_lead_somewhere(page: Path) -> None:
    targets = [
        target
        for target, _ in LINK.findall(page.read_text(encoding="utf-8"))
        if "://" not in target
    ]
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_every_public_name_is_in_the_reference() -> None:
    pages = [ROOT / "docs" / "reference" / name for name in ("python.md", "steps.md")]
    text = "".join(page.read_text(encoding="utf-8") for page in pages)
    named = set(re.findall(r"\w+", text))
    assert [name for name in hounsfield.__all__ if name not in named] == []


def step_rows() -> dict[str, str]:
    """The rows of the table of steps by the name of the step."""
    return {
        row.split("`")[1]: row
        for row in (ROOT / "docs" / "reference" / "steps.md").read_text().splitlines()
        if row.startswith("| `")
    }


def test_every_step_and_parameter_is_in_the_reference() -> None:
    import dataclasses

    from hounsfield.steps.registry import NAMES, step_class

    rows = step_rows()
    assert sorted(rows) == sorted(NAMES)
    missing = [
        f"{name}.{field.name}"
        for name in NAMES
        for field in dataclasses.fields(step_class(name))
        if field.init and field.metadata.get("record", True) and f"`{field.name}" not in rows[name]
    ]
    assert missing == []


def test_defaults_in_the_reference_are_those_of_the_steps() -> None:
    import dataclasses

    from hounsfield.steps.registry import NAMES, step_class

    defaults = {
        f"{name}.{field.name}": field.default
        for name in NAMES
        for field in dataclasses.fields(step_class(name))
        if field.init and field.metadata.get("record", True)
    }
    written = {
        f"{name}.{key}": (value, "or `method=" in row)
        for name, row in step_rows().items()
        for key, value in re.findall(r"`(\w+)=([^`]+)`", row)
    }
    assert len(written) > 30
    wrong = [
        f"{key}: {value} in the reference, {defaults[key]!r} in the step"
        for (key, (value, is_choice)) in written.items()
        if not is_choice and ast.literal_eval(value) != defaults[key]
    ]
    assert wrong == []
    silent = [
        key
        for key, default in defaults.items()
        if key not in written
        and default is not dataclasses.MISSING
        and f"`{key.partition('.')[2]}`" not in step_rows()[key.partition(".")[0]]
    ]
    assert silent == []


def test_numbers_in_the_table_of_presets_are_those_of_the_presets() -> None:
    from hounsfield.pipeline.presets import preset, preset_names

    text = (ROOT / "docs" / "reference" / "presets.md").read_text()
    for name in preset_names():
        (row,) = re.findall(rf"^\| `{name}` \| (.*) \|$", text, re.MULTILINE)
        steps = preset(name).to_toml() if "fingerprint" not in row else ""
        known = {float(each) for each in re.findall(r"-?\d+(?:\.\d+)?", steps)}
        named = {float(each) for each in re.findall(r"(?<![\w`.])-?\d+(?:\.\d+)?", row)}
        assert not steps or named <= known | {0.0, 1.0}, name


def test_hu_of_the_masks_in_the_design_are_those_of_the_steps() -> None:
    from hounsfield import BrainMask, HeadMask

    text = (ROOT / "design" / "masks.md").read_text(encoding="utf-8")
    brain = BrainMask()
    assert f"Tissue: over {HeadMask().tissue_hu:g} HU" in text
    assert f"Bone is over {brain.bone_hu:g} HU" in text
    assert f"median {brain.low_hu:g} to {brain.high_hu:g} HU" in text
    assert f"no voxel over {brain.most_hu:g} HU" in text


def test_the_table_of_formats_is_that_of_the_registry() -> None:
    from hounsfield.io.formats import FORMATS, Format

    def row(each: Format) -> str:
        outs = each.outputs
        names = [f"`{out.name}`{' (a folder)' if out.is_folder else ''}" for out in outs]
        flags = [
            ("yes" if all(values) else "no") if outs else ""
            for values in (
                [out.is_lossless for out in outs],
                [bool(out.slab_writer) for out in outs],
            )
        ]
        suffixes = ", ".join(f"`{suffix}`" for suffix in each.suffixes) or "a folder"
        return " | ".join([each.title, suffixes, ", ".join(names) or "read only", *flags])

    text = (ROOT / "docs" / "reference" / "formats.md").read_text()
    written = [line[2:-2] for line in text.splitlines() if line.startswith("| ")][1:]
    assert [line.rstrip(" |") for line in written] == [row(each).rstrip(" |") for each in FORMATS]


def test_every_preset_is_in_the_reference() -> None:
    from hounsfield.pipeline.presets import preset_names

    text = (ROOT / "docs" / "reference" / "presets.md").read_text()
    assert [name for name in preset_names() if f"| `{name}` |" not in text] == []


def test_the_tables_of_windows_and_clips_are_those_of_the_package() -> None:
    from hounsfield.core.windows import CLIPS, WINDOWS

    rows = [
        line.split(" | ")
        for line in (ROOT / "docs" / "reference" / "windows.md").read_text().splitlines()
        if re.match(r"\| [a-z-]+ \| -?\d", line)
    ]
    written = [(row[0].strip("| "), float(row[1]), float(row[2].strip("| "))) for row in rows]
    assert written == [(name, *pair) for table in (WINDOWS, CLIPS) for name, pair in table.items()]


def test_every_limit_in_the_security_page_exists() -> None:
    names = re.findall(
        r"`((?:core|io|pipeline)\.[\w.]+\.[A-Z_]+)`", (ROOT / "SECURITY.md").read_text()
    )
    assert len(names) > 15
    for name in names:
        module, _, constant = name.rpartition(".")
        assert hasattr(importlib.import_module(f"hounsfield.{module}"), constant), name


def test_every_test_that_the_table_of_checks_names_exists() -> None:
    named = re.findall(
        r"`(tests/\S+\.py)::(\w+)`", (ROOT / "design" / "checks.md").read_text(encoding="utf-8")
    )
    assert named
    missing = [
        f"{path}::{name}"
        for path, name in named
        if not (ROOT / path).is_file()
        or f"def {name}(" not in (ROOT / path).read_text(encoding="utf-8")
    ]
    assert missing == []


def test_every_verb_is_in_the_reference() -> None:
    from hounsfield.cli.main import VERBS

    text = (ROOT / "docs" / "reference" / "command-line.md").read_text().partition("\n## ")[0]
    assert set(re.findall(r"^\| `([a-z]+)", text, re.MULTILINE)) == set(VERBS)


def test_the_picture_of_the_packages_is_made_from_the_imports() -> None:
    from docs.make_rooms import TARGET, draw

    assert draw() == TARGET.read_text(encoding="utf-8")
