"""Gradients beside truths that are known as a whole, or of a sample of their entries: what is compared and excused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.gradients import hidden, lost, rigorous_values, ties
from reference.gradients.arguments import pattern
from reference.gradients.cases import Case
from reference.gradients.consistency import comparison_of
from reference.gradients.context import Context
from reference.gradients.judge import Comparison
from reference.gradients.subject import Subject, asked
from reference.numerics import ball_tolerances, function_tolerances
from reference.numerics.estimate import Estimate
from reference.wording import fact
from tests.gradients import drawn

pytestmark = [pytest.mark.catalogue, pytest.mark.usefixtures("without_balls")]

Array = NDArray[Any]
Truths = tuple[Estimate, ...]
X, N, Y = drawn(2, 3), np.array([1, 2]), drawn(3) + 2.0
#: The second gradient is that of args[2]: args[1] holds whole numbers.
POSITION, NUMBER = 1, 2


def forward(x: Any, n: Any, y: Any) -> Any:
    return np.sin(x) * y


def vjp(c: Any, x: Any, n: Any, y: Any) -> Any:
    return c * np.cos(x) * y, None, (c * np.sin(x)).sum(axis=0)


def context(two: Callable[..., Any] = vjp, args: Any = (X, N, Y), one: Callable[..., Any] = forward) -> Context:
    return Context(Subject(one, two, pattern(args, None)), None, 0, "quick")


def known(c: Array, args: Sequence[Array], enough: Sequence[Any]) -> Truths:
    """The truth in all cases."""
    one, _, two = vjp(c, *args)
    return tuple(Estimate(each, 1e-14 * np.abs(each) + 1e-300) for each in (one, two))


def compared(given: Context, gradient: Any = known, number: int = NUMBER) -> tuple[list[Case], Comparison]:
    comparison = comparison_of(given, number)
    return rigorous_values.compare_with_known(given, gradient, number, comparison, given.generic()), comparison


def test_right_gradients_are_judged_in_each_case() -> None:
    """Each entry with each cotangent; none of the cases is left to others."""
    given = context()
    for number, size in ((0, X.size), (NUMBER, Y.size)):
        left, comparison = compared(given, number=number)
        assert left == []
        assert comparison.violation is None
        assert comparison.judged == size * sum(len(given.cotangents(case)) for case in given.generic())


def test_a_truth_is_asked_for_as_exactly_as_rounding_is_granted() -> None:
    """With the cotangent and all arguments of the case."""
    given, seen = context(), list[Any]()

    def watched(c: Array, args: Sequence[Array], enough: Sequence[Any]) -> Truths:
        seen.append((c, args, enough))
        return known(c, args, enough)

    compared(given, watched)
    due = [(case, c) for case in given.generic() for c in given.cotangents(case)]
    for (c, args, enough), (case, cotangent) in zip(seen, due, strict=True):
        assert c is cotangent or np.array_equal(c, cotangent)
        assert args is case.args
        _, bounds = given.gradients(case, cotangent)
        assert all(
            np.array_equal(one, two * ball_tolerances.RESOLUTION) for one, two in zip(enough, bounds, strict=True)
        )


def test_a_wrong_entry_is_told() -> None:
    """Of the argument that is asked about, with its case; that of another argument is no matter."""

    def off(c: Any, x: Any, n: Any, y: Any) -> Any:
        one, two, three = vjp(c, x, n, y)
        three[1] += 0.5
        return one, two, three

    given = context(off)
    left, comparison = compared(given)
    assert left == []
    violation = comparison.violation
    assert violation is not None
    assert violation.index == (1,)
    case = given.generic()[0]
    assert violation.counterexample == asked(case.args, given.cotangents(case)[0])
    assert violation.due["value"] == pytest.approx(violation.came["value"] - 0.5)
    assert compared(given, number=0)[1].violation is None


def test_cases_whose_truth_is_not_known_are_left_to_others() -> None:
    """Once each, where nothing of this argument is known; where some of it is, that is judged."""
    given = context()
    chosen = given.generic()[1:3]

    def some(errors: Sequence[Any]) -> Any:
        def gradient(c: Array, args: Sequence[Array], enough: Sequence[Any]) -> Truths:
            if not any(np.allclose(args[0], case.args[0]) for case in chosen):
                return known(c, args, enough)
            return tuple(
                Estimate(e.value + 7.0, e.error + more) for e, more in zip(known(c, args, enough), errors, strict=True)
            )

        return gradient

    left, comparison = compared(given, some((0.0, np.inf)))
    assert left == chosen
    assert comparison.violation is None
    assert comparison.judged == Y.size * sum(
        len(given.cotangents(case)) for case in given.generic() if case not in left
    )
    left, comparison = compared(given, some((np.inf, np.array([np.inf, 0.0, np.inf]))))
    assert left == []
    assert comparison.violation is not None
    assert comparison.violation.index == (1,)
    empty = context(lambda c, x, n, y: (c, None, 0 * y), (X, N, np.zeros(0)), lambda x, n, y: x)
    assert compared(empty, lambda c, args, enough: (Estimate(c, 0 * c), Estimate(args[2], args[2])))[0] == []


def test_a_case_without_an_answer_does_not_hide_the_others() -> None:
    """The exception is kept for the end."""
    given = context()
    bad = given.generic()[0]

    def raising(c: Any, x: Any, n: Any, y: Any) -> Any:
        return [].pop() if np.array_equal(x, bad.args[0]) else vjp(c, x, n, y)

    given = context(raising)
    left, comparison = compared(given)
    assert left == []
    assert comparison.crash is not None
    assert comparison.crash.came["error"] == "IndexError"
    assert comparison.judged == Y.size * sum(
        len(given.cotangents(each)) for each in given.generic() if each.seed != bad.seed
    )


@pytest.mark.parametrize(("part", "is_wrong"), [(0.5, False), (6.0, True)])
def test_what_a_rounded_constant_does_is_no_mistake(part: float, is_wrong: bool) -> None:
    """It is what roundings of the arguments do; an answer that is off by more is wrong."""
    x = np.array([1.0, 1.5])
    given = context(lambda c, x: (c * slopes,), (x,), np.sin)
    slopes = 1e8 * np.cos(1e8 * x) * (1 + np.tan(1e8 * x) * 1e8 * x * part * 2.0**-52)
    case = given.cases[0]
    comparison = comparison_of(given, 0)

    def gradient(c: Array, args: Sequence[Array], enough: Sequence[Any]) -> Truths:
        assert [each.shape for each in enough] == [(2,)]
        truth = c * 1e8 * np.cos(1e8 * args[0])
        return (Estimate(truth, 0 * truth),)

    assert rigorous_values.compare_with_known(given, gradient, 0, comparison, [case]) == []
    assert (comparison.violation is not None) is is_wrong


def test_gradients_move_with_roundings_of_the_arguments() -> None:
    """Of all of them in one direction, or each in its own; what is not known on both sides tells nothing."""
    given: Any = SimpleNamespace(pattern=pattern((X, N, Y), None))
    calls: list[Any] = []

    def gradient(c: Array, args: Sequence[Array], enough: Sequence[Any]) -> Truths:
        assert (c is C, enough is ENOUGH, args[1].tolist()) == (True, True, [1, 2])
        calls.append(args)
        x, y = args[0], args[2]
        error = np.zeros(3)
        error[1 if len(calls) == 1 else 2] = np.inf
        return Estimate(1e6 * x, 0 * x), Estimate(1e9 * (y - y[::-1]), error)

    C, ENOUGH = np.ones(3), [1.0, 2.0]
    apart, unit = set[bool](), 2.0**-52
    for seed in range(8):
        calls.clear()
        given_case = Case("made", (X, N, Y), seed)
        one, two = rigorous_values._by_rounded_arguments(given, gradient, given_case, C, ENOUGH)  # type: ignore[arg-type]
        assert len(calls) == 1 + ball_tolerances.ROUNDED_ARGUMENTS
        assert (one >= 0.5e6 * unit * np.abs(X)).all()
        assert (one <= 2e6 * unit * np.abs(X)).all()
        # What moves alike leaves less of a difference than what moves apart.
        apart.add(bool(two[0] > 0.8e9 * unit * (Y[0] + Y[2])))
        assert two[1:].tolist() == [0.0, 0.0]
        assert ((calls[1][0] - X) * X > 0).all()
        before = calls[1:]
        calls[:] = []
        rigorous_values._by_rounded_arguments(given, gradient, given_case, C, ENOUGH)  # type: ignore[arg-type]
        assert all(np.array_equal(one[0], two[0]) for one, two in zip(before, calls[1:], strict=True))
        assert any(((moved[0] - X) * X < 0).any() for moved in calls[2:])
    assert apart == {False, True}
    single: Any = SimpleNamespace(pattern=pattern((X.astype(np.float32),), None))
    dtypes: set[Any] = set()
    (moved,) = rigorous_values._by_rounded_arguments(
        single, lambda c, args, enough: dtypes.add(args[0].dtype) or (Estimate(args[0].astype(float), 0 * X),),
        Case("made", (X.astype(np.float32),), 5), C, ENOUGH,  # type: ignore[arg-type]
    )  # fmt: skip
    assert moved == pytest.approx(2.0**-23 * np.abs(X), rel=0.6)
    assert dtypes == {np.dtype(np.float32)}


@pytest.mark.parametrize("is_excused", [False, True])
def test_no_number_is_wrong_where_its_truth_is_not_known(is_excused: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told with its case, unless something excuses the entry, or the definition is beyond doubles there."""

    def strange(c: Any, x: Any, n: Any, y: Any) -> Any:
        one, two, three = vjp(c, x, n, y)
        three[2] = np.nan
        return one, two, three

    def gradient(c: Array, args: Sequence[Array], enough: Sequence[Any]) -> Truths:
        one, two = known(c, args, enough)
        return one, Estimate(two.value, np.array([0.0, 0.0, np.inf]) + two.error)

    given = context(strange)
    case = given.generic()[0]
    first = given.cotangents(case)[0]
    seen: list[Any] = []

    def excused(*of: Any) -> bool:
        seen.append(of)
        return is_excused

    monkeypatch.setattr(rigorous_values, "_is_excused", excused)
    _, comparison = compared(given, gradient)
    answers, bounds = given.gradients(case, first)
    assert [each is other or np.array_equal(each, other) for each, other in zip(
        seen[0], (given, case, first, answers, bounds, POSITION, (2,)), strict=True
    )] == [True] * 7  # fmt: skip
    if is_excused:
        assert comparison.violation is None
        return
    assert comparison.violation is not None
    assert comparison.violation.due == fact("number where finite", what="gradient[2]", index=(2,))
    assert comparison.violation.counterexample == asked(case.args, first)

    def beyond(given: Context, case: Case, position: int, actual: Array) -> Array:
        assert given.cases[given.cases.index(case)] is case
        assert np.isnan(actual[2])
        return np.arange(3) == position + 1

    monkeypatch.setattr(rigorous_values, "beyond_doubles", beyond)
    for truths in (gradient, known):
        assert compared(context(strange), truths)[1].violation is None


