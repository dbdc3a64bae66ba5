"""The rounding bounds hold for honest codings, detect everything beyond them, and are as tight as stated."""

from __future__ import annotations

import warnings
from decimal import localcontext
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import bp
from reference.lab.cases import Case, Sizes
from reference.lab.contract import MESSAGES, Expected, Message, one_hot
from reference.numerics import rounding, running_errors, tolerances
from reference.numerics.compare import worst_entry
from reference.numerics.estimate import Estimate
from reference.numerics.oracles import ball
from reference.numerics.rounding import DOUBLE, SINGLE
from reference.numerics.sampling import normal_numbers
from tests import honest, nets
from tests.comparing import needs_flint
from tests.first_order import FIFTY_DIGITS, Number, errors, sqrt
from tests.measuring import asked, questions
from tests.strategies import EXTREME, arrays, sizes

Array = NDArray[Any]

each_message = pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.subject)
each_dtype = pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=lambda dtype: np.dtype(dtype).name)
#: Messages that carry a gradient: a cotangent of any size, or none.
BACKWARD = [message for message in MESSAGES if "delta_next" in message.arguments]
LOGITS = next(message for message in MESSAGES if message.subject == "LossCrossEntropyForSoftmaxLogits.forward")


def ordinary(message: Message, seed: int, dtype: Any = np.float64) -> Case:
    draw = normal_numbers(np.random.RandomState(seed))
    return message.draw(Sizes(3, 2, 4), lambda shape: draw(shape).astype(dtype))


def verdict(answer: Expected, parts: tuple[Array, ...]) -> list[tuple[int, ...] | None]:
    """The worst entry of each part, or None."""
    return [worst_entry(*each) for each in zip(parts, answer.truth, answer.bounds, strict=True)]


def moved(answer: Expected, factor: float) -> list[tuple[int, int, Estimate, Array, Array]]:
    """For each part one entry moved by ``factor`` times its tolerance: part, entry, truth, bound, moved array."""
    found = []
    for part, (truth, bound) in enumerate(zip(answer.truth, answer.bounds, strict=True)):
        for entry in range(truth.value.size):
            near = truth.value.copy()
            allowed = bound.flat[entry] + truth.error.flat[entry]
            near.flat[entry] += factor * allowed
            # A double may have no neighbour at the distance wanted, least of all among subnormal numbers.
            distance = abs(near.flat[entry] - truth.value.flat[entry])
            if allowed > 1e-300 and distance != allowed and (distance > allowed) == (abs(factor) > 1):
                found.append((part, entry, truth, bound, near))
    return found


@needs_flint
@each_message
@each_dtype
@pytest.mark.parametrize("sign", [-1, 1])
def test_just_below_the_bound_is_honest_and_just_above_is_not(message: Message, dtype: Any, sign: int) -> None:
    """An error just below the bound passes and one just above it fails, in any single entry."""
    answer = message.answer(ordinary(message, 1, dtype), ball)
    below, above = moved(answer, 0.98 * sign), moved(answer, 1.02 * sign)
    for _, _, truth, bound, near in below:
        assert worst_entry(near, truth, bound) is None
    for _, entry, truth, bound, near in above:
        assert worst_entry(near, truth, bound) == np.unravel_index(entry, near.shape)
    assert message.cls in {"ReLULayer", "LossCrossEntropy"} or (below and above)


@needs_flint
@given(st.data())
@each_message
def test_our_own_coding_is_within(message: Message, data: st.DataObject) -> None:
    """Our own coding is within the bounds for all cases that Hypothesis finds, in both precisions."""
    dtype = data.draw(st.sampled_from([np.float64, np.float32]))
    rng = np.random.RandomState(data.draw(st.integers(0, 2**32 - 1)))
    case = next(questions(message, rng, dtype, 1e37))
    with np.errstate(all="ignore"):
        answer = message.answer(case, ball)
    assert verdict(answer, asked(getattr(bp, message.cls), message, case)) == [None] * len(message.parts)


@needs_flint
@given(st.data())
def test_extreme_logits_have_finite_bounds(data: st.DataObject) -> None:
    """Bounds for logits up to the largest double are finite, unless the loss itself exceeds all doubles."""
    n, k = data.draw(sizes(2))
    X, first = data.draw(arrays(n, k, elements=EXTREME)), data.draw(st.integers(0, k - 1))
    case = Case({"X": X, "T": one_hot((np.arange(n) + first) % k, k)})
    for message in MESSAGES:
        if message.key == "logits" or message.subject == "SoftmaxLayer.forward":
            arguments = {name: case.arguments[name] for name in message.arguments}
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                answer = message.answer(Case(arguments), ball)
            bound, truth = answer.bounds[0], answer.truth[0].value
            assert (np.isfinite(bound) | np.isinf(truth)).all()
            assert (bound >= 0).all()


