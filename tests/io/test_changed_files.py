"""A file that changes after `open` is an error, never other voxels and never a signal."""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
import sys
import textwrap
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK

import hounsfield as hu
from tests.io.dicom.scanner import write
from tests.io.made import AFFINE, head_like, nifti

SHAPE = (40, 36, 30)


def array(shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    return head_like(shape)


def volume(shape: tuple[int, ...] = SHAPE) -> hu.Volume:
    return hu.Volume.from_array(array(shape), affine=AFFINE)


def pair(folder: Path, values: np.ndarray) -> Path:
    nibabel.save(nibabel.Nifti1Pair(values, AFFINE), folder / "x.img")
    return folder / "x.hdr"


def written(name: str, **keywords: str) -> Callable[[Path, np.ndarray], Path]:
    def make(folder: Path, values: np.ndarray) -> Path:
        hu.write(hu.Volume.from_array(values, affine=AFFINE), folder / name, **keywords)
        return folder / name

    return make


def itk(name: str, *, packed: bool) -> Callable[[Path, np.ndarray], Path]:
    def make(folder: Path, values: np.ndarray) -> Path:
        image = hu.Volume.from_array(values, affine=AFFINE).to_sitk()
        SimpleITK.WriteImage(image, str(folder / name), packed)
        return folder / name

    return make


def c_order(folder: Path, values: np.ndarray) -> Path:
    hu.write(hu.Volume.from_array(values, affine=AFFINE), folder / "x.npy")
    np.save(folder / "x.npy", np.ascontiguousarray(values))
    return folder / "x.npy"


def dicom(folder: Path, values: np.ndarray) -> Path:
    write(folder / "scan", np.ascontiguousarray(values.T + np.int16(1024)))
    return folder / "scan"


def stored_zip(folder: Path, values: np.ndarray) -> Path:
    dicom(folder, values)
    with zipfile.ZipFile(folder / "x.zip", "w") as archive:
        for file in sorted((folder / "scan").iterdir()):
            archive.write(file, file.name)
    shutil.rmtree(folder / "scan")
    return folder / "x.zip"


def packed_zip(folder: Path, values: np.ndarray) -> Path:
    stored_zip(folder, values)
    with zipfile.ZipFile(folder / "x.zip") as archive:
        found = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(folder / "x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in found.items():
            archive.writestr(name, data)
    return folder / "x.zip"


MAKERS: dict[str, Callable[[Path, np.ndarray], Path]] = {
    "nii": lambda folder, values: nifti(folder / "x.nii", values),
    "float nii": lambda folder, values: nifti(folder / "x.nii", values.astype(np.float32)),
    "nii.gz": lambda folder, values: nifti(folder / "x.nii.gz", values),
    "pair": pair,
    "nrrd": written("x.nrrd"),
    "raw nrrd": itk("x.nrrd", packed=False),
    "detached nrrd": itk("x.nhdr", packed=False),
    "mha": itk("x.mha", packed=False),
    "packed mha": itk("x.mha", packed=True),
    "mhd": itk("x.mhd", packed=False),
    "npy": written("x.npy"),
    "npy in C order": c_order,
    "png": written("x", format="png"),
    "dicom": dicom,
    "zip": stored_zip,
    "packed zip": packed_zip,
}


def files(folder: Path) -> list[Path]:
    """The files of an image that hold voxels."""
    found = [item for item in sorted(folder.rglob("*")) if item.is_file()]
    return [item for item in found if item.suffix not in (".hdr", ".json", ".nhdr", ".mhd")]


def shorten(folder: Path, maker: Callable[[Path, np.ndarray], Path]) -> None:
    for file in files(folder):
        os.truncate(file, file.stat().st_size // 2)


def empty(folder: Path, maker: Callable[[Path, np.ndarray], Path]) -> None:
    for file in files(folder):
        os.truncate(file, 0)


def replace_by_another_shape(folder: Path, maker: Callable[[Path, np.ndarray], Path]) -> None:
    for item in folder.iterdir():
        shutil.rmtree(item) if item.is_dir() else item.unlink()
    maker(folder, array((30, 30, 48)))


def touch(folder: Path, maker: Callable[[Path, np.ndarray], Path]) -> None:
    for file in files(folder):
        data = bytearray(file.read_bytes())
        data[-40] ^= 255
        file.write_bytes(bytes(data))
        os.utime(file, ns=(1, file.stat().st_mtime_ns + 10**9))


def remove(folder: Path, maker: Callable[[Path, np.ndarray], Path]) -> None:
    for file in files(folder):
        file.unlink()


@pytest.mark.parametrize("change", [shorten, empty, replace_by_another_shape, touch, remove])
@pytest.mark.parametrize("is_started", [False, True])
@pytest.mark.parametrize("name", MAKERS)
def test_a_changed_file_is_an_error_at_the_next_slab(
    name: str, is_started: bool, change: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hounsfield.io.values.to_stack.KEPT_IN_MEMORY_BYTES", 0)
    expected = array()
    stack = hu.open(MAKERS[name](tmp_path, expected))
    if is_started:
        assert stack.slab(0, 2).shape == (*SHAPE[:2], 2)
    change(tmp_path, MAKERS[name])
    for start in (20, 0):
        with suppress(hu.ReadError):
            stored = stack.slab(start, start + 10)  # it was read as a whole before it changed
            values = stored * stack.slopes[0] + stack.intercepts[0]
            assert np.array_equal(values, expected[:, :, start : start + 10])


@pytest.mark.parametrize("change", [shorten, replace_by_another_shape, touch])
@pytest.mark.parametrize("name", ["nii", "nii.gz", "raw nrrd", "mha", "npy", "dicom", "zip"])
def test_the_error_says_that_the_file_has_changed(
    name: str, change: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hounsfield.io.values.to_stack.KEPT_IN_MEMORY_BYTES", 0)
    stack = hu.open(MAKERS[name](tmp_path, array()))
    stack.slab(0, 2)
    change(tmp_path, MAKERS[name])
    with pytest.raises(hu.ReadError) as caught:
        stack.slab(20, 30)
    if name != "dicom" or change is not replace_by_another_shape:
        assert caught.value.codes == ("SOURCE_CHANGED",)
    with pytest.raises(hu.ReadError):
        stack.slab(20, 30)


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("kept_bytes", [0, 1 << 24])
def test_writing_into_a_slab_changes_no_later_one(
    name: str, kept_bytes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hounsfield.io.values.to_stack.KEPT_IN_MEMORY_BYTES", kept_bytes)
    stack = hu.open(MAKERS[name](tmp_path, array()))
    whole = np.array(stack.slab(0, SHAPE[2]))
    for start in (0, 4, 8, 2):
        part = stack.slab(start, start + 8)
        assert np.array_equal(part, whole[:, :, start : start + 8])
        if part.flags.writeable:
            part[...] = 77
    assert np.array_equal(stack.slab(0, SHAPE[2]), whole)
    read = hu.read(tmp_path / MAKERS[name](tmp_path, array()).name)
    assert read.array.flags.writeable


def test_a_slab_of_a_volume_in_memory_is_read_only() -> None:
    held = volume()
    with pytest.raises(ValueError, match="read-only"):
        hu.Stack.from_volume(held).slab(0, 2)[...] = 7
    assert held.array.flags.writeable


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs /proc")
@pytest.mark.parametrize("name", ["nii", "nii.gz", "raw nrrd", "mha", "npy", "png", "dicom"])
def test_no_descriptor_stays_open(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hounsfield.io.values.to_stack.KEPT_IN_MEMORY_BYTES", 0)
    path = MAKERS[name](tmp_path, array())
    hu.open(path).slab(0, 2)
    gc.collect()
    before = descriptors()
    stacks = [hu.open(path) for _ in range(20)]
    slabs = [stack.slab(0, 2) for stack in stacks]
    assert len(slabs) == 20
    assert descriptors() == before


FORKED = """
import os, signal, sys, threading, warnings
import hounsfield as hu
from hounsfield.io.values import to_stack
warnings.simplefilter("ignore")
to_stack.KEPT_IN_MEMORY_BYTES = 0
stack = hu.open(sys.argv[1])
expected = stack.slab(3, 9).copy()
is_over = False
def work():
    while not is_over:
        for start in (20, 0, 9):
            stack.slab(start, start + 9)
threads = [threading.Thread(target=work) for _ in range(2)]
for thread in threads:
    thread.start()
statuses = []
for _ in range(8):
    child = os.fork()
    if child == 0:
        signal.alarm(10)
        os._exit(0 if (stack.slab(3, 9) == expected).all() else 1)
    statuses.append(os.waitpid(child, 0)[1])
is_over = True
for thread in threads:
    thread.join()
print(statuses)
sys.exit(any(statuses))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("name", ["nii", "nii.gz", "packed zip"])
def test_a_child_forked_while_a_thread_reads_can_read(name: str, tmp_path: Path) -> None:
    path = MAKERS[name](tmp_path, array())
    command = [sys.executable, "-c", textwrap.dedent(FORKED), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
