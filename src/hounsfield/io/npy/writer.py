"""Write .npy files with their sidecar."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from hounsfield.core.spec import Spec
from hounsfield.core.volume import Volume
from hounsfield.io.bytes.atomic import atomic
from hounsfield.io.bytes.gzip.write import Digest, open_output
from hounsfield.io.npy.header import sidecar_path, write_npy_header
from hounsfield.io.values.sidecar import Sidecar


def write_npy(volume: Volume, path: Path) -> None:
    """Write `volume` as .npy (Fortran order, little-endian) with its sidecar, both atomically."""
    little = volume.spec.dtype.newbyteorder("<")
    with atomic(path) as voxels, atomic(sidecar_path(path)) as sidecar:
        sidecar.write_text(Sidecar(spec=volume.spec).text(), encoding="utf-8")
        with voxels.open("r+b") as file:
            write_npy_header(file, volume.spec)
            file.write(volume.array.astype(little, copy=False).ravel(order="F").data)


@contextmanager
def slabs_npy(path: Path, *, spec: Spec, digest: Digest) -> Iterator[BinaryIO]:
    """Open an .npy for slabs, with its header and sidecar written."""
    with (
        open_output(path, is_packed=False, digest=digest) as file,
        atomic(sidecar_path(path)) as sidecar,
    ):
        sidecar.write_text(Sidecar(spec=spec).text(), encoding="utf-8")
        write_npy_header(file, spec)
        yield file
