"""The rigorous oracle: a definition, or a forward pass, in ball arithmetic, where it runs on balls.

The interface for the checks: `Rigorous.value` and `Rigorous.gradient` give estimates whose error is a theorem, or None
where balls cannot tell. `Rigorous.nearby` gives the gradient at generic points next to a tie.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from reference.engine.formulas import told
from reference.gradients.arguments import in_shapes
from reference.numerics import ball_tolerances
from reference.numerics.estimate import Estimate
from reference.numerics.oracles import ball
from reference.numerics.sampling import seeded

if TYPE_CHECKING:
    from reference.numerics.balls import Enclosure

Array = NDArray[Any]
Language = Literal["numpy", "torch"]

#: What this oracle is called in a finding, and what says why it cannot be asked; it needs what the lab's oracle needs.
NAME, available = ball.NAME, ball.available
#: Ties whose slopes are all enclosed, whichever way they go.
_ENCLOSED = frozenset({"maximum", "minimum", "abs"})


class Rigorous:
    """A function that is evaluated and differentiated in ball arithmetic.

    Parameters
    ----------
    function
        Of all arguments.
    language
        What it is written in.
    places
        Which arguments are differentiated; the others are passed on as they are.

    Attributes
    ----------
    refusal
        Why balls cannot tell, in a sentence that names the operation; None as long as they can.
    raised
        What the last evaluation raised that ended without a result: balls could not decide, or the function raises at
        such arguments. None if none did.
    """

    def __init__(self, function: Callable[..., Any], language: Language, places: Sequence[int]) -> None:
        self._function = function
        self._language = language
        self._places = tuple(places)
        self._values: dict[Any, Estimate | None] = {}
        self._gradients: dict[Any, tuple[Estimate, ...] | None] = {}
        self._tied: dict[Any, bool] = {}
        self._around: dict[Any, tuple[Estimate, ...] | None] = {}
        self._is_too_large = False
        self.refusal: str | None = available()
        self.raised: str | None = None

    def value(self, args: Sequence[Array]) -> Estimate | None:
        """An enclosure of the value at these arguments; None where balls cannot tell, or it is not finite."""
        key = _key(args)
        if key not in self._values:
            found = self._enclosed(args)
            known = found is not None and bool(np.isfinite(found.value.error).all())
            self._values[key] = found.value if found is not None and known else None
            self._tied[key] = found is not None and bool(found.ties)
        return self._values[key]

    def has_ties(self, args: Sequence[Array]) -> bool:
        """Whether the function meets equal numbers here, so that it may have no derivative."""
        self.value(args)
        return self._tied[_key(args)]

    def around(self, cotangent: Array, args: Sequence[Array]) -> tuple[Estimate, ...] | None:
        """Enclosures of all gradients of <cotangent, function> as near the arguments as roundings may take these.

        None where that is not known. A gradient outside them is wrong for certain, be there a kink or none.
        """
        key = _key([cotangent, *args])
        if key not in self._around:
            self._around[key] = self._all_near(cotangent, args)
        return self._around[key]

    def sampled(
        self, cotangent: Array, args: Sequence[Array], chosen: Sequence[Array]
    ) -> tuple[Estimate, tuple[Estimate, ...]] | None:
        """Enclosures of the value, and of the chosen entries of the gradient, of functions of many numbers.

        The errors of the other entries are infinite. None where balls cannot tell.
        """
        if self.refusal is not None and not self._is_too_large:
            return None
        from reference.numerics import balls  # noqa: PLC0415 - needs flint, which is optional

        try:
            found = balls.sampled(self.on_balls(), args, self._places, cotangent, chosen)
        except (Exception, SystemExit) as error:  # refused, or what the code raises at such arguments
            self.raised = str(error) if isinstance(error, balls.Refused | balls.Undecided) else told(error)
            return None
        if set(found.ties) - _ENCLOSED:
            self.raised = "numbers are equal there"
            return None
        return found.value, found.gradients

    def _all_near(self, cotangent: Array, args: Sequence[Array]) -> tuple[Estimate, ...] | None:
        if not self._can_run(args):
            return None
        from reference.numerics import balls  # noqa: PLC0415 - needs flint, which is optional

        try:
            found = balls.around(self.on_balls(), args, self._places, cotangent)
        except (Exception, SystemExit):  # refused, or what the code raises at such arguments
            return None
        return None if found is None or set(found[1]) - _ENCLOSED else found[0]

    def gradient(
        self, cotangent: Array, args: Sequence[Array], resolutions: Sequence[Any] | None = None
    ) -> tuple[Estimate, ...] | None:
        """Enclosures of the gradient of <cotangent, function> for the arguments of floating point; None if unknown.

        At a tie the estimate is of every gradient at generic points nearby.

        Parameters
        ----------
        cotangent
            Of the output's shape.
        args
            All arguments.
        resolutions
            For each gradient, a width of the enclosure that is narrow enough for a verdict, entry by entry.
        """
        key = _key([cotangent, *args])
        if key not in self._gradients:
            found = self._enclosed(args, cotangent, resolutions)
            gradients = None if found is None else found.gradients
            if found is not None and set(found.ties) - _ENCLOSED:
                gradients = self._all_around(cotangent, args)
            self._gradients[key] = gradients
        return self._gradients[key]

    def nearby(
        self, cotangent: Array, args: Sequence[Array], directions: Sequence[Array]
    ) -> tuple[Estimate, ...] | None:
        """The gradient next to the arguments, 2^-300 of the directions away; None where there is a tie again.

        At a kink this is the limit of the gradients along the directions, but for 2^-300 of what they change.
        """
        found = self._enclosed(args, cotangent, offset=directions)
        return None if found is None or found.ties else found.gradients

    def is_ordinary(self, args: Sequence[Array]) -> bool:
        """Whether the function has a derivative here, and all numbers on the way to its value are doubles in size."""
        beyond = self.beyond_doubles(args, underflow=True)
        return beyond is not None and not any(each.any() for each in beyond) and not self.has_ties(args)

    def on_balls(self) -> Callable[..., Any]:
        """The function on balls, as a fresh copy."""
        from reference.numerics import balls  # noqa: PLC0415 - needs flint, which is optional

        return balls.on_balls(self._function, self._language)

    def beyond_doubles(self, args: Sequence[Array], *, underflow: bool = False) -> list[NDArray[np.bool_]] | None:
        """For each differentiated argument, which entries reach the value through numbers that are beyond all doubles.

        With ``underflow`` through numbers, too, that are nearer to 0 than all doubles. None where balls cannot tell.
        """
        if self.refusal is not None:
            return None
        from reference.numerics import balls  # noqa: PLC0415 - needs flint, which is optional

        try:
            return balls.beyond_doubles(self.on_balls(), args, self._places, underflow=underflow)
        except (Exception, SystemExit):  # undecided, or what the definition raises at such arguments
            return None

    def rounding(self, args: Sequence[Array]) -> Array | None:
        """How far rounding may take each value in doubles, by a running error analysis; None where balls cannot tell.

        Infinite where rounding may make anything of the value, or decides which way the code goes.
        """
        return rounding_of(self.on_balls(), args) if self._can_run(args) else None

    def _all_around(self, cotangent: Array, args: Sequence[Array]) -> tuple[Estimate, ...] | None:
        """The gradients at points next to a tie, in all of which no two entries are moved alike.

        With n entries there are n points; in them each entry takes every rank among the others, so that whichever of
        tied entries is the largest (or the k-th) in one of them, each of the others is in another one.
        """
        shapes = [args[place].shape for place in self._places]
        n = sum(args[place].size for place in self._places)
        if n > ball_tolerances.MOST_TIED_ENTRIES:
            return None
        rng = seeded(0)
        ranks = rng.permutation(n)
        found = []
        for shift in range(max(n, 2)):
            steps = 2.0 * ((ranks + shift) % n) - n + 1 + rng.uniform(0.25, 0.75, n)
            steps = -steps if n == 1 and shift else steps
            near = self.nearby(cotangent, args, in_shapes(steps, shapes))
            if near is None or not all(np.isfinite(each.error).all() for each in near):
                return None
            found.append(near)
        return tuple(_hull(estimates) for estimates in zip(*found, strict=True))

    def _enclosed(
        self,
        args: Sequence[Array],
        cotangent: Array | None = None,
        resolutions: Sequence[Any] | None = None,
        offset: Sequence[Array] | None = None,
    ) -> Enclosure | None:
        if not self._can_run(args):
            return None
        from reference.numerics import balls  # noqa: PLC0415 - needs flint, which is optional

        try:
            return balls.enclose(self.on_balls(), args, self._places, cotangent, resolutions=resolutions, offset=offset)
        except balls.Refused as error:
            self.refusal = str(error)
        except (Exception, SystemExit) as error:  # undecided, or what the definition raises at such arguments
            self.raised = told(error)
        return None

    def _can_run(self, args: Sequence[Array]) -> bool:
        """Whether nothing speaks against balls so far; arguments of too many numbers do from now on."""
        if self.refusal is None and sum(each.size for each in args) > ball_tolerances.MOST_BALLS_AT_ONCE:
            self._is_too_large = True
            self.refusal = f"more than {ball_tolerances.MOST_BALLS_AT_ONCE} numbers take too long in ball arithmetic"
        return self.refusal is None


def rounding_of(run: Callable[..., Any], args: Sequence[Array], place: int | None = None) -> Array | None:
    """How far rounding may take what a function on balls computes in doubles; None where balls cannot tell.

    Infinite where rounding decides which way the code goes. ``place`` is that of the result among several; None for a
    function of one.
    """
    from reference.numerics import balls  # noqa: PLC0415 - needs flint, which is optional

    try:
        found = balls.roundings(run, args)
    except (Exception, SystemExit):  # refused, or what the code raises at such arguments
        return None
    if found is None:
        return np.asarray(np.inf)
    if place is None:
        return found[0] if len(found) == 1 else None
    return found[place]


def _hull(estimates: Sequence[Estimate]) -> Estimate:
    """The estimate of all of several numbers."""
    low = np.min([each.value - each.error for each in estimates], axis=0)
    high = np.max([each.value + each.error for each in estimates], axis=0)
    middle = np.asarray((low + high) / 2)
    return Estimate(middle, np.asarray((high - low) / 2 + np.spacing(np.abs(middle))))


def _key(args: Sequence[Array]) -> Any:
    return tuple((each.shape, each.dtype.str, each.tobytes()) for each in args)
