"""Mistakes that are composed from answers alone: which words and constants, which are tried, and what is enough."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.execution.in_process import InProcess
from reference.lab import composition
from reference.lab.composition import _Search, composed
from reference.lab.contract import MESSAGES, Message, Sizes
from reference.lab.mistakes import plain
from reference.lab.mistakes.departures import Departure, Family
from reference.lab.nodes import Node
from reference.lab.observations import Observation
from tests.examining import with_methods
from tests.test_behaviour import Known, cases, context

pytestmark = pytest.mark.catalogue

Array = NDArray[Any]
OF = {message.subject: message for message in MESSAGES}
RELU = OF["ReLULayer.forward"]
softmax: Any = plain.softmax


def relu(X: Any) -> Any:
    return np.maximum(X, 0)


def exp(X: Any) -> Any:
    return np.exp(X - X.max(axis=1, keepdims=True))


def total(X: Any) -> Any:
    return exp(X).sum(axis=1, keepdims=True)


def means(A: Any) -> Any:
    """The mean over the batch in each row."""
    return np.broadcast_to(A.mean(axis=0), A.shape).copy()


def answers(message: Message, method: Any) -> list[Observation]:
    """What a wrong method answers to a few cases, with the bounds of the right one."""
    known = context()
    wrong = Known(InProcess(with_methods(message.cls, {message.method: method}), {}), "none", "x")
    asked = [case for number, sizes in ((3, Sizes(3, 2, 4)), (2, Sizes(5, 4, 3)), (2, Sizes(2, 5, 7)))
             for case in cases(message, number, sizes)]  # fmt: skip
    with np.errstate(all="ignore"):
        return [
            Observation({**case.arguments, **case.parameters}, wrong.actual(message, case),
                        known.answer(message, case).bounds, case)
            for case in asked
        ]  # fmt: skip


#: A method, a wrong coding of it, the words that are found, and the constants.
ROWS: dict[str, tuple[str, Any, tuple[str, ...], dict[str, str]]] = {
    "three times": ("ReLULayer.forward", lambda self, X: 3 * relu(X), ("scaled",), {"factor": "3"}),
    "a mean for each": (
        "ReLULayer.forward", lambda self, X: relu(X) / len(X), ("averaged-over-batch",), {"factor": "1 / N"},
    ),
    "an upper limit": (
        "ReLULayer.forward", lambda self, X: np.minimum(relu(X), 0.7), ("clipped",), {"upper limit": "0.7"},
    ),
    "a threshold": ("ReLULayer.forward", lambda self, X: X * (X > 0.3), ("mask-wrong-threshold",),
    {"threshold": "0.3"}),
    "a slope": ("ReLULayer.forward", lambda self, X: np.where(X > 0, X, 0.03 * X), ("leaky",), {"slope": "0.03"}),
    "a term": ("ReLULayer.forward", lambda self, X: relu(X) + 0.125, ("extra-term",), {"coefficient of 1": "1 / 8"}),
    "the mean taken off": (
        "ReLULayer.forward", lambda self, X: relu(X) - relu(X).mean(axis=0), ("sample-dependence",), {},
    ),
    "another function": ("ReLULayer.forward", lambda self, X: relu(X) ** 3, ("wrong-function",), {}),
    "a limit and a factor": (
        "ReLULayer.forward", lambda self, X: 2 * np.minimum(relu(X), 0.7), ("scaled", "clipped"),
        {"upper limit": "0.7"},
    ),
    "an epsilon": (
        "SoftmaxLayer.forward", lambda self, X: exp(X) / (total(X) + 1e-3), ("epsilon-added",), {"epsilon": "0.001"},
    ),
    "a temperature": ("SoftmaxLayer.forward", lambda self, X: softmax(X / 2.5), ("scaled",), {"base": "0.4"}),
    "another axis": (
        "SoftmaxLayer.forward", lambda self, X: np.exp(X) / np.exp(X).sum(axis=0), ("wrong-axis",), {},
    ),
    "a lower limit and a factor": (
        "SoftmaxLayer.forward", lambda self, X: 2 * np.clip(softmax(X), 0.1, 1), ("scaled", "clipped"),
        {"lower limit": "0.2"},
    ),
    "two factors": (
        "LinearLayer.delta", lambda self, Y, delta_next: delta_next @ self.W.T * 0.5 / len(Y),
        ("averaged-over-batch", "scaled"), {"factor": "(1 / 2) / N"},
    ),
    "a factor for each part": (
        "LinearLayer.grad", lambda self, X, delta_next: [X.T @ delta_next, 3 * delta_next.mean(axis=0)],
        ("not-averaged", "scaled"), {"factor of dW": "N", "factor of db": "3"},
    ),
    "a factor for one part": (
        "LinearLayer.grad", lambda self, X, delta_next: [X.T @ delta_next / len(X), delta_next.sum(axis=0)],
        ("not-averaged",), {},
    ),
    "no shift of signs": (
        "LinearLayer.forward", lambda self, X: X @ self.W - self.b, ("sign",), {},
    ),
    "without the biases": ("LinearLayer.forward", lambda self, X: X @ self.W, ("bias-missing",), {}),
    "a loss with an epsilon": (
        "LossCrossEntropy.forward", lambda self, X, T: -(T * np.log(X + 1e-3)).sum(axis=1, keepdims=True),
        ("epsilon-added",), {"epsilon": "0.001"},
    ),
    "a loss without its sign": (
        "LossCrossEntropy.forward", lambda self, X, T: (T * np.log(X)).sum(axis=1, keepdims=True), ("sign",), {},
    ),
    "the mean without a mask": (
        "ReLULayer.forward", lambda self, X: means(X), ("averaged-over-batch", "mask-missing"), {},
    ),
    "the mean with a slope": (
        "ReLULayer.forward", lambda self, X: means(np.where(X > 0, X, 0.03 * X)), ("averaged-over-batch", "leaky"),
        {"slope": "0.03"},
    ),
    "an epsilon, and a mean for each": (
        "SoftmaxLayer.forward", lambda self, X: exp(X) / (total(X) + 1e-3) / len(X),
        ("epsilon-added", "averaged-over-batch"), {"epsilon": "0.001", "factor": "1 / N"},
    ),
    "one answer for all": (
        "LinearLayer.forward", lambda self, X: np.repeat((X @ self.W + self.b)[:1], len(X), axis=0),
        ("sample-dependence",), {},
    ),
    "three decimals": (
        "SoftmaxLayer.forward", lambda self, X: np.round(softmax(X), 3), ("low-precision",), {"decimals": "3"},
    ),
    "limits of both parts": (
        "LinearLayer.grad", lambda self, X, delta_next: [
            np.clip(X.T @ delta_next / len(X), -0.5, 0.5), np.clip(delta_next.mean(axis=0), -0.5, 0.5)],
        ("clipped",), {"lower limit": "-0.5", "upper limit": "0.5"},
    ),
    "a slope of the mean": (
        "LossCrossEntropyForSoftmaxLogits.delta", lambda self, X, T: (softmax(X) - T) / len(X),
        ("averaged-over-batch",), {},
    ),
}  # fmt: skip


def found(which: str, depth: int = 3) -> list[tuple[tuple[str, ...], dict[str, str]]]:
    subject, method, *_ = ROWS[which]
    return [(each.words, {**each.estimated}) for each in composed(answers(OF[subject], method), OF[subject], depth)]


@pytest.mark.parametrize("which", ROWS)
def test_a_wrong_coding_is_composed(which: str) -> None:
    """Of its words and constants, and of nothing else."""
    *_, words, constants = ROWS[which]
    told = found(which)
    assert told
    assert {frozenset(each) for each, _ in told} == {frozenset(words)}
    assert told[0][0] == words
    assert constants in [each for _, each in told]


def test_two_mistakes_need_depth() -> None:
    """One alone does not explain them."""
    assert found("a lower limit and a factor", 1) == []
    assert found("an upper limit", 1)


@pytest.mark.parametrize(
    "method",
    [
        lambda self, X: relu(X), lambda self, X: relu(X) * (1 + 1e-13), lambda self, X: np.full(X.shape, 3.0),
        lambda self, X: np.full(X.shape, np.nan), lambda self, X: np.random.RandomState(0).randn(*X.shape),
    ],
)  # fmt: skip
def test_nothing_is_composed_of_what_tells_nothing(method: Any) -> None:
    """Right answers, one number, or numbers at random."""
    assert composed(answers(RELU, method), RELU) == []


def test_a_mistake_gives_the_answers() -> None:
    """Its classes answer as what was seen did."""
    subject, method, *_ = ROWS["an upper limit"]
    (mistake,) = composed(answers(OF[subject], method), OF[subject])
    X = np.array([[3.0, -1.0, 0.5]])
    assert mistake.classes["ReLULayer"]("x").forward(X).tolist() == [[0.7, 0.0, 0.5]]
    assert (mistake.subject, mistake.word) == (subject, "clipped")
    assert mistake.hint


def test_a_long_search_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any explanation."""
    monkeypatch.setattr(composition, "_MOST_FORMULAS", 60)
    assert found("a lower limit and a factor") == []


