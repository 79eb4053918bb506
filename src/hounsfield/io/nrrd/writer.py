"""Write NRRD in LPS, gzip or raw, without key/value pairs."""

from __future__ import annotations

from pathlib import Path

from hounsfield.core.volume import Volume
from hounsfield.io.bytes.gzip.write import gzip_stream, open_output
from hounsfield.io.values.affine import to_ras
from hounsfield.io.values.storable import blocks, storable

TYPE_NAMES = {
    "i1": "int8",
    "u1": "uint8",
    "i2": "int16",
    "u2": "uint16",
    "i4": "int32",
    "u4": "uint32",
    "i8": "int64",
    "u8": "uint64",
    "f4": "float",
    "f8": "double",
}


def write_nrrd(volume: Volume, path: Path, *, is_packed: bool = True) -> None:
    """Write `volume` as one attached NRRD file at `path`, gzip or raw, reproducibly.

    Channels become a fourth axis of kind 'vector'.
    """
    array = storable(volume.array)
    header = _header(volume, TYPE_NAMES[array.dtype.str[1:]], is_packed=is_packed)
    with open_output(path, is_packed=False) as file:
        file.write(header.encode("ascii"))
        if is_packed:
            with gzip_stream(file) as stream:
                for block in blocks(array):
                    stream.write(block)
        else:
            for block in blocks(array):
                file.write(block)


def _header(volume: Volume, type_name: str, *, is_packed: bool) -> str:
    affine_lps = to_ras(volume.grid.affine)
    vectors = [
        "(" + ",".join(repr(float(value) + 0.0) for value in affine_lps[:3, n]) + ")"
        for n in range(4)
    ]
    kinds, directions = ["domain"] * 3, vectors[:3]
    if volume.spec.channels:
        kinds, directions = [*kinds, "vector"], [*directions, "none"]
    lines = [
        "NRRD0005",
        f"type: {type_name}",
        f"dimension: {len(kinds)}",
        "space: left-posterior-superior",
        f"sizes: {' '.join(map(str, volume.shape))}",
        f"space directions: {' '.join(directions)}",
        f"kinds: {' '.join(kinds)}",
        "endian: little",
        f"encoding: {'gzip' if is_packed else 'raw'}",
        'space units: "mm" "mm" "mm"',
        f"space origin: {vectors[3]}",
    ]
    return "\n".join(lines) + "\n\n"
