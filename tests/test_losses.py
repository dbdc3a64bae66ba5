"""Cross-entropy on probabilities and on logits: values and derivatives, ordinary and extreme."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bp
from reference.numerics.oracles import finite_differences, torch_autograd
from tests.comparing import assert_within, gamma, needs_torch
from tests.strategies import EXTREME, LARGEST, Array, arrays, few_examples, layouts, one_hot, sizes, soft

CE = bp.LossCrossEntropy("CE")
LOGITS = bp.LossCrossEntropyForSoftmaxLogits("CE")


@st.composite
def targets(draw: st.DrawFn, n: int, k: int) -> Array:
    return draw(st.one_of(one_hot(n, k), soft(n, k)))


@st.composite
def probability_questions(draw: st.DrawFn) -> tuple[Array, Array]:
    """Probabilities that are none of them 0, and targets, (N, K)."""
    n, k = draw(sizes(2))
    weights = draw(arrays(n, k, elements=st.integers(1, 16).map(float)))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True)), draw(targets(n, k))


@st.composite
def logit_questions(draw: st.DrawFn) -> tuple[Array, Array]:
    """Logits up to 4 in size, and targets, (N, K)."""
    n, k = draw(sizes(2))
    return draw(arrays(n, k)), draw(targets(n, k))


@given(probability_questions())
def test_cross_entropy_is_its_definition(question: tuple[Array, Array]) -> None:
    """The loss is minus the sum of t log p, one number for each sample, summed in exact arithmetic."""
    P, T = question
    exact = [[-math.fsum(t * math.log(p) for p, t in zip(*rows, strict=True))] for rows in zip(P, T, strict=True)]
    losses = CE.forward(P, T)
    # Each term: the logs of numpy and of math (a unit in the last place each), a product, K - 1 additions.
    size = (T * np.abs(np.log(P))).sum(axis=1, keepdims=True)
    assert losses.shape == (len(P), 1)
    assert (np.abs(losses - exact) <= gamma(P.shape[1] + 6) * size).all()


@few_examples
@given(probability_questions())
def test_cross_entropy_delta_is_derivative_of_forward(question: tuple[Array, Array]) -> None:
    """``delta`` is the gradient of the sum of the losses: it is not divided by N."""
    P, T = question

    def close(P: Array) -> Array:  # differences step beyond the simplex, and never to where log is not defined
        return CE.forward(P, T)

    steps = finite_differences.vjp(lambda Q: close(P * np.exp(Q)), np.ones((len(P), 1)), (np.zeros(P.shape),))[0]
    assert_within(CE.delta(P, T) * P, steps, gamma(4) * T)


@needs_torch
@given(probability_questions())
def test_cross_entropy_agrees_with_torch(question: tuple[Array, Array]) -> None:
    """Loss and delta agree with automatic differentiation of the definition."""
    P, T = question

    def definition(P: Any) -> Any:
        return -(P.new_tensor(T) * P.log()).sum(dim=1, keepdim=True)

    assert_within(CE.forward(P, T), torch_autograd.value(definition, (P,)))
    (dP,) = torch_autograd.vjp(definition, np.ones((len(P), 1)), (P,))
    assert_within(CE.delta(P, T), dP)


@few_examples
@given(logit_questions())
def test_logits_delta_is_derivative_of_forward(question: tuple[Array, Array]) -> None:
    """``delta`` of the compound loss agrees with central differences, also for soft targets."""
    X, T = question
    (dX,) = finite_differences.vjp(lambda X: LOGITS.forward(X, T), np.ones((len(X), 1)), (X,))
    assert_within(LOGITS.delta(X, T), dX, gamma(X.shape[1] + 36))


@needs_torch
@given(logit_questions())
def test_logits_loss_agrees_with_torch(question: tuple[Array, Array]) -> None:
    """Loss and delta agree with automatic differentiation of minus the sum of t log softmax(x)."""
    X, T = question

    def definition(X: Any) -> Any:
        return -(X.new_tensor(T) * X.log_softmax(dim=1)).sum(dim=1, keepdim=True)

    k = X.shape[1]
    assert_within(LOGITS.forward(X, T), torch_autograd.value(definition, (X,)), gamma(2 * k + 40) * 8)
    (dX,) = torch_autograd.vjp(definition, np.ones((len(X), 1)), (X,))
    assert_within(LOGITS.delta(X, T), dX, gamma(k + 36))


@given(logit_questions())
def test_compound_is_softmax_then_cross_entropy(question: tuple[Array, Array]) -> None:
    """Where nothing overflows the compound loss gives what softmax and cross-entropy give, forward and back."""
    X, T = question
    softmax = bp.SoftmaxLayer("Softmax")
    P = softmax.forward(X)
    k = X.shape[1]
    assert (np.abs(LOGITS.forward(X, T) - CE.forward(P, T)) <= gamma(2 * k + 80) * 10).all()
    assert (np.abs(LOGITS.delta(X, T) - softmax.delta(P, CE.delta(P, T))) <= gamma(2 * k + 80) * 4).all()


@given(st.data())
def test_logits_loss_at_extreme_logits(data: st.DataObject) -> None:
    """For every finite logit the loss is not NaN or negative; it is inf only if the true loss exceeds all doubles."""
    n, k = data.draw(sizes(2))
    X, T = data.draw(arrays(n, k, elements=EXTREME)), data.draw(one_hot(n, k))
    losses, delta = LOGITS.forward(X, T), LOGITS.delta(X, T)
    assert (losses >= 0).all()
    assert (np.abs(delta) <= 1).all()
    for row, target, loss in zip(X, T, losses, strict=True):
        gap = int(max(row)) - int(row[target.argmax()])  # exact: Python's integers have no largest
        # The loss is the gap plus log of a sum between 1 and K, on numbers of the size of the logits.
        slack = 2 + math.log(k) + 4 * 2.0**-52 * float(np.abs(row).max())
        if loss[0] == math.inf:
            assert gap > LARGEST
        else:
            assert gap - slack <= loss[0] <= gap + slack
            assert gap < LARGEST + 2**970  # half a unit in its last place more, and the difference rounds to inf


def test_a_certain_sample_costs_nothing() -> None:
    """For a target of probability 1 the loss is 0 (not -0) and the delta is finite."""
    P, T = np.array([[1.0, 0.0]]), np.array([[1.0, 0.0]])
    assert math.copysign(1, CE.forward(P, T)[0, 0]) == 1
    assert CE.forward(P, T)[0, 0] == 0
    assert CE.delta(P, T).tolist() == [[-1.0, 0.0]]


def test_zero_log_zero_is_zero() -> None:
    """A probability of 0 off the target adds nothing, and numpy gives no warning."""
    P, T = np.array([[0.0, 0.5, 0.5]]), np.array([[0.0, 1.0, 0.0]])
    assert CE.forward(P, T)[0, 0] == pytest.approx(math.log(2), rel=gamma(4))
    assert CE.delta(P, T).tolist() == [[0.0, -2.0, 0.0]]


def test_an_impossible_target_costs_infinity() -> None:
    """For a target of probability 0 the loss is inf, the delta -inf, and numpy reports the division."""
    P, T = np.array([[0.0, 1.0], [0.5, 0.5]]), np.array([[1.0, 0.0], [1.0, 0.0]])
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        losses = CE.forward(P, T)
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        delta = CE.delta(P, T)
    assert losses[0, 0] == math.inf
    assert losses[1, 0] == pytest.approx(math.log(2), rel=gamma(4))
    assert delta.tolist() == [[-math.inf, 0.0], [-2.0, 0.0]]


def test_compound_survives_where_the_parts_do_not() -> None:
    """For a target 800 below the largest logit the compound loss gives 800 and -1; its parts give inf and NaN."""
    X, T = np.array([[800.0, 0.0]]), np.array([[0.0, 1.0]])
    naive = bp.NaiveSoftmaxLayer("naive")
    with np.errstate(all="ignore"):
        P = naive.forward(X)
        assert not np.isfinite(CE.forward(P, T)).any()
        assert np.isnan(naive.delta(P, CE.delta(P, T))).any()
        stable = bp.SoftmaxLayer("stable").forward(X)
        assert CE.forward(stable, T)[0, 0] == math.inf  # the probability itself has underflowed
    assert LOGITS.forward(X, T).tolist() == [[800.0]]
    assert LOGITS.delta(X, T).tolist() == [[1.0, -1.0]]


@pytest.mark.parametrize("loss", [CE, LOGITS])
@few_examples
@given(data=st.data())
def test_losses_are_pure(loss: Any, data: st.DataObject) -> None:
    """A loss gives the same for equal arguments in any layout, read-only or by keyword, in memory of its own."""
    P, T = data.draw(probability_questions())
    laid = {"X": data.draw(layouts(P)), "T": data.draw(layouts(T))}
    for message in (loss.forward, loss.delta):
        found = message(**laid)
        assert np.allclose(found, message(P, T), rtol=0, atol=gamma(40) * 16)
        assert not any(np.shares_memory(found, array) for array in laid.values())


@pytest.mark.parametrize("loss", [CE, LOGITS])
def test_float32_stays_float32(loss: Any) -> None:
    """Single-precision probabilities or logits and targets give single-precision losses and deltas."""
    X, T = np.array([[0.25, 0.75]], np.float32), np.array([[0.0, 1.0]], np.float32)
    assert loss.forward(X, T).dtype == loss.delta(X, T).dtype == np.float32


def test_float32_softmax_targets_are_distributions() -> None:
    """Targets computed in single precision, which sum only nearly to 1, are accepted."""
    rng = np.random.RandomState(0)
    T = bp.SoftmaxLayer("s").forward(rng.randn(20, 1000).astype(np.float32))
    assert np.isfinite(LOGITS.forward(rng.randn(20, 1000), T)).all()


@pytest.mark.parametrize("loss", [CE, LOGITS])
@pytest.mark.parametrize(
    ("T", "said"),
    [
        ([[0.5, 0.4]], "T: expected rows that are probability distributions.* with sum 0.9"),
        ([[1.5, -0.5]], "T: expected rows that are probability distributions"),
        ([[np.nan, 1.0]], "T: expected rows that are probability distributions"),
        ([[0.0, 0.0]], "T: expected rows that are probability distributions"),
        ([[1.0]], r"T: expected shape \(1, 2\), got \(1, 1\)"),
        ([[1.0, 0.0], [1.0, 0.0]], r"T: expected shape \(1, 2\), got \(2, 2\)"),
        ([1.0, 0.0], "T: expected a two-dimensional array"),
    ],
)
def test_bad_targets_are_named(loss: Any, T: Any, said: str) -> None:
    """A ValueError names the loss, the message, the row and what is wrong with it."""
    for message in (loss.forward, loss.delta):
        with pytest.raises(ValueError, match=rf"^CE\.{message.__name__}: {said}"):
            message(np.array([[0.5, 0.5]]), T)


@pytest.mark.parametrize("loss", [bp.LossCrossEntropy("CE"), bp.LossCrossEntropyForSoftmaxLogits("CE")])
@pytest.mark.parametrize(("of_x", "of_t"), [(np.float32, np.float64), (np.float64, np.float32)])
def test_of_two_precisions_the_higher_counts(loss: Any, of_x: Any, of_t: Any) -> None:
    """Mixed precisions give the higher one, as in numpy's own arithmetic."""
    X, T = np.array([[0.25, 0.75]], of_x), np.array([[0.0, 1.0]], of_t)
    assert loss.forward(X, T).dtype == loss.delta(X, T).dtype == np.float64