@needs_flint
@pytest.mark.parametrize("message", BACKWARD, ids=lambda message: message.subject)
@pytest.mark.parametrize("exponent", [-280, -100, -12, -6, 0, 6, 100, 280])
def test_wrong_gradients_are_caught_at_every_scale(message: Message, exponent: int) -> None:
    """A zero gradient, the wrong sign, and one entry off by 1e-12 of itself fail at every scale."""
    case = ordinary(message, 2)
    positive = {name: np.abs(array) for name, array in case.arguments.items()}
    # Different cotangents, so that softmax's delta does not cancel.
    positive["delta_next"] = (positive["delta_next"] + np.arange(4) + 1) * 10.0**exponent
    parameters = {name: np.abs(array) for name, array in case.parameters.items()}
    answer = message.answer(Case(positive, parameters, case.origin), ball)
    for truth, bound in zip(answer.truth, answer.bounds, strict=True):
        entries = np.argwhere(truth.value != 0)
        assert len(entries)
        for index in map(tuple, entries):
            for factor in (0.0, -1.0, 1 + 1e-12, 1 - 1e-12):
                wrong = truth.value.copy()
                wrong[index] *= factor
                assert worst_entry(wrong, truth, bound) == index


@needs_flint
@each_message
def test_ordinary_answers_are_granted_few_digits(message: Message) -> None:
    """Half the bounds are below 1e-14 of the result in double precision, and none is below one rounding."""
    ratios = []
    for seed in range(5):
        answer = message.answer(ordinary(message, seed), ball)
        for truth, bound in zip(answer.truth, answer.bounds, strict=True):
            with np.errstate(divide="ignore", invalid="ignore"):
                ratios += list((bound / np.abs(truth.value))[truth.value != 0])
    assert np.median(ratios) < 1e-14
    assert message.cls == "ReLULayer" or min(ratios) >= 2.0**-53


@needs_flint
@pytest.mark.parametrize(
    "message",
    # How far Y's sum is from 1 is part of the bound of softmax's delta, and is what it is in either precision.
    [message for message in MESSAGES if message.subject != "SoftmaxLayer.delta"],
    ids=lambda message: message.subject,
)
def test_single_precision_is_granted_its_own_unit(message: Message) -> None:
    """Bounds in single precision are 2^29 times those in double precision, to first order."""
    single = ordinary(message, 3, np.float32)
    arguments, parameters = (
        {name: array.astype(np.float64) for name, array in each.items()}
        for each in (single.arguments, single.parameters)
    )
    if message.key == "cross_entropy":  # the distance of the probabilities' sum from 1 is granted in either precision
        arguments["X"] = np.array([[0.5, 0.25, 0.125, 0.125]] * single.n_samples)
        single = Case({**single.arguments, "X": arguments["X"].astype(np.float32)}, {}, single.origin)
    double = Case(arguments, parameters, single.origin)
    for wide, narrow in zip(message.answer(single, ball).bounds, message.answer(double, ball).bounds, strict=True):
        assert (np.abs(wide - 2.0**29 * narrow) <= 1e-4 * wide + 1e-40).all()  # and for underflow


def _initial_weights(n: int, z: float) -> dict[str, Number]:
    """sqrt(2 / n) times a normal number, as people write it."""
    two, units, one, half, normal = (Number(each) for each in (2, n, 1, 0.5, z))

    def power(base: Number, exponent: Number) -> Number:
        value = base.value**exponent.value
        return Number(value, ((base, exponent.value * value / base.value),), 2)  # one unit in the last place

    return {
        "normal(0, sqrt(2 / n))": sqrt(two / units) * normal,
        "z sqrt(2) / sqrt(n)": normal * sqrt(two) / sqrt(units),
        "z (sqrt(2) / sqrt(n))": normal * (sqrt(two) / sqrt(units)),
        "z / sqrt(n / 2)": normal / sqrt(units / two),
        "z sqrt(1 / (n / 2))": normal * sqrt(one / (units / two)),
        "z sqrt(2) sqrt(1 / n)": normal * (sqrt(two) * sqrt(one / units)),
        "z (2 / n)**0.5": normal * power(two / units, half),
        "z sqrt(2) n**-0.5": normal * (sqrt(two) * power(units, Number(-0.5))),
        "z 2**0.5 / n**0.5": normal * sqrt(two) / power(units, half),
        "z / sqrt(n) sqrt(2)": normal / sqrt(units) * sqrt(two),
    }


