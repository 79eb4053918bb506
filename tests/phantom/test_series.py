"""Phantom series read back by pydicom, SimpleITK and dcm2niix, which share none of our code."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hounsfield.core.errors import GeometryError, PipelineError, WriteError
from hounsfield.phantom import Faults, Head, Series, grid_about, head, write_series
from hounsfield.phantom.faults import Syntax

GRID = grid_about((0, 0, 10), shape=(60, 64, 12), spacing_mm=(4, 3.5, 11))
UIDS = {
    "explicit": "1.2.840.10008.1.2.1",
    "implicit": "1.2.840.10008.1.2",
    "big-endian": "1.2.840.10008.1.2.2",
    "deflated": "1.2.840.10008.1.2.1.99",
    "rle": "1.2.840.10008.1.2.5",
    "jpeg-lossless": "1.2.840.10008.1.2.4.70",
    "jpeg-ls": "1.2.840.10008.1.2.4.80",
    "jpeg-2000": "1.2.840.10008.1.2.4.90",
    "htj2k": "1.2.840.10008.1.2.4.201",
}


@pytest.fixture(scope="module")
def small() -> Head:
    return head(GRID)


def read_by_sitk(series: Series) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Array (i, j, k) and affine to RAS+ of SimpleITK's reading of the files in true order."""
    import SimpleITK as sitk

    reader = sitk.ImageSeriesReader()
    reader.SetFileNames([str(path) for path in series.files])
    image = reader.Execute()
    affine = np.eye(4)
    affine[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) @ np.diag(image.GetSpacing())
    affine[:3, 3] = image.GetOrigin()
    return sitk.GetArrayFromImage(image).transpose(2, 1, 0), np.diag([-1.0, -1, 1, 1]) @ affine


def datasets(series: Series) -> list[Any]:
    import pydicom

    return [pydicom.dcmread(path, force=True) for path in series.files]


def air(values: NDArray[Any]) -> NDArray[Any]:
    """What a reader makes of padding, which lies below -1024 HU and nowhere else."""
    return np.maximum(values, -1024)


def digest(folder: Path) -> dict[str, str]:
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.iterdir())
    }


@pytest.mark.parametrize(
    "orientation", ["supine", "prone", "feet-first", "oblique", "sagittal", "coronal"]
)
def test_sitk_reads_the_truth_back(small: Head, tmp_path: Path, orientation: Any) -> None:
    series = write_series(small, tmp_path, faults=Faults(orientation=orientation))
    array, affine = read_by_sitk(series)
    assert series.truth is not None
    assert (air(array) == series.truth.array).all()
    assert np.abs(affine - series.truth.grid.affine).max() < 1e-4
    if orientation == "supine":
        assert series.truth.grid == GRID


def test_dcm2niix_reads_the_truth_back(small: Head, tmp_path: Path) -> None:
    import nibabel

    series = write_series(small, tmp_path / "series")
    (tmp_path / "out").mkdir()
    program = str(Path(sys.executable).with_name("dcm2niix"))
    command = [
        program,
        "-b",
        "n",
        "-z",
        "n",
        "-f",
        "x",
        "-o",
        str(tmp_path / "out"),
        str(tmp_path / "series"),
    ]
    subprocess.run(command, check=True, capture_output=True)
    (path,) = (tmp_path / "out").glob("*.nii")
    image = nibabel.load(path)
    assert series.truth is not None
    array, affine = np.asanyarray(image.dataobj), image.affine
    flip = np.diag([1.0, -1.0, 1.0, 1.0])
    flip[1, 3] = array.shape[1] - 1
    assert (air(array[:, ::-1]) == series.truth.array).all()
    assert np.abs(affine @ flip - series.truth.grid.affine).max() < 1e-3


@pytest.mark.parametrize("syntax", list(UIDS))
def test_every_transfer_syntax_holds_the_same_pixels(
    small: Head, tmp_path: Path, syntax: Syntax
) -> None:
    series = write_series(small, tmp_path, faults=Faults(syntax=syntax))
    array, _ = read_by_sitk(series)
    assert series.truth is not None
    assert (air(array) == series.truth.array).all()
    assert {str(one.file_meta.TransferSyntaxUID) for one in datasets(series)} == {UIDS[syntax]}


