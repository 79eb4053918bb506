"""Messages, help texts, headings and names are plain English, and an error says what to do."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import hounsfield

ROOT = Path(__file__).resolve().parents[1]
SOURCE = Path(hounsfield.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("design/**/*.md")])

PRIVATE = re.compile(
    r"\b(said|says|settles?|settled|judged?|judges|held|apart|beside|laws?|lies?|lying|lay|"
    r"folds?|folded|folding|invent|invents|invented|nobody|whatever|things?|mend|mends|mended|"
    r"grave|strange|at hand|for want of|whole or not at all|all the same|told apart|"
    r"as it lies|word of|slip of)\b",
    re.IGNORECASE,
)
"""Metaphors and turns that are ours alone; the field has plain words for each (CONTRIBUTING.md)."""

MESSAGE_CALLS = {"Diagnostic", "diagnose", "refused", "unreadable", "warn", "HounsfieldWarning"}
ERROR = re.compile(r"(Error|Refused)$")

SECOND_CLAUSE = re.compile(
    r"[;:(]|\b(expected|must|needs?|requires?|use|not|no|only|cannot|at most|at least|than)\b"
)
"""What was expected, or what to do, is a second clause, or a word that gives the rule."""


def text_of(node: ast.expr) -> str:
    """The text of a string, an f-string or a sum of them; a value in it becomes {}."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        return "".join(
            text_of(part) if isinstance(part, ast.Constant) else "{}" for part in node.values
        )
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return text_of(node.left) + text_of(node.right)
    if isinstance(node, ast.IfExp):
        return text_of(node.body) + " | " + text_of(node.orelse)
    return "{}" if not isinstance(node, ast.Constant) else ""


def name_of(call: ast.Call) -> str:
    """The last part of a called name."""
    return ast.unparse(call.func).rpartition(".")[2]


def messages(tree: ast.AST) -> Iterator[tuple[int, str, bool]]:
    """Line, text and whether it is an error's, for each message that a module makes."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = name_of(node)
        is_error = bool(ERROR.search(name)) or name in ("refused", "unreadable")
        if name not in MESSAGE_CALLS and not is_error:
            continue
        values = [*node.args, *(word.value for word in node.keywords if word.arg == "message")]
        texts = [text for value in values if re.search(r"[a-z]+ ", text := text_of(value))]
        is_refusal = is_error or any(text_of(value) == "refusal" for value in values)
        for text in texts:
            yield node.lineno, text, is_refusal


def help_texts(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and text of each help= argument."""
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg in ("help", "epilog", "short_help"):
            yield node.value.lineno, text_of(node.value)


def parsed(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"))


def ids(paths: list[Path], root: Path) -> list[str]:
    """Short names of files for pytest."""
    return [str(path.relative_to(root)) for path in paths]


@pytest.mark.parametrize("path", FILES, ids=ids(FILES, SOURCE))
def test_messages_help_texts_and_module_docstrings_are_plain(path: Path) -> None:
    tree = parsed(path)
    texts = [(line, text) for line, text, _ in messages(tree)]
    texts += [*help_texts(tree), (1, ast.get_docstring(tree) or "")]
    assert [(line, text) for line, text in texts if PRIVATE.search(text)] == []


@pytest.mark.parametrize("path", FILES, ids=ids(FILES, SOURCE))
def test_an_error_says_what_was_found_and_what_to_do(path: Path) -> None:
    texts = [(line, text) for line, text, is_error in messages(parsed(path)) if is_error]
    assert [each for each in texts if not SECOND_CLAUSE.search(each[1])] == []


@pytest.mark.parametrize("path", FILES, ids=ids(FILES, SOURCE))
def test_a_message_is_one_line_without_a_full_stop(path: Path) -> None:
    texts = [(line, text) for line, text, _ in messages(parsed(path))]
    assert [each for each in texts if "\n" in each[1] or each[1].rstrip().endswith(".")] == []


@pytest.mark.parametrize("path", PAGES, ids=ids(PAGES, ROOT))
def test_headings_are_plain(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.startswith("#") and PRIVATE.search(line)] == []


def test_names_of_files_are_plain() -> None:
    names = [path.stem.replace("_", " ").replace("-", " ") for path in [*FILES, *PAGES]]
    assert [name for name in names if PRIVATE.search(name)] == []


def test_a_private_word_is_found() -> None:
    tree = ast.parse('raise ReadError(f"nothing is said of {name}")')
    ((_, text, is_error),) = messages(tree)
    assert is_error
    assert PRIVATE.search(text)
    assert not SECOND_CLAUSE.search("the file is empty")
