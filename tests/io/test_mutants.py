"""Any bytes give a volume or our own error, quickly, in bounded memory: mutants of all formats."""

from __future__ import annotations

import gzip
import os
import resource
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from hounsfield.core.errors import HounsfieldError, HounsfieldWarning
from hounsfield.core.volume import Volume
from hounsfield.io.open import read
from hounsfield.io.write import write
from tests.io.made import AFFINE, head_like, meta_header, nifti, nrrd_header

SECONDS_AT_MOST = 5.0
MEMORY_AT_MOST_BYTES = 256 << 20
"""The files are of 10 KB: their volumes with all that reading them takes are far below this."""


def _nrrd(path: Path, encoding: str) -> Path:
    data = head_like().tobytes(order="F")
    packed = gzip.compress(data) if encoding == "gzip" else data
    path.write_bytes(nrrd_header(head_like(), encoding=encoding).encode() + b"\n" + packed)
    return path


def _meta(path: Path) -> Path:
    path.write_bytes(meta_header(head_like()).encode() + head_like().tobytes(order="F"))
    return path


def _npy(path: Path) -> Path:
    write(Volume.from_array(head_like(), affine=AFFINE), path)
    return path


def _png(path: Path) -> Path:
    write(Volume.from_array(head_like((18, 17, 2)), affine=AFFINE), path, format="png")
    return path / "slice-0001.png"


MANY = int(os.environ.get("HOUNSFIELD_MUTANTS", "1000"))
"""Mutants per kind in the slow run; 10000 takes eight minutes on two cores."""

MAKERS = {
    "nii": lambda folder: nifti(folder / "x.nii", head_like()),
    "nii2": lambda folder: nifti(folder / "x.nii", head_like(dtype="float32"), version=2),
    "nii.gz": lambda folder: nifti(folder / "x.nii.gz", head_like()),
    "nrrd": lambda folder: _nrrd(folder / "x.nrrd", "raw"),
    "nrrd.gz": lambda folder: _nrrd(folder / "x.nrrd", "gzip"),
    "mha": lambda folder: _meta(folder / "x.mha"),
    "npy": lambda folder: _npy(folder / "x.npy"),
    "sidecar": lambda folder: _npy(folder / "x.npy").with_suffix(".json"),
    "png": lambda folder: _png(folder / "x"),
}


def mutants(data: bytes, count: int, seed: int) -> Iterator[bytes]:
    """Bytes set, turned, doubled, removed and swapped, three in four of them within the header."""
    generator = np.random.default_rng(seed)
    odd = np.array([0, 1, 0x7F, 0x80, 0xFF, 0x2D, 0x39, 0x20, 0x0A], np.uint8)
    for _ in range(count):
        values = bytearray(data)
        for _ in range(int(generator.integers(1, 6))):
            reach = min(len(values), 600) if generator.random() < 0.75 else len(values)
            place, kind = int(generator.integers(0, max(reach, 1))), int(generator.integers(0, 5))
            width = int(generator.integers(1, 9))
            if kind == 0:
                values[place : place + 1] = bytes([int(generator.choice(odd))])
            elif kind == 1:
                values[place : place + width] = generator.bytes(len(values[place : place + width]))
            elif kind == 2:
                values[place:place] = values[place : place + width]
            elif kind == 3:
                del values[place : place + width]
            else:
                values[place : place + 1] = bytes(
                    value ^ (1 << int(generator.integers(0, 8)))
                    for value in values[place : place + 1]
                )
        yield bytes(values)


def survive(folder: Path, kind: str, count: int, seed: int) -> dict[str, int]:
    """Read `count` mutants; count the volumes and our own errors. Any other error is raised."""
    path = MAKERS[kind](folder)
    target = (
        path.with_suffix(".npy") if kind == "sidecar" else path.parent if kind == "png" else path
    )
    outcomes = {"volume": 0, "error": 0}
    for number, data in enumerate(mutants(path.read_bytes(), count, seed)):
        path.write_bytes(data)
        start = time.perf_counter()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", HounsfieldWarning)
                assert np.isfinite(read(target).array).all()
            outcomes["volume"] += 1
        except HounsfieldError:
            outcomes["error"] += 1
        except Exception as error:
            raise AssertionError(
                f"mutant {number} of {kind}, seed {seed}: {type(error).__name__}: {error}"
            ) from error
        assert time.perf_counter() - start < SECONDS_AT_MOST
    return outcomes


@pytest.mark.parametrize("kind", MAKERS)
def test_a_mutant_gives_a_volume_or_our_error(tmp_path: Path, kind: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcomes = survive(tmp_path, kind, 300, seed=1)
    assert outcomes["error"] > 0
    assert (
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    ) * 1024 < MEMORY_AT_MOST_BYTES


@pytest.mark.slow
@pytest.mark.parametrize("kind", MAKERS)
def test_many_mutants_give_volumes_or_our_errors(tmp_path: Path, kind: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    survive(tmp_path, kind, MANY, seed=2)
    assert (
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    ) * 1024 < MEMORY_AT_MOST_BYTES
