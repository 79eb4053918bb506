"""Split a cohort into training, validation and test by patient, stratified by its labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.errors import refused

TRAIN, VALIDATION, TEST = "train", "validation", "test"

NAMES: Mapping[str, str] = {
    "train": TRAIN,
    "training": TRAIN,
    "tr": TRAIN,
    "val": VALIDATION,
    "valid": VALIDATION,
    "validation": VALIDATION,
    "dev": VALIDATION,
    "test": TEST,
    "testing": TEST,
    "ts": TEST,
}
"""How data sets call the parts of a split, in lower case."""

NO_PART = 1e-9
"""A smaller fraction is no part: it is less than one case of any cohort."""

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A case to be assigned: its patient, the labels that it contains, and its given split."""

    id: str
    patient: str
    labels: frozenset[str] = frozenset()
    split: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """The ids of each part, sorted; `folds` are the parts of `train` for validation in turn."""

    train: tuple[str, ...]
    validation: tuple[str, ...] = ()
    test: tuple[str, ...] = ()
    folds: tuple[tuple[str, ...], ...] = ()

    @property
    def parts(self) -> dict[str, str]:
        """The name of the part of each case."""
        parts = ((TRAIN, self.train), (VALIDATION, self.validation), (TEST, self.test))
        return {case: name for name, part in parts for case in part}

    @property
    def fold_of(self) -> dict[str, int]:
        """The number of the fold of each training case."""
        return {case: n for n, fold in enumerate(self.folds) for case in fold}


def split_name(text: str) -> str:
    """Return train, validation or test for the name that a data set uses; '' for an empty one.

    Raises RefusedError for any other name.

    >>> split_name("Training"), split_name("val"), split_name("")
    ('train', 'validation', '')
    """
    word = text.strip().lower()
    if word and word not in NAMES:
        raise refused(
            "VALUE", "a split is not called train, validation or test; expected one of these"
        )
    return NAMES.get(word, "")


def split_cases(
    subjects: Sequence[Subject], *, test: float = 0.0, folds: int = 0, seed: int = 0
) -> Split:
    """Assign all cases of a patient to one part, and the training cases to folds.

    `test` is the fraction of all cases for testing; cases whose split is given keep it, and other
    cases of the same patient follow. Each part has nearly the same share of the cases with each
    label. The result depends on the seed, not on the order. There are fewer folds than `folds` if
    there are fewer patients, and none for one patient. Raises RefusedError (SPLIT_LEAK) if the
    given splits assign one patient to two parts.
    """
    groups = _groups(subjects, seed=seed)
    given = [group for group in groups if group.split]
    free = [group for group in groups if not group.split]
    total = _features(groups)
    start = np.zeros((2, total.shape[1]))
    for group, row in zip(groups, total, strict=True):
        if group.split:
            start[int(group.split == TEST)] += row
    chosen = _assign(
        _features(free, like=groups), fractions=(1 - test, test), start=start, total=total
    )
    names = {group.patient: group.split for group in given}
    names |= {
        group.patient: TEST if n == 1 else TRAIN for group, n in zip(free, chosen, strict=True)
    }
    train = [group for group in groups if names[group.patient] == TRAIN]
    return Split(
        train=_ids(train),
        validation=_ids([each for each in groups if names[each.patient] == VALIDATION]),
        test=_ids([each for each in groups if names[each.patient] == TEST]),
        folds=_folds(train, count=folds),
    )


@dataclass(slots=True)
class _Group:
    """The cases of a patient."""

    patient: str
    cases: list[Subject] = field(default_factory=list)

    @property
    def split(self) -> str:
        return next((case.split for case in self.cases if case.split), "")


def _groups(subjects: Sequence[Subject], *, seed: int) -> list[_Group]:
    """Return the patients in an order that depends on the seed alone."""
    found: dict[str, _Group] = {}
    for each in subjects:
        found.setdefault(each.patient, _Group(each.patient)).cases.append(each)
    leaks = [group for group in found.values() if len(_given(group)) > 1]
    if leaks:
        raise refused(
            "SPLIT_LEAK",
            f"the given splits assign {len(leaks)} patients to several parts, such as the patient "
            f"of case {min(case.id for group in leaks for case in group.cases)}; give all cases of "
            "a patient the same split",
        )
    return sorted(found.values(), key=lambda group: _rank(group.patient, seed))


