"""Every known mistake is caught where it was made, and named rightly or not at all."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from reference.checks.catalogue import all_checks
from reference.findings import Finding
from reference.implementation import CLASSES
from reference.mistakes import CATALOGUE, HINTS, Mistake
from reference.session import InProcess
from reference.verdict import Examination
from tests.comparing import needs_flint
from tests.test_checks import SABOTAGED
from tests.words import assert_kept

pytestmark = [needs_flint, pytest.mark.catalogue]

#: interface.md's fixed vocabulary. A timeout needs a process of its own, and is caught where there is one.
VOCABULARY = frozenset(
    {
        "missing",
        "not-implemented",
        "crash",
        "timeout",
        "memory",
        "exits",
        "wrong-shape",
        "wrong-dtype",
        "wrong-type",
        "mutates-input",
        "stateful",
        "nondeterministic",
        "aliases-input",
        "layout-dependent",
        "batch-size-dependent",
        "sample-dependence",
        "scaled",
        "sign",
        "transposed",
        "not-averaged",
        "averaged-twice",
        "bias-missing",
        "bias-gradient-missing",
        "mask-missing",
        "mask-from-delta",
        "mask-wrong-threshold",
        "leaky",
        "wrong-axis",
        "jacobian-diagonal-only",
        "factor-missing",
        "delta-next-ignored",
        "no-shift",
        "batch-wide-shift",
        "shift-not-undone",
        "log-of-zero",
        "epsilon-added",
        "clipped",
        "binary-cross-entropy",
        "divided-by-classes",
        "summed-over-batch",
        "averaged-over-batch",
        "softmax-missing",
        "target-subtracted-twice",
        "low-precision",
        "finite-differences",
        "wrong-layer-input",
        "wrong-layer-order",
        "layer-skipped",
        "output-layers-ignored",
        "output-layers-in-gradient",
        "update-sign",
        "update-replaces",
        "initialisation",
    }
)
KEYS = {check.subject.partition(".")[0]: check.id.partition(".")[0] for check in all_checks()}


def examine(mistake: Mistake, only: str = "*") -> list[Finding]:
    missing = {name: f"there is no class {name}" for name in CLASSES if name not in mistake.classes}
    return list(Examination(InProcess(mistake.classes, missing), mistake.name, only=only, effort="quick"))


@functools.cache
def failures(mistake: Mistake) -> tuple[Finding, ...]:
    """What fails among the checks of the mistake's own class, and what they depend on."""
    findings = examine(mistake, f"{KEYS[mistake.subject.partition('.')[0]]}.*")
    return tuple(each for each in findings if each.status in {"failed", "error"})


@pytest.mark.parametrize("mistake", CATALOGUE, ids=lambda mistake: mistake.name)
def test_mistake_is_caught_and_nobody_else_blamed(mistake: Mistake) -> None:
    """Something fails; all that does is about the wrong method, and no other mistake is named."""
    found = failures(mistake)
    assert found
    for finding in found:
        assert finding.status == "failed", finding.actual
        assert finding.subject == mistake.subject or finding.subject.startswith(f"{mistake.subject}."), finding
        assert finding.mistake in {mistake.word, None}, finding
    assert_kept("mistakes", mistake.name, found)


def test_nearly_all_are_diagnosed_at_first_sight() -> None:
    """The first failure of at least 95 in 100 has the right name."""
    unnamed = [mistake.name for mistake in CATALOGUE if failures(mistake)[0].mistake != mistake.word]
    assert len(unnamed) <= 0.05 * len(CATALOGUE), unnamed


def test_counterexamples_are_small() -> None:
    """The first failure of at least nine in ten is shown on arrays of at most four numbers each."""
    shown = [failures(mistake)[0] for mistake in CATALOGUE]
    sizes = [max(np.size(array) for array in each.counterexample.values()) for each in shown if each.counterexample]
    assert sum(size <= 4 for size in sizes) >= 0.9 * len(sizes)


def test_every_check_can_fail() -> None:
    """For each check that `tests.test_checks` has no saboteur for, there is a known mistake that it catches."""
    there = [mistake for mistake in CATALOGUE if mistake.word != "missing"]
    caught = {finding.check for mistake in there for finding in failures(mistake)}
    others = {check.id for check in all_checks() if check.id not in SABOTAGED}
    assert others
    assert others - caught == set()


def test_vocabulary_is_covered() -> None:
    """Each word that denotes a mistake in the code has one in the catalogue, and no other word is used."""
    words = {mistake.word for mistake in CATALOGUE}
    assert words == VOCABULARY - {"timeout"}
    assert set(HINTS) <= VOCABULARY


def test_hints_explain_without_the_solution() -> None:
    """Each mistake has a hint of a sentence or two, without a line of code in it."""
    for mistake in CATALOGUE:
        assert 20 <= len(mistake.hint) <= 200, mistake.name
        assert "np." not in mistake.hint, mistake.name
        assert "return " not in mistake.hint, mistake.name


def test_names_are_unique() -> None:
    """No two mistakes share a name."""
    assert len({mistake.name for mistake in CATALOGUE}) == len(CATALOGUE) >= 90
