"""What `inspect` says of a folder: every code, ids and names that say nothing of the patient."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset

from hounsfield.core.errors import HounsfieldError, RefusedError
from hounsfield.core.policy import ReadPolicy
from hounsfield.io.dicom.read import open_dicom
from hounsfield.io.dicom.report import scan_dicom
from tests.io.dicom.scanner import Change, truth, write

KEYS = {
    "id",
    "kind",
    "slices",
    "shape",
    "spacing_mm",
    "gaps_mm",
    "orientation",
    "tilt_deg",
    "obliquity_degrees",
    "uniform_slice_spacing",
    "unique_slice_positions",
    "regularly_spaced_3d_volume",
    "kernel",
    "codec",
    "quantity",
    "verdict",
    "reasons",
}


def thicken(data: Dataset, k: int) -> None:
    data.SliceThickness = 2.0 + k % 2


def unsign(data: Dataset, k: int) -> None:
    data.PixelRepresentation = 1 if k % 3 else 0


def shift(data: Dataset, k: int) -> None:
    data.ImagePositionPatient = [10.0 + (3.0 if k in (2, 3) else 0.0), 20.0, 2.0 * k]


def widen(data: Dataset, k: int) -> None:
    data.Rows, data.Columns = (8, 6) if k == 1 else (6, 8)


def derive(data: Dataset, k: int) -> None:
    data.ImageType = ["DERIVED", "PRIMARY", "AXIAL"]


def blow_up(data: Dataset, k: int) -> None:
    data.Rows = 9000
    data.Columns = 9000


def empty(data: Dataset, k: int) -> None:
    del data.PixelData


def unbit(data: Dataset, k: int) -> None:
    data.BitsAllocated = 12


@pytest.mark.parametrize(
    ("change", "code", "verdict"),
    [
        (thicken, "MIXED_THICKNESS", "ok"),
        (shift, "SHIFTED", "repairable"),
        (widen, "MIXED_SIZE", "refused"),
        (derive, "DERIVED", "ok"),
        (unsign, "MIXED_SIGN", "doubtful"),
        (blow_up, "TOO_LARGE", "refused"),
        (unbit, "NO_PIXELS", "refused"),
    ],
)
def test_code_is_met(tmp_path: Path, change: Change, code: str, verdict: str) -> None:
    write(tmp_path, truth(6), change=change)
    reports = scan_dicom(tmp_path)
    found = [report for report in reports if code in {reason.code for reason in report.reasons}]
    assert found
    assert verdict in {report.verdict for report in reports}
    if verdict == "refused":
        with pytest.raises(RefusedError):
            open_dicom(tmp_path, policy=ReadPolicy())
    else:
        stack = open_dicom(tmp_path, policy=ReadPolicy())
        assert code in {diagnostic.code for diagnostic in stack.diagnostics}


def test_object_without_pixels_is_listed(tmp_path: Path) -> None:
    write(tmp_path, truth(1), change=empty)
    assert [item.code for item in scan_dicom(tmp_path).other] == ["NO_PIXELS"]
    with pytest.raises(HounsfieldError, match="no image"):
        open_dicom(tmp_path, policy=ReadPolicy())


def test_folder_of_other_images_is_no_ct(tmp_path: Path) -> None:
    def change(data: Dataset, k: int) -> None:
        data.Modality = "MR"
        data.SOPClassUID = "1.2.840.10008.5.1.4.1.1.4"

    write(tmp_path, truth(2), change=change)
    with pytest.raises(RefusedError) as caught:
        open_dicom(tmp_path, policy=ReadPolicy())
    assert caught.value.codes == ("NO_CT",)


def test_shifted_slices_lie_at_their_own_place(tmp_path: Path) -> None:
    write(tmp_path, truth(6), change=shift)
    stack = open_dicom(tmp_path, policy=ReadPolicy())
    assert stack.origins_ras_mm[:, 0].tolist() == [-10, -10, -13, -13, -10, -10]
    assert not stack.is_regular


def test_report_is_what_the_interface_says_and_holds_nothing_of_the_patient(tmp_path: Path) -> None:
    folder = tmp_path / "SECRET^NAME"

    def change(data: Dataset, k: int) -> None:
        data.SeriesDescription = data.ProtocolName = data.StationName = "SECRET"
        data.ConvolutionKernel = "SECRET <b>"
        data.RescaleType = "SECRET"
        data.PixelSpacing = [0.5, 0.75] if k else [0.7, 0.7]

    paths = write(folder, truth(6), change=change, name="SECRET")
    paths[2].write_bytes(paths[2].read_bytes()[:-9])
    (folder / "SECRET.txt").write_text("SECRET")
    scan = scan_dicom(folder)
    text = json.dumps(scan.to_json())
    assert "SECRET" not in text
    data = json.loads(text)
    assert data["schema"] == 2
    assert all(set(series) >= KEYS for series in data["series"])
    assert {series["kernel"] for series in data["series"]} == {"other"}
    assert all(re.fullmatch(r"c-[0-9a-f]{12}", series["id"]) for series in data["series"])
    assert all(
        re.fullmatch(r"\d+-[0-9a-f]{8}", name)
        for series in data["series"]
        for reason in series["reasons"]
        for name in reason["files"]
    )
    assert [item["code"] for item in data["other"]] == ["NOT_DICOM"]


def test_gaps_are_counted_and_numbers_are_not_rounded(tmp_path: Path) -> None:
    write(tmp_path, truth(6), positions=[(0, 0, z) for z in [0, 2, 4, 7.25, 10.5, 13.75]])
    (report,) = scan_dicom(tmp_path)
    assert report.to_json()["gaps_mm"] == [[2.0, 2], [3.25, 3]]


def test_ids_agree_between_looks_and_orders(tmp_path: Path) -> None:
    write(tmp_path / "a", truth(4), uid="1.2.3")
    write(tmp_path / "b", truth(4), uid="1.2.3", name="other")
    assert scan_dicom(tmp_path / "a")[0].id == scan_dicom(tmp_path / "b")[0].id


def nameless(data: Dataset, k: int) -> None:
    data.SeriesInstanceUID = data.StudyInstanceUID = data.SOPInstanceUID = ""
    data.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4"


def test_series_without_uids_stay_apart_by_folder_and_have_ids_of_their_own(tmp_path: Path) -> None:
    for turn, name in enumerate("ab"):
        for path in write(tmp_path / name, truth(4, seed=turn), change=nameless, uid="1.2"):
            path.write_bytes(path.read_bytes().replace(b"1.2.3.4\0", bytes(8)))
    first, second = scan_dicom(tmp_path)
    assert (first.slices, second.slices) == (4, 4)
    assert first.id != second.id
    assert first.id == scan_dicom(tmp_path / "a")[0].id
    assert "ASSUMED" in {reason.code for reason in first.reasons}


def test_series_without_uids_may_be_spread_over_folders(tmp_path: Path) -> None:
    for turn, path in enumerate(write(tmp_path / "a", truth(4), change=nameless, uid="1.2")):
        (tmp_path / f"{turn}").mkdir()
        path.rename(tmp_path / f"{turn}" / "x")
    assert [report.slices for report in scan_dicom(tmp_path)] == [4]


def test_progress_counts_every_file(tmp_path: Path) -> None:
    write(tmp_path, truth(5))
    seen: list[tuple[int, int]] = []
    scan_dicom(tmp_path, lambda done, total: seen.append((done, total)))
    assert seen == [(n, 5) for n in range(1, 6)]


def test_headers_alone_are_read(tmp_path: Path) -> None:
    """Pixels are not looked at: a series whose pixels are rubbish has the same report."""
    paths = write(tmp_path, truth(5))
    before = scan_dicom(tmp_path).to_json()
    for path in paths:
        data = bytearray(path.read_bytes())
        data[-96:] = np.random.default_rng(0).bytes(96)
        path.write_bytes(bytes(data))
    assert scan_dicom(tmp_path).to_json() == before


def test_philips_study_has_one_ct_series_and_names_the_rest(real_data: Path) -> None:
    scan = scan_dicom(real_data / "headphantom_philips_study")
    assert sorted((report.kind, report.slices, report.verdict) for report in scan) == [
        ("axial", 28, "ok"),
        ("localizer", 1, "refused"),
        ("localizer", 3, "refused"),
        ("screen", 1, "refused"),
        ("screen", 2, "refused"),
    ]


def test_tilted_head_is_described_from_headers(real_data: Path) -> None:
    (report,) = scan_dicom(real_data / "head_ge_tilt_varspacing/dicom")
    assert report.verdict == "repairable"
    assert report.tilt_deg == pytest.approx(18.5, abs=0.01)
    assert [(round(mm, 3), count) for mm, count in report.gaps_mm] == [
        (1.081, 1),
        (4.002, 13),
        (6.999, 13),
    ]
    assert {"TILT", "UNEVEN", "PADDING", "MIXED_THICKNESS"} == {
        reason.code for reason in report.reasons
    }