@pytest.fixture
def search() -> _Search:
    """That of a ReLU with an upper limit and a factor."""
    with np.errstate(all="ignore"):
        return _Search(answers(RELU, ROWS["a limit and a factor"][1]), RELU)


def node(matched: int, near: int = 0, *departures: Departure) -> Node:
    return Node(lambda given: (given["X"],), departures, matched=matched, near=near)


def departure(word: str = "scaled", *, specific: bool = False, **estimated: str) -> Departure:
    return Departure(word, "", lambda formula: formula, estimated, specific=specific)


def test_what_explains_more_is_carried_on(search: _Search) -> None:
    """More to the last digit than the right formula does, or most of it roughly; the best of each, once."""
    right = search.right
    better = [node(right.matched + number) for number in (1, 3, 2)]
    assert search._promising([node(right.matched), *better]) == [better[1], better[2], better[0]]
    assert search._promising(better, 1) == [better[1]]
    for right_ones, enough in ((0, search.entries // 2), (search.entries // 2 + 5, search.entries // 2 + 5)):
        right.near = right_ones
        near = [node(0, enough + number) for number in (0, 1, 2)]
        assert search._promising(near) == [near[2], near[1]]
        assert search._promising(near, 1) == [near[2]]
        both = node(right.matched + 1, enough + 1)
        assert search._promising([both]) == [both]
    assert len(search._promising([node(right.matched + 1 + number) for number in range(9)])) == 5


def test_what_explains_all_is_complete(search: _Search, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the last entry, if it is certain: what is made for the formula first, then what needs the fewest constants."""
    monkeypatch.setattr(search, "_is_certain", lambda node: True)
    every = search.entries
    assert search._complete([node(every - 1)]) == []
    plain_node, constant = node(every, 0, departure()), node(every, 0, departure(limit="1"))
    assert search._complete([constant, plain_node]) == [plain_node]
    assert search._complete([constant, node(every - 1)]) == [constant]
    specific = node(every, 0, departure(specific=True), departure(specific=True, limit="1"))
    half = node(every, 0, departure(specific=True), departure())
    assert search._complete([plain_node, half, specific]) == [specific]
    assert search._complete([plain_node, half]) == [half]
    factor = node(every, 0, departure(factor="1"))
    assert search._complete([factor, plain_node]) == [factor, plain_node]
    monkeypatch.setattr(search, "_is_certain", lambda node: node is constant)
    assert search._complete([plain_node, constant]) == [constant]


def test_what_is_certain_explains_the_other_answers_too(search: _Search) -> None:
    """All of them, by enough numbers; not what fails for one."""
    right = ROWS["a limit and a factor"][1]
    assert search._is_certain(Node(lambda given: (right(None, given["X"]),), (departure(),)))
    assert not search._is_certain(Node(lambda given: (relu(given["X"]),), (departure(),)))
    last = search.confirming.observations[-1].given["X"]
    assert not search._is_certain(
        Node(lambda given: (right(None, given["X"]) + np.array_equal(given["X"], last),), (departure(),))
    )
    assert not search._is_certain(Node(lambda given: (given["no"],), (departure(),)))


def test_a_likely_departure_gives_most_of_an_answer(search: _Search) -> None:
    """But for a factor, which most entries share."""
    message = RELU

    def likely(change: Any) -> bool:
        with np.errstate(all="ignore"):
            return search._is_likely(Departure("", "", lambda _: lambda given: (change(given["X"]),), {}))

    method = ROWS["a limit and a factor"][1]
    assert likely(lambda X: method(None, X))
    assert likely(lambda X: 5 * method(None, X))
    assert likely(lambda X: -method(None, X))
    assert not likely(lambda X: np.cos(X) + 2)
    assert not likely(lambda X: X * np.nan)
    assert not likely(lambda X: 0 * X - (X > 9))
    assert not likely(lambda X: np.zeros(3))
    assert message.per_sample


def test_departures_are_put_on_top_and_beneath(search: _Search) -> None:
    """Each with its predictions, and how much of what came these are."""
    plus = Departure("extra-term", "", lambda formula: lambda given: (formula(given)[0] + 1,), {})
    twice = Departure("scaled", "", lambda formula: lambda given: (2 * formula(given)[0],), {})
    first = search._on_top(search.right, plus)
    assert first.predicted is not None
    assert search.right.predicted is not None
    assert np.array_equal(first.predicted, search.right.predicted + 1)
    assert (first.departures, first.base) == ((plus,), search.right.formula)
    on_top, beneath = search._on_top(first, twice), search._beneath(first, twice)
    assert on_top.departures == (plus, twice)
    assert beneath.departures == (twice, plus)
    assert on_top.base is beneath.base is search.right.formula
    assert on_top.predicted is not None
    assert beneath.predicted is not None
    assert np.array_equal(on_top.predicted, 2 * (search.right.predicted + 1))
    assert np.array_equal(beneath.predicted, 2 * search.right.predicted + 1)
    assert beneath.matched == np.count_nonzero(search.answers.matched(beneath.predicted))
    assert beneath.near == search.answers.near(beneath.predicted, 0.03)
    broken = search._on_top(first, Departure("", "", lambda formula: lambda given: (given["no"],), {}))
    assert (broken.predicted, broken.matched, broken.near) == (None, 0, 0)


def test_the_largest_mistake_comes_first(search: _Search) -> None:
    """The one that alone leaves the fewest entries right."""
    small = Departure("a", "", lambda formula: lambda given: (formula(given)[0] + (given["X"] > 1),), {})
    large = Departure("b", "", lambda formula: lambda given: (formula(given)[0] + (given["X"] > -1),), {})
    assert search.largest_first(Node(relu, (small, large))) == [large, small]  # type: ignore[arg-type]
    assert search.largest_first(Node(relu, (large, small))) == [large, small]  # type: ignore[arg-type]


def test_the_factor_is_found_once(search: _Search) -> None:
    """Of what has none yet, and is not right without one."""
    method = ROWS["a limit and a factor"][1]
    half = search._scored(Node(lambda given: (method(None, given["X"]) / 2,)))
    (scaled,) = search._scaled(half)
    assert scaled.matched == search.entries
    assert [each.estimated for each in scaled.departures] == [{"factor": "2"}]
    assert list(search._scaled(scaled)) == []
    assert list(search._scaled(search._scored(Node(lambda given: (method(None, given["X"]),))))) == []
    assert list(search._scaled(Node(relu))) == []  # type: ignore[arg-type]


def test_the_best_member_of_a_family_is_taken(search: _Search) -> None:
    """If it explains more than there was; of what predicts nothing there is none."""

    def limited(c: float) -> Departure:
        return Departure(
            "clipped", "", lambda formula: lambda given: (np.minimum(formula(given)[0], c),), {"limit": f"{c}"}
        )

    family = Family("limit", limited, high=1e3)
    doubled = search._scored(Node(lambda given: (2 * relu(given["X"]),)))
    best = search._best_of(doubled, family, search._on_top)
    assert best is not None
    assert best.departures[-1].estimated == {"limit": "1.4"}
    assert best.matched == search.entries
    assert search._best_of(best, family, search._on_top) is None
    assert search._best_of(Node(relu), family, search._on_top) is None  # type: ignore[arg-type]
    assert search._telling(Node(relu)) == []  # type: ignore[arg-type]


def test_the_answer_with_the_most_wrong_numbers_is_the_most_telling() -> None:
    """Different ones that are finite."""
    given = answers(RELU, lambda self, X: np.where(X > 0, 3 * X, X if len(X) == 5 else 0))
    with np.errstate(all="ignore"):
        search = _Search(given, RELU)
    assert len(search.telling.observations) == 1
    assert len(search.telling.observations[0].given["X"]) == 5
    assert math.isfinite(search.weight)
    assert search.entries == search.answers.due.size
