"""`inspect` predicts from headers alone what reading does; its terms mean what IDC's mean."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import nibabel as nib
import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hounsfield as hu
from hounsfield.core.errors import HounsfieldWarning
from hounsfield.core.policy import ReadPolicy
from hounsfield.core.slice_geometry import SliceGeometry
from hounsfield.core.volume_geometry import obliquity_degrees, volume_geometry
from hounsfield.phantom import Faults, Head, grid_about, head, write_series
from tests.cli.conftest import ball_scan

COUNT = 8
STEP_MM = 8.0
FILL = ReadPolicy(gaps="fill")


@pytest.fixture(scope="module")
def small() -> Head:
    """A head of few voxels, for its geometry."""
    return head(grid_about((0, -4, 10), shape=(8, 8, COUNT), spacing_mm=(4, 4, STEP_MM)))


@st.composite
def faults(draw: st.DrawFn) -> Faults:
    """Gaps, tilt, uneven positions, jitter about even ones, and duplicates, alone or together."""
    positions: tuple[float, ...] = ()
    if draw(st.booleans()):
        spread = draw(st.sampled_from([0.05, 0.19, 0.21, 1.0, 4.0]))
        steps = draw(st.lists(st.floats(-spread, spread), min_size=COUNT - 1, max_size=COUNT - 1))
        positions = (0.0, *(round(float(z), 3) for z in np.cumsum(STEP_MM + np.array(steps))))
    return Faults(
        positions_mm=positions,
        tilt_deg=draw(st.sampled_from([0.0, 0.05, 1.0, -18.5])),
        missing=tuple(draw(st.sets(st.integers(1, COUNT - 2), max_size=2))),
        duplicated=draw(st.sampled_from([(), (3,)])),
        padding="none",
    )


def codes(report: hu.Report) -> set[str]:
    """The codes of its reasons."""
    return {reason.code for reason in report.reasons}


def idc(folder: Path) -> tuple[bool, bool, bool]:
    """Spacing uniform, positions unique, volume regular: the three results of IDC's own query."""
    slices = [pydicom.dcmread(path) for path in sorted(folder.rglob("*")) if path.is_file()]
    row, column = np.reshape(np.float64(slices[0].ImageOrientationPatient), (2, 3))
    origins = np.float64([each.ImagePositionPatient for each in slices])
    along = np.sort(origins @ np.cross(row, column))
    expected = (along[-1] - along[0]) / (len(along) - 1)
    uniform = bool(np.abs(np.diff(along) - expected).max() < 0.2)
    instances = {each.SOPInstanceUID for each in slices}
    unique = len(instances) == len(set(np.round(along, 6)))
    aligned = max(np.ptp(origins @ row), np.ptp(origins @ column)) < 0.1
    return uniform, unique, uniform and unique and bool(aligned)


@settings(max_examples=25)
@given(fault=faults())
def test_spacing_tilt_and_evenness_are_those_of_the_stack(small: Head, fault: Faults) -> None:
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", HounsfieldWarning)
        write_series(small, Path(folder), faults=fault)
        (report,) = hu.inspect(folder, policy=FILL)
        stack = hu.open(folder, gaps="fill")
        assert report.spacing_mm == pytest.approx(
            (*stack.grid.spacing_mm[:2], stack.step_mm), abs=1e-9
        )
        if not stack.is_regular:
            assert report.spacing_mm == pytest.approx(stack.grid.spacing_mm, abs=1e-9)
        assert report.tilt_deg == pytest.approx(stack.tilt_deg, abs=1e-9)
        assert ("UNEVEN" in codes(report)) != stack.is_even
        assert bool({"TILT", "SHIFTED"} & codes(report)) != stack.is_upright
        assert ("GAP" in codes(report)) == any(stack.interpolated)
        assert sum(count for _, count in report.gaps_mm) == report.slices - 1
        assert report.slices == stack.shape[2] - sum(stack.interpolated)
        assert report.orientation == stack.grid.orientation
        assert codes(report) == {each.code for each in stack.diagnostics}
        assert idc(Path(folder)) == (
            report.uniform_slice_spacing,
            report.unique_slice_positions,
            report.regularly_spaced_3d_volume,
        )


