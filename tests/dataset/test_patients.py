"""Ids of patients and studies are equal within one patient or study and reveal nothing of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import hounsfield as hu
from hounsfield.dataset.case import CaseSource
from hounsfield.dataset.discover import discover
from hounsfield.phantom import Head
from tests.dataset.series import part, small_head


@pytest.fixture(scope="module")
def phantom() -> Head:
    return small_head()


def case_of(source: Head, folder: Path, **attributes: object) -> CaseSource:
    (case,) = discover([str(part(source, folder, count=3, **attributes))]).cases
    return case


def test_the_patient_id_alone_decides(phantom: Head, tmp_path: Path) -> None:
    one = case_of(phantom, tmp_path / "a", PatientID="MRN-1", StudyInstanceUID="1.2.1")
    same = case_of(
        phantom,
        tmp_path / "b",
        PatientID="MRN-1 ",
        IssuerOfPatientID="HOSPITAL",
        PatientName="OTHER^NAME",
        StudyInstanceUID="1.2.2",
    )
    other = case_of(phantom, tmp_path / "c", PatientID="MRN-2", StudyInstanceUID="1.2.1")
    assert one.patient == same.patient != other.patient
    assert one.study == other.study != same.study
    assert (one.patient[:2], one.study[:2]) == ("p-", "s-")
    assert len(one.patient) == len(one.study) == 14
    assert set(one.patient[2:] + one.study[2:]) <= set("0123456789abcdef")


def test_without_an_id_name_and_birth_date_decide_together(phantom: Head, tmp_path: Path) -> None:
    both = {"PatientID": "", "PatientName": "DOE^JOHN", "PatientBirthDate": "19700101"}
    one = case_of(phantom, tmp_path / "a", **both)
    same = case_of(phantom, tmp_path / "b", **both, StudyInstanceUID="1.2.7")
    other = case_of(phantom, tmp_path / "c", **{**both, "PatientBirthDate": "19700102"})
    nobody = case_of(phantom, tmp_path / "d", **{**both, "PatientBirthDate": ""})
    assert one.patient == same.patient != other.patient
    assert nobody.patient == ""


def test_a_table_gives_the_patient_that_the_header_would(phantom: Head, tmp_path: Path) -> None:
    series = part(phantom, tmp_path / "a", count=3, PatientID="MRN-1")
    (tmp_path / "t.csv").write_text("image,patient\na,MRN-1\n")
    (case,) = discover([str(tmp_path / "t.csv")]).cases
    (plain,) = discover([str(series)]).cases
    assert case.patient == plain.patient


def test_another_key_gives_other_ids(
    phantom: Head, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    series = part(phantom, tmp_path / "a", count=3, PatientID="MRN-1")
    (one,) = discover([str(series)]).cases
    monkeypatch.setenv("XDG_CONFIG_HOME", os.fspath(tmp_path / "other"))
    (other,) = discover([str(series)]).cases
    assert one.patient != other.patient
    assert one.study != other.study


def test_inspect_reports_the_same_ids_and_no_identity(phantom: Head, tmp_path: Path) -> None:
    series = part(phantom, tmp_path / "a", count=3, PatientID="MRN-1", Manufacturer="Philips")
    (report,) = hu.inspect(series)
    (case,) = discover([str(series)]).cases
    assert (report.patient, report.study) == (case.patient, case.study)
    text = str(hu.inspect(series).to_json(paths=False))
    assert "MRN" not in text
    assert report.patient in text
