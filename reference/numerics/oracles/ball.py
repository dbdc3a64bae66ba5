"""Ball arithmetic: rigorous enclosures of a definition's value and derivative, whole matrices at a time.

Every number is a ball, a midpoint and a radius, and every operation encloses its exact result (Johansson 2017, *Arb:
efficient arbitrary-precision midpoint-radius interval arithmetic*, IEEE Trans. Comput. 66(8)). Derivatives come from
reverse accumulation over a tape (Griewank and Walther 2008, *Evaluating Derivatives*, section 3.2): only the
derivatives of elementary operations are coded, none of a formula of the lab. Arguments are doubles, hence exact; the
precision is doubled until the result is known far better than a double can hold.

python-flint is optional; `available` says whether it is there.
"""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import reduce
from operator import methodcaller, mul, truediv
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reference.numerics import ball_tolerances
from reference.numerics.estimate import Estimate, of_enclosures

Array = NDArray[np.float64]


#: One evaluation at a time: flint's precision, and the tape of `reference.numerics.balls`, belong to the process.
LOCK = threading.RLock()
#: What this oracle is called in a finding.
NAME = "ball arithmetic"


def available() -> str | None:
    """None if python-flint can be imported, else a sentence that says what to install."""
    return None if importlib.util.find_spec("flint") else "python-flint is not installed (the project's extra 'check')"


def value(spec: Callable[..., Any], args: Sequence[ArrayLike]) -> Estimate:
    """An enclosure of ``spec(*args)``.

    Parameters
    ----------
    spec
        A definition in the style of torch tensors (see `reference.lab.definitions`), on arrays of one or two axes.
    args
        Arrays, converted to float64 and then taken as exact.

    Returns
    -------
    Estimate
        Of the output's shape: doubles next to the midpoints, and bounds on their distance from the truth.
    """
    return _enclosed(lambda: [spec(*map(Balls.of, args))])[0]


def vjp(spec: Callable[..., Any], cotangent: ArrayLike, args: Sequence[ArrayLike]) -> tuple[Estimate, ...]:
    """An enclosure of the gradient of <cotangent, spec(*args)> with respect to each argument.

    At a kink (ReLU at exactly 0) the enclosure holds the gradients for all slopes between the two one-sided ones, so
    that the error is as large as their difference.

    Parameters
    ----------
    spec, args
        As in `value`.
    cotangent
        Of the output's shape, likewise taken as exact.

    Returns
    -------
    tuple of Estimate
        One for each argument, of its shape.

    Raises
    ------
    ValueError
        The cotangent has another shape than the output.
    """
    weights = np.asarray(cotangent, dtype=np.float64)

    def gradients() -> list[Balls]:
        arguments = [Balls.of(array, tracked=True) for array in args]
        output = spec(*arguments)
        if output.shape != weights.shape:
            raise ValueError(f"cotangent: expected the shape of the output, {output.shape}, got {weights.shape}")
        output.accumulate(Balls.of(weights).matrix)
        return [argument.gradient() for argument in arguments]

    return _enclosed(gradients)


def ulps(
    spec: Callable[..., Any], args: Sequence[ArrayLike], actual: ArrayLike, cotangent: ArrayLike | None = None
) -> Estimate:
    """The distance of computed numbers from the true ones, in units in the last place (ulps) of the true ones.

    Correct rounding to nearest is within half a unit; a result within one unit is called faithfully rounded.

    Parameters
    ----------
    spec, args
        As in `value`.
    actual
        The computed ``spec(*args)`` or, if ``cotangent`` is given, gradient with respect to the first argument.
    cotangent
        As in `vjp`.

    Returns
    -------
    Estimate
        In the shape of ``actual``: the distances, infinite for a NaN, and bounds on their errors.
    """
    claimed = np.asarray(actual, dtype=np.float64)
    truth: list[Balls] = []

    def compute() -> list[Balls]:
        if cotangent is None:
            truth[:] = [spec(*map(Balls.of, args))]
        else:
            arguments = [Balls.of(args[0], tracked=True), *map(Balls.of, args[1:])]
            spec(*arguments).accumulate(Balls.of(cotangent).matrix)
            truth[:] = [arguments[0].gradient()]
        return truth

    nearest = _enclosed(compute)[0].value.ravel()
    unit = np.spacing(np.minimum(np.abs(nearest), 2.0**1023))  # the unit of the largest doubles, also for infinity
    distances, errors = np.full(nearest.shape, np.inf), np.zeros(nearest.shape)
    for place, (entry, number) in enumerate(zip(truth[0].matrix.entries(), claimed.ravel(), strict=True)):
        if np.isfinite(number):
            off = (entry - _flint().arb(float(number))) / _flint().arb(float(unit[place]))
            distances[place], errors[place] = abs(float(off.mid())), float(off.rad())
        elif number == nearest[place]:
            distances[place] = 0.0  # rightly infinite: the true value exceeds all doubles
    return Estimate(distances.reshape(claimed.shape), errors.reshape(claimed.shape))


