"""No oracle states an error that is smaller than the true one, whatever a formula cancels, absorbs or saturates.

``python -m tests.test_honest_errors COUNT SEED [hostile]`` prints, for each oracle, how often it knows nothing, how
often its error is too small, and how many times larger than the true error the stated one is.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.gradients.arguments import EVERYWHERE
from reference.gradients.differences import Differences
from reference.gradients.tolerance import rounding_error
from reference.numerics.oracles import complex_step, finite_differences, torch_autograd
from tests.comparing import needs_flint, needs_torch
from tests.compositions import ARGUMENTS, Composition, drawn, drawn_hostile, truth

pytestmark = pytest.mark.catalogue

Array = NDArray[Any]
#: A value and its stated error; None where the oracle refuses the formula.
Stated = tuple[Any, Any] | None
#: Beyond it doubles overflow on the way.
LARGEST = 1e300


@dataclass
class Tally:
    """What one oracle has stated."""

    asked: int = 0
    unknown: int = 0
    too_small: list[str] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)

    def __str__(self) -> str:
        share = 100 * self.unknown / max(self.asked, 1)
        median = np.median(self.ratios) if self.ratios else np.nan
        return (
            f"{self.asked} asked, {share:.1f} % unknown, {len(self.too_small)} too small, "
            f"median {median:.3g} times the true error"
        )


def in_torch(composition: Composition) -> Callable[[Any], Any]:
    def definition(x: Any) -> Any:
        return composition.tensors(x) + 0 * x[0]

    return definition


def in_numpy(composition: Composition) -> Callable[[Any], Any]:
    return lambda x: np.asanyarray(composition.arrays(x))


def value_by_torch(composition: Composition, x: Array, place: int) -> Stated:
    found = torch_autograd.value(in_torch(composition), [x])
    return found.value, found.error


def slope_by_torch(composition: Composition, x: Array, place: int) -> Stated:
    (found,) = torch_autograd.vjp(in_torch(composition), np.ones(()), [x])
    return found.value[place], found.error[place]


def value_by_numpy(composition: Composition, x: Array, place: int) -> Stated:
    plain = np.asarray(in_numpy(composition)(x), dtype=float)
    (error,) = rounding_error(lambda *given: (in_numpy(composition)(*given),), [x], [plain])
    return plain, error


def slope_by_differences(composition: Composition, x: Array, place: int) -> Stated:
    found = Differences(in_numpy(composition), (EVERYWHERE,)).column([x], 0, (place,))
    return found.value, found.error


def slope_by_plain_differences(composition: Composition, x: Array, place: int) -> Stated:
    found = finite_differences.directional(in_numpy(composition), [x], [np.eye(ARGUMENTS)[place]])
    return found.value, found.error


def slope_by_complex_step(composition: Composition, x: Array, place: int) -> Stated:
    if "'abs'" in repr(composition.node):  # not analytic: it is refused
        return None
    along = complex_step.Along(in_numpy(composition), [x])
    direction = [np.eye(ARGUMENTS)[place]]
    try:
        along.confirm(direction)
        found = along.measured(direction)
    except complex_step.ComplexStepError:
        return 0.0, np.inf
    return found.value, found.error


#: Each oracle, and whether it is asked for the slope.
ORACLES: dict[str, tuple[Callable[[Composition, Array, int], Stated], bool]] = {
    "value by torch": (value_by_torch, False),
    "slope by torch": (slope_by_torch, True),
    "value by numpy": (value_by_numpy, False),
    "slope by differences": (slope_by_differences, True),
    "slope by plain differences": (slope_by_plain_differences, True),
    "slope by the complex step": (slope_by_complex_step, True),
}


def judged_compositions(seed: int, *, hostile: bool = False) -> Iterator[tuple[Composition, Array, int, Any, Any]]:
    """Formulas that are finite in doubles and smooth where they are asked, with balls around value and slope."""
    rng = np.random.RandomState(seed)
    while True:
        composition, place = (drawn_hostile if hostile else drawn)(rng), int(rng.randint(ARGUMENTS))
        x = np.array(composition.point)
        plain = np.asarray(composition.arrays(x), dtype=float)
        found = truth(composition, tuple(np.eye(ARGUMENTS)[place])) if np.isfinite(plain) else None
        if found is not None and all(float(each.abs_upper()) < LARGEST for each in found):
            yield composition, x, place, *found


def off_by(stated: tuple[Any, Any], true: Any) -> float:
    """How far a stated value is from the truth."""
    import flint  # noqa: PLC0415 - optional

    return float((true - flint.arb(float(np.asarray(stated[0]).reshape(())))).abs_upper())


def tallied(
    count: int, seed: int, names: tuple[str, ...] = tuple(ORACLES), *, hostile: bool = False
) -> dict[str, Tally]:
    tallies = {name: Tally() for name in names}
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        drawn_from = judged_compositions(seed, hostile=hostile)
        for _ in range(count):
            composition, x, place, value, slope = next(drawn_from)
            for name, tally in tallies.items():
                oracle, of_slope = ORACLES[name]
                stated = oracle(composition, x, place)
                if stated is None:
                    continue
                number, error = (float(np.asarray(each).reshape(())) for each in stated)
                tally.asked += 1
                if not np.isfinite(error):
                    tally.unknown += 1
                    continue
                off = off_by(stated, slope if of_slope else value)
                if off > error:
                    tally.too_small.append(f"{composition}: {number} is off by {off}, not {error}")
                if off > 0:
                    tally.ratios.append(error / off)
    return tallies


@needs_flint
@pytest.mark.parametrize("name", [pytest.param(each, marks=needs_torch if "torch" in each else ()) for each in ORACLES])
def test_stated_errors_are_no_smaller_than_true_ones(name: str) -> None:
    """In no formula of a sample, and most formulas are known."""
    tally = tallied(90, 1, (name,))[name]
    assert not tally.too_small, tally.too_small[0]
    assert tally.unknown <= 0.1 * tally.asked
    hostile = tallied(30, 1, (name,), hostile=True)[name]
    assert not hostile.too_small, hostile.too_small[0]
    assert hostile.unknown <= 0.5 * hostile.asked


X, Y, Z = (("argument", number) for number in range(ARGUMENTS))
#: Formulas whose errors no scatter of results tells, and no difference of values, each with the entry that is moved.
DECEPTIVE = {
    "the inverse of rounding": (
        ("reciprocal", ("sub", ("log1p by hand", Y), ("add", Z, Y))),
        (3e-110, -2.7e-110, 3e-110),
        1,
    ),
    "a wave of rounding": (("cos", ("what is left", X, Y)), (1e20, 1.0, 0.0), 1),
    "the logarithm of rounding": (("log", ("1 - cos", X)), (1e-12, 0.0, 0.0), 0),
    "the exponential of rounding": (("tanh", ("what is left", X, Y)), (1e20, 1.0, 0.0), 1),
    "the logarithm of what overflows": (("reciprocal", ("log cosh", X)), (7e4, 0.0, 0.0), 0),
    "a wave within the steps": (("add", X, ("sin", ("square", Y))), (1e5, 1e5, 1.0), 1),
    "a wave that a sum absorbs": (("softplus by hand", ("sine over it", Z)), (1.0, 1.0, -2.198832805305729e99), 2),
    "a wave beside a large number": (("add", Y, ("cos", X)), (4e15, 4e17, 1.0), 0),
    "a small number that is not moved": (
        ("div", ("div", Y, X), ("expm1 by hand", X)),
        (-0.00017822736634470816, -8.628299542843977e-31, 1.5444599561697132),
        1,
    ),
    "a bend within the steps": (("relative difference", ("mul", X, Y), ("div", Y, Y)), (1e158, -3e-99, 1.0), 1),
    "a bend far nearer than the other arguments": (("relative difference", Z, X), (1e-30, -12.0, 9e-31), 0),
}


@needs_flint
@needs_torch
@pytest.mark.parametrize("name", DECEPTIVE)
def test_what_deceives_an_oracle_is_unknown_or_right(name: str) -> None:
    """No oracle states less than its error where a scatter or a difference of values shows nothing of it."""
    node, point, place = DECEPTIVE[name]
    composition = Composition(node, point)
    value, slope = truth(composition, tuple(np.eye(ARGUMENTS)[place])) or pytest.fail("there is no truth")
    for oracle, (ask, of_slope) in ORACLES.items():
        with np.errstate(all="ignore"):
            stated = ask(composition, np.array(point), place)
        if stated is not None and np.isfinite(stated[1]):
            assert off_by(stated, slope if of_slope else value) <= float(np.asarray(stated[1])), oracle


@pytest.mark.measure
@needs_flint
@needs_torch
def test_stated_errors_over_many_formulas() -> None:
    """None of 5,000 is too small, one in twenty may be unknown, and the median is at most 1,000 times the true one."""
    for name, tally in tallied(5000, 0).items():
        print(f"{name}: {tally}")  # noqa: T201 - a measurement
        assert not tally.too_small, tally.too_small[0]
        assert tally.unknown <= 0.05 * tally.asked
        assert np.median(tally.ratios) <= 1000


@pytest.mark.measure
@needs_flint
@needs_torch
def test_stated_errors_over_hostile_formulas() -> None:
    """Of 1,000 that cancel, oscillate and overflow over all sizes of doubles none is too small."""
    for name, tally in tallied(1000, 7, hostile=True).items():
        print(f"{name}: {tally}")  # noqa: T201 - a measurement
        assert not tally.too_small, tally.too_small[0]


if __name__ == "__main__":
    for name, tally in tallied(int(sys.argv[1]), int(sys.argv[2]), hostile="hostile" in sys.argv).items():
        sys.stdout.write("\n".join([f"{name}: {tally}", *tally.too_small[:5], ""]))
