"""Gradients of networks that are wired wrongly: what is taken in place of what on the way back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from reference.lab.mistakes import wired_numbers as elsewhere
from reference.lab.mistakes.departures import Array
from reference.lab.mistakes.wired_choices import FIRST, Choice


def _zeros(layers: Sequence[Any]) -> dict[str, Any]:
    return {each.name: [np.zeros_like(each.W), np.zeros_like(each.b)] for each in layers if each.has_params()}


def _taken(which: str | None, passed: Sequence[Array], number: int) -> Array:
    """The array that a layer's ``grad`` is given for its inputs."""
    X, inputs = passed[0], passed[number]
    if which == "mirrored":
        return passed[len(passed) - 2 - number]
    if which == "network where it fits":
        return X if X.shape == inputs.shape else inputs
    if which in {"width", "last width"}:
        order = passed if which == "width" else passed[::-1]
        return next((each for each in order if each.shape[1] == inputs.shape[1]), inputs)
    return {"own": passed[number + 1], "network": X, "before": passed[max(number - 1, 0)]}.get(which or "", inputs)


def _gradient(choices: Mapping[str, Any]) -> Any:
    get = choices.get

    def gradient(self: Any, X: Any, T: Any) -> Any:
        chosen = get("samples", lambda A: A)
        X, T = chosen(X), chosen(T)
        layers = [*self.layers, *self.output_layers] if get("through") else list(self.layers)
        between = get("between", lambda A: A)
        passed = [X]
        for layer in layers:
            passed.append(between(layer.forward(passed[-1])))
        outputs = passed[-2] if get("of") == "hidden" else passed[-1]
        if get("of") == "predictions":
            outputs = self.propagate(X)
        started, changed = (get(name, lambda A: A) for name in ("started", "moved"))
        delta = started(get("start", lambda loss, Y, T: loss.delta(Y, T))(self.loss, outputs, T))
        found: dict[str, Any] = {}
        numbers = range(len(layers)) if get("order") == "forward" else range(len(layers) - 1 - get("late", 0), -1, -1)
        entering = get("entering", lambda A: A)
        ordered, of_grad = (get(name, lambda *given: given) for name in ("given to delta", "given to grad"))
        for number in numbers:
            delta = entering(delta)
            if np.abs(delta).max(initial=0) < get("ends", 0):
                return {**_zeros(layers), **found}
            layer = layers[number]
            given = _taken(get("input"), passed, number)
            moved = (
                delta
                if get("still")
                else changed(
                    layer.delta(*ordered(passed[{"inputs": number, "last": -1}.get(get("at", ""), number + 1)], delta))
                )
            )
            if layer.has_params():
                found[layer.name] = layer.grad(*of_grad(given, moved if get("first") == "delta" else delta))
            delta = get("back", lambda layer, delta, moved, number, last: moved)(
                layer, delta, moved, number, len(layers) - 1
            )
        return get("result", lambda found, X: found)(found, X)

    return gradient


