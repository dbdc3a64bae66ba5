"""Right gradients whose digits are lost, beside wrong ones: what a right formula computes in doubles is no mistake."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference import check_vjp
from reference.gradients import tolerance
from tests.wording import failed

pytest.importorskip("flint")
pytestmark = pytest.mark.catalogue

Array = NDArray[Any]
X = np.array([0.5, -1.25, 2.0, 0.75])
ROOT = np.sqrt(2 / np.pi)


def gelu(x: Array) -> Array:
    return np.asarray(0.5 * x * (1 + np.tanh(ROOT * (x + 0.044715 * x**3))))


def gelu_vjp(factor: float) -> Callable[..., Any]:
    def vjp(c: Array, x: Array) -> tuple[Array]:
        t = np.tanh(ROOT * (x + 0.044715 * x**3))
        return (c * (0.5 * (1 + t) + 0.5 * x * (1 - t * t) * ROOT * (1 + factor * 0.044715 * x**2)),)

    return vjp


@pytest.mark.parametrize(("factor", "right"), [(3.0, True), (2.0, False)])
def test_what_cancels_far_out_is_no_mistake(factor: float, right: bool) -> None:
    """1 + tanh(-26) is 0 in every precision that numpy has, and x**3 overflows at 1e300."""
    assert bool(failed(check_vjp(gelu, gelu_vjp(factor), X))) is not right


def erf_of(x: Array) -> Array:
    return np.array([math.erf(each / math.sqrt(2)) for each in x])


erf_vectorized = np.vectorize(math.erf)


@pytest.mark.parametrize("erf", [erf_of, lambda x: erf_vectorized(x / math.sqrt(2))])
@pytest.mark.parametrize(("factor", "right"), [(0.5, True), (0.25, False)])
def test_functions_of_single_numbers(erf: Callable[[Array], Array], factor: float, right: bool) -> None:
    """What math.erf rounds shows in no wider type; its values near -1 change by steps, which are no slope."""

    def forward(x: Array) -> Array:
        return np.asarray(x * 0.5 * (1 + erf(x)))

    def vjp(c: Array, x: Array) -> tuple[Array]:
        return (c * (0.5 * (1 + erf(x)) + x * np.exp(-factor * x * x) / math.sqrt(2 * math.pi)),)

    assert bool(failed(check_vjp(forward, vjp, X))) is not right
    spec = lambda x: x * 0.5 * (1 + np.asarray(erf(x)))  # noqa: E731 - a definition of one line
    assert bool(failed(check_vjp(forward, vjp, X, spec=spec))) is not right


def test_values_of_single_numbers_against_a_definition() -> None:
    """1 + erf(-1.35) loses a digit; the wrong neighbour is off in the sixth."""
    torch = pytest.importorskip("torch")

    def forward(x: Array, part: float) -> Array:
        return x * 0.5 * (1 + part * erf_of(x))

    def vjp(c: Array, x: Array, part: float) -> tuple[Array, None]:
        return c * (0.5 * (1 + erf_of(x)) + x * np.exp(-x * x / 2) / math.sqrt(2 * math.pi)), None

    for part, right in ((1.0, True), (1 + 1e-6, False)):
        found = check_vjp(
            lambda x, part=part: forward(x, part),
            lambda c, x, part=part: vjp(c, x, part)[:1],
            np.array([-1.9156455579583005, 1.1, -0.33]),
            spec=torch.nn.functional.gelu,
            only="vjp.forward.values",
        )
        assert bool(failed(found)) is not right


def normalizer(e: Array, a: Array) -> tuple[Array, Array, float]:
    """The forward and backward tables of a chain, filled in loops, and the logarithm of the sum over all paths."""
    first, last = np.zeros(e.shape), np.zeros(e.shape)
    first[0] = e[0]
    for t in range(1, len(e)):
        first[t] = np.logaddexp.reduce(first[t - 1][:, None] + a, axis=0) + e[t]
    for t in range(len(e) - 2, -1, -1):
        last[t] = np.logaddexp.reduce(a + (e[t + 1] + last[t + 1])[None], axis=1)
    return first, last, np.logaddexp.reduce(first[-1])


@pytest.mark.parametrize("right", [True, False])
def test_a_rounding_that_becomes_an_exponent(right: bool) -> None:
    """exp(a + b - z) at 1e300 is infinite where the three do not cancel to the last place; the formula is right."""
    labels = np.array([0, 2, 1, 1])
    rows = np.arange(4) if right else np.arange(3)

    def forward(e: Array, a: Array) -> Any:
        return normalizer(e, a)[2] - e[np.arange(4), labels].sum()

    def vjp(c: Array, e: Array, a: Array) -> tuple[Array, Array]:
        first, last, z = normalizer(e, a)
        nodes, edges = np.exp(first + last - z), np.zeros(a.shape)
        for t in range(1, len(e)):
            edges += np.exp(first[t - 1][:, None] + a + (e[t] + last[t])[None] - z)
        np.subtract.at(nodes, (rows, labels[: len(rows)]), 1)
        return c * nodes, c * edges

    rng = np.random.default_rng(0)
    for seed in range(3 if right else 1):
        found = check_vjp(forward, vjp, rng.standard_normal((4, 3)), rng.standard_normal((3, 3)), seed=seed)
        assert bool(failed(found)) is not right


def test_an_overflow_that_the_exact_formula_has_too_is_a_mistake() -> None:
    """exp(-x) / (1 + exp(-x))^2 is right in exact arithmetic; what is NaN at -745 passes through exp(745)."""
    found = check_vjp(lambda x: 1 / (1 + np.exp(-x)), lambda c, x: (c * np.exp(-x) / (1 + np.exp(-x)) ** 2,), X)
    assert "vjp.gradient[0].consistent" in failed(found)


def test_no_roundings_are_claimed_that_nobody_saw() -> None:
    """Numbers that went through ``math`` leave roundings that no repetition at random shows."""
    x = np.array([-8.0, 1.0])
    plain = (x * (1 + erf_of(x)),)
    assert tolerance.followed_error(lambda x: (x * (1 + erf_of(x)),), [x], plain) is None
    assert tolerance.followed_error(lambda x: (x * (1 + erf_vectorized(x)),), [x], plain) is None
    assert tolerance.followed_error(lambda x: (x * (1 + np.tanh(x)),), [x], plain) is not None


def normal_cdf(t: float) -> float:
    return 0.5 * (1 + math.erf(t / math.sqrt(2)))


@pytest.mark.parametrize("right", [True, False])
def test_answers_that_are_numbers_of_python(right: bool) -> None:
    """Where roundings are not followed the answer is no array; no check may end in an exception of the examiner."""

    def forward(m: Any, s: Any) -> float:
        return -math.log(normal_cdf((2 - m) / s) - normal_cdf((0.5 - m) / s))

    def vjp(c: Any, m: Any, s: Any) -> tuple[Any, Any]:
        b, a = (2 - m) / s, (0.5 - m) / s
        over = (normal_cdf(b) - normal_cdf(a)) * s * math.sqrt(2 * math.pi)
        at_b, at_a = math.exp(-b * b / 2), math.exp(-a * a / 2)
        return c * (at_b - at_a) / over, c * ((b * at_b if right else at_b) - a * at_a) / over

    found = check_vjp(forward, vjp, 0.2, 0.9, domain=[(-0.5, 0.5), (0.8, 3)])
    assert all(each.status != "error" for each in found)
    assert bool(failed(found)) is not right


def test_numbers_without_axes_end_in_no_exception() -> None:
    """Their directions and steps are numbers, not arrays; log(0) is met on the way to a neighbour."""

    def forward(m: Any, s: Any) -> float:
        return -math.log(normal_cdf((2 - m) / s) - normal_cdf((0.5 - m) / s))

    found = check_vjp(forward, lambda c, m, s: (c * m, c * s), 0.2, 0.9, domain=[(-2, 2), (0.3, 3)])
    assert failed(found)
    assert all(each.status != "error" for each in found)


def between(low: Array, high: Array) -> Array:
    """The probabilities that a normal number lies between the two."""
    return np.array([normal_cdf(b) - normal_cdf(a) for a, b in zip(low, high, strict=True)])


@pytest.mark.parametrize("factor", [1.0, 1 + 1e-9])
@pytest.mark.parametrize("domain", [(-8, 8), (-3, 9)])
def test_a_difference_of_probabilities_that_cancels(domain: tuple[float, float], factor: float) -> None:
    """Phi(b) - Phi(a) keeps no digit beyond 8; what `math` rounds is seen by balls of a double's precision alone."""

    def density(x: Array) -> Array:
        return np.asarray(np.exp(-x * x / 2) / math.sqrt(2 * math.pi))

    def vjp(c: Array, low: Array, high: Array) -> tuple[Array, Array]:
        part = between(low, high)
        return c * density(low) / part, -factor * c * density(high) / part

    low, high = np.array([-0.3, 0.1, -1.0]), np.array([0.8, 0.5, 2.0])
    found = check_vjp(lambda a, b: -np.log(between(a, b)), vjp, low, high, domain=domain, seed=1)
    assert bool(failed(found)) is (factor != 1)
    if factor != 1:
        assert "vjp.gradient[1].consistent" in failed(found)


