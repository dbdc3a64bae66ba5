"""The usual tests of an implementation, which the report sets beside our examiner: each passes a class, or does not.

A gradient test compares a gradient with the forward pass at random inputs. So it cannot see a wrong forward pass whose
gradient is right, an argument that is changed, or what happens at extreme inputs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.lab.mistakes.plain import CLASSES
from reference.numerics.oracles import torch_autograd

Array = NDArray[Any]
Function = Callable[..., Array]
Gradient = Callable[..., tuple[Array, ...]]
#: Implementations by the name of the class.
Classes = dict[str, Any]
#: Whether the class with this name passes, among these classes.
Checker = Callable[[str, Classes], bool]

_STEP = 1e-6  # the usual step of central differences
#: The tolerance of the course's own test, and the seeds of its inputs.
_COURSE_TOLERANCE = 1e-5
_COURSE_SEEDS = (0, 1, 2)


@dataclass(frozen=True)
class Subject:
    """A function of arrays with its vector-Jacobian product, made from a layer, a loss or a network.

    The vector-Jacobian product ``vjp`` is called with ``cotangent``, then the arguments.
    """

    forward: Function
    vjp: Gradient
    args: tuple[Array, ...]
    cotangent: Array


def checkers() -> dict[str, Checker]:
    """The tests that can run here, by name."""
    found: dict[str, Checker] = {"course": passes_course, "differences": passes_differences}
    if torch_autograd.available() is None:
        found["gradcheck"] = passes_gradcheck
    return found


def fails(passes: Checker, cls: str, classes: Classes) -> bool:
    """Whether a class fails the test, or raises an exception."""
    try:
        with np.errstate(all="ignore"):
            return not passes(cls, classes)
    except (Exception, SystemExit):  # the author of a wrong implementation would see its exception
        return True


def passes_course(cls: str, classes: Classes) -> bool:
    """Whether a class passes a test like the course's: `numpy.allclose` to the right results at a few fixed inputs."""
    return all(
        np.allclose(one, right, rtol=_COURSE_TOLERANCE, atol=_COURSE_TOLERANCE)
        for seed in _COURSE_SEEDS
        for one, right in zip(_results(cls, classes, seed), _results(cls, CLASSES, seed), strict=True)
    )


def passes_differences(cls: str, classes: Classes) -> bool:
    """Whether a class passes the usual test by hand: central differences of every entry, and `numpy.allclose`."""
    return all(agrees_with_differences(subject) for subject in subjects(cls, classes))


def passes_gradcheck(cls: str, classes: Classes) -> bool:
    """Whether a class passes `torch.autograd.gradcheck` with its default tolerances."""
    return all(
        torch_autograd.gradcheck_numpy(subject.forward, subject.vjp, subject.args) for subject in subjects(cls, classes)
    )


def _results(cls: str, classes: Classes, seed: int) -> Iterator[Any]:
    """What the methods of a class return at fixed inputs; they are called by keyword, as the course does."""
    rng = np.random.RandomState(seed)
    X, delta = rng.standard_normal((2, 4, 3))
    T = np.eye(3)[rng.randint(0, 3, 4)]
    if cls == "MLP":
        net, linear, X, T = network(classes, rng)
        yield from (net.propagate(X), net.evaluate(X, T))
        gradient = net.gradient(X, T)
        for layer in linear:
            yield from gradient[layer.name]
    elif cls == "LinearLayer":
        layer = classes[cls](3, 2, np.random.RandomState(seed), "Linear")
        yield from (layer.W, layer.b, layer.forward(X=X), layer.delta(Y=delta[:, :2], delta_next=delta[:, :2]))
        yield from layer.grad(X=X, delta_next=delta[:, :2])
        layer.update_params([np.ones((3, 2)), np.ones(2)])
        yield from (layer.W, layer.b)
    elif cls in {"ReLULayer", "SoftmaxLayer"}:
        layer, right = classes[cls]("layer"), CLASSES[cls]("layer")
        yield from (layer.forward(X=X), layer.delta(Y=right.forward(X), delta_next=delta))
    else:
        loss = classes[cls]("CE")
        inputs = _loss_inputs(cls, X)
        yield from (loss.forward(X=inputs, T=T), loss.delta(X=inputs, T=T))


def _loss_inputs(cls: str, X: Array) -> Array:
    """Inputs of a loss: probabilities for cross-entropy, logits for the compound layer."""
    return np.exp(X) / np.exp(X).sum(axis=1, keepdims=True) if cls == "LossCrossEntropy" else X


