"""Counts how many of the known mistakes the usual gradient tests catch, and how many our examiner does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.lab.mistakes import CATALOGUE
from reference.lab.mistakes.plain import CLASSES
from reference.numerics.oracles import torch_autograd
from reports.io.cores import cores
from reports.io.workers import run_in_workers
from reports.study.bench.mistakes import examined

Array = NDArray[Any]
Function = Callable[..., Array]
Gradient = Callable[..., tuple[Array, ...]]

#: The first part of the ids of the checks of each Python class.
_KEYS = {
    "LinearLayer": "linear",
    "ReLULayer": "relu",
    "SoftmaxLayer": "softmax",
    "LossCrossEntropy": "cross_entropy",
    "LossCrossEntropyForSoftmaxLogits": "logits",
    "MLP": "mlp",
}
_STEP = 1e-6  # the usual step of central differences
#: Mistakes that are judged in the time that a new process takes to import numpy and PyTorch.
_WORTH_A_PROCESS = 10


@dataclass(frozen=True)
class Subject:
    """A function of arrays with its vector-Jacobian product, made from a layer, a loss or a network.

    The vector-Jacobian product ``vjp`` is called with ``cotangent``, then the arguments.
    """

    forward: Function
    vjp: Gradient
    args: tuple[Array, ...]
    cotangent: Array


def measure(every: int = 1) -> dict[str, Any]:
    """Measure, for results.json, which checkers catch each ``every``-th known mistake.

    A gradient test compares the gradient with the forward pass at random inputs. So it cannot see a wrong forward pass
    whose gradient is right, an argument that is changed, or what happens at extreme inputs.

    Returns
    -------
    dict
        ``checkers``: their names. ``by_class`` and ``all``: the number of ``mistakes``, how many of them each checker
        catches, and how many our examiner gives the right name (``named``). ``every``: the argument.

    Raises
    ------
    RuntimeError
        A checker fails a right class, so that its catches would mean nothing; or a worker process has died.
    """
    chosen = CATALOGUE[::every]
    for checker in checkers().values():
        for cls in CLASSES:
            if cls in _KEYS and _fails(checker, cls, CLASSES):
                raise RuntimeError(f"catches: expected {checker.__name__} to pass the right {cls}")
    results = _judge_all(range(0, len(CATALOGUE), every))
    by_class: dict[str, list[dict[str, bool]]] = {}
    for mistake, result in zip(chosen, results, strict=True):
        by_class.setdefault(mistake.subject.partition(".")[0], []).append(result)
    return {
        "checkers": ["ours", *checkers()],
        "by_class": {cls: _counts(group) for cls, group in by_class.items()},
        "all": _counts(results),
        "every": every,
    }


def _counts(results: Sequence[dict[str, bool]]) -> dict[str, int]:
    return {"mistakes": len(results)} | {name: sum(each[name] for each in results) for name in results[0]}


def _judge_all(numbers: Sequence[int]) -> list[dict[str, bool]]:
    """Which checkers catch each of these mistakes, judged in several processes if there are enough mistakes for two."""
    workers = min(cores(), len(numbers) // _WORTH_A_PROCESS)
    return in_processes(numbers, workers) if workers > 1 else [_judge(number) for number in numbers]


def in_processes(numbers: Sequence[int], workers: int) -> list[dict[str, bool]]:
    """Which checkers catch each of these mistakes of the catalogue, in their order, judged in that many processes."""
    found = {}
    for outcome in run_in_workers(_judge, numbers, workers):
        if outcome.value is None:
            raise RuntimeError(f"catches: mistake {outcome.item} of the catalogue was not judged: {outcome.problem}")
        found[outcome.item] = outcome.value
    return [found[number] for number in numbers]


def _judge(number: int) -> dict[str, bool]:
    """For each checker, whether it catches the mistake with this number in the catalogue."""
    mistake = CATALOGUE[number]
    cls = mistake.subject.partition(".")[0]
    found = {name: _fails(checker, cls, mistake.classes) for name, checker in checkers().items()}
    ours = examined(mistake, only=f"{_KEYS[cls]}.*", seed=0)
    return {"ours": ours.caught, "named": ours.named == mistake.word} | found


def checkers() -> dict[str, Callable[[Subject], bool]]:
    """The checkers that can run here, by name; each returns whether a subject passes."""
    found: dict[str, Callable[[Subject], bool]] = {"np.allclose": passes_allclose}
    if torch_autograd.available() is None:
        found["gradcheck"] = passes_gradcheck
    return found


def passes_allclose(subject: Subject) -> bool:
    """Whether a subject passes the usual test by hand: central differences of every entry, and `numpy.allclose`."""
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


def passes_gradcheck(subject: Subject) -> bool:
    """Whether a subject passes `torch.autograd.gradcheck` with its default tolerances."""
    return torch_autograd.gradcheck_numpy(subject.forward, subject.vjp, subject.args)


def _fails(passes: Callable[[Subject], bool], cls: str, classes: dict[str, type]) -> bool:
    """Whether a class fails the checker, or raises an exception."""
    try:
        with np.errstate(all="ignore"):
            return not all(passes(subject) for subject in subjects(cls, classes))
    except (Exception, SystemExit):  # the author of a wrong implementation would see its exception
        return True


def subjects(cls: str, classes: dict[str, Any]) -> Iterator[Subject]:
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
        inputs = np.exp(X) / np.exp(X).sum(axis=1, keepdims=True) if cls == "LossCrossEntropy" else X
        yield Subject(
            lambda X: loss.forward(X, T), lambda c, X: (c * loss.delta(X, T),), (inputs,), rng.standard_normal((4, 1))
        )


def _linear(classes: dict[str, Any], rng: np.random.RandomState) -> Subject:
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


def _network(classes: dict[str, Any], rng: np.random.RandomState) -> Subject:
    """The mean loss of a network as a function of its parameters."""
    sizes = ((3, 5), (5, 4), (4, 3))
    linear = [classes["LinearLayer"](*size, rng, f"Linear_{n}") for n, size in enumerate(sizes)]
    layers = [linear[0], classes["ReLULayer"]("ReLU_0"), linear[1], classes["ReLULayer"]("ReLU_1"), linear[2]]
    loss, softmax = classes["LossCrossEntropyForSoftmaxLogits"]("CE"), classes["SoftmaxLayer"]("Softmax_OUT")
    net = classes["MLP"](3, layers, loss, [softmax])
    X, T = rng.standard_normal((6, 3)), np.eye(3)[rng.randint(0, 3, 6)]
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
