"""One examination: which of several wrong answers is told, at which place, and from which module a script imports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from reference.execution.in_process import InProcess
from reference.execution.worker.protocol import New
from reference.findings import Violation
from reference.lab.cases import Case
from reference.lab.checks import consistency, edges
from reference.lab.context import Context
from reference.lab.contract import MESSAGES, Message
from reference.lab.mistakes import plain
from reference.lab.network import SHAPES, case_of
from reference.numerics.estimate import Estimate
from reference.numerics.oracles import ball
from tests.comparing import needs_flint
from tests.examining import with_methods


def message(subject: str) -> Message:
    return next(each for each in MESSAGES if each.subject == subject)


def context(classes: Mapping[str, type] = plain.CLASSES) -> Context:
    return Context(InProcess(classes, {}), ball, "x", effort="quick")


@needs_flint
@pytest.mark.parametrize(("shapes", "told"), [(((2, 3), (1, 2), (1, 2)), 1), (((1, 2), (1, 2), (2, 3)), 0)])
def test_of_wrong_answers_the_first_of_the_smallest_is_told(shapes: Any, told: int) -> None:
    """Questions come in the order in which they are easy to read; of those of one size the first is shown."""
    cases = [Case({"X": np.full(shape, number + 1.0)}) for number, shape in enumerate(shapes)]
    wrong = with_methods("ReLULayer", {"forward": lambda self, X: 2 * X})
    with pytest.raises(Violation) as caught:
        context(wrong).judge_each(message("ReLULayer.forward"), cases)
    assert caught.value.counterexample == {"X": cases[told].arguments["X"].tolist()}


def test_scripts_import_each_class_from_its_module() -> None:
    """Of a submission that spreads its classes over modules; from what was handed in where nothing is known of it."""

    class Modules(InProcess):
        def modules(self) -> Mapping[str, str]:
            return {"ReLULayer": "mlp.relu_layer", "MLP": "mlp.net"}

    spread = Context(Modules(plain.CLASSES, {}), ball, "handed_in.py")
    assert spread.home("ReLULayer") == "mlp.relu_layer"
    assert spread.home("MLP") == "mlp.net"
    assert spread.home("SoftmaxLayer") == "handed_in"


def test_layers_are_told_the_names_that_they_are_known_by() -> None:
    """A gradient is asked for by a layer's name, and so is the output of one: the layer has to have been given it."""
    for compound in (True, False):
        made = [each for each in case_of(context(), SHAPES[-1], compound=compound).steps() if isinstance(each, New)]
        named = [(each.name, each.arguments["name"]) for each in made if "name" in each.arguments]
        assert len(named) == len(made) - 1  # all but the network
        assert all(name == told for name, told in named)


@needs_flint
def test_the_place_of_an_impossible_target_is_in_the_answer() -> None:
    """A finding's index can be looked up in what the method gives."""
    loss = with_methods("LossCrossEntropy", {"forward": lambda self, X, T: np.full((len(X), 1), 36.0)})
    with pytest.raises(Violation) as caught:
        edges.check_impossible_target(context(loss), message("LossCrossEntropy.forward"))
    assert np.full((1, 1), 36.0)[caught.value.index] == 36.0


def test_outputs_that_do_not_count_may_be_at_a_kink() -> None:
    """Where the cotangent is 0 it does not matter that no difference tells the slope there."""
    X, cotangent = np.array([[0.0, 1.5]]), np.array([[0.0, 2.0]])
    case = Case({"Y": np.maximum(X, 0), "delta_next": cotangent}, {}, X)

    def along(weights: np.ndarray) -> Estimate:
        return consistency._along(context(), message("ReLULayer.delta"), case, [X], [np.ones(X.shape)], weights)

    counted = along(cotangent)
    assert abs(counted.value - 2) <= counted.error < 1e-6
    assert along(cotangent + 1).error == np.inf
