"""`vjp.gradient.formula`: a formula is right or wrong in exact arithmetic, apart from how well doubles compute it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from reference import check_vjp
from reference.findings import Finding
from reference.gradients.known import KnownForward
from reference.gradients.rigorous import Rigorous
from tests.comparing import needs_flint, needs_torch
from tests.wording import assert_well_said

pytestmark = [pytest.mark.catalogue, needs_flint]

X = np.array([0.5, -1.25, 2.0])
FORMULA = "vjp.gradient.formula"
#: Half a logistic unit, as constants are written: exactly, to 16 digits, or computed.
ROOT = 0.7978845608028654


def softmax(x: Any) -> Any:
    e = np.exp(x - x.max())
    return e / e.sum()


def softmax_vjp(c: Any, x: Any) -> Any:
    p = softmax(x)
    return (p * (c - (c * p).sum()),)


def gelu(x: Any) -> Any:
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def gelu_vjp(c: Any, x: Any) -> Any:
    t = np.tanh(ROOT * (x + 0.044715 * x * x * x))
    return (c * (0.5 * (1 + t) + 0.5 * x * (1 - t * t) * math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * x * x)),)


def deviation(x: Any) -> Any:
    return ((x - x.mean()) ** 2).sum() / (len(x) - 1)


def logistic(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


#: Right formulas, and such as lose digits: forward, vjp, whether digits are lost.
RIGHT: dict[str, tuple[Callable[..., Any], Callable[..., Any], bool]] = {
    "tanh": (np.tanh, lambda c, x: (c / np.cosh(x) ** 2,), False),
    "tanh with a guard": (np.tanh, lambda c, x: (c / np.cosh(np.clip(x, -350, 350)) ** 2,), False),
    "tanh by 1 - tanh^2": (np.tanh, lambda c, x: (c * (1 - np.tanh(x) ** 2),), True),
    "logistic by p (1 - p)": (logistic, lambda c, x: (c * logistic(x) * (1 - logistic(x)),), True),
    "softmax": (softmax, softmax_vjp, True),
    "gelu": (gelu, gelu_vjp, True),
    "deviation": (deviation, lambda c, x: (c * 2 * (x - x.mean()) / (x.size - 1),), False),
    "logarithm": (lambda x: np.log1p(x * x), lambda c, x: (c * 2 * x / (1 + x * x),), False),
}


def formula_of(*args: Any, **options: Any) -> Finding:
    found = check_vjp(*args, only=FORMULA, **options)
    assert_well_said(found)
    return next(each for each in found if each.check == FORMULA)


@pytest.mark.parametrize("name", RIGHT)
def test_right_formulas_pass_however_badly_they_are_computed(name: str) -> None:
    """A formula that cancels is right, and what doubles lose by it is told; rounded constants are no mistakes."""
    forward, vjp, loses = RIGHT[name]
    found = formula_of(forward, vjp, X)
    assert found.status == "passed"
    assert found.oracle == "ball arithmetic"
    assert (found.note is not None) is loses


def test_a_guard_is_no_wrong_formula_beside_large_numbers() -> None:
    """What is clipped so that it does not overflow may leave 1e-304, times whatever factors there are."""
    found = formula_of(
        lambda x, w: np.tanh(x * w),
        lambda c, x, w: tuple(c * other / np.cosh(np.clip(x * w, -350, 350)) ** 2 for other in (w, x)),
        X,
        X[::-1] * 1e29,
        domain=[(-1e3, 1e3), (-1e40, 1e40)],
    )
    assert found.status == "passed"


@pytest.mark.parametrize("relative", [1e-6, 1e-9, 1e-12, 1e-16, 1e-20])
@pytest.mark.parametrize("forward", [np.tanh, np.exp, lambda x: np.log(1 + x * x)], ids=["tanh", "exp", "log"])
def test_wrong_formulas_fail_far_below_rounding(forward: Any, relative: float) -> None:
    """A term too much is a wrong formula, whatever part of the gradient it is."""
    right = {
        np.tanh: lambda c, x: c / np.cosh(x) ** 2,
        np.exp: lambda c, x: c * np.exp(x),
    }.get(forward, lambda c, x: c * 2 * x / (1 + x * x))
    found = formula_of(forward, lambda c, x: (right(c, x) + relative * c,), X)
    assert found.status == "failed"


def test_an_epsilon_in_a_denominator_is_a_wrong_formula() -> None:
    """As in 1 / (x + 1e-18), which no double shows."""
    findings = check_vjp(np.log, lambda c, x: (c / (x + 1e-18),), np.array([0.5, 2.0]), domain=[(0.1, 10.0)])
    assert [each.check for each in findings.failed] == [FORMULA]


@pytest.mark.parametrize(
    ("forward", "terms", "x", "domain"),
    [
        (np.sinh, [(1 / math.factorial(k), k) for k in range(0, 20, 2)], [0.2, -0.3], (-0.5, 0.5)),
        (lambda x: np.log1p(1 / x), [((-1) ** (k + 1), -2 - k) for k in range(12)], [40.0, 50.0], (30.0, 200.0)),
    ],
    ids=["power series", "asymptotic series"],
)
def test_a_series_that_ends_below_rounding_is_no_wrong_formula(
    forward: Any, terms: list[tuple[float, int]], x: list[float], domain: tuple[float, float]
) -> None:
    """What is left of it falls with a high power of the argument, and a number that was added to it does not."""

    def series(x: Any) -> Any:
        return sum(by * x ** (1.0 * power) for by, power in terms)

    options = {"domain": [domain]}
    assert formula_of(forward, lambda c, x: (c * series(x),), np.array(x), **options).status == "passed"
    for wrong in (lambda c, x: c * (series(x) + 1e-22), lambda c, x: c / (1 / series(x) + 1e-17)):
        found = formula_of(forward, lambda c, x, wrong=wrong: (wrong(c, x),), np.array(x), **options)
        assert found.status == "failed"


@needs_torch
def test_the_definition_is_what_a_formula_is_held_against() -> None:
    """Also where it is written in torch, and where it is a textbook's that loses its digits."""
    import torch  # noqa: PLC0415 - optional and slow to import

    def softplus_vjp(c: Any, x: Any) -> Any:
        return (c / (1 + np.exp(-x)),)

    for spec in (torch.nn.functional.softplus, lambda x: torch.log(1 + torch.exp(x))):
        findings = check_vjp(lambda x: np.logaddexp(0, x), softplus_vjp, X, spec=spec)
        assert findings.ok, str(findings)
        assert all("ball arithmetic" in str(each.oracle) for each in findings if each.check.endswith("values"))
    wrong = formula_of(lambda x: np.logaddexp(0, x), lambda c, x: (c / (1 + np.exp(-x) + 1e-15),), X, spec=spec)
    assert wrong.status == "failed"


