"""Networks that are wired wrongly in one way or two: what is taken in place of what in `MLP`'s three methods.

Each method is written once, with the choices that students make wrongly as arguments. `wirings` gives all that differ
from the right one in a single choice, and then those that differ in two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np

from reference.lab.mistakes import plain
from reference.lab.mistakes import wired_numbers as elsewhere
from reference.lab.mistakes.catalogue import Mistake, classes_with
from reference.lab.mistakes.wired_choices import FIRST, Choice, Method
from reference.lab.mistakes.wired_gradient import CHOICES, scaled_gradient

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


#: By how ``last_layer`` is looked up: whether the network stops behind a layer of that name.
_NAMED: Mapping[str, Callable[[str, str], bool]] = {
    "after": lambda name, last: name == last,
    "within": lambda name, last: name in last,
    "around": lambda name, last: last in name,
    "beginning": lambda name, last: name.startswith(last[:6]),
}
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
    ("wrong-layer-order", "Is each layer run, and each once?", _twice),
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
            if stop in _NAMED and last_layer is not None and _NAMED[stop](layer.name, last_layer):
                return X
            if stop == "hidden alone" and layer.name == last_layer:
                return _run(ending, X)
            if stop == "never among output layers" and layer.name == last_layer and layer in layers:
                return X
        return result(X)

    return propagate


_MIXED = (
    ("averaged-over-batch", "Each sample has an answer of its own; who takes the mean?",
     lambda Y: np.repeat(Y.mean(axis=0, keepdims=True), len(Y), axis=0)),
    ("averaged-over-batch", "Each sample has an answer of its own: by how many is it divided?", lambda Y: Y / len(Y)),
    ("wrong-function", "Probabilities are asked for: what is done to them in the end?", np.log),
    ("averaged-over-batch", "Each sample has an answer of its own; who takes the mean?", elsewhere.running_means),
    ("summed-over-batch", "Each sample has an answer of its own; who sums them up?", elsewhere.running_sums),
    ("sample-dependence", "Whose answer is given?", lambda Y: np.repeat(Y[:1], len(Y), axis=0)),
    ("wrong-axis", "In which order come the answers?", lambda Y: Y[::-1]),
    ("wrong-function", "Probabilities are asked for: what is done to them in the end?", np.exp),
    ("wrong-function", "Probabilities are asked for: what is done to them in the end?", np.square),
    ("sign", "Which sign has an output?", np.negative),
    ("wrong-layer-order", "How often are the output layers run?", plain.softmax),
    ("wrong-function", "What is done to the outputs in the end?", lambda Y: np.maximum(Y, 0)),
    *elsewhere.precisions(),
    ("wrong-function", "Probabilities are asked for, not which of them is the largest.",
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
    Choice("stop", "hidden alone", "last-layer-ignored", "After `last_layer`, does any other layer run?"),
    Choice(
        "stop", "never among output layers", "last-layer-ignored", "May `last_layer` be the name of an output layer?"
    ),
    Choice("stop", "before", "layer-skipped", "Stop before the layer of that name, or after it?"),
    *(
        Choice("stop", like, "layer-skipped", "Is the layer's name the one that was asked for, or only like it?")
        for like in ("within", "around", "beginning")
    ),
    Choice("stop", "never", "last-layer-ignored", "What is `last_layer` for?"),
    *(Choice("result", change, word, hint) for word, hint, change in _MIXED),
    *(Choice("given", change, word, hint, alone=True) for word, hint, change in elsewhere.precisions()),
    *(Choice("between", change, word, hint, alone=True) for word, hint, change in elsewhere.precisions()),
]

# evaluate


def _evaluate(choices: Mapping[str, Any]) -> Any:
    result, of = choices.get("result", lambda losses: losses), choices.get("of", "logits")

    def evaluate(self: Any, X: Any, T: Any) -> Any:
        X = choices.get("given", lambda A: A)(X)
        Y = self.propagate(X, output_layers=of != "logits") if "layers" not in choices else X
        for layer in choices["layers"](self.layers) if "layers" in choices else ():
            Y = layer.forward(Y)
        for layer in self.output_layers if of == "predictions of predictions" else ():
            Y = layer.forward(Y)
        T = choices["targets"](Y) if "targets" in choices else T
        losses = result(self.loss.forward(T, Y) if choices.get("swapped") else self.loss.forward(Y, T))
        penalty = choices.get("penalty", 0.0)
        return losses + penalty * sum((each.W**2).sum() for each in self.layers if each.has_params())

    return evaluate


_SUM = "One loss for each sample is promised: is it summed away?"
_MEAN = "One loss for each sample is promised; who takes the mean?"
_EVALUATE = [
    *(Choice("layers", change, word, hint) for word, hint, change in _LAYERS),
    Choice("of", "predictions", "output-layers-in-gradient", "The compound loss has softmax in it: what is it given?"),
    Choice(
        "of",
        "predictions of predictions",
        "output-layers-in-gradient",
        "How often do the output layers run, and does the loss see them?",
    ),
    Choice("swapped", True, "arguments-swapped", FIRST),
    *(
        Choice("result", change, word, hint)
        for of, word, hint in ((np.mean, "averaged-over-batch", _MEAN), (np.sum, "summed-over-batch", _SUM))
        for change in (of, partial(of, axis=0), partial(of, axis=0, keepdims=True))
    ),
    Choice(
        "targets",
        lambda Y: np.eye(Y.shape[1])[Y.argmax(axis=1)],
        "wrong-argument",
        "Whose class does the loss ask for: that of the target, or the predicted one?",
    ),
    Choice("result", lambda losses: np.full(losses.shape, losses.mean()), "averaged-over-batch", _MEAN),
    Choice("result", lambda losses: np.full(losses.shape, losses.sum()), "summed-over-batch", _MEAN),
    Choice("result", lambda losses: losses / len(losses), "averaged-over-batch", _MEAN),
    Choice("result", lambda losses: -losses, "sign", "A loss is the smaller the better the prediction."),
    Choice("result", np.exp, "wrong-function", "The loss is promised: what is done to it in the end?"),
    Choice("result", lambda losses: losses[::-1], "wrong-axis", "In which order come the losses?"),
    Choice("result", lambda losses: np.repeat(losses[:1], len(losses), axis=0), "sample-dependence", _MEAN),
    Choice("result", lambda losses: np.repeat(losses[-1:], len(losses), axis=0), "sample-dependence", _MEAN),
    Choice("result", elsewhere.running_means, "averaged-over-batch", _MEAN),
    Choice("result", elsewhere.running_sums, "summed-over-batch", "One loss for each sample is promised."),
    Choice("result", np.square, "wrong-function", "The loss is promised: what is done to it in the end?"),
    Choice("result", np.sqrt, "wrong-function", "The loss is promised: what is done to it in the end?"),
    *(Choice("result", change, word, hint, alone=True) for word, hint, change in elsewhere.precisions()),
    *(Choice("given", change, word, hint, alone=True) for word, hint, change in elsewhere.precisions()),
]


_METHODS: dict[str, tuple[Method, list[Choice]]] = {
    "MLP.propagate": (_propagate, _PROPAGATE),
    "MLP.evaluate": (_evaluate, _EVALUATE),
    "MLP.gradient": (scaled_gradient, CHOICES),
}


def wirings(subject: str, together: int, estimated: Sequence[Choice] = ()) -> Iterator[Mistake]:
    """Every mistake that makes so many wrong choices of different names; ``estimated`` are further choices."""
    if subject not in _METHODS:
        return
    make, choices = _METHODS[subject]
    candidates = [each for each in (*estimated, *choices) if together == 1 or not each.alone]
    for chosen in combinations(candidates, together):
        if len({each.name for each in chosen}) == together:
            yield _mistake(subject, make, chosen)


def _mistake(subject: str, make: Method, chosen: Sequence[Choice]) -> Mistake:
    words = [word for each in chosen for word in (each.word, *each.further)]
    constants = dict(pair for each in chosen for pair in each.estimated)
    number = {id(each): n for n, each in enumerate(_METHODS[subject][1])}
    name = f"{subject} wired " + " and ".join(f"{each.name} {number.get(id(each), each.estimated)}" for each in chosen)
    classes = classes_with(subject, make({each.name: each.value for each in chosen}))
    return Mistake(name, subject, words[0], chosen[0].hint, classes, tuple(words[1:]), constants)
