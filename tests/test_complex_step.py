"""The complex step is right within its stated error, and refuses a forward pass that cannot use complex numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference.lab import definitions
from reference.numerics.oracles import ball, complex_step
from reference.numerics.oracles.complex_step import Along, ComplexStepError, directional, on_arrays, vjp
from reference.numerics.oracles.numbers import Numbers
from tests.comparing import needs_flint
from tests.strategies import arrays


def _logistic(X: Any) -> Any:
    return X.exp() / (X.exp() + 1.0)


def _long_way(X: Any) -> Any:
    """A function whose rounding errors do not change when its arguments are moved."""
    return (X + 1e4 - 1e4).exp()


def _loss(X: Any) -> Any:
    return definitions.cross_entropy_of_logits(X, np.eye(X.shape[1])[np.arange(len(X)) % X.shape[1]])


SPECS: dict[str, Callable[[Any], Any]] = {
    "softmax": definitions.softmax,
    "loss": _loss,
    "mean": lambda X: definitions.softmax(X).mean(),
    "relu": lambda X: (X.relu() * X).sum(),
    "tanh": lambda X: -(X.tanh()),
    "logistic": _logistic,
    "cancelling": lambda X: X.exp() - X - 1.0,
    "long way": _long_way,
    "log": lambda X: (X * X + 1e-3).log().sum(dim=0, keepdim=True),
}


@needs_flint
@pytest.mark.parametrize("name", SPECS)
@given(data=st.data())
def test_error_is_as_stated(name: str, data: st.DataObject) -> None:
    """Every entry of the gradient is within the stated error of the enclosed truth, for all definitions."""
    rng = np.random.RandomState(data.draw(st.integers(0, 2**32 - 1)))
    n, k = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 4))
    X = rng.randn(n, k) * data.draw(st.sampled_from([0.1, 1.0, 5.0]))
    spec = SPECS[name]
    cotangent = rng.randn(*on_arrays(spec)(X).shape)
    (found,) = vjp(on_arrays(spec), cotangent, (X,))
    (truth,) = ball.vjp(spec, cotangent, (X,))
    assert (np.abs(found.value - truth.value) <= found.error + truth.error).all()
    assert (found.error <= 1e-9 * (1 + np.abs(found.value))).all()


@given(st.data())
def test_products_of_matrices(data: st.DataObject) -> None:
    """The derivative of A B along a direction is dA B + A dB, in exact numbers."""
    A, dA, B, dB = (data.draw(arrays(*shape)) for shape in ((2, 3), (2, 3), (3, 2), (3, 2)))
    found = directional(lambda A, B: A @ B, [A, B], [dA, dB])
    assert (np.abs(found.value - (dA @ B + A @ dB)) <= found.error).all()


@pytest.mark.parametrize("x", [1e-200, 1e-30, 1.0, 1e200])
def test_no_step_is_too_large_or_too_small(x: float) -> None:
    """The derivative of a logarithm is right over all orders of magnitude."""
    found = directional(np.log, [np.array([x])], [np.array([1.0])])
    assert abs(found.value[0] * x - 1) <= min(found.error[0] * x, 1e-14)


def test_a_step_that_is_too_large_is_known() -> None:
    """If no step fits, because an argument is 1e300 times smaller than its direction, the error is infinite."""
    found = directional(np.log, [np.array([1e-290])], [np.array([1e10])])
    assert abs(found.value[0] - 1e300) <= found.error[0]


def _buffered(x: Any) -> Any:
    buffer = np.zeros(3)
    buffer[:] = np.exp(x)
    return buffer


def _out(x: Any) -> Any:
    return np.exp(x, out=np.zeros(3))


def _picky(x: Any) -> Any:
    if x.dtype.kind == "c":
        raise RuntimeError("expected real numbers")
    return x * 2


DISCARDING: dict[str, Callable[[Any], Any]] = {
    "abs": lambda x: np.abs(x) * 2,
    "norm": np.linalg.norm,
    "small abs": lambda x: np.exp(x).sum() + 1e-4 * np.abs(x).sum(),
    "conjugate": lambda x: x * np.conj(x),
    "float buffer": _buffered,
    "out": _out,
    "astype": lambda x: np.exp(x).astype(np.float64),
    "single": lambda x: np.exp(np.asarray(x, dtype=np.complex64 if x.dtype.kind == "c" else np.float32)),
    "real": lambda x: np.exp(x.real),
    "float": lambda x: math.exp(x[0]),
    "arctan2": lambda x: np.arctan2(x, 1.0),
    "picky": _picky,
    "other shape": lambda x: np.stack([x.real, x.imag]) if x.dtype.kind == "c" else x,
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", DISCARDING)
def test_discarded_imaginary_parts_are_seen(name: str) -> None:
    """A forward pass that drops the imaginary part raises ComplexStepError, also if it does so silently."""
    with pytest.raises(ComplexStepError, match="carries complex numbers through"):
        directional(DISCARDING[name], [np.array([0.5, -1.2, 2.0])], [np.array([1.0, -0.7, 0.4])])


CARRYING: dict[str, Callable[[Any], Any]] = {
    "maximum": lambda x: np.maximum(x, 0),
    "clip": lambda x: np.clip(x, -1, 1),
    "mask": lambda x: x * (x > 0),
    "where": lambda x: np.where(x > 0, x, 0.01 * x),
    "sort": np.sort,
    "max": lambda x: np.exp(x - x.max()),
    "constant": lambda x: np.ones(2),
    "powers": lambda x: x**3 + np.sqrt(x * x + 1),
}


@pytest.mark.parametrize("name", CARRYING)
def test_comparisons_are_no_obstacle(name: str) -> None:
    """Functions that select by comparison are differentiated, since numpy compares real parts first."""
    x, d = np.array([0.5, -1.2, 2.0]), np.array([1.0, -0.7, 0.4])
    found = directional(CARRYING[name], [x], [d])
    slope = (CARRYING[name](x + 2.0**-20 * d) - CARRYING[name](x - 2.0**-20 * d)) * 2.0**19
    assert np.allclose(found.value, slope, rtol=0, atol=1e-8)
    assert (found.error < 1e-13).all()


def test_a_forward_pass_that_writes_into_its_arguments_does_no_harm() -> None:
    """The caller's arguments and the result are unchanged if the forward pass writes into its arguments."""

    def forward(x: Any) -> Any:
        x *= 2
        return x.sum()

    x = np.array([1.0, 2.0])
    assert directional(forward, [x], [np.ones(2)]).value == 4
    assert vjp(forward, 1.0, [x])[0].value.tolist() == [2, 2]
    assert x.tolist() == [1, 2]


