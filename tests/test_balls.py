"""Functions of numpy in ball arithmetic: what they mean, or a refusal that names the operation."""

from __future__ import annotations

import math
import threading
import time
from typing import Any

import numpy as np
import pytest

flint = pytest.importorskip("flint", reason="python-flint is not installed (the project's extra 'check')")

from reference.numerics.balls import Enclosure, Refused, Undecided, around, enclose, rebound, roundings  # noqa: E402
from reference.numerics.balls.tape import TAPE  # noqa: E402
from reference.numerics.oracles.ball import precision  # noqa: E402
from tests import ball_code, ball_operations, balls_corpus_arrays, balls_corpus_numpy, operations  # noqa: E402
from tests.balls_judge import judged, of_doubles, says_what_is_refused  # noqa: E402

X = np.array([[0.5, -1.25, 2.0], [3.0, 0.25, -0.75]])
SCALE = np.array([1.0, 2.0, 3.0])
ALL = [*operations.ALL, *ball_operations.FORMS, *ball_code.FORMS]
CORPUS = [*balls_corpus_numpy.FUNCTIONS, *balls_corpus_arrays.FUNCTIONS]


OPERATIONS = [form for form in ALL if operations.numpy_has(*form)]


def enclosed(function: Any, *args: Any, cotangent: Any = None) -> Enclosure:
    args = tuple(np.asarray(each, dtype=float) for each in args)
    shape = np.shape(function(*args))
    with np.errstate(all="ignore"):
        return enclose(rebound(function), args, range(len(args)), np.ones(shape) if cotangent is None else cotangent)


def test_nothing_is_wrong_and_nearly_everything_runs() -> None:
    """Value and gradient of each function are right, or it is refused; at most one in twenty is."""
    verdicts = {name: judged(function, args) for name, function, args in CORPUS}
    assert [verdict for verdict in verdicts.values() if verdict.startswith("WRONG")] == []
    assert sum(verdict == "right" for verdict in verdicts.values()) >= 0.95 * len(verdicts)


@pytest.mark.parametrize("first", range(0, len(OPERATIONS), 20))
def test_each_operation_is_right_with_each_option(first: int) -> None:
    """Value and gradient of single operations, twenty in a test, are right, and none of them is refused."""
    verdicts = [judged(function, args) for function, args in OPERATIONS[first : first + 20]]
    assert [(n, verdict) for n, verdict in enumerate(verdicts, first) if verdict != "right"] == []


def test_a_recent_numpy_has_all_operations() -> None:
    """Nothing is left out since a form is misspelt; an older numpy has nearly all."""
    assert len(OPERATIONS) >= (len(ALL) if np.lib.NumpyVersion(np.__version__) >= "2.3.0" else 0.95 * len(ALL))


def test_what_has_no_form_is_refused() -> None:
    """What balls do not know, an option say, is refused by its name and not left out."""
    passed = []
    for number, (function, args) in enumerate([*ball_operations.REFUSED, *ball_code.REFUSED]):
        with says_what_is_refused(), np.errstate(all="ignore"):
            passed.append((number, enclose(rebound(function), args, range(len(args)), None)))
    assert passed == []


def test_what_is_no_number_is_skipped_as_by_numpy() -> None:
    """Outside a domain, and not where too few bits hide that it is a number; what orders numbers refuses it."""
    x = np.array([2.0, -1.0, 0.5])
    with np.errstate(invalid="ignore"):
        found = enclosed(lambda x: np.nansum(np.log(x)) + 0 * np.nanargmax(np.sqrt(x)), x)
    assert found.value.value == pytest.approx(0.0, abs=1e-15)
    assert found.gradients[0].value.tolist() == [0.5, 0.0, 2.0]
    assert "isnan" in found.ties
    with np.errstate(divide="ignore"):
        saturated = enclosed(lambda x: np.nansum(np.log(1 - np.tanh(x) ** 2)), np.array([60.0]))
    assert saturated.value.value == pytest.approx(np.log(4) - 120)
    for order in (np.sort, np.argsort, np.argmax, lambda x: np.partition(x, 1)):
        with pytest.raises(Refused, match="what is no number"):
            enclosed(lambda x, order=order: order(np.where(x > 0, x, np.nan)) * x, x)


@pytest.mark.parametrize(
    "wrong",
    [lambda x: np.where(x > 0, x, of_doubles(x)), lambda x: x * float(of_doubles(x).sum())],
    ids=["entries in doubles", "a factor in doubles"],
)
def test_the_judge_sees_a_lost_derivative(wrong: Any) -> None:
    """What has left the balls on the way is found wrong by differences: the judge of the corpus can fail."""
    assert judged(wrong, (X,)).startswith("WRONG gradient")


