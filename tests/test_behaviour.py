"""What the way in which a method errs tells: one row, low precision, difference quotients, what it hides or keeps."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.execution.in_process import InProcess
from reference.findings import Violation
from reference.lab import behaviour
from reference.lab.cases import Case, Sizes
from reference.lab.context import Context
from reference.lab.contract import MESSAGES, Expected, Message
from reference.lab.mistakes import plain
from reference.lab.observations import Observation
from reference.numerics.estimate import Estimate
from reference.wording import MISTAKES, fact
from tests.examining import with_methods

pytestmark = pytest.mark.catalogue

Array = NDArray[Any]
OF = {message.subject: message for message in MESSAGES}
RELU, SOFTMAX = OF["ReLULayer.forward"], OF["SoftmaxLayer.forward"]
BOUND = 1e-15
ORDINARY = Sizes(4, 3, 5)


class Known(Context):
    """A context in which the truth is what the textbook's classes answer."""

    def answer(self, message: Message, case: Case) -> Expected:
        parts = Context.actual(self.of(InProcess(plain.CLASSES, {}), []), message, case)
        bounds = [np.full(part.shape, BOUND) * (np.abs(part) + 1e-3) for part in parts]
        return Expected(tuple(map(Estimate, parts, bounds)), tuple(bounds))


def context(classes: Any = plain.CLASSES) -> Known:
    return Known(InProcess(classes, {}), "none", "x")


def cases(message: Message, number: int = 6, sizes: Sizes = ORDINARY) -> list[Case]:
    rng = np.random.RandomState(7)
    return [message.draw(sizes, lambda shape: rng.randn(*shape)) for _ in range(number)]


def seen(message: Message, change: Callable[..., Any], *, asked: list[Case] | None = None) -> list[Observation]:
    """What came: of each answer the parts, changed; the change may look at the case, too."""
    found, examined = [], context()
    for case in cases(message) if asked is None else asked:
        expected = examined.answer(message, case)
        parts = tuple(np.asarray(change(each.value.copy(), case, number)) for number, each in enumerate(expected.truth))
        found.append(Observation({**case.arguments, **case.parameters}, parts, expected.bounds, case))
    return found


def row(number: int) -> Callable[..., Array]:
    def change(part: Array, *_: Any) -> Array:
        part[number] += 1
        return part

    return change


def last_two(part: Array, *_: Any) -> Array:
    part[-2:] += 1
    return part


def nan_in_last(part: Array, *_: Any) -> Array:
    part[-1, 0] = np.nan
    return part


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (row(-1), "last-sample-wrong"), (row(0), "row-wrong"), (row(1), None), (last_two, None),
        (nan_in_last, "last-sample-wrong"), (lambda part, *_: part, None), (lambda part, *_: part + 1, None),
    ],
)  # fmt: skip
def test_one_row_alone_is_wrong(change: Callable[..., Array], word: str | None) -> None:
    """The first or the last of each batch."""
    assert behaviour.of_one_row(context(), RELU, seen(RELU, change)) == word


def test_one_row_is_told_of_several_batches() -> None:
    """Four of them at least, each with three rows at least; and not of a mean over the samples."""
    few = cases(RELU, 3)
    small = cases(RELU, 6, Sizes(2, 3, 5))
    enough = cases(RELU, 4, Sizes(3, 3, 5))
    asks = context()
    assert behaviour.of_one_row(asks, RELU, seen(RELU, row(-1), asked=few)) is None
    assert behaviour.of_one_row(asks, RELU, seen(RELU, row(-1), asked=[*few, *small])) is None
    assert behaviour.of_one_row(asks, RELU, seen(RELU, row(-1), asked=small)) is None
    assert behaviour.of_one_row(asks, RELU, seen(RELU, row(-1), asked=enough)) == "last-sample-wrong"
    mixed = [*seen(RELU, row(-1), asked=enough), *seen(RELU, row(0), asked=enough)]
    assert behaviour.of_one_row(asks, RELU, mixed) is None
    grad = OF["LinearLayer.grad"]
    assert behaviour.of_one_row(asks, grad, seen(grad, row(-1))) is None
    within = [*seen(RELU, lambda part, *_: part + 1.5e-3 * BOUND, asked=enough)]
    assert behaviour.of_one_row(asks, RELU, within) is None


