"""How a volume looks in a notebook."""

from __future__ import annotations

from hounsfield.core.volume import Volume
from hounsfield.picture.planes import planes

NOTEBOOK_HEIGHT_PX = 256
"""Small enough for the width of a notebook's page."""


def png(volume: Volume) -> bytes:
    """The three planes through the middle of a volume, as the bytes of a PNG file."""
    return planes(volume, height_px=NOTEBOOK_HEIGHT_PX).png()