@pytest.mark.parametrize(
    ("function", "x", "value", "slope"),
    [
        (lambda x: np.log(1 + np.exp(x)), -50.0, 1.9287498479639178e-22, 1.9287498479639178e-22),
        (lambda x: 1 - np.tanh(x) ** 2, 30.0, 3.502604305078608e-26, -7.005208610157216e-26),
        (lambda x: (1 - np.cos(x)) / x**2, 1e-9, 0.5, -8.333333333333333e-11),
        (lambda x: (x + 1e16) - 1e16, 1.0, 1.0, 1.0),
    ],
    ids=["softplus", "1 - tanh^2", "(1 - cos x) / x^2", "absorbed"],
)
def test_the_formula_is_meant_and_not_its_rounding(function: Any, x: float, value: float, slope: float) -> None:
    """Where doubles have lost all digits, the enclosure has them."""
    found = enclosed(function, x)
    assert found.value.value == pytest.approx(value, rel=1e-14, abs=0)
    assert found.gradients[0].value == pytest.approx(slope, rel=1e-14, abs=0)
    assert (found.gradients[0].error <= 1e-15 * abs(slope)).all()


@pytest.mark.parametrize(
    ("function", "operation"),
    [
        (np.fft.fft, "np.fft.fft"),
        (lambda x: x.astype(np.float32), "float32"),
        (lambda x: np.frombuffer(x.tobytes()), "ndarray.tobytes"),
        (lambda x: x.view(np.int64) * 1.0, "ndarray.view"),
        (lambda x: np.nextafter(x, 1), "nextafter"),
        (lambda x: np.linalg.svd(x)[1], "svd"),
        (lambda x: np.zeros(3, dtype=np.float32) + x, "float32"),
        (lambda x: SCALE.__iadd__(x[0]), "np.add"),
        (lambda x: np.linspace(0, x[0, 0], 3), "np.linspace"),
        (lambda x: np.arange(2.0), "the result"),
        (lambda x: 1j * x, "complex"),
    ],
)
def test_refusals_name_the_operation(function: Any, operation: str) -> None:
    """What has no form on balls is refused loudly, in a sentence that names it."""
    with pytest.raises(Refused, match=operation.replace(".", r"\.")):
        enclose(rebound(function), [X], [0], None)


@pytest.mark.parametrize("function", [float, math.trunc, np.float32, complex])
def test_a_number_never_becomes_a_double(function: Any) -> None:
    """Outside of rebound code, too, a conversion to a Python number is refused or decided, and never silent."""

    def convert(x: Any) -> Any:
        return enclose(lambda y: y * function(y.ravel()[0]), [x], [0], None)

    if function is math.trunc:
        assert convert(X).value.value.tolist() == (X * 0).tolist()
    else:
        with pytest.raises((Refused, TypeError)):
            convert(X)


def test_an_undecided_comparison_is_told() -> None:
    """A comparison of two ways to write one number ends at no precision, and is not guessed."""
    with pytest.raises(Undecided):
        enclosed(lambda x: np.where(np.log(np.exp(x)) - x > 0, x, -x), 0.3)


@pytest.mark.parametrize(
    ("function", "tie"),
    [
        (lambda x: np.where(x > 0, x, 0), "greater"),
        (lambda x: np.maximum(x, 0), "maximum"),
        (np.abs, "abs"),
        (lambda x: x - np.floor(x), "floor"),
        (lambda x: np.sort(np.append(x, 0.0)), "less"),
    ],
)
def test_exact_ties_are_flagged(function: Any, tie: str) -> None:
    """Equal operands decide nothing about the slope, and are told by the name of the operation."""
    assert tie in enclosed(function, [0.0]).ties
    assert enclosed(function, [0.375]).ties == ()


def test_slopes_at_a_maximum_are_enclosed() -> None:
    """At a tie of a maximum or an absolute value the gradient encloses every legal one."""
    found = enclosed(lambda x: np.array([x.max(), np.abs(x[2])]), [1.0, 1.0, 0.0])
    low, high = (found.gradients[0].value + sign * found.gradients[0].error for sign in (-1, 1))
    assert (low <= [0, 0, -1]).all()
    assert (high >= [1, 1, 1]).all()


class Layer:
    def __init__(self) -> None:
        self.calls = 0
        self.cache: list[Any] = []

    def forward(self, x: Any) -> Any:
        self.calls += 1
        self.cache.append(x)
        return np.asarray(np.zeros(x.shape) + math.exp(0.0) * x) * SCALE


def test_the_function_and_its_modules_stay_as_they_are() -> None:
    """A rebound copy is what runs: objects keep their state, modules their functions, arrays their numbers."""
    layer, zeros, before = Layer(), np.zeros, dict(vars(np))
    enclose(rebound(layer.forward), [X], [0], np.ones(X.shape))
    assert (layer.calls, layer.cache) == (0, [])
    assert np.zeros is zeros
    assert dict(vars(np)) == before
    assert SCALE.tolist() == [1.0, 2.0, 3.0]


