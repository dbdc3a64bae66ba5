"""The search as it runs in a sandbox: numbers and names come in, and numbers and words go out.

This module and those that it imports are sent to the worker as text. They hold no oracle and differentiate nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.gradients.repair import search
from reference.numerics import likeness

Array = NDArray[Any]


@dataclass(frozen=True)
class Sent:
    """A `Sample` that was sent."""

    args: tuple[Array, ...]
    cotangent: Array
    answers: tuple[Array, ...]
    truths: tuple[Array, ...]
    slack: tuple[Array, ...]


@dataclass(frozen=True)
class SentPattern:
    """The `Pattern` that was sent."""

    args: tuple[Array, ...]
    differentiable: Sequence[int]


@dataclass(frozen=True)
class Loaded:
    """The functions of the file, as the search asks them."""

    forward: Callable[..., Any]
    vjp: Callable[..., Any]
    pattern: SentPattern
    dtype: Any

    @property
    def subject(self) -> Loaded:
        """The functions themselves."""
        return self

    def run_forward(self, args: Sequence[Array]) -> None:
        """Call ``forward`` and ignore its answer and its exceptions."""
        try:
            self.forward(*(np.array(each) for each in args))
        except (Exception, SystemExit):  # whatever foreign code raises
            return


class Searching:
    """What the worker is asked for."""

    def repairs(
        self,
        declared: Any,
        names: Sequence[str],
        dtype: str,
        given: Sequence[Array],
        differentiable: Sequence[int],
        cases: Sequence[Sequence[Array]],
        samples: Sequence[Sequence[Any]],
        steps: int,
    ) -> list[tuple[Any, ...]]:
        """The repairs of a function's gradients, as tuples of numbers and words.

        Parameters
        ----------
        declared
            An object of the class that stands for the function.
        names
            Of the function and of its gradient in the file.
        dtype
            Of cotangents.
        given, differentiable
            All arguments as they were given, and the places of those of floating point.
        cases
            The arguments of each case.
        samples
            Of each sample the number of its case, the cotangent, the answers, the truths and the slack.
        steps
            As `likeness.REPAIR_STEPS`.
        """
        likeness.REPAIR_STEPS = steps
        module = vars(sys.modules[type(declared).__module__])["_module"]
        forward, vjp = (getattr(module, name) for name in names)
        asked = Loaded(forward, vjp, SentPattern(tuple(given), differentiable), np.dtype(dtype))
        args = [tuple(each) for each in cases]
        told = [Sent(args[number], array, *map(tuple, rest)) for number, array, *rest in samples]
        return [(r.word, r.line, r.source, r.expression, r.positions, r.cost) for r in search.repairs(asked, told)]
