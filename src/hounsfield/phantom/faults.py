"""Faults of a CT series that `write_series` can produce."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal, get_args, get_type_hints

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import PipelineError

Padding = Literal["tag-2000", "tag-1500", "untagged-2048", "unsigned-63536", "none"]
Rescale = Literal["hu", "absent", "not-hu", "lut"]
TiltTag = Literal["same", "opposite", "absent"]
Orientation = Literal["supine", "prone", "feet-first", "oblique", "sagittal", "coronal"]
Extra = Literal["localizer", "screen", "secondary"]
Syntax = Literal[
    "explicit",
    "implicit",
    "big-endian",
    "deflated",
    "rle",
    "jpeg-lossless",
    "jpeg-ls",
    "jpeg-2000",
    "htj2k",
]

PADDING: dict[str, tuple[int | None, int | None]] = {
    "tag-2000": (-2000, -2000),
    "tag-1500": (-1500, -1500),
    "untagged-2048": (-2048, None),
    "unsigned-63536": (-2000, 63536),
    "none": (None, None),
}
"""Stored value outside the reconstruction circle and value of the tag; 63536 is -2000 unsigned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """What to do to a series; the default is a plain one as a scanner leaves it. Slices are counted along the normal.

    Slices: `missing` are left out; `duplicated` come twice, with other noise if `duplicates_differ`; `positions_mm`
    (as many as slices, mm along the table from the first) takes the place of even spacing; `tilt_deg` tilts the gantry,
    and `tilt_tag` says whether GantryDetectorTilt has the tilt's sign, the other one, or is absent; `other_spacing`
    gives one slice another PixelSpacing; `no_position` leaves ImagePositionPatient out of these slices; `orientation`
    says how the patient or the stack lies; `equal_numbers` gives all slices InstanceNumber 1.

    Values: `slopes` are used in turn; `padding`, `rescale` (absent: stored values are HU and nothing
    says so; not-hu: RescaleType US; lut: a modality LUT of type US that gives HU + 1024) and
    `monochrome1`; `overlay` stores 12 bits in 16 with an overlay in bit 12 (unsigned and without padding).

    Series: `extras` lie in the same folder; `phases` are in one series, separated by AcquisitionNumber and time;
    `studies` share one SeriesNumber; `enhanced` writes one multi-frame file, its frames shuffled.

    Files: `syntax`; `sign_mismatch` (JPEG 2000 whose codestream is unsigned, its header signed); `truncated` slices
    lose the last third of their file; `no_preamble`, `no_meta`; `empty_sop_class`, `no_modality`, `invalid_dates`,
    `odd_numbers` (such as '001.000000E+00'), `three_spacings` (PixelSpacing of three values).
    """

    missing: tuple[int, ...] = ()
    duplicated: tuple[int, ...] = ()
    duplicates_differ: bool = False
    positions_mm: tuple[float, ...] = ()
    tilt_deg: float = 0.0
    tilt_tag: TiltTag = "same"
    slopes: tuple[float, ...] = (1.0,)
    extras: tuple[Extra, ...] = ()
    phases: int = 1
    studies: int = 1
    padding: Padding = "tag-2000"
    rescale: Rescale = "hu"
    overlay: bool = False
    monochrome1: bool = False
    truncated: tuple[int, ...] = ()
    no_position: tuple[int, ...] = ()
    other_spacing: int | None = None
    equal_numbers: bool = False
    enhanced: bool = False
    syntax: Syntax = "explicit"
    sign_mismatch: bool = False
    no_preamble: bool = False
    no_meta: bool = False
    empty_sop_class: bool = False
    no_modality: bool = False
    invalid_dates: bool = False
    odd_numbers: bool = False
    three_spacings: bool = False
    orientation: Orientation = "supine"

    def __post_init__(self) -> None:
        diagnostics = [*self._unknown_values(), *self._conflicts()]
        if diagnostics:
            raise PipelineError(diagnostics)

    @property
    def resampled(self) -> bool:
        """Whether new slices must be rendered, so that a Volume is not enough."""
        return bool(self.tilt_deg or self.positions_mm or self.orientation == "oblique")

    @property
    def stored_padding(self) -> tuple[int | None, int | None]:
        """The value outside the reconstruction circle and its tag; (None, None) without padding."""
        return (None, None) if self.overlay or self.rescale == "lut" else PADDING[self.padding]

    def _unknown_values(self) -> list[Diagnostic]:
        hints: dict[str, Any] = get_type_hints(Faults)
        diagnostics = []
        for item in fields(self):
            allowed = get_args(Extra) if item.name == "extras" else get_args(hints[item.name])
            values = getattr(self, item.name)
            for value in values if isinstance(values, tuple) else (values,):
                if isinstance(value, str) and value not in allowed:
                    diagnostics.append(
                        Diagnostic(
                            "FAULT",
                            "refusal",
                            f"unknown value '{value}'; "
                            f"expected one of {', '.join(map(str, allowed))}",
                            item.name,
                        )
                    )
        return diagnostics

    def _conflicts(self) -> list[Diagnostic]:
        rules = (
            (
                self.sign_mismatch and self.syntax != "jpeg-2000",
                "sign_mismatch",
                "needs syntax='jpeg-2000'",
            ),
            (
                self.no_meta and self.syntax not in ("explicit", "implicit"),
                "no_meta",
                "needs an uncompressed little-endian syntax, which readers assume",
            ),
            (
                self.enhanced
                and (
                    self.overlay
                    or self.monochrome1
                    or bool(self.no_position)
                    or self.rescale == "lut"
                    or bool(self.duplicated)
                ),
                "enhanced",
                "excludes overlay, monochrome1, rescale='lut', duplicated and no_position",
            ),
            (
                not self.slopes or 0 in self.slopes,
                "slopes",
                "needs at least one slope, and none of 0",
            ),
            (self.phases < 1 or self.studies < 1, "phases", "and studies must be at least 1"),
            (not abs(self.tilt_deg) < 60, "tilt_deg", "must be under 60 degrees"),
            (
                bool(self.tilt_deg) and self.orientation != "supine",
                "tilt_deg",
                "needs orientation='supine'",
            ),
            (
                self.overlay and self.slopes != (1.0,),
                "overlay",
                "needs slopes=(1.0,), since 12 bits hold no more",
            ),
        )
        return [
            Diagnostic("FAULT", "refusal", f"{name} {message}", name)
            for broken, name, message in rules
            if broken
        ]
