"""Write rawct."""

from __future__ import annotations

from pathlib import Path

from hounsfield.core.errors import QuantityError
from hounsfield.core.volume import Volume
from hounsfield.io.bytes.gzip.write import open_output
from hounsfield.io.values.storable import blocks, storable
from hounsfield_rawct.format import MAGIC


def write_rawct(volume: Volume, path: Path) -> None:
    """Write a volume as a rawct file; raises QuantityError for channels (unsupported)."""
    if volume.spec.channels:
        raise QuantityError("a rawct file has no channels; write nii.gz, nrrd or npy")
    array = storable(volume.array)
    lines = [
        f"shape {' '.join(map(str, volume.shape))}",
        f"dtype {array.dtype.name}",
        f"quantity {volume.quantity}",
        f"affine {' '.join(repr(float(value)) for value in volume.grid.affine[:3].ravel())}",
        "voxels",
    ]
    with open_output(path, is_packed=False) as file:
        file.write(MAGIC + "".join(f"{line}\n" for line in lines).encode("ascii"))
        for block in blocks(array):
            file.write(block)
