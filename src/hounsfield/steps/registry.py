"""The registry of steps by the names that a pipeline file uses."""

from __future__ import annotations

from dataclasses import is_dataclass
from functools import cache
from importlib import import_module

from hounsfield.core.entry_points import by_name, loaded, package_of
from hounsfield.core.errors import PluginError

GROUP = "hounsfield.steps"
"""The group of entry points by which a package adds steps: `Gamma = "my_package.gamma:Gamma"`."""

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
    "LungMask": "lung_mask",
    "FillOutside": "fill_outside",
    "CropToMask": "crop_to_mask",
    "CropToBox": "crop_to_box",
    "CropOrPad": "crop_or_pad",
    "Box": "box",
    "Slab": "slab",
    "SplitSlices": "split_slices",
}
"""The module of this package for each step; a new step needs one more line."""


RESOLVED: dict[str, str] = {
    "EndPass": "end_pass",
    "FixedMask": "fixed_mask",
    "FixedMasks": "fixed_masks",
}
"""Steps that occur only among the resolved steps of a record."""


def step_names() -> tuple[str, ...]:
    """Return the names of all steps, built-in ones first.

    Raises PluginError if two packages use the same name.
    """
    return (*NAMES, *by_name(GROUP, noun="step", ours=NAMES))


@cache
def step_class(name: str) -> type:
    """Return the class of the step `name`, imported on first use.

    Installed packages are searched only for names that are not built in. Raises KeyError if the
    step does not exist, and PluginError if the package that provides it cannot be used.
    """
    module = NAMES.get(name) or RESOLVED.get(name)
    if module is not None:
        found = getattr(import_module(f"hounsfield.steps.{module}"), name)
        assert isinstance(found, type)
        return found
    point = by_name(GROUP, noun="step", ours=NAMES)[name]
    found = loaded(point, noun="step")
    if not isinstance(found, type) or not is_dataclass(found) or found.__name__ != name:
        raise PluginError(
            f"package {package_of(point)} registers '{point.value}' as the step '{name}'; "
            f"expected a dataclass of that name"
        )
    return found


def package_version(kind: type) -> tuple[str, str] | None:
    """Return name and version of the package of a step; None if built in or unregistered."""
    if kind.__name__ in {**NAMES, **RESOLVED} or not is_registered(kind):
        return None
    dist = by_name(GROUP, noun="step", ours=NAMES)[kind.__name__].dist
    return None if dist is None else (dist.name, dist.version)


def is_registered(kind: type) -> bool:
    """Return whether the name of a step's class leads to it, so that a file can be read back."""
    try:
        return step_class(kind.__name__) is kind
    except (KeyError, PluginError):
        return False
