"""What the parts of `check_vjp` promise each other: numbers in words, slopes and steps, inputs and specifications."""

from __future__ import annotations

import functools
import re
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.findings import NotApplicable, Violation
from reference.gradients import cases as asking
from reference.gradients import consistency, differences, noise, promises, slopes, tolerance, values
from reference.gradients.arguments import EVERYWHERE, name_of, pattern
from reference.gradients.cases import Case
from reference.gradients.context import Context
from reference.gradients.differences import Differences
from reference.gradients.judge import Comparison
from reference.gradients.subject import Subject
from reference.numerics import function_tolerances, tolerances
from reference.numerics.estimate import Estimate
from reference.wording import fact
from tests.gradients import POSITIVE, drawn
from tests.spoiling import multiples
from tests.vjp_saboteurs import GIVEN, triple, tripled

pytestmark = pytest.mark.catalogue

Array = NDArray[Any]
X = drawn(3, 4)


def exact(value: Any, error: Any = 0.0) -> Estimate:
    value = np.asarray(value, dtype=float)
    return Estimate(value, np.broadcast_to(np.asarray(error, dtype=float), value.shape))


def examination(forward: Any = triple, vjp: Any = tripled, *args: Any, effort: Any = "quick") -> Context:
    return Context(Subject(forward, vjp, pattern(args or (GIVEN,), None)), None, 0, effort)


@pytest.mark.parametrize("low_end", [True, False])
def test_an_end_that_is_nearly_0_is_told_as_0(low_end: bool) -> None:
    """Of two slopes, one of which is 0 but for rounding, the reader sees 0 and the other one."""
    value = 0.25 if low_end else -0.25
    told = [
        float(number)
        for number in re.findall(
            r"-?\d[\d.e+-]*", str(fact("entry near", what="x", index=(), value=value, error=0.25 + 1e-9))
        )
    ]
    assert told == sorted(told)
    assert (told[0] if low_end else told[-1]) == 0
    assert (told[-1] if low_end else told[0]) == pytest.approx(2 * value)


@pytest.mark.parametrize("ratio", [-1.0, -0.5, -2.0, -0.999, 0.25, 2.0])
def test_a_sign_is_minus_1_and_no_other_factor(ratio: float) -> None:
    """Every other factor is named as a factor, a negative one too."""
    comparison = Comparison("gradient[0]")
    comparison.add(ratio * X, exact(X), np.full(X.shape, 1e-14), {})
    with pytest.raises(Violation) as caught:
        comparison.settle(fact("specification judges"))
    assert caught.value.mistake == ("sign" if ratio == -1 else "scaled")


def test_between_two_slopes_lies_all_that_either_may_be() -> None:
    """The lowest is as low as either may be with its error, the highest as high."""
    for one, other in ((-1.0, 2.0), (2.0, -1.0), (3.0, 3.0)):
        found = slopes.between(exact([one], 0.125), exact([other], 0.25))
        ends = [(one - 0.125, one + 0.125), (other - 0.25, other + 0.25)]
        assert found.value - found.error == min(low for low, _ in ends)
        assert found.value + found.error == max(high for _, high in ends)


def test_between_a_slope_and_one_that_is_not_known_lies_everything() -> None:
    """Nor is anything known beside a slope that is infinite."""
    for one, other in ((exact([1.0], np.inf), exact([2.0])), (exact([2.0]), exact([1.0], np.inf)),
                       (exact([np.inf]), exact([1.0])), (exact([1.0]), exact([-np.inf]))):  # fmt: skip
        found = slopes.between(one, other)
        assert (found.value.tolist(), found.error.tolist()) == ([0.0], [np.inf])


def test_steps_along_a_direction_stay_in_the_domain() -> None:
    """Whatever the sign of the direction, the function is asked where it is legal."""
    seen: list[Array] = []
    oracle = Differences(lambda x: (seen.append(x), np.log(x))[1], (POSITIVE,))
    x = np.array([1e-3, 0.5, 3.0])
    for sign in (-1, 1):
        found = oracle.along([x], 0, sign * oracle.steps([x], 0))
        assert np.isfinite(found.error).all()
    assert min(each.min() for each in seen) > 0


