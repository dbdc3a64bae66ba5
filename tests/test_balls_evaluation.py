"""Evaluations on balls: at what precision, of which arguments, and what a formula differs by from its derivative."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

flint = pytest.importorskip("flint", reason="python-flint is not installed (the project's extra 'check')")

from reference.numerics import ball_tolerances as limits  # noqa: E402
from reference.numerics.balls import Refused, Undecided, evaluation, formulas, running, tape  # noqa: E402
from reference.numerics.balls.array import BallArray, balls, plain  # noqa: E402
from reference.numerics.balls.scalar import Ball  # noqa: E402
from reference.numerics.balls.tape import SETTINGS, TAPE, TIES, recording  # noqa: E402
from reference.numerics.oracles.ball import precision  # noqa: E402
from tests.balls_judge import refuses  # noqa: E402

X = np.array([0.5, -1.25, 2.0])
ONES = np.ones(3)
SINGLE = X.astype(np.float32)


class Watched:
    """A function that remembers at what precision, and with what settings, it was called."""

    def __init__(self, function: Callable[..., Any] = np.exp) -> None:
        self.function = function
        self.seen: list[tuple[int, bool, bool]] = []

    def __call__(self, *args: Any) -> Any:
        self.seen.append((flint.ctx.prec, SETTINGS["single"], SETTINGS["wide"]))
        return self.function(*args)


@pytest.mark.parametrize("x", [X, SINGLE])
def test_evaluations_take_as_few_bits_as_they_may(x: Any) -> None:
    """With single precision as good as the arguments where these have it, and wide balls for what is around."""
    single = x.dtype == np.float32
    first = limits.BALL_BITS[0]
    for evaluate, wide, bits in (
        (lambda f: evaluation.enclose(f, [x], [0], ONES), False, first),
        (lambda f: evaluation.sampled(f, [x], [0], ONES, [ONES > 0]), False, first),
        (lambda f: evaluation.beyond_doubles(f, [x], [0]), False, first),
        (lambda f: evaluation.leaves_doubles(f, [x], [0]), False, first),
        (lambda f: evaluation.around(f, [x], [0], ONES), True, first),
        (lambda f: evaluation.enclose(f, [x], [0], ONES, offset=[ONES]), False, limits.NEARBY_BITS),
        (lambda f: running.roundings(f, [x]), False, limits.SINGLE_BITS if single else limits.DOUBLE_BITS),
    ):
        watched = Watched()
        evaluate(watched)
        assert watched.seen == [(bits, single, wide)]


def test_more_bits_are_taken_until_an_enclosure_is_narrow() -> None:
    """By its own size, or by the width that is asked for; where they do not help, no further."""

    def cancels(x: Any) -> Any:
        return (x + 1e60) - 1e60 + x

    watched = Watched(cancels)
    found = evaluation.enclose(watched, [X], [0])
    assert [bits for bits, *_ in watched.seen] == [128, 256]
    assert (found.bits, found.gradients, found.ties) == (256, (), ())
    assert found.value.value.tolist() == (2 * X).tolist()
    # The width that is asked for is that of the gradient; the value may then be as wide as it is.
    watched = Watched(cancels)
    assert evaluation.enclose(watched, [X], [0], ONES, resolutions=[1e-30]).bits == 128
    assert evaluation.enclose(Watched(cancels), [X], [0], resolutions=[1e-30]).bits == 256
    slope = Watched(lambda x: x * ((x + 1e60) - 1e60))
    assert evaluation.enclose(slope, [X], [0], ONES, resolutions=[1e30]).bits == 128
    assert evaluation.enclose(slope, [X], [0], ONES, resolutions=[0.0]).bits == 256
    wide = Watched(lambda x: x * Ball(flint.arb(1, 0.25)))
    found = evaluation.enclose(wide, [X], [0], ONES)
    assert [bits for bits, *_ in wide.seen] == [128, 256]
    assert found.value.error == pytest.approx(np.abs(X) / 4)
    endless = Watched(np.log)
    assert not np.isfinite(evaluation.enclose(endless, [-ONES], [0]).value.error).any()
    assert [bits for bits, *_ in endless.seen] == [128, 4096]


def test_a_comparison_that_stays_undecided_is_told() -> None:
    """After all precisions, by its name; one that more bits decide is answered."""
    watched = Watched(lambda x: x if (x + 2.0**-200 > x).all() else -x)
    assert evaluation.enclose(watched, [ONES], [0]).value.value.tolist() == [1, 1, 1]
    assert [bits for bits, *_ in watched.seen] == [128, 256]
    never = Watched(lambda x: x if x[0] * Ball(flint.arb(0, 1)) > 0 else -x)
    with pytest.raises(Undecided, match="greater"):
        evaluation.enclose(never, [X], [0])
    assert tuple(bits for bits, *_ in never.seen) == limits.BALL_BITS


def test_arguments_are_balls_where_they_are_differentiated() -> None:
    """The others are copies; a radius is a part of the largest number, or of 1; a direction moves very little."""
    whole, text = np.arange(3), "mean"
    given, (leaf,) = evaluation.arguments([X, whole, text, X], [0])
    assert isinstance(given[0], BallArray)
    assert given[0] is not leaf
    assert plain(given[0]).tolist() == plain(leaf).tolist()
    assert given[1] is not whole
    assert given[1].tolist() == [0, 1, 2]
    assert given[2] == text
    assert type(given[3]) is np.ndarray
    assert all(each.tracked and each.value.is_exact() for each in plain(leaf))
    _, (some,) = evaluation.arguments([X], [0], chosen=[np.array([True, False, True])])
    assert [each.tracked for each in plain(some)] == [True, False, True]
    for array, size in ((X, 2.0), (X / 8, 1.0), (np.zeros(0), 1.0)):
        _, (around,) = evaluation.arguments([array], [0], radius=0.25)
        assert all(float(each.value.rad()) == pytest.approx(size / 4, rel=1e-6) for each in plain(around))
    with precision(1024):
        _, (one, other) = evaluation.arguments([X, X], [0, 1], offset=[ONES, -2 * ONES])
        step = flint.arb(2) ** -limits.NEARBY_BITS_AWAY
        for leaf, by in ((one, 1), (other, -2)):
            assert all(each.value - x == by * step for each, x in zip(plain(leaf), X, strict=True))


def test_a_result_is_an_array_of_balls() -> None:
    """A single ball and a list of them too; what holds doubles is refused with its type."""
    one = Ball(flint.arb(1))
    for result, shape in ((one, ()), ([one, one], (2,)), ((one, 2.0), (2,)), (balls(X), (3,))):
        assert evaluation.as_balls(result).shape == shape
    for result in (X, 1.0, None):
        with refuses(type(result).__name__) as caught:
            evaluation.as_balls(result)
        assert caught.value.operation == "the result"


def test_adjoints_begin_with_the_cotangent() -> None:
    """Added up where one ball is two outputs; it has the shape of the output."""
    with recording():
        one, constant = Ball(flint.arb(1), True), Ball(flint.arb(1))
        output = balls([one, one, constant])
        evaluation.seed(output, [2.0, 3.0, 4.0])
        assert one.adjoint == 5
        assert constant.adjoint is None
        assert [float(each.value.mid()) for each in plain(evaluation.adjoints(output))] == [5, 5, 0]
        with pytest.raises(ValueError, match=r"cotangent: .*\(3,\), got \(2,\)"):
            evaluation.seed(output, [1.0, 2.0])


def test_some_entries_of_a_gradient_are_sampled() -> None:
    """The others are not known; the value is known as a whole."""
    chosen = np.array([True, False, True])
    found = evaluation.sampled(lambda x: np.abs(x) * x, [X], [0], 2 * ONES, [chosen])
    assert found.value.value.tolist() == (np.abs(X) * X).tolist()
    assert found.gradients[0].value[chosen].tolist() == (4 * np.abs(X))[chosen].tolist()
    assert np.isfinite(found.gradients[0].error).tolist() == chosen.tolist()
    assert (found.ties, found.bits) == ((), limits.BALL_BITS[0])
    assert evaluation.sampled(np.abs, [0 * X], [0], ONES, [chosen]).ties == ("abs", "abs")


def test_numbers_beyond_doubles_are_told_by_the_entries_that_pass_them() -> None:
    """Too large ones, in single precision earlier, and where it is asked for those that are too small."""
    x = np.array([1.0, 30.0, 800.0, -800.0])

    def there_and_back(x: Any) -> Any:
        return np.log1p(np.exp(x))

    for dtype, underflow, due in (
        (np.float64, False, [0, 0, 1, 0]), (np.float64, True, [0, 0, 1, 1]), (np.float32, False, [0, 0, 1, 0]),
    ):  # fmt: skip
        found = evaluation.beyond_doubles(there_and_back, [x.astype(dtype)], [0], underflow=underflow)
        assert found[0].tolist() == [bool(each) for each in due]
    (middle,) = evaluation.beyond_doubles(there_and_back, [np.array([100.0])], [0])
    (single,) = evaluation.beyond_doubles(there_and_back, [np.array([100.0], np.float32)], [0])
    assert (middle.tolist(), single.tolist()) == ([False], [True])
    # A slope may be too large, too, where no number is.
    (steep,) = evaluation.beyond_doubles(np.sqrt, [np.array([0.0, 1.0])], [0])
    assert steep.tolist() == [True, False]
    assert evaluation.leaves_doubles(there_and_back, [x], [0])
    assert not evaluation.leaves_doubles(there_and_back, [x[:2]], [0])
    assert not evaluation.leaves_doubles(lambda x: 1 / x, [np.zeros(1)], [0])
    assert evaluation.beyond_doubles(np.exp, [np.zeros(0)], [0])[0].dtype == bool


def test_doubles_of_enclosures_say_whether_they_are_narrow() -> None:
    """By their own size, or by what is asked for entry by entry; 0 and what is not finite are."""
    x = balls([1.0, 0.0])
    x[0] = Ball(flint.arb(4, 2.0**-59))
    for resolution, narrow in ((None, True), (0.0, True)):
        assert evaluation.rounded(x, resolution)[1] is narrow
    x[0] = Ball(flint.arb(4, 2.0**-57))
    for resolution, narrow in ((None, False), (2.0**-56, True), ([2.0**-56, 0.0], True), ([0.0, 1.0], False)):
        assert evaluation.rounded(x, resolution)[1] is narrow
    x[0] = Ball(flint.arb("nan"))
    estimate, narrow = evaluation.rounded(x)
    assert narrow
    assert estimate.error[0] == np.inf
    assert estimate.error[1] == 0


# The tape


def test_a_recording_leaves_everything_as_it_was() -> None:
    """The tape, the settings, the number of comparisons and Python's collector."""
    for collects in (True, False):
        (gc.enable if collects else gc.disable)()
        try:
            TAPE.append((None, print))
            TIES.append("old")
            tape.COMPARED[0] = 7
            with recording(decimal=True):
                assert (TAPE, TIES, tape.COMPARED) == ([], [], [0])
                assert SETTINGS == {"decimal": True, "single": False, "wide": False}
                assert not gc.isenabled()
                with recording(single=True, wide=True):
                    assert SETTINGS == {"decimal": False, "single": True, "wide": True}
                assert SETTINGS["decimal"]
                TAPE.append((None, print))
            assert TAPE == []
            assert SETTINGS == {"decimal": False, "single": False, "wide": False}
            assert gc.isenabled() is collects
        finally:
            gc.enable()