def in_type(kind: Any) -> Callable[..., Array]:
    return lambda part, *_: part.astype(kind).astype(np.float64)


def told(message: Message, change: Callable[..., Any], **options: Any) -> tuple[str, str] | None:
    asked = options.pop("asked", None)
    options.setdefault("differences", True)
    with np.errstate(all="ignore"):
        given = seen(message, change, asked=asked)
    return behaviour.by_errors(context(), message, given, **options)


@pytest.mark.parametrize("message", [RELU, SOFTMAX, OF["LinearLayer.grad"], OF["SoftmaxLayer.delta"]],
                         ids=lambda message: message.subject)  # fmt: skip
def test_low_precision_is_told_by_its_type(message: Message) -> None:
    """By errors that go either way, of the size of its roundings."""
    assert told(message, in_type(np.float32)) == ("low-precision", "float32")
    assert told(message, in_type(np.float16)) == ("low-precision", "float16")


@pytest.mark.parametrize(
    "change",
    [
        lambda part, *_: part, lambda part, *_: part * (1 + 5e-8), lambda part, *_: part + 1e-8,
        lambda part, *_: part * (1 - 5e-8), lambda part, *_: part - 1e-8, lambda part, *_: 1.1 * part,
        lambda part, *_: in_type(np.float32)(part) * (np.arange(part.size).reshape(part.shape) % 5 != 1),
        lambda part, *_: part + 1e-15 * np.sign(np.sin(np.arange(part.size).reshape(part.shape))),
    ],
)  # fmt: skip
def test_other_errors_are_no_low_precision(change: Callable[..., Array]) -> None:
    """None at all, a factor or a term that is nearly right, errors in one direction, or zeros among them."""
    assert told(SOFTMAX, change) is None


def test_a_few_answers_may_overflow_in_a_type() -> None:
    """One in twenty; with more of them it is not said."""

    def some(part: Array, case: Case, number: int, *, each: int) -> Array:
        found = in_type(np.float32)(part).ravel()
        found[::each] = np.inf
        return found.reshape(part.shape)

    assert told(SOFTMAX, lambda *args: some(*args, each=40)) == ("low-precision", "float32")
    assert told(SOFTMAX, lambda *args: some(*args, each=10)) is None


def test_few_numbers_tell_no_precision() -> None:
    """Twelve are needed, but where the check itself asked with single precision."""

    def single(n: int) -> list[Case]:
        return cases(SOFTMAX, 1, Sizes(1, 1, n))

    assert told(SOFTMAX, in_type(np.float32), asked=single(11)) is None
    assert told(SOFTMAX, in_type(np.float32), asked=single(200)) == ("low-precision", "float32")
    assert told(SOFTMAX, in_type(np.float32), asked=single(11), single=True) == ("low-precision", "float32")
    assert told(SOFTMAX, lambda part, *_: part, asked=single(11), single=True) is None
    assert told(SOFTMAX, lambda part, *_: 1.01 * part, asked=single(11), single=True) is None


def test_huge_numbers_tell_no_half_precision() -> None:
    """What lies beyond the largest number of a type is left out, and infinity came from it."""
    message = OF["ReLULayer.forward"]
    rng = np.random.RandomState(0)
    large = [Case({"X": rng.randn(4, 30) * 10.0 ** rng.uniform(0, 3, (4, 30))}) for _ in range(3)]
    assert told(message, in_type(np.float16), asked=large) == ("low-precision", "float16")


STEPPED = [OF[name] for name in ("SoftmaxLayer.delta", "LinearLayer.delta", "LinearLayer.grad",
                                 "LossCrossEntropy.delta", "LossCrossEntropyForSoftmaxLogits.delta")]  # fmt: skip


def quotients(message: Message, step: float, *, one_sided: bool = False) -> list[Observation]:
    """Difference quotients in the place of a derivative."""
    found = []
    for each in seen(message, lambda part, *_: part, asked=cases(message, 6, Sizes(2, 3, 4))):
        parts = behaviour._quotients(message, each.given, step, one_sided=one_sided)
        assert parts is not None
        ends = np.cumsum([part.size for part in each.answer])[:-1]
        split = [part.reshape(due.shape) for part, due in zip(np.split(parts[0], ends), each.answer, strict=True)]
        found.append(Observation(each.given, tuple(split), each.bounds, each.case))
    return found


