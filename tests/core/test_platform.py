"""Features that a system lacks are replaced: without each of them the results are the same."""

from __future__ import annotations

import mmap
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

import hounsfield.core.file_system as file_system
import hounsfield.core.platform as platform
from hounsfield.core.errors import HounsfieldError
from hounsfield.core.file_system import (
    is_open_to_others,
    lock_file,
    open_flags,
    read_at,
    read_into_at,
    rename_new,
    sync_folder,
    umask,
    write_at,
)
from hounsfield.core.platform import (
    ASSUMED_FREE_BYTES,
    free_memory_bytes,
    handling,
    ignore_signal,
    peak_memory_bytes,
    release_pages,
    set_threads,
    thread_count,
)
from hounsfield.kernels.mask import Bits, dilate


def without(monkeypatch: pytest.MonkeyPatch, *features: str) -> None:
    """Take away 'os.name' or a whole module."""
    for feature in features:
        module, _, name = feature.partition(".")
        if name:
            monkeypatch.delattr(sys.modules[module], name, raising=False)
        else:
            monkeypatch.setitem(sys.modules, module, None)


@pytest.fixture(autouse=True)
def no_budget(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("HOUNSFIELD_THREADS", raising=False)
    yield
    set_threads(None)


def test_threads_are_those_that_were_set_then_the_variables_then_the_processors(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert thread_count() == len(os.sched_getaffinity(0))
    without(monkeypatch, "os.sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert thread_count() == 6
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert thread_count() == 1
    monkeypatch.setenv("HOUNSFIELD_THREADS", "3")
    assert thread_count() == 3
    set_threads(2)
    assert thread_count() == 2
    set_threads(None)
    assert thread_count() == 3


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5", "²"])
def test_a_wrong_number_of_threads_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOUNSFIELD_THREADS", text)
    with pytest.raises(HounsfieldError, match="positive whole number"):
        thread_count()
    for count in (0, 1.5, True, "2"):
        with pytest.raises(HounsfieldError, match="1 or more"):
            set_threads(count)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["", " "])
def test_an_empty_variable_sets_nothing(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOUNSFIELD_THREADS", text)
    assert thread_count() == len(os.sched_getaffinity(0))


def test_free_memory_is_the_least_of_the_system_and_its_control_groups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert 1 << 20 < free_memory_bytes() < 1 << 50
    groups = tmp_path / "groups"
    for name, text in {
        "memory.max": "max",
        "memory.current": "5",
        "memory/memory.limit_in_bytes": "1000",
        "memory/memory.usage_in_bytes": "400",
        "job/memory.max": "700",
        "job/memory.current": "650",
        "job/memory.stat": "anon 100\ninactive_file 300\n",
        "job/step/memory.max": "max",
        "memory/old/memory.limit_in_bytes": "90",
        "memory/old/memory.usage_in_bytes": "20",
        "other/memory.max": "1",
        "other/memory.current": "0",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text + "\n")
    assert list(platform._group_bytes(tmp_path, groups)) == [600]  # no list of groups
    (tmp_path / "memory.max").write_text("105\n")
    groups.write_text("7:cpuset:/other\n5:cpu,memory:/old\n0::/job/step\n")
    assert set(platform._group_bytes(tmp_path, groups)) == {100, 600, 350, 70}
    (tmp_path / "job" / "memory.stat").write_text("inactive_file 9999\n")
    assert 700 in set(platform._group_bytes(tmp_path, groups))  # never more than the limit
    monkeypatch.setattr(platform, "_group_bytes", lambda: [100, 600])
    assert free_memory_bytes() == 100


def test_free_memory_is_the_physical_memory_or_assumed_where_nothing_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(platform, "_available_bytes", lambda: None)
    monkeypatch.setattr(platform, "_group_bytes", list)
    assert free_memory_bytes() == os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    without(monkeypatch, "os.sysconf")
    assert free_memory_bytes() == ASSUMED_FREE_BYTES


def test_peak_memory_has_one_unit_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    peak = peak_memory_bytes()
    assert 10 << 20 < peak < 1 << 40
    usage = SimpleNamespace(getrusage=lambda who: SimpleNamespace(ru_maxrss=7), RUSAGE_SELF=0)
    monkeypatch.setitem(sys.modules, "resource", usage)
    assert peak_memory_bytes() == 7 << 10
    monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(sysname="Darwin"))
    assert peak_memory_bytes() == 7
    without(monkeypatch, "resource")
    assert peak_memory_bytes() == pytest.approx(peak, rel=0.5)
    monkeypatch.setattr(platform, "_kilobytes", lambda path, name: None)
    assert peak_memory_bytes() == 0


@pytest.mark.parametrize("feature", ["", "mmap.MADV_DONTNEED"])
def test_pages_are_released_and_keep_their_bytes(
    feature: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if feature:
        without(monkeypatch, feature)
    path = tmp_path / "file"
    path.write_bytes(bytes(8192))
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as pages:
        pages[5000:5003] = b"abc"
        release_pages(pages)
        assert pages[5000:5003] == b"abc"


@pytest.mark.parametrize("features", [(), ("os.pread", "os.preadv", "os.pwrite")])
def test_bytes_are_read_and_written_at_their_place(
    features: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without(monkeypatch, *features)
    handle = os.open(tmp_path / "file", open_flags("O_RDWR", "O_CREAT"))
    assert write_at(handle, b"0123456789", 0) == 10
    assert write_at(handle, b"xy", 4) == 2
    assert read_at(handle, 4, 3) == b"3xy6"
    assert read_at(handle, 9, 8) == b"89"
    buffer = bytearray(6)
    assert read_into_at(handle, memoryview(buffer)[1:4], 3) == 3
    assert bytes(buffer) == b"\0" + b"3xy" + b"\0\0"
    os.close(handle)


def test_flags_that_a_system_lacks_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    assert open_flags("O_RDONLY", "O_NOFOLLOW") == os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
    without(monkeypatch, "os.O_NOFOLLOW", "os.O_CLOEXEC")
    monkeypatch.setattr(os, "O_BINARY", 1 << 30, raising=False)
    assert open_flags("O_RDONLY", "O_NOFOLLOW") == 1 << 30


def test_the_umask_is_read_and_the_strictest_where_it_is_not_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = os.umask(0o027)
    try:
        assert umask() == 0o027
    finally:
        os.umask(before)

    def missing(*arguments: object, **keywords: object) -> None:
        raise FileNotFoundError

    monkeypatch.setattr(file_system, "open", missing, raising=False)
    assert umask() == 0o077


def test_modes_say_who_may_read_where_there_are_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "key"
    path.touch()
    with path.open("rb") as file:
        for mode, is_open in ((0o600, False), (0o640, True), (0o604, True)):
            path.chmod(mode)
            assert is_open_to_others(file.fileno()) == is_open
        without(monkeypatch, "os.geteuid")
        assert not is_open_to_others(file.fileno())


def test_a_folder_is_flushed_or_left_where_that_cannot_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync_folder(tmp_path)
    without(monkeypatch, "os.O_DIRECTORY")
    sync_folder(tmp_path)
    for code, is_raised in ((22, False), (28, True), (5, True)):

        def fails(handle: int, code: int = code) -> None:
            raise OSError(code, "no")

        monkeypatch.setattr(os, "fsync", fails)
        if is_raised:
            with pytest.raises(OSError, match="no"):
                sync_folder(tmp_path)
        else:
            sync_folder(tmp_path)

    def denied(*arguments: object) -> int:
        raise PermissionError

    monkeypatch.setattr(os, "open", denied)
    sync_folder(tmp_path)


@pytest.mark.parametrize("kind", ["link", "no call", "no links there"])
def test_a_new_name_is_given_once(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind == "no call":
        without(monkeypatch, "os.link")
    elif kind == "no links there":

        def denied(source: Path, target: Path) -> None:
            raise PermissionError(1, "Operation not permitted")

        monkeypatch.setattr(os, "link", denied)
    for n in range(2):
        draft = tmp_path / "draft"
        draft.write_text(f"key {n}")
        draft.chmod(0o600)
        if n:
            with pytest.raises(FileExistsError):
                rename_new(draft, tmp_path / "key")
        else:
            rename_new(draft, tmp_path / "key")
        assert not draft.exists()
    assert (tmp_path / "key").read_text() == "key 0"
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600


def windows_locks() -> ModuleType:
    """A stand-in for msvcrt's locks, by those of this system."""
    import fcntl

    def locking(handle: int, mode: int, count: int) -> None:
        assert (mode, count) == (9, 1)
        assert os.lseek(handle, 0, os.SEEK_CUR) == file_system.LOCKED_BYTE
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise PermissionError(13, "locked") from None

    module = ModuleType("msvcrt")
    module.LK_NBLCK, module.locking = 9, locking  # type: ignore[attr-defined]
    return module


@pytest.mark.parametrize("kind", ["flock", "msvcrt", "a file alone"])
def test_one_lock_is_given_at_a_time_and_says_whose_it_is(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = windows_locks()
    if kind != "flock":
        without(monkeypatch, "fcntl", "os.O_NOFOLLOW", "os.pread", "os.pwrite")
    if kind == "msvcrt":
        monkeypatch.setitem(sys.modules, "msvcrt", other)
    for _ in range(2):
        unlock = lock_file(tmp_path / ".lock")
        with pytest.raises(BlockingIOError, match=rf"^{os.getpid()}$"):
            lock_file(tmp_path / ".lock")
        assert (tmp_path / ".lock").read_text() == f"{os.getpid()}\n"
        unlock()
        assert not (tmp_path / ".lock").exists()


def test_a_lock_whose_file_was_removed_meanwhile_is_not_taken_for_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def removed(path: Path, handle: int) -> bool:
        asked.append(handle)
        return len(asked) > 1

    monkeypatch.setattr(file_system, "_is_at", removed)
    unlock = lock_file(tmp_path / ".lock")
    assert len(asked) == 2
    unlock()


def test_a_folder_that_cannot_be_locked_is_no_lock_of_another(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        lock_file(tmp_path / "missing" / ".lock")


def test_signals_are_handled_where_they_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    def note(number: int, frame: object) -> None:
        seen.append(number)

    before = signal.getsignal(signal.SIGTERM)
    with handling("SIGTERM", note):
        os.kill(os.getpid(), signal.SIGTERM)
    assert seen == [signal.SIGTERM]
    assert signal.getsignal(signal.SIGTERM) == before

    def aside() -> None:
        with handling("SIGTERM", note):
            seen.append(-1)

    thread = threading.Thread(target=aside)
    thread.start()
    thread.join()
    assert seen[-1] == -1
    without(monkeypatch, "signal.SIGTERM")
    with handling("SIGTERM", note):
        pass
    ignore_signal("SIGNOTHING")


TAKEN_AWAY = """
import os, sys
for name in ("fcntl", "resource"):
    sys.modules[name] = None
for name in (
    "sched_getaffinity", "O_DIRECTORY", "O_CLOEXEC", "O_NOFOLLOW", "O_NONBLOCK",
    "pread", "preadv", "pwrite", "link", "sysconf", "geteuid",
):
    delattr(os, name)
import mmap, signal
del mmap.MADV_DONTNEED, signal.SIGTERM
import hounsfield as hu
from hounsfield.cli.main import run_line
sys.exit(run_line(sys.argv[1:]))
"""


def test_a_run_works_where_all_of_it_is_missing(tmp_path: Path) -> None:
    from hounsfield.phantom import Faults, grid_about, head, write_series

    phantom = head(grid_about((0, -14, 10), shape=(40, 40, 6), spacing_mm=(6, 6, 8)), noise_hu=0)
    write_series(phantom, tmp_path / "scan", faults=Faults())
    environment = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path / "config")}
    images = []
    for name, start in (("plain", ["-m", "hounsfield"]), ("bare", ["-c", TAKEN_AWAY])):
        command = [*start, "run", "isotropic-mip", str(tmp_path / "scan"), "-o"]
        done = subprocess.run(
            [sys.executable, *command, str(tmp_path / name)],
            capture_output=True,
            text=True,
            env=environment,
        )
        assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
        (image,) = (tmp_path / name).glob("cases/*/image.nii.gz")
        images.append(image.read_bytes())
        assert not (tmp_path / name / ".lock").exists()
    assert images[0] == images[1]


def test_masks_have_the_same_bits_for_any_number_of_threads() -> None:
    noise = np.random.default_rng(0).random((200, 200, 60)) > 0.99
    made = []
    for count in (1, 2, 3):
        set_threads(count)
        made.append(dilate(Bits.pack(noise), 3, spacing_mm=(1, 1, 1)).words.tobytes())
    assert len(set(made)) == 1
