"""Write a volume slab by slab along k, without the whole volume in memory."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from hounsfield.core.errors import WriteError
from hounsfield.core.spec import Spec
from hounsfield.core.thread_pool import ThreadPool
from hounsfield.core.volume import Array
from hounsfield.io.base import SlabWriter
from hounsfield.io.formats import load, output_of
from hounsfield.io.values.storable import blocks, storable


def write_slabs(slabs: Iterable[Array], path: Path, *, spec: Spec, format: str) -> str:
    """Write slabs (i, j, part of k) of an array of `spec` to `path` atomically.

    The bytes are those of `write`. A thread compresses, hashes and writes each slab while the next
    one is computed. Returns the sha256 of the file. Raises WriteError if the disk fails or if the
    number of slices differs from the Spec.
    """
    digest = sha256()
    open_slabs: SlabWriter = load(output_of(format).slab_writer)
    with open_slabs(path, spec=spec, digest=digest) as file:
        _write(slabs, file, spec)
    return digest.hexdigest()


def _write(slabs: Iterable[Array], file: BinaryIO, spec: Spec) -> None:
    waiting: Future[None] | None = None
    count = 0
    with ThreadPool(1) as worker:
        for slab in slabs:
            count += slab.shape[2]
            if waiting is not None:
                waiting.result()
            waiting = worker.submit(_write_slab, slab, file)
        if waiting is not None:
            waiting.result()
    if count != spec.grid.shape[2]:
        raise WriteError(f"got {count} slices, expected {spec.grid.shape[2]}")


def _write_slab(slab: Array, file: BinaryIO) -> None:
    for block in blocks(storable(slab)):
        file.write(block)