class Tanh:
    def forward(self, x: Any) -> Any:
        self.y = np.tanh(x)
        return self.y

    def backward(self, c: Any, x: Any) -> Any:
        return (c * (1 - self.y**2),)


def test_a_gradient_may_rely_on_what_forward_keeps() -> None:
    """Two methods of one object are followed together, and the object keeps the numbers of doubles."""
    layer = Tanh()
    assert formula_of(layer.forward, layer.backward, X).status == "passed"
    assert type(layer.y) is np.ndarray


def test_what_does_not_run_on_balls_is_skipped_with_the_operation() -> None:
    """Nothing is said of a formula that cannot be followed, but what could not be."""
    found = formula_of(np.tanh, lambda c, x: ((c / np.cosh(x.astype(np.float32)) ** 2).astype(float),), X)
    assert found.status == "skipped"
    assert found.came is not None
    assert found.came.kind == "formula not followed"


def test_a_forward_pass_that_tells_types_apart_is_no_truth_on_balls() -> None:
    """What it answers on doubles is what it means: finite differences judge it then."""

    def forward(x: Any) -> Any:
        return x * x if type(x) is np.ndarray else x * x * x

    findings = check_vjp(forward, lambda c, x: (2 * c * x,), X)
    assert findings.ok
    (judged,) = (each for each in findings if each.check == "vjp.gradient[0].consistent")
    assert "ball arithmetic" not in str(judged.oracle)


