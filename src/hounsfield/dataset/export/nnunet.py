"""nnU-Net's raw data set: imagesTr, labelsTr, imagesTs, labelsTs, dataset.json, splits_final.json.

Source: nnU-Net v2, documentation/dataset_format.md and nnUNetTrainer.do_split.
"""

from __future__ import annotations

from pathlib import Path

from hounsfield.dataset.export.cohort import ExportCase
from hounsfield.dataset.export.layout import DataSet, Parts, fold_parts, read_json, write_json
from hounsfield.dataset.export.splits import TEST, TRAIN, VALIDATION

CHANNEL = "_0000.nii.gz"
"""The end of the name of an image: the number of its channel."""

SPLITS = "splits_final.json"
"""The folds; nnU-Net reads this file in nnUNet_preprocessed/DatasetNNN_NAME."""

HU, NORMALIZED = "CT", "noNorm"
"""Names of the channel, which select nnU-Net's normalization: that of CT is for HU; values that a
pipeline has normalized need none."""


class NnUNet:
    """The layout of nnU-Net v2."""

    index = "dataset.json"
    needs_labels = True

    def image(self, data: DataSet, case: ExportCase) -> str:
        """Return imagesTr/CASE_0000.nii.gz, or imagesTs for testing."""
        return f"images{_side(data, case)}/{case.id}{CHANNEL}"

    def label(self, data: DataSet, case: ExportCase) -> str:
        """Return labelsTr/CASE.nii.gz, or labelsTs for testing."""
        return f"labels{_side(data, case)}/{case.id}.nii.gz"

    def describe(self, data: DataSet, folder: Path) -> None:
        """Write splits_final.json and dataset.json."""
        folds = _folds(data)
        if folds:
            write_json(folder / SPLITS, folds)
        training = [case for case in data.cases if _side(data, case) == "Tr"]
        quantities = {case.quantity for case in data.cases}
        write_json(
            folder / self.index,
            {
                "name": data.name,
                "channel_names": {"0": HU if quantities == {"hu"} else NORMALIZED},
                "labels": data.label_values,
                "numTraining": len(training),
                "file_ending": ".nii.gz",
            },
        )

    def read_parts(self, folder: Path) -> list[Parts]:
        """Return training and test by the files, and each fold of splits_final.json."""
        parts = {side: _ids(folder / f"images{side}") for side in ("Tr", "Ts")}
        path = folder / SPLITS
        return [parts, *fold_parts(read_json(path) if path.is_file() else [])]


def _side(data: DataSet, case: ExportCase) -> str:
    return "Ts" if data.parts[case.id] == TEST else "Tr"


def _ids(folder: Path) -> frozenset[str]:
    return frozenset(path.name.removesuffix(CHANNEL) for path in folder.glob(f"*{CHANNEL}"))


def _folds(data: DataSet) -> list[dict[str, list[str]]]:
    """Return training and validation ids: one fold if the user chose the validation cases."""
    train = [case.id for case in data.part(TRAIN)]
    validation = [case.id for case in data.part(VALIDATION)]
    if validation:
        return [{"train": train, "val": validation}]
    numbers = sorted({data.folds[case] for case in train if case in data.folds})
    return [
        {
            "train": [case for case in train if data.folds.get(case) != number],
            "val": [case for case in train if data.folds.get(case) == number],
        }
        for number in numbers
    ]
