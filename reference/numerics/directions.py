"""A big gradient checked along random directions, with a stated probability of a miss, and its wrong entries named.

Claimed is a gradient g of n entries; a directional oracle answers <truth, v> for a price of one forward pass. Along one
direction v, drawn after g is known, the discrepancy is D = sum_i delta_i v_i, delta = g - truth. For v_i = s_i z_i with
independent z_i ~ N(0, 1) and any scales s_i it is a normal number,

    D ~ N(0, |delta s|^2),    |delta s|^2 = sum_i (delta_i s_i)^2.

*False alarm.* If |delta_i| <= d_i for every i, then |D| > t |d s| has a probability of at most erfc(t / sqrt 2): 2e-9
for t = 6. The oracle's own error e is added to what is allowed, so that it cannot cause an alarm either.

*Miss.* The density of N(0, |delta s|^2) is at most 1 / (sqrt(2 pi) |delta s|), and a gradient passes only if
|D| <= t |d s| + 2e. One direction therefore misses it with a probability of at most

    sqrt(2 / pi) (t |d s| + 2e) / |delta s|,

and k independent directions with the k-th power of that, for every wrong gradient, however it came about: it is the
direction that is random, not the mistake. (Freivalds 1979 checks products of matrices so.)

*Scales.* With s_i = 1 / d_i each entry is weighed by what it may be off: |d s| = sqrt(n), and one entry that is off by
delta_i is missed with at most sqrt(2 / pi) (t sqrt(n) + 2e) d_i / |delta_i|. Powers of two next to that scale without
rounding.

*Two allowances.* A bound that holds by theorem is a thousand times what rounding usually does, and in units of it a
small mistake cannot be told among many entries. So d is what rounding *usually* does; an alarm is a reason to look, no
verdict. Bisection follows it: the direction with one half of its entries masked is one call more, the other half's
discrepancy is the difference. At the end of log2(n) halvings stands a single entry, and it is judged against its
*bound*: only an entry that is beyond that is called wrong. An honest gradient that was unlucky costs a few calls.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reference.numerics.estimate import Estimate
from reference.numerics.oracles.complex_step import Along, Forward

Array = NDArray[np.float64]
#: The derivative of a number along directions, one for each argument.
Oracle = Callable[[list[Array]], Estimate]

_UNIT = 2.0**-53
#: Scales stay within this factor of each other: entries that no rounding reaches would ask for infinite ones.
_SPREAD = 2.0**40
#: Of a scale: far from overflow, whatever it is multiplied by.
_LARGEST_EXPONENT = 400
#: That must pass.
DIRECTIONS = 3
#: The t of the module's docstring.
_SIGMAS = 6.0


@dataclass(frozen=True)
class WrongEntry:
    """An entry of the claimed gradient that is farther from the truth than its bound.

    Attributes
    ----------
    argument, index
        Where: the number of the argument and the index in its gradient.
    claimed, due
        What was claimed, and the truth; NaN where what was claimed is not finite, which takes no oracle to see.
    allowed
        How far they could be apart: the bound, and what the oracle does not know.
    """

    argument: int
    index: tuple[int, ...]
    claimed: float
    due: float
    allowed: float


@dataclass(frozen=True)
class Verdict:
    """What was found.

    Attributes
    ----------
    wrong
        Entries that are wrong, in the order in which they were found.
    complete
        False: the search stopped at as many wrong entries as were asked for; there may be more.
    passed
        Whether nothing is wrong.
    directions
        Independent directions along which the entries not listed passed.
    calls
        Of the oracle, all together.
    reach
        The (t |d s| + 2e) of the module's docstring, the largest of all directions.
    false_alarm
        The most probable that one direction raises an alarm if all errors are usual ones. An alarm costs calls; it
        never makes an entry wrong.
    scales
        The s_i, argument by argument.
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
        """Whether nothing is wrong."""
        return not self.wrong

    def missed(self, errors: Sequence[ArrayLike]) -> float:
        """The most probable that a gradient with these errors (of the entries' shapes) raises no alarm."""
        off = math.sqrt(sum(float(((s * np.asarray(e)) ** 2).sum()) for s, e in zip(self.scales, errors, strict=True)))
        one = math.sqrt(2 / math.pi) * self.reach / off if off > 0 else 1.0
        return min(one, 1.0) ** self.directions


