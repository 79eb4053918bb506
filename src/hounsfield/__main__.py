"""The command `hounsfield`, and `python -m hounsfield`."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status; `--version` is answered before anything else is imported."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    if words == ["--version"]:
        from hounsfield.core.version import VERSION

        sys.stdout.write(f"hounsfield {VERSION}\n")
        return 0
    from hounsfield.cli.main import run_line

    return run_line(words)


if __name__ == "__main__":
    sys.exit(main())
