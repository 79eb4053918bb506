"""`hounsfield demo`: run two presets on a phantom or on a CT of the user."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Exit, Option

from hounsfield.cli.errors import FAILED, about
from hounsfield.cli.inspect import print_inspection
from hounsfield.cli.options import Reading, load_volume
from hounsfield.cli.run_report import no_case, reporting
from hounsfield.cli.terminal import Terminal
from hounsfield.dataset.case import CaseResult

if TYPE_CHECKING:
    from hounsfield.core.volume import Volume
    from hounsfield.dataset.case import CaseSource

PRESETS = {
    "head": "the head without headrest, 1 mm, 512 x 512, brain window",
    "isotropic-mip": "1 mm isotropic, 0 to 1, maximum intensity projections of 5 slices",
}
"""The presets that the demo runs, and the output of each."""

WINDOW = "brain"


def demo(
    terminal: Terminal,
    reading: Reading,
    src: Annotated[
        Path | None, Argument(help="CT: file or folder (default: a phantom head).")
    ] = None,
    out: Annotated[Path, Option("--out", "-o", help="Output folder.")] = Path("demo"),
) -> None:
    """Inspect a scan, run two presets on it and draw pictures of the results."""
    scan = src or _phantom(terminal, out)
    terminal.say("")
    terminal.say(f"inspection (hounsfield inspect {scan})")
    terminal.say("")
    with about(scan), terminal.progress("reading headers") as progress:
        from hounsfield.dataset.inspect import inspect

        found = inspect(scan, policy=reading.policy, series=reading.series, progress=progress)
    if not terminal.json:
        print_inspection(terminal, found, typed=str(scan))
    cases = _cases(scan, reading)
    outcomes = {
        preset_name: _run(terminal, reading, preset_name, cases, out=out / preset_name)
        for preset_name in PRESETS
    }
    pictures = _pictures(terminal, reading, cases, outcomes, out=out)
    _end(terminal, _Outcome(found.to_json(), outcomes, pictures), out=out)


@dataclass(frozen=True, slots=True)
class _Outcome:
    """Results of a demo."""

    inspection: dict[str, Any]
    outcomes: dict[str, tuple[CaseResult, ...]]
    pictures: list[Path]

    @property
    def failed(self) -> int:
        """Return the number of failed runs."""
        return sum(one.status == "failed" for each in self.outcomes.values() for one in each)


def _phantom(terminal: Terminal, out: Path) -> Path:
    """Write the phantom as a DICOM series, or reuse that of an earlier demo."""
    from hounsfield.phantom import head, write_series

    scan = out / "scan"
    if scan.is_dir():
        terminal.say(f"using the phantom of an earlier demo in {scan}")
        return scan
    terminal.say(
        f"writing a phantom head as a CT series to {scan}: with noise, headrest, table, padding "
        "outside the field of view and unordered files"
    )
    part = out / ".scan.part"
    shutil.rmtree(part, ignore_errors=True)
    with terminal.progress("phantom"):
        write_series(head(), part)
    part.rename(scan)
    return scan


def _cases(scan: Path, reading: Reading) -> tuple[CaseSource, ...]:
    from hounsfield.dataset.discover import discover

    found = discover([str(scan)], series=reading.series)
    if not found.cases:
        raise no_case(found)
    return found.cases


def _run(
    terminal: Terminal,
    reading: Reading,
    preset_name: str,
    cases: Sequence[CaseSource],
    *,
    out: Path,
) -> tuple[CaseResult, ...]:
    from hounsfield.dataset.run import run_dataset
    from hounsfield.dataset.run_config import RunConfig
    from hounsfield.pipeline.presets import preset

    terminal.say("")
    terminal.say(f"{PRESETS[preset_name]} (hounsfield run {preset_name})")
    terminal.say("")
    config = RunConfig(pipeline=preset(preset_name), out=out, policy=reading.policy)
    with about(out), reporting(terminal, cases) as report:
        return run_dataset(config, cases, report=report).cases


def _pictures(
    terminal: Terminal,
    reading: Reading,
    cases: Sequence[CaseSource],
    outcomes: dict[str, tuple[CaseResult, ...]],
    *,
    out: Path,
) -> list[Path]:
    """Draw planes, montage and histogram of each scan, and planes of each output."""
    folder = out / "pictures"
    with about(folder):
        folder.mkdir(parents=True, exist_ok=True)
    paths = []
    with terminal.progress("pictures"):
        for case in cases:
            made = {one.id for each in outcomes.values() for one in each if one.status != "failed"}
            if case.id in made:
                volume = load_volume(case.path, reading=replace(reading, series=case.series))
                paths += _draw(volume, folder, name=case.id)
            for preset_name, each in outcomes.items():
                image = out / preset_name / "cases" / case.id / "image.nii.gz"
                if any(one.id == case.id and one.status != "failed" for one in each):
                    paths.append(_result_planes(image, folder / f"{case.id}-{preset_name}.png"))
    return paths


def _draw(volume: Volume, folder: Path, *, name: str) -> list[Path]:
    from hounsfield.picture.histogram import histogram
    from hounsfield.picture.montage import montage
    from hounsfield.picture.planes import planes

    pictures = {
        "planes": planes(volume, window=WINDOW, crosshair=True),
        "montage": montage(volume, window=WINDOW),
        "histogram": histogram(volume, window=WINDOW),
    }
    for kind, picture in pictures.items():
        picture.save(folder / f"{name}-{kind}.png")
    return [folder / f"{name}-{kind}.png" for kind in pictures]


def _result_planes(image: Path, path: Path) -> Path:
    from hounsfield.picture.planes import planes

    planes(load_volume(image, reading=Reading(), quantity="unit")).save(path)
    return path


def _end(terminal: Terminal, outcome: _Outcome, *, out: Path) -> None:
    if terminal.json:
        terminal.data(
            {
                "schema": 1,
                "inspection": outcome.inspection,
                "pictures": len(outcome.pictures),
                "runs": {
                    preset_name: [one.to_json() for one in each]
                    for preset_name, each in outcome.outcomes.items()
                },
            }
        )
    terminal.say("")
    terminal.say("outputs")
    for preset_name, each in outcome.outcomes.items():
        for one in each:
            if one.status != "failed":
                folder = out / preset_name / "cases" / one.id
                terminal.say(
                    f"  {folder}/  {', '.join(sorted(path.name for path in folder.iterdir()))}"
                )
    for path in outcome.pictures:
        terminal.say(f"  {path}")
    if outcome.failed:
        raise Exit(FAILED)
