"""The options that say how a scan is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from typer import Option

from hounsfield.core.policy import ReadPolicy

READING = "Reading"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The read policy, and which series."""

    series: Annotated[
        str | None,
        Option(
            help="The series by its id (see inspect), or the number of a volume from 0.",
            rich_help_panel=READING,
        ),
    ] = None
    gaps: Annotated[
        Literal["refuse", "fill"], Option(help="Missing slices.", rich_help_panel=READING)
    ] = "refuse"
    uneven: Annotated[
        Literal["resample", "refuse"],
        Option(help="Slices at uneven distances.", rich_help_panel=READING),
    ] = "resample"
    tilt: Annotated[
        Literal["correct", "refuse"], Option(help="A tilted gantry.", rich_help_panel=READING)
    ] = "correct"
    padding: Annotated[
        Literal["air", "keep"], Option(help="Padding outside the scan.", rich_help_panel=READING)
    ] = "air"
    assume: Annotated[
        Literal["hu"] | None,
        Option(help="Take values for HU that do not say so.", rich_help_panel=READING),
    ] = None
    assume_affine: Annotated[
        str | None,
        Option(
            help="Three letters such as RAS for a NIfTI without any affine.",
            rich_help_panel=READING,
        ),
    ] = None

    @property
    def policy(self) -> ReadPolicy:
        """As the readers take it."""
        return ReadPolicy(
            gaps=self.gaps,
            uneven=self.uneven,
            tilt=self.tilt,
            padding=self.padding,
            assume=self.assume,
            assume_affine=self.assume_affine,
        )
