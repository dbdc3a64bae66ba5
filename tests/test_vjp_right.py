"""`check_vjp` passes whoever is right: whatever the seed, the precision, and the kind of specification."""

from __future__ import annotations

import array
import math
import os
from typing import Any

import numpy as np
import pytest

from reference.gradients import check_vjp
from reference.lab import definitions
from tests.comparing import needs_flint, needs_torch
from tests.gradients import RIGHT, drawn, softmax, softmax_vjp
from tests.wording import failed

pytestmark = pytest.mark.catalogue

X = drawn(3, 4)
#: At least one for each kind of specification.
SEEDS = range(20 if os.environ.get("HYPOTHESIS_PROFILE") == "nightly" else 3)


@pytest.mark.parametrize("name", RIGHT)
def test_right_functions_pass(name: str) -> None:
    """Whoever is right is never blamed: whatever the seed, with a specification of either kind or none."""
    right = RIGHT[name]
    torch_or_none = None if "not installed" in str(needs_torch.kwargs["reason"]) else right.tensors
    specs = (None, right.arrays or right.forward, torch_or_none)
    for seed in SEEDS:
        spec = specs[seed % len(specs)]
        found = check_vjp(
            right.forward, right.vjp, *right.args, spec=spec, domain=right.domain, seed=seed, effort="quick"
        )
        assert not failed(found), (seed, failed(found))
        values = "consistent" if spec is None else "values"
        assert [each.status for each in found if each.check == f"vjp.gradient[0].{values}"] == ["passed"]


@pytest.mark.parametrize("name", ["tanh", "softmax", "layer norm", "ReLU, 0 at 0", "matrix product", "division"])
def test_right_functions_pass_in_single_precision(name: str) -> None:
    """Where the pattern is single precision, that is what is granted and what is due."""
    right = RIGHT[name]
    args = [np.asarray(array, dtype=np.float32) for array in right.args]
    for spec in (None, right.forward):
        assert not failed(check_vjp(right.forward, right.vjp, *args, spec=spec, effort="quick"))
    found = check_vjp(right.forward, lambda c, *a: tuple(map(np.float64, right.vjp(c, *a))), *args, effort="quick")
    assert failed(found)["vjp.gradient[0].types"] == "wrong-dtype"


@needs_flint
def test_definitions_on_balls_are_specifications() -> None:
    """Those of the lab, and an accurate gradient is not blamed for what torch loses in 1 - tanh^2."""
    assert not failed(check_vjp(softmax, softmax_vjp, X, spec=definitions.softmax))
    assert not failed(check_vjp(np.tanh, lambda c, x: (c / np.cosh(x) ** 2,), X, spec=lambda x: x.tanh()))


def _log_sum_exp(x: np.ndarray) -> np.ndarray:
    total = x[0]
    for each in x[1:]:
        total = np.logaddexp(total, each)
    return np.asarray(total)


def _kept_in(x: np.ndarray, kept: Any) -> np.ndarray:
    """exp(x - log sum exp x), with the sums kept where the code puts them."""
    kept[0] = x[0]
    for n in range(1, len(x)):
        kept[n] = np.logaddexp(kept[n - 1], x[n])
    return np.exp(x - kept[-1])


@pytest.mark.parametrize("make", [np.zeros, lambda n: [math.nan] * n, lambda n: array.array("d", [0.0] * n)])
def test_roundings_in_stored_results_are_granted(make: Any) -> None:
    """Right code that keeps results in doubles, whatever its arguments' type, passes; off by 1e-9 it fails."""
    x = np.array([0.5, -1.0, 2.0, 0.25])
    assert not failed(check_vjp(_log_sum_exp, lambda c, x: (c * _kept_in(x, make(len(x))),), x))
    assert failed(check_vjp(_log_sum_exp, lambda c, x: (c * (1 + 1e-9) * _kept_in(x, make(len(x))),), x))
