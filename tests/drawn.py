"""Which drawn pipelines a test takes."""

from __future__ import annotations

from hypothesis import assume

import hounsfield as hu


def assume_overlap(pipeline: hu.Pipeline, source: hu.Volume | hu.Stack) -> None:
    """Skip a draw whose boxes lead out of the source: such a pipeline is refused."""
    try:
        pipeline.plan(source)
    except hu.PipelineError as error:
        assume("does not overlap" not in str(error))
