"""Sums of several arrays at hand that are what a place lacks."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import combinations

import numpy as np

from reference.gradients.repair import building as b
from reference.gradients.repair.operands import Array, Operand, Operands
from reference.numerics import likeness

#: Operands of which sums of two, three and four are compared with what is due.
_MOST = 24
_LONGEST = 4
_MOST_FOUND = 2


@dataclass(frozen=True)
class Total:
    """Operands that add up to an array in all cases."""

    terms: tuple[Operand, ...]

    @property
    def node(self) -> ast.expr:
        """The code for it."""
        return reduce(b.plus, [each.node for each in self.terms])


def totals(targets: Sequence[Array], operands: Operands, degree: int) -> list[Total]:
    """The sums of two or more operands, as they stand in the code, that are the targets.

    Parameters
    ----------
    targets
        The array in each case.
    operands
        What it may be made of.
    degree
        How often the cotangent stands in each operand.
    """
    target = np.concatenate([each.ravel() for each in targets])
    size = float(np.abs(target).max(initial=0.0))
    able = [n for n in range(operands.simple) if operands.all[n].degree == degree][:_MOST]
    if size == 0 or target.size < 3 or len(able) < 2:  # noqa: PLR2004 - two numbers say too little
        return []
    arrays = operands.arrays[able]
    weights = np.random.default_rng(target.size).normal(size=target.size)
    marks, due = arrays @ weights, float(weights @ target)
    found: list[Total] = []
    for count in range(2, min(_LONGEST, len(able)) + 1):
        chosen = np.array(list(combinations(range(len(able)), count)))
        near = np.abs(marks[chosen].sum(axis=1) - due) <= likeness.SAME_CONSTANT * np.abs(weights).sum() * size
        found += [
            Total(tuple(operands.all[able[n]] for n in each))
            for each in chosen[near]
            if np.abs(arrays[each].sum(axis=0) - target).max() <= likeness.SAME_CONSTANT * size
        ]
        if found:
            break
    return found[:_MOST_FOUND]
