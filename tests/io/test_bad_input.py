"""What is no CT: each one clear line."""

from __future__ import annotations

from pathlib import Path

import pytest

from hounsfield.core.errors import HounsfieldError, QuantityError, ReadError
from hounsfield.io.formats import sniff
from hounsfield.io.open import open_stack, read
from tests.io.made import head_like, nifti


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _text(path: Path) -> None:
    path.write_text("Dear colleague, please find attached")


def _cut_gzip(path: Path) -> None:
    path.write_bytes(b"\x1f\x8b\x08")


@pytest.mark.parametrize(
    "name", ["x.nii", "x.nii.gz", "x.hdr", "x.img", "x.nrrd", "x.nhdr", "x.mha", "x.mhd", "x.npy"]
)
@pytest.mark.parametrize("make", [_empty, _text, _cut_gzip])
def test_a_file_that_is_not_what_its_name_says_is_one_line(
    tmp_path: Path, name: str, make: object
) -> None:
    make(tmp_path / name)  # type: ignore[operator]
    with pytest.raises(HounsfieldError) as caught:
        read(tmp_path / name)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) > 15


def test_nothing_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="no such file or folder"):
        read(tmp_path / "absent.nii")


def test_the_content_decides_and_not_the_suffix(tmp_path: Path) -> None:
    nifti(tmp_path / "x.nii", head_like())
    (tmp_path / "x.nii").rename(tmp_path / "x.nrrd")
    assert sniff(tmp_path / "x.nrrd") == "nifti"
    assert read(tmp_path / "x.nrrd").quantity == "hu"


def test_a_folder_named_as_a_file_is_dicoms(tmp_path: Path) -> None:
    (tmp_path / "x.nii").mkdir()
    assert sniff(tmp_path / "x.nii") == "dicom"


def test_an_unreadable_file_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = nifti(tmp_path / "x.nii", head_like())

    def forbidden(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", forbidden)
    with pytest.raises(ReadError, match="no permission to read") as caught:
        read(path)
    assert caught.value.diagnostics[0].where == str(path)
    assert str(tmp_path) not in caught.value.diagnostics[0].message


def test_an_unknown_quantity_or_policy_is_named(tmp_path: Path) -> None:
    path = nifti(tmp_path / "x.nii", head_like())
    with pytest.raises(QuantityError, match="unknown quantity 'HU'; expected one of hu, unit"):
        read(path, quantity="HU")  # type: ignore[arg-type]
    with pytest.raises(HounsfieldError, match="unknown gaps 'never'; expected refuse or fill"):
        read(path, gaps="never")  # type: ignore[arg-type]
    with pytest.raises(HounsfieldError, match="'XYZ' is not three of"):
        read(
            nifti(tmp_path / "y.nii", head_like(), sform_code=0, qform_code=0), assume_affine="XYZ"
        )


def test_a_loop_of_links_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.nii").symlink_to(tmp_path / "a.nii")
    with pytest.raises(ReadError):
        read(tmp_path / "a.nii")


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "x.nii")
    with pytest.raises(ReadError, match="neither a file nor a folder"):
        read(tmp_path / "x.nii")


def test_open_stack_takes_text_and_paths(tmp_path: Path) -> None:
    from hounsfield.core.policy import ReadPolicy

    path = nifti(tmp_path / "x.nii", head_like())
    assert open_stack(str(path), policy=ReadPolicy()).shape == (18, 17, 16)
