"""What shows a failure: its case as nested lists and as a script, and several cases in one picture.

Nothing here judges or prints.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.engine.evidence import literal
from reference.findings import Evidence
from reference.lab.cases import Case
from reference.lab.contract import Expected, Message

Array = NDArray[Any]


def nested(case: Case) -> dict[str, Any]:
    """The arrays of a case as nested lists by name, parameters first."""
    return {name: array.tolist() for name, array in {**case.parameters, **case.arguments}.items()}


def sizes_of(case: Case) -> dict[str, int]:
    """The sizes of a case, by name: what is shown of one that is too large to be written out."""
    n, width = next(iter(case.arguments.values())).shape
    n_inputs, n_units = case.parameters["W"].shape if case.parameters else (width, width)
    return {"n_samples": n, "n_inputs": n_inputs, "n_units": n_units}


def repro(home: str, message: Message, case: Case, *, by_position: bool = False) -> str:
    """A script of at most ten lines that makes the call of a case again; ``home`` is the module of the class."""
    given = ", ".join(name if by_position else f"{name}={name}" for name in case.arguments)
    lines = [
        "import numpy as np",
        f"from {home} import {message.cls}",
        f"layer = {_construction(message, case)}",
        *(f"layer.{name}{_all_of(array)} = {literal(array)}" for name, array in case.parameters.items()),
        *(f"{name} = {literal(array)}" for name, array in case.arguments.items()),
        f"print(layer.{message.method}({given}))",
    ]
    return "\n".join(lines) + "\n"


def _all_of(array: Array) -> str:
    """How a script assigns an attribute: single precision is written into it, so that it stays single."""
    return "[...]" if array.dtype == np.float64 else ""


def _construction(message: Message, case: Case) -> str:
    if message.cls != "LinearLayer":
        return f'{message.cls}(name="layer")'
    d, u = case.parameters["W"].shape
    return f'LinearLayer(n_inputs={d}, n_units={u}, rng=np.random.RandomState(0), name="layer")'


def module_of(implementation: str) -> str:
    """The module that a script imports from: the name itself, the file's or folder's, or ``your_module``."""
    if all(map(str.isidentifier, implementation.split("."))):
        return implementation.removesuffix(".py")
    stem = PurePath(implementation).stem
    return stem if stem.isidentifier() else "your_module"


def point_of(
    message: Message, case: Case, actual: tuple[Array, ...], answer: Expected
) -> list[tuple[float, float, float]]:
    """One point of `Evidence.trend`, the error and its bound where it is worst; none if the case has no logits."""
    logits = case.arguments.get("X") if case.origin is None else case.origin
    if message.key not in {"softmax", "logits"} or logits is None:
        return []
    (came,), (truth,), (bound,) = actual, answer.truth, answer.bounds
    with np.errstate(invalid="ignore", over="ignore"):
        errors, allowed = np.abs(came - truth.value), bound + truth.error
        worst = np.unravel_index(np.argmax(np.where(np.isnan(errors), np.inf, errors - allowed)), errors.shape)
    return [(float(np.abs(logits).max()), float(errors[worst]), float(allowed[worst]))]


def most_telling(evidence: Sequence[Evidence | None], trend: Sequence[tuple[float, float, float]]) -> Evidence | None:
    """The evidence with the largest array, with the trend over all cases; None if there is no evidence."""
    found = list(filter(None, evidence))
    if not found:
        return None
    return replace(max(found, key=lambda each: np.size(each.actual)), trend=tuple(trend))
