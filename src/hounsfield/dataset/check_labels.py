"""Check the labels of a run before any case is read."""

from __future__ import annotations

from collections.abc import Sequence

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import PipelineError
from hounsfield.dataset.case import CaseSource
from hounsfield.dataset.case_names import fields_in
from hounsfield.dataset.label_map.label_map import LabelMap
from hounsfield.dataset.labels import FIELDS
from hounsfield.io.bytes.remote import url_of
from hounsfield.io.formats import case_suffix
from hounsfield.pipeline.check import check_names
from hounsfield.pipeline.pipeline import Pipeline


def check_labels(
    pipeline: Pipeline,
    labels: Sequence[tuple[str, str]],
    *,
    cases: Sequence[CaseSource],
    label_map: LabelMap | None = None,
) -> None:
    """Raise PipelineError unless `labels`, names and paths, fit the pipeline and the cases.

    With a label map its names are those of all labels.
    """
    if any(url_of(path) for _, path in labels):
        raise _usage("a label file is at a URL; name it in a column label of a CSV file of sources")
    names = [name for name, _ in labels]
    stated = {each.name for case in cases for each in case.labels}
    if len(set(names)) < len(names):
        raise _usage("two labels have the same name; name each one, as in --label liver=FILE")
    both = [] if label_map is not None else sorted(stated.intersection(names))
    if both:
        raise _usage(f"the sources state a label '{both[0]}' too; give --label another name")
    known = names if label_map is None else label_map.names
    diagnostics = check_names(pipeline.steps, dict.fromkeys(known))
    # The regions of an RTSTRUCT or DICOM SEG are unknown until it is read: each case checks them.
    is_known = not stated and all(case_suffix(path) for _, path in labels)
    if diagnostics and (label_map is not None or is_known):
        raise PipelineError(diagnostics)
    made = [getattr(step, "adds", None) for step in pipeline.steps]
    both = [] if label_map is None else [name for name in label_map.names if name in made]
    if both:
        raise _usage(f"label '{both[0]}' has the name of a mask of the pipeline; rename the label")
    count = len(cases)
    if count > 1 and any(not fields_in(path) & set(FIELDS) for _, path in labels):
        raise _usage(
            f"one label file for {count} cases; put {{id}} in its name for the case id, or "
            "{path}, {parent} or {stem}"
        )


def _usage(message: str) -> PipelineError:
    return PipelineError([Diagnostic("USAGE", "refusal", message)])
