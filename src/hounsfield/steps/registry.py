"""The registry of steps by the names that a pipeline file uses."""

from __future__ import annotations

from functools import cache
from importlib import import_module

NAMES: dict[str, str] = {
    "Reorient": "reorient",
    "Resample": "resample",
    "Window": "window",
    "Windows": "windows",
    "Clip": "clip",
    "MapRange": "map_range",
    "Standardize": "standardize",
    "Denoise": "denoise",
    "BodyMask": "body_mask",
    "HeadMask": "head_mask",
    "BrainMask": "brain_mask",
    "FillOutside": "fill_outside",
    "CropToMask": "crop_to_mask",
    "CropToBox": "crop_to_box",
    "CropOrPad": "crop_or_pad",
    "Box": "box",
    "Slab": "slab",
    "SplitSlices": "split_slices",
}
"""The module of this package for each step; a new step needs one more line."""


@cache
def step_class(name: str) -> type:
    """Return the class of the step `name`, imported on first use; raises KeyError if unknown."""
    found = getattr(import_module(f"hounsfield.steps.{NAMES[name]}"), name)
    assert isinstance(found, type)
    return found
