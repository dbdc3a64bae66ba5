"""Mistakes that give the same answers to a check: further calls tell which of them it was."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from reference.execution.in_process import InProcess
from reference.execution.worker.protocol import Call, New
from reference.lab import telling_apart
from reference.lab.context import ORDINARY_SIZES, Context
from reference.lab.contract import MESSAGES
from reference.lab.mistakes import plain
from reference.lab.mistakes.catalogue import Mistake
from reference.lab.telling_apart import _same, seen_elsewhere, told_apart
from reference.numerics import tolerances
from tests.examining import with_methods

pytestmark = pytest.mark.catalogue

SOFTMAX = next(each for each in MESSAGES if each.subject == "SoftmaxLayer.forward")


def mistake(subject: str, method: Any, *words: str) -> Mistake:
    cls, _, name = subject.partition(".")
    return Mistake(words[0], subject, words[0], "", with_methods(cls, {name: method}), words[1:])


def context(subject: str, method: Any, **options: Any) -> Context:
    cls, _, name = subject.partition(".")
    return Context(InProcess(with_methods(cls, {name: method}), {}), "none", "x", **options)


def through(self: Any, Y: Any, delta_next: Any) -> Any:
    return delta_next


def at_zero(self: Any, Y: Any, delta_next: Any) -> Any:
    return delta_next * (Y >= 0)


def above(self: Any, Y: Any, delta_next: Any) -> Any:
    return delta_next * (Y > 1e-6)


MASKS = {"mask-missing": through, "mask-wrong-threshold": at_zero, "clipped": above}


@pytest.mark.parametrize("word", MASKS)
def test_masks_are_told_apart_by_outputs_that_are_negative(word: str) -> None:
    """No layer has such outputs, and nothing is judged by them."""
    mistakes = [mistake("ReLULayer.delta", method, name) for name, method in MASKS.items()]
    asks = context("ReLULayer.delta", MASKS[word])
    assert [each.word for each in told_apart(mistakes, asks)] == [word]
    assert asks.log == []
    others = [each for each in mistakes if each.word != word]
    assert told_apart(others, asks) == []


def test_mistakes_of_a_method_without_further_calls_are_kept() -> None:
    """All of them, for nothing tells them apart."""
    other = [mistake("SoftmaxLayer.forward", lambda self, X: X, word) for word in ("sign", "scaled")]
    assert told_apart(other, context("SoftmaxLayer.forward", lambda self, X: 2 * X)) == other


def test_outputs_of_all_signs_are_asked() -> None:
    """Large and small, and exact zeros; nothing that comes back is 0."""
    calls = telling_apart._negative_outputs(context("ReLULayer.delta", through))
    ((*_, call),) = calls
    assert isinstance(call, Call)
    assert (call.method, set(call.arguments)) == ("delta", {"Y", "delta_next"})
    Y, delta_next = call.arguments.values()
    assert Y.shape == delta_next.shape == (3, 3)
    assert (delta_next != 0).all()
    assert len(np.unique(delta_next)) == delta_next.size
    for sign in (1, -1):
        sizes = sign * Y[sign * Y > 0]
        assert sizes.max() >= 1
        assert 0 < sizes.min() < 1e-6
    assert (Y == 0).any()


def other_layer(self: Any, X: Any, T: Any) -> Any:
    """Every layer gets the gradient of the last one."""
    found = plain.MLP.gradient(self, X, T)
    last = found[self.layers[-1].name]
    return {name: [np.resize(last[0], parts[0].shape), np.resize(last[1], parts[1].shape)]
            for name, parts in found.items()}  # fmt: skip


def twice(self: Any, X: Any, T: Any) -> Any:
    return {name: [2 * part for part in parts] for name, parts in plain.MLP.gradient(self, X, T).items()}


@pytest.mark.parametrize("assignment", [1, 3])
def test_networks_of_equal_widths_are_asked(assignment: int) -> None:
    """With each loss of the assignment; a wrong array fits there, so that its numbers tell."""
    asks = context("MLP.gradient", twice, assignment=assignment)
    calls = telling_apart._equal_widths(asks)
    assert len(calls) == (6 if assignment > 1 else 3)
    shapes, losses = set(), list[str]()
    for steps in calls:
        call = steps[-1]
        assert isinstance(call, Call)
        assert (call.name, call.method, set(call.arguments)) == ("net", "gradient", {"X", "T"})
        assert call.arguments["X"].shape == call.arguments["T"].shape
        made = [each for each in steps if isinstance(each, New)]
        width = call.arguments["X"].shape[1]
        assert {each.arguments["n_units"] for each in made if "n_units" in each.arguments} == {width}
        losses.append(next(each.cls for each in made if each.name == "CE").removeprefix("own:"))
        shapes.add(call.arguments["X"].shape)
    assert shapes == {(4, 3), (4, 4), (3, 2)}
    compound = ["LossCrossEntropyForSoftmaxLogits"] * 3 if assignment > 1 else []
    assert sorted(losses) == [*["LossCrossEntropy"] * 3, *compound]
    mistakes = [mistake("MLP.gradient", other_layer, "wrong-layer-input"), mistake("MLP.gradient", twice, "scaled")]
    assert [each.word for each in told_apart(mistakes, asks)] == ["scaled"]


def test_answers_to_positive_numbers_tell() -> None:
    """Where all others were NaN: none if these are NaN too."""

    def roots(self: Any, X: Any) -> Any:
        with np.errstate(invalid="ignore"):
            return np.sqrt(X)

    def logarithms(self: Any, X: Any) -> Any:
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.log(X)

    def nothing(self: Any, X: Any) -> Any:
        return X * np.nan

    mistakes = [mistake("SoftmaxLayer.forward", each, each.__name__) for each in (roots, logarithms, nothing)]
    for method, words in ((roots, ["roots"]), (logarithms, ["logarithms"]), (nothing, [])):
        asks = context("SoftmaxLayer.forward", method)
        assert [each.word for each in seen_elsewhere(mistakes, asks, SOFTMAX)] == words
    heard: list[Any] = []

    def noting(self: Any, X: Any) -> Any:
        heard.append(X)
        return X

    assert seen_elsewhere(mistakes, context("SoftmaxLayer.forward", lambda self, X: 1 / 0), SOFTMAX) == []
    assert seen_elsewhere([], context("SoftmaxLayer.forward", noting), SOFTMAX) == []
    assert all(X.min() > 0 for X in heard)
    assert min(X.min() for X in heard) < 1 < max(X.max() for X in heard)
    assert [X.shape for X in heard] == [(each.n, each.u) for each in ORDINARY_SIZES]
    assert min(X.min() for X in heard) >= 1 / 8
    assert max(X.max() for X in heard) > 1


def test_an_exception_is_an_answer() -> None:
    """By its type."""

    def raises(error: Exception) -> Any:
        def method(self: Any, Y: Any, delta_next: Any) -> Any:
            raise error

        return method

    mistakes = [mistake("ReLULayer.delta", raises(error), word)
                for error, word in ((ValueError("a"), "crash"), (KeyError("b"), "scaled"))]  # fmt: skip
    asks = context("ReLULayer.delta", raises(ValueError("c")))
    assert [each.word for each in told_apart(mistakes, asks)] == ["crash"]


ONE = np.array([1.0, 100.0])
ROOM = tolerances.CODINGS_APART * 100


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (ONE, ONE.copy(), True), (ONE, ONE + ROOM / 2, True), (ONE, ONE - ROOM / 2, True),
        (ONE, ONE + 50 * ROOM, False),
        (ONE, ONE[None], False), (ONE, ONE + 0j, False), (ONE + 0j, ONE, False), (ONE, [1.0, 100.0], False),
        ([1.0, 100.0], ONE, False), (np.array([np.nan]), np.array([np.nan]), True),
        (np.array(["a"]), np.array(["a"]), False),
        (np.zeros(0), np.zeros(0), True), (np.array([True]), np.array([True]), True),
        (np.array([1]), np.array([1.0]), True),
        ({"a": ONE}, {"a": ONE}, True), ({"a": ONE}, {"a": 2 * ONE}, False), ({"a": ONE}, {"b": ONE}, False),
        ({"a": ONE, "b": ONE}, {"a": ONE}, False), ({"a": ONE}, {"a": ONE, "b": ONE}, False), ({}, {}, True),
        ({}, [], False),
        ([ONE, ONE], (ONE, ONE), True), ([ONE], [ONE, ONE], False), ([ONE, ONE], [ONE, 2 * ONE], False),
        (None, None, True), (None, 0, False), (1, 1, True), (1, 2, False), (1, 1.0, False), ("a", "a", True),
        ("a", "b", False),
    ],
)  # fmt: skip
def test_answers_are_the_same(one: Any, other: Any, same: bool) -> None:
    """In their types, keys and shapes, and but for as much as two codings may differ."""
    assert _same(one, other) is same
