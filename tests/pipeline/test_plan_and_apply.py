"""A step that makes another image than its plan announces is an error, whatever differs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import hounsfield as hu
from hounsfield.core.spec import Spec
from hounsfield.core.stack_on_grid import stack_on_grid

CT = hu.Volume.from_array(np.zeros((4, 5, 6), np.int16), affine=np.eye(4))


@dataclass(frozen=True, slots=True, kw_only=True)
class Planless:
    """A step that plans no change and makes `made`."""

    made: Any

    def plan(self, spec: Spec) -> Spec:
        return spec

    def apply(self, case: hu.Case) -> Any:
        return self.made


OTHERS = {
    "float32 instead of int16": hu.Case(
        hu.Volume.from_array(np.zeros((4, 5, 6), np.float32), affine=np.eye(4))
    ),
    r"4, 5, 5.* instead of .*4, 5, 6": hu.Case(
        hu.Volume.from_array(np.zeros((4, 5, 5), np.int16), affine=np.eye(4))
    ),
    "2 x 1 x 1 mm.* instead of .*1 x 1 x 1 mm": hu.Case(
        hu.Volume.from_array(np.zeros((4, 5, 6), np.int16), affine=np.diag([2.0, 1, 1, 1]))
    ),
    "display instead of hu": hu.Case(
        hu.Volume.from_array(
            np.zeros((4, 5, 6), np.int16), affine=np.eye(4), quantity="display", background=-1024
        )
    ),
    "background 0.0 instead of -1024.0": hu.Case(
        hu.Volume.from_array(np.zeros((4, 5, 6), np.int16), affine=np.eye(4), background=0)
    ),
    "apply returned Volume; expected a Case": CT,
    "apply returned NoneType; expected a Case": None,
}


@pytest.mark.parametrize("message", OTHERS)
def test_what_differs_from_the_plan_is_an_error_that_names_the_step(message: str) -> None:
    pipeline = hu.Pipeline([hu.Reorient("RAS"), Planless(made=OTHERS[message])])
    with pytest.raises(hu.PipelineError, match=f"step 2 .*Planless.*{message}"):
        pipeline.run(CT)


def test_a_step_that_keeps_its_plan_runs() -> None:
    assert hu.Pipeline([Planless(made=hu.Case(CT))]).run(CT).volume.spec == CT.spec


def test_values_beyond_int16_make_a_float32_image_that_says_so() -> None:
    values = np.full((3, 3, 3), 60000, dtype=np.uint16, order="F")
    high = stack_on_grid(
        hu.Grid((3, 3, 3), np.eye(4)),
        stored_dtype=values.dtype,
        decode=lambda start, stop: values[:, :, start:stop],
        quantity="hu",
        background=-1024.0,
        intercept=-1024.0,
    )
    pipeline = hu.Pipeline([hu.Reorient("LPS"), hu.Denoise(method="median", radius_mm=1)])
    planned, result = pipeline.plan(high), pipeline.run(high)
    assert planned.spec.dtype == np.int16
    assert "float32 if values exceed int16" in str(planned)
    assert result.volume.spec.dtype == np.float32
    assert [each.code for each in result.diagnostics] == ["WIDENED"]
    assert pipeline.run(CT).diagnostics == ()
    assert "float32" not in str(pipeline.plan(CT))