@pytest.mark.parametrize("one_sided", [False, True])
@pytest.mark.parametrize("message", STEPPED, ids=lambda message: message.subject)
def test_difference_quotients_are_the_derivatives(message: Message, one_sided: bool) -> None:
    """Of what the method is the gradient of: nearly, and by less than the step tells."""
    for each in quotients(message, 1e-6, one_sided=one_sided):
        truth = context().answer(message, each.case).truth
        for part, due in zip(each.answer, truth, strict=True):
            assert part == pytest.approx(due.value, rel=1e-4 if one_sided else 1e-7, abs=1e-4 if one_sided else 1e-8)
            assert not np.array_equal(part, due.value)


@pytest.mark.parametrize(
    ("message", "step", "one_sided"),
    [(message, step, side) for message in STEPPED[:1] + STEPPED[3:] for step, side in ((1e-5, False), (1e-6, True))],
    ids=lambda value: getattr(value, "subject", str(value)),
)  # fmt: skip
def test_difference_quotients_are_told_with_their_step(message: Message, step: float, one_sided: bool) -> None:
    """Central ones and those of one side; not where nobody thinks of them, and of no forward pass."""
    given = quotients(message, step, one_sided=one_sided)
    found = behaviour.by_errors(context(), message, given, differences=True)
    assert behaviour.by_errors(context(), message, given, differences=False) is None
    assert found is not None
    assert found[0] == "finite-differences"
    assert float(found[1]) == pytest.approx(step, rel=0.1)


@pytest.mark.parametrize("message", STEPPED, ids=lambda message: message.subject)
def test_right_derivatives_and_wrong_ones_are_no_quotients(message: Message) -> None:
    """Nor those that are off by a millionth."""
    for change in (lambda part, *_: part * (1 + 1e-6), lambda part, *_: -part):
        assert told(message, change, asked=cases(message, 3, Sizes(2, 3, 2))) is None


def test_a_relu_has_no_quotients() -> None:
    """Its derivative is a number that no step changes."""
    message = OF["ReLULayer.delta"]
    assert behaviour._quotients(message, cases(message)[0].arguments, 1e-6, one_sided=False) is None
    assert told(message, lambda part, *_: part + 1e-9) is None


def violation(due: Any, came: Any, **fields: Any) -> Violation:
    return Violation(due, came, **fields)


def entry(value: float) -> Any:
    return fact("entry", what="Y", index=(0,), value=value)


@pytest.mark.parametrize(
    ("due", "came", "hidden"),
    [
        (fact("NaN kept"), fact("row", what="Y", row=0, values=(1.0,)), True), (entry(math.nan), fact("zeros"), False),
        (fact("zeros"), entry(np.finfo(float).max), False), (entry(math.nan), entry(np.finfo(float).max), True),
        (entry(math.inf), entry(1e308), False),
    ],
)  # fmt: skip
def test_hidden_numbers(due: Any, came: Any, hidden: bool) -> None:
    """A row without the NaN that is due, or the largest number where none is due."""
    assert behaviour.hides(violation(due, came)) is hidden


kept: list[int] = [0]


def counting(self: Any, X: Any) -> Any:
    kept[0] += 1
    return np.maximum(X, 0) + kept[0] % 3


def spoiling(self: Any, X: Any) -> Any:
    return np.maximum(X, 0, out=X)


def failing(self: Any, X: Any) -> Any:
    raise ValueError("no")


def rounding(self: Any, X: Any) -> Any:
    kept[0] += 1
    return np.maximum(X, 0) + kept[0] % 3 * 1e-17


def fourth(self: Any, X: Any) -> Any:
    kept[0] += 1
    return np.maximum(X, 0) + (kept[0] % 4 == 0)


