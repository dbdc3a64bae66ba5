"""What examinations share is computed once, read-only, bounded in memory, and never confused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import reference
from reference.execution.in_process import InProcess
from reference.lab import definitions
from reference.lab.context import Context
from reference.lab.mistakes import plain
from reference.lab.net_run import NetRun
from reference.lab.network import SHAPES, case_of
from reference.numerics import memo
from reference.numerics.estimate import Estimate
from reference.numerics.memo import Memo, digest
from reference.numerics.oracles import ball
from tests.comparing import needs_flint


def test_a_value_is_made_once() -> None:
    """The second request for a key returns the same object."""
    memo = Memo(1000)
    first = memo.get("key", lambda: [1])
    assert memo.get("key", lambda: [2]) is first
    assert memo.get("another key", lambda: [2]) == [2]


def test_shared_arrays_are_read_only() -> None:
    """Shared arrays are read-only, also within tuples and records."""
    estimate = Memo(1000).get("key", lambda: (Estimate(np.zeros(2), np.zeros(2)),))[0]
    with pytest.raises(ValueError, match="read-only"):
        estimate.value[0] = 1
    with pytest.raises(ValueError, match="read-only"):
        estimate.error[0] = 1


def test_memory_is_bounded() -> None:
    """The least recently used values are dropped first; the latest value stays however large it is."""
    small = Memo(3 * (800 + memo._BYTES_OF_VALUE))
    made: list[int] = []

    def make(number: int) -> Any:
        made.append(number)
        return np.zeros(100)

    for number in (0, 1, 2, 0, 3, 0, 1):
        small.get(number, lambda number=number: make(number))
    assert made == [0, 1, 2, 3, 1]
    assert len(small) == 3
    small.get("large", lambda: np.zeros(10_000))
    assert len(small) == 1


@pytest.mark.parametrize(
    "other",
    [
        np.array([[1.0, 2.0], [3.0, 5.0]]),
        np.array([[1.0, 2.0], [3.0, 4.0]], dtype=np.float32),
        np.array([[1.0, 2.0, 3.0, 4.0]]),
        np.array([[1.0, 3.0], [2.0, 4.0]]),
        np.array([[1.0, 2.0], [3.0, -4.0]]),
    ],
)
def test_digests_tell_arrays_apart(other: Any) -> None:
    """The hash depends on entries, dtype, shape and order of arrays, not on the memory layout."""
    array = np.array([[1.0, 2.0], [3.0, 4.0]])
    assert digest(array) != digest(other)
    assert digest(array) == digest(np.asfortranarray(array))
    assert digest(array, other) != digest(other, array)


@needs_flint
def test_truths_are_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second examination with the same seed does not call the oracle; one with another seed does."""
    asked: list[Any] = []
    value, vjp = ball.value, ball.vjp
    monkeypatch.setattr(ball, "value", lambda *given: asked.append(given) or value(*given))
    monkeypatch.setattr(ball, "vjp", lambda *given: asked.append(given) or vjp(*given))
    counts = []
    for seed in (5, 5, 6):
        asked.clear()
        assert reference.passed(reference.check(plain.CLASSES, only="softmax.delta.values", seed=seed, effort="quick"))
        counts.append(len(asked))
    assert counts[1] == 0
    assert counts[0] == counts[2] > 0


@needs_flint
def test_another_oracle_is_asked_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """The expected values of one oracle are not used for another."""
    only = "softmax.forward.values"
    assert reference.passed(reference.check(plain.CLASSES, only=only, effort="quick"))
    monkeypatch.setattr(ball, "value", lambda spec, args: Estimate(np.zeros(args[0].shape), np.zeros(args[0].shape)))
    assert not reference.passed(reference.check(plain.CLASSES, only=only, effort="quick"))


@needs_flint
def test_truths_of_networks_are_told_apart() -> None:
    """Expected values of networks differ by case, definition and number of layers run."""
    context = Context(InProcess(plain.CLASSES, {}), ball, "x", effort="quick")
    deep, other = (NetRun(context, case_of(context, shape, compound=True)) for shape in SHAPES[-2:])
    first, second = (deep.truth(deep.case.outputs, count=count) for count in (2, 4))
    X, (W, b, *_) = deep.case.X, deep.case.theta
    expected = ball.value(lambda W, b: definitions.relu(definitions.linear(W.new_tensor(X), W, b)), (W, b))
    assert np.array_equal(first.value, expected.value)
    assert first.value.shape != second.value.shape
    assert deep.truth(deep.case.hidden).value.shape != deep.truth(deep.case.losses).value.shape
    assert deep.truth(deep.case.losses).value.shape != other.truth(other.case.losses).value.shape


def test_an_absent_oracle_is_no_oracle() -> None:
    """Cached expected values are not used in place of an oracle that is not installed."""
    only = "softmax.forward.values"
    reference.check(plain.CLASSES, only=only, effort="quick")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(ball, "available", lambda: "python-flint is not installed")
        findings = reference.check(plain.CLASSES, only=only, effort="quick")
    assert next(each for each in findings if each.check == only).status == "skipped"
