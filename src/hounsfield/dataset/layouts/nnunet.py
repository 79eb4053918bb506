"""Read a raw data set of nnU-Net: dataset.json, imagesTr/CASE_0000.nii.gz, labelsTr/CASE.nii.gz."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hounsfield.core.display import counted
from hounsfield.core.errors import refused
from hounsfield.dataset.case import DEFAULT_LABEL, LabelSource, NoCase
from hounsfield.dataset.case_ids import is_plain
from hounsfield.dataset.layouts.description import description, description_or_none, label_names
from hounsfield.dataset.layouts.entry import Contents, Entry
from hounsfield.io.bytes.case_id import patient_id

SPLITS = (("Tr", "train"), ("Ts", "test"))
"""The ends of the names of the folders, and the split that each is."""

CHANNEL = re.compile(r"(.+)_([0-9]{4})")
"""The name of a file without its suffix: the case and the number of the channel."""

CT = "ct"
"""The name of a channel that nnU-Net normalizes as CT, in lower case."""


def is_nnunet(folder: Path) -> bool:
    """Whether a folder has dataset.json with channels, and files of channels in imagesTr."""
    data = description_or_none(folder)
    if data is None or not ("channel_names" in data or "modality" in data):
        return False
    return any(CHANNEL.fullmatch(name) for name, _ in _files(folder / "imagesTr", _ending(data)))


def read_nnunet(folder: Path, typed: str) -> Contents:
    """Return the CT of a data set, with the labels, the case names as ids, and splits.

    Each case is a patient of its own, since the data set does not state patients. Raises ReadError
    if dataset.json is invalid, RefusedError if it has no channel of CT.
    """
    data = description(folder)
    ending = _ending(data)
    number = _ct_channel(data)
    entries: list[Entry] = []
    problems: list[NoCase] = []
    names = label_names(data)
    for end, split in SPLITS:
        for case, image in _images(folder / f"images{end}", ending, number):
            label = folder / f"labels{end}" / f"{case}{ending}"
            labels = (LabelSource(name=DEFAULT_LABEL, path=label, names=names),)
            made = Entry(
                path=image,
                typed=os.path.join(typed, image.parent.name, image.name),
                id=case if is_plain(case) else "",
                labels=labels if label.is_file() else (),
                patient=patient_id(case),
                split=split,
            )
            entries.append(made)
            if not made.labels and split == "train":
                message = f"the label of a training image is missing in labels{end}"
                problems.append(NoCase(typed=typed, code="MISSING_LABEL", message=message))
    note = f"{typed}: nnU-Net data set, {counted(len(entries), 'image')}"
    return Contents(entries=tuple(entries), problems=_once(problems), notes=(note,))


def _once(problems: list[NoCase]) -> tuple[NoCase, ...]:
    """Return equal problems once, with their number."""
    if not problems:
        return ()
    first = problems[0]
    message = f"{counted(len(problems), 'training image')} without a label in labelsTr"
    return (NoCase(typed=first.typed, code=first.code, message=message),)


def _ending(data: Mapping[str, Any]) -> str:
    ending = data.get("file_ending", ".nii.gz")
    return ending if isinstance(ending, str) and ending.startswith(".") else ".nii.gz"


def _ct_channel(data: Mapping[str, Any]) -> str:
    """Return the number of the channel of CT: the one called CT, or the only one."""
    channels = data.get("channel_names", data.get("modality"))
    channels = channels if isinstance(channels, dict) else {}
    named = [number for number, name in channels.items() if str(name).strip().lower() == CT]
    if len(named) == 1 and named[0].isdecimal():
        return f"{int(named[0]):04d}"
    if named or len(channels) != 1:
        message = f"{len(channels)} channels, {len(named)} of them called CT; expected one"
        raise refused("NO_CT", message)
    message = "the channel of the data set is not called CT; list its images in a CSV file if it is"
    raise refused("NO_CT", message)


def _images(folder: Path, ending: str, number: str) -> Iterator[tuple[str, Path]]:
    for name, path in _files(folder, ending):
        found = CHANNEL.fullmatch(name)
        if found is not None and found[2] == number:
            yield found[1], path


def _files(folder: Path, ending: str) -> Iterator[tuple[str, Path]]:
    """Yield the files of a folder with an ending, sorted, with their names without it."""
    names = sorted(os.listdir(folder)) if folder.is_dir() else []
    for name in names:
        if name.endswith(ending) and not name.startswith("."):
            yield name.removesuffix(ending), folder / name
