"""Tells at little cost whether a change at one step can explain an answer.

What a change at a step does to the gradient of an argument is linear in what changes there. So its effect, weighted by
a direction in the argument's space, is <t, d>, where t is how the step's value moves along that direction and d is what
the step receives less what it should. One direction is enough to tell almost all wrong hypotheses; those that pass are
tried in full.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.gradients.diagnosis.changes import nothing
from reference.gradients.diagnosis.graph import Change, adjoints, contribution, evaluate
from reference.gradients.diagnosis.samples import Place, Sample
from reference.numerics import likeness
from reference.numerics.sampling import seeded, signs

Array = NDArray[Any]


class Probe:
    """One sample, seen along one direction of an argument, or of several.

    Parameters
    ----------
    sample
        The sample.
    positions
        The numbers of the arguments that are moved.
    neutral
        Edges that are left out of the graph.
    """

    def __init__(self, sample: Sample, positions: Sequence[int], neutral: Sequence[Place] = ()) -> None:
        nodes = sample.graph.nodes
        self.nodes = nodes
        self.values = sample.values
        left_out = {(id(nodes[number]), place) for number, place in neutral}
        directions = [_direction(each.shape) if n in positions else 0.0 for n, each in enumerate(sample.floats)]
        step = likeness.PROBE_STEP
        ends = []
        for sign in (1, -1):
            moved = [each + sign * step * direction for each, direction in zip(sample.floats, directions, strict=True)]
            ends.append(evaluate(sample.graph, moved, held=(left_out, sample.values) if left_out else None))
        self._tangents = {key: (ends[0][key] - ends[1][key]) / (2 * step) for key in ends[0]}
        self._received = adjoints(sample.graph, sample.values, sample.cotangent, dict.fromkeys(left_out, nothing))
        self._effects: dict[Place, tuple[float, float]] = {}
        answers, truths = ([arrays[n] for n in positions] for arrays in (sample.answers, sample.truths))
        #: The size of the right gradient along the direction.
        self.scale = float(sum(np.abs(directions[n] * truth).sum() for n, truth in zip(positions, truths, strict=True)))
        #: The effect that a change has to have; 0 where answers have other shapes, of which no change is made.
        self.wanted = 0.0
        if all(one.shape == two.shape for one, two in zip(answers, truths, strict=True)):
            off = [answer - truth for answer, truth in zip(answers, truths, strict=True)]
            self.wanted = float(sum((directions[n] * each).sum() for n, each in zip(positions, off, strict=True)))

    def received(self, number: int) -> Array:
        """The gradient of a step."""
        return self._received[id(self.nodes[number])]

    def effect(self, place: Place) -> tuple[float, float]:
        """What an edge contributes to the gradient along the direction, and the size of the sum that this is."""
        if place not in self._effects:
            node = self.nodes[place[0]]
            right = self._passed(place, partial(contribution, node, place[1]))
            self._effects[place] = _sums(self._tangents[id(node.inputs[place[1]])] * right)
        return self._effects[place]

    def along(self, number: int, given: Array) -> tuple[float, float] | None:
        """What a step passes on along the direction when it is given a gradient, and the size of the sum."""
        return self._along(id(self.nodes[number]), given)

    def _along(self, key: int, given: Array) -> tuple[float, float] | None:
        tangent = self._tangents[key]
        if given.shape != tangent.shape and given.ndim:
            return None
        return _sums(tangent * given)

    def changed(self, place: Place, change: Change) -> tuple[float, float] | None:
        """What a changed edge contributes along the direction, and the size of the sum; None where it is not known."""
        return self._along(id(self.nodes[place[0]].inputs[place[1]]), self._passed(place, change))

    def _passed(self, place: Place, change: Change) -> Array:
        node = self.nodes[place[0]]
        inputs = [self.values[id(each)] for each in node.inputs]
        with np.errstate(all="ignore"):
            return np.asarray(change(self.received(place[0]), inputs, self.values[id(node)]))

    def refutes(self, changes: Mapping[Place, Change]) -> bool:
        """Whether changes of edges that do not influence each other surely do not explain the answer."""
        total = size = 0.0
        for place, change in changes.items():
            right, wrong = self.effect(place), self.changed(place, change)
            if wrong is None:
                return False
            total += wrong[0] - right[0]
            size += wrong[1] + right[1]
        return not self.is_wanted(total, size)

    def is_wanted(self, effect: float, size: float) -> bool:
        """Whether an effect is the one that is looked for, so far as a direction tells."""
        return not abs(effect - self.wanted) > likeness.PROBE_AGREES * (size + abs(self.wanted))


def _sums(products: Array) -> tuple[float, float]:
    return float(products.sum()), float(np.abs(products).sum())


def _direction(shape: tuple[int, ...]) -> Array:
    rng = seeded(3)
    return np.asarray(rng.uniform(0.5, 1.0, shape) * signs(rng, shape))
