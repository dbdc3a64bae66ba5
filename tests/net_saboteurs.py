"""As `tests.question_saboteurs`, for networks and for a linear layer's parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from reference.lab.mistakes import plain
from tests.spoiling import off


@dataclass(frozen=True)
class ClassSaboteur:
    """One of the contract's classes that is right except for some questions.

    Attributes
    ----------
    name
        The kind of question, in words.
    checks
        How the ids of the checks begin that it is put before.
    caught
        Those of them that must see it, without ``mlp.`` or ``linear.``; the others must pass it.
    cls
        The name of the class.
    methods
        Its wrong methods.
    """

    name: str
    checks: str
    caught: str
    cls: str
    methods: Mapping[str, Callable[..., Any]]

    def classes(self) -> dict[str, type]:
        """All the contract's classes, this one wrong."""
        return {**plain.CLASSES, self.cls: type(self.cls, (plain.CLASSES[self.cls],), dict(self.methods))}


#: Whether a network, or what it is given, is of a kind.
Kind = Callable[[Any, Any], Any]
_MLP: Any = plain.MLP


def _widths(net: Any) -> tuple[int, ...]:
    return (net.n_inputs, *(layer.W.shape[1] for layer in net.layers if layer.has_params()))


def _net(name: str, caught: str, **methods: Callable[..., Any]) -> ClassSaboteur:
    """A network, and all checks of the method that is wrong."""
    return ClassSaboteur(name, f"mlp.{caught.partition('.')[0]}", caught, "MLP", methods)


def _wrong_gradient(kind: Kind, change: Callable[[Any], Any] = off, layer: str = "Linear_OUT") -> Any:
    """Wrong for the parameters of one layer, in some networks."""

    def gradient(self: Any, X: Any, T: Any) -> Any:
        found = _MLP.gradient(self, X, T)
        return {**found, layer: change(found[layer])} if kind(self, X) else found

    return gradient


def _shaped(*widths: int, n: int) -> Kind:
    return lambda net, X: _widths(net) == widths and len(X) == n


_SHAPES = (
    ((1, 2), 1), ((1, 2), 2), ((2, 1, 2), 2), ((1, 2, 2), 3), ((2, 2, 2), 2), ((2, 3), 2), ((2, 3, 2), 3),
    ((3, 5, 4, 3), 4),
)  # fmt: skip
_VALUES = "gradient.values gradient.training_step"
#: With the submission's own layers.
_TOGETHER = "gradient.together gradient.training_step_together"
#: The checks of small networks ask about each of these, with either loss.
SHAPES = [
    *(
        _net(
            f"{n} samples, widths {widths}",
            f"{_VALUES} {_TOGETHER}",
            gradient=_wrong_gradient(_shaped(*widths, n=n)),
        )
        for widths, n in _SHAPES
    ),
    _net(
        "6 samples, three hidden layers", f"{_VALUES} {_TOGETHER} gradient.of_own_loss",
        gradient=_wrong_gradient(_shaped(4, 3, 5, 2, 3, n=6)),
    ),
    _net(
        "two hidden layers, softmax as an output layer", f"{_VALUES} {_TOGETHER}",
        gradient=_wrong_gradient(lambda net, X: len(_widths(net)) == 4 and net.output_layers),
    ),
    _net(
        "two hidden layers, softmax as a layer", f"{_VALUES} {_TOGETHER}",
        gradient=_wrong_gradient(lambda net, X: len(_widths(net)) == 4 and not net.output_layers),
    ),
]  # fmt: skip


def _of_the_submission(net: Any, X: Any) -> bool:
    """Whether the layers are the submission's own."""
    return all(type(layer) in plain.CLASSES.values() for layer in net.layers)


TOGETHER_ALONE = [
    _net(
        "a gradient with the submission's layers",
        f"{_TOGETHER} gradient.of_deep_net",
        gradient=_wrong_gradient(_of_the_submission),
    ),
    _net(
        "a gradient with the examiner's layers",
        f"{_VALUES} gradient.of_own_loss",
        gradient=_wrong_gradient(lambda net, X: not _of_the_submission(net, X)),
    ),
]


def _single(parts: Any) -> Any:
    return [part.astype(np.float32).astype(float) for part in parts]


def _confuses(one: str, other: str) -> Any:
    """Gives two layers each other's gradients, where both are there and alike in shape."""

    def gradient(self: Any, X: Any, T: Any) -> Any:
        found = _MLP.gradient(self, X, T)
        if {one, other} <= set(found) and found[one][0].shape == found[other][0].shape:
            found[one], found[other] = found[other], found[one]
        return found

    return gradient


