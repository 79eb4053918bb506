"""Run a pipeline over many cases: the function of the Python interface."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal, cast

from hounsfield.core.arguments import checked
from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.display import counted
from hounsfield.core.dtype import voxel_dtype
from hounsfield.core.errors import PipelineError, WriteError, check_path, warn
from hounsfield.core.policy import DEFAULT_POLICY, ReadPolicy
from hounsfield.dataset.case import CaseResult
from hounsfield.dataset.discover import Discovery, NoCaseError
from hounsfield.dataset.engines.base import Engine
from hounsfield.dataset.engines.choose import choose_engine
from hounsfield.dataset.label_map.parse import parse_label_map
from hounsfield.dataset.labels import DEFAULT
from hounsfield.dataset.linkage import linker
from hounsfield.dataset.memory import parse_bytes
from hounsfield.dataset.only import Only, only_ids, read_only
from hounsfield.dataset.output_folder import check_sources
from hounsfield.dataset.request import RunRequest, find_cases, prepare
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
    engine: Literal["local", "dask"] | Engine = "local",
    scheduler: str | None = None,
    format: str = "nii.gz",
    dtype: str | None = None,
    labels: Mapping[str, str | Path] | str | Path | None = None,
    label_map: Mapping[str, Any] | str | Path | None = None,
    points: str | Path | None = None,
    frame: Literal["ras", "lps"] | None = None,
    policy: ReadPolicy = DEFAULT_POLICY,
    ids: str = "auto",
    series: str | int | None = None,
    select: str | Path | None = None,
    find_labels: bool = True,
    memory: str | None = None,
    timeout_seconds: float | None = None,
    overwrite: bool = False,
    linkage: bool | str | Path = True,
    only: str | Path | Sequence[str] | None = None,
    progress: Callable[[CaseResult], None] | None = None,
) -> Summary:
    """Run a pipeline over many cases and write volumes, labels, masks and records to a folder.

    A failed case never stops the others. Cases whose outputs are up to date are not run again.

    Parameters
    ----------
    pipeline : Pipeline, str or Path
        A pipeline, the name of a preset, a .toml file or the record.json of a run.
    sources : str, Path or sequence of these
        CT: files, folders, data sets, patterns, URLs, CSV files or '@list.txt'; each series of CT
        slices is a case.
    out : str or Path
        The output folder or its URL; an earlier run there is resumed.
    workers : int, optional
        Number of processes (default: what cores and memory allow); 1 runs the cases in this
        process.
    engine : 'local', 'dask' or Engine, default 'local'
        What runs the cases: processes of this machine or a Dask cluster; an Engine has its own
        `workers` and time limit.
    scheduler : str, optional
        Address of a Dask scheduler, such as 'tcp://HOST:8786' (default: a cluster on this machine).
    format : str, default 'nii.gz'
        Format of the volumes, as in `write`.
    dtype : str, optional
        Dtype of the image (default: that of the pipeline); values must fit.
    labels : mapping of str to path, or path, optional
        Label files by name; {id}, {path}, {parent} and {stem} in a path are replaced.
    label_map : mapping, str or Path, optional
        Labels by name, in order of priority, with the regular expressions of the regions that each
        is made of, such as ``{"liver": ".*liver.*"}``; or the text of ``--labels``, or a TOML file.
    points : str or Path, optional
        A CSV file of the points and boxes of all cases: id, label, x, y, z in mm, and optionally
        size_x, size_y, size_z.
    frame : {'ras', 'lps'}, optional
        Directions in which x, y and z ascend; needed with points.
    policy : ReadPolicy, optional
        How incomplete or irregular data is read.
    ids : str, default 'auto'
        Case ids: 'auto', 'hash', 'stem', 'folder', or a pattern such as '{parent}-{stem}'.
    series : str or int, optional
        A DICOM series by its id or number in each source.
    select : str or Path, optional
        Rules that choose one series of each study, such as 'kernel=soft, prefer=thinnest', or a
        .toml file of them.
    find_labels : bool, default True
        Use an RTSTRUCT or DICOM SEG in the sources as labels of the series that it refers to, if no
        `labels` are given.
    memory : str, optional
        Memory limit per case, such as '2G' (default: 80 % of free memory, shared by the workers).
    timeout_seconds : float, optional
        Time limit of a case, which is tried twice (default: none).
    overwrite : bool, default False
        Remove results of another pipeline or of other options in `out`.
    linkage : bool, str or Path, default True
        Where the CSV file of ids and paths is written: True is the user's state folder.
    only : str, Path or sequence of str, optional
        The cases that are run: their ids, or a file with one on each line, or a CSV file with the
        columns id, decision (accept or reject) and note (default: all).
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
    for path in (out, linkage, False if points is None else points):
        _check_path(path)
    steps = _pipeline(pipeline)
    check_sources(_texts(sources), Path(out))
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
        find_labels=find_labels,
        select=None if select is None else str(select),
        label_map=None if label_map is None else parse_label_map(label_map),
        points=None if points is None else Path(points),
        frame=frame,
        memory_bytes=_memory(memory),
        workers=workers,
        only=_only(only),
    )
    engines = partial(choose_engine, engine, scheduler=scheduler, timeout_seconds=timeout_seconds)
    return _run(request, engines, linkage=linkage, progress=progress, overwrite=overwrite)


def _run(
    request: RunRequest,
    engines: Callable[..., Engine],
    *,
    linkage: bool | str | Path,
    progress: Callable[[CaseResult], None] | None,
    overwrite: bool,
) -> Summary:
    """Find the cases, run them, and warn of each kind of problem."""
    found = _found(request)
    config, planned = prepare(request, found)
    summary = run_dataset(
        config,
        found,
        engine=engines(workers=planned.workers),
        report=progress,
        link=_linker(found, linkage, config.out),
        overwrite=overwrite,
    )
    for text in problems(summary):
        warn(text)
    return summary


def _found(request: RunRequest) -> Discovery:
    """Find the cases of a run; raises NoCaseError if there is none."""
    found = find_cases(request)
    if not found.cases and not found.missed:
        raise NoCaseError("no source is given; expected files, folders, patterns or '@list.txt'")
    if not found.cases:
        raise NoCaseError([Diagnostic(m.code, "refusal", m.message, m.typed) for m in found.missed])
    return found


def problems(summary: Summary) -> list[str]:
    """Return one line for each kind of problem of a run."""
    lines = [str(each) for each in summary.missed]
    lines += [str(each) for each in summary.unused if each.severity in ("refusal", "warning")]
    lines += [str(each) for each in summary.findings]
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


def _only(only: str | Path | Sequence[str] | None) -> Only | None:
    if only is None:
        return None
    if not isinstance(only, str | Path):
        return only_ids(only)
    _check_path(only)
    return read_only(Path(only))


def _memory(text: str | None) -> int | None:
    """Return the memory limit of one case in bytes."""
    if text is None:
        return None
    try:
        return parse_bytes(text)
    except ValueError as error:
        raise _usage(f"memory: {error}") from None


def _linker(
    found: Discovery, linkage: bool | str | Path, out: Path
) -> Callable[[str], None] | None:
    """Return a function that writes the linkage file of a run; None without one."""
    if linkage is False:
        return None
    file = None if linkage is True else Path(linkage)
    return linker(found.cases, out, file=file, problem=warn)
