"""The option --format: a name from the registry of formats, other packages' included."""

from __future__ import annotations

from typer import BadParameter

from hounsfield.core.errors import HounsfieldError
from hounsfield.io.formats import FORMATS, output_of

FORMAT_METAVAR = "[" + "|".join(out.name for each in FORMATS for out in each.outputs) + "]"
"""Our own names: the help does not search installed packages."""


def format_name(name: str) -> str:
    """Check the name of an output format; a usage error where there is none."""
    try:
        return output_of(name).name
    except HounsfieldError as error:
        raise BadParameter(str(error)) from None
