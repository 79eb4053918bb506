"""Read nnU-Net's dataset_fingerprint.json: statistics of the intensities and the median spacing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from hounsfield.core.errors import HounsfieldError, unreadable
from hounsfield.io.bytes.text import read_short_text

LARGEST_BYTES = 1 << 28
"""Maximum size; the file has 100 bytes per case, so 256 MB is over a million cases."""

_KEYS = ("mean", "std", "percentile_00_5", "percentile_99_5")


def read_fingerprint(path: Path) -> dict[str, Any]:
    """Read mean, std, percentile_00_5, percentile_99_5 of the foreground, HU, and spacing_mm.

    spacing_mm is the median (i, j, k); nnU-Net stores spacings in SimpleITK's array order
    (k, j, i). Raises ReadError for any other file.
    """
    text = read_short_text(path, largest_bytes=LARGEST_BYTES)
    try:
        data = json.loads(text)
        channel = data["foreground_intensity_properties_per_channel"]["0"]
        values: dict[str, Any] = {key: float(channel[key]) for key in _KEYS}
        spacings = np.array(data["spacings"], dtype=np.float64)
        if (
            spacings.ndim != 2
            or spacings.shape[1] != 3
            or not (np.isfinite(spacings).all() and (spacings > 0).all())
        ):
            raise unreadable(str(path), "expected three spacings over 0 mm for each scan")
    except HounsfieldError:
        raise
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise unreadable(
            str(path),
            f"not a dataset_fingerprint.json of nnU-Net ({type(error).__name__}: {error})",
        ) from None
    return {
        **values,
        "spacing_mm": [float(value) for value in np.flip(np.median(spacings, axis=0))],
    }
