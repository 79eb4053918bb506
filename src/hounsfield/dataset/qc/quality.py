"""Measure the quality of a scan, and a score of suspicion by which cases are ranked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hounsfield.core.stack import Stack
from hounsfield.dataset.qc import contrast, coverage, scale, spacing, voxels
from hounsfield.dataset.qc.probe import SliceProbe
from hounsfield.dataset.qc.scan import CoarseScan
from hounsfield.dataset.qc.value import Check, QualityValue, rounded_to

CHECKS: tuple[Check, ...] = (
    scale.AIR,
    scale.SOFT,
    voxels.NOISE,
    voxels.CLIPPED,
    voxels.LOWEST,
    voxels.HIGHEST,
    coverage.FIELD,
    coverage.SUPERIOR,
    coverage.INFERIOR,
    coverage.VERTEX,
    coverage.BASE,
    coverage.EXTENT,
    spacing.PIXEL,
    spacing.SLICE,
    spacing.GAPS,
    spacing.INTERPOLATED,
    coverage.TABLE,
    contrast.CONTRAST,
)
"""All checks, in the order in which they are stored and shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """The quality values of a scan, in the order of CHECKS, and the slices that were sampled."""

    values: tuple[QualityValue, ...]
    sampled_slices: int
    slices: int

    @property
    def score(self) -> float:
        """The sum of the weights of suspicious values; 0 if there is none."""
        weights = {check.name: check.weight for check in CHECKS}
        found = [value for value in self.values if value.status == "suspicious"]
        return rounded_to(sum(weights[value.name] for value in found))

    def to_json(self) -> dict[str, Any]:
        """Return the score, and the values by name, as plain data."""
        return {
            "score": self.score,
            "slices": self.slices,
            "sampled_slices": self.sampled_slices,
            "values": {value.name: value.to_json() for value in self.values},
        }


def quality_of(probe: SliceProbe) -> Quality | None:
    """Return the quality of the scan that was read through a probe; None unless it is HU."""
    scan = CoarseScan.of(probe)
    if scan is None or probe.stack.quantity != "hu":
        return None
    found = scale.scale_of(scan.hu, background=probe.stack.background)
    if found.is_hu:
        scan = scan.segmented(found.offset_hu)
    cranium = coverage.cranium_of(scan)
    values = (
        found.air,
        found.soft,
        voxels.noise(scan),
        voxels.clipped(scan),
        voxels.lowest(scan),
        voxels.highest(scan),
        coverage.field_of_view(scan),
        *coverage.ends(scan, cranium),
        coverage.extent(scan),
        *spacing.geometry(probe.stack),
        coverage.table(scan),
        contrast.contrast(scan, is_head=cranium.is_cranium),
    )
    return Quality(values=values, sampled_slices=len(scan.slices), slices=probe.stack.shape[2])


def qc_of(probe: SliceProbe) -> dict[str, Any]:
    """Return the quality of a scan as plain data, {} unless it is HU; an error never fails a case.

    The outputs of the case are complete when its quality is computed.
    """
    try:
        quality = quality_of(probe)
    except Exception as error:
        return {"error": type(error).__name__}
    return {} if quality is None else quality.to_json()


def measure(stack: Stack) -> Quality | None:
    """Decode a stack once, slab by slab, and return its quality; None unless it is HU.

    Raises ReadError.
    """
    probe = SliceProbe(stack)
    stacked = probe.probed()
    for start in range(0, stack.shape[2], SLICES_AT_ONCE):
        stacked.slab(start, min(stack.shape[2], start + SLICES_AT_ONCE))
    return quality_of(probe)


SLICES_AT_ONCE = 16
"""Slices decoded at once: 8 MB of 512 x 512 voxels, enough for the decoding threads."""
