"""What a record tells about interpolation: how each axis of each pass was sampled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hounsfield.core.spec import Spec
from hounsfield.pipeline.fuse import FusedPass
from hounsfield.steps.base import Step
from hounsfield.steps.geometric import GeometricStep


def pass_interpolation(done: FusedPass, *, has_labels: bool) -> tuple[Mapping[str, Any], ...]:
    """Return a row of Record.interpolation for a pass; none if it only copies voxels."""
    names = [type(step).__name__ for step in done.steps]
    labels = "" if done.label_sampling.is_copy or not has_labels else done.label_method
    return _row(names, done.kernels, labels=labels)


def step_kernels(step: object, spec: Spec) -> tuple[str, ...]:
    """Return how a step that runs alone samples an image of `spec`; empty if it does not."""
    return step.kernels(spec) if isinstance(step, GeometricStep) else ()


def step_interpolation(
    step: Step, spec: Spec, *, has_labels: bool
) -> tuple[Mapping[str, Any], ...]:
    """Return a row of Record.interpolation for a step that ran alone; none if it only copies."""
    axes = step_kernels(step, spec)
    labels = ""
    if has_labels and isinstance(step, GeometricStep):
        labels = step.label_interpolation
    return _row([type(step).__name__], axes, labels=labels)


def _row(
    names: Sequence[str], axes: Sequence[str], *, labels: str
) -> tuple[Mapping[str, Any], ...]:
    if set(axes) <= {"copy"}:
        return ()
    named = {"labels": labels} if labels else {}
    return ({"steps": list(names), "axes": list(axes), **named},)