@pytest.mark.parametrize("factor", [1.0, 1 + 1e-9])
def test_the_logarithm_of_a_large_number_in_code_that_nobody_can_follow(factor: float) -> None:
    """exp(log x) at 1e298 is off by 1e-13; balls and wider types end where a number is written as text."""

    def back(x: Array) -> Array:
        return np.array([float.fromhex(math.exp(math.log(float(each))).hex()) for each in x])

    found = check_vjp(
        lambda x: x * x / 2, lambda c, x: (factor * c * back(x),), np.array([0.5, 3.0]), domain=(0, 1e150)
    )
    assert bool(failed(found)) is (factor != 1)


def test_none_is_an_open_end_of_a_domain() -> None:
    """As in the declarations of `bp vjp`."""
    for domain in ([(0, None)], [(None, None)]):
        assert not failed(
            check_vjp(np.cbrt, lambda c, x: (c / 3 / np.cbrt(x) ** 2,), np.array([0.5, 2.0]), domain=domain)
        )
    with pytest.raises(TypeError, match="domain"):
        check_vjp(np.log, lambda c, x: (c / x,), np.array([0.5]), domain=[("a", 1)])


def test_a_forward_pass_that_overflows_on_its_way_is_no_truth() -> None:
    """Its finite answer is what it means: of numbers whose squares overflow batch norm makes zeros, and so does vjp."""

    def normalised(x: Any) -> Any:
        return (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + 1e-5)

    def vjp(c: Any, x: Any, scale: Any, shift: Any) -> Any:
        x = x.view(np.int64).view(np.float64)  # so that its formula is not followed
        n, root, d = normalised(x), np.sqrt(x.var(axis=0) + 1e-5), c * scale
        return (d - d.mean(axis=0) - n * (d * n).mean(axis=0)) / root, (c * n).sum(axis=0), c.sum(axis=0)

    x = np.array([[0.5, -1.0], [2.0, 0.25], [-0.75, 1.5]])
    scale = np.array([0.5, 2.0])
    found = check_vjp(lambda x, scale, shift: normalised(x) * scale + shift, vjp, x, scale, -scale)
    assert not failed(found)
