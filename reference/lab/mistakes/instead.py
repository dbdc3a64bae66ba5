"""What students take in place of a formula: another activation, another mask, the formula of another layer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np

from reference.lab.mistakes.departures import Array, Departure, Family, Formula, Given, sigmoid
from reference.lab.mistakes.other_functions import others
from reference.lab.mistakes.plain import softmax

_LOSS = "LossCrossEntropyForSoftmaxLogits"
_NEGATIVE = "What does the definition say of negative inputs, exactly?"
_FUNCTION = "Which function does the definition name, and which one is computed here?"
_OFF = "From which output on does it change with the input?"
_WHOSE = "Whose outputs tell whether a unit was on?"
_PROBABILITIES = "Are these probabilities, and are the logits turned into them once?"
_FACTORS = "Which factors has the derivative, and which are another layer's?"
_SIGN = "Follow the minus signs through the derivation."
_SAMPLES = "Each sample has a say: which of them has it here?"
_AXIS = "Along which axis does each sum run?"


def _softplus(X: Array) -> Array:
    return np.asarray(np.logaddexp(0, X))


def _gelu(X: Array) -> Array:
    return np.asarray(0.5 * X * (1 + np.tanh(np.sqrt(2 / np.pi) * (X + 0.044715 * X**3))))


def _elu(X: Array, scale: float = 1.0, alpha: float = 1.0) -> Array:
    return np.asarray(scale * np.where(X > 0, X, alpha * np.expm1(np.minimum(X, 0))))


#: In place of max(x, 0).
_ACTIVATIONS: tuple[tuple[str, str, Callable[[Array], Any]], ...] = (
    *(
        ("leaky", _NEGATIVE, of)
        for of in (
            _elu,
            lambda X: _elu(X, 1.0507009873554805, 1.6732632423543772),
            lambda X: _elu(X, 1.0507, 1.67326),
        )
    ),
    *(
        ("wrong-function", _FUNCTION, of)
        for of in (
            *(_softplus, _gelu, sigmoid, np.tanh, np.arctan, np.arcsinh, np.exp, np.square),
            *(lambda X: 1 / (1 + np.exp(-X)), lambda X: np.log1p(np.maximum(X, 0))),
            lambda X: X * sigmoid(X),
            lambda X: X / (1 + np.exp(-X)),
            lambda X: X * sigmoid(1.702 * X),
            lambda X: X * np.tanh(_softplus(X)),
            lambda X: X * np.clip(X + 3, 0, 6) / 6,
            lambda X: np.clip(X / 6 + 0.5, 0, 1),
            lambda X: np.clip(X / 5 + 0.5, 0, 1),
            lambda X: X / (1 + np.abs(X)),
            lambda X: np.log1p(np.exp(X)),
            lambda X: np.log(1 + np.exp(X)),
        )
    ),
    ("wrong-function", _FUNCTION, lambda X: np.clip(X, -1, 1)),
    ("sign", _SIGN, np.abs),
    ("sign", _SIGN, lambda X: np.minimum(X, 0)),
    ("sign", _SIGN, lambda X: np.maximum(-X, 0)),
    ("sign", _SIGN, lambda X: -np.maximum(X, 0)),
    ("mask-missing", "What becomes of negative inputs?", lambda X: X.copy()),
    ("wrong-function", "What passes where the unit is on: its input, or a 1?", lambda X: (X > 0) * 1.0),
    ("wrong-function", "What passes where the unit is on, and in which power?", lambda X: np.maximum(X, 0) ** 2),
    ("wrong-function", "What passes where the unit is on, and in which power?", lambda X: np.sqrt(np.maximum(X, 0))),
    *(
        ("mask-wrong-threshold", "With which number is an input compared?", of)
        for of in (
            lambda X: np.maximum(X, X.mean()),
            lambda X: np.maximum(X, X.mean(axis=1, keepdims=True)),
            lambda X: np.maximum(X, X.mean(axis=0)),
            lambda X: np.where(X.mean() < X, X, 0),
            lambda X: np.where(X.mean(axis=1, keepdims=True) < X, X, 0),
            lambda X: np.where(X.mean(axis=0) < X, X, 0),
            lambda X: np.where(np.abs(X) > 1, X, 0),
        )
    ),
    *(
        ("wrong-axis", "Is each unit on by its own input, or by that of all?", of)
        for of in (
            lambda X: np.where(X.sum(axis=1, keepdims=True) > 0, X, 0),
            lambda X: np.where(X.sum(axis=0) > 0, X, 0),
            lambda X: np.where(X.sum() > 0, X, 0),
            lambda X: np.where(X[:, :1] > 0, X, 0),
            lambda X: np.where(X[:, -1:] > 0, X, 0),
        )
    ),
    ("wrong-axis", _AXIS, lambda X: X * (X > 0).any(axis=1, keepdims=True)),
    ("wrong-axis", _AXIS, lambda X: X * (X > 0).all(axis=1, keepdims=True)),
    ("wrong-axis", _AXIS, lambda X: X * (X > 0).any(axis=0)),
    ("wrong-axis", _AXIS, lambda X: X * (X > 0).all(axis=0)),
    ("sample-dependence", _SAMPLES, lambda X: X * (X[:1] > 0)),
    ("sample-dependence", _SAMPLES, lambda X: X * (X[-1:] > 0)),
)

#: In place of the mask y > 0; each is a factor of delta_next, computed from y and delta_next.
_MASKS: tuple[tuple[str, str, Callable[[Array, Array], Any]], ...] = (
    ("mask-missing", _OFF, lambda Y, d: np.ones_like(Y)),
    ("mask-from-delta", _WHOSE, lambda Y, d: d > 0),
    ("mask-from-delta", _WHOSE, lambda Y, d: d >= 0),
    ("mask-from-delta", _WHOSE, lambda Y, d: (d > 0) & (Y > 0)),
    ("mask-from-delta", _WHOSE, lambda Y, d: d < Y),
    ("mask-from-delta", _WHOSE, lambda Y, d: Y * d > 0),
    ("wrong-function", _FACTORS, lambda Y, d: Y),
    ("wrong-function", _FACTORS, lambda Y, d: np.sign(Y) * Y * Y),
    ("wrong-function", _FACTORS, lambda Y, d: Y * (1 - Y)),
    ("wrong-function", _FACTORS, lambda Y, d: 1 - Y * Y),
    ("wrong-function", _FACTORS, lambda Y, d: 1 - Y),
    ("wrong-function", _FACTORS, lambda Y, d: sigmoid(Y)),
    ("wrong-function", _FACTORS, lambda Y, d: 1 - np.exp(-Y)),
    ("wrong-function", _FACTORS, lambda Y, d: np.tanh(Y)),
    ("wrong-function", _FACTORS, lambda Y, d: sigmoid(Y) * (1 - sigmoid(Y))),
    ("wrong-function", _FACTORS, lambda Y, d: sigmoid(Y) * (1 + Y * (1 - sigmoid(Y)))),
    ("sign", _SIGN, lambda Y, d: np.where(Y > 0, 1, -1)),
    ("sign", _SIGN, lambda Y, d: -1.0 * (Y > 0)),
    ("mask-inverted", "Where does the gradient pass: where the unit was on, or where it was off?", lambda Y, d: Y <= 0),
    ("mask-wrong-threshold", _OFF, lambda Y, d: Y.mean() < Y),
    ("mask-wrong-threshold", _OFF, lambda Y, d: Y.mean(axis=1, keepdims=True) < Y),
    ("mask-wrong-threshold", _OFF, lambda Y, d: Y.mean(axis=0) < Y),
    ("mask-wrong-threshold", _OFF, lambda Y, d: np.where(Y > 0, 1, np.where(Y == 0, 0.5, 0))),
    ("wrong-axis", _AXIS, lambda Y, d: Y.sum(axis=1, keepdims=True) > 0),
    ("wrong-axis", _AXIS, lambda Y, d: Y.sum(axis=0) > 0),
    ("wrong-axis", _AXIS, lambda Y, d: (Y > 0).any(axis=1, keepdims=True)),
    ("wrong-axis", _AXIS, lambda Y, d: (Y > 0).all(axis=1, keepdims=True)),
    ("wrong-axis", _AXIS, lambda Y, d: (Y > 0).any(axis=0)),
    ("wrong-axis", _AXIS, lambda Y, d: (Y > 0).all(axis=0)),
    ("wrong-axis", _AXIS, lambda Y, d: (Y > 0).mean(axis=1, keepdims=True)),
    ("wrong-axis", _AXIS, lambda Y, d: (Y > 0).mean(axis=0)),
    ("sample-dependence", _SAMPLES, lambda Y, d: Y[:1] > 0),
    ("sample-dependence", _SAMPLES, lambda Y, d: Y[-1:] > 0),
    ("log-of-zero", "What is divided by what where the output is 0?", lambda Y, d: Y / Y),
)

_E = "Which step of the definition turns logits into probabilities?"
#: In place of the probabilities of logits.
_PROBABLE: tuple[tuple[str, str, Callable[[Array], Any]], ...] = (
    ("softmax-missing", _E, lambda X: X),
    ("softmax-missing", _E, np.exp),
    ("softmax-missing", _E, np.abs),
    ("softmax-missing", _E, lambda X: np.abs(X) / np.abs(X).sum(axis=1, keepdims=True)),
    ("softmax-missing", _E, lambda X: X / X.sum(axis=1, keepdims=True)),
    ("softmax-missing", _E, lambda X: X / np.abs(X).sum(axis=1, keepdims=True)),
    ("softmax-missing", _E, lambda X: X**2 / (X**2).sum(axis=1, keepdims=True)),
    ("softmax-missing", _E, lambda X: X / np.sqrt((X**2).sum(axis=1, keepdims=True))),
    ("softmax-missing", _E, lambda X: X / X.max(axis=1, keepdims=True)),
    ("softmax-missing", _E, lambda X: X / np.abs(X).max(axis=1, keepdims=True)),
    ("softmax-missing", _E, lambda X: _rows_to_one(X - X.min(axis=1, keepdims=True))),
    ("softmax-missing", _E, lambda X: _rows_to_one(np.maximum(X, 0))),
    ("softmax-missing", _E, lambda X: _rows_to_one(_softplus(X))),
    ("softmax-missing", _E, lambda X: np.eye(X.shape[1])[X.argmax(axis=1)]),
    ("softmax-missing", _E, lambda X: (X.max(axis=1, keepdims=True) == X) * 1.0),
    ("binary-cross-entropy", "Do the classes compete, or is each judged for itself?", sigmoid),
    (
        "binary-cross-entropy",
        "Do the classes compete, or is each judged for itself?",
        lambda X: _rows_to_one(sigmoid(X)),
    ),
    ("output-layers-in-gradient", _PROBABILITIES, lambda X: softmax(softmax(X))),
    ("sign", _SIGN, lambda X: softmax(-X)),
    ("sign", _SIGN, lambda X: 1 - softmax(X)),
    ("scaled", "Which number is raised to the power of the logits?", lambda X: _raised(2.0, X)),
    ("scaled", "Which number is raised to the power of the logits?", lambda X: _raised(10.0, X)),
    ("scaled", "By what are the logits divided?", lambda X: softmax(X / X.shape[1])),
    ("scaled", "By what are the logits divided?", lambda X: softmax(X / np.sqrt(X.shape[1]))),
    ("scaled", "By what are the logits divided?", lambda X: softmax(X / len(X))),
    ("scaled", "By what are the logits divided?", lambda X: softmax(X / X.max(axis=1, keepdims=True))),
    ("scaled", "By what are the logits divided?", lambda X: softmax(X / np.sqrt((X**2).sum(axis=1, keepdims=True)))),
    ("scaled", "By what are the logits divided?", lambda X: softmax(X / X.std(axis=1, keepdims=True))),
    ("wrong-axis", _AXIS, lambda X: softmax(X.T).T),
    ("wrong-axis", _AXIS, lambda X: softmax(X)[:, ::-1]),
    ("wrong-axis", _AXIS, lambda X: np.sort(softmax(X), axis=1)),
    ("wrong-axis", _AXIS, lambda X: np.cumsum(softmax(X), axis=1)),
    ("sample-dependence", _SAMPLES, lambda X: softmax(X.reshape(1, -1)).reshape(X.shape)),
    ("sample-dependence", _SAMPLES, lambda X: softmax(X - X.mean(axis=0))),
)


#: Words that fit losses alone.
_OF_LOSSES = frozenset({"binary-cross-entropy", "output-layers-in-gradient"})


def _rows_to_one(A: Array) -> Array:
    return np.asarray(A / A.sum(axis=1, keepdims=True))


def _raised(base: float, X: Array) -> Array:
    return _rows_to_one(base ** (X - X.max(axis=1, keepdims=True)))


def _losses_of(of: Callable[[Array], Array]) -> Formula:
    def formula(given: Given) -> tuple[Array]:
        T = given["T"]
        return (-np.where(T != 0, T * np.log(np.where(T != 0, of(given["X"]), 1)), 0).sum(axis=1, keepdims=True),)

    return formula


#: In place of dW: from X and delta_next.
_WEIGHTS: tuple[tuple[str, str, Callable[[Array, Array], Any]], ...] = (
    ("", "", lambda X, d: X.T @ d / len(X)),
    ("not-averaged", "The loss is a mean over the batch: what follows for dW?", lambda X, d: X.T @ d),
    ("averaged-twice", "How often is the sum divided by the number of samples?", lambda X, d: X.T @ d / len(X) ** 2),
    ("sign", _SIGN, lambda X, d: -X.T @ d / len(X)),
    (
        "wrong-function",
        "Is the mean of products the product of the means?",
        lambda X, d: np.outer(X.mean(axis=0), d.mean(axis=0)),
    ),
    ("term-missing", _SAMPLES, lambda X, d: np.outer(X[0], d[0])),
    ("term-missing", _SAMPLES, lambda X, d: np.outer(X[0], d[0]) / len(X)),
    ("term-missing", _SAMPLES, lambda X, d: np.outer(X[-1], d[-1]) / len(X)),
    *(
        ("term-missing", _SAMPLES, lambda X, d, part=part: X[part].T @ d[part] / len(X))
        for part in (slice(1, None), slice(None, -1), slice(None, None, 2))
    ),
    ("term-missing", _SAMPLES, lambda X, d: np.outer(X[-1], d[-1])),
    ("factor-missing", _FACTORS, lambda X, d: np.tile(d.mean(axis=0), (X.shape[1], 1))),
    ("factor-missing", _FACTORS, lambda X, d: np.tile(X.mean(axis=0)[:, None], (1, d.shape[1]))),
    ("term-missing", _FACTORS, lambda X, d: np.zeros((X.shape[1], d.shape[1]))),
    ("sign", "Which sign has each input in the sum?", lambda X, d: np.abs(X).T @ d / len(X)),
    ("sign", "Which sign has each delta in the sum?", lambda X, d: X.T @ np.abs(d) / len(X)),
    ("sign", "Which sign has each factor in the sum?", lambda X, d: np.abs(X).T @ np.abs(d) / len(X)),
    ("sign", "Which sign has each entry of the gradient?", lambda X, d: np.abs(X.T @ d) / len(X)),
    ("wrong-function", _FACTORS, lambda X, d: np.sign(X.T @ d)),
    ("wrong-function", _FACTORS, lambda X, d: (X**2).T @ d / len(X)),
)
#: In place of db: from delta_next.
_BIASES: tuple[tuple[str, str, Callable[[Array], Any]], ...] = (
    ("", "", lambda d: d.mean(axis=0)),
    ("not-averaged", "The loss is a mean over the batch: what follows for db?", lambda d: d.sum(axis=0)),
    ("averaged-twice", "How often is the sum divided by the number of samples?", lambda d: d.mean(axis=0) / len(d)),
    ("sign", _SIGN, lambda d: -d.mean(axis=0)),
    ("bias-gradient-missing", "By how much does an output change when its bias grows by one?", np.zeros_like),
    ("bias-gradient-missing", "By how much does an output change when its bias grows by one?", np.ones_like),
    ("term-missing", _SAMPLES, lambda d: d[0]),
    ("term-missing", _SAMPLES, lambda d: d[0] / len(d)),
    ("term-missing", _SAMPLES, lambda d: d[-1] / len(d)),
    *(
        ("term-missing", _SAMPLES, lambda d, part=part: d[part].sum(axis=0) / len(d))
        for part in (slice(1, None), slice(None, -1), slice(None, None, 2))
    ),
    ("term-missing", _SAMPLES, lambda d: d[-1]),
    ("wrong-axis", _AXIS, lambda d: np.full(d.shape[1], d.mean())),
    ("wrong-axis", _AXIS, lambda d: np.full(d.shape[1], d.sum())),
    ("wrong-axis", _AXIS, lambda d: np.full(d.shape[1], d.sum() / len(d))),
    ("wrong-axis", _AXIS, lambda d: d.max(axis=0)),
    ("wrong-axis", _AXIS, lambda d: np.median(d, axis=0)),
)


def _gradients() -> Iterator[tuple[Sequence[str], str, Formula]]:
    for (word, hint, dW), (other, its, db) in product(_WEIGHTS, _BIASES):
        words = tuple(dict.fromkeys(each for each in (word, other) if each))
        if words:
            yield words, hint or its, _grad(dW, db)


def _grad(dW: Callable[[Array, Array], Array], db: Callable[[Array], Array]) -> Formula:
    def formula(given: Given) -> tuple[Array, Array]:
        d = given["delta_next"]
        b = db(d)
        return dW(given["X"], d), b[0] if b.ndim > 1 else b

    return formula


def _either_or(key: str, *others: str) -> Iterator[tuple[Sequence[str], str, Formula]]:
    """One thing where the unit is on, and another where it is off; what other kinds of mistakes say is left out."""
    hint = "What is due where the unit is on, and what where it is off?"
    names = (key, *others)
    parts = [(name, sign) for name in ("", *names) for sign in (1.0, -1.0)]
    for on, off in product([*parts, ("", 0.0)], repeat=2):

        def formula(given: Given, on: tuple[str, float] = on, off: tuple[str, float] = off) -> tuple[Array]:
            either, other = (sign * (given[name] if name else 1.0) for name, sign in (on, off))
            return (np.where(given[key] > 0, either, other) * np.ones_like(given[key]),)

        yield ("wrong-function",), hint, formula


def _instead(subject: str) -> Iterator[tuple[Sequence[str], str, Formula]]:
    """Words, a hint, and the formula that is taken instead."""
    if subject == "ReLULayer.forward":
        for word, hint, of in _ACTIVATIONS:
            yield (word,), hint, lambda given, of=of: (of(given["X"]),)  # type: ignore[misc]
        yield from _either_or("X")
    elif subject == "ReLULayer.delta":
        for word, hint, mask in _MASKS:
            formula = lambda given, mask=mask: (given["delta_next"] * mask(given["Y"], given["delta_next"]),)  # noqa: E731
            yield (word,), hint, formula
            if word == "mask-from-delta":
                continue
            alone = lambda given, mask=mask: (1.0 * mask(given["Y"], given["delta_next"]),)  # noqa: E731
            yield ("delta-next-ignored",), "Where does the gradient of the next layer enter?", alone
        yield from _either_or("Y", "delta_next")
        on = lambda given: (1.0 * (given["Y"] > 0),)  # noqa: E731
        yield ("delta-next-ignored",), "Where does the gradient of the next layer enter?", on
    elif subject == "LinearLayer.grad":
        yield from _gradients()
    elif subject in {"SoftmaxLayer.forward", f"{_LOSS}.forward", f"{_LOSS}.delta"}:
        yield from _of_probabilities(subject)


def _is_identity(of: Callable[[Array], Array]) -> bool:
    logits = np.array([[0.5, -2.0, 3.0]])
    return bool((of(logits) == logits).all())


def _of_probabilities(subject: str) -> Iterator[tuple[Sequence[str], str, Formula]]:
    for word, hint, of in _PROBABLE:
        if subject == f"{_LOSS}.forward":
            yield (word,), hint, _losses_of(of)
        elif subject == f"{_LOSS}.delta":
            yield (word,), hint, lambda given, of=of: (of(given["X"]) - given["T"],)  # type: ignore[misc]
        elif word not in _OF_LOSSES:
            # Other shares of a sum, and 1 for the largest logit, are no logits.
            said = "wrong-function" if word == "softmax-missing" and not _is_identity(of) else word
            yield (said,), hint, lambda given, of=of: (of(given["X"]),)  # type: ignore[misc]


def instead(subject: str) -> Iterator[Departure]:
    """Every other formula that is taken in place of a method's."""
    for words, hint, formula in (*_instead(subject), *others(subject)):
        yield Departure(words[0], hint, lambda _, formula=formula: formula, {}, tuple(words[1:]), specific=True)  # type: ignore[misc]


def _swish(c: float, given: Given) -> tuple[Array]:
    return (given["X"] * sigmoid(c * given["X"]),)


def _family(name: str, word: str, hint: str, of: Callable[[float, Given], tuple[Array]], **how: object) -> Family:
    def make(c: float) -> Departure:
        return Departure(word, hint, lambda _: lambda given: of(c, given), {name: repr(c)}, specific=True)

    return Family(name, make, 1e-6, 1e6, **how)  # type: ignore[arg-type]


#: With a constant.
FORMULAS: Mapping[str, Sequence[Family]] = {
    "ReLULayer.forward": (_family("steepness", "wrong-function", _FUNCTION, _swish),),
}
