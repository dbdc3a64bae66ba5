"""A network that notes what checks ask of it."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from reference.lab.context import Context
from reference.lab.network import NetCase
from tests.hearing import Hearing

Array = NDArray[Any]
METHODS = ("propagate", "evaluate", "gradient")


def context(assignment: int = 3, effort: Any = "normal", seed: int = 0) -> Context:
    return Context(Hearing(), "none", "x", assignment=assignment, effort=effort, seed=seed)


def sizes(case: NetCase) -> tuple[tuple[int, ...], int, bool]:
    return case.widths, len(case.X), case.compound
