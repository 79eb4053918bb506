"""Read options: what a reader refuses, repairs or assumes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cache
from typing import Any, Literal, get_args, get_type_hints

from hounsfield.core.arguments import checked
from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import GeometryError, PipelineError
from hounsfield.core.orientation import parse_orientation

Gaps = Literal["refuse", "fill"]
Uneven = Literal["resample", "refuse"]
Tilt = Literal["correct", "refuse"]
Padding = Literal["air", "keep"]
Assume = Literal["hu"]


@checked
@dataclass(frozen=True, slots=True, kw_only=True)
class ReadPolicy:
    """State what a reader does with incomplete, irregular or ambiguous data.

    The keywords of `hounsfield.open` and `hounsfield.read`, the options of the command line and the
    table in the documentation are made from these fields. The defaults refuse to guess.

    Parameters
    ----------
    gaps : {"refuse", "fill"}
        Missing slices: refuse the series, or interpolate them and mark them in a mask.
    uneven : {"resample", "refuse"}
        Uneven slice spacing: resample to an even spacing, or refuse the series.
    tilt : {"correct", "refuse"}
        Gantry tilt: correct it by shearing the slices, or refuse the series.
    padding : {"air", "keep"}
        Padding outside the field of view: replace it by air, or keep the stored value.
    assume : {"hu"} or None
        Values of unknown unit: assume that they are HU (default: refuse them).
    assume_affine : str or None
        A NIfTI without an affine: assume these axes, such as RAS, and the spacing of its header
        (default: refuse it).

    Raises
    ------
    PipelineError
        If a value is not one of those listed.

    Examples
    --------
    >>> ReadPolicy(gaps="fill").gaps
    'fill'
    """

    gaps: Gaps = field(
        default="refuse",
        metadata={
            "help": "Missing slices: refuse the series, "
            "or interpolate them and mark them in a mask."
        },
    )
    uneven: Uneven = field(
        default="resample",
        metadata={
            "help": "Uneven slice spacing: resample to an even spacing, or refuse the series."
        },
    )
    tilt: Tilt = field(
        default="correct",
        metadata={"help": "Gantry tilt: correct it by shearing the slices, or refuse the series."},
    )
    padding: Padding = field(
        default="air",
        metadata={
            "help": "Padding outside the field of view: "
            "replace it by air, or keep the stored value."
        },
    )
    assume: Assume | None = field(
        default=None,
        metadata={
            "help": "Values of unknown unit: assume that they are HU (default: refuse them)."
        },
    )
    assume_affine: str | None = field(
        default=None,
        metadata={
            "help": "A NIfTI without an affine: assume these axes, such as RAS, "
            "and the spacing of its header (default: refuse it)."
        },
    )

    def __post_init__(self) -> None:
        diagnostics = list(self._invalid())
        if diagnostics:
            raise PipelineError(diagnostics)

    def _invalid(self) -> Iterator[Diagnostic]:
        for item in fields(self):
            value, allowed = getattr(self, item.name), choices()[item.name]
            if allowed and value is not None and value not in allowed:
                message = f"unknown {item.name} '{value}'; expected {' or '.join(allowed)}"
                yield Diagnostic("POLICY", "refusal", message)
        try:
            parse_orientation(self.assume_affine or "RAS")
        except GeometryError as error:
            yield Diagnostic("POLICY", "refusal", f"assume_affine: {error}")

    def replaced(self, **changes: Any) -> ReadPolicy:
        """Return a copy with some fields changed.

        Parameters
        ----------
        **changes : Any
            New values of fields of ReadPolicy.

        Returns
        -------
        ReadPolicy
            The changed copy.
        """
        return replace(self, **changes)


@cache
def choices() -> Mapping[str, tuple[str, ...]]:
    """Return the values that each field of ReadPolicy accepts; none for a field of free text."""
    return {name: tuple(_literals(hint)) for name, hint in get_type_hints(ReadPolicy).items()}


def _literals(hint: Any) -> Iterator[str]:
    for value in get_args(hint):
        if isinstance(value, str):
            yield value
        else:
            yield from _literals(value)


DEFAULT_POLICY = ReadPolicy()
"""The default policy: refuse to guess, repair what the data define."""
