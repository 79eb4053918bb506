"""Report the voxels of a case's output that several labels cover."""

from __future__ import annotations

from dataclasses import replace

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.display import counted
from hounsfield.dataset.label_map.label_map import LabelMap
from hounsfield.dataset.label_map.merge import Overlaps, merge_labels
from hounsfield.pipeline.result import Result


def with_overlaps(result: Result, label_map: LabelMap) -> tuple[Result, tuple[Diagnostic, ...]]:
    """Return the result with the overlaps of its labels in the record, and a note of them.

    Labels are written whole; the order counts where one label map is made of them.
    """
    if len(result.labels) < 2:
        return result, ()
    _, overlaps = merge_labels(result.labels, order=label_map.names)
    record = result.record.replaced(overlaps=_rows(overlaps))
    notes = (_note(overlaps),) if overlaps else ()
    return replace(result, record=record), notes


def _rows(overlaps: Overlaps) -> tuple[dict[str, str | int], ...]:
    return tuple(
        {"winner": winner, "loser": loser, "voxels": count}
        for (winner, loser), count in overlaps.items()
    )


def _note(overlaps: Overlaps) -> Diagnostic:
    texts = [
        f"'{winner}' before '{loser}' in {counted(count, 'voxel')}"
        for (winner, loser), count in overlaps.items()
    ]
    message = f"labels overlap; in one label map {', '.join(texts)}"
    return Diagnostic("LABEL_OVERLAP", "note", message, value=float(sum(overlaps.values())))
