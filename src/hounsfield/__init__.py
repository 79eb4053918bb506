"""Prepare CT for deep learning.

    import hounsfield as hu
    ct = hu.read("scan/")
    out = hu.preset("isotropic-mip").run(ct)
    hu.write(out.volume, "mip.nii.gz")

Names are imported at first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import lazy_loader

from hounsfield.core import hooks
from hounsfield.core.version import VERSION as __version__

# __init__.pyi lists the public names.
__getattr__, _, _public = lazy_loader.attach_stub(__name__, __file__)

__all__ = ["__version__", *_public]


def __dir__() -> list[str]:
    return sorted(__all__)


def _lent(home: str, name: str) -> Any:
    return lambda: getattr(import_module(f"hounsfield.{home}"), name)


hooks.register("stack.volume", _lent("resampling.one_pass", "read_stack"))
hooks.register("volume.to_nibabel", _lent("io.interop", "to_nibabel"))
hooks.register("volume.to_sitk", _lent("io.interop", "to_sitk"))
hooks.register("volume.png", _lent("picture.planes", "png"))
