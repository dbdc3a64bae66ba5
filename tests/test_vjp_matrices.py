"""`check_vjp` at linear algebra, series, complex intermediate numbers and noise: what is right passes, and is told."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.gradients import check_vjp
from tests.comparing import needs_flint
from tests.wording import failed

pytestmark = pytest.mark.catalogue

Array = NDArray[Any]
SYMMETRIC = np.array([[4.0, 1.0, 0.5], [1.0, 3.0, -0.25], [0.5, -0.25, 5.0]])
SIGNAL = np.array([0.5, -1.25, 2.0, 0.75])


def factor(a: Array) -> Array:
    return np.linalg.cholesky((a + a.T) / 2)


def factor_vjp(c: Array, a: Array, half: float = 0.5) -> tuple[Array]:
    lower = factor(a)
    middle = np.tril(lower.T @ np.tril(c))
    middle[np.diag_indices(len(middle))] *= half
    inverse = np.linalg.inv(lower)
    found = inverse.T @ middle @ inverse
    return ((found + found.T) / 2,)


def cofactors(a: Array) -> Array:
    minor = [[np.linalg.det(np.delete(np.delete(a, i, 0), j, 1)) for j in range(len(a))] for i in range(len(a))]
    return np.array([[(-1.0) ** (i + j) * minor[i][j] for j in range(len(a))] for i in range(len(a))])


def spectrum(x: Array) -> Array:
    return np.abs(np.fft.fft(x)) ** 2


def spectrum_vjp(c: Array, x: Array, factor: float = 2.0) -> tuple[Array]:
    return (factor * np.real(np.fft.ifft(c * np.fft.fft(x))) * x.size,)


@pytest.mark.parametrize("half", [0.5, 1.0])
def test_definite_matrices_are_drawn_near_the_given_one(half: float) -> None:
    """Where no drawn matrix is definite those near the given one are judged, with and without a definition."""
    for spec in (None, factor):
        found = check_vjp(factor, lambda c, a: factor_vjp(c, a, half), SYMMETRIC, spec=spec, effort="quick")
        assert bool(failed(found)) is (half != 0.5)
        assert any("near" in str(each.note) for each in found)


@pytest.mark.parametrize("transposed", [False, True])
def test_determinants_are_granted_what_elimination_loses(transposed: bool) -> None:
    """A determinant of an ill-conditioned matrix is right within the backward error; a transposed gradient is wrong."""

    def vjp(c: Array, a: Array) -> tuple[Array]:
        return (c * (cofactors(a).T if transposed else cofactors(a)),)

    given = SYMMETRIC + np.triu(SYMMETRIC)
    assert bool(failed(check_vjp(np.linalg.det, vjp, given, effort="quick"))) is transposed


@pytest.mark.parametrize("factor", [2.0, 1.0])
def test_complex_numbers_on_the_way(factor: float) -> None:
    """A forward pass of real numbers that passes through complex ones is judged, right and wrong."""
    found = check_vjp(spectrum, lambda c, x: spectrum_vjp(c, x, factor), SIGNAL, effort="quick")
    assert bool(failed(found)) is (factor != 2.0)
    assert all(each.status != "error" for each in found)


def test_noise_is_told() -> None:
    """Single precision inside is granted, and said."""
    found = check_vjp(
        lambda x: np.tanh(x.astype(np.float32)).astype(np.float64),
        lambda c, x: (c * (1 - np.tanh(x) ** 2),),
        SIGNAL,
        effort="quick",
    )
    assert not failed(found)
    assert any("noisy" in str(each.note) for each in found)


@needs_flint
def test_a_series_that_is_cut_off_is_no_wrong_formula() -> None:
    """What doubles see no more of may be cut off; a number that is added to a denominator may not."""

    def sine(c: Array, x: Array) -> tuple[Array]:
        near = np.abs(x) < 1e-2
        series = 1 - x**2 / 2 + x**4 / 24 - x**6 / 720
        return (c * np.where(near, series, np.cos(x)),)

    def shifted(c: Array, x: Array) -> tuple[Array]:
        return (c * (np.cos(x) + 1e-18 * x),)

    given = np.array([1e-3, 0.3, 1.7])
    assert not failed(check_vjp(np.sin, sine, given, domain=[(-50.0, 50.0)], effort="quick"))
    assert "vjp.gradient.formula" in failed(check_vjp(np.sin, shifted, given, domain=[(-50.0, 50.0)], effort="quick"))
