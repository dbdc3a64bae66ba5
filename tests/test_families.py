"""What is said of codings of which only the family is known: a fault in any stage, another formula, a kept answer."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from reference.lab.composition import composed
from reference.lab.contract import MESSAGES
from reference.lab.estimation import grid, roots
from reference.lab.mistakes import plain
from reference.lab.observations import Observation
from reports.study.bench import false_alarms
from tests.comparing import needs_flint
from tests.examining import concerned, examined, with_methods

pytestmark = [needs_flint, pytest.mark.catalogue]

_LOSS = "LossCrossEntropyForSoftmaxLogits"


def _rows(A: Any) -> Any:
    return A.sum(axis=1, keepdims=True)


def _shifted(X: Any) -> Any:
    return X - X.max(axis=1, keepdims=True)


def _exp(X: Any) -> Any:
    return np.exp(_shifted(X))


def _softmax(X: Any) -> Any:
    return _exp(X) / _rows(_exp(X))


def _surprise(P: Any, T: Any) -> Any:
    return -np.log(P[T == 1])[:, None]


def _sigmoid(X: Any) -> Any:
    return 0.5 * (1 + np.tanh(X / 2))


def _single(A: Any) -> Any:
    return A.astype(np.float32).astype(np.float64)


def _short(A: Any, most: float, axis: int | None = -1) -> Any:
    length = np.sqrt((A**2).sum(axis=axis, keepdims=True))
    return A * np.minimum(1, most / np.where(length == 0, most, length))


def _gradient(change: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    def gradient(self: Any, X: Any, T: Any) -> Any:
        return change(plain.MLP.gradient(self, X, T), X)

    return gradient


def _all_short(found: Any, X: Any) -> Any:
    length = np.sqrt(sum(float((part**2).sum()) for parts in found.values() for part in parts))
    return {name: [part * min(1, 0.25 / length) for part in parts] for name, parts in found.items()}


def _in_single(self: Any, X: Any, output_layers: Any = True, last_layer: Any = None) -> Any:
    for layer in [*self.layers, *self.output_layers] if output_layers else self.layers:
        X = _single(layer.forward(X))
        if layer.name == last_layer:
            break
    return X


def _square_layers_passed(self: Any, X: Any, T: Any) -> Any:
    passed = self.activations(X)
    delta, found = self.loss.delta(passed[-1], T), {}
    for number in reversed(range(len(self.layers))):
        layer = self.layers[number]
        if layer.has_params():
            found[layer.name] = layer.grad(passed[number], delta)
        if not layer.has_params() or passed[number].shape != delta.shape:
            delta = layer.delta(passed[number + 1], delta)
    return found


def _without_small_ones(self: Any, Y: Any, delta_next: Any) -> Any:
    P = np.where(Y < 1e-3, 0, Y)
    return P * (delta_next - _rows(delta_next * P))


def _by_quotients(self: Any, Y: Any, delta_next: Any) -> Any:
    found, h = np.empty((len(delta_next), len(self.W))), 1e-6
    for number, step in enumerate(h * np.eye(len(self.W))):
        found[:, number] = delta_next @ (((step @ self.W + self.b) - self.b) / h)
    return found


def _in_threes(self: Any, X: Any, T: Any) -> Any:
    every = [plain.MLP.gradient(self, X[n : n + 3], T[n : n + 3]) for n in range(0, len(X), 3)]
    return {name: [sum(g) / len(every) for g in zip(*(each[name] for each in every), strict=True)] for name in every[0]}


def _backwards(change: Callable[[Any], Any]) -> Callable[..., Any]:
    """The gradient whose first delta, that of the loss, is changed."""

    def gradient(self: Any, X: Any, T: Any) -> Any:
        passed = self.activations(X)
        delta, found = change(self.loss.delta(passed[-1], T)), {}
        for number in reversed(range(len(self.layers))):
            layer = self.layers[number]
            if layer.has_params():
                found[layer.name] = layer.grad(passed[number], delta)
            delta = layer.delta(passed[number + 1], delta)
        return found

    return gradient


def _but_for(row: int, A: Any) -> Any:
    """A column of ones with a zero in one row."""
    return np.where(np.arange(len(A)) == row % len(A), 0.0, 1.0)[:, None]


def _lost(self: Any, dtheta: Any) -> None:
    W, b = self.W + dtheta[0], self.b + dtheta[1]
    del W, b


def _mirrored(self: Any, X: Any, T: Any) -> Any:
    passed = self.activations(X)
    delta, found = self.loss.delta(passed[-1], T), {}
    for layer, inputs, outputs in zip(self.layers[::-1], passed, passed[:0:-1], strict=False):
        if layer.has_params():
            found[layer.name] = layer.grad(inputs, delta)
        delta = layer.delta(outputs, delta)
    return found


def _bias_subtracted(self: Any, dtheta: Any) -> None:
    self.W += dtheta[0]
    self.b -= dtheta[1]


def _thrice_and_thrice_less(self: Any, dtheta: Any) -> None:
    self.W += 3 * dtheta[0]
    self.b -= 3 * dtheta[1]


#: The subject, a wrong coding, and all its words.
CODED: dict[str, tuple[str, Callable[..., Any], set[str]]] = {
    "rows made shorter": ("LinearLayer.delta", lambda self, Y, delta_next: _short(delta_next @ self.W.T, 1.5),
                          {"clipped"}),
    "a delta made shorter": (
        "SoftmaxLayer.delta",
        lambda self, Y, delta_next: _short(Y * (delta_next - _rows(Y * delta_next)), 0.5, None), {"clipped"},
    ),
    "limited shifted logits": ("SoftmaxLayer.forward",
                               lambda self, X: np.exp(np.maximum(_shifted(X), -7))
                               / _rows(np.exp(np.maximum(_shifted(X), -7))), {"clipped"}),
    "a root of squares": ("LossCrossEntropy.delta", lambda self, X, T: -T / np.hypot(X, 3e-7), {"epsilon-added"}),
    "a squared denominator": ("LossCrossEntropy.delta", lambda self, X, T: -T / X**2, {"wrong-function"}),
    "a length in place of the sum": ("SoftmaxLayer.forward",
                                     lambda self, X: _exp(X) / np.sqrt(_rows(_exp(X) ** 2)), {"wrong-function"}),
    "no exponentials": (f"{_LOSS}.delta", lambda self, X, T: X / _rows(np.abs(X)) - T, {"softmax-missing"}),
    "sigmoids": (f"{_LOSS}.delta", lambda self, X, T: _sigmoid(X) - T, {"binary-cross-entropy"}),
    "softmax once more": (f"{_LOSS}.forward", lambda self, X, T: _surprise(_softmax(_softmax(X)), T),
                          {"output-layers-in-gradient"}),
    "a temperature of K": ("SoftmaxLayer.forward", lambda self, X: _softmax(X / X.shape[1]), {"scaled"}),
    "a sum in single precision": (
        "SoftmaxLayer.forward", lambda self, X: _exp(X) / _single(_rows(_exp(X))), {"low-precision"}),
    "swish": ("ReLULayer.forward", lambda self, X: X * _sigmoid(1.5 * X), {"wrong-function"}),
    "softplus": ("ReLULayer.forward", lambda self, X: np.logaddexp(0, X), {"wrong-function"}),
    "a logistic function": ("ReLULayer.forward", lambda self, X: 1 / (1 + np.exp(-X)), {"wrong-function"}),
    "squared errors": ("LossCrossEntropy.forward", lambda self, X, T: 0.5 * _rows((X - T) ** 2), {"wrong-function"}),
    "exchanged distributions": ("LossCrossEntropy.forward", lambda self, X, T: -_rows(X * np.log(T + 1e-9)),
                                {"arguments-swapped", "epsilon-added"}),
    "a decay of the weights": (
        "LinearLayer.grad",
        lambda self, X, delta_next: [X.T @ delta_next / len(X) + 0.01 * self.W, delta_next.mean(axis=0)],
        {"extra-term"}),
    "biases in delta": ("LinearLayer.delta", lambda self, Y, delta_next: (delta_next + self.b) @ self.W.T,
                        {"extra-term"}),
    "sizes of the inputs": (
        "LinearLayer.grad",
        lambda self, X, delta_next: [np.abs(X).T @ delta_next / len(X), delta_next.mean(axis=0)], {"sign"}),
    "the last sample overwrites": (
        "LinearLayer.grad",
        lambda self, X, delta_next: [np.outer(X[-1], delta_next[-1]) / len(X), delta_next[-1] / len(X)],
        {"term-missing"}),
    "a unit too few": ("LinearLayer.delta", lambda self, Y, delta_next: delta_next[:, :-1] @ self.W[:, :-1].T,
                       {"term-missing"}),
    "the two largest alone": (
        f"{_LOSS}.forward",
        lambda self, X, T: np.log(np.sort(_exp(X), axis=1)[:, -2:].sum(axis=1, keepdims=True)) - _rows(T * _shifted(X)),
        {"term-missing"}),
    "no diagonal": ("SoftmaxLayer.delta",
                    lambda self, Y, delta_next: Y * (Y * delta_next - _rows(Y * delta_next)), {"term-missing"}),
    "a triangle": ("SoftmaxLayer.delta", lambda self, Y, delta_next: Y * (delta_next - np.cumsum(Y * delta_next, 1)),
                   {"term-missing"}),
    "no logarithm": (f"{_LOSS}.forward", lambda self, X, T: _rows(_exp(X) - T * _shifted(X)), {"wrong-function"}),
    "another sign beside the diagonal": (
        "SoftmaxLayer.delta",
        lambda self, Y, delta_next: Y * ((1 - 2 * Y) * delta_next + _rows(Y * delta_next)), {"sign"}),
    "the derivative of another pair": ("SoftmaxLayer.delta", lambda self, Y, delta_next: Y - delta_next,
                                       {"wrong-function"}),
    "the layer's own Jacobian alone": ("SoftmaxLayer.delta", lambda self, Y, delta_next: Y * (1 - _rows(Y)),
                                       {"delta-next-ignored"}),
    "a term too many for the bias": (
        "LinearLayer.grad",
        lambda self, X, delta_next: [X.T @ delta_next / len(X) + 0.1 * np.sign(self.W),
                                     delta_next.mean(axis=0) + 0.1 * self.b],
        {"extra-term"}),
    "a penalty in the loss": (
        "LossCrossEntropy.forward", lambda self, X, T: _surprise(X, T) + 0.01 * _rows(X**2), {"extra-term"}),
    "an activation in a linear layer": ("LinearLayer.forward", lambda self, X: np.tanh(X @ self.W + self.b),
                                        {"wrong-function"}),
    "one factor too many": (
        "SoftmaxLayer.delta",
        lambda self, Y, delta_next: Y * (delta_next - _rows(Y * delta_next)) * (1 - Y), {"wrong-function"}),
    "exchanged outputs and gradients": ("ReLULayer.delta", lambda self, Y, delta_next: Y * (delta_next > 0),
                                        {"arguments-swapped"}),
    "a sum in place of a product": ("ReLULayer.delta", lambda self, Y, delta_next: (Y > 0) + delta_next,
                                    {"wrong-function"}),
    "the predicted class for the target": (
        f"{_LOSS}.delta", lambda self, X, T: _softmax(X) - np.eye(X.shape[1])[X.argmax(axis=1)], {"wrong-argument"}),
    "a class that is not computed": (
        "SoftmaxLayer.forward", lambda self, X: _softmax(X) * (np.arange(X.shape[1]) < X.shape[1] - 1),
        {"wrong-function"}),
    "a class too few in the sum": (
        f"{_LOSS}.forward", lambda self, X, T: np.log(_rows(_exp(X)[:, 1:])) - _rows(T * _shifted(X)),
        {"term-missing"}),
    "the last sample left out": ("ReLULayer.delta",
                                 lambda self, Y, delta_next: delta_next * (Y > 0) * _but_for(-1, Y),
                                 {"last-sample-wrong"}),
    "the first sample without its product": ("LinearLayer.forward",
                                             lambda self, X: (X @ self.W) * _but_for(0, X) + self.b, {"row-wrong"}),
    "another layer's factor": ("LinearLayer.delta", lambda self, Y, delta_next: (delta_next * (Y > 0)) @ self.W.T,
                               {"wrong-function"}),
    "a sum that is lost": ("LinearLayer.update_params", _lost, {"update-missing"}),
    "inputs in the other order": ("MLP.gradient", _mirrored, {"wrong-layer-input"}),
    "the diagonal over N": ("SoftmaxLayer.delta", lambda self, Y, delta_next: Y * (1 - Y) * delta_next / len(Y),
                            {"jacobian-diagonal-only", "averaged-over-batch"}),
    "small probabilities left out": ("SoftmaxLayer.delta", _without_small_ones, {"clipped"}),
    "a soft mask": ("ReLULayer.delta", lambda self, Y, delta_next: delta_next * Y / (Y + 1e-6), {"epsilon-added"}),
    "a row's sum": ("ReLULayer.forward", lambda self, X: np.where(_rows(X) > 0, X, 0), {"wrong-axis"}),
    "only large gradients": ("ReLULayer.delta",
                             lambda self, Y, delta_next: delta_next * ((Y > 0) & (np.abs(delta_next) > 0.25)),
                             {"mask-from-delta"}),
    "a number for NaN": ("LossCrossEntropy.forward",
                         lambda self, X, T: -_rows(np.nan_to_num(T * np.log(X))), {"nan-hidden"}),
    "quotients of a linear layer": ("LinearLayer.delta", _by_quotients, {"finite-differences"}),
    "the loss of exchanged arguments": (
        "MLP.evaluate", lambda self, X, T: self.loss.forward(T, self.propagate(X, output_layers=False)),
        {"arguments-swapped"}),
    "every second sample": ("MLP.gradient", lambda self, X, T: plain.MLP.gradient(self, X[::2], T[::2]),
                            {"term-missing"}),
    "chunks of three": ("MLP.gradient", _in_threes, {"batch-size-dependent"}),
    "a limit to delta": ("MLP.gradient", _backwards(lambda delta: np.clip(delta, -0.125, 0.125)), {"clipped"}),
    "a mean delta": ("MLP.gradient", _backwards(lambda delta: np.tile(delta.mean(axis=0), (len(delta), 1))),
                     {"averaged-over-batch"}),
    "single precision on the way back": ("MLP.gradient", _backwards(_single), {"low-precision"}),
    "off again above three": ("ReLULayer.delta", lambda self, Y, delta_next: delta_next * ((Y > 0) & (Y < 3)),
                              {"mask-wrong-threshold"}),
    "on in the whole row": ("ReLULayer.delta",
                            lambda self, Y, delta_next: delta_next * (Y > 0).all(axis=1, keepdims=True),
                            {"wrong-axis"}),
    "both signs in the mask": ("ReLULayer.delta",
                               lambda self, Y, delta_next: delta_next * ((Y > 0) & (delta_next > 0)),
                               {"mask-from-delta"}),
    "a sum, and no gradient of the bias": (
        "LinearLayer.grad", lambda self, X, delta_next: [X.T @ delta_next, np.zeros(delta_next.shape[1])],
        {"not-averaged", "bias-gradient-missing"}),
    "divided by one batch's size": (
        "LinearLayer.grad", lambda self, X, delta_next: [X.T @ delta_next / 64, delta_next.sum(axis=0) / 64],
        {"scaled"}),
    "the bias subtracted": ("LinearLayer.update_params", _bias_subtracted, {"update-sign"}),
    "a factor and a sign": ("LinearLayer.update_params", _thrice_and_thrice_less, {"scaled", "update-sign"}),
    "single precision between layers": ("MLP.propagate", _in_single, {"low-precision"}),
    "running means": (
        "MLP.evaluate",
        lambda self, X, T: np.cumsum(plain.MLP.evaluate(self, X, T), axis=0) / np.arange(1, len(X) + 1)[:, None],
        {"averaged-over-batch"}),
    "a minus and a mean": (
        "MLP.gradient", _gradient(lambda found, X: {k: [-g / len(X) for g in v] for k, v in found.items()}),
        {"averaged-twice", "sign"}),
    "parts made shorter": (
        "MLP.gradient", _gradient(lambda found, X: {k: [_short(g, 0.125, None) for g in v] for k, v in found.items()}),
        {"clipped"}),
    "all made shorter": ("MLP.gradient", _gradient(_all_short), {"clipped"}),
    "square layers passed over": ("MLP.gradient", _square_layers_passed, {"layer-skipped"}),
}  # fmt: skip


@pytest.mark.parametrize("name", CODED)
def test_a_member_of_a_family_is_named(name: str) -> None:
    """The first failure has all the words, and no failure has another."""
    subject, method, words = CODED[name]
    cls, _, method_name = subject.partition(".")
    found = examined(with_methods(cls, {method_name: method}), concerned(subject))
    failed = [each for each in found if each.status == "failed"]
    assert set(failed[0].mistakes) == words
    assert {word for each in failed for word in each.mistakes} == words


#: What answers are kept by.
KEYS: dict[str, Callable[[tuple[Any, ...]], Any]] = {
    "the shape": lambda arguments: arguments[0].shape,
    "the dtype": lambda arguments: arguments[0].dtype,
    "the id": lambda arguments: id(arguments[0]),
    "the first row": lambda arguments: arguments[0][0].tobytes(),
    "the last row": lambda arguments: arguments[0][-1].tobytes(),
    "a corner": lambda arguments: float(arguments[0][0, 0]),
    "the first column": lambda arguments: arguments[0][:, 0].tobytes(),
    "the sum": lambda arguments: float(arguments[0].sum().round(9)),
    "one argument": lambda arguments: arguments[-1].tobytes() if len(arguments) > 1 else 0,
}


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("subject", ["SoftmaxLayer.forward", "LossCrossEntropy.delta", "LinearLayer.grad"])
def test_an_answer_that_is_kept_is_found(subject: str, key: str) -> None:
    """Whatever tells one batch from another is not enough."""
    cls, _, name = subject.partition(".")
    message = next(each for each in MESSAGES if each.subject == subject)
    right = getattr(plain.CLASSES[cls], name)

    def method(self: Any, *arguments: Any, **named: Any) -> Any:
        given = (*arguments, *(named[each] for each in message.arguments[len(arguments) :]))
        kept = self.__dict__.setdefault("kept", {})
        told = KEYS[key](given), tuple(array.shape for array in given)
        if told not in kept:
            kept[told] = right(self, *given)
        return [part.copy() for part in kept[told]] if isinstance(kept[told], list) else kept[told].copy()

    found = examined(with_methods(cls, {name: method}), concerned(subject))
    assert {word for each in found for word in each.mistakes} == {"stateful"}


def test_a_shift_that_is_kept_is_found() -> None:
    """It changes nothing where the logits of the next batch are as large."""

    def forward(self: Any, X: Any) -> Any:
        shifts = self.__dict__.setdefault("shifts", {})
        E = np.exp(X - shifts.setdefault(len(X), X.max(axis=1, keepdims=True)))
        return E / _rows(E)

    found = examined(with_methods("SoftmaxLayer", {"forward": forward}), concerned("SoftmaxLayer.forward"))
    assert {word for each in found for word in each.mistakes} == {"stateful"}


def test_a_row_that_underflows_is_no_matter_of_the_batch() -> None:
    """Too much is taken off a row's logits: that is told from the maximum of the whole batch."""

    def forward(self: Any, X: Any) -> Any:
        E = np.exp(X - np.abs(X).max(axis=1, keepdims=True))
        return E / _rows(E)

    found = examined(with_methods("SoftmaxLayer", {"forward": forward}), concerned("SoftmaxLayer.forward"))
    assert {word for each in found for word in each.mistakes} == {"log-of-zero"}


