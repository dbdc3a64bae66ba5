"""MLP: (propagate(layers, X), gradient(layers, loss, X, T)) for each coding."""

from __future__ import annotations

import functools
import itertools
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from tests.honest.sums import Array, Fun


def _propagate_loop(layers: Sequence[Any], X: Array) -> Array:
    for layer in layers:
        X = layer.forward(X)
    return X


def _propagate_recursively(layers: Sequence[Any], X: Array) -> Array:
    return _propagate_recursively(layers[1:], layers[0].forward(X)) if layers else X


def _activations(layers: Sequence[Any], X: Array) -> list[Array]:
    """X and every layer's outputs."""
    return list(itertools.accumulate(layers, lambda A, layer: layer.forward(A), initial=X))


def _gradient_zipped(layers: Sequence[Any], loss: Any, X: Array, T: Array) -> dict[str, Any]:
    A = _activations(layers, X)
    delta, result = loss.delta(A[-1], T), {}
    for layer, inputs, outputs in zip(reversed(layers), reversed(A[:-1]), reversed(A[1:]), strict=True):
        if layer.has_params():
            result[layer.name] = layer.grad(inputs, delta)
        delta = layer.delta(outputs, delta)
    return result


def _gradient_by_index(layers: Sequence[Any], loss: Any, X: Array, T: Array) -> dict[str, Any]:
    A = {0: X}
    for number, layer in enumerate(layers):
        A[number + 1] = layer.forward(X=A[number])
    delta, result = loss.delta(X=A[len(layers)], T=T), {}
    for number in range(len(layers) - 1, -1, -1):
        layer = layers[number]
        if layer.has_params():
            result[layer.name] = layer.grad(X=A[number], delta_next=delta)
        if number:
            delta = layer.delta(Y=A[number + 1], delta_next=delta)
    return result


def _gradient_recursively(layers: Sequence[Any], loss: Any, X: Array, T: Array) -> dict[str, Any]:
    def back(inputs: Array, rest: Sequence[Any]) -> tuple[Array, dict[str, Any]]:
        if not rest:
            return loss.delta(inputs, T), {}
        outputs = rest[0].forward(inputs)
        delta, found = back(outputs, rest[1:])
        own = {rest[0].name: rest[0].grad(inputs, delta)} if rest[0].has_params() else {}
        return rest[0].delta(outputs, delta), own | found

    return back(X, layers)[1]


def _gradient_deltas_first(layers: Sequence[Any], loss: Any, X: Array, T: Array) -> dict[str, Any]:
    A = _activations(layers, X)
    deltas = deque([loss.delta(A[-1], T)])
    for layer, outputs in zip(layers[::-1], A[:0:-1], strict=True):
        deltas.appendleft(layer.delta(outputs, deltas[0]))
    after = list(deltas)[1:]
    return {
        layer.name: layer.grad(inputs, delta)
        for layer, inputs, delta in zip(layers, A[:-1], after, strict=True)
        if layer.has_params()
    }


def _gradient_with_a_tape(layers: Sequence[Any], loss: Any, X: Array, T: Array) -> dict[str, Any]:
    result: dict[str, Any] = {}
    tape: list[Callable[[Array], Array]] = []

    def step(layer: Any, inputs: Array) -> Array:
        outputs = layer.forward(inputs)

        def back(delta: Array) -> Array:
            if layer.has_params():
                result[layer.name] = layer.grad(inputs, delta)
            return layer.delta(outputs, delta)

        tape.append(back)
        return outputs

    delta = loss.delta(functools.reduce(lambda A, layer: step(layer, A), layers, X), T)
    while tape:
        delta = tape.pop()(delta)
    return result


def _gradient_with_a_stack(layers: Sequence[Any], loss: Any, X: Array, T: Array) -> dict[str, Any]:
    stack = []
    for layer in layers:
        stack.append((layer, X))
        X = layer.forward(X)
    outputs, delta, result = X, loss.delta(X, T), {}
    while stack:
        layer, inputs = stack.pop()
        result.update({layer.name: list(layer.grad(inputs, delta))} if layer.has_params() else {})
        outputs, delta = inputs, layer.delta(outputs, delta)
    return dict(reversed(result.items()))