def test_not_finite_is_not_known() -> None:
    """Where the derivative is not finite the error is infinite."""
    found = directional(np.log, [np.array([0.0, 1.0])], [np.ones(2)])
    assert found.error[0] == math.inf
    assert found.error[1] < 1e-14


def test_one_pass_a_direction() -> None:
    """After the first direction each further one costs one call; a much longer one is measured again."""
    along = Along(lambda x: np.exp(x).sum(), [np.ones(3)])
    along([np.ones(3)])
    for expected, length in ((1, 1.0), (1, -2.0), (1, 0.0)):
        before = along.passes
        along([np.full(3, length)])
        assert along.passes - before == expected
    before = along.passes
    along([np.full(3, 10.0)])
    assert along.passes - before > 1


def test_numbers_behave_like_arrays() -> None:
    """Operations with arrays and numbers on either side give what numpy gives."""
    x = Numbers(np.array([[1.0, 2.0], [3.0, 4.0]]))
    eye = np.eye(2)
    for found, due in (
        (eye + x, eye + x.array), (eye - x, eye - x.array), (eye * x, eye * x.array), (eye @ x, x.array),
        (1.0 / x, 1.0 / x.array), (x @ x, x.array @ x.array), (2.0 + x, x.array + 2), (x.mean(), x.array.mean()),
        (x.amax(dim=1, keepdim=True), [[2.0], [4.0]]), (x.sum(dim=0, keepdim=True), [[4.0, 6.0]]),
        (x.sum(dim=1, keepdim=True), [[3.0], [7.0]]), (x.sum(), 10.0), (x.amax(dim=0, keepdim=True), [[3.0, 4.0]]),
    ):  # fmt: skip
        assert isinstance(found, Numbers)
        assert np.array_equal(found.array, due)
    assert (len(x), x.shape) == (2, (2, 2))