def test_soft_and_sure_targets_may_stand_in_one_batch() -> None:
    """In a batch of soft and one-hot targets each sample has the loss that it has alone."""
    loss = bp.LossCrossEntropyForSoftmaxLogits("CE")
    X, T = np.array([[1.0, 2.0], [1.0, 2.0]]), np.array([[0.25, 0.75], [1.0, 0.0]])
    for message in (loss.forward, loss.delta):
        alone = [message(X[n : n + 1], T[n : n + 1]) for n in range(2)]
        np.testing.assert_allclose(message(X, T), np.concatenate(alone), rtol=2.0**-51)


def test_logarithms_are_taken_in_the_higher_precision() -> None:
    """With probabilities in single and targets in double precision the logarithm is taken in double."""
    X = np.array([[0.3, 0.7]], np.float32)
    assert bp.LossCrossEntropy("CE").forward(X, np.eye(2)[:1])[0, 0] == -math.log(float(X[0, 0]))


def test_slope_at_soft_targets_is_p_minus_t() -> None:
    """For soft targets the delta is p - t, here for equal logits."""
    loss = bp.LossCrossEntropyForSoftmaxLogits("CE")
    assert loss.delta([[0.0, 0.0], [0.0, 0.0]], [[0.25, 0.75], [0.0, 1.0]]).tolist() == [[0.25, -0.25], [0.5, -0.5]]
