"""Run in the environment of nnU-Net: write noisy predictions by its own preprocessing and export.

Arguments: the data set's folder in $nnUNet_raw, and a folder for CASE.nii.gz, .npz and .pkl.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from batchgenerators.utilities.file_and_folder_operations import load_json
from nnunetv2.experiment_planning.plan_and_preprocess_api import (
    extract_fingerprints,
    plan_experiments,
)
from nnunetv2.inference.export_prediction import export_prediction_from_logits
from nnunetv2.paths import nnUNet_preprocessed
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager


def main(folder: Path, out: Path) -> None:
    """Plan, preprocess each case, and export logits that are its labels with noise."""
    number = int(folder.name[7:10])
    preprocessed = Path(nnUNet_preprocessed) / folder.name
    preprocessed.mkdir(parents=True)
    out.mkdir()
    extract_fingerprints([number], num_processes=2)
    plan_experiments([number])
    data = load_json(str(folder / "dataset.json"))
    plans = PlansManager(str(preprocessed / "nnUNetPlans.json"))
    configuration = plans.get_configuration("3d_fullres")
    preprocessor = configuration.preprocessor_class(verbose=False)
    for label in sorted((folder / "labelsTr").iterdir()):
        case = label.name.removesuffix(".nii.gz")
        image = str(folder / "imagesTr" / f"{case}_0000.nii.gz")
        _, seg, properties = preprocessor.run_case([image], str(label), plans, configuration, data)
        noise = np.random.default_rng(0).normal(size=(len(data["labels"]), *seg.shape[1:]))
        logits = np.stack([(seg[0] == n) * 4.0 for n in range(len(data["labels"]))]) + noise
        export_prediction_from_logits(
            torch.from_numpy(logits.astype(np.float32)),
            properties,
            configuration,
            plans,
            data,
            str(out / case),
            save_probabilities=True,
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
