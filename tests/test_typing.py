"""Type checkers see every public name: correct code passes, planted errors are reported."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import numpy as np
import pytest

import hounsfield as hu
from hounsfield.steps.registry import NAMES as STEPS

SOURCE = Path(hu.__file__).parent

SCRIPT = """\
from pathlib import Path

import numpy as np

import hounsfield as hu
from hounsfield import Clip, MapRange, Resample

ct: hu.Volume = hu.read("scan.nii.gz", gaps="fill", tilt="correct")
stack: hu.Stack = hu.open(Path("scan"), series="c-0123456789ab", assume="hu")
label = hu.read("label.nii.gz", quantity="label")
regions: dict[str, hu.Volume] = hu.read_labels("rtstruct.dcm", image=ct, names=["liver"])

spacing: tuple[float, float, float] = ct.grid.spacing_mm
shape: tuple[int, ...] = ct.shape
mean: float = float(np.mean(ct.array))
is_hu: bool = ct.quantity == "hu" and ct.background == -1024
made = hu.Volume.from_array(np.zeros((4, 4, 2), np.int16), affine=np.eye(4), quantity="hu")

pipeline = hu.Pipeline(
    [
        hu.Reorient("RAS"),
        Resample(spacing_mm=(1, 1, 2.5), method="linear", fit="exact_fov"),
        hu.Denoise(method="median", radius_mm=1),
        hu.HeadMask(),
        hu.CropToMask(mask="head", margin_mm=5),
        hu.CropOrPad(shape=(256, 256, None)),
        Clip(low_hu=-100, high_hu=1000),
        MapRange(to_high=255),
        hu.Slab(statistic="max", thickness_mm=10),
    ],
    name="mine",
)
windowed = hu.Pipeline([hu.Window(center_hu=40, width_hu=80, function="sigmoid")])
preset = hu.preset("isotropic-mip", settings={"Resample.spacing_mm": 2, "Clip.low_hu": -200})
plan: hu.Plan = pipeline.plan(ct)
result: hu.Result = preset.run(hu.Case(ct, {"label": label}), dtype="float32")
mask: np.ndarray = result.masks["head"].array
text: str = result.record.to_text() + pipeline.to_toml()
back = hu.regrid(label, result.volume.grid, method="nearest")
same: bool = hu.compare(ct, back).same
hu.write(result.volume, "out.nii.gz", dtype="float32")
hu.planes(ct, window="brain", overlay=label).save("ct.png")
hu.montage(ct, rows=2, columns=3, plane="coronal").save("sheet.png")

try:
    hu.read("nothing.nii.gz")
except hu.MissingFileError as error:
    diagnostics: tuple[hu.Diagnostic, ...] = error.diagnostics
    codes: list[str] = [one.code for one in diagnostics]
"""

WRONG = (
    'hu.read("scan.nii.gz", gap="fill")',
    'hu.read("scan.nii.gz", gaps="interpolate")',
    'hu.Window(name="brain", shape="sigmoid")',
    'hu.Window(name="brain", function="exact")',
    'hu.Resample(spacing_mm="1 mm")',
    'hu.Slab(statistic="median", slices=3)',
    "hu.Resamples(spacing_mm=1)",
    'hu.preset("head", settings=["Resample.spacing_mm=2"])',
    "hu.Pipeline([hu.Clip(low_hu=0, high_hu=1), 3])",
    'hu.read("scan.nii.gz").voxels',
    'hu.read("scan.nii.gz").grid.spacing',
    'hu.preset("head").run(5)',
    'hu.write("out.nii.gz", hu.read("scan.nii.gz"))',
    'number: int = hu.read("scan.nii.gz").grid.orientation',
    "hu.regrid(hu.read('label.nii.gz'))",
)
"""One mistake a line: a wrong keyword, value or type, or an attribute that does not exist."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the scripts and an environment that has this package as a wheel installs it."""
    folder = tmp_path_factory.mktemp("user")
    venv.create(folder / "env", with_pip=False, symlinks=True)
    site = folder / "env" / Path(sysconfig.get_path("purelib")).relative_to(sys.prefix)
    shutil.copytree(SOURCE, site / "hounsfield", ignore=shutil.ignore_patterns("__pycache__"))
    (site / "numpy").symlink_to(Path(np.__file__).parent)
    (folder / "right.py").write_text(SCRIPT)
    (folder / "wrong.py").write_text("import hounsfield as hu\n" + "\n".join(WRONG) + "\n")
    return folder


def python_of(folder: Path) -> str:
    return str(folder / "env" / "bin" / "python")


@pytest.fixture(scope="module")
def mypy(folder: Path) -> dict[str, list[str]]:
    """What mypy --strict reports, by 'FILE:LINE'."""
    pytest.importorskip("mypy", reason="mypy is not installed: pip install hounsfield[check]")
    options = ["--strict", "--no-error-summary", "--python-executable", python_of(folder)]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *options, "right.py", "wrong.py"],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    found: dict[str, list[str]] = {}
    for line in done.stdout.splitlines():
        place = re.match(r"(\S+\.py:\d+): error", line)
        if place:
            found.setdefault(place[1], []).append(line)
    return found


@pytest.fixture(scope="module")
def pyright(folder: Path) -> dict[str, list[str]]:
    """What pyright reports in strict mode, by 'FILE:LINE'."""
    pytest.importorskip("basedpyright", reason="needs basedpyright: pip install hounsfield[check]")
    config = {"typeCheckingMode": "strict", "include": ["right.py", "wrong.py"]}
    (folder / "pyrightconfig.json").write_text(json.dumps(config))
    done = subprocess.run(
        [sys.executable, "-m", "basedpyright", "--outputjson", "--pythonpath", python_of(folder)],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    found: dict[str, list[str]] = {}
    for item in json.loads(done.stdout)["generalDiagnostics"]:
        place = f"{Path(item['file']).name}:{item['range']['start']['line'] + 1}"
        if item["severity"] == "error":
            found.setdefault(place, []).append(item["message"])
    return found


@pytest.mark.slow
@pytest.mark.parametrize("checker", ["mypy", "pyright"])
def test_a_correct_script_passes(checker: str, request: pytest.FixtureRequest) -> None:
    found = request.getfixturevalue(checker)
    assert {place: said for place, said in found.items() if place.startswith("right.py")} == {}


@pytest.mark.slow
@pytest.mark.parametrize("checker", ["mypy", "pyright"])
def test_every_mistake_is_reported_at_its_line(
    checker: str, request: pytest.FixtureRequest
) -> None:
    found = request.getfixturevalue(checker)
    lines = {f"wrong.py:{number}" for number in range(2, 2 + len(WRONG))}
    assert {place for place in found if place.startswith("wrong.py")} == lines


def test_the_public_names_stand_in_the_stub_alone() -> None:
    stub = (SOURCE / "__init__.pyi").read_text(encoding="utf-8")
    listed = re.findall(r"^from \.\S+ import (\w+) as \1$", stub, re.MULTILINE)
    assert sorted(listed) == sorted(set(hu.__all__) - {"__version__"})
    assert dir(hu) == sorted(hu.__all__)
    assert all(getattr(hu, name) is not None for name in hu.__all__)


def test_every_step_is_a_public_name() -> None:
    assert [name for name in STEPS if name not in hu.__all__] == []


@pytest.mark.parametrize("name", ["hounsfield.testing", "hounsfield.phantom", "hounsfield.picture"])
def test_a_public_module_lists_its_names(name: str) -> None:
    module = __import__(name, fromlist=["__all__"])
    assert [public for public in module.__all__ if not hasattr(module, public)] == []
