"""Every step by its name: what a pipeline file may say."""

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
"""The module of this package that holds each step, one a line; a new step is one more."""


RESOLVED: dict[str, str] = {"EndPass": "end_pass", "FixedMask": "fixed_mask"}
"""Steps that only the resolved steps of a record hold."""


@cache
def step_class(name: str) -> type:
    """The class of the step `name`, imported when first asked for; KeyError where there is none."""
    module = NAMES.get(name) or RESOLVED[name]
    found = getattr(import_module(f"hounsfield.steps.{module}"), name)
    assert isinstance(found, type)
    return found
