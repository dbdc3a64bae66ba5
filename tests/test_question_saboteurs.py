"""Each kind of question is asked where it should be: what is wrong on it alone fails that check and no other."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pytest

from reference.execution.in_process import InProcess
from reference.findings import Violation
from reference.lab.checks.catalogue import all_checks
from reference.lab.context import Context
from reference.numerics.oracles import ball
from tests import edge_saboteurs, net_saboteurs, question_saboteurs
from tests.comparing import needs_flint
from tests.net_saboteurs import ClassSaboteur
from tests.spoiling import Saboteur

pytestmark = [needs_flint, pytest.mark.catalogue]

SABOTEURS = [*question_saboteurs.SABOTEURS, *edge_saboteurs.SABOTEURS]
CHECKS = list(all_checks())


@cache
def context() -> Context:
    """One for all, so that the truth is computed once."""
    return Context(InProcess({}, {}), ball, "x", effort="quick")


def failed(classes: dict[str, type], *beginnings: str) -> Iterator[str]:
    """Ids of the checks, of those that begin so, which the classes do not pass."""
    for check in CHECKS:
        if check.id.startswith(beginnings):
            try:
                check.run(context().of(InProcess(classes, {}), []))
            except Violation:
                yield check.id


@pytest.mark.parametrize("saboteur", SABOTEURS, ids=lambda each: f"{each.message}: {each.name}")
def test_what_is_wrong_on_one_kind_of_question_is_caught_by_that_question(saboteur: Saboteur) -> None:
    """By the checks that ask it, and by no other check of the message."""
    found = {name.rpartition(".")[2] for name in failed(saboteur.classes(), f"{saboteur.message}.")}
    assert found - {saboteur.perhaps} == set(saboteur.caught.split())


@pytest.mark.parametrize("saboteur", net_saboteurs.SABOTEURS, ids=lambda each: f"{each.cls}: {each.name}")
def test_what_is_wrong_in_one_kind_of_network_is_caught_by_that_question(saboteur: ClassSaboteur) -> None:
    """By the checks that ask it, and by no other."""
    found = {name.partition(".")[2] for name in failed(saboteur.classes(), *saboteur.checks.split())}
    assert found == set(saboteur.caught.split())
