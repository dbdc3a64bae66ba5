"""Random directions: no honest gradient is called wrong, wrong entries are named, and misses are as rare as stated."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from reference.numerics import directions
from reference.numerics.directions import Verdict, find_wrong_entries, oracle_of
from reference.numerics.estimate import Estimate
from reference.numerics.oracles import finite_differences
from reference.numerics.oracles.complex_step import ComplexStepError
from reference.numerics.tolerances import DIRECTIONS

pytestmark = pytest.mark.catalogue

Array = NDArray[np.float64]
SHAPES = ((40, 25), (25,), (7, 3), ())
#: Shapes for what is repeated a thousand times, or for each entry.
FEW = ((8, 5), (5,), (3, 2), ())


def gradient(seed: int = 0, shapes: Sequence[tuple[int, ...]] = SHAPES) -> list[Array]:
    """Arrays with entries of very different sizes, a few of them 0."""
    rng = np.random.RandomState(seed)
    return [np.asarray(rng.randn(*s) * 10.0 ** rng.uniform(-6, 2, s) * (rng.uniform(size=s) > 0.1)) for s in shapes]


def exactly(truth: Sequence[Array]) -> Callable[[list[Array]], Estimate]:
    """An oracle without error for a function with this gradient."""

    def oracle(directions: list[Array]) -> Estimate:
        products = [float(p) for g, v in zip(truth, directions, strict=True) for p in (g * v).ravel()]
        total = math.fsum(products)
        error = 2.0**-53 * math.fsum(abs(p) for p in products) + 2.0**-53 * abs(total)
        return Estimate(np.array(total), np.array(error))

    return oracle


def allowances(truth: Sequence[Array], part: float = 1e-13) -> list[Array]:
    return [part * np.abs(g) for g in truth]


def check(claimed: Sequence[Array], truth: Sequence[Array], seed: int, **options: Any) -> Verdict:
    bounds = options.pop("bounds", allowances(truth))
    return find_wrong_entries(claimed, exactly(truth), bounds, rng=np.random.RandomState(seed), **options)


@given(st.integers(0, 2**32 - 1))
def test_honest_gradients_pass(seed: int) -> None:
    """A gradient whose errors equal its bounds passes with no further calls of the oracle."""
    truth = gradient(seed)
    rng = np.random.RandomState(seed)
    claimed = [g + b * rng.uniform(-1, 1, g.shape) for g, b in zip(truth, allowances(truth), strict=True)]
    verdict = check(claimed, truth, seed)
    assert verdict.passed
    assert verdict.complete
    assert verdict.calls == verdict.directions == DIRECTIONS


@given(st.integers(0, 2**32 - 1), st.sampled_from([1e-7, 1e-2, -2.0]))
def test_one_wrong_entry_is_named(seed: int, part: float) -> None:
    """One wrong entry is named alone, with about 2 log2(n) further calls of the oracle."""
    truth = gradient(seed)
    claimed = [g.copy() for g in truth]
    rng = np.random.RandomState(seed)
    number = rng.randint(2)
    index = tuple(int(i) for i in rng.permutation(np.argwhere(truth[number] != 0))[0])
    claimed[number][index] *= 1 + part
    verdict = check(claimed, truth, seed)
    (wrong,) = verdict.wrong
    assert (wrong.argument, wrong.index) == (number, index)
    assert wrong.claimed == claimed[number][index]
    assert wrong.due == pytest.approx(truth[number][index], rel=1e-10)
    n = sum(g.size for g in truth)
    assert verdict.calls <= 1 + 2 * math.log2(n) + DIRECTIONS
    assert verdict.complete
    assert not verdict.passed


def test_entries_that_should_be_zero_are_judged_too() -> None:
    """An entry with a bound of 0 must be exact."""
    truth = gradient()
    claimed = [g.copy() for g in truth]
    place = tuple(int(i) for i in np.argwhere(truth[0] == 0)[0])
    claimed[0][place] = 1e-9
    assert [entry.index for entry in check(claimed, truth, 0).wrong] == [place]


def test_several_wrong_entries_are_all_named() -> None:
    """Several wrong entries of any size, in several arguments, are all named."""
    truth = gradient()
    claimed = [g.copy() for g in truth]
    wrong: list[tuple[int, tuple[int, ...]]] = [(0, (3, 4)), (0, (3, 5)), (1, (7,)), (3, ())]
    for number, index in wrong:
        claimed[number][index] = claimed[number][index] * (1 + 1e-5) + 1e-9
    verdict = check(claimed, truth, 1)
    assert sorted((entry.argument, entry.index) for entry in verdict.wrong) == wrong
    assert verdict.complete


def test_a_search_ends_at_as_many_as_were_asked_for() -> None:
    """The search stops after the number of wrong entries that was asked for."""
    truth = gradient()
    verdict = check([2 * g for g in truth], truth, 0, most=3)
    assert len(verdict.wrong) == 3
    assert not verdict.complete


def test_what_is_no_number_is_wrong_without_an_oracle() -> None:
    """NaN and infinity are named without calling the oracle, and the other entries are judged."""
    truth = gradient()
    claimed = [g.copy() for g in truth]
    claimed[0][1, 2], claimed[1][3] = math.nan, math.inf
    claimed[2][0, 0] += 1.0
    verdict = check(claimed, truth, 0)
    assert [(entry.argument, entry.index) for entry in verdict.wrong] == [(0, (1, 2)), (1, (3,)), (2, (0, 0))]
    assert math.isnan(verdict.wrong[0].due)
    assert verdict.wrong[0].allowed == 0


def test_misses_are_as_rare_as_stated() -> None:
    """A mild mistake is missed no more often than the stated probability, and not much more rarely."""
    truth = gradient(shapes=FEW)
    errors = [np.zeros(g.shape) for g in truth]
    index = tuple(int(i) for i in np.argwhere(truth[0] != 0)[0])
    usual = allowances(truth, 1e-9)
    errors[0][index] = 500 * usual[0][index]
    claimed = [g + e for g, e in zip(truth, errors, strict=True)]
    runs = [check(claimed, truth, seed, usual=usual, directions=1).passed for seed in range(1000)]
    stated = check(truth, truth, 0, usual=usual, directions=1).missed(errors)
    assert 0.05 < stated < 0.2
    deviation = math.sqrt(stated * (1 - stated) / len(runs))
    assert stated - 4 * deviation < np.mean(runs) < stated + 3 * deviation


def test_more_directions_miss_less() -> None:
    """The probability of a miss is the power of that of one direction; a right gradient always passes."""
    truth = gradient()
    errors = [1e-9 * g for g in truth]
    one, three = (check(truth, truth, 0, directions=k).missed(errors) for k in (1, 3))
    assert three == pytest.approx(one**3, rel=0.5)
    assert check(truth, truth, 0).missed([0 * g for g in truth]) == 1


@pytest.mark.parametrize("seed", range(3))
def test_too_little_usual_rounding_costs_calls_alone(seed: int) -> None:
    """A usual error that is too small causes alarms, but no right entry is called wrong."""
    truth = gradient(seed, FEW)
    rng = np.random.RandomState(seed)
    claimed = [g + b * rng.uniform(-1, 1, g.shape) for g, b in zip(truth, allowances(truth, 1e-8), strict=True)]
    verdict = check(claimed, truth, seed, bounds=allowances(truth, 1e-8), usual=allowances(truth, 1e-13))
    assert verdict.passed
    assert verdict.calls > DIRECTIONS


def loss(W: Any, b: Any) -> Any:
    """A forward pass to differentiate."""
    return np.log(1 + np.exp(np.linspace(-1, 1, W.shape[0]) @ W + b)).sum()


def loss_gradient(W: Array, b: Array) -> list[Array]:
    x = np.linspace(-1, 1, W.shape[0])
    slope = 1 / (1 + np.exp(-(x @ W + b)))
    return [np.outer(x, slope), slope]


@pytest.mark.parametrize("kind", ["complex step", "differences"])
def test_any_function_and_any_oracle(kind: str) -> None:
    """With each oracle the right gradient passes, and a wrong entry is named."""
    rng = np.random.RandomState(0)
    args = [rng.randn(30, 20), rng.randn(20)]
    oracles = {
        "complex step": oracle_of(loss, args, rng),
        "differences": lambda directions: finite_differences.directional(loss, args, directions),
    }
    claimed = loss_gradient(args[0], args[1])
    bounds = [1e-13, 1e-13]
    assert find_wrong_entries(claimed, oracles[kind], bounds, rng=rng).passed
    claimed[0][4, 5] *= 1.001
    (wrong,) = find_wrong_entries(claimed, oracles[kind], bounds, rng=rng).wrong
    assert (wrong.argument, wrong.index) == (0, (4, 5))


def test_a_forward_pass_without_complex_numbers_is_refused() -> None:
    """A forward pass that cannot use complex numbers is refused when the oracle is made."""
    with pytest.raises(ComplexStepError):
        oracle_of(lambda x: np.abs(x).sum(), [np.ones(3)], np.random.RandomState(0))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bounds": [1.0]}, "bounds: expected 4, one for each array of the gradient, got 1"),
        ({"bounds": [np.ones(3), 1, 1, 1]}, "bounds|broadcast"),
        ({"bounds": [np.ones((1, 40, 25)), 1, 1, 1]}, r"bounds\[0\]: expected shape \(40, 25\), got \(1, 40, 25\)"),
        ({"bounds": [1, -1, 1, 1]}, r"bounds\[1\]: expected finite numbers of at least 0"),
        ({"usual": [1, 1, math.inf, 1]}, r"usual\[2\]: expected finite numbers of at least 0"),
        ({"directions": 0}, "directions and most of at least 1, got 0 and 8"),
    ],
)
def test_bad_questions_are_refused(options: dict[str, Any], message: str) -> None:
    """Arguments that do not fit raise a ValueError that says what was expected."""
    truth = gradient()
    with pytest.raises(ValueError, match=message):
        check(truth, truth, 0, **options)


def test_oracles_that_know_nothing_are_refused() -> None:
    """An oracle with an infinite error, which would let everything pass, raises a ValueError."""
    rng = np.random.RandomState(0)
    with pytest.raises(ValueError, match="finite error"):
        find_wrong_entries([np.ones(2)], lambda v: Estimate(np.array(0.0), np.array(np.inf)), [0.0], rng=rng)
    with pytest.raises(ValueError, match=r"derivative of one number, got shape \(2,\)"):
        find_wrong_entries([np.ones(2)], lambda v: Estimate(np.zeros(2), np.zeros(2)), [0.0], rng=rng)


def test_nothing_to_check_is_right() -> None:
    """A gradient without entries passes."""
    verdict = find_wrong_entries([np.zeros((0, 3))], exactly([np.zeros((0, 3))]), [0.0], rng=np.random.RandomState(0))
    assert verdict.passed
    assert verdict.complete
    assert verdict.calls == 0


def test_as_many_directions_pass_as_are_stated() -> None:
    """After a wrong entry was found, the others are looked at along so many further directions."""
    truth = [np.ones(50)]
    claimed = [np.where(np.arange(50) == 17, 2.0, 1.0)]
    asked: list[Array] = []
    oracle = exactly(truth)

    def listening(directions: list[Array]) -> Estimate:
        asked.append(directions[0])
        return oracle(directions)

    verdict = find_wrong_entries(claimed, listening, [1e-13], rng=np.random.RandomState(0))
    assert [entry.index for entry in verdict.wrong] == [(17,)]
    assert sum(np.flatnonzero(each == 0).tolist() == [17] for each in asked) == verdict.directions == DIRECTIONS


def test_false_alarms_are_as_rare_as_the_normal_distribution_says() -> None:
    """One direction is compared with so many standard deviations of usual errors as its probability is that of."""
    truth = gradient(shapes=FEW)
    usual = allowances(truth, 1e-6)  # beside which the oracle's own error is nothing
    verdict = check(truth, truth, 0, usual=usual)
    spread = np.sqrt(sum(((u * s) ** 2).sum() for u, s in zip(usual, verdict.scales, strict=True)))
    assert verdict.false_alarm == pytest.approx(2 * NormalDist().cdf(-verdict.reach / spread), rel=1e-3)


def test_gradients_without_any_error_may_be_large() -> None:
    """However little they may be off, nothing overflows on the way."""
    truth = [np.array([1e150, -3e150, 2.0])]
    assert check(truth, truth, 0, bounds=[1e-290]).passed
    (wrong,) = check([truth[0] + [0, 1e140, 0]], truth, 0, bounds=[1e-290]).wrong
    assert wrong.index == (1,)


@given(st.lists(st.floats(-1e6, 1e6), max_size=20))
def test_sums_know_their_error(numbers: list[float]) -> None:
    """Also where everything cancels, so that the sum itself is no measure of it."""
    both = np.array([*numbers, 2.0**-60, *(-number for number in numbers)])
    total, error = directions._sum(both)
    assert abs(Fraction(total) - sum(map(Fraction, both.tolist()))) <= error
