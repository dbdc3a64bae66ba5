"""How a network is used: what is wrong in one kind of use alone is found, and it is the method's finding."""

from __future__ import annotations

from typing import Any

import pytest

from reference.execution.in_process import InProcess
from reference.lab.check import LabExamination
from reference.lab.mistakes import plain
from tests.comparing import needs_flint
from tests.examining import with_methods
from tests.net_use_saboteurs import SABOTEURS, NetSaboteur
from tests.wording import assert_well_said

pytestmark = [needs_flint, pytest.mark.catalogue]


@pytest.mark.parametrize("saboteur", SABOTEURS, ids=lambda saboteur: saboteur.name)
def test_network_that_is_used_wrongly_is_found(saboteur: NetSaboteur) -> None:
    """The finding is that of the method that is wrong, and of no other."""
    findings = LabExamination(InProcess(saboteur.classes(), {}), "x", only="mlp.*", effort="quick").findings()
    failed = [each for each in findings if each.status == "failed"]
    assert_well_said(failed)
    assert {each.check.removeprefix("mlp.") for each in failed} & set(saboteur.checks)
    assert {each.subject for each in failed} == {f"MLP.{saboteur.blamed}"}


def test_wrong_method_does_not_keep_others_from_being_judged() -> None:
    """Where a gradient is wrong, ``propagate`` and ``evaluate`` are judged all the same, and pass."""

    def doubled(self: Any, X: Any, T: Any) -> Any:
        return {name: [2 * part for part in parts] for name, parts in plain.MLP.gradient(self, X, T).items()}

    classes = with_methods("MLP", {"gradient": doubled})
    findings = LabExamination(InProcess(classes, {}), "x", only="mlp.*", effort="quick").findings()
    assert {each.status for each in findings if each.subject not in {"MLP.gradient", "MLP"}} == {"passed"}
