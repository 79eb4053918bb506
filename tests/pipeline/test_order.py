"""All diagnostics of a pipeline are found before reading, at once, each with its step number."""

from pathlib import Path

import numpy as np
import pytest

import hounsfield as hu
from hounsfield.pipeline.presets import preset_names

CT = hu.Volume.from_array(np.zeros((6, 6, 6), np.int16), affine=np.eye(4))


def diagnostics(*rows: dict[str, object]) -> list[str]:
    with pytest.raises(hu.PipelineError) as caught:
        hu.Pipeline.parse({"steps": [dict(row) for row in rows]})
    assert str(caught.value).count("\n") == 0
    return [str(diagnostic) for diagnostic in caught.value.diagnostics]


def test_a_window_twice_is_refused() -> None:
    with pytest.raises(hu.PipelineError, match=r"step 2: Window needs hu and gets unit"):
        hu.Pipeline((hu.Window(name="brain"), hu.Window(name="brain")))


def test_map_range_without_bounds_is_refused() -> None:
    with pytest.raises(hu.PipelineError, match=r"step 2: MapRange has no bounds"):
        hu.Pipeline((hu.Reorient(), hu.MapRange()))


def test_hu_asked_of_what_is_not_hu_is_refused_before_a_voxel_is_read() -> None:
    display = hu.Volume.from_array(
        np.zeros((2, 2, 2), np.uint8), affine=np.eye(4), quantity="display"
    )
    with pytest.raises(hu.PipelineError, match="step 1: Window needs hu and gets display"):
        hu.Pipeline((hu.Window(name="brain"),)).run(display)


def test_every_order_problem_is_said_at_once() -> None:
    with pytest.raises(hu.PipelineError) as caught:
        hu.Pipeline(
            (
                hu.MapRange(),
                hu.Window(name="brain"),
                hu.Clip(low_hu=0, high_hu=1),
                hu.SplitSlices(),
                hu.Standardize(mean_hu=0, std_hu=1),
            )
        )
    assert [diagnostic.where for diagnostic in caught.value.diagnostics] == [
        "step 1",
        "step 3",
        "step 4",
        "step 5",
    ]


def test_unknown_steps_keys_and_values_are_said_at_once_with_suggestions() -> None:
    said = diagnostics(
        {"step": "Resampl", "spacing_mm": 1},
        {"step": "Resample", "spacing": 1},
        {"step": "Clip", "low": -100, "high_hu": 1},
        {"step": "Window", "name": "brian"},
        {"step": "Slab", "slices": 0},
        {"stp": "Slab"},
    )
    assert [text.split(":")[0] for text in said] == [f"step {n}" for n in range(1, 7)]
    assert "did you mean Resample?" in said[0]
    assert "did you mean spacing_mm?" in said[1]
    assert "did you mean low_hu?" in said[2]
    assert "brain" in said[3]


@pytest.mark.parametrize(
    ("row", "hint"),
    [
        ({"step": "Resample", "spacing_cm": 0.1}, "spacing_mm"),
        ({"step": "Slab", "thickness_cm": 0.5}, "thickness_mm"),
        ({"step": "Window", "center": 40, "width": 80}, "center_hu"),
        ({"step": "Denoise", "method": "median", "radius_voxels": 2}, "radius_mm"),
    ],
)
def test_a_wrong_unit_is_no_key(row: dict[str, object], hint: str) -> None:
    assert hint in diagnostics(row)[0]


@pytest.mark.parametrize(
    "row",
    [
        {"step": "Resample", "spacing_mm": "1 mm"},
        {"step": "Resample", "spacing_mm": [1, 2]},
        {"step": "Clip"},
        {"step": "Clip", "low_hu": "a", "high_hu": 2},
        {"step": "CropOrPad", "shape": 5},
        {"step": "Reorient", "to": 7},
        {"step": "Windows", "names": [1]},
        {"step": "Windows", "names": 3},
        {"step": "Resample", "like": {"shape": [1, 2, 3]}},
        {"step": "Box", "start": None, "shape": [1, 1, 1]},
        {"step": "Slab", "slices": 3, "stride": "x"},
        {"step": "Window", "name": ["brain"]},
    ],
)
def test_a_value_of_the_wrong_kind_is_a_problem_and_no_traceback(row: dict[str, object]) -> None:
    assert diagnostics(row)[0].startswith("step 1: ")


