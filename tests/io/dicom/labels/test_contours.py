"""Promises about contours: on the slices that they were drawn on, at any position, no guesses."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import hounsfield as hu
from tests.io.dicom.labels.conftest import Scan
from tests.io.dicom.labels.structures import Line, ball_lines, write_structures

CENTRE = np.array([4.0, -7.0, 3.0])
RADIUS_MM = 27.0
SQUARE = [(20, 20), (40, 20), (40, 40), (20, 40)]
INNER = [(26, 26), (34, 26), (34, 34), (26, 34)]
ASIDE = [(50, 20), (60, 20), (60, 30), (50, 30)]
Get = Callable[[str], Scan]


def square(pixels: list[tuple[int, int]]) -> np.ndarray:
    """The pixels of a square by indices."""
    (low_i, low_j), _, (high_i, high_j), _ = pixels
    mask = np.zeros((70, 66), bool)
    mask[low_i:high_i, low_j:high_j] = True
    return mask


def on_slice(scan: Scan, tmp_path: Path, lines: list[Line], k: int = 5) -> np.ndarray:
    """What contours on slice k of a plain series give there."""
    path = write_structures(tmp_path / "rs.dcm", [("a", lines)])
    mask = hu.read_labels(path, image=scan.stack)["a"].array
    assert not np.delete(mask, k, axis=2).any()
    return mask[:, :, k] > 0


def ball(grid: hu.Grid) -> np.ndarray:
    """The voxels whose centres lie in the ball."""
    world = grid.world(np.moveaxis(np.indices(grid.shape), 0, -1))
    return np.linalg.norm(world - CENTRE, axis=-1) <= RADIUS_MM


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize(
    ("kind", "least"),
    [
        ("plain", 0.995),
        ("oblique", 0.995),
        ("sagittal", 0.995),
        ("tilted", 0.97),
        ("uneven", 0.95),
        ("both", 0.95),
    ],
)
def test_a_ball_drawn_on_a_series_is_a_ball_in_the_world(
    scan: Get, tmp_path: Path, kind: str, least: float, named: bool
) -> None:
    """Tilted and uneven stacks too: drawn on the original slices, then sampled like the image."""
    this = scan(kind)
    path = write_structures(
        tmp_path / "rs.dcm", [("ball", ball_lines(this.planes, CENTRE, RADIUS_MM, named=named))]
    )
    mask = hu.read_labels(path, image=this.stack)["ball"]
    truth = ball(this.stack.grid)
    assert mask.grid == this.stack.grid
    found = mask.array > 0
    assert 2 * (found & truth).sum() / (found.sum() + truth.sum()) > least
    middle = mask.grid.world(np.argwhere(found)).mean(axis=0)
    assert np.abs(middle - CENTRE).max() < 0.5


def test_an_enhanced_series_takes_contours_by_their_place(scan: Get, tmp_path: Path) -> None:
    lines = ball_lines(scan("plain").planes, CENTRE, RADIUS_MM, named=False)
    path = write_structures(tmp_path / "rs.dcm", [("ball", lines)])
    classic, enhanced = (
        hu.read_labels(path, image=scan(kind).stack)["ball"] for kind in ("plain", "enhanced")
    )
    assert np.array_equal(classic.array, enhanced.array)


def test_a_contour_within_another_is_a_hole_and_one_aside_a_part(scan: Get, tmp_path: Path) -> None:
    this = scan("plain")
    lines = [Line(this.planes[5].points(pixels)) for pixels in (SQUARE, INNER, ASIDE)]
    found = on_slice(this, tmp_path, lines)
    assert np.array_equal(found, square(SQUARE) & ~square(INNER) | square(ASIDE))


def test_contours_that_cross_are_said(scan: Get, tmp_path: Path) -> None:
    this = scan("plain")
    shifted = [(i + 10, j) for i, j in SQUARE]
    with pytest.warns(hu.HounsfieldWarning, match="1 pair of crossing contours on one slice"):
        found = on_slice(
            this, tmp_path, [Line(this.planes[5].points(pixels)) for pixels in (SQUARE, shifted)]
        )
    assert np.array_equal(found, square(SQUARE) ^ square(shifted))


def test_a_contour_that_is_there_twice_does_not_vanish(scan: Get, tmp_path: Path) -> None:
    this = scan("plain")
    with pytest.warns(hu.HounsfieldWarning, match="1 duplicate contour dropped"):
        found = on_slice(this, tmp_path, [Line(this.planes[5].points(SQUARE))] * 2)
    assert np.array_equal(found, square(SQUARE))


def test_points_and_open_lines_are_left_out_and_said(scan: Get, tmp_path: Path) -> None:
    this = scan("plain")
    lines = [
        Line(this.planes[5].points(SQUARE)),
        Line(this.planes[5].points(INNER), kind="OPEN_PLANAR"),
        Line(this.planes[5].points(INNER[:1]), kind="POINT"),
    ]
    with pytest.warns(hu.HounsfieldWarning, match=r"2 open contours \(or points\) ignored"):
        assert np.array_equal(on_slice(this, tmp_path, lines), square(SQUARE))


def test_a_contour_goes_to_the_slice_that_it_names_where_its_place_is_rounded(
    scan: Get, tmp_path: Path
) -> None:
    this = scan("plain")
    plane = this.planes[5]
    lines = [Line(plane.points(SQUARE) + 0.04 * plane.normal, instance=plane.instance)]
    assert np.array_equal(on_slice(this, tmp_path, lines), square(SQUARE))


@pytest.mark.parametrize(
    ("lift_mm", "named", "code"),
    [
        (1.0, False, "BETWEEN_SLICES"),
        (2.0, True, "BETWEEN_SLICES"),
        (12.0, True, "MISPLACED_CONTOUR"),
    ],
)
def test_a_contour_off_its_slice_is_refused(
    scan: Get, tmp_path: Path, lift_mm: float, named: bool, code: str
) -> None:
    plane = scan("plain").planes[5]
    line = Line(
        plane.points(SQUARE) + lift_mm * plane.normal, instance=plane.instance if named else ""
    )
    path = write_structures(tmp_path / "rs.dcm", [("a", [line])])
    with pytest.raises(hu.RefusedError) as caught:
        hu.read_labels(path, image=scan("plain").stack)
    assert caught.value.codes == (code,)


def test_a_contour_across_slices_is_refused(scan: Get, tmp_path: Path) -> None:
    plane = scan("plain").planes[5]
    points = plane.points(SQUARE)
    points[2:] += 8 * plane.normal
    path = write_structures(tmp_path / "rs.dcm", [("a", [Line(points)])])
    with pytest.raises(hu.RefusedError) as caught:
        hu.read_labels(path, image=scan("plain").stack)
    assert caught.value.codes == ("ACROSS_SLICES",)


def test_contours_beyond_the_image_are_left_out_and_said(scan: Get, tmp_path: Path) -> None:
    this = scan("plain")
    far = replace(this.planes[-1], origin=this.planes[-1].origin + 30 * this.planes[-1].normal)
    lines = [Line(this.planes[5].points(SQUARE)), Line(far.points(SQUARE))]
    with pytest.warns(hu.HounsfieldWarning, match="1 contour outside the slices of the image"):
        assert np.array_equal(on_slice(this, tmp_path, lines), square(SQUARE))


def test_contours_cut_by_the_border_are_said(scan: Get, tmp_path: Path) -> None:
    this = scan("plain")
    wide = [(-9, 20), (40, 20), (40, 40), (-9, 40)]
    with pytest.warns(hu.HounsfieldWarning, match="clipped at the border of the image"):
        found = on_slice(this, tmp_path, [Line(this.planes[5].points(wide))])
    assert np.array_equal(found, square([(0, 20), (40, 20), (40, 40), (0, 40)]))


def test_slices_without_a_contour_between_others_are_said(scan: Get, tmp_path: Path) -> None:
    this = scan("plain")
    lines = [Line(this.planes[k].points(SQUARE)) for k in (2, 4, 6)]
    path = write_structures(tmp_path / "rs.dcm", [("a", lines)])
    with pytest.warns(hu.HounsfieldWarning, match="one slice in 2 has a contour"):
        mask = hu.read_labels(path, image=this.stack)["a"].array
    assert np.flatnonzero(mask.any(axis=(0, 1))).tolist() == [2, 4, 6]


def test_another_frame_of_reference_is_said(scan: Get, tmp_path: Path) -> None:
    this = scan("plain")
    path = write_structures(
        tmp_path / "rs.dcm", [("a", [Line(this.planes[5].points(SQUARE))])], reference="1.9"
    )
    with pytest.warns(hu.HounsfieldWarning, match="another frame of reference"):
        hu.read_labels(path, image=this.stack)


def test_a_region_without_contours_is_left_out_and_said(scan: Get, tmp_path: Path) -> None:
    this = scan("plain")
    path = write_structures(
        tmp_path / "rs.dcm", [("none", []), ("a", ball_lines(this.planes, CENTRE, RADIUS_MM))]
    )
    with pytest.warns(hu.HounsfieldWarning, match="label 'none': no closed contour"):
        assert list(hu.read_labels(path, image=this.stack)) == ["a"]


def test_one_message_names_all_regions_with_the_same_fault(scan: Get, tmp_path: Path) -> None:
    this = scan("plain")
    wide = [(-9, 20), (40, 20), (40, 40), (-9, 40)]
    far = replace(this.planes[-1], origin=this.planes[-1].origin + 30 * this.planes[-1].normal)
    lines = [Line(this.planes[k].points(wide)) for k in (4, 5)] + [Line(far.points(SQUARE))]
    regions = [(f"region{n}", lines) for n in range(5)] + [("none", []), ("nil", [])]
    path = write_structures(tmp_path / "rs.dcm", regions)
    with pytest.warns(hu.HounsfieldWarning) as caught:
        hu.read_labels(path, image=this.stack)
    messages = sorted(str(each.message) for each in caught)
    assert len(messages) == 3
    named = "labels 'region0', 'region1', 'region2' and 2 more: "
    assert "labels 'none', 'nil': no closed contour" in messages[0]
    assert f"{named}10 contours clipped at the border" in messages[1]
    assert f"{named}5 contours outside the slices" in messages[2]


def test_a_contour_between_pixel_centres_gives_an_empty_mask_and_that_is_said(
    scan: Get, tmp_path: Path
) -> None:
    this = scan("plain")
    tiny = [(20.2, 20.2), (20.4, 20.2), (20.4, 20.4)]
    path = write_structures(tmp_path / "rs.dcm", [("tiny", [Line(this.planes[5].points(tiny))])])
    with pytest.warns(hu.HounsfieldWarning, match="label 'tiny': no voxel centre"):
        assert not hu.read_labels(path, image=this.stack)["tiny"].array.any()


def test_slices_that_were_filled_in_hold_no_label_and_that_is_said(
    scan: Get, tmp_path: Path
) -> None:
    this = scan("plain")
    (tmp_path / "part").mkdir()
    for k, file in enumerate(this.series.files):
        if k != 6:
            (tmp_path / "part" / file.name).write_bytes(file.read_bytes())
    stack = hu.open(tmp_path / "part", gaps="fill")
    path = write_structures(
        tmp_path / "rs.dcm", [("a", [Line(this.planes[k].points(SQUARE)) for k in (5, 7)])]
    )
    with pytest.warns(
        hu.HounsfieldWarning, match="1 slices of the image are interpolated; labels are empty"
    ):
        mask = hu.read_labels(path, image=stack)["a"].array
    assert np.flatnonzero(mask.any(axis=(0, 1))).tolist() == [5, 7]


def test_labels_are_read_from_an_archive(scan: Get, tmp_path: Path) -> None:
    this = scan("plain")
    path = write_structures(
        tmp_path / "rs.dcm", [("a", ball_lines(this.planes, CENTRE, RADIUS_MM))]
    )
    with zipfile.ZipFile(tmp_path / "rs.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(path, "x/rs.dcm")
    packed, plain = (
        hu.read_labels(name, image=this.stack)["a"] for name in (tmp_path / "rs.zip", path)
    )
    assert np.array_equal(packed.array, plain.array)


def test_an_archive_that_leads_out_of_itself_is_refused(scan: Get, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "rs.zip", "w") as archive:
        archive.writestr("../rs.dcm", b"x")
    with pytest.raises(hu.RefusedError):
        hu.read_labels(tmp_path / "rs.zip", image=scan("plain").stack)


def test_mutants_of_contours_give_masks_or_our_own_error(scan: Get, tmp_path: Path) -> None:
    this = scan("plain")
    path = write_structures(
        tmp_path / "rs.dcm", [("a", ball_lines(this.planes, CENTRE, RADIUS_MM))]
    )
    whole, generator = path.read_bytes(), np.random.default_rng(12)
    for turn in range(80):
        data = bytearray(whole[: len(whole) * turn // 80] if turn % 4 == 0 else whole)
        for place in generator.integers(132, 9000, 8):
            if data:
                data[place % len(data)] = generator.integers(256)
        path.write_bytes(bytes(data))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", hu.HounsfieldWarning)
            try:
                found = hu.read_labels(path, image=this.stack)
            except hu.HounsfieldError:
                continue
        assert all(mask.shape == this.stack.shape for mask in found.values())


@pytest.mark.parametrize(
    "text", ["1\\2", "1\\2\\x", "nan\\0\\0\\1\\1\\1\\2\\2\\2", "1e300\\0\\0\\1\\1\\1\\2\\2\\2"]
)
def test_points_that_are_no_points_are_an_error(scan: Get, tmp_path: Path, text: str) -> None:
    this = scan("plain")
    path = write_structures(tmp_path / "rs.dcm", [("a", [Line(this.planes[5].points(SQUARE))])])
    data = path.read_bytes()
    start = data.index(b"\x06\x30\x50\x00DS") + 8
    length = int.from_bytes(data[start - 2 : start], "little")
    path.write_bytes(data[:start] + text.encode().ljust(length)[:length] + data[start + length :])
    with pytest.raises(hu.ReadError):
        hu.read_labels(path, image=this.stack)
