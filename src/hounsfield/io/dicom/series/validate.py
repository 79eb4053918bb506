"""What is wrong with one series, from its headers: every Diagnostic, graded under a policy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.diagnostic import Diagnostic, Severity
from hounsfield.core.policy import ReadPolicy
from hounsfield.core.spec import Quantity
from hounsfield.core.stack import EVEN_TOLERANCE, STEP_QUANTILE, UPRIGHT_TOLERANCE_MM
from hounsfield.io.dicom import tags
from hounsfield.io.dicom.header.fragments import has_all_fragments
from hounsfield.io.dicom.header.frame import MAX_SIDE, Frame, diagnose
from hounsfield.io.dicom.header.geometry import normal, positions_along
from hounsfield.io.dicom.series.group import has_own_references
from hounsfield.io.dicom.series.phases import group_by_position, same_pixels
from hounsfield.io.dicom.series.series import Series
from hounsfield.io.dicom.series.spacing import Gap, missing_slices, tally

Floats = NDArray[np.float64]

FARTHEST_MM = 1e5
"""A slice over 100 m from the scanner's origin has a broken position."""

FARTHEST_SIDEWAYS_MM = 2000.0
"""Slices over 2 m sideways of the first belong to no stack, tilted or not: a gantry's bore is under 1 m."""

FEW_SLICES = 16
"""Where all of a series would take over 16 times its slices, evenly, nothing of it but a few slices was scanned."""

LARGEST_RESCALE = 1e20
"""A slope or intercept beyond is a broken number: its values would leave float32."""

_HU_NAMES = frozenset({"", "HU"})
_MAPS = frozenset(
    {"PERFUSION", "RCBF", "RCBV", "CBF", "CBV", "MTT", "TTP", "TMAX", "EFF_ATOMIC_NUM", "EFF_Z"}
)
"""Values of ImageType (PS3.3 C.8.16) whose pixels are a map of something else."""


@dataclass(frozen=True, slots=True)
class ValidatedSeries:
    """A series in the order of its slices, one frame for each position, with everything that was found."""

    frames: tuple[Frame, ...]
    positions_mm: Floats
    diagnostics: tuple[Diagnostic, ...]
    holes: tuple[Gap, ...] = ()
    quantity: Quantity = "hu"
    tilt_deg: float = 0.0

    @property
    def refusals(self) -> tuple[Diagnostic, ...]:
        """What keeps it from being read."""
        return tuple(
            diagnostic for diagnostic in self.diagnostics if diagnostic.severity == "refusal"
        )


def validate(series: Series, policy: ReadPolicy) -> ValidatedSeries:
    """Look at one readable series; what `policy` allows is graded repair, what it does not refuse."""
    frames = series.group.frames
    diagnostics = [
        *series.diagnostics,
        *_pixel_diagnostics(frames),
        *_meaning_diagnostics(frames, policy),
    ]
    quantity: Quantity = "hu" if policy.assume == "hu" or is_hu(frames) else "other"
    misplaced = _place_diagnostics(frames)
    across = normal(frames[0].orientation)
    if misplaced or across is None:
        return ValidatedSeries(
            frames, np.zeros(len(frames)), (*diagnostics, *misplaced), (), quantity
        )
    frames, duplicates = _ordered(frames, across)
    positions = positions_along(frames, across)
    holes = missing_slices(
        np.diff(positions), np.array([frame.thickness_mm or np.nan for frame in frames])
    )
    tilt = _tilt(frames, across, positions)
    sparse = _sparse_diagnostics(positions, sideways_mm=tilt[1])
    if sparse:
        return ValidatedSeries(
            frames, positions, (*diagnostics, *duplicates, *sparse), (), quantity, tilt[0]
        )
    diagnostics += [
        *duplicates,
        *_gap_diagnostics(frames, positions, holes, policy),
        *_tilt_diagnostics(frames, tilt, policy),
        *_thickness_diagnostics(frames),
        *_sign_diagnostics(frames),
    ]
    return ValidatedSeries(frames, positions, tuple(diagnostics), holes, quantity, tilt[0])


def is_hu(frames: Sequence[Frame]) -> bool:
    """Whether every frame's rescaled values are HU: an absent RescaleType is HU for CT, an absent rescale is not."""
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
            "NO_PIXELS", "refusal", "rows, columns, bits or pixels are missing", frames=blank
        )
    large = [frame for frame in frames if max(frame.size) > MAX_SIDE]
    if large:
        yield diagnose(
            "TOO_LARGE", "refusal", f"a slice of over {MAX_SIDE} rows or columns", frames=large
        )
    unknown = [frame for frame in frames if frame.pixels and frame.pixels.codec == "unknown"]
    if unknown:
        yield diagnose(
            "CODEC", "refusal", "a transfer syntax that cannot be decoded", frames=unknown
        )
    cut = [frame for frame in frames if is_truncated(frame)]
    if cut:
        yield diagnose(
            "TRUNCATED",
            "refusal",
            "the file stops before its pixel data does; copy it again from the archive",
            frames=cut,
            value=len(cut),
        )


