"""The derivative of a forward pass from its values alone: sharp, or unknown.

Central differences (`reference.numerics.oracles.finite_differences`) assume that a function varies on the scale of its
steps. It may not: sin near 1e15, or tanh(1e6 x) at 0. An estimate without three digits, in units of the function's size
over the step's, is therefore taken for none; smaller steps are tried, and where those do not help either nothing is
judged.

At a kink there is no derivative, and every number between the one-sided slopes is a legal answer (Clarke's generalised
gradient, along one coordinate): 0 to 1 for ReLU at 0, for each of several tied maxima too. Differences of
sign(t) (f(x + |t| e) - f(x)) give one slope at a time.

Where the forward pass carries complex numbers, the complex step is asked along the same direction, and believed if it
agrees: it has nothing to subtract, and so the last digits as well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from reference.gradients.arguments import Interval
from reference.gradients.slopes import between, confirmed, first_known
from reference.gradients.tolerance import followed_error, unfollowed_error
from reference.numerics import function_tolerances, tolerances, waves
from reference.numerics.estimate import Estimate
from reference.numerics.oracles import complex_step, finite_differences
from reference.numerics.sampling import seeded

Array = NDArray[Any]
Function = Callable[..., Array]


class _Place(NamedTuple):
    """What is measured of a function at one place.

    Attributes
    ----------
    noise
        The rounding error of the outputs.
    size
        Their absolute values.
    is_followed
        Whether each operation was seen, so that there is no more noise than that.
    """

    noise: Array
    size: Array
    is_followed: bool


class _Line(NamedTuple):
    """What is known of a function along a line of steps.

    Attributes
    ----------
    turning
        How fast its waves turn.
    noise
        The rounding error of the outputs where the longest step leads, if it was measured.
    """

    turning: float
    noise: Any = 0.0


@dataclass
class Differences:
    """Derivatives of one function of float64 arrays.

    Attributes
    ----------
    function
        From arrays to an array of float64, always of the same shape.
    domain
        The open interval of each argument's elements.
    carries_complex
        Whether the complex step is asked: after `try_complex` has seen that it can be.
    rounding
        The rounding error of the function's outputs; measured where it is not given.
    analysed
        A bound on it from an analysis of the function, or None where there is none; asked where the function's
        operations cannot be followed, so that what is measured may miss some of them.
    """

    function: Function
    domain: tuple[Interval, ...]
    carries_complex: bool = False
    rounding: Callable[..., Array] | None = None
    analysed: Callable[..., Array | None] | None = None
    _columns: dict[Any, Estimate] = field(default_factory=dict)
    _roundings: dict[Any, tuple[Array, Array]] = field(default_factory=dict)
    _places: dict[Any, _Place] = field(default_factory=dict)
    _kinks: set[Any] = field(default_factory=set)
    _angles: dict[Any, list[Array]] = field(default_factory=dict)

    @property
    def oracle(self) -> str:
        """The name of what tells derivatives here."""
        return "the complex step and finite differences" if self.carries_complex else finite_differences.NAME

    def column(self, args: Sequence[Array], number: int, index: tuple[int, ...]) -> Estimate:
        """The derivative of every output with respect to one entry of one argument.

        Where there is a kink, the middle of the legal slopes, with half their distance as the error.
        """
        key = self._key(args, number, index)
        if key not in self._columns:
            self._columns[key] = self._column(args, number, index)
        return self._columns[key]

    def entry(self, cotangent: Array, args: Sequence[Array], number: int, index: tuple[int, ...]) -> Estimate:
        """One entry of the gradient of <cotangent, function(*args)>."""
        return contracted(cotangent, self.column(args, number, index))

    def at_kink(self, cotangent: Array, args: Sequence[Array], number: int, index: tuple[int, ...]) -> Estimate | None:
        """All legal values of one entry of a gradient at a kink; None where there is no kink, or they are not known."""
        found = self.entry(cotangent, args, number, index)
        return found if self._key(args, number, index) in self._kinks and np.isfinite(found.error) else None

    def gradient(
        self, cotangent: Array, args: Sequence[Array], number: int, entries: Sequence[tuple[int, ...]]
    ) -> Estimate:
        """The entries of a gradient at the given indices; the others have an infinite error."""
        value, error = np.zeros(args[number].shape), np.full(args[number].shape, np.inf)
        for index in entries:
            entry = self.entry(cotangent, args, number, index)
            value[index], error[index] = entry.value, entry.error
        return Estimate(value, error)

    def try_complex(self, places: Sequence[Sequence[Array]]) -> None:
        """Find out whether the function carries complex numbers through, with arguments that reach each part of it."""
        rng = seeded(0)
        try:
            for args in places:
                directions = [self.steps(args, number) * rng.uniform(-1, 1, a.shape) for number, a in enumerate(args)]
                complex_step.Along(self.function, args).confirm(directions)
        except complex_step.ComplexStepError:
            return
        self.carries_complex = bool(places)

    def along(self, args: Sequence[Array], number: int, direction: Array) -> Estimate:
        """The derivative of every output along a direction of one argument."""
        directions = [np.zeros(array.shape) for array in args]
        directions[number] = direction
        return self.jointly(args, directions)

    def jointly(self, args: Sequence[Array], directions: Sequence[Array]) -> Estimate:
        """The derivative of every output along a direction of all arguments together."""

        def place(t: float) -> list[Array]:
            return [a + t * d if d.any() else a for a, d in zip(args, directions, strict=True)]

        def moved(t: float) -> Array:
            return self.function(*place(t))

        ratio = max(_ratio(a, d) for a, d in zip(args, directions, strict=True))
        line = _Line(self._turning(args, place, 1.0))
        found = self._sharp(moved, 1.0, args, ratio, line)
        if max(float(np.abs(d).max(initial=0.0)) for d in directions) > 1:
            second = tolerances.SECOND_STEP_RATIO
            found = confirmed(found, self._sharp(moved, second, args, ratio / second, line))
        if not (self.carries_complex and np.isfinite(found.error).any()):
            return found
        try:
            exact = complex_step.Along(self.function, args).measured(directions)
        except complex_step.ComplexStepError:
            self.carries_complex = False
            return found
        agrees = np.abs(exact.value - found.value) <= exact.error + found.error
        # Differences do not confirm what is small beside their error, and 0 may be underflow.
        clear = np.abs(exact.value) > tolerances.CONFIRMED_CLEAR * found.error
        better = agrees & clear & np.isfinite(found.error) & (exact.error < found.error)
        return Estimate(np.where(better, exact.value, found.value), np.where(better, exact.error, found.error))

    def refutes(
        self, args: Sequence[Array], directions: Sequence[Array], cotangent: Array, claimed: float, due: float
    ) -> bool:
        """Whether the values themselves speak against a claimed slope: a second opinion, which needs no step.

        What a right slope leaves of f(x + t d) - f(x - t d) falls faster than t, until rounding is left. What a wrong
        one leaves falls as t. So the shortest steps that rounding lets decide are asked.
        """
        off = abs(claimed - due)
        weights = cotangent.astype(np.float64).reshape(self._near(args)[0].shape)

        def told(t: float, rounding: Array) -> tuple[float, float]:
            """The slope by one step, and the rounding of the outputs that change."""
            ahead, behind = (
                np.asarray(self.function(*(a + s * d for a, d in zip(args, directions, strict=True))), dtype=np.float64)
                for s in (t, -t)
            )
            with np.errstate(all="ignore"):
                noise = float((np.abs(weights) * rounding)[ahead != behind].sum()) * function_tolerances.TAYLOR_SAFETY
                return float((weights * (ahead - behind)).sum()) / (2 * t), noise

        # Arguments of 1e-100 may be told apart by steps of their own size alone.
        own = min(_ratio(a, d, smallest=True) for a, d in zip(args, directions, strict=True))
        left: list[float] = []
        for rounding, scale in ((self._near(args)[0], 1.0), (self._at_place(args).noise, own)):
            if scale == 1.0 or 0 < scale < function_tolerances.TAYLOR_STEPS[-1]:
                for t in (scale * step for step in function_tolerances.TAYLOR_STEPS):
                    slope, noise = told(t, rounding)
                    if noise <= function_tolerances.TAYLOR_CLEAR * off * t:
                        left.append(abs(slope - claimed))
        last = left[-function_tolerances.TAYLOR_LAST :]
        return not last or all(not each <= off / 2 for each in last)

    def steps(self, args: Sequence[Array], number: int) -> Array:
        """How far each entry may be moved: by its own size, within its domain; 0 where that rounds away."""
        low, high = self.domain[number]
        size = np.abs(args[number])
        room = np.minimum(args[number] - low, high - args[number])
        steps = tolerances.STEP_SCALE * np.minimum(np.maximum(size, 1.0), tolerances.STEP_REACH * room)
        return np.asarray(np.where(steps < tolerances.FEWEST_PLACES * np.spacing(size), 0.0, steps))

    def _column(self, args: Sequence[Array], number: int, index: tuple[int, ...]) -> Estimate:
        def place(t: float) -> list[Array]:
            argument = args[number].copy()
            argument[index] += t
            return [*args[:number], argument, *args[number + 1 :]]

        def moved(t: float) -> Array:
            return self.function(*place(t))

        centre = moved(0.0)
        largest = float(self.steps(args, number)[index])
        if largest == 0:
            return Estimate(np.zeros(centre.shape), np.full(centre.shape, np.inf))
        size, line = abs(float(args[number][index])), _Line(self._turning(args, place, largest))
        if self._has_small(args):
            line = line._replace(noise=self._at_place(place(tolerances.FIRST_DIFFERENCE_STEP * largest)).noise)
        found: Estimate | None = None
        least = tolerances.FEWEST_PLACES * float(np.spacing(size))
        shorter = tolerances.STEP_SCALE * min(size, 1.0)
        for scale in (largest, shorter) if least < shorter < largest else (largest,):
            found = first_known(found, self._told(moved, scale, args, size, line))
            if np.isfinite(found.error).all():
                return found
        ahead = self._told(lambda t: centre + np.sign(t) * (moved(abs(t)) - centre), largest, args, size, line)
        behind = self._told(lambda t: centre - np.sign(t) * (moved(-abs(t)) - centre), largest, args, size, line)
        self._kinks.add(self._key(args, number, index))
        return first_known(found, between(ahead, behind))

    def _told(
        self, f: Callable[[float], Array], scale: float, args: Sequence[Array], size: float, line: _Line
    ) -> Estimate:
        """As `_sharp`; where the steps are long it takes a second opinion. ``size`` is that of the argument."""

        def sharp(wanted: float) -> Estimate:
            used = _without_rounding(wanted, size)
            return self._sharp(f, used, args, size / used, line, rounded=tolerances.STEP_ROUNDINGS)

        return confirmed(sharp(scale), sharp(tolerances.SECOND_STEP_RATIO * scale)) if scale > 1 else sharp(scale)

    def _sharp(
        self,
        f: Callable[[float], Array],
        scale: float,
        args: Sequence[Array],
        ratio: float,
        line: _Line,
        *,
        rounded: float = tolerances.SHORTEST_STEP_ROUNDING,
    ) -> Estimate:
        """The derivative at 0, with an infinite error where it has no three digits.

        ``ratio`` is the size of the argument in units of the scale; ``rounded`` is what rounding of the place
        does to steps, if both have the same size.
        """
        most = np.zeros(())
        near, size = self._near(args)
        rounding, here = np.fmax(near, line.noise), self._at_place(args)

        def watched(t: float) -> Array:
            nonlocal most
            values = f(t)
            most = np.fmax(most, np.abs(values))
            return values

        # Noise that is smaller than the last place of what is computed on the way shows in no difference of neighbours.
        found = finite_differences.derivative(watched, scale, noise=rounding)
        error = tolerances.STEP_SAFETY * found.error + rounded * (1 + ratio) * np.abs(found.value)
        found = finite_differences.agreeing(
            f,
            scale,
            Estimate(found.value, error),
            here.noise,
            ratio=ratio,
            args=args,
            is_floor=not here.is_followed,
        )
        hidden = waves.absorbed(line.turning, np.maximum(rounding, tolerances.LEAST_DIFFERENCE_ROUNDING * most))
        error = found.error + hidden
        blurred = ~(error <= (tolerances.SHARP * np.fmax(most, size) + tolerances.ZERO_OUTPUT_ERROR) / scale)
        return Estimate(np.where(blurred, 0.0, found.value), np.where(blurred, np.inf, error))

    def _has_small(self, args: Sequence[Array]) -> bool:
        """Whether an entry is so small beside the steps that where all entries are moved other digits are lost."""
        return any(
            ((array != 0) & (np.abs(array) < function_tolerances.SMALL_ENTRY * self.steps(args, number))).any()
            for number, array in enumerate(args)
        )

    def _turning(self, args: Sequence[Array], place: Callable[[float], list[Array]], scale: float) -> float:
        """How fast the waves of the function turn from one place towards another."""

        def compute(*given: Array) -> tuple[Array, ...]:
            return (self.function(*given),)

        key = tuple(array.tobytes() for array in args)
        if key not in self._angles:
            self._angles[key] = waves.angles(compute, args)
        return waves.turning(compute, self._angles[key], place, scale)

    def _near(self, args: Sequence[Array]) -> tuple[Array, Array]:
        """The rounding error of the outputs near one place, and their size: there, and where the longest steps go."""
        key = tuple(array.tobytes() for array in args)
        if key not in self._roundings:
            rng = seeded(0)
            reach = tolerances.FIRST_DIFFERENCE_STEP
            away = [a + reach * self.steps(args, n) * rng.uniform(-1, 1, a.shape) for n, a in enumerate(args)]
            one, two = self._at_place(args), self._measured(away)
            self._roundings[key] = np.fmax(one.noise, two.noise), np.fmax(one.size, two.size)
        return self._roundings[key]

    def _at_place(self, args: Sequence[Array]) -> _Place:
        key = tuple(array.tobytes() for array in args)
        if key not in self._places:
            self._places[key] = self._measured(args)
        return self._places[key]

    def _measured(self, args: Sequence[Array]) -> _Place:
        output = np.asarray(self.function(*args), dtype=np.float64)
        bound, is_followed = self._rounding(args, output)
        # What is made of it has safety factors of its own.
        own = tolerances.DIFFERENCE_SAFETY * tolerances.STEP_SAFETY * tolerances.BOTH_ENDS
        return _Place(np.asarray(bound / own), np.abs(output), is_followed)

    def _rounding(self, args: Sequence[Array], output: Array) -> tuple[Array, bool]:
        if self.rounding is not None:
            return self.rounding(*args), True

        def compute(*moved: Array) -> tuple[Array, ...]:
            return (self.function(*moved),)

        followed = followed_error(compute, args, [output])
        if followed is not None:
            return followed[0], True
        (measured,) = unfollowed_error(compute, args, [output])
        analysed = None if self.analysed is None else self.analysed(*args)
        if analysed is None or analysed.size not in {1, measured.size}:  # it may return another shape on balls
            return measured, False
        # A single bound is that of all outputs.
        return np.fmax(measured, analysed.item() if analysed.size == 1 else analysed.reshape(measured.shape)), False

    def _key(self, args: Sequence[Array], number: int, index: tuple[int, ...]) -> Any:
        return (number, index, *(array.tobytes() for array in args))


def contracted(cotangent: Array, column: Estimate) -> Estimate:
    """sum_k c_k (dy_k / dx), with its error; an output whose cotangent is 0 does not matter."""
    weights = cotangent.astype(np.float64).reshape(column.value.shape)
    matters = np.where(weights == 0, 0.0, column.error)
    rounding = tolerances.SUM_ROUNDING * weights.size * np.abs(weights * column.value).sum()
    value = np.asarray((weights * column.value).sum())
    return Estimate(value, np.asarray((np.abs(weights) * matters).sum() + rounding))


def _without_rounding(scale: float, size: float) -> float:
    """A scale that is hardly smaller, whose steps are added to a number of this size without rounding."""
    grid = 2 * float(np.spacing(size + scale))
    shortest = scale / tolerances.STEP_RATIO
    return float(np.floor(shortest / grid) * grid * tolerances.STEP_RATIO) if shortest > grid else scale


def _ratio(argument: Array, direction: Array, *, smallest: bool = False) -> float:
    """The largest entry of the argument in units of how far it is moved; or the smallest."""
    is_moved = direction != 0
    ratios = np.abs(argument[is_moved]) / np.abs(direction[is_moved])
    return float(ratios.min(initial=np.inf) if smallest else ratios.max(initial=0.0))
