"""The sha256 of a source knows every byte that a volume is made of, and no name."""

from __future__ import annotations

import hashlib
from pathlib import Path

import nibabel
import pytest

from hounsfield.core.errors import ReadError
from hounsfield.core.volume import Volume
from hounsfield.io.source_files import sha256_of
from hounsfield.io.write import write
from tests.io.made import AFFINE, head_like, meta_header, nifti, nrrd_header


def test_of_one_file_it_is_that_of_its_bytes(tmp_path: Path) -> None:
    path = nifti(tmp_path / "x.nii.gz", head_like())
    assert sha256_of(path) == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("kind", ["pair", "nrrd", "meta", "npy"])
def test_a_change_in_any_part_changes_it(tmp_path: Path, kind: str) -> None:
    data = head_like().tobytes(order="F")
    if kind == "pair":
        nibabel.Nifti1Pair(head_like(), AFFINE).to_filename(tmp_path / "x.hdr")
        first, second = tmp_path / "x.hdr", tmp_path / "x.img"
    elif kind == "npy":
        write(Volume.from_array(head_like(), affine=AFFINE), tmp_path / "x.npy")
        first, second = tmp_path / "x.npy", tmp_path / "x.json"
    else:
        first, second = tmp_path / ("x.nhdr" if kind == "nrrd" else "x.mhd"), tmp_path / "x.raw"
        text = (
            nrrd_header(head_like(), data_file="x.raw")
            if kind == "nrrd"
            else meta_header(head_like(), ElementDataFile="x.raw")
        )
        first.write_text(text)
        second.write_bytes(data)
    before = sha256_of(first)
    assert before == sha256_of(first)
    changed = bytearray(second.read_bytes())
    changed[-1] ^= 1
    second.write_bytes(bytes(changed))
    assert sha256_of(first) != before


def test_of_a_folder_names_do_not_count(tmp_path: Path) -> None:
    for name, order in (("one", "ab"), ("two", "ba")):
        (tmp_path / name).mkdir()
        for number, text in enumerate(order):
            (tmp_path / name / f"{number}").write_text(text)
    assert sha256_of(tmp_path / "one") == sha256_of(tmp_path / "two")


def test_what_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="no such file"):
        sha256_of(tmp_path / "absent")