class Balls:
    """A matrix of balls on a tape, with those methods of a torch tensor that the definitions use.

    A vector of K numbers is stored as one row, as numpy broadcasts it.

    Parameters
    ----------
    matrix
        The `flint.arb_mat`.
    shape
        The shape of the array that it stands for.
    sources
        The operands of the operation whose result this is, each with a function that turns a cotangent of this into
        its part of the operand's cotangent; empty for constants and arguments.
    """

    def __init__(self, matrix: Any, shape: tuple[int, ...], sources: Sequence[tuple[Balls, Callable[[Any], Any]]] = ()):
        self.matrix = matrix
        self.shape = shape
        self.sources = sources
        self.tracked = bool(sources)
        self.cotangent: Any = None

    @classmethod
    def of(cls, array: ArrayLike, *, tracked: bool = False) -> Balls:
        """Balls of radius 0 for an array of at most two axes; ``tracked`` for an argument that is differentiated."""
        numbers = np.asarray(array, dtype=np.float64)
        rows = np.atleast_2d(numbers)
        balls = cls(_flint().arb_mat(*rows.shape, rows.ravel().tolist()), numbers.shape)
        balls.tracked = tracked
        return balls

    def accumulate(self, cotangent: Any) -> None:
        """Compute the cotangents of everything that this depends on from a cotangent of this, backwards on the tape."""
        self.cotangent = cotangent
        for node in reversed(self._order()):
            for source, back in node.sources:
                if source.tracked:
                    part = back(node.cotangent)
                    source.cotangent = part if source.cotangent is None else source.cotangent + part
            if node.sources:
                node.cotangent = None  # not needed any more, and it takes memory

    def gradient(self) -> Balls:
        """The cotangent that `accumulate` has computed for this argument; zero if the result does not depend on it."""
        if self.cotangent is None:
            return Balls(_constant(0, self.matrix.nrows(), self.matrix.ncols()), self.shape)
        return Balls(self.cotangent, self.shape)

    def _order(self) -> list[Balls]:
        """All nodes that this depends on, and this itself, operands before results."""
        order: list[Balls] = []
        seen: set[int] = set()
        stack = [(self, False)]
        while stack:
            node, expanded = stack.pop()
            if expanded:
                order.append(node)
            elif id(node) not in seen:
                seen.add(id(node))
                stack.append((node, True))
                stack.extend((source, False) for source, _ in node.sources if source.tracked)
        return order

    def __len__(self) -> int:
        return self.shape[0]

    # Linear operations, whole matrices at a time in C.

    def __matmul__(self, other: Balls) -> Balls:
        a, b = self.matrix, other.matrix
        return _node(
            a * b,
            (self.shape[0], other.shape[1]),
            (self, lambda g: g * b.transpose()),
            (other, lambda g: a.transpose() * g),
        )

    def __add__(self, other: Any) -> Balls:
        left, right = self._aligned(other)
        return _node(left.matrix + right.matrix, left.shape, (left, lambda g: g), (right, lambda g: g))

    def __sub__(self, other: Any) -> Balls:
        left, right = self._aligned(other)
        return _node(left.matrix - right.matrix, left.shape, (left, lambda g: g), (right, lambda g: -g))

    def __neg__(self) -> Balls:
        return _node(-self.matrix, self.shape, (self, lambda g: -g))

    def sum(self, dim: int | None = None, *, keepdim: bool = False) -> Balls:
        """The sum over one axis, which stays with length 1, or over all entries."""
        if dim is None:
            total = self.sum(dim=0, keepdim=True).sum(dim=1, keepdim=True)
            return _node(total.matrix, (), (total, lambda g: g))
        if not keepdim:
            raise TypeError("Balls.sum: expected keepdim=True, since balls keep two axes")
        n, m = self.matrix.nrows(), self.matrix.ncols()
        if dim == 0:
            row, column = _constant(1, 1, n), _constant(1, n, 1)
            return _node(row * self.matrix, (1, m), (self, lambda g: column * g))
        row, column = _constant(1, 1, m), _constant(1, m, 1)
        return _node(self.matrix * column, (n, 1), (self, lambda g: g * row))

    def mean(self) -> Balls:
        """The mean of all entries."""
        average: Balls = self.sum() / (self.matrix.nrows() * self.matrix.ncols())
        return average

    # Operations entry by entry.

    def __mul__(self, other: Any) -> Balls:
        left, right = self._aligned(other)
        a, b = left.matrix, right.matrix
        product = _zipped(mul, a, b)
        back = (left, lambda g: _zipped(mul, g, b)), (right, lambda g: _zipped(mul, g, a))
        return _node(product, left.shape, *back)

    def __truediv__(self, other: Any) -> Balls:
        left, right = self._aligned(other)
        a, b = left.matrix, right.matrix
        quotient = _zipped(truediv, a, b)

        def back_to_divisor(g: Any) -> Any:
            return -_zipped(truediv, _zipped(mul, g, quotient), b)

        return _node(quotient, left.shape, (left, lambda g: _zipped(truediv, g, b)), (right, back_to_divisor))

    def exp(self) -> Balls:
        """e^x."""
        result = _mapped(methodcaller("exp"), self.matrix)
        return _node(result, self.shape, (self, lambda g: _zipped(mul, g, result)))

    def log(self) -> Balls:
        """Natural logarithm."""
        x = self.matrix
        return _node(_mapped(methodcaller("log"), x), self.shape, (self, lambda g: _zipped(truediv, g, x)))

    def tanh(self) -> Balls:
        """Hyperbolic tangent."""
        result = _mapped(methodcaller("tanh"), self.matrix)
        slope = _mapped(lambda y: 1 - y * y, result)
        return _node(result, self.shape, (self, lambda g: _zipped(mul, g, slope)))

    def relu(self) -> Balls:
        """max(x, 0). Where the ball contains 0 the slope is the ball [0, 1], which contains every legal slope."""
        arb = _flint().arb
        either = arb(0.5, 0.5)
        slope = _mapped(lambda x: arb(1) if x > 0 else (arb(0) if x < 0 else either), self.matrix)
        result = _mapped(lambda x: x if x > 0 else (arb(0) if x < 0 or x.is_zero() else x.union(arb(0))), self.matrix)
        return _node(result, self.shape, (self, lambda g: _zipped(mul, g, slope)))

    def amax(self, dim: int, *, keepdim: bool) -> Balls:
        """The largest entry of each row; only for constants, so call `detach` first."""
        if self.tracked or dim != 1 or not keepdim:
            raise TypeError("Balls.amax: expected a detached matrix, dim=1 and keepdim=True")
        largest = [reduce(_flint().arb.max, row) for row in self.matrix.tolist()]
        return Balls(_flint().arb_mat(len(largest), 1, largest), (len(largest), 1))

    # Constants and broadcasting.

    def detach(self) -> Balls:
        """The same numbers as a constant."""
        return Balls(self.matrix, self.shape)

    def new_tensor(self, array: ArrayLike) -> Balls:
        """An array as a constant."""
        return Balls.of(array)

    def _aligned(self, other: Any) -> tuple[Balls, Balls]:
        """Both operands, broadcast to one shape by numpy's rules."""
        right = other if isinstance(other, Balls) else Balls.of(other)
        shape = np.broadcast_shapes(self.shape, right.shape)
        return self._stretched(shape), right._stretched(shape)

    def _stretched(self, shape: tuple[int, ...]) -> Balls:
        """Its rows and columns repeated to a shape by products with matrices of ones, whose transposes add up again."""
        if self.shape == shape:
            return self
        n, m = (1, 1, *shape)[-2:]
        down, right = self.matrix.nrows() != n, self.matrix.ncols() != m
        matrix = _constant(1, n, 1) * self.matrix if down else self.matrix

        def back(g: Any) -> Any:
            g = g * _constant(1, m, 1) if right else g
            return _constant(1, 1, n) * g if down else g

        return _node(matrix * _constant(1, 1, m) if right else matrix, shape, (self, back))


