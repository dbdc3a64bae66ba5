"""What else students compute in place of a formula: other losses, exchanged arguments, sums with a term too few."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np

from reference.lab.mistakes.departures import Array, Formula, Given, sums
from reference.lab.mistakes.plain import softmax

_LOSS = "LossCrossEntropyForSoftmaxLogits"
_WHICH = "Which loss does the definition name, and which one is computed here?"
_DERIVATIVE = "Of which function is this the derivative?"
_SWAPPED = "Which of the two distributions stands in front of the logarithm, and which inside?"
_TERM = "Which terms does the formula add up, and which one stands in the code besides?"
_ALL = "Over which entries does the sum run: is one of them left out?"
_JACOBIAN = "Which entries has the Jacobian of the softmax, on its diagonal and beside it?"
#: Words, a hint, and the formula that is taken instead.
Instead = tuple[tuple[str, ...], str, Formula]


def _of(words: tuple[str, ...], hint: str, formula: Any) -> Instead:
    def given(values: Given) -> tuple[Array]:
        return (np.asarray(formula(**values)),)

    return words, hint, given


def _distances(probable: Any) -> Iterator[Instead]:
    """Losses that measure how far two vectors are apart."""
    for of in (
        lambda P, T: sums((P - T) ** 2),
        lambda P, T: sums((P - T) ** 2) / 2,
        lambda P, T: sums((P - T) ** 2) / P.shape[1],
        lambda P, T: sums((P - T) ** 2) / (2 * P.shape[1]),
        lambda P, T: np.sqrt(sums((P - T) ** 2)),
        lambda P, T: sums(np.abs(P - T)),
        lambda P, T: sums(np.abs(P - T)) / P.shape[1],
        lambda P, T: 1 - sums(P * T),
        lambda P, T: -sums(P * T),
        lambda P, T: -sums(P * np.log(P)),
        lambda P, T: -np.log(sums(P)),
        lambda P, T: -np.log(1 - sums(P * T)),
        lambda P, T: -sums(T * np.log(1 - P)),
        lambda P, T: -sums((1 - T) * np.log(1 - P)),
        lambda P, T: -sums((1 - T) * np.log(P)),
        lambda P, T: -sums(T * P * np.log(P)),
        lambda P, T: -sums(np.log(np.where(T != 0, P, 1))) / sums(P * T),
    ):
        yield _of(("wrong-function",), _WHICH, lambda X, T, of=of: of(probable(X), T))
    whose = "Whose probability does the loss ask for: that of the target, or of another class?"
    for chosen, word in ((np.max, "wrong-argument"), (np.min, "wrong-function")):
        formula = lambda X, T, chosen=chosen: -np.log(chosen(probable(X), axis=1, keepdims=True))  # noqa: E731
        yield _of((word,), whose, formula)


def _same(X: Array) -> Array:
    return X


def _loss_forward() -> Iterator[Instead]:
    yield from _distances(_same)
    yield _of(("wrong-function",), _WHICH, lambda X, T: -np.log(sums(T * softmax(X))))
    yield _of(("wrong-function",), _WHICH, lambda X, T: -sums(T * np.log1p(X)))
    yield _of(("arguments-swapped",), _SWAPPED, lambda X, T: -sums(X * np.log(T)))
    yield _of(("arguments-swapped",), _SWAPPED, lambda X, T: -sums(X * np.log(np.where(T > 0, T, 1))))


def _loss_delta() -> Iterator[Instead]:
    for of in (
        lambda X, T: X - T,
        lambda X, T: 2 * (X - T),
        lambda X, T: 2 * (X - T) / X.shape[1],
        lambda X, T: -T * X,
        lambda X, T: np.where(T != 0, -T / X, 0) * -sums(np.log(np.where(T != 0, X, 1))),
        lambda X, T: -T * np.log(np.where(T != 0, X, 1)),
        lambda X, T: -T * (1 - X),
        lambda X, T: -T / X**2,
        lambda X, T: -T * (1 + np.log(np.where(T != 0, X, 1))),
        lambda X, T: -(1 + np.log(X)),
        lambda X, T: T / (1 - X),
        lambda X, T: -T / (X * (1 - X)),
        lambda X, T: (X - T) / (X * (1 - X)),
        lambda X, T: (1 - T) / (1 - X),
    ):
        yield _of(("wrong-function",), _DERIVATIVE, of)
    yield _of(("arguments-swapped",), _SWAPPED, lambda X, T: -X / T)
    yield _of(("arguments-swapped",), _SWAPPED, lambda X, T: T - X)


def _logits_forward() -> Iterator[Instead]:
    yield from _distances(softmax)
    yield from _distances(_same)
    yield _of(("wrong-function",), _WHICH, lambda X, T: sums(np.exp(X)) - sums(T * X))
    # The logarithm of each exponential, and then their sum.
    yield _of(("wrong-function",), _WHICH, lambda X, T: sums(_behind_largest(X)) - sums(T * X))
    yield _of(("wrong-function",), _WHICH, lambda X, T: sums(_behind_largest(X)) - sums(T * _behind_largest(X)))
    yield _of(("wrong-function",), _WHICH, lambda X, T: sums(X) - sums(T * X))
    yield _of(("term-missing",), _ALL, _without_target)
    for of in (lambda X, T: sums(_margins(X, T)), lambda X, T: _margins(X, T).max(axis=1, keepdims=True)):
        yield _of(("wrong-function",), _WHICH, of)
    yield _of(("arguments-swapped",), _SWAPPED, lambda X, T: -sums(X * np.log(softmax(T))))


def _behind_largest(X: Array) -> Array:
    return np.asarray(X - X.max(axis=1, keepdims=True))


def _margins(X: Array, T: Array) -> Array:
    """How far each other class is from being one behind the target's."""
    return np.asarray(np.maximum(0, 1 + X - sums(T * X)) * (1 - T))


