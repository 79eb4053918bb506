"""Tools for testing: hypothesis strategies, and abstract test classes for plug-ins.

    from hounsfield.testing import StepTests

    class TestMyStep(StepTests):
        def step(self):
            return MyStep(radius_mm=3)

Needs hypothesis (`pip install hounsfield[test]`); nothing in the package imports this.
"""

from hounsfield.testing.steps import StepTests, applied, fixed
from hounsfield.testing.strategies import (
    ORIENTATIONS,
    affines,
    grids,
    pipelines,
    specs,
    stacks,
    volumes,
)
from hounsfield.testing.values import blob, noise, ramp

__all__ = [
    "ORIENTATIONS",
    "StepTests",
    "affines",
    "applied",
    "blob",
    "fixed",
    "grids",
    "noise",
    "pipelines",
    "ramp",
    "specs",
    "stacks",
    "volumes",
]
