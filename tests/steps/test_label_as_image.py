"""A label or mask as the image of a pipeline is never averaged: its values, or an error."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import hounsfield as hu
from hounsfield.core.grid import Grid
from hounsfield.core.policy import ReadPolicy
from hounsfield.core.stack import Stack
from hounsfield.io.open import open_stack
from hounsfield.pipeline.stream import stream
from hounsfield.steps.registry import NAMES
from hounsfield.testing import grids, specs, volumes

AFFINE = np.diag([-1.1, 0.8, 2.0, 1.0])
METHODS = st.sampled_from(["auto", "nearest", "linear", "area", "conservative", "cubic"])
TURNED = Grid((9, 8, 7), [[0.9, -0.5, 0, -6], [0.5, 0.9, 0, -2], [0, 0, 1.3, 1], [0, 0, 0, 1]])


def labels(quantity: str) -> st.SearchStrategy[hu.Volume]:
    return volumes(
        spec=specs(grid=grids(smallest=2), quantity=quantity, dtypes=("uint8", "uint16", "int32"))
    )


LABELS = st.one_of(labels("label"), labels("mask"))
SPACINGS = st.tuples(*[st.floats(0.4, 5.0)] * 3)
EACH = {
    "Box": st.just(hu.Box(start=(-1, 0, 1), shape=(6, 5, 7))),
    "BodyMask": st.just(hu.BodyMask()),
    "BrainMask": st.just(hu.BrainMask()),
    "LungMask": st.just(hu.LungMask()),
    "Clip": st.just(hu.Clip(low_hu=0, high_hu=1)),
    "CropOrPad": st.just(hu.CropOrPad(shape=(5, None, 9))),
    "CropToBox": st.just(hu.CropToBox(start_mm=(-300, -300, -300), stop_mm=(300, 300, 300))),
    "CropToMask": st.just(hu.CropToMask(mask="given", margin_mm=1)),
    "Denoise": st.sampled_from(
        [hu.Denoise(method="median", radius_mm=2), hu.Denoise(method="gaussian", sigma_mm=1)]
    ),
    "FillOutside": st.just(hu.FillOutside(mask="given")),
    "HeadMask": st.just(hu.HeadMask()),
    "MapRange": st.just(hu.MapRange(from_low=0, from_high=3)),
    "Reorient": st.sampled_from([hu.Reorient("RAS"), hu.Reorient("SPL")]),
    "Resample": st.one_of(
        st.builds(
            lambda spacing, method: hu.Resample(spacing_mm=spacing, method=method),
            SPACINGS,
            METHODS,
        ),
        st.builds(lambda method: hu.Resample(like=TURNED, method=method), METHODS),
        st.builds(
            lambda how: hu.Resample(shape=(5, 6, 7), label_method=how),
            st.sampled_from(["nearest", "partial_volume"]),
        ),
    ),
    "Slab": st.sampled_from([hu.Slab(slices=3, statistic=name) for name in ("max", "min", "mean")]),
    "SplitSlices": st.just(hu.SplitSlices(plane="axial")),
    "Standardize": st.just(hu.Standardize(mean_hu=1, std_hu=2)),
    "Window": st.just(hu.Window(name="brain")),
    "Windows": st.just(hu.Windows(names=("brain", "bone"))),
}


def test_every_step_is_drawn() -> None:
    assert set(EACH) == set(NAMES)


def at_most(made: hu.Volume, label: hu.Volume) -> bool:
    """Whether all values of a result are values of the label, or its background."""
    return set(np.unique(made.array).tolist()) <= {*np.unique(label.array).tolist(), 0}


@given(label=LABELS, steps=st.lists(st.one_of(*EACH.values()), min_size=1, max_size=3))
def test_a_pipeline_on_a_label_has_its_values_or_an_error(
    label: hu.Volume, steps: list[object]
) -> None:
    given_mask = hu.Volume.from_array(
        (label.array > 0).astype(np.uint8), affine=label.affine, quantity="mask"
    )
    case = hu.Case(label, masks={"given": given_mask})
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", hu.HounsfieldWarning)
            made = hu.Pipeline(tuple(steps)).run(case).volume
    except (hu.QuantityError, hu.PipelineError, hu.GeometryError, hu.RefusedError):
        return
    assert made.quantity == label.quantity
    assert made.dtype == label.dtype
    assert at_most(made, label)


@given(label=LABELS, name=st.sampled_from(sorted(EACH)), data=st.data())
def test_each_step_on_a_label_has_its_values_or_an_error(
    label: hu.Volume, name: str, data: st.DataObject
) -> None:
    step = data.draw(EACH[name])
    try:
        spec = step.plan(label.spec)
        step = step.resolve(hu.Case(label)) if hasattr(step, "resolve") else step
        made = step.apply(hu.Case(label)).image
    except (hu.QuantityError, hu.PipelineError, hu.GeometryError, hu.RefusedError):
        return
    assert made.spec.dtype == spec.dtype == label.dtype
    assert at_most(made, label)


@given(label=LABELS, spacing=SPACINGS)
def test_a_plan_of_a_label_has_its_dtype_and_names_the_largest_share(
    label: hu.Volume, spacing: tuple[float, float, float]
) -> None:
    pipeline = hu.Pipeline((hu.Resample(spacing_mm=spacing),))
    found = pipeline.plan(label)
    assert found.spec == pipeline.run(label).volume.spec
    assert set(found.passes[0].kernels) <= {"copy", "partial_volume"}


def test_a_label_as_the_image_is_as_a_label_of_an_image() -> None:
    values = np.random.default_rng(0).integers(0, 26, (20, 18, 16)).astype(np.uint8, order="F")
    label = hu.Volume.from_array(values, affine=AFFINE, quantity="label")
    image = hu.Volume.from_array(values.astype(np.int16), affine=AFFINE)
    for step in (hu.Resample(spacing_mm=1.7), hu.Resample(like=TURNED)):
        pipeline = hu.Pipeline((hu.Reorient("RAS"), step, hu.CropOrPad(shape=(9, 9, 9))))
        wanted = pipeline.run(hu.Case(image, {"a": label})).labels["a"]
        made = pipeline.run(label).volume
        assert made.dtype == np.uint8
        assert len(np.unique(made.array)) <= 26
        assert np.array_equal(made.array, wanted.array)


def test_a_label_file_through_a_run_keeps_its_values(tmp_path: Path) -> None:
    blocks = np.random.default_rng(1).integers(0, 26, (5, 5, 4)).astype(np.uint8)
    values = np.kron(blocks, np.ones((4, 4, 4), np.uint8))
    label = hu.Volume.from_array(values, affine=AFFINE, quantity="label")
    hu.write(label, tmp_path / "label.nii.gz")
    stack = open_stack(tmp_path / "label.nii.gz", quantity="label", policy=ReadPolicy())
    pipeline = hu.Pipeline((hu.Resample(spacing_mm=1.7),))
    assert stream(pipeline, stack) is None
    made = pipeline.run(stack).volume
    assert np.array_equal(made.array, pipeline.run(label).volume.array)


def test_a_large_label_value_is_copied_exactly() -> None:
    values = np.full((4, 4, 4), 2**24 + 1, np.int32, order="F")
    label = hu.Volume.from_array(values, affine=AFFINE, quantity="label")
    pipeline = hu.Pipeline((hu.Reorient("RAS"),))
    assert stream(pipeline, Stack.from_volume(label)) is None
    assert (pipeline.run(label).volume.array == 2**24 + 1).all()
