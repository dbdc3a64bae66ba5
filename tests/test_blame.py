"""What a finding names: the known mistake, the array, the place in it, and the numbers that were due."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from reference.execution.in_process import InProcess
from reference.findings import Violation
from reference.lab.checks.catalogue import all_checks
from reference.lab.context import Context
from reference.lab.diagnosis import certain
from reference.lab.mistakes import CATALOGUE, plain
from reference.numerics.oracles import ball
from tests.comparing import needs_flint
from tests.examining import with_methods

pytestmark = [needs_flint, pytest.mark.catalogue]


def violation_of(name: str, classes: dict[str, type]) -> Violation:
    """What the check of this id has against the classes."""
    check = next(each for each in all_checks() if each.id == name)
    with pytest.raises(Violation) as caught:
        check.run(Context(InProcess(classes, {}), ball, "x", effort="quick"))
    return caught.value


def test_a_mistake_is_named_where_all_that_explain_it_have_one_name() -> None:
    """Of several names none is certain."""
    first = CATALOGUE[0]
    other = next(each for each in CATALOGUE if each.word != first.word)
    assert certain([first, first]) is first
    assert certain([first, other]) is None
    assert certain([]) is None


def test_an_answer_that_needs_forward_first_is_called_stateful() -> None:
    """It is right for the batch that went forward last, and for no other."""

    def forward(self: Any, X: Any) -> Any:
        self.mask = X > 0
        return X * self.mask

    def delta(self: Any, Y: Any, delta_next: Any) -> Any:
        return delta_next * getattr(self, "mask", np.zeros(Y.shape))

    classes = with_methods("ReLULayer", {"forward": forward, "delta": delta})
    assert violation_of("relu.delta.values", classes).mistake == "stateful"


def test_a_layer_that_cannot_be_made_for_an_update_has_crashed() -> None:
    """With its own exception."""

    def refuses(self: Any, n_inputs: Any, n_units: Any, rng: Any, name: Any) -> None:
        raise RuntimeError("no such layer today")

    found = violation_of("linear.update_params.adds", with_methods("LinearLayer", {"__init__": refuses}))
    assert found.mistake == "crash"
    assert "no such layer today" in str(found.came)


@pytest.mark.parametrize(("place", "attribute"), [(0, "W"), (1, "b")])
def test_the_parameter_that_was_updated_wrongly_is_named(place: int, attribute: str) -> None:
    """As the attribute that it is, with the entry."""

    def update_params(self: Any, dtheta: Any) -> None:
        plain.LinearLayer.update_params(self, [step * (number != place) for number, step in enumerate(dtheta)])

    found = violation_of("linear.update_params.adds", with_methods("LinearLayer", {"update_params": update_params}))
    assert found.index is not None
    assert str(found.came).startswith(f"{attribute}{list(found.index)} = ")


@pytest.mark.parametrize("place", [0, 1])
def test_the_part_of_a_networks_gradient_that_is_wrong_is_named(place: int) -> None:
    """As a script would look it up in the answer."""

    def gradient(self: Any, X: Any, T: Any) -> Any:
        found = plain.MLP.gradient(self, X, T)
        found["Linear_OUT"] = [part + (number == place) for number, part in enumerate(found["Linear_OUT"])]
        return found

    found = violation_of("mlp.gradient.values", with_methods("MLP", {"gradient": gradient}))
    assert found.index is not None
    assert f"['Linear_OUT'][{place}]{list(found.index)} = " in str(found.came)


def test_both_answers_that_are_legal_at_a_kink_are_told() -> None:
    """Nothing, or all that comes from above at this place."""
    classes = with_methods("ReLULayer", {"delta": lambda self, Y, delta_next: delta_next * np.where(Y == 0, 0.5, 1)})
    found = violation_of("relu.delta.kink", classes)
    above = (found.counterexample or {})["delta_next"][0][0]
    assert str(found.due).endswith(f" = 0 or {float(above)!r}")
    assert found.index == (0, 0)


@pytest.mark.parametrize("answer", [lambda dW, db: [dW], lambda dW, db: dW, lambda dW, db: [dW, db, db]])
def test_a_gradient_that_is_no_pair_has_a_wrong_type(answer: Any) -> None:
    """Whatever it is instead."""

    def grad(self: Any, X: Any, delta_next: Any) -> Any:
        return answer(*plain.LinearLayer.grad(self, X, delta_next))

    assert violation_of("linear.grad.types", with_methods("LinearLayer", {"grad": grad})).mistake == "wrong-type"