def test_large_numbers_are_told_by_steps_of_their_size() -> None:
    """A parabola is, wherever it is looked at."""
    for x in (1e6, 1e12):
        column = Differences(np.square, (EVERYWHERE,)).column([np.array([x])], 0, (0,))
        assert column.error[0] < 1e-6 * x
        assert abs(column.value[0] - 2 * x) <= column.error[0]


def test_small_domains_are_told_by_steps_of_their_size() -> None:
    """A wave as short as the interval that it is defined on has a slope there."""
    column = Differences(lambda x: np.sin(1e9 * x), ((0.0, 1e-9),)).column([np.array([0.5e-9])], 0, (0,))
    assert column.value[0] == pytest.approx(1e9 * np.cos(0.5), rel=1e-6)
    assert column.error[0] < 1e3


def test_differences_without_three_digits_give_way_to_smaller_steps() -> None:
    """Far away a wave is told by steps as long as the wave, and not by those of the size of the argument."""
    for x in (100.0, 1e4, 1e6):
        column = Differences(np.sin, (EVERYWHERE,)).column([np.array([x])], 0, (0,))
        assert abs(column.value[0] - np.cos(x)) <= column.error[0] < 1e-3


@pytest.mark.parametrize("height", [0.0, 5.0, -1e3])
@pytest.mark.parametrize("x", [0.0, 3.0, -100.0])
def test_kinks_are_told_at_any_height(x: float, height: float) -> None:
    """The slopes on either side are what counts, and not what the function is between them."""
    oracle = Differences(lambda t: np.where(t > x, 2 * (t - x), x - t) + height, (EVERYWHERE,))
    found = oracle.at_kink(np.ones(1), [np.array([x])], 0, (0,))
    assert found is not None
    assert found.value == pytest.approx(0.5)
    assert found.error == pytest.approx(1.5)


@pytest.mark.parametrize("x", [1.25, 1.75, 2.5, 40.0])
def test_waves_that_all_steps_are_periods_of_are_no_constants(x: float) -> None:
    """Long steps agree among themselves there, on either side; shorter ones, of which none is a period, do not."""
    (step,) = Differences(np.sin, (EVERYWHERE,)).steps([np.array([x])], 0)
    often = 2 * np.pi * 2.0**11 / step
    waves = (
        lambda t: np.sin(often * (t - x)),
        lambda t: np.where(t > x, np.sin(often * (t - x)), t - x),
        lambda t: np.where(t < x, np.sin(often * (t - x)), t - x),
    )
    for wave in waves:
        column = Differences(wave, (EVERYWHERE,)).column([np.array([x])], 0, (0,))
        assert abs(column.value[0] - often) <= column.error[0]


def test_complex_numbers_are_tried_along_directions_that_show_every_entry() -> None:
    """What loses them only in the differences of the entries does not carry them."""
    x = np.array([0.5, -0.25, 0.75])
    spread = Differences(lambda x: np.conj(x - x.mean()) + x.mean(), (EVERYWHERE,))
    spread.try_complex([[x]])
    assert not spread.carries_complex
    smooth = Differences(np.tanh, (EVERYWHERE,))
    smooth.try_complex([[x]])
    assert smooth.carries_complex


def test_an_output_of_another_shape_is_not_known() -> None:
    """It counts as numbers that nobody knows, in the shape that is due."""
    context = examination(lambda x: x if x[0, 0] == GIVEN[0, 0] else x[:1])
    other = context._own(GIVEN + 1)
    assert other.shape == context.shape == GIVEN.shape
    assert np.isnan(other).all()


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_moved_arguments_stay_next_to_the_given_ones(dtype: Any) -> None:
    """Each entry by the same part of itself, up or down, in its own precision."""
    moved = tolerance._moved(GIVEN.astype(dtype), 2.0**-10, np.random.RandomState(0))
    assert moved.dtype == dtype
    parts = moved.astype(float) / GIVEN - 1
    assert np.abs(parts) == pytest.approx(np.full(GIVEN.shape, 2.0**-10), rel=1e-3)
    assert parts.min() < 0 < parts.max()


