"""Read a scan as a Volume the way that verbs want it: by what the file says it is, or by what the user says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from hounsfield.cli.errors import about
from hounsfield.cli.reading import Reading

if TYPE_CHECKING:
    from hounsfield.core.volume import Volume

QuantityWord = Literal["hu", "unit", "standardized", "display", "label", "mask", "other"]


def read_volume(path: Path, *, reading: Reading, quantity: QuantityWord | None = None) -> Volume:
    """The volume at `path`; without a `quantity` the one that the file says, or HU. Errors name the path."""
    from hounsfield.io.open import declared_quantity, read

    with about(path):
        policy = reading.policy
        said = quantity or declared_quantity(path, series=reading.series, policy=policy) or "hu"
        return read(
            path,
            series=reading.series,
            quantity=said,
            gaps=policy.gaps,
            uneven=policy.uneven,
            tilt=policy.tilt,
            padding=policy.padding,
            assume=policy.assume,
            assume_affine=policy.assume_affine,
        )