def is_truncated(frame: Frame) -> bool:
    """Whether the file is too short for the pixels that its header declares."""
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
            "a rescale slope or intercept is zero, no number or beyond all scales",
            frames=bad,
        )
    strange = [frame for frame in frames if not _is_hu(frame)]
    if strange:
        severity: Severity = "repair" if policy.assume == "hu" else "refusal"
        what = (
            "the rescale type is not HU"
            if strange[0].rescale_type not in _HU_NAMES
            else "nothing says that the values are HU"
        )
        yield diagnose(
            "NOT_HU",
            severity,
            f"{what}; assume='hu' takes the values for HU all the same",
            frames=strange,
        )
    derived = [frame for frame in frames if "DERIVED" in frame.image_type]
    if derived:
        yield diagnose(
            "DERIVED",
            "note",
            "the pixels are derived from others (processed, or compressed with loss)",
            frames=derived,
        )
    padded = [frame for frame in frames if frame.padding is not None]
    if padded:
        yield diagnose(
            "PADDING",
            "note",
            "a padding value is declared; it becomes air"
            if policy.padding == "air"
            else "a padding value is declared; it is kept",
            frames=padded,
        )
    unsaid = tuple(dict.fromkeys(what for frame in frames for what in _assumptions(frame)))
    if unsaid:
        yield diagnose(
            "ASSUMED",
            "note",
            f"not said, and taken for granted: {', '.join(unsaid)}",
            frames=[frame for frame in frames if _assumptions(frame)],
        )
    if has_own_references(frames):
        yield diagnose(
            "OWN_REFERENCE",
            "note",
            "each file names a frame of reference of its own; it is ignored",
        )


def _assumptions(frame: Frame) -> tuple[str, ...]:
    modality = () if frame.modality else ("modality CT",)
    slope = ("rescale slope 1",) if frame.slope is None and frame.intercept is not None else ()
    intercept = (
        ("rescale intercept 0",) if frame.intercept is None and frame.slope is not None else ()
    )
    return (*frame.assumed, *modality, *slope, *intercept)


def _place_diagnostics(frames: Sequence[Frame]) -> tuple[Diagnostic, ...]:
    lost = [
        frame
        for frame in frames
        if not frame.position_mm
        or normal(frame.orientation) is None
        or max(map(abs, frame.position_mm)) > FARTHEST_MM
    ]
    flat = [frame for frame in frames if not frame.spacing_mm]
    diagnostics = []
    if lost:
        diagnostics.append(
            diagnose(
                "NO_POSITION",
                "refusal",
                "no position or no orientation that could be trusted; slice "
                "order and place would be guesses",
                frames=lost,
                value=len(lost),
            )
        )
    if flat:
        diagnostics.append(
            diagnose("NO_SPACING", "refusal", "no pixel spacing that could be trusted", frames=flat)
        )
    return tuple(diagnostics)


def _ordered(frames: Sequence[Frame], across: Floats) -> tuple[tuple[Frame, ...], list[Diagnostic]]:
    """The frames by position, one for each; what shares a position with others of the same pixels is dropped."""
    kept: list[Frame] = []
    dropped: list[Frame] = []
    clashing: list[Frame] = []
    for run in group_by_position(positions_along(frames, across), frames):
        kept.append(frames[run[0]])
        for n in run[1:]:
            (dropped if same_pixels(frames[run[0]], frames[n]) else clashing).append(frames[n])
    diagnostics = []
    if dropped:
        diagnostics.append(
            diagnose(
                "DUPLICATE",
                "repair",
                f"{len(dropped)} slices lie where one of the same pixels does; one of each is kept",
                frames=dropped,
                value=len(dropped),
            )
        )
    if clashing:
        diagnostics.append(
            diagnose(
                "DUPLICATE",
                "refusal",
                f"{len(clashing)} slices lie where one of other pixels does, and "
                "nothing tells them unshared; take away those that do not belong",
                frames=clashing,
                value=len(clashing),
            )
        )
    return tuple(kept), diagnostics


def _sparse_diagnostics(positions: Floats, *, sideways_mm: float) -> tuple[Diagnostic, ...]:
    """A few slices that lie so far unshared that a volume between them would be all but interpolated."""
    if len(positions) < 2:
        return ()
    gaps, span = np.diff(positions), float(np.ptp(positions))
    if (
        span
        <= FEW_SLICES * len(positions) * float(np.quantile(gaps, STEP_QUANTILE, method="lower"))
        and sideways_mm <= FARTHEST_SIDEWAYS_MM
    ):
        return ()
    said = (
        f"{len(positions)} slices lie over {max(span, sideways_mm):.6g} mm: too few for a volume; read those alone "
        "that belong together"
    )
    return (diagnose("GAP", "refusal", said, value=float(gaps.max())),)


