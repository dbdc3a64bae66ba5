"""The search for what is composed of several mistakes, step by step: what it tries, and when it ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from reference.lab import composition
from reference.lab.composition import _Search, _SpentError
from reference.lab.mistakes import CATALOGUE
from reference.lab.mistakes.departures import Departure, Family
from reference.lab.mistakes.families import FAMILIES
from reference.lab.mistakes.instead import FORMULAS
from reference.lab.nodes import LARGE, Node
from tests.test_compositions import OF, answers, exp, means, relu, softmax, total

pytestmark = pytest.mark.catalogue


@pytest.fixture(autouse=True)
def _without_warnings() -> Iterator[None]:
    """Wrong formulas divide by zero and the like."""
    with np.errstate(all="ignore"):
        yield


def searched(subject: str, method: Any) -> _Search:
    return _Search(answers(OF[subject], method), OF[subject])


def words(nodes: Any) -> list[tuple[str, ...]]:
    return [tuple(each.word for each in node.departures) for node in nodes]


@pytest.fixture
def doubled() -> _Search:
    """Of a ReLU whose answers are twice as large."""
    return searched("ReLULayer.forward", lambda self, X: 2 * relu(X))


def test_known_mistakes_are_tried_first(doubled: _Search) -> None:
    """Those of the method that change a value here, each with its words and its hint, as made for it."""
    known = {(each.word, each.hint): each for each in CATALOGUE if each.subject == "ReLULayer.forward"}
    nodes = doubled._catalogue()
    assert {"mask-missing", "sign"} <= {*sum(words(nodes), ())}
    assert not {"nan-hidden", "not-implemented", "crash", "stateful", "mutates-input"} & {*sum(words(nodes), ())}
    X = np.array([[1.0, -2.0]])
    for node in nodes:
        (departure,) = node.departures
        mistake = known[departure.word, departure.hint]
        assert departure.further == mistake.further
        assert departure.specific
        assert not departure.estimated
        assert departure.change(lambda given: ()) is node.formula
        assert np.array_equal(node.formula({"X": X})[0], mistake.classes["ReLULayer"]("x").forward(X))


def test_a_large_case_costs_more(doubled: _Search, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice as much with as many numbers as a large one; the search ends where too much was tried."""
    large = searched("ReLULayer.forward", lambda self, X: 2 * relu(X))
    observation = large.observations[0]
    wide = observation.given["X"].ravel()[0] * np.ones((2, LARGE // 2))
    monkeypatch.setattr(composition, "chosen", lambda *_: ([_with(observation, wide)], large.observations))
    assert _Search(large.observations, OF["ReLULayer.forward"]).weight == 2
    monkeypatch.setattr(composition, "_MOST_FORMULAS", 10)
    doubled.asked, doubled.weight, doubled.looked = 0, 2, 0
    doubled._count(3)
    for _ in range(4):  # two of these cost as much as one
        doubled._count_cheap()
    assert doubled.asked == 10
    doubled._count_cheap()
    with pytest.raises(_SpentError):
        doubled._count_cheap()


def _with(observation: Any, X: Any) -> Any:
    return type(observation)({"X": X}, (2 * relu(X),), (np.full(X.shape, 1e-15),), observation.case)


def test_what_is_found_is_no_longer_counted(doubled: _Search) -> None:
    """Its departures may be looked at in any number."""
    assert {*words(doubled.found())} == {("scaled",)}
    assert doubled.asked == 0


def test_samples_are_mixed_on_top_of_what_was_tried() -> None:
    """By whatever the answers may come from; with a factor, or without; not on what changes all answers alike."""
    search = searched("ReLULayer.forward", lambda self, X: 3 * means(np.abs(X)))
    absolute = search._scored(Node(lambda given: (np.abs(given["X"]),)))
    nodes = search._mixed([absolute])
    complete = [node for node in nodes if node.matched == search.entries]
    assert ("averaged-over-batch", "scaled") in words(complete)
    assert {"3", "3 / N"} == {each.departures[-1].estimated["factor"] for each in complete}
    assert not {"last-sample-wrong", "row-wrong"} & {*sum(words(nodes), ())}
    factor = Departure("scaled", "", lambda formula: formula, {"factor": "3"}, outside=True)
    assert search._mixed([search._on_top(search.right, factor)]) == []


def test_a_factor_of_most_answers_goes_with_something_small() -> None:
    """Such as the number of samples, where an epsilon is added too."""
    search = searched("SoftmaxLayer.forward", lambda self, X: exp(X) / (total(X) + 1e-3) / len(X))
    (loose,) = search._scaled(search.right, loosely=True)
    assert loose.departures[0].estimated == {"factor": "1 / N"}
    assert list(search._scaled(search.right)) == []
    (best,) = [node for node in search._all_but_for_a_factor(search.right) if node.matched == search.entries]
    assert words([best]) == [("epsilon-added", "averaged-over-batch")]
    assert best.departures[0].estimated == {"epsilon": "0.001"}


def test_a_part_without_a_clear_number_has_any_factor() -> None:
    """The factor is that of the other part, told by its name; K is no number of classes in a linear layer."""
    search = searched(
        "LinearLayer.grad", lambda self, X, delta_next: [3 * X.T @ delta_next / len(X), 0 * delta_next.mean(axis=0)]
    )
    zero = search._scored(Node(lambda given: (given["X"].T @ given["delta_next"] / len(given["X"]), 0 * given["b"])))
    (scaled,) = search._scaled(zero)
    assert scaled.departures[0].estimated == {"factor of dW": "3"}
    assert scaled.matched == search.entries
    search = searched("LinearLayer.delta", lambda self, Y, delta_next: delta_next @ self.W.T / self.W.shape[1])
    (scaled,) = search._scaled(search.right)
    assert words([scaled]) == [("scaled",)]
    assert scaled.departures[0].estimated == {"factor": "1 / K"}


def test_what_students_do_to_a_stage_is_tried() -> None:
    """If it gives most of the answers but for a factor; those that change something may be two at once."""
    search = searched("LossCrossEntropy.forward", lambda self, X, T: (T * np.log(X) ** 2).mean(axis=1, keepdims=True))
    tried = search._written_wrongly()
    assert ("wrong-function",) in words(tried)
    assert search.faulty
    assert all(not search._is_as_right(each.departure().change(search.right.formula)) for each in search.faulty)
    assert search._is_as_right(search.right.formula)
    assert not search._is_as_right(lambda given: (given["no"],))
    twice = [node for node in search._twice() if node.matched == search.entries]
    assert twice
    assert all(len(node.departures) <= 2 for node in twice)


def test_one_mistake_of_a_family_comes_before_two() -> None:
    """Of those that are made for the method."""
    subject = "SoftmaxLayer.forward"
    own = [each for each in searched(subject, lambda self, X: 2 * softmax(X))._own() if each in FAMILIES[subject]]
    counts = [len(family.make(0.25).further) for family in own]
    assert counts == sorted(counts)
    assert len(own) == len(FAMILIES[subject])
    relu_families = searched("ReLULayer.forward", lambda self, X: 2 * relu(X))._own()
    assert {*FORMULAS["ReLULayer.forward"]} <= {*relu_families}


def test_terms_have_coefficients() -> None:
    """Where a formula is a sum of them; the words of a factor know what K is, and whether each sample has an answer."""
    search = searched("LinearLayer.forward", lambda self, X: 2 * X @ self.W - 3 * self.b)
    (node,) = search._with_terms(search.right)
    assert node.matched == search.entries
    assert {*node.departures[0].estimated.values()} == {"2", "-3"}
    for subject, method, word in (
        ("LinearLayer.forward", lambda self, X: X @ self.W / self.W.shape[1] + self.b, "scaled"),
        (
            "LossCrossEntropyForSoftmaxLogits.delta",
            lambda self, X, T: softmax(X) / X.shape[1] - T,
            "divided-by-classes",
        ),
        ("LossCrossEntropyForSoftmaxLogits.delta", lambda self, X, T: softmax(X) / len(X) - T, "averaged-over-batch"),
    ):
        search = searched(subject, method)
        (node,) = search._with_terms(search.right)
        assert word in (node.departures[0].word, *node.departures[0].further)
    assert list(searched("ReLULayer.delta", lambda self, Y, delta_next: np.cos(Y))._with_terms(search.right)) == []


def test_answers_leave_out_what_they_cannot_come_from(doubled: _Search) -> None:
    """What a departure would not leave as it is, but for rounding; what tells nothing of that is never left out."""

    def is_left(by: float) -> bool:
        departure = Departure("", "", lambda formula: formula, {}, leaves=lambda parts: tuple(p + by for p in parts))
        return doubled._is_left_by(departure)

    assert doubled._is_left_by(Departure("", "", lambda formula: formula, {}))
    assert is_left(0.0)
    assert not is_left(1e-7)
    doubled.observations = [
        replace(each, bounds=(np.full(each.answer[0].shape, 1e-6),)) for each in doubled.observations
    ]
    assert is_left(1e-7)
    assert not is_left(1e-3)


def test_the_best_of_several_constants_is_kept(doubled: _Search, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where a worse one comes after it, of the same entry."""
    monkeypatch.setattr(composition, "constants", lambda *_: iter([0.5, 1.0, 0.75]))

    def below(c: float) -> Departure:
        change = lambda formula: lambda given: (np.where(np.abs(given["X"]) < c, 2, 1) * formula(given)[0],)  # noqa: E731
        return Departure("scaled", "", change, {"up to": f"{c}"})

    best = doubled._best_of(doubled.right, Family("up to", below), doubled._on_top)
    assert best is not None
    assert best.departures[0].estimated == {"up to": "1.0"}


def test_what_arithmetic_finds_is_all_kept(doubled: _Search, monkeypatch: pytest.MonkeyPatch) -> None:
    """All formulas that arithmetic finds are candidates, until one explains every answer."""

    def times(factor: float) -> Departure:
        return Departure(f"{factor}", "", lambda formula: lambda given: (factor * formula(given)[0],), {})

    heard: list[Any] = []

    def by_arithmetic(message: Any, right: Any, cases: Any, wrong: Any) -> Iterator[list[Departure]]:
        heard.append((message, len(cases), any(wrong), all(wrong)))
        yield [times(3), times(4)]
        yield [times(2)]
        yield [times(5)]

    monkeypatch.setattr(composition, "by_arithmetic", by_arithmetic)
    assert words(doubled._by_arithmetic()) == [("3",), ("4",), ("2",)]
    assert heard == [(OF["ReLULayer.forward"], len(doubled.observations), True, all(heard[0][3:]))]


def test_one_mistake_comes_before_two(doubled: _Search) -> None:
    """Those that take two are left out where one is looked for."""
    assert len(list(doubled._steps())) == 8
    doubled.depth = 1
    assert len(list(doubled._steps())) == 4


def test_a_limit_in_a_stage_comes_last() -> None:
    """Of the method's own formula."""
    search = searched("SoftmaxLayer.forward", lambda self, X: _over(np.exp(np.maximum(np.log(exp(X)), -1.5))))
    *_, last = search._steps()
    (found,) = [node for node in last([]) if node.matched == search.entries]
    assert words([found]) == [("clipped",)]
    assert found.departures[0].estimated == {"lower limit of the shifted logits": "-1.5"}


def _over(E: Any) -> Any:
    return E / E.sum(axis=1, keepdims=True)


def test_where_the_right_formula_gives_nothing_all_numbers_are_wrong() -> None:
    """The answer with the most different ones tells the most."""
    given = answers(OF["ReLULayer.forward"], lambda self, X: relu(X))[:2]
    parts = np.array([1.0, 1.0, 2.0]), np.array([1.0, 2.0, 3.0])
    few, many = (replace(each, answer=(part,), bounds=(0 * part,)) for each, part in zip(given, parts, strict=True))
    for order in ([few, many], [many, few]):
        assert _Search(order, OF["ReLULayer.forward"]).telling.observations == [many]
