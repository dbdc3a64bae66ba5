"""What a specification of `check_vjp` means: it is read in the ways that it can be read, if they agree."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from reference.gradients import check_vjp
from reference.gradients.arguments import pattern
from reference.gradients.specification import Specification
from reference.numerics.oracles import torch_autograd
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
