"""Frames into series: one UID, kind, frame of reference, orientation, size, spacing and kernel each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from hounsfield.io.dicom.header.frame import Frame
from hounsfield.io.dicom.header.geometry import normal, plane
from hounsfield.io.dicom.series.classify import SLICES, Kind, kind_of

COSINE_TOLERANCE = 1e-3
"""Slices lie in one direction where no cosine differs by more: 0.25 mm at the edge of a 500 mm field of view."""

SPACING_TOLERANCE = 1e-3
"""Pixel spacings within a thousandth of each other are one: half a pixel over a row of 512."""

FEW = 2
"""So many frames across another plane, beside a real stack, are localizers even where they do not say so."""


@dataclass(frozen=True, slots=True)
class Group:
    """Frames of one series that belong on one lattice; `split_by` says what sets them unshared from its other frames."""

    kind: Kind
    frames: tuple[Frame, ...]
    split_by: tuple[str, ...] = ()
    part: int = 0
    phase: str = ""

    @property
    def series(self) -> str:
        """The series UID."""
        return self.frames[0].series


def group_frames(frames: Iterable[Frame]) -> list[Group]:
    """The groups among `frames`, largest part of each series first, in order of the first file of each series."""
    by_series: dict[str, list[Frame]] = {}
    for frame in frames:
        by_series.setdefault(frame.series, []).append(frame)
    nameless = by_series.pop("", [])
    return [
        group
        for members in (*by_series.values(), *_nameless(nameless))
        for group in _groups(members)
    ]


def _nameless(frames: list[Frame]) -> list[list[Frame]]:
    """Frames without a series UID: one series, which may be spread over folders; or, where they would lie upon one
    another, one for each folder."""
    places = {(frame.position_mm, frame.orientation, frame.size) for frame in frames}
    folders: dict[str, list[Frame]] = {}
    for frame in frames:
        unshared = frame.source.name.rpartition("/")[0] if len(places) < len(frames) else ""
        folders.setdefault(unshared, []).append(frame)
    return list(folders.values())


def _groups(members: list[Frame]) -> list[Group]:
    buckets: list[tuple[Kind, list[Frame]]] = []
    for frame in sorted(members, key=_content):
        kind = kind_of(frame)
        home = next(
            (
                bucket
                for other, bucket in buckets
                if other == kind and not differences(bucket[0], frame)
            ),
            None,
        )
        if home is None:
            buckets.append((kind, [frame]))
        else:
            home.append(frame)
    buckets = [(kind, part) for kind, bucket in buckets for part in _by_reference(bucket)]
    buckets.sort(key=lambda item: (item[0] not in SLICES, -len(item[1])))
    stacks = [bucket for kind, bucket in buckets if kind in SLICES]
    return [_group(kind, bucket, stacks, part) for part, (kind, bucket) in enumerate(buckets)]


def _content(frame: Frame) -> tuple[object, ...]:
    """An order of frames that files' names have no say in: parts, ids and which copy is kept follow from it."""
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
    """Whether each frame names a frame of reference of its own: some de-identifiers draw one per file."""
    return len({frame.reference for frame in frames}) > len(frames) / 2 and len(frames) > 1


def _by_reference(bucket: list[Frame]) -> list[list[Frame]]:
    if has_own_references(bucket):
        return [bucket]
    parts: dict[str, list[Frame]] = {}
    for frame in bucket:
        parts.setdefault(frame.reference, []).append(frame)
    return list(parts.values())


def _group(kind: Kind, bucket: list[Frame], stacks: list[list[Frame]], part: int) -> Group:
    others = [stack for stack in stacks if stack is not bucket]
    split = tuple(
        dict.fromkeys(
            what
            for stack in others
            for what in differences(stack[0], bucket[0]) or ("frame of reference",)
        )
    )
    across = normal(bucket[0].orientation)
    if kind not in SLICES or across is None:
        return Group(kind, tuple(bucket), split if kind in SLICES else (), part)
    if (
        others
        and "orientation" in split
        and len(bucket) <= FEW < max(len(stack) for stack in others)
    ):
        return Group("localizer", tuple(bucket), split, part)
    name = plane(across)
    return Group(kind if kind == "enhanced" else name, tuple(bucket), split, part)  # type: ignore[arg-type]


def differences(one: Frame, other: Frame) -> tuple[str, ...]:
    """What keeps two frames from lying on one lattice."""
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
