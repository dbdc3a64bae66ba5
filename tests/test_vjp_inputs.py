"""What `check_vjp` asks and grants: inputs in their domains, cotangents that hide nothing, rounding as it happens."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from reference.gradients import tolerance
from reference.gradients.arguments import EVERYWHERE, pattern
from reference.gradients.cases import cases, cotangents
from reference.gradients.differences import Differences, contracted
from tests.gradients import POSITIVE, drawn
from tests.strategies import arrays

pytestmark = pytest.mark.catalogue

Array = NDArray[Any]
X = drawn(3, 4)


@given(st.integers(0, 2**31), st.sampled_from([EVERYWHERE, POSITIVE, (-1.0, 0.0), (-np.inf, 3.0), (0.1, 0.1000001)]))
@settings(max_examples=20)
def test_questions_stay_in_their_domain(seed: int, interval: tuple[float, float]) -> None:
    """Strictly, in either precision, and always finite."""
    low, high = interval
    for dtype in (np.float64, np.float32):
        middle = np.array([0.1000000500 if low == 0.1 else -0.5 if low < 0 else 0.5], dtype)
        for question in cases(pattern((middle,), [interval]), seed, "normal"):
            assert question.args[0].dtype == dtype
            assert np.isfinite(question.args[0]).all()
            assert ((low < question.args[0]) & (question.args[0] < high)).all()


@given(st.integers(0, 2**31), st.lists(st.integers(1, 3), max_size=3))
@settings(max_examples=20)
def test_cotangents_are_never_constant(seed: int, shape: list[int]) -> None:
    """Nor 0 anywhere, nor 1 where there is only one."""
    question = cases(pattern((X,), None), seed, "quick")[0]
    for cotangent in cotangents(question, tuple(shape), np.float64, "exhaustive"):
        assert (cotangent != 0).all()
        assert cotangent.size == 1 or np.ptp(cotangent) > 0
        assert cotangent.size > 1 or cotangent.flat[0] != 1


@given(st.data())
@settings(max_examples=20)
def test_rounding_is_granted_where_it_happens(data: st.DataObject) -> None:
    """The error of 1 - tanh^2 is within its bound, and the bound is no larger than rounding can be."""
    x = data.draw(arrays(4, elements=st.floats(-15, 15)))
    answer = 1 - np.tanh(x) ** 2
    (bound,) = tolerance.granted(lambda a: (1 - np.tanh(a) ** 2,), [x], [answer], [1 / np.maximum(1, np.abs(x))])
    truth = 1 / np.cosh(x.astype(np.longdouble)) ** 2
    assert (np.abs(answer - truth) <= bound).all()
    assert (bound <= 1e-14).all()


def test_differences_are_sharp_or_silent() -> None:
    """A function that the steps cannot follow has no derivative here; a kink has all slopes between two."""
    for function, x in ((np.sin, 1e15), (lambda t: np.tanh(1e9 * t), 0.0), (np.sqrt, 0.0)):
        with np.errstate(invalid="ignore"):
            assert Differences(function, (EVERYWHERE,)).column([np.array([x])], 0, (0,)).error[0] == np.inf
    column = Differences(np.abs, (EVERYWHERE,)).column([np.zeros(1)], 0, (0,))
    assert column.value[0] - column.error[0] == pytest.approx(-1)
    assert column.value[0] + column.error[0] == pytest.approx(1)
    assert contracted(np.zeros(1), column).error == 0


def test_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """The right layer passes, the wrong one is shown."""
    runpy.run_path(str(Path(__file__).parents[1] / "examples" / "tanh_layer.py"))
    right, wrong, *shown = capsys.readouterr().out.splitlines()
    assert right == "tanh_delta: 16 promises kept"
    assert wrong == "tanh_delta_without_square: 13 promises kept"
    assert "vjp.gradient[0].consistent" in shown[0]
