"""What examinations share: computed once, read-only, bounded in memory, and never taken for something else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import reference
from reference.execution.in_process import InProcess
from reference.lab import definitions
from reference.lab.context import Context
from reference.lab.mistakes import plain
from reference.lab.network import SHAPES, NetRun, case_of
from reference.numerics import memo
from reference.numerics.estimate import Estimate
from reference.numerics.memo import Memo, digest
from reference.numerics.oracles import ball
from tests.comparing import needs_flint


def test_a_value_is_made_once() -> None:
    """The second request for a key gets the very same object."""
    memo = Memo(1000)
    first = memo.get("key", lambda: [1])
    assert memo.get("key", lambda: [2]) is first
    assert memo.get("another key", lambda: [2]) == [2]


def test_shared_arrays_are_read_only() -> None:
    """Also within tuples and records: whoever writes into one gets an error, and nobody else a wrong truth."""
    estimate = Memo(1000).get("key", lambda: (Estimate(np.zeros(2), np.zeros(2)),))[0]
    with pytest.raises(ValueError, match="read-only"):
        estimate.value[0] = 1
    with pytest.raises(ValueError, match="read-only"):
        estimate.error[0] = 1


def test_memory_is_bounded() -> None:
    """What was used longest ago goes first; what was used lately stays; one value alone stays however large it is."""
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
    """By number, precision, shape and place; the memory layout makes no difference."""
    array = np.array([[1.0, 2.0], [3.0, 4.0]])
    assert digest(array) != digest(other)
    assert digest(array) == digest(np.asfortranarray(array))
    assert digest(array, other) != digest(other, array)


@needs_flint
def test_truths_are_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second examination with the same seed asks the oracle nothing; one with another seed does."""
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
    """What one oracle has answered is not taken for the answer of another."""
    only = "softmax.forward.values"
    assert reference.passed(reference.check(plain.CLASSES, only=only, effort="quick"))
    monkeypatch.setattr(ball, "value", lambda spec, args: Estimate(np.zeros(args[0].shape), np.zeros(args[0].shape)))
    assert not reference.passed(reference.check(plain.CLASSES, only=only, effort="quick"))


@needs_flint
def test_truths_of_networks_are_told_apart() -> None:
    """By the question, by the definition, and by the depth at which the network is looked at."""
    context = Context(InProcess(plain.CLASSES, {}), ball, "x", effort="quick")
    deep, other = (NetRun(context, case_of(context, shape, compound=True)) for shape in SHAPES[-2:])
    first, second = (deep.truth(deep.case.hidden, depth=depth) for depth in (1, 2))
    X, (W, b, *_) = deep.case.X, deep.case.theta
    expected = ball.value(lambda W, b: definitions.relu(definitions.linear(W.new_tensor(X), W, b)), (W, b))
    assert np.array_equal(first.value, expected.value)
    assert first.value.shape != second.value.shape
    assert deep.truth(deep.case.hidden).value.shape != deep.truth(deep.case.losses).value.shape
    assert deep.truth(deep.case.losses).value.shape != other.truth(other.case.losses).value.shape


def test_an_absent_oracle_is_no_oracle() -> None:
    """A truth that is known from before does not stand in for an oracle that is not there."""
    only = "softmax.forward.values"
    reference.check(plain.CLASSES, only=only, effort="quick")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(ball, "available", lambda: "python-flint is not installed")
        findings = reference.check(plain.CLASSES, only=only, effort="quick")
    assert next(each for each in findings if each.check == only).status == "skipped"