def _node(matrix: Any, shape: tuple[int, ...], *sources: tuple[Balls, Callable[[Any], Any]]) -> Balls:
    """The result of an operation: on the tape if an operand is, else a constant."""
    return Balls(matrix, shape, [source for source in sources if source[0].tracked])


def _mapped(f: Callable[[Any], Any], a: Any) -> Any:
    return _flint().arb_mat(a.nrows(), a.ncols(), list(map(f, a.entries())))


def _zipped(f: Callable[[Any, Any], Any], a: Any, b: Any) -> Any:
    return _flint().arb_mat(a.nrows(), a.ncols(), list(map(f, a.entries(), b.entries())))


def _constant(number: int, n: int, m: int) -> Any:
    return _flint().arb_mat(n, m, [number] * (n * m))


@contextmanager
def precision(bits: int) -> Iterator[None]:
    """In the block flint computes with this many bits; other threads wait."""
    flint = _flint()
    with LOCK:
        before = flint.ctx.prec
        flint.ctx.prec = bits
        try:
            yield
        finally:
            flint.ctx.prec = before


def _enclosed(compute: Callable[[], Sequence[Balls]]) -> tuple[Estimate, ...]:
    """The results at the lowest precision at which they are narrow enough, or else at the highest."""
    for bits in ball_tolerances.BALL_BITS:
        with precision(bits):
            estimates, narrow = zip(*map(_rounded, compute()), strict=True)
        if all(narrow):
            break
    return estimates


def _rounded(balls: Balls) -> tuple[Estimate, bool]:
    """Doubles and bounds on their errors, and whether the enclosures are narrow enough."""
    found, radius = of_enclosures(balls.matrix.entries(), balls.shape)
    narrow = (radius == 0) | (radius <= ball_tolerances.BALL_RELATIVE * np.abs(found.value))
    return found, bool(narrow.all())


def _flint() -> Any:
    import flint  # noqa: PLC0415 - optional

    return flint
