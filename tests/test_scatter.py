"""What rounding may take shows in how results scatter when each operation is rounded at random."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from reference.numerics.random_rounding import NotAnalyticError, Run, followed, scatter
from tests.gradients import drawn
from tests.operations import BOX, LINE, ROW, SQUARE, WIDE, A

EPS = float(np.finfo(np.float64).eps)
Z = A + 1j * A[::-1]

#: Computations that choose, copy, or change a sign.
EXACT: list[Callable[[Any], Any]] = [
    np.negative, np.positive, np.abs, np.fabs, np.sign, np.floor, np.ceil, np.trunc, np.rint, np.ravel, np.transpose,
    np.sort, np.copy, np.diagonal, np.tril, np.triu, np.zeros_like, np.ones_like, np.real, np.nan_to_num,
    np.max, np.min,
    lambda x: np.maximum(x, 0.5), lambda x: np.minimum(x, 0.5), lambda x: np.fmax(x, A.T[0, 0]),
    lambda x: np.fmin(x, 0.5),
    lambda x: np.copysign(x, -1.0), lambda x: np.heaviside(x, 0.5), lambda x: np.where(x > 0, x, -x), np.squeeze,
    lambda x: np.concatenate([x, x]), lambda x: np.stack([x, x]), lambda x: np.vstack([x, x]),
    lambda x: np.hstack([x, x]),
    lambda x: x.reshape(4, 3), lambda x: np.swapaxes(x, 0, 1), lambda x: np.moveaxis(x, 0, 1), lambda x: x[1:, ::-1],
    lambda x: np.expand_dims(x, 0), lambda x: x.max(axis=1), lambda x: x.min(axis=0, keepdims=True),
    lambda x: x.T,
    lambda x: np.take(x, [0, 2], axis=1), lambda x: np.broadcast_to(x, (2, 3, 4)), lambda x: np.repeat(x, 2, axis=0),
    lambda x: np.tile(x, 2), lambda x: np.flip(x, 0), lambda x: np.roll(x, 1), lambda x: np.clip(x, -0.5, 0.5),
    lambda x: np.split(x, 2, axis=1)[1], lambda x: np.pad(x, 1), lambda x: x.copy(), lambda x: np.full_like(x, 2.0),
    lambda x: np.conjugate(x.astype(complex)).real, lambda x: np.take_along_axis(x, np.argsort(x, axis=1), 1),
]  # fmt: skip

#: Computations that round, with the arrays they take.
ROUNDING: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
    *((f, (A,)) for f in (np.exp, np.tanh, np.sin, np.cos, np.arctan, np.expm1, np.square, np.sinh, np.cbrt)),
    *((f, (np.abs(A) + 0.5,)) for f in (np.log, np.sqrt, np.log1p, np.reciprocal, np.log2)),
    *((f, (A, A[::-1].copy())) for f in (
        np.add, np.subtract, np.multiply, np.divide, np.hypot, np.arctan2, np.logaddexp,
    )),
    *((lambda x, f=f: f(x, axis=1), (A,)) for f in (np.sum, np.mean, np.var, np.std, np.prod, np.cumsum)),
    (lambda x, y: x @ y, (A, WIDE)),
    (np.matmul, (BOX, WIDE)),
    (np.dot, (A, ROW)),
    (np.outer, (LINE, ROW)),
    (lambda x, y: np.einsum("ij,jk->ik", x, y), (A, WIDE)),
    (lambda x, y: np.tensordot(x, y, 1), (A, WIDE)),
    (np.linalg.inv, (SQUARE,)),
    (np.linalg.det, (SQUARE,)),
    (np.linalg.solve, (SQUARE, drawn(3))),
    (np.linalg.norm, (A,)),
    (lambda x: np.add.reduce(x, axis=0), (A,)),
    (lambda x: np.multiply.accumulate(x, axis=0), (A,)),
    (lambda x: x**3, (A,)),
    (lambda x: 1 - 2 * x / 3, (A,)),
    (lambda x: added(np.zeros((3, 4)), x), (A,)),
    (lambda x: np.abs(np.exp(1j * x)), (A,)),
    (lambda x: x.sum() + x.mean(axis=0), (A,)),
]  # fmt: skip


def added(array: Any, x: Any) -> Any:
    array = array + x
    array += x / 3
    np.multiply(array, x, out=array)
    return array


def scattered(compute: Callable[..., Any], *args: Any, known: bool = True) -> Any:
    """How far the only result may be off; None where that is not known."""
    found = scatter(lambda *given: [compute(*given)], args, known=known)
    return None if found is None else found[0]


@pytest.mark.parametrize("number", range(len(EXACT)))
def test_what_chooses_or_copies_does_not_scatter(number: int) -> None:
    """Its results are exact."""
    found = scattered(EXACT[number], A)
    assert found is not None
    assert found.shape == np.shape(EXACT[number](A))
    assert (found == 0).all()


@pytest.mark.parametrize("number", range(len(ROUNDING)))
def test_what_rounds_scatters_by_a_few_units(number: int) -> None:
    """More than nothing, and not much more than rounding takes from numbers like these."""
    compute, args = ROUNDING[number]
    found, value = scattered(compute, *args), np.asarray(compute(*args))
    assert found is not None
    assert found.shape == value.shape
    assert found.max() >= EPS / 4 * np.abs(value).min()
    assert found.max() <= 200 * EPS * max(1.0, float(np.abs(value).max()))


@pytest.mark.parametrize(
    ("compute", "x", "least"),
    [
        (lambda x: (x + 1e16) - 1e16, 1.0, 1.0),
        (lambda x: np.log(1 + x) * 1e30, 1e-30, 0.5),
        (lambda x: (1 - np.tanh(x) ** 2) * 1e17, 20.0, 1.0),
        (lambda x: (x * 1e8 + 1.0 - x * 1e8) * 1e8, 1.0, 0.5),
        (lambda x: x * 1e-320 * 1e300, 1.0, 1e-25),
    ],
    ids=["absorbed", "log of 1", "1 - tanh^2", "cancelled", "underflown"],
)
def test_what_is_lost_shows(compute: Any, x: float, least: float) -> None:
    """Though two precisions would agree on it."""
    found = scattered(compute, np.array([x]))
    assert found is not None
    assert found[0] >= least


def test_a_number_that_is_made_of_rounding_is_unknown_to_its_inverse() -> None:
    """For a truth; what is granted is what shows."""
    compute = lambda x: 1 / ((x + 1) - 1 - x)  # noqa: E731 - short
    x = np.array([0.1, 0.3])
    assert np.isinf(scattered(compute, x)).all()
    assert np.isfinite(scattered(compute, x, known=False)).any()


@pytest.mark.parametrize(
    "compute",
    [
        lambda x: x * float(x.sum()),
        lambda x: x * math.sin(x[0, 0]),
        lambda x: np.vectorize(lambda each: each * each, otypes=[float])(x) + x,
        lambda x: x * x.max().item(),
        lambda x: x * np.array(x.tolist()),
    ],
)
def test_what_is_computed_in_plain_numbers_is_unknown(compute: Any) -> None:
    """For a truth: what is lost there shows nowhere. What is granted is what shows."""
    assert scattered(compute, A) is None
    assert scattered(compute, A, known=False) is not None


def test_what_fails_is_unknown() -> None:
    """A computation that raises; a matrix that rounding makes singular has infinite errors."""
    assert scattered(lambda x: x.no_such_method(), A) is None
    singular = np.array([[1.0, 1.0], [1.0, 1.0 + EPS]])
    found = scattered(np.linalg.inv, singular)
    assert found is None or np.isinf(found).any() or found.max() > 1e10


def test_a_run_without_rounding_computes_what_the_code_does() -> None:
    """Small numbers beside large ones keep their digits in it, so that a matrix of both is not singular."""
    matrix = np.array([[1e20, 0.0, 0.0], [0.0, 1 / 3, 0.1], [0.0, 0.1, 1e-20]])
    found = followed(lambda a: [np.linalg.inv(a)], [matrix], Run(None))
    assert found is not None
    assert np.array_equal(found[0], np.linalg.inv(matrix))


def test_complex_numbers_meet_no_operation_without_a_derivative() -> None:
    """Where they are arguments; a computation of real numbers may pass through them."""
    for compute in (np.abs, np.conjugate, np.sign, lambda z: np.abs(z * 2)):
        with pytest.raises(NotAnalyticError):
            scattered(compute, Z)
    for compute in (np.exp, np.sin, np.square, lambda z: z / 3):
        found = scattered(compute, Z)
        assert found is not None
        assert 0 < found.max() <= 1e-13
    assert scattered(lambda x: np.abs(x + 0j), A) is not None


def test_single_precision_scatters_by_its_own_units() -> None:
    """Which are larger than those of double precision."""
    found = scattered(lambda x: x * x, A.astype(np.float32))
    assert found is not None
    assert 1e-9 < found.max() < 1e-5
