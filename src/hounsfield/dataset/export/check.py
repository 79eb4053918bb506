"""Check what an export wrote: no patient is in two parts of a split."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from pathlib import Path

from hounsfield.core.errors import refused
from hounsfield.dataset.export.layout import Layout, Parts


def check_no_leak(layout: Layout, folder: Path, *, patients: Mapping[str, str]) -> None:
    """Raise RefusedError (SPLIT_LEAK) if a patient is in two parts of a split in `folder`.

    The parts are read from the files that were written; `patients` are the patients by case id. A
    file of a case that is not among them is refused too.
    """
    for parts in layout.read_parts(folder):
        strangers = sum(case not in patients for part in parts.values() for case in part)
        if strangers:
            raise refused(
                "SPLIT_LEAK",
                f"{strangers} files are of no case of this export; remove them, or use another "
                "folder",
            )
        _check(parts, patients)


def _check(parts: Parts, patients: Mapping[str, str]) -> None:
    for (one, first), (other, second) in combinations(parts.items(), 2):
        shared = {patients[case] for case in first} & {patients[case] for case in second}
        if shared:
            case = min(case for case in first if patients[case] in shared)
            raise refused(
                "SPLIT_LEAK",
                f"{len(shared)} patients are in '{one}' and in '{other}', such as that of case "
                f"{case}; export again to another folder",
            )
