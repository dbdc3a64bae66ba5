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
    "seed": ((np.tanh, tanh_vjp, X), {"seed": 1.5}, TypeError, "seed", "float"),
    "seed of a truth": ((np.tanh, tanh_vjp, X), {"seed": True}, TypeError, "seed", "bool"),
    "option": ((np.tanh, tanh_vjp, X), {"precision": 1}, TypeError, "unknown option precision", ""),
}


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
    """Who gets an option wrong is told the options, and who gets a choice wrong is told the choices."""
    lists: list[tuple[dict[str, Any], str]] = [
        ({"precision": 1}, "spec domain seed effort"),
        ({"effort": "hard"}, "quick normal exhaustive"),
    ]
    for options, choices in lists:
        with pytest.raises((TypeError, ValueError)) as caught:
            check_vjp(np.tanh, tanh_vjp, X, **options)
        assert all(choice in str(caught.value) for choice in choices.split())


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
