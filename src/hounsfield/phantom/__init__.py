"""Phantoms of head and chest with known ground truth, as volumes or as DICOM with faults."""

from hounsfield.phantom.chest import Chest, ChestRecipe, Thorax, chest, chest_grid
from hounsfield.phantom.face import Face
from hounsfield.phantom.faults import Faults
from hounsfield.phantom.head import Head, Recipe, default_grid, grid_about, head, shapes
from hounsfield.phantom.series import Series, write_series
from hounsfield.phantom.skull import SkullVariant
from hounsfield.phantom.tissue import HU, Tissue

__all__ = [
    "HU",
    "Chest",
    "ChestRecipe",
    "Face",
    "Faults",
    "Head",
    "Recipe",
    "Series",
    "SkullVariant",
    "Thorax",
    "Tissue",
    "chest",
    "chest_grid",
    "default_grid",
    "grid_about",
    "head",
    "shapes",
    "write_series",
]
