"""What is wrong with one series, from its headers: every Finding, graded under a policy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.policy import ReadPolicy
from hounsfield.core.spec import Quantity
from hounsfield.core.stack import EVEN_TOLERANCE, STEP_QUANTILE, UPRIGHT_TOLERANCE_MM
from hounsfield.io.dicom import tags
from hounsfield.io.dicom.finding import Finding, Grade, found
from hounsfield.io.dicom.fragments import has_all_fragments
from hounsfield.io.dicom.frame import MAX_SIDE, Frame
from hounsfield.io.dicom.grouping import has_own_references
from hounsfield.io.dicom.orientation import normal, places
from hounsfield.io.dicom.phases import same_pixels, stations
from hounsfield.io.dicom.series import Series
from hounsfield.io.dicom.spacing import Gap, missing_slices, tally

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
_MAPS = frozenset({"PERFUSION", "RCBF", "RCBV", "CBF", "CBV", "MTT", "TTP", "TMAX", "EFF_ATOMIC_NUM", "EFF_Z"})
"""Values of ImageType (PS3.3 C.8.16) whose pixels are a map of something else."""


@dataclass(frozen=True, slots=True)
class Examined:
    """A series in the order of its slices, one frame for each position, with everything that was found."""

    frames: tuple[Frame, ...]
    positions_mm: Floats
    findings: tuple[Finding, ...]
    holes: tuple[Gap, ...] = ()
    quantity: Quantity = "hu"
    tilt_deg: float = 0.0

    @property
    def refusals(self) -> tuple[Finding, ...]:
        """What keeps it from being read."""
        return tuple(finding for finding in self.findings if finding.grade == "refuse")


def examine(series: Series, policy: ReadPolicy) -> Examined:
    """Look at one readable series; what `policy` allows is graded repair, what it does not refuse."""
    frames = series.group.frames
    findings = [*series.findings, *_pixel_findings(frames), *_meaning_findings(frames, policy)]
    quantity: Quantity = "hu" if policy.assume == "hu" or is_hu(frames) else "other"
    misplaced = _place_findings(frames)
    across = normal(frames[0].orientation)
    if misplaced or across is None:
        return Examined(frames, np.zeros(len(frames)), (*findings, *misplaced), (), quantity)
    frames, duplicates = _ordered(frames, across)
    positions = places(frames, across)
    holes = missing_slices(np.diff(positions), np.array([frame.thickness_mm or np.nan for frame in frames]))
    tilt = _tilt(frames, across, positions)
    sparse = _sparse_findings(positions, sideways_mm=tilt[1])
    if sparse:
        return Examined(frames, positions, (*findings, *duplicates, *sparse), (), quantity, tilt[0])
    findings += [*duplicates, *_gap_findings(frames, positions, holes, policy), *_tilt_findings(frames, tilt, policy),
                 *_thickness_findings(frames), *_sign_findings(frames)]
    return Examined(frames, positions, tuple(findings), holes, quantity, tilt[0])


def is_hu(frames: Sequence[Frame]) -> bool:
    """Whether every frame's rescaled values are HU: an absent RescaleType is HU for CT, an absent rescale is not."""
    return all(_is_hu(frame) for frame in frames)


def _is_hu(frame: Frame) -> bool:
    if _MAPS & set(frame.image_type):
        return False
    if frame.lut is not None:
        return frame.lut.kind == "HU"
    return frame.rescale_type in _HU_NAMES and not (frame.slope is None and frame.intercept is None)


def _pixel_findings(frames: Sequence[Frame]) -> Iterator[Finding]:
    blank = [frame for frame in frames if frame.pixels is None or frame.offset is None]
    if blank:
        yield found("NO_PIXELS", "refuse", "rows, columns, bits or pixels are missing", frames=blank)
    large = [frame for frame in frames if max(frame.size) > MAX_SIDE]
    if large:
        yield found("TOO_LARGE", "refuse", f"a slice of over {MAX_SIDE} rows or columns", frames=large)
    unknown = [frame for frame in frames if frame.pixels and frame.pixels.codec == "unknown"]
    if unknown:
        yield found("CODEC", "refuse", "a transfer syntax that cannot be decoded", frames=unknown)
    cut = [frame for frame in frames if is_truncated(frame)]
    if cut:
        yield found("TRUNCATED", "refuse", "the file stops before its pixel data does; copy it again from the archive",
                    frames=cut, value=len(cut))