@pytest.mark.parametrize(
    "faults",
    [
        Faults(),
        Faults(syntax="jpeg-2000", duplicated=(2,)),
        Faults(enhanced=True),
        Faults(extras=("localizer", "screen", "secondary"), phases=2),
    ],
    ids=str,
)
def test_the_same_seed_gives_the_same_files(small: Head, tmp_path: Path, faults: Faults) -> None:
    for name in ("one", "two"):
        write_series(small, tmp_path / name, faults=faults, seed=5)
    assert digest(tmp_path / "one") == digest(tmp_path / "two")
    write_series(small, tmp_path / "three", faults=faults, seed=6)
    assert not set(digest(tmp_path / "one")) & set(digest(tmp_path / "three"))


def test_names_say_nothing_of_the_order(small: Head, tmp_path: Path) -> None:
    series = write_series(small, tmp_path)
    names = [path.name for path in series.files]
    assert names != sorted(names)
    assert not any("." in name for name in names)


def test_uids_are_valid_and_each_slice_has_its_own(small: Head, tmp_path: Path) -> None:
    found = datasets(write_series(small, tmp_path, faults=Faults(phases=2, duplicated=(1,))))
    uids = [one.SOPInstanceUID for one in found]
    assert len(set(uids)) == len(uids) == 26
    assert all(uid.is_valid for uid in uids)
    assert len({one.SeriesInstanceUID for one in found}) == 1


def test_a_tilt_shears_the_stack_and_tags_it_either_way(small: Head, tmp_path: Path) -> None:
    signs = {}
    for tag in ("same", "opposite", "absent"):
        faults = Faults(tilt_deg=18.5, tilt_tag=tag)  # type: ignore[arg-type]
        series = write_series(small, tmp_path / tag, faults=faults)
        signs[tag] = getattr(datasets(series)[0], "GantryDetectorTilt", None)
    assert signs == {"same": 18.5, "opposite": -18.5, "absent": None}
    assert series.truth is not None
    along = np.diff(series.origins_ras_mm, axis=0)
    assert np.abs(along - (0, 0, 11)).max() < 1e-9
    normal = np.cross(series.truth.grid.directions[:, 0], series.truth.grid.directions[:, 1])
    assert np.degrees(np.arccos(abs(normal[2]))) == pytest.approx(18.5)
    middle = (np.array(GRID.shape) - 1) / 2
    assert np.abs(series.truth.grid.world(middle) - GRID.world(middle)).max() < 1e-9
    assert np.abs(air(read_by_pydicom(series)) - series.truth.array).max() == 0


def read_by_pydicom(series: Series) -> NDArray[Any]:
    return np.stack(
        [
            one.pixel_array.T * float(one.RescaleSlope) + float(one.RescaleIntercept)
            for one in datasets(series)
        ],
        axis=2,
    )


def test_uneven_slices_lie_where_they_say_and_hold_the_head_there(
    small: Head, tmp_path: Path
) -> None:
    places = (0.0, 5.0, 10.0, 22.0, 40.0, 41.5)
    series = write_series(small, tmp_path, faults=Faults(positions_mm=places, padding="none"))
    assert series.truth is None
    found = [float(one.ImagePositionPatient[2]) for one in datasets(series)]
    assert np.allclose(np.array(found) - found[0], places)
    plane = GRID.moved(
        (60, 64, 1), np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 40 / 11], [0, 0, 0, 1]])
    )
    exact = series.on(plane).exact.array[:, :, 0]
    difference = read_by_pydicom(series)[:, :, 4] - np.maximum(exact, -1024)
    assert abs(difference.mean()) < 0.5
    assert difference.std() < 6


def test_slopes_alternate_and_the_truth_knows(small: Head, tmp_path: Path) -> None:
    series = write_series(small, tmp_path, faults=Faults(slopes=(1.0, 0.5, 2.25)))
    assert series.truth is not None
    assert series.truth.array.dtype == np.float32
    assert np.abs(air(read_by_pydicom(series)) - series.truth.array).max() < 1e-3


