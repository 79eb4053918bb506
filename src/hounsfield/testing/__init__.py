"""Tools for testing: hypothesis strategies, and abstract test classes for plug-ins.

    from hounsfield.testing import StepTests

    class TestMyStep(StepTests):
        def step(self):
            return MyStep(radius_mm=3)

Needs pytest and hypothesis (`pip install hounsfield[test]`); nothing in the package imports this.
"""

from hounsfield.testing.engines import EngineTests
from hounsfield.testing.readers import ReaderTests
from hounsfield.testing.samplers import SamplerTests
from hounsfield.testing.sampling import NumpySampler, SamplerCall, sampler_calls
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
from hounsfield.testing.writers import WriterTests

__all__ = [
    "EngineTests",
    "NumpySampler",
    "ORIENTATIONS",
    "ReaderTests",
    "SamplerCall",
    "SamplerTests",
    "StepTests",
    "WriterTests",
    "affines",
    "applied",
    "blob",
    "fixed",
    "grids",
    "noise",
    "pipelines",
    "ramp",
    "sampler_calls",
    "specs",
    "stacks",
    "volumes",
]
