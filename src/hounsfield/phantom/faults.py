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
    """Select what is wrong with a series; the default is a series as a scanner writes it.

    Slices are numbered from 0 along the normal.

    Parameters
    ----------
    missing : tuple of int, default ()
        Slices that are left out.
    duplicated : tuple of int, default ()
        Slices that are written twice.
    duplicates_differ : bool, default False
        Give duplicates other noise.
    positions_mm : tuple of float, default ()
        Position of each slice along the table, from the first one, mm; empty for even spacing.
    tilt_deg : float, default 0
        Tilt of the gantry, degrees, under 60.
    tilt_tag : {'same', 'opposite', 'absent'}, default 'same'
        Sign of GantryDetectorTilt, or its absence.
    slopes : tuple of float, default (1.0,)
        Rescale slopes, used in turn.
    extras : tuple of {'localizer', 'screen', 'secondary'}, default ()
        Other files in the folder.
    phases : int, default 1
        Phases in one series, separated by AcquisitionNumber and time.
    studies : int, default 1
        Studies that share a SeriesNumber.
    padding : str, default 'tag-2000'
        Stored value outside of the reconstruction circle, and its tag: a key of ``PADDING``.
    rescale : {'hu', 'absent', 'not-hu', 'lut'}, default 'hu'
        Rescale to HU; none (stored values are HU); RescaleType US; or a modality LUT to HU + 1024.
    overlay : bool, default False
        Store 12 bits in 16 with an overlay in bit 12, unsigned and without padding.
    monochrome1 : bool, default False
        Write MONOCHROME1.
    truncated : tuple of int, default ()
        Slices whose file lacks its last third.
    no_position : tuple of int, default ()
        Slices without ImagePositionPatient.
    other_spacing : int, optional
        A slice with another PixelSpacing.
    equal_numbers : bool, default False
        Give all slices InstanceNumber 1.
    enhanced : bool, default False
        Write one multi-frame file with shuffled frames.
    syntax : str, default 'explicit'
        Transfer syntax, such as 'implicit', 'rle', 'jpeg-ls' or 'htj2k'.
    sign_mismatch : bool, default False
        Write an unsigned JPEG 2000 codestream under a signed header.
    no_preamble : bool, default False
        Leave out the preamble.
    no_meta : bool, default False
        Leave out the file meta information.
    empty_sop_class : bool, default False
        Leave SOPClassUID empty.
    no_modality : bool, default False
        Leave out Modality.
    invalid_dates : bool, default False
        Write invalid dates.
    odd_numbers : bool, default False
        Write numbers such as '001.000000E+00'.
    three_spacings : bool, default False
        Write a PixelSpacing of three values.
    orientation : str, default 'supine'
        'supine', 'prone', 'feet-first', 'oblique', 'sagittal' or 'coronal'.

    Raises
    ------
    PipelineError
        If a value is unknown, or faults exclude one another.

    Examples
    --------
    >>> Faults(missing=(3,), tilt_deg=12).resampled
    True
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