def test_missing_and_duplicated_slices_are_so(small: Head, tmp_path: Path) -> None:
    series = write_series(small, tmp_path / "a", faults=Faults(missing=(3, 4), duplicated=(6,)))
    places = sorted(float(one.ImagePositionPatient[2]) for one in datasets(series))
    assert len(series.files) == 11
    assert sorted(set(np.diff(places).round(6))) == [0.0, 11.0, 33.0]
    assert series.truth is not None
    assert series.truth.grid == GRID
    for differ in (False, True):
        other = write_series(
            small, tmp_path / str(differ), faults=Faults(duplicated=(6,), duplicates_differ=differ)
        )
        one, two = (one.pixel_array for one in (datasets(other)[6], datasets(other)[12]))
        assert (one != two).any() == differ


@pytest.mark.parametrize(
    ("padding", "outside", "tag"),
    [
        ("tag-2000", -2000, -2000),
        ("tag-1500", -1500, -1500),
        ("untagged-2048", -2048, None),
        ("unsigned-63536", -2000, 63536),
        ("none", None, None),
    ],
)
def test_padding_fills_the_corners_and_is_tagged_or_not(
    small: Head, tmp_path: Path, padding: Any, outside: int | None, tag: int | None
) -> None:
    one = datasets(write_series(small, tmp_path, faults=Faults(padding=padding)))[5]
    assert getattr(one, "PixelPaddingValue", None) == tag
    assert one.pixel_array[0, 0] == outside or (outside is None and one.pixel_array[0, 0] > -100)


def test_an_overlay_lies_in_the_high_bits(small: Head, tmp_path: Path) -> None:
    series = write_series(small, tmp_path, faults=Faults(overlay=True))
    one = datasets(series)[4]
    raw = np.frombuffer(one.PixelData, "<u2").reshape(64, 60)
    assert (one.BitsAllocated, one.BitsStored, one.HighBit) == (16, 12, 11)
    assert (raw >> 12).any()
    assert series.truth is not None
    assert (series.truth.array[:, :, 4] == (raw & 4095).astype(int).T - 1024).all()


def test_a_modality_lut_gives_the_truth(small: Head, tmp_path: Path) -> None:
    from pydicom.pixels import apply_modality_lut

    series = write_series(small, tmp_path, faults=Faults(rescale="lut"))
    one = datasets(series)[4]
    assert series.truth is not None
    assert series.truth.quantity == "other"
    assert (series.truth.array[:, :, 4] == apply_modality_lut(one.pixel_array, one).T).all()


def test_enhanced_frames_are_shuffled_and_hold_the_truth(small: Head, tmp_path: Path) -> None:
    series = write_series(small, tmp_path, faults=Faults(enhanced=True, slopes=(1.0, 2.0)))
    (one,) = datasets(series)
    groups = one.PerFrameFunctionalGroupsSequence
    places = [float(group.PlanePositionSequence[0].ImagePositionPatient[2]) for group in groups]
    order = np.argsort(places)
    assert (order != np.arange(12)).any()
    frames = []
    for n in order:
        values = groups[n].PixelValueTransformationSequence[0]
        frames.append(
            one.pixel_array[n].T * float(values.RescaleSlope) + float(values.RescaleIntercept)
        )
    assert series.truth is not None
    assert (air(np.stack(frames, axis=2)) == series.truth.array).all()
    assert "RescaleSlope" not in one


def test_extras_lie_apart(small: Head, tmp_path: Path) -> None:
    import pydicom

    series = write_series(
        small, tmp_path, faults=Faults(extras=("localizer", "screen", "secondary"))
    )
    kinds = [pydicom.dcmread(path) for path in series.extras]
    assert [one.ImageType[-1] for one in kinds] == ["LOCALIZER", "SCREEN SAVE", "SECONDARY"]
    assert all(one.pixel_array.any() for one in kinds)
    assert len(list(tmp_path.iterdir())) == 15


