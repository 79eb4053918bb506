"""The logger `hounsfield`: what happens to the cases of a run, by case id and code alone."""

from __future__ import annotations

import logging

from hounsfield.core.display import counted
from hounsfield.dataset.case import CaseResult
from hounsfield.dataset.summary import Summary

LOGGER = logging.getLogger("hounsfield")
"""It prints nothing by itself: the application adds handlers."""

LOGGER.addHandler(logging.NullHandler())

_LEVELS = {"failed": logging.WARNING, "stale": logging.WARNING}


def log_start(count: int) -> None:
    """Log the start of a run."""
    LOGGER.info("run of %s started", counted(count, "case"))


def log_result(result: CaseResult) -> None:
    """Log the result of a case; its message is left out, since it may quote a label's name."""
    level = _LEVELS.get(result.status, logging.INFO)
    code = f" ({result.code})" if result.code else ""
    text = "case %s %s%s in %.1f s"
    values = (result.id, result.status, code, result.seconds)
    LOGGER.log(level, text, *values, extra={"case": result.id, "status": result.status})
    for warning in result.warnings:
        LOGGER.warning("case %s has %s", result.id, warning, extra={"case": result.id})


def log_summary(summary: Summary) -> None:
    """Log the counts of a run that has ended."""
    LOGGER.info("run ended: %s", summary)
