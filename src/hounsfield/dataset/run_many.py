"""Run a pipeline over many cases: the function of the Python interface."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, cast

from hounsfield.core.arguments import checked
from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.display import counted
from hounsfield.core.dtype import voxel_dtype
from hounsfield.core.errors import PipelineError, WriteError, check_path, warn
from hounsfield.core.platform import thread_count
from hounsfield.core.policy import DEFAULT_POLICY, ReadPolicy
from hounsfield.dataset.case import CaseResult
from hounsfield.dataset.discover import Discovery, NoCaseError
from hounsfield.dataset.engines.base import Engine
from hounsfield.dataset.engines.local import LocalEngine
from hounsfield.dataset.labels import DEFAULT
from hounsfield.dataset.linkage import linker
from hounsfield.dataset.memory import parse_bytes
from hounsfield.dataset.output_folder import check_sources
from hounsfield.dataset.request import RunRequest, find_cases, run_config
from hounsfield.dataset.run import run_dataset
from hounsfield.dataset.summary import Summary
from hounsfield.io.formats import output_of
from hounsfield.pipeline.pipeline import Pipeline
from hounsfield.pipeline.presets import preset, preset_names

FILE_SUFFIXES = (".toml", ".json")
"""Suffixes of files of pipelines and records."""


@checked
def run(
    pipeline: Pipeline | str | Path,
    sources: str | Path | Sequence[str | Path],
    out: str | Path,
    *,
    workers: int | None = None,
    engine: Literal["local"] | Engine = "local",
    format: str = "nii.gz",
    dtype: str | None = None,
    labels: Mapping[str, str | Path] | str | Path | None = None,
    policy: ReadPolicy = DEFAULT_POLICY,
    ids: str = "auto",
    series: str | int | None = None,
    memory: str | None = None,
    timeout_seconds: float | None = None,
    overwrite: bool = False,
    linkage: bool | str | Path = True,
    progress: Callable[[CaseResult], None] | None = None,
) -> Summary:
    """Run a pipeline over many cases and write volumes, labels, masks and records to a folder.

    A failed case never stops the others. Cases whose outputs are up to date are not run again.

    Parameters
    ----------
    pipeline : Pipeline, str or Path
        A pipeline, the name of a preset, a .toml file or the record.json of a run.
    sources : str, Path or sequence of these
        CT: files, folders, patterns or '@list.txt'; each series of CT slices is a case.
    out : str or Path
        The output folder; an earlier run there is resumed.
    workers : int, optional
        Number of processes (default: one for each thread); 1 runs the cases in this process.
    engine : 'local' or Engine, default 'local'
        What runs the cases; an Engine has its own `workers` and time limit.
    format : str, default 'nii.gz'
        Format of the volumes, as in `write`.
    dtype : str, optional
        Dtype of the image (default: that of the pipeline); values must fit.
    labels : mapping of str to path, or path, optional
        Label files by name; {id}, {path}, {parent} and {stem} in a path are replaced.
    policy : ReadPolicy, optional
        How incomplete or irregular data is read.
    ids : str, default 'auto'
        Case ids: 'auto', 'hash', 'stem', 'folder', or a pattern such as '{parent}-{stem}'.
    series : str or int, optional
        A DICOM series by its id or number in each source.
    memory : str, optional
        Memory limit per case, such as '2G' (default: 80 % of free memory, shared by the workers).
    timeout_seconds : float, optional
        Time limit of a case, which is tried twice (default: none).
    overwrite : bool, default False
        Remove results of another pipeline or of other options in `out`.
    linkage : bool, str or Path, default True
        Where the CSV file of ids and paths is written: True is the user's state folder.
    progress : callable, optional
        Called with the result of each case as soon as it is ready.

    Returns
    -------
    Summary
        Counts, cases and diagnostics.

    Raises
    ------
    PipelineError
        If the pipeline or the labels cannot work, or `out` is a source or has results of another
        pipeline.
    ReadError
        If no source has a case.
    WriteError
        If `out` cannot be used.

    Warns
    -----
    HounsfieldWarning
        For sources without a case, files that cannot be read, and cases that failed, are stale or
        have warnings.

    Notes
    -----
    With several workers, a script must call it under ``if __name__ == "__main__":``, since the
    processes import the script.

    Examples
    --------
    >>> import tempfile, numpy as np, hounsfield as hu
    >>> ct = hu.Volume.from_array(np.zeros((8, 8, 4), np.int16), affine=np.diag([-1, -1, 5, 1]))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     scan, out = f"{folder}/ct.nii.gz", f"{folder}/out"
    ...     hu.write(ct, scan)
    ...     hu.run("isotropic-mip", scan, out, workers=1, linkage=False)
    Summary(1 done, 0 up to date, 0 failed)
    """
    _check_positive(workers, "workers", "1 or more", kind=int)
    _check_positive(timeout_seconds, "timeout_seconds", "a positive number", kind=(int, float))
    for path in (out, linkage):
        _check_path(path)
    steps = _pipeline(pipeline)
    check_sources(_texts(sources), Path(out))
    used = workers or thread_count()
    request = RunRequest(
        pipeline=steps,
        sources=tuple(_texts(sources)),
        out=Path(out),
        format=output_of(format).name,
        dtype=None if dtype is None else str(voxel_dtype(dtype)),
        policy=policy,
        ids=ids,
        series=None if series is None else str(series),
        labels=_labels(labels),
        memory_bytes=_memory(memory),
        workers=used,
    )
    found = find_cases(request)
    if not found.cases and not found.missed:
        raise NoCaseError("no source is given; expected files, folders, patterns or '@list.txt'")
    if not found.cases:
        raise NoCaseError([Diagnostic(m.code, "refusal", m.message, m.typed) for m in found.missed])
    request = replace(request, workers=min(used, len(found.cases)))
    config = run_config(request, found)
    summary = run_dataset(
        config,
        found,
        engine=_engine(engine, workers=request.workers, timeout_seconds=timeout_seconds),
        report=progress,
        link=_linker(found, linkage, config.out),
        overwrite=overwrite,
    )
    for text in problems(summary):
        warn(text)
    return summary


def problems(summary: Summary) -> list[str]:
    """Return one line for each kind of problem of a run."""
    lines = [str(each) for each in summary.missed]
    lines += [str(each) for each in summary.unused if each.severity == "refusal"]
    current = [case for case in summary.cases if case.status != "stale"]
    codes = Counter(code for case in current for code in case.warnings)
    if codes:
        found = ", ".join(f"{code} ({count})" for code, count in sorted(codes.items()))
        lines.append(f"{counted(summary.counts['warned'], 'case')} with warnings: {found}")
    for status in ("failed", "stale"):
        cases = [case for case in summary.cases if case.status == status]
        if cases:
            count = counted(len(cases), "case")
            lines.append(f"{count} {status}, such as {cases[0].id}: {cases[0].message}")
    return lines


def _check_positive(value: object, name: str, expected: str, *, kind: Any) -> None:
    """Raise PipelineError unless a value is None or a positive number of a kind."""
    is_number = isinstance(value, kind) and not isinstance(value, bool)
    if value is not None and not (is_number and cast("float", value) > 0):
        raise _usage(f"{name} is {value!r}; expected {expected}")


def _check_path(path: bool | str | Path) -> None:
    """Raise WriteError for a path that no file can have, ArgumentError for an empty one."""
    if not isinstance(path, bool):
        check_path(path)
    try:
        if not isinstance(path, bool):
            os.lstat(path)
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise WriteError(f"{path}: {reason}; expected a folder or file") from None


def _usage(message: str) -> PipelineError:
    return PipelineError([Diagnostic("USAGE", "refusal", message)])


def _pipeline(pipeline: Pipeline | str | Path) -> Pipeline:
    if isinstance(pipeline, Pipeline):
        return pipeline
    name = str(pipeline)
    if name in preset_names() or not (name.endswith(FILE_SUFFIXES) or os.path.isfile(name)):
        return preset(name)
    return Pipeline.load(name)


def _texts(sources: str | Path | Sequence[str | Path]) -> list[str]:
    if isinstance(sources, str | Path):
        return [str(sources)]
    return [str(each) for each in sources]


def _labels(labels: Mapping[str, str | Path] | str | Path | None) -> tuple[tuple[str, str], ...]:
    if labels is None:
        return ()
    named = labels if isinstance(labels, Mapping) else {DEFAULT: labels}
    return tuple((name, str(path)) for name, path in named.items())


def _memory(text: str | None) -> int | None:
    """Return the memory limit of one case in bytes."""
    if text is None:
        return None
    try:
        return parse_bytes(text)
    except ValueError as error:
        raise _usage(f"memory: {error}") from None


def _engine(
    engine: Literal["local"] | Engine, *, workers: int, timeout_seconds: float | None
) -> Engine:
    if isinstance(engine, str) and engine == "local":
        return LocalEngine(workers=workers, timeout_seconds=timeout_seconds)
    if not hasattr(engine, "run"):
        raise _usage(f"unknown engine {engine!r}; expected 'local' or an Engine")
    return engine


def _linker(
    found: Discovery, linkage: bool | str | Path, out: Path
) -> Callable[[str], None] | None:
    """Return a function that writes the linkage file of a run; None without one."""
    if linkage is False:
        return None
    file = None if linkage is True else Path(linkage)
    return linker(found.cases, out, file=file, problem=warn)
