"""Where rounding has taken an operand so far that a scatter of results tells nothing, the operand is unknown."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from reference.numerics import tolerances
from reference.numerics.regimes import Trail

LOW = tolerances.EXPONENT_OF_UNDERFLOW
FLAT = tolerances.SATURATED

#: The names of operations, the operands, which of them is moved, and how far the operation stays what it is.
REACHES: list[tuple[str, tuple[float, ...], int, float]] = [
    ("divide true_divide div", (3.0, -0.5), 1, 0.5),
    ("reciprocal log log2 log10 rsqrt cbrt", (-0.25,), 0, 0.25),
    ("log1p", (-0.75,), 0, 0.25),
    ("log1p", (3.0,), 0, 4.0),
    ("exp exp2 expm1 special_exp2", (2.0,), 0, 1.0),
    ("exp exp2 expm1 special_exp2", (-LOW - 5.0,), 0, 5.0),
    ("tanh erf erfc expit sigmoid", (0.5,), 0, 1.0),
    ("tanh erf erfc expit sigmoid", (-FLAT - 3.0,), 0, 3.0),
    ("softplus_backward log_sigmoid_backward", (1.0, FLAT + 3.0), 1, 3.0),
    ("sin cos sinh cosh i0 i1 j0 j1 special_bessel_j0", (9.0,), 0, 1.0),
    ("tan", (1.5,), 0, math.cos(1.5)),
    ("tan", (math.pi,), 0, 1.0),
    ("arctan atan arcsinh asinh", (3.0,), 0, math.sqrt(10)),
    ("arcsin asin arccos acos arctanh atanh arccosh acosh", (0.75,), 0, 0.25),
    ("arcsin asin arccos acos arctanh atanh arccosh acosh", (-0.75,), 0, 0.25),
    ("arctan2 atan2", (3.0, -4.0), 0, 5.0),
    ("arctan2 atan2", (3.0, -4.0), 1, 5.0),
    ("power pow float_power", (0.5, -1.0), 0, 0.5),
    ("power pow float_power", (-0.5, 0.5), 0, 0.5),
    ("power pow float_power", (0.5, 2.0), 0, math.inf),
    ("power pow float_power", (0.5, 1.0), 0, math.inf),
    ("power pow float_power", (0.5, 0.0), 0, math.inf),
    ("power pow float_power", (10.0, 2.0), 1, 1 / math.log(10)),
    ("gamma gammaln lgamma digamma psi loggamma", (5.5,), 0, 1.0),
    ("gamma gammaln lgamma digamma psi loggamma", (0.25,), 0, 0.25),
    ("gamma gammaln lgamma digamma psi loggamma", (-2.75,), 0, 0.25),
    ("multiply add sqrt", (0.5,), 0, math.inf),
]


def watched(name: str, first: tuple[Any, ...], then: tuple[Any, ...]) -> dict[int, Any]:
    """What becomes of the operands of a second run."""
    trail = Trail()
    assert trail.watched(name, [np.asarray(each) for each in first]) == {}
    trail.restart()
    return trail.watched(name, [np.asarray(each) for each in then])


@pytest.mark.parametrize(("names", "operands", "number", "reach"), REACHES)
def test_an_operand_may_be_moved_by_a_part_of_its_reach(
    names: str, operands: tuple[float, ...], number: int, reach: float
) -> None:
    """By a little less it is known, by a little more it is not; the others stay known."""
    for name in names.split():
        for part, is_known in ((0.98, True), (1.02, False)):
            for sign in (1, -1):
                step = sign * part * tolerances.PART_OF_REACH * min(reach, 1e300)
                moved = tuple(each + step if n == number else each for n, each in enumerate(operands))
                found = watched(name, operands, moved)
                if is_known or math.isinf(reach):
                    assert found == {}, name
                else:
                    assert list(found) == [number], name
                    assert np.isnan(found[number]), name


def test_one_entry_is_unknown_alone() -> None:
    """Beside it the operand is as it was in the second run."""
    found = watched("log", ([1.0, 2.0, 4.0],), ([1.01, 3.0, 4.0],))
    assert np.array_equal(found[0], [1.01, np.nan, 4.0], equal_nan=True)
    assert watched("log", ([1.0, 2.0],), ([1.0, 2.0],)) == {}
    assert watched("log", ([0.0, 2.0],), ([0.0, 2.0],)) == {}


def test_a_softmax_stays_what_it_is_within_1() -> None:
    """Except where an entry underflows; along its axis, and without entries."""
    logits = np.array([[0.0, -LOW - 8.0], [1.0, -LOW - 7.5]])
    step = 1.02 * tolerances.PART_OF_REACH
    for axis, unknown in ((1, [[True, False], [True, False]]), (0, [[True, True], [True, True]])):
        trail = Trail()
        trail.watched("_softmax", [logits, axis])
        trail.restart()
        found = trail.watched("_softmax", [logits + step, axis])
        assert np.isnan(found[0]).tolist() == unknown
    assert watched("_softmax", (np.zeros((0, 3)), 1), (np.zeros((0, 3)), 1)) == {}


def test_the_root_of_a_complex_number_has_a_reach() -> None:
    """That of a real one has none."""
    assert watched("sqrt", (0.25,), (0.5,)) == {}
    found = watched("sqrt", (0.25 + 0j,), (0.5 + 0j,))
    assert np.isnan(found[0].real)
    assert np.isnan(found[0].imag)


INF = np.array([np.inf, 2.0, -np.inf])
UNKNOWN = complex(np.nan, np.nan)
LARGE = tolerances.LEAST_OVERFLOW
#: Operations on infinities, which stand for numbers beyond all doubles, and what becomes of the operands.
OVERFLOWS: list[tuple[str, tuple[Any, ...], dict[int, Any]]] = [
    ("log", (INF,), {0: [np.nan, 2.0, np.nan]}),
    ("sqrt", (INF,), {0: [np.nan, 2.0, np.nan]}),
    ("reciprocal", (INF,), {0: [LARGE, 2.0, -LARGE]}),
    ("multiply", (INF, np.array([1e-3, 1e-3, 2.0])), {0: [np.nan, 2.0, -np.inf], 1: [1e-3, 1e-3, 2.0]}),
    ("multiply", (np.array([1.0, 0.0, -0.01]), INF), {0: [1.0, 0.0, -0.01], 1: [np.inf, 2.0, np.nan]}),
    ("divide", (INF, np.array([20.0, 20.0, 2.0])), {0: [np.nan, 2.0, -np.inf], 1: [20.0, 20.0, 2.0]}),
    ("divide", (np.ones(3), INF), {0: [1.0, 1.0, 1.0], 1: [LARGE, 2.0, -LARGE]}),
    ("power", (INF, np.array([0.5, 0.5, 2.0])), {0: [np.nan, 2.0, -np.inf]}),
    ("power", (INF, np.array([1.0, 0.5, -1.0])), {0: [np.inf, 2.0, np.nan]}),
    ("log", (INF + 0j,), {0: [UNKNOWN, 2.0, UNKNOWN]}),
    ("power", (INF + 0j, np.array([0.5, 0.5, 2.0])), {0: [UNKNOWN, 2.0, -np.inf]}),
    ("multiply", (INF + 0j, np.array([1e-3, 1e-3, 2.0])), {0: [UNKNOWN, 2.0, -np.inf], 1: [1e-3, 1e-3, 2.0]}),
    ("divide", (INF + 0j, np.array([20.0, 20.0, 2.0])), {0: [UNKNOWN, 2.0, -np.inf], 1: [20.0, 20.0, 2.0]}),
    ("exp", (INF,), {}),
    ("add", (INF, INF), {}),
]


@pytest.mark.parametrize(("name", "operands", "due"), OVERFLOWS)
def test_what_an_infinity_makes_of_an_operation(name: str, operands: tuple[Any, ...], due: dict[int, Any]) -> None:
    """Its inverse is nearly 0, its logarithm unknown; in the first run nothing is changed."""
    found = watched(name, operands, operands)
    assert set(found) == set(due)
    for number, each in due.items():
        assert np.array_equal(found[number], each, equal_nan=True)


def test_whole_numbers_are_left_alone() -> None:
    """As operands of what may overflow, too."""
    assert watched("power", (np.array(2), INF), (np.array(2), INF)) == {}
    assert set(watched("multiply", (np.array(0), INF), (np.array(0), INF))) == {1}
    assert set(watched("divide", (np.array(20), INF), (np.array(20), INF))) == {1}
    assert set(watched("divide", (INF, np.array(20)), (INF, np.array(20)))) == {0}


def test_a_comparison_with_an_unknown_number_turns_out_otherwise() -> None:
    """Than in the first run; with known numbers as it does now."""
    trail = Trail()
    assert trail.decided("gt", [np.array([1.0, 2.0]), 0], np.array([True, False])).tolist() == [True, False]
    trail.restart()
    assert trail.decided("gt", [np.array([np.nan, 2.0]), 0], np.array([True, True])).tolist() == [False, True]


def test_a_solution_is_known_where_it_moves_by_a_part_of_the_largest() -> None:
    """Each array by itself; the first run knows all."""
    for part, is_known in ((0.98, True), (1.02, False)):
        trail = Trail()
        one, whole = np.array([1.0, -4.0]), np.array([7])
        assert trail.is_solved("inv", [one, whole])
        trail.restart()
        step = 4.0 * part * tolerances.PART_OF_REACH
        assert trail.is_solved("inv", [one + np.array([step, 0.0]), whole + 9]) is is_known


def test_runs_that_went_other_ways_are_not_compared() -> None:
    """Another operation, another shape, or one more: nothing is known to be off."""
    for name, operand in (("log2", [4.0]), ("log", [4.0, 4.0]), ("log", 4.0)):
        trail = Trail()
        trail.watched("log", [np.array([1.0])])
        trail.restart()
        assert trail.watched(name, [np.array(operand)]) == {}
    assert trail.watched("log", [np.array([9.0])]) == {}