def test_arguments_are_not_changed() -> None:
    """A function that writes into its argument writes into a copy, and the gradient is that of what it was given."""

    def doubled(x: Any) -> Any:
        x *= 2
        return x

    x = X.copy()
    found = enclose(rebound(doubled), [x], [0], np.ones(X.shape))
    assert (x == X).all()
    assert found.gradients[0].value.tolist() == np.full(X.shape, 2.0).tolist()


def test_precision_and_tape_are_left_as_they_were() -> None:
    """Whatever happens in an evaluation, flint's precision and the tape are the same afterwards."""
    before = flint.ctx.prec
    for function in (lambda x: x.tobytes(), np.exp):
        try:
            enclose(rebound(function), [X], [0], None)
        except Refused:
            assert function(X)
        assert flint.ctx.prec == before
        assert TAPE == []


def test_threads_wait_for_the_precision() -> None:
    """flint has one precision for all threads: whoever evaluates meanwhile waits, and both are right."""
    entered, left = threading.Event(), []

    def evaluate() -> None:
        entered.set()
        left.append(enclosed(np.exp, 0.5).bits)

    with precision(60):
        thread = threading.Thread(target=evaluate)
        thread.start()
        entered.wait()
        time.sleep(0.02)
        assert left == []
        assert flint.ctx.prec == 60
    thread.join()
    assert left == [128]


def test_precision_stops_where_the_verdict_needs_no_more() -> None:
    """A gradient that is exactly 0 is enclosed as narrowly as it is asked for, and no further."""

    def softmax(x: Any) -> Any:
        e = np.exp(x - x.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    found = enclose(rebound(softmax), [X], [0], np.ones(X.shape), resolutions=[1e-30])
    assert found.bits == 128
    assert (found.gradients[0].error <= 1e-30).all()


def test_all_gradients_nearby_are_enclosed() -> None:
    """At a kink those of both sides, elsewhere the only one; where a comparison has two outcomes nothing is known."""
    x = np.array([0.0, 1.0, -1.0])
    found = around(rebound(lambda x: np.maximum(x, 0)), [x], [0], np.ones(3))
    assert found is not None
    (gradient,), ties = found
    assert set(ties) == {"maximum"}
    assert (gradient.value - gradient.error <= [0, 1, 0]).all()
    assert (gradient.value + gradient.error >= 1)[:2].all()
    assert gradient.error[2] == 0
    assert around(rebound(lambda x: np.where(x > 0, x, 0 * x)), [x], [0], np.ones(3)) is None


def test_nothing_is_certain_behind_the_edge_of_a_domain() -> None:
    """Around the root of 0 no slope is known, nor the side that a choice takes: an error of 0 would be a claim."""
    args = [np.array([0.0, 4.0]), np.array([1.0, 1.0])]
    found = around(rebound(lambda x, p: np.maximum(p - np.sqrt(x * x), 0)), args, [0, 1], np.ones(2))
    assert found is not None
    assert [np.isinf(each.error).tolist() for each in found[0]] == [[True, False]] * 2
    assert around(rebound(lambda x, p: np.where(np.sqrt(x * x) < p, p, x)), args, [0, 1], np.ones(2)) is None


@pytest.mark.parametrize(
    ("function", "truth"),
    [
        (lambda x: 1 - np.cos(x), lambda x: 2 * math.sin(x / 2) ** 2),
        (lambda x: np.log(1 + x) / x, lambda x: math.log1p(x) / x),
        (lambda x: np.sqrt(x * x + 1) - x, lambda x: 1 / (math.sqrt(x * x + 1) + x)),
    ],
)
def test_a_running_analysis_bounds_what_cancels(function: Any, truth: Any) -> None:
    """The bound holds, is some dozen times the largest error at most, and infinite where anything may come out."""
    x = np.array([1e-7, 3e-4, 0.7, 11.0, 1e7])
    (bound,) = roundings(rebound(function), [x])
    off = np.abs(function(x) - [truth(each) for each in x])
    assert (off <= bound).all()
    assert (bound <= 64 * max(2.0**-53, off.max())).all()
    assert roundings(rebound(lambda x: np.log(1 - x)), [np.array([1.0])])[0] == np.inf
    assert roundings(rebound(lambda x: x if 1 + x > 1 else -x), [np.array(1e-20)]) is None


@pytest.mark.measure
def test_what_it_costs_and_what_runs() -> None:
    """Prints the corpus by verdict, and the processor time of a function of 10 to 100,000 numbers with its gradient."""
    verdicts = [judged(function, args).split(":")[0] for _, function, args in CORPUS]
    print({each: verdicts.count(each) for each in sorted(set(verdicts))})  # noqa: T201 - a measurement
    for number in (10, 100, 1000, 10_000, 100_000):
        x = np.random.RandomState(0).randn(number)
        start = time.process_time()
        enclosed(lambda x: np.log(1 + np.exp(x)), x)
        print(f"softplus of {number}: {1000 * (time.process_time() - start):.1f} ms")  # noqa: T201 - a measurement
