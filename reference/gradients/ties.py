"""What is legal where a function has no derivative: at equal numbers, at zeros, at whatever a mask decides.

Near such a point a function has several smooth pieces. Legal is each limit of gradients at nearby generic points, and
every number between such limits (Clarke 1983, *Optimization and Nonsmooth Analysis*, section 2.5). So gradients are
taken at nearby points, moved at random, at two distances, from which the limit is extrapolated. Where all limits agree
along a direction, the gradient has to agree as well: at a tie of three numbers max(x) changes by 1 along (1, 1, 1),
whichever of them is taken for the largest, and a gradient of 1 for each of them says 3. Such directions keep ties:
equal numbers move together, in all arguments. Besides, each entry has to lie among its limits, where these are few and
seen often.

A backward pass decides at the kink of each output by itself, as with a derivative of 0 at each zero of a ReLU. What
comes of it need not be a limit: where a weight of 0 is shared by several outputs, they all switch at once in each
limit. So legal is also what is a sum of legal gradients of the outputs, each alone (Clarke, proposition 2.3.3: a sum's
limits are among the sums of limits).

At a jump, and where gradients grow without end, nothing is demanded. What none of this decides is not judged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from reference.gradients.arguments import in_shapes
from reference.numerics import function_tolerances, tolerances
from reference.numerics.sampling import signs

Array = NDArray[Any]
Arrays = tuple[Array, ...]
Outcome = Literal["legal", "wrong", "unknown"]


@dataclass(frozen=True)
class Place:
    """A point, and what is known of a function there.

    Attributes
    ----------
    floats
        The arguments that are differentiated.
    value
        From arguments to the number <cotangent, function>; None where the arguments are not legal.
    gradients
        From arguments to their gradients of that number; None where these are not known.
    slope
        The derivative of ``value`` along a direction through the point and its error, infinite at a kink.
    outputs
        The same point with each output alone, multiplied by its entry of the cotangent: their numbers add up to
        ``value``.
    """

    floats: Arrays
    value: Callable[[Arrays], float | None]
    gradients: Callable[[Arrays], Arrays | None]
    slope: Callable[[Arrays], tuple[float, float]]
    outputs: Callable[[], Iterator[Place]]


@dataclass(frozen=True)
class Verdict:
    """What is said of a gradient at a point.

    Attributes
    ----------
    outcome
        ``legal``, ``wrong``, or ``unknown``.
    kinked
        Whether the limits differ, or there are none: whoever takes differences here knows nothing.
    argument, index, low, high
        Of a wrong entry: where it is, and between what it should be.
    direction, due, came
        Of a wrong slope: along which direction, what it should be, and what it is.
    """

    outcome: Outcome
    kinked: bool = False
    argument: int = 0
    index: tuple[int, ...] = ()
    low: float = 0.0
    high: float = 0.0
    direction: Arrays | None = None
    due: float = 0.0
    came: float = 0.0


class Limits:
    """Limits of gradients at nearby points, as many as have been looked for."""

    def __init__(self, place: Place, rng: np.random.RandomState) -> None:
        self._place = place
        self._rng = rng
        self.rows = np.zeros((0, sum(a.size for a in place.floats)))
        self.error = 0.0
        self.diverges = False

    def look(self, count: int, boost: int | Array | None = None, sign: float = 1.0) -> None:
        """Take ``count`` further limits; ``boost`` is an entry, or several, moved farther than all others."""
        found = [row for row in (self._limit(boost, sign) for _ in range(count)) if row is not None]
        if found:
            self.rows = np.concatenate([self.rows, np.array(found)])

    def split(self, row: Array) -> Arrays:
        """A row of all entries as arrays of the arguments' shapes."""
        return in_shapes(row, [a.shape for a in self._place.floats])

    def _limit(self, boost: int | Array | None, sign: float) -> Array | None:
        move = self._rng.uniform(0.25, 1.0, self.rows.shape[1]) * signs(self._rng, self.rows.shape[1])
        if boost is not None:
            move[boost] = sign * function_tolerances.TIE_BOOST
        far, near = (self._at(self.split(move), distance) for distance in (1.0, 0.5))
        if far is None or near is None:
            return None
        if np.abs(near).max() > function_tolerances.TIE_GROWTH * np.abs(far).max() + tolerances.ZERO_OUTPUT_ERROR:
            self.diverges = True
            return None
        gap = float(np.abs(near - far).max())
        if gap > function_tolerances.TIE_KINK * max(float(np.abs(far).max()), tolerances.ZERO_OUTPUT_ERROR):
            return None  # another kink lies between the two
        self.error = max(self.error, function_tolerances.TIE_ERROR * gap)
        return np.asarray(2 * near - far)

    def _at(self, move: Arrays, distance: float) -> Array | None:
        found = self._place.gradients(moved(self._place.floats, move, distance * function_tolerances.TIE_DISTANCE))
        if found is None or not all(np.isfinite(each).all() for each in found):
            return None
        return np.concatenate([each.ravel() for each in found])


