"""The report's section on verification: what is measured of `bp`, and of finite differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import bp
from bp import losses
from reference.numerics.oracles import finite_differences
from reports import figures
from reports.study import steps, verification
from tests.comparing import needs_flint

pytestmark = [needs_flint, pytest.mark.outside]
SMALL = verification.Plan(cases=30, differences=3, nets=1)
#: So few cases are enough to see a message that is wrong everywhere.
FEW = verification.Plan(cases=6, differences=2, nets=1)


def test_every_message_is_within_its_bound() -> None:
    """All eleven messages and the deep network's gradient are within their bounds; ULPs only without cancellation."""
    found = verification.measure(SMALL)
    assert found["missing"] is None
    messages = found["messages"]
    assert len(messages) == 12
    assert 0 < found["worst_share"] < 1
    assert {name for name, each in messages.items() if each["ulps"] is None} == {
        "linear.forward", "linear.delta", "linear.grad", "softmax.delta", "mlp.gradient"
    }  # fmt: skip
    assert all(each["ulps"] <= 1 for each in messages.values() if each["ulps"] is not None)
    assert messages["relu.delta"]["ulps"] == 0
    assert messages["linear.grad"]["share_differences"] < 1
    assert messages["mlp.gradient"]["entries"] == 67_530
    assert found["examiner"]["passed"] == found["examiner"]["checks"] == sum(found["examiner"]["by_class"].values())


@pytest.mark.parametrize(
    ("cls", "method", "wrong", "name"),
    [
        (bp.ReLULayer, "delta", lambda self, Y, delta_next: delta_next, "relu.delta"),
        (bp.LinearLayer, "grad", lambda self, X, delta_next: [X.T @ delta_next, delta_next.sum(axis=0)], "linear.grad"),
        (losses.LossCrossEntropyForSoftmaxLogits, "delta", lambda self, X, T: T - T, "compound.delta"),
    ],
)
def test_a_wrong_message_is_far_outside(
    monkeypatch: pytest.MonkeyPatch, cls: type, method: str, wrong: Any, name: str
) -> None:
    """A wrong message has large errors against each oracle, and the others stay within their bounds."""
    monkeypatch.setattr(cls, method, wrong)
    messages = verification.errors(FEW)
    assert messages[name]["share"] > 1e6
    assert messages[name]["share_differences"] > 1e3
    others = [each["share"] for other, each in messages.items() if other not in {name, "mlp.gradient"}]
    assert max(others) < 1


def test_a_single_wrong_digit_is_a_unit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A softmax that is off by three units in the last place is measured so."""
    right = bp.SoftmaxLayer.forward
    monkeypatch.setattr(bp.SoftmaxLayer, "forward", lambda self, X: right(self, X) * (1 + 6 * 2.0**-53))
    assert 2 <= verification.errors(FEW)["softmax.forward"]["ulps"] <= 7


def test_differences_have_a_best_step() -> None:
    """The best step is near the cube root of the unit roundoff; the oracle is better, and bounds its error."""
    found = steps.measure()
    for each in found["functions"].values():
        assert len(each["errors"]) == len(found["steps"])
        assert each["best_error"] == min(each["errors"])
        assert 1e-6 < each["best_step"] < 1e-3
        assert each["errors"][0] > 1e3 * each["best_error"]
        assert each["errors"][-1] > 1e3 * each["best_error"]
        oracle = each["oracle"]
        assert oracle["true"] <= oracle["stated"]
        assert oracle["true"] < each["best_error"]
        assert oracle["step"] > each["best_step"]


def test_the_step_that_was_taken_is_told() -> None:
    """The oracle states the step that it took; for a function that is not smooth there is none."""
    estimate, step = finite_differences.derivative_and_step(lambda t: 3 * t + t * t)
    assert estimate.value == pytest.approx(3, abs=1e-12)
    assert 1e-4 < step < 0.125
    _, none = finite_differences.derivative_and_step(abs)
    assert np.isnan(none)


def test_step_errors_are_drawn_as_they_are() -> None:
    """There is a line for each function on logarithmic axes, and the oracle's point at its step and error."""
    measured = {
        "steps": [1e-8, 1e-4, 1.0],
        "functions": {
            "f": {"errors": [1e-3, 1e-9, 0.1], "oracle": {"step": 1e-2, "true": 1e-12}},
            "g": {"errors": [1e-2, 0.0, 0.2], "oracle": {"step": 1e-3, "true": 0.0}},
        },
    }
    (axes,) = figures.step_errors(measured).axes
    lines = {line.get_label(): line for line in axes.lines}
    assert list(lines["f"].get_ydata()) == [1e-3, 1e-9, 0.1]
    assert list(lines["f"].get_xdata()) == measured["steps"]
    assert (list(lines["our oracle: f"].get_xdata()), list(lines["our oracle: f"].get_ydata())) == ([1e-2], [1e-12])
    assert min(np.asarray(lines["g"].get_ydata())) > 0
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("step h", "relative error")
