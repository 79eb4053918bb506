"""Kernels are classed by the table of their manufacturer alone."""

from __future__ import annotations

import pytest

import hounsfield as hu
from hounsfield.io.dicom.series.kernel_class import _tables, kernel_class


@pytest.mark.parametrize(
    ("manufacturer", "name", "expected"),
    [
        ("SIEMENS", "B10s", "soft"),
        ("SIEMENS", "B40s", "soft"),
        ("SIEMENS", "B46f", "medium"),
        ("SIEMENS", "B50f", "sharp"),
        ("Siemens Healthineers", "Br40d", "soft"),
        ("Siemens Healthineers", "Bl57d", "sharp"),
        ("SIEMENS", "S80s", "unknown"),
        ("GE MEDICAL SYSTEMS", "STANDARD", "soft"),
        ("GE MEDICAL SYSTEMS", "LUNG", "sharp"),
        ("GE MEDICAL SYSTEMS", "STD+", "unknown"),
        ("Philips", "B", "soft"),
        ("Philips Medical Systems", "YA", "sharp"),
        ("Philips", "UB", "unknown"),
        ("TOSHIBA", "FC03", "soft"),
        ("TOSHIBA", "FC51", "sharp"),
        ("TOSHIBA", "FC64", "unknown"),
        ("Canon Medical Systems", "FC08", "soft"),
        ("Acme", "B30f", "unknown"),
        ("", "STANDARD", "unknown"),
        ("GENERIC", "STANDARD", "unknown"),
        ("SIEMENS", "", "unknown"),
    ],
)
def test_kernels_of_each_manufacturer(manufacturer: str, name: str, expected: str) -> None:
    assert kernel_class(name, manufacturer) == expected


def test_each_table_has_its_source() -> None:
    assert all(table["source"] and table["manufacturer"] for table in _tables().values())


def test_real_series_have_the_classes_of_their_headers(real_data: object) -> None:
    folder = f"{real_data}/leg_rtstruct_sts001/dicom/image"
    (leg,) = hu.inspect(folder)
    assert (leg.kernel, leg.kernel_class) == ("SOFT", "soft")
    assert leg.thickness_mm == pytest.approx(3.27)
    assert leg.extent_mm == pytest.approx(59 * 3.27, abs=0.01)
