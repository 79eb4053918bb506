"""Check the headers of one series and report diagnostics under a read policy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.diagnostic import Diagnostic, Severity
from hounsfield.core.policy import ReadPolicy
from hounsfield.core.slice_geometry import SliceGeometry
from hounsfield.core.spec import Quantity
from hounsfield.core.volume_geometry import UNKNOWN, VolumeGeometry, volume_geometry
from hounsfield.io.dicom import tags
from hounsfield.io.dicom.header.fast_header import IMPLICIT_META
from hounsfield.io.dicom.header.fragments import has_all_fragments
from hounsfield.io.dicom.header.frame import MAX_SIDE, Frame, diagnose
from hounsfield.io.dicom.header.geometry import normal, positions_along
from hounsfield.io.dicom.series.group import has_own_references
from hounsfield.io.dicom.series.series import Series
from hounsfield.io.dicom.series.spacing import (
    Gap,
    gap_diagnostics,
    missing_slices,
    sparse_diagnostics,
)
from hounsfield.io.dicom.series.validate_slices import (
    largest_shift_mm,
    ordered,
    place_diagnostics,
    slice_geometry,
    thickness_diagnostics,
    tilt_diagnostics,
    with_one_repair,
)

Floats = NDArray[np.float64]

LARGEST_RESCALE = 1e20
"""Largest valid slope or intercept; beyond it, values would exceed float32."""

_HU_NAMES = frozenset({"", "HU"})
_MAPS = frozenset(
    {"PERFUSION", "RCBF", "RCBV", "CBF", "CBV", "MTT", "TTP", "TMAX", "EFF_ATOMIC_NUM", "EFF_Z"}
)
"""Values of ImageType (PS3.3 C.8.16) of parameter maps, which are not HU."""


@dataclass(frozen=True, slots=True)
class ValidatedSeries:
    """A validated series: one frame for each position, in slice order, with all diagnostics.

    `slices` is the geometry of the slices, missing ones included; `volume` its regularity; None and
    unknown where positions are missing.
    """

    frames: tuple[Frame, ...]
    diagnostics: tuple[Diagnostic, ...] = ()
    holes: tuple[Gap, ...] = ()
    quantity: Quantity = "hu"
    positions_mm: Floats = field(default_factory=lambda: np.zeros(0))
    slices: SliceGeometry | None = None
    volume: VolumeGeometry = UNKNOWN

    @property
    def refusals(self) -> tuple[Diagnostic, ...]:
        """The diagnostics that prevent reading."""
        return tuple(
            diagnostic for diagnostic in self.diagnostics if diagnostic.severity == "refusal"
        )


def validate(series: Series, policy: ReadPolicy) -> ValidatedSeries:
    """Check a readable series; what `policy` allows is a repair, anything else a refusal."""
    frames = series.group.frames
    diagnostics = [
        *series.diagnostics,
        *_pixel_diagnostics(frames),
        *_meaning_diagnostics(frames, policy),
    ]
    quantity: Quantity = "hu" if policy.assume == "hu" or is_hu(frames) else "other"
    misplaced = place_diagnostics(frames)
    across = normal(frames[0].orientation)
    if misplaced or across is None:
        return ValidatedSeries(frames, (*diagnostics, *misplaced), (), quantity)
    everything = slice_geometry([frames[n] for n in np.argsort(positions_along(frames, across))])
    frames, duplicates = ordered(frames, across)
    volume = volume_geometry(everything, is_unique=not duplicates)
    positions = positions_along(frames, across)
    holes = missing_slices(
        np.diff(positions), np.array([frame.thickness_mm or np.nan for frame in frames])
    )
    slices = slice_geometry(frames)
    found = sparse_diagnostics(positions, sideways_mm=largest_shift_mm(slices))
    if found:
        holes = ()
    else:
        slices = slice_geometry(frames, holes)
        found = (
            *gap_diagnostics(frames, slices, holes, policy),
            *tilt_diagnostics(frames, slices, policy),
            *thickness_diagnostics(frames),
            *_sign_diagnostics(frames),
        )
    return ValidatedSeries(
        frames,
        with_one_repair((*diagnostics, *duplicates, *found)),
        holes,
        quantity,
        positions_mm=positions,
        slices=slices,
        volume=volume,
    )


def is_hu(frames: Sequence[Frame]) -> bool:
    """Whether the rescaled values are HU: so if RescaleType is missing, not if the rescale is."""
    return all(_is_hu(frame) for frame in frames)


def _is_hu(frame: Frame) -> bool:
    if _MAPS & set(frame.image_type):
        return False
    if frame.lut is not None:
        return frame.lut.kind == "HU"
    return frame.rescale_type in _HU_NAMES and not (frame.slope is None and frame.intercept is None)


def _pixel_diagnostics(frames: Sequence[Frame]) -> Iterator[Diagnostic]:
    blank = [frame for frame in frames if frame.pixels is None or frame.offset is None]
    if blank:
        yield diagnose(
            "NO_PIXELS",
            "refusal",
            "rows, columns, bit depth or pixel data is missing; expected an image",
            frames=blank,
        )
    large = [frame for frame in frames if max(frame.size) > MAX_SIDE]
    if large:
        yield diagnose(
            "TOO_LARGE", "refusal", f"slice has more than {MAX_SIDE} rows or columns", frames=large
        )
    unknown = [frame for frame in frames if frame.pixels and frame.pixels.codec == "unknown"]
    for why in dict.fromkeys(frame.pixels.undecodable for frame in unknown if frame.pixels):
        alike = [frame for frame in unknown if frame.pixels and frame.pixels.undecodable == why]
        yield diagnose("CODEC", "refusal", why, frames=alike)
    cut = [frame for frame in frames if is_truncated(frame)]
    if cut:
        yield diagnose(
            "TRUNCATED",
            "refusal",
            "pixel data is truncated; copy the file again from the archive",
            frames=cut,
            value=len(cut),
        )


def is_truncated(frame: Frame) -> bool:
    """Whether the file is shorter than the pixel data that its header declares."""
    form, offset = frame.pixels, frame.offset
    if form is None or offset is None or form.syntax == tags.DEFLATED or form.codec == "unknown":
        return False
    if not form.is_native:
        return not frame.parts and not has_all_fragments(frame)
    needed = form.frame_bytes * frame.count
    return offset + needed > frame.source.size or frame.length < needed


def _meaning_diagnostics(frames: Sequence[Frame], policy: ReadPolicy) -> Iterator[Diagnostic]:
    bad = [
        frame
        for frame in frames
        if frame.bad_rescale
        or max(abs(frame.slope or 0.0), abs(frame.intercept or 0.0)) > LARGEST_RESCALE
    ]
    if bad:
        yield diagnose(
            "BAD_RESCALE",
            "refusal",
            "invalid rescale slope or intercept (zero, not a number or too large)",
            frames=bad,
        )
    not_hu = [frame for frame in frames if not _is_hu(frame)]
    if not_hu:
        severity: Severity = "repair" if policy.assume == "hu" else "refusal"
        what = (
            "rescale type is not HU"
            if not_hu[0].rescale_type not in _HU_NAMES
            else "rescale slope and intercept are missing, so the values may not be HU"
        )
        yield diagnose(
            "NOT_HU", severity, f"{what}; use assume='hu' to read them as HU", frames=not_hu
        )
    derived = [frame for frame in frames if "DERIVED" in frame.image_type]
    if derived:
        yield diagnose(
            "DERIVED",
            "note",
            "pixels are derived from other images (processed, or lossy compressed)",
            frames=derived,
        )
    padded = [frame for frame in frames if frame.padding is not None]
    if padded:
        yield diagnose(
            "PADDING",
            "note",
            "padding value declared; replaced by air"
            if policy.padding == "air"
            else "padding value declared; its voxels are kept",
            frames=padded,
        )
    yield from _assumption_diagnostics(frames)
    if has_own_references(frames):
        yield diagnose(
            "OWN_REFERENCE", "note", "every file has its own frame of reference; ignored"
        )


def _assumption_diagnostics(frames: Sequence[Frame]) -> Iterator[Diagnostic]:
    """What the headers lack, and how they are encoded against the standard."""
    implicit = [frame for frame in frames if IMPLICIT_META in frame.assumed]
    if implicit:
        yield diagnose(
            "IMPLICIT_META",
            "note",
            "file meta information is in implicit VR; expected explicit VR (PS3.10 7.1)",
            frames=implicit,
        )
    assumed = tuple(dict.fromkeys(what for frame in frames for what in _assumptions(frame)))
    if assumed:
        yield diagnose(
            "ASSUMED",
            "warning",
            f"missing and assumed: {', '.join(assumed)}",
            frames=[frame for frame in frames if _assumptions(frame)],
        )


def _assumptions(frame: Frame) -> tuple[str, ...]:
    modality = () if frame.modality else ("modality CT",)
    slope = ("rescale slope 1",) if frame.slope is None and frame.intercept is not None else ()
    intercept = (
        ("rescale intercept 0",) if frame.intercept is None and frame.slope is not None else ()
    )
    named = tuple(what for what in frame.assumed if what != IMPLICIT_META)
    return (*named, *modality, *slope, *intercept)


def _sign_diagnostics(frames: Sequence[Frame]) -> Iterator[Diagnostic]:
    """A diagnostic if signed and unsigned slices are mixed, since a header may be wrong."""
    signed = [frame for frame in frames if frame.pixels is not None and frame.pixels.signed]
    unsigned = [frame for frame in frames if frame.pixels is not None and not frame.pixels.signed]
    if signed and unsigned:
        fewer = min(signed, unsigned, key=len)
        yield diagnose(
            "MIXED_SIGN",
            "warning",
            f"{len(signed)} slices are signed and {len(unsigned)} unsigned; if a header is wrong, "
            "values are off by 65536; compare these slices",
            frames=fewer,
        )
