"""Named pipelines that ship with the package."""

from __future__ import annotations

import tomllib
from difflib import get_close_matches
from importlib.resources import files

from hounsfield.core.arguments import checked
from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import PipelineError
from hounsfield.pipeline.pipeline import Pipeline
from hounsfield.pipeline.settings import NO_SETTINGS, Settings


def preset_names() -> tuple[str, ...]:
    """All presets, sorted."""
    folder = files("hounsfield.pipeline") / "presets"
    return tuple(
        sorted(
            item.name.removesuffix(".toml")
            for item in folder.iterdir()
            if item.name.endswith(".toml")
        )
    )


def preset_text(name: str) -> str:
    """Return the text of the file of a preset; raises PipelineError if it does not exist."""
    if name not in preset_names():
        near = get_close_matches(name, preset_names(), n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"available: {', '.join(preset_names())}"
        raise PipelineError(
            [
                Diagnostic(
                    "UNKNOWN_PRESET", "refusal", f"there is no preset '{name}'; {hint}", "pipeline"
                )
            ]
        )
    return (files("hounsfield.pipeline") / "presets" / f"{name}.toml").read_text(encoding="utf-8")


@checked
def preset(name: str, *, settings: Settings = NO_SETTINGS) -> Pipeline:
    """Return a pipeline that ships with the package.

    Parameters
    ----------
    name : str
        Name of the preset, such as 'isotropic-mip'; ``hounsfield presets`` lists them.
    settings : mapping of str to Any, default {}
        Values by 'STEP.KEY', such as ``{"Resample.spacing_mm": 2}``; STEP is the name or the number
        (from 1) of a step.

    Returns
    -------
    Pipeline
        The preset with its settings.

    Raises
    ------
    PipelineError
        If the preset, the step or the key is unknown, or a value is invalid.

    Examples
    --------
    >>> pipeline = preset("isotropic-mip", settings={"Resample.spacing_mm": 2})
    >>> [type(step).__name__ for step in pipeline.steps]
    ['Reorient', 'Resample', 'Clip', 'MapRange', 'Slab']
    >>> pipeline.steps[1].spacing_mm
    (2.0, 2.0, 2.0)
    """
    return Pipeline.parse(tomllib.loads(preset_text(name)), settings=settings, where=name)
