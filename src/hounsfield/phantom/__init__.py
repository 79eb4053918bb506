"""A head whose truth is known, as a volume and as a DICOM series with any fault."""

from hounsfield.phantom.head import Head, default_grid, grid_about, head, shapes
from hounsfield.phantom.tissue import HU, Tissue

__all__ = ["HU", "Head", "Tissue", "default_grid", "grid_about", "head", "shapes"]
