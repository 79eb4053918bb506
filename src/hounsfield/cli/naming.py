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


def check_sources(sources: Sequence[str], out: Path) -> None:
    """Refuse an output folder that is a source, or that contains one among its outputs."""
    from hounsfield.dataset.sources import expand_sources
    from hounsfield.io.bytes.search import OUTPUTS

    target = os.path.realpath(out)
    outputs = tuple(os.path.join(target, name, "") for name in OUTPUTS)
    for source in expand_sources(sources):
        path = os.path.join(os.path.realpath(source), "")
        if path == os.path.join(target, "") or path.startswith(outputs):
            message = "the output folder is the source; choose another folder with --out"
            raise Failure(f"{source}: {message}", status=USAGE, code="USAGE", public=message)


def linker(
    terminal: Terminal, naming: Naming, cases: Sequence[CaseSource], out: Path
) -> Callable[[str], None] | None:
    """Return a function that writes the linkage file of a run; None with --no-linkage.

    A default file that cannot be written is a warning. Raises PipelineError if the file would be
    in the output folder, ReadError if FILE is another file.
    """
    from hounsfield.dataset import linkage

    if naming.no_linkage:
        if naming.linkage is not None:
            message = "--linkage and --no-linkage exclude each other; use one of them"
            raise Failure(message, status=USAGE, code="USAGE")
        return None
    chosen, links = naming.linkage, linkage.links_of(cases)
    linkage.check_outside(linkage.linkage_folder() if chosen is None else chosen, out)
    if chosen is not None and os.path.exists(chosen):
        linkage.read_links(chosen)

    def link(run_id: str) -> None:
        if chosen is not None:
            linkage.add_links(chosen, links)
            return
        try:
            linkage.add_links(linkage.linkage_file(run_id), links)
        except (HounsfieldError, OSError) as error:
            terminal.warn(str(error))

    return link
