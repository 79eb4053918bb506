"""The source keeps its shape: no import cycle, small files, short functions, few arguments."""

from __future__ import annotations

import ast
import statistics
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import hounsfield

SOURCE = Path(hounsfield.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))

FILE_LINES, FUNCTION_LINES, ARGUMENTS = 350, 60, 8
MEDIAN_LINES, NINE_OF_TEN_LINES = 8, 25

ASKED_FOR = {"read", "open", "montage", "sample", "run"}
"""Public functions whose options are fixed by the public interface."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


def module_of(path: Path) -> str:
    """The dotted name of a file of the package."""
    parts = ("hounsfield", *path.relative_to(SOURCE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(tree: ast.AST, modules: Mapping[str, object]) -> set[str]:
    """Modules of the package that a module imports: in functions and for type checking too."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for name in node.names:
                whole = f"{node.module}.{name.name}"
                found.add(whole if whole in modules else node.module)
        elif isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
    return found & set(modules)


def cycle(graph: Mapping[str, set[str]]) -> list[str]:
    """The modules of one cycle in order, or none."""
    done: set[str] = set()

    def visit(module: str, path: list[str]) -> list[str]:
        if module in path:
            return path[path.index(module) :]
        if module in done:
            return []
        for other in sorted(graph[module]):
            found = visit(other, [*path, module])
            if found:
                return found
        done.add(module)
        return []

    return next((found for module in sorted(graph) if (found := visit(module, []))), [])


def functions() -> Iterator[tuple[str, Function]]:
    """Every function of the package and where it is."""
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, Function):
                yield f"{path.relative_to(SOURCE)}:{node.lineno} {node.name}", node


def length(node: Function) -> int:
    """Lines of a function without those of its docstring."""
    lines = (node.end_lineno or node.lineno) - node.lineno + 1
    first = node.body[0]
    if isinstance(first, ast.Expr) and isinstance(getattr(first, "value", None), ast.Constant):
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    return lines


def arguments(node: Function) -> int:
    """How many arguments a function has, self and cls left out."""
    names = [each.arg for each in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
    return len([name for name in names if name not in ("self", "cls")])


def test_no_module_imports_itself_through_others() -> None:
    modules = {module_of(path): path for path in FILES}
    trees = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in modules.items()}
    graph = {name: imports(tree, modules) - {name, "hounsfield"} for name, tree in trees.items()}
    assert cycle(graph) == []


def test_a_cycle_is_found() -> None:
    assert cycle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c"]


@pytest.mark.parametrize("path", FILES, ids=[str(path.relative_to(SOURCE)) for path in FILES])
def test_a_file_has_at_most_350_lines_of_100_columns(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= FILE_LINES
    assert [n for n, line in enumerate(lines, 1) if len(line) > 100] == []


def test_no_function_is_longer_than_60_lines_or_has_more_than_8_arguments() -> None:
    assert [where for where, node in functions() if length(node) > FUNCTION_LINES] == []
    many = [where for where, node in functions() if arguments(node) > ARGUMENTS]
    assert [where for where in many if where.rpartition(" ")[2] not in ASKED_FOR] == []


def test_most_functions_are_short() -> None:
    lengths = sorted(length(node) for _, node in functions())
    assert statistics.median(lengths) <= MEDIAN_LINES
    assert lengths[int(len(lengths) * 0.9)] <= NINE_OF_TEN_LINES