def _loss_of_logits(X: Array, T: Array) -> Array:
    Z = _behind_largest(X)
    return np.log(sums(np.exp(Z))) - sums(T * Z)


def _without_target(X: Array, T: Array) -> Array:
    Z = _behind_largest(X)
    return np.log(sums((1 - T) * np.exp(Z))) - sums(T * Z)


#: What the product with the Jacobian is made of: a product for each entry, what is taken off it, and its factor.
_OF_EACH: tuple[Callable[[Array, Array], Array], ...] = (
    *(lambda Y, d: Y * d, lambda Y, d: Y**2 * d, lambda Y, d: d, lambda Y, d: Y * (1 - Y) * d),
    lambda Y, d: Y * sums(d),
)
_OF_ALL: tuple[Callable[[Array, Array], Array], ...] = (
    *(lambda Y, d: sums(Y * d), lambda Y, d: sums(d), lambda Y, d: sums(Y**2 * d), lambda Y, d: sums(Y**2) * d),
    *(lambda Y, d: sums(Y**2) * sums(d), lambda Y, d: np.sum(Y * d), lambda Y, d: np.sum(d)),
)
_FACTORS: tuple[Callable[[Array], Array], ...] = (np.ones_like, lambda Y: Y, np.square)


def _of_two() -> Iterator[Callable[[Array, Array], Array]]:
    """Every product for each entry less something of them all, with a factor."""
    for one, total, factor in product(_OF_EACH, _OF_ALL, _FACTORS):
        yield lambda Y, delta_next, a=one, b=total, c=factor: a(Y, delta_next) - c(Y) * b(Y, delta_next)  # type: ignore[misc]


def _behind_softmax(P: Array, G: Array) -> Array:
    return np.asarray(P * (G - sums(G * P)))


def _logits_delta() -> Iterator[Instead]:
    chain = "What is 0 times infinity, where a probability underflows?"
    yield _of(("log-of-zero",), chain, lambda X, T: _behind_softmax(softmax(X), -T / softmax(X)))
    hint = "Is the derivative of the softmax in p - t already?"
    yield _of(("jacobian-diagonal-only",), hint, lambda X, T: (softmax(X) - T) * softmax(X) * (1 - softmax(X)))
    for of in (
        lambda X, T: _behind_softmax(softmax(X), softmax(X) - T),
        lambda X, T: (softmax(X) - T) * _loss_of_logits(X, T),
        lambda X, T: 2 * (softmax(X) - T),
        lambda X, T: 2 * _behind_softmax(softmax(X), softmax(X) - T),
        lambda X, T: (softmax(X) - T) * softmax(X),
    ):
        yield _of(("wrong-function",), _DERIVATIVE, of)
    yield _of(("arguments-swapped",), _SWAPPED, lambda X, T: softmax(T) - X)
    yield _of(("shift-not-undone",), "What is taken off the logits in the numerator, and in the sum?", _shifted_above)
    yield _of(("shift-not-undone",), "What is taken off the logits in the numerator, and in the sum?", _shifted_below)


def _shifted_above(X: Array, T: Array) -> Array:
    return np.asarray(np.exp(X - X.max(axis=1, keepdims=True)) / sums(np.exp(X)) - T)


def _shifted_below(X: Array, T: Array) -> Array:
    return np.asarray(np.exp(X) / sums(np.exp(X - X.max(axis=1, keepdims=True))) - T)


