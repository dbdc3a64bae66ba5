"""A function on balls, by what it is written in."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from reference.numerics.balls.rebinding import rebound
from reference.numerics.balls.tape import Refused


def on_balls(function: Callable[..., Any], language: str) -> Callable[..., Any]:
    """From arrays of balls (and other arguments as they are) to an array of balls.

    Raises
    ------
    Refused
        This version of torch lacks what is needed below its surface.
    """
    if language == "numpy":
        return rebound(function)
    try:
        torch_tensors = importlib.import_module("reference.numerics.balls.torch_tensors")
    except (ImportError, AttributeError) as error:
        raise Refused("this version of torch", f"has no form in ball arithmetic ({error})") from error
    return torch_tensors.on_balls(function)  # type: ignore[no-any-return]
