"""A DICOM file, folder or archive as a Stack."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hounsfield.core.errors import Problem, ReadError, RefusedError
from hounsfield.core.policy import ReadPolicy
from hounsfield.core.stack import Stack
from hounsfield.io.dicom.classify import SLICES
from hounsfield.io.dicom.decode import FrameDecoder, common_dtype
from hounsfield.io.dicom.frame import Frame
from hounsfield.io.dicom.grouping import group_frames
from hounsfield.io.dicom.listing import sources
from hounsfield.io.dicom.orientation import LPS_TO_RAS, axes, normal, places
from hounsfield.io.dicom.triage import triage


def open_dicom(path: Path, *, series: str | None = None, policy: ReadPolicy) -> Stack:
    """The CT series at `path` as a Stack; nothing is decoded yet.

    `series` chooses one by its id where there are several. Raises ReadError where nothing can be read, RefusedError
    with its codes where reading would be guessing.
    """
    found = triage(sources(path))
    groups = [group for group in group_frames(found.frames) if group.kind in SLICES]
    if not groups:
        raise ReadError(f"{path.name}: no CT series there")
    if len(groups) > 1:
        raise RefusedError([Problem(path.name, "SEVERAL_SERIES", f"{len(groups)} series of CT slices")])
    return _stack(groups[0].frames, policy)


def _stack(frames: tuple[Frame, ...], policy: ReadPolicy) -> Stack:
    first = frames[0]
    across, pair = normal(first.orientation), axes(first.orientation)
    if across is None or pair is None or not first.spacing_mm or not all(frame.position_mm for frame in frames):
        raise RefusedError([Problem(first.name, "NO_POSITION", "no position")])
    order = np.argsort(places(frames, across), kind="stable")
    frames = tuple(frames[n] for n in order)
    form = first.pixels
    assert form is not None
    return Stack(shape=(form.columns, form.rows, len(frames)),
                 origins_ras_mm=np.array([frame.position_mm for frame in frames]) * LPS_TO_RAS,
                 step_i_ras_mm=pair[0] * first.spacing_mm[1] * LPS_TO_RAS,
                 step_j_ras_mm=pair[1] * first.spacing_mm[0] * LPS_TO_RAS,
                 stored_dtype=common_dtype(frames), decode=FrameDecoder(frames, common_dtype(frames)),
                 slopes=np.array([frame.slope or 1.0 for frame in frames]),
                 intercepts=np.array([frame.intercept or 0.0 for frame in frames]),
                 thickness_mm=first.thickness_mm, policy=policy)
