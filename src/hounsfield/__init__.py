"""Hounsfield turns CT as it lies on disk into data that a network can learn from.

    import hounsfield as hu
    ct = hu.read("scan/")
    out = hu.preset("isotropic-mip").run(ct)
    hu.write(out.volume, "mip.nii.gz")

Names are imported when they are first used, so that importing the package costs little more than nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from hounsfield.core import hooks
from hounsfield.core.version import VERSION as __version__

_HOMES: dict[str, str] = {
    **dict.fromkeys(["Grid"], "core.grid"),
    **dict.fromkeys(["Spec"], "core.spec"),
    **dict.fromkeys(["Stack"], "core.stack"),
    **dict.fromkeys(["Volume", "Case"], "core.volume"),
    **dict.fromkeys(["ReadPolicy"], "core.policy"),
    **dict.fromkeys(["compare", "Comparison"], "core.compare"),
    **dict.fromkeys(
        [
            "HounsfieldError",
            "GeometryError",
            "QuantityError",
            "PipelineError",
            "RefusedError",
            "ReadError",
            "MissingFileError",
            "WriteError",
            "MissingExtraError",
            "PluginError",
            "HounsfieldWarning",
        ],
        "core.errors",
    ),
    "Diagnostic": "core.diagnostic",
    "WINDOWS": "core.windows",
    "set_threads": "core.platform",
    "Reorient": "steps.reorient",
    "Resample": "steps.resample",
    "Window": "steps.window",
    "Windows": "steps.windows",
    "Clip": "steps.clip",
    "MapRange": "steps.map_range",
    "Standardize": "steps.standardize",
    "Denoise": "steps.denoise",
    "BodyMask": "steps.body_mask",
    "HeadMask": "steps.head_mask",
    "BrainMask": "steps.brain_mask",
    "FillOutside": "steps.fill_outside",
    "CropToMask": "steps.crop_to_mask",
    "CropToBox": "steps.crop_to_box",
    "CropOrPad": "steps.crop_or_pad",
    "Box": "steps.box",
    "Slab": "steps.slab",
    "SplitSlices": "steps.split_slices",
    "regrid": "resampling.regrid",
    **dict.fromkeys(["open", "read"], "io.open"),
    **dict.fromkeys(["write", "write_seg"], "io.write"),
    "read_labels": "io.read_labels",
    **dict.fromkeys(["from_nibabel", "from_sitk"], "io.interop"),
    "inspect": "dataset.inspect",
    "Report": "io.report",
    "planes": "picture.planes",
    "montage": "picture.montage",
    "histogram": "picture.histogram",
    "Picture": "picture.picture",
    "Pipeline": "pipeline.pipeline",
    "Plan": "pipeline.plan",
    "Result": "pipeline.result",
    "Record": "pipeline.record",
    "preset": "pipeline.presets",
}

__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'hounsfield' has no attribute '{name}'")
    value = getattr(import_module(f"hounsfield.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


def _lent(home: str, name: str) -> Any:
    return lambda: getattr(import_module(f"hounsfield.{home}"), name)


hooks.register("stack.volume", _lent("resampling.one_pass", "read_stack"))
hooks.register("volume.to_nibabel", _lent("io.interop", "to_nibabel"))
hooks.register("volume.to_sitk", _lent("io.interop", "to_sitk"))
hooks.register("volume.png", _lent("picture.planes", "png"))
