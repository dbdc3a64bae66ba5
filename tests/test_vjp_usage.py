"""What cannot be judged is refused: by the place that is wrong, with what was expected there and what came."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from reference.gradients import check_vjp
from tests.comparing import needs_torch
from tests.gradients import drawn, tanh_vjp
from tests.wording import assert_phrase

pytestmark = pytest.mark.catalogue

X = drawn(3, 4)

#: Arguments and options; the error, where it is, and what came.
BAD_USE: dict[str, tuple[tuple[Any, ...], dict[str, Any], type[Exception], str, str]] = {
    "forward": ((3, tanh_vjp, X), {}, TypeError, "forward", "int"),
    "vjp": ((np.tanh, "vjp", X), {}, TypeError, "vjp", "str"),
    "spec": ((np.tanh, tanh_vjp, X), {"spec": 3}, TypeError, "spec", "int"),
    "no arguments": ((np.tanh, tanh_vjp), {}, ValueError, "args", "none"),
    "strings": ((np.tanh, tanh_vjp, ["a"]), {}, TypeError, "args[0]", "list of dtype <U1"),
    "objects": ((np.tanh, tanh_vjp, None), {}, TypeError, "args[0]", "NoneType of dtype object"),
    "ragged": ((np.tanh, tanh_vjp, [[1.0], [1.0, 2.0]]), {}, TypeError, "args[0]", "list"),
    "complex": ((np.tanh, tanh_vjp, [1j]), {}, TypeError, "args[0]", "list of dtype complex128"),
    "whole numbers": ((np.tanh, tanh_vjp, [1, 2]), {}, ValueError, "args", "int64 of shape (2,)"),
    "nothing": ((np.tanh, tanh_vjp, np.zeros((0, 2))), {}, ValueError, "args", "float64 of shape (0, 2)"),
    "not finite": ((np.tanh, tanh_vjp, X, [1.0, np.inf]), {}, ValueError, "args[1]", "inf"),
    "domain too long": ((np.tanh, tanh_vjp, X), {"domain": [None, None]}, ValueError, "domain", "2"),
    "domain upside down": ((np.tanh, tanh_vjp, X), {"domain": [(1, 0)]}, ValueError, "domain[0]", "(1.0, 0.0)"),
    "domain of a point": ((np.tanh, tanh_vjp, X), {"domain": [(1, 1)]}, ValueError, "domain[0]", "(1.0, 1.0)"),
    "domain of words": ((np.tanh, tanh_vjp, X), {"domain": ["positive"]}, TypeError, "domain[0]", "'positive'"),
    "domain of three": ((np.tanh, tanh_vjp, X), {"domain": [(0, 1, 2)]}, TypeError, "domain[0]", "(0, 1, 2)"),
    "domain no sequence": ((np.tanh, tanh_vjp, X), {"domain": 5}, TypeError, "domain", "int"),
    "domain in words": ((np.tanh, tanh_vjp, X), {"domain": "R"}, TypeError, "domain", "str"),
    "outside": ((np.tanh, tanh_vjp, [1.5, 0.5]), {"domain": [(1, 2)]}, ValueError, "args[0]", "0.5"),
    "at the edge": ((np.tanh, tanh_vjp, [2.0]), {"domain": [(1, 2)]}, ValueError, "args[0]", "2.0"),
    "effort": ((np.tanh, tanh_vjp, X), {"effort": "hard"}, ValueError, "effort", "'hard'"),
    "seed": ((np.tanh, tanh_vjp, X), {"seed": 1.5}, TypeError, "seed", "1.5"),
    "seed of a truth": ((np.tanh, tanh_vjp, X), {"seed": True}, TypeError, "seed", "True"),
    "seed below 0": ((np.tanh, tanh_vjp, X), {"seed": np.int64(-1)}, ValueError, "seed", "-1"),
}


def test_pattern_that_matches_no_check_is_refused() -> None:
    """With the pattern that was probably meant."""
    with pytest.raises(ValueError, match=r"no check matches 'vjp\.forwrd\.types'; did you mean 'vjp\.forward\.types'"):
        check_vjp(np.tanh, tanh_vjp, X, only="vjp.forwrd.types")


@pytest.mark.parametrize("name", BAD_USE)
def test_bad_use_is_refused(name: str) -> None:
    """Where it is, what was expected there, and last what came."""
    args, options, error, place, came = BAD_USE[name]
    with pytest.raises(error) as caught:
        check_vjp(*args, **options)
    said = str(caught.value)
    assert said.startswith(f"{place}: expected ")
    assert said.endswith(f", got {came}" if came else "")
    assert_phrase(said)


def test_legal_choices_are_listed() -> None:
    """Who gets a choice wrong is told the choices."""
    with pytest.raises(ValueError, match="effort") as caught:
        check_vjp(np.tanh, tanh_vjp, X, effort="hard")  # type: ignore[arg-type]
    assert all(choice in str(caught.value) for choice in ("quick", "normal", "exhaustive"))


def test_options_are_in_the_signature() -> None:
    """Python itself refuses any other."""
    with pytest.raises(TypeError, match="precision"):
        check_vjp(np.tanh, tanh_vjp, X, precision=1)  # type: ignore[call-arg]


def test_only_some_checks_are_made() -> None:
    """Those that match, and what they depend on; the same whole numbers are legal seeds as elsewhere."""
    found = check_vjp(np.tanh, tanh_vjp, X, only="vjp.gradient[[]0].types", seed=np.int64(3))  # type: ignore[arg-type]
    assert [each.check for each in found] == ["vjp.forward.answers", "vjp.gradient.answers", "vjp.gradient[0].types"]
    assert found.ok


def test_specifications_that_fail_are_refused() -> None:
    """With what went wrong on tensors and on arrays."""
    with pytest.raises(ValueError, match=r"^spec: expected .*numpy: ZeroDivisionError"):
        check_vjp(np.tanh, tanh_vjp, X, spec=lambda x: 1 / 0)


@needs_torch
def test_ambiguous_specifications_are_refused() -> None:
    """torch's std divides by n - 1, numpy's by n."""
    with pytest.raises(ValueError, match=r"^spec: expected ") as caught:
        check_vjp(lambda x: x.std(axis=0), lambda c, x: (x,), X, spec=lambda x: x.std(axis=0))
    assert_phrase(str(caught.value))
