"""How the checks of layers and losses ask: which cases, sizes, layouts and orders."""

from __future__ import annotations

import numpy as np
import pytest

from reference.execution.worker.protocol import Call, Put
from reference.lab.checks import calls, promises, ranges
from reference.lab.context import ORDINARY, SMALL_SIZES
from reference.lab.contract import MESSAGES, Message, Sizes
from tests.examining import with_methods
from tests.hearing import (
    DELTA,
    GRAD,
    LINEAR,
    RELU,
    Hearing,
    arguments,
    caught,
    context,
    each_message,
    given,
    heard,
    shape_of,
    shapes,
)

pytestmark = pytest.mark.catalogue

UPWARDS = [Sizes(1, 1, 2), Sizes(2, 1, 2), Sizes(2, 2, 2), ORDINARY]


@each_message
def test_types_and_arguments_are_looked_at_from_small_to_large(message: Message) -> None:
    """Four sizes; the counterexample is small."""
    for check in (promises.check_types, promises.check_inputs_unchanged):
        asks = context()
        check(asks, message)
        assert shapes(given(asks), message) == [shape_of(message, sizes) for sizes in UPWARDS]


@each_message
def test_answers_are_held_for_their_own_memory(message: Message) -> None:
    """Three calls of one object for each size; in the last all numbers are positive, so that all units are on."""
    asks = context()
    promises.check_result_is_its_own(asks, message)
    assert len(heard(asks)) == 4
    for steps, sizes in zip(heard(asks), UPWARDS, strict=True):
        asked = [arguments(each) for each in steps if isinstance(each, Call)]
        assert shapes(asked, message) == [shape_of(message, sizes)] * 3
        assert {each.method for each in steps if isinstance(each, Call)} == {message.method}
        for name, array in asked[2].items():
            if name == "T":
                assert array is asked[0]["T"]
            else:
                assert array.min() >= 1 / 8
                assert np.array_equal(array, np.abs(asked[0][name]) + 1 / 8)
        assert any(not np.array_equal(asked[0][name], asked[1][name]) for name in asked[0])


@each_message
def test_an_object_is_asked_between_other_calls(message: Message) -> None:
    """The same case first, third, fifth, and after each of two calls of forward with other batches."""
    asks = context()
    promises.check_no_state(asks, message)
    (steps,) = heard(asks)
    asked = [each for each in steps if isinstance(each, Call)]
    assert [each.method for each in asked] == [message.method] * 5 + ["forward", message.method] * 2
    own = [arguments(each) for each in (*asked[:5], asked[6], asked[8])]
    first = message.arguments[0]
    assert [each[first].shape[0] for each in own] == [3, 3, 3, 5, 3, 3, 3]
    assert all(own[0][name] is own[place][name] for place in (2, 4, 5, 6) for name in own[0])
    assert not np.array_equal(own[0][first], own[1][first])
    assert [len(arguments(asked[place])["X"]) for place in (5, 7)] == [3, 4]


@pytest.mark.parametrize(
    "message",
    [each for each in MESSAGES if each.key != "cross_entropy" or each.method == "delta"], ids=lambda each: each.subject,
)  # fmt: skip
def test_layouts_are_asked_of_small_and_ordinary_arrays(message: Message) -> None:
    """Each layout of both sizes; where rows are one row, all of them are."""
    asks = context()
    promises.check_layouts(asks, message)
    layouts = ("Fortran", "strided", "reversed", "read-only", "broadcast")
    asked = [steps[-1] for steps in heard(asks)]
    assert [{laid.layout for laid in each.arguments.values()} for each in asked] == [
        {layout} for layout in layouts for _ in range(2)
    ]
    assert shapes(given(asks), message) == [shape_of(message, sizes) for sizes in (Sizes(2, 2, 2), ORDINARY)] * 5
    for each in given(asks)[-2:]:
        assert all((array == array[0]).all() for array in each.values())
    for each in given(asks)[:-2]:
        first = each[message.arguments[0]]
        assert not (first == first[0]).all() or "Y" in message.arguments


