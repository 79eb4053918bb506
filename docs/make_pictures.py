"""Make the pictures of the docs from the phantom head: `python docs/make_pictures.py`."""

from __future__ import annotations

from pathlib import Path

import hounsfield as hu
from hounsfield.phantom import grid_about, head

PICTURES = Path(__file__).parent / "pictures"

SHAPE = (400, 400, 100)
SPACING_MM = (0.625, 0.625, 1.6)
BLEED_MM = (-26.0, 4.0, 16.0)
"""Where the phantom's larger bleed is."""


def make_pictures(folder: Path) -> None:
    """Write planes.png, montage.png, mip.png and histogram.png into `folder`."""
    folder.mkdir(exist_ok=True)
    image = head(grid_about((0.0, -4.0, 10.0), shape=SHAPE, spacing_mm=SPACING_MM)).image
    brain = hu.Pipeline([hu.BrainMask()]).run(image).masks["brain"]
    hu.planes(image, window="brain", at_mm=BLEED_MM, overlay=brain, height_px=400).save(
        folder / "planes.png"
    )
    cropped = (
        hu.Pipeline(
            [
                hu.Resample(spacing_mm=1.0),
                hu.HeadMask(),
                hu.FillOutside(mask="head"),
                hu.CropToMask(mask="head", margin_mm=4),
            ]
        )
        .run(image)
        .volume
    )
    sheet = hu.montage(
        cropped, window="brain", rows=2, columns=6, start_mm=-40, stop_mm=70, tile_px=200
    )
    sheet.save(folder / "montage.png")
    slabs = hu.preset("isotropic-mip").run(image).volume
    hu.montage(slabs, rows=1, columns=6, start_mm=-55, stop_mm=45, tile_px=200).save(
        folder / "mip.png"
    )
    hu.histogram(image, window="brain").save(folder / "histogram.png")


if __name__ == "__main__":
    make_pictures(PICTURES)
