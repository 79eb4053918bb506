"""What is attacked: for each kind of input a good file, the way to break it, and what reads it."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import imagecodecs
import numpy as np
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID

import hounsfield as hu
from hounsfield.core.stack import Stack
from hounsfield.io.dicom.report import scan_dicom
from hounsfield.io.open import open_stack
from hounsfield.phantom.encode import SYNTAXES, encode_frame
from hounsfield.pipeline.presets import preset_names
from hounsfield.pipeline.record import Record
from tests.fuzz.archives import ARCHIVES
from tests.fuzz.elements import File
from tests.fuzz.labels import contours, segments
from tests.fuzz.mutate import Mutate, broken_bytes, broken_dicom, broken_text
from tests.io.dicom.scanner import truth, write
from tests.io.dicom.test_archive import directory
from tests.io.dicom.test_enhanced import write_enhanced
from tests.io.test_mutants import MAKERS


@dataclass(frozen=True)
class Target:
    """The file to break, how to break it, and what to call then, which returns values or None.

    `cut` files are also truncated anywhere after `cut` bytes: they must be refused, or give what
    the whole file gives.
    """

    path: Path
    mutate: Mutate
    use: Callable[[], np.ndarray | None]
    cut: int = -1
    quotes: bool = False
    """Whether a message may repeat the words of the file: it is the user's own, not a scanner's."""


def _values(stack: Stack) -> np.ndarray:
    return np.asarray(stack.volume().array)


def _read_dicom(path: Path) -> np.ndarray:
    """All that is done with DICOM: scan_headers, its answer as JSON, and the volume."""
    scan_dicom(path).to_json()
    return _values(open_stack(path, policy=hu.ReadPolicy(gaps="fill", assume="hu")))


def _dicom(folder: Path, name: str) -> Target:
    """One slice in a transfer syntax; several frames of it for the names that say so."""
    syntax = name.removesuffix("-frames")
    path = folder / "x"
    if name.endswith("-frames"):
        write_enhanced(path, truth(3), order=[2, 0, 1])
        if syntax != "explicit":
            _packed_frames(path, syntax)
    else:
        path = write(folder, truth(1), change=lambda data, _: _encode(data, syntax))[0]
    pack_again = {"deflated": _deflated, "implicit": lambda file: file.content(implicit=True)}.get(
        syntax
    )
    content = path.read_bytes()
    if syntax in ("deflated", "implicit"):
        content = write(folder, truth(1))[0].read_bytes()
        content = _with_meta(content, SYNTAXES[syntax])
    mutate: Mutate = (
        broken_bytes
        if syntax == "big-endian"
        else lambda _, chance: broken_dicom(content, chance, pack_again=pack_again)
    )
    if pack_again is not None:
        path.write_bytes(pack_again(File.of(content)))
    return Target(
        path, mutate, lambda: _read_dicom(path), cut=path.read_bytes().find(b"\xe0\x7f\x10\0") + 12
    )


def _with_meta(content: bytes, syntax: str) -> bytes:
    """An explicit file whose meta header names another syntax."""
    file = File.of(content)
    one = file.find((2, 0x10))
    assert one is not None
    one.value = syntax.encode() + b"\0" * (len(syntax) % 2)
    whole = File(b"", file.meta[1:]).content()
    file.meta[0].value = len(whole).to_bytes(4, "little")
    return file.content()


def _encode(data: Dataset, syntax: str) -> None:
    if syntax == "jpeg":
        data.file_meta.TransferSyntaxUID = UID("1.2.840.10008.1.2.4.50")
        data.BitsAllocated = data.BitsStored = 8
        data.HighBit, data.PixelRepresentation = 7, 0
        data.PixelData = encapsulate(
            [imagecodecs.jpeg8_encode((truth(1)[0] % 256).astype(np.uint8))]
        )
        data["PixelData"].VR = "OB"
        return
    data.file_meta.TransferSyntaxUID = UID(SYNTAXES[syntax])
    if syntax == "big-endian":
        data.PixelData = truth(1)[0].astype(">i2").tobytes()
    elif syntax not in ("explicit", "implicit", "deflated"):
        data.PixelData = encapsulate([encode_frame(truth(1)[0], syntax)])
        data["PixelData"].VR = "OB"


def _packed_frames(path: Path, syntax: str) -> None:
    from pydicom import dcmread

    data = dcmread(path)
    data.file_meta.TransferSyntaxUID = UID(SYNTAXES[syntax])
    data.PixelData = encapsulate([encode_frame(frame, syntax) for frame in truth(3)[[2, 0, 1]]])
    data["PixelData"].VR = "OB"
    data.save_as(path, enforce_file_format=True)


def _deflated(file: File) -> bytes:
    head, data = file.parts()
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    return head + packer.compress(data) + packer.flush()


def _lut(folder: Path) -> Target:
    """A slice with a modality LUT."""

    def change(data: Dataset, k: int) -> None:
        table = Dataset()
        table.LUTDescriptor, table.ModalityLUTType = [256, 0, 16], "HU"
        table.LUTData = np.arange(256, dtype=np.uint16).tobytes()
        table["LUTDescriptor"].VR, table["LUTData"].VR = "US", "OW"
        del data.RescaleSlope, data.RescaleIntercept, data.RescaleType
        data.ModalityLUTSequence = [table]

    path = write(folder, truth(1), change=change)[0]
    return Target(path, broken_dicom, lambda: _read_dicom(path), cut=path.stat().st_size - 90)


def _series(folder: Path) -> Target:
    """One broken slice among five: the others must not be taken for the whole without a word."""
    path = write(folder / "scan", truth(5))[2]
    return Target(path, broken_dicom, lambda: _read_dicom(folder / "scan"))


def _labels(folder: Path, make: Callable[[Path], Path]) -> Target:
    write(folder / "scan", truth(3))
    image = open_stack(folder / "scan", policy=hu.ReadPolicy())
    path = make(folder)

    def use() -> np.ndarray:
        found = hu.read_labels(path, image=image)
        return np.stack([volume.array for _, volume in sorted(found.items())])

    return Target(path, broken_dicom, use)


def _dicomdir(folder: Path) -> Target:
    (folder / "disc").mkdir()
    names = [[path.name] for path in write(folder / "disc", truth(3))]
    (folder / "secret").write_bytes(b"SECRET")
    (folder / "disc" / "LINK").symlink_to(folder / "secret")
    path = directory(folder / "disc", names)
    hostile = (
        b"..\\secret",
        b"LINK",
        b"/dev/zero",
        b"..",
        b".",
        b"",
        b"\\",
        b"A" * 5000,
        b"C:\\x",
        b"a/../../secret",
        b"\0",
        b"~",
    )

    def mutate(content: bytes, chance: random.Random) -> bytes:
        if chance.random() < 0.6:
            return broken_dicom(content, chance)
        file = File.of(content)
        ids = [one for rows in file.everything() for one in rows if one.tag == (4, 0x1500)]
        chance.choice(ids).value = chance.choice(hostile)
        return file.content()

    return Target(path, mutate, lambda: _read_dicom(path))


def _archive(folder: Path, name: str) -> Target:
    paths = write(folder / "scan", truth(3))
    archive = ARCHIVES[name](folder, paths)

    def mutate(content: bytes, chance: random.Random) -> bytes:
        if chance.random() < 0.5:
            return archive.hostile(chance)
        turned = broken_bytes(
            content[::-1] if name.startswith("zip") else content, chance, head=700
        )
        return turned[::-1] if name.startswith("zip") else turned

    return Target(archive.path, mutate, lambda: _read_dicom(archive.path), cut=1)


def _volume(folder: Path, name: str) -> Target:
    """A NIfTI, NRRD, MetaImage, npy or PNG; its headers of text broken as text too."""
    path = MAKERS[name](folder)
    target = (
        path.with_suffix(".npy") if name == "sidecar" else path.parent if name == "png" else path
    )

    def mutate(content: bytes, chance: random.Random) -> bytes:
        if name == "sidecar" or (name in ("nrrd", "nrrd.gz", "mha") and chance.random() < 0.5):
            head, mark, rest = content.partition(b"LOCAL\n" if name == "mha" else b"\n\n")
            return broken_text(head, chance) + mark + rest
        return broken_bytes(content, chance, head=600)

    return Target(
        path, mutate, lambda: np.asarray(hu.read(target).array), cut=1 if name != "sidecar" else -1
    )


def _pipeline(folder: Path) -> Target:
    presets = [hu.preset(name).to_toml().encode() for name in preset_names() if name != "nnunet-ct"]
    path = folder / "x.toml"
    path.write_bytes(presets[0])

    def use() -> None:
        hu.Pipeline.load(path).to_toml()

    return Target(
        path, lambda _, chance: broken_text(chance.choice(presets), chance), use, quotes=True
    )


def _record(folder: Path, *, restore: bool) -> Target:
    """A record as a pipeline, or as what a prediction is restored by."""
    from hounsfield.dataset.prediction import Prediction
    from hounsfield.dataset.restore import restore as restored

    places = np.indices((12, 11, 9)).sum(axis=0)
    scan = hu.Volume.from_array(
        np.asfortranarray(np.where(places % 5 > 1, 40, -1000).astype(np.int16)),
        affine=np.diag([-2.0, -2.0, 3.0, 1.0]),
    )
    result = hu.preset("isotropic-mip").run(scan)
    path = folder / "record.json"
    path.write_text(result.record.to_text())
    prediction = Prediction((result.volume.array > 0.5).astype(np.uint8), None)

    def use() -> np.ndarray | None:
        if not restore:
            hu.Pipeline.load(path).to_toml()
            return None
        return restored(Record.load(path), prediction).volume.array

    return Target(path, broken_text, use, quotes=True)


def _fingerprint(folder: Path) -> Target:
    from hounsfield.pipeline.fingerprint import read_fingerprint

    path = folder / "dataset_fingerprint.json"
    path.write_text(
        '{"foreground_intensity_properties_per_channel": {"0": {"mean": 60.5, "std": 140.0, '
        '"percentile_00_5": -900.0, "percentile_99_5": 300.0}},\n'
        ' "spacings": [[3.0, 0.8, 0.8], [2.5, 0.7, 0.7]]}\n'
    )

    def use() -> None:
        read_fingerprint(path)

    return Target(path, broken_text, use)


DICOM = (
    "explicit",
    "implicit",
    "big-endian",
    "deflated",
    "rle",
    "jpeg",
    "jpeg-lossless",
    "jpeg-ls",
    "jpeg-2000",
    "htj2k",
    "explicit-frames",
    "rle-frames",
    "jpeg-ls-frames",
    "jpeg-2000-frames",
)

TARGETS: dict[str, Callable[[Path], Target]] = {
    **{f"dicom {name}": partial(_dicom, name=name) for name in DICOM},
    "dicom lut": _lut,
    "dicom series": _series,
    "dicomdir": _dicomdir,
    **{name: partial(_archive, name=name) for name in ARCHIVES},
    "rtstruct": lambda folder: _labels(folder, contours),
    "seg": lambda folder: _labels(folder, segments),
    **{name: partial(_volume, name=name) for name in MAKERS},
    "pipeline": _pipeline,
    "record run": lambda folder: _record(folder, restore=False),
    "record restore": lambda folder: _record(folder, restore=True),
    "fingerprint": _fingerprint,
}