def test_without_flint_the_oracle_says_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gradient is judged by differences, and of the formula it is said that nothing is known."""
    said = "python-flint is not installed"
    monkeypatch.setattr("reference.gradients.rigorous.available", lambda: said)
    findings = check_vjp(np.tanh, lambda c, x: (c / np.cosh(x) ** 2,), X)
    assert findings.ok
    by_check = {each.check: each for each in findings}
    assert by_check[FORMULA].status == "skipped"
    assert "ball arithmetic" not in str(by_check["vjp.gradient[0].consistent"].oracle)


def test_ties_are_enclosed_by_the_gradients_all_around() -> None:
    """At a tie that is decided by a comparison, the estimate holds the gradient of every point nearby."""
    rigorous = Rigorous(lambda x: np.sort(x) * np.where(x > 0, 1.0, 2.0), "numpy", [0])
    x = np.array([1.0, 1.0, 0.0])
    assert rigorous.has_ties((x,))
    (found,) = rigorous.gradient(np.array([1.0, 2.0, 4.0]), (x,)) or ()
    low, high = found.value - found.error, found.value + found.error
    assert (low[:2] <= 2).all()
    assert (high[:2] >= 4).all()
    assert low[2] <= 1 <= high[2] or low[2] <= 2 <= high[2]


def test_rigorous_forward_is_asked_before_differences() -> None:
    """A forward pass that runs on balls is judged by them alone."""
    findings = check_vjp(softmax, softmax_vjp, X)
    (judged,) = (each for each in findings if each.check == "vjp.gradient[0].consistent")
    assert judged.oracle == "ball arithmetic"
    assert KnownForward.__doc__


def test_a_formula_that_is_judged_nowhere_says_why() -> None:
    """The reason is that of the last input, or why the forward pass is not known."""

    def forward(x: Any) -> Any:
        return np.fft.fft(x).real

    found = formula_of(forward, lambda c, x: (np.fft.fft(c).real,), X)
    assert found.status == "skipped"
    assert "np.fft.fft" in str(found.actual)


@pytest.mark.measure
def test_fifty_wrong_and_fifty_right_formulas() -> None:
    """Prints how many of fifty formulas wrong by 1e-9 to 1e-20 are caught, and of fifty right ones are told right."""
    functions: list[tuple[Any, Any]] = [
        (np.tanh, lambda c, x: c * (1 - np.tanh(x) ** 2)),
        (logistic, lambda c, x: c * logistic(x) * (1 - logistic(x))),
        (np.exp, lambda c, x: c * np.exp(x)),
        (softmax, lambda c, x: softmax_vjp(c, x)[0]),
        (lambda x: np.log(1 + np.exp(x)), lambda c, x: c * np.exp(x) / (1 + np.exp(x))),
        (np.sin, lambda c, x: c * np.cos(x)),
        (lambda x: x / np.sqrt((x * x).sum() + 1), _normalised),
        (np.arctan, lambda c, x: c / (1 + x * x)),
        (lambda x: x**3 - 2 * x, lambda c, x: c * (3 * x * x - 2)),
        (np.sinh, lambda c, x: c * (np.exp(x) + np.exp(-x)) / 2),
    ]
    caught = right = 0
    for number, size in enumerate((1e-9, 1e-12, 1e-14, 1e-17, 1e-20)):
        for forward, gradient in functions:
            rng = np.random.RandomState(number)
            args = rng.randn(3)
            wrong = check_vjp(forward, lambda c, x, g=gradient, s=size: (g(c, x) + s * c * x,), args)
            caught += {each.check: each.status for each in wrong}[FORMULA] == "failed"
            right += formula_of(forward, lambda c, x, g=gradient: (g(c, x),), args).status == "passed"
    print(f"wrong formulas caught: {caught} of 50; right ones told right: {right} of 50")  # noqa: T201
    assert (caught, right) == (50, 50)


def _normalised(c: Any, x: Any) -> Any:
    n = np.sqrt((x * x).sum() + 1)
    return c / n - x * (c * x).sum() / n**3