def test_zeros_are_repeated_exactly() -> None:
    """What may differ from call to call is a part of the largest number, and of an array without any nothing."""
    zeros, small, large, nothing = promises._repeated([0 * X, 1e-20 * X, X, np.zeros((0, 2))])
    assert not zeros.any()
    assert (small > 0).all()
    assert small == pytest.approx(1e-20 * large, rel=1e-9)
    assert large.max() < 1e-12 * np.abs(X).max()
    assert nothing.shape == (0, 2)


def test_what_is_not_the_same_is_shown_with_its_question() -> None:
    """The arguments, and for a gradient the cotangent as well."""
    context = examination()
    question = context.cases[0]
    for part, due in (("forward", {"args[0]"}), ("vjp", {"args[0]", "cotangent"})):
        with pytest.raises(Violation) as caught:
            promises._check_same(context, part, [GIVEN], [GIVEN + 1], [0 * GIVEN], question)
        assert set(caught.value.counterexample or {}) == due


@pytest.mark.parametrize("effort", ["quick", "normal"])
def test_form_is_judged_at_ordinary_numbers_too(effort: Any) -> None:
    """The last of the few inputs has all its bits, and nothing extreme."""
    last = promises._some(examination(effort=effort))[-1].args[0]
    assert not multiples(last, 1 / 64)
    assert np.abs(last).max() < 10


def test_kinds_that_are_looked_for_are_drawn() -> None:
    """Complex numbers are tried at kinds of questions that every effort asks."""
    drawn = {each.kind for each in examination().cases}
    near = {each.kind for each in asking.near_given(examination().pattern, 0, "quick")}
    assert drawn | near >= consistency.PLAIN
    assert drawn & consistency.PLAIN
    assert near <= consistency.PLAIN


def test_cases_near_the_given_one_are_drawn_by_the_seed() -> None:
    """The same seed draws the same cases; others, far apart too, draw others."""
    given = examination().pattern
    drawn = [[each.args[0] for each in asking.near_given(given, seed, "quick")] for seed in (1, 2, 33, 65, 2**32 + 1)]
    again = [each.args[0] for each in asking.near_given(given, 1, "quick")]
    assert np.array_equal(drawn[0], again)
    assert np.array_equal(drawn[0], drawn[-1])
    assert all(not np.array_equal(drawn[0], other) for other in drawn[1:-1])


def test_cases_near_the_given_one_move_each_number_by_its_part() -> None:
    """Of itself, or of the largest in every second case, and all by one factor; what is symmetric stays so."""
    symmetric = X[:, :3] + X[:, :3].T
    for array in (X, symmetric):
        found = asking.near_given(pattern((array,), None), 0, "normal")
        parts, factors = tolerances.NEAR_PARTS, tolerances.NEAR_FACTORS
        assert len(found) == tolerances.NEAR_CASES["normal"]
        for number, each in enumerate(found):
            part, factor = parts[number % len(parts)], factors[number % len(factors)]
            moved = np.abs(each.args[0] / factor - array)
            size = np.abs(array).max() if number % 2 else np.abs(array)
            assert (moved <= part * size * (1 + 1e-9)).all(), number
            assert moved.max() > 0.3 * part * np.max(size), number
            assert number % 2 == 0 or (moved > part * np.abs(array)).any(), number
            assert array is X or np.array_equal(each.args[0], each.args[0].T)


def test_an_entry_that_leads_keeps_what_was_drawn() -> None:
    """The lead comes on top of numbers that differ from row to row."""
    leading = asking._ahead(20.0)(np.random.RandomState(0), (64, 3))
    assert np.ptp(leading[:, 0]) > 0
    assert leading[:, 0].min() > 10 + leading[:, 1:].max()
    assert np.abs(leading[:, 0] - 20).max() <= np.abs(leading[:, 1:]).max() + 0.125


