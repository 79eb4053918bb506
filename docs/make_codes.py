"""Write docs/codes, a page per code in hounsfield.core.codes; run it after a change there."""

from __future__ import annotations

from pathlib import Path

from hounsfield.core.codes import ORIGINS, Code, codes

FOLDER = Path(__file__).parent / "codes"


def pages() -> dict[str, str]:
    """The text of each page by its file name, the table in README.md included."""
    made = {f"{name}.md": _page(code) for name, code in codes().items()}
    return {**made, "README.md": _table()}


def _page(code: Code) -> str:
    severities = ", ".join(code.severity)
    return (
        f"# {code.name}\n{code.title} Severity: {severities}.\n\n"
        f"**What it means.** {code.meaning}\n\n"
        f"**What Hounsfield does.** {code.does}\n\n"
        f"**What to do.** {code.advice}\n"
    )


def _table() -> str:
    lines = [
        "# Codes of diagnostics and errors",
        "What `inspect`, a record, a warning or an error reports; one page each. "
        "Severities: note (a fact), repair (a",
        "correction that was made), warning (a doubt), refusal. Made by `docs/make_codes.py`.",
    ]
    for origin, heading in ORIGINS.items():
        lines += ["", f"## {heading}", "", "| code | severity | meaning |", "|---|---|---|"]
        lines += [
            f"| [{code.name}]({code.name}.md) | {', '.join(code.severity)} | {code.title} |"
            for code in sorted(codes().values(), key=lambda code: code.name)
            if code.origin == origin
        ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write all pages, and remove those of codes that are gone."""
    made = pages()
    for path in FOLDER.glob("*.md"):
        if path.name not in made:
            path.unlink()
    for name, text in made.items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
