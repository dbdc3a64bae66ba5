"""The mistake in any function's gradient is named where the answers leave no doubt, and not named where they do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from reference import Finding, check_gradient, check_vjp
from reference.gradients.diagnosis.graph import evaluate, pulled_back
from reference.gradients.diagnosis.tracing import NotTracedError, trace
from reference.wording import MISTAKES
from tests.gradients import drawn
from tests.planted import PLANTED, convolve, layer_norm, relu, softmax

pytestmark = pytest.mark.catalogue

OF_VALUES = ("values", "consistent", "types", "answers")


def blamed(name: str) -> list[Finding]:
    planted = PLANTED[name]
    findings = check_vjp(planted.forward, planted.vjp, *planted.args, effort="quick")
    assert not [each for each in findings if each.status == "error"]
    return [each for each in findings.failed if each.check.rpartition(".")[2] in OF_VALUES]


@pytest.mark.parametrize("name", PLANTED)
def test_planted_mistakes_are_named(name: str) -> None:
    """With the word that is theirs, or with none where nobody can know; each word has a meaning and a hint."""
    first, *_ = blamed(name)
    assert first.mistake == PLANTED[name].word
    assert (first.hint is None) == (first.mistake is None)


def test_factor_of_one_term_is_estimated() -> None:
    """Any constant is found, and told."""

    def vjp(c: Any, x: Any) -> Any:
        return (c * (np.sin(x) + 0.375 * x * np.cos(x)),)

    failed, *_ = check_vjp(lambda x: x * np.sin(x), vjp, drawn(4, 3), effort="quick").failed
    assert failed.mistake == "scaled"
    assert failed.came is not None
    (told,) = [each for each in failed.came.more if each.kind == "estimated"]
    assert told["constants"] == (("a factor of one term", "0.375"),)


@pytest.mark.parametrize("fixed", [(), (1,)])
def test_mistakes_beside_an_argument_without_a_gradient_are_named(fixed: tuple[int, ...]) -> None:
    """Whether the gradient of a step is None or is not asked for, that of the array lacks its term all the same."""

    def vjp(c: Any, x: Any, step: Any) -> Any:
        return c * step * np.sin(x), c.sum() * 0.0 if fixed else None

    findings = check_vjp(lambda x, h: h * x * np.sin(x), vjp, drawn(4, 3), 0.25, fixed=fixed, effort="quick")
    first, *_ = findings.failed
    assert first.mistake == "term-missing"


def test_losses_are_diagnosed_through_their_door() -> None:
    """A loss whose gradient lacks a term is as any function."""
    x, t = drawn(4, 3), drawn(4)

    def loss_and_grads(w: Any) -> Any:
        error = x @ w - t
        return (error**2).mean() + 0.1 * (w**2).sum(), 2 * x.T @ error / 4

    failed, *_ = check_gradient(loss_and_grads, drawn(3), effort="quick").failed
    assert failed.mistake == "term-missing"


def test_words_are_of_the_vocabulary() -> None:
    """No mistake has a name that nobody explains."""
    assert {each.word for each in PLANTED.values() if each.word} <= set(MISTAKES)


def _cut(x: Any) -> Any:
    y = x.copy()
    y[y < 0] = 0
    return y * 2


def _in_place(x: Any) -> Any:
    y = x * 1
    y -= y.max(axis=1, keepdims=True)
    y *= 2
    return np.exp(y, out=y) if isinstance(y, np.ndarray) else np.exp(y)


TRACED = {
    "softmax": (softmax, [(4, 3)]),
    "layer norm": (layer_norm, [(4, 3), (3,)]),
    "written into zeros": (convolve, [(7,), (3,)]),
    "mask": (relu, [(4, 3)]),
    "written by a mask": (_cut, [(4, 3)]),
    "joined": (lambda x, y: np.concatenate([np.sin(x), y.T], axis=0) ** 2, [(2, 3), (3, 2)]),
    "einsum": (lambda x, y: np.einsum("ij,kj->ik", x, y), [(4, 3), (2, 3)]),
    "norm": (lambda x: np.linalg.norm(x, axis=1), [(4, 3)]),
    "padded": (lambda x: np.pad(x, 1)[:-2, 2:] * np.cumsum(x, axis=1), [(4, 3)]),
    "stacked rows": (lambda x: np.array([row @ row for row in x]), [(4, 3)]),
    "in place": (_in_place, [(4, 3)]),
    "triangles": (lambda x: np.tril(x) @ np.triu(x, 1), [(3, 3)]),
    "differences": (lambda x: np.diff(x, 2, axis=0) * np.ptp(x, axis=0), [(4, 3)]),
    "crossed": (np.cross, [(4, 3), (4, 3)]),
    "diagonals": (lambda x: np.diag(np.diag(x)) @ x, [(3, 3)]),
    "weighted": (lambda x, w: np.average(x, axis=0, weights=w * w), [(4, 3), (4,)]),
    "appended": (lambda x, y: np.append(x, y, axis=0) ** 2, [(4, 3), (1, 3)]),
    "trapezoids": (lambda y, x: np.trapezoid(y * y, x, axis=0) if hasattr(np, "trapezoid") else y[0], [(4, 3), (4,)]),
    "determinants": (lambda x: np.linalg.det(x) + np.linalg.slogdet(x)[1], [(3, 3)]),
    "selected": (lambda x: np.select([x > 1, x > 0], [x * x, x], -x), [(4, 3)]),
    "converted": (lambda x: x.astype(float) * (x + 3).astype(int), [(4, 3)]),
    "constants": (lambda x: x * np.kron(np.ones((4, 1)), np.ones((1, 3)) + 1.0), [(4, 3)]),
    "choice": (lambda x: np.where(x > 0, x, np.expm1(x)).std(axis=0), [(4, 3)]),
}


@pytest.mark.parametrize("name", TRACED)
def test_recorded_formula_has_the_right_gradient(name: str) -> None:
    """Of the recorded steps the gradient is that of central differences, and the value that of the function."""
    function, shapes = TRACED[name]
    rng = np.random.RandomState(0)
    args = [rng.randn(*shape) for shape in shapes]
    graph = trace(function, args)
    values = evaluate(graph, args)
    output = function(*args)
    assert np.allclose(values[id(graph.output)], output, rtol=1e-14)
    c = rng.randn(*output.shape)
    for number, found in enumerate(pulled_back(graph, values, c)):
        along = rng.randn(*args[number].shape)
        ends = [
            (c * function(*(each + step * along if n == number else each for n, each in enumerate(args)))).sum()
            for step in (1e-6, -1e-6)
        ]
        assert (found * along).sum() == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-7)


@pytest.mark.parametrize(
    "function",
    [lambda x: np.linalg.eigvalsh(x @ x.T), lambda x: float(x.sum()), lambda x: np.fft.fft(x).real, lambda x: 3.0],
)
def test_what_cannot_be_recorded_is_said(function: Any) -> None:
    """And nothing of numpy stays replaced afterwards."""
    before = np.zeros, np.array
    with pytest.raises(NotTracedError):
        trace(function, [drawn(4, 3)])
    assert (np.zeros, np.array) == before
