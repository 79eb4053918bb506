"""Compare the cases of two runs: grids, values, labels, masks and records."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from hounsfield.core.compare import SAME_WITHIN_MM
from hounsfield.core.errors import HounsfieldError
from hounsfield.core.grid import Grid
from hounsfield.dataset.describe_error import describe_error
from hounsfield.dataset.diff_values import Overlap, ValueDifference, open_values
from hounsfield.dataset.outputs import PREVIEW
from hounsfield.dataset.read_manifest import case_rows, reading_manifest
from hounsfield.io.bytes.search import RECORD
from hounsfield.io.formats import case_suffix, is_image_folder
from hounsfield.pipeline.record import Record

Side = Literal["first", "second"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PartDifference:
    """How an output differs: the image, a label or a mask.

    `grid` are sentences; `corner_mm` is the largest distance of equal corners, None if the shapes
    differ. `values` and `dice` are empty where grids of other shapes leave nothing to compare, and
    where the files have the same bytes.
    """

    name: str
    only_in: Side | None = None
    error: str = ""
    grid: tuple[str, ...] = ()
    corner_mm: float | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    dice: Mapping[str, float] = field(default_factory=dict)

    @property
    def is_same(self) -> bool:
        """Whether both have the same grid and the same values."""
        others = self.values.get("share_different", 0)
        return not (self.only_in or self.error or self.grid or others)


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseDifference:
    """How a case differs: where it is, its parts, and its records.

    `record` names what differs in the records; two versions may give the same voxels, so it is no
    difference of the results.
    """

    id: str
    only_in: Side | None = None
    status: tuple[str, str] = ("done", "done")
    parts: tuple[PartDifference, ...] = ()
    record: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    error: str = ""

    @property
    def is_same(self) -> bool:
        """Whether the results are the same."""
        is_equal = self.status[0] == self.status[1]
        is_whole = not self.only_in and not self.error
        return is_whole and is_equal and all(part.is_same for part in self.parts)

    def to_json(self) -> dict[str, Any]:
        """Return the difference as plain data."""
        return {**asdict(self), "same": self.is_same}


def statuses(out: Path) -> dict[str, str]:
    """Return the status of each case of a run but stale ones; raises ReadError."""
    with reading_manifest(out) as connection:
        rows = case_rows(connection, ("id", "status"))
        return {row["id"]: row["status"] for row in rows if row["status"] != "stale"}


def differences(first: Path, second: Path) -> Iterator[tuple[int, CaseDifference]]:
    """Yield the number of cases of both runs, and the difference of each case by id."""
    one, other = statuses(first), statuses(second)
    ids = sorted({*one, *other})
    for case_id in ids:
        if case_id not in one or case_id not in other:
            side: Side = "second" if case_id in other else "first"
            yield len(ids), CaseDifference(id=case_id, only_in=side)
            continue
        status = (one[case_id], other[case_id])
        if set(status) == {"done"}:
            yield len(ids), _of_case(case_id, first / "cases", second / "cases")
        else:
            yield len(ids), CaseDifference(id=case_id, status=status)


def _of_case(case_id: str, first: Path, second: Path) -> CaseDifference:
    folders = first / case_id, second / case_id
    try:
        one, other = (Record.load(folder / RECORD) for folder in folders)
    except HounsfieldError as error:
        return CaseDifference(id=case_id, error=describe_error(error).message)
    parts, others = _parts(one), _parts(other)
    found = []
    for name in sorted({*parts, *others}):
        if name not in parts or name not in others:
            side: Side = "second" if name in others else "first"
            found.append(PartDifference(name=name, only_in=side))
        elif _digests(one, parts[name]) == _digests(other, others[name]):
            found.append(PartDifference(name=name, corner_mm=0.0))
        else:
            is_label = name != "image" or one.output["quantity"] in ("label", "mask")
            paths = _files(folders[0], parts[name]), _files(folders[1], others[name])
            found.append(_of_part(name, *paths, is_label=is_label))
    return CaseDifference(id=case_id, parts=tuple(found), record=_of_records(one, other))


def _parts(record: Record) -> dict[str, list[str]]:
    """Return the files of the image, each label and each mask by its name."""
    parts: dict[str, list[str]] = {}
    for name in sorted(record.outputs):
        top = name.split("/")[0]
        part = top if "/" in name else top.partition(".")[0]
        if name != PREVIEW:
            parts.setdefault(part, []).append(name)
    return parts


def _digests(record: Record, names: Sequence[str]) -> list[tuple[str, str]]:
    return [(name, record.outputs[name]) for name in names]


def _files(folder: Path, names: Sequence[str]) -> list[Path]:
    """Return the images of a part: one, or one for each slice."""
    top = folder / names[0].split("/")[0]
    if not os.path.isdir(top):
        return [folder / name for name in names if case_suffix(name)][:1] or [top]
    slices = [folder / name for name in names if case_suffix(name)]
    return [top] if is_image_folder(top) or not slices else slices


def _of_part(
    name: str, first: Sequence[Path], second: Sequence[Path], *, is_label: bool
) -> PartDifference:
    """Compare the images of a part; slices in files of their own are added up."""
    if len(first) != len(second):
        text = f"{len(first)} and {len(second)} slices"
        return PartDifference(name=name, grid=(text,))
    values, overlap = ValueDifference(), Overlap()
    grids: list[str] = []
    corners: list[float] = []
    try:
        for paths in zip(first, second, strict=True):
            one, other = (open_values(path) for path in paths)
            grids += _of_grids(one.grid, other.grid)
            if one.grid.shape != other.grid.shape:
                return PartDifference(name=name, grid=tuple(grids))
            corners.append(_corner_mm(one.grid, other.grid))
            for slabs in zip(one.slabs(), other.slabs(), strict=True):
                values.add(*slabs)
                if is_label:
                    overlap.add(*slabs)
    except HounsfieldError as error:
        return PartDifference(name=name, error=describe_error(error).message)
    return PartDifference(
        name=name,
        grid=tuple(dict.fromkeys(grids)),
        corner_mm=max(corners),
        values=values.to_json(),
        dice=overlap.dice,
    )


def _corner_mm(first: Grid, second: Grid) -> float:
    return float(np.linalg.norm(first.corners_mm - second.corners_mm, axis=1).max())


def _of_grids(first: Grid, second: Grid) -> Iterator[str]:
    """Yield what differs between two grids."""
    if first.shape != second.shape:
        yield f"shape {_text(first.shape)} and {_text(second.shape)}"
    steps = np.abs(np.subtract(first.spacing_mm, second.spacing_mm)) * first.shape
    if steps.max() > SAME_WITHIN_MM:
        yield f"spacing {_text(first.spacing_mm)} and {_text(second.spacing_mm)} mm"
    if first.orientation != second.orientation:
        yield f"orientation {first.orientation} and {second.orientation}"
    if first.shape == second.shape and _corner_mm(first, second) > SAME_WITHIN_MM:
        yield f"corners up to {_corner_mm(first, second):.4g} mm from each other"


def _text(values: Sequence[float]) -> str:
    return " x ".join(f"{value:.6g}" for value in values)


def _of_records(first: Record, second: Record) -> dict[str, tuple[Any, Any]]:
    """Return what differs in two records: the versions, the sources and how voxels were made."""
    pairs = {
        "version": (first.version, second.version),
        "source": (first.source["sha256"], second.source["sha256"]),
        "steps": (first.step_names, second.step_names),
        "dtype": (first.output["dtype"], second.output["dtype"]),
        "quantity": (first.output["quantity"], second.output["quantity"]),
        "diagnostics": (_codes(first), _codes(second)),
    }
    found = {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
    if "steps" not in found and first.steps != second.steps:
        found["steps"] = ("other parameters", "other parameters")
    return found


def _codes(record: Record) -> list[str]:
    return sorted(each["code"] for each in record.diagnostics)
