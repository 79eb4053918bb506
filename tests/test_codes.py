"""Codes in the source and in the registry are the same, and each has its page."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import hounsfield
from hounsfield.core.codes import ORIGINS, codes
from hounsfield.core.diagnostic import SEVERITIES

SOURCE = Path(hounsfield.__file__).parent
PAGES = Path(__file__).resolve().parents[1] / "docs" / "codes"

FIRST = {"Diagnostic", "Finding", "diagnose", "refused"}
"""Calls whose first argument is a code."""

THIRD = {"OtherFile"}
"""Calls whose third argument is one."""

TABLES = {
    "io/dicom/series/series.py": "_SPLIT_CODES",
    "io/dicom/report.py": "_NOT_READABLE",
    "io/dicom/rtstruct/rasterize.py": "_SEVERITIES",
}
"""Tables of codes: values (the first of a pair), or keys where the values are severities."""

PASSED_ON = re.compile(r"(.*\.)?code|_codes\(.*\)|','\.join\(error\.codes\)|_[A-Z_]+\[\w+\]")
"""A code that is not a constant: from an argument, a diagnostic, an error or a table."""


class Module:
    """One file: the codes in it with their severities, and expressions that are not constants."""

    def __init__(self, path: Path) -> None:
        self.name = path.relative_to(SOURCE).as_posix()
        self.tree = ast.parse(path.read_text(encoding="utf-8"))
        self.found: list[tuple[str, tuple[str, ...]]] = []
        self.passed_on: set[str] = set()
        for node in ast.walk(self.tree):
            self._look(node)

    def _look(self, node: ast.AST) -> None:
        if isinstance(node, ast.Call):
            self._call(node)
        elif isinstance(node, ast.ClassDef):
            for item in node.body:
                named = item.targets[0] if isinstance(item, ast.Assign) else None
                named = item.target if isinstance(item, ast.AnnAssign) else named
                if isinstance(named, ast.Name) and named.id == "code" and item.value is not None:
                    self._add(item.value)
        elif isinstance(node, ast.FunctionDef):
            for argument, value in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True):
                if argument.arg == "code" and value is not None and ast.unparse(value) != "''":
                    self._add(value)
        elif isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Dict):
            self._table(node)

    def _call(self, node: ast.Call) -> None:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        name = node.func.id if isinstance(node.func, ast.Name) else name
        if name in FIRST and node.args:
            self._add(node.args[0], node.args[1] if name != "refused" else None)
        if name in THIRD and len(node.args) > 2:
            self._add(node.args[2])
        for keyword in node.keywords:
            if keyword.arg == "code":
                self._add(keyword.value)

    def _table(self, node: ast.Assign | ast.AnnAssign) -> None:
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        if ast.unparse(target) != TABLES.get(self.name):
            return
        assert isinstance(node.value, ast.Dict)
        for key, value in zip(node.value.keys, node.value.values, strict=True):
            if isinstance(value, ast.Tuple):
                self._add(value.elts[0])
            elif isinstance(value, ast.Constant) and value.value in SEVERITIES:
                assert key is not None
                self._add(key, value)
            else:
                self._add(value)

    def _add(self, value: ast.expr, severity: ast.expr | None = None) -> None:
        grades = tuple(
            node.value
            for node in ast.walk(severity or ast.Constant(""))
            if isinstance(node, ast.Constant) and node.value in SEVERITIES
        )
        for item in self._constants(value):
            if item is None:
                self.passed_on.add(ast.unparse(value))
            elif item:
                self.found.append((item, grades))

    def _constants(self, value: ast.expr) -> Iterator[str | None]:
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            yield value.value
        elif isinstance(value, ast.IfExp):
            yield from self._constants(value.body)
            yield from self._constants(value.orelse)
        elif isinstance(value, ast.Name) and value.id.isupper():
            yield CONSTANTS[value.id]
        else:
            yield None


CONSTANTS = {
    name: name
    for name in (
        *("EMPTY_MASK", "MASK_CUT", "MASK_DOUBTFUL"),
        *("SKULL_OPEN", "SKULL_CUT", "BRAIN_DOUBTFUL"),
        *("LUNG_CUT", "LUNG_DOUBTFUL"),
    )
}


@pytest.fixture(scope="module")
def modules() -> list[Module]:
    """Every file of the package."""
    return [Module(path) for path in sorted(SOURCE.rglob("*.py"))]


def test_the_registry_holds_the_codes_of_the_source_and_no_others(modules: list[Module]) -> None:
    used = {code for module in modules for code, _ in module.found} | set(CONSTANTS)
    assert used == set(codes())


def test_every_code_that_is_no_constant_comes_from_another_diagnostic_or_a_table(
    modules: list[Module],
) -> None:
    expressions = [(module.name, text) for module in modules for text in sorted(module.passed_on)]
    assert [each for each in expressions if not PASSED_ON.fullmatch(each[1])] == []


def test_constants_of_codes_are_named_as_the_code() -> None:
    from hounsfield.steps import brain_findings, fixed_mask, lung_findings, mask_doubts

    for name in CONSTANTS:
        modules = (brain_findings, fixed_mask, lung_findings, mask_doubts)
        assert {getattr(module, name, name) for module in modules} == {name}


def test_severities_are_those_of_the_registry(modules: list[Module]) -> None:
    wrong = [
        (module.name, code, grade)
        for module in modules
        for code, grades in module.found
        for grade in grades
        if grade not in codes()[code].severity
    ]
    assert wrong == []


def test_each_entry_is_whole() -> None:
    for code in codes().values():
        assert code.origin in ORIGINS
        assert code.severity
        assert set(code.severity) <= set(SEVERITIES)
        for text in (code.title, code.meaning, code.does, code.advice):
            assert text.endswith(".")
            assert "\n" not in text
        assert code.title.count(". ") == 0


def test_pages_are_those_that_the_script_makes() -> None:
    from docs.make_codes import pages

    on_disk = {path.name: path.read_text(encoding="utf-8") for path in PAGES.glob("*.md")}
    assert on_disk == pages()


def test_importing_the_package_does_not_read_the_registry() -> None:
    import subprocess
    import sys

    script = (
        "import hounsfield as hu, sys; hu.Volume; assert 'hounsfield.core.codes' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
