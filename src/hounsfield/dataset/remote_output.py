"""The output folder of a run at a URL: cases are written here first, then copied, record last."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import socket
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hounsfield.core.errors import HounsfieldError, WriteError
from hounsfield.dataset.linkage import linkage_folder
from hounsfield.dataset.run_config import RunConfig
from hounsfield.io.bytes.remote import file_system, make_parent, writing
from hounsfield.io.bytes.search import OUTPUT_MARK, RECORD
from hounsfield.pipeline.record import Record

COPY_SECONDS = 30.0
"""How often the manifest is copied to the URL during a run; what a killed machine forgets."""

LOCK = ".lock"

STALE_SECONDS = 600.0
"""Age of a lock whose owner is dead: owners renew theirs with each copy of the manifest, and a
clock may be wrong by minutes."""


def state_folder(url: str) -> Path:
    """Return the folder of this machine with the manifest of a run at a URL."""
    return linkage_folder().parent / "remote" / hashlib.sha256(url.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class RemoteOutput:
    """The outputs of a run at a URL; its methods raise WriteError."""

    url: str

    def _at(self, name: str) -> tuple[Any, str]:
        system, path = file_system(self.url)
        return system, f"{path.rstrip('/')}/{name}".rstrip("/")

    def case_ids(self) -> set[str]:
        """Return the ids of the cases with outputs."""
        system, path = self._at("cases")
        with writing(self.url):
            system.invalidate_cache()
            found = system.ls(path, detail=False) if system.exists(path) else []
        names = {str(each).rstrip("/").rpartition("/")[2] for each in found}
        return {name for name in names if name and not name.startswith(".")} - {"cases"}

    def complete_record(self, case_id: str, *, sha256: str) -> Record | None:
        """Return the record of a case if it has its sha256 and its outputs exist, else None."""
        system, path = self._at(f"cases/{case_id}")
        with writing(self.url):
            system.invalidate_cache()
            try:
                data = bytes(system.cat_file(f"{path}/{RECORD}"))
                sizes = {
                    name: info["size"] for name, info in system.find(path, detail=True).items()
                }
            except FileNotFoundError:
                return None
        if hashlib.sha256(data).hexdigest() != sha256:
            return None
        try:
            record = _parsed(data)
        except HounsfieldError:
            return None
        whole = all(_ends_with(sizes, f"{path}/{name}") for name in record.outputs)
        return record if whole and record.outputs else None

    def put_case(self, case_id: str, folder: Path) -> None:
        """Copy the files of a case; without its record, which is last, it is not complete."""
        system, path = self._at(f"cases/{case_id}")
        self.remove(case_id)
        names = sorted(
            str(item.relative_to(folder)) for item in folder.rglob("*") if item.is_file()
        )
        names.sort(key=lambda name: name == RECORD)
        with writing(self.url):
            for name in names:
                make_parent(system, f"{path}/{name}")
                system.put_file(str(folder / name), f"{path}/{name}")

    def remove(self, case_id: str) -> None:
        """Remove the outputs of a case, its record first."""
        system, path = self._at(f"cases/{case_id}")
        with writing(self.url):
            with suppress(FileNotFoundError):
                system.rm_file(f"{path}/{RECORD}")
            with suppress(FileNotFoundError):
                system.rm(path, recursive=True)

    def get(self, name: str, target: Path) -> bool:
        """Copy a file to this machine; False if there is none."""
        system, path = self._at(name)
        with writing(self.url):
            system.invalidate_cache()
            if not system.exists(path):
                return False
            system.get_file(path, str(target))
            return True

    def put(self, name: str, data: bytes, *, is_new: bool = False) -> bool:
        """Write a file; with `is_new` only if there is none, which the result tells."""
        system, path = self._at(name)
        with writing(self.url):
            make_parent(system, path)
            try:
                system.pipe_file(path, data, mode="create" if is_new else "overwrite")
            except FileExistsError:
                return False
        return True

    def read(self, name: str) -> bytes:
        """Return the bytes of a file, b'' if there is none."""
        system, path = self._at(name)
        with writing(self.url):
            system.invalidate_cache()
            try:
                return bytes(system.cat_file(path))
            except FileNotFoundError:
                return b""

    def drop(self, name: str) -> None:
        """Remove a file, if that is possible."""
        system, path = self._at(name)
        with suppress(Exception):
            system.rm_file(path)


def _parsed(data: bytes) -> Record:
    with tempfile.TemporaryDirectory(prefix=f"hounsfield-{os.getpid()}-") as name:
        file = Path(name) / RECORD
        file.write_bytes(data)
        return Record.load(file)


def _ends_with(sizes: dict[str, Any], path: str) -> bool:
    return any(name.endswith(path) and size for name, size in sizes.items())


@contextmanager
def local_output(config: RunConfig, case_id: str) -> Iterator[RunConfig]:
    """Let a case be written to a temporary folder and copy it to the URL after the block."""
    if not config.out_url:
        yield config
        return
    with tempfile.TemporaryDirectory(prefix=f"hounsfield-{os.getpid()}-") as name:
        local = replace(config, out=Path(name), out_url="")
        yield local
        folder = local.folder(case_id)
        if folder.is_dir():
            RemoteOutput(config.out_url).put_case(case_id, folder)


@contextmanager
def published(config: RunConfig) -> Iterator[Callable[[], None]]:
    """Lock an output at a URL, and keep its manifest equal to that of this machine.

    The function copies the manifest if that was long ago. Raises WriteError if another run writes
    there.
    """
    if not config.out_url:
        yield lambda: None
        return
    output = RemoteOutput(config.out_url)
    lock = _Lock.of(output)
    manifest = config.out / OUTPUT_MARK
    copied = time.monotonic()
    try:
        if not output.get(OUTPUT_MARK, manifest):
            manifest.unlink(missing_ok=True)

        def publish() -> None:
            nonlocal copied
            if time.monotonic() - copied > COPY_SECONDS:
                lock.renew()
                _copy(manifest, output)
                copied = time.monotonic()

        yield publish
        with suppress(FileNotFoundError):
            output.put("pipeline.toml", (config.out / "pipeline.toml").read_bytes())
    finally:
        try:
            _copy(manifest, output)
        finally:
            lock.release()


def _copy(manifest: Path, output: RemoteOutput) -> None:
    """Copy a manifest between two of its transactions."""
    if not manifest.exists():
        return
    with tempfile.TemporaryDirectory(prefix=f"hounsfield-{os.getpid()}-") as name:
        target = Path(name) / OUTPUT_MARK
        with closing(sqlite3.connect(manifest)) as db, closing(sqlite3.connect(target)) as copy:
            db.backup(copy)
        output.put(OUTPUT_MARK, target.read_bytes())


@dataclass(frozen=True, slots=True)
class _Lock:
    """The lock of a run at a URL; a random token tells whose it is."""

    output: RemoteOutput
    token: str

    @classmethod
    def of(cls, output: RemoteOutput) -> _Lock:
        """Take the lock; that of an owner that is dead is taken over."""
        lock = cls(output, secrets.token_hex(8))
        if output.put(LOCK, lock._data(), is_new=True):
            return lock
        if not _is_dead(_content(output)):
            raise WriteError(
                "another run writes to the output URL: wait for it to end or use another URL; if "
                f"no run is going on, remove {LOCK} there"
            )
        lock.renew()
        if _content(output).get("token") != lock.token:
            raise WriteError("another run has just begun to write to the output URL; wait for it")
        return lock

    def renew(self) -> None:
        """Write the lock with the time of now."""
        self.output.put(LOCK, self._data())

    def release(self) -> None:
        """Remove the lock if it is still that of this run."""
        if _content(self.output).get("token") == self.token:
            self.output.drop(LOCK)

    def _data(self) -> bytes:
        host = hashlib.sha256(socket.gethostname().encode()).hexdigest()[:16]
        data = {"token": self.token, "host": host, "pid": os.getpid(), "time": time.time()}
        return json.dumps(data).encode()


def _content(output: RemoteOutput) -> dict[str, Any]:
    try:
        found = json.loads(output.read(LOCK) or b"{}")
    except ValueError:
        found = {}
    return found if isinstance(found, dict) else {}


def _is_dead(content: dict[str, Any]) -> bool:
    """Whether the owner of a lock is a process of this machine that ended, or long silent."""
    host = hashlib.sha256(socket.gethostname().encode()).hexdigest()[:16]
    if content.get("host") == host and not _is_alive(int(content.get("pid") or 0)):
        return True
    return time.time() - float(content.get("time") or 0) > STALE_SECONDS


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return pid > 0