@pytest.mark.parametrize("suffix", ["nii", "nii.gz", "nrrd", "mha", "npy"])
def test_an_image_file_is_reported_as_it_is_opened(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"ball.{suffix}"
    if suffix == "mha":
        sitk = pytest.importorskip("SimpleITK")
        sitk.WriteImage(ball_scan().to_sitk(), str(path))
    else:
        hu.write(ball_scan(), path)
    (report,) = hu.inspect(path)
    stack = hu.open(path)
    assert report.shape == stack.shape
    assert report.spacing_mm == stack.grid.spacing_mm
    assert report.tilt_deg == stack.tilt_deg
    assert report.orientation == stack.grid.orientation
    assert report.quantity == stack.quantity == "hu"
    assert report.gaps_mm == ((pytest.approx(3.0), stack.shape[2] - 1),)
    assert report.regularly_spaced_3d_volume
    assert (report.verdict, report.value_range) == ("ok", None)


@pytest.mark.parametrize("suffix", ["nii.gz", "nrrd"])
def test_a_corrupt_file_is_broken_for_inspect_as_it_is_for_read(
    suffix: str, tmp_path: Path
) -> None:
    path = tmp_path / f"ball.{suffix}"
    hu.write(ball_scan(), path)
    data = bytearray(path.read_bytes())
    data[-200:-20] = bytes(180)
    path.write_bytes(bytes(data))
    with pytest.raises(hu.ReadError) as of_read:
        hu.read(path)
    with pytest.raises(hu.ReadError) as of_inspect:
        hu.inspect(path)
    assert of_inspect.value.codes == of_read.value.codes
    (report,) = hu.inspect(tmp_path)
    assert (report.is_broken, report.verdict, codes(report)) == (True, "refused", {"UNREADABLE"})


def test_voxels_are_checked_and_their_range_is_read_where_asked_for(tmp_path: Path) -> None:
    label = np.zeros((32, 32, 32), np.int16)
    label[8:24, 8:24, 8:24] = 1
    image = nib.Nifti1Image(label, np.diag([1, 1, 1, 1]))  # type: ignore[no-untyped-call]
    nib.save(image, tmp_path / "x.nii")
    for values in (False, True):
        (report,) = hu.inspect(tmp_path, values=values)
        assert (report.verdict, codes(report), report.shape) == ("refused", {"NOT_HU"}, label.shape)
    hu.write(ball_scan(), tmp_path / "x.nii")
    assert hu.inspect(tmp_path / "x.nii")[0].value_range is None
    (report,) = hu.inspect(tmp_path / "x.nii", values=True)
    array = ball_scan().array
    assert report.value_range == (array.min(), array.max())


@pytest.mark.parametrize("doubt", [False, True])
def test_of_a_large_compressed_file_only_the_start_is_read(
    doubt: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hounsfield.dataset.image_report.SAMPLED_BYTES", 24 * 20 * 2 * 10)
    scan = ball_scan()
    array = scan.array + np.int16(1024 if doubt else 0)
    hu.write(hu.Volume.from_array(array, affine=scan.affine), tmp_path / "x.nii.gz")
    (report,) = hu.inspect(tmp_path)
    assert report.verdict == ("doubtful" if doubt else "ok")
    assert hu.inspect(tmp_path, policy=ReadPolicy(assume="hu"))[0].verdict == "ok"


def test_a_header_that_says_labels_is_refused_as_reading_does(tmp_path: Path) -> None:
    label = np.zeros((8, 8, 8), np.int16)
    image = nib.Nifti1Image(label, np.eye(4))  # type: ignore[no-untyped-call]
    image.header.set_intent("label")
    nib.save(image, tmp_path / "x.nii")
    (report,) = hu.inspect(tmp_path / "x.nii")
    assert (report.verdict, report.quantity) == ("refused", "other")
    with pytest.raises(hu.RefusedError) as caught:
        hu.read(tmp_path / "x.nii")
    found = [(each.code, each.severity, each.message) for each in caught.value.diagnostics]
    assert [(each.code, each.severity, each.message) for each in report.reasons] == found
    assert hu.inspect(tmp_path / "x.nii", policy=ReadPolicy(assume="hu"))[0].verdict == "ok"


def sheared(affine: np.ndarray) -> None:
    affine[0, 2] = 1.0


def turned(affine: np.ndarray) -> None:
    angle = np.radians(20)
    around = np.array(
        [[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]]
    )
    affine[:3, :3] = around @ affine[:3, :3]


@pytest.mark.parametrize(
    ("change", "tilt", "obliquity", "regular"),
    [(sheared, np.degrees(np.arctan2(1, 3)), 0.0, False), (turned, 0.0, 20.0, True)],
)
def test_a_shear_is_a_tilt_and_a_rotation_is_oblique(
    change: Callable[[np.ndarray], None],
    tilt: float,
    obliquity: float,
    regular: bool,
    tmp_path: Path,
) -> None:
    affine = np.diag([-2.0, -2.0, 3.0, 1.0])
    change(affine)
    hu.write(
        hu.Volume.from_array(np.zeros((8, 8, 8), np.int16), affine=affine), tmp_path / "x.nrrd"
    )
    (report,) = hu.inspect(tmp_path / "x.nrrd")
    assert report.tilt_deg == pytest.approx(tilt)
    assert report.obliquity_degrees == pytest.approx(obliquity, abs=1e-6)
    assert report.regularly_spaced_3d_volume is regular
    assert report.uniform_slice_spacing


@pytest.mark.parametrize(("off_mm", "uniform"), [(0.19, True), (0.21, False)])
def test_gaps_are_uniform_within_a_fifth_of_a_millimetre(off_mm: float, uniform: bool) -> None:
    origins = np.zeros((5, 3))
    origins[:, 2] = [0, 8 - off_mm, 16, 24, 32]
    assert volume_geometry(upright(origins)).uniform_slice_spacing is uniform


@pytest.mark.parametrize(("shift_mm", "regular"), [(0.09, True), (0.11, False)])
@pytest.mark.parametrize("axis", [0, 1])
def test_slices_are_aligned_within_a_tenth_of_a_millimetre(
    shift_mm: float, regular: bool, axis: int
) -> None:
    origins = np.zeros((4, 3))
    origins[:, 2] = [0, 5, 10, 15]
    origins[2, axis] = shift_mm
    geometry = volume_geometry(upright(origins))
    assert (geometry.uniform_slice_spacing, geometry.regularly_spaced_3d_volume) == (True, regular)


def upright(origins: np.ndarray) -> SliceGeometry:
    """Axial slices of 1 mm pixels."""
    return SliceGeometry(
        origins_ras_mm=origins,
        step_i_ras_mm=np.array([1.0, 0, 0]),
        step_j_ras_mm=np.array([0, 1.0, 0]),
    )


@given(normal=st.lists(st.floats(-1, 1), min_size=3, max_size=3))
def test_obliquity_is_the_angle_to_the_nearest_axis(normal: list[float]) -> None:
    across = np.array(normal)
    if np.linalg.norm(across) < 1e-3:
        return
    across /= np.linalg.norm(across)
    row = np.cross(across, np.eye(3)[int(np.argmin(np.abs(across)))])
    slices = SliceGeometry(
        origins_ras_mm=np.zeros((1, 3)), step_i_ras_mm=row, step_j_ras_mm=np.cross(across, row)
    )
    expected = np.degrees(np.arccos(min(1.0, float(np.abs(across).max()))))
    assert obliquity_degrees(slices) == pytest.approx(expected, abs=1e-4)


def test_one_slice_has_no_spacing_to_be_uniform(small: Head, tmp_path: Path) -> None:
    series = write_series(small, tmp_path)
    for path in series.files[1:]:
        path.unlink()
    (report,) = hu.inspect(tmp_path)
    assert report.uniform_slice_spacing is None
    assert report.regularly_spaced_3d_volume is None
    assert report.unique_slice_positions is True


@pytest.mark.parametrize(
    ("fault", "verdict"),
    [
        (Faults(), "ok"),
        (Faults(tilt_deg=10.0), "repairable"),
        (Faults(no_modality=True), "doubtful"),
        (Faults(missing=(4,)), "refused"),
    ],
)
def test_the_verdict_is_the_most_serious_reason(
    small: Head, fault: Faults, verdict: str, tmp_path: Path
) -> None:
    write_series(small, tmp_path, faults=fault)
    assert hu.inspect(tmp_path)[0].verdict == verdict


def test_a_policy_changes_the_verdict_as_it_changes_reading(small: Head, tmp_path: Path) -> None:
    write_series(small, tmp_path, faults=Faults(missing=(4,)))
    assert hu.inspect(tmp_path, policy=FILL)[0].verdict == "repairable"


def test_a_file_that_may_be_a_lost_slice_is_a_doubt_in_both(small: Head, tmp_path: Path) -> None:
    write_series(small, tmp_path)
    (tmp_path / "broken.dcm").write_bytes(bytes(128) + b"DICM" + bytes(7))
    (report,) = hu.inspect(tmp_path)
    stack = hu.open(tmp_path)
    assert "UNREADABLE" in codes(report)
    assert report.verdict == "doubtful"
    assert "UNREADABLE" in {each.code for each in stack.diagnostics}


def test_paths_are_in_json_only_where_asked_for(small: Head, tmp_path: Path) -> None:
    write_series(small, tmp_path / "SECRET")
    found = hu.inspect(tmp_path)
    assert "SECRET" not in str(found.to_json())
    (series,) = found.to_json(paths=True)["series"]
    assert len(series["paths"]) == COUNT
    assert all((tmp_path / name).is_file() for name in series["paths"])