def test_magnitudes_are_round() -> None:
    """From 1e-100 to 1e300, each the most that is drawn, and told in a few digits without loss."""

    class Largest(np.random.RandomState):
        def uniform(self, low: Any = 0.0, high: Any = 1.0, size: Any = None) -> Any:
            return np.full(size, high)

    sizes = [float(draw(Largest(0), (1,))[0]) for kind, draw, _ in asking._kinds("normal") if "of size" in kind]
    assert min(sizes) == 1e-100
    assert max(sizes) == 1e300
    assert len(set(sizes)) == len(sizes)
    assert all(float(f"{each:.3g}") == each for each in sizes)


def test_callables_without_a_name_have_one() -> None:
    """That of the part they play, as functions without a name of their own have."""
    for nameless in (functools.partial(np.tanh), lambda x: x):
        assert name_of(nameless, "forward") == "forward"
    assert name_of(exact, "forward") == "exact"


def test_directions_are_as_long_as_entries_may_be_moved() -> None:
    """No longer, nowhere 0 but where nothing can be moved, and to both sides."""
    steps = np.linspace(0.5, 2.0, 64)
    (direction,) = consistency._directions(Case("", (steps,), 0), steps)
    assert (np.abs(direction) <= steps).all()
    assert (np.abs(direction) > 0).all()
    assert direction.min() < 0 < direction.max()
    assert len(np.unique(np.abs(direction) / steps)) == 64
    assert np.array_equal(direction, consistency._directions(Case("", (steps,), 0), steps)[0])
    assert consistency._directions(Case("", (steps,), 0), 0 * steps) == []


@pytest.mark.parametrize("wrong", [np.nan, np.inf, 7.0])
def test_a_wrong_entry_is_located(wrong: float) -> None:
    """By what it is where it is no number, by halves where it is one."""
    actual = 3 * np.ones(X.shape)
    actual[1, 2] = wrong
    oracle = Differences(lambda x: 3 * x, (EVERYWHERE,))
    found = consistency._locate(oracle, [X], 0, np.ones(X.shape), np.ones(X.shape), actual, np.zeros(X.shape))
    assert found == (1, 2)


@pytest.mark.parametrize("place", [0, 1])
def test_linearity_is_not_judged_by_what_is_not_finite(place: int) -> None:
    """Neither of the two gradients that others are compared with may overflow."""
    answers = [(X, 0 * X), (X, 0 * X)]
    answers[place] = (np.full(X.shape, np.inf), 0 * X)
    drawn_from = iter([([value], [bound]) for value, bound in answers])
    context: Any = SimpleNamespace(
        calm=lambda: [Case("", (X,), 0)], shape=X.shape, dtype=X.dtype, pattern=pattern((X,), None),
        gradients=lambda question, cotangent: next(drawn_from),
    )  # fmt: skip
    with pytest.raises(NotApplicable):
        values.check_linear(context)


def test_an_estimate_is_confirmed_by_another_that_agrees() -> None:
    """Within both errors; where they disagree, or one is unknown, nothing is known."""
    first = Estimate(np.array([1.0, 1.0, 1.0, 1.0]), np.array([0.5, 0.5, np.inf, 0.5]))
    second = Estimate(np.array([1.75, 1.76, 1.0, 1.0]), np.array([0.25, 0.25, 0.25, np.inf]))
    found = slopes.confirmed(first, second)
    assert found.value.tolist() == [1.0, 0.0, 0.0, 0.0]
    assert found.error.tolist() == [0.5, np.inf, np.inf, np.inf]


def test_the_first_estimate_that_is_known_counts() -> None:
    """Entry by entry."""
    first = Estimate(np.array([1.0, 2.0]), np.array([0.5, np.inf]))
    second = Estimate(np.array([3.0, 4.0]), np.array([0.25, 0.75]))
    found = slopes.first_known(first, second)
    assert (found.value.tolist(), found.error.tolist()) == ([1.0, 4.0], [0.5, 0.75])
    assert slopes.first_known(None, second) is second


