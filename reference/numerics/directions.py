"""Checks a large gradient along random directions, with a stated probability of a miss, and names its wrong entries.

The claimed gradient g has n entries; a directional oracle computes <truth, v> for the price of one forward pass. Along
one direction v, drawn after g is known, the discrepancy is D = sum_i delta_i v_i, delta = g - truth. For v_i = s_i z_i
with independent z_i ~ N(0, 1) and any scales s_i it is a normal number,

    D ~ N(0, |delta s|^2),    |delta s|^2 = sum_i (delta_i s_i)^2.

*False alarm.* If |delta_i| <= d_i for every i, then |D| > t |d s| has a probability of at most erfc(t / sqrt 2): 2e-9
for t = 6. The oracle's own error e is added to the tolerance, so that it cannot cause an alarm either.

*Miss.* The density of N(0, |delta s|^2) is at most 1 / (sqrt(2 pi) |delta s|), and a gradient passes only if
|D| <= t |d s| + 2e. One direction therefore misses it with a probability of at most

    sqrt(2 / pi) (t |d s| + 2e) / |delta s|,

and k independent directions with the k-th power of that. This holds for every wrong gradient, since the direction is
random and not the mistake. (Freivalds 1979 checks products of matrices in this way.)

*Scales.* With s_i = 1 / d_i each entry is measured in units of its usual error: |d s| = sqrt(n), and a single entry
that is off by delta_i is missed with a probability of at most sqrt(2 / pi) (t sqrt(n) + 2e) d_i / |delta_i|. The scales
are rounded to powers of two, so that multiplying by them rounds nothing.

*Usual errors and bounds.* A bound that holds by theorem is a thousand times the usual rounding error; measured in units
of it, a small mistake in one of many entries would be missed. So d is the *usual* error, and an alarm is no verdict but
a reason to search, by bisection: one further call of the oracle gives the discrepancy of one half of the entries, with
the others masked; that of the other half is the difference. After log2(n) halvings a single entry is left, which is
judged against its *bound*: only an entry that exceeds it is called wrong. A false alarm costs a few calls.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reference.numerics import tolerances
from reference.numerics.estimate import Estimate
from reference.numerics.oracles.complex_step import Along, Forward

Array = NDArray[np.float64]
#: Returns the derivative of a number along directions, one for each argument.
Oracle = Callable[[list[Array]], Estimate]


@dataclass(frozen=True)
class WrongEntry:
    """An entry of the claimed gradient that is farther from the truth than its bound.

    Attributes
    ----------
    argument, index
        The number of the argument and the index in its gradient.
    claimed, due
        The claimed and the true value; ``due`` is NaN if ``claimed`` is not finite, since then no oracle was called.
    allowed
        The largest permitted difference: the bound plus the oracle's own error.
    """

    argument: int
    index: tuple[int, ...]
    claimed: float
    due: float
    allowed: float


@dataclass(frozen=True)
class Verdict:
    """The result of `find_wrong_entries`.

    Attributes
    ----------
    wrong
        The wrong entries, in the order in which they were found.
    complete
        False if the search stopped because it had found as many wrong entries as were asked for; there may be more.
    passed
        Whether no entry is wrong.
    directions
        The number of independent directions along which the entries not listed passed.
    calls
        The number of calls of the oracle.
    reach
        (t |d s| + 2e) of the module's docstring, the largest of all directions.
    false_alarm
        A bound on the probability that one direction raises an alarm although all errors are usual ones. An alarm costs
        calls; it never makes an entry wrong.
    scales
        The s_i, one array for each argument.
    """

    wrong: tuple[WrongEntry, ...]
    complete: bool
    directions: int
    calls: int
    reach: float
    false_alarm: float
    scales: tuple[Array, ...] = field(repr=False)

    @property
    def passed(self) -> bool:
        """Whether no entry is wrong."""
        return not self.wrong

    def missed(self, errors: Sequence[ArrayLike]) -> float:
        """A bound on the probability that a gradient with these errors raises no alarm.

        ``errors`` has one array for each argument, of its shape.
        """
        off = math.sqrt(sum(float(((s * np.asarray(e)) ** 2).sum()) for s, e in zip(self.scales, errors, strict=True)))
        one = min(math.sqrt(2 / math.pi) * self.reach / off, 1.0) if off > 0 else 1.0
        return one**self.directions


def oracle_of(forward: Forward, args: Sequence[ArrayLike], rng: np.random.RandomState) -> Along:
    """An oracle for any ``forward(*args) -> number``, by the complex step.

    It is compared with finite differences along one random direction first.

    Raises
    ------
    ComplexStepError
        ``forward`` does not carry complex numbers through.
    """
    along = Along(forward, args)
    along.confirm([rng.randn(*np.shape(a)) for a in args])
    return along


def find_wrong_entries(
    gradient: Sequence[ArrayLike],
    oracle: Oracle,
    bounds: Sequence[ArrayLike],
    *,
    rng: np.random.RandomState,
    usual: Sequence[ArrayLike] | None = None,
    directions: int = tolerances.DIRECTIONS,
    most: int = 8,
) -> Verdict:
    """Check a claimed gradient along random directions, and name its wrong entries.

    Parameters
    ----------
    gradient
        The claimed gradient: one array for each argument.
    oracle
        Computes the derivative along directions; `oracle_of` makes one, or use finite differences.
    bounds
        The largest permitted error of each entry; each is broadcast to its array.
    rng
        Draws the directions. The code that made the gradient must not know them.
    usual
        The usual error of each entry, in the same form; by default the bounds. A value that is too small costs calls,
        one that is too large makes a miss more probable.
    directions
        How many directions must pass.
    most
        How many wrong entries to find before the search stops.

    Returns
    -------
    Verdict
        The wrong entries, and the numbers from which the probability of a miss follows.

    Raises
    ------
    ValueError
        Shapes do not fit, bounds are negative or not finite, or the oracle's answer has an infinite error.

    Examples
    --------
    >>> rng, x = np.random.RandomState(1234), np.linspace(1.0, 2.0, 50)
    >>> claimed = 3 * x**2
    >>> claimed[17] += 1e-6
    >>> verdict = find_wrong_entries([claimed], oracle_of(lambda x: np.sum(x**3), [x], rng), [1e-12], rng=rng)
    >>> print([wrong.index for wrong in verdict.wrong])
    [(17,)]
    """
    if directions < 1 or most < 1:
        raise ValueError(f"expected directions and most of at least 1, got {directions} and {most}")
    arrays = [np.asarray(array, dtype=np.float64) for array in gradient]
    search = _Search(arrays, oracle, _sizes(bounds, arrays, "bounds"), _sizes(usual or bounds, arrays, "usual"))
    return search.run(rng, directions, most)


@dataclass(frozen=True)
class Part:
    """Some entries along one direction.

    Attributes
    ----------
    discrepancy
        What is claimed for them less what the oracle says, together.
    allowed
        How far that may be from 0; infinite where the oracle knows nothing.
    """

    discrepancy: float
    allowed: float

    @property
    def is_suspicious(self) -> bool:
        """Whether the entries are off by more than is allowed."""
        return abs(self.discrepancy) > self.allowed

    @property
    def ratio(self) -> float:
        """How many times what is allowed they are off by."""
        return abs(self.discrepancy) / (self.allowed or tolerances.DOUBLE_UNIT)


def followed(
    members: NDArray[np.intp], whole: Part, halved: Callable[[NDArray[np.intp], NDArray[np.intp], Part], Sequence[Part]]
) -> Iterator[int]:
    """Single entries that may be to blame for a suspicious whole, by halving; log2(n) halvings lead to each.

    Parameters
    ----------
    members
        The entries' places.
    whole
        All of them together.
    halved
        Takes the left half, the right half and the whole; gives the two halves as parts.
    """
    stack = [(members, whole)]
    while stack:
        suspects, part = stack.pop()
        if len(suspects) == 1:
            yield int(suspects[0])
            continue
        halves = suspects[: len(suspects) // 2], suspects[len(suspects) // 2 :]
        parts = sorted(zip(halves, halved(*halves, part), strict=True), key=lambda each: each[1].ratio)
        # What made the whole suspicious is somewhere: the worse half is looked into in any case.
        stack += [each for each in parts[:1] if each[1].is_suspicious] + parts[1:]


class _Search:
    """Searches all arguments' entries, laid out in one row; a set of entries is an array of positions in that row."""

    def __init__(self, gradient: list[Array], oracle: Oracle, bounds: Array, usual: Array) -> None:
        self._shapes = [array.shape for array in gradient]
        self._ends = np.cumsum([array.size for array in gradient])
        self._claimed = np.concatenate([array.ravel() for array in gradient]) if gradient else np.zeros(0)
        self._oracle, self._bounds, self._usual = oracle, bounds, usual
        self._scales = _powers_of_two(usual)
        self._high, self._low = _halves(np.where(np.isfinite(self._claimed), self._claimed, 0.0))
        self.calls = 0
        self.reach = 0.0

    def run(self, rng: np.random.RandomState, directions: int, most: int) -> Verdict:
        finite = np.isfinite(self._claimed)
        wrong = [self._entry(int(place), math.nan, 0.0) for place in np.flatnonzero(~finite)[:most]]
        members = np.flatnonzero(finite)
        passed = 0
        while passed < directions and len(wrong) < most and members.size:
            # Single-precision numbers have 24 bits, so that products with the halves of the gradient are exact.
            z = rng.standard_normal(self._claimed.size).astype(np.float32).astype(np.float64)
            found = self._along(self._scales * z, members, most - len(wrong))
            wrong += found
            gone = [self._position(entry) for entry in found]
            members = members[~np.isin(members, gone)] if gone else members
            passed = 0 if found else passed + 1
        complete = passed == directions or not members.size
        alarm = math.erfc(tolerances.ALARM_SIGMAS / math.sqrt(2))
        scales = tuple(self._split(self._scales))
        return Verdict(tuple(wrong), complete, passed, self.calls, self.reach, alarm, scales)

    def _along(self, v: Array, members: NDArray[np.intp], most: int) -> list[WrongEntry]:
        """The wrong entries found by bisection along one direction; none if there is no alarm."""
        discrepancy, error = self._discrepancy(v, members)
        self.reach = max(self.reach, self._tolerance(members) + 2 * error)
        if abs(discrepancy) <= self._tolerance(members) + error:
            return []
        whole = Part(discrepancy, self._tolerance(members) + error)

        def halved(left: NDArray[np.intp], right: NDArray[np.intp], part: Part) -> tuple[Part, Part]:
            """One call: what is not in the left half is in the right one."""
            in_left, error_left = self._discrepancy(v, left)
            error_right = part.allowed - self._tolerance(np.concatenate([left, right])) + error_left
            return (
                Part(in_left, self._tolerance(left) + error_left),
                Part(part.discrepancy - in_left, self._tolerance(right) + error_right),
            )

        wrong: list[WrongEntry] = []
        for place in followed(members, whole, halved):
            wrong += self._beyond_bound(v, place)
            if len(wrong) >= most:
                break
        return wrong

    def _beyond_bound(self, v: Array, place: int) -> list[WrongEntry]:
        """The entry in a list, if its error exceeds its bound; else an empty list."""
        discrepancy, error = self._discrepancy(v, np.array([place]))
        size = abs(float(v[place]))
        allowed = float(self._bounds[place]) + (error / size if size else math.inf)
        if size and abs(discrepancy) / size > allowed:
            return [self._entry(place, float(self._claimed[place] - discrepancy / v[place]), allowed)]
        return []

    def _discrepancy(self, v: Array, members: NDArray[np.intp]) -> tuple[float, float]:
        """The claimed minus the true derivative along the entries of ``v`` in ``members``, and the error of that."""
        masked = np.zeros(v.shape)
        masked[members] = v[members]
        truth = self._oracle(self._split(masked))
        self.calls += 1
        if np.size(truth.value) != 1:
            raise ValueError(f"oracle: expected the derivative of one number, got shape {np.shape(truth.value)}")
        value, error = float(np.reshape(truth.value, ())), float(np.reshape(truth.error, ()))
        if not math.isfinite(error):
            raise ValueError("oracle: expected a derivative with a finite error, got an infinite one at this point")
        high, error_high = _sum(self._high[members] * v[members])
        low, error_low = _sum(self._low[members] * v[members])
        claimed = high + low
        return claimed - value, error + error_high + error_low + 2 * tolerances.DOUBLE_UNIT * (
            abs(claimed) + abs(value)
        )

    def _tolerance(self, members: NDArray[np.intp]) -> float:
        """t |d s| for the entries in ``members``."""
        return tolerances.ALARM_SIGMAS * float(np.linalg.norm(self._usual[members] * self._scales[members]))

    def _entry(self, place: int, due: float, allowed: float) -> WrongEntry:
        argument = int(np.searchsorted(self._ends, place, side="right"))
        start = self._ends[argument - 1] if argument else 0
        index = tuple(int(i) for i in np.unravel_index(place - start, self._shapes[argument]))
        return WrongEntry(argument, index, float(self._claimed[place]), due, allowed)

    def _position(self, entry: WrongEntry) -> int:
        start = self._ends[entry.argument - 1] if entry.argument else 0
        offset = np.ravel_multi_index(entry.index, self._shapes[entry.argument]) if entry.index else 0
        return int(start + offset)

    def _split(self, row: Array) -> list[Array]:
        return [part.reshape(shape) for part, shape in zip(np.split(row, self._ends[:-1]), self._shapes, strict=True)]