def is_truncated(frame: Frame) -> bool:
    """Whether the file is too short for the pixels that its header declares."""
    form, offset = frame.pixels, frame.offset
    if form is None or offset is None or form.syntax == tags.DEFLATED or form.codec == "unknown":
        return False
    if not form.is_native:
        return not frame.parts and not has_all_fragments(frame)
    needed = form.frame_bytes * frame.count
    return offset + needed > frame.source.size or frame.length < needed


def _meaning_findings(frames: Sequence[Frame], policy: ReadPolicy) -> Iterator[Finding]:
    bad = [frame for frame in frames if frame.bad_rescale
           or max(abs(frame.slope or 0.0), abs(frame.intercept or 0.0)) > LARGEST_RESCALE]
    if bad:
        yield found("BAD_RESCALE", "refuse", "a rescale slope or intercept is zero, no number or beyond all scales",
                    frames=bad)
    strange = [frame for frame in frames if not _is_hu(frame)]
    if strange:
        grade: Grade = "repair" if policy.assume == "hu" else "refuse"
        what = "the rescale type is not HU" if strange[0].rescale_type not in _HU_NAMES else \
            "nothing says that the values are HU"
        yield found("NOT_HU", grade, f"{what}; assume='hu' takes the values for HU all the same", frames=strange)
    derived = [frame for frame in frames if "DERIVED" in frame.image_type]
    if derived:
        yield found("DERIVED", "note", "the pixels are derived from others (processed, or compressed with loss)",
                    frames=derived)
    padded = [frame for frame in frames if frame.padding is not None]
    if padded:
        yield found("PADDING", "note", "a padding value is declared; it becomes air" if policy.padding == "air" else
                    "a padding value is declared; it is kept", frames=padded)
    unsaid = tuple(dict.fromkeys(what for frame in frames for what in _assumptions(frame)))
    if unsaid:
        yield found("ASSUMED", "note", f"not said, and taken for granted: {', '.join(unsaid)}",
                    frames=[frame for frame in frames if _assumptions(frame)])
    if has_own_references(frames):
        yield found("OWN_REFERENCE", "note", "each file names a frame of reference of its own; it is ignored")


def _assumptions(frame: Frame) -> tuple[str, ...]:
    modality = () if frame.modality else ("modality CT",)
    slope = ("rescale slope 1",) if frame.slope is None and frame.intercept is not None else ()
    intercept = ("rescale intercept 0",) if frame.intercept is None and frame.slope is not None else ()
    return (*frame.assumed, *modality, *slope, *intercept)


def _place_findings(frames: Sequence[Frame]) -> tuple[Finding, ...]:
    lost = [frame for frame in frames if not frame.position_mm or normal(frame.orientation) is None
            or max(map(abs, frame.position_mm)) > FARTHEST_MM]
    flat = [frame for frame in frames if not frame.spacing_mm]
    findings = []
    if lost:
        findings.append(found("NO_POSITION", "refuse", "no position or no orientation that could be trusted; slice "
                              "order and place would be guesses", frames=lost, value=len(lost)))
    if flat:
        findings.append(found("NO_SPACING", "refuse", "no pixel spacing that could be trusted", frames=flat))
    return tuple(findings)


def _ordered(frames: Sequence[Frame], across: Floats) -> tuple[tuple[Frame, ...], list[Finding]]:
    """The frames by position, one for each; what shares a position with others of the same pixels is dropped."""
    kept: list[Frame] = []
    dropped: list[Frame] = []
    clashing: list[Frame] = []
    for run in stations(places(frames, across), frames):
        kept.append(frames[run[0]])
        for n in run[1:]:
            (dropped if same_pixels(frames[run[0]], frames[n]) else clashing).append(frames[n])
    findings = []
    if dropped:
        findings.append(found("DUPLICATE", "repair", f"{len(dropped)} slices lie where one of the same pixels does; "
                              "one of each is kept", frames=dropped, value=len(dropped)))
    if clashing:
        findings.append(found("DUPLICATE", "refuse", f"{len(clashing)} slices lie where one of other pixels does, and "
                              "nothing tells them apart; take away those that do not belong", frames=clashing,
                              value=len(clashing)))
    return tuple(kept), findings


