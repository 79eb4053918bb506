"""Volumes as pictures: planes, montage and histogram, true to mm, lettered, one fixed window for all that is shown."""

from hounsfield.picture.histogram import histogram
from hounsfield.picture.montage import montage
from hounsfield.picture.picture import Picture
from hounsfield.picture.planes import planes, png

__all__ = ["Picture", "histogram", "montage", "planes", "png"]
