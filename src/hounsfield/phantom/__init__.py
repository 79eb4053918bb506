"""A head phantom with known ground truth, as a volume or as a DICOM series with faults."""

from hounsfield.phantom.face import Face
from hounsfield.phantom.faults import Faults
from hounsfield.phantom.head import Head, Recipe, default_grid, grid_about, head, shapes
from hounsfield.phantom.series import Series, write_series
from hounsfield.phantom.skull import SkullVariant
from hounsfield.phantom.tissue import HU, Tissue

__all__ = [
    "HU",
    "Face",
    "Faults",
    "Head",
    "Recipe",
    "Series",
    "SkullVariant",
    "Tissue",
    "default_grid",
    "grid_about",
    "head",
    "shapes",
    "write_series",
]
