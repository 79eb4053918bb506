"""An output is there whole, or not at all; nothing else is touched."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hounsfield.core.errors import HounsfieldError, QuantityError, WriteError
from hounsfield.core.volume import Volume
from hounsfield.io.bytes.atomic import (
    atomic,
    atomic_folder,
    remove_partial,
    write_bytes,
    write_text,
)
from hounsfield.io.write import write
from tests.io.made import AFFINE, head_like

FORMATS = {"x.nii": None, "x.nii.gz": None, "x.nrrd": None, "x.npy": None, "slices": "png"}

FULL_DISK = """
import resource, signal, sys
import numpy as np
import hounsfield as hu
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
noise = np.random.default_rng(1).integers(-1000, 1000, (128, 128, 8)).astype(np.int16)
volume = hu.Volume.from_array(noise, affine=np.eye(4))
try:
    hu.write(volume, sys.argv[1], format=sys.argv[2] or None)
except hu.WriteError as error:
    print(error)
"""


@pytest.mark.parametrize("name", FORMATS)
def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path: Path, name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, tmp_path / name, FORMATS[name] or ""],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    line = "output cannot be written (File too large); no partial file is left"
    assert done.stdout == f"{tmp_path / name}: {line}\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", FORMATS)
def test_a_failure_leaves_the_earlier_output(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume = Volume.from_array(head_like(), affine=AFFINE)
    write(volume, tmp_path / name, format=FORMATS[name])
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(WriteError, match="No space left on device"):
        write(volume, tmp_path / name, format=FORMATS[name])
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("keep")
    (tmp_path / "x.nii").symlink_to(tmp_path / "target")
    write(Volume.from_array(head_like(), affine=AFFINE), tmp_path / "x.nii")
    assert (tmp_path / "target").read_text() == "keep"
    assert not (tmp_path / "x.nii").is_symlink()


def test_it_is_private_until_it_is_whole(tmp_path: Path) -> None:
    with atomic(tmp_path / "x") as temporary:
        assert stat.S_IMODE(temporary.stat().st_mode) == 0o600
        assert temporary.parent == tmp_path
        assert not (tmp_path / "x").exists()
    (tmp_path / "y").touch()
    assert (tmp_path / "x").stat().st_mode == (tmp_path / "y").stat().st_mode


def _fail_with(error: type[BaseException], path: Path) -> None:
    with atomic(path) as temporary:
        temporary.write_text("half")
        raise error("no")


def test_any_failure_in_the_block_removes_the_temporary_file(tmp_path: Path) -> None:
    for error in (KeyboardInterrupt, ValueError, WriteError):
        with pytest.raises(error):
            _fail_with(error, tmp_path / "x")
        assert list(tmp_path.iterdir()) == []


def test_bytes_and_text_are_written_whole(tmp_path: Path) -> None:
    write_bytes(tmp_path / "x", b"\0\1")
    write_text(tmp_path / "y", "ä\n")
    assert (tmp_path / "x").read_bytes() + (tmp_path / "y").read_bytes() == b"\0\1\xc3\xa4\n"


@pytest.mark.parametrize("name", ["absent/x.nii", "x.xyz", "x", "folder.nii"])
def test_an_output_that_cannot_be_is_one_line(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.nii").mkdir()
    with pytest.raises(WriteError) as caught:
        write(Volume.from_array(head_like(), affine=AFFINE), tmp_path / name)
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["folder.nii"]


def test_a_folder_without_permission_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    # The tests may run as root, whom no folder's permissions stop.
    monkeypatch.setattr(os, "open", forbidden)
    with pytest.raises(WriteError, match="Permission denied"):
        write(Volume.from_array(head_like(), affine=AFFINE), tmp_path / "x.nii")


def test_keywords_of_dicom_are_not_ignored_elsewhere(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match="only for format='dicom', but the format is nii"):
        write(Volume.from_array(head_like(), affine=AFFINE), tmp_path / "x.nii", identity="keep")


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        ("int16", [-1000, 40, 3000]),
        ("float32", [-1000.4, 40.2, 3000]),
        ("float16", [-1000.5, 40.1875, 3000]),
        ("int8", None),
        ("uint16", None),
        ("bool", None),
    ],
)
def test_a_dtype_rounds_and_never_wraps(
    tmp_path: Path, dtype: str, expected: list[float] | None
) -> None:
    array = np.array([-1000.4, 40.2, 3000], np.float32).reshape(3, 1, 1)
    volume = Volume.from_array(array, affine=AFFINE)
    if expected is None:
        with pytest.raises(QuantityError, match="do not fit"):
            write(volume, tmp_path / "x.npy", dtype=dtype)
        assert list(tmp_path.iterdir()) == []
    else:
        write(volume, tmp_path / "x.npy", dtype=dtype)
        back = np.load(tmp_path / "x.npy")
        assert back.dtype == dtype
        np.testing.assert_allclose(back.ravel(), expected, atol=1e-4)


def test_unit_values_are_not_written_as_whole_numbers(tmp_path: Path) -> None:
    """0 and 1 would be all that is left of them."""
    array = np.linspace(0, 1, 8, dtype=np.float32).reshape(2, 2, 2)
    volume = Volume.from_array(array, affine=AFFINE, quantity="unit")
    with pytest.raises(QuantityError, match=r"unit values cannot be uint8: map them"):
        write(volume, tmp_path / "x.nii", dtype="uint8")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_our_own_is_replaced_and_what_a_killed_process_left_is_removed(
    tmp_path: Path,
) -> None:
    path = tmp_path / "new" / "case"
    for content in ("first", "second"):
        path.parent.mkdir(exist_ok=True)
        for left in (".case-0123456789abcdef.part", ".case-0123456789abcdef.old"):
            (path.parent / left).mkdir()
            (path.parent / left / "half").write_text("written")
        other = path.parent / ".case-2-0123456789abcdef.part"
        other.mkdir()
        with atomic_folder(path) as folder:
            (folder / "sub").mkdir()
            (folder / "sub" / "file").write_text(content)
        remove_partial(path)
        other.rmdir()  # that of another case, which may be running
        assert [item.name for item in path.parent.iterdir()] == ["case"]
        assert [str(item.relative_to(path)) for item in path.rglob("*")] == ["sub", "sub/file"]
        assert (path / "sub" / "file").read_text() == content


def test_two_processes_that_write_one_folder_do_not_share_a_temporary_one(tmp_path: Path) -> None:
    with atomic_folder(tmp_path / "case") as one, atomic_folder(tmp_path / "case") as other:
        assert one != other
        (one / "file").write_text("one")
        (other / "file").write_text("other")
    assert [item.name for item in tmp_path.iterdir()] == ["case"]
    assert (tmp_path / "case" / "file").read_text() == "one"


def test_an_interrupted_exchange_of_folders_leaves_the_earlier_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with atomic_folder(tmp_path / "case") as folder:
        (folder / "file").write_text("first")
    real, calls = Path.rename, []

    def interrupted(source: Path, target: Path) -> Path:
        calls.append(source)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(source, target)

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt), atomic_folder(tmp_path / "case") as folder:
        (folder / "file").write_text("second")
    assert [item.name for item in tmp_path.iterdir()] == ["case"]
    assert (tmp_path / "case" / "file").read_text() == "first"


def test_a_folder_that_fails_leaves_the_earlier_one(tmp_path: Path) -> None:
    with atomic_folder(tmp_path / "case") as folder:
        (folder / "file").write_text("first")

    def fail() -> None:
        with atomic_folder(tmp_path / "case") as folder:
            (folder / "file").write_text("second")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert [item.name for item in tmp_path.iterdir()] == ["case"]
    assert (tmp_path / "case" / "file").read_text() == "first"


@pytest.mark.parametrize(
    ("value", "dtype"), [(65520, "float16"), (2**31, "int32"), (-1, "uint64"), (3.4e38, "float16")]
)
def test_the_edges_of_a_dtype_are_refused(tmp_path: Path, value: float, dtype: str) -> None:
    volume = Volume.from_array(
        np.full((2, 2, 2), value, np.float64), affine=AFFINE, quantity="other"
    )
    with pytest.raises(HounsfieldError, match=dtype):
        write(volume, tmp_path / "x.nii", dtype=dtype)
