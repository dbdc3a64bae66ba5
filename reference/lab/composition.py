"""Composes mistakes that nobody has listed: estimates constants from answers, and puts departures on top of each other.

What is found here reproduces the answers of one check as far as they were looked at. It is named only after the whole
check has been put to it, as to every other known mistake (`reference.lab.diagnosis`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from reference.lab.constants import Entry, constants, most_telling
from reference.lab.contract import Message
from reference.lab.mistakes import scales, stages, terms
from reference.lab.mistakes.arithmetic import by_arithmetic
from reference.lab.mistakes.catalogue import CATALOGUE, Mistake
from reference.lab.mistakes.departures import (
    Departure,
    Family,
    Formula,
    hidden,
    of_answers,
    of_arguments,
    of_given,
    over_axes,
    rounded,
)
from reference.lab.mistakes.families import FAMILIES
from reference.lab.mistakes.instead import FORMULAS, instead
from reference.lab.mistakes.plain import CLASSES
from reference.lab.mistakes.samples import over_samples
from reference.lab.mistakes.thresholds import thresholds
from reference.lab.nodes import LARGE, Node, chosen, is_supported, is_wrong, mistake_of, of_each_kind
from reference.lab.observations import Answers, Observation, formula_of
from reference.numerics.compare import alike_entries

#: Mistakes of one method that are put on top of each other, at most.
_DEPTH = 3
#: How many unfinished explanations are carried on.
_BEAM = 5
#: Different numbers that the answers have at least, if anything is to be said of them.
_FEWEST_NUMBERS = 2
#: How many formulas that are held to one answer alone cost as much as one that is counted.
_CHEAP = 2
#: How many answers to single cases are computed in all: a choice of time.
_MOST_FORMULAS = 8_000
#: A constant that any family takes.
_ANY = 0.25
#: How near a formula is to answers that it may explain with one mistake more, as a fraction.
_NEARLY = 0.03
#: Words of the catalogue that are about the values of an answer alone.
_NOT_OF_VALUES = frozenset(
    {
        *("missing", "not-implemented", "crash", "timeout", "memory", "exits", "wrong-shape", "wrong-dtype"),
        *("wrong-type", "mutates-input", "stateful", "nondeterministic", "aliases-input", "layout-dependent"),
        "batch-size-dependent",
    }
)


def composed(observations: Sequence[Observation], message: Message, depth: int = _DEPTH) -> list[Mistake]:
    """Mistakes, or up to ``depth`` on top of each other, that give these answers: those with the fewest departures."""
    if (
        len({float(number) for each in observations for part in each.answer for number in part.ravel()})
        < _FEWEST_NUMBERS
    ):
        # A constant is clipped, scaled and rounded from anything.
        return []
    with np.errstate(all="ignore"):
        search = _Search(observations, message, depth)
        found = search.found()
        mistakes = [mistake_of(search.largest_first(node), node, message) for node in found]
        return of_each_kind(mistakes)


class _SpentError(Exception):
    """So many formulas were tried that the search ends."""


class _Search:
    def __init__(self, observations: Sequence[Observation], message: Message, depth: int = _DEPTH) -> None:
        self.depth = depth
        self.asked = 0.0
        self.message = message
        formula = formula_of(CLASSES[message.cls], message)
        self.observations, confirming = chosen(observations, formula)
        self.answers, self.confirming = Answers(self.observations), Answers(confirming)
        self.names = tuple(self.observations[0].given)
        self.entries = self.answers.due.size
        numbers = sum(array.size for each in self.observations for array in each.given.values())
        self.weight = 1 + numbers / len(self.observations) / LARGE
        self.right = self._scored(Node(formula))
        self.telling, self.looked = Answers([self._most_various()]), 0
        self.faulty: list[stages.Faulty] = []
        self.plain = [each for each in self._departures() if self._is_left_by(each)]

    def _most_various(self) -> Observation:
        """The answer with the most different wrong entries."""
        wrong = np.ones(self.entries, bool)
        if self.right.predicted is not None:
            wrong = ~self.answers.matched(self.right.predicted) & np.isfinite(self.answers.due)

        def various(number: int) -> int:
            places = self.answers.places[number]
            return len(np.unique(np.concatenate([self.answers.due[place][wrong[place]] for place in places])))

        return self.observations[max(range(len(self.observations)), key=various)]

    def found(self) -> list[Node]:
        """The nodes that explain all answers; none if there are none, or the search takes too long."""
        try:
            found = self._run()
        except _SpentError:
            return []
        self.asked = 0
        return found

    def _run(self) -> list[Node]:
        right = self.right
        if right.matched == self.entries:
            # The answers are wrong by no more than two codings of one formula may differ: that tells nothing.
            return []
        nodes: list[Node] = []
        for step in self._steps():
            made = step(nodes)
            if found := self._complete(made):
                return found
            nodes += made
        for _ in range(1, self.depth):
            more = [wider for node in nodes for wider in self._scaled(node)]
            for node in self._promising([*nodes, *more]):
                more += [*self._without_constants(node), *self._with_constants(node)]
                if found := self._complete(more):
                    return found
            nodes = self._promising(more, 4 * _BEAM)
        return []

    def _steps(self) -> Iterator[Callable[[list[Node]], list[Node]]]:
        """What is tried, one after the other: what costs little comes first, one mistake before two."""
        yield lambda nodes: [*self._catalogue(), *self._written_wrongly()]
        yield lambda nodes: list(self._without_constants(self.right))
        if self.depth > 1:
            yield self._mixed
            yield lambda nodes: self._by_arithmetic()
            yield lambda nodes: list(self._all_but_for_a_factor(self.right))
            yield lambda nodes: list(self._twice())
        yield lambda nodes: list(self._with_constants(self.right, self._own()))
        yield lambda nodes: list(self._with_constants(self.right, list(stages.families(self.message.subject))))

    def _mixed(self, nodes: Sequence[Node]) -> list[Node]:
        """The nodes over the samples, and scaled."""
        mixed = [each for each in over_samples(per_sample=self.message.per_sample) if self._is_left_by(each)]
        pairs = [self._on_top(node, departure) for node in nodes for departure in mixed if not node.is_outside]
        return [*pairs, *(wider for node in [*nodes, *pairs] for wider in self._scaled(node))]

    def _by_arithmetic(self) -> list[Node]:
        """The formula with a term or a factor too many, or another formula of the same arguments."""
        nodes: list[Node] = []
        cases = [(each.given, each.answer) for each in self.observations]
        wrong = [is_wrong(each, self.right.formula) for each in self.observations]
        for departures in by_arithmetic(self.message, self.right.formula, cases, wrong):
            nodes += [self._on_top(self.right, each) for each in departures]
            if self._complete(nodes):
                break
        return nodes

    def _twice(self) -> Iterator[Node]:
        """The formula with two faults in its stages."""
        for each in stages.pairs(self.faulty):
            if self._is_likely(each):
                node = self._on_top(self.right, each)
                yield node
                yield from self._scaled(node)

    def _all_but_for_a_factor(self, right: Node) -> Iterator[Node]:
        """What is right but for something small and a factor, such as 1 / N."""
        for node in self._scaled(right, loosely=True):
            yield from self._with_constants(node)

    def _own(self) -> list[Family]:
        """Formulas with a constant that are made for this method; one mistake comes before two."""
        own = sorted(FAMILIES.get(self.message.subject, []), key=lambda family: len(family.make(_ANY).further))
        return [*own, *FORMULAS.get(self.message.subject, ())]

    def _written_wrongly(self) -> list[Node]:
        """The formula with a fault in one of its stages, or another formula in its place."""
        found = []
        right = {
            each: self._is_as_right(stages.as_formula(each)) for each in stages.STAGED.get(self.message.subject, ())
        }
        for faulty in stages.single(self.message.subject):
            departure = faulty.departure()
            # A fault that changes nothing here explains nothing, with another one or without.
            if right[faulty.staged] and not self._is_as_right(departure.change(self.right.formula)):
                self.faulty.append(faulty)
                found.append(departure)
        found += instead(self.message.subject)
        return [self._on_top(self.right, each) for each in found if self._is_likely(each)]

    def _is_as_right(self, formula: Formula) -> bool:
        """Whether a formula gives what the right one gives for the most telling case."""
        self._count_cheap()
        one, right = self.telling.predicted(formula), self.telling.predicted(self.right.formula)
        return one is not None and right is not None and bool(alike_entries(one, right, self.telling.bound).all())

    def _count_cheap(self) -> None:
        self.looked += 1
        if self.looked % _CHEAP == 0:
            self._count(1)

    def _is_likely(self, departure: Departure) -> bool:
        """Whether a departure gives most of one answer, but for a factor: those that do not are left out at once."""
        self._count_cheap()
        predicted = self.telling.predicted(departure.change(self.right.formula))
        if predicted is None:
            return False
        due = self.telling.due
        if np.count_nonzero(self.telling.matched(predicted)) > due.size / 2:
            return True
        ratios = (due / predicted)[np.isfinite(predicted) & (predicted != 0) & np.isfinite(due) & (due != 0)]
        if not ratios.size:
            return False
        middle = np.sort(ratios)[ratios.size // 2]
        alike = np.abs(ratios - middle) <= scales.AGREEMENT * abs(middle)
        return bool(alike.mean() > 1 / 2)

    def _promising(self, nodes: Sequence[Node], most: int = _BEAM) -> list[Node]:
        """Those that explain more than the right formula does: to the last digit, or to a hundredth."""
        exact = [node for node in nodes if node.matched > self.right.matched]
        near = [node for node in nodes if node.near > max(self.right.near, self.entries // 2)]
        exact.sort(key=lambda node: -node.matched)
        near.sort(key=lambda node: -node.near)
        chosen = {id(node): node for node in [*exact[:most], *near[:most]]}
        return list(chosen.values())

    def _complete(self, nodes: Sequence[Node]) -> list[Node]:
        """Those that explain every entry; those made for this formula alone, if there are any."""
        found = [node for node in nodes if node.matched == self.entries and self._is_certain(node)]
        # Made for this formula alone comes first, then what needs no constant.
        made = [sum(each.specific for each in node.departures) / len(node.departures) for node in found]
        specific = [node for node, share in zip(found, made, strict=True) if share == max(made)]
        fewest = min((len(node.constants) for node in specific), default=0)
        return [node for node in specific if len(node.constants) == fewest]

    def _is_certain(self, node: Node) -> bool:
        """Whether a node explains the other answers as well, and they are enough."""
        predicted = self.confirming.predicted(node.formula)
        if predicted is None or not self.confirming.matched(predicted).all():
            return False
        return is_supported(node, self.confirming, self.confirming.predicted(self.right.formula))

    def largest_first(self, node: Node) -> list[Departure]:
        """The departures of a node: the first is the one that alone makes the most numbers wrong."""
        alone = {id(each): self._right_ones(self._on_top(self.right, each)) for each in node.departures}
        return sorted(node.departures, key=lambda each: alone[id(each)])

    def _right_ones(self, node: Node) -> int:
        """How many entries a node gives as the right formula does."""
        if node.predicted is None or self.right.predicted is None:
            return 0
        return int(np.count_nonzero(alike_entries(node.predicted, self.right.predicted, 0.0)))

    def _catalogue(self) -> list[Node]:
        found = []
        for each in CATALOGUE:
            if each.subject != self.message.subject or each.word in _NOT_OF_VALUES:
                continue
            formula = formula_of(each.classes[self.message.cls], self.message)
            known = Departure(each.word, each.hint, lambda _, formula=formula: formula, {}, each.further, specific=True)  # type: ignore[misc]
            found.append(self._scored(Node(formula, (known,))))
        # What changes nothing here explains nothing, and no more where something else is put on top of it.
        return [each for each in found if self._right_ones(each) < self.entries]

    def _scored(self, node: Node) -> Node:
        self._count(len(self.observations))
        node.predicted = self.answers.predicted(node.formula)
        if node.predicted is not None:
            node.matched = int(np.count_nonzero(self.answers.matched(node.predicted)))
            node.near = self.answers.near(node.predicted, _NEARLY)
        return node

    def _count(self, formulas: int) -> None:
        self.asked += formulas * self.weight
        if self.asked > _MOST_FORMULAS:
            raise _SpentError

    def _on_top(self, node: Node, departure: Departure) -> Node:
        """The node with a departure after all its others."""
        departures = (*node.departures, departure)
        return self._scored(Node(node.on_top(departure), departures, base=node.base or node.formula))

    def _beneath(self, node: Node, departure: Departure) -> Node:
        """The node with a departure before all its others."""
        departures = (departure, *node.departures)
        return self._scored(Node(node.beneath(departure), departures, base=node.base or node.formula))

    def _without_constants(self, node: Node) -> Iterator[Node]:
        """The node with one more departure, which has no constant but a factor or coefficients."""
        yield from self._scaled(node)
        if not node.departures:
            cases = [(each.given, each.answer[0]) for each in self.confirming.observations]
            for departure in thresholds(self.message.subject, cases):
                yield self._on_top(node, departure)
            yield from self._with_terms(node)
        for departure in self.plain:
            yield self._on_top(node, departure)

    def _departures(self) -> list[Departure]:
        """All without a constant, whatever the formula is."""
        per_sample = self.message.per_sample
        return [
            *over_samples(per_sample=per_sample),
            *over_axes(len(self.message.parts), per_sample=per_sample),
            *of_given(self.names),
            *hidden(),
            *rounded(self.names),
        ]

    def _is_left_by(self, departure: Departure) -> bool:
        """Whether the answers can come from a departure, as far as they tell without any formula."""
        if departure.leaves is None:
            return True
        return all(
            bool(alike_entries(np.asarray(one), other, bound).all())
            for each in self.observations
            for one, other, bound in zip(departure.leaves(each.answer), each.answer, each.bounds, strict=True)
        )

    def _with_constants(self, node: Node, own: Sequence[Family] = ()) -> Iterator[Node]:
        """The node with one more departure, whose constant is estimated."""
        answers = of_answers(len(self.message.parts))
        attempts = [(family, self._on_top) for family in (*of_arguments(self.names), *answers, *own)]
        if node.is_outside:
            attempts = [(family, self._beneath) for family in (*self._own(), *answers)] + attempts
        for family, place in attempts:
            best = self._best_of(node, family, place)
            if best is not None:
                yield best
                if best.matched == self.entries:
                    return

    def _with_terms(self, node: Node) -> Iterator[Node]:
        """The sum of terms with other coefficients."""
        cases = [(each.given, each.answer[0]) for each in self.observations]
        classes = self.message.cls != "LinearLayer"
        departure = terms.estimated(self.message.subject, cases, per_sample=self.message.per_sample, classes=classes)
        if departure is not None:
            yield self._on_top(node, departure)

    def _scaled(self, node: Node, *, loosely: bool = False) -> Iterator[Node]:
        """The node with the factors that its answers lack, part by part; ``loosely``: but for something small."""
        if any(departure.estimated.get("factor") for departure in node.departures):
            return
        # To see what most cases have in common takes more of them.
        answers = self.confirming if loosely else self.answers
        predicted = answers.predicted(node.formula) if loosely else node.predicted
        if predicted is None:
            return
        found: list[scales.Scale] = []
        for part in range(len(self.message.parts)):
            ratios, sizes, within = answers.ratios(predicted, part)
            # A part without a clear entry, such as zeros, says nothing of its factor.
            scale = scales.fitting(ratios, sizes, within=within, loosely=loosely) if ratios else scales.Scale(1.0)
            if scale is None:
                return
            found.append(scale)
        if all(scale.is_one for scale in found):
            return
        classes = self.message.cls != "LinearLayer"
        settings: Any = {"per_sample": self.message.per_sample, "classes": classes, "names": self.message.parts}
        yield self._on_top(node, scales.departure(found, **settings))

    def _best_of(self, node: Node, family: Family, place: Callable[[Node, Departure], Node]) -> Node | None:
        """The member of a family, on top of the node, that explains the most answers, and more than the node does."""
        best: Node | None = None
        changed = node.beneath if place == self._beneath else node.on_top

        def formula(c: float) -> Formula:
            self._count(1)
            return changed(family.make(c))

        for entry in self._telling(node)[: family.telling]:
            for constant in constants(family, entry, formula):
                candidate = place(node, family.make(constant))
                if candidate.matched > max(node.matched, best.matched if best else 0):
                    best = candidate
            if best is not None and best.matched == self.entries:
                break
        return best

    def _telling(self, node: Node) -> list[Entry]:
        return [] if node.predicted is None else most_telling(self.answers, node.predicted)