def judge(place: Place, gradient: Arrays, allowed: Arrays, rng: np.random.RandomState) -> Verdict:
    """Whether a gradient is legal at a place.

    Parameters
    ----------
    place
        The point.
    gradient, allowed
        The gradient, and what rounding is granted to it, entry by entry.
    rng
        Moves the point.
    """
    if jumps(place, rng):
        return Verdict("unknown", kinked=True)
    limits = Limits(place, rng)
    limits.look(function_tolerances.TIE_LIMITS)
    if limits.diverges or len(limits.rows) < function_tolerances.TIE_LIMITS // 2:
        return Verdict("unknown", kinked=limits.diverges)
    claimed = np.concatenate([each.ravel() for each in gradient])
    granted = np.concatenate(
        [np.broadcast_to(each, a.shape).ravel() for each, a in zip(allowed, gradient, strict=True)]
    )
    tight = limits.error + function_tolerances.TIE_RELATIVE * np.abs(limits.rows).max()
    kinked = bool((np.ptp(limits.rows, axis=0) > 4 * tight).any())
    return replace(_judged(place, limits, claimed, granted, tight, rng), kinked=kinked)


def _judged(
    place: Place, limits: Limits, claimed: Array, granted: Array, tight: float, rng: np.random.RandomState
) -> Verdict:
    """What is said of a gradient beside the limits, which are there."""
    if np.isnan(claimed).any():
        entry = int(np.flatnonzero(np.isnan(claimed))[0])
        return _wrong_entry(place, entry, limits.rows[:, entry])
    if not np.isfinite(claimed).all():
        return Verdict("unknown")
    along = _along_ties(place, limits, claimed, granted, tight, rng)
    if along is not None:
        return along
    outside = _outside(limits, claimed, granted, tight)
    for sign in (1.0, -1.0) if len(outside) > 1 else ():  # among many entries some always miss a piece
        limits.look(function_tolerances.TIE_TOGETHER, outside, sign)
    legal: set[int] = set()
    for _ in range(function_tolerances.TIE_ENTRIES):
        left = [int(each) for each in _outside(limits, claimed, granted, tight) if each not in legal]
        if not left:
            break
        entry = left[0]
        verdict = _entry(place, limits, entry, claimed, granted, tight)
        if verdict is not None:
            along = np.eye(1, claimed.size, entry)[0]
            if verdict.outcome == "unknown" or not _is_of_outputs(place, along, claimed, granted, rng):
                return verdict
            legal.add(entry)
    return Verdict("legal")


def _is_of_outputs(place: Place, direction: Array, claimed: Array, granted: Array, rng: np.random.RandomState) -> bool:
    """Whether a slope may be a sum of slopes of the outputs, each of which has limits of its own."""
    low, high, error = 0.0, 0.0, float(granted @ np.abs(direction))
    length = float(np.abs(direction).sum())
    ahead = np.flatnonzero(direction > 0)
    for output in place.outputs():
        limits = Limits(output, rng)
        for sign in (1.0, -1.0):
            limits.look(function_tolerances.TIE_LIMITS, ahead, sign)
        if limits.diverges or not len(limits.rows):
            return True  # of this output nothing is known
        slopes = limits.rows @ direction
        low, high = low + float(slopes.min()), high + float(slopes.max())
        error += length * (limits.error + function_tolerances.TIE_RELATIVE * float(np.abs(limits.rows).max()))
    return low - 2 * error <= float(claimed @ direction) <= high + 2 * error


def jumps(place: Place, rng: np.random.RandomState) -> bool:
    """Whether the function is not continuous at a place: near it the value does not come near the value there."""
    centre = place.value(place.floats)
    for _ in range(function_tolerances.TIE_LIMITS):
        move = tuple(rng.uniform(-1, 1, a.shape) for a in place.floats)
        values = [
            place.value(moved(place.floats, move, distance * function_tolerances.TIE_DISTANCE))
            for distance in (1.0, function_tolerances.TIE_NEARER)
        ]
        if centre is None or values[0] is None or values[1] is None:
            continue
        far, near = (abs(each - centre) for each in values if each is not None)
        flat = function_tolerances.TIE_RELATIVE * abs(centre)
        if not np.isfinite(near) or near > max(function_tolerances.TIE_JUMP * far, flat):
            return True
    return False


def has_kink_along(place: Place, position: int, index: tuple[int, ...]) -> bool:
    """Whether the slopes before and after a point differ along one entry, at half the distance as well."""
    centre = place.value(place.floats)
    move = tuple(np.zeros(a.shape) for a in place.floats)
    move[position][index] = 1.0
    changes = []
    for distance in (function_tolerances.TIE_DISTANCE, function_tolerances.TIE_DISTANCE / 2):
        ahead, behind = (place.value(moved(place.floats, move, sign * distance)) for sign in (1.0, -1.0))
        if centre is None or ahead is None or behind is None:
            return False
        changes.append((abs(ahead + behind - 2 * centre) / distance, abs(ahead - behind) / distance))
    (far, _), (near, slope) = changes
    return near > function_tolerances.TIE_KINK * slope and near > function_tolerances.TIE_STAYS * far


