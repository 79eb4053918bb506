"""A message advises an option only where the verb has it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest

VERBS = {
    "run": ["run", "isotropic-mip", "SRC", "-o", "out"],
    "plan": ["plan", "isotropic-mip", "SRC"],
    "planes": ["planes", "SRC", "-o", "out.png"],
    "convert": ["convert", "SRC", "out.nrrd"],
    "compare": ["compare", "SRC", "SRC"],
}


def hounsfield(*words: str, here: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "hounsfield", *words], cwd=here, capture_output=True, text=True
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize("verb", VERBS)
def test_every_option_that_a_verb_advises_is_one_of_its_options(verb: str, tmp_path: Path) -> None:
    affine = np.diag([-1.0, -1.0, 2.0, 1.0])
    labels = (np.arange(20 * 20 * 20) // 1000).reshape(20, 20, 20).T.astype(np.uint8)
    doubtful = np.random.default_rng(0).integers(0, 256, (20, 20, 20)).astype(np.uint8)
    four = np.zeros((20, 20, 20, 2), np.int16)
    options = hounsfield(verb, "--help", here=tmp_path)
    for n, array in enumerate((labels, doubtful, four)):
        nibabel.save(nibabel.Nifti1Image(array, affine), tmp_path / f"{n}.nii.gz")
        words = [f"{n}.nii.gz" if word == "SRC" else word for word in VERBS[verb]]
        text = hounsfield(*words, here=tmp_path)
        assert "Traceback" not in text
        assert n != 0 or verb == "plan" or "look like labels" in text  # a plan reads headers
        advised = set(re.findall(r"--[a-z-]+", text)) - {"--help"}
        assert {option for option in advised if option not in options} == set(), text
