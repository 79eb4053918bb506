"""`hounsfield demo`: both recipes on a phantom head as scanners leave it, or on the user's own CT."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Exit, Option

from hounsfield.cli.errors import FAILED, about
from hounsfield.cli.inspect import print_inspection
from hounsfield.cli.options import Reading, read_volume
from hounsfield.cli.run import no_case, reporting
from hounsfield.cli.terminal import Terminal
from hounsfield.dataset.case_result import CaseResult

if TYPE_CHECKING:
    from hounsfield.core.volume import Volume
    from hounsfield.dataset.case import CaseSource

RECIPES = {
    "head": "the head without headrest, 1 mm, 512 x 512, brain window",
    "isotropic-mip": "1 mm isotropic, 0 to 1, maximum intensity projections of 5 slices",
}
"""The presets that the demo runs, and what each makes."""

WINDOW = "brain"


def demo(
    terminal: Terminal,
    reading: Reading,
    src: Annotated[Path | None, Argument(help="Your own CT; without it, a phantom head.")] = None,
    out: Annotated[Path, Option("--out", "-o", help="The folder for all of it.")] = Path("demo"),
) -> None:
    """Look at a scan, run both recipes on it, draw pictures; say what was found and where it lies."""
    scan = src or _phantom(terminal, out)
    terminal.say(f"\nwhat is there (hounsfield inspect {scan})\n")
    with about(scan), terminal.progress("reading headers") as progress:
        from hounsfield.dataset.inspect import inspect

        found = inspect(scan, policy=reading.policy, series=reading.series, progress=progress)
    if not terminal.json:
        print_inspection(terminal, found)
    cases = _cases(scan, reading)
    outcomes = {
        recipe: _run(terminal, reading, recipe, cases, out=out / recipe) for recipe in RECIPES
    }
    pictures = _pictures(terminal, reading, cases, outcomes, out=out)
    _end(terminal, _Answer(found.to_json(), outcomes, pictures), out=out)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a demo came to."""

    inspection: dict[str, Any]
    outcomes: dict[str, tuple[CaseResult, ...]]
    pictures: list[Path]

    @property
    def failed(self) -> int:
        """How many runs failed."""
        return sum(one.status == "failed" for each in self.outcomes.values() for one in each)


def _phantom(terminal: Terminal, out: Path) -> Path:
    """Write the phantom as a DICOM series, or take the one of an earlier demo there."""
    from hounsfield.phantom import head, write_series

    scan = out / "scan"
    if scan.is_dir():
        terminal.say(f"the phantom of an earlier demo is in {scan}")
        return scan
    terminal.say(
        f"writing a phantom head as a CT series into {scan}: noise, a headrest and a table, padding outside "
        "the field of view, files without order"
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
    terminal: Terminal, reading: Reading, recipe: str, cases: Sequence[CaseSource], *, out: Path
) -> tuple[CaseResult, ...]:
    from hounsfield.dataset.run import run_dataset
    from hounsfield.dataset.run_config import RunConfig
    from hounsfield.pipeline.presets import preset

    terminal.say(f"\n{RECIPES[recipe]} (hounsfield run {recipe})\n")
    job = RunConfig(pipeline=preset(recipe), out=out, policy=reading.policy)
    with about(out), reporting(terminal, cases) as report:
        return run_dataset(job, cases, report=report).outcomes


def _pictures(
    terminal: Terminal,
    reading: Reading,
    cases: Sequence[CaseSource],
    outcomes: dict[str, tuple[CaseResult, ...]],
    *,
    out: Path,
) -> list[Path]:
    """Planes, montage and histogram of each scan, and planes of what each recipe made of it."""
    folder = out / "pictures"
    with about(folder):
        folder.mkdir(parents=True, exist_ok=True)
    paths = []
    with terminal.progress("pictures"):
        for case in cases:
            made = {one.id for each in outcomes.values() for one in each if one.status != "failed"}
            if case.id in made:
                volume = read_volume(case.path, reading=replace(reading, series=case.series))
                paths += _drawn(volume, folder, name=case.id)
            for recipe, each in outcomes.items():
                image = out / recipe / "cases" / case.id / "image.nii.gz"
                if any(one.id == case.id and one.status != "failed" for one in each):
                    paths.append(_result_planes(image, folder / f"{case.id}-{recipe}.png"))
    return paths


def _drawn(volume: Volume, folder: Path, *, name: str) -> list[Path]:
    from hounsfield.picture.histogram import histogram
    from hounsfield.picture.montage import montage
    from hounsfield.picture.planes import planes

    drawn = {
        "planes": planes(volume, window=WINDOW, crosshair=True),
        "montage": montage(volume, window=WINDOW),
        "histogram": histogram(volume, window=WINDOW),
    }
    for kind, picture in drawn.items():
        picture.save(folder / f"{name}-{kind}.png")
    return [folder / f"{name}-{kind}.png" for kind in drawn]


def _result_planes(image: Path, path: Path) -> Path:
    from hounsfield.picture.planes import planes

    planes(read_volume(image, reading=Reading(), quantity="unit")).save(path)
    return path


def _end(terminal: Terminal, answer: _Answer, *, out: Path) -> None:
    if terminal.json:
        terminal.data(
            {
                "schema": 1,
                "inspection": answer.inspection,
                "pictures": len(answer.pictures),
                "runs": {
                    recipe: [one.to_json() for one in each]
                    for recipe, each in answer.outcomes.items()
                },
            }
        )
    terminal.say("\nwhere it lies")
    for recipe, each in answer.outcomes.items():
        for one in each:
            if one.status != "failed":
                folder = out / recipe / "cases" / one.id
                terminal.say(
                    f"  {folder}/  {', '.join(sorted(path.name for path in folder.iterdir()))}"
                )
    for path in answer.pictures:
        terminal.say(f"  {path}")
    if answer.failed:
        raise Exit(FAILED)
