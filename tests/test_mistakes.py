"""Every known mistake is caught where it was made, and named rightly or not at all."""

from __future__ import annotations

import functools
from itertools import takewhile

import numpy as np
import pytest

from reference.findings import Finding
from reference.lab.mistakes import CATALOGUE, Mistake, plain
from reference.wording import MISTAKES
from tests import net_use_saboteurs, test_question_saboteurs, test_rehearsal
from tests.comparing import needs_flint
from tests.examining import CHECKS, KEYS, concerned, examined, names
from tests.test_checks import SABOTAGED
from tests.wording import LAB_VOCABULARY, VOCABULARY, assert_sentence, assert_well_said

pytestmark = [needs_flint, pytest.mark.catalogue]


@functools.cache
def failures(mistake: Mistake) -> tuple[Finding, ...]:
    """What fails among the checks that can tell of the mistake, or blame another method of the class for it."""
    cls, _, method = mistake.subject.partition(".")
    changed = {name for each in _own_classes(mistake, cls) for name in vars(each) if callable(getattr(each, name))}
    of_class = [name for name in CHECKS if name.startswith(f"{KEYS[cls]}.")]
    findings = examined(mistake.classes, concerned(mistake.subject) if changed == {method} else of_class)
    assert_well_said(findings, mistake.classes)
    return tuple(each for each in findings if each.status == "failed")


def _own_classes(mistake: Mistake, cls: str) -> list[type]:
    """Those that the mistake is written in."""
    made = mistake.classes.get(cls)
    return [] if made is None else list(takewhile(lambda each: each is not plain.CLASSES[cls], made.__mro__))


@pytest.mark.parametrize("mistake", CATALOGUE, ids=lambda mistake: mistake.name)
def test_mistake_is_caught_and_nobody_else_blamed(mistake: Mistake) -> None:
    """Something fails; all that does is about the wrong method, and no other mistake is named."""
    found = failures(mistake)
    assert found
    for finding in found:
        assert finding.subject == mistake.subject or finding.subject.startswith(f"{mistake.subject}."), finding
        assert set(finding.mistakes) <= names(mistake, finding), finding


def test_nearly_all_are_diagnosed_at_first_sight() -> None:
    """The first failure of at least 95 in 100 has the right name."""
    first = [(each, failures(each)[0]) for each in CATALOGUE]
    unnamed = [
        each.name for each, finding in first if not (names(each, finding) - set(each.words[1:])) & set(finding.mistakes)
    ]
    assert len(unnamed) <= 0.05 * len(CATALOGUE), unnamed


def test_counterexamples_are_small() -> None:
    """The first failure of at least nine in ten is shown on arrays of at most four numbers each."""
    shown = [failures(mistake)[0] for mistake in CATALOGUE]
    sizes = [max(np.size(array) for array in each.counterexample.values()) for each in shown if each.counterexample]
    assert sum(size <= 4 for size in sizes) >= 0.9 * len(sizes)


def test_every_check_can_fail() -> None:
    """For each check without a saboteur of its own there is a known mistake that it catches."""
    there = [mistake for mistake in CATALOGUE if mistake.word != "missing"]
    caught = {finding.check for mistake in there for finding in failures(mistake)}
    rehearsed = {f"mlp.rehearsal.{each[3]}" for each in test_rehearsal.SABOTEURS}
    used = {f"mlp.{name}" for each in net_use_saboteurs.SABOTEURS for name in each.checks}
    kinds = {name for _, _, caught, _ in test_question_saboteurs.SABOTEURS for name in caught}
    others = {name for name in CHECKS if name not in SABOTAGED | kinds | rehearsed | used}
    assert others
    assert others - caught == set()


def test_vocabulary_is_covered() -> None:
    """Each word that denotes a mistake in the code has one in the catalogue, and no other word is used."""
    words = {mistake.word for mistake in CATALOGUE}
    # A timeout needs a process of its own, and is caught where there is one.
    assert words == LAB_VOCABULARY - {"timeout"}
    assert set(MISTAKES) == VOCABULARY


def test_hints_explain_without_the_solution() -> None:
    """Each mistake has a hint of a sentence or two, without a line of code in it."""
    for mistake in CATALOGUE:
        assert_sentence(mistake.hint)
        assert 20 <= len(mistake.hint) <= 200, mistake.name
        assert "np." not in mistake.hint, mistake.name
        assert "return " not in mistake.hint, mistake.name


def test_names_are_unique() -> None:
    """No two mistakes share a name."""
    assert len({mistake.name for mistake in CATALOGUE}) == len(CATALOGUE) >= 90
