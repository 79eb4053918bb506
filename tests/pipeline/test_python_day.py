"""A user's day in Python: doubts reach the user, and what is not meant is refused."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hounsfield as hu
from tests.reported import reported


def volume(values: Any, quantity: Any = "hu") -> hu.Volume:
    return hu.Volume.from_array(values, affine=np.diag([-5.0, -5.0, 5.0, 1.0]), quantity=quantity)


def chest() -> hu.Volume:
    """A cylinder of water as wide as a chest, without a skull."""
    i, j, _ = np.ogrid[:70, :70, :40]
    inside = (i - 35) ** 2 + (j - 35) ** 2 < 30**2
    return volume(np.where(inside & np.ones((1, 1, 40), bool), 0, -1000).astype(np.int16))


def test_a_doubt_of_a_step_is_a_warning_whatever_the_source() -> None:
    steps = hu.Pipeline([hu.HeadMask()])
    ct = chest()
    for source in (ct, hu.Case(ct), hu.Stack.from_volume(ct)):
        with pytest.warns(hu.HounsfieldWarning, match="head") as caught:
            result = steps.run(source)
        told = [each.message.diagnostic for each in caught]  # type: ignore[union-attr]
        assert "MASK_DOUBTFUL" in {each.code for each in told}
        assert told == [each for each in result.diagnostics if each.severity != "note"]


def test_a_pipeline_does_not_repeat_what_read_has_warned_of(tmp_path: Path) -> None:
    plain = volume(np.random.default_rng(0).integers(0, 256, (20, 20, 20)).astype(np.int16))
    hu.write(plain, tmp_path / "ct.nii.gz")
    with reported("NOT_HU"):
        ct = hu.read(tmp_path / "ct.nii.gz")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = hu.Pipeline([hu.Clip(low_hu=0, high_hu=50)]).run(ct)
    assert [each.code for each in result.diagnostics] == ["NOT_HU"]


def test_warnings_and_errors_of_a_folder_name_it(tmp_path: Path) -> None:
    from hounsfield.phantom import grid_about, head, write_series

    small = head(grid_about((0, 0, 0), shape=(32, 32, 8), spacing_mm=(7, 7, 9)))
    scan = write_series(small, tmp_path / "scan").folder
    sorted(scan.iterdir())[3].unlink()
    with pytest.raises(hu.RefusedError) as refusal:
        hu.read(scan)
    assert str(refusal.value).startswith(f"{scan}: ")
    with pytest.warns(hu.HounsfieldWarning) as caught:
        hu.read(scan, gaps="fill")
    assert all(str(each.message).startswith(f"{scan}: ") for each in caught)
    assert not any(str(tmp_path) in str(each.to_json()) for each in refusal.value.diagnostics)


def test_labels_given_with_a_case_are_refused_not_dropped() -> None:
    label = volume(np.ones((4, 4, 4), np.uint8), "label")
    case = hu.Case(volume(np.zeros((4, 4, 4), np.int16)))
    with pytest.raises(hu.ArgumentError, match="give them to the Case"):
        hu.Pipeline([hu.Reorient()]).run(case, labels={"liver": label})


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_volume_that_is_not_finite_is_refused_by_all_that_take_it(
    bad: float, tmp_path: Path
) -> None:
    ct = volume(np.zeros((4, 4, 4), np.float32))
    ct.array[1, 2, 3] = bad
    calls: list[Callable[[], object]] = [
        lambda: hu.Pipeline([hu.Resample(spacing_mm=4)]).run(ct),
        lambda: hu.Pipeline([hu.Window(name="brain")]).run(hu.Case(ct)),
        lambda: hu.regrid(ct, ct.grid),
        lambda: hu.write(ct, tmp_path / "ct.nii.gz"),
        lambda: hu.write(ct, tmp_path / "slices", format="png"),
        lambda: hu.planes(ct),
        lambda: hu.montage(ct),
        lambda: hu.histogram(ct),
    ]
    for call in calls:
        with pytest.raises(hu.QuantityError, match="NaN or infinite"):
            call()
    assert not list(tmp_path.iterdir())


def test_an_empty_path_is_not_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ct, steps = volume(np.zeros((4, 4, 4), np.int16)), hu.Pipeline([hu.Reorient()])
    calls: list[Callable[[], object]] = [
        lambda: hu.read(""),
        lambda: hu.open(""),
        lambda: hu.inspect(""),
        lambda: hu.read_labels("", image=ct),
        lambda: hu.run(steps, "", "out"),
        lambda: hu.run(steps, ["", "b"], "out"),
        lambda: hu.run(steps, "b", ""),
        lambda: steps.run(""),
        lambda: steps.plan(""),
        lambda: hu.write(ct, ""),
    ]
    for call in calls:
        with pytest.raises(hu.ArgumentError, match="the path is empty"):
            call()
    assert not list(tmp_path.iterdir())


def test_fractions_of_a_function_are_not_rounded_in_silence() -> None:
    ct = volume(np.arange(64, dtype=np.int16).reshape(4, 4, 4))
    with pytest.raises(hu.QuantityError, match="returned fractions, but the image is int16"):
        hu.Pipeline([hu.Apply(lambda array: array / 1000)]).run(ct)
    kept = hu.Pipeline([hu.Apply(lambda array: array / 1000, dtype="float32")]).run(ct).volume
    np.testing.assert_array_equal(kept.array, (ct.array / 1000).astype(np.float32))
    rounded = hu.Pipeline([hu.Apply(lambda array: array / 10, dtype="int16")]).run(ct).volume
    np.testing.assert_array_equal(rounded.array, np.rint(ct.array / 10))
    whole = hu.Pipeline([hu.Apply(lambda array: array * 2.0)]).run(ct).volume
    np.testing.assert_array_equal(whole.array, ct.array * 2)


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_a_label_with_channels_is_shown_and_is_no_overlay(count: int) -> None:
    label = volume(np.ones((6, 6, 6, count), np.uint8), "label")
    first = label.channel(0)
    for draw in (hu.planes, hu.montage):
        np.testing.assert_array_equal(draw(label).array, draw(first).array)
    assert label._repr_html_()
    ct = volume(np.zeros((6, 6, 6), np.int16))
    with pytest.raises(hu.QuantityError, match=r"expected one of them, such as overlay\.channel"):
        hu.planes(ct, overlay=label)


def test_a_picture_is_an_array(tmp_path: Path) -> None:
    picture = hu.planes(volume(np.zeros((4, 4, 4), np.int16)))
    np.testing.assert_array_equal(np.asarray(picture), picture.array)
    missing = tmp_path / "none" / "p.png"
    with pytest.raises(hu.WriteError, match=str(missing)):
        picture.save(missing)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "steps is not a list"),
        ({"steps": [], "name": 5}, "name is 5; expected str"),
        ({"steps": [], "schema": "1"}, "schema '1'; expected 1"),
        ({"steps": [], "schema": True}, "schema True; expected 1"),
        ({"steps": [{"step": "HeadMask", "empty": 1}]}, "empty is 1; expected one of"),
        (
            {"steps": [{"step": "Clip", "low_hu": 1 << 2000, "high_hu": 5}]},
            "an integer of 2001 bits",
        ),
    ],
)
def test_a_pipeline_of_wrong_data_is_refused(data: dict[str, Any], message: str) -> None:
    with pytest.raises(hu.PipelineError, match=message):
        hu.Pipeline.parse(data)


def test_values_of_a_run_are_checked_where_users_make_them(tmp_path: Path) -> None:
    result = hu.Pipeline([hu.Reorient()]).run(volume(np.zeros((4, 4, 4), np.int16)))
    path = tmp_path / "record.json"
    path.write_text(result.record.to_text())
    assert hu.Record.load(str(path)).to_text() == hu.Record.load(path).to_text()
    with pytest.raises(hu.ArgumentError, match="unexpected keyword argument 'x'"):
        result.record.replaced(x=1)
    with pytest.raises(hu.ArgumentError, match="version is 5"):
        result.record.replaced(version=5)
    for kind in (hu.Record, hu.Result, hu.Plan, hu.Report, hu.Comparison, hu.Summary):
        with pytest.raises(hu.ArgumentError, match="missing"):
            kind()