def coincident(floats: Sequence[Array]) -> bool:
    """Whether arguments hold a zero, or two numbers of the same size."""
    sizes = np.abs(np.concatenate([each.ravel() for each in floats]))
    return bool((sizes == 0).any() or len(np.unique(sizes)) < sizes.size)


def moved(floats: Arrays, move: Arrays, distance: float) -> Arrays:
    """The arguments moved by a part of their sizes, in their own precision."""
    return tuple(
        (a + distance * np.maximum(np.abs(a), 1.0).max(initial=1.0) * each).astype(a.dtype)
        for a, each in zip(floats, move, strict=True)
    )


def _along_ties(
    place: Place, limits: Limits, claimed: Array, granted: Array, tight: float, rng: np.random.RandomState
) -> Verdict | None:
    """A direction along which all limits agree, and the gradient does not."""
    for more in (0, function_tolerances.TIE_MORE_LIMITS):
        limits.look(more)
        suspects = [
            direction
            for direction in _directions(place.floats, limits, claimed, rng)
            if _disagrees(limits, direction, claimed, granted, tight)
        ]
        if not suspects:
            return None
    for direction in suspects:
        length = float(np.abs(direction).sum())
        allowed = float(granted @ np.abs(direction)) + tight * length
        came, due = float(claimed @ direction), float(np.median(limits.rows @ direction))
        through, error = place.slope(limits.split(direction))
        # That the function itself has this slope is seen without any gradient.
        is_wrong = abs(through - due) <= error + 2 * allowed and abs(came - through) > error + 2 * allowed
        if is_wrong and not _is_of_outputs(place, direction, claimed, granted, rng):
            return Verdict("wrong", direction=limits.split(direction), due=through, came=came)
    return None


def _disagrees(limits: Limits, direction: Array, claimed: Array, granted: Array, tight: float) -> bool:
    """Whether all limits agree along a direction, and the gradient does not."""
    slopes = limits.rows @ direction
    length = float(np.abs(direction).sum())
    allowed = float(granted @ np.abs(direction)) + tight * length
    agree = np.ptp(slopes) <= 2 * tight * length
    return bool(agree and abs(float(claimed @ direction) - float(np.median(slopes))) > 2 * allowed)


def _directions(floats: Arrays, limits: Limits, claimed: Array, rng: np.random.RandomState) -> Iterator[Array]:
    """Directions that keep ties, and one along which the gradient is farthest from the limits."""
    numbers = np.concatenate([a.ravel() for a in floats])
    _, same = np.unique(numbers, return_inverse=True)
    _, alike = np.unique(np.abs(numbers), return_inverse=True)
    for _ in range(function_tolerances.TIE_DIRECTIONS):
        speeds = rng.uniform(0.5, 1.0, numbers.size) * signs(rng, numbers.size)
        yield np.where(numbers == 0, 0.0, speeds[same])
        yield speeds[same]
        yield speeds[alike] * np.sign(numbers)
    differences = limits.rows - limits.rows.mean(axis=0)
    _, sizes, axes = np.linalg.svd(differences, full_matrices=False)
    rank = int((sizes > function_tolerances.TIE_RANK * max(float(sizes.max()), tolerances.ZERO_OUTPUT_ERROR)).sum())
    if rank <= len(limits.rows) - function_tolerances.TIE_SATURATED:
        rest = claimed - limits.rows.mean(axis=0)
        rest = rest - axes[:rank].T @ (axes[:rank] @ rest)
        size = float(np.abs(rest).max())
        if size > 0:
            yield rest / size


def _outside(limits: Limits, claimed: Array, granted: Array, tight: float) -> Array:
    """The entries that lie outside their limits, the farthest first."""
    beyond = np.maximum(limits.rows.min(axis=0) - claimed, claimed - limits.rows.max(axis=0)) - granted - 2 * tight
    order = np.argsort(-beyond)
    return np.asarray(order[beyond[order] > 0])


def _entry(place: Place, limits: Limits, entry: int, claimed: Array, granted: Array, tight: float) -> Verdict | None:
    """What is said of an entry outside its limits, after looking for more of them; None if they now include it."""
    for sign in (1.0, -1.0):
        limits.look(function_tolerances.TIE_LIMITS, entry, sign)
    limits.look(function_tolerances.TIE_MORE_LIMITS)
    seen = limits.rows[:, entry]
    room = float(granted[entry]) + 2 * max(tight, limits.error)
    if seen.min() - room <= claimed[entry] <= seen.max() + room:
        return None
    # Both ends have been met often: there is hardly anything beyond them.
    often = min(int((seen <= seen.min() + room).sum()), int((seen >= seen.max() - room).sum()))
    if often < function_tolerances.TIE_OFTEN:
        return Verdict("unknown")
    return _wrong_entry(place, entry, seen)


def _wrong_entry(place: Place, entry: int, seen: Array) -> Verdict:
    starts = np.cumsum([0, *(a.size for a in place.floats)])
    argument = int(np.searchsorted(starts, entry, side="right")) - 1
    shape = place.floats[argument].shape
    index = tuple(int(i) for i in np.unravel_index(entry - int(starts[argument]), shape))
    return Verdict("wrong", argument=argument, index=index, low=float(seen.min()), high=float(seen.max()))