@each_message
def test_small_sizes_are_asked_of_two_kinds_of_numbers(message: Message) -> None:
    """Short ones and ordinary ones, of each size."""
    asks = context()
    promises.check_small_sizes(asks, message)
    assert shapes(given(asks), message) == [shape_of(message, sizes) for sizes in SMALL_SIZES for _ in range(2)]
    found = [each for each in given(asks) if "Y" not in each and message.key != "cross_entropy"]
    assert all((8 * each["X"] % 1 == 0).all() for each in found[::2])
    assert not any((8 * each["X"] % 1 == 0).all() for each in found[1::2])


@pytest.mark.parametrize("message", [each for each in MESSAGES if "T" in each.arguments], ids=lambda each: each.subject)
def test_batches_of_one_class_are_asked(message: Message) -> None:
    """All samples have the target of the first."""
    asks = context()
    promises.check_one_class(asks, message)
    assert shapes(given(asks), message) == [(2, 2), (3, 4)]
    for each in given(asks):
        assert (each["T"] == each["T"][0]).all()
        assert (each["T"].sum(axis=1) == 1).all()
        assert not (each["X"] == each["X"][0]).all()


@each_message
def test_single_precision_is_of_all_arrays(message: Message) -> None:
    """Arguments and parameters, as many cases as the effort says."""
    for effort, number in (("quick", 1), ("normal", 8)):
        asks = context(effort=effort)
        promises.check_single_precision(asks, message)
        assert len(given(asks)) == asks.rounds
        assert (number > 1) == (asks.rounds > 1)
        assert shapes(given(asks), message) == [shape_of(message, ORDINARY)] * asks.rounds
        arrays = [array for each in given(asks) for array in each.values()]
        arrays += [each.value for steps in heard(asks) for each in steps if isinstance(each, Put)]
        assert {array.dtype for array in arrays} == {np.dtype(np.float32)}


@each_message
def test_samples_are_asked_in_another_batch_and_another_order(message: Message) -> None:
    """Each row with the others of another batch of the same size; all of them in another order."""
    if message.per_sample:
        asks = context()
        promises.check_samples_independent(asks, message)
        first = message.arguments[0]
        sizes = [Sizes(2, 1, 2), Sizes(2, 2, 3), Sizes(4, 3, 5)]
        asked = given(asks)
        assert shapes(asked, message) == [shape_of(message, each) for each in sizes for _ in range(1 + each.n)]
        start = 0
        for each in sizes:
            case, *others = asked[start : start + 1 + each.n]
            start += 1 + each.n
            for row, other in enumerate(others):
                same = (other[first] == case[first]).all(axis=1)
                assert same[row]
                assert message.parameters or not same.all() or "Y" in message.arguments
    asks = context()
    promises.check_order_of_samples(asks, message)
    one, other = given(asks)
    for name in one:
        assert np.array_equal(other[name], one[name][[2, 0, 3, 1]])
    asks = context()
    promises.check_repeatable(asks, message)
    one, other = given(asks)
    assert all(one[name] is other[name] for name in one)
    assert shapes([one], message) == [shape_of(message, ORDINARY)]


def test_cotangents_are_combined() -> None:
    """Two, and twice the first less four times the second; nothing else changes."""
    asks = context()
    promises.check_linear_in_delta_next(asks, GRAD)
    first, second, both = given(asks)
    assert np.array_equal(both["delta_next"], 2 * first["delta_next"] - 4 * second["delta_next"])
    assert first["X"] is second["X"] is both["X"]
    asks = context()
    promises.check_averaged(asks, GRAD)
    once, twice = given(asks)
    for name in once:
        assert np.array_equal(twice[name], np.concatenate([once[name], once[name]]))


@each_message
def test_calls_by_position_are_asked_of_two_sizes(message: Message) -> None:
    """An ordinary one, and one with as many samples as classes, where another order may fit."""
    asks = context()
    calls.check_by_position(asks, message)
    assert shapes(given(asks), message) == [shape_of(message, sizes) for sizes in (ORDINARY, Sizes(4, 4, 4))]
    assert all(steps[-1].by_position and tuple(steps[-1].arguments) == message.arguments for steps in heard(asks))