def test_one_number_speaks_for_nothing() -> None:
    """It is clipped and scaled from any other."""
    message = next(each for each in MESSAGES if each.subject == "LinearLayer.forward")
    given = {"X": np.array([[2.0, 3.0]]), "W": np.array([[1.0], [1.5]]), "b": np.array([0.25])}
    case = SimpleNamespace(arguments={"X": given["X"]}, parameters={"W": given["W"], "b": given["b"]}, origin=None)
    answer = (np.array([[4.1]]),)
    observations = [Observation(given, answer, (np.full((1, 1), 1e-15),), case)]  # type: ignore[arg-type]
    assert composed(observations, message) == []


@pytest.mark.parametrize("root", [3e-7, 0.35, 1.0, 42.5, 1e12])
def test_a_constant_is_found_to_the_last_digits(root: float) -> None:
    """On a grid of all sizes, then by interpolation."""
    assert list(roots(lambda c: np.log(c / root), grid(1e-300, 1e300))) == [pytest.approx(root, rel=1e-14)]


def test_alarms_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is failed or in error is one; what is skipped is none."""
    findings = [SimpleNamespace(status=each, check="x.y") for each in ("passed", "failed", "skipped", "error")]
    monkeypatch.setattr(false_alarms.reference, "check", lambda *_, **__: findings)
    found = false_alarms.counted({"ours": plain.CLASSES}, "quick", range(3))
    assert (found.findings, found.skipped, len(found.alarms)) == (12, 3, 6)
    table = false_alarms.summary({"quick": found})
    assert table.rows[0]["false alarms"] == 6
    assert "ours, seed 2: x.y" in (table.note or "")


def test_every_right_coding_of_the_tests_is_among_those_that_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """At least once, beside codings of the other classes."""
    right = dict(false_alarms.right_implementations())
    counted = {id(coding) for classes in right.values() for coding in classes.values()}
    codings = false_alarms._of_the_tests()
    assert {id(coding) for each in codings.values() for coding in each.values()} <= counted
    assert {"bp", "the textbook's"} < set(right)
