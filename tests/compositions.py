"""Random compositions of elementary functions, on arrays, tensors and balls, with their true derivatives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

#: A node: the name of an operation, and its operands (a number for a leaf).
Node = tuple[Any, ...]

UNARY = (
    "exp",
    "log",
    "tanh",
    "sigmoid",
    "square",
    "reciprocal",
    "abs",
    "neg",
    "expm1 by hand",
    "log1p by hand",
    "sqrt",
)
BINARY = ("add", "sub", "mul", "div", "max")
#: Operations that cancel, absorb, oscillate and overflow, besides.
HOSTILE_UNARY = (
    "sin",
    "cos",
    "atan",
    "cosh",
    "1 - cos",
    "sine over it",
    "root of 1 + it, less 1",
    "log cosh",
    "softplus by hand",
    "1 - tanh^2",
    "large added and taken off",
)
HOSTILE_BINARY = ("length", "logaddexp by hand", "relative difference", "variance", "power", "what is left")
#: From numbers that vanish to ones that saturate.
SIZES = (1e-12, 1e-3, 1.0, 1.0, 1.0, 5.0, 30.0, 300.0)
CONSTANTS = (1.0, 1.0, 2.0, 0.5, -1.0, 1e-8, 1e8)
HOSTILE_SIZES = (1e-300, 1e-110, 1e-30, 1e-12, 1e-3, 1.0, 1.0, 1.0, 30.0, 300.0, 1e5, 1e16, 1e100, 1e300)
HOSTILE_CONSTANTS = (*CONSTANTS, 1e-16, 1e-150, 1e150)
ARGUMENTS = 3


@dataclass(frozen=True)
class Composition:
    """A formula of three numbers, and where it is asked."""

    node: Node
    point: tuple[float, ...]

    def arrays(self, x: Any) -> Any:
        """In numpy, as people write it; of real or complex numbers, of any width."""
        return evaluated(self.node, x, NUMPY)

    def tensors(self, x: Any) -> Any:
        """In torch."""
        return evaluated(self.node, x, torch_operations())


def drawn(rng: np.random.RandomState) -> Composition:
    size = SIZES[rng.randint(len(SIZES))] if rng.rand() < 0.85 else 10.0 ** rng.uniform(-300, 300)
    point = tuple(float(each) for each in size * rng.randn(ARGUMENTS))
    if rng.rand() < 0.25:
        point = tuple(round(each * 8) / 8 or 0.125 for each in point)
    return Composition(_node(rng, 1 + rng.randint(4)), point)


def drawn_hostile(rng: np.random.RandomState) -> Composition:
    """As `drawn`, of more operations, deeper, and of arguments whose sizes differ as far as doubles reach."""
    kind = rng.rand()
    if kind < 0.6:
        sizes = np.full(ARGUMENTS, HOSTILE_SIZES[rng.randint(len(HOSTILE_SIZES))])
    elif kind < 0.8:
        sizes = np.array([HOSTILE_SIZES[rng.randint(len(HOSTILE_SIZES))] for _ in range(ARGUMENTS)])
    else:
        sizes = 10.0 ** rng.uniform(-300, 300, ARGUMENTS)
    point = sizes * rng.randn(ARGUMENTS)
    if rng.rand() < 0.2:
        point[1] = point[0] * (1 + rng.choice([-1, 1]) * 10.0 ** -rng.randint(3, 17))
    hostile = (UNARY + HOSTILE_UNARY, BINARY + HOSTILE_BINARY, HOSTILE_CONSTANTS)
    return Composition(_node(rng, 1 + rng.randint(5), *hostile), tuple(point.tolist()))


def _node(
    rng: np.random.RandomState,
    depth: int,
    unary: tuple[str, ...] = UNARY,
    binary: tuple[str, ...] = BINARY,
    constants: tuple[float, ...] = CONSTANTS,
) -> Node:
    kind = rng.rand()
    if depth == 0 or kind < 0.08:
        if rng.rand() < 0.75:
            return ("argument", int(rng.randint(ARGUMENTS)))
        return ("constant", constants[rng.randint(len(constants))])
    if kind < 0.5:
        operation, count = unary[rng.randint(len(unary))], 1
    elif kind < 0.93:
        operation, count = binary[rng.randint(len(binary))], 2
    else:
        operation, count = "softmax", ARGUMENTS
    operands = [_node(rng, depth - 1, unary, binary, constants) for _ in range(count)]
    # A function of constants alone is computed by Python before anybody can follow it.
    if all(kind == "constant" for kind, *_ in operands):
        operands[0] = ("argument", int(rng.randint(ARGUMENTS)))
    return (operation, *operands)


def evaluated(node: Node, x: Any, operations: dict[str, Callable[..., Any]]) -> Any:
    kind, *operands = node
    if kind == "argument":
        return x[operands[0]]
    if kind == "constant":
        return operations["constant"](operands[0])
    return operations[kind](*(evaluated(each, x, operations) for each in operands))


def _softmax(exp: Any, largest: Any) -> Callable[..., Any]:
    """The first probability, with the maximum subtracted as everybody does it."""

    def softmax(*logits: Any) -> Any:
        top = logits[0]
        for each in logits[1:]:
            top = largest(top, each)
        terms = [exp(each - top) for each in logits]
        return terms[0] / (terms[0] + terms[1] + terms[2])

    return softmax


_PLAIN: dict[str, Callable[..., Any]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "neg": lambda a: -a,
    "square": lambda a: a * a,
    "reciprocal": lambda a: 1 / a,
}


def _hostile(exp: Any, log: Any, tanh: Any, sqrt: Any, largest: Any, waves: tuple[Any, ...]) -> dict[str, Any]:
    sin, cos, atan, cosh = waves

    def logaddexp(a: Any, b: Any) -> Any:
        top = largest(a, b)
        return top + log(exp(a - top) + exp(b - top))

    return {
        "sin": sin,
        "cos": cos,
        "atan": atan,
        "cosh": cosh,
        "1 - cos": lambda a: 1 - cos(a),
        "sine over it": lambda a: sin(a) / a,
        "root of 1 + it, less 1": lambda a: sqrt(1 + a) - 1,
        "log cosh": lambda a: log(cosh(a)),
        "softplus by hand": lambda a: log(1 + exp(a)),
        "1 - tanh^2": lambda a: 1 - tanh(a) * tanh(a),
        "large added and taken off": lambda a: (a + 1e9) - 1e9,
        "length": lambda a, b: sqrt(a * a + b * b),
        "logaddexp by hand": logaddexp,
        "relative difference": lambda a, b: (a - b) / (a + b),
        "variance": lambda a, b: (a * a + b * b) / 2 - ((a + b) / 2) * ((a + b) / 2),
        "power": lambda a, b: exp(b * log(a)),
        "what is left": lambda a, b: (a + b) - a,
    }


def _operations(
    exp: Any, log: Any, tanh: Any, sqrt: Any, largest: Any, absolute: Any, waves: tuple[Any, ...], constant: Any
) -> Any:
    return {
        **_PLAIN,
        **_hostile(exp, log, tanh, sqrt, largest, waves),
        "exp": exp,
        "log": log,
        "tanh": tanh,
        "sqrt": sqrt,
        "max": largest,
        "abs": absolute,
        "constant": constant,
        "sigmoid": lambda a: 1 / (1 + exp(-a)),
        "expm1 by hand": lambda a: exp(a) - 1,
        "log1p by hand": lambda a: log(1 + a),
        "softmax": _softmax(exp, largest),
    }


_WAVES = (np.sin, np.cos, np.arctan, np.cosh)
NUMPY = _operations(np.exp, np.log, np.tanh, np.sqrt, np.maximum, np.abs, _WAVES, lambda value: value)


def torch_operations() -> Any:
    import torch  # noqa: PLC0415 - optional and slow to import

    def tensor(value: float) -> Any:
        return torch.tensor(value, dtype=torch.float64)

    def of_tensors(function: Any) -> Any:
        return lambda *each: function(*(one if torch.is_tensor(one) else tensor(one) for one in each))

    functions = (torch.exp, torch.log, torch.tanh, torch.sqrt, torch.maximum, torch.abs)
    waves = tuple(of_tensors(each) for each in (torch.sin, torch.cos, torch.atan, torch.cosh))
    return _operations(*(of_tensors(each) for each in functions), waves, lambda value: value)


def truth(composition: Composition, direction: tuple[float, ...], bits: int = 6000) -> tuple[Any, Any] | None:
    """Balls around the value and the derivative along a direction; None at a kink, or outside a function's domain."""
    import flint  # noqa: PLC0415 - optional

    before, flint.ctx.prec, flint.ctx.cap = flint.ctx.prec, bits, 2
    try:
        x = [flint.arb_series([at, along]) for at, along in zip(composition.point, direction, strict=True)]
        found = evaluated(composition.node, x, _series_operations())
        value, slope = found[0], found[1]
        return (value, slope) if value.is_finite() and slope.is_finite() else None
    except (_KinkError, ValueError, ZeroDivisionError):
        return None
    finally:
        flint.ctx.prec = before


class _KinkError(Exception):
    """The function has no derivative here."""


def _series_operations() -> Any:
    import flint  # noqa: PLC0415 - optional

    def series(a: Any) -> Any:
        return a if isinstance(a, flint.arb_series) else flint.arb_series([a, 0])

    def largest(a: Any, b: Any) -> Any:
        a, b = series(a), series(b)
        if a[0] > b[0]:
            return a
        if a[0] < b[0]:
            return b
        if (a[0] - b[0]).is_zero() and (a[1] - b[1]).is_zero():
            return a
        raise _KinkError

    def tanh(a: Any) -> Any:
        return 1 - 2 / (1 + (2 * series(a)).exp())

    def absolute(a: Any) -> Any:
        return largest(a, -series(a))

    return _operations(
        lambda a: series(a).exp(),
        lambda a: series(a).log(),
        tanh,
        lambda a: series(a).sqrt(),
        largest,
        absolute,
        (
            lambda a: series(a).sin(),
            lambda a: series(a).cos(),
            lambda a: series(a).atan(),
            lambda a: (series(a).exp() + (-series(a)).exp()) / 2,
        ),
        series,
    )