@pytest.mark.parametrize("n", [40, 3, 784])
def test_initial_weights_are_granted_all_honest_codings(n: int) -> None:
    """The roundings of the worst coding and of what it is compared with, and no more than half a unit besides."""
    with localcontext(FIFTY_DIGITS):
        found = {name: errors(each, [DOUBLE])[0] for name, each in _initial_weights(n, 0.7).items()}
    size = 0.7 * np.sqrt(2 / n)
    needed = (max(found.values()) + found["normal(0, sqrt(2 / n))"]) / size
    assert needed <= tolerances.INITIAL_WEIGHT_ROUNDING <= needed + DOUBLE.u


@given(st.data())
def test_bounds_of_the_linear_layer_scale_with_its_arguments(data: st.DataObject) -> None:
    """Bounds scale exactly with powers of two, and further samples do not change those of others."""
    n, d, u = data.draw(sizes(3))
    X, W, b, D = (data.draw(arrays(*shape)) for shape in ((n, d), (d, u), (u,), (n, u)))
    for bound, scaled in (
        (rounding.linear_forward(X, W, b, DOUBLE), rounding.linear_forward(4 * X, W, 4 * b, DOUBLE)),
        (rounding.linear_delta(W, D, DOUBLE), rounding.linear_delta(W, 4 * D, DOUBLE)),
        *zip(rounding.linear_grad(X, D, DOUBLE), rounding.linear_grad(X, 4 * D, DOUBLE), strict=True),
    ):
        assert np.abs(scaled - 4 * bound).max() < 1e-320
    more = rounding.linear_forward(np.vstack([X, X * 1e6]), W, b, DOUBLE)
    assert (more[:n] == rounding.linear_forward(X, W, b, DOUBLE)).all()


@given(st.data())
def test_a_sum_of_products_keeps_its_bound_in_any_order(data: st.DataObject) -> None:
    """Sums of products in any order stay within the bound, against rational numbers."""
    d = data.draw(st.integers(1, 8))
    numbers = st.floats(-1e6, 1e6)
    X, W, b = (data.draw(arrays(*shape, elements=numbers)) for shape in ((1, d), (d, 1), (1,)))
    order = data.draw(st.permutations(range(d)))
    truth = sum((Fraction(x) * Fraction(w) for x, w in zip(X[0], W[:, 0], strict=True)), Fraction(b[0]))
    total = b[0]
    for i in order:
        total += X[0, i] * W[i, 0]
    assert abs(Fraction(total) - truth) <= Fraction(rounding.linear_forward(X, W, b, DOUBLE)[0, 0])


def test_precision_is_that_of_the_least_precise() -> None:
    """Mixed arguments are granted single precision."""
    single, double = np.ones(1, np.float32), np.ones(1)
    assert rounding.precision_of(double, double) is DOUBLE
    assert rounding.precision_of(double, single) is SINGLE
    X = np.full((1, 3), 1 / 3, np.float32)
    mixed = X @ np.ones((3, 2), np.float32) * 0.1 + np.ones(2)
    assert mixed.dtype == np.float64  # but wrong in the eighth digit
    assert DOUBLE.gamma(3) == 3 * 2.0**-53 / (1 - 3 * 2.0**-53)
    assert SINGLE.gamma(1) > SINGLE.u == 2.0**29 * DOUBLE.u


@needs_flint
def test_codings_through_log_sum_exp_are_granted_what_they_lose_while_it_is_little() -> None:
    """exp(x - lse) is within the bounds for logits of 1e6; two probabilities of 1 never are."""
    message = next(each for each in MESSAGES if each.subject == "SoftmaxLayer.forward")
    forward = honest.SOFTMAX_IN_BOUNDS["log-sum-exp"][0]
    for size, honest_enough in ((1e3, True), (1e6, True), (1e300, False)):
        X = np.array([[size, size, -size], [size, size - 1, size]])
        answer = message.answer(Case({"X": X}), ball)
        assert (verdict(answer, (forward(X),)) == [None]) is honest_enough


@needs_flint
def test_huge_logits_do_not_excuse_everything() -> None:
    """For two equal logits of 1e300 a loss of log 2 or 0 passes; infinity, NaN and 1e299 fail."""
    case = Case({"X": np.array([[1e300, 1e300]]), "T": np.array([[0.0, 1.0]])})
    answer = LOGITS.answer(case, ball)
    for loss, fine in ((np.log(2), True), (0.0, True), (np.inf, False), (np.nan, False), (1e299, False)):
        assert (verdict(answer, (np.array([[loss]]),)) == [None]) is fine


