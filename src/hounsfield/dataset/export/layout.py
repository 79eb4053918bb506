"""What a layout of a data set is: where its files are, and the files that describe them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from hounsfield.dataset.export.cohort import ExportCase
from hounsfield.io.bytes.atomic import write_text

Parts = Mapping[str, frozenset[str]]
"""The ids of the cases in each part of a split."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSet:
    """All that a layout describes: the cases that were written, their parts and the labels.

    `parts` are the names of the parts by case id, `folds` the numbers of the folds of training
    cases, and `present` the names of the labels of each case that has a label map.
    """

    name: str
    cases: tuple[ExportCase, ...]
    parts: Mapping[str, str]
    folds: Mapping[str, int] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    present: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def label_values(self) -> dict[str, int]:
        """The value of each label by its name, the background included."""
        return {"background": 0, **{name: n for n, name in enumerate(self.labels, 1)}}

    def part(self, name: str) -> list[ExportCase]:
        """Return the cases of a part in order."""
        return [case for case in self.cases if self.parts[case.id] == name]


class Layout(Protocol):
    """Where a layout has its files; paths are relative to its folder."""

    index: str
    """The file that describes the data set; it is written last."""

    needs_labels: bool

    def image(self, data: DataSet, case: ExportCase) -> str:
        """Return the path of an image."""
        ...

    def label(self, data: DataSet, case: ExportCase) -> str:
        """Return the path of a label map."""
        ...

    def describe(self, data: DataSet, folder: Path) -> None:
        """Write the files that describe the data set, with the index."""
        ...

    def read_parts(self, folder: Path) -> list[Parts]:
        """Return each split that the files in a folder state."""
        ...


def write_json(path: Path, value: Mapping[str, Any] | list[Any]) -> None:
    """Write plain data as JSON; the order of the keys is kept."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Read a file that this package wrote."""
    return json.loads(path.read_text(encoding="utf-8"))


def fold_parts(folds: list[Mapping[str, list[str]]]) -> list[Parts]:
    """Return the parts of folds such as {"train": [...], "val": [...]}."""
    return [{name: frozenset(ids) for name, ids in fold.items()} for fold in folds]
