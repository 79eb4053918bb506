"""Build the Stack of a validated series."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.policy import ReadPolicy
from hounsfield.core.spec import BACKGROUNDS
from hounsfield.core.stack import Stack
from hounsfield.core.stored_values import Decode
from hounsfield.io.dicom.header.frame import Frame
from hounsfield.io.dicom.pixels.codestream import with_codestream_signs
from hounsfield.io.dicom.pixels.decode import FrameDecoder, common_dtype
from hounsfield.io.dicom.pixels.interpolate import FilledDecoder, output_slices
from hounsfield.io.dicom.pixels.padding import NO_PADDING, find_padding
from hounsfield.io.dicom.series.sampled_check import SampledCheck
from hounsfield.io.dicom.series.validate import ValidatedSeries
from hounsfield.io.dicom.series.validate_slices import slice_geometry


def stack_of(
    validated: ValidatedSeries,
    policy: ReadPolicy,
    *,
    extra: Sequence[Diagnostic] = (),
    is_hu: bool = True,
) -> Stack:
    """Build the Stack of a series that validation accepted.

    Its values are checked as HU if the header says so and `is_hu`, unless they are assumed to be.
    """
    frames = with_codestream_signs(validated.frames)
    dtype = common_dtype(frames)
    padding = find_padding(frames, dtype) if policy.padding == "air" else NO_PADDING
    decoder = FrameDecoder(frames, dtype, padding.ranges, padding.common, padding.edges)
    slices = output_slices(len(frames), {hole.after: hole.missing for hole in validated.holes})
    slopes, intercepts = _rescales(frames)
    decode: Decode = (
        FilledDecoder(decoder, slices, slopes, intercepts, padding.stored)
        if validated.holes
        else decoder
    )
    check = SampledCheck(
        frames=frames,
        dtype=dtype,
        slopes=slopes,
        intercepts=intercepts,
        padding=padding if policy.padding == "air" else None,
        background=BACKGROUNDS["hu"],
    )
    first, geometry = frames[0], slice_geometry(frames, validated.holes)
    assert first.pixels is not None
    return Stack(
        shape=(first.pixels.columns, first.pixels.rows, len(slices)),
        origins_ras_mm=geometry.origins_ras_mm,
        step_i_ras_mm=geometry.step_i_ras_mm,
        step_j_ras_mm=geometry.step_j_ras_mm,
        stored_dtype=dtype,
        decode=decode,
        slopes=np.array([slopes[s.low] for s in slices]),
        intercepts=np.array([intercepts[s.low] for s in slices]),
        padding=padding.stored,
        quantity=validated.quantity,
        background=BACKGROUNDS.get(validated.quantity, 0.0),
        thickness_mm=first.thickness_mm,
        interpolated=tuple(s.weight > 0 for s in slices) if validated.holes else (),
        diagnostics=(*validated.diagnostics, *padding.diagnostics, *extra),
        policy=policy,
        finish=check if is_hu and validated.quantity == "hu" and policy.assume != "hu" else None,
    )


def _rescales(frames: Sequence[Frame]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Slope and intercept of each frame: 1 and 0 where missing or replaced by a modality LUT."""
    has_lut = [frame.lut is not None for frame in frames]
    slopes = [frame.slope if frame.slope is not None else 1.0 for frame in frames]
    intercepts = [frame.intercept if frame.intercept is not None else 0.0 for frame in frames]
    return (
        tuple(1.0 if lut else slope for lut, slope in zip(has_lut, slopes, strict=True)),
        tuple(0.0 if lut else value for lut, value in zip(has_lut, intercepts, strict=True)),
    )
