"""The request of a run from the options that `run`, `plan`, `export` and `fingerprint` share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hounsfield.cli.errors import USAGE, Failure, about
from hounsfield.cli.options import Ids, Reading
from hounsfield.cli.run_options import Choosing, Labelling, Limits
from hounsfield.dataset.case_ids import PLAIN

if TYPE_CHECKING:
    from hounsfield.dataset.label_map.label_map import LabelMap
    from hounsfield.dataset.only import Only
    from hounsfield.dataset.request import RunRequest
    from hounsfield.pipeline.pipeline import Pipeline


def request_of(
    pipeline: Pipeline,
    src: Sequence[str],
    out: Path,
    *,
    reading: Reading,
    ids: Ids,
    labelling: Labelling,
    choosing: Choosing,
    limits: Limits,
) -> RunRequest:
    """Return the request of a run; a usage error if an option is invalid."""
    from hounsfield.dataset.request import RunRequest

    return RunRequest(
        pipeline=pipeline,
        sources=tuple(src),
        out=out,
        policy=reading.policy,
        ids=ids.ids,
        series=reading.series,
        labels=tuple(_label(text) for text in labelling.label or ()),
        find_labels=not labelling.no_find_labels,
        select=choosing.select,
        label_map=_label_map(labelling.labels),
        points=labelling.points,
        frame=labelling.frame,
        memory_bytes=_memory(limits.memory),
        workers=limits.workers,
    )


def only_of(path: Path | None) -> Only | None:
    """Return the list of cases of --only."""
    from hounsfield.dataset.only import read_only

    if path is None:
        return None
    with about(path):
        return read_only(path)


def _memory(text: str | None) -> int | None:
    """Return the memory limit of one case in bytes."""
    from hounsfield.dataset.memory import parse_bytes

    if text is None:
        return None
    try:
        return parse_bytes(text)
    except ValueError:
        raise Failure(
            f"invalid --memory '{text}'; expected a size such as 500M or 2G",
            status=USAGE,
            code="USAGE",
        ) from None


def _label(text: str) -> tuple[str, str]:
    """Return the name and the file of a label."""
    from hounsfield.dataset.labels import DEFAULT

    name, equals, path = text.partition("=")
    if not equals:
        return DEFAULT, text
    if PLAIN.fullmatch(name) is None:
        raise Failure(
            f"invalid label name '{name}'; expected 1 to 40 letters, digits, _ and -",
            status=USAGE,
            code="USAGE",
        )
    return name, path


def _label_map(text: str | None) -> LabelMap | None:
    """Return the label map of --labels."""
    from hounsfield.dataset.label_map.parse import parse_label_map

    if text is None:
        return None
    with about("--labels", status=USAGE):
        return parse_label_map(text)
