"""What rounding is granted to an answer whose formula is not known: measured, estimated, followed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.findings import Violation
from reference.gradients import tolerance
from reference.numerics import function_tolerances, tolerances
from reference.wording import fact
from tests.gradients import drawn

pytestmark = pytest.mark.catalogue

Array = NDArray[Any]
X = np.array([0.5, -3.0, 15.0])


def slope(x: Any) -> tuple[Any, ...]:
    """The slope of tanh, of which digits are lost where x is large."""
    return (1 - np.tanh(x) ** 2,)


def single(numbers: list[float]) -> Array:
    return np.array(numbers, np.float32)


def by_numbers(x: Any) -> tuple[Any, ...]:
    """The same in doubles, whatever comes in."""
    return (np.array([1 - math.tanh(each) ** 2 for each in x]),)


def error(dtype: Any) -> Any:
    """How far the slope is off in a precision."""
    narrow = slope(X.astype(dtype))[0].astype(float)
    return np.abs(narrow - 1 / np.cosh(X.astype(dtype).astype(float)) ** 2)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_is_granted_covers_what_rounding_does(dtype: Any) -> None:
    """Of each entry, and not much more; code that answers in doubles is granted an estimate."""
    given = X.astype(dtype)
    unit = float(np.finfo(dtype).eps)
    (bound,) = tolerance.granted(slope, [given], list(slope(given)), [np.zeros(3)])
    assert (error(dtype) <= bound).all()
    assert bound.max() < 100 * unit
    (estimate,) = tolerance.estimated(slope, [given], list(slope(given)), [np.ones(3)])
    assert (error(dtype) <= estimate).all()
    (plain,) = tolerance.granted(by_numbers, [X], list(by_numbers(X)), [np.ones(3)])
    (same,) = tolerance.estimated(by_numbers, [X], list(by_numbers(X)), [np.ones(3)])
    assert plain.tolist() == same.tolist()


def test_more_is_granted_to_what_was_subtracted_from_large_numbers() -> None:
    """By their size, in both ways."""
    answers = list(slope(X))
    for grant in (tolerance.granted, tolerance.estimated):
        small, large = (grant(slope, [X], answers, [np.full(3, size)])[0] for size in (0.0, 1e6))
        assert (large > small).all()
    followed = tolerance.estimated(by_numbers, [X], list(by_numbers(X)), [np.zeros(3)], slope)[0]
    assert (followed > tolerance.estimated(by_numbers, [X], list(by_numbers(X)), [np.zeros(3)])[0]).all()


def test_the_last_roundings_come_on_top() -> None:
    """In units of the answer, with what may underflow; what is no finite number is granted nothing."""
    answer, seen = np.array([1.0, -4.0, 0.0, np.inf, np.nan]), np.array([0.0, 1.0, 0.0, 1.0, 1.0])
    for unit, tiny in ((tolerances.DOUBLE_UNIT, 1e-300), (tolerances.SINGLE_UNIT, 1e-30)):
        found = tolerance._with_last_roundings(seen, answer, unit)
        assert found[3:].tolist() == [0.0, 0.0]
        assert found[0] == pytest.approx(tolerances.LAST_ROUNDINGS * unit, abs=0)
        assert found[1] == pytest.approx(1 + 4 * tolerances.LAST_ROUNDINGS * unit, rel=1e-15)
        assert 0 < found[2] < tiny
        assert found[2] == tolerances.UNDERFLOWS * np.finfo(np.float32 if tiny > 1e-40 else np.float64).tiny


@pytest.mark.parametrize(
    ("narrow", "wide", "due"),
    [
        (single([1.0, 2.0]), np.array([1.5, 2.0]), [0.5, 0.0]),
        (single([1.0, np.inf]), np.array([1.0, np.inf]), [0.0, 0.0]),
        (single([np.nan, 2.0]), np.array([np.nan, 2.0]), [np.nan, 0.0]),
        (single([1.0, 2.0]), np.array([np.nan, 2.0]), None),
        (single([1.0, 2.0]), single([1.0, 2.0]), None),
        (single([1.0, 2.0]), np.ones((2, 1)), None),
        (single([1.0, 2.0]), np.array([1, 2]), None),
        (np.array([1, 2]), np.array([1.0, 2.0]), None),
    ],
)
def test_a_wider_answer_shows_the_rounding_of_a_narrow_one(narrow: Any, wide: Any, due: Any) -> None:
    """Where it is one: of a wider type and the same shape, and a number where the narrow one is."""
    with np.errstate(invalid="ignore"):
        found = tolerance._difference(narrow, wide)
    assert (None if found is None else str(found.tolist())) == (None if due is None else str(due))


def test_an_answer_moves_with_its_arguments() -> None:
    """As far as they are moved by roundings, with a factor; what raises or changes its shape then tells nothing."""
    x = drawn(4)
    (found,) = tolerance._conditioning(lambda x: (1e3 * x,), [x], [1e3 * x])
    least = tolerances.CONDITIONING_SAFETY * np.finfo(float).eps * 1e3 * np.abs(x)
    assert (found >= 0.5 * least).all()
    assert (found <= 2 * least).all()
    assert not tolerance._conditioning(lambda x: (np.asarray(np.round(x)),), [x], [np.round(x)])[0].any()
    calls: list[int] = []

    def failing(x: Any) -> tuple[Any, ...]:
        calls.append(1)
        if len(calls) == 1:
            raise Violation(fact("answers", what="vjp"), fact("number", value=1.0))
        return (1e3 * x,) if len(calls) > 2 else (x[:2],)

    assert tolerance._conditioning(failing, [x], [1e3 * x])[0].any()
    assert len(calls) == tolerances.CONDITIONING_PROBES


def test_the_size_of_what_a_gradient_is_made_of() -> None:
    """All outputs by their weights, in units of the argument where that is more than 1."""
    found = tolerance.size_of_gradient(np.array([1.0, -2.0]), np.array([3.0, 0.5]), np.array([0.5, -8.0]))
    assert found.tolist() == [4.0, 0.5]
    assert tolerance.beside_cotangent(np.array([1.0, -2.0], np.float32), 0.5) == pytest.approx(
        3 * tolerance.beside_cotangent(np.ones(1), 0.5)
    )
    assert tolerance.unit_roundoff([np.zeros(2), np.zeros(2, np.float32)]) == tolerances.SINGLE_UNIT
    assert tolerance.unit_roundoff([np.zeros(2)]) == tolerances.DOUBLE_UNIT


def test_operations_are_followed_where_they_can_be() -> None:
    """Else what they absorb is granted besides; both cover what rounding does."""
    answers = list(slope(X))
    followed, plain = tolerance.followed_error(slope, [X], answers), tolerance.followed_error(by_numbers, [X], answers)
    assert followed is not None
    assert plain is None
    assert (error(np.float64) <= followed[0]).all()
    assert followed[0][0] < 1e-13
    assert tolerance.rounding_error(slope, [X], answers)[0].tolist() == followed[0].tolist()
    (unseen,), (granted,) = (
        tolerance.unfollowed_error(by_numbers, [X], answers), tolerance.granted(by_numbers, [X], answers, [answers[0]]),
    )  # fmt: skip
    assert tolerance.rounding_error(by_numbers, [X], answers)[0].tolist() == unseen.tolist()
    assert (unseen - granted > 10 * tolerances.INTERMEDIATE_UNITS * tolerances.DOUBLE_UNIT).all()


def watched(compute: Any, seen: list[Any]) -> Any:
    """The same computation, which notes the types of what it is given, and whether that is what was given first."""

    def run(*inputs: Array) -> tuple[Any, ...]:
        seen.append((inputs[0].dtype, bool((inputs[0] == X).all())))
        return tuple(compute(*inputs))

    return run


WIDEST = np.dtype(tolerance._WIDER[np.dtype(np.float64)])


@pytest.mark.parametrize(("dtype", "wider"), [(np.float32, np.float64), (np.float64, WIDEST)])
def test_code_is_run_again_in_the_next_wider_type(dtype: Any, wider: Any) -> None:
    """Here, and in both types at a place nearby; what was answered here is not asked again."""
    seen: list[Any] = []
    answers = [each.astype(dtype) for each in slope(X.astype(dtype))]
    tolerance.granted(watched(slope, seen), [X.astype(dtype)], answers, [np.zeros(3)])
    narrow, wide = np.dtype(dtype), np.dtype(wider)
    assert seen[:3] == [(wide, True), (narrow, False), (wide, False)]


def test_an_accident_here_does_not_hide_what_rounding_does_nearby() -> None:
    """The larger of both errors is granted, twice; where nothing is known nearby, that of here."""
    x = single([8.0, -16.0, 64.0])
    sizes = [np.zeros(3)]

    def absorbing(x: Any) -> tuple[Any, ...]:
        large = x.dtype.type(1e8)
        return ((x + large) - large,)

    (found,) = tolerance.granted(absorbing, [x], list(absorbing(x)), sizes)
    moves = np.abs(x) * tolerances.NEARBY
    assert (found >= moves).all()
    assert (found <= 2.1 * tolerances.MEASURED_FACTOR * moves).all()

    def only_here(otherwise: Any) -> Any:
        return lambda x: absorbing(x) if x[0] == 8.0 else otherwise(x)

    def raising(x: Any) -> Any:
        raise Violation(fact("answers", what="vjp"), fact("number", value=1.0))

    for otherwise in (raising, lambda x: (1e3 * absorbing(x)[0][:1],)):
        (alone,) = tolerance.granted(only_here(otherwise), [x], list(absorbing(x)), sizes)
        assert (alone < moves).all()
    (again,) = tolerance.granted(absorbing, [x], list(absorbing(x)), sizes)
    assert again.tolist() == found.tolist()


def test_each_answer_has_a_bound_of_its_own() -> None:
    """Measured where it is computed in the wider type, and estimated where it is not."""
    given, seen = X.astype(np.float32), [np.ones(3), np.ones(3)]

    def both(x: Any) -> tuple[Any, ...]:
        return by_numbers(x)[0], slope(x)[0]

    answers = list(both(given))
    one, two = tolerance.granted(both, [given], answers, seen)
    (measured,) = tolerance.granted(slope, [given], answers[1:], seen[:1])
    estimates = tolerance.estimated(both, [given], answers, seen)
    assert two.tolist() == measured.tolist() != estimates[1].tolist()
    assert one.tolist() == estimates[0].tolist()


def test_where_numpy_has_no_wider_type_roundings_are_estimated(monkeypatch: pytest.MonkeyPatch) -> None:
    """With operations that are followed, if there are any."""
    monkeypatch.setitem(tolerance._WIDER, np.dtype(np.float64), np.float64)
    answers, sizes = list(slope(X)), [np.zeros(3)]
    for followed in (None, slope):
        (found,) = tolerance.granted(slope, [X], answers, sizes, followed)
        (due,) = tolerance.estimated(slope, [X], answers, sizes, followed)
        assert found.tolist() == due.tolist()
    mixed = [X, X.astype(np.float32)]

    def product(x: Any, y: Any) -> tuple[Any, ...]:
        return ((1 - np.tanh(x) ** 2) * y,)

    (estimate,) = tolerance.estimated(product, mixed, list(product(*mixed)), sizes)
    assert tolerance.granted(product, mixed, list(product(*mixed)), sizes)[0].tolist() == estimate.tolist()


def test_sizes_count_in_units_of_the_wider_type() -> None:
    """Where rounding is measured; what drowns there leaves no trace."""
    for given, wider in ((X, WIDEST), (X.astype(np.float32), np.float64)):
        small, large = (
            tolerance.granted(slope, [given], list(slope(given)), [np.full(3, size)])[0] for size in (0.0, 1e9)
        )
        unit = np.finfo(wider).eps / 2
        assert large - small == pytest.approx(np.full(3, tolerances.INTERMEDIATE_UNITS * unit * 1e9), rel=1e-6, abs=0)
    small, large = (
        tolerance.estimated(slope, [given], list(slope(given)), [np.full(3, size)])[0] for size in (0.0, 1e6)
    )
    assert large - small == pytest.approx(np.full(3, tolerances.INTERMEDIATE_UNITS * tolerances.SINGLE_UNIT * 1e6))


@pytest.mark.skipif(np.float64 == WIDEST, reason="numpy has no wider type here")
def test_results_are_collected_in_the_wider_type() -> None:
    """Where the code can do with such arrays; else as it is."""
    calls: list[Any] = []

    def collecting(x: Any) -> tuple[Any, ...]:
        found = np.zeros(3)
        found[:] = x
        return (found,)

    def choosy(x: Any) -> tuple[Any, ...]:
        calls.append(np.zeros(1).dtype)
        if len(calls) == 1:
            raise Violation(fact("answers", what="vjp"), fact("number", value=1.0))
        return collecting(x)

    assert tolerance._wide(collecting, [X.astype(np.longdouble)])[0].dtype == np.longdouble
    assert tolerance._wide(choosy, [X.astype(np.longdouble)])[0].dtype == np.float64
    assert calls == [np.dtype(np.longdouble), np.dtype(np.float64)]
    assert tolerance._wide(collecting, [X])[0].dtype == np.float64


def test_scatter_is_granted_with_a_factor(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not finite tells nothing of an answer; nor does what has another shape, or raises an exception."""
    answers, scatter = [np.ones(3)], [np.array([0.5, np.inf, np.nan])]

    def scattered(compute: Any, inputs: Any, *, known: bool) -> Any:
        assert (compute, inputs, known) == (slope, [X], False)
        return scatter

    monkeypatch.setattr(tolerance.random_rounding, "scatter", scattered)
    (found,) = tolerance._scattered(slope, [X], answers) or [None]
    assert found.tolist() == [0.5 * tolerances.RANDOM_ROUNDING_SAFETY, 0.0, 0.0]
    assert tolerance._scattered(slope, [X], [np.ones(2)]) is None
    scatter = None
    assert tolerance._scattered(slope, [X], answers) is None
    monkeypatch.setattr(tolerance.random_rounding, "scatter", lambda *_, known: [].pop())
    assert tolerance._scattered(slope, [X], answers) is None