def _softmax_delta() -> Iterator[Instead]:
    yield _of(("term-missing",), _JACOBIAN, lambda Y, delta_next: -Y * (sums(Y * delta_next) - Y * delta_next))
    twice = "Y are probabilities already: is softmax due once more?"
    yield _of(("wrong-function",), twice, lambda Y, delta_next: _behind_softmax(softmax(Y), delta_next))
    ignored = "Where does the gradient of the next layer enter?"
    yield _of(("delta-next-ignored",), ignored, lambda Y, delta_next: _behind_softmax(Y, np.ones_like(delta_next)))
    for of in (
        lambda Y, delta_next: Y * delta_next - Y**2 * sums(delta_next),
        lambda Y, delta_next: Y - delta_next,
        lambda Y, delta_next: delta_next - Y,
        lambda Y, delta_next: delta_next * (Y > 0),
        lambda Y, delta_next: delta_next * (1 - Y**2),
        lambda Y, delta_next: delta_next / Y,
        lambda Y, delta_next: _behind_softmax(Y, -delta_next / Y),
        lambda Y, delta_next: softmax(delta_next),
    ):
        yield _of(("wrong-function",), _DERIVATIVE, of)
    for of in _of_two():
        yield _of(("wrong-function",), _JACOBIAN, of)
    yield _of(("arguments-swapped",), _JACOBIAN, lambda Y, delta_next: delta_next * (Y - sums(Y * delta_next)))


def _softmax_forward() -> Iterator[Instead]:
    hint = "Which definition turns logits into probabilities that sum to 1?"
    for of in (
        lambda X: 1 / (1 + np.exp(-X)),
        lambda X: 0.5 * (1 + np.tanh(X / 2)),
        lambda X: X - X.max(axis=1, keepdims=True) - np.log(sums(np.exp(X - X.max(axis=1, keepdims=True)))),
        lambda X: np.log(softmax(X)),
        lambda X: X - np.log(sums(np.exp(X))),
        lambda X: softmax(softmax(X)),
        np.tanh,
        lambda X: np.maximum(X, 0),
    ):
        yield _of(("wrong-function",), hint, of)
    shift = "What is taken off the logits in the numerator, and in the sum?"
    yield _of(("shift-not-undone",), shift, lambda X: _shifted_above(X, np.zeros(())))
    yield _of(("shift-not-undone",), shift, lambda X: _shifted_below(X, np.zeros(())))
    by = "Is the largest logit taken off, or divided by?"
    for size in (
        lambda X: X.max(axis=1, keepdims=True),
        lambda X: np.abs(X).max(axis=1, keepdims=True),
        sums,
        lambda X: sums(np.abs(X)),
        lambda X: X.max(),
        lambda X: np.abs(X).max(),
    ):
        for part in (
            lambda X, size=size: X / size(X),
            lambda X, size=size: X / np.where(size(X) > 0, size(X), 1),
        ):
            yield _of(("scaled",), by, lambda X, part=part: softmax(part(X)))


def _linear_delta() -> Iterator[Instead]:
    def given(formula: Any) -> Any:
        return lambda delta_next, W, b=0, **_: formula(delta_next, W, b)

    yield _of(("extra-term",), _TERM, given(lambda d, W, b: (d + b) @ W.T))
    yield _of(("wrong-function",), _DERIVATIVE, given(lambda d, W, b: (d * b) @ W.T))
    yield _of(("extra-term",), _TERM, given(lambda d, W, b: d @ W.T + W.sum(axis=1)))
    yield _of(("extra-term",), _TERM, given(lambda d, W, b: d @ W.T + W @ b))
    for part in (slice(None, -1), slice(1, None), slice(None, None, 2)):
        formula = given(lambda d, W, b, part=part: d[:, part] @ W[:, part].T)
        yield _of(("term-missing",), _ALL, formula)


def _linear_forward() -> Iterator[Instead]:
    for part in (slice(None, -1), slice(1, None), slice(None, None, 2)):
        yield _of(("term-missing",), _ALL, lambda X, W, b, part=part: X[:, part] @ W[part] + b)
    hint = "Which bias belongs to which unit?"
    for of in (np.mean, np.sum, np.max, lambda b: b[0], lambda b: b[-1]):
        yield _of(("wrong-axis",), hint, lambda X, W, b, of=of: X @ W + of(b))
    yield _of(("wrong-axis",), hint, lambda X, W, b: X @ W + b[::-1])
    yield _of(("extra-term",), _TERM, lambda X, W, b: X @ W + b + X.mean())
    yield _of(("extra-term",), _TERM, lambda X, W, b: X @ W + b + 1)


_BY_SUBJECT = {
    "LossCrossEntropy.forward": _loss_forward,
    "LossCrossEntropy.delta": _loss_delta,
    f"{_LOSS}.forward": _logits_forward,
    f"{_LOSS}.delta": _logits_delta,
    "SoftmaxLayer.delta": _softmax_delta,
    "SoftmaxLayer.forward": _softmax_forward,
    "LinearLayer.delta": _linear_delta,
    "LinearLayer.forward": _linear_forward,
}


def others(subject: str) -> Sequence[Instead]:
    """Every other formula that is taken in place of a method's, with its words and a hint."""
    make = _BY_SUBJECT.get(subject)
    return [] if make is None else list(make())