def agrees_with_differences(subject: Subject) -> bool:
    """Whether `numpy.allclose` finds every entry of a subject's gradient near its central difference."""
    found = subject.vjp(subject.cotangent, *subject.args)
    for place, argument in enumerate(subject.args):
        numeric = np.zeros(argument.shape)
        for index in np.ndindex(argument.shape):
            moved = []
            for step in (_STEP, -_STEP):
                other = argument.copy()
                other[index] += step
                args = [*subject.args[:place], other, *subject.args[place + 1 :]]
                moved.append(subject.forward(*args))
            numeric[index] = (subject.cotangent * (moved[0] - moved[1]) / (2 * _STEP)).sum()
        if np.shape(found[place]) != numeric.shape or not np.allclose(numeric, found[place]):
            return False
    return True


def subjects(cls: str, classes: Classes) -> Iterator[Subject]:
    """The functions of a class that a gradient test would be given, at random inputs."""
    rng = np.random.RandomState(0)
    X, d = rng.standard_normal((2, 4, 3))
    T = np.eye(3)[rng.randint(0, 3, 4)]
    if cls == "LinearLayer":
        yield _linear(classes, rng)
    elif cls in {"ReLULayer", "SoftmaxLayer"}:
        layer = classes[cls]("layer")
        yield Subject(layer.forward, lambda c, X: (layer.delta(layer.forward(X), c),), (X,), d)
    elif cls == "MLP":
        yield _network(classes, rng)
    else:
        loss = classes[cls]("CE")
        yield Subject(
            lambda X: loss.forward(X, T),
            lambda c, X: (c * loss.delta(X, T),),
            (_loss_inputs(cls, X),),
            rng.standard_normal((4, 1)),
        )


def _linear(classes: Classes, rng: np.random.RandomState) -> Subject:
    """The outputs of a linear layer as a function of its inputs and parameters."""
    layer = classes["LinearLayer"](3, 2, np.random.RandomState(1), "Linear")
    X, cotangent = rng.standard_normal((4, 3)), rng.standard_normal((4, 2))

    def forward(X: Array, W: Array, b: Array) -> Array:
        layer.W, layer.b = W, b
        outputs: Array = layer.forward(X)
        return outputs

    def vjp(c: Array, X: Array, W: Array, b: Array) -> tuple[Array, ...]:
        Y = forward(X, W, b)
        dW, db = layer.grad(X, c)
        return layer.delta(Y, c), len(X) * np.asarray(dW), len(X) * np.asarray(db)

    return Subject(forward, vjp, (X, rng.standard_normal((3, 2)), rng.standard_normal(2)), cotangent)


def _network(classes: Classes, rng: np.random.RandomState) -> Subject:
    """The mean loss of a network as a function of its parameters."""
    net, linear, X, T = network(classes, rng)
    theta = tuple(np.array(array, dtype=np.float64) for layer in linear for array in (layer.W, layer.b))

    def set_parameters(theta: Sequence[Array]) -> None:
        for layer, W, b in zip(linear, theta[::2], theta[1::2], strict=True):
            layer.W, layer.b = W.copy(), b.copy()

    def forward(*theta: Array) -> Array:
        set_parameters(theta)
        return np.asarray(net.evaluate(X, T).mean())

    def vjp(c: Array, *theta: Array) -> tuple[Array, ...]:
        set_parameters(theta)
        found = net.gradient(X, T)
        return tuple(c * np.asarray(part) for layer in linear for part in found[layer.name])

    return Subject(forward, vjp, theta, np.array(1.0))


def network(classes: Classes, rng: np.random.RandomState) -> tuple[Any, list[Any], Array, Array]:
    """A network with two hidden layers, its linear layers, and inputs and targets for it."""
    sizes = ((3, 5), (5, 4), (4, 3))
    linear = [classes["LinearLayer"](*size, rng, f"Linear_{n}") for n, size in enumerate(sizes)]
    layers = [linear[0], classes["ReLULayer"]("ReLU_0"), linear[1], classes["ReLULayer"]("ReLU_1"), linear[2]]
    loss, softmax = classes["LossCrossEntropyForSoftmaxLogits"]("CE"), classes["SoftmaxLayer"]("Softmax_OUT")
    net = classes["MLP"](3, layers, loss, [softmax])
    return net, linear, rng.standard_normal((6, 3)), np.eye(3)[rng.randint(0, 3, 6)]
