"""Write a volume as its slabs come, in order along k: nothing is held whole."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from hounsfield.core.errors import WriteError
from hounsfield.core.spec import Spec
from hounsfield.core.volume import Array
from hounsfield.io.bytes.atomic import atomic
from hounsfield.io.bytes.gzip.write import open_output
from hounsfield.io.values.cast import blocks, storable

SLAB_FORMATS = ("nii.gz", "nii", "npy")
"""Formats whose voxels lie in one run, k-slice by k-slice, behind a header that the Spec decides."""


def write_slabs(slabs: Iterable[Array], path: Path, *, spec: Spec, format: str) -> str:
    """Write slabs (i, j, some of k) that make up an array of `spec` to `path`, whole or not at all.

    The bytes are those of `write`; each slab is compressed, hashed and written on a thread while the next is made.
    Returns the sha256 of the file. Raises WriteError where the disk refuses, or where the slabs are not as many slices
    as the Spec has.
    """
    digest = sha256()
    if format == "npy":
        from hounsfield.io.npy.npy import sidecar_path, write_npy_header
        from hounsfield.io.values.sidecar import Sidecar

        with (
            open_output(path, is_packed=False, digest=digest) as file,
            atomic(sidecar_path(path)) as beside,
        ):
            beside.write_text(Sidecar(spec=spec).text(), encoding="utf-8")
            write_npy_header(file, spec)
            _write(slabs, file, spec)
        return digest.hexdigest()
    from hounsfield.io.nifti.writer import write_header

    with open_output(path, is_packed=format == "nii.gz", digest=digest) as file:
        write_header(file, spec)
        _write(slabs, file, spec)
    return digest.hexdigest()


def _write(slabs: Iterable[Array], file: BinaryIO, spec: Spec) -> None:
    waiting: Future[None] | None = None
    count = 0
    with ThreadPoolExecutor(1) as behind:
        for slab in slabs:
            count += slab.shape[2]
            if waiting is not None:
                waiting.result()
            waiting = behind.submit(_write_slab, slab, file)
        if waiting is not None:
            waiting.result()
    if count != spec.grid.shape[2]:
        raise WriteError(f"{count} slices came where {spec.grid.shape[2]} were planned")


def _write_slab(slab: Array, file: BinaryIO) -> None:
    for block in blocks(storable(slab)):
        file.write(block)