@pytest.mark.parametrize("scale", [1e-3, 0.3, 1.0, 7.0])
@pytest.mark.parametrize("size", [0.0, 1.0, 1e6, 1e12])
def test_steps_are_added_without_rounding(scale: float, size: float) -> None:
    """The scale is hardly smaller, and its shortest step is a multiple of two units in the last place of the sum."""
    found = differences._without_rounding(scale, size)
    unit = 2 * np.spacing(size + scale)
    if scale / tolerances.STEP_RATIO <= unit:
        assert found == scale
        return
    steps = found / tolerances.STEP_RATIO / unit
    assert steps == round(steps)
    assert steps >= 1
    assert scale - tolerances.STEP_RATIO * unit <= found <= scale


def test_a_ratio_is_that_of_an_entry_to_its_step() -> None:
    """Of the largest, or of the smallest; entries that stay where they are do not count."""
    argument, direction = np.array([-8.0, 3.0, 100.0]), np.array([2.0, -1.0, 0.0])
    assert differences._ratio(argument, direction) == 4.0
    assert differences._ratio(argument, direction, smallest=True) == 3.0
    assert differences._ratio(argument, 0 * direction) == 0.0
    assert differences._ratio(argument, 0 * direction, smallest=True) == np.inf


@pytest.mark.parametrize("size", [0.0, 1e-9, 1e-5])
def test_noise_of_values_is_measured(size: float) -> None:
    """As a part of the largest value; a smooth function has hardly any, and one that is not finite is not told of."""
    rng = np.random.RandomState(1)

    def noisy(x: Array) -> Array:
        return np.exp(x) * (1 + size * rng.uniform(-1, 1, x.shape))

    found = noise.measured(Differences(noisy, ((-np.inf, np.inf),)), (X,))
    assert size / 10 <= found <= 3 * size + 1e-13
    for broken in (lambda x: x * np.nan, lambda x: x[:0]):
        assert noise.measured(Differences(broken, ((-np.inf, np.inf),)), (X,)) == 0
    assert noise.measured(Differences(lambda x: 0 * x, ((-np.inf, np.inf),)), (X,)) == 0


def test_noise_is_looked_for_nearby() -> None:
    """Along a line to both sides, on two ranges, each entry by a part of its size, or of 1 where it is smaller."""
    x, seen = np.array([100.0, 0.01, -3.0]), list[Array]()
    noise.measured(Differences(lambda x: seen.append(x) or x**2, ((-np.inf, np.inf),)), (x,))
    first = [each.copy() for each in seen]
    seen.clear()
    noise.measured(Differences(lambda x: seen.append(x) or x**2, ((-np.inf, np.inf),)), (x,))
    assert np.array_equal(first, seen)
    for reach, asked in zip(function_tolerances.NOISE_RANGES, np.split(np.array(seen), 2), strict=True):
        moves = (asked - x) / np.array([100.0, 1.0, 3.0]) / reach
        assert (np.abs(moves) <= 1 + 1e-6).all()
        assert moves.min() < 0 < moves.max()
        assert (np.abs(moves).max(axis=0) > 0.2).all()
        assert len(np.unique((moves[0] / moves[0, 0]).round(3))) == 3
        assert np.allclose(moves / moves[:, :1], moves[0] / moves[0, 0], rtol=1e-6)


@pytest.mark.parametrize(("size", "is_told"), [(1.0, False), (1.5, True), (0.5, False)])
def test_noise_is_told_where_it_is_more_than_doubles_explain(
    size: float, is_told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the first ordinary input, in doubles."""
    found, context, oracle = size * function_tolerances.NOISE_TOLD, examination(effort="normal"), object()
    asked: list[Any] = []
    monkeypatch.setattr(noise, "measured", lambda *given: asked.append(given) or found)
    noise.tell(context, oracle)  # type: ignore[arg-type]
    ((given, floats),) = asked
    assert given is oracle
    assert np.array_equal(floats[0], GIVEN)
    assert context.notes == ((fact("noisy", noise=found),) if is_told else ())
    single = examination(triple, tripled, GIVEN.astype(np.float32))
    noise.tell(single, oracle)  # type: ignore[arg-type]
    assert asked[-1][1][0].dtype == np.float64
