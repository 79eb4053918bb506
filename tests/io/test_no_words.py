"""Nothing of a source's words is in what is written; nothing of a file's words is in a message."""

from __future__ import annotations

import gzip
import traceback
from pathlib import Path

import nibabel
import numpy as np
import pytest
from PIL import Image

from hounsfield.core.errors import HounsfieldError
from hounsfield.io.open import read
from hounsfield.io.write import write
from tests.io.made import head_like, meta_header, nifti, nrrd_header

SECRET = "SIMPSON"


def planted(path: Path) -> Path:
    """A NIfTI with a name in every field that holds text, and in an extension."""
    image = nibabel.Nifti1Image(head_like(), np.diag([-0.7, -0.7, 2.5, 1]))
    image.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", SECRET.encode()))
    for field in ("descrip", "aux_file", "db_name", "intent_name"):
        image.header[field] = SECRET.encode()
    image.to_filename(path)
    return path


def contents(path: Path) -> bytes:
    """Every byte of a file or folder, inflated where it is compressed, PNG text included."""
    if path.is_dir():
        return b"".join(contents(item) for item in sorted(path.iterdir()))
    data = path.read_bytes() + path.name.encode()
    if path.suffix == ".gz":
        data += gzip.decompress(path.read_bytes())
    if path.suffix == ".png":
        with Image.open(path) as image:
            data += repr(image.info).encode()
    return data


@pytest.mark.parametrize(
    ("name", "format"),
    [("x.nii", None), ("x.nii.gz", None), ("x.nrrd", None), ("x.npy", None), ("x", "png")],
)
def test_no_word_of_the_source_is_written(tmp_path: Path, name: str, format: str | None) -> None:
    volume = read(planted(tmp_path / "source.nii"))
    assert SECRET.encode() in contents(tmp_path / "source.nii")
    (tmp_path / "out").mkdir()
    write(volume, tmp_path / "out" / name, format=format)
    assert SECRET.encode() not in contents(tmp_path / "out")


def test_a_written_nifti_has_empty_text_fields_and_no_extension(tmp_path: Path) -> None:
    write(read(planted(tmp_path / "source.nii")), tmp_path / "x.nii.gz")
    header = nibabel.load(tmp_path / "x.nii.gz").header
    for field in ("descrip", "aux_file", "db_name", "intent_name", "data_type"):
        assert bytes(header[field]).strip(b"\0") == b""
    assert len(header.extensions) == 0
    assert gzip.decompress((tmp_path / "x.nii.gz").read_bytes())[348:352] == b"\0\0\0\0"
    assert (tmp_path / "x.nii.gz").read_bytes()[3:8] == b"\0" * 5, "gzip with a name or a time"


@pytest.mark.parametrize(
    "text",
    [
        nrrd_header(head_like(), type=SECRET),
        nrrd_header(head_like(), encoding=SECRET),
        nrrd_header(head_like(), space=SECRET),
        nrrd_header(head_like(), kinds=f"{SECRET} a b"),
        nrrd_header(head_like(), space_units=f'"{SECRET}" "mm" "mm"'),
        nrrd_header(head_like(), sizes=SECRET),
        nrrd_header(head_like(), data_file=f"../{SECRET}"),
        nrrd_header(head_like(), data_file=SECRET),
        f"NRRD0005\n{SECRET}\n\n",
        meta_header(head_like(), ElementType=SECRET),
        meta_header(head_like(), DimSize=SECRET),
        meta_header(head_like(), ElementDataFile=SECRET),
        f"ObjectType = Image\n{SECRET}\n",
    ],
)
def test_no_word_of_a_header_is_in_a_message(tmp_path: Path, text: str) -> None:
    path = tmp_path / ("x.nrrd" if text.startswith("NRRD") else "x.mha")
    path.write_text(text + "\n")
    with pytest.raises(HounsfieldError) as caught:
        read(path)
    assert SECRET not in "".join(traceback.format_exception(caught.value, chain=False))


def test_an_error_names_the_path_but_its_message_does_not(tmp_path: Path) -> None:
    path = nifti(tmp_path / f"{SECRET}.nii", head_like(), sform_code=0, qform_code=0)
    with pytest.raises(HounsfieldError) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}: ")
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.where == str(path)
    assert SECRET not in str(diagnostic.to_json())
