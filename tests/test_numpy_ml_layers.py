"""`check_vjp` on the layers of the package numpy-ml, which other people wrote: no right one is blamed."""

from __future__ import annotations

import collections
import collections.abc
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference import check_vjp

pytestmark = pytest.mark.measure

Array = NDArray[Any]
#: Its loss adds an epsilon inside the logarithm that its gradient does not know.
AT_FAULT = frozenset({"CrossEntropy"})
_ACTIVATIONS = "Affine ELU Exponential HardSigmoid Identity LeakyReLU ReLU SELU Sigmoid SoftPlus Tanh"
#: Name, options, and shapes of the inputs.
_LAYERS: list[tuple[str, dict[str, Any], list[tuple[int, ...]]]] = [
    ("FullyConnected", {"n_out": 3}, [(2, 4)]),
    ("FullyConnected", {"n_out": 3, "act_fn": "Tanh"}, [(2, 4)]),
    ("FullyConnected", {"n_out": 3, "act_fn": "Sigmoid"}, [(2, 4)]),
    ("Softmax", {}, [(3, 4)]),
    ("Add", {"act_fn": "Tanh"}, [(2, 3), (2, 3)]),
    ("Multiply", {"act_fn": "Tanh"}, [(2, 3), (2, 3)]),
    ("Flatten", {}, [(2, 3, 2)]),
    ("BatchNorm1D", {}, [(5, 3)]),
    ("BatchNorm2D", {}, [(2, 3, 2, 2)]),
    ("LayerNorm1D", {}, [(3, 4)]),
    ("LayerNorm2D", {}, [(2, 3, 2, 2)]),
    ("Conv1D", {"out_ch": 2, "kernel_width": 2, "act_fn": "Tanh"}, [(2, 5, 3)]),
    ("Conv1D", {"out_ch": 2, "kernel_width": 2, "stride": 2, "pad": 1}, [(2, 5, 3)]),
    ("Conv2D", {"out_ch": 2, "kernel_shape": (2, 2), "act_fn": "Tanh"}, [(1, 4, 3, 2)]),
    ("Conv2D", {"out_ch": 2, "kernel_shape": (2, 3), "stride": 2, "pad": 1}, [(1, 4, 4, 2)]),
    ("Deconv2D", {"out_ch": 2, "kernel_shape": (2, 2)}, [(1, 3, 3, 2)]),
    ("Pool2D", {"kernel_shape": (2, 2), "stride": 2, "mode": "max"}, [(1, 4, 4, 2)]),
    ("Pool2D", {"kernel_shape": (2, 2), "stride": 2, "mode": "average"}, [(1, 4, 4, 2)]),
]
#: Layers that take all their inputs in one list.
_LISTED = frozenset({"Add", "Multiply"})

Pair = tuple[Callable[..., Any], Callable[..., Any], list[Array]]


def imported(name: str) -> Any:
    """A module of numpy-ml, which was written for an older Python and an older numpy."""
    for each in ("Hashable", "Iterable", "Mapping", "Sequence", "Callable"):
        if not hasattr(collections, each):
            setattr(collections, each, getattr(collections.abc, each))
    for each, plain in (("float", float), ("int", int), ("bool", bool), ("object", object)):
        if each not in vars(np):
            setattr(np, each, plain)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip(f"numpy_ml.neural_nets.{name}")


def layer(name: str, options: dict[str, Any], inputs: Sequence[Array]) -> Pair:
    """A layer as a function of its inputs and its parameters; each call makes a new one."""
    make, count = getattr(imported("layers"), name), len(inputs)

    def ran(args: Sequence[Array]) -> tuple[Any, Any]:
        made, copies = make(**options), [each.copy() for each in args[:count]]
        given = [copies] if name in _LISTED else copies
        made.forward(*given)  # which makes the parameters
        made.parameters.update(zip(names, map(np.array, args[count:]), strict=True))
        made.flush_gradients()
        return made, made.forward(*given)

    def vjp(cotangent: Array, *args: Array) -> tuple[Any, ...]:
        made, _ = ran(args)
        found = made.backward(cotangent.copy())
        of_inputs = found if isinstance(found, list | tuple) else [found]
        return (*of_inputs, *(np.array(made.gradients[each]) for each in names))

    names: list[str] = []
    first, _ = ran(inputs)
    names = [each for each, value in first.parameters.items() if each in first.gradients and value is not None]
    rng = np.random.RandomState(1)
    parameters = [rng.randn(*first.parameters[each].shape) for each in names]
    return lambda *args: ran(args)[1], vjp, [*inputs, *parameters]


def pairs() -> dict[str, Pair]:
    """Every function of the package that is asked, by name."""
    rng = np.random.RandomState(0)
    found: dict[str, Pair] = {}
    for name in _ACTIVATIONS.split():
        each = getattr(imported("activations"), name)()
        found[name] = each.fn, lambda c, x, each=each: (c * each.grad(x),), [rng.randn(3, 4)]
    for name, options, shapes in _LAYERS:
        found[f"{name} {options}"] = layer(name, options, [rng.randn(*shape) for shape in shapes])
    losses, identity, target = imported("losses"), imported("activations").Identity(), rng.randn(3, 4)
    square, entropy, classes = losses.SquaredError(), losses.CrossEntropy(), np.eye(4)[[1, 0, 3]]

    def softmax(z: Array) -> Array:
        e = np.exp(z - z.max(axis=1, keepdims=True))
        return np.asarray(e / e.sum(axis=1, keepdims=True))

    found["SquaredError"] = (
        lambda p: square.loss(target, p),
        lambda c, p: (c * square.grad(target, p, np.zeros_like(p), identity),),
        [rng.randn(3, 4)],
    )
    found["CrossEntropy"] = (
        lambda z: entropy.loss(classes, softmax(z)),
        lambda c, z: (c * entropy.grad(classes, softmax(z)),),
        [rng.randn(3, 4)],
    )
    return found


def test_the_layers_of_numpy_ml() -> None:
    """Those at fault fail and no other; prints how many were asked and what fails."""
    failed = {}
    asked = pairs()
    for name, (forward, vjp, args) in asked.items():
        findings = check_vjp(forward, vjp, *args)
        if not findings.ok:
            failed[name] = [each for each in findings if each.status in {"failed", "error"}]
    print(f"{len(asked)} functions asked, {len(failed)} fail")  # noqa: T201 - a measurement
    for name, found in failed.items():
        print(f"  {name}: {found[0].check}: expected {found[0].expected}, got {found[0].actual}")  # noqa: T201
    assert set(failed) == AT_FAULT
