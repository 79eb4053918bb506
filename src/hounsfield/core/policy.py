"""The policy of readers for incomplete or irregular data: refuse, repair or assume."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal, get_args, get_type_hints

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import PipelineError


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadPolicy:
    """How a reader treats incomplete or irregular data; by default it refuses to guess.

    gaps: refuse missing slices, or fill them (a mask marks them). uneven: resample unevenly spaced
    slices onto an even grid, or refuse. tilt: correct gantry tilt in the same sampling, or refuse.
    padding: replace it with air before interpolation, or keep it. assume: 'hu' accepts values
    without a unit as HU. assume_affine: three letters such as 'RAS' for a NIfTI without an affine;
    its spacing is then read from pixdim.
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
                        f"'{value}' is not supported; "
                        f"expected one of {', '.join(dict.fromkeys(allowed))}",
                        item.name,
                    )
                )
        if diagnostics:
            raise PipelineError(diagnostics)


DEFAULT_POLICY = ReadPolicy()
"""The default policy: refuse to guess, repair what the data define."""
