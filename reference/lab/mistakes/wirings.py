"""Networks that are wired wrongly in one way or two: what is taken in place of what in `MLP`'s three methods.

Each method is written once, with the choices that students make wrongly as arguments. `wirings` gives all that differ
from the right one in a single choice, and then those that differ in two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from reference.lab.mistakes import plain
from reference.lab.mistakes import wired_numbers as elsewhere
from reference.lab.mistakes.catalogue import Mistake, classes_with

#: Makes a method of the choices that differ from the right ones, by name.
Method = Callable[[Mapping[str, Any]], Any]


@dataclass(frozen=True)
class Choice:
    """One wrong choice.

    Attributes
    ----------
    name, value
        Which argument of the method's maker, and its wrong value.
    word
        Of the vocabulary.
    hint
        What to think about.
    estimated
        Constants, as they are told.
    """

    name: str
    value: Any
    word: str
    hint: str
    estimated: tuple[tuple[str, str], ...] = ()
    further: tuple[str, ...] = ()


# propagate


def _first_only(layers: Sequence[Any]) -> list[Any]:
    return list(layers[:1])


def _twice(layers: Sequence[Any]) -> list[Any]:
    return [*layers, *layers]


def _without_first_relu(layers: Sequence[Any]) -> list[Any]:
    number = next((n for n, layer in enumerate(layers) if not layer.has_params()), len(layers))
    return [layer for n, layer in enumerate(layers) if n != number]


def _without_last_relu(layers: Sequence[Any]) -> list[Any]:
    return _without_first_relu(list(layers)[::-1])[::-1]


def _with_params(layers: Sequence[Any]) -> list[Any]:
    return [layer for layer in layers if layer.has_params()]


def _without_params(layers: Sequence[Any]) -> list[Any]:
    return [layer for layer in layers if not layer.has_params()]


_SKIPPED = "Which layers does an input pass on its way, all of them?"
_OUTPUT = "Which output layers are run, each once, and when?"
_LAYERS = (
    ("layer-skipped", _SKIPPED, _without_first_relu),
    ("layer-skipped", _SKIPPED, _without_last_relu),
    ("layer-skipped", _SKIPPED, _with_params),
    ("layer-skipped", _SKIPPED, _without_params),
    ("layer-skipped", _SKIPPED, lambda layers: list(layers[:-1])),
    ("layer-skipped", _SKIPPED, lambda layers: list(layers[1:])),
    ("layer-skipped", _SKIPPED, _first_only),
    ("wrong-layer-order", "In which order do the layers stand?", lambda layers: list(layers[::-1])),
    ("layer-skipped", "Is each layer run, and each once?", _twice),
)


def _run(layers: Sequence[Any], X: Any) -> Any:
    for layer in layers:
        X = layer.forward(X)
    return X


def _propagate(choices: Mapping[str, Any]) -> Any:
    of_layers = choices.get("layers", list)
    of_output = choices.get("output", list)
    result = choices.get("result", lambda Y: Y)
    stop, heed = choices.get("stop", "after"), choices.get("heed", "asked")
    given, between = (choices.get(name, lambda A: A) for name in ("given", "between"))

    def propagate(self: Any, X: Any, output_layers: Any = True, last_layer: Any = None) -> Any:
        ending = of_output(self.output_layers) if output_layers or heed == "always" else []
        layers = of_layers(self.layers)
        X = given(X)
        dtype = X.dtype if choices.get("cast") else None
        for layer in [*ending, *layers] if choices.get("first") else [*layers, *ending]:
            if stop == "before" and layer.name == last_layer:
                break
            X = between(layer.forward(X))
            X = X if dtype is None else X.astype(dtype)
            if stop == "after" and layer.name == last_layer:
                return X
            if stop == "hidden alone" and layer.name == last_layer:
                return _run(ending, X)
        return result(X)

    return propagate


_MIXED = (
    ("averaged-over-batch", "Each sample has an answer of its own; who takes the mean?",
     lambda Y: np.repeat(Y.mean(axis=0, keepdims=True), len(Y), axis=0)),
    ("averaged-over-batch", "Each sample has an answer of its own: by how many is it divided?", lambda Y: Y / len(Y)),
    ("softmax-missing", "Probabilities are asked for: what is done to them in the end?", np.log),
    ("averaged-over-batch", "Each sample has an answer of its own; who takes the mean?", elsewhere.running_means),
    ("summed-over-batch", "Each sample has an answer of its own; who sums them up?", elsewhere.running_sums),
    ("sample-dependence", "Whose answer is given?", lambda Y: np.repeat(Y[:1], len(Y), axis=0)),
    ("wrong-axis", "In which order come the answers?", lambda Y: Y[::-1]),
    ("scaled", "Probabilities are asked for: what is done to them in the end?", np.exp),
    ("scaled", "Probabilities are asked for: what is done to them in the end?", np.square),
    ("sign", "Which sign has an output?", np.negative),
    ("output-layers-ignored", "How often are the output layers run?", plain.softmax),
    ("leaky", "What is done to the outputs in the end?", lambda Y: np.maximum(Y, 0)),
    *elsewhere.precisions(),
    ("softmax-missing", "Probabilities are asked for, not which of them is the largest.",
     lambda Y: np.eye(Y.shape[1])[Y.argmax(axis=1)]),
)  # fmt: skip
_PROPAGATE = [
    *(Choice("layers", change, word, hint) for word, hint, change in _LAYERS),
    Choice("output", lambda layers: [], "output-layers-ignored", "What should a prediction be?"),
    Choice("output", _first_only, "output-layers-ignored", _OUTPUT),
    Choice("output", _twice, "wrong-layer-order", _OUTPUT),
    Choice("output", lambda layers: list(layers)[::-1], "wrong-layer-order", _OUTPUT),
    Choice("cast", True, "low-precision", "What type has each layer's answer, and what type has X?"),
    Choice("first", True, "wrong-layer-order", "Where do the output layers stand?"),
    Choice("heed", "always", "output-layers-ignored", "With output_layers=False, what does the loss expect to get?"),
    Choice("stop", "hidden alone", "output-layers-ignored", "After `last_layer`, does any other layer run?"),
    Choice("stop", "before", "layer-skipped", "Stop before the layer of that name, or after it?"),
    Choice("stop", "never", "layer-skipped", "What is `last_layer` for?"),
    *(Choice("result", change, word, hint) for word, hint, change in _MIXED),
    *(Choice("given", change, word, hint) for word, hint, change in elsewhere.precisions()),
    *(Choice("between", change, word, hint) for word, hint, change in elsewhere.precisions()),
]

# evaluate


def _evaluate(choices: Mapping[str, Any]) -> Any:
    result, of = choices.get("result", lambda losses: losses), choices.get("of", "logits")

    def evaluate(self: Any, X: Any, T: Any) -> Any:
        X = choices.get("given", lambda A: A)(X)
        Y = self.propagate(X, output_layers=of != "logits") if "layers" not in choices else X
        if "layers" in choices:
            for layer in choices["layers"](self.layers):
                Y = layer.forward(Y)
        return result(self.loss.forward(T, Y) if choices.get("swapped") else self.loss.forward(Y, T))

    return evaluate


_FIRST = "Which does the loss take first: the predictions, or the targets?"
_MEAN = "One loss for each sample is promised; who takes the mean?"
_EVALUATE = [
    *(Choice("layers", change, word, hint) for word, hint, change in _LAYERS),
    Choice("of", "predictions", "output-layers-in-gradient", "The compound loss has softmax in it: what is it given?"),
    Choice("swapped", True, "arguments-swapped", _FIRST),
    Choice("result", np.mean, "averaged-over-batch", _MEAN),
    Choice("result", np.sum, "summed-over-batch", "One loss for each sample is promised: is it summed away?"),
    Choice("result", lambda losses: np.full(losses.shape, losses.mean()), "averaged-over-batch", _MEAN),
    Choice("result", lambda losses: np.full(losses.shape, losses.sum()), "summed-over-batch", _MEAN),
    Choice("result", lambda losses: losses / len(losses), "averaged-over-batch", _MEAN),
    Choice("result", lambda losses: -losses, "sign", "A loss is the smaller the better the prediction."),
    Choice("result", np.exp, "scaled", "The loss is promised: what is done to it in the end?"),
    Choice("result", lambda losses: losses[::-1], "wrong-axis", "In which order come the losses?"),
    Choice("result", lambda losses: np.repeat(losses[:1], len(losses), axis=0), "sample-dependence", _MEAN),
    Choice("result", lambda losses: np.repeat(losses[-1:], len(losses), axis=0), "sample-dependence", _MEAN),
    Choice("result", elsewhere.running_means, "averaged-over-batch", _MEAN),
    Choice("result", elsewhere.running_sums, "summed-over-batch", "One loss for each sample is promised."),
    Choice("result", np.square, "scaled", "The loss is promised: what is done to it in the end?"),
    Choice("result", np.sqrt, "scaled", "The loss is promised: what is done to it in the end?"),
    *(Choice("result", change, word, hint) for word, hint, change in elsewhere.precisions()),
    *(Choice("given", change, word, hint) for word, hint, change in elsewhere.precisions()),
]

# gradient


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
        outputs = self.propagate(X) if get("of") == "predictions" else passed[-1]
        if get("of") == "hidden":
            outputs = passed[-2]
        started, changed = (get(name, lambda A: A) for name in ("started", "moved"))
        delta = started(get("start", lambda loss, Y, T: loss.delta(Y, T))(self.loss, outputs, T))
        found: dict[str, Any] = {}
        numbers = range(len(layers)) if get("order") == "forward" else range(len(layers) - 1, -1, -1)
        for number in numbers:
            layer, inputs, own = layers[number], passed[number], passed[number + 1]
            given = {"own": own, "network": X, "before": passed[max(number - 1, 0)]}.get(get("input", ""), inputs)
            if get("input") == "network where it fits":
                given = X if X.shape == inputs.shape else inputs
            if get("input") == "width":
                given = next((each for each in passed if each.shape[1] == inputs.shape[1]), inputs)
            if get("input") == "last width":
                given = next((each for each in passed[::-1] if each.shape[1] == inputs.shape[1]), inputs)
            moved = changed(layer.delta({"inputs": inputs, "last": passed[-1]}.get(get("at", ""), own), delta))
            if layer.has_params():
                found[layer.name] = layer.grad(given, moved if get("first") == "delta" else delta)
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
_GRADIENT = [
    Choice("input", "own", "wrong-layer-input", _INPUT),
    Choice("input", "network", "wrong-layer-input", _INPUT),
    Choice("input", "before", "wrong-layer-input", _INPUT),
    Choice("input", "width", "wrong-layer-input", _INPUT),
    Choice("input", "last width", "wrong-layer-input", _INPUT),
    Choice("input", "network where it fits", "wrong-layer-input", _INPUT),
    Choice("at", "inputs", "wrong-layer-input", _AT),
    Choice("at", "last", "wrong-layer-input", _AT),
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
    Choice("start", lambda loss, Y, T: Y - T, "softmax-missing",
           "Where does backpropagation begin: is it p - t for the outputs at hand?"),
    Choice("start", lambda loss, Y, T: loss.delta(T, Y), "arguments-swapped", _FIRST),
    Choice("start", lambda loss, Y, T: elsewhere.batch_mean(loss.delta(Y, T)), "averaged-over-batch",
           "Each sample has a delta of its own: who takes the mean on the way?"),
    *(Choice("samples", lambda A, take=take: A[take], "sample-dependence",  # type: ignore[misc]
             "Which samples have a say in the gradient?")
      for take in (slice(None, None, 2), slice(1, None, 2), slice(None, None, -2))),
    Choice("samples", lambda A: A[: max(1, len(A) // 2)], "sample-dependence",
           "Which samples have a say in the gradient?"),
    *(Choice(name, change, word, hint) for word, hint, change in elsewhere.precisions()
      for name in ("between", "moved", "started")),
    Choice("moved", np.negative, "sign", "Which sign has delta on its way back?"),
    Choice("moved", elsewhere.batch_mean, "averaged-over-batch", "Who takes the mean on the way back?"),
    Choice("samples", lambda A: A[:1], "sample-dependence", "Which samples have a say in the gradient?"),
    Choice("samples", lambda A: A[-1:], "sample-dependence", "Which samples have a say in the gradient?"),
    Choice("samples", lambda A: A[:-1] if len(A) > 1 else A, "sample-dependence",
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
    Choice("scale", each_part(lambda part, X: -part), "sign", "Who takes the step downhill?"),
    *(Choice("scale", each_part(lambda part, X, to=to: to(part)), word, hint)  # type: ignore[misc]
      for word, hint, to in elsewhere.precisions()),
    *(Choice("samples", change, word, hint) for word, hint, change in elsewhere.precisions()),
    Choice("scale", _of_one_part(1, lambda part, X: -part), "sign", "Who takes the step downhill?"),
    Choice("scale", _of_one_part(0, lambda part, X: -part), "sign", "Who takes the step downhill?"),
    Choice("scale", each_part(lambda part, X: np.sign(part)), "scaled", "How long is each entry of the gradient?"),
    Choice("scale", each_part(lambda part, X: part / np.sqrt((part**2).sum())), "scaled",
           "How long is each part of the gradient?"),
    Choice("scale", each_part(lambda part, X: np.abs(part)), "sign", "Which sign has each entry of the gradient?"),
    Choice("scale", _of_one_part(0, lambda part, X: part / len(X)), "averaged-twice", _WHO),
    Choice("scale", _of_one_part(1, lambda part, X: part / len(X)), "averaged-twice", _WHO),
    Choice("scale", _of_one_part(0, lambda part, X: part * len(X)), "not-averaged", _WHO),
    Choice("scale", _of_one_part(1, lambda part, X: part * len(X)), "not-averaged", _WHO),
]  # fmt: skip


def _scaled_gradient(choices: Mapping[str, Any]) -> Any:
    inner = _gradient(choices)
    change = choices.get("scale", lambda found, X: found)
    return lambda self, X, T: change(inner(self, X, T), X)


_METHODS: dict[str, tuple[Method, list[Choice]]] = {
    "MLP.propagate": (_propagate, _PROPAGATE),
    "MLP.evaluate": (_evaluate, _EVALUATE),
    "MLP.gradient": (_scaled_gradient, _GRADIENT),
}


def wirings(subject: str, together: int, estimated: Sequence[Choice] = ()) -> Iterator[Mistake]:
    """Every mistake that makes so many wrong choices of different names; ``estimated`` are further choices."""
    if subject not in _METHODS:
        return
    make, choices = _METHODS[subject]
    for chosen in combinations([*estimated, *choices], together):
        if len({each.name for each in chosen}) == together:
            yield _mistake(subject, make, chosen)


def _mistake(subject: str, make: Method, chosen: Sequence[Choice]) -> Mistake:
    words = [word for each in chosen for word in (each.word, *each.further)]
    constants = dict(pair for each in chosen for pair in each.estimated)
    number = {id(each): n for n, each in enumerate(_METHODS[subject][1])}
    name = f"{subject} wired " + " and ".join(f"{each.name} {number.get(id(each), each.estimated)}" for each in chosen)
    classes = classes_with(subject, make({each.name: each.value for each in chosen}))
    return Mistake(name, subject, words[0], chosen[0].hint, classes, tuple(words[1:]), constants)
