"""Case ids and the linkage file of a run, from the options of the command line."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from hounsfield.cli.errors import USAGE, Failure
from hounsfield.cli.options import Naming
from hounsfield.cli.terminal import Terminal
from hounsfield.core.errors import HounsfieldError

if TYPE_CHECKING:
    from hounsfield.dataset.case import CaseSource


@contextmanager
def using_key(path: Path | None) -> Iterator[None]:
    """Use the key in a file within the block, in worker processes too."""
    from hounsfield.io.bytes.case_id import KEY_VARIABLE, read_key

    if path is None:
        yield
        return
    try:
        read_key(path)
    except (HounsfieldError, FileNotFoundError) as error:
        reason = str(error) if isinstance(error, HounsfieldError) else "no such file"
        message = f"--key: {reason}; expected the key file of a user (see hounsfield info)"
        raise Failure(f"{path}: {message}", status=USAGE, code="USAGE", public=message) from None
    earlier = os.environ.get(KEY_VARIABLE)
    os.environ[KEY_VARIABLE] = os.path.abspath(path)
    try:
        yield
    finally:
        if earlier is None:
            del os.environ[KEY_VARIABLE]
        else:
            os.environ[KEY_VARIABLE] = earlier


def linker(
    terminal: Terminal, naming: Naming, cases: Sequence[CaseSource], out: Path
) -> Callable[[str], None] | None:
    """Return a function that writes the linkage file of a run; None with --no-linkage."""
    from hounsfield.dataset import linkage

    if not naming.no_linkage:
        return linkage.linker(cases, out, file=naming.linkage, problem=terminal.warn)
    if naming.linkage is not None:
        message = "--linkage and --no-linkage exclude each other; use one of them"
        raise Failure(message, status=USAGE, code="USAGE")
    return None
