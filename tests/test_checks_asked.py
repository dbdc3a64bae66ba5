"""How the checks of layers and losses ask: which cases, sizes, layouts and orders, and what several answers tell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.execution.in_process import InProcess
from reference.execution.worker.protocol import Call, Laid, Put, Reply
from reference.findings import NotApplicable, Violation
from reference.lab.checks import calls, edges, promises, ranges
from reference.lab.context import ORDINARY, SMALL_SIZES, Context
from reference.lab.contract import MESSAGES, Case, Expected, Message, Sizes
from reference.lab.mistakes import plain
from reference.numerics import tolerances
from reference.numerics.estimate import Estimate
from reference.wording import fact
from tests.examining import with_methods

pytestmark = pytest.mark.catalogue

Array = NDArray[Any]
Check = Callable[[Context, Message], None]
OF = {message.subject: message for message in MESSAGES}
RELU, DELTA, GRAD = OF["ReLULayer.forward"], OF["ReLULayer.delta"], OF["LinearLayer.grad"]
LINEAR, LOSS, LOGITS = OF["LinearLayer.forward"], OF["LossCrossEntropy.forward"], (
    OF["LossCrossEntropyForSoftmaxLogits.forward"])  # fmt: skip
each_message = pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.subject)
UPWARDS = [Sizes(1, 1, 2), Sizes(2, 1, 2), Sizes(2, 2, 2), ORDINARY]


class Hearing(InProcess):
    """Answers as the given classes do, and notes all requests."""

    def __init__(self, classes: Any = plain.CLASSES) -> None:
        super().__init__(classes, {})
        self.heard: list[list[Any]] = []

    def run(self, steps: Any) -> list[Reply]:
        self.heard.append(list(steps))
        return super().run(steps)


class Known(Context):
    """A context in which the truth is what the textbook's classes answer, and rounding is a billionth."""

    def answer(self, message: Message, case: Case) -> Expected:
        asks = Context(InProcess(plain.CLASSES, {}), "none", "x")
        parts = asks.actual(message, case)
        bounds = [np.full(part.shape, 1e-9) * (1 + np.abs(part)) for part in parts]
        return Expected(tuple(Estimate(part, np.zeros(part.shape)) for part in parts), tuple(bounds))


def context(classes: Any = plain.CLASSES, **options: Any) -> Known:
    return Known(Hearing(classes), "none", "x", **{"effort": "quick", **options})


def heard(asks: Context) -> list[list[Any]]:
    assert isinstance(asks.executor, Hearing)
    return asks.executor.heard


def arguments(call: Any) -> dict[str, Array]:
    return {name: each.array if isinstance(each, Laid) else each for name, each in call.arguments.items()}


def given(asks: Context) -> list[dict[str, Array]]:
    """The arguments of each last call."""
    return [arguments(steps[-1]) for steps in heard(asks)]


def shapes(asked: Sequence[dict[str, Array]], message: Message) -> list[tuple[int, ...]]:
    return [each[message.arguments[0]].shape for each in asked]


def shape_of(message: Message, sizes: Sizes) -> tuple[int, int]:
    return sizes.n, sizes.d if message.parameters and message.arguments[0] == "X" else sizes.u


def caught(check: Check, message: Message, classes: Any, **options: Any) -> Violation:
    with pytest.raises(Violation) as found:
        check(context(classes, **options), message)
    return found.value


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


class Graded(Known):
    """The bound of the first case that is answered is a billionth, that of each further one ten times as large."""

    answers = 0

    def answer(self, message: Message, case: Case) -> Expected:
        self.answers += 1
        bound = 10.0 ** (self.answers - 10)
        found = super().answer(message, case)
        return replace(found, bounds=tuple(np.full(part.shape, bound) for part in found.bounds))


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("check", "message", "call", "bounds"),
    [
        (promises.check_averaged, GRAD, 2, 1 + 10), (promises.check_linear_in_delta_next, DELTA, 3, 2 + 4 * 10 + 100),
        (promises.check_samples_independent, RELU, 2, 1), (promises.check_order_of_samples, RELU, 2, 1),
        (promises.check_order_of_samples, GRAD, 2, 1), (promises.check_repeatable, RELU, 2, 1),
    ],
)  # fmt: skip
def test_answers_may_differ_by_what_rounding_is_granted_to_each(
    check: Check, message: Message, call: int, bounds: float, sign: int
) -> None:
    """As often as codings may differ; two of them by both bounds, a sum of several by those of all."""
    right = getattr(plain.CLASSES[message.cls], message.method)
    for part, is_wrong in ((0.99, False), (1.01, True)):
        shift, calls = sign * part * bounds * 1e-9 * tolerances.CODINGS_BOUNDS, 0

        def off(self: Any, *args: Any, shift: float = shift, **named: Any) -> Any:
            nonlocal calls
            calls += 1
            found = right(self, *args, **named)
            by = shift if calls == call else 0
            return [each + by for each in found] if isinstance(found, list) else found + by

        asks = Graded(Hearing(with_methods(message.cls, {message.method: off})), "none", "x", effort="quick")
        if is_wrong:
            with pytest.raises(Violation):
                check(asks, message)
        else:
            check(asks, message)


