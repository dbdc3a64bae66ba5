"""What is said of networks and updates of which only the family is known: a penalty, a limit, a layer passed by."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from reference.lab.mistakes import plain
from tests.comparing import needs_flint
from tests.examining import concerned, examined, with_methods

pytestmark = [needs_flint, pytest.mark.catalogue]


def _decayed(self: Any, X: Any, T: Any) -> Any:
    found = plain.MLP.gradient(self, X, T)
    layers = {each.name: each for each in self.layers}
    return {name: [dW + 0.003 * layers[name].W, db] for name, (dW, db) in found.items()}


def _penalised(self: Any, X: Any, T: Any) -> Any:
    squares = sum((each.W**2).sum() for each in self.layers if each.has_params())
    return plain.MLP.evaluate(self, X, T) + 0.02 * squares


def _blind_to_output_layers(self: Any, X: Any, output_layers: Any = True, last_layer: Any = None) -> Any:
    for layer in self.layers:
        X = layer.forward(X)
        if layer.name == last_layer:
            return X
    for layer in self.output_layers if output_layers else []:
        X = layer.forward(X)
    return X


def _in_another_order(self: Any, X: Any, last_layer: Any = None, output_layers: Any = True) -> Any:
    return plain.MLP.propagate(self, X, output_layers=output_layers, last_layer=last_layer)


def _exchanged(self: Any, X: Any, T: Any) -> Any:
    passed = self.activations(X)
    delta, found = self.loss.delta(passed[-1], T), {}
    for number in range(len(self.layers) - 1, -1, -1):
        layer = self.layers[number]
        if layer.has_params():
            found[layer.name] = layer.grad(passed[number], delta)
        delta = layer.delta(delta, passed[number + 1])
    return found


def _used_up(self: Any, X: Any, T: Any) -> Any:
    found = plain.MLP.gradient(self, X, T)
    self.layers = []
    return found


def _by_chance(self: Any, X: Any, T: Any) -> Any:
    found = plain.MLP.gradient(self, X, T)
    chance = np.random.default_rng()
    return {name: [part * chance.uniform(0.5, 1.5, part.shape) for part in parts] for name, parts in found.items()}


def _output_layers_twice(self: Any, X: Any, T: Any) -> Any:
    Y = self.propagate(X)
    for layer in self.output_layers:
        Y = layer.forward(Y)
    return self.loss.forward(Y, T)


def _name_within(self: Any, X: Any, output_layers: Any = True, last_layer: Any = None) -> Any:
    for layer in [*self.layers, *(self.output_layers if output_layers else [])]:
        X = layer.forward(X)
        if last_layer is not None and layer.name in last_layer:
            break
    return X


def _first_loop_left(self: Any, X: Any, output_layers: Any = True, last_layer: Any = None) -> Any:
    for layer in self.layers:
        X = layer.forward(X)
        if layer.name == last_layer:
            break
    for layer in self.output_layers if output_layers else []:
        X = layer.forward(X)
    return X


def _begun_with(change: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    """The gradient of a network whose loss's delta is changed, or has other targets."""

    class Loss:
        def __init__(self, loss: Any) -> None:
            self.loss = loss

        def delta(self, X: Any, T: Any) -> Any:
            return change(self.loss, (X, T))

    def gradient(self: Any, X: Any, T: Any) -> Any:
        return plain.MLP.gradient(plain.MLP(self.n_inputs, self.layers, Loss(self.loss), self.output_layers), X, T)

    return gradient


def _predicted(loss: Any, given: Any) -> Any:
    X, _ = given
    return loss.delta(X, np.eye(X.shape[1])[X.argmax(axis=1)])


def _by_classes(loss: Any, given: Any) -> Any:
    return loss.delta(*given) / given[0].shape[1]


def _by_layers(self: Any, X: Any, T: Any) -> Any:
    found = plain.MLP.gradient(self, X, T)
    return {name: [part / len(self.layers) for part in parts] for name, parts in found.items()}


def _multiplied(self: Any, dtheta: Any) -> None:
    self.W += dtheta[0]
    self.b *= dtheta[1]


def _within_one(self: Any, dtheta: Any) -> None:
    self.W += np.clip(dtheta[0], -1, 1)
    self.b += np.clip(dtheta[1], -1, 1)


def _shrunk_first(self: Any, dtheta: Any) -> None:
    self.W = 0.999 * self.W + dtheta[0]
    self.b += dtheta[1]


#: The subject, the method, and the word for all that it does wrong.
CODED: dict[str, tuple[str, Callable[..., Any], str]] = {
    "a penalty in the gradient": ("MLP.gradient", _decayed, "extra-term"),
    "a penalty in the losses": ("MLP.evaluate", _penalised, "extra-term"),
    "the last layer among the output layers": ("MLP.propagate", _blind_to_output_layers, "last-layer-ignored"),
    "options in another order": ("MLP.propagate", _in_another_order, "argument-order"),
    "outputs and delta exchanged": ("MLP.gradient", _exchanged, "arguments-swapped"),
    "an answer on its side": ("LinearLayer.delta", lambda self, Y, delta_next: self.W @ delta_next.T, "wrong-shape"),
    "output layers twice": ("MLP.evaluate", _output_layers_twice, "output-layers-in-gradient"),
    "a name within another": ("MLP.propagate", _name_within, "layer-skipped"),
    "a break that leaves one of two loops": ("MLP.propagate", _first_loop_left, "last-layer-ignored"),
    "the predicted class for the target": ("MLP.gradient", _begun_with(_predicted), "wrong-argument"),
    "delta divided by the classes": ("MLP.gradient", _begun_with(_by_classes), "divided-by-classes"),
    "divided by the layers": ("MLP.gradient", _by_layers, "scaled"),
    "biases multiplied": ("LinearLayer.update_params", _multiplied, "wrong-function"),
    "layers used up": ("MLP.gradient", _used_up, "stateful"),
    "a limit to the step": ("LinearLayer.update_params", _within_one, "clipped"),
    "weights that shrink": ("LinearLayer.update_params", _shrunk_first, "extra-term"),
}


def _words(subject: str, method: Callable[..., Any]) -> set[str]:
    cls, _, name = subject.partition(".")
    found = examined(with_methods(cls, {name: method}), concerned(subject))
    return {word for each in found for word in each.mistakes}


@pytest.mark.parametrize("name", CODED)
def test_a_family_is_named(name: str) -> None:
    """No failure has another word."""
    subject, method, word = CODED[name]
    assert _words(subject, method) == {word}


def test_chance_is_told_from_memory() -> None:
    """A network that answers differently each time keeps nothing from call to call."""
    assert _words("MLP.gradient", _by_chance) == {"nondeterministic"}


def test_a_right_network_in_other_words_has_no_fault() -> None:
    """A gradient that is gathered in a list and named in the end is as right as any."""

    def gradient(self: Any, X: Any, T: Any) -> Any:
        passed, found = self.activations(X), []
        delta = self.loss.delta(passed[-1], T)
        for number in range(len(self.layers) - 1, -1, -1):
            layer = self.layers[number]
            if layer.has_params():
                found.append((layer.name, tuple(layer.grad(passed[number], delta))))
            delta = layer.delta(passed[number + 1], delta)
        return dict(found)

    assert _words("MLP.gradient", gradient) == set()