def test_header_faults_are_there(small: Head, tmp_path: Path) -> None:
    faults = Faults(
        empty_sop_class=True,
        no_modality=True,
        invalid_dates=True,
        odd_numbers=True,
        three_spacings=True,
        equal_numbers=True,
        monochrome1=True,
        no_position=(2,),
        other_spacing=7,
        rescale="not-hu",
    )
    series = write_series(small, tmp_path, faults=faults)
    found = [path.read_bytes() for path in series.files]
    assert all(b"20201340" in data for data in found)
    assert sum(b"004.000000E+00" in data for data in found) == 11
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        read = datasets(series)
        assert read[0].SOPClassUID == ""
        assert "Modality" not in read[0]
        assert len(read[0].PixelSpacing) == 3
        assert {one.InstanceNumber for one in read} == {1}
        assert [n for n, one in enumerate(read) if "ImagePositionPatient" not in one] == [2]
        assert [n for n, one in enumerate(read) if one.PixelSpacing[0] != 3.5] == [7]
        assert read[0].RescaleType == "US"


def test_a_truncated_slice_is_shorter(small: Head, tmp_path: Path) -> None:
    sizes = [
        path.stat().st_size
        for path in write_series(small, tmp_path, faults=Faults(truncated=(2,))).files
    ]
    assert sizes.index(min(sizes)) == 2
    assert min(sizes) < 0.7 * max(sizes)


@pytest.mark.parametrize(
    "faults",
    [Faults(no_preamble=True), Faults(no_meta=True), Faults(no_meta=True, syntax="implicit")],
    ids=["preamble", "meta", "meta-implicit"],
)
def test_files_without_their_beginning_still_hold_a_slice(
    small: Head, tmp_path: Path, faults: Faults
) -> None:
    series = write_series(small, tmp_path, faults=faults)
    assert series.files[0].read_bytes()[128:132] != b"DICM"
    one = datasets(series)[0]
    assert one.Rows == 64
    assert len(one.PixelData) == 60 * 64 * 2


def test_a_sign_mismatch_is_in_the_codestream(small: Head, tmp_path: Path) -> None:
    from pydicom.encaps import generate_frames

    signs = {}
    for mismatch in (False, True):
        faults = Faults(syntax="jpeg-2000", sign_mismatch=mismatch)
        one = datasets(write_series(small, tmp_path / str(mismatch), faults=faults))[0]
        stream = next(generate_frames(one.PixelData, number_of_frames=1))
        signs[mismatch] = (one.PixelRepresentation, stream[stream.index(b"\xff\x51") + 40] >> 7)
    assert signs == {False: (1, 1), True: (1, 0)}


def test_two_phases_share_a_series_and_two_studies_a_number(small: Head, tmp_path: Path) -> None:
    series = write_series(small, tmp_path, faults=Faults(phases=2, studies=2))
    found = datasets(series)
    assert len({one.SeriesNumber for one in found}) == 1
    assert (
        len({one.SeriesInstanceUID for one in found})
        == len({one.StudyInstanceUID for one in found})
        == 2
    )
    assert len({one.AcquisitionNumber for one in found}) == 2
    assert len(series.truths) == 4
    assert (series.truths[0].array != series.truths[1].array).any()


def test_a_volume_is_written_too_but_not_tilted(small: Head, tmp_path: Path) -> None:
    series = write_series(small.image, tmp_path / "volume")
    assert (air(read_by_sitk(series)[0]) == series.truth.array).all()  # type: ignore[union-attr]
    with pytest.raises(GeometryError, match="Head"):
        write_series(small.image, tmp_path / "tilted", faults=Faults(tilt_deg=10))
    assert not (tmp_path / "tilted").exists()


def test_what_cannot_be_is_said_before_anything_is_written(small: Head, tmp_path: Path) -> None:
    with pytest.raises(GeometryError, match="slice 12"):
        write_series(small, tmp_path / "a", faults=Faults(missing=(12,)))
    assert not (tmp_path / "a").exists()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    with pytest.raises(WriteError, match="not empty"):
        write_series(small, tmp_path / "full")
    with pytest.raises(PipelineError, match="needs syntax='jpeg-2000'"):
        Faults(sign_mismatch=True)
    with pytest.raises(PipelineError, match="expected one of"):
        Faults(padding="air")  # type: ignore[arg-type]


def test_the_patient_is_made_up(small: Head, tmp_path: Path) -> None:
    one = datasets(write_series(small, tmp_path))[0]
    assert one.PatientName == "Phantom^Head"
    assert json.loads(one.to_json())["00100020"]["Value"] == ["PHANTOM"]