def test_the_smallest_case_with_the_same_mistake_is_told() -> None:
    """One sample has another; where no small case has it, the given violation is told."""

    def forward(self: Any, X: Any) -> Any:
        return np.zeros(3) if len(X) == 1 else None if X.shape[1] == 2 else np.maximum(X, 0)

    asks = context(with_methods("ReLULayer", {"forward": forward}))
    case = RELU.draw(ORDINARY, np.ones)
    given = asks.violation(RELU, case, fact("zeros"), fact("zeros"), "not-implemented")
    found = promises._smaller(asks, RELU, given)
    assert (found.mistake, np.shape(found.counterexample["X"])) == ("not-implemented", (2, 2))
    assert all(8 * x == int(8 * x) for x in np.ravel(found.counterexample["X"]))
    other = given.but(mistake="crash")
    assert promises._smaller(asks, RELU, other) is other


def remembering(answer: Callable[[Any, Array, Array], Array]) -> dict[str, type]:
    """A ReLU whose derivative is answered by this after a call of ``forward``, and is 9 before."""

    def forward(self: Any, X: Any) -> Any:
        self.asked = True
        return np.maximum(X, 0)

    def delta(self: Any, Y: Any, delta_next: Any) -> Any:
        return answer(self, Y, delta_next) if hasattr(self, "asked") else np.full(Y.shape, 9.0)

    return with_methods("ReLULayer", {"forward": forward, "delta": delta})


def raises(*_: Any) -> Array:
    raise ValueError("no")


@pytest.mark.parametrize(
    ("answer", "kind", "told"),
    [
        (lambda self, Y, delta_next: delta_next * (Y > 0), "entry", "right after forward"),
        (lambda self, Y, delta_next: delta_next * (Y > 0), "raised", "right after forward"),
        (lambda self, Y, delta_next: delta_next + 1, "entry", "other after forward"),
        (lambda self, Y, delta_next: delta_next + 1, "raised", "answers after forward"),
        (lambda self, Y, delta_next: np.full(Y.shape, 9.0), "entry", None),
        (raises, "entry", None),
    ],
)
def test_who_needs_a_forward_pass_is_stateful(answer: Any, kind: str, told: str | None) -> None:
    """If the same call is answered in another way right after it."""
    asks = context(remembering(answer))
    case = DELTA.draw(Sizes(2, 2, 3), np.random.RandomState(0).standard_normal)
    came = fact("entry", what="delta", index=(0, 0), value=9.0) if kind == "entry" else fact("raised", said="no")
    violation = asks.violation(DELTA, case, fact("zeros"), came)
    found = promises._blamed(asks, DELTA, violation)
    if told is None:
        assert found is violation
        return
    assert found.mistake == "stateful"
    assert [each.kind for each in found.due.more] == ["from arguments alone"]
    assert [each.kind for each in found.came.more] == [told]
    for word in ("timeout", "memory", "exits"):  # which may come or not
        limited = violation.but(mistake=word)
        assert promises._blamed(asks, DELTA, limited) is limited


def test_a_forward_pass_needs_none() -> None:
    """So that it is not called stateful, even if the next answer is right."""
    asks = context()
    case = RELU.draw(ORDINARY, np.ones)
    violation = asks.violation(RELU, case, fact("zeros"), fact("zeros"))
    assert promises._blamed(asks, RELU, violation) is violation
    assert not heard(asks)


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


