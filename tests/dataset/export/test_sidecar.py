"""The sidecar agrees with dcm2niix key by key and holds nothing of the patient."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset

from hounsfield.dataset.export.sidecar import NUMBERS, TEXTS, from_header

SCANS = {
    "tilted head": "head_ge_tilt_varspacing/dicom",
    "head phantom": "headphantom_philips_study/S2010",
    "body": "body_siemens_j2k_seg/dicom",
    "leg": "leg_rtstruct_sts001/dicom/image",
    "abdomen": "ct_dicomseg_nrrdseg_dcmqi/ct-3slice",
}

ALLOWED = {"Manufacturer", "ImageType", *TEXTS, *NUMBERS}
"""Keys that a sidecar may have, besides Modality and Units."""

LEFT_OUT = {
    "Modality",  # of every CT; added without the header
    "ImageOrientationPatientDICOM",  # that of the slices; the affine is that of the image
    "SeriesNumber",
    "AcquisitionNumber",
    "AcquisitionTime",
    "InstitutionName",
    "InstitutionalDepartmentName",
    "InstitutionAddress",
    "DeviceSerialNumber",
    "StationName",
    "StudyDescription",
    "SeriesDescription",
    "ProtocolName",
    "ImageComments",
    "DeidentificationMethod",
    "ReconFilterType",  # a part of the kernel
    "ReconFilterSize",
    "BidsGuess",
    "ConversionSoftware",
    "ConversionSoftwareVersion",
}
"""Keys that dcm2niix writes with -ba y, and that may identify or that another key states."""


def first_header(folder: Path) -> Dataset:
    """The header of the first slice of a folder."""
    path = min(path for path in folder.iterdir() if path.is_file() and path.name != "DIRFILE")
    return pydicom.dcmread(path, stop_before_pixels=True, force=True)


@pytest.mark.parametrize("scan", SCANS)
def test_keys_and_values_are_those_of_dcm2niix(scan: str, real_data: Path, tmp_path: Path) -> None:
    folder = real_data / SCANS[scan]
    words = ["-b", "y", "-ba", "y", "-z", "n", "-f", "x", "-o", str(tmp_path), str(folder)]
    subprocess.run([sys.executable, "-m", "dcm2niix", *words], capture_output=True, check=True)
    # dcm2niix does not escape a backslash at the end of a value
    text = (tmp_path / "x.json").read_text(errors="replace")
    theirs = json.loads(re.sub(r'(?<!\\)\\(?=",?\n)', r"\\\\", text))
    ours = from_header(first_header(folder))
    for key, value in theirs.items():
        if key in LEFT_OUT:
            continue
        mine = ours[key]
        if key == "ImageType":  # dcm2niix splits values at underscores too
            mine = [part for each in mine for part in each.split("_")]
        assert mine == (pytest.approx(value) if isinstance(value, float) else value), key
    assert set(ours) <= ALLOWED


def test_most_keys_of_the_stored_references_are_there(real_data: Path) -> None:
    for scan in ("head_ge_tilt_varspacing", "headphantom_philips_study"):
        folder = "dicom" if "tilt" in scan else "S2010"
        ours = from_header(first_header(real_data / scan / folder))
        (path, *_) = sorted((real_data / scan / "dcm2niix_ref").glob("*.json"))
        theirs = json.loads(path.read_text())
        shared = set(ours) & set(theirs)
        assert len(shared) >= 7
        for key in shared - {"ImageType"}:
            assert ours[key] == theirs[key], key


def header(**values: object) -> Dataset:
    """A header with some attributes."""
    made = Dataset()
    for name, value in values.items():
        setattr(made, name, value)
    return made


def test_a_value_with_a_word_of_the_patient_is_left_out() -> None:
    found = from_header(
        header(
            PatientName="Doe^Johanna",
            InstitutionName="St. Elsewhere",
            Manufacturer="SIEMENS Healthineers",
            ManufacturerModelName="Elsewhere Force",
            BodyPartExamined="JOHANNA",
            ScanOptions="",
            ConvolutionKernel=["Br38f", "3"],
            KVP="120",
            ImageType=["ORIGINAL", "PRIMARY", "DOE"],
            SoftwareVersions="line\none",
            StudyDate="20200101",
            SeriesDescription="Johanna",
        )
    )
    assert found == {"Manufacturer": "Siemens", "ConvolutionKernel": "Br38f\\3", "KVP": 120}


def test_wrong_numbers_are_left_out() -> None:
    made = Dataset()
    made.add_new("ExposureTime", "IS", 870)
    made.add_new("KVP", "DS", None)
    assert from_header(made) == {"ExposureTime": 0.87}
