"""Count wrong voxels of a resampled tissue map, against the phantom on the target grid.

python benchmarks/label_accuracy.py
"""

from __future__ import annotations

import numpy as np
from truth import BLOCKS_RAS_MM, WORKS, source_grid, target_grid

import hounsfield as hu
from hounsfield.phantom import head


def main() -> None:
    """Print a table: per cent of the head's voxels mislabelled, nearest and by partial volume."""
    print("| work | nearest | partial volume |\n|---|---|---|")
    for work in WORKS:
        if work.thickness_mm is not None:
            continue
        wrong, count = {"nearest": 0, "partial_volume": 0}, 0
        for block in BLOCKS_RAS_MM:
            source, wanted = (
                head(source_grid(block, work), noise_hu=0),
                head(target_grid(block, work), noise_hu=0),
            )
            mask = wanted.masks["head"].array > 0
            count += int(mask.sum())
            for name in wrong:
                step = hu.Resample(like=wanted.image.grid, label_method=name)
                made = (
                    hu.Pipeline((step,))
                    .run(hu.Case(source.image, {"tissue": source.labels}))
                    .labels["tissue"]
                )
                wrong[name] += int(np.count_nonzero((made.array != wanted.labels.array) & mask))
        print(
            f"| {work.name} | "
            + " | ".join(f"{100 * number / count:.1f} %" for number in wrong.values())
            + " |"
        )


if __name__ == "__main__":
    main()
