"""Ball arithmetic: a rigorous enclosure of a definition's value and derivative. The only file that imports flint.

Every number is a ball, a midpoint and a radius, and every operation encloses its exact result (Johansson 2017, *Arb:
efficient arbitrary-precision midpoint-radius interval arithmetic*, IEEE Trans. Comput. 66(8)). Derivatives come from
reverse accumulation over a tape (Griewank and Walther 2008, *Evaluating Derivatives*, section 3.2): the tape knows the
derivative of each elementary operation and of no formula. Arguments are doubles, hence exact; the precision is doubled
until the answer is known far better than a double can hold.

python-flint is optional; `available` says whether it is there.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reference.numerics.estimate import Estimate

Array = NDArray[np.float64]

_BITS = (128, 256, 512, 1024, 2048, 4096)
#: An enclosure this narrow, relative to its midpoint, is the truth for anyone who computes in doubles.
_RELATIVE = 2.0**-60


#: What this oracle is called in a finding.
NAME = "ball arithmetic"


def available() -> str | None:
    """None if python-flint can be used, else the reason why not."""
    return None if importlib.util.find_spec("flint") else "python-flint is not installed (the project's extra 'check')"


def value(spec: Callable[..., Any], args: Sequence[ArrayLike]) -> Estimate:
    """``spec(*args)``, enclosed.

    Parameters
    ----------
    spec
        A definition in the style of torch tensors (see `reference.lab.definitions`), on arrays of one or two axes.
    args
        Taken as the exact numbers that they hold.

    Returns
    -------
    Estimate
        The double next to the middle of the enclosure, and a bound on its distance from the truth.
    """
    where = _doubles(args)
    return _enclosed(lambda: [spec(*(Balls.of(array) for array in where))])[0]


def vjp(spec: Callable[..., Any], cotangent: ArrayLike, args: Sequence[ArrayLike]) -> tuple[Estimate, ...]:
    """The gradient of <cotangent, spec(*args)> with respect to each argument, enclosed.

    At a kink (ReLU at exactly 0) the enclosure holds what every slope between the two legal ones gives, and the error
    is as large as their difference.

    Parameters
    ----------
    spec, args
        As in `value`.
    cotangent
        Of the output's shape, likewise exact.

    Raises
    ------
    ValueError
        The cotangent has another shape than the output.
    """
    where, weights = _doubles(args), np.asarray(cotangent, dtype=np.float64)

    def gradients() -> list[Balls]:
        arguments = [Balls.of(array, tracked=True) for array in where]
        output = spec(*arguments)
        if output.shape != weights.shape:
            raise ValueError(f"cotangent: expected the shape of the output, {output.shape}, got {weights.shape}")
        output.accumulate(Balls.of(weights).matrix)
        return [argument.gradient() for argument in arguments]

    return _enclosed(gradients)


def ulps(
    spec: Callable[..., Any], args: Sequence[ArrayLike], actual: ArrayLike, cotangent: ArrayLike | None = None
) -> Estimate:
    """How far computed numbers are from the truth, counted in units in the last place of the truth.

    Half a unit is what rounding to nearest may leave; whoever is within one unit has rounded faithfully.

    Parameters
    ----------
    spec, args
        As in `value`.
    actual
        Claimed to be ``spec(*args)``, or with ``cotangent`` the gradient with respect to the first argument.
    cotangent
        As in `vjp`.

    Returns
    -------
    Estimate
        The distances, infinite for what is no number; and how far they may be from the true ones.
    """
    where, claimed = _doubles(args), np.asarray(actual, dtype=np.float64)
    truth: list[Balls] = []

    def compute() -> list[Balls]:
        if cotangent is None:
            truth[:] = [spec(*(Balls.of(array) for array in where))]
        else:
            arguments = [Balls.of(where[0], tracked=True), *(Balls.of(array) for array in where[1:])]
            spec(*arguments).accumulate(Balls.of(cotangent).matrix)
            truth[:] = [arguments[0].gradient()]
        return truth

    nearest = _enclosed(compute)[0].value.ravel()
    unit = np.spacing(np.minimum(np.abs(nearest), 2.0**1023))  # beyond it the unit is the same
    distances, errors = np.full(nearest.shape, np.inf), np.zeros(nearest.shape)
    for place, (entry, number) in enumerate(zip(truth[0].matrix.entries(), claimed.ravel(), strict=True)):
        if np.isfinite(number):
            off = (entry - _flint().arb(float(number))) / _flint().arb(float(unit[place]))
            distances[place], errors[place] = abs(float(off.mid())), float(off.rad())
        elif number == nearest[place]:
            distances[place] = 0.0  # beyond all doubles, rightly
    return Estimate(distances.reshape(claimed.shape), errors.reshape(claimed.shape))


class Balls:
    """A matrix of balls on a tape, with as many of a tensor's methods as definitions need.

    A vector of K numbers is a row, as numpy broadcasts it.
    """

    def __init__(self, matrix: Any, shape: tuple[int, ...], sources: Sequence[tuple[Balls, Callable[[Any], Any]]] = ()):
        self.matrix = matrix
        self.shape = shape
        #: What this was computed from, with how a cotangent of this becomes one of that; empty for constants.
        self.sources = sources
        self.tracked = bool(sources)
        self.cotangent: Any = None

    @classmethod
    def of(cls, array: ArrayLike, *, tracked: bool = False) -> Balls:
        """The exact numbers of an array of at most two axes."""
        numbers = np.asarray(array, dtype=np.float64)
        rows = np.atleast_2d(numbers)
        balls = cls(_flint().arb_mat(*rows.shape, rows.ravel().tolist()), numbers.shape)
        balls.tracked = tracked
        return balls

    def accumulate(self, cotangent: Any) -> None:
        """Carry a cotangent of this back to everything it depends on, each operation once, the last one first."""
        self.cotangent = cotangent
        for node in reversed(self._order()):
            for source, back in node.sources:
                if source.tracked:
                    part = back(node.cotangent)
                    source.cotangent = part if source.cotangent is None else source.cotangent + part
            if node.sources:
                node.cotangent = None  # no longer needed; the tape is as long as the computation

    def gradient(self) -> Balls:
        """What `accumulate` left here; zero if nothing depended on this."""
        if self.cotangent is None:
            return Balls(_constant(0, self.matrix.nrows(), self.matrix.ncols()), self.shape)
        return Balls(self.cotangent, self.shape)

    def _order(self) -> list[Balls]:
        """All that this depends on and itself, each after what it depends on."""
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
        """Over one axis, which stays with length 1, or over everything."""
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
        """Of all entries."""
        average: Balls = self.sum() / (self.matrix.nrows() * self.matrix.ncols())
        return average

    # Operations entry by entry.

    def __mul__(self, other: Any) -> Balls:
        left, right = self._aligned(other)
        a, b = left.matrix, right.matrix
        product = _zipped(lambda x, y: x * y, a, b)
        back = (left, lambda g: _zipped(lambda x, y: x * y, g, b)), (right, lambda g: _zipped(lambda x, y: x * y, g, a))
        return _node(product, left.shape, *back)

    def __truediv__(self, other: Any) -> Balls:
        left, right = self._aligned(other)
        a, b = left.matrix, right.matrix
        quotient = _zipped(lambda x, y: x / y, a, b)

        def back_to_divisor(g: Any) -> Any:
            return -_zipped(lambda x, y: x / y, _zipped(lambda x, y: x * y, g, quotient), b)

        return _node(
            quotient, left.shape, (left, lambda g: _zipped(lambda x, y: x / y, g, b)), (right, back_to_divisor)
        )

    def exp(self) -> Balls:
        """e^x."""
        result = _mapped(lambda x: x.exp(), self.matrix)
        return _node(result, self.shape, (self, lambda g: _zipped(lambda x, y: x * y, g, result)))

    def log(self) -> Balls:
        """Natural logarithm."""
        x = self.matrix
        return _node(_mapped(lambda e: e.log(), x), self.shape, (self, lambda g: _zipped(lambda a, b: a / b, g, x)))

    def tanh(self) -> Balls:
        """Hyperbolic tangent."""
        result = _mapped(lambda x: x.tanh(), self.matrix)
        slope = _mapped(lambda y: 1 - y * y, result)
        return _node(result, self.shape, (self, lambda g: _zipped(lambda a, b: a * b, g, slope)))

    def relu(self) -> Balls:
        """max(x, 0). Where the ball holds 0, its slope is the ball [0, 1]: every legal answer."""
        arb = _flint().arb
        either = arb(0.5, 0.5)
        slope = _mapped(lambda x: arb(1) if x > 0 else (arb(0) if x < 0 else either), self.matrix)
        result = _mapped(lambda x: x if x > 0 else (arb(0) if x < 0 or x.is_zero() else x.union(arb(0))), self.matrix)
        return _node(result, self.shape, (self, lambda g: _zipped(lambda a, b: a * b, g, slope)))

    def amax(self, dim: int, *, keepdim: bool) -> Balls:
        """The largest entry of each row, of a constant: `detach` first."""
        if self.tracked or dim != 1 or not keepdim:
            raise TypeError("Balls.amax: expected a detached matrix, dim=1 and keepdim=True")
        rows = self.matrix.tolist()
        largest = []
        for first, *others in rows:
            most = first
            for entry in others:
                most = _flint().arb.max(most, entry)
            largest.append(most)
        return Balls(_flint().arb_mat(len(rows), 1, largest), (len(rows), 1))

    # What is neither.

    def detach(self) -> Balls:
        """The same numbers as a constant."""
        return Balls(self.matrix, self.shape)

    def new_tensor(self, array: ArrayLike) -> Balls:
        """An array as a constant."""
        return Balls.of(array)

    def _aligned(self, other: Any) -> tuple[Balls, Balls]:
        """Both operands in the shape that numpy's rules give."""
        right = other if isinstance(other, Balls) else Balls.of(other)
        shape = np.broadcast_shapes(self.shape, right.shape)
        return self._stretched(shape), right._stretched(shape)

    def _stretched(self, shape: tuple[int, ...]) -> Balls:
        if self.shape == shape:
            return self
        n, m = (1, 1, *shape)[-2:]
        rows, columns = self.matrix.nrows(), self.matrix.ncols()
        result = self
        if rows != n:
            down, across = _constant(1, n, 1), _constant(1, 1, n)
            result = _node(down * result.matrix, (n, columns), (result, lambda g: across * g))
        if columns != m:
            right, along = _constant(1, 1, m), _constant(1, m, 1)
            result = _node(result.matrix * right, (n, m), (result, lambda g: g * along))
        return _node(result.matrix, shape, (result, lambda g: g))


