"""BIDS: sub-X/ct/sub-X_ct.nii.gz with a sidecar, and label maps in derivatives/labels.

Source: the Brain Imaging Data Structure 1.10; CT is not in it yet (proposal BEP024), so .bidsignore
names its files.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from hounsfield.core.version import VERSION
from hounsfield.dataset.export.cohort import ExportCase
from hounsfield.dataset.export.layout import DataSet, Parts, write_json
from hounsfield.dataset.export.sidecar import sidecar
from hounsfield.io.bytes.atomic import write_text

BIDS_VERSION = "1.10.0"

LABELS = "derivatives/labels"

SPLITS = "splits.tsv"
"""The part and the fold of each file, which BIDS has no file for."""

IGNORED = f"sub-*/ct/\n{SPLITS}\n"

README = """\
CT scans and, in derivatives/labels, label maps on the same grids (dseg.tsv names their values).
The voxels are Hounsfield units where the sidecar has "Units": "HU".
participants.tsv has the split of each patient, splits.tsv that of each file and its fold.
"""

GENERATED_BY = [{"Name": "hounsfield", "Version": VERSION}]

COLUMNS = {
    "participant_id": {"Description": "Pseudonym of the patient, or of the scan if it is unknown"},
    "split": {"Description": "Part of the data set: train, validation or test"},
    "scans": {"Description": "Number of scans"},
}


class Bids:
    """The layout of BIDS."""

    index = "dataset_description.json"
    needs_labels = False

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def image(self, data: DataSet, case: ExportCase) -> str:
        """Return sub-X/ct/sub-X_ct.nii.gz, with _run-N if the patient has several scans."""
        return f"{self._folder(data, case)}_ct.nii.gz"

    def label(self, data: DataSet, case: ExportCase) -> str:
        """Return the same name below derivatives/labels, ending in _dseg.nii.gz."""
        return f"{LABELS}/{self._folder(data, case)}_dseg.nii.gz"

    def _folder(self, data: DataSet, case: ExportCase) -> str:
        if case.id not in self._names:
            self._names = names_of(data.cases)
        name = self._names[case.id]
        return f"{name.split('_')[0]}/ct/{name}"

    def describe(self, data: DataSet, folder: Path) -> None:
        """Write the sidecars, the tables, README and dataset_description.json."""
        for case in data.cases:
            path = folder / self.image(data, case).replace(".nii.gz", ".json")
            write_json(path, sidecar(case))
        self._write_tables(data, folder)
        write_text(folder / "README", README)
        write_text(folder / ".bidsignore", IGNORED)
        head = {"Name": data.name, "BIDSVersion": BIDS_VERSION}
        if data.present:
            labels = {**head, "DatasetType": "derivative", "GeneratedBy": GENERATED_BY}
            write_json(folder / LABELS / self.index, labels)
            rows = [(str(value), name) for name, value in data.label_values.items()]
            _write_tsv(folder / LABELS / "dseg.tsv", ("index", "name"), rows)
        head |= {"DatasetType": "raw"}
        write_json(folder / self.index, {**head, "GeneratedBy": GENERATED_BY})

    def _write_tables(self, data: DataSet, folder: Path) -> None:
        people: dict[str, list[ExportCase]] = {}
        for case in data.cases:
            people.setdefault(self._folder(data, case).split("/")[0], []).append(case)
        rows = [(sub, data.parts[some[0].id], str(len(some))) for sub, some in people.items()]
        _write_tsv(folder / "participants.tsv", tuple(COLUMNS), rows)
        write_json(folder / "participants.json", COLUMNS)
        files = [
            (
                case.id,
                self.image(data, case),
                data.parts[case.id],
                str(data.folds.get(case.id, "n/a")),
            )
            for case in data.cases
        ]
        _write_tsv(folder / SPLITS, ("case_id", "filename", "split", "fold"), files)

    def read_parts(self, folder: Path) -> list[Parts]:
        """Return the splits and the folds of splits.tsv."""
        rows = _read_tsv(folder / SPLITS)
        parts: dict[str, set[str]] = {}
        folds: dict[str, set[str]] = {}
        for row in rows:
            parts.setdefault(row["split"], set()).add(row["case_id"])
            if row["fold"] != "n/a":
                folds.setdefault(f"fold {row['fold']}", set()).add(row["case_id"])
        return [{name: frozenset(ids) for name, ids in each.items()} for each in (parts, folds)]


def names_of(cases: Sequence[ExportCase]) -> dict[str, str]:
    """Return sub-X, or sub-X_run-N for one of several scans of a patient, by case id.

    A label in BIDS has letters and digits only.
    """
    patients = sorted({case.patient for case in cases})
    plain = {patient: re.sub("[^A-Za-z0-9]", "", patient) for patient in patients}
    taken = Counter(name.lower() for name in plain.values())
    scans_of: dict[str, list[str]] = {}
    for case in cases:
        scans_of.setdefault(case.patient, []).append(case.id)
    found: dict[str, str] = {}
    for patient in patients:
        name = plain[patient]
        if not name or taken[name.lower()] > 1:
            name += sha256(patient.encode()).hexdigest()[:8]
        scans = sorted(scans_of[patient])
        for n, case_id in enumerate(scans, 1):
            found[case_id] = f"sub-{name}" + (f"_run-{n}" if len(scans) > 1 else "")
    return found


def _write_tsv(path: Path, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, "".join("\t".join(row) + "\n" for row in [columns, *rows]))


def _read_tsv(path: Path) -> list[Mapping[str, str]]:
    head, *lines = path.read_text(encoding="utf-8").splitlines()
    return [dict(zip(head.split("\t"), line.split("\t"), strict=True)) for line in lines]
