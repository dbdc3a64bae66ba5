"""What the examiner asks: the numbers are of the kinds that were meant, the seed decides them, effort adds to them.

That each kind of question is asked is for `test_question_saboteurs.py`; networks are for `test_net_questions.py`,
gradients of any function for `test_vjp_questions.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, get_args

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.engine import Effort
from reference.engine.evidence import literal
from reference.execution.in_process import InProcess
from reference.execution.worker.protocol import Call, Keep, Laid, Ref, Reply, Step
from reference.findings import Violation
from reference.lab.cases import Case, Sizes
from reference.lab.checks import ranges
from reference.lab.checks.catalogue import Check, all_checks
from reference.lab.context import ORDINARY_SIZES, SMALL_SIZES, Context
from reference.lab.contract import MESSAGES, Expected, Message
from reference.lab.mistakes import plain
from reference.lab.replies import word_of
from reference.numerics import sampling
from reference.numerics.estimate import Estimate
from reference.numerics.oracles import ball
from tests.comparing import needs_flint
from tests.spoiling import Predicate, Saboteur, multiples, size, where

pytestmark = pytest.mark.catalogue

Array = NDArray[Any]

CHECKS = {check.id: check for check in all_checks()}
#: Those of layers and losses that ask with numbers of their own drawing.
DRAWING = [
    name
    for name, check in CHECKS.items()
    if name.count(".") == 2
    and "made" not in name
    and not name.startswith(("mlp.", "linear.initialize", "linear.update"))
]
#: What these ask about is written down, so that no seed changes it.
WRITTEN = (
    "far_samples", "saturated_logits", "tied_logits", "subnormal_logits", "certain_predictions", "zero_off_target",
    "tiny_probabilities", "impossible_target",
)  # fmt: skip
#: Whose number of questions grows with the effort.
GROWING = ("values", "single_precision", "moderate_logits", "extreme_logits")
EFFORTS: tuple[Effort, ...] = get_args(Effort)
each_message = pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.subject)


class Unjudging(Context):
    """Asks, and takes every answer for right: so nothing has to be computed."""

    def answer(self, message: Message, case: Case) -> Expected:
        arrays = [np.zeros(shape) for shape in message.shapes(case)]
        return Expected(tuple(Estimate(each, np.full(each.shape, np.inf)) for each in arrays), tuple(arrays))


class Listening(InProcess):
    """Keeps every array that is asked about."""

    def __init__(self) -> None:
        super().__init__(plain.CLASSES, {})
        self.heard: list[Array] = []

    def run(self, steps: Sequence[Step]) -> list[Reply]:
        for step in steps:
            arguments = step.arguments.values() if isinstance(step, Call) else ()
            given = (
                [step.array] if isinstance(step, Keep) else [each for each in arguments if not isinstance(each, Ref)]
            )
            for value in given:
                several = value if isinstance(value, list) else [value]
                self.heard += [each.array if isinstance(each, Laid) else each for each in several]
        return super().run(steps)


def asked(check: Check, seed: int = 0, effort: Effort = "quick") -> list[Array]:
    """All arguments of all calls, in order."""
    executor = Listening()
    check.run(Unjudging(executor, "none is needed", "x", seed=seed, effort=effort))
    return executor.heard


def same(ones: Sequence[Array], others: Sequence[Array]) -> bool:
    return len(ones) == len(others) and all(
        np.array_equal(*pair, equal_nan=True) for pair in zip(ones, others, strict=True)
    )


@pytest.mark.parametrize("name", DRAWING)
def test_the_seed_decides_what_is_asked(name: str) -> None:
    """The same seed asks the same, another seed asks something else, where anything is drawn."""
    first = asked(CHECKS[name])
    assert first
    assert same(first, asked(CHECKS[name]))
    assert same(first, asked(CHECKS[name], seed=1)) is name.endswith(WRITTEN)


def test_large_seeds_are_seeds() -> None:
    """Beyond the 32 bits that a generator takes, too."""
    one, other = (Unjudging(Listening(), "", "x", seed=seed).rng("key").rand() for seed in (2**40, 2**40 + 1))
    assert one != other


@pytest.mark.parametrize("name", [name for name in DRAWING if name.endswith(GROWING)])
def test_effort_adds_questions(name: str) -> None:
    """Where they are drawn by the round, there are several times as many with each more effort."""
    quick, normal, exhaustive = (len(asked(CHECKS[name], effort=effort)) for effort in EFFORTS)
    assert 3 * quick < normal
    assert 3 * normal < exhaustive


def test_checks_draw_for_themselves() -> None:
    """What one check asks does not depend on the others, and no two messages are asked the same for their values."""
    of_values = [each for name, each in CHECKS.items() if name.endswith(".values") and name in DRAWING]
    executor = Listening()
    context = Unjudging(executor, "", "x", effort="quick")
    for check in reversed(of_values):
        check.run(context)
    alone = [array for check in reversed(of_values) for array in asked(check)]
    assert same(executor.heard, alone)
    questions = {b"".join(array.tobytes() for array in asked(check)) for check in of_values}
    assert len(questions) == len(of_values)


def generator_of(seed: int) -> np.random.RandomState:
    return np.random.RandomState(seed)


def generator() -> np.random.RandomState:
    return np.random.RandomState(0)


def test_short_numbers_can_be_read_aloud() -> None:
    """Multiples of 1/8, of either sign, up to 2 and as far as that, and none of them 0."""
    drawn = sampling.short_numbers(generator())((40, 50))
    assert set(np.abs(drawn).flat) == {eighths / 8 for eighths in range(1, 17)}
    assert 0.4 < (drawn > 0).mean() < 0.6


def test_normal_numbers_use_all_their_bits() -> None:
    """N(0, 1), to within five standard errors, and next to none would fit into half of the bits."""
    drawn = sampling.normal_numbers(generator())((40, 50))
    assert abs(drawn.mean()) < 5 / 2000**0.5
    assert abs((drawn**2).mean() - 1) < 5 * (2 / 2000) ** 0.5
    assert (drawn != drawn.astype(np.float32)).mean() > 0.9


def test_single_precision_is_the_same_in_fewer_bits() -> None:
    """Arrays of float32, and the numbers are those of the draw that was given."""
    drawn = sampling.single_precision(lambda shape: np.full(shape, 1 / 3))((2, 3))
    assert drawn.dtype == np.float32
    assert (drawn == np.float32(1 / 3)).all()


def test_numbers_of_all_sizes_are_of_all_sizes() -> None:
    """One in fifty is about 1e-12, one in fifty about 1e6; logits, of which differences count, are up to 30."""
    drawn = sampling.numbers_of_all_sizes(generator(), "linear")((40, 50))
    smallest, median, largest = np.quantile(np.abs(drawn), [0.02, 0.5, 0.98])
    assert 1e-13 < smallest < 1e-11
    assert 1e-5 < median < 1e-2
    assert 1e5 < largest < 1e7
    assert 0.4 < (drawn > 0).mean() < 0.6
    for key in ("softmax", "logits", "cross_entropy"):
        drawn = sampling.numbers_of_all_sizes(generator(), key)((40, 50))
        assert 25 < drawn.max() < 30
        assert -30 < drawn.min() < -25


def test_ordinary_sizes_tell_axes_apart() -> None:
    """N, D and U differ, so that none passes for another, and each is the largest somewhere, or the smallest."""
    for each in ORDINARY_SIZES:
        assert len({each.n, each.d, each.u}) == 3
        assert min(each.n, each.d, each.u) > 1
    for axis in ("n", "d", "u"):
        places = {sorted(vars(each).values()).index(vars(each)[axis]) for each in ORDINARY_SIZES}
        assert len(places) > 1


def test_small_sizes_begin_with_the_smallest() -> None:
    """Counterexamples are looked for in this order: the first are one sample and one input, and all are small."""
    assert SMALL_SIZES[0] == Sizes(1, 1, 2)
    numbers = [each.n * each.d + each.d * each.u for each in SMALL_SIZES]
    assert max(numbers[: len(numbers) // 2]) <= min(numbers[-3:])
    assert max(numbers) <= 32


@each_message
@pytest.mark.parametrize("effort", EFFORTS[:2])
def test_every_axis_is_large_once(message: Message, effort: Effort) -> None:
    """Thousands of samples, and hundreds of inputs, units or classes, at every seed; and no array is too large."""
    most = ranges.MOST_ENTRIES[effort]
    widest = 256 if message.parameters else 500
    for seed in range(10):
        sizes = list(ranges.drawn_sizes(message, np.random.RandomState(seed), 1, most))
        assert max(each.n for each in sizes) >= 1000
        assert max(each.u for each in sizes) >= widest
        assert not message.parameters or max(each.d for each in sizes) >= 500
        assert any(min(each.n, each.d, each.u) > 64 for each in sizes)
        for each in sizes:
            arrays = [each.n * each.u, *([each.n * each.d, each.d * each.u] if message.parameters else [])]
            assert max(arrays) <= most
            assert max(each.n, each.d, each.u) > 8


def test_sizes_cover_their_range() -> None:
    """Over some seeds they come near both ends of it, and one axis in a few has a length of one."""
    message = MESSAGES[0]
    drawn = [each for seed in range(200) for each in ranges.drawn_sizes(message, generator_of(seed), 1, 2**17)]
    assert max(each.n for each in drawn) > 0.95 * ranges.MOST_SAMPLES
    assert max(each.d for each in drawn) > 0.95 * ranges.MOST_INPUTS
    assert max(each.u for each in drawn) > 0.95 * ranges.MOST_UNITS
    assert max(each.u for each in drawn) <= ranges.MOST_UNITS
    for axis in ("n", "d", "u"):
        assert 0.05 < sum(vars(each)[axis] == 1 for each in drawn) / len(drawn) < 0.3


@pytest.mark.parametrize("message", [each for each in MESSAGES if each.single_in_lab], ids=lambda each: each.subject)
def test_inputs_are_single_where_the_lab_has_them_so(message: Message) -> None:
    """Inputs and targets in float32, all other arguments in float64, and one large batch among them."""
    heard = asked(CHECKS[f"{message.key}.{message.method}.lab_dtypes"])
    count = len(message.arguments)
    for number, name in enumerate(message.arguments):
        due = np.float32 if name in message.single_in_lab else np.float64
        assert {array.dtype for array in heard[number::count]} == {np.dtype(due)}
    assert max(len(array) for array in heard) >= 128


def counterexample(message: str, kind: Predicate, seed: int = 0) -> Violation:
    """What is found where a message is wrong on a kind of question."""
    classes = Saboteur("", message, "", where(kind)).classes()
    asked_about = next(each for each in MESSAGES if f"{each.key}.{each.method}" == message)
    found = Context(InProcess(classes, {}), ball, "x", seed=seed).smallest(asked_about, "key")
    assert found is not None
    return found


@needs_flint
def test_counterexamples_are_small_and_short() -> None:
    """Where short numbers show it they are short; else ordinary ones, or of all sizes; and of the smallest size."""
    kinds: dict[str, tuple[Predicate, Callable[[Array], bool]]] = {
        "everywhere": (lambda g: True, lambda X: multiples(X, 1 / 8) and X.shape == (1, 1)),
        "all bits": (
            lambda g: not multiples(g.X, 1 / 8) and np.abs(g.numbers).min() > 0.01 and size(g.numbers) < 10,
            lambda X: not multiples(X, 1 / 8) and X.shape == (1, 1),
        ),
        "large": (lambda g: size(g.X) > 100, lambda X: size(X) > 100),
        "two samples": (lambda g: len(g.X) > 1, lambda X: multiples(X, 1 / 8) and X.shape == (2, 1)),
        "two inputs": (lambda g: g.X.shape[1] > 1, lambda X: multiples(X, 1 / 8) and X.shape == (1, 2)),
    }
    for name, (kind, is_right) in kinds.items():
        X = np.array(counterexample("linear.forward", kind).counterexample["X"])
        assert is_right(X), (name, X)


@needs_flint
def test_counterexamples_are_looked_for_several_times_at_each_size() -> None:
    """What is wrong for half of all numbers is mostly shown at the smallest size."""
    found = [counterexample("linear.forward", lambda g: g.X[0, 0] < 0, seed) for seed in range(60)]
    assert sum(np.shape(each.counterexample["X"]) == (1, 1) for each in found) > 42


def ordinary(message: Message, seed: int = 0) -> list[Case]:
    """The questions about its values."""
    return list(Unjudging(Listening(), "", "x", seed=seed, effort="quick").ordinary_cases(message, message.subject))


@each_message
def test_questions_are_possible(message: Message) -> None:
    """Outputs are those of the layer for the inputs that are behind them, and probabilities are probabilities."""
    for case in ordinary(message):
        Y, X = case.arguments.get("Y"), case.origin
        if Y is not None and X is not None:
            layer: Any = vars(plain)[message.cls](*((2, 2, np.random.RandomState(0)) if case.parameters else ()), "x")
            vars(layer).update(case.parameters)
            assert layer.forward(X) == pytest.approx(Y, rel=1e-12, abs=1e-300)
        if message.key == "cross_entropy":
            assert (case.arguments["X"] > 0).all()
            assert case.arguments["X"].sum(axis=1) == pytest.approx(1)
        assert {array.shape[0] for array in case.arguments.values()} == {case.n_samples}


@pytest.mark.parametrize("message", [each for each in MESSAGES if "T" in each.arguments], ids=lambda each: each.subject)
def test_targets_are_of_every_class(message: Message) -> None:
    """One-hot, of another class from one sample to the next, and no class is never, or always, the first."""
    firsts: dict[int, set[int]] = {}
    for case in [case for seed in range(40) for case in ordinary(message, seed)]:
        T = case.arguments["T"]
        labels = T.argmax(axis=1)
        assert (np.sort(T, axis=1) == np.eye(T.shape[1])[-1]).all()
        assert (labels[1:] != labels[:-1]).all()
        assert len(set(labels)) == min(T.shape)
        firsts.setdefault(T.shape[1], set()).add(int(labels[0]))
    assert firsts == {k: set(range(k)) for k in firsts}


@pytest.mark.parametrize("name", ["softmax.forward", "logits.forward", "logits.delta"])
def test_shifted_logits_are_short_numbers_and_the_shift(name: str) -> None:
    """The sum is exact, and there is a shift of 1: of what is then asked first nothing is below -1."""
    heard = [array for array in asked(CHECKS[f"{name}.shift_invariance"]) if not set(array.flat) <= {0, 1}]
    assert len(heard) == 3 * 5
    for number, array in enumerate(heard):
        shift = (1, 64, 256, 1024, 65536)[number // 3]
        assert (np.abs(array - shift) <= 2).all()
        assert (array * 8 % 1 == 0).all()
        assert (array != shift).all()


def test_the_first_assignment_is_asked_what_the_naive_softmax_can_do() -> None:
    """Shifts that exp does not overflow at."""
    executor = Listening()
    CHECKS["softmax.forward.shift_invariance"].run(Unjudging(executor, "", "x", assignment=1))
    assert 200 < max(np.abs(array).max() for array in executor.heard) < 700


def test_cotangents_at_the_kink_are_not_0() -> None:
    """Else half of it, or nothing, would be the same."""
    for seed in range(20):
        X, delta_next = asked(CHECKS["relu.delta.kink"], seed)
        assert X[0, 0] == 0
        assert delta_next[0, 0] != 0


def test_single_precision_holds_the_combinations_of_cotangents() -> None:
    """What is asked for linearity is exact there, so that what differs is not the examiner's rounding."""
    heard = asked(CHECKS["linear.delta.linear_in_delta_next"])
    for array in heard[1::2]:
        assert (array == array.astype(np.float32)).all()
    assert (heard[5] == 2 * heard[1] - 4 * heard[3]).all()


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        ("NotImplementedError", "not-implemented"), ("SystemExit", "exits"), ("MemoryError", "memory"),
        ("_ArrayMemoryError", "memory"), ("exits", "exits"), ("timeout", "timeout"), ("memory", "memory"),
        ("ValueError", "crash"), ("AttributeError", "crash"), (None, "crash"),
    ],
)  # fmt: skip
def test_what_is_raised_has_a_word(kind: str | None, word: str) -> None:
    """Of the fixed vocabulary; a method that is not there is missing, another attribute is a crash."""
    assert word_of(Reply(None, "", error="it went wrong", error_kind=kind)) == word
    assert word_of(Reply(None, "", "it went wrong", "AttributeError", cause="absent")) == "missing"


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64"])
def test_literals_make_the_array_again(dtype: str) -> None:
    """To the bit and in its type, NaN and infinity included."""
    array = np.array([[0.1, -0.0, 1e300 if dtype == "float64" else 3.0]]).astype(dtype)
    if dtype.startswith("float"):
        array = np.concatenate([array, [[np.nan, np.inf, -np.inf]]]).astype(dtype)
    again = eval(literal(array), {"np": np})  # noqa: S307 - made here
    assert again.dtype == array.dtype
    assert again.tobytes() == array.tobytes()
    assert ("dtype" in literal(array)) == (dtype != "float64")