def test_a_wrong_answer_by_name_says_nothing_of_the_order() -> None:
    """It passes; where it is right by name the order is wrong."""
    wrong = with_methods("ReLULayer", {"delta": lambda self, Y, delta_next: 3 * delta_next * (Y > 0)})
    calls.check_by_position(context(wrong), DELTA)
    exchanged = with_methods("ReLULayer", {"delta": lambda self, delta_next, Y: delta_next * (Y > 0)})
    found = caught(calls.check_by_position, DELTA, exchanged)
    assert (found.mistake, found.due.more[-1].kind) == ("argument-order", "by position")
    assert found.repro is not None
    assert "layer.delta(Y, delta_next)" in found.repro
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Hearing, "modules", lambda self: {"ReLULayer": "of_relu", "LinearLayer": "of_linear"})
        found = caught(calls.check_by_position, DELTA, exchanged)
    assert found.repro is not None
    assert "from of_relu import ReLULayer" in found.repro


@pytest.mark.parametrize("message", [each for each in MESSAGES if each.single_in_lab], ids=lambda each: each.subject)
def test_the_labs_dtypes_are_asked(message: Message) -> None:
    """Of batches whose sizes are powers of two, and of one like the lab's."""
    asks = context()
    calls.check_lab_dtypes(asks, message)
    sizes = [Sizes(1, 3, 2), Sizes(2, 3, 4), Sizes(4, 2, 3), Sizes(8, 5, 6)]
    large = Sizes(128, 784, 64) if message.parameters else Sizes(2048, 1, 10)
    assert shapes(given(asks), message) == [shape_of(message, each) for each in [*sizes, large]]
    weights = [each.value.shape for steps in heard(asks) for each in steps if isinstance(each, Put)][::2]
    assert weights == ([(each.d, each.u) for each in [*sizes, large]] if message.parameters else [])
    for each in given(asks):
        for name, array in each.items():
            assert array.dtype == (np.float32 if name in message.single_in_lab else np.float64)
    wrong = with_methods(message.cls, {message.method: lambda self, *args, **named: None})
    found = caught(calls.check_lab_dtypes, message, wrong)
    assert (found.due.more[-1].kind, found.due.more[-1]["names"]) == ("inputs in single", message.single_in_lab)


def test_sizes_are_drawn_up_to_both_ends() -> None:
    """Each axis is drawn between its own two ends, and reaches both."""
    rng = np.random.RandomState(0)
    found = [ranges._sizes_within(rng, (1, 2), (5, 5), (7, 9)) for _ in range(100)]
    assert [{vars(each)[axis] for each in found} for axis in ("n", "d", "u")] == [{1, 2}, {5}, {7, 8, 9}]


def test_zeros_have_both_signs() -> None:
    """A quarter of the entries of an array; all others stay."""
    ones = np.ones((20, 50))
    found = ranges._with_zeros(np.random.RandomState(0), ones)
    assert set(found.flat) == {0.0, 1.0}
    assert 0.2 < (found == 0).mean() < 0.3
    assert 0.4 < np.signbit(found[found == 0]).mean() < 0.6


def test_sizes_of_any_kind_are_drawn_by_effort() -> None:
    """More rounds, and larger arrays."""
    for effort, rounds in (("quick", 1), ("normal", 2), ("exhaustive", 20)):
        assert ranges._ROUNDS[effort] == rounds
        drawn = list(ranges.drawn_sizes(RELU, np.random.RandomState(0), rounds, ranges.MOST_ENTRIES[effort]))
        assert len(drawn) == rounds * 8
        linear = list(ranges.drawn_sizes(LINEAR, np.random.RandomState(0), rounds, ranges.MOST_ENTRIES[effort]))
        assert len(linear) == rounds * 9
        assert all(each.n * each.u**2 <= ranges.MOST_OF_JACOBIANS or each.n == 1 for each in drawn)
