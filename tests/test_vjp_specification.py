"""What a specification of `check_vjp` means: it is read in the ways that it can be read, if they agree."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from reference.gradients import check_vjp, rigorous
from reference.gradients.arguments import pattern
from reference.gradients.specification import Specification, unknown
from reference.numerics.oracles import ball, torch_autograd
from tests.comparing import needs_flint, needs_torch
from tests.gradients import drawn

pytestmark = pytest.mark.catalogue

X = drawn(3, 4)


@needs_flint
@pytest.mark.parametrize(("factor", "is_differentiated"), [(2, True), (3, False)])
def test_balls_that_mean_something_else_are_not_asked(
    factor: int, is_differentiated: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A definition is what it gives on arrays; where it gives other numbers on balls, these are no truth."""
    monkeypatch.setattr(torch_autograd, "available", lambda: "not needed here")
    spec = Specification(lambda x: x * (2 if type(x) is np.ndarray else factor), pattern((X,), None))
    truth = spec.value((X,))
    assert truth is not None
    assert (np.abs(truth.value - 2 * X) <= truth.error).all()
    assert spec.is_differentiated is is_differentiated


def tensors_or_arrays(x: Any, labels: Any) -> Any:
    """The sum for each kind as it has to be written for it, which the other kind does not know."""
    return x * (labels.astype(float) if isinstance(x, np.ndarray) else labels.to(x.dtype))


@needs_torch
def test_specifications_in_torch_are_evaluated_with_torch() -> None:
    """All their arguments are tensors then, whole numbers as well."""
    labels = np.array([1, 2, 3])
    spec = Specification(tensors_or_arrays, pattern((np.array([0.5, -1.5, 2.0]), labels), None))
    assert spec.evaluate(np.ones(3)).tolist() == [1.0, 2.0, 3.0]
    (own,) = spec.autograd(np.ones(3), (np.ones(3), labels)) or [np.zeros(3)]
    assert own.tolist() == [1.0, 2.0, 3.0]


@needs_torch
def test_specifications_are_compared_next_to_what_was_given() -> None:
    """Ways to read one have to agree near the arguments, whose domain may end a little farther on."""

    def narrow(x: Any) -> Any:
        if (x > 3).any():
            raise ValueError("out of the domain")
        return x * 2

    assert Specification(narrow, pattern((np.array([2.0, 2.5]),), None)).shape == (2,)


@needs_torch
def test_small_gradients_are_told_sharply_by_torch() -> None:
    """What is granted for exponents is a part of the gradient."""
    spec = Specification(lambda x: 1e-10 * x.to(x.dtype), pattern((np.array([0.5, 2.0]),), None))
    (gradient,) = spec.gradient(np.ones(2), (np.array([0.5, 2.0]),))
    assert gradient.value == pytest.approx(np.full(2, 1e-10))
    assert (gradient.error < 1e-12 * gradient.value).all()


def logistic(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def linear_then_exponential(x: Any) -> Any:
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))


def by_quotients(c: Any, x: Any) -> Any:
    """infinity / infinity where exp(-x) overflows."""
    return (c * np.exp(-x) / (1 + np.exp(-x)) ** 2,)


def by_a_mask(c: Any, x: Any) -> Any:
    """0 times infinity where exp(x) overflows."""
    return (c * ((x > 0) + (x <= 0) * np.exp(x)),)


def all_lost(c: Any, x: Any) -> Any:
    """Right, but for a batch in which one entry overflows."""
    (found,) = by_quotients(c, np.abs(x))
    return (found * np.nan if np.isinf(np.exp(-x)).any() else found,)


#: Gradients that are NaN where numbers overflow: with which definition, and whether that is excused.
OVERFLOWS = {
    "as the definition is written": (logistic, by_quotients, lambda t, x: 1 / (1 + t.exp(-x)), True),
    "where the definition has its own": (logistic, by_quotients, lambda t, x: t.sigmoid(x), False),
    "in entries that do not overflow": (logistic, all_lost, lambda t, x: 1 / (1 + t.exp(-x)), False),
    "in a branch that is not taken": (
        linear_then_exponential,
        by_a_mask,
        lambda t, x: t.where(x > 0, x, t.exp(x) - 1),
        False,
    ),
}


@needs_flint
@needs_torch
@pytest.mark.parametrize("name", OVERFLOWS)
def test_nan_is_excused_where_the_definition_itself_overflows(name: str) -> None:
    """Only in those entries whose way through the definition has numbers beyond doubles."""
    import torch  # noqa: PLC0415 - optional

    forward, vjp, definition, excused = OVERFLOWS[name]
    with np.errstate(all="ignore"):
        found = check_vjp(forward, vjp, np.array([0.5, -1.0, 2.0]), spec=lambda x: definition(torch, x))
    statuses = {each.check: each.status for each in found}
    assert statuses["vjp.gradient[0].values"] == ("passed" if excused else "failed")
    assert "error" not in statuses.values()


def spec_of(definition: Any, *args: Any, **more: Any) -> Specification:
    return Specification(definition, pattern(args or (X,), None, **more))


def without(monkeypatch: pytest.MonkeyPatch, *modules: Any) -> None:
    for each in modules:
        monkeypatch.setattr(each, "available", lambda: "not needed here")


