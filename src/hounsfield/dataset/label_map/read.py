"""Read the labels of a case by a label map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import RefusedError
from hounsfield.core.spec import Spec
from hounsfield.core.stack import Stack
from hounsfield.core.volume import Volume
from hounsfield.dataset.case import LabelSource
from hounsfield.dataset.label_map.assign import Assignment, assign, missing_labels
from hounsfield.dataset.label_map.label_map import LabelMap
from hounsfield.dataset.label_map.regions import BACKGROUND, Region, regions_of
from hounsfield.dataset.labels import read_voxels
from hounsfield.io.dicom.labels.findings import Finding, diagnostics_of
from hounsfield.kernels.labels import values_and_counts

Mask = NDArray[np.uint8]


@dataclass(slots=True)
class _Reading:
    """The masks of the labels read so far, and what was found."""

    label_map: LabelMap
    stack: Stack
    maps: dict[int, Volume] = field(default_factory=dict)
    masks: dict[str, Mask] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)

    def read_map(self, sources: Sequence[LabelSource], file: int) -> Volume:
        """Read a label map onto the grid of the image, once."""
        if file not in self.maps:
            source = sources[file]
            self.maps[file], found = read_voxels(
                source.path, name=source.name, grid=self.stack.grid
            )
            self.diagnostics += found
        return self.maps[file]

    def add(self, name: str, mask: Mask) -> None:
        """Join a region to its label."""
        known = self.masks.get(name)
        self.masks[name] = mask if known is None else known | mask


def read_mapped(
    label_map: LabelMap, sources: Sequence[LabelSource], *, stack: Stack
) -> tuple[dict[str, Volume], tuple[Diagnostic, ...]]:
    """Read the labels of a map on the natural grid of `stack`, in its order, with diagnostics.

    Each label is a mask of all its regions. Raises RefusedError if a region matches several labels
    or a required label is missing or empty, and the errors of the readers.
    """
    reading = _Reading(label_map, stack)
    found = regions_of(sources, label_map)
    values = [region for n in found.unread for region in _values(reading.read_map(sources, n), n)]
    assigned = assign(label_map, [*found.regions, *values])
    check_assigned(assigned)
    for n in range(len(sources)):
        _read_file(reading, assigned, sources, n)
        reading.maps.pop(n, None)
    _check_required(reading)
    spec = Spec(grid=stack.grid, dtype=np.dtype(np.uint8), quantity="mask", background=0)
    volumes = {
        name: Volume(reading.masks[name], spec) for name in label_map.names if name in reading.masks
    }
    diagnostics = (*diagnostics_of(reading.findings), *dict.fromkeys(reading.diagnostics))
    return volumes, (*assigned.notes, *diagnostics)


def check_assigned(assigned: Assignment) -> None:
    """Raise RefusedError if a case cannot be run with the labels that it has."""
    if assigned.refusals:
        raise RefusedError(assigned.refusals)


def _values(label: Volume, file: int) -> list[Region]:
    """Return a region for each value of a label map, called by the value."""
    values = values_and_counts(label.array)[0].tolist()
    return [
        Region(file=file, text=f"{value:.10g}", value=int(value))
        for value in values
        if value != BACKGROUND and value == int(value)
    ]


def _read_file(
    reading: _Reading, assigned: Assignment, sources: Sequence[LabelSource], file: int
) -> None:
    """Read the regions of one file that belong to a label."""
    chosen = {
        region: name
        for name, regions in assigned.labels.items()
        for region in regions
        if region.file == file
    }
    if any(region.safe for region in chosen):
        _read_dicom(reading, sources[file], chosen)
        return
    for region, name in chosen.items():
        array = reading.read_map(sources, file).array
        is_whole = region.value is None
        mask = array != BACKGROUND if is_whole else array == region.value
        if is_whole:
            reading.diagnostics += _joined_values(name, reading.maps[file])
        reading.add(name, np.asfortranarray(mask).astype(np.uint8))


def _joined_values(name: str, label: Volume) -> list[Diagnostic]:
    """Return a note if a label file that is one label has several values."""
    count = len(_values(label, 0))
    if count < 2:
        return []
    message = f"label '{name}': {count} values of its file are joined"
    return [Diagnostic("LABEL_JOINED", "note", message, value=float(count))]


def _read_dicom(reading: _Reading, source: LabelSource, chosen: dict[Region, str]) -> None:
    """Read the chosen regions of the RTSTRUCT and SEG objects of a file."""
    from hounsfield.io.dicom.labels.objects import label_objects
    from hounsfield.io.read_labels import empty_where_interpolated, read_object

    for part, item in enumerate(label_objects(source.path, member=source.member)):
        names = {region.safe: name for region, name in chosen.items() if region.part == part}
        if not names:
            continue
        volumes, findings, diagnostics = read_object(item, reading.stack, list(names))
        for safe, volume in volumes.items():
            reading.add(names[safe], volume.array.astype(np.uint8, copy=False))
        reading.findings += [replace(each, label=names[each.label]) for each in findings]
        reading.diagnostics += diagnostics
    reading.diagnostics += empty_where_interpolated(reading.stack)


def _check_required(reading: _Reading) -> None:
    """Raise RefusedError if a required label has no voxel, such as a region without contours."""
    empty = [
        rule.name
        for rule in reading.label_map.rules
        if rule.required and (rule.name not in reading.masks or not reading.masks[rule.name].any())
    ]
    if empty:
        raise RefusedError([missing_labels(empty)])