def test_an_evaluation_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """After so many comparisons, operations, or products of a matrix; one fewer is done."""
    monkeypatch.setattr(limits, "MOST_COMPARISONS", 3)
    monkeypatch.setattr(limits, "MOST_OPERATIONS", 2)
    monkeypatch.setattr(limits, "MOST_PRODUCTS", 8)
    with recording():
        assert (balls(X) > 0).tolist() == [True, False, True]
        with refuses("comparisons take too long") as caught:
            Ball(flint.arb(1)) > 0  # noqa: B015 - it is asked for
        assert caught.value.operation == "more than 3 comparisons"
    with recording():
        tape.COMPARED[0] = 0
        TAPE.extend([(None, print)] * 2)
        np.exp(balls(X))
        TAPE.append((None, print))
        with refuses("operations take too long"):
            np.exp(balls(X))
    with recording():
        assert np.shape(balls(np.eye(2)) @ np.eye(2)) == (2, 2)
        with refuses("products take too long"):
            balls(np.eye(3)) @ np.eye(3)


def test_outcomes_say_what_is_missing() -> None:
    """An operation by its name, with a reason that is given or the usual one."""
    assert str(Refused("np.f")) == "np.f has no form in ball arithmetic"
    assert Refused("np.f", "rounds").operation == "np.f"
    assert str(Refused("np.f", "rounds")) == "np.f rounds"
    assert "less" in str(Undecided("less"))


