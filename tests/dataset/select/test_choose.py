"""At most one series of a study is chosen, whatever their order, and a tie is never guessed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hounsfield.core.policy import DEFAULT_POLICY
from hounsfield.dataset.image_report import report_header
from hounsfield.dataset.select.choose import Candidate, Choice, choose
from hounsfield.dataset.select.facts import Facts, facts_of
from hounsfield.dataset.select.grammar import parse_rules
from hounsfield.dataset.select.rules import Rules


def series(case_id: str, *, study: str = "s", refusal: str = "", **facts: object) -> Candidate:
    numbers = {name: value for name, value in facts.items() if not isinstance(value, str)}
    words = {name: value for name, value in facts.items() if isinstance(value, str)}
    return Candidate(
        study=study,
        id=case_id,
        facts=Facts(numbers, words),  # type: ignore[arg-type]
        refusal=refusal,
    )


@st.composite
def candidates(draw: st.DrawFn) -> list[Candidate]:
    count = draw(st.integers(0, 9))
    return [
        series(
            f"c{n}",
            study=draw(st.sampled_from(["s1", "s2", "s3"])),
            refusal=draw(st.sampled_from(["", "", "", "cut"])),
            thickness_mm=draw(st.sampled_from([None, 0.6249999, 0.625, 1.0, 5.0])),
            slices=draw(st.sampled_from([10.0, 20.0])),
            kernel=draw(st.sampled_from(["soft", "medium", "sharp", "unknown"])),
            contrast=draw(st.sampled_from(["none", "given"])),
        )
        for n in range(count)
    ]


RULES = st.sampled_from(
    [
        "prefer=thinnest",
        "kernel=soft, prefer=thinnest",
        "kernel!=sharp, thickness_mm<=2, prefer=most-slices|thinnest",
        "contrast=none, prefer=soft|thinnest|most-slices",
        "slices>=20",
        "prefer=sharp|thickest",
    ]
).map(parse_rules)


def chosen(choices: list[Choice]) -> set[str]:
    return {choice.candidate.id for choice in choices if choice.is_chosen}


@given(candidates(), RULES)
def test_at_most_one_of_a_study_is_chosen_and_each_has_a_reason(
    found: list[Candidate], rules: Rules
) -> None:
    choices = choose(found, rules)
    assert sorted(choice.candidate.id for choice in choices) == sorted(each.id for each in found)
    assert all(choice.reason for choice in choices)
    for study in ("s1", "s2", "s3"):
        assert sum(c.is_chosen for c in choices if c.candidate.study == study) <= 1


@given(candidates(), RULES, st.randoms(use_true_random=False))
def test_the_order_of_the_series_changes_nothing(
    found: list[Candidate], rules: Rules, random: object
) -> None:
    mixed = list(found)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    assert choose(mixed, rules) == choose(found, rules)


@given(candidates(), RULES)
def test_a_rejected_series_never_changes_the_choice(found: list[Candidate], rules: Rules) -> None:
    """Neither one that fails a rule nor one that is less preferred; a tied one does."""
    choices = choose(found, rules)
    for choice in choices:
        if not choice.is_chosen and not choice.is_tied:
            without = [each for each in found if each.id != choice.candidate.id]
            assert chosen(choose(without, rules)) == chosen(choices)


@given(candidates(), RULES)
def test_the_chosen_one_matches_and_none_that_matches_is_better(
    found: list[Candidate], rules: Rules
) -> None:
    """An oracle that filters and sorts."""
    for study in ("s1", "s2", "s3"):
        matching = [
            each
            for each in found
            if each.study == study and not each.refusal and not rules.failed(each.facts)
        ]
        ranked = sorted(rules.rank(each.facts) for each in matching)
        is_clear = bool(ranked) and ranked.count(ranked[0]) == 1
        best = {each.id for each in matching if is_clear and rules.rank(each.facts) == ranked[0]}
        of_study = [c for c in choose(found, rules) if c.candidate.study == study]
        assert chosen(of_study) == best


def test_ties_are_refused_and_say_so() -> None:
    both = [series("a", thickness_mm=1.0, slices=9.0), series("b", thickness_mm=1.0, slices=9.0)]
    choices = choose(both, parse_rules("prefer=thinnest|most-slices"))
    assert chosen(choices) == set()
    assert [choice.reason for choice in choices] == ["tied with 1 other"] * 2
    third = replace(series("c", thickness_mm=0.5, slices=9.0))
    assert chosen(choose([*both, third], parse_rules("prefer=thinnest"))) == {"c"}


def test_rounded_headers_are_equal() -> None:
    """0.625 and 0.6249999 are one thickness: the preference after it decides."""
    found = [
        series("a", thickness_mm=0.6249999, slices=9.0),
        series("b", thickness_mm=0.625, slices=10.0),
    ]
    assert chosen(choose(found, parse_rules("prefer=thinnest|most-slices"))) == {"b"}
    assert chosen(choose(found[:1], parse_rules("thickness_mm=0.625"))) == {"a"}


@pytest.mark.parametrize("rule", ["kernel=soft", "kernel=sharp", "kernel!=sharp", "kernel!=soft"])
def test_an_unknown_kernel_matches_no_class_silently(rule: str) -> None:
    (choice,) = choose([series("a", kernel="unknown")], parse_rules(rule))
    assert not choice.is_chosen
    assert choice.reason == f"kernel unknown (not {rule})"
    assert chosen(choose([series("a", kernel="unknown")], parse_rules("kernel=unknown"))) == {"a"}


@pytest.mark.parametrize("rule", ["thickness_mm<=2", "thickness_mm!=2", "thickness_mm>2"])
def test_an_unknown_number_matches_no_rule(rule: str) -> None:
    assert not chosen(choose([series("a", thickness_mm=None)], parse_rules(rule)))


def test_reasons_name_the_value_and_the_rule() -> None:
    found = [
        series("a", thickness_mm=5.0, kernel="soft"),
        series("b", thickness_mm=1.0, kernel="soft"),
        series("c", thickness_mm=1.0, kernel="sharp"),
        series("d", thickness_mm=0.5, kernel="soft", refusal="cannot be read: 3 slices missing"),
    ]
    reasons = {
        choice.candidate.id: choice.reason
        for choice in choose(found, parse_rules("kernel=soft, prefer=thinnest"))
    }
    assert reasons == {
        "a": "not thinnest: thickness_mm 5 mm against 1 mm",
        "b": "first of 2 by thinnest",
        "c": "kernel sharp (not kernel=soft)",
        "d": "cannot be read: 3 slices missing",
    }


def test_a_file_that_cannot_state_contrast_is_not_without_it(tmp_path: Path) -> None:
    path = tmp_path / "ct.nii.gz"
    nibabel.save(nibabel.Nifti1Image(np.zeros((8, 8, 4), np.int16), np.diag([2, 2, 2, 1])), path)
    facts = facts_of(report_header(path, policy=DEFAULT_POLICY))
    assert facts.word("contrast") == "unknown"
    assert not any(parse_rules(f"contrast{rule}").rules[0].matches(facts) for rule in OF_CONTRAST)
    assert parse_rules("contrast=unknown").rules[0].matches(facts)


OF_CONTRAST = ("=none", "=given", "!=given", "!=none")
