"""Cases that are made of others: large ones that repeat a few samples, similar ones, the smallest that shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.execution.in_process import InProcess
from reference.findings import Violation
from reference.lab import large
from reference.lab.cases import Case, Sizes
from reference.lab.checks import ranges
from reference.lab.checks.akin import akin
from reference.lab.context import Context
from reference.lab.contract import MESSAGES, Message, forward_of
from reference.lab.large import Repeats
from reference.lab.mistakes import plain
from reference.numerics.oracles import ball
from tests.comparing import needs_flint
from tests.test_lab_cases import answer, drawn

pytestmark = pytest.mark.catalogue

Array = NDArray[Any]
OF = {message.subject: message for message in MESSAGES}
LINEAR, RELU = OF["LinearLayer.forward"], OF["ReLULayer.delta"]
each_message = pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.subject)


@each_message
def test_large_cases_repeat_what_is_not_summed_over(message: Message) -> None:
    """A few samples, inputs or units, in a random order; everything over which a sum goes is different."""
    repeats = large.drawn(message, Sizes(40, 30, 20), np.random.RandomState(1))
    case = large.spread(message, repeats)
    lengths = {"n": 40, "d": 30, "u": 20}
    axes = {"X": "nd" if message.parameters else "nu", "Y": "nu", "delta_next": "nu", "T": "nu", "W": "du", "b": "u"}
    free = {"forward": "nu", "delta": "nd", "grad": "du"}[message.method] if message.parameters else "n"
    assert set(repeats.places) == set(free)
    for axis, places in repeats.places.items():
        assert (len(places), places.dtype.kind) == (lengths[axis], "i")
        assert sorted(set(places.tolist())) == [0, 1, 2]
        assert places.tolist() != sorted(places.tolist())
    for name, array in {**case.arguments, **case.parameters}.items():
        assert array.shape == tuple(lengths[axis] for axis in axes[name])
        different = tuple(3 if axis in free else lengths[axis] for axis in axes[name])
        small = {**repeats.small.arguments, **repeats.small.parameters}[name]
        assert small.shape == different
        picked = [repeats.places.get(axis, np.arange(lengths[axis])) for axis in axes[name]]
        assert np.array_equal(array, small[np.ix_(*picked)])
    assert case.repeats is repeats
    assert case.origin is None


@needs_flint
@each_message
def test_the_truth_of_a_large_case_is_that_of_its_parts(message: Message) -> None:
    """As the whole case has it when it is computed at once; so are the bounds."""
    repeats = large.drawn(message, Sizes(7, 5, 6), np.random.RandomState(2))
    case = large.spread(message, repeats)
    found = large.expected(message, repeats, ball)
    whole = replace(case, repeats=None)
    if "Y" in case.arguments:
        origin = repeats.small.origin
        assert origin is not None
        whole = replace(whole, origin=repeats.spread(origin, "nd" if message.parameters else "nu"))
    due = message.answer(whole, ball)
    for one, other in zip(found.truth, due.truth, strict=True):
        assert one.value == pytest.approx(other.value, rel=1e-13)
        assert one.error.shape == one.value.shape
    for one, other in zip(found.bounds, due.bounds, strict=True):
        assert one == pytest.approx(np.broadcast_to(other, one.shape), rel=0.5)


def test_small_axes_repeat_nothing() -> None:
    """Three are different at most, and never more than there are."""
    for n in (1, 2, 3, 4, 50):
        repeats = large.drawn(RELU, Sizes(n, 2, 2), np.random.RandomState(0))
        assert repeats.small.n_samples == min(n, 3)


def test_repeats_are_told_apart() -> None:
    """By the numbers of the small case, its parameters, the axes and the places."""
    small = drawn(LINEAR)
    places = {"n": np.array([0, 1]), "u": np.array([1, 0])}
    repeats = Repeats(small, places)
    others = [
        Repeats(drawn(LINEAR, 1), places), Repeats(replace(small, parameters=drawn(LINEAR, 1).parameters), places),
        Repeats(small, {"n": places["n"], "d": places["u"]}), Repeats(small, {**places, "u": np.array([0, 0])}),
    ]  # fmt: skip
    assert Repeats(small, {**places}).key == repeats.key
    assert len({repeats.key, *(each.key for each in others)}) == 5


# Cases that resemble another one


def resembling(message: Message, *, naive: bool = False) -> tuple[Case, Case, Sequence[Case]]:
    """Two cases, and those that resemble the first."""
    first, other = drawn(message, 1), drawn(message, 2)
    return first, other, akin(message, first, other, naive=naive)


def rows_of_the_first(message: Message, case: Case, first: Case) -> list[int]:
    name = message.arguments[0]
    return np.flatnonzero((case.arguments[name] == first.arguments[name]).all(axis=1)).tolist()


@each_message
def test_cases_resemble_another(message: Message) -> None:
    """The first itself, its rows in another order, and the other with its first row or its last; all are possible."""
    first, _, found = resembling(message)
    several = len(message.arguments) if len(message.arguments) > 1 else 0
    assert found[0] is first
    assert found[1].arguments[message.arguments[0]].tolist() == (
        first.arguments[message.arguments[0]][[0, 3, 2, 1]].tolist()
    )
    assert [rows_of_the_first(message, found[place], first) for place in (2, 3 + several)] == [[0], [3]]
    for each in found:
        for name, array in each.arguments.items():
            assert array.shape == first.arguments[name].shape
        assert each.parameters is first.parameters or not message.parameters
        if each.origin is not None and not message.parameters:
            (outputs,) = answer(forward_of(message), Case({"X": each.origin}))
            assert each.arguments["Y"] == pytest.approx(outputs)


@pytest.mark.parametrize(
    "message", [each for each in MESSAGES if len(each.arguments) > 1], ids=lambda each: each.subject
)
def test_cases_share_one_argument(message: Message) -> None:
    """Each in turn; outputs come with their inputs, and targets are others where they could be the same."""
    first, other, found = resembling(message)
    for name, each in zip(message.arguments, found[3:], strict=False):
        assert each.arguments[name] is first.arguments[name]
        for rest in set(message.arguments) - {name, "T"}:
            assert each.arguments[rest] is other.arguments[rest]
        assert each.origin is (first if name == "Y" else other).origin
        if "T" in message.arguments and name != "T":
            assert np.array_equal(each.arguments["T"], np.roll(first.arguments["T"], 1, axis=1))
        assert "T" not in each.arguments or (each.arguments["T"].sum(axis=1) == 1).all()


@each_message
def test_cases_share_a_column(message: Message) -> None:
    """But for probabilities, whose rows sum to 1, and outputs, which belong to their inputs."""
    first, other, found = resembling(message, naive=True)
    several = len(message.arguments) if len(message.arguments) > 1 else 0
    shares = message.key != "cross_entropy" and first.origin is None
    assert len(found) == 4 + several + shares
    if shares:
        for name, array in found[-1].arguments.items():
            if name == "T":
                assert array is other.arguments["T"]
                continue
            assert np.array_equal(array[:, 0], first.arguments[name][:, 0])
            assert np.array_equal(array[:, 1:], other.arguments[name][:, 1:])


@each_message
def test_cases_are_moved(message: Message) -> None:
    """Logits by more than exp can do, up and down, where none may overflow."""
    first, other, found = resembling(message)
    moved = found[len(resembling(message, naive=True)[2]) :]
    if message.subject not in {"SoftmaxLayer.forward", *(each.subject for each in MESSAGES if each.key == "logits")}:
        assert not moved
        return
    up, down = moved
    assert np.array_equal(up.arguments["X"], first.arguments["X"] + 800)
    assert np.array_equal(down.arguments["X"], other.arguments["X"] - 800)
    for each, one in ((up, first), (down, other)):
        assert each.arguments.get("T") is one.arguments.get("T")


# Sizes and magnitudes


def test_sizes_are_cut_down_around_one_axis() -> None:
    """It stays, and no array along it has more entries than may be."""
    assert ranges._fitting(Sizes(100, 20, 30), "n", 1000) == Sizes(100, 10, 10)
    assert ranges._fitting(Sizes(20, 100, 5), "d", 1000) == Sizes(10, 100, 5)
    assert ranges._fitting(Sizes(20, 5, 100), "u", 10) == Sizes(1, 1, 100)


def off_where(condition: Any) -> dict[str, type]:
    """A ReLU that is wrong for some inputs."""
    forward = lambda self, X: np.maximum(X, 0) + condition(X)  # noqa: E731
    return {**plain.CLASSES, "ReLULayer": type("ReLULayer", (plain.ReLULayer,), {"forward": forward})}


@needs_flint
@pytest.mark.parametrize("limit", [(11, 1), (9, 2), (1, 12), (40, 9)])
def test_the_smallest_sizes_are_found(limit: tuple[int, int]) -> None:
    """By which it is wrong: samples first, then units; with the shapes that belong to them."""
    n, u = limit
    wrong = off_where(lambda X: X.shape[0] >= n and X.shape[1] >= u)
    context = Context(InProcess(wrong, {}), ball, "x", effort="quick")
    with pytest.raises(Violation) as caught:
        ranges.check_any_size(context, OF["ReLULayer.forward"])
    (shapes,) = [each["shapes"] for each in caught.value.due.more if each.kind == "of shapes"]
    assert shapes == (("X", (n, u)),)
    assert caught.value.mistake == "batch-size-dependent"


@pytest.mark.parametrize("subject", sorted(ranges.SUBJECTS))
def test_numbers_of_every_magnitude_are_asked(subject: str) -> None:
    """To the ends of what the method can do with them, zeros of both signs among them."""
    asked: list[Case] = []

    class Noting(Context):
        def judge_each(self, message: Message, cases: Any) -> None:
            asked.extend(cases)

    for effort, rounds in (("quick", 1), ("normal", 5)):
        asked.clear()
        context = Noting(InProcess({}, {}), "none", "x", effort=effort)  # type: ignore[arg-type]
        ranges.check_any_magnitude(context, OF[subject])
        linear = subject.startswith("LinearLayer")
        each = 4 if linear else 3 if subject.startswith("Softmax") else 5
        assert len(asked) == 3 * each * context.rounds
        assert (context.rounds > 1) == (rounds > 1)
    assert {len(next(iter(case.arguments.values()))) for case in asked} == {1, 3, 6}
    given = {name: np.concatenate([np.ravel(case.arguments[name]) for case in asked]) for name in asked[0].arguments}
    for name, numbers in given.items():
        nonzero = np.abs(numbers[numbers != 0])
        if subject == "SoftmaxLayer.delta":
            if name == "delta_next":
                assert nonzero.max() > 1e60
                assert nonzero.min() < 1e-60
            else:
                assert 0 < nonzero.min() < nonzero.max() < 1
            continue
        if name != "Y" or not linear:
            assert nonzero.max() > (1e60 if linear else 9e299)
            assert nonzero.min() < (1e-60 if linear else 1e-300)
            assert nonzero.max() < 1e145 or not linear
        zeros = numbers[numbers == 0]
        assert 0.05 < len(zeros) / len(numbers) < 0.6 or (linear and name == "Y")
        if name != "Y":
            assert 0.2 < np.signbit(zeros).mean() < 0.8 or len(zeros) < 20
            assert 0.3 < (numbers[numbers != 0] > 0).mean() < 0.7
    for case in asked:
        if subject == "ReLULayer.delta":
            assert case.origin is not None
            assert ((case.arguments["Y"] > 0) == (case.origin > 0)).all()
            assert (case.origin != 0).all()
            assert not (case.origin == 1).any()  # an input that would be 0 is below it
            assert np.array_equal(case.arguments["Y"], np.maximum(case.origin, 0))


@pytest.mark.parametrize("subject", sorted(each for each in ranges.SUBJECTS if each.startswith("LinearLayer")))
def test_products_neither_overflow_nor_underflow(subject: str) -> None:
    """Each array has a size of its own: all are large, very large, very small, or anything, in turn."""
    rng, ends = np.random.RandomState(3), ((0, 20), (20, 140), (-140, -20), (-140, 140))
    for _ in range(5):
        for case, (low, high) in zip(ranges._of_products(OF[subject], Sizes(6, 3, 9), rng), ends, strict=True):
            arrays = [array for name, array in {**case.arguments, **case.parameters}.items() if name != "Y"]
            for array in arrays:
                size = np.log10(np.abs(array[array != 0]).max())
                assert low - 1.5 < size < high + 1.5
            with np.errstate(over="raise", under="raise"):
                assert all(np.isfinite(one.max() * other.max()) for one in arrays for other in arrays)