# Formulas


def difference(
    formula: Any, *args: Any, definition: Any = lambda x: x * x, cotangent: Any = None, at: Any = None
) -> Any:
    args = args or (X,)
    floats = [place for place, each in enumerate(args) if each.dtype.kind == "f"]
    return formulas.difference(definition, formula, ONES if cotangent is None else cotangent, args, floats, at)


def test_a_right_formula_differs_by_nothing() -> None:
    """Constants are decimals; the whole truth comes with it."""
    found = difference(lambda c, x: 0.1 * c * x, definition=lambda x: x * x / 20)
    assert (found.relative, found.is_wrong, found.is_known, found.underflows) == (0, False, True, False)
    assert found.width <= limits.FORMULA_WIDTH
    assert found.place == 0
    assert found.truths[0] == pytest.approx(X / 10)
    assert len(found.exact) == 3
    for (due, came), x in zip(found.exact, X, strict=True):
        assert due.overlaps(flint.arb(x) / 10)
        assert came.overlaps(due)
    assert found.due == pytest.approx(found.came)


def test_a_wrong_formula_is_told_at_its_worst_entry() -> None:
    """With the numbers there, by the argument's number; or where it is asked for."""
    whole = np.arange(3)

    def wrong(c: Any, n: Any, x: Any) -> Any:
        return None, c * x * [2.0, 2.5, 2.25]

    given: Any = {"definition": lambda n, x: x * x, "cotangent": 2 * ONES}
    found = difference(wrong, whole, X, **given)
    assert (found.place, found.index) == (1, (1,))
    assert (found.due, found.came) == (-5.0, -6.25)
    assert found.relative == pytest.approx(0.25)
    assert found.is_wrong
    assert found.is_known
    assert found.truths[0].tolist() == (4 * X).tolist()
    there = difference(wrong, whole, X, **given, at=(1, (2,)))
    assert (there.index, there.due, there.came) == ((2,), 8.0, 9.0)
    assert there.relative == pytest.approx(0.125)
    assert difference(wrong, whole, X, **given, at=(0, (2,))) is None
    assert difference(lambda c, x: 2 * c * x, 0 * X, definition=np.abs) is None


