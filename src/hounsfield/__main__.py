"""Entry point of the command `hounsfield` and of `python -m hounsfield`."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    Parameters
    ----------
    arguments : sequence of str, optional
        Arguments of the command; those of the process if omitted.

    Returns
    -------
    int
        The exit status.

    Examples
    --------
    >>> main(["--version"])  # doctest: +ELLIPSIS
    hounsfield ...
    0
    """
    given = sys.argv[1:] if arguments is None else list(arguments)
    if given == ["--version"]:  # answered before the slow imports
        from hounsfield.core.version import VERSION

        sys.stdout.write(f"hounsfield {VERSION}\n")
        return 0
    try:
        from hounsfield.cli.main import run_line
    except KeyboardInterrupt:  # during the imports, which take most of a second
        sys.stderr.write("error: interrupted\n")
        return 130

    return run_line(given)


if __name__ == "__main__":
    sys.exit(main())
