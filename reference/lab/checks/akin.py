"""Cases that resemble another one so much that who keeps answers gives the kept one: by a size, a row, a sum, an id."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from reference.lab.cases import Case
from reference.lab.contract import Message

Array = NDArray[np.float64]
#: How far logits are moved: what was computed from others' overflows, or leaves nothing.
_FAR = 800.0


def akin(message: Message, first: Case, other: Case, *, naive: bool) -> Sequence[Case]:
    """Cases of the sizes of two, in which something is as in the first.

    Parameters
    ----------
    message
        What is asked.
    first, other
        Cases of the same sizes.
    naive
        Whether large logits may overflow.
    """
    n = first.n_samples
    found = [
        first,
        first.rows([0, *range(n - 1, 0, -1)]),
        first.among(other, 0),
        *(_with_argument(first, other, name) for name in first.arguments if len(first.arguments) > 1),
        first.among(other, n - 1),
    ]
    if first.origin is None and message.key != "cross_entropy":  # whose rows sum to 1
        found.append(_with_column(first, other))
    if message.key in {"softmax", "logits"} and not naive and first.origin is None:
        found += [_moved(each, by) for each, by in ((first, _FAR), (other, -_FAR))]
    return found


def _with_column(first: Case, other: Case) -> Case:
    """The other case with the first column of the first's arguments."""
    arguments = {
        name: array if name == "T" else np.concatenate([first.arguments[name][:, :1], array[:, 1:]], axis=1)
        for name, array in other.arguments.items()
    }
    return Case(arguments, first.parameters)


def _with_argument(first: Case, other: Case, name: str) -> Case:
    """The other case with one of the first's arguments."""
    arguments = {**other.arguments, name: first.arguments[name]}
    if "T" in arguments and name != "T":
        arguments["T"] = np.roll(first.arguments["T"], 1, axis=1)  # drawn again, they might be the same
    # What came out of a layer belongs to what went in.
    return Case(arguments, first.parameters, first.origin if name == "Y" else other.origin)


def _moved(case: Case, by: float) -> Case:
    """The case with all logits moved."""
    return Case({**case.arguments, "X": case.arguments["X"] + by})
