"""Pictures of volumes: planes, montage and histogram, to scale and in one fixed window."""

from hounsfield.picture.histogram import histogram
from hounsfield.picture.montage import montage
from hounsfield.picture.picture import Picture
from hounsfield.picture.planes import planes, png

__all__ = ["Picture", "histogram", "montage", "planes", "png"]