def test_moderate_logits_are_granted_no_more_for_being_many() -> None:
    """For a hundred classes the bound is 1e-12, so that computing in single precision is detected."""
    X = np.random.RandomState(0).randn(2, 100)
    P = np.exp(X) / np.exp(X).sum(axis=1, keepdims=True)
    T = one_hot(np.array([0, 1]), 100)
    assert (rounding.softmax(X, P, DOUBLE) < 1e-12 * P).all()
    assert (rounding.logits_loss(X, T, P, DOUBLE) < 1e-12).all()
    assert (rounding.logits_delta(X, T, P, DOUBLE) < 1e-12).all()
    assert (rounding.softmax_delta(P, X, DOUBLE) < 1e-12 * P * (1 + np.abs(X))).all()


@needs_flint
@each_dtype
def test_bounds_of_a_net_are_kept_and_meant(dtype: Any) -> None:
    """Honest nets are within the bounds, an entry just beyond its bound fails, and exact zeros must be exact."""
    rng = np.random.RandomState(5)
    for net, _ in zip(nets.drawn(rng, dtype), range(20), strict=False):
        truths, bounds = net.truths(), net.bounds()
        given = net.answers(honest.PLAIN, compound=True)
        for part, arrays_given in given.items():
            answer = Expected(truths[part], bounds[part])
            assert verdict(answer, arrays_given) == [None] * len(arrays_given)
            for _, _, truth, bound, near in moved(answer, 1.02)[:3]:
                assert worst_entry(near, truth, bound) is not None


@needs_flint
def test_bounds_of_an_ordinary_net_are_small() -> None:
    """For three layers the bounds are at most 1e-12 of the largest number of each kind."""
    for net, _ in zip(nets.drawn(np.random.RandomState(1), np.float64), range(20), strict=False):
        largest = max(float(np.abs(array).max()) for array in net.theta)
        if len(net.theta) == 6 and largest < 3:
            for bound in net.bounds().values():
                assert max(float(each.max()) for each in bound) < 1e-12


def test_a_unit_that_rounding_decides_is_granted_either_way() -> None:
    """If rounding decides a unit's sign, its gradient may be the delta or 0; no other entry is granted more."""
    X, T = np.array([[0.1, 0.2]]), np.array([[1.0, 0.0]])
    W, b = np.array([[1.0, 1.0], [1.0, -3.0]]), np.array([-0.3, 0.0])  # 0.1 + 0.2 - 0.3 = 2.8e-17, or 5.6e-17, or 0
    theta = (W, b, np.array([[1.0, 2.0], [1.0, 1.0]]), np.zeros(2))
    found = running_errors.network(X, theta, T, DOUBLE)
    assert found.gradient[1][0] > 0.4  # |delta| = 1/2 here
    assert found.gradient[1][1] < 1e-14
    assert found.hidden[0].shape == (1, 2)
    assert (found.hidden[0] < 1e-15).all()


def test_a_unit_is_granted_nothing_for_other_units() -> None:
    """Neither where its gradient underflows, whatever goes through the units beside it."""
    X = np.array([[1.0, 0.5], [0.25, 1.0]]) * 1e-160
    delta = np.array([[1e-165, 1.0], [-1e-165, -1e6]])
    for together, alone in zip(
        rounding.linear_grad(X, delta, DOUBLE), rounding.linear_grad(X, delta[:, :1], DOUBLE), strict=True
    ):
        assert together[..., :1] == pytest.approx(alone.reshape(together[..., :1].shape), rel=0.01, abs=0)


@pytest.mark.parametrize(
    ("P", "errors", "granted"),
    [
        ([0.75, 0.25], [1e-6, 0.0], 1e-6),
        ([0.75, 0.25], [0.0, 3e-6], 1e-6),  # a quarter of 3e-6 in the sum of the others, over 3/4
        ([0.5, 0.5], [0.0, 3e-6], 3e-6),
        ([0.25, 0.75], [0.0, 3e-6], 0.0),
        ([0.25, 0.75], [1e-6, 0.0], 1e-6),
        ([0.75, 0.25], [0.0, 3e-1], 0.0),  # that coding would have lost its digits
    ],
)
def test_errors_of_probabilities_reach_the_loss(P: list[float], errors: list[float], granted: float) -> None:
    """As they are, or with the weights of the other classes where the target has at least half of all."""
    found = rounding.cross_entropy(np.array([P]), np.array([[1.0, 0.0]]), DOUBLE, np.array([errors]))
    assert found.shape == (1, 1)
    assert found[0, 0] == pytest.approx(granted, rel=0.01, abs=1e-14)
