"""Report an RTSTRUCT or SEG: its regions, and the series that it refers to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hounsfield.core.errors import HounsfieldError
from hounsfield.core.volume_geometry import UNKNOWN
from hounsfield.dataset.describe_error import describe_error
from hounsfield.io.bytes.case_id import hidden_name
from hounsfield.io.report import Report

if TYPE_CHECKING:
    from hounsfield.dataset.label_search import UidIndex
    from hounsfield.io.dicom.files.source import Source


def report_labels(source: Source, index: UidIndex, ids: Sequence[str]) -> Report | None:
    """Return the report on the labels in a file; None if it is neither RTSTRUCT nor SEG.

    `index` and `ids` are of the series that were found.
    """
    from hounsfield.io.dicom.labels.summary import summarize

    try:
        found = summarize(source)
    except HounsfieldError as error:
        return Report(
            id=hidden_name(source.ordinal, source.name),
            kind="labels",
            volume=UNKNOWN,
            reasons=(describe_error(error),),
            files=(source.name,),
            is_broken=True,
        )
    if found is None:
        return None
    return Report(
        id=found.id,
        kind=found.kind,
        slices=found.shape[2] if found.shape else 0,
        shape=found.shape,
        volume=UNKNOWN,
        quantity="label",
        files=(source.name,),
        regions=found.regions,
        region_names=found.called,
        refers_to=", ".join(ids[n] for n in index.matching(found)),
    )
