"""Where NaN or infinity first appears in a net: each array that may be the first is named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import bp
from bp.nonfinite import gradients_are_finite, where_not_finite
from tests.strategies import Array

X, T = np.array([[1.0, -2.0], [3.0, 0.5]]), np.eye(2)


class Doubling:
    """Multiplies by 2, and breaks one entry where it is told to; insists on its own outputs coming back."""

    def __init__(self, name: str, broken: str) -> None:
        self.name, self._broken = name, broken

    def has_params(self) -> bool:
        return False

    def forward(self, X: Array) -> Array:
        self._outputs = 2 * X
        return self._spoilt("forward", self._outputs)

    def delta(self, Y: Array, delta_next: Array) -> Array:
        assert Y.tolist() == self._outputs.tolist()
        self.delta_next = delta_next
        return self._spoilt("delta", 2 * delta_next)

    def _spoilt(self, message: str, values: Array) -> Array:
        if self._broken == f"{self.name}.{message}":
            values = values.copy()
            values[1, 0] = np.inf
        return values


class Summing:
    """The sum of the outputs of each sample's target, times 3; may be broken as well."""

    name = "Sum"

    def __init__(self, broken: str) -> None:
        self._broken = broken

    def forward(self, X: Array, T: Array) -> Array:
        values: Array = (3 * X * T).sum(axis=1, keepdims=True)
        return values * np.array([[1.0], [np.nan if self._broken == "Sum.forward" else 1.0]])

    def delta(self, X: Array, T: Array) -> Array:
        return 3 * T * np.array([[1.0], [np.nan if self._broken == "Sum.delta" else 1.0]])


def net_with(broken: str) -> Any:
    layers: Any = [Doubling(name, broken) for name in ("A", "B", "C")]
    loss: Any = Summing(broken)
    return bp.MLP(2, layers, loss)


@pytest.mark.parametrize(
    ("broken", "what", "said"),
    [
        ("A.forward", "the output of A", "inf for sample 11, from inputs up to 3 in size"),
        ("C.forward", "the output of C", "inf for sample 11, from inputs up to 12 in size"),
        ("Sum.forward", "the loss of Sum", "nan for sample 11, from inputs up to 24 in size"),
        ("Sum.delta", "the gradient (delta) of Sum", "nan for sample 11, from inputs up to 24 in size"),
        ("C.delta", "the gradient (delta) of C", "inf for sample 11"),
        ("B.delta", "the gradient (delta) of B", "inf for sample 11"),
        ("A.delta", "the gradient (delta) of A", "inf for sample 11"),
    ],
)
def test_first_message_that_is_not_finite_is_named(broken: str, what: str, said: str) -> None:
    """The first array in the order forward, loss, backward is named with its sample and, where useful, inputs."""
    found = where_not_finite(net_with(broken), X, T, 10)
    assert found == (what, f"{what} is not finite: {said}")


def test_data_are_blamed_before_the_net() -> None:
    """A bad input is named as such; samples count from 0 or from ``first_sample``."""
    found = where_not_finite(net_with(""), np.array([[1.0, np.nan]]), T[:1])
    assert found == ("the input", "the input is not finite: nan for sample 0")


def test_of_a_sound_net_nothing_is_said() -> None:
    """For a net without such numbers the result is None, after every delta was computed."""
    net = net_with("")
    assert where_not_finite(net, X, T) is None
    assert [layer.delta_next.tolist() for layer in net.layers] == [
        (4 * 3 * T).tolist(),
        (2 * 3 * T).tolist(),
        (3 * T).tolist(),
    ]


def test_bias_gradients_decide() -> None:
    """Gradients count as finite if the last array of each layer is, also where its squares overflow."""
    bad, good = np.array([1.0, np.inf]), np.array([1e200, 1.0])
    assert gradients_are_finite([[bad, good], [good]])
    assert not gradients_are_finite([[good, good], [bad]])
    assert not gradients_are_finite([[good, bad], [good, good]])