def _words(x: Any) -> Any:
    return np.array(["a"]) if x.dtype.kind == "c" else x


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda: directional(np.exp, [np.ones(2)], [np.ones(3)]), r"directions\[0\]: expected shape \(2,\), got"),
        (lambda: directional(np.exp, [np.ones(2)], []), "directions: expected 1, one for each argument, got 0"),
        (lambda: directional(np.exp, [np.array(["a"])], [np.ones(1)]), r"args\[0\]: expected real numbers"),
        (lambda: vjp(np.exp, np.ones(1), [np.array(["a"])]), r"args\[0\]: expected real numbers"),
        (lambda: vjp(np.exp, np.ones(3), [np.ones(2)]), r"cotangent: expected the shape of the output, \(2,\)"),
        (lambda: directional(_words, [np.ones(1)], [np.ones(1)]), "expected an array of numbers .* dtype <U1"),
    ],
)
def test_bad_questions_are_refused(ask: Callable[[], Any], said: str) -> None:
    """Arguments that do not fit raise a ValueError that says what was expected."""
    with pytest.raises(ValueError, match=said):
        ask()


def test_faults_of_the_forward_pass_are_its_own() -> None:
    """An exception that real arguments cause as well passes through."""
    with pytest.raises(ZeroDivisionError):
        directional(lambda x: 1 // 0, [np.ones(1)], [np.ones(1)])
    assert issubclass(complex_step.ComplexStepError, ValueError)


@pytest.mark.parametrize("length", [1.0, 1e3, -1e-3])
@pytest.mark.parametrize("size", [1.0, 1e-6, 1e5])
@pytest.mark.parametrize(
    "function", [lambda x: 3 * x, np.exp, lambda x: x**3, np.sin, lambda x: np.log(x * x + 1)],
    ids=["linear", "exp", "cube", "sin", "log"],
)  # fmt: skip
def test_stated_errors_are_some_dozen_units(function: Callable[[Any], Any], size: float, length: float) -> None:
    """Of ordinary functions, wherever the numbers are and however long the direction is."""
    x, d = np.array([0.5, -1.25, 2.0]), np.array([1.0, -0.75, 0.5]) * length
    found = directional(lambda y: function(y / size), [x * size], [d])
    units = found.error / (np.finfo(float).eps * np.abs(found.value))
    assert (units >= 16).all()
    assert (units <= 256).all()


def test_what_does_not_depend_on_the_direction_has_no_slope() -> None:
    """And next to no error: a constant, an argument that is not moved, real numbers."""
    for forward in (lambda x, y: np.ones(2), lambda x, y: y * 2, lambda x, y: np.exp(y)):
        found = directional(forward, [np.ones(2), np.array([1.5, 2.5])], [np.ones(2), np.zeros(2)])
        assert found.value.tolist() == [0, 0]
        assert (found.error < 1e-200).all()


def test_roundings_that_no_neighbour_shows_are_in_the_error() -> None:
    """Those of a sum that absorbs all that varies."""
    found = directional(lambda x: np.exp((x + 1e9) - 1e9), [np.array([0.3, -1.7])], [np.ones(2)])
    off = np.abs(found.value - np.exp([0.3, -1.7]))
    assert (off > 1e-9).all()
    assert (off <= found.error).all()


def test_an_error_that_was_measured_is_used_again() -> None:
    """For directions up to twice as long; of each its own rounding comes on top."""
    along = Along(np.exp, [np.array([0.5, 1.0])])
    first, same, half, long = (along([np.full(2, length)]).error for length in (1.0, 1.0, 0.5, 8.0))
    assert np.array_equal(first, same)
    assert (half < first).all()
    assert (half > first / 2).all()
    assert (long > 4 * first).all()
    assert np.array_equal(along.measured([np.full(2, 0.5)]).error, along.measured([np.full(2, 0.5)]).error)
    assert (along.measured([np.full(2, 0.5)]).error < half).all()
