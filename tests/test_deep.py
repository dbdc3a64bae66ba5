"""The deep net: bounds that hold and are sharp, and a check that finds one wrong entry among thousands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import bp
from reference.execution.in_process import InProcess
from reference.findings import Violation
from reference.lab.checks import deep
from reference.lab.context import Context
from reference.lab.network import NetCase
from reference.numerics import network_rounding, rounding
from reference.numerics.oracles import ball
from tests.comparing import needs_flint

Array = NDArray[np.float64]
SMALL = (12, 6, 6, 6, 4)

pytestmark = needs_flint


def exam_of(mlp: type, seed: int = 0, **options: Any) -> Context:
    names = ("LinearLayer", "ReLULayer", "SoftmaxLayer", "LossCrossEntropy", "LossCrossEntropyForSoftmaxLogits")
    return Context(
        InProcess({**{name: getattr(bp, name) for name in names}, "MLP": mlp}, {}), ball, "bp", seed, **options
    )


def by_hand(question: NetCase, product: Callable[[Array, Array], Array], dtype: type = np.float64) -> list[Array]:
    """The gradient with matrix products of one's own, softmax and loss in one, everything in one precision."""
    theta = [array.astype(dtype) for array in question.theta]
    A, T = [question.X.astype(dtype)], question.T.astype(dtype)
    for W, b in zip(theta[:-2:2], theta[1:-2:2], strict=True):
        A.append(np.maximum(product(A[-1], W) + b, dtype(0)))
    Z = product(A[-1], theta[-2]) + theta[-1]
    E = np.exp(Z - Z.max(axis=1, keepdims=True))
    delta = (E / E.sum(axis=1, keepdims=True) - T) / dtype(len(T))
    gradient: list[Array] = []
    for layer in reversed(range(len(A))):
        gradient[:0] = [product(A[layer].T, delta), delta.sum(axis=0)]
        delta = product(delta, theta[2 * layer].T) * (A[layer] > 0)
    return gradient


def one_by_one(A: Array, B: Array) -> Array:
    """Products added in order, the last first: the worst order that there is."""
    total = np.zeros((A.shape[0], B.shape[1]), A.dtype)
    for k in reversed(range(A.shape[1])):
        total += np.outer(A[:, k], B[k])
    return total


def ratios(gradient: Sequence[Array], question: NetCase, bounds: Sequence[Array]) -> float:
    truth = question.true_gradient(ball)
    return max(
        float((np.abs(part - due.value) / (bound + due.error)).max())
        for part, due, bound in zip(gradient, truth, bounds, strict=True)
    )


@pytest.mark.parametrize("product", [np.matmul, one_by_one])
@pytest.mark.parametrize("seed", range(5))
def test_bounds_hold_for_any_order_of_summation(seed: int, product: Callable[[Array, Array], Array]) -> None:
    """Every entry of an honest gradient is within its bound, in double and in single precision."""
    question, bounds = deep.draw(np.random.RandomState(seed), widths=SMALL)
    assert ratios(by_hand(question, product), question, bounds) <= 1
    # In single precision the parameters have to be so, too.
    theta = tuple(array.astype(np.float32).astype(np.float64) for array in question.theta)
    single = NetCase(question.widths, theta, question.X, question.T, compound=True)
    sizes = network_rounding.bounds(single.X, theta, single.T, rounding.SINGLE)
    assert sizes.decided
    assert 0.001 < ratios(by_hand(single, product, np.float32), single, sizes.gradient) <= 1


def test_bounds_are_sharp_where_layers_are_many() -> None:
    """Through five layers of 64 units the bound on an ordinary entry stays below 1e-10 of it."""
    question, bounds = deep.draw(np.random.RandomState(0))
    for part, bound in zip(by_hand(question, np.matmul), bounds, strict=True):
        assert np.median(bound[part != 0] / np.abs(part[part != 0])) < 1e-10


@pytest.mark.parametrize("compound", [True, False])
def test_deep_networks_are_drawn_with_pixels_and_signals_that_keep_their_size(compound: bool) -> None:
    """No input is 0; until no unit is near 0 all of them are drawn again."""
    rng = np.random.RandomState(0)
    question, bounds = deep.draw(rng, widths=(400, 100, 30, 3), n=6, compound=compound)
    assert (question.widths, question.compound, question.own) == ((400, 100, 30, 3), compound, False)
    levels = 256 * question.X
    assert levels.shape == (6, 400)
    assert (levels == np.round(levels)).all()
    assert 1 <= levels.min() < 20
    assert 235 < levels.max() <= 255
    assert question.T.shape == (6, 3)
    assert (question.T.sum(axis=1) == 1).all()
    shapes = [(400, 100), (100,), (100, 30), (30,), (30, 3), (3,)]
    assert [array.shape for array in question.theta] == [bound.shape for bound in bounds] == shapes
    for W in question.theta[:4:2]:
        assert 0.9 < W.std() / np.sqrt(2 / len(W)) < 1.1
    assert 0.1 < question.theta[1].std() < 0.15
    labels = {int(label) for _ in range(8) for label in deep.draw(rng, widths=(4, 3), n=6)[0].T.argmax(axis=1)}
    assert labels == {0, 1, 2}


