"""How a network is used: what is wrong in one kind of use alone is found, and it is the method's finding."""

from __future__ import annotations

from typing import Any

import pytest

from reference.execution.in_process import InProcess
from reference.findings import Finding, Findings
from reference.lab.check import LabExamination
from reference.lab.mistakes import plain
from tests.comparing import needs_flint
from tests.examining import Unexplained, with_methods
from tests.net_use_saboteurs import SABOTEURS, NetSaboteur
from tests.strategies import NIGHTLY
from tests.wording import assert_well_said

pytestmark = [needs_flint, pytest.mark.catalogue]

#: The known mistakes, with which failures are compared at night, change nothing of who fails.
Kind = LabExamination if NIGHTLY else Unexplained


def failures(saboteur: NetSaboteur, only: str) -> list[Finding]:
    findings = Findings(Kind(InProcess(saboteur.classes(), {}), "x", only=only, effort="quick"))
    failed = [each for each in findings if each.status == "failed"]
    assert_well_said(failed)
    return failed


@pytest.mark.parametrize("saboteur", SABOTEURS, ids=lambda saboteur: saboteur.name)
def test_network_that_is_used_wrongly_is_found(saboteur: NetSaboteur) -> None:
    """By one of the checks that are about this kind of use."""
    found = failures(saboteur, ",".join(f"mlp.{name}" for name in saboteur.checks))
    assert {each.check.removeprefix("mlp.") for each in found} & set(saboteur.checks)


@pytest.mark.parametrize("saboteur", SABOTEURS if NIGHTLY else SABOTEURS[::8], ids=lambda saboteur: saboteur.name)
def test_no_other_method_is_blamed(saboteur: NetSaboteur) -> None:
    """Of all checks of a network those fail that are about the method that is wrong."""
    assert {each.subject for each in failures(saboteur, "mlp.*")} == {f"MLP.{saboteur.blamed}"}


def sharing_output_layers() -> dict[str, type]:
    """The contract's classes with a network whose default for ``output_layers`` is one list for all networks.

    It moves the layers after the last linear one to the output layers: the first network is right, and the next has the
    output layers of the first besides its own.
    """

    def init(self: Any, n_inputs: Any, layers: Any, loss: Any, output_layers: Any = []) -> None:  # noqa: B006
        while not layers[-1].has_params():
            *layers, last = layers
            output_layers.insert(0, last)
        plain.MLP.__init__(self, n_inputs, layers, loss, output_layers)

    def whole(self: Any) -> Any:
        """The network as the contract has it: all that comes before the loss is a layer."""
        logits = isinstance(self.loss, plain.LossCrossEntropyForSoftmaxLogits)
        return plain.MLP(self.n_inputs, self.layers if logits else [*self.layers, *self.output_layers], self.loss)

    methods = {
        "__init__": init,
        "evaluate": lambda self, X, T: whole(self).evaluate(X, T),
        "gradient": lambda self, X, T: whole(self).gradient(X, T),
    }
    return {**plain.CLASSES, "MLP": type("MLP", (plain.MLP,), methods)}


def test_networks_that_share_their_output_layers_are_found() -> None:
    """A default for ``output_layers`` that the constructor changes is found by the values of the second network."""
    findings = Findings(Kind(InProcess(sharing_output_layers(), {}), "x", only="mlp.*", effort="quick"))
    assert [each.check for each in findings if each.status == "failed"] == ["mlp.propagate.values"]


def test_wrong_method_does_not_keep_others_from_being_judged() -> None:
    """Where a gradient is wrong, ``propagate`` and ``evaluate`` are judged all the same, and pass."""

    def doubled(self: Any, X: Any, T: Any) -> Any:
        return {name: [2 * part for part in parts] for name, parts in plain.MLP.gradient(self, X, T).items()}

    classes = with_methods("MLP", {"gradient": doubled})
    findings = Findings(Unexplained(InProcess(classes, {}), "x", only="mlp.*", effort="quick"))
    assert {each.status for each in findings if each.subject not in {"MLP.gradient", "MLP"}} == {"passed"}
