"""Promises about DICOM SEG: every kind, frames in any order, at their own places, on any image."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest

import hounsfield as hu
from tests.io.dicom.labels.conftest import SHAPE, Scan
from tests.io.dicom.labels.segments import BYTES_OF_RLE, shuffle_frames, write_segments

Get = Callable[[str], Scan]
NAMES = ["left", "right"]


@pytest.fixture
def masks() -> np.ndarray:
    """Two overlapping asymmetric segments (frame, row, column, segment), with an empty slice."""
    return masks_for(SHAPE)


def masks_for(shape: tuple[int, int, int]) -> np.ndarray:
    made = np.zeros((*shape[::-1], 2), np.uint8)
    made[2:9, 3:40, 5:30, 0] = 1
    made[5:12, 7:50, 20:60, 1] = 1
    made[6] = 0
    made[..., 0] &= np.random.default_rng(3).integers(0, 2, made.shape[:3], dtype=np.uint8)
    return made


def as_ours(masks: np.ndarray, n: int) -> np.ndarray:
    """Segment n as (i, j, k)."""
    return masks[..., n].transpose(2, 1, 0) > 0


@pytest.mark.parametrize("kind", ["plain", "oblique", "sagittal"])
@pytest.mark.parametrize("shuffled", [False, True])
def test_frames_in_any_order_lie_at_their_places(
    scan: Get, tmp_path: Path, kind: str, shuffled: bool
) -> None:
    this = scan(kind)
    masks = masks_for(this.stack.shape)
    path = write_segments(tmp_path / "s.dcm", this.series.files, masks, names=NAMES)
    if shuffled:
        shuffle_frames(path, seed=1)
    for image in (this.stack, this.stack.volume()):
        found = hu.read_labels(path, image=image)
        assert list(found) == NAMES
        for n, name in enumerate(NAMES):
            assert found[name].quantity == "mask"
            assert np.array_equal(found[name].array > 0, as_ours(masks, n))


@pytest.mark.parametrize("syntax", [pydicom.uid.ExplicitVRLittleEndian, BYTES_OF_RLE])
def test_fractional_segments_are_cut_at_half_and_that_is_said(
    scan: Get, tmp_path: Path, masks: np.ndarray, syntax: str
) -> None:
    this = scan("plain")
    shares = np.random.default_rng(4).uniform(0, 1, masks.shape).astype(np.float32) * masks
    path = write_segments(
        tmp_path / "s.dcm", this.series.files, shares, names=NAMES, kind="FRACTIONAL", syntax=syntax
    )
    if syntax != BYTES_OF_RLE:
        shuffle_frames(path, seed=2)
    with pytest.warns(hu.HounsfieldWarning, match="at least half of 255"):
        found = hu.read_labels(path, image=this.stack)
    for n, name in enumerate(NAMES):
        assert np.array_equal(
            found[name].array > 0, np.around(shares[..., n].transpose(2, 1, 0) * 255) >= 127.5
        )


def test_a_label_map_gives_one_mask_for_each_segment(
    scan: Get, tmp_path: Path, masks: np.ndarray
) -> None:
    this = scan("plain")
    values = np.where(masks[..., 1] > 0, 2, masks[..., 0]).astype(np.uint8)
    path = write_segments(
        tmp_path / "s.dcm", this.series.files, values, names=NAMES, kind="LABELMAP"
    )
    found = hu.read_labels(path, image=this.stack)
    assert list(found) == NAMES
    for n, name in enumerate(NAMES, 1):
        assert np.array_equal(found[name].array > 0, values.transpose(2, 1, 0) == n)


def test_a_segment_without_frames_is_an_empty_mask(
    scan: Get, tmp_path: Path, masks: np.ndarray
) -> None:
    this = scan("plain")
    masks[..., 1] = 0
    found = hu.read_labels(
        write_segments(tmp_path / "s.dcm", this.series.files, masks, names=NAMES), image=this.stack
    )
    assert found["left"].array.any()
    assert not found["right"].array.any()


@pytest.mark.parametrize("kind", ["tilted", "uneven", "both"])
def test_segments_of_a_tilted_or_uneven_series_go_through_the_images_sampling(
    scan: Get, tmp_path: Path, kind: str
) -> None:
    """What is bright in the slices is bright in the volume, and the segment of it lies there."""
    this = scan(kind)
    slices = [pydicom.dcmread(file) for file in this.series.files]
    hu_values = np.stack(
        [one.pixel_array * float(one.RescaleSlope) + float(one.RescaleIntercept) for one in slices]
    )
    path = write_segments(
        tmp_path / "s.dcm", this.series.files, (hu_values > 300).astype(np.uint8), names=["bone"]
    )
    mask = hu.read_labels(path, image=this.stack)["bone"]
    volume = this.stack.volume()
    assert mask.grid == volume.grid
    found, bright = mask.array > 0, volume.array > 300
    assert 2 * (found & bright).sum() / (found.sum() + bright.sum()) > 0.9


@pytest.mark.parametrize("kind", ["tilted", "uneven"])
def test_segments_of_an_uneven_series_on_another_image(
    scan: Get, tmp_path: Path, masks: np.ndarray, kind: str
) -> None:
    """Tilted even frames form a sheared grid; uneven ones fit only their source slices."""
    path = write_segments(tmp_path / "s.dcm", scan(kind).series.files, masks, names=NAMES)
    if kind == "uneven":
        with pytest.raises(hu.RefusedError) as caught:
            hu.read_labels(path, image=scan("plain").stack)
        assert caught.value.codes == ("UNEVEN",)
        return
    with pytest.warns(hu.HounsfieldWarning, match="has another grid"):
        found = hu.read_labels(path, image=scan("plain").stack)["right"]
    plane = scan(kind).planes[8]
    place = scan("plain").stack.grid.index(plane.points([(40, 40)]))[0]
    i, j, k = np.rint(place).astype(int)
    assert found.array[i, j, k] == 1


def test_a_segmentation_of_a_crop_is_copied_to_its_place(
    scan: Get, tmp_path: Path, masks: np.ndarray
) -> None:
    this = scan("plain")
    path = write_segments(tmp_path / "s.dcm", this.series.files, masks, names=NAMES)
    grid = this.stack.grid.boxed((7, -2, 3), (40, 50, 14))
    image = hu.Volume.from_array(np.zeros(grid.shape, np.int16), affine=grid.affine)
    with pytest.warns(hu.HounsfieldWarning, match="voxels copied"):
        found = hu.read_labels(path, image=image)["right"]
    assert np.array_equal(found.array[:, 2:, :11] > 0, as_ours(masks, 1)[7:47, :48, 3:])
    assert not found.array[:, :2].any()


def test_a_segmentation_on_coarser_voxels_is_where_it_fills_over_half(
    scan: Get, tmp_path: Path, masks: np.ndarray
) -> None:
    this = scan("plain")
    path = write_segments(tmp_path / "s.dcm", this.series.files, masks[..., 1:], names=["box"])
    grid = this.stack.grid.resampled(spacing_mm=(6.0, 6.0, 6.0))
    image = hu.Volume.from_array(np.zeros(grid.shape, np.int16), affine=grid.affine)
    with pytest.warns(hu.HounsfieldWarning, match="over half"):
        found = hu.read_labels(path, image=image)["box"]
    share = as_ours(masks, 1).reshape(35, 2, 33, 2, 14).mean(axis=(1, 3))
    assert np.array_equal(found.array > 0, share > 0.5)


def test_a_segmentation_elsewhere_is_refused(scan: Get, tmp_path: Path, masks: np.ndarray) -> None:
    this = scan("plain")
    path = write_segments(tmp_path / "s.dcm", this.series.files, masks, names=NAMES)
    grid = this.stack.grid.boxed((200, 0, 0), (10, 10, 10))
    image = hu.Volume.from_array(np.zeros(grid.shape, np.int16), affine=grid.affine)
    with pytest.raises(hu.RefusedError) as caught:
        hu.read_labels(path, image=image)
    assert caught.value.codes == ("OUTSIDE_IMAGE",)


def test_two_frames_of_a_segment_at_one_place_are_refused(
    scan: Get, tmp_path: Path, masks: np.ndarray
) -> None:
    this = scan("plain")
    path = write_segments(tmp_path / "s.dcm", this.series.files, masks, names=NAMES)
    data = pydicom.dcmread(path)
    groups = data.PerFrameFunctionalGroupsSequence
    groups[1].PlanePositionSequence = groups[0].PlanePositionSequence
    data.save_as(path)
    with pytest.raises(hu.ReadError, match="two frames"):
        hu.read_labels(path, image=this.stack)


@pytest.mark.parametrize(
    "change",
    [
        {"Rows": 65535, "Columns": 65535},
        {"NumberOfFrames": 2**31 - 1},
        {"BitsAllocated": 8},
        {"SegmentationType": "X"},
        {"PixelData": b"\0\0"},
        {"NumberOfFrames": 3},
        {"SharedFunctionalGroupsSequence": []},
        {"SegmentSequence": []},
    ],
)
def test_a_broken_segmentation_is_our_own_error(
    scan: Get, tmp_path: Path, masks: np.ndarray, change: dict[str, object]
) -> None:
    this = scan("plain")
    path = write_segments(tmp_path / "s.dcm", this.series.files, masks, names=NAMES)
    data = pydicom.dcmread(path)
    for keyword, value in change.items():
        setattr(data, keyword, value)
    data.save_as(path)
    with pytest.raises(hu.HounsfieldError):
        hu.read_labels(path, image=this.stack)


def test_mutants_of_labels_give_masks_or_our_own_error(
    scan: Get, tmp_path: Path, masks: np.ndarray
) -> None:
    this = scan("plain")
    whole = write_segments(tmp_path / "s.dcm", this.series.files, masks, names=NAMES).read_bytes()
    generator = np.random.default_rng(11)
    for _ in range(60):
        data = bytearray(whole)
        for place in generator.integers(132, 12000, 6):
            data[place] = generator.integers(256)
        (tmp_path / "m.dcm").write_bytes(bytes(data))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", hu.HounsfieldWarning)
            try:
                found = hu.read_labels(tmp_path / "m.dcm", image=this.stack)
            except hu.HounsfieldError:
                continue
        assert all(mask.shape == this.stack.shape for mask in found.values())
