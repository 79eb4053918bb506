"""What to do where data is not plain: refuse, repair or take the user's word."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal, get_args, get_type_hints

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import PipelineError


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadPolicy:
    """How a reader treats what is not plain; the defaults refuse what could only be guessed.

    gaps: refuse missing slices, or fill them (a mask says which). uneven: sample uneven slices onto an even grid, or
    refuse. tilt: shear a tilted gantry right in the same sampling, or refuse. padding: turn it into air before
    anything interpolates it, or keep it. assume: 'hu' takes values for HU that do not say so. assume_affine: three
    letters such as 'RAS' for a NIfTI without any affine; its spacing is then taken from pixdim.
    """

    gaps: Literal["refuse", "fill"] = "refuse"
    uneven: Literal["resample", "refuse"] = "resample"
    tilt: Literal["correct", "refuse"] = "correct"
    padding: Literal["air", "keep"] = "air"
    assume: Literal["hu"] | None = None
    assume_affine: str | None = None

    def __post_init__(self) -> None:
        hints = get_type_hints(ReadPolicy)
        diagnostics = []
        for item in fields(self):
            value = getattr(self, item.name)
            allowed = [
                v
                for option in (hints[item.name], *get_args(hints[item.name]))
                for v in get_args(option)
                if isinstance(v, str)
            ]
            if item.name != "assume_affine" and value is not None and value not in allowed:
                diagnostics.append(
                    Diagnostic(
                        "POLICY",
                        "refusal",
                        f"'{value}' is none of {', '.join(dict.fromkeys(allowed))}",
                        item.name,
                    )
                )
        if diagnostics:
            raise PipelineError(diagnostics)


DEFAULT_POLICY = ReadPolicy()
"""Refuse what could only be guessed, repair what is known."""
