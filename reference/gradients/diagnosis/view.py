"""The graph of a failed gradient as hypotheses see it: its edges, and what changes at some of them come to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.gradients.diagnosis.changes import nothing
from reference.gradients.diagnosis.graph import Change, Edge
from reference.gradients.diagnosis.probes import Probe
from reference.gradients.diagnosis.samples import MakeChange, Place, Sample, Samples
from reference.numerics import likeness

Array = NDArray[Any]


class View:
    """The edges of the samples' graphs, without those that have no effect on the gradient.

    People leave those out that cancel, such as the maximum that a softmax subtracts.

    Parameters
    ----------
    samples
        The samples.
    keep_all
        Whether edges without effect stay.
    of_all
        Whether those are left out alone that have no effect on the gradient of any argument.
    """

    def __init__(self, samples: Samples, *, keep_all: bool = False, of_all: bool = False) -> None:
        self.samples = samples
        self.position = samples.position
        self._watched = list(range(len(samples.all[0].truths))) if of_all else [samples.position]
        graph = samples.graph
        self.nodes = graph.nodes
        numbers = {id(node): number for number, node in enumerate(graph.nodes)}
        self.places: list[Place] = [(numbers[id(edge.node)], edge.place) for edge in graph.edges()]
        self.neutral: list[Place] = []
        self.neutral = [] if keep_all else self._without_effect()
        self.places = [each for each in self.places if each not in self.neutral]

        self._probes: dict[int, Probe] = {}
        self._ancestors: list[int] = []

    def probe(self, sample: Sample) -> Probe:
        """The sample along one direction, with which most hypotheses are refuted."""
        if id(sample) not in self._probes:
            self._probes[id(sample)] = Probe(sample, [self.position], self.neutral)
        return self._probes[id(sample)]

    def are_independent(self, places: Sequence[Place]) -> bool:
        """Whether what one of these edges contributes does not depend on what another does."""
        if len(places) < 2:  # noqa: PLR2004 - one alone
            return True
        if not self._ancestors:
            numbers = {id(node): number for number, node in enumerate(self.nodes)}
            for number, node in enumerate(self.nodes):
                found = 1 << number
                for each in node.inputs:
                    found |= self._ancestors[numbers[id(each)]]
                self._ancestors.append(found)
            self._numbers = numbers
        before = 0
        for number, place in places:
            before |= self._ancestors[self._numbers[id(self.nodes[number].inputs[place])]]
        return not any(before >> number & 1 for number, _ in places)

    def uses(self, number: int) -> list[Place]:
        """The edges that end in a step."""
        return [(n, place) for n, place in self.places if self.nodes[n].inputs[place] is self.nodes[number]]

    def pulled(self, sample: Sample, changed: dict[Place, Change], jumps: Any = None) -> Array | None:
        """The gradient with changes; None where shapes do not fit."""
        gradients = self.all(sample, changed, jumps)
        found = None if gradients is None else gradients[self.position]
        return found if found is not None and found.shape == sample.answers[self.position].shape else None

    def without(self, sample: Sample, places: Sequence[Place]) -> Array:
        """The gradient without what comes along some edges."""
        return sample.pulled(dict.fromkeys([*self.neutral, *places], nothing))[self.position]

    def all(self, sample: Sample, changed: dict[Place, Change], jumps: Any = None) -> tuple[Array, ...] | None:
        """The gradients of all arguments with changes; None where shapes do not fit."""
        try:
            with np.errstate(all="ignore"):
                return sample.pulled(dict.fromkeys(self.neutral, nothing) | changed, jumps)
        except (ValueError, IndexError, TypeError):
            return None

    def all_of(self, sample: Sample, made: dict[Place, MakeChange]) -> tuple[Array, ...] | None:
        """The gradients of all arguments with changes that are made for a sample; None where that is not possible."""
        changed = _changes(sample, made)
        return None if changed is None else self.all(sample, changed)

    def of(self, sample: Sample, made: dict[Place, MakeChange]) -> Array | None:
        """The gradient with changes that are made for a sample; None where one does not apply."""
        changed = _changes(sample, made)
        return None if changed is None else self.pulled(sample, changed)

    def agrees(self, made: dict[Place, MakeChange]) -> bool:
        """Whether these changes reproduce all answers."""
        is_probed = self.are_independent(list(made))
        for sample in self.samples:
            changed = _changes(sample, made)
            if changed is None or (is_probed and self._refuted(sample, changed)):
                return False
            found = self.pulled(sample, changed)
            if found is None or not sample.agrees(found, self.position):
                return False
        return True

    def _refuted(self, sample: Sample, changed: dict[Place, Change]) -> bool:
        probe = self.probe(sample)
        try:
            return probe.refutes(changed)
        except (ValueError, IndexError, TypeError):  # arrays that do not fit
            return True

    def _without_effect(self) -> list[Place]:
        probe = Probe(self.samples.all[0], self._watched)
        neutral = [each for each in self.places if _may_cancel(probe, [each]) and self._has_none([each])]
        for number in range(len(self.nodes)):  # edges that cancel each other, of a maximum that is added again
            uses = self.uses(number)
            if len(uses) > 1 and not set(uses) <= set(neutral) and _may_cancel(probe, uses) and self._has_none(uses):
                neutral += [each for each in uses if each not in neutral]
        return neutral if neutral and self._has_none(neutral) else []

    def _has_none(self, places: list[Place]) -> bool:
        for sample in self.samples:
            gradients = self.all(sample, dict.fromkeys(places, nothing))
            if gradients is None:
                return False
            for position in self._watched:
                truth = sample.truths[position]
                off = np.abs(gradients[position] - truth).max(initial=0.0)
                if off > likeness.NO_EFFECT * np.abs(truth).max(initial=0.0):
                    return False
        return True


def seen(samples: Samples, *, keep_all: bool = False, of_all: bool = False) -> View:
    """The view of samples, which is made once for each argument."""
    memory, key = samples.all[0].memory, ("view", samples.position, keep_all, of_all)
    if key not in memory:
        memory[key] = View(samples, keep_all=keep_all, of_all=of_all)
    view: View = memory[key]
    return view


def _changes(sample: Sample, made: dict[Place, MakeChange]) -> dict[Place, Change] | None:
    changed = {}
    for (number, place), make in made.items():
        change = make(sample, Edge(sample.graph.nodes[number], place))
        if change is None:
            return None
        changed[number, place] = change
    return changed


def _may_cancel(probe: Probe, places: list[Place]) -> bool:
    """Whether edges have no effect together, so far as one direction tells."""
    effects = [probe.effect(each) for each in places]
    total, size = (sum(each[part] for each in effects) for part in (0, 1))
    return abs(total) <= likeness.PROBE_AGREES * (size + probe.scale)
