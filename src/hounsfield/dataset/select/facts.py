"""What rules can ask about a series: numbers and words of its report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import get_args

from hounsfield.io.report import KernelClass, Report, Verdict

NUMBERS = MappingProxyType(
    {
        "slices": "the number of slices",
        "thickness_mm": "the slice thickness, the largest where it varies",
        "spacing_mm": "the distance of the slices",
        "pixel_mm": "the larger spacing of the pixels in the slice",
        "extent_mm": "the extent along the slices",
        "tilt_deg": "the gantry tilt",
        "obliquity_deg": "the angle of the slices to the nearest plane of the body",
    }
)
"""Names of numbers, and what they are."""

WORDS = MappingProxyType(
    {
        "kernel": "the class of the kernel: soft, medium, sharp or unknown",
        "kernel_name": "the kernel as its manufacturer calls it",
        "contrast": "given if the header names a contrast agent, else none; unknown without DICOM",
        "phase": "the phase, where a series has several",
        "kind": "axial, coronal, sagittal or enhanced; for other files the format",
        "orientation": "the directions of the axes, such as LPS",
        "quantity": "the unit of the values: hu or other",
        "codec": "the compression of DICOM pixels",
        "verdict": "ok, repairable or doubtful",
    }
)
"""Names of words, and what they are."""

CLOSED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "kernel": get_args(KernelClass),
        "contrast": ("none", "given", "unknown"),
        "verdict": get_args(Verdict),
    }
)
"""The words that some names are limited to."""

DIGITS = 3
"""Decimals of numbers in comparisons: headers round to 0.001 mm and scanners step by 0.01 mm."""


@dataclass(frozen=True, slots=True)
class Facts:
    """The numbers of a series, None where they are unknown, and its words."""

    numbers: Mapping[str, float | None] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)

    def number(self, name: str) -> float | None:
        """Return a number, rounded to DIGITS decimals; None if it is unknown."""
        value = self.numbers.get(name)
        return None if value is None else round(value, DIGITS)

    def word(self, name: str) -> str:
        """Return a word in lower case; '' if it is unknown."""
        return self.words.get(name, "").lower()

    def text(self, name: str) -> str:
        """Return a value as text, with its unit."""
        if name not in NUMBERS:
            return self.words.get(name) or "unknown"
        value = self.number(name)
        unit = {"mm": " mm", "deg": " deg"}.get(name.rpartition("_")[2], "")
        return "unknown" if value is None else f"{value:g}{unit}"


def facts_of(report: Report) -> Facts:
    """Return what rules can ask about a report."""
    spacing = report.spacing_mm
    numbers = {
        "slices": float(report.slices),
        "thickness_mm": report.thickness_mm,
        "spacing_mm": None if spacing is None else spacing[2],
        "pixel_mm": None if spacing is None else max(spacing[:2]),
        "extent_mm": report.extent_mm,
        "tilt_deg": abs(report.tilt_deg),
        "obliquity_deg": report.obliquity_degrees,
    }
    words = {
        "kernel": report.kernel_class,
        "kernel_name": report.kernel,
        "contrast": _contrast(report),
        "phase": report.phase,
        "kind": report.kind,
        "orientation": report.orientation,
        "quantity": report.quantity,
        "codec": report.codec,
        "verdict": report.verdict,
    }
    return Facts(numbers, words)


def _contrast(report: Report) -> str:
    """Return whether a contrast agent was given, which no other format than DICOM states."""
    if not report.codec:  # DICOM alone has one
        return "unknown"
    return "given" if report.contrast else "none"
