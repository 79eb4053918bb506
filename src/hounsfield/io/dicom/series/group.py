"""Group frames by series UID, kind, frame of reference, orientation, size, spacing and kernel."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from hounsfield.io.dicom.header.frame import Frame
from hounsfield.io.dicom.header.geometry import normal, plane
from hounsfield.io.dicom.series.classify import SLICES, Kind, kind_of
from hounsfield.io.dicom.series.series_id import frame_key

COSINE_TOLERANCE = 1e-3
"""Largest difference of direction cosines: 0.25 mm at the edge of a 500 mm field of view."""

SPACING_TOLERANCE = 1e-3
"""Largest relative difference of pixel spacings: half a pixel over a row of 512."""

FEW = 2
"""Up to this many frames in another plane than the main stack are localizers."""


@dataclass(frozen=True, slots=True)
class Group:
    """Frames of one series on one grid; `split_by` lists how they differ from its other frames."""

    kind: Kind
    frames: tuple[Frame, ...]
    split_by: tuple[str, ...] = ()
    phase: str = ""

    @property
    def series(self) -> str:
        """The series UID."""
        return self.frames[0].series


def group_frames(frames: Iterable[Frame]) -> list[Group]:
    """The groups of `frames` in file order, the largest part of each series first."""
    by_series: dict[str, list[Frame]] = {}
    for frame in frames:
        by_series.setdefault(frame.series, []).append(frame)
    without_uid = by_series.pop("", [])
    return [
        group
        for members in (*by_series.values(), *_without_uid(without_uid))
        for group in _groups(members)
    ]


def _without_uid(frames: list[Frame]) -> list[list[Frame]]:
    """Frames without a series UID: a series per study, or one per folder if positions repeat."""
    studies: dict[str, list[Frame]] = {}
    for frame in frames:
        studies.setdefault(frame.study, []).append(frame)
    return [members for study in studies.values() for members in _folders(study)]


def _folders(frames: list[Frame]) -> list[list[Frame]]:
    """All frames, or those of each folder if positions repeat; copied folders are one."""
    positions = {(frame.position_mm, frame.orientation, frame.size) for frame in frames}
    if len(positions) == len(frames):
        return [frames]
    folders: dict[str, list[Frame]] = {}
    for frame in frames:
        folders.setdefault(frame.source.name.rpartition("/")[0], []).append(frame)
    if len(folders) == 1:
        return [frames]
    copies: dict[frozenset[str], list[Frame]] = {}
    for members in folders.values():
        copies.setdefault(frozenset(map(frame_key, members)), []).extend(members)
    return list(copies.values())


def _groups(members: list[Frame]) -> list[Group]:
    buckets: list[tuple[Kind, list[Frame]]] = []
    for frame in sorted(members, key=_sort_key):
        kind = kind_of(frame)
        same = (b for k, b in buckets if k == kind and not differences(b[0], frame))
        bucket = next(same, None)
        if bucket is None:
            buckets.append((kind, [frame]))
        else:
            bucket.append(frame)
    buckets = [(kind, part) for kind, bucket in buckets for part in _by_reference(bucket)]
    buckets.sort(key=lambda item: (item[0] not in SLICES, -len(item[1])))
    stacks = [bucket for kind, bucket in buckets if kind in SLICES]
    return [_group(kind, bucket, stacks) for kind, bucket in buckets]


def _sort_key(frame: Frame) -> tuple[object, ...]:
    """A sort key for frames, so that parts, ids and kept copies do not depend on file names."""
    return (
        frame.orientation,
        frame.size,
        frame.spacing_mm,
        frame.kernel,
        frame.reference,
        frame.position_mm,
        frame.sop_instance,
        frame.index,
        frame.padding or 0,
        frame.padding_limit or 0,
        frame.thickness_mm or 0.0,
    )


def has_own_references(frames: Sequence[Frame]) -> bool:
    """Whether most files have a unique frame of reference, as some de-identifiers write.

    Copies of a file count once.
    """
    files = {(frame.sop_instance, frame.index, frame.position_mm) for frame in frames}
    return len({frame.reference for frame in frames}) > len(files) / 2 and len(files) > 1


def _by_reference(bucket: list[Frame]) -> list[list[Frame]]:
    if has_own_references(bucket):
        return [bucket]
    parts: dict[str, list[Frame]] = {}
    for frame in bucket:
        parts.setdefault(frame.reference, []).append(frame)
    return list(parts.values())


def _group(kind: Kind, bucket: list[Frame], stacks: list[list[Frame]]) -> Group:
    others = [stack for stack in stacks if stack is not bucket]
    reasons = (differences(stack[0], bucket[0]) or ("frame of reference",) for stack in others)
    split = tuple(dict.fromkeys(chain.from_iterable(reasons)))
    across = normal(bucket[0].orientation)
    if kind not in SLICES or across is None:
        return Group(kind, tuple(bucket), split if kind in SLICES else ())
    few = len(bucket) <= FEW < max((len(stack) for stack in others), default=0)
    if few and "orientation" in split:
        return Group("localizer", tuple(bucket), split)
    named = "enhanced" if kind == "enhanced" else plane(across)
    return Group(named, tuple(bucket), split)


def differences(one: Frame, other: Frame) -> tuple[str, ...]:
    """The attributes in which two frames differ, so that they cannot be on one grid."""
    found = []
    if (
        bool(one.orientation) == bool(other.orientation)
        and one.orientation != other.orientation
        and float(np.abs(np.subtract(one.orientation, other.orientation)).max()) > COSINE_TOLERANCE
    ):
        found.append("orientation")
    if one.size != other.size:
        found.append("size")
    if (
        one.spacing_mm != other.spacing_mm
        and one.spacing_mm
        and other.spacing_mm
        and any(
            abs(a - b) > SPACING_TOLERANCE * a
            for a, b in zip(one.spacing_mm, other.spacing_mm, strict=True)
        )
    ):
        found.append("spacing")
    if one.kernel != other.kernel:
        found.append("kernel")
    return tuple(found)