def _sizes(sizes: Sequence[ArrayLike], gradient: Sequence[Array], name: str) -> Array:
    if len(sizes) != len(gradient):
        raise ValueError(f"{name}: expected {len(gradient)}, one for each array of the gradient, got {len(sizes)}")
    rows = []
    for number, (size, array) in enumerate(zip(sizes, gradient, strict=True)):
        numbers = np.asarray(size, dtype=np.float64)
        if not (np.isfinite(numbers).all() and (numbers >= 0).all()):
            raise ValueError(f"{name}[{number}]: expected finite numbers of at least 0")
        if np.broadcast_shapes(numbers.shape, array.shape) != array.shape:
            raise ValueError(f"{name}[{number}]: expected shape {array.shape}, got {numbers.shape}")
        rows.append(np.broadcast_to(numbers, array.shape).ravel())
    return np.concatenate(rows) if rows else np.zeros(0)


def _powers_of_two(usual: Array) -> Array:
    """The powers of two next to 1 / usual, limited to `_MAX_RATIO` times the smallest."""
    largest = float(usual.max(initial=0.0))
    if largest == 0:
        return np.ones(usual.shape)
    _, exponents = np.frexp(np.maximum(usual, largest / tolerances.MAX_SCALE_RATIO))
    return np.asarray(
        np.ldexp(1.0, np.clip(-exponents, -tolerances.LARGEST_SCALE_EXPONENT, tolerances.LARGEST_SCALE_EXPONENT))
    )


def _halves(numbers: Array) -> tuple[Array, Array]:
    """For each number two numbers of at most 27 bits whose sum it is, exactly."""
    mantissas, exponents = np.frexp(numbers)
    high = np.ldexp(np.rint(mantissas * 2.0**26), exponents - 26)
    return high, numbers - high


def _sum(numbers: Array) -> tuple[float, float]:
    """The sum of the numbers and a bound on its error, which is far below the error of plain summation.

    Adding and subtracting a power of two above the sum leaves the leading digits of each number, which add exactly, and
    an exact rest (Rump, Ogita and Oishi 2008, *Accurate floating-point summation*, SIAM J. Sci. Comput. 31(1)).
    """
    n, largest = numbers.size, float(np.abs(numbers).max(initial=0.0))
    if largest == 0:
        return 0.0, 0.0
    power = 2.0 ** math.ceil(math.log2(2 * n * largest))
    leading = (numbers + power) - power
    rest = numbers - leading
    total = float(leading.sum()) + float(rest.sum())
    return total, tolerances.DOUBLE_UNIT * abs(total) + n * tolerances.DOUBLE_UNIT * n * power * tolerances.DOUBLE_UNIT