def oracle_of(forward: Forward, args: Sequence[ArrayLike], rng: np.random.RandomState) -> Along:
    """The complex step of anybody's ``forward(*args) -> number``, compared with differences along one direction.

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
    directions: int = DIRECTIONS,
    most: int = 8,
) -> Verdict:
    """Check a claimed gradient along random directions, and name what is wrong.

    Parameters
    ----------
    gradient
        Claimed: one array for each argument.
    oracle
        Answers the derivative along directions, such as `oracle_of` makes one, or the finite differences.
    bounds
        How far each entry may be off, at most; broadcast to its array.
    rng
        Of the directions: who made the gradient must not know them.
    usual
        How far each entry usually is off; the bounds, if not given. Too little costs calls, too much misses more.
    directions
        How many must pass.
    most
        How many wrong entries to name before the search stops.

    Raises
    ------
    ValueError
        Shapes do not fit, bounds are negative or not finite, or the oracle knows nothing.

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
        return abs(self.discrepancy) / (self.allowed or _UNIT)


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
    """All arguments' entries in one row; sets of entries are arrays of their places in it."""

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
            # 24 bits each, so that products with halves of the gradient are exact.
            z = rng.standard_normal(self._claimed.size).astype(np.float32).astype(np.float64)
            found = self._along(self._scales * z, members, most - len(wrong))
            wrong += found
            gone = [self._place(entry) for entry in found]
            members = members[~np.isin(members, gone)] if gone else members
            passed = 0 if found else passed + 1
        complete = passed == directions or not members.size
        alarm = math.erfc(_SIGMAS / math.sqrt(2))
        scales = tuple(self._split(self._scales))
        return Verdict(tuple(wrong), complete, passed, self.calls, self.reach, alarm, scales)

    def _along(self, v: Array, members: NDArray[np.intp], most: int) -> list[WrongEntry]:
        """The wrong entries that one direction leads to; none if there is no alarm."""
        discrepancy, error = self._discrepancy(v, members)
        self.reach = max(self.reach, self._allowed(members) + 2 * error)
        if abs(discrepancy) <= self._allowed(members) + error:
            return []
        whole = Part(discrepancy, self._allowed(members) + error)

        def halved(left: NDArray[np.intp], right: NDArray[np.intp], part: Part) -> tuple[Part, Part]:
            """One call: what is not in the left half is in the right one."""
            in_left, error_left = self._discrepancy(v, left)
            error_right = part.allowed - self._allowed(np.concatenate([left, right])) + error_left
            return (
                Part(in_left, self._allowed(left) + error_left),
                Part(part.discrepancy - in_left, self._allowed(right) + error_right),
            )

        wrong: list[WrongEntry] = []
        for place in followed(members, whole, halved):
            wrong += self._judged(v, place)
            if len(wrong) >= most:
                break
        return wrong

    def _judged(self, v: Array, place: int) -> list[WrongEntry]:
        """The entry, if it is beyond its bound."""
        discrepancy, error = self._discrepancy(v, np.array([place]))
        size = abs(float(v[place]))
        allowed = float(self._bounds[place]) + (error / size if size else math.inf)
        if size and abs(discrepancy) / size > allowed:
            return [self._entry(place, float(self._claimed[place] - discrepancy / v[place]), allowed)]
        return []

    def _discrepancy(self, v: Array, members: NDArray[np.intp]) -> tuple[float, float]:
        """Claimed minus true derivative along the entries of ``v`` in ``members``, and the error of that."""
        masked = np.zeros(v.shape)
        masked[members] = v[members]
        truth = self._oracle(self._split(masked))
        self.calls += 1
        if np.size(truth.value) != 1:
            raise ValueError(f"oracle: expected the derivative of one number, got shape {np.shape(truth.value)}")
        value, error = float(np.reshape(truth.value, ())), float(np.reshape(truth.error, ()))
        if not math.isfinite(error):
            raise ValueError("oracle: expected an answer with a finite error; it knows nothing at this place")
        high, error_high = _sum(self._high[members] * v[members])
        low, error_low = _sum(self._low[members] * v[members])
        claimed = high + low
        return claimed - value, error + error_high + error_low + 2 * _UNIT * (abs(claimed) + abs(value))

    def _allowed(self, members: NDArray[np.intp]) -> float:
        """The t |d s| of some entries."""
        return _SIGMAS * float(np.linalg.norm(self._usual[members] * self._scales[members]))

    def _entry(self, place: int, due: float, allowed: float) -> WrongEntry:
        argument = int(np.searchsorted(self._ends, place, side="right"))
        start = self._ends[argument - 1] if argument else 0
        index = tuple(int(i) for i in np.unravel_index(place - start, self._shapes[argument]))
        return WrongEntry(argument, index, float(self._claimed[place]), due, allowed)

    def _place(self, entry: WrongEntry) -> int:
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
    """Next to 1 / usual, those within `_SPREAD` of the smallest."""
    largest = float(usual.max(initial=0.0))
    if largest == 0:
        return np.ones(usual.shape)
    _, exponents = np.frexp(np.maximum(usual, largest / _SPREAD))
    return np.asarray(np.ldexp(1.0, np.clip(-exponents, -_LARGEST_EXPONENT, _LARGEST_EXPONENT)))


def _halves(numbers: Array) -> tuple[Array, Array]:
    """Two numbers of at most 27 bits with exactly this sum."""
    mantissas, exponents = np.frexp(numbers)
    high = np.ldexp(np.rint(mantissas * 2.0**26), exponents - 26)
    return high, numbers - high


def _sum(numbers: Array) -> tuple[float, float]:
    """The sum and a bound on its error, which is far below that of plain summation.

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
    return total, _UNIT * abs(total) + n * _UNIT * n * power * _UNIT
