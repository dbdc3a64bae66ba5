"""A function on balls, by what it is written in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reference.numerics.balls.rebinding import rebound


def on_balls(function: Callable[..., Any], language: str) -> Callable[..., Any]:
    """From arrays of balls (and other arguments as they are) to an array of balls."""
    return rebound(function)