@pytest.mark.parametrize("is_large", [False, True])
def test_roundings_that_bounds_do_not_see_are_granted(is_large: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are asked of the very case; of many numbers they are in the bounds."""
    size = function_tolerances.LARGE + 1 if is_large else 3
    x = np.linspace(1.0, 2.0, size)
    given = context(lambda c, x: (c * (2.0 + 1e-9),), (x,), lambda x: 2.0 * x)
    (case, *_), errors = given.cases, np.full(size, 1e-12)

    def unseen(given_too: Any, same: Case, cotangent: Array, position: int, truth: Estimate) -> Array:
        assert (given_too is given, same is case, position) == (True, True, 0)
        assert np.array_equal(truth.value, 2.0 * cotangent)
        assert (truth.error >= errors).all()
        return np.full(size, 1e-6)

    monkeypatch.setattr(hidden, "of_gradient", unseen)
    monkeypatch.setattr(rigorous_values, "_is_excused", lambda *_: False)
    comparison = comparison_of(given, 0)
    rigorous_values.compare_with_known(
        given, lambda c, args, enough: (Estimate(2.0 * c, errors),), 0, comparison, [case]
    )
    assert (comparison.violation is not None) is is_large


def test_an_entry_is_excused_at_a_kink_or_where_it_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many numbers along that entry alone, where the function has a kink."""
    case, c, answers, bounds, index = Case("made", (X,), 0), np.ones(2), [X], [Y], (1, 2)
    place = object()
    told: dict[str, bool] = {}
    given: Any = SimpleNamespace(pattern=SimpleNamespace(is_large=False))

    def expecting(name: str, *due: Any) -> Any:
        def asked_for(*given: Any) -> bool:
            assert all(one is two or one == two for one, two in zip(given, due, strict=True))
            return told[name]

        return asked_for

    given.is_excused = expecting("kink", case, c, answers, bounds)
    given.place_of = lambda *of: place if of == (case, c) else None
    monkeypatch.setattr(lost, "is_lost", expecting("lost", given, case, c, 1, index))
    monkeypatch.setattr(ties, "has_kink_along", expecting("along", place, 1, index))
    for is_large in (False, True):
        given.pattern.is_large = is_large
        for name in ("kink", "lost", "along", "none"):
            told = dict.fromkeys(("kink", "lost", "along"), False) | {name: True}
            found = rigorous_values._is_excused(given, case, c, answers, bounds, 1, index)
            assert found is (name == "along" if is_large else name in {"kink", "lost"})


def test_what_a_definition_computes_in_doubles_is_good_enough() -> None:
    """Entry by entry, where the truth is farther away than the bound; else the truth counts."""
    case, x = Case("made", (X,), 0), np.array([1.0, 2.0, 3.0])
    spec: Any = SimpleNamespace(in_doubles=lambda args: x + np.array([0.5, 0.5, 0.0]) if args is case.args else None)
    truth = Estimate(x, np.full(3, 0.0625))
    for off in (0.0, 0.125, 0.1875, -0.1875):
        assert rigorous_values.good_enough(spec, case, x + off, truth, np.full(3, 0.125)) is truth
    found = rigorous_values.good_enough(spec, case, x + np.array([0.375, 0.25, 0.0]), truth, np.full(3, 0.125))
    assert found.value.tolist() == [1.5, 2.0, 3.0]
    assert found.error is truth.error
    low = rigorous_values.good_enough(spec, case, x + np.array([0.625, 0.875, -0.25]), truth, np.full(3, 0.125))
    assert low.value.tolist() == [1.5, 2.0, 3.0]