_DEEP = {
    "784 inputs": lambda net, X: net.n_inputs == 784,
    "six layers with parameters": lambda net, X: len(_widths(net)) == 7,
    "five layers of 64 units": lambda net, X: _widths(net).count(64) == 5,
    "ten classes": lambda net, X: _widths(net)[-1] == 10,
    "eight samples": lambda net, X: len(X) == 8,
}
DEEP = [
    *(
        _net(name, "gradient.of_deep_net", gradient=_wrong_gradient(kind))
        for name, kind in _DEEP.items()
    ),
    _net(
        "sums over many terms in single precision", "gradient.of_deep_net",
        gradient=_wrong_gradient(lambda net, X: net.n_inputs > 500, _single, "Linear_1"),
    ),
    *(
        _net(
            f"Linear_{k} for Linear_{k + 1}", "gradient.of_deep_net",
            gradient=_confuses(f"Linear_{k}", f"Linear_{k + 1}"),
        )
        for k in (2, 3, 4)
    ),
]  # fmt: skip


def _wrong_propagate(kind: Callable[..., Any]) -> Any:
    def propagate(self: Any, X: Any, output_layers: Any = True, last_layer: Any = None) -> Any:
        found = _MLP.propagate(self, X, output_layers, last_layer)
        return off(found) if kind(self, output_layers, last_layer) else found

    return propagate


def _evaluate(kind: Kind, change: Callable[[Any], Any] = off) -> Any:
    def evaluate(self: Any, X: Any, T: Any) -> Any:
        losses = _MLP.evaluate(self, X, T)
        return change(losses) if kind(self, X) else losses

    return evaluate


def _remembers_batches(self: Any, X: Any, T: Any) -> Any:
    self.last = X
    return _MLP.evaluate(self, X, T)


def _of_the_last_batch(self: Any, X: Any, T: Any) -> Any:
    found = _MLP.gradient(self, X, T)
    other = not np.array_equal(getattr(self, "last", X), X)
    return {name: off(parts) for name, parts in found.items()} if other else found


def _computed_once(self: Any, X: Any, T: Any) -> Any:
    self.kept = getattr(self, "kept", None) or _MLP.gradient(self, X, T)
    return self.kept


def _trains_a_little(self: Any, X: Any, T: Any) -> Any:
    found = _MLP.gradient(self, X, T)
    self.layers[0].b += 1e-3
    return found


def _writes(self: Any, X: Any, T: Any) -> Any:
    found = _MLP.gradient(self, X, T)
    T[0, 0] += 1
    return found


#: What is asked of networks besides their values.
USES = [
    *(
        _net(
            f"up to ReLU_{k}",
            "propagate.to_last_layer",
            propagate=_wrong_propagate(lambda net, _, last, k=k: last == f"ReLU_{k}"),
        )
        for k in (1, 2, 3)
    ),
    _net(
        "through an output layer",
        "propagate.values propagate.together",
        propagate=_wrong_propagate(lambda net, output, last: output and net.output_layers and last is None),
    ),
    _net(
        "through softmax as a layer",
        "propagate.values propagate.together",
        propagate=_wrong_propagate(lambda net, output, last: output and not net.output_layers and last is None),
    ),
    _net(
        "without output layers",
        "propagate.without_output_layers",
        propagate=_wrong_propagate(lambda net, output, last: not output and net.output_layers),
    ),
    _net(
        "one loss in no column",
        "evaluate.types",
        evaluate=_evaluate(lambda net, X: len(X) == 1, np.ravel),
    ),
    _net(
        "losses in no column",
        "evaluate.types",
        evaluate=_evaluate(lambda net, X: len(X) == 6, np.ravel),
    ),
    _net(
        "losses of softmax as a layer",
        "evaluate.values evaluate.together",
        evaluate=_evaluate(lambda net, X: not net.output_layers),
    ),
    _net(
        "losses of the compound layer",
        "evaluate.values evaluate.together",
        evaluate=_evaluate(lambda net, X: net.output_layers),
    ),
    _net(
        "losses that the gradient does not belong to",
        "gradient.of_own_loss",
        evaluate=_evaluate(_shaped(4, 3, 5, 2, 3, n=6)),
    ),
    _net(
        "a gradient after another batch",
        "gradient.in_any_order",
        evaluate=_remembers_batches,
        gradient=_of_the_last_batch,
    ),
    _net("a gradient after a step", "gradient.training_step gradient.training_step_together", gradient=_computed_once),
    _net(
        "parameters after a gradient",
        "gradient.changes_nothing gradient.training_step gradient.training_step_together",
        gradient=_trains_a_little,
    ),
    _net("targets after a gradient", "gradient.changes_nothing", gradient=_writes),
]


SABOTEURS = [*SHAPES, *TOGETHER_ALONE, *DEEP, *USES]
