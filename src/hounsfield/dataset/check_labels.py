"""Check the labels of a run before any case is read."""

from __future__ import annotations

from collections.abc import Sequence

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import PipelineError
from hounsfield.dataset.case import CaseSource
from hounsfield.dataset.case_names import fields_in
from hounsfield.dataset.labels import FIELDS
from hounsfield.io.formats import case_suffix
from hounsfield.pipeline.check import check_names
from hounsfield.pipeline.pipeline import Pipeline


def check_labels(
    pipeline: Pipeline, labels: Sequence[tuple[str, str]], *, cases: Sequence[CaseSource]
) -> None:
    """Raise PipelineError unless `labels`, names and paths, fit the pipeline and the cases."""
    names = [name for name, _ in labels]
    stated = {each.name for case in cases for each in case.labels}
    if len(set(names)) < len(names):
        raise _usage("two labels have the same name; name each one, as in --label liver=FILE")
    both = sorted(stated.intersection(names))
    if both:
        raise _usage(f"the sources state a label '{both[0]}' too; give --label another name")
    diagnostics = check_names(pipeline.steps, dict.fromkeys(names))
    # The regions of an RTSTRUCT or DICOM SEG are unknown until it is read: each case checks them.
    if diagnostics and not stated and all(case_suffix(path) for _, path in labels):
        raise PipelineError(diagnostics)
    count = len(cases)
    if count > 1 and any(not fields_in(path) & set(FIELDS) for _, path in labels):
        raise _usage(
            f"one label file for {count} cases; put {{id}} in its name for the case id, or "
            "{path}, {parent} or {stem}"
        )


def _usage(message: str) -> PipelineError:
    return PipelineError([Diagnostic("USAGE", "refusal", message)])