def test_a_view_of_what_was_there_is_no_failure_of_single_precision() -> None:
    """Parameters of another type are put in by name, which such a layer does not see."""

    class Viewing(plain.LinearLayer):
        def initialize(self) -> None:
            super().initialize()
            self.first = self.W

        def forward(self, X: Any) -> Any:
            return X @ self.first + self.b

    with pytest.raises(NotApplicable) as found:
        promises.check_single_precision(context({**plain.CLASSES, "LinearLayer": Viewing}), LINEAR)
    assert found.value.reason.kind == "view kept"
    wrong = with_methods("LinearLayer", {"forward": lambda self, X: 2 * (X @ self.W + self.b)})
    assert caught(promises.check_single_precision, LINEAR, wrong).mistake is None


def test_a_layout_is_blamed_where_the_plain_one_is_right() -> None:
    """Otherwise the numbers alone are wrong."""
    strided = with_methods("ReLULayer", {"forward": lambda self, X: np.maximum(X, 0) + (not X.flags.c_contiguous)})
    found = caught(promises.check_layouts, RELU, strided)
    assert (found.mistake, found.due.more[-1].kind, found.repro) == ("layout-dependent", "in layout", None)
    always = with_methods("ReLULayer", {"forward": lambda self, X: np.maximum(X, 0) + 1})
    found = caught(promises.check_layouts, RELU, always)
    assert (found.mistake, found.repro) == (None, None)
    assert "in layout" not in {each.kind for each in found.due.more}


@pytest.mark.parametrize(
    ("cls", "method", "answer", "hidden"),
    [
        ("ReLULayer", "forward", lambda self, X: np.where(X > 0, X, 0.0), True),
        ("ReLULayer", "forward", lambda self, X: X * np.inf, False),
        ("ReLULayer", "forward", lambda self, X: np.where(np.isnan(X), np.inf, 1.0), True),
        ("LossCrossEntropy", "forward", lambda self, X, T: np.full((len(X), 1), np.inf), False),
        ("LossCrossEntropy", "forward", lambda self, X, T: np.ones((len(X), 1)), True),
        ("LinearLayer", "forward", lambda self, X: np.nan_to_num(X) @ self.W, True),
    ],
)  # fmt: skip
def test_a_number_that_is_none_stays_visible(cls: str, method: str, answer: Any, hidden: bool) -> None:
    """In the first sample, of one batch and of two; an exception shows it too, and so does an infinite loss."""
    message = OF[f"{cls}.{method}"]
    classes = with_methods(cls, {method: answer})
    if hidden:
        found = caught(edges.check_nan_is_not_hidden, message, classes)
        assert (found.due.kind, found.came.kind, found.came["row"]) == ("NaN kept", "row", 0)
        assert found.came["what"] == message.parts[0]
        assert len(found.came["values"]) == np.shape(found.counterexample["X"])[1] or cls != "ReLULayer"
        return
    asks = context(classes)
    edges.check_nan_is_not_hidden(asks, message)
    assert shapes(given(asks), message) == [(1, 2), (2, 3)]
    for each in given(asks):
        assert np.isnan(each["X"][0, 0])
        assert np.isnan(each["X"][0]).all() == (cls == "LossCrossEntropy")
        assert not np.isnan(each["X"][1:]).any()
        if "T" in each:
            assert each["T"].argmax(axis=1).tolist() == [0] * len(each["T"])


def test_an_exception_hides_no_nan() -> None:
    """In either batch."""

    def forward(self: Any, X: Any) -> Any:
        raise ValueError("no NaN, please")

    asks = context(with_methods("ReLULayer", {"forward": forward}))
    edges.check_nan_is_not_hidden(asks, RELU)
    assert shapes(given(asks), RELU) == [(1, 2), (2, 3)]


def test_an_argument_that_is_answered_is_shown_with_the_parameters() -> None:
    """Also where it is answered for positive numbers alone."""
    forward = lambda self, X: X if X.shape == (2, 2) and (X > 0).all() else X @ self.W + self.b  # noqa: E731
    found = caught(promises.check_result_is_its_own, LINEAR, with_methods("LinearLayer", {"forward": forward}))
    assert (found.mistake, found.came["name"]) == ("aliases-input", "X")
    assert set(found.counterexample) == {"X", "W", "b"}
    assert (np.array(found.counterexample["X"]) > 0).all()


def test_sizes_are_drawn_up_to_both_ends() -> None:
    """Each between its own."""
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
