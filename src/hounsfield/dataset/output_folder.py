"""The output folder of a run: its settings, cases of earlier runs, and partial outputs."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import PipelineError, WriteError
from hounsfield.dataset.case import CaseResult
from hounsfield.dataset.manifest import Manifest
from hounsfield.dataset.remote_output import RemoteOutput
from hounsfield.dataset.run_config import RunConfig
from hounsfield.dataset.sources import expand_sources
from hounsfield.io.bytes.remote import url_of
from hounsfield.io.bytes.search import OUTPUTS
from hounsfield.pipeline.serialize import to_data

PARTIAL = ("cases/.*.part", "cases/.*.old", ".hounsfield-*.part")
"""What a killed process leaves: new outputs, those that they would replace, and pipeline.toml."""

STALE = "its source is not among the sources of this run; remove its folder, or add the source"


def check_sources(sources: Sequence[str], out: Path) -> None:
    """Raise PipelineError if `out` is a source, or contains one among its outputs."""
    url = url_of(out)
    for source in filter(url_of, sources if url else ()):
        inner = url_of(source).rstrip("/").removeprefix(url.rstrip("/"))
        if inner == "" or inner.startswith(tuple(f"/{name}" for name in OUTPUTS)):
            message = "the output URL is the source; choose another one"
            raise PipelineError(Diagnostic("USAGE", "refusal", message, source))
    target = os.path.realpath(out)
    outputs = tuple(os.path.join(target, name, "") for name in OUTPUTS)
    for source in filter(os.path.exists, expand_sources(sources)):
        path = os.path.join(os.path.realpath(source), "")
        if path == os.path.join(target, "") or path.startswith(outputs):
            message = "the output folder is the source; choose another folder"
            raise PipelineError(Diagnostic("USAGE", "refusal", message, source))


def make_folders(out: Path) -> None:
    """Create the output folder; raises WriteError if it cannot be used."""
    if os.path.islink(out / "cases"):
        raise WriteError("'cases' in the output folder is a link; remove it or use another folder")
    try:
        (out / "cases").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(
            f"the output folder cannot be created ({error.strerror}); use another"
        ) from None


@contextmanager
def without_partial(out: Path) -> Iterator[None]:
    """Remove partial outputs in a locked output folder before and after the block."""
    _remove_partial(out)
    try:
        yield
    finally:
        _remove_partial(out)


def _remove_partial(out: Path) -> None:
    for pattern in PARTIAL:
        for path in list(out.glob(pattern)):
            remove(path)


def remove(path: Path) -> None:
    """Remove a file, a link or a folder, if that is possible."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
        return
    with suppress(OSError):
        path.unlink()


def settings_of(config: RunConfig) -> dict[str, str]:
    """Return the settings of a run: the pipeline's digest and the options of output and reading."""
    steps = to_data(config.pipeline.steps, name="", dtype=config.pipeline.dtype)
    policy = {name: value for name, value in asdict(config.policy).items() if value is not None}
    return {
        "pipeline": hashlib.sha256(json.dumps(steps, sort_keys=True).encode()).hexdigest(),
        "format": config.format,
        "dtype": config.dtype or "",
        "labels": ",".join(sorted(_label_names(config))),
        "label_map": _label_map(config),
        "order": ",".join(_label_names(config)),
        "frame": config.frame or "",
        "policy": json.dumps(policy, sort_keys=True),
    }


def _label_names(config: RunConfig) -> Sequence[str]:
    """Return the names of labels of the outputs: with a label map, those of the map."""
    if config.label_map is not None:
        return config.label_map.names
    return [name for name, _ in config.labels]


def _label_map(config: RunConfig) -> str:
    return "" if config.label_map is None else json.dumps(config.label_map.to_data())


def check_settings(config: RunConfig, manifest: Manifest, *, overwrite: bool) -> None:
    """Store the settings of a run; raises PipelineError if the outputs are of other settings.

    `overwrite` removes those outputs.
    """
    earlier, now = manifest.settings(), settings_of(config)
    differing = [name for name in _NAMES if earlier and earlier.get(name) != now[name]]
    folders = case_ids(config)
    if differing and folders and not overwrite:
        raise PipelineError([_other_settings(differing, earlier, now)])
    if differing:
        for case_id in manifest.earlier():
            remove_case(config, case_id)
        manifest.forget(manifest.earlier())
    manifest.set_settings(now)


def _other_settings(names: list[str], earlier: dict[str, str], now: dict[str, str]) -> Diagnostic:
    found = []
    for name in names:
        values = f" ({earlier.get(name) or 'none'}; this run has {now[name] or 'none'})"
        found.append(_NAMES[name] + ("" if name == "pipeline" else values))
    return Diagnostic(
        "OTHER_PIPELINE",
        "refusal",
        f"the output folder has results with {' and '.join(found)}; use another folder, or "
        "--overwrite (overwrite=True) to remove them",
    )


_NAMES = {
    "pipeline": "another pipeline",
    "format": "another format",
    "dtype": "another dtype",
    "labels": "other labels",
}
"""The settings that outputs of one folder share, in messages. Read options, patterns of labels and
the frame of points are not among them: who adds --gaps fill or a pattern after a refusal goes on in
the same folder, and all cases that it changes are run again."""


def case_ids(config: RunConfig) -> set[str]:
    """Return the ids of the cases with outputs, in the output folder or at its URL."""
    if config.out_url:
        return RemoteOutput(config.out_url).case_ids()
    return {each.name for each in case_folders(config.out)}


def remove_case(config: RunConfig, case_id: str) -> None:
    """Remove the outputs of a case, in the output folder or at its URL."""
    if config.out_url:
        RemoteOutput(config.out_url).remove(case_id)
    else:
        remove(config.folder(case_id))


def case_folders(out: Path) -> list[Path]:
    """Return the folders of cases."""
    return [
        each
        for each in sorted((out / "cases").iterdir())
        if not each.name.startswith(".") and each.is_dir()
    ]


def mark_stale(
    config: RunConfig, manifest: Manifest, *, current: Collection[str]
) -> list[CaseResult]:
    """Mark the cases of earlier runs that are not among the sources; forget those without outputs.

    Their outputs are kept: whoever reads the folder must leave them out, since the same patient may
    have another id now.
    """
    earlier = manifest.earlier()
    folders = case_ids(config) - set(current)
    found = []
    for case_id in sorted(folders):
        result = earlier.get(case_id, CaseResult(id=case_id, status="stale"))
        found.append(replace(result, status="stale", code="STALE", message=STALE))
        manifest.put(found[-1])
    manifest.forget(set(earlier) - set(current) - folders)
    return found