def test_a_definition_for_arrays_is_evaluated_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without tensors and balls its values are known but for rounding, and nothing of its gradients at once."""
    without(monkeypatch, torch_autograd, ball, rigorous)
    spec = spec_of(lambda x, n: np.sin(x) * n, X, np.array(3))
    assert (spec.shape, spec.evaluator, spec.is_differentiated, spec.is_rigorous) == ((3, 4), "numpy", False, False)
    assert spec.oracle == spec.differences.oracle
    truth = spec.value((X, np.array(3)))
    assert truth is not None
    assert np.array_equal(truth.value, 3 * np.sin(X))
    assert (truth.error > 0).all()
    assert truth.error.max() < 1e-12
    (gradient,) = spec.gradient(np.ones(X.shape), (X, np.array(3)))
    assert gradient.value.shape == X.shape
    assert np.isinf(gradient.error).all()
    assert spec.autograd(np.ones(X.shape), (X, np.array(3))) is None
    assert np.array_equal(
        spec.in_doubles((X.astype(np.float32), np.array(3))), 3 * np.sin(X.astype(np.float32).astype(float))
    )


def test_a_definition_may_have_the_methods_of_tensors(monkeypatch: pytest.MonkeyPatch) -> None:
    """On arrays these are numpy's functions."""
    without(monkeypatch, torch_autograd, ball, rigorous)
    spec = spec_of(lambda x: x.exp().sum(1, keepdim=True))
    truth = spec.value((X,))
    assert truth is not None
    assert truth.value == pytest.approx(np.exp(X).sum(axis=1, keepdims=True))
    assert (spec.evaluator, spec.oracle) == ("numpy", spec.differences.oracle)


@pytest.mark.parametrize(
    "definition", [lambda x: np.log(x - 9), lambda x: x / 0.0, lambda x: [].pop() if x[0, 0] != X[0, 0] else x]
)
def test_where_a_definition_is_not_finite_or_raises_there_is_no_truth(
    definition: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That is outside the contract."""
    without(monkeypatch, torch_autograd, ball, rigorous)
    with np.errstate(all="ignore"):
        spec = spec_of(definition)
        assert spec.value((X + 0.5,)) is None


def test_what_is_no_definition_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """With what went wrong on tensors and on arrays: no real numbers, or an exception."""
    without(monkeypatch, torch_autograd, ball, rigorous)
    for definition, said in ((lambda x: x + 1j, "expected real numbers"), (lambda x: x.nothing, "nothing")):
        with pytest.raises(ValueError, match=f"spec: .*torch: ImportError: not needed here.*numpy: .*{said}"):
            spec_of(definition)


@needs_flint
def test_a_definition_on_balls_is_differentiated_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its values and gradients are enclosed; a cotangent may have another shape with as many entries."""
    without(monkeypatch, torch_autograd)
    spec = spec_of(lambda x, y: np.tanh(x) * y, X, X + 3.0, fixed=(1,))
    assert (spec.is_rigorous, spec.is_differentiated, spec.oracle, spec.evaluator) == (True, True, ball.NAME, ball.NAME)
    c = np.arange(12.0)
    (gradient,) = spec.gradient(c, (X, X + 3.0))
    due = c.reshape(3, 4) * (1 - np.tanh(X) ** 2) * (X + 3.0)
    assert gradient.value == pytest.approx(due, rel=1e-12)
    assert gradient.error.max() < 1e-12
    truth = spec.value((X, X + 3.0))
    assert truth is not None
    assert truth.value == pytest.approx(np.tanh(X) * (X + 3.0), rel=1e-13)


@needs_flint
def test_where_balls_cannot_tell_the_value_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """As at a logarithm of less than 0."""
    without(monkeypatch, torch_autograd)
    with np.errstate(all="ignore"):
        spec = spec_of(np.log, np.array([-1.0, 2.0]))
    assert "cannot tell the value" in (spec.rigorous.refusal or "")


@needs_flint
def test_digits_that_a_definition_loses_are_no_other_meaning(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where doubles are off by no more than rounding explains, the truth is what the formula means."""
    without(monkeypatch, torch_autograd)
    x = np.array([1e-9, 0.5])
    truth = spec_of(lambda x: (1 - np.cos(x)) / x**2, np.array([0.25, 0.5])).value((x,))
    assert truth is not None
    assert truth.value == pytest.approx([0.5, (1 - np.cos(0.5)) / 0.25], rel=1e-12)


@needs_torch
def test_a_definition_on_tensors_is_differentiated_by_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where balls cannot be asked; its own differentiation is what it answers, right or not."""
    without(monkeypatch, ball, rigorous)
    spec = spec_of(lambda x, y: x.tanh() * y, X, X + 3.0)
    assert (spec.oracle, spec.evaluator, spec.is_differentiated) == (torch_autograd.NAME, "PyTorch", True)
    c = np.arange(12.0)
    due = c.reshape(3, 4) * (1 - np.tanh(X) ** 2) * (X + 3.0), c.reshape(3, 4) * np.tanh(X)
    found, own = spec.gradient(c, (X, X + 3.0)), spec.autograd(c, (X, X + 3.0))
    assert own is not None
    for one, plain, right in zip(found, own, due, strict=True):
        assert (np.abs(one.value - right) <= one.error).all()
        assert one.error.max() < 1e-10
        assert plain == pytest.approx(right)


def test_nothing_is_known_of_arrays_in_their_shapes() -> None:
    """Zeros with infinite errors."""
    one, two = unknown([X, np.ones(2)])
    assert (one.value.shape, two.error.shape) == ((3, 4), (2,))
    assert not one.value.any()
    assert np.isinf(two.error).all()
