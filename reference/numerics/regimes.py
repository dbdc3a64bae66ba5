"""Whether rounding takes an operation so far that a scatter of its results shows nothing of the true error.

A scatter estimates an error where an operation is nearly linear over all that its operands may be off. It is none where
1 / u is asked at a u that is made of rounding: the true u may be 1e-110, rounding makes it 1e-16 in each run, and the
results scatter by 1e16 where the true one is 1e110. The same is true of a logarithm near 0, of cos(u) where u is off by
whole periods, of exp(u) where u is off by more than 1.

So the operands of such operations are compared with those of the same operations in a run without random roundings.
Where an operand is moved by more than a part of its *reach*, the distance over which the operation stays what it is,
its place becomes NaN, and so does all that is computed from it: the error there is unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.numerics import tolerances

Array = NDArray[Any]
#: In both parts: the sine of NaN + 0i has the imaginary part 0.
_UNKNOWN = complex(np.nan, np.nan)
#: From the operands of an operation to how far the one in question may be moved, entry by entry.
Reach = Callable[[Sequence[Array]], Any]


def _to_zero(number: int) -> Reach:
    return lambda operands: np.abs(operands[number])


def _exponential(operands: Sequence[Array]) -> Any:
    """1; more where the result underflows whatever the last digits are."""
    return np.maximum(1.0, -np.real(operands[0]) - tolerances.EXPONENT_OF_UNDERFLOW)


def _saturating(number: int) -> Reach:
    """1; more where the result is its limit in every digit."""
    return lambda operands: np.maximum(1.0, np.abs(np.real(operands[number])) - tolerances.SATURATED)


def _softmax(operands: Sequence[Array]) -> Any:
    logits, axis = operands[0], int(operands[1])
    if not logits.size or not logits.ndim:
        return np.ones(logits.shape)
    below = logits.max(axis=axis, keepdims=True) - logits
    return np.maximum(1.0, below - tolerances.EXPONENT_OF_UNDERFLOW)


def _to_pole(operands: Sequence[Array]) -> Any:
    """The distance from the next pole of the gamma function and its derivatives, at most 1."""
    u = np.real(operands[0])
    return np.where(u > 1, 1.0, np.abs(u - np.minimum(np.rint(u), 0.0)))


def _base(operands: Sequence[Array]) -> Any:
    """Of a power: roots and inverses have no derivative at 0, squares and the like have."""
    base, exponent = operands[0], operands[1]
    return np.where((np.real(exponent) < 1) & (exponent != 0), np.abs(base), np.inf)


def _exponent(operands: Sequence[Array]) -> Any:
    return 1 / np.abs(np.log(np.abs(operands[0])))


def _both(operands: Sequence[Array]) -> Any:
    return np.hypot(np.abs(operands[0]), np.abs(operands[1]))


def _one(operands: Sequence[Array]) -> Any:
    return 1.0


def _or_itself(operands: Sequence[Array]) -> Any:
    return np.hypot(1.0, np.abs(operands[0]))


def _to_one(operands: Sequence[Array]) -> Any:
    return np.minimum(np.abs(operands[0] - 1), np.abs(operands[0] + 1))


def _named(names: str, entry: Any) -> dict[str, Any]:
    return dict.fromkeys(names.split(), entry)


_ZERO, _DIVISOR = {0: _to_zero(0)}, {1: _to_zero(1)}
#: The reach of each operand that has one, by the names of numpy and of torch.
_REACHES: dict[str, dict[int, Reach]] = {
    **_named("divide true_divide div", _DIVISOR),
    **_named("reciprocal log log2 log10 rsqrt cbrt", _ZERO),
    "log1p": {0: lambda operands: np.abs(1 + operands[0])},
    **_named("exp exp2 expm1 special_exp2", {0: _exponential}),
    **_named("tanh erf erfc expit sigmoid", {0: _saturating(0)}),
    **_named("softplus_backward log_sigmoid_backward", {1: _saturating(1)}),
    **_named("sin cos sinh cosh i0 i1 j0 j1 special_bessel_j0", {0: _one}),
    "tan": {0: lambda operands: np.minimum(1.0, np.abs(np.cos(operands[0])))},
    **_named("arctan atan arcsinh asinh", {0: _or_itself}),
    **_named("arcsin asin arccos acos arctanh atanh arccosh acosh", {0: _to_one}),
    **_named("arctan2 atan2", {0: _both, 1: _both}),
    **_named("power pow float_power", {0: _base, 1: _exponent}),
    **_named("gamma gammaln lgamma digamma psi loggamma", {0: _to_pole}),
    "_softmax": {0: _softmax},
}
#: The root of a complex number carries a derivative with it, which is infinite at 0.
_OF_COMPLEX: dict[str, dict[int, Reach]] = {"sqrt": _ZERO}


def _nothing_known(operands: Sequence[Array]) -> dict[int, Array]:
    return {0: _replaced(operands[0], np.isinf(operands[0]), _UNKNOWN)}


def _large(array: Array) -> Array:
    """A large number in the place of infinity."""
    return _replaced(array, np.isinf(array), np.copysign(tolerances.LEAST_OVERFLOW, np.real(array)))


def _product(operands: Sequence[Array]) -> dict[int, Array]:
    pairs = ((0, 1), (1, 0))
    return {
        one: _replaced(
            operands[one],
            np.isinf(operands[one]) & (np.abs(operands[other]) < 1 / tolerances.OVERFLOW_FACTOR),
            _UNKNOWN,
        )
        for one, other in pairs
        if is_float(operands[one])
    }


def _quotient(operands: Sequence[Array]) -> dict[int, Array]:
    above, below = operands[0], operands[1]
    found = {}
    if is_float(above):
        found[0] = _replaced(above, np.isinf(above) & (np.abs(below) > tolerances.OVERFLOW_FACTOR), _UNKNOWN)
    if is_float(below):
        found[1] = _large(below)
    return found


def _root(operands: Sequence[Array]) -> dict[int, Array]:
    base, exponent = operands[0], operands[1]
    if not is_float(base):
        return {}
    return {0: _replaced(base, np.isinf(base) & (np.real(exponent) < 1), _UNKNOWN)}


#: What infinity, where it stands for a number beyond all doubles, makes of an operation: its inverse is nearly 0, while
#: its logarithm may be any number above 709.
_OF_OVERFLOW: dict[str, Callable[[Sequence[Any]], dict[int, Array]]] = {
    **_named("log log2 log10 log1p sqrt cbrt rsqrt arcsinh asinh", _nothing_known),
    **_named("multiply mul", _product),
    **_named("divide true_divide div", _quotient),
    "reciprocal": lambda operands: {0: _large(operands[0])},
    **_named("power pow float_power", _root),
}
#: What compares numbers, as the derivative of a maximum does.
COMPARISONS = frozenset({"eq", "ne", "lt", "le", "gt", "ge"})
#: What solves linear equations; they have no reach of their own, so that their results are compared.
SOLVERS = frozenset(
    """inv solve pinv lstsq tensorinv tensorsolve cholesky linalg_inv_ex linalg_inv linalg_solve _linalg_solve_ex
    linalg_cholesky_ex linalg_pinv linalg_lstsq linalg_solve_triangular triangular_solve cholesky_inverse
    cholesky_solve linalg_lu_solve""".split()  # noqa: SIM905 - a list of words
)


@dataclass
class Trail:
    """The operands and results of a run without random roundings, in their order, and of a later run beside it."""

    kept: list[tuple[str, tuple[Any, ...]]] = field(default_factory=list)
    place: int = 0
    #: Whether this is the first run.
    keeps: bool = True
    #: Whether numbers went where their roundings are not seen.
    is_left: bool = False

    def restart(self) -> None:
        """Go back to the first operation, before each later run."""
        self.place, self.keeps = 0, False

    def watched(self, name: str, operands: Sequence[Any]) -> dict[int, Array]:
        """The operands of a later run that are changed so that the scatter of the results tells the error.

        NaN stands where nobody knows the error.
        """
        reaches = _REACHES.get(name) or (_OF_COMPLEX.get(name) if np.iscomplexobj(operands[0]) else None) or {}
        of_overflow = _OF_OVERFLOW.get(name)
        changed: dict[int, Array] = {}
        with np.errstate(all="ignore"):
            before = (self._before(name, operands) if reaches else None) or operands
            for number, reach in reaches.items():
                if number < len(operands) and is_float(operands[number]):
                    off = np.abs(operands[number] - before[number])
                    beyond = (off > 0) & ~(off <= tolerances.PART_OF_REACH * np.asarray(reach(before)))
                    if beyond.any():
                        changed[number] = _replaced(operands[number], beyond, _UNKNOWN)
            if of_overflow is not None and not self.keeps and any(map(_overflows, operands)):
                changed.update(of_overflow([changed.get(number, each) for number, each in enumerate(operands)]))
        return changed

    def decided(self, name: str, operands: Sequence[Any], outcome: Array) -> Array:
        """The outcome of a comparison; where an operand is unknown, the one that the first run did not have."""
        before = self._before(name, [outcome])
        if before is None:
            if self.keeps:
                self.kept[-1] = (name, (np.array(outcome),))
            return np.array(outcome)
        unknown = np.zeros(np.shape(outcome), dtype=bool)
        for each in operands:
            unknown |= np.isnan(each) if is_float(each) else False
        return np.where(unknown, ~np.asarray(before[0], dtype=bool), outcome)

    def is_solved(self, name: str, results: Sequence[Any]) -> bool:
        """Whether the results of a solver are those of the first run, but for a part of the largest."""
        before = self._before(name, results)
        if before is None:
            return True
        with np.errstate(all="ignore"):
            return all(
                bool(np.abs(now - then).max(initial=0.0) <= tolerances.PART_OF_REACH * np.abs(then).max(initial=0.0))
                for now, then in zip(results, before, strict=True)
                if is_float(now)
            )

    def _before(self, name: str, arrays: Sequence[Any]) -> tuple[Any, ...] | None:
        """What the same operation had in the first run; None in that run, and where the runs went other ways."""
        if self.keeps:
            self.kept.append((name, tuple(np.array(each) if is_float(each) else each for each in arrays)))
            return None
        if self.place >= len(self.kept):
            return None
        known, before = self.kept[self.place]
        self.place += 1
        same = known == name and len(before) == len(arrays) and all(map(_alike, before, arrays))
        return before if same else None


def _replaced(array: Array, places: Any, number: Any) -> Array:
    """The array with a number at these places; of the shape of both together."""
    if array.dtype.kind != "c":
        number = np.real(number)
    return np.where(places, number, array).astype(array.dtype)


def _overflows(value: Any) -> bool:
    return is_float(value) and bool(np.isinf(value).any())


def _alike(one: Any, other: Any) -> bool:
    return bool(np.shape(one) == np.shape(other))


def is_float(value: Any) -> bool:
    """Whether it is an array of real or complex numbers of floating point."""
    return isinstance(value, np.ndarray) and value.dtype.kind in "fc"