@pytest.mark.parametrize(("assignment", "losses"), [(1, [False] * 2), (2, [True, False]), (3, [True, False])])
def test_deep_networks_have_the_losses_of_the_assignment(
    assignment: int, losses: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In turn, with the compound one first."""
    drawn: list[bool] = []
    draw = deep.draw

    def small(rng: np.random.RandomState, *, compound: bool) -> Any:
        drawn.append(compound)
        return draw(rng, widths=(4, 3, 2), n=2, compound=compound)

    monkeypatch.setattr(deep, "draw", small)
    deep.check_gradient_of_deep_net(exam_of(bp.MLP, 9876 + assignment, assignment=assignment, effort="exhaustive"))
    assert drawn[:2] == losses
    assert draw(np.random.RandomState(0), widths=(4, 3, 2))[0].compound


def test_usual_rounding_is_a_part_of_the_bound() -> None:
    """What errors are like on average: less than the bound, and about what is seen."""
    question, bounds = deep.draw(np.random.RandomState(0))
    usual = network_rounding.deviations(question.X, question.theta, question.T, rounding.DOUBLE).gradient
    for size, bound in zip(usual, bounds, strict=True):
        assert (size <= bound).all()
    assert 0.1 < ratios(by_hand(question, np.matmul), question, usual) < 6


def test_undecided_units_are_known() -> None:
    """A hidden unit at 0 to within rounding: no bound holds, and the net is drawn anew."""
    question, _ = deep.draw(np.random.RandomState(0), widths=SMALL)
    theta = [array.copy() for array in question.theta]
    theta[1][0] -= (question.X @ theta[0] + theta[1])[0, 0]
    assert not network_rounding.bounds(question.X, theta, question.T, rounding.DOUBLE).decided


@pytest.mark.parametrize("assignment", [1, 3])
@pytest.mark.parametrize("seed", range(5))
def test_right_nets_pass(seed: int, assignment: int) -> None:
    """Whatever is drawn, with either loss."""
    deep.check_gradient_of_deep_net(exam_of(bp.MLP, seed, assignment=assignment))


def test_a_wrong_entry_is_told_with_its_layer() -> None:
    """And whether it is one of the weights or of the biases, and of which inputs and units."""
    question, bounds = deep.draw(np.random.RandomState(0), widths=SMALL)
    truth = question.true_gradient(ball)
    for number, due in enumerate(truth):
        parts = [each.value.copy() for each in truth]
        index = tuple(length - 1 for length in due.value.shape)
        parts[number][index] += 1
        with pytest.raises(Violation) as caught:
            deep._judge(question, parts, truth, bounds)
        name, attribute = question.labels[number].split(".")
        assert f"[{name!r}][{'Wb'.index(attribute)}]{list(index)} = " in str(caught.value.came)
        assert caught.value.index == index


def spoiled(change: Callable[[dict[str, list[Array]]], Any]) -> type:
    class Spoiled(bp.MLP):
        def gradient(self, X: Array, T: Array) -> Any:
            gradient = super().gradient(X, T)
            other = change(gradient)
            return gradient if other is None else other

    return Spoiled


def _one_entry(gradient: dict[str, list[Array]]) -> None:
    gradient["Linear_3"][0][np.unravel_index(np.abs(gradient["Linear_3"][0]).argmax(), (64, 64))] *= 1 + 1e-7


def _raise(gradient: dict[str, list[Array]]) -> None:
    raise RuntimeError("no")


WRONG: dict[str, tuple[Callable[[dict[str, list[Array]]], Any], str]] = {
    "one entry": (_one_entry, "1 of 67530 entries are wrong"),
    "nan": (lambda g: g["Linear_1"][1].fill(np.nan), "nan; 64 of 67530 entries are wrong"),
    "scaled": (lambda g: {name: [8 * part for part in parts] for name, parts in g.items()}, "entries are wrong"),
    "raises": (_raise, "RuntimeError: no"),
    "none": (lambda g: 3, "()"),
    "layer missing": (lambda g: {name: g[name] for name in list(g)[1:]}, "()"),
    "shape": (lambda g: {name: [parts[0][:2], parts[1]] for name, parts in g.items()}, "(2, 64)"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_nets_fail(name: str) -> None:
    """From one entry in its seventh digit to no gradient at all; the counterexample is a recipe, not a book."""
    change, said = WRONG[name]
    with pytest.raises(Violation) as caught:
        deep.check_gradient_of_deep_net(exam_of(spoiled(change)))
    assert said in str(caught.value.came)
    assert caught.value.counterexample == {"n_inputs": 784, "n_units": [64] * 5 + [10], "n_samples": 8}
    assert caught.value.index is None or caught.value.bound is not None
