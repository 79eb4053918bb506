"""Run in the environment of nnU-Net: its integrity check and its fingerprint of a raw data set.

Arguments: the data set's folder in $nnUNet_raw. Prints the fingerprint as JSON on the last line.
"""

from __future__ import annotations

import json
import sys

from nnunetv2.experiment_planning.dataset_fingerprint.fingerprint_extractor import (
    DatasetFingerprintExtractor,
)
from nnunetv2.experiment_planning.verify_dataset_integrity import verify_dataset_integrity


def main(folder: str) -> None:
    """Check and measure."""
    verify_dataset_integrity(folder, num_processes=2)
    number = int(folder.rstrip("/").rpartition("Dataset")[2][:3])
    found = DatasetFingerprintExtractor(number, 2).run(overwrite_existing=True)
    print()
    print(json.dumps(found, default=lambda value: [float(each) for each in value]))


if __name__ == "__main__":
    main(sys.argv[1])