def _gap_diagnostics(
    frames: Sequence[Frame], positions: Floats, holes: Sequence[Gap], policy: ReadPolicy
) -> Iterator[Diagnostic]:
    for hole in holes:
        severity: Severity = "repair" if policy.gaps == "fill" else "refusal"
        pair = (frames[hole.after], frames[hole.after + 1])
        yield diagnose(
            "GAP",
            severity,
            f"{hole.missing} slices are missing in a gap of {hole.mm:.6g} mm between slices "
            f"{hole.after + 1} and {hole.after + 2}; "
            + (
                "they were interpolated between their neighbours"
                if severity == "repair"
                else "gaps='fill' invents them and says which"
            ),
            frames=pair,
            value=hole.mm,
        )
    gaps = np.diff(filled_positions(positions, holes))
    if len(gaps) > 1 and not _is_even(gaps):
        shown = ", ".join(f"{mm:.6g} mm x {count}" for mm, count in tally(gaps)[:6])
        yield diagnose(
            "UNEVEN",
            "repair" if policy.uneven == "resample" else "refusal",
            f"the slices are not evenly spaced ({shown}); "
            + (
                "they are sampled at their true positions"
                if policy.uneven == "resample"
                else "uneven='resample' samples them at their true positions"
            ),
            value=float(np.ptp(gaps)),
        )


def filled_positions(positions: Floats, holes: Sequence[Gap]) -> Floats:
    """Positions with those of the missing slices put in, evenly within their gaps."""
    between = [
        np.linspace(positions[hole.after], positions[hole.after + 1], hole.missing + 2)[1:-1]
        for hole in holes
    ]
    return np.sort(np.concatenate([positions, *between]))


def _is_even(gaps: Floats) -> bool:
    off = np.cumsum(gaps) - np.arange(1, len(gaps) + 1) * gaps.mean()
    return bool(np.abs(off).max() <= EVEN_TOLERANCE * abs(float(gaps.mean())))


def _tilt(frames: Sequence[Frame], across: Floats, positions: Floats) -> tuple[float, float, float]:
    """The tilt in degrees, the largest sideways shift, and the largest departure from one straight line, mm."""
    if len(frames) < 2:
        return 0.0, 0.0, 0.0
    origins = np.array([frame.position_mm for frame in frames])
    along = origins - origins[0]
    sideways = along - np.outer(along @ across, across)
    span = positions - positions[0]
    slope = (span @ sideways) / float(span @ span)
    rest = sideways - np.outer(span, slope)
    return (
        float(np.degrees(np.arctan(np.linalg.norm(slope)))),
        float(np.linalg.norm(sideways, axis=1).max()),
        float(np.linalg.norm(rest, axis=1).max()),
    )


def _tilt_diagnostics(
    frames: Sequence[Frame], tilt: tuple[float, float, float], policy: ReadPolicy
) -> Iterator[Diagnostic]:
    degrees, sideways, bent = tilt
    if sideways <= UPRIGHT_TOLERANCE_MM:
        return
    severity: Severity = "repair" if policy.tilt == "correct" else "refusal"
    how = (
        "it is sheared right in the same sampling"
        if severity == "repair"
        else "tilt='correct' shears it right"
    )
    if bent > UPRIGHT_TOLERANCE_MM * max(1.0, frames[0].spacing_mm[0]):
        yield diagnose(
            "SHIFTED",
            severity,
            f"slices lie up to {sideways:.6g} mm sideways of the first, not in one line; {how}",
            value=sideways,
        )
    else:
        yield diagnose(
            "TILT",
            severity,
            f"the slices are stacked at a tilt of {degrees:.6g} degrees; {how}",
            value=degrees,
        )


def _sign_diagnostics(frames: Sequence[Frame]) -> Iterator[Diagnostic]:
    """One series is stored with or without a sign: where a few slices say otherwise, their header may lie."""
    signed = [frame for frame in frames if frame.pixels is not None and frame.pixels.signed]
    unsigned = [frame for frame in frames if frame.pixels is not None and not frame.pixels.signed]
    if signed and unsigned:
        fewer = min(signed, unsigned, key=len)
        yield diagnose(
            "MIXED_SIGN",
            "note",
            f"{len(signed)} slices are stored with a sign and {len(unsigned)} without: where a "
            "header is wrong, negative values become 65536 higher, or high ones lower; compare these slices",
            frames=fewer,
        )


def _thickness_diagnostics(frames: Sequence[Frame]) -> Iterator[Diagnostic]:
    values = sorted({frame.thickness_mm for frame in frames if frame.thickness_mm is not None})
    if len(values) > 1:
        yield diagnose(
            "MIXED_THICKNESS",
            "note",
            f"slice thickness runs from {values[0]:.6g} to {values[-1]:.6g} mm",
            value=values[-1],
        )
    if len(frames) == 1:
        known = frames[0].thickness_mm
        said = (
            f"one slice; its thickness of {known:.6g} mm is taken from SliceThickness"
            if known
            else "one slice without a SliceThickness; 1 mm is assumed"
        )
        yield diagnose(
            "SINGLE_SLICE", "note" if known else "repair", said, frames=frames, value=known
        )
