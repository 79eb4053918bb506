"""Every row of the table of what arrives in the wild: its outcome, its code."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from hounsfield.core.errors import HounsfieldError, ReadError, RefusedError
from hounsfield.core.policy import ReadPolicy
from hounsfield.core.stack import Stack
from hounsfield.io.dicom.read import open_dicom
from hounsfield.io.dicom.report import scan_dicom
from hounsfield.io.report import Inspection
from tests.io.dicom.scanner import COLUMNS, ROWS, Change, slice_of, truth, write


def read(path: Path, **policy: str) -> Stack:
    return open_dicom(path, policy=ReadPolicy(**policy))  # type: ignore[arg-type]


def stored(stack: Stack) -> np.ndarray:
    """RawImage values as they were written, (k, row, column)."""
    return stack.slab(0, stack.shape[2]).transpose(2, 1, 0)


def refusal(path: Path, **policy: str) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        read(path, **policy)
    assert "SECRET" not in str(caught.value)
    return caught.value


def codes(scan: Inspection) -> set[str]:
    return {reason.code for report in scan for reason in report.reasons}


def diagnostics(stack: Stack) -> set[str]:
    return {diagnostic.code for diagnostic in stack.diagnostics}


def setting(**values: object) -> Change:
    def change(data: Dataset, k: int) -> None:
        for name, value in values.items():
            setattr(data, name, value)

    return change


def test_order_is_by_position_and_never_by_number_or_name(tmp_path: Path) -> None:
    pixels = truth(7)
    write(tmp_path, pixels)
    assert np.array_equal(stored(read(tmp_path)), pixels)


def test_place_follows_the_vectors(tmp_path: Path) -> None:
    write(tmp_path, truth(4))
    grid = read(tmp_path).grid
    assert grid.orientation == "LPS"
    assert np.allclose(
        grid.affine, [[-0.75, 0, 0, -10], [0, -0.5, 0, -20], [0, 0, 2, 0], [0, 0, 0, 1]]
    )


def test_missing_slice_is_refused_with_its_mm(tmp_path: Path) -> None:
    write(tmp_path, truth(8), skip=[3])
    error = refusal(tmp_path)
    assert error.codes == ("GAP",)
    assert "4 mm" in str(error)
    assert "slices 3 and 4" in str(error)
    assert scan_dicom(tmp_path)[0].verdict == "refused"


def test_missing_slices_are_filled_on_request_and_marked_as_invented(tmp_path: Path) -> None:
    pixels = truth(9)
    write(tmp_path, pixels, skip=[3, 4])
    stack = read(tmp_path, gaps="fill")
    assert stack.interpolated == tuple(k in (3, 4) for k in range(9))
    assert stack.is_regular
    values = stored(stack)
    real = [k for k in range(9) if k not in (3, 4)]
    assert np.array_equal(values[real], pixels[real])
    between = pixels[2] + (pixels[5].astype(float) - pixels[2]) / 3
    assert np.abs(values[3] - between).max() <= 0.5
    assert np.array_equal(stack.slab(3, 5), stack.slab(0, 9)[:, :, 3:5])
    assert "GAP" in diagnostics(stack)


def test_wide_gap_between_thick_slices_is_uneven_and_no_gap(tmp_path: Path) -> None:
    heights = [0, 5, 10, 15, 20, 30, 40, 50]

    def thicken(data: Dataset, k: int) -> None:
        data.SliceThickness = 5.0 if k < 5 else 10.0

    write(tmp_path, truth(8), positions=[(0, 0, z) for z in heights], change=thicken)
    stack = read(tmp_path)
    assert "UNEVEN" in diagnostics(stack)
    assert "GAP" not in diagnostics(stack)
    assert stack.gaps_mm.tolist() == pytest.approx(np.diff(heights).tolist())


def test_same_gap_between_slices_of_one_thickness_is_a_gap(tmp_path: Path) -> None:
    write(tmp_path, truth(8), positions=[(0, 0, z) for z in [0, 5, 10, 15, 20, 30, 40, 50]])
    assert "GAP" in refusal(tmp_path).codes


def test_hole_that_is_no_multiple_of_the_gap_is_a_gap_too(tmp_path: Path) -> None:
    write(tmp_path, truth(8), positions=[(0, 0, z) for z in [0, 2, 4, 6, 12.9, 14.9, 16.9, 18.9]])
    assert "GAP" in refusal(tmp_path).codes


def test_missing_slice_among_thick_ones_is_still_a_gap(tmp_path: Path) -> None:
    def thicken(data: Dataset, k: int) -> None:
        data.SliceThickness = 5.0 if k < 5 else 10.0

    write(
        tmp_path,
        truth(8),
        positions=[(0, 0, z) for z in [0, 5, 10, 15, 20, 30, 50, 60]],
        change=thicken,
    )
    assert "GAP" in refusal(tmp_path).codes


def test_duplicate_of_the_same_pixels_is_dropped_and_said(tmp_path: Path) -> None:
    pixels = truth(5)
    paths = write(tmp_path, pixels)
    again = slice_of(pixels[2], position=(10, 20, 4.0), uid=_uid(paths[0]))
    again.InstanceNumber = 99
    again.save_as(tmp_path / "again", enforce_file_format=True)
    stack = read(tmp_path)
    assert np.array_equal(stored(stack), pixels)
    assert "DUPLICATE" in diagnostics(stack)


def test_duplicate_of_other_pixels_is_refused(tmp_path: Path) -> None:
    pixels = truth(5)
    paths = write(tmp_path, pixels)
    again = slice_of(pixels[2] + 1, position=(10, 20, 4.0), uid=_uid(paths[0]))
    again.save_as(tmp_path / "again", enforce_file_format=True)
    assert "DUPLICATE" in refusal(tmp_path).codes


def test_one_uid_for_all_files_loses_no_slice(tmp_path: Path) -> None:
    pixels = truth(5)
    write(tmp_path, pixels, change=setting(SOPInstanceUID="1.2.3"))
    assert np.array_equal(stored(read(tmp_path)), pixels)


def test_copy_whose_pixels_differ_is_refused_though_its_uid_is_the_same(tmp_path: Path) -> None:
    paths = write(tmp_path, truth(5))
    data = bytearray(paths[1].read_bytes())
    data[-40] ^= 1
    (tmp_path / "copy").write_bytes(bytes(data))
    assert "DUPLICATE" in refusal(tmp_path).codes


def test_copy_of_a_file_changes_nothing(tmp_path: Path) -> None:
    pixels = truth(5)
    paths = write(tmp_path, pixels)
    (tmp_path / "copy").write_bytes(paths[1].read_bytes())
    assert np.array_equal(stored(read(tmp_path)), pixels)


@pytest.mark.parametrize(
    "how", ["acquisition", "time", "per slice", "instance", "temporal", "energy"]
)
def test_two_phases_in_one_series_are_split(tmp_path: Path, how: str) -> None:
    first, second = truth(6), truth(6, seed=2)
    uid = generate_uid()

    def told(turn: int) -> Change:
        def change(data: Dataset, k: int) -> None:
            data.InstanceNumber = 1 if how != "instance" else turn * 6 + k + 1
            if how == "acquisition":
                data.AcquisitionNumber = turn + 1
            elif how == "time":
                data.AcquisitionTime = f"1015{30 + 20 * turn + k}.25"
            elif how == "per slice":
                data.AcquisitionNumber = turn * 6 + k + 1
            elif how == "energy":
                data.ImageType = ["DERIVED", "PRIMARY", "AXIAL", ("LOW", "HIGH")[turn]]
            elif how == "temporal":
                data.TemporalPositionIdentifier = turn + 1

        return change

    write(tmp_path / "x", first, change=told(0), name="a", uid=uid)
    write(tmp_path / "x", second, change=told(1), name="b", uid=uid)
    error = refusal(tmp_path)
    assert "MULTI_PHASE" in error.codes
    reports = scan_dicom(tmp_path)
    assert [report.slices for report in reports] == [6, 6]
    assert len({report.id for report in reports}) == 2
    both = [
        stored(open_dicom(tmp_path, series=report.id, policy=ReadPolicy())) for report in reports
    ]
    if how == "energy":
        both.reverse()  # in order of the image types' names
    assert np.array_equal(both[0], first)
    assert np.array_equal(both[1], second)


def passes(folder: Path, *, offset_mm: float, thickness_mm: float) -> tuple[np.ndarray, np.ndarray]:
    """Two acquisitions of one series, each 8 slices every 2 mm, the second `offset_mm` further."""
    both, uid = (truth(8, seed=1), truth(8, seed=2)), generate_uid()
    for turn, pixels in enumerate(both):

        def change(data: Dataset, k: int, turn: int = turn) -> None:
            data.AcquisitionNumber, data.SliceThickness = turn + 1, thickness_mm

        places = [(10.0, 20.0, 2.0 * k + turn * offset_mm) for k in range(8)]
        write(folder, pixels, positions=places, change=change, name=f"{turn}-", uid=uid)
    return both


@pytest.mark.parametrize("offset_mm", [0.3, 1.0, 3.0])
def test_phases_whose_slices_lie_between_one_another_are_never_shuffled_into_one(
    tmp_path: Path, offset_mm: float
) -> None:
    first, second = passes(tmp_path, offset_mm=offset_mm, thickness_mm=2.0)
    with pytest.raises(RefusedError) as caught:
        read(tmp_path)
    assert caught.value.codes == ("MULTI_PHASE", "SEVERAL_SERIES")
    for report, pixels in zip(scan_dicom(tmp_path), (first, second), strict=True):
        assert np.array_equal(
            stored(open_dicom(tmp_path, series=report.id, policy=ReadPolicy())), pixels
        )


@pytest.mark.parametrize(("offset_mm", "thickness_mm"), [(1.0, 1.0), (16.0, 2.0)])
def test_passes_that_fill_or_follow_one_another_are_one_scan(
    tmp_path: Path, offset_mm: float, thickness_mm: float
) -> None:
    passes(tmp_path, offset_mm=offset_mm, thickness_mm=thickness_mm)
    assert read(tmp_path).shape[2] == 16


def test_micro_ct_slices_a_few_micrometres_apart_are_no_duplicates(tmp_path: Path) -> None:
    pixels = truth(5)
    write(
        tmp_path,
        pixels,
        positions=[(0, 0, 0.009 * k) for k in range(5)],
        change=setting(PixelSpacing=[0.009, 0.009], SliceThickness=0.009),
    )
    assert np.array_equal(stored(read(tmp_path)), pixels)


def test_pipe_is_an_error_and_never_waited_for(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ReadError):
        read(tmp_path / "pipe")


def test_uneven_slices_keep_their_true_positions(tmp_path: Path) -> None:
    heights = [0, 2, 4.3, 6, 8, 10.9, 12]
    write(tmp_path, truth(7), positions=[(0, 0, z) for z in heights])
    stack = read(tmp_path)
    assert np.allclose(stack.positions_mm - stack.positions_mm[0], heights)
    assert "UNEVEN" in diagnostics(stack)
    assert refusal(tmp_path, uneven="refuse").codes == ("UNEVEN",)


@pytest.mark.parametrize("degrees", [-20.0, 7.0, 18.5])
def test_tilt_is_found_from_positions_whatever_the_tag_says(tmp_path: Path, degrees: float) -> None:
    angle = np.radians(degrees)

    def lean(data: Dataset, k: int) -> None:
        data.ImageOrientationPatient = [
            1,
            0,
            0,
            0,
            round(np.cos(angle), 6),
            round(-np.sin(angle), 6),
        ]
        data.GantryDetectorTilt = -degrees

    write(tmp_path, truth(6), change=lean)
    stack = read(tmp_path)
    assert stack.tilt_deg == pytest.approx(abs(degrees), abs=1e-3)
    assert "TILT" in diagnostics(stack)
    assert scan_dicom(tmp_path)[0].tilt_deg == pytest.approx(abs(degrees), abs=1e-3)
    assert refusal(tmp_path, tilt="refuse").codes == ("TILT",)


def test_slope_and_intercept_are_each_slices_own(tmp_path: Path) -> None:
    def scale(data: Dataset, k: int) -> None:
        data.RescaleSlope, data.RescaleIntercept = 1 + k / 4, -1000 - k

    write(tmp_path, truth(4), change=scale)
    stack = read(tmp_path)
    assert stack.slopes.tolist() == [1, 1.25, 1.5, 1.75]
    assert stack.intercepts.tolist() == [-1000, -1001, -1002, -1003]


def test_localizer_screen_and_capture_in_the_folder_are_set_apart(tmp_path: Path) -> None:
    pixels = truth(5)
    paths = write(tmp_path, pixels)
    uid = _uid(paths[0])
    scout = slice_of(truth(1)[0], position=(0, 0, 0), uid=uid)
    scout.ImageType, scout.ImageOrientationPatient = (
        ["ORIGINAL", "PRIMARY", "LOCALIZER"],
        [0, 1, 0, 0, 0, -1],
    )
    screen = slice_of(np.zeros((ROWS, COLUMNS, 3), np.uint8), position=(0, 0, 0), uid=uid)
    screen.SamplesPerPixel, screen.PhotometricInterpretation, screen.PlanarConfiguration = (
        3,
        "RGB",
        0,
    )
    capture = slice_of(truth(1)[0], position=(0, 0, 0), uid=uid)
    capture.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    report = slice_of(truth(1)[0], position=(0, 0, 0), uid=generate_uid())
    report.Modality, report.SOPClassUID = "MR", "1.2.840.10008.5.1.4.1.1.4"
    for name, data in {
        "scout": scout,
        "screen": screen,
        "capture": capture,
        "report": report,
    }.items():
        data.save_as(tmp_path / name, enforce_file_format=True)
    (tmp_path / "notes.txt").write_text(
        "no DICOM here, but more than one hundred and thirty-two bytes of text " * 4
    )
    assert np.array_equal(stored(read(tmp_path)), pixels)
    scan = scan_dicom(tmp_path)
    assert {report.kind for report in scan} == {
        "axial",
        "localizer",
        "screen",
        "secondary",
        "not-ct",
    }
    assert {"LOCALIZER", "SCREEN", "SECONDARY", "NOT_CT"} <= codes(scan)
    assert [item.code for item in scan.other] == ["NOT_DICOM"]


def test_unlabelled_localizer_is_known_by_its_orientation(tmp_path: Path) -> None:
    pixels = truth(5)
    uid = _uid(write(tmp_path, pixels)[0])
    scout = slice_of(truth(1)[0], position=(0, 0, 0), uid=uid)
    scout.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]
    scout.save_as(tmp_path / "scout", enforce_file_format=True)
    assert np.array_equal(stored(read(tmp_path)), pixels)
    assert "MIXED_ORIENTATION" in codes(scan_dicom(tmp_path))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (setting(PixelSpacing=[0.6, 0.75]), "MIXED_SPACING"),
        (setting(ConvolutionKernel="B80s"), "MIXED_KERNEL"),
        (setting(ImageOrientationPatient=[1, 0, 0, 0, 0, 1]), "MIXED_ORIENTATION"),
    ],
)
def test_series_of_two_kinds_of_slices_is_split_and_never_mixed(
    tmp_path: Path, change: Change, code: str
) -> None:
    first, second = truth(6), truth(5, seed=3)
    uid = generate_uid()
    write(tmp_path, first, uid=uid)
    write(tmp_path, second, uid=uid, change=change, name="t")
    assert code in refusal(tmp_path).codes
    largest = max(scan_dicom(tmp_path), key=lambda report: report.slices)
    assert np.array_equal(
        stored(open_dicom(tmp_path, series=largest.id, policy=ReadPolicy())), first
    )


def test_one_slice_of_another_spacing_is_not_left_out_in_silence(tmp_path: Path) -> None:
    def odd(data: Dataset, k: int) -> None:
        if k == 5:
            data.PixelSpacing = [0.9, 0.9]

    write(tmp_path, truth(6), change=odd)
    assert "MIXED_SPACING" in refusal(tmp_path).codes


def test_two_series_ask_for_a_choice(tmp_path: Path) -> None:
    write(tmp_path / "a", truth(4), change=setting(SeriesNumber=2))
    write(tmp_path / "b", truth(5), change=setting(SeriesNumber=2))
    assert "SEVERAL_SERIES" in refusal(tmp_path).codes
    five = next(report for report in scan_dicom(tmp_path) if report.slices == 5)
    assert open_dicom(tmp_path, series=five.id, policy=ReadPolicy()).shape[2] == 5


def test_own_frame_of_reference_per_file_is_ignored_and_said(tmp_path: Path) -> None:
    def own(data: Dataset, k: int) -> None:
        data.FrameOfReferenceUID = generate_uid()

    write(tmp_path, truth(5), change=own)
    assert "OWN_REFERENCE" in diagnostics(read(tmp_path))


def test_two_frames_of_reference_are_two_parts(tmp_path: Path) -> None:
    def own(data: Dataset, k: int) -> None:
        data.FrameOfReferenceUID = f"1.2.{k // 4}"

    write(tmp_path, truth(8), change=own)
    assert "MIXED_REFERENCE" in refusal(tmp_path).codes


def test_monochrome1_is_presentation_and_changes_no_hu(tmp_path: Path) -> None:
    pixels = truth(3)
    write(tmp_path, pixels, change=setting(PhotometricInterpretation="MONOCHROME1"))
    assert np.array_equal(stored(read(tmp_path)), pixels)


def test_values_that_are_not_hu_are_refused_unless_assumed(tmp_path: Path) -> None:
    write(tmp_path, truth(3), change=setting(RescaleType="US"))
    assert refusal(tmp_path).codes == ("NOT_HU",)
    assert read(tmp_path, assume="hu").quantity == "hu"
    assert open_dicom(tmp_path, policy=ReadPolicy(), quantity="other").quantity == "other"
    assert scan_dicom(tmp_path)[0].quantity == "other"


def test_absent_rescale_is_not_hu_and_absent_type_is(tmp_path: Path) -> None:
    def bare(data: Dataset, k: int) -> None:
        del data.RescaleSlope, data.RescaleIntercept, data.RescaleType

    def untyped(data: Dataset, k: int) -> None:
        del data.RescaleType

    write(tmp_path / "bare", truth(3), change=bare)
    write(tmp_path / "untyped", truth(3), change=untyped)
    assert refusal(tmp_path / "bare").codes == ("NOT_HU",)
    assert read(tmp_path / "untyped").quantity == "hu"


@pytest.mark.parametrize("slope", ["0", "nan", "1e400", "abc", "1\\2"])
def test_slope_that_is_no_number_is_refused(tmp_path: Path, slope: str) -> None:
    paths = write(tmp_path, truth(3), change=setting(RescaleSlope="1.234567"))
    for path in paths:
        path.write_bytes(path.read_bytes().replace(b"1.234567", slope.ljust(8).encode()))
    assert "BAD_RESCALE" in refusal(tmp_path).codes


@pytest.mark.parametrize("kind", ["HU", "OD"])
def test_modality_lut_is_applied_and_is_hu_only_if_it_says_so(tmp_path: Path, kind: str) -> None:
    pixels = truth(3, high=50)
    table = np.random.default_rng(5).integers(0, 3000, 40).astype(np.uint16)

    def look_up(data: Dataset, k: int) -> None:
        del data.RescaleSlope, data.RescaleIntercept, data.RescaleType
        item = Dataset()
        item.add_new(0x00283002, "US", [40, 5, 16])
        item.ModalityLUTType = kind
        item.add_new(0x00283006, "OW", table.tobytes())
        data.ModalityLUTSequence = [item]

    write(tmp_path, pixels, change=look_up)
    if kind != "HU":
        assert refusal(tmp_path).codes == ("NOT_HU",)
    stack = open_dicom(tmp_path, policy=ReadPolicy(padding="keep"), quantity="other")
    assert np.array_equal(stored(stack), table[np.clip(pixels - 5, 0, 39)])
    assert stack.slopes.tolist() == [1, 1, 1]
    assert not stack.intercepts.any()


def test_truncated_pixels_are_refused_and_the_file_is_named(tmp_path: Path) -> None:
    paths = write(tmp_path, truth(4))
    data = paths[2].read_bytes()
    paths[2].write_bytes(data[:-11])
    error = refusal(tmp_path)
    assert error.codes == ("TRUNCATED",)
    assert paths[2].name in str(error)


def test_truncation_anywhere_is_an_error_and_never_zeros(tmp_path: Path) -> None:
    path = write(tmp_path, truth(1))[0]
    data = path.read_bytes()
    for point in np.linspace(0, len(data) - 1, 32).astype(int):
        path.write_bytes(data[:point])
        with pytest.raises(HounsfieldError):
            read(path)


@pytest.mark.parametrize("name", ["ImagePositionPatient", "ImageOrientationPatient"])
def test_slices_without_a_place_are_refused(tmp_path: Path, name: str) -> None:
    def lose(data: Dataset, k: int) -> None:
        if k == 1:
            delattr(data, name)

    write(tmp_path, truth(4), change=lose)
    assert set(refusal(tmp_path).codes) & {"NO_POSITION", "SEVERAL_SERIES"}
    assert "NO_POSITION" in codes(scan_dicom(tmp_path))


@pytest.mark.parametrize(
    "orientation", [[1, 0, 0, 1, 0, 0], [0, 0, 0, 0, 0, 0], [2, 0, 0, 0, 1, 0], [1, 0, 0]]
)
def test_vectors_that_are_no_axes_are_refused(tmp_path: Path, orientation: list[float]) -> None:
    write(tmp_path, truth(3), change=setting(ImageOrientationPatient=orientation))
    assert refusal(tmp_path).codes == ("NO_POSITION",)


def test_missing_pixel_spacing_is_refused(tmp_path: Path) -> None:
    def lose(data: Dataset, k: int) -> None:
        del data.PixelSpacing

    write(tmp_path, truth(3), change=lose)
    assert refusal(tmp_path).codes == ("NO_SPACING",)


@pytest.mark.parametrize("spacing_mm", [1e9, 1e-9])
def test_pixels_of_no_possible_size_are_refused(tmp_path: Path, spacing_mm: float) -> None:
    write(tmp_path, truth(3), change=setting(PixelSpacing=[spacing_mm, spacing_mm]))
    assert refusal(tmp_path).codes == ("NO_SPACING",)


@pytest.mark.parametrize("signed", [False, True])
def test_bits_beyond_the_stored_ones_are_dropped_and_signs_extended(
    tmp_path: Path, signed: bool
) -> None:
    pixels = truth(3, low=-2000 if signed else 0)
    words = (
        pixels.astype(np.int32) & 0xFFF | truth(3, high=16, seed=9).astype(np.int32) << 12
    ).astype(np.uint16)
    write(
        tmp_path, words, change=setting(BitsStored=12, HighBit=11, PixelRepresentation=int(signed))
    )
    assert np.array_equal(stored(read(tmp_path)), pixels)


def test_high_bit_places_the_value_within_the_word(tmp_path: Path) -> None:
    pixels = truth(3)
    write(tmp_path, (pixels.astype(np.uint16) << 4) | 7, change=setting(BitsStored=12, HighBit=15))
    assert np.array_equal(stored(read(tmp_path)), pixels)


@pytest.mark.parametrize(
    ("orientation", "letters", "kind"),
    [
        ([1, 0, 0, 0, 1, 0], "LPS", "axial"),
        ([-1, 0, 0, 0, -1, 0], "RAS", "axial"),
        ([-1, 0, 0, 0, 1, 0], "RPI", "axial"),
        ([1, 0, 0, 0, 0, -1], "LIP", "coronal"),
        ([0, 1, 0, 0, 0, -1], "PIR", "sagittal"),
    ],
)
def test_nothing_is_assumed_axial(
    tmp_path: Path, orientation: list[float], letters: str, kind: str
) -> None:
    pixels = truth(5)
    across = np.cross(orientation[:3], orientation[3:])
    write(
        tmp_path,
        pixels,
        positions=[(across * 2.0 * k).tolist() for k in range(5)],
        change=setting(ImageOrientationPatient=orientation),
    )
    stack = read(tmp_path)
    assert stack.grid.orientation == letters
    assert np.array_equal(stored(stack), pixels)
    assert (scan_dicom(tmp_path)[0].kind, scan_dicom(tmp_path)[0].orientation) == (kind, letters)


def test_single_slice_has_the_thickness_of_its_header_and_says_so(tmp_path: Path) -> None:
    write(tmp_path, truth(1), change=setting(SliceThickness=3.5))
    stack = read(tmp_path)
    assert stack.grid.spacing_mm[2] == 3.5
    assert any(
        diagnostic.code == "SINGLE_SLICE" and "3.5 mm" in diagnostic.message
        for diagnostic in stack.diagnostics
    )


def test_odd_header_values_are_read_where_that_is_safe(tmp_path: Path) -> None:
    def odd(data: Dataset, k: int) -> None:
        data.add_new(0x00281053, "DS", "001.000000E+00")
        data.PixelSpacing = [0.5, 0.75, 2.0]
        data.StudyDate = data.AcquisitionDate = "00000000"
        data.AcquisitionTime = "noon"
        data.SOPClassUID = ""
        del data.Modality

    pixels = truth(3)
    import pydicom.config

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pydicom.config.settings, "_writing_validation_mode", pydicom.config.IGNORE)
        patch.setattr(pydicom.config.settings, "reading_validation_mode", pydicom.config.IGNORE)
        write(tmp_path, pixels, change=odd)
    stack = read(tmp_path)
    assert np.array_equal(stored(stack), pixels)
    assert "ASSUMED" in diagnostics(stack)


def test_no_preamble_and_no_meta_header_are_read(tmp_path: Path) -> None:
    pixels = truth(4)
    for k, path in enumerate(write(tmp_path, pixels)):
        data = path.read_bytes()
        meta = 132 + 12 + int.from_bytes(data[140:144], "little")
        path.write_bytes(data[132:] if k % 2 else data[meta:])
    assert np.array_equal(stored(read(tmp_path)), pixels)


def test_unreadable_neighbour_is_said(tmp_path: Path) -> None:
    paths = write(tmp_path, truth(4))
    (tmp_path / "broken").write_bytes(paths[0].read_bytes()[:200])
    assert "UNREADABLE" in diagnostics(read(tmp_path))
    assert [item.code for item in scan_dicom(tmp_path).other] == ["UNREADABLE"]


@pytest.mark.parametrize("missing", [8, 40, 200])
def test_last_slice_cut_before_its_pixels_never_makes_the_stack_shorter(
    tmp_path: Path, missing: int
) -> None:
    paths = write(tmp_path, truth(6))
    whole = paths[-1].read_bytes()
    paths[-1].write_bytes(whole[: whole.rindex(b"\xe0\x7f\x10\0") + 8 - missing])
    with pytest.raises(RefusedError) as caught:
        read(tmp_path)
    assert caught.value.codes == ("NO_PIXELS",)
    (report,) = scan_dicom(tmp_path)
    assert report.verdict == "refused"


@pytest.mark.parametrize("left", [0, 100, 132, 350])
def test_slice_of_which_nothing_but_zeros_is_left_is_said(tmp_path: Path, left: int) -> None:
    paths = write(tmp_path, truth(6))
    whole = paths[-1].read_bytes()
    paths[-1].write_bytes(whole[:left] + bytes(len(whole) - left if left else 0))
    assert "UNREADABLE" in diagnostics(read(tmp_path))


def test_empty_folder_and_missing_path_are_one_clear_line(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(ReadError):
            read(path)


def _uid(path: Path) -> str:
    import pydicom

    return str(pydicom.dcmread(path, stop_before_pixels=True).SeriesInstanceUID)


def test_file_that_vanishes_after_opening_is_an_error(tmp_path: Path) -> None:
    paths = write(tmp_path, truth(4))
    stack = read(tmp_path)
    paths[2].unlink()
    with pytest.raises(ReadError, match=paths[2].name):
        stack.slab(0, 4)


def test_error_about_a_file_survives_a_process_boundary(tmp_path: Path) -> None:
    import copy

    with pytest.raises(ReadError) as caught:
        read(tmp_path / "nothing")
    again = copy.copy(caught.value)  # by __reduce__, as pickle does
    assert (str(again), again.codes) == (str(caught.value), caught.value.codes)


def test_refusal_survives_a_process_boundary(tmp_path: Path) -> None:
    import copy

    write(tmp_path, truth(8), skip=[3])
    error = refusal(tmp_path)
    again = copy.copy(error)
    assert (str(again), again.codes) == (str(error), error.codes)


def test_name_of_a_file_is_one_printable_line_in_a_message(tmp_path: Path) -> None:
    path = write(tmp_path, truth(2))[0]
    path = path.rename(tmp_path / "a\n\x1b[31mb")
    path.write_bytes(path.read_bytes()[:-5])
    text = str(refusal(tmp_path))
    assert text.isprintable()
    assert "a??[31mb" in text