def _gradient_by_generator(layers: Sequence[Any], loss: Any, X: Array, T: Array) -> dict[str, Any]:
    def walk() -> Iterator[tuple[str, Any]]:
        A = _activations(layers, X)
        delta = loss.delta(A[-1], T)
        for k in range(1, len(layers) + 1):
            layer = layers[-k]
            if layer.has_params():
                yield layer.name, layer.grad(A[-k - 1], delta)
            delta = layer.delta(A[-k], delta)

    return dict(walk())


def _gradient_from_scratch(layers: Sequence[Any], loss: Any, X: Array, T: Array) -> dict[str, Any]:
    """Nothing is kept: what a layer was given is computed anew."""

    def delta_after(number: int) -> Array:
        outputs = _propagate_loop(layers[: number + 1], X)
        if number == len(layers) - 1:
            return loss.delta(outputs, T)
        return layers[number + 1].delta(_propagate_loop(layers[: number + 2], X), delta_after(number + 1))

    return {
        layer.name: layer.grad(_propagate_loop(layers[:number], X), delta_after(number))
        for number, layer in enumerate(layers)
        if layer.has_params()
    }


def _gradient_by_samples(layers: Sequence[Any], loss: Any, X: Array, T: Array) -> dict[str, Any]:
    each = [_gradient_zipped(layers, loss, X[[n]], T[[n]]) for n in range(len(X))]
    return {name: [sum(one[name][part] for one in each) / len(each) for part in (0, 1)] for name in each[0]}


def _gradient_as_tuples(layers: Sequence[Any], loss: Any, X: Array, T: Array) -> dict[str, Any]:
    return {name: tuple(parts) for name, parts in _gradient_by_index(layers, loss, X, T).items()}


def _gradient_in_a_defaultdict(layers: Sequence[Any], loss: Any, X: Array, T: Array) -> dict[str, Any]:
    result = defaultdict(list)
    for name, parts in _gradient_zipped(layers, loss, X, T).items():
        for part in parts:
            result[name].append(part)
    return result


class Gradient(NamedTuple):
    dtheta_weights: Array
    dtheta_biases: Array


class Gradients(dict[str, Gradient]):
    """A dict that scales like a vector."""

    def __mul__(self, factor: float) -> Gradients:
        return Gradients({name: Gradient(*(factor * part for part in parts)) for name, parts in self.items()})


def _gradient_in_a_dict_of_its_own(layers: Sequence[Any], loss: Any, X: Array, T: Array) -> Gradients:
    return Gradients({name: Gradient(*parts) for name, parts in _gradient_zipped(layers, loss, X, T).items()}) * 1.0


NETS: dict[str, tuple[Fun, Fun]] = {
    "zipped backwards": (_propagate_loop, _gradient_zipped),
    "by index": (_propagate_loop, _gradient_by_index),
    "recursion": (_propagate_recursively, _gradient_recursively),
    "deltas first": (lambda layers, X: _activations(layers, X)[-1], _gradient_deltas_first),
    "tape of closures": (
        lambda layers, X: functools.reduce(lambda A, layer: layer.forward(A), layers, X),
        _gradient_with_a_tape,
    ),
    "stack": (_propagate_loop, _gradient_with_a_stack),
    "generator": (lambda layers, X: deque(iter(_activations(layers, X)), maxlen=1)[0], _gradient_by_generator),
    "nothing kept": (_propagate_recursively, _gradient_from_scratch),
    "one sample at a time": (
        lambda layers, X: np.vstack([_propagate_loop(layers, X[[n]]) for n in range(len(X))]),
        _gradient_by_samples,
    ),
    "OrderedDict": (
        _propagate_loop,
        lambda *given: OrderedDict(reversed(_gradient_by_index(*given).items())),
    ),
    "defaultdict of lists": (_propagate_recursively, _gradient_in_a_defaultdict),
    "own dict of named tuples": (_propagate_loop, _gradient_in_a_dict_of_its_own),
    "tuples": (_propagate_loop, _gradient_as_tuples),
}
