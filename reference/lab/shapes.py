"""The shapes that are due: of the parts of an answer, from those of the case."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reference.lab.contract import Case

Shapes = tuple[tuple[int, ...], ...]


def outputs(case: Case) -> Shapes:
    """(N, U), where U is D but for a linear layer."""
    n, d = case.arguments["X"].shape
    return ((n, case.parameters["W"].shape[1] if case.parameters else d),)


def inputs(case: Case) -> Shapes:
    """(N, D)."""
    n, u = next(iter(case.arguments.values())).shape
    return ((n, case.parameters["W"].shape[0] if case.parameters else u),)


def gradients(case: Case) -> Shapes:
    """Of W and of b."""
    return tuple(array.shape for array in case.parameters.values())


def losses(case: Case) -> Shapes:
    """(N, 1)."""
    return ((case.n_samples, 1),)