def _node(matrix: Any, shape: tuple[int, ...], *sources: tuple[Balls, Callable[[Any], Any]]) -> Balls:
    """A result on the tape, or a constant if it is computed from constants."""
    return Balls(matrix, shape, [source for source in sources if source[0].tracked])


def _mapped(f: Callable[[Any], Any], a: Any) -> Any:
    return _flint().arb_mat(a.nrows(), a.ncols(), [f(x) for x in a.entries()])


def _zipped(f: Callable[[Any, Any], Any], a: Any, b: Any) -> Any:
    pairs = zip(a.entries(), b.entries(), strict=True)
    return _flint().arb_mat(a.nrows(), a.ncols(), [f(x, y) for x, y in pairs])


def _constant(number: int, n: int, m: int) -> Any:
    return _flint().arb_mat(n, m, [number] * (n * m))


def _enclosed(compute: Callable[[], Sequence[Balls]]) -> tuple[Estimate, ...]:
    """The results at the first precision at which they are narrow enough, or at the last."""
    context = _flint().ctx
    before = context.prec
    try:
        for bits in _BITS:
            context.prec = bits
            estimates, narrow = zip(*(_rounded(balls) for balls in compute()), strict=True)
            if all(narrow):
                break
    finally:
        context.prec = before
    return estimates


def _rounded(balls: Balls) -> tuple[Estimate, bool]:
    """Doubles and bounds on their errors, and whether the enclosures are narrow enough."""
    entries = balls.matrix.entries()
    middle = np.array([float(entry) for entry in entries])
    radius = np.array([float(entry.rad()) for entry in entries])  # 0 also where it is too small for a double
    narrow = bool(((radius == 0) | (radius <= _RELATIVE * np.abs(middle))).all())
    with np.errstate(invalid="ignore", over="ignore"):
        # float() gives a neighbour of the midpoint, and may have rounded the radius down.
        error = radius * (1 + 2.0**-50) + np.spacing(np.abs(middle))
    error[np.isinf(middle) & (radius == 0)] = 0  # beyond all doubles, rightly
    error[np.isnan(error)] = np.inf
    for index in np.flatnonzero((middle == 0) & (radius == 0)):
        if entries[index].is_zero():
            error[index] = 0
    return Estimate(middle.reshape(balls.shape), error.reshape(balls.shape)), narrow


def _flint() -> Any:
    import flint  # noqa: PLC0415 - optional

    return flint


def _doubles(arrays: Sequence[ArrayLike]) -> list[Array]:
    return [np.asarray(array, dtype=np.float64) for array in arrays]
