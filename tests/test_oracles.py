"""The oracles are right within the errors that they state."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reference.numerics.oracles import finite_differences, torch_autograd
from tests.comparing import needs_torch
from tests.strategies import Array, arrays, few_examples, sizes


def of_size(smallest: float, largest: float) -> st.SearchStrategy[float]:
    """Numbers of either sign, all orders of magnitude equally often."""
    exponents = st.floats(math.log10(smallest), math.log10(largest))
    return st.tuples(exponents, st.sampled_from([-1.0, 1.0])).map(lambda pair: pair[1] * 10 ** pair[0])


Function = Callable[[Any], Any]
#: A function, its derivative in closed form (accurate to a few units in the last place), where, and the scale of x.
CLOSED_FORMS: dict[str, tuple[Function, Function, st.SearchStrategy[float]]] = {
    "linear": (lambda x: 3.7 * x - 1, lambda x: 3.7, of_size(1e-8, 1e8)),
    "cube": (lambda x: x * x * x, lambda x: 3 * x * x, of_size(1e-8, 1e8)),
    "exp": (np.exp, np.exp, st.floats(-5, 5)),
    "sin": (np.sin, np.cos, st.floats(-5, 5)),
    "tanh": (np.tanh, lambda x: 1 / np.cosh(x) ** 2, st.floats(-8, 8)),
    "logistic": (lambda x: 1 / (1 + np.exp(-x)), lambda x: 1 / (2 + 2 * np.cosh(x)), st.floats(-30, 30)),
    "x |x|": (lambda x: x * abs(x), lambda x: 2 * abs(x), of_size(1e-4, 10)),
    "relu": (lambda x: max(x, 0.0), lambda x: float(x > 0), of_size(1e-6, 10)),
    "abs": (abs, np.sign, of_size(1e-6, 10)),
    "leaky": (lambda x: max(x, x / 100), lambda x: 1.0 if x > 0 else 0.01, of_size(1e-6, 10)),
}


@pytest.mark.parametrize("name", CLOSED_FORMS)
@given(data=st.data())
def test_differences_bound_their_own_error(name: str, data: st.DataObject) -> None:
    """The stated error is at least the true one at every point, near kinks or not."""
    f, slope, points = CLOSED_FORMS[name]
    x = data.draw(points)
    found = finite_differences.derivative(lambda t: f(x + t), max(abs(x), 1.0))
    truth = slope(x)
    assert abs(found.value - truth) <= found.error + 4 * 2.0**-52 * abs(truth)


@pytest.mark.parametrize("name", ["linear", "exp", "sin", "tanh"])
@given(data=st.data())
def test_differences_are_sharp(name: str, data: st.DataObject) -> None:
    """For smooth functions of ordinary size the stated error is below 1e-9."""
    f, _, _ = CLOSED_FORMS[name]
    x = data.draw(st.floats(-2, 2))
    found = finite_differences.derivative(lambda t: f(x + t))
    assert found.error <= 1e-9 * max(1.0, float(np.abs(found.value)))


@pytest.mark.parametrize("kinked", [abs, lambda x: max(x, 0.0), lambda x: max(x, 3 * x), lambda x: abs(x) + np.exp(x)])
@pytest.mark.parametrize("beside", [0.0, 1e-9, -1e-6, 1e-5])
def test_differences_know_a_kink(kinked: Function, beside: float) -> None:
    """At a kink, or nearer to it than the smallest step, the error is infinite."""
    assert finite_differences.derivative(lambda t: kinked(beside + t)).error == math.inf


def bent(rng: np.random.RandomState, kinks: int) -> tuple[Function, float]:
    """A smooth function with kinks of all sizes near 0, and its slope at 0."""
    a, b, c = rng.randn(3)
    w, phase = rng.uniform(0.2, 2, 2)
    jump = 10.0 ** rng.uniform(-6, 0.5, kinks) * rng.choice([-1, 1], kinks)
    where = 10.0 ** rng.uniform(-6, -0.5, kinks) * rng.choice([-1, 1], kinks)

    def f(t: float) -> Any:
        return a * np.exp(w * t) + b * np.sin(2 * w * t + phase) + c * t + (jump * np.maximum(t - where, 0)).sum()

    return f, float(a * w + 2 * b * w * np.cos(phase) + c + jump[where < 0].sum())


@pytest.mark.parametrize(("kinks", "most", "least"), [(1, 0, 1 / 2), (2, 4, 1 / 4), (5, 8, 1 / 40)])
def test_differences_bound_their_error_beside_kinks_of_curved_functions(kinks: int, most: int, least: float) -> None:
    """One kink never deceives, several at most ``most`` times; in a share ``least`` three digits are known."""
    draws = min(2000, 20 * settings().max_examples)
    rng, deceived, known = np.random.RandomState(kinks), 0, 0
    for _ in range(draws):
        f, slope = bent(rng, kinks)
        found = finite_differences.derivative(f)
        deceived += bool(abs(found.value - slope) > found.error)
        known += bool(found.error < 1e-3 * abs(slope))
    assert deceived <= most
    assert known >= least * draws  # the bound is not kept by saying nothing


def test_differences_stay_within_what_is_known_to_be_smooth() -> None:
    """No step goes beyond a kink that the caller knows."""

    def kinked(x: Array) -> Array:
        assert np.abs(x - 1).max() <= 3e-5 * 2
        return np.exp(x)

    found = finite_differences.directional(kinked, [np.ones(1)], [np.full(1, 2.0)], within=3e-5)
    assert abs(found.value[0] - 2 * math.e) <= found.error[0] < 1e-7  # rounding, divided by so small a step


def test_differences_step_over_what_is_not_finite() -> None:
    """A step out of the domain does no harm; a function that is nowhere finite has an infinite error."""
    near_edge = finite_differences.derivative(lambda t: np.log(0.01 + t))
    assert abs(near_edge.value - 100) <= near_edge.error < 0.01
    assert finite_differences.derivative(lambda t: math.nan).error == math.inf


@given(st.data())
@few_examples
def test_vjp_of_a_product_of_matrices(data: st.DataObject) -> None:
    """The gradient of a matrix product is right in every entry; an argument without entries has an empty one."""
    n, d, u = data.draw(sizes(3))
    A, B, C = data.draw(arrays(n, d)), data.draw(arrays(d, u)), data.draw(arrays(n, u))
    for oracle in (finite_differences, torch_autograd):
        if oracle is torch_autograd and torch_autograd.available():
            continue
        dA, dB = oracle.vjp(lambda A, B: A @ B, C, (A, B))
        assert (np.abs(dA.value - C @ B.T) <= dA.error).all()  # multiples of 1/64: the closed form is exact
        assert (np.abs(dB.value - A.T @ C) <= dB.error).all()
    (nothing,) = finite_differences.vjp(lambda x: x * 2, np.zeros((0, 3)), (np.zeros((0, 3)),))
    assert nothing.value.shape == (0, 3)


@given(st.data())
def test_directional_is_vjp_along_a_direction(data: st.DataObject) -> None:
    """<cotangent, J direction> equals <vjp(cotangent), direction>."""
    n = data.draw(st.integers(1, 4))
    x, direction, cotangent = (data.draw(arrays(n)) for _ in range(3))
    along = finite_differences.directional(np.tanh, [x], [direction])
    (gradient,) = finite_differences.vjp(np.tanh, cotangent, (x,))
    difference = (cotangent * along.value).sum() - (gradient.value * direction).sum()
    allowed = (np.abs(cotangent) * along.error).sum() + (np.abs(direction) * gradient.error).sum() + 1e-13
    assert abs(difference) <= allowed


def test_functions_of_nothing_have_no_slope() -> None:
    """Without arguments, or for arrays without entries, the derivative is 0."""
    for args in ([], [np.zeros((0, 2))]):
        found = finite_differences.directional(lambda *_: np.ones(2), args, args)
        assert found.value.tolist() == [0, 0]
        assert (found.error < 1e-12).all()


def test_slope_that_is_not_known_has_no_step() -> None:
    """Each entry has the shortest step used for it, or NaN if its derivative is not known."""
    found, step = finite_differences.derivative_and_step(lambda t: np.array([2 * t, abs(t)]))
    assert found.value.tolist() == [pytest.approx(2), 0]
    assert found.error[1] == math.inf
    assert step[0] in {0.125 * 0.5**k for k in range(9)}
    assert math.isnan(step[1])


def test_bad_questions_are_refused() -> None:
    """A cotangent of another shape than the output and arguments without real numbers raise a ValueError."""
    for oracle in (finite_differences, torch_autograd):
        if oracle is torch_autograd and torch_autograd.available():
            continue
        with pytest.raises(ValueError, match=r"cotangent: expected the shape of the output, \(2,\), got \(3,\)"):
            oracle.vjp(lambda x: x * 2, np.ones(3), (np.ones(2),))
    with pytest.raises(ValueError, match=r"args\[0\]: expected real numbers, got an array of dtype <U1"):
        finite_differences.vjp(lambda x: x, np.ones(1), (np.array(["a"]),))
    with pytest.raises(ValueError, match=r"directions\[0\]: expected shape \(2,\), got \(3,\)"):
        finite_differences.directional(np.tanh, [np.ones(2)], [np.ones(3)])


def test_directions_have_to_be_numbers() -> None:
    """The caller is told which of them is none."""
    with pytest.raises(ValueError, match=r"^directions\[1\]: expected real numbers, got an array of dtype <U1"):
        finite_differences.directional(np.add, [np.ones(1)] * 2, [np.ones(1), np.array(["a"])])


@st.composite
def logits_and_cotangents(draw: st.DrawFn) -> tuple[Array, Array]:
    k = draw(st.integers(1, 5))
    return draw(arrays(1, k, elements=st.floats(-5, 5))), draw(arrays(1, k))  # beyond, single precision absorbs


@needs_torch
@given(logits_and_cotangents())
@example((np.zeros((1, 5)), np.array([[0, 0, 0, 0.375, 1.5]])))  # an entry cancels, in single precision exactly
@example((np.array([[-4.47375672, 0.97361148]]), np.array([[-1.75, -2.0]])))  # short numbers hardly round
def test_torch_knows_its_own_error(asked: tuple[Array, Array]) -> None:
    """The error that PyTorch's oracle states covers its distance from softmax's closed form."""
    x, cotangent = asked
    k = x.shape[1]
    (found,) = torch_autograd.vjp(lambda X: X.softmax(dim=1), cotangent, (x,))
    e = np.exp(x.astype(np.longdouble) - x.max())
    p = e / e.sum()
    truth = p * (cotangent - (cotangent * p).sum())
    # The truth has roundings of its own: of p, of the K products and their sum, and of the difference, of terms up to
    # |cotangent| p. (Where all cotangents are equal it is 0, and only these are left.)
    own = (k + 6) * np.finfo(np.longdouble).eps * p * np.abs(cotangent).max()
    assert (np.abs(found.value - truth) <= found.error + own + 1e-300).all()


@needs_torch
def test_gradcheck_of_a_numpy_function() -> None:
    """gradcheck passes the right gradient and fails one off by a hundredth; arguments may be lists of integers."""
    X = np.random.RandomState(0).standard_normal((3, 2))
    assert torch_autograd.gradcheck_numpy(np.sin, lambda c, X: (c * np.cos(X),), (X,))
    assert not torch_autograd.gradcheck_numpy(np.sin, lambda c, X: (1.01 * c * np.cos(X),), (X,))
    assert torch_autograd.gradcheck_numpy(np.multiply, lambda c, x, y: (c * y, c * x), ([1, 2], [3, 4]))
    assert not torch_autograd.gradcheck_numpy(np.multiply, lambda c, x, y: (c * x, c * y), ([1, 2], [3, 4]))


@needs_torch
def test_unused_arguments_have_no_gradient() -> None:
    """An argument that does not enter has a gradient of exact zeros."""
    _, unused = torch_autograd.vjp(lambda x, y: x * 2, np.ones(2), (np.ones(2), np.ones(3)))
    assert unused.value.tolist() == unused.error.tolist() == [0, 0, 0]


def test_absent_torch_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without torch the module can be imported, and ``available`` gives the reason."""
    monkeypatch.setattr(torch_autograd.importlib.util, "find_spec", lambda name: None)
    assert "PyTorch is not installed" in str(torch_autograd.available())
    assert "torch" not in {name.partition(".")[0] for name in vars(sys.modules[torch_autograd.__name__])}


@pytest.mark.parametrize("shift", [1e3, 1e4, 1e5, 1e6])
@given(x=st.floats(-2, 2))
def test_differences_see_rounding_on_a_coarse_grid(shift: float, x: float) -> None:
    """The stated error covers rounding to a coarse grid, even if all points are rounded alike."""
    found = finite_differences.derivative(lambda t: np.exp(((x + t) + shift) - shift))
    assert abs(found.value - math.exp(x)) <= found.error