def test_followed_operations_are_granted_last_roundings_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """In units of each answer, and the smallest doubles."""
    answers = [np.array([1.0, -4.0, 0.0]), np.array([2.0])]
    monkeypatch.setattr(tolerance.random_rounding, "scatter", lambda *_: [np.array([0.0, 0.25, 0.0]), np.zeros(1)])
    found = tolerance.followed_error(slope, [X], answers)
    assert found is not None
    last = tolerances.LAST_ROUNDINGS * tolerances.DOUBLE_UNIT
    assert found[0][:2] == pytest.approx([last, 0.25 * tolerances.RANDOM_ROUNDING_SAFETY + 4 * last], rel=1e-15, abs=0)
    assert 0 < found[0][2] < 1e-320
    assert found[1] == pytest.approx(2 * last, rel=1e-15, abs=0)


@pytest.mark.parametrize(("largest", "due"), [(0.25, 1.0), (8.0, 8.0), (1e9, tolerances.LARGEST_UNSEEN)])
def test_what_nobody_sees_is_granted_by_the_size_of_the_arguments(largest: float, due: float) -> None:
    """At least 1 and no more than a thousand, and by the size of the answer."""
    inputs = [np.array([0.125]), np.array([largest]), np.zeros(0)]
    answers = [np.array([0.0, -2.0], np.float32)]

    def constant(*_: Any) -> tuple[Any, ...]:
        return (answers[0].astype(np.float64),)

    (found,) = tolerance.unfollowed_error(constant, inputs, answers)
    (granted,) = tolerance.granted(constant, inputs, answers, [np.abs(answers[0])])
    units = (found - granted) / tolerances.INTERMEDIATE_UNITS / tolerances.DOUBLE_UNIT
    assert units == pytest.approx([due, due + 2.0], rel=1e-3)


def test_what_lost_digits_may_be_off_is_told_in_units() -> None:
    """Of the sum of the weights' sizes, in double precision whatever their type."""
    for dtype in (np.float64, np.float32):
        weights = np.full(3, -0.1, dtype)
        found = tolerance.beside_cotangent(weights, 2.0**-20)
        due = 3 * abs(float(weights[0])) * 2.0**-20 * function_tolerances.LOST_UNITS
        assert found == pytest.approx(due, rel=1e-15)
