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
    "FillOutside": "fill_outside",
    "CropToMask": "crop_to_mask",
    "CropToBox": "crop_to_box",
    "CropOrPad": "crop_or_pad",
    "Box": "box",
    "Slab": "slab",
    "SplitSlices": "split_slices",
}
"""The module of this package for each step; a new step needs one more line."""


RESOLVED: dict[str, str] = {"EndPass": "end_pass", "FixedMask": "fixed_mask"}
"""Steps that only the resolved steps of a record hold."""


def step_names() -> tuple[str, ...]:
    """Return the names of all steps, ours first; raises PluginError where two packages use one name."""
    return (*NAMES, *by_name(GROUP, noun="step", ours=NAMES))


@cache
def step_class(name: str) -> type:
    """Return the class of the step `name`, imported when first asked for.

    Installed packages are searched only for a name that is not ours. Raises KeyError where there is no such step, and
    PluginError where the package that offers it cannot be used.
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
            f"package {package_of(point)} registers '{point.value}' as the step '{name}'; expected a "
            f"dataclass of that name"
        )
    return found


def package_version(kind: type) -> tuple[str, str] | None:
    """Return the name and version of the package that registers a step; None for ours and unregistered ones."""
    if kind.__name__ in {**NAMES, **RESOLVED} or not is_registered(kind):
        return None
    dist = by_name(GROUP, noun="step", ours=NAMES)[kind.__name__].dist
    return None if dist is None else (dist.name, dist.version)


def is_registered(kind: type) -> bool:
    """Whether a step's class is the one that its name leads back to, so that a file that names it can be read."""
    try:
        return step_class(kind.__name__) is kind
    except (KeyError, PluginError):
        return False
