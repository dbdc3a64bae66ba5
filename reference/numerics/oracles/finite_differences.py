"""Central differences with Richardson extrapolation: derivatives from the forward pass alone, with error estimates.

Step sizes h_0, h_0/2, ... give D(h) = (f(h) - f(-h)) / 2h = f'(0) + c_2 h^2 + c_4 h^4 + ...; Richardson's
extrapolation removes the powers one by one, and the disagreement of neighbours in the tableau is the error of
truncation (Ridders 1982, *Advances in Engineering Software* 4(2)). Rounding is not assumed but measured, at places
that lie close together (as Moré and Wild 2011 do, *Estimating computational noise*, SIAM J. Sci. Comput. 33(3), but
random ones), and carried through the tableau. Each entry takes the step with the smallest sum of both.

At a kink the central difference converges to the mean of two slopes, which is no derivative. But the one-sided
differences then do not approach each other in proportion to h, as they do for a smooth function. A step at which this
is detected is not used, nor is a larger one, which spans the kink too; where no step is left, the error is infinite.

A kink beside 0, nearer than the steps, hides from D: J max(t - tau, 0) puts J/2 (1 - tau/h) into it, nearly the same
for all steps, and a large curvature hides it from the one-sided differences. But a function that vanishes on one side
of 0 is half odd and half even. D sees the odd part; the even part is in E(h) =
(f(h) - 2 f(0) + f(-h)) / h^2 = f''(0) + e_2 h^2 + e_4 h^4 + ..., a series in the same powers, to which the kink adds
J (1 - tau/h) / h, which doubles from step to step. So E is extrapolated as D is, and h times the disagreement of its
neighbours counts as an error of D, too: it is as small as D's own for a smooth function, and as large as J beside a
kink. Several kinks may still cancel; `tests/test_oracles.py` counts how often.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reference.numerics import random_rounding, tolerances, waves
from reference.numerics.estimate import Estimate
from reference.numerics.sampling import seeded, signs

Array = NDArray[np.float64]


#: What this oracle is called in a finding.
NAME = "finite differences"


def derivative(
    f: Callable[[Any], Any], scale: float = 1.0, *, near: float = 1.0, together: bool = False, noise: Any = 0.0
) -> Estimate:
    """The derivative of ``f`` at 0, entry by entry.

    Parameters
    ----------
    f
        A function from a number to an array, always of the same shape.
    scale
        The size of the argument that the number is added to; the steps are fractions of it.
    near
        A factor on all steps; below 1 for a function with many kinks, at the price of accuracy.
    together
        Whether ``f`` takes all the numbers in one list and returns as many arrays.
    noise
        How far the values of ``f`` may be off besides what is measured: rounding that no difference of neighbours
        shows, as that of a sum which absorbs all that varies. Of the shape of the array, or one such array for each
        step, the longest first.

    Returns
    -------
    Estimate
        Of the shape of the array. The error is infinite where no step could be trusted.
    """
    return derivative_and_step(f, scale, near=near, together=together, noise=noise)[0]


def derivative_and_step(
    f: Callable[[Any], Any], scale: float = 1.0, *, near: float = 1.0, together: bool = False, noise: Any = 0.0
) -> tuple[Estimate, Array]:
    """As `derivative`; and for each entry the shortest step used for it, NaN where no step could be trusted."""
    steps = np.asarray(
        tolerances.FIRST_DIFFERENCE_STEP * near * scale * 0.5 ** np.arange(tolerances.DIFFERENCE_LEVELS),
        dtype=np.float64,
    )
    places = (
        seeded(0).uniform(-1, 1, tolerances.DIFFERENCE_ROUNDING_POINTS) * tolerances.DIFFERENCE_ROUNDING_RANGE * scale
    )
    points = [0.0, *steps.tolist(), *(-steps).tolist(), *places.tolist()]
    with np.errstate(all="ignore"):
        values = f(points) if together else [f(point) for point in points]
        table = np.array([np.asarray(value, dtype=np.float64) for value in values])
        centre, ahead, behind, close = np.split(
            table, np.cumsum([1, tolerances.DIFFERENCE_LEVELS, tolerances.DIFFERENCE_LEVELS])
        )
        centre = centre[0]
        h = steps.reshape(-1, *([1] * centre.ndim))
        # At least one unit in the last place of the numbers that are subtracted.
        rounded = tolerances.LEAST_DIFFERENCE_ROUNDING * np.maximum(np.abs(ahead), np.abs(behind))
        rounded = np.maximum(rounded, noise)
        rounding = tolerances.DIFFERENCE_SAFETY * np.maximum(rounding_noise(places, close), rounded) / h
        forward, backward = (ahead - centre) / h, (centre - behind) / h
        odd, even = (ahead - behind) / (2 * h), (forward - backward) / h
        value, error, shortest = _extrapolated(odd, even, h, rounding, _is_smooth(forward, backward, rounding))
    known = np.isfinite(error)
    return Estimate(np.where(known, value, 0.0), error), np.where(known, steps[shortest], np.nan)


def directional(
    forward: Callable[..., Any],
    args: Sequence[Array],
    directions: Sequence[Array],
    *,
    within: float = math.inf,
    together: bool = False,
) -> Estimate:
    """The derivative of ``forward(*args)`` along ``directions``, one for each argument; of the output's shape.

    Parameters
    ----------
    forward
        A function from arrays to an array.
    args, directions
        The point and the direction, one array for each argument, of the same shapes; converted to float64.
    within
        The arguments are moved by at most this multiple of the directions: as far as ``forward`` is known to have no
        kink.
    together
        Whether ``forward`` takes a list of many ``args`` at once and returns as many arrays.

    Returns
    -------
    Estimate
        Of the output's shape.

    Raises
    ------
    ValueError
        A direction has another shape than its argument.
    """
    args, directions = doubles(args, "args"), doubles(directions, "directions")
    for number, (argument, direction) in enumerate(zip(args, directions, strict=True)):
        if argument.shape != direction.shape:
            raise ValueError(f"directions[{number}]: expected shape {argument.shape}, got {direction.shape}")
    size = max((float(np.abs(a).max(initial=0.0)) for a in args), default=0.0)
    length = max((float(np.abs(d).max(initial=0.0)) for d in directions), default=0.0)
    scale = (size or 1.0) / (length or 1.0)
    near = 1.0
    while tolerances.FIRST_DIFFERENCE_STEP * near * scale > within:
        near /= 2

    def moved(t: float) -> list[Array]:
        return [a + t * d for a, d in zip(args, directions, strict=True)]

    if together:
        return derivative(lambda ts: forward([moved(t) for t in ts]), scale, near=near, together=True)

    def along(t: float) -> Any:
        return forward(*moved(t))

    noise, nearest = _noise(forward, moved, scale * near)
    with np.errstate(all="ignore"):
        moves = [np.abs(a[d != 0]) / np.abs(d[d != 0]) for a, d in zip(args, directions, strict=True)]
    own = max((float(each.max(initial=0.0)) for each in moves), default=0.0)
    found = derivative(along, scale, near=near, noise=noise)
    found = agreeing(along, scale, found, nearest, ratio=own / scale, args=args)
    return waves.with_absorbed(found, forward, args, moved, scale * near, nearest)


def agreeing(
    f: Callable[[float], ArrayLike],
    scale: float,
    found: Estimate,
    noise: Any,
    *,
    ratio: float,
    args: Sequence[Array],
    is_floor: bool = False,
) -> Estimate:
    """An estimate where far shorter steps do not speak against it; elsewhere it is unknown.

    A function that oscillates within the steps, as sin(x^2) at 1e5 does, looks like noise around a smooth curve; one
    that is flat but next to the point looks constant. Their slopes by short steps are others, by more than noise
    explains.

    x / y at 1e-100 is nothing that steps of 1e-3 can tell. So steps as short as the argument, or as all arguments, must
    tell the same, where those are smaller than all steps; where rounding hides what they tell, nothing is known.

    Parameters
    ----------
    f, scale, noise
        As in `derivative`.
    found
        What it has found.
    ratio
        The size of the argument that the steps are added to, in units of the scale.
    args
        All arguments, so far as they are known.
    is_floor
        Whether there may be more noise than ``noise``, which then counts as far as the values show it.
    """
    if not np.isfinite(found.error).any():
        return found
    agrees = np.ones(found.value.shape, dtype=bool)
    sizes = np.concatenate([np.abs(each[each != 0]).ravel() / scale for each in args]) if args else np.zeros(0)
    own = _own_steps(ratio, float(sizes.max(initial=0.0)))
    with np.errstate(all="ignore"):
        for step in (*tolerances.CLOSE_STEPS, *own, *_own_steps(float(sizes.min(initial=1.0)))):
            if step * scale < tolerances.SMALLEST_DOUBLE / tolerances.DOUBLE_UNIT:
                agrees &= step not in own
                continue
            told, blur = _told(f, step * scale, noise, is_floor=is_floor)
            clear = tolerances.SHARP * np.maximum(np.abs(told), np.abs(found.value))
            rounded = tolerances.CLOSE_SAFETY * tolerances.DOUBLE_UNIT * ratio / step * np.abs(found.value)
            agrees &= np.abs(told - found.value) <= found.error + blur + clear + rounded
            if step in own:
                agrees &= blur <= clear + tolerances.ZERO_OUTPUT_ERROR
    return Estimate(np.where(agrees, found.value, 0.0), np.where(agrees, found.error, np.inf))


def _own_steps(*sizes: float) -> tuple[float, ...]:
    """Steps as short as these sizes, so far as they are smaller than all other steps; in units of the scale."""
    tiny = {size for size in sizes if 0 < size < 1 / tolerances.STEP_RATIO}
    return tuple(size * part for size in sorted(tiny) for part in tolerances.OWN_STEPS)


def _told(f: Callable[[float], ArrayLike], step: float, noise: Any, *, is_floor: bool) -> tuple[Array, Array]:
    """The slope by one step, and how far noise may take it."""
    ahead, behind = (np.asarray(f(t), dtype=np.float64) for t in (step, -step))
    blur = np.maximum(noise, tolerances.LEAST_DIFFERENCE_ROUNDING * np.maximum(np.abs(ahead), np.abs(behind)))
    if is_floor:
        blur = np.maximum(blur, np.abs(ahead - 2 * np.asarray(f(0.0), dtype=np.float64) + behind))
    return np.asarray((ahead - behind) / (2 * step)), np.asarray(tolerances.CLOSE_SAFETY * blur / step)


def vjp(forward: Callable[..., ArrayLike], cotangent: ArrayLike, args: Sequence[ArrayLike]) -> tuple[Estimate, ...]:
    """The gradient of <cotangent, forward(*args)> with respect to every entry of each argument.

    Parameters
    ----------
    forward
        A function from arrays to an array.
    cotangent
        Of the output's shape. It multiplies the differences of outputs, not the outputs, so that a small gradient is
        not lost in a large sum.
    args
        The point; converted to float64.

    Returns
    -------
    tuple of Estimate
        One for each argument, of its shape.

    Raises
    ------
    ValueError
        The cotangent has another shape than the output.
    """
    where = doubles(args, "args")
    weights = np.asarray(cotangent, dtype=np.float64)
    shape = np.shape(forward(*where))
    if weights.shape != shape:
        raise ValueError(f"cotangent: expected the shape of the output, {shape}, got {weights.shape}")
    return tuple(_gradient(forward, weights, where, number) for number in range(len(where)))


def _noise(forward: Callable[..., ArrayLike], moved: Callable[[float], list[Array]], scale: float) -> tuple[Any, Any]:
    """How far the outputs may be off by rounding at each step, the longest first, and at the shortest one.

    0 where the code cannot be followed. Rounding is that of the numbers at a step, which may be far larger than those
    at the point; what it is at a longer step covers the shorter ones.
    """
    last = tolerances.DIFFERENCE_LEVELS - 1
    steps = scale * tolerances.FIRST_DIFFERENCE_STEP * 0.5 ** np.arange(last + 1)
    places = {last: [0.0, -steps[last]], last // 2: [steps[last // 2]], 0: [-steps[0]]}
    rows: list[Array] = []
    for number in range(last, -1, -1):
        if number in places:
            found = [_scattered(forward, moved(float(t))) for t in places[number]]
            if any(each is None for each in found):
                return 0.0, 0.0
            rows.append(np.max([*rows[-1:], *found], axis=0))
        else:
            rows.append(rows[-1])
    return np.array(rows[::-1]), rows[0]


def _scattered(forward: Callable[..., ArrayLike], args: list[Array]) -> Any:
    with np.errstate(all="ignore"):
        found = random_rounding.scatter(lambda *given: (forward(*given),), args)
    return None if found is None else found[0]


def _gradient(forward: Callable[..., ArrayLike], weights: Array, args: list[Array], number: int) -> Estimate:
    sizes = np.maximum(np.abs(args[number]), 1.0) * signs(seeded(0), args[number].shape)

    def all_moved(t: float) -> list[Array]:
        return [*args[:number], args[number] + t * sizes, *args[number + 1 :]]

    noise, nearest = _noise(forward, all_moved, 1.0)
    value, error = np.zeros(args[number].shape), np.zeros(args[number].shape)
    for index in np.ndindex(args[number].shape):

        def entry_moved(t: float, index: tuple[int, ...] = index) -> list[Array]:
            argument = args[number].copy()
            argument[index] += t
            return [*args[:number], argument, *args[number + 1 :]]

        def moved(t: float, index: tuple[int, ...] = index) -> ArrayLike:
            return forward(*entry_moved(t, index))

        scale = max(abs(float(args[number][index])), 1.0)
        ratio = abs(float(args[number][index])) / scale
        outputs = derivative(moved, scale, noise=noise)
        outputs = agreeing(moved, scale, outputs, nearest, ratio=ratio, args=args)
        outputs = waves.with_absorbed(outputs, forward, args, entry_moved, scale, nearest)
        value[index] = (weights * outputs.value).sum()
        # An output whose cotangent is 0 adds nothing, even if its own derivative is unknown.
        matters = np.where(weights == 0, 0.0, outputs.error)
        rounding = tolerances.SUM_ROUNDING * weights.size * np.abs(weights * outputs.value).sum()
        error[index] = (np.abs(weights) * matters).sum() + rounding
    return Estimate(value, error)


def _extrapolated(
    odd: Array, even: Array, steps: Array, rounding: Array, smooth: NDArray[np.bool_]
) -> tuple[Array, Array, NDArray[np.intp]]:
    """For each entry of f: the tableau's value with the smallest error, that error, and its shortest step's number.

    The error is infinite where no step can be trusted.
    """
    amplification = 1.0  # how much the weights of the extrapolation enlarge rounding errors
    usable = smooth
    best = np.full(odd.shape[1:], np.inf)
    value, shortest = np.zeros(best.shape), np.zeros(best.shape, dtype=np.intp)
    for power in range(1, len(steps)):
        factor = 4.0**power
        odd, truncation = _next_column(odd, factor)
        even, one_sided = _next_column(even, factor)
        usable = usable[:-1]  # where a step is usable, so are all that are shorter
        amplification *= (factor + 1) / (factor - 1)
        # Times the second step of the entry, which also spans a kink that the shortest step does not reach.
        truncation = np.maximum(truncation, 2 * steps[power:] * one_sided)
        error = tolerances.DIFFERENCE_SAFETY * truncation + amplification * rounding[power:]
        for row, (candidate, its_error, allowed) in enumerate(zip(odd, error, usable, strict=True)):
            better = allowed & (its_error < best)  # NaN is not better
            value, best = np.where(better, candidate, value), np.where(better, its_error, best)
            shortest = np.where(better, row + power, shortest)
    return value, best, shortest


def _next_column(column: Array, factor: float) -> tuple[Array, Array]:
    """The next column of the tableau, and the distance of each entry from the two that it is made of."""
    following = (factor * column[1:] - column[:-1]) / (factor - 1)
    return following, np.maximum(np.abs(following - column[1:]), np.abs(following - column[:-1]))


def _is_smooth(forward: Array, backward: Array, rounding: Array) -> NDArray[np.bool_]:
    """For each step, whether no kink of f is detected within it.

    The one-sided differences of a smooth function differ by h f''(0) + O(h^3), so that half the step leaves half of it;
    across a kink at 0 they differ by the same jump for every step, across one beside 0 by nearly that. Curvature may
    hide a kink from a large step, so that a step also fails if a shorter one does.
    """
    gap = np.abs(forward - backward)
    shrinks = (gap[1:] <= tolerances.KINK_RATIO * gap[:-1]) | (gap[1:] <= tolerances.KINK_ROUNDINGS * rounding[1:])
    first = np.zeros((1, *gap.shape[1:]), dtype=bool)  # there is no larger step to compare it with
    each = np.concatenate([first, shrinks])
    return np.asarray(np.logical_and.accumulate(each[::-1])[::-1])


def rounding_noise(places: Array, table: Array) -> Array:
    """The size of the rounding errors in ``table``, one row for each place: the largest distance from a parabola.

    The places lie so close together that a smooth function is a parabola. They should be random: equal distances may
    happen to be multiples of a unit in the last place, and then all rows are rounded in the same way.
    """
    basis, _ = np.linalg.qr(np.vander(places, 3))
    rows = table.reshape(len(places), -1)
    rest = np.abs(rows - basis @ (basis.T @ rows)).max(axis=0)
    return np.asarray(rest.reshape(table.shape[1:]))


def doubles(arrays: Sequence[ArrayLike], name: str) -> list[Array]:
    """The arrays in double precision; a `ValueError` says which one of ``name`` does not hold real numbers."""
    converted = [np.asarray(array) for array in arrays]
    for number, array in enumerate(converted):
        if array.dtype.kind not in "fiub":
            raise ValueError(f"{name}[{number}]: expected real numbers, got an array of dtype {array.dtype}")
    return [array.astype(np.float64) for array in converted]
