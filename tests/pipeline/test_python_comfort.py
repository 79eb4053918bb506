"""What Python users expect: a pipeline on a path, a function as a step, a part of a volume."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hounsfield as hu
from tests.reported import reported


def ct() -> hu.Volume:
    values = np.linspace(-1000, 1000, 8 * 7 * 6).reshape(8, 7, 6).astype(np.int16)
    return hu.Volume.from_array(values, affine=np.diag([-1.0, -1.0, 2.0, 1.0]))


def test_a_pipeline_runs_on_a_path_as_on_what_open_returns(tmp_path: Path) -> None:
    hu.write(ct(), tmp_path / "ct.nii.gz")
    steps = hu.Pipeline([hu.Clip(low_hu=-100, high_hu=100)])
    for path in (tmp_path / "ct.nii.gz", str(tmp_path / "ct.nii.gz")):
        result = steps.run(path)
        assert result.record.source["sha256"] == steps.run(hu.open(path)).record.source["sha256"]
        np.testing.assert_array_equal(result.volume.array, np.clip(ct().array, -100, 100))
        assert steps.plan(path).spec == result.volume.spec
    with pytest.raises(hu.MissingFileError, match="no such file"):
        steps.run(tmp_path / "none.nii")


def test_a_pipeline_on_a_path_warns_of_each_repair(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(ct().array, ct().affine)
    image.set_qform(np.diag([-1.0, -1.0, 3.0, 1.0]), code=1)
    nibabel.save(image, tmp_path / "ct.nii")
    with reported("AFFINES_DIFFER"):
        result = hu.Pipeline([hu.Clip(low_hu=-100, high_hu=100)]).run(tmp_path / "ct.nii")
    assert [each.code for each in result.diagnostics] == ["AFFINES_DIFFER"]


def test_a_function_is_a_step_with_the_planned_spec() -> None:
    steps = hu.Pipeline([hu.Apply(lambda array: array / 2, dtype="float32", quantity="other")])
    made = steps.run(ct()).volume
    np.testing.assert_array_equal(made.array, ct().array.astype(np.float32) / 2)
    assert made.spec == steps.plan(ct()).spec
    assert (made.quantity, made.background) == ("other", -1024.0)


def test_a_function_cannot_change_its_input() -> None:
    source = ct()

    def spoil(array: Any) -> Any:
        array[...] = 7
        return array

    assert (hu.Pipeline([hu.Apply(spoil)]).run(source).volume.array == 7).all()
    np.testing.assert_array_equal(source.array, ct().array)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda array: array[1:], "expected numbers of shape"),
        (lambda array: array * np.nan, "NaN or infinite"),
        (lambda array: None, "expected numbers of shape"),
        (lambda array: 1 / 0, "raised ZeroDivisionError"),
        (lambda array: array.astype(np.int32) * 100, "do not fit int16"),
    ],
)
def test_a_function_that_returns_something_else_is_refused(function: Any, message: str) -> None:
    with pytest.raises(hu.QuantityError, match=message):
        hu.Pipeline([hu.Apply(function)]).run(ct())


def test_a_pipeline_with_a_function_is_not_written_to_a_file_and_says_why() -> None:
    steps = hu.Pipeline([hu.Apply(np.abs)])
    with pytest.raises(hu.PipelineError, match="Apply cannot be written to a file, as it has a"):
        steps.to_toml()
    with pytest.raises(hu.PipelineError, match="cannot be"):
        steps.run(ct()).record.to_text()


def test_a_class_instead_of_a_step_is_refused_with_advice() -> None:
    with pytest.raises(hu.PipelineError, match=r"step 2: Reorient is a class; .* Reorient\(\)"):
        hu.Pipeline([hu.Reorient("RAS"), hu.Reorient])  # type: ignore[list-item]


@st.composite
def slices(draw: st.DrawFn, size: int) -> slice:
    return draw(st.slices(size).filter(lambda each: len(range(*each.indices(size))) > 0))


@given(slices(8), slices(7), slices(6))
def test_every_voxel_of_a_part_is_where_it_was(i: slice, j: slice, k: slice) -> None:
    numbers = np.arange(8 * 7 * 6, dtype=np.int16).reshape(8, 7, 6)
    whole = hu.Volume.from_array(numbers, affine=ct().affine)
    part = whole[i, j, k]
    np.testing.assert_array_equal(part.array, numbers[i, j, k])
    at = np.argwhere(np.ones(part.shape))
    before = np.stack(np.unravel_index(part.array[tuple(at.T)], numbers.shape), axis=-1)
    np.testing.assert_allclose(part.grid.world(at), whole.grid.world(before), atol=1e-12)


def test_a_part_of_a_volume_is_what_nibabel_slices() -> None:
    for index in ((slice(1, 5), slice(0, 7, 2), slice(3, 6)), (slice(5, 2, -1),) * 3):
        theirs = nibabel.Nifti1Image(ct().array, ct().affine).slicer[index]
        np.testing.assert_array_equal(ct()[index].array, np.asanyarray(theirs.dataobj))
        np.testing.assert_allclose(ct()[index].affine, theirs.affine, atol=1e-12)


def test_a_part_keeps_axes_that_are_not_named() -> None:
    assert ct()[2:4].shape == (2, 7, 6)
    assert ct()[..., 1:2].shape == (8, 7, 1)
    assert ct()[:, ::-1].grid.orientation == "LAS"
    with pytest.raises(hu.GeometryError, match="expected a slice such as 5:6"):
        ct()[3]
    with pytest.raises(hu.GeometryError, match="is empty"):
        ct()[9:]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            {"steps": [{"step": "Clip", "low_hu": "$fingerprint.low", "high_hu": 5}]},
            "low_hu is '.fingerprint.low', an undeclared parameter; declared: none",
        ),
        ({"steps": [], "parameters": 3}, "parameters is 3; expected a table"),
        ({"steps": 3}, "steps is not a list of tables"),
    ],
)
def test_a_parameter_that_is_not_declared_is_refused(data: dict[str, Any], message: str) -> None:
    with pytest.raises(hu.PipelineError, match=message):
        hu.Pipeline.parse(data)


def test_an_unknown_key_of_a_fingerprint_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "dataset_fingerprint.json"
    keys = ("mean", "std", "percentile_00_5", "percentile_99_5")
    values = ", ".join(f'"{key}": 1' for key in keys)
    path.write_text(
        f'{{"foreground_intensity_properties_per_channel": {{"0": {{{values}}}}}, '
        '"spacings": [[1, 1, 1]]}'
    )
    data = {
        "parameters": {"fingerprint": "a fingerprint"},
        "steps": [{"step": "Clip", "low_hu": "$fingerprint.low", "high_hu": 5}],
    }
    with pytest.raises(hu.PipelineError, match=r"step 1: low_hu is .* expected one of .*mean"):
        hu.Pipeline.parse(data, settings={"pipeline.fingerprint": path})