@pytest.mark.parametrize(("relative", "width", "wrong", "known"), [
    (0.0, 1e-31, False, True), (limits.FORMULA_AGREES, 0.0, False, True), (2 * limits.FORMULA_AGREES, 0.0, True, True),
    (0.0, limits.FORMULA_KNOWN, False, True), (0.0, 2 * limits.FORMULA_KNOWN, False, False),
    (1e3, 1e3 * limits.FORMULA_KNOWN, True, True), (1e3, 2e3 * limits.FORMULA_KNOWN, True, False),
])  # fmt: skip
def test_a_difference_is_judged_by_its_size_and_width(relative: float, width: float, wrong: bool, known: bool) -> None:
    """By more than an iteration leaves it is wrong; it is known where it is enclosed well."""
    found = formulas.Difference(0, (), 1.0, 1.0, relative, width, (), underflows=False, exact=())
    assert (found.is_wrong, found.is_known) == (wrong, known)


def test_a_truth_that_is_smaller_than_doubles_is_told() -> None:
    """One that is 0 is not."""
    tiny = difference(lambda c, x: c * x, np.full(3, 2.0**-1030))
    assert tiny.underflows
    assert tiny.relative == 0  # the floor: nothing in doubles is that small
    assert not difference(lambda c, x: 2 * c * x, np.zeros(3)).underflows


def test_what_a_formula_may_be_off_is_a_floor() -> None:
    """A part of the largest number, or what is given."""
    due, near = balls([1.0, 1e-6]), balls([1.0, 1.5e-6])

    def compared(floor: float | None) -> Any:
        return formulas.compared(lambda: ([due], [near]), [4], floor=floor)

    assert compared(None).relative == pytest.approx(0.5)
    assert (compared(None).place, compared(None).index) == (4, (1,))
    assert compared(1e-7).relative > 0
    assert compared(1e-6).relative == 0
    assert formulas.compared(lambda: None, [0]) is None
    assert formulas.compared(lambda: ([balls([np.nan])], [balls([1.0])]), [0]) is None


def test_an_entry_that_is_0_is_measured_by_the_largest() -> None:
    """By a tiny part of it, or of 1 where all are 0; what is too small a part for a double is more than nothing."""
    small = Ball(flint.arb(2) ** -2000)
    for due, came, relative in (
        ([0.0, 4.0], [1e-40, 4.0], 2.5e-41 / limits.FORMULA_ZERO), ([0.0, 0.0], [3.0, 0.0], 3.0), ([], [], None),
        ([1.0], [Ball(1 + small.value)], limits.SMALLEST_NORMAL),
    ):  # fmt: skip
        sides = [balls(due)], [balls(came)]
        with precision(4096):
            found = formulas._compared(*sides, [0], None, 0.0)
        assert (found.relative if found else None) == pytest.approx(relative)


def test_a_result_of_a_formula_has_its_shape() -> None:
    """Numbers of any kind are taken; what is none, or has another shape, is refused with both."""
    for part, shape in ((X, (3,)), (2.5, ()), (3, ()), (balls(X), (3,)), (Ball(flint.arb(1)), ())):
        assert formulas.as_result(part, shape, "the gradient").shape == shape
    with refuses(r"the gradient has the shape \(3,\) in place of \(2,\)"):
        formulas.as_result(X, (2,), "the gradient")
    with refuses("the gradient is of type NoneType"):
        formulas.as_result(None, (2,), "the gradient")
    with refuses("the gradient has 2 parts for 1 arguments"):
        difference(lambda c, x: (c, c))
    given = formulas.exact([X, np.arange(3), SINGLE, X], [3])
    assert [type(each) for each in given] == [BallArray, np.ndarray, BallArray, np.ndarray]
    assert not any(each.tracked for each in plain(given[0]))