def _given(group: _Group) -> set[str]:
    return {case.split for case in group.cases if case.split}


def _rank(patient: str, seed: int) -> tuple[bytes, str]:
    return sha256(f"{seed}:{patient}".encode()).digest(), patient


def _ids(groups: Sequence[_Group]) -> tuple[str, ...]:
    return tuple(sorted(case.id for group in groups for case in group.cases))


def _folds(groups: Sequence[_Group], *, count: int) -> tuple[tuple[str, ...], ...]:
    count = min(count, len(groups))
    if count < 2:
        return ()
    rows = _features(groups)
    start = np.zeros((count, rows.shape[1]))
    chosen = _assign(rows, fractions=(1 / count,) * count, start=start, total=rows)
    return tuple(
        _ids([group for group, n in zip(groups, chosen, strict=True) if n == fold])
        for fold in range(count)
    )


def _features(groups: Sequence[_Group], *, like: Sequence[_Group] | None = None) -> Matrix:
    """Return for each patient the number of cases, and of cases with each label of `like`."""
    names = sorted({name for g in like or groups for case in g.cases for name in case.labels})
    rows = np.zeros((len(groups), 1 + len(names)))
    for row, group in zip(rows, groups, strict=True):
        row[0] = len(group.cases)
        for n, name in enumerate(names, 1):
            row[n] = sum(name in case.labels for case in group.cases)
    return rows


def _assign(rows: Matrix, *, fractions: Sequence[float], start: Matrix, total: Matrix) -> list[int]:
    """Return the part of each row, so that each part has its fraction of each column.

    Rows with the rarest label come first, as in iterative stratification (Sechidis et al., ECML
    2011); each goes where it reduces the weighted squared errors of the columns most. Then rows
    move until no move makes the sizes more even.
    """
    sums = total.sum(axis=0)
    parts = [n for n, fraction in enumerate(fractions) if fraction > NO_PART]
    shares = np.array([fractions[n] for n in parts])
    error = start[parts] - np.outer(shares, sums)
    weights = 1 / np.outer(shares, np.maximum(sums, 1))
    chosen = np.zeros(len(rows), dtype=np.intp)
    for n in _rarest_first(rows, sums):
        cost = (weights * rows[n] * (error + rows[n] / 2)).sum(axis=1)
        chosen[n] = int(np.argmin(np.round(cost, 9)))
        error[chosen[n]] += rows[n]
    _even_out(rows, chosen, error, weights=weights)
    return [parts[n] for n in chosen]


def _rarest_first(rows: Matrix, sums: Matrix) -> list[int]:
    rarity = [min(sums[column] for column in np.flatnonzero(row)) for row in rows]
    return sorted(range(len(rows)), key=lambda n: (rarity[n], -rows[n, 0]))


def _even_out(rows: Matrix, chosen: NDArray[np.intp], error: Matrix, *, weights: Matrix) -> None:
    """Move rows between parts while that brings their numbers of cases nearer to the targets.

    Of the moves that do, the one that is best for the labels is made; the sum of squared errors of
    the sizes decreases with each move, so this ends.
    """
    while True:
        moves = [_best_move(rows, chosen, error, weights, target=n) for n in range(len(error))]
        found = [move for move in moves if move is not None]
        if not found:
            return
        _, n, target = min(found)
        error[chosen[n]] -= rows[n]
        error[target] += rows[n]
        chosen[n] = target


def _best_move(
    rows: Matrix, chosen: NDArray[np.intp], error: Matrix, weights: Matrix, *, target: int
) -> tuple[float, int, int] | None:
    """Return the cost for the labels, the row and the target of the best move to a part."""
    gain = error[chosen, 0] - error[target, 0] - rows[:, 0]
    movable = np.flatnonzero((gain > 1e-9) & (chosen != target))
    if not len(movable):
        return None
    moved, source = rows[movable], chosen[movable]
    cost = weights[target] * moved * (error[target] + moved / 2)
    cost -= weights[source] * moved * (error[source] - moved / 2)
    costs = np.round(cost.sum(axis=1), 9)
    n = int(np.argmin(costs))
    return float(costs[n]), int(movable[n]), target
