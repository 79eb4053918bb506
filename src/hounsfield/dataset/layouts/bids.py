"""Read a BIDS-like folder: sub-X[/ses-Y]/ct|anat/*_ct.nii.gz, labels in derivatives."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterator
from pathlib import Path

from hounsfield.core.display import counted
from hounsfield.core.errors import HounsfieldError
from hounsfield.dataset.case import DEFAULT_LABEL, LabelSource
from hounsfield.dataset.case_ids import is_plain
from hounsfield.dataset.layouts.entry import Contents, Entry
from hounsfield.io.bytes.case_id import patient_id
from hounsfield.io.bytes.text import read_short_text

MARKS = ("dataset_description.json", "participants.tsv")
"""Files that every BIDS data set, or most of them, have at their root."""

IMAGE = re.compile(r"((sub-[A-Za-z0-9]+)(?:_[a-z]+-[A-Za-z0-9]+)*)_ct(\.nii(?:\.gz)?)")
"""The name of a CT: its entities, the patient, and the suffix."""

LABEL = re.compile(r"(sub-[A-Za-z0-9_-]+?)_(dseg|mask)(\.nii(?:\.gz)?)")
"""The name of a label map or mask of a derivative."""

OWN = re.compile(r"_(?:desc|label|space|res|seg)-[A-Za-z0-9]+")
"""Entities that a derivative adds to those of its image."""

LARGEST_BYTES = 1 << 20
"""The largest table of label names."""


def is_bids(folder: Path) -> bool:
    """Whether a folder has a file of MARKS and the CT of a subject."""
    marked = any((folder / name).is_file() for name in MARKS)
    return marked and next(_images(folder), None) is not None


def read_bids(folder: Path, typed: str) -> Contents:
    """Return the CT of all subjects; the ids are the names without '_ct', the patients sub-X.

    The labels are the dseg and mask files of derivatives with the entities of the CT, with names
    from dseg.tsv.
    """
    labels = _labels(folder)
    entries = []
    for path, found in _images(folder):
        entries.append(
            Entry(
                path=path,
                typed=os.path.join(typed, path.relative_to(folder)),
                id=found[1] if is_plain(found[1]) else "",
                labels=_named(labels.get(found[1], [])),
                patient=patient_id(found[2]),
            )
        )
    note = f"{typed}: BIDS data set, {counted(len(entries), 'image')}"
    return Contents(entries=tuple(entries), notes=(note,))


def _images(folder: Path) -> Iterator[tuple[Path, re.Match[str]]]:
    for pattern in ("sub-*/{}/*_ct.nii*", "sub-*/ses-*/{}/*_ct.nii*"):
        for kind in ("anat", "ct"):
            for path in sorted(folder.glob(pattern.format(kind))):
                found = IMAGE.fullmatch(path.name)
                if found is not None:
                    yield path, found


def _labels(folder: Path) -> dict[str, list[Path]]:
    """Return the label files of derivatives by the entities of their images."""
    found: dict[str, list[Path]] = {}
    derivatives = folder / "derivatives"
    for path in sorted(derivatives.rglob("sub-*.nii*")) if derivatives.is_dir() else ():
        named = LABEL.fullmatch(path.name)
        if named is not None:
            found.setdefault(OWN.sub("", named[1]), []).append(path)
    return found


def _named(paths: list[Path]) -> tuple[LabelSource, ...]:
    names = _unique([_name(path) for path in paths])
    return tuple(
        LabelSource(name=name, path=path, names=_values(path))
        for name, path in zip(names, paths, strict=True)
    )


def _name(path: Path) -> str:
    """Return the name of a label: its label or desc entity, else 'label'."""
    found = re.search(r"_label-([A-Za-z0-9]+)", path.name) or re.search(
        r"_desc-([A-Za-z0-9]+)", path.name
    )
    return found[1] if found is not None else DEFAULT_LABEL


def _unique(names: list[str]) -> list[str]:
    """Return the names, numbered where they repeat (upper and lower case are equal)."""
    lower = [name.lower() for name in names]
    return [
        name if lower.count(name.lower()) == 1 else f"{name}-{lower[: n + 1].count(name.lower())}"
        for n, name in enumerate(names)
    ]


def _values(path: Path) -> tuple[tuple[int, str], ...]:
    """Return the names of values: from the table of the file, else from dseg.tsv above it."""
    found = LABEL.fullmatch(path.name)
    if found is None or found[2] == "mask":
        return ()
    own = path.with_name(path.name.removesuffix(found[3]) + ".tsv")
    above = [parent / "dseg.tsv" for parent in path.parents]
    stop = next((n for n, each in enumerate(path.parents) if each.name == "derivatives"), 0)
    table = next((each for each in (own, *above[: stop + 2]) if each.is_file()), None)
    return () if table is None else _rows(table)


def _rows(table: Path) -> tuple[tuple[int, str], ...]:
    """Return the columns index and name of a table (BIDS, derivatives); () if it is invalid."""
    try:
        text = read_short_text(table, largest_bytes=LARGEST_BYTES).removeprefix("\ufeff")
        rows = list(csv.DictReader(text.splitlines(), delimiter="\t"))
        pairs = [(int(row["index"]), row["name"].strip()) for row in rows]
    except (HounsfieldError, csv.Error, KeyError, TypeError, ValueError, AttributeError):
        return ()
    return tuple(sorted(pair for pair in pairs if pair[0] > 0))
