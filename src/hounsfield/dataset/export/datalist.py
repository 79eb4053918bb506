"""MONAI's datalist and the Medical Segmentation Decathlon's dataset.json.

Sources: monai.data.load_decathlon_datalist and monai.apps.auto3dseg; the data description
 of http://medicaldecathlon.com.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

from hounsfield.dataset.export.cohort import ExportCase
from hounsfield.dataset.export.layout import DataSet, Parts, fold_parts, read_json, write_json
from hounsfield.dataset.export.splits import TEST, TRAIN, VALIDATION

KEYS = {TRAIN: "training", VALIDATION: "validation", TEST: "test"}
"""The keys of the lists, as MONAI's load_decathlon_datalist names them."""

MODALITY = {"0": "CT"}


class Monai:
    """images/CASE.nii.gz, labels/CASE.nii.gz and a datalist.json with a fold for each case."""

    index = "datalist.json"
    needs_labels = False

    def image(self, data: DataSet, case: ExportCase) -> str:
        """Return images/CASE.nii.gz."""
        return f"images/{case.id}.nii.gz"

    def label(self, data: DataSet, case: ExportCase) -> str:
        """Return labels/CASE.nii.gz."""
        return f"labels/{case.id}.nii.gz"

    def describe(self, data: DataSet, folder: Path) -> None:
        """Write datalist.json."""
        lists = {key: [self._entry(data, case) for case in data.part(p)] for p, key in KEYS.items()}
        write_json(folder / self.index, {**_head(data), **lists})

    def _entry(self, data: DataSet, case: ExportCase) -> dict[str, Any]:
        entry: dict[str, Any] = {"image": self.image(data, case)}
        if case.labels:
            entry["label"] = self.label(data, case)
        fold = data.folds.get(case.id)
        return entry if fold is None else {**entry, "fold": fold}

    def read_parts(self, folder: Path) -> list[Parts]:
        """Return the three lists, and the cases of each fold."""
        data = read_json(folder / self.index)
        folds: dict[str, list[str]] = {}
        for entry in data[KEYS[TRAIN]]:
            if "fold" in entry:
                folds.setdefault(f"fold {entry['fold']}", []).append(_id(entry))
        return [_lists(data), *fold_parts([folds])]


class Decathlon:
    """imagesTr, labelsTr, imagesTs, labelsTs and a dataset.json as in the Decathlon's tasks."""

    index = "dataset.json"
    needs_labels = True

    def image(self, data: DataSet, case: ExportCase) -> str:
        """Return imagesTr/CASE.nii.gz, or imagesTs for testing."""
        return f"images{_side(data, case)}/{case.id}.nii.gz"

    def label(self, data: DataSet, case: ExportCase) -> str:
        """Return labelsTr/CASE.nii.gz, or labelsTs for testing."""
        return f"labels{_side(data, case)}/{case.id}.nii.gz"

    def describe(self, data: DataSet, folder: Path) -> None:
        """Write dataset.json; tests are listed without their labels, as the Decathlon does."""
        lists = {
            KEYS[part]: [
                {"image": f"./{self.image(data, case)}", "label": f"./{self.label(data, case)}"}
                for case in data.part(part)
            ]
            for part in (TRAIN, VALIDATION)
        }
        test = [f"./{self.image(data, case)}" for case in data.part(TEST)]
        if not lists[KEYS[VALIDATION]]:
            del lists[KEYS[VALIDATION]]
        write_json(folder / self.index, {**_head(data), **lists, KEYS[TEST]: test})

    def read_parts(self, folder: Path) -> list[Parts]:
        """Return the lists of dataset.json, and training and test by the files."""
        files = {
            side: frozenset(
                _stem(path.name) for path in (folder / f"images{side}").glob("*.nii.gz")
            )
            for side in ("Tr", "Ts")
        }
        return [_lists(read_json(folder / self.index)), files]


def _head(data: DataSet) -> dict[str, Any]:
    return {
        "name": data.name,
        "tensorImageSize": "3D",
        "modality": MODALITY,
        "labels": {str(value): name for name, value in data.label_values.items()},
        "numTraining": len(data.part(TRAIN)),
        "numTest": len(data.part(TEST)),
    }


def _lists(data: dict[str, Any]) -> Parts:
    return {key: frozenset(map(_id, data.get(key, ()))) for key in KEYS.values()}


def _id(entry: dict[str, Any] | str) -> str:
    return _stem(PurePosixPath(entry if isinstance(entry, str) else entry["image"]).name)


def _stem(name: str) -> str:
    return name.removesuffix(".nii.gz")


def _side(data: DataSet, case: ExportCase) -> str:
    return "Ts" if data.parts[case.id] == TEST else "Tr"
