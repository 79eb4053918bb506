"""What a case or a run reports whose worker process has failed."""

from __future__ import annotations

from hounsfield.core.errors import HounsfieldError
from hounsfield.dataset.case import CaseResult, CaseSource


def died(case: CaseSource, how: str) -> CaseResult:
    """Return the failure of a case whose process ended, such as 'by signal 9'."""
    return _failed(
        case,
        code="WORKER_DIED",
        message=f"the process ended {how} in two attempts, the second alone and with less memory, "
        "possibly out of memory; use fewer workers or a lower --memory",
    )


def overran(case: CaseSource, limit: float) -> CaseResult:
    """Return the failure of a case that took longer than the limit in seconds."""
    message = f"the case took over {limit:g} s in two attempts; raise --timeout"
    return _failed(case, code="TIMEOUT", message=message)


def was_silent(case: CaseSource) -> CaseResult:
    """Return the failure of a case whose process was stopped or hung."""
    return _failed(
        case,
        code="WORKER_SILENT",
        message="the process neither computed nor reported in two attempts; check whether "
        "something stops processes, or whether the disk hangs",
    )


def _failed(case: CaseSource, *, code: str, message: str) -> CaseResult:
    return CaseResult(id=case.id, status="failed", code=code, message=message)


def no_process(error: BaseException) -> HounsfieldError:
    """Return the error of a system that starts no worker process."""
    reason = getattr(error, "strerror", None) or str(error)
    return HounsfieldError(
        f"a worker process cannot be started ({reason}); use fewer workers or raise the limit of "
        "processes (ulimit -u)"
    )


def no_start(how: str) -> HounsfieldError:
    """Return the error of worker processes that end before their first case, such as 'by signal 9'.

    No case is the reason, and another attempt would end in the same way.
    """
    return HounsfieldError(
        f"a worker process ended {how} before its first case; in a script, call "
        "hu.run under if __name__ == '__main__', since the workers import the script; else use one "
        "worker to see the reason"
    )
