"""Every code has a page, and every page a code."""

from __future__ import annotations

import re
from pathlib import Path

import hounsfield.io as package

PAGES = Path(__file__).resolve().parents[3] / "docs" / "codes"
CALLS = re.compile(r'(?:diagnose|Diagnostic)\("([A-Z][A-Z_]+)"')


def codes() -> set[str]:
    """All words in capitals that the package gives as codes."""
    text = "\n".join(path.read_text() for path in sorted(Path(package.__path__[0]).rglob("*.py")))
    known = {path.stem for path in PAGES.glob("*.md")} - {"README"}
    quoted = set(re.findall(r'"([A-Z]+(?:_[A-Z]+)*)"', text))
    return quoted & known | set(CALLS.findall(text))


def test_each_code_has_a_page_and_each_page_a_code() -> None:
    assert codes() >= {path.stem for path in PAGES.glob("*.md")} - {"README"}


def test_each_page_says_what_it_means_what_is_done_and_how_to_force_it() -> None:
    for path in PAGES.glob("*.md"):
        if path.stem != "README":
            text = path.read_text()
            assert all(
                f"**{head}.**" in text
                for head in ("What it means", "What Hounsfield does", "How to force it")
            )
            assert f"[{path.stem}]({path.name})" in (PAGES / "README.md").read_text()
