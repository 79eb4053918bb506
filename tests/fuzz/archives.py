"""Zip and tar archives of a series, and hostile ones: path traversal, links, bombs, false sizes."""

from __future__ import annotations

import io
import random
import tarfile
import warnings
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

NAMES = (
    "../out",
    "/abs",
    "a/../../b",
    "C:/x",
    "a\\b",
    "",
    ".",
    "./x",
    "x/",
    "\x1b[31mSECRET",
    "n" * 300,
    "a\nb",
    "é\u202e.dcm",
)
BOMB_BYTES = 40 << 20


@dataclass(frozen=True)
class Archive:
    """A good archive at `path`; `hostile` makes the bytes of another."""

    path: Path
    hostile: Callable[[random.Random], bytes]


def _zip(folder: Path, files: Sequence[Path], *, method: int) -> Archive:
    path = folder / "x.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        for file in files:
            archive.write(file, file.name)

    def hostile(chance: random.Random) -> bytes:
        out = io.BytesIO()
        with warnings.catch_warnings(), zipfile.ZipFile(out, "w", method) as archive:
            warnings.simplefilter("ignore")
            for file in files:
                info = zipfile.ZipInfo(
                    chance.choice(NAMES) if chance.random() < 0.15 else file.name
                )
                info.compress_type = method
                if chance.random() < 0.1:
                    info.external_attr = chance.choice((0o120777, 0o060666, 0o010666)) << 16
                data = file.read_bytes()
                kind = chance.random()
                if kind < 0.02:
                    data += bytes(BOMB_BYTES)
                elif kind < 0.1:
                    data = path.read_bytes()
                archive.writestr(info, data)
        content = bytearray(out.getvalue())
        place = content.rfind(b"PK\1\2")
        for offset, size in ((20, 4), (24, 4), (42, 4), (10, 2), (8, 2), (28, 2)):
            if chance.random() < 0.15:
                content[place + offset : place + offset + size] = chance.choice(
                    (b"\xff" * size, b"\0" * size, chance.randbytes(size), b"\1\0\0\0"[:size])
                )
        return bytes(content)

    return Archive(path, hostile)


KINDS = (
    tarfile.SYMTYPE,
    tarfile.LNKTYPE,
    tarfile.FIFOTYPE,
    tarfile.CHRTYPE,
    tarfile.GNUTYPE_SPARSE,
    tarfile.DIRTYPE,
    b"Z",
)


def _tar(folder: Path, files: Sequence[Path], *, packing: str) -> Archive:
    path = folder / "x.tar"

    def made(chance: random.Random | None) -> bytes:
        out = io.BytesIO()
        mode = f"w:{packing}"
        with tarfile.open(fileobj=out, mode=mode) as archive:  # type: ignore[call-overload]
            for file in files:
                info, data = tarfile.TarInfo(file.name), file.read_bytes()
                if chance is not None and chance.random() < 0.15:
                    info.name = chance.choice(NAMES)
                if chance is not None and chance.random() < 0.1:
                    info.type, info.linkname = chance.choice(KINDS), "/etc/passwd"
                if chance is not None and chance.random() < 0.02:
                    data += bytes(BOMB_BYTES)
                info.size = len(data)
                if chance is not None and chance.random() < 0.1:
                    info.pax_headers = {
                        chance.choice(
                            ("size", "path", "linkpath", "GNU.sparse.map")
                        ): chance.choice(("-1", "99999999999999", "../x", "nan", "SECRET"))
                    }
                archive.addfile(info, io.BytesIO(data))
        content = bytearray(out.getvalue())
        if chance is not None and not packing and chance.random() < 0.3:
            content[124:136] = chance.choice(
                (b"7" * 11 + b"\0", b"\x80" + b"\xff" * 11, b"-0000000001\0", b"x" * 12)
            )
        return bytes(content)

    path.write_bytes(made(None))
    return Archive(path, made)


ARCHIVES: dict[str, Callable[[Path, Sequence[Path]], Archive]] = {
    "zip stored": lambda folder, files: _zip(folder, files, method=zipfile.ZIP_STORED),
    "zip deflated": lambda folder, files: _zip(folder, files, method=zipfile.ZIP_DEFLATED),
    "tar": lambda folder, files: _tar(folder, files, packing=""),
    "tar.gz": lambda folder, files: _tar(folder, files, packing="gz"),
}
