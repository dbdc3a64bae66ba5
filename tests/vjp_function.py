"""A function of three arguments and its gradient, whose answers are asked about."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference.gradients.answers import FunctionAnswers
from reference.gradients.arguments import pattern
from reference.gradients.subject import Subject
from tests.gradients import drawn

X, WHOLE, Y = drawn(2, 3), np.array([[3], [4]]), drawn(3) + 2.0


def forward(x: Any, whole: Any, y: Any) -> Any:
    return np.sin(x) * y + whole


def vjp(c: Any, x: Any, whole: Any, y: Any) -> Any:
    return c * np.cos(x) * y, None, (c * np.sin(x)).sum(axis=0)


def function(one: Any = forward, two: Any = vjp, args: Any = (X, WHOLE, Y), spec: Any = None) -> FunctionAnswers:
    return FunctionAnswers(Subject(one, two, pattern(args, None)), spec, 0, "quick")


def same(one: Any, two: Any) -> bool:
    return len(one) == len(two) and all(map(np.array_equal, one, two))
