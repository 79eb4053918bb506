"""A record is the same for a volume and its stack, and repeats the same bytes either way."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hounsfield as hu
from hounsfield.dataset.case import CaseSource
from hounsfield.dataset.run_case import run_case
from hounsfield.dataset.run_config import RunConfig
from hounsfield.io.open import open_stack
from hounsfield.phantom import Faults, Head, grid_about, head, write_series
from hounsfield.pipeline.record import Record
from hounsfield.pipeline.stream import stream
from hounsfield.testing import pipelines, stacks
from tests.drawn import assume_overlap
from tests.io.made import head_like, nifti
from tests.reported import reported

RESAMPLE = hu.Pipeline((hu.Resample(spacing_mm=2.0), hu.Clip(low_hu=-100, high_hu=1000)))


@pytest.fixture(scope="module")
def phantom() -> Head:
    """A small head."""
    return head(grid_about((0, -4, 10), shape=(32, 32, 12), spacing_mm=(8, 8, 12)), noise_hu=2)


def deterministic(record: Record) -> dict[str, object]:
    data = record.to_json()
    del data["volatile"]
    return data


def same(first: hu.Result, second: hu.Result) -> None:
    assert second.volume.spec == first.volume.spec
    assert second.volume.array.tobytes("F") == first.volume.array.tobytes("F")
    for one, other in ((first.masks, second.masks), (first.labels, second.labels)):
        assert one.keys() == other.keys()
        for name in one:
            assert one[name].spec == other[name].spec
            assert one[name].array.tobytes("F") == other[name].array.tobytes("F")


@st.composite
def repaired_stacks(draw: st.DrawFn) -> hu.Stack:
    """Stacks with slices that no scanner measured, a repair, and a checksum."""
    stack = draw(stacks())
    flags = draw(st.lists(st.booleans(), min_size=stack.shape[2], max_size=stack.shape[2]))
    return stack.replaced(
        interpolated=tuple(flags),
        diagnostics=(hu.Diagnostic("GAP", "repair", "some slices were interpolated"),),
        checksum=lambda: "0" * 64,
        finish=lambda: (hu.Diagnostic("NOT_HU", "warning", "these may not be HU"),),
    )


@settings(max_examples=30)
@given(stack=repaired_stacks(), pipeline=pipelines(interpolations=1))
def test_a_pipeline_records_of_a_volume_what_it_records_of_its_stack(
    stack: hu.Stack, pipeline: hu.Pipeline
) -> None:
    assume_overlap(pipeline, stack)
    of_stack, of_volume = pipeline.run(stack), pipeline.run(stack.volume())
    assert [found.code for found in of_stack.diagnostics] == ["GAP", "NOT_HU"]
    assert of_volume.diagnostics == of_stack.diagnostics
    for key in ("source", "diagnostics", "pipeline", "masks"):
        assert of_volume.record.to_json()[key] == of_stack.record.to_json()[key]
    assert set(of_volume.masks) == ({"interpolated"} if any(stack.interpolated) else set())
    of_case = pipeline.run(hu.Case(stack.volume()))
    assert deterministic(of_case.record) == deterministic(of_volume.record)


_FIRST = st.lists(
    st.sampled_from((hu.Reorient(to="RAS"), hu.Resample(spacing_mm=(4, 4, 7)))), max_size=2
)
_MASKED = st.lists(
    st.sampled_from(
        (
            hu.FillOutside(mask="body"),
            hu.CropToMask(mask="body", margin_mm=3, empty="keep"),
            hu.CropOrPad(shape=(20, 19, 8), center="body"),
            hu.Resample(spacing_mm=(7, 9, 11)),
            hu.Denoise(method="median", radius_mm=5),
            hu.Reorient(to="PIR"),
        )
    ),
    max_size=4,
)
_LAST = st.sampled_from(
    ((), (hu.Clip(low_hu=-100, high_hu=1000), hu.MapRange()), (hu.Slab(thickness_mm=20),))
)
_DTYPES = st.sampled_from((None, "float32", "float64"))


@pytest.mark.parametrize("is_stack", [True, False])
@settings(max_examples=25)
@given(first=_FIRST, masked=_MASKED, last=_LAST, dtype=_DTYPES)
def test_a_record_with_masks_runs_again_by_its_pipeline_and_by_its_steps(
    phantom: Head, is_stack: bool, first: list, masked: list, last: tuple, dtype: str | None
) -> None:
    body = hu.BodyMask(empty="keep", core_mm=20)
    pipeline = hu.Pipeline((*first, body, *masked, *last), name="masked")
    source = hu.Stack.from_volume(phantom.image) if is_stack else phantom.image
    labels = {"bone": bones(phantom.image)}
    done = pipeline.run(source, dtype=dtype, labels=labels)
    for resolved in (False, True):
        again = hu.Pipeline.of_record(done.record, resolved=resolved).run(source, labels=labels)
        same(done, again)
        assert again.record.steps == done.record.steps


def bones(image: hu.Volume) -> hu.Volume:
    array = (image.array > 300).astype(np.uint8)
    return hu.Volume.from_array(array, affine=image.grid.affine, quantity="label")


def test_two_samplings_with_a_look_between_them_are_never_fused_into_one(phantom: Head) -> None:
    steps = (hu.Resample(spacing_mm=10.0), hu.CropToMask(mask="bone"), hu.Resample(spacing_mm=7.0))
    labels = {"bone": bones(phantom.image)}
    done = hu.Pipeline(steps).run(phantom.image, labels=labels)
    assert [step["step"] for step in done.record.steps] == [
        "Resample",
        "EndPass",
        "Box",
        "Resample",
    ]
    again = hu.Pipeline.of_record(done.record, resolved=True).run(phantom.image, labels=labels)
    same(done, again)


def test_a_mask_of_another_scan_is_refused(phantom: Head) -> None:
    record = hu.Pipeline((hu.BodyMask(empty="keep"),)).run(phantom.image).record
    resolved = hu.Pipeline.of_record(record, resolved=True)
    with pytest.raises(hu.PipelineError, match="do not match its sha256 or"):
        resolved.run(hu.Volume.from_array(np.zeros((9, 9, 9), np.int16), affine=np.eye(4)))
    for bits in ("", "!", 7, record.steps[0]["bits"][:-60], "eJw="):
        steps = [{**record.steps[0], "bits": bits}]
        with pytest.raises(hu.PipelineError, match="do not match its sha256 or"):
            hu.Pipeline.parse({"steps": steps}).run(phantom.image)


@pytest.mark.parametrize(
    "name", ["head_ge_tilt_varspacing/dicom", "leg_rtstruct_sts001/dicom/image"]
)
def test_the_record_of_a_real_scan_runs_again_from_the_command_lines_file(
    real_data: Path, tmp_path: Path, name: str
) -> None:
    pipeline = hu.Pipeline(
        (
            hu.BodyMask(),
            hu.FillOutside(mask="body"),
            hu.CropToMask(mask="body", margin_mm=5),
            hu.Resample(spacing_mm=4.0),
        )
    )
    job = RunConfig(pipeline=pipeline, out=tmp_path, dtype="float32")
    assert run_case(job, CaseSource(id="case", path=real_data / name)).status == "done"
    folder = tmp_path / "cases" / "case"
    record, stack = Record.load(folder / "record.json"), hu.open(real_data / name)
    assert record.source["sha256"] == stack.source.sha256
    for resolved in (False, True):
        again = hu.Pipeline.load(folder / "record.json", resolved=resolved).run(stack)
        image = hu.read(folder / "image.nii.gz", quantity="other")
        assert again.volume.array.tobytes("F") == image.array.tobytes("F")
        assert again.record.masks == record.masks
        of_reader = [each for each in again.diagnostics if each.code != "MASK_CUT"]
        assert of_reader == list(stack.diagnostics)


def test_read_warns_once_for_each_repair_and_doubt_at_the_callers_line(
    phantom: Head, tmp_path: Path
) -> None:
    write_series(phantom, tmp_path / "scan", faults=Faults(missing=(6, 7), duplicated=(3,)))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        volume = hu.read(tmp_path / "scan", gaps="fill")
    found = [each.message.diagnostic for each in caught]  # type: ignore[union-attr]
    assert found == [each for each in volume.diagnostics if each.severity != "note"]
    assert {each.code for each in found} == {"GAP", "DUPLICATE"}
    assert {each.filename for each in caught} == {__file__}
    with reported():
        assert hu.open(tmp_path / "scan", gaps="fill").diagnostics == volume.diagnostics


def test_a_volume_with_filled_gaps_has_the_mask_of_them(phantom: Head, tmp_path: Path) -> None:
    write_series(phantom, tmp_path / "scan", faults=Faults(missing=(6, 7)))
    with reported("GAP"):
        volume = hu.read(tmp_path / "scan", gaps="fill")
    assert volume.source is not None
    assert np.flatnonzero(volume.source.interpolated).tolist() == [6, 7]
    stack = hu.open(tmp_path / "scan", gaps="fill")
    same(RESAMPLE.run(stack), RESAMPLE.run(volume))
    assert RESAMPLE.run(volume).masks["interpolated"].array.any()


def test_a_tilted_volume_records_where_its_stack_lay(real_data: Path) -> None:
    path = real_data / "head_ge_tilt_varspacing" / "dicom"
    with reported("UNEVEN", "TILT"):
        volume = hu.read(path)
    of_volume, of_stack = RESAMPLE.run(volume).record, RESAMPLE.run(hu.open(path)).record
    assert dict(of_volume.source) == dict(of_stack.source)
    assert of_volume.diagnostics == of_stack.diagnostics
    assert {row["severity"] for row in of_volume.diagnostics} == {"note", "repair"}
    assert "slices" in of_volume.source["geometry"]


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_a_doubt_that_only_voxels_tell_is_in_result_record_and_case(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hounsfield.io.values.to_stack.KEPT_IN_MEMORY_BYTES", 0)
    path = nifti(tmp_path / f"x{suffix}", head_like() + 1100)
    with reported("NOT_HU"):
        volume = hu.read(path)
    for source in (volume, hu.open(path)):
        result = RESAMPLE.run(source)
        assert [found.code for found in result.diagnostics] == ["NOT_HU"]
        assert result.record.diagnostics[0]["severity"] == "warning"
    streamed = stream(RESAMPLE, open_stack(path, policy=hu.ReadPolicy()))
    assert streamed is not None
    assert [slab.shape for slab in streamed.slabs()]
    assert streamed.record.diagnostics == result.record.diagnostics
    outcome = run_case(RunConfig(pipeline=RESAMPLE, out=tmp_path), CaseSource(id="x", path=path))
    assert outcome.diagnostics == result.record.diagnostics
    record = Record.load(tmp_path / "cases" / "x" / "record.json")
    assert record.diagnostics == result.record.diagnostics
    assert record.source == dict(result.record.source)


def test_the_checksum_is_that_of_what_was_opened(tmp_path: Path) -> None:
    path = nifti(tmp_path / "x.nii", head_like())
    volume, early = hu.read(path), hu.read(path)
    assert early.source is not None
    assert volume.source is not None
    digest = early.source.sha256
    path.write_bytes(path.read_bytes() + b"x")
    assert early.source.sha256 == digest
    record = RESAMPLE.run(volume).record
    with pytest.warns(hu.HounsfieldWarning, match="changed since"):
        assert record.to_json()["source"]["sha256"] == ""
    path.unlink()
    with pytest.warns(hu.HounsfieldWarning, match="changed since"):
        assert volume.source.sha256 == ""


def test_a_volume_that_was_read_is_pickled_with_its_source(tmp_path: Path) -> None:
    volume = hu.read(nifti(tmp_path / "x.nii", head_like()))
    copy = pickle.loads(pickle.dumps(volume))  # noqa: S301
    assert copy.spec == volume.spec
    assert np.array_equal(copy.array, volume.array)
    assert copy.source.sha256 == volume.source.sha256  # type: ignore[union-attr]


def test_what_a_step_or_an_array_made_has_no_source(phantom: Head) -> None:
    assert phantom.image.source is None
    done = RESAMPLE.run(phantom.image)
    assert (done.volume.source, done.volume.diagnostics) == (None, ())
    assert done.record.source["sha256"] == ""
