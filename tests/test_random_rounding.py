"""Numbers that are moved at random, and arrays whose every operation is rounded so: what they are and what they do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from reference.numerics.random_rounding import Rounded, Run, followed, moved, scatter
from reference.numerics.regimes import Trail
from reference.numerics.sampling import seeded
from tests.operations import SQUARE, A

EPS = float(np.finfo(np.float64).eps)
TINY = float(np.finfo(np.float64).smallest_subnormal)
MANY = np.ones(500)


@pytest.mark.parametrize(("units", "dtype"), [(1.0, np.float64), (3.0, np.float64), (1.0, np.float32)])
def test_numbers_are_moved_by_one_to_four_units(units: float, dtype: Any) -> None:
    """Up and down, by many sizes, in the precision of the array."""
    off = moved(MANY.astype(dtype), seeded(1), units)
    unit = float(np.finfo(dtype).eps) / 2
    assert off.dtype == dtype
    sizes = np.abs(off - MANY) / unit
    assert sizes.min() >= units * 0.9
    assert units * 3.5 <= sizes.max() <= units * 4 + 1  # the grid above 1 has two units
    assert 200 < (off > 1).sum() < 300
    assert len(np.unique(sizes)) >= 4


def test_numbers_near_zero_are_moved_by_the_smallest() -> None:
    """By one to four of them, what is 0 too."""
    for number in (0.0, 2.0**-1070):
        steps = (moved(number * MANY, seeded(1)) - number) / TINY
        assert set(np.unique(steps)) == {-4, -3, -2, -1, 1, 2, 3, 4}


def test_what_is_no_number_stays() -> None:
    """Infinities, NaN, whole numbers, truths; and all without a generator."""
    odd = np.array([np.inf, -np.inf, np.nan])
    assert np.array_equal(moved(odd, seeded(1)), odd, equal_nan=True)
    for array in (np.arange(3), np.array([True]), np.array(["a"])):
        assert moved(array, seeded(1)) is array
    assert moved(MANY, None) is MANY


def test_complex_numbers_are_moved_in_both_parts() -> None:
    """The real and the imaginary part are moved by draws of their own."""
    off = moved(MANY + 1j * MANY, seeded(1))
    assert off.dtype == np.complex128
    for part in (off.real, off.imag):
        assert (part != 1).all()
        assert np.abs(part - 1).max() <= 2.5 * EPS
    assert (off.real != off.imag).sum() > 300


def rounded(array: Any, run: Run | None = None) -> Rounded:
    return Rounded.of(array, run or Run(seeded(2)))


def test_parts_of_an_array_are_arrays() -> None:
    """Even of one number; they are exact, and belong to the run."""
    x = rounded(A)
    for part, due in ((x[0, 1], A[0, 1]), (x[1], A[1]), (list(x)[2], A[2]), (x.T, A.T), (x.max(), A.max())):
        assert isinstance(part, Rounded)
        assert part.run is x.run
        assert np.array_equal(np.asarray(part), due)
    assert len(list(x)) == len(A)
    assert isinstance(x.sum(), Rounded)
    assert x.rng is x.run.rng
    assert Rounded(3).rng is None


def test_results_are_written_where_they_should_be() -> None:
    """Into one array or several, added at places, copied; what is written into is given back."""
    x, run = rounded(A), Run(None)
    one, other = rounded(np.zeros(A.shape), run), rounded(np.zeros(A.shape), run)
    assert np.add(x, 1.0, out=one) is one
    assert np.asarray(one) == pytest.approx(A + 1, rel=4 * EPS)
    found = np.divmod(x, 0.75, out=(one, other))
    assert found[0] is one
    assert found[1] is other
    assert np.asarray(one) == pytest.approx(np.floor_divide(A, 0.75), abs=4 * EPS)
    assert np.asarray(other) == pytest.approx(np.mod(A, 0.75), abs=4 * EPS)
    total = np.zeros(2)
    np.add.at(total, [0, 1, 1], x[0, :3])
    assert total == pytest.approx([A[0, 0], A[0, 1] + A[0, 2]])
    np.copyto(one, x, where=A > 0)
    assert np.array_equal(np.asarray(one)[A > 0], A[A > 0])
    np.putmask(other, A > 0, x)
    np.place(one, A < 0, x[0, :1])
    assert np.array_equal(np.asarray(other)[A > 0], A[A > 0])
    assert (np.asarray(one)[A < 0] == A[0, 0]).all()


def test_several_results_come_in_what_numpy_packs_them() -> None:
    """A tuple, a list, a tuple with names; whole numbers and truths among them are as they are."""
    fraction, whole = np.modf(rounded(A))
    assert isinstance(fraction, Rounded)
    assert np.asarray(whole) == pytest.approx(np.trunc(A), abs=4 * EPS)
    parts = np.split(rounded(A), 2, axis=1)
    assert type(parts) is list
    assert all(isinstance(each, Rounded) for each in parts)
    sign, size = np.linalg.slogdet(rounded(SQUARE))
    assert type(np.linalg.slogdet(rounded(SQUARE))) is type(np.linalg.slogdet(SQUARE))
    assert isinstance(sign, Rounded)
    assert isinstance(size, Rounded)
    assert not isinstance(rounded(A) > 0, Rounded)
    assert not isinstance(np.argmax(rounded(A)), Rounded)
    assert np.shape(rounded(A)) == A.shape


def test_numbers_of_python_become_doubles() -> None:
    """In an array of objects; other objects stay."""
    doubled = np.frompyfunc(lambda t: t * 2.0, 1, 1)(rounded(A))
    assert isinstance(doubled, Rounded)
    assert doubled.dtype == np.float64
    assert np.asarray(doubled) == pytest.approx(2 * A, rel=4 * EPS)
    assert np.frompyfunc(str, 1, 1)(rounded(A)).dtype == object


def test_sequences_of_arrays_are_operands_too() -> None:
    """They are rounded as single ones are, where the function rounds, and stay exact where it copies."""
    exact = np.concatenate([rounded(A), rounded(A)])
    assert np.array_equal(np.asarray(exact), np.concatenate([A, A]))
    product = np.linalg.multi_dot([rounded(A), rounded(A.T)])
    assert isinstance(product, Rounded)
    assert (np.asarray(product) != A @ A.T).any()
    assert np.asarray(product) == pytest.approx(A @ A.T, abs=1e-13)


@pytest.mark.parametrize("leave", [float, lambda x: x.item(), lambda x: x.tolist(), np.vectorize(lambda t: t * t)])
def test_numbers_that_leave_are_noted(leave: Any) -> None:
    """Where runs are compared; the numbers are those of the array."""
    trail = Trail()
    x = rounded(np.array(1.5), Run(None, trail))
    assert np.asarray(leave(x)) == np.asarray(leave(np.array(1.5)))
    assert trail.is_left
    leave(rounded(np.array(1.5), Run(None)))


def test_matrices_are_moved_as_a_whole() -> None:
    """By a part of the largest entry, so that small ones are unknown; sums of products are moved entry by entry."""
    matrix = np.diag([1e6, 1.0])
    found = scatter(lambda m: [np.linalg.inv(m), m @ m], [matrix], known=False)
    assert found is not None
    inverse, square = found
    assert 1e-11 < inverse[1, 1] < 1e-8
    assert square[1, 1] < 1e-14


def test_determinants_lose_the_digits_of_their_logarithm() -> None:
    """The larger or smaller they are."""
    errors = []
    for scale in (1.0, 1e-90, 1e90):
        matrix = scale * np.eye(3)
        found = scatter(lambda m: [np.linalg.det(m)], [matrix], known=False)
        assert found is not None
        errors.append(float(found[0]) / scale**3)
    assert max(errors[1:]) <= 2000 * EPS
    assert min(errors[1:]) >= 10 * errors[0] > 0


def test_a_solution_that_rounding_decides_is_unknown() -> None:
    """For a truth; what is granted is what shows, and a determinant is no solution."""
    matrix = np.array([[1.0, 1.0], [1.0, 1.0 + 8 * EPS]])
    (unknown,) = scatter(lambda m: [np.linalg.inv(m)], [matrix]) or []
    (granted,) = scatter(lambda m: [np.linalg.inv(m)], [matrix], known=False) or []
    (determinant,) = scatter(lambda m: [np.linalg.det(m)], [matrix]) or []
    assert np.isinf(unknown).all()
    assert np.isfinite(granted).any()
    assert determinant < 1e-12


def test_runs_that_cannot_be_compared_tell_nothing() -> None:
    """An answer of another shape, or none that was computed there; a matrix that rounding makes singular is unknown."""
    calls: list[int] = []

    def grows(x: Any) -> Any:
        calls.append(1)
        return [x[: len(calls)] * 2]

    def fails(x: Any) -> Any:
        calls.append(1)
        if len(calls) > 2:
            raise np.linalg.LinAlgError("singular")
        return [x * 2, x.sum()]

    assert scatter(grows, [A]) is None
    calls.clear()
    assert [np.isinf(each).all() for each in scatter(fails, [A]) or []] == [True, True]
    assert scatter(lambda x: [np.ones(3)], [A]) is None
    assert followed(lambda x: [np.arange(3), x], [A], Run(None)) is not None
    with pytest.raises(np.linalg.LinAlgError):
        followed(lambda x: [np.linalg.inv(x * 0)], [SQUARE], Run(None))