def test_order_problems_are_said_beside_unknown_keys() -> None:
    said = diagnostics(
        {"step": "Resample", "spacing": 1},
        {"step": "Window", "name": "brain"},
        {"step": "Window", "name": "brain"},
    )
    assert [text.split(":")[0] for text in said] == ["step 1", "step 3"]


def test_what_an_unreadable_clip_would_have_given_is_not_missed() -> None:
    assert [
        text.split(":")[0] for text in diagnostics({"step": "Clip", "low": 0}, {"step": "MapRange"})
    ] == ["step 1"]


@pytest.mark.parametrize(
    ("step", "name"),
    [
        (hu.FillOutside(mask="head"), "HeadMask"),
        (hu.CropToMask(mask="brain"), "BrainMask"),
        (hu.CropOrPad(shape=(2, 2, 2), center="body"), "BodyMask"),
    ],
)
def test_a_mask_that_nobody_makes_is_missed_before_a_voxel_is_read(step: object, name: str) -> None:
    with pytest.raises(hu.PipelineError, match=f"step 2: .* put {name} before it"):
        hu.Pipeline((hu.Reorient(), step)).run(CT)


def test_a_mask_that_comes_with_the_case_is_found() -> None:
    mask = hu.Volume.from_array(
        np.pad(np.ones((2, 2, 2), np.uint8), 2), affine=np.eye(4), quantity="mask"
    )
    made = hu.Pipeline((hu.CropToMask(mask="head"),)).run(hu.Case(CT, {}, {"head": mask}))
    assert made.volume.grid.shape == (2, 2, 2)


def test_a_crop_beyond_the_scan_is_said_with_its_step_when_planned() -> None:
    with pytest.raises(hu.PipelineError, match="step 2: no voxel of Grid"):
        hu.Pipeline((hu.Reorient(), hu.CropToBox(start_mm=(900, 0, 0), stop_mm=(999, 1, 1)))).plan(
            CT
        )


def test_what_is_no_step_is_refused() -> None:
    with pytest.raises(
        hu.PipelineError, match="step 2: str is not a step; expected plan and apply or resolve"
    ):
        hu.Pipeline((hu.Reorient(), "Resample"))  # type: ignore[arg-type]


def test_an_unknown_preset_says_which_is_near() -> None:
    with pytest.raises(hu.PipelineError, match="isotropic-mip"):
        hu.preset("isotropic-mips")


def test_every_preset_is_a_pipeline_or_says_what_it_needs() -> None:
    for name in preset_names():
        if name == "nnunet-ct":
            with pytest.raises(hu.PipelineError, match=r"--set pipeline\.fingerprint=FILE"):
                hu.preset(name)
        else:
            assert hu.preset(name).name == name


def test_nnunet_takes_its_numbers_from_a_fingerprint(tmp_path: Path) -> None:
    path = tmp_path / "dataset_fingerprint.json"
    path.write_text(
        '{"spacings": [[5, 0.8, 0.7], [3, 0.8, 0.7], [4, 0.8, 0.7]], '
        '"foreground_intensity_properties_per_channel": '
        '{"0": {"mean": 80, "std": 130, "percentile_00_5": -900, "percentile_99_5": 1100}}}'
    )
    steps = hu.preset("nnunet-ct", settings={"pipeline.fingerprint": path}).steps
    assert steps == (
        hu.Resample(spacing_mm=(0.7, 0.8, 4), method="cubic"),
        hu.Clip(low_hu=-900, high_hu=1100),
        hu.Standardize(mean_hu=80, std_hu=130),
    )
    path.write_text("[]")
    with pytest.raises(hu.PipelineError, match="dataset_fingerprint"):
        hu.preset("nnunet-ct", settings={"pipeline.fingerprint": path})
