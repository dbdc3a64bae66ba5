"""Definitions that torch differentiates: their gradients and errors, and the nets and functions that it judges."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed (the project's extra 'torch')")

from reference.gradients.arguments import pattern  # noqa: E402
from reference.gradients.specification import Specification  # noqa: E402
from reference.lab import definitions  # noqa: E402
from reference.numerics.oracles import torch_autograd  # noqa: E402
from tests.gradients import drawn  # noqa: E402

X, Y, C = drawn(3, 4), drawn(4), drawn(3, 4).T[:3, :3]
INPUTS, TARGETS = drawn(5, 3), np.eye(4)[[0, 3, 1, 1, 2]]
THETA = [drawn(3, 6), drawn(6), drawn(6, 4), drawn(4)]


def spectrum(x: Any, n: Any, y: Any) -> Any:
    """What only torch can run, with an argument that has no derivative."""
    return torch.fft.rfft(x * y).abs() + n


def spectrum_of_arrays(x: Any, n: Any, y: Any) -> Any:
    return np.abs(np.fft.rfft(x * y)) + n


def quotients(function: Any, arrays: list[Any], weights: Any, step: float = 1e-6) -> list[Any]:
    """The gradients of <weights, function>, by differences."""
    found = [np.zeros(each.shape) for each in arrays]
    for place, gradient in enumerate(found):
        for index in np.ndindex(gradient.shape):
            ends = []
            for sign in (1, -1):
                moved = [each.copy() for each in arrays]
                moved[place][index] += sign * step
                ends.append((np.asarray(function(*moved)) * weights).sum())
            gradient[index] = (ends[0] - ends[1]) / (2 * step)
    return found


def test_a_definition_for_torch_alone_is_differentiated_by_torch() -> None:
    """Its values and gradients are right within small errors; arguments without derivatives have none."""
    args = (X, np.array(2), Y)
    spec = Specification(spectrum, pattern(args, None))
    assert (spec.oracle, spec.evaluator) == (torch_autograd.NAME, "PyTorch")
    assert spec.is_differentiated
    assert not spec.is_rigorous
    expected = spectrum_of_arrays(*args)
    value = spec.value(args)
    assert value is not None
    assert (np.abs(value.value - expected) <= value.error + 1e-14).all()
    assert (value.error <= 1e-12).all()
    due = quotients(lambda x, y: spectrum_of_arrays(x, 2, y), [X, Y], C)
    for cotangent in (C, C.ravel()):
        found = spec.gradient(cotangent, args)
        assert [each.value.shape for each in found] == [X.shape, Y.shape]
        for one, other in zip(found, due, strict=True):
            assert np.allclose(one.value, other, rtol=1e-7, atol=1e-7)
            assert (one.error > 0).all()
            assert (one.error <= 1e-10).all()
    assert spec.gradient(C, args) is spec.gradient(C.copy(), args)
    double = spec.gradient(2 * C, args)
    assert np.allclose(double[0].value, 2 * found[0].value, rtol=1e-12)
    autograd = spec.autograd(C, args)
    assert autograd is not None
    assert all(np.allclose(one, other.value, rtol=1e-12) for one, other in zip(autograd, found, strict=True))


def test_a_definition_that_is_not_differentiated_is_unknown() -> None:
    """By numpy alone, where balls do not run it: the values are known, the gradients have infinite errors."""
    spec = Specification(lambda x: np.abs(np.fft.rfft(x)), pattern((X,), None))
    assert not spec.is_differentiated
    (found,) = spec.gradient(np.ones((3, 3)), (X,))
    assert found.value.shape == X.shape
    assert np.isinf(found.error).all()
    assert spec.autograd(np.ones((3, 3)), (X,)) is None
    value = spec.value((X,))
    assert value is not None
    assert (np.abs(value.value - np.abs(np.fft.rfft(X))) <= value.error).all()
    assert spec.value((np.full(X.shape, np.nan),)) is None


def test_a_vjp_takes_a_cotangent_of_the_outputs_shape() -> None:
    """And gives zeros for what the output does not depend on."""
    found = torch_autograd.vjp(lambda x, y: x**2, np.ones(3), (np.arange(3.0), np.ones(2)))
    assert [each.value.tolist() for each in found] == [[0.0, 2.0, 4.0], [0.0, 0.0]]
    (nothing,) = torch_autograd.vjp(lambda x: torch.ones(3, dtype=torch.float64), np.ones(3), (np.arange(2.0),))
    assert nothing.value.tolist() == [0.0, 0.0]
    with pytest.raises(ValueError, match=r"\(3,\), got \(2,\)"):
        torch_autograd.vjp(lambda x: x**2, np.ones(2), (np.arange(3.0),))


def mean_loss(*theta: Any) -> Any:
    hidden = np.maximum(INPUTS @ theta[0] + theta[1], 0)
    logits = hidden @ theta[2] + theta[3]
    return (np.log(np.exp(logits).sum(axis=1)) - (logits * TARGETS).sum(axis=1)).mean()


def test_the_gradient_of_a_net_is_that_of_its_mean_loss() -> None:
    """One array for each parameter."""
    found = torch_autograd.mlp_gradient(THETA, INPUTS, TARGETS)
    due = quotients(mean_loss, THETA, 1.0)
    assert all(np.allclose(one, other, rtol=1e-6, atol=1e-8) for one, other in zip(found, due, strict=True))
    assert all(each.dtype == np.float64 for each in found)


@pytest.mark.parametrize("fast", [True, False])
def test_gradcheck_passes_a_net_and_fails_a_wrong_entry(fast: bool) -> None:
    """The gradients of other parameters and entries stay right; a factor of 1 is right."""
    assert torch_autograd.gradcheck_mlp(THETA, INPUTS, TARGETS, fast=fast)
    assert torch_autograd.gradcheck_mlp(THETA, INPUTS, TARGETS, fast=fast, wrong=(2, (0, 1), 1.0))
    assert not torch_autograd.gradcheck_mlp(THETA, INPUTS, TARGETS, fast=fast, wrong=(3, (1,), 2.0))


def test_gradcheck_passes_a_function_of_numpy_and_fails_a_wrong_one() -> None:
    """With a gradient for each argument."""

    def vjp(c: Any, x: Any, y: Any) -> Any:
        return c * y, (c * x).sum(axis=0)

    assert torch_autograd.gradcheck_numpy(lambda x, y: x * y, vjp, (X, Y))
    assert not torch_autograd.gradcheck_numpy(lambda x, y: x * y, lambda c, x, y: (c * y, (c * y).sum(axis=0)), (X, Y))


def test_torchs_own_losses_are_those_of_one_hot_targets() -> None:
    """In the precision of the logits, and its gradient that of their sum."""
    for dtype in (np.float64, np.float32):
        logits = (INPUTS @ drawn(3, 4)).astype(dtype)
        exps = np.exp(logits.astype(float))
        due = np.log(exps.sum(axis=1)) - (logits * TARGETS).sum(axis=1)
        found = torch_autograd.cross_entropy(logits, TARGETS)
        assert found.shape == (5, 1)
        assert found.dtype == dtype
        assert np.allclose(found[:, 0], due, rtol=1e-5)
        shares = exps / exps.sum(axis=1, keepdims=True)
        gradient = torch_autograd.cross_entropy_gradient(logits, TARGETS)
        assert np.allclose(gradient, shares - TARGETS, atol=1e-6)
        assert np.allclose(torch_autograd.softmax(logits), shares, atol=1e-6)
        c = drawn(5, 4).astype(dtype)
        given = torch_autograd.softmax_vjp(torch_autograd.softmax(logits), c)
        assert np.allclose(given, shares * (c - (c * shares).sum(axis=1, keepdims=True)), atol=1e-5)


def test_the_labs_definitions_take_large_logits() -> None:
    """Whose exponentials no double can hold: only what they differ by counts."""
    logits, targets = np.array([[0.0, 1.0, -2.0], [3.0, 3.0, 1.0]]), np.eye(3)[[1, 2]]
    for move in (800.0, -800.0, 1e6):
        near, far = torch.tensor(logits), torch.tensor(logits + move)
        assert torch.allclose(definitions.softmax(near), definitions.softmax(far), rtol=1e-9)
        one, other = (definitions.cross_entropy_of_logits(each, targets) for each in (near, far))
        assert torch.isfinite(one).all()
        assert torch.allclose(one, other, rtol=1e-9)


def fail_on_one_thread() -> None:
    with torch_autograd.one_thread():
        assert torch.get_num_threads() == 1
        raise KeyError


def test_the_number_of_threads_is_as_before() -> None:
    """Also after an exception in the block."""
    before = torch.get_num_threads()
    with torch_autograd.threads(before + 1):
        assert torch.get_num_threads() == before + 1
        with pytest.raises(KeyError):
            fail_on_one_thread()
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before


def gradient(function: Any, x: Any) -> Any:
    """Of the sum of a function."""
    shape = tuple(function(torch.from_numpy(x)).shape)
    (found,) = torch_autograd.vjp(function, np.ones(shape), (x,))
    return found


@pytest.mark.parametrize(
    "function",
    [
        lambda x: torch.var(x, dim=1, correction=0), lambda x: torch.sum(x * x, dim=0, keepdim=True),
        lambda x: torch.nn.functional.gelu(x, approximate="tanh"), lambda x: torch.add(x, x * x, alpha=3),
        lambda x: torch.logsumexp(x, 1, keepdim=True), torch.relu, lambda x: torch.where(x > 0, x, 2 * x),
    ],
)  # fmt: skip
def test_ordinary_operations_have_small_errors(function: Any) -> None:
    """With their options, which a repetition keeps; more than one rounding and less than a thousand."""
    found = gradient(function, X)
    assert (found.error <= 1e-12).all()
    assert (found.error >= 2.0**-54 * np.abs(found.value)).all()


@pytest.mark.parametrize(
    "function",
    [
        lambda x: torch.where(1 / ((x + 1) - 1 - x) > 0, x, -x),
        lambda x: torch.relu(1 / ((x + 1) - 1 - x)) * 0 + x,
        lambda x: x * (1 / ((x + 1) - 1 - x)).gt(0),
    ],
    ids=["where", "relu", "mask"],
)
def test_what_rounding_decides_is_unknown(function: Any) -> None:
    """Which side a comparison takes, and whether a ReLU is on."""
    assert (gradient(function, np.array([0.1, 0.3])).error >= 1).all()


def test_matrices_are_known_as_a_whole() -> None:
    """Small entries of an inverse beside large ones have the errors of those; a product has its own."""
    matrix = np.diag([1e6, 1.0])
    weights = np.array([[0.0, 0.0], [0.0, 1.0]])
    (inverse,) = torch_autograd.vjp(torch.linalg.inv, weights, (matrix,))
    (product,) = torch_autograd.vjp(lambda m: m @ m, weights, (matrix,))
    assert 1e-11 < inverse.error[1, 1] < 1e-6
    assert product.error[1, 1] < 1e-13


def test_functions_that_torch_computes_roughly_are_granted_more() -> None:
    """The derivative of digamma is."""
    x = np.abs(X) + 0.5
    rough, usual = gradient(torch.digamma, x), gradient(torch.lgamma, x)
    assert (rough.error > 1e-10 * np.abs(rough.value)).all()
    assert (usual.error < 1e-6).all()
