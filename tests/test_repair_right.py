"""Whether an edited gradient is right, in the search for a repair."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from reference.gradients.repair.running import is_right
from reference.gradients.repair.sent import Sent

pytestmark = pytest.mark.catalogue

G = np.array([[1.0, -2.0, 0.5], [0.25, 1.5, -1.0]])


@pytest.mark.parametrize(
    ("answer", "slack", "is_one"),
    [
        (np.array([1.0, 2.0]), 0.0, True), (np.array([1.0, 2.0 + 1e-8]), 0.0, True),
        (np.array([1.0, 2.0 + 1e-7]), 0.0, False),
        (np.array([1.0, 2.0 + 1e-7]), 1e-7, True), (np.array([1.0, 2.1]), 0.0, False), (np.array([1.0]), 0.0, False),
        (np.array([1.0, np.nan]), 9.0, False), (np.array([1.0, np.inf]), 9.0, False), ([1.0, 2.0], 0.0, False),
        (None, 0.0, False), (1.0, 0.0, False), (np.array([[1.0, 2.0]]), 0.0, False),
    ],
)  # fmt: skip
def test_what_is_right(answer: Any, slack: float, is_one: bool) -> None:
    """An array of the due shape that is the truth, but for rounding and the oracle's own error."""
    truth = np.array([1.0, 2.0])
    asked = Sent((), G, (), (truth,), (slack * np.ones(2),))
    assert is_right(asked, 0, answer) is is_one


def test_a_number_beside_much_larger_ones() -> None:
    """It may be off by rounding of those; an array without entries is right."""
    truth = np.array([0.0, 1e6])
    asked = Sent((), G, (), (truth, np.zeros(0)), (0 * truth, np.zeros(0)))
    assert is_right(asked, 0, np.array([9e-5, 1e6]))
    assert not is_right(asked, 0, np.array([2e-4, 1e6]))
    assert is_right(asked, 1, np.zeros(0))