def each_part(change: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """What changes every array of a gradient, given X too."""
    return lambda found, X: {name: [change(part, X) for part in parts] for name, parts in found.items()}


def _of_one_part(place: int, change: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def changed(found: Any, X: Any) -> Any:
        return {
            name: [change(part, X) if number == place else part for number, part in enumerate(parts)]
            for name, parts in found.items()
        }

    return changed


_INPUT = "`grad` asks for the layer's inputs: which of the arrays beside it is that?"
_AT = "`delta` asks for the layer's own outputs: which of the arrays beside it is that?"
_BACK = "On the way back, which layers does delta pass?"
_WHO = "Who divides by the number of samples, the layer's `grad` or the network?"
_LOSS_SEES = "Of which function is the gradient taken: does the loss see the output layers?"


def _skipped(where: Callable[..., bool]) -> Any:
    """The way back that leaves out the layers of which the condition holds."""

    def back(layer: Any, delta: Any, moved: Any, number: int, last: int) -> Any:
        fits = np.shape(delta) == np.shape(moved)
        return delta if fits and where(layer.has_params(), number, last) else moved

    return back


#: Of a layer with parameters or without, its number, and the last layer's number: which are passed over.
_PASSED: tuple[Callable[[bool, int, int], bool], ...] = (
    lambda parameters, number, last: parameters,
    lambda parameters, number, last: True,
    lambda parameters, number, last: number % 2 == 0,
    lambda parameters, number, last: number % 2 == 1,
    lambda parameters, number, last: number % 4 == 1,
    lambda parameters, number, last: (number + 1) % 4 == 0,
    lambda parameters, number, last: number == 1,
    lambda parameters, number, last: number == last - 1,
    lambda parameters, number, last: not parameters and number not in {1, last - 1},
    lambda parameters, number, last: not parameters and number > 1,
    lambda parameters, number, last: not parameters and number < last - 1,
)
_ORDER = "In which order does the contract list the arguments of a layer's method?"


def _exchanged(one: Any, other: Any) -> tuple[Any, Any]:
    return other, one


_CHUNKS = "What if the number of samples is no multiple of the size of a chunk?"
_ENDS = "Which layers get their gradient where delta is small?"
CHOICES = [
    Choice("still", True, "layer-skipped", _BACK, alone=True),
    Choice("late", 1, "layer-skipped", _BACK, alone=True),
    *(Choice("ends", size, "layer-skipped", _ENDS, (("smallest delta", repr(size)),), alone=True)
      for size in (1.0, 0.5, 0.2, 0.1, 0.05, 0.01, 1e-3, 1e-4, 1e-6, 1e-8)),
    *(Choice("batches", size, "batch-size-dependent", _CHUNKS, (("samples in a chunk", repr(size)),), alone=True)
      for size in (2, 3, 4, 5, 8, 10, 16, 32, 50, 64, 100, 128, 256)),
    Choice("input", "own", "wrong-layer-input", _INPUT),
    Choice("input", "network", "wrong-layer-input", _INPUT),
    Choice("input", "before", "wrong-layer-input", _INPUT),
    Choice("input", "mirrored", "wrong-layer-input", _INPUT),
    Choice("input", "width", "wrong-layer-input", _INPUT),
    Choice("input", "last width", "wrong-layer-input", _INPUT),
    Choice("input", "network where it fits", "wrong-layer-input", _INPUT),
    Choice("at", "inputs", "wrong-layer-input", _AT),
    Choice("at", "last", "wrong-layer-input", _AT),
    Choice("given to delta", _exchanged, "arguments-swapped", _ORDER),
    Choice("given to grad", _exchanged, "arguments-swapped", _ORDER),
    Choice("first", "delta", "wrong-layer-order", "Which comes first, a layer's `grad` or its `delta`?"),
    Choice("order", "forward", "wrong-layer-order", "By the chain rule, which layer's delta is computed first?"),
    Choice("through", True, "output-layers-in-gradient", _LOSS_SEES),
    Choice("of", "predictions", "output-layers-in-gradient", _LOSS_SEES),
    Choice("of", "hidden", "wrong-layer-input", "Of which layer's outputs is the loss taken?"),
    Choice("back", lambda layer, delta, moved, number, last: moved if layer.has_params() else delta,
           "layer-skipped", _BACK),
    Choice("back", lambda layer, delta, moved, number, last: delta if layer.has_params() else moved,
           "layer-skipped", _BACK),
    Choice("back", lambda layer, delta, moved, number, last: delta if number == last else moved,
           "layer-skipped", _BACK),
    Choice("back", lambda layer, delta, moved, number, last: moved if layer.has_params() or number == last else delta,
           "layer-skipped", _BACK),
    Choice("back", lambda layer, delta, moved, number, last: delta, "layer-skipped", _BACK),
    *(Choice("back", _skipped(where), "layer-skipped", _BACK) for where in _PASSED),
    Choice("start", lambda loss, Y, T: np.ones_like(Y), "delta-next-ignored",
           "Where does backpropagation begin: with what does the loss have to say?"),
    Choice("start", lambda loss, Y, T: loss.forward(Y, T) * np.ones_like(Y), "delta-next-ignored",
           "Where does backpropagation begin: with the loss, or with its derivative?"),
    Choice("start", lambda loss, Y, T: Y - T, "wrong-function",
           "Where does backpropagation begin: is it p - t for the outputs at hand?"),
    Choice("start", lambda loss, Y, T: loss.delta(Y, np.eye(Y.shape[1])[Y.argmax(axis=1)]), "wrong-argument",
           "Whose class does the loss ask for: that of the target, or the predicted one?"),
    Choice("start", lambda loss, Y, T: loss.delta(T, Y), "arguments-swapped", FIRST),
    Choice("start", lambda loss, Y, T: elsewhere.batch_mean(loss.delta(Y, T)), "averaged-over-batch",
           "Each sample has a delta of its own: who takes the mean on the way?", alone=True),
    *(Choice("samples", lambda A, take=take: A[take], "term-missing",
             "Which samples have a say in the gradient?", alone=True)
      for take in (slice(None, None, 2), slice(1, None, 2), slice(None, None, -2))),
    Choice("samples", lambda A: A[: max(1, len(A) // 2)], "term-missing",
           "Which samples have a say in the gradient?", alone=True),
    *(Choice(name, change, word, hint, alone=True) for word, hint, change in elsewhere.precisions()
      for name in ("between", "moved", "started")),
    Choice("moved", np.negative, "sign", "Which sign has delta on its way back?"),
    Choice("moved", elsewhere.batch_mean, "averaged-over-batch", "Who takes the mean on the way back?", alone=True),
    Choice("samples", lambda A: A[:1], "term-missing", "Which samples have a say in the gradient?"),
    Choice("samples", lambda A: A[-1:], "term-missing", "Which samples have a say in the gradient?"),
    Choice("samples", lambda A: A[:-1] if len(A) > 1 else A, "term-missing",
           "Which samples have a say in the gradient?"),
    Choice("result", lambda found, X: dict(list(found.items())[:-1]), "layer-skipped",
           "How many layers have parameters, and how many gradients are there?"),
    Choice("result", lambda found, X: dict(list(found.items())[1:]), "layer-skipped",
           "How many layers have parameters, and how many gradients are there?"),
    Choice("result", lambda found, X: dict(zip(found, list(found.values())[::-1], strict=True)), "wrong-layer-order",
           "Under which layer's name does each gradient stand?"),
    Choice("result", _of_one_part(1, lambda part, X: np.zeros_like(part)), "bias-gradient-missing",
           "By how much does an output change when its bias grows by one?"),
    Choice("scale", each_part(lambda part, X: part / len(X)), "averaged-twice", _WHO),
    Choice("scale", each_part(lambda part, X: part * len(X)), "not-averaged", _WHO),
    *(Choice("per", per, "scaled", "By which numbers is a layer's gradient divided, and who asks for each?", alone=True)
      for per in (lambda layers: 1 / len(layers), lambda layers: 1 / sum(each.has_params() for each in layers))),
    Choice("scale", each_part(lambda part, X: -part), "sign", "Who takes the step downhill?"),
    *(Choice("scale", each_part(lambda part, X, to=to: to(part)), word, hint, alone=True)  # type: ignore[misc]
      for word, hint, to in elsewhere.precisions()),
    *(Choice("samples", change, word, hint, alone=True) for word, hint, change in elsewhere.precisions()),
    Choice("scale", _of_one_part(1, lambda part, X: -part), "sign", "Who takes the step downhill?"),
    Choice("scale", _of_one_part(0, lambda part, X: -part), "sign", "Who takes the step downhill?"),
    Choice("scale", each_part(lambda part, X: np.sign(part)), "wrong-function",
           "How long is each entry of the gradient?"),
    Choice("scale", each_part(lambda part, X: part / np.sqrt((part**2).sum())), "wrong-function",
           "How long is each part of the gradient?"),
    Choice("scale", each_part(lambda part, X: np.abs(part)), "sign", "Which sign has each entry of the gradient?"),
    Choice("scale", _of_one_part(0, lambda part, X: part / len(X)), "averaged-twice", _WHO),
    Choice("scale", _of_one_part(1, lambda part, X: part / len(X)), "averaged-twice", _WHO),
    Choice("scale", _of_one_part(0, lambda part, X: part * len(X)), "not-averaged", _WHO),
    Choice("scale", _of_one_part(1, lambda part, X: part * len(X)), "not-averaged", _WHO),
]  # fmt: skip


def _in_chunks(gradient: Any, size: int) -> Any:
    """The mean of the gradients of chunks of that size, of which the last may be smaller."""

    def mean(self: Any, X: Any, T: Any) -> Any:
        every = [gradient(self, X[n : n + size], T[n : n + size]) for n in range(0, len(X), size)]
        return {name: [sum(parts) / len(every) for parts in zip(*(each[name] for each in every), strict=True)]
                for name in every[0]}  # fmt: skip

    return mean


def scaled_gradient(choices: Mapping[str, Any]) -> Any:
    """The method with these choices."""
    inner = _gradient(choices)
    if "batches" in choices:
        inner = _in_chunks(inner, choices["batches"])
    change = choices.get("scale", lambda found, X: found)
    decay, of = choices.get("decay", (0.0, 0))
    per = choices.get("per", lambda layers: 1.0)

    def gradient(self: Any, X: Any, T: Any) -> Any:
        found = change(inner(self, X, T), X)
        if "per" in choices:
            found = {name: [part * per(self.layers) for part in parts] for name, parts in found.items()}
        for layer in self.layers if decay else ():
            if layer.has_params() and layer.name in found:
                parts = zip(found[layer.name], (layer.W, layer.b), strict=True)
                found[layer.name] = [part + decay * old if n < of else part for n, (part, old) in enumerate(parts)]
        return found

    return gradient
