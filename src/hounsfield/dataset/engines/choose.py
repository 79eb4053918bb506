"""Choose the engine of a run by its name."""

from __future__ import annotations

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import PipelineError
from hounsfield.dataset.engines.base import Engine
from hounsfield.dataset.engines.local import LocalEngine

NAMES = ("local", "dask")
"""The engines of this package."""


def choose_engine(
    engine: str | Engine,
    *,
    scheduler: str | None = None,
    workers: int | None = None,
    timeout_seconds: float | None = None,
    in_process: bool = True,
) -> Engine:
    """Return the engine of a name, or the engine itself; a scheduler implies Dask.

    Raises PipelineError for another name, or for a scheduler of another engine.
    """
    if not isinstance(engine, str):
        if scheduler is not None or not hasattr(engine, "run"):
            raise _usage(f"unknown engine {engine!r}; expected 'local', 'dask' or an Engine")
        return engine
    if engine not in NAMES:
        raise _usage(f"unknown engine '{engine}'; expected 'local', 'dask' or an Engine")
    if engine == "local" and scheduler is None:
        return LocalEngine(workers=workers, timeout_seconds=timeout_seconds, in_process=in_process)
    from hounsfield.dataset.engines.dask import DaskEngine

    return DaskEngine(scheduler=scheduler, workers=workers, timeout_seconds=timeout_seconds)


def _usage(message: str) -> PipelineError:
    return PipelineError([Diagnostic("USAGE", "refusal", message)])
