"""One examination: what all its checks share, which wrong answer is told, where, and where a script imports from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from reference.execution.in_process import InProcess
from reference.execution.worker.protocol import New
from reference.findings import NotApplicable, Violation
from reference.lab import context as contexts
from reference.lab.cases import Case, Sizes
from reference.lab.checks import consistency, edges
from reference.lab.context import ORDINARY, ORDINARY_SIZES, Context, Response
from reference.lab.contract import MESSAGES, Message
from reference.lab.mistakes import plain
from reference.lab.network import SHAPES, case_of
from reference.numerics.estimate import Estimate
from reference.numerics.oracles import ball
from reference.wording import fact
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
    relu = message("ReLULayer.forward")
    broken = spread.violation(relu, Case({"X": np.ones((1, 1))}), fact("array"), fact("zeros"))
    assert broken.repro is not None
    assert "from mlp.relu_layer import ReLULayer\n" in broken.repro
    assert "print(layer.forward(X=X))" in broken.repro


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


GRAD = message("LinearLayer.grad")


def of_grad(seed: int = 0) -> Case:
    rng = np.random.RandomState(seed)
    return GRAD.draw(ORDINARY, lambda shape: rng.randn(*shape))


def test_each_answer_is_known_once() -> None:
    """What is made is kept by its key and the oracle; random numbers by the seed as well."""
    made: list[Any] = []

    def make(*args: Any) -> Any:
        made.append(args)
        return len(made)

    key = ("test_each_answer_is_known_once",)
    one, other = Context(InProcess({}, {}), "one", "x"), Context(InProcess({}, {}), "other", "x")
    assert (one.known(key, make), one.known(key, make), other.known(key, make)) == (1, 1, 2)
    seeded = Context(InProcess({}, {}), "one", "x", seed=1)
    assert (one.drawn(key, make), one.drawn(key, make), seeded.drawn(key, make)) == (3, 3, 4)
    assert seeded.known(key, make) == 1


def test_without_an_oracle_nothing_is_true() -> None:
    """It is told why; with one its name is noted, once."""
    with pytest.raises(NotApplicable) as caught:
        Context(InProcess({}, {}), "flint is absent", "x").truth()
    assert (caught.value.reason.kind, caught.value.reason["said"]) == ("no oracle", "flint is absent")
    asks = Context(InProcess({}, {}), ball, "x")
    assert asks.truth() is ball
    assert asks.oracles == [ball.NAME]
    assert asks.truth() is ball
    assert asks.oracles == [ball.NAME]


@needs_flint
def test_the_truth_of_a_case_is_the_oracles() -> None:
    """With the bounds of the message."""
    case = of_grad()
    asks = Context(InProcess({}, {}), ball, "x")
    found = asks.answer(GRAD, case)
    for one, other in zip(found.truth, GRAD.answer(case, ball).truth, strict=True):
        assert np.array_equal(one.value, other.value)
    assert asks.answer(GRAD, case) is found
    assert asks.answer(GRAD, of_grad(1)) is not found


def test_another_context_for_another_executor() -> None:
    """All but what belongs to its own answers is the same."""
    log: list[Response] = []
    asks = Context(InProcess({}, {}), ball, "x", 3, "quick", 2, classes=plain.CLASSES, primed=True)
    asks.note_oracle("one")
    executor = InProcess({}, {})
    other = asks.of(executor, log)
    assert (other.executor, other.log) == (executor, log)
    assert other.log is log
    assert other.executor is executor
    assert (other.seed, other.effort, other.assignment, other.primed) == (3, "quick", 2, True)
    assert (other.oracles, other.classes, other.name) == ([], plain.CLASSES, "x")
    assert asks.oracles == ["one"]
    assert asks.of(executor, log, primed=False).primed is False
    assert context().of(executor, log, primed=True).primed is True
    assert [Context(executor, ball, "x", assignment=each).losses for each in (1, 2, 3)] == [
        (False,),
        (True, False),
        (True, False),
    ]


def test_a_check_begins_anew() -> None:
    """What belongs to the one before is forgotten."""
    asks = context()
    asks.log.append(Response((1,)))
    asks.executor.stand_ins["torch"] = None
    asks.note_oracle("one")
    asks.note(fact("zeros"))
    asks.start()
    assert (asks.log, dict(asks.executor.stand_ins), asks.oracles, asks.notes) == ([], {}, [], ())


def sizes(shapes: Sequence[Sizes]) -> set[int]:
    return {number for each in shapes for number in (each.n, each.d, each.u)}


def test_sizes_of_cases() -> None:
    """Ordinary ones are never 1; the smallest have all axes of 1, and equal ones."""
    assert 1 not in sizes(ORDINARY_SIZES)
    assert ORDINARY is ORDINARY_SIZES[0]
    assert Sizes(1, 1, 1) in contexts.SMALL_SIZES
    assert {(each.n, each.d, each.u) for each in contexts.SMALL_SIZES if each.n == each.d == each.u} >= {
        (1, 1, 1), (2, 2, 2), (3, 3, 3),
    }  # fmt: skip
