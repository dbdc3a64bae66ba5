"""Rounding errors made visible: a computation is repeated with every operation rounded at random.

Two runs in two precisions may agree and both be wrong: 1 + 1e-30 is 1 in each of them, so that log(1 + 1e-30) comes out
as 0 twice. Here every result of an operation is moved by one to four unit roundoffs, at random; what a computation
loses on the way then shows in how far its results scatter, whatever the size of the result itself (Monte Carlo
arithmetic: Parker, Pierce and Eggert 2000, *Monte Carlo arithmetic*, Computing in Science and Engineering 2(4)).
Results that underflow are moved by the smallest number that there is.

An operation on whole arrays (a sum, a matrix product, a decomposition) rounds inside, where nobody sees it; its
operands are moved as well, which covers every operation that is backward stable (Higham 2002, section 1.5). Those of
linear algebra are stable for a matrix as a whole, so that its entries are moved by a part of its largest one.

The scatter is an estimate from a few runs, with a safety factor. Where rounding takes an operation into another regime,
as the inverse of a number that is made of rounding, nothing is known (`reference.numerics.regimes`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.numerics import regimes, tolerances
from reference.numerics.sampling import seeded, signs

Array = NDArray[Any]
Compute = Callable[..., Sequence[Any]]

#: Operations whose results are exact: they choose, copy, or change a sign.
_EXACT = frozenset(
    """negative positive absolute fabs maximum minimum fmax fmin sign copysign floor ceil trunc rint conjugate
    heaviside signbit where concatenate stack vstack hstack reshape ravel transpose swapaxes moveaxis expand_dims
    squeeze max min amax amin sort take take_along_axis broadcast_to repeat tile copy flip roll clip zeros_like
    ones_like empty_like full_like shape ndim size argmax argmin argsort diagonal diag tril triu split array_split
    round real imag atleast_1d atleast_2d partition pad nan_to_num copyto isclose allclose array_equal can_cast
    result_type""".split()  # noqa: SIM905 - a list of words
)

#: Operations that have no complex derivative.
_NOT_ANALYTIC = frozenset({"absolute", "fabs", "conjugate", "sign", "heaviside"})


class NotAnalyticError(ValueError):
    """Complex numbers meet an operation that has no complex derivative."""


def moved(array: Array, rng: np.random.RandomState | None, units: Any = 1.0) -> Array:
    """Every number moved by one to four unit roundoffs of itself, up or down; the real and the imaginary part apart.

    Without a generator nothing is moved.
    """
    if rng is None:
        return array
    if array.dtype.kind == "c":
        result = np.empty(array.shape, array.dtype)
        result.real, result.imag = moved(array.real, rng, units), moved(array.imag, rng, units)
        return result
    if array.dtype.kind != "f":
        return array
    eps, tiny, smallest = _limits(array.dtype)
    # Of several sizes: two moves of one unit in the last place would cancel every other time.
    steps = rng.uniform(1.0, 4.0, array.shape) * signs(rng, array.shape)
    moves = (array * (units * steps * eps / 2)).astype(array.dtype)
    if (underflown := np.abs(array) < tiny).any():
        moves = np.where(underflown, (np.rint(steps) * smallest).astype(array.dtype), moves)
    if (infinite := np.isinf(array)).any():  # which stays: the inverse of what overflows is 0 in every run
        moves = np.where(infinite, array, moves)
    return np.asarray(array + moves)


@cache
def _limits(dtype: np.dtype[Any]) -> tuple[float, float, float]:
    """Of a type of floats: the distance from 1 to the next, the smallest normal number, the smallest of all."""
    information = np.finfo(dtype)
    return float(information.eps), float(information.tiny), float(information.smallest_subnormal)


def scatter(compute: Compute, args: Sequence[Array], *, known: bool = True) -> list[Array] | None:
    """How far each result may be from the true one, entry by entry, as an estimate.

    Parameters
    ----------
    compute
        From numpy arrays to arrays.
    args
        Taken as exact.
    known
        Whether results count as unknown where an operation leaves its regime: for a truth, not for what is granted.

    Returns
    -------
    list of arrays, or None
        Infinite where a repeated computation is not finite, or the error is unknown. None where the computation cannot
        be followed: it converts its arguments to plain arrays, or refuses others. For a truth, also where a part of it
        is computed in plain numbers, by functions of ``math`` or `numpy.vectorize`: what is lost there shows nowhere.

    Raises
    ------
    NotAnalyticError
        The arguments are complex, and complex numbers meet an operation that is not analytic. A computation of real
        numbers may pass through complex ones as it likes.
    """
    analytic, trail = any(np.iscomplexobj(each) for each in args), regimes.Trail()
    plain = followed(compute, args, Run(None, trail if known else None, analytic))
    if plain is None or (known and trail.is_left):
        return None
    largest = [np.zeros(each.shape) for each in plain]
    for number in range(tolerances.RANDOM_ROUNDINGS):
        trail.restart()
        run = Run(seeded(number), trail if known else None, analytic)
        try:
            answers = followed(compute, args, run)
        except np.linalg.LinAlgError:  # a matrix that rounding makes singular
            return [np.full(each.shape, np.inf) for each in plain]
        if answers is None or any(one.shape != two.shape for one, two in zip(answers, plain, strict=True)):
            return None
        for place, (answer, due) in enumerate(zip(answers, plain, strict=True)):
            with np.errstate(all="ignore"):
                off = np.where(answer == due, 0.0, np.abs(answer.astype(due.dtype) - due))  # both may be infinite
            largest[place] = np.maximum(largest[place], np.where(np.isfinite(off), off, np.inf))
    return largest


def followed(compute: Compute, args: Sequence[Array], run: Run) -> list[Array] | None:
    """The results of one run, in which operations are rounded or watched; None where it cannot be followed.

    Raises
    ------
    NotAnalyticError, numpy.linalg.LinAlgError
        The computation raises it.
    """
    try:
        answers = list(compute(*(Rounded.of(array, run) for array in args)))
    except (NotAnalyticError, np.linalg.LinAlgError):
        raise
    except Exception:  # foreign code that cannot do with such arrays, for whatever reason
        return None
    if any(np.asarray(each).dtype.kind in "fc" and not run.has_made(each) for each in answers):
        return None
    return [np.asarray(each) for each in answers]


@dataclass
class Run:
    """One computation in which every operation is rounded at random.

    Attributes
    ----------
    rng
        Draws the roundings; None for a run without.
    trail
        What compares the operations of several runs, if they are compared.
    analytic
        Whether the arguments are complex, so that only analytic operations are allowed.
    """

    rng: np.random.RandomState | None
    trail: regimes.Trail | None = None
    analytic: bool = False
    _memory: dict[int, Array] = field(default_factory=dict)

    def leave(self) -> None:
        """Note that numbers went where their roundings are not seen."""
        if self.trail is not None:
            self.trail.is_left = True

    def keep(self, array: Rounded) -> Rounded:
        """Note that the computation has made this array."""
        array.run = self
        owner = _owner(array)
        self._memory[id(owner)] = owner
        return array

    def has_made(self, answer: Any) -> bool:
        """Whether an answer was computed here, even if it was turned into a plain array at the very end."""
        return isinstance(answer, np.ndarray) and id(_owner(answer)) in self._memory


class Rounded(np.ndarray[Any, Any]):
    """An array, every operation on which is rounded at random."""

    run: Run

    @classmethod
    def of(cls, array: Array, run: Run) -> Rounded:
        """The numbers of an array, which are exact."""
        return run.keep(np.array(array).view(cls))

    def __array_finalize__(self, other: Any) -> None:
        run = getattr(other, "run", None)
        if run is None:
            self.run = Run(None)
        else:
            run.keep(self)

    @property
    def rng(self) -> np.random.RandomState | None:
        """The generator of the run that this array belongs to."""
        return self.run.rng

    def __getitem__(self, key: Any) -> Any:
        """As an array, even of one number, which numpy would give as a plain number."""
        found = super().__getitem__(key)
        return found if isinstance(found, np.ndarray) else self._wrapped(found, exact=True)

    def __iter__(self) -> Iterator[Any]:
        return (self[number] for number in range(len(self)))

    def __float__(self) -> float:
        self.run.leave()
        return float(np.asarray(self))

    def item(self, *args: Any) -> Any:
        """As of any array; the number is a plain one."""
        self.run.leave()
        return np.asarray(self).item(*args)

    def tolist(self) -> Any:
        """As of any array; the numbers are plain ones."""
        self.run.leave()
        return np.asarray(self).tolist()

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        given = options.pop("out", ())
        plain = [_plain(each) for each in inputs]
        options = {name: _plain(each) for name, each in options.items()}
        whole = method != "__call__" or ufunc.signature is not None
        if method == "at":
            ufunc.at(*plain)
            return None
        exact = ufunc.__name__ in _EXACT
        self._note_objects(plain)
        if ufunc.__name__ in _NOT_ANALYTIC and _has_complex(plain):
            if self.run.analytic:
                raise NotAnalyticError(ufunc.__name__)
            exact = ufunc.__name__ == "conjugate"
        inside = not exact and (whole or _has_complex(plain))
        if inside:
            plain = [moved(each, self.rng) if regimes.is_float(each) else each for each in plain]
        if method == "__call__" and self.run.trail is not None:
            for number, changed in self.run.trail.watched(ufunc.__name__, plain).items():
                plain[number] = changed
        found = _as_floats(getattr(ufunc, method)(*plain, **options))
        result = self._wrapped(found, exact=exact, units=tolerances.UNITS_OF_WHOLES if inside else 1.0)
        if not given:
            return result
        results = result if isinstance(result, tuple) else (result,)
        for target, one in zip(given, results, strict=True):
            np.copyto(np.asarray(target), np.asarray(one), casting="unsafe")
        return given if len(given) > 1 else given[0]

    def _note_objects(self, operands: list[Any]) -> None:
        """A function of single numbers, as `numpy.vectorize` makes one, computes with plain ones."""
        if any(isinstance(each, np.ndarray) and each.dtype == object for each in operands):
            self.run.leave()

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if func is np.copyto or func is np.putmask or func is np.place:
            return func(*map(_plain, args), **{name: _plain(each) for name, each in kwargs.items()})
        exact = func.__name__ in _EXACT
        linear = "linalg" in func.__module__

        def operand(value: Any) -> Any:
            if isinstance(value, list | tuple):
                return type(value)(map(operand, value)) if type(value) in {list, tuple} else value
            plain = _plain(value)
            if exact or not regimes.is_float(plain):
                return plain
            if linear and self.rng is not None:
                size = np.abs(plain).max(initial=0.0) * plain.shape[-1] if plain.ndim else 0.0
                plain = plain + moved(np.full(plain.shape, size, plain.dtype), self.rng) - size
            return moved(plain, self.rng)

        found = func(*map(operand, args), **{name: operand(each) for name, each in kwargs.items()})
        trail = self.run.trail
        if linear and trail is not None and func.__name__ in regimes.SOLVERS:
            results = found if isinstance(found, tuple) else (found,)
            if not trail.is_solved(func.__name__, results):
                raise np.linalg.LinAlgError("rounding decides the solution")
        units = _units_of_determinant(found) if linear and func.__name__ == "det" else tolerances.UNITS_OF_WHOLES
        return self._wrapped(found, exact=exact, units=units)

    def _wrapped(self, found: Any, *, exact: bool, units: Any = 1.0) -> Any:
        if isinstance(found, tuple):
            parts = [self._wrapped(each, exact=exact, units=units) for each in found]
            return type(found)(*parts) if hasattr(found, "_fields") else tuple(parts)
        if isinstance(found, list):
            return [self._wrapped(each, exact=exact, units=units) for each in found]
        if not isinstance(found, np.ndarray | np.generic):
            return found
        array = np.asarray(found)
        if array.dtype.kind not in "fc":
            return found
        return self.run.keep((array if exact else np.asarray(moved(array, self.rng, units))).view(Rounded))


def _units_of_determinant(found: Any) -> Array:
    """By how many units a determinant is off besides: numpy takes it from its logarithm, which loses its size."""
    with np.errstate(all="ignore"):
        logarithm = np.abs(np.log(np.abs(np.asarray(found))))
    return tolerances.UNITS_OF_WHOLES + np.where(np.isfinite(logarithm), logarithm, 0.0)


def _owner(array: Array) -> Array:
    """The array whose memory this one looks at."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def _plain(value: Any) -> Any:
    return np.asarray(value) if isinstance(value, Rounded) else value


def _as_floats(found: Any) -> Any:
    """An array of Python's floats as one of doubles."""
    if isinstance(found, np.ndarray) and found.dtype == object and all(type(each) is float for each in found.flat):
        return found.astype(np.float64)
    return found


def _has_complex(values: Sequence[Any]) -> bool:
    return any(isinstance(each, np.ndarray) and each.dtype.kind == "c" for each in values)
