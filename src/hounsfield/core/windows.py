"""Named windows and clip ranges in HU."""

from __future__ import annotations

from difflib import get_close_matches

from hounsfield.core.errors import QuantityError

WINDOWS: dict[str, tuple[float, float]] = {
    "brain": (40.0, 80.0),
    "subdural": (80.0, 200.0),
    "stroke": (40.0, 40.0),
    "stroke-narrow": (32.0, 8.0),
    "head-soft": (40.0, 380.0),
    "temporal-bone": (600.0, 2800.0),
    "bone": (480.0, 2500.0),
    "bone-tutorial": (400.0, 1000.0),
    "bone-mip": (450.0, 1100.0),
    "lung": (-600.0, 1500.0),
    "mediastinum": (50.0, 350.0),
    "soft-tissue": (40.0, 400.0),
    "abdomen": (50.0, 400.0),
    "liver": (30.0, 150.0),
    "vascular": (200.0, 600.0),
    "angio": (400.0, 1000.0),
    "spine-soft": (50.0, 250.0),
    "spine-bone": (400.0, 1800.0),
    "full": (1024.0, 4096.0),
}
"""Center and width in HU, as used by radiologists and in the haemorrhage and stroke literature."""

CLIPS: dict[str, tuple[float, float]] = {
    "abdomen": (-175.0, 250.0),
    "liver": (-17.0, 201.0),
    "lung": (-1024.0, 600.0),
    "lung-wide": (-1200.0, 600.0),
    "brain": (0.0, 100.0),
    "bone-mip": (-100.0, 1000.0),
}
"""Lowest and highest HU that are commonly used for networks; values beyond are clipped."""


def window_named(name: str) -> tuple[float, float]:
    """Return the center and width in HU of the window `name`; raises QuantityError if unknown.

    >>> window_named("brain")
    (40.0, 80.0)
    """
    if name in WINDOWS:
        return WINDOWS[name]
    near = get_close_matches(name, WINDOWS, n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"expected one of {', '.join(WINDOWS)}"
    raise QuantityError(f"unknown window '{name}'; {hint}")
