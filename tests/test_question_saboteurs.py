"""Each kind of question is asked where it should be: what is wrong on it alone fails that check and no other."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import pytest

from reference.execution.in_process import InProcess
from reference.findings import Violation
from reference.lab.checks.catalogue import all_checks
from reference.lab.context import Context
from reference.numerics.oracles import ball
from tests import edge_saboteurs, net_saboteurs, parameter_saboteurs, question_saboteurs, use_saboteurs
from tests.comparing import needs_flint
from tests.net_saboteurs import ClassSaboteur
from tests.spoiling import Saboteur
from tests.strategies import NIGHTLY

pytestmark = [needs_flint, pytest.mark.catalogue]

CHECKS = {check.id: check for check in all_checks()}
#: Checks of networks that put ordinary questions in another way; their saboteurs are in `tests.net_use_saboteurs`.
ALL_KINDS = (
    ".no_state", ".in_any_order", ".single_precision", ".layouts", ".batch_sizes", ".by_position", ".other_nets",
)  # fmt: skip


#: Checks that draw cases of many kinds, so that they may see what another check asks, too.
MANY_KINDS = ("long_use", "any_size", "any_magnitude", "lab_dtypes")


@cache
def context() -> Context:
    """One for all, so that the truth is computed once."""
    return Context(InProcess({}, {}), ball, "x", effort="quick")


def failed(classes: dict[str, type], names: Iterable[str]) -> set[str]:
    """Of the checks with these ids those that the classes do not pass."""
    found = set()
    for name in names:
        try:
            CHECKS[name].run(context().of(InProcess(classes, {}), []))
        except Violation:
            found.add(name)
    return found


def of_message(saboteur: Saboteur) -> tuple[set[str], set[str]]:
    """Ids of the checks that must see the saboteur, and of those of the message that must pass it."""
    caught = {f"{saboteur.message}.{name}" for name in saboteur.caught.split()}
    perhaps = {f"{saboteur.message}.{name}" for name in (saboteur.perhaps, *MANY_KINDS)}
    return caught, {name for name in CHECKS if name.startswith(f"{saboteur.message}.")} - caught - perhaps


def of_class(saboteur: ClassSaboteur) -> tuple[set[str], set[str]]:
    """The same of a saboteur of a whole class."""
    beginnings = tuple(saboteur.checks.split())
    key = beginnings[0].partition(".")[0]
    caught = {f"{key}.{name}" for name in saboteur.caught.split()}
    perhaps = {name for name in CHECKS if name.startswith("mlp.") and name.endswith(ALL_KINDS)}
    return caught, {name for name in CHECKS if name.startswith(beginnings)} - caught - perhaps


SABOTEURS = [
    *(
        (f"{each.message}: {each.name}", each, *of_message(each))
        for each in (*question_saboteurs.SABOTEURS, *edge_saboteurs.SABOTEURS, *use_saboteurs.SABOTEURS)
    ),
    *(
        (f"{each.cls}: {each.name}", each, *of_class(each))
        for each in (*net_saboteurs.SABOTEURS, *parameter_saboteurs.PARAMETERS)
    ),
]
CAUGHT = [pytest.param(saboteur, caught, id=name) for name, saboteur, caught, _ in SABOTEURS]
#: By day each third: whoever asks a question in another check as well wastes time, but judges nobody wrongly.
OTHERS = [pytest.param(saboteur, others, id=name) for name, saboteur, _, others in SABOTEURS[:: 1 if NIGHTLY else 3]]


@pytest.mark.parametrize(("saboteur", "caught"), CAUGHT)
def test_what_is_wrong_on_one_kind_of_question_is_caught(saboteur: Saboteur | ClassSaboteur, caught: set[str]) -> None:
    """By all the checks that ask it."""
    assert caught
    assert failed(saboteur.classes(), caught) == caught


@pytest.mark.parametrize(("saboteur", "others"), OTHERS)
def test_what_is_wrong_on_one_kind_of_question_passes_all_others(
    saboteur: Saboteur | ClassSaboteur, others: set[str]
) -> None:
    """The checks that do not ask it see nothing wrong."""
    assert failed(saboteur.classes(), others) == set()
