"""A split never separates the scans of a patient, whatever the cohort is."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hounsfield.core.errors import RefusedError
from hounsfield.dataset.export.splits import Split, Subject, split_cases, split_name

LABELS = ("liver", "tumour", "vessel")

cohorts = st.lists(
    st.tuples(st.integers(0, 12), st.sets(st.sampled_from(LABELS))), min_size=1, max_size=40
).map(
    lambda rows: [
        Subject(id=f"case-{n}", patient=f"p{patient}", labels=frozenset(labels))
        for n, (patient, labels) in enumerate(rows)
    ]
)


def sizes(cohort: list[Subject]) -> dict[str, int]:
    """Cases by patient."""
    found: dict[str, int] = {}
    for each in cohort:
        found[each.patient] = found.get(each.patient, 0) + 1
    return found


def patients(cohort: list[Subject], ids: tuple[str, ...]) -> set[str]:
    """The patients of cases."""
    return {each.patient for each in cohort if each.id in ids}


@given(cohorts, st.floats(0, 0.9), st.integers(0, 7), st.integers(0, 5))
def test_a_split_is_a_partition_without_a_patient_in_two_parts(
    cohort: list[Subject], test: float, folds: int, seed: int
) -> None:
    made = split_cases(cohort, test=test, folds=folds, seed=seed)
    assert sorted(made.train + made.test) == sorted(each.id for each in cohort)
    assert not patients(cohort, made.train) & patients(cohort, made.test)
    if made.folds:
        assert sorted(sum(made.folds, ())) == sorted(made.train)
        groups = [patients(cohort, fold) for fold in made.folds]
        assert sum(map(len, groups)) == len(set().union(*groups))


@given(cohorts, st.floats(0, 0.9), st.integers(0, 5))
def test_the_test_part_is_within_one_patient_of_its_fraction(
    cohort: list[Subject], test: float, seed: int
) -> None:
    made = split_cases(cohort, test=test, seed=seed)
    largest = max(sizes(cohort).values())
    assert abs(len(made.test) - test * len(cohort)) <= largest


@given(cohorts, st.integers(2, 7), st.integers(0, 5))
def test_folds_differ_by_one_patient_at_most(cohort: list[Subject], folds: int, seed: int) -> None:
    made = split_cases(cohort, folds=folds, seed=seed)
    if made.folds:
        count = [len(fold) for fold in made.folds]
        assert max(count) - min(count) <= max(sizes(cohort).values())


@given(cohorts, st.floats(0, 0.9), st.randoms(use_true_random=False))
def test_the_order_of_the_cases_does_not_matter(
    cohort: list[Subject], test: float, order: random.Random
) -> None:
    shuffled = list(cohort)
    order.shuffle(shuffled)
    found = split_cases(shuffled, test=test, folds=3, seed=1)
    assert found == split_cases(cohort, test=test, folds=3, seed=1)


@given(cohorts, st.floats(0, 0.9), st.sampled_from(["train", "validation", "test"]))
def test_a_given_split_stays_and_holds_for_the_patient(
    cohort: list[Subject], test: float, name: str
) -> None:
    first = cohort[0]
    fixed = [Subject(id=first.id, patient=first.patient, labels=first.labels, split=name)]
    made = split_cases([*fixed, *cohort[1:]], test=test, folds=2, seed=3)
    mine = {each.id for each in cohort if each.patient == first.patient}
    assert {made.parts[case] for case in mine} == {name}
    parts = (made.train, made.validation, made.test)
    assert sorted(sum(parts, ())) == sorted(each.id for each in cohort)


def random_split(cohort: list[Subject], test: float, rng: np.random.Generator) -> Split:
    """A split by patient without regard to labels."""
    order = [f"p{n}" for n in rng.permutation(len(sizes(cohort)))]
    chosen = set(order[: round(test * len(order))])
    ids = [tuple(e.id for e in cohort if (e.patient in chosen) == part) for part in (False, True)]
    return Split(train=ids[0], test=ids[1])


def imbalance(cohort: list[Subject], made: Split) -> float:
    """The largest difference of the prevalence of a label between training and test."""
    found = []
    for name in LABELS:
        has = {each.id for each in cohort if name in each.labels}
        train, test = (len(has & set(ids)) / max(len(ids), 1) for ids in (made.train, made.test))
        found.append(abs(train - test))
    return max(found)


def test_labels_are_far_more_even_than_by_chance() -> None:
    rng = np.random.default_rng(0)
    ours, chance = [], []
    for seed in range(30):
        cohort = [
            Subject(
                id=f"c{n}",
                patient=f"p{n}",
                labels=frozenset(
                    name
                    for name, p in zip(LABELS, (0.9, 0.3, 0.1), strict=True)
                    if rng.random() < p
                ),
            )
            for n in range(60)
        ]
        ours.append(imbalance(cohort, split_cases(cohort, test=0.25, seed=seed)))
        chance.append(imbalance(cohort, random_split(cohort, 0.25, rng)))
    assert np.mean(ours) < np.mean(chance) / 2


def test_another_seed_gives_another_split() -> None:
    cohort = [Subject(id=f"c{n}", patient=f"p{n}") for n in range(40)]
    assert len({split_cases(cohort, test=0.5, seed=seed).test for seed in range(5)}) == 5


def test_one_patient_in_two_given_splits_is_refused() -> None:
    cohort = [
        Subject(id="a", patient="p", split="train"),
        Subject(id="b", patient="p", split="test"),
    ]
    with pytest.raises(RefusedError, match="such as the patient of case a") as found:
        split_cases(cohort)
    assert found.value.codes == ("SPLIT_LEAK",)


def test_an_unknown_name_of_a_split_is_refused() -> None:
    with pytest.raises(RefusedError, match="expected one of these"):
        split_name("hold-out")


def test_ten_thousand_cases_take_seconds() -> None:
    rng = np.random.default_rng(0)
    cohort = [
        Subject(
            id=f"c{n}",
            patient=f"p{rng.integers(7000)}",
            labels=frozenset(name for name in LABELS if rng.random() < 0.3),
        )
        for n in range(10_000)
    ]
    made = split_cases(cohort, test=0.2, folds=5)
    assert abs(len(made.test) - 2000) <= 2
    assert max(map(len, made.folds)) - min(map(len, made.folds)) <= 2