@pytest.mark.parametrize(
    ("forward", "word"),
    [
        (counting, "nondeterministic"), (spoiling, "mutates-input"), (failing, None), (rounding, None),
        (lambda self, X: np.maximum(X, 0) + 1, None), (lambda self, X: "no", None), (fourth, "nondeterministic"),
    ],
)  # fmt: skip
def test_a_method_that_is_asked_again(forward: Any, word: str | None) -> None:
    """Four times, each time a new object: whether it writes into its arguments, or answers in another way."""
    kept[0] = 0
    asks = context(with_methods("ReLULayer", {"forward": forward}))
    (case,) = cases(RELU, 1)
    found = behaviour.asked_again(asks, violation(fact("zeros"), fact("zeros"), asked=(RELU, case)))
    assert found == word
    assert asks.log == []
    if forward is counting:
        assert kept[0] == 4


class Remembering(plain.LinearLayer):
    """Computes with the weights with which it began."""

    def initialize(self) -> None:
        super().initialize()
        self.first = self.W.copy()

    def forward(self, X: Any) -> Any:
        return X @ self.first + self.b


def test_a_layer_that_computes_with_what_it_began() -> None:
    """Another seed gives another answer, although the same numbers stand in it; other classes have no seed."""
    message = OF["LinearLayer.forward"]
    (case,) = cases(message, 1)
    remembering = {**plain.CLASSES, "LinearLayer": Remembering}
    assert behaviour.remembers_the_start(context(remembering), message, case)
    assert not behaviour.remembers_the_start(context(), message, case)
    failing_layer = with_methods("LinearLayer", {"forward": failing})
    assert not behaviour.remembers_the_start(context(failing_layer), message, case)
    assert not behaviour.remembers_the_start(context(), RELU, cases(RELU, 1)[0])
    asks = context(remembering)
    behaviour.remembers_the_start(asks, message, case)
    assert asks.log == []


def test_every_word_has_a_hint() -> None:
    """That of the vocabulary; but here a layer that has a state keeps what it computed from its parameters."""
    for word, known in MISTAKES.items():
        found = behaviour.hint_for(word)
        if word == "stateful":
            assert found.startswith("W and b ")
        else:
            assert found == (known.hint or "")


def test_nineteen_of_twenty_numbers_tell_a_precision() -> None:
    """And twelve that are wrong are enough."""
    asked = cases(SOFTMAX, 1, Sizes(1, 1, 20))

    def without(number: int) -> Callable[..., Array]:
        def change(part: Array, *_: Any) -> Array:
            found = in_type(np.float32)(part)
            found[0, :number] = np.inf
            return found

        return change

    assert told(SOFTMAX, without(1), asked=asked) == ("low-precision", "float32")
    assert told(SOFTMAX, without(2), asked=asked) is None
    assert told(SOFTMAX, in_type(np.float32), asked=cases(SOFTMAX, 1, Sizes(1, 1, 12))) == ("low-precision", "float32")


def test_a_row_that_is_off_by_what_is_allowed_is_right() -> None:
    """The bound and the oracle's own error together."""
    allowed = 2e-3 * BOUND

    def change(part: Array, _: Case, number: int, *, times: float) -> Array:
        return np.where(part == 0, times * allowed, part)

    for times, right in ((1.0, True), (1.1, False)):
        given = seen(RELU, lambda *args, times=times: change(*args, times=times))
        rows = {behaviour._wrong_rows(context(), RELU, each) for each in given}
        assert rows == {None}
        last = [Observation(each.given, (each.answer[0] + np.eye(4)[:, 3:],), each.bounds, each.case) for each in given]
        assert behaviour.of_one_row(context(), RELU, last) == ("last-sample-wrong" if right else None)


def test_infinities_that_are_due_tell_no_precision() -> None:
    """They are neither right nor wrong by it; the other numbers tell."""
    truth = np.append(np.linspace(0.1, 3.0, 59), np.inf)
    for answer, low in ((truth.astype(np.float32).astype(float), True), (truth, False)):
        bound = 1e-16 * np.where(np.isfinite(truth), truth, 1.0)
        with np.errstate(invalid="ignore"):
            error = np.abs(answer - truth)
        errors = behaviour._Errors(seen(RELU, lambda part, *_: part)[0], answer, truth, error, bound)
        assert behaviour._has_precision([errors], "float32") is low
