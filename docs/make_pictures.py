"""Make the pictures of the README from the phantom head: `python docs/make_pictures.py`."""

from __future__ import annotations

from pathlib import Path

import hounsfield as hu
from hounsfield.phantom import head

BLEED_MM = (24.0, -10.0, 30.0)
"""Where the phantom's bleed is."""

PICTURES = Path(__file__).parent / "pictures"


def make_pictures(folder: Path) -> None:
    """Write planes.png, montage.png and histogram.png into `folder`."""
    folder.mkdir(exist_ok=True)
    image = head().image
    brain = hu.Pipeline([hu.HeadMask(), hu.BrainMask()]).run(image).masks["brain"]
    hu.planes(image, window="brain", at_mm=BLEED_MM, overlay=brain, height_px=400).save(folder / "planes.png")
    result = hu.preset("head").run(image)
    hu.montage(result.volume, rows=2, columns=5, tile_px=180).save(folder / "montage.png")
    hu.histogram(image, window="brain").save(folder / "histogram.png")


if __name__ == "__main__":
    make_pictures(PICTURES)
