"""Read a data set of the Medical Decathlon: dataset.json that lists its images and labels."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hounsfield.core.display import counted
from hounsfield.core.errors import refused
from hounsfield.dataset.case import DEFAULT_LABEL, LabelSource, NoCase
from hounsfield.dataset.case_ids import is_plain
from hounsfield.dataset.case_names import stem
from hounsfield.dataset.layouts.description import description, description_or_none, label_names
from hounsfield.dataset.layouts.entry import Contents, Entry
from hounsfield.io.bytes.case_id import patient_id
from hounsfield.io.bytes.search import leads_out

SPLITS = {"training": "train", "validation": "val", "test": "test"}
"""The lists of dataset.json, and the split that each is."""


def is_decathlon(folder: Path) -> bool:
    """Whether a folder has dataset.json with a list of training images, the first of which exists.

    The lists of nnU-Net 1 name files without the number of the channel, which do not exist.
    """
    data = description_or_none(folder)
    if data is None:
        return False
    first = next(_listed(data), None)
    return first is not None and os.path.isfile(folder / first[0])


def read_decathlon(folder: Path, typed: str) -> Contents:
    """Return the listed images with their labels; the names of the files are the ids.

    Each image is a patient of its own, since the data set does not state patients. Raises ReadError
    if dataset.json is invalid, RefusedError if it states another modality than CT.
    """
    data = description(folder)
    _check_modality(data)
    names = label_names(data)
    entries: list[Entry] = []
    problems: list[NoCase] = []
    for image, label, split in _listed(data):
        missing = [each for each in (image, label) if each and not _is_inside(folder, each)]
        if missing:
            message = "a listed file is missing or outside of the folder"
            problems.append(
                NoCase(typed=typed, code="MISSING_FILE", message=message, where=missing[0])
            )
            continue
        path = folder / image
        case = stem(path)
        labels = (LabelSource(name=DEFAULT_LABEL, path=folder / label, names=names),)
        entries.append(
            Entry(
                path=path,
                typed=os.path.join(typed, os.path.normpath(image)),
                id=case if is_plain(case) else "",
                labels=labels if label else (),
                patient=patient_id(case),
                split=split,
            )
        )
    note = f"{typed}: decathlon data set, {counted(len(entries), 'image')}"
    return Contents(entries=tuple(entries), problems=tuple(problems), notes=(note,))


def _check_modality(data: Mapping[str, Any]) -> None:
    named = data.get("modality")
    if isinstance(named, dict) and [str(v).strip().lower() for v in named.values()] != ["ct"]:
        message = f"{counted(len(named), 'channel')} in 'modality'; expected one that is CT"
        raise refused("NO_CT", message)


def _listed(data: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield image, label ('' without one) and split of each item of the lists."""
    for name, split in SPLITS.items():
        items = data.get(name)
        for item in items if isinstance(items, list) else ():
            image = item.get("image") if isinstance(item, dict) else item
            label = item.get("label") if isinstance(item, dict) else ""
            if isinstance(image, str) and image:
                yield image, label if isinstance(label, str) else "", split


def _is_inside(folder: Path, name: str) -> bool:
    """Whether a file exists in a folder; a link may lead out of it."""
    path = os.path.normpath(folder / name)
    return os.path.isfile(path) and not leads_out(os.path.dirname(path), folder)
