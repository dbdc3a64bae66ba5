"""Answers as the search for an explanation sees them: which are looked at, what fits, what speaks for a formula."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from reference.lab import nodes
from reference.lab.cases import Case
from reference.lab.context import Response
from reference.lab.contract import MESSAGES
from reference.lab.estimation import NAMED
from reference.lab.mistakes import plain
from reference.lab.mistakes.catalogue import Mistake
from reference.lab.mistakes.departures import Departure
from reference.lab.nodes import Node, chosen, is_supported, is_wrong, mistake_of, of_each_kind
from reference.lab.observations import Answers, Observation, answer_of, formula_of, observed
from reference.numerics import tolerances
from reference.numerics.compare import room_for

pytestmark = pytest.mark.catalogue

OF = {message.subject: message for message in MESSAGES}
RELU, GRAD = OF["ReLULayer.forward"], OF["LinearLayer.grad"]


def seen(X: Any, answer: Any = None, bound: float = 1e-15) -> Observation:
    """An answer to X; X itself if no other is given."""
    X = np.asarray(X, float)
    answer = X if answer is None else np.asarray(answer, float)
    return Observation({"X": X}, (answer,), (np.full(answer.shape, bound),), Case({"X": X}))


def identity(given: Any) -> Any:
    return (given["X"],)


def raising(given: Any) -> Any:
    raise ValueError("no")


def test_judged_answers_of_the_message_are_observed() -> None:
    """With what was given: the arguments, and the parameters of a layer."""
    X, W, b = np.ones((2, 3)), np.ones((3, 1)), np.ones(1)
    case = Case({"X": X}, {"W": W, "b": b})
    bounds, answer = (np.zeros((2, 3)),), (np.ones((2, 3)),)
    log = [
        Response(answer, bounds, RELU, case), Response(answer, None, RELU, case), Response(answer, bounds, RELU, None),
        Response(answer, bounds, GRAD, case), Response(answer, bounds),
    ]  # fmt: skip
    (found,) = observed(log, RELU)
    assert (found.answer, found.bounds, found.case) == (answer, bounds, case)
    assert found.given == {"X": X, "W": W, "b": b}
    assert len(observed([log[0], log[3]], GRAD)) == 1


def test_answers_stand_in_a_row() -> None:
    """Part by part, answer by answer, each at its place; one bound may hold for a whole part."""
    parts, bounds = (np.array([[1.0, 2.0]]), np.array([3.0])), (np.array(0.5), np.array([0.25]))
    two = Observation({"X": np.ones((2, 3))}, parts, bounds, Case({"X": np.ones((2, 3))}))
    answers = Answers([two, seen([[4.0, 5.0]], bound=0.125)])
    assert answers.due.tolist() == [1, 2, 3, 4, 5]
    assert answers.bound.tolist() == [0.5, 0.5, 0.25, 0.125, 0.125]
    assert answers.places == [(slice(0, 2), slice(2, 3)), (slice(3, 5),)]
    assert answers.room.tolist() == room_for(answers.due, answers.bound).tolist()
    assert [(each["N"], each["D"]) for each in answers.sizes] == [(2, 3), (1, 2)]
    assert two.sizes == answers.sizes[0]


def test_a_formula_predicts_all_or_nothing() -> None:
    """In the shapes that came, as doubles; nothing where it fails or has another number of entries."""
    answers = Answers([seen([[1.0, 2.0]]), seen([[3.0], [4.0]])])
    found = answers.predicted(identity)
    assert found is not None
    assert found.tolist() == [1, 2, 3, 4]
    assert answers.predicted(raising) is None
    assert answers.predicted(lambda given: (given["X"].ravel()[:0],)) is None
    one = seen([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    for formula in (lambda g: (g["X"].astype(np.float32),), lambda g: (g["X"].ravel(),), lambda g: (g["X"].T,)):
        (part,) = answer_of(formula, one) or (np.zeros(0),)
        assert part.dtype == np.float64
        assert part.tolist() == one.answer[0].tolist()
    assert answer_of(lambda g: (g["X"][0],), one) is None
    with pytest.raises(ValueError, match="zip"):
        answer_of(lambda g: (g["X"], g["X"]), one)


def test_what_matches_is_the_same_but_for_rounding() -> None:
    """As much as two codings may differ; NaN where NaN came, infinity where infinity came."""
    answers = Answers([seen([[1.0, 1.0, 1.0, math.nan, math.inf, 0.0]], bound=1e-10)])
    room = tolerances.CODINGS_BOUNDS * 1e-10 + tolerances.CODINGS_RELATIVE
    for sign in (1.0, -1.0):
        predicted = np.array(
            [1 + sign * room * 0.99, 1 + sign * room * 1.01, math.nan, math.nan, math.inf, sign * 1e-11]
        )
        with np.errstate(invalid="ignore"):
            assert answers.matched(predicted).tolist() == [True, False, False, True, True, True]
    with np.errstate(invalid="ignore"):
        assert answers.matched(np.array([1.0, 1.0, 1.0, 0.0, -math.inf, 1.0])).tolist() == [True] * 3 + [False] * 3


def test_what_is_near_is_counted() -> None:
    """Within a fraction of what came, either way; NaN is near nothing."""
    answers = Answers([seen([[2.0, -2.0, 2.0, 0.0, math.nan]])])
    assert answers.near(np.array([2.5, -1.5, 2.6, 0.0, math.nan]), 0.25) == 3
    assert answers.near(np.array([1.4, -2.6, 1.5, 1e-9, 1.0]), 0.25) == 1


def test_the_factor_of_most_entries_is_found() -> None:
    """Of each answer with clear numbers, with its sizes; how exact they are is that of the least exact."""
    first, second = seen([[1.0, 2.0, 4.0]], [[3.0, 6.0, 13.0]]), seen([[0.0, math.nan]], [[0.0, 1.0]])
    third = seen([[2.0], [4.0]], [[1.0], [2.0]], bound=1e-9)
    answers = Answers([first, second, third])
    predicted = np.concatenate([each.given["X"].ravel() for each in answers.observations])
    ratios, sizes, within = answers.ratios(predicted, 0)
    assert ratios == [3.0, 0.5]
    assert sizes == [first.sizes, third.sizes]
    assert within == pytest.approx(1e-9 + 32 * 1e-9 / 4, rel=1e-12) or within == pytest.approx(1e-9 + 32e-9 / 2)
    assert Answers([second]).ratios(np.array([0.0, math.nan]), 0) == ([], [], 1e-9)
    small = seen([[1e-12, 1.0]], [[5e-12, 2.0]])
    assert Answers([small]).ratios(np.array([1e-12, 1.0]), 0)[0] == [2.0]  # a hundred-millionth has lost its digits
    clear = seen([[2e-11, 1.0, 1.0]], [[1e-10, 5.0, 5.0]])
    assert Answers([clear]).ratios(np.array([2e-11, 1.0, 1.0]), 0)[0] == [5.0]


def test_the_factor_is_that_of_one_part() -> None:
    """The other parts have their own."""
    both = Observation({"X": np.eye(2)}, (np.array([2.0]), np.array([9.0, 9.0])), (np.zeros(1), np.zeros(2)),
                       Case({"X": np.eye(2)}))  # fmt: skip
    answers = Answers([both])
    assert answers.ratios(np.array([1.0, 3.0, 3.0]), 0)[0] == [2.0]
    assert answers.ratios(np.array([1.0, 3.0, 3.0]), 1)[0] == [3.0]


def test_a_method_is_a_formula() -> None:
    """Of what is given: arguments, which it may not change, and parameters of the object; two parts for two."""
    X, delta = np.array([[1.0, -1.0], [2.0, 3.0]]), np.array([[1.0], [2.0]])
    given = {"X": X, "delta_next": delta, "W": np.ones((2, 1)), "b": np.ones(1)}
    dW, db = formula_of(plain.LinearLayer, GRAD)(given)
    assert np.array_equal(dW, X.T @ delta / 2)
    assert np.array_equal(db, delta.mean(axis=0))
    (Y,) = formula_of(plain.LinearLayer, OF["LinearLayer.forward"])({"X": X, "W": given["W"], "b": given["b"]})
    assert np.array_equal(Y, X.sum(axis=1, keepdims=True) + 1)

    class Spoiling(plain.ReLULayer):
        def forward(self, X: Any) -> Any:
            assert self.name == "layer"
            X *= 2
            return X

    assert formula_of(Spoiling, RELU)({"X": X})[0].tolist() == (2 * X).tolist()
    assert X[0, 0] == 1


def departure(word: str = "scaled", *further: str, outside: bool = False, **estimated: str) -> Departure:
    """Adds 1, with these words and constants."""
    return Departure(word, f"hint of {word}", lambda formula: lambda given: (formula(given)[0] + 1,), estimated,
                     further, outside=outside)  # fmt: skip


def test_departures_go_on_top_or_beneath() -> None:
    """The base without any of them is where one beneath begins."""
    twice = Departure("scaled", "", lambda formula: lambda given: (2 * formula(given)[0],), {})
    plus = departure()
    node = Node(twice.change(identity), (twice,), base=identity)
    given = {"X": np.array([3.0])}
    assert node.on_top(plus)(given)[0].tolist() == [7.0]
    assert node.beneath(plus)(given)[0].tolist() == [8.0]
    assert Node(identity).on_top(plus)(given)[0].tolist() == Node(identity).beneath(plus)(given)[0].tolist() == [4.0]


def test_a_node_tells_its_constants() -> None:
    """All but factors; it is outside of the formula if all its departures are, and there is one."""
    node = Node(identity, (departure(limit="1", factor="2"), departure(epsilon="3", **{"factor of dW": "4"})))
    assert node.constants == ["limit", "epsilon"]
    assert not node.is_outside
    assert not Node(identity).is_outside
    assert Node(identity, (departure(outside=True), departure(outside=True))).is_outside
    assert not Node(identity, (departure(outside=True), departure())).is_outside


def wrong_in(numbers: Any) -> Answers:
    """Answers to zeros."""
    return Answers([seen(np.zeros((1, len(numbers))), [numbers])])


@pytest.mark.parametrize(
    ("numbers", "departures", "due"),
    [
        ([1, 2, 3], [departure()], True), ([1, 2, 2], [departure()], False), ([1, 2, 2, 3], [departure()], True),
        ([1, 2, math.inf, 0], [departure()], False), ([0, 0, 0], [departure()], True),
        ([0, 1, 2], [departure()], False),
        ([1, 1, 1], [departure("clipped")], True), ([1, 1, 1], [departure("clipped", "sign")], False),
        ([1, 1, 1], [departure("clipped"), departure("log-of-zero", "no-shift")], True),
        ([1, 1, 1], [departure("clipped", limit="0.5")], True), ([1, 1], [departure("clipped", limit="0.5")], False),
        ([1, 1], [departure("clipped")], True), ([1, 2, 3], [departure(epsilon="0.25")], True),
        ([1, 2, 3], [departure(epsilon="0.1234567")], False),
        ([1, 2, 3, 4, 5], [departure(epsilon="0.1234567")], False),
        ([1, 2, 3, 4, 5, 6], [departure(epsilon="0.1234567")], True),
        ([1, 2, 3], [departure(epsilon=repr(math.pi))], True),
        ([1, 2, 3], [departure(epsilon=repr(-math.pi))], True),
        ([1, 2, 3], [departure(where="at 123456 or so")], False),
        ([1, 2, 3], [departure(where="at 12345")], True), ([1, 2, 3], [departure(epsilon="1.5e-09")], True),
    ],
)  # fmt: skip
def test_enough_numbers_speak_for_a_formula(numbers: list[float], departures: list[Departure], due: bool) -> None:
    """Three that differ, six for a constant that nobody has written; what limits may give one again and again."""
    right = np.zeros(len(numbers))
    assert is_supported(Node(identity, tuple(departures)), wrong_in(numbers), right) == due


def test_where_nothing_is_wrong_nothing_speaks_against_a_formula() -> None:
    """Nor where the right formula gives nothing."""
    node = Node(identity, (departure(epsilon="0.1234567"),))
    assert is_supported(node, wrong_in([1, 1]), None)
    assert is_supported(node, wrong_in([1, 1]), np.ones(2))
    zeros = Answers([seen([[1.0, 2.0, 3.0]], [[0.0, 0.0, 0.0]])])
    assert is_supported(Node(identity, (departure(),)), zeros, np.array([1.0, 2.0, 3.0]))
    assert not is_supported(Node(identity, (departure(),)), zeros, np.array([1.0, 2.0, 2.0]))
    assert len(NAMED) == len(set(NAMED))


def test_a_few_answers_are_chosen() -> None:
    """Six wrong ones and four right ones over all of them, and thirty of each to confirm; small ones first."""
    right = [seen([[float(n)]]) for n in range(80)]
    wrong = [seen([[float(n)]], [[n + 0.5]]) for n in range(70)]
    few, confirming = chosen([*right, *wrong], identity)
    assert [is_wrong(each, identity) for each in few] == [True] * 6 + [False] * 4
    assert (few[0], few[6]) == (wrong[0], right[0])
    assert few[5] in wrong[55:]
    assert few[9] in right[55:]
    assert sum(is_wrong(each, identity) for each in confirming) == 24
    assert len(confirming) == 24 + 27
    large = seen(np.ones((1, nodes.LARGE + 1)), np.zeros((1, nodes.LARGE + 1)))
    limit = seen(np.ones((1, nodes.LARGE)), np.zeros((1, nodes.LARGE)))
    assert chosen([large, limit, right[0]], identity)[0] == [limit, right[0]]
    assert chosen([large, right[0], right[1]], identity)[0] == [large, right[0], right[1]]
    assert chosen([wrong[3]], raising)[0] == [wrong[3]]


def test_a_formula_is_a_mistake() -> None:
    """With the words of its departures in their order, all its constants, and a method of the right class."""
    node = Node(
        lambda given: (given["X"] + 7,), (departure("scaled", factor="2"), departure("sign", "clipped", limit="3"))
    )
    found = mistake_of(node.departures[::-1], node, RELU)
    assert (found.subject, found.word, found.further) == ("ReLULayer.forward", "sign", ("clipped", "scaled"))
    assert (found.hint, found.estimated) == ("hint of sign", {"factor": "2", "limit": "3"})
    assert "ReLULayer.forward" in found.name
    layer = found.classes["ReLULayer"]("x")
    assert layer.forward(np.ones(2)).tolist() == layer.forward(X=np.ones(2)).tolist() == [8.0, 8.0]
    both = Node(lambda given: (given["X"] + given["W"], given["b"] + given["delta_next"]), (departure(),))
    linear = mistake_of(both.departures, both, GRAD).classes["LinearLayer"](1, 1, np.random.RandomState(0), "x")
    linear.W, linear.b = np.array([5.0]), np.array([6.0])
    answer = linear.grad(np.array([1.0]), delta_next=np.array([2.0]))
    assert isinstance(answer, list)
    assert [part.tolist() for part in answer] == [[6.0], [8.0]]


def test_a_few_mistakes_of_each_kind_are_kept() -> None:
    """Three with the same words, in whatever order; all kinds in the order in which they came."""

    def named(name: str, *words: str) -> Mistake:
        return Mistake(name, "", words[0], "", {}, words[1:])

    given = [named("a", "sign", "scaled"), named("b", "clipped"), named("c", "scaled", "sign"),
    named("d", "sign", "scaled"),
             named("e", "scaled", "sign"), named("f", "clipped")]  # fmt: skip
    assert [each.name for each in of_each_kind(given)] == ["a", "c", "d", "b", "f"]