def _sparse_findings(positions: Floats, *, sideways_mm: float) -> tuple[Finding, ...]:
    """A few slices that lie so far apart that a volume between them would be all but invented."""
    if len(positions) < 2:
        return ()
    gaps, span = np.diff(positions), float(np.ptp(positions))
    if span <= FEW_SLICES * len(positions) * float(np.quantile(gaps, STEP_QUANTILE, method="lower")) \
            and sideways_mm <= FARTHEST_SIDEWAYS_MM:
        return ()
    said = (f"{len(positions)} slices lie over {max(span, sideways_mm):.6g} mm: too few for a volume; read those alone "
            "that belong together")
    return (found("GAP", "refuse", said, value=float(gaps.max())),)


def _gap_findings(frames: Sequence[Frame], positions: Floats, holes: Sequence[Gap],
                  policy: ReadPolicy) -> Iterator[Finding]:
    for hole in holes:
        grade: Grade = "repair" if policy.gaps == "fill" else "refuse"
        pair = (frames[hole.after], frames[hole.after + 1])
        yield found("GAP", grade, f"{hole.missing} slices are missing in a gap of {hole.mm:.6g} mm between slices "
                    f"{hole.after + 1} and {hole.after + 2}; " + ("they were invented between their neighbours" if
                    grade == "repair" else "gaps='fill' invents them and says which"), frames=pair, value=hole.mm)
    gaps = np.diff(filled_positions(positions, holes))
    if len(gaps) > 1 and not _is_even(gaps):
        shown = ", ".join(f"{mm:.6g} mm x {count}" for mm, count in tally(gaps)[:6])
        yield found("UNEVEN", "repair" if policy.uneven == "resample" else "refuse",
                    f"the slices are not evenly spaced ({shown}); " + ("they are sampled at their true positions" if
                    policy.uneven == "resample" else "uneven='resample' samples them at their true positions"),
                    value=float(np.ptp(gaps)))


def filled_positions(positions: Floats, holes: Sequence[Gap]) -> Floats:
    """Positions with those of the missing slices put in, evenly within their gaps."""
    between = [np.linspace(positions[hole.after], positions[hole.after + 1], hole.missing + 2)[1:-1] for hole in holes]
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
    return (float(np.degrees(np.arctan(np.linalg.norm(slope)))), float(np.linalg.norm(sideways, axis=1).max()),
            float(np.linalg.norm(rest, axis=1).max()))


def _tilt_findings(frames: Sequence[Frame], tilt: tuple[float, float, float], policy: ReadPolicy) -> Iterator[Finding]:
    degrees, sideways, bent = tilt
    if sideways <= UPRIGHT_TOLERANCE_MM:
        return
    grade: Grade = "repair" if policy.tilt == "correct" else "refuse"
    how = "it is sheared right in the same sampling" if grade == "repair" else "tilt='correct' shears it right"
    if bent > UPRIGHT_TOLERANCE_MM * max(1.0, frames[0].spacing_mm[0]):
        yield found("SHIFTED", grade, f"slices lie up to {sideways:.6g} mm sideways of the first, not in one line; "
                    f"{how}", value=sideways)
    else:
        yield found("TILT", grade, f"the slices are stacked at a tilt of {degrees:.6g} degrees; {how}", value=degrees)


def _sign_findings(frames: Sequence[Frame]) -> Iterator[Finding]:
    """One series is stored with or without a sign: where a few slices say otherwise, their header may lie."""
    signed = [frame for frame in frames if frame.pixels is not None and frame.pixels.signed]
    unsigned = [frame for frame in frames if frame.pixels is not None and not frame.pixels.signed]
    if signed and unsigned:
        fewer = min(signed, unsigned, key=len)
        yield found("MIXED_SIGN", "note", f"{len(signed)} slices are stored with a sign and {len(unsigned)} without: where a "
                    "header is wrong, negative values become 65536 higher, or high ones lower; compare these slices",
                    frames=fewer)


def _thickness_findings(frames: Sequence[Frame]) -> Iterator[Finding]:
    values = sorted({frame.thickness_mm for frame in frames if frame.thickness_mm is not None})
    if len(values) > 1:
        yield found("MIXED_THICKNESS", "note", f"slice thickness runs from {values[0]:.6g} to {values[-1]:.6g} mm",
                    value=values[-1])
    if len(frames) == 1:
        known = frames[0].thickness_mm
        said = f"one slice; its thickness of {known:.6g} mm is taken from SliceThickness" if known else \
            "one slice without a SliceThickness; 1 mm is assumed"
        yield found("SINGLE_SLICE", "note" if known else "repair", said, frames=frames, value=known)
