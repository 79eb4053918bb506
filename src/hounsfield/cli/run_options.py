"""Options of `hounsfield run`, by what they are about."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from typer import Option

from hounsfield.cli.options import FORMAT_METAVAR, format_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """Options of the output."""

    out: Annotated[
        Path, Option("--out", "-o", help="Output folder; an earlier run there is resumed.")
    ]
    format: Annotated[
        str,
        Option(
            metavar=FORMAT_METAVAR,
            parser=format_name,
            help="Format of the volumes; png keeps HU in 16 bits, png8 is a preview in 8 bits, "
            "dicom is a derived series.",
        ),
    ] = "nii.gz"
    dtype: Annotated[
        str | None,
        Option(
            help="Dtype of the image, such as int16 (default: that of the result); values must fit."
        ),
    ] = None
    settings: Annotated[
        list[str] | None,
        Option("--set", metavar="STEP.KEY=VALUE", help="Change a parameter of a step; repeatable."),
    ] = None
    overwrite: Annotated[
        bool,
        Option("--overwrite", help="Remove results of another pipeline or other options in OUT."),
    ] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Choosing:
    """Which series are cases."""

    select: Annotated[
        str | None,
        Option(
            metavar="RULES|FILE.toml",
            help="Rules that choose one series of each study, such as "
            "'kernel=soft, thickness_mm<=2, prefer=thinnest' (default: all series).",
        ),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelling:
    """Labels and points that go through the pipeline with the image."""

    label: Annotated[
        list[str] | None,
        Option(
            metavar="[NAME=]FILE",
            help="Label of the image; repeatable. In FILE {id} is the case id, {path} the folder "
            "of the image, {stem} the name of its file or series folder, {parent} that of the "
            "folder around it.",
        ),
    ] = None
    no_find_labels: Annotated[
        bool,
        Option(
            "--no-find-labels",
            help="Do not use RTSTRUCT and SEG objects in SRC as labels of the series that they "
            "refer to (default: used unless --label is given).",
        ),
    ] = False
    labels: Annotated[
        str | None,
        Option(
            metavar="MAP",
            help="Labels by the names of regions: NAME=REGEX,NAME=REGEX or a .toml file; the first "
            "wins an overlap (default: every region, by its own name).",
        ),
    ] = None
    points: Annotated[
        Path | None,
        Option(
            metavar="FILE",
            help="CSV of points and boxes: id, label, x, y, z in mm, optionally size_x, size_y, "
            "size_z (default: none).",
        ),
    ] = None
    frame: Annotated[
        Literal["ras", "lps"] | None,
        Option(help="Directions in which x, y, z of points ascend; required with points."),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The memory and the processes that cases share."""

    memory: Annotated[
        str | None,
        Option(
            metavar="SIZE",
            help="Memory limit per case, such as 2G "
            "(default: 80 % of free memory, shared by the workers).",
        ),
    ] = None
    workers: Annotated[
        int | None,
        Option(
            "--workers",
            "-j",
            min=1,
            help="Number of worker processes (default: what cores and memory allow).",
        ),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution(Limits):
    """How the cases are run; the outputs do not depend on it."""

    engine: Annotated[
        Literal["local", "dask"],
        Option(help="What runs the cases: processes of this machine, or a Dask cluster."),
    ] = "local"
    scheduler: Annotated[
        str | None,
        Option(
            metavar="ADDRESS",
            help="Dask scheduler, such as tcp://HOST:8786; implies --engine dask (default: a "
            "cluster on this machine).",
        ),
    ] = None
    only: Annotated[
        Path | None,
        Option(
            metavar="LIST",
            help="Run the cases of a list: CSV with the columns id, decision (accept or reject) "
            "and note, or one id on each line (default: all).",
        ),
    ] = None
    timeout: Annotated[
        float | None,
        Option(
            metavar="SECONDS",
            min=0.001,
            help="Time limit of a case, tried twice; the case then has failed (default: none).",
        ),
    ] = None
