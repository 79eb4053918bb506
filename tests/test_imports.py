"""Importing is light, and the package never runs what it reads."""

from __future__ import annotations

import ast
import json
import statistics
import subprocess
import sys
from pathlib import Path
from time import perf_counter

import pytest

import hounsfield

SOURCE = Path(hounsfield.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))

HEAVY = (
    "scipy",
    "pydicom",
    "nibabel",
    "nrrd",
    "zarr",
    "torch",
    "SimpleITK",
    "PIL",
    "imagecodecs",
    "dask",
    "highdicom",
)

ALLOWED_MS = 150
RUNS = 7
TRIES = 3
"""A busy machine can slow a start: the promise is broken if three series in a row break it."""


def median_ms(*command: str) -> float:
    """The median time of a few runs of `command`, ms, after one that fills the caches."""
    times = []
    for _ in range(RUNS + 1):
        started = perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        times.append((perf_counter() - started) * 1000)
    return statistics.median(times[1:])


def extra_ms(command: tuple[str, ...], base: tuple[str, ...]) -> float:
    """How much longer `command` takes than `base`, ms, at the best of a few tries."""
    best = float("inf")
    for _ in range(TRIES):
        best = min(best, median_ms(*command) - median_ms(*base))
        if best <= ALLOWED_MS:
            break
    return best


def test_import_costs_little_more_than_numpy() -> None:
    python = sys.executable
    assert (
        extra_ms((python, "-c", "import hounsfield"), (python, "-c", "import numpy")) <= ALLOWED_MS
    )


def test_version_costs_little_more_than_a_bare_interpreter() -> None:
    python = sys.executable
    assert extra_ms((python, "-m", "hounsfield", "--version"), (python, "-c", "pass")) <= ALLOWED_MS


def test_import_loads_nothing_heavy() -> None:
    code = "import json, sys, hounsfield; print(json.dumps(sorted(sys.modules)))"
    answer = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    roots = {name.partition(".")[0] for name in json.loads(answer.stdout)}
    assert roots.isdisjoint(HEAVY)


def test_the_package_says_that_it_is_typed() -> None:
    assert (SOURCE / "py.typed").is_file()


FORBIDDEN_MODULES = ("pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle", "code", "pty")
FORBIDDEN_CALLS = (
    "eval",
    "exec",
    "compile",
    "__import__",
    "os.system",
    "os.popen",
    "subprocess.getoutput",
    "subprocess.getstatusoutput",
    "yaml.load",
    "numpy.load",
    "np.load",
)


def offences(tree: ast.AST) -> list[str]:
    """What could run data as code: pickle, eval, exec, a shell, numpy's object arrays."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [
                name.name for name in node.names if name.name.partition(".")[0] in FORBIDDEN_MODULES
            ]
        elif (
            isinstance(node, ast.ImportFrom)
            and (node.module or "").partition(".")[0] in FORBIDDEN_MODULES
        ):
            found.append(f"from {node.module}")
        elif isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            words = {word.arg: ast.unparse(word.value) for word in node.keywords}
            safe_load = name.endswith(".load") and words.get("allow_pickle") == "False"
            if (
                (name in FORBIDDEN_CALLS and not safe_load)
                or words.get("shell") == "True"
                or words.get("allow_pickle") == "True"
            ):
                found.append(ast.unparse(node))
    return found


@pytest.mark.parametrize("path", FILES, ids=[str(path.relative_to(SOURCE)) for path in FILES])
def test_no_file_of_the_package_can_run_what_it_reads(path: Path) -> None:
    assert offences(ast.parse(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from marshal import loads",
        "eval(text)",
        "os.system(line)",
        "subprocess.run(line, shell=True)",
        "np.load(path)",
        "np.load(path, allow_pickle=True)",
    ],
)
def test_the_search_for_such_code_finds_it(code: str) -> None:
    assert offences(ast.parse(code))


def test_numpy_without_pickle_is_allowed() -> None:
    assert offences(ast.parse("np.load(path, allow_pickle=False)")) == []
