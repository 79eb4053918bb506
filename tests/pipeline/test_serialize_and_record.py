"""Pipelines survive TOML and records unchanged, and a record runs again to the same bytes."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

import hounsfield as hu
from hounsfield.pipeline.presets import preset_names, preset_text
from hounsfield.pipeline.record import Record
from hounsfield.pipeline.serialize import LARGEST_BYTES
from hounsfield.pipeline.settings import parse_settings
from hounsfield.testing import grids, pipelines, specs, volumes
from tests.drawn import assume_overlap
from tests.reported import reported

CT = hu.Volume.from_array(
    np.random.default_rng(0).integers(-1000, 2000, (9, 8, 7)).astype(np.int16),
    affine=np.diag([-1, -1, 2, 1]),
)


def from_toml(text: str) -> hu.Pipeline:
    import tomllib

    return hu.Pipeline.parse(tomllib.loads(text))


@given(pipeline=pipelines())
def test_a_pipeline_goes_to_toml_and_back(pipeline: hu.Pipeline) -> None:
    assert from_toml(pipeline.to_toml()) == pipeline


ALL = (
    hu.Reorient("LPS"),
    hu.Resample(like=CT.grid, method="cubic"),
    hu.Denoise(method="median", radius_mm=1),
    hu.BodyMask(),
    hu.HeadMask(),
    hu.BrainMask(),
    hu.FillOutside(mask="head"),
    hu.CropToMask(mask="head", margin_mm=3),
    hu.CropToBox(start_mm=(0, 0, 0), stop_mm=(5, 5, 5)),
    hu.CropOrPad(shape=(4, None, 4), center="head"),
    hu.Box(start=(-1, 0, 0), shape=(3, 3, 3)),
    hu.Clip(low_hu=-100.5, high_hu=1000),
    hu.MapRange(to_high=2, clip=False),
    hu.Slab(statistic="mean", thickness_mm=5, plane="coronal"),
    hu.SplitSlices(plane="sagittal"),
)


def test_every_step_goes_to_toml_and_back() -> None:
    others = [
        hu.Window(center_hu=1, width_hu=2, function="sigmoid"),
        hu.Windows(names=("brain", "bone")),
        hu.Standardize(mean_hu=1, std_hu=2),
    ]
    for pipeline in (hu.Pipeline(ALL, name="all"), *(hu.Pipeline((step,)) for step in others)):
        assert from_toml(pipeline.to_toml()) == pipeline


def test_presets_are_files_of_the_same_kind(tmp_path: Path) -> None:
    for name in preset_names():
        if name != "nnunet-ct":
            path = tmp_path / f"{name}.toml"
            path.write_text(preset_text(name))
            assert hu.Pipeline.load(path) == hu.preset(name)


@settings(max_examples=25)
@given(volume=volumes(spec=specs(grid=grids(smallest=2), dtypes=("int16",))), pipeline=pipelines())
def test_a_record_runs_again_to_the_same_bytes(volume: hu.Volume, pipeline: hu.Pipeline) -> None:
    assume_overlap(pipeline, volume)
    first = pipeline.run(volume)
    data = json.loads(first.record.to_text())
    again = hu.Pipeline.parse(data["pipeline"]).run(volume)
    assert again.volume.array.tobytes("F") == first.volume.array.tobytes("F")
    assert again.volume.spec == first.volume.spec
    data.pop("volatile")
    repeated = json.loads(again.record.to_text())
    repeated.pop("volatile")
    assert repeated == data


def test_a_record_is_loaded_as_a_pipeline_and_as_a_record(tmp_path: Path) -> None:
    done = hu.preset("isotropic-mip").run(CT)
    path = tmp_path / "record.json"
    path.write_text(done.record.to_text())
    assert hu.Pipeline.load(path) == hu.preset("isotropic-mip")
    record = Record.load(path)
    assert record.source_grid == CT.grid
    assert record.output_grid == done.volume.grid
    assert record.to_json() == done.record.to_json()


def test_the_resolved_steps_of_a_record_are_fixed_steps() -> None:
    mask = hu.Volume.from_array(
        np.pad(np.ones((2, 2, 2), np.uint8), ((3, 4), (3, 3), (2, 3))),
        affine=CT.grid.affine,
        quantity="mask",
    )
    done = hu.Pipeline((hu.CropToMask(mask="head"),)).run(hu.Case(CT, {}, {"head": mask}))
    assert done.record.steps == ({"step": "Box", "start": [3, 3, 2], "shape": [2, 2, 2]},)
    assert done.record.to_json()["pipeline"]["steps"] == [{"step": "CropToMask", "mask": "head"}]


def test_what_a_mask_step_found_is_in_the_record_as_plain_text() -> None:
    with reported("EMPTY_MASK"):
        record = hu.Pipeline((hu.BrainMask(empty="keep"),)).run(CT).record
    data = json.loads(record.to_text())
    assert [repair["code"] for repair in data["diagnostics"]] == ["EMPTY_MASK"]
    assert [set(step) for step in data["steps"]] == [{"step", "name", "sha256", "bits"}]


@pytest.mark.parametrize(
    ("setting", "step", "key", "value"),
    [
        ("Resample.spacing_mm=2", 1, "spacing_mm", (2.0, 2.0, 2.0)),
        ("Resample.spacing_mm=[1, 1, 3]", 1, "spacing_mm", (1.0, 1.0, 3.0)),
        ("Resample.method=linear", 1, "method", "linear"),
        ("Clip.low_hu=-200", 2, "low_hu", -200),
        ("Slab.slices=7", 4, "slices", 7),
        ("1.to=LPS", 0, "to", "LPS"),
        ("MapRange.clip=false", 3, "clip", False),
    ],
)
def test_a_setting_changes_one_key(setting: str, step: int, key: str, value: object) -> None:
    changed = hu.preset("isotropic-mip", settings=parse_settings([setting]))
    assert getattr(changed.steps[step], key) == value
    before, after = [list(one.steps) for one in (hu.preset("isotropic-mip"), changed)]
    before.pop(step), after.pop(step)
    assert before == after


@pytest.mark.parametrize(
    ("setting", "hint"),
    [
        ("Resample.spacing=2", "did you mean spacing_mm"),
        ("Rsample.spacing_mm=2", "no step 'Rsample'"),
        ("spacing_mm=2", "STEP.KEY=VALUE"),
        ("Resample.spacing_mm", "STEP.KEY=VALUE"),
        ("pipeline.finger=x", "no parameter"),
        ("Clip.low_hu=2000", "expected less than high_hu"),
    ],
)
def test_a_setting_that_cannot_be_is_said(setting: str, hint: str) -> None:
    with pytest.raises(hu.PipelineError, match=hint):
        hu.preset("isotropic-mip", settings=parse_settings([setting]))


@pytest.mark.parametrize(
    "text",
    [
        "steps = 3",
        "steps = [1]",
        "[steps]\nstep = 'Clip'",
        "step = [",
        "schema = 2",
        "colour = 1",
        "\x00",
        "schema = '1'",
    ],
)
def test_a_file_that_is_no_pipeline_is_one_clear_line(text: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(hu.PipelineError) as caught:
        hu.Pipeline.load(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"pipeline": 3}',
        '{"pipeline": {"steps": 7}}',
        "[" * 5000,
        '{"pipeline": [["a", 1]]}',
    ],
)
def test_a_json_that_is_no_record_is_one_clear_line(text: str, tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    path.write_text(text)
    with pytest.raises(hu.PipelineError) as caught:
        hu.Pipeline.load(path)
    assert "\n" not in str(caught.value)
    with pytest.raises(hu.ReadError):
        Record.load(path)


def test_a_file_that_is_missing_huge_or_no_text_is_one_clear_line(tmp_path: Path) -> None:
    huge, binary = tmp_path / "huge.toml", tmp_path / "binary.toml"
    huge.write_bytes(b"#" * (LARGEST_BYTES + 1))
    binary.write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "none.toml", huge, binary, tmp_path):
        with pytest.raises(hu.ReadError):
            hu.Pipeline.load(path)


def test_a_record_writes_out_what_a_step_took_from_what_came_before() -> None:
    ct = hu.Volume.from_array(np.zeros((6, 6, 6), np.int16), affine=np.diag([1, 1, 2, 1]))
    steps = [hu.Clip(low_hu=-100, high_hu=1000), hu.MapRange(), hu.Slab(thickness_mm=6)]
    done = hu.Pipeline(steps).run(ct).record
    assert done.steps[1] == {"step": "MapRange", "from_low": -100.0, "from_high": 1000.0}
    assert done.steps[2] == {"step": "Slab", "slices": 3}
    assert done.pipeline["steps"][1] == {"step": "MapRange"}
