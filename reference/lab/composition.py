"""Composes mistakes that nobody has listed: estimates constants from answers, and puts departures on top of each other.

What is found here reproduces the answers of one check as far as they were looked at. It is named only after the whole
check has been put to it, as to every other known mistake (`reference.lab.diagnosis`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from reference.lab.constants import Entry, constants, most_telling
from reference.lab.contract import Message
from reference.lab.estimation import neat_between
from reference.lab.mistakes import scales, stages, terms
from reference.lab.mistakes.catalogue import CATALOGUE, Mistake, classes_with
from reference.lab.mistakes.departures import (
    Array,
    Departure,
    Family,
    Formula,
    of_answers,
    of_arguments,
    of_given,
    over_axes,
    over_samples,
    rounded,
)
from reference.lab.mistakes.families import FAMILIES, beyond, threshold_of
from reference.lab.mistakes.instead import FORMULAS, instead
from reference.lab.mistakes.plain import CLASSES
from reference.lab.observations import Answers, Observation, formula_of
from reference.numerics.compare import alike_entries

#: Mistakes of one method that are put on top of each other, at most.
_DEPTH = 3
#: How many unfinished explanations are carried on.
_BEAM = 5
#: Different numbers that the answers have at least, if anything is to be said of them.
_FEWEST_NUMBERS = 2
#: How many wrong answers the search looks at and how many right ones, and how many confirm what it has found.
_WRONG, _RIGHT, _MOST_ANSWERS = 6, 4, 30
#: Numbers of a case that is looked at while there are smaller ones: the check itself sees all.
_LARGE = 2000
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


@dataclass
class _Node:
    """A formula that explains some of the answers, and the mistakes that it is made of."""

    formula: Formula
    departures: tuple[Departure, ...] = ()
    predicted: Array | None = None
    matched: int = 0
    near: int = 0
    base: Formula | None = None

    @property
    def constants(self) -> list[str]:
        """The names of the constants that were estimated, apart from factors."""
        return [name for each in self.departures for name in each.estimated if not name.startswith("factor")]


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
        return [_mistake(search.largest_first(node), node, message) for node in found[:_BEAM]]


def _spread(items: Sequence[Any], most: int) -> list[Any]:
    """So many at most, from the first to the last."""
    step = max(1, -(-len(items) // most))
    return list(items[::step])


def _chosen(observations: Sequence[Observation], right: Formula) -> tuple[list[Observation], list[Observation]]:
    """A few answers for the search, most of them wrong, and some more that confirm what it finds."""
    small = [each for each in observations if sum(array.size for array in each.given.values()) <= _LARGE]
    wrong = [each for each in small if not _is_right(each, right)]
    if not wrong:
        small, wrong = list(observations), [each for each in observations if not _is_right(each, right)]
    others = [each for each in small if not any(each is other for other in wrong)]
    few = [*_spread(wrong, _WRONG), *_spread(others, _RIGHT)]
    return few, [*_spread(wrong, _MOST_ANSWERS), *_spread(others, _MOST_ANSWERS)]


def _is_right(each: Observation, right: Formula) -> bool:
    answers = Answers([each])
    predicted = answers.predicted(right)
    return predicted is not None and bool(answers.matched(predicted).all())


class _SpentError(Exception):
    """So many formulas were tried that the search ends."""


class _Search:
    def __init__(self, observations: Sequence[Observation], message: Message, depth: int = _DEPTH) -> None:
        self.depth = depth
        self.asked = self.weight = 0.0
        self.message = message
        formula = formula_of(CLASSES[message.cls], message)
        self.observations, confirming = _chosen(observations, formula)
        self.answers, self.confirming = Answers(self.observations), Answers(confirming)
        self.names = tuple(self.observations[0].given)
        self.entries = self.answers.due.size
        numbers = sum(array.size for each in self.observations for array in each.given.values())
        self.weight = 1 + numbers / len(self.observations) / _LARGE
        self.right = self._scored(_Node(formula))
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

    def found(self) -> list[_Node]:
        """The nodes that explain all answers; none if there are none, or the search takes too long."""
        try:
            found = self._run()
        except _SpentError:
            return []
        self.asked = 0
        return found

    def _run(self) -> list[_Node]:
        right = self.right
        if right.matched == self.entries:
            # The answers are wrong by no more than two codings of one formula may differ: that tells nothing.
            return []
        cores = [*self._catalogue(), *self._written_wrongly()]
        # What costs little comes first: known formulas and what has no constant, alone and then in twos.
        nodes = [*cores, *self._without_constants(right)]
        if found := self._complete(nodes):
            return found
        if self.depth > 1:
            mixed = [each for each in over_samples(per_sample=self.message.per_sample) if self._is_left_by(each)]
            pairs = [self._on_top(node, departure) for node in cores for departure in mixed]
            nodes += [*pairs, *(wider for node in [*nodes, *pairs] for wider in self._scaled(node))]
            if found := self._complete(nodes):
                return found
            twice = (self._on_top(right, each) for each in stages.pairs(self.faulty) if self._is_likely(each))
            nodes += [each for node in twice for each in (node, *self._scaled(node))]
            if found := self._complete(nodes):
                return found
        nodes += self._with_constants(right)
        for level in range(1, self.depth + 1):
            found = self._complete(nodes)
            if found or level == self.depth:
                return found
            more = [wider for node in nodes for wider in self._scaled(node)]
            if level == 1:
                more += self._scaled(right, loosely=True)
            for node in self._promising([*nodes, *more]):
                more += [*self._without_constants(node), *self._with_constants(node)]
                if found := self._complete(more):
                    return found
            nodes = self._promising(more, 4 * _BEAM)
        return []

    def _written_wrongly(self) -> list[_Node]:
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
        return int(np.count_nonzero(np.abs(ratios - middle) <= scales.AGREEMENT * abs(middle))) > ratios.size / 2

    def _promising(self, nodes: Sequence[_Node], most: int = _BEAM) -> list[_Node]:
        """Those that explain more than the right formula does: to the last digit, or to a hundredth."""
        exact = [node for node in nodes if node.matched > self.right.matched]
        near = [node for node in nodes if node.near > max(self.right.near, self.entries // 2)]
        exact.sort(key=lambda node: -node.matched)
        near.sort(key=lambda node: -node.near)
        chosen = {id(node): node for node in [*exact[:most], *near[:most]]}
        return list(chosen.values())

    def _complete(self, nodes: Sequence[_Node]) -> list[_Node]:
        """Those that explain every entry; those made for this formula alone, if there are any."""
        found = [node for node in nodes if node.matched == self.entries and self._is_confirmed(node)]
        # Made for this formula alone comes first, then what needs no constant.
        specific = [node for node in found if all(each.specific for each in node.departures)] or found
        fewest = min((len(node.constants) for node in specific), default=0)
        return [node for node in specific if len(node.constants) == fewest]

    def _is_confirmed(self, node: _Node) -> bool:
        """Whether a node explains the other answers as well."""
        predicted = self.confirming.predicted(node.formula)
        return predicted is not None and bool(self.confirming.matched(predicted).all())

    def largest_first(self, node: _Node) -> list[Departure]:
        """The departures of a node: the first is the one that alone makes the most numbers wrong."""
        alone = {id(each): self._right_ones(self._on_top(self.right, each)) for each in node.departures}
        return sorted(node.departures, key=lambda each: alone[id(each)])

    def _right_ones(self, node: _Node) -> int:
        """How many entries a node gives as the right formula does."""
        if node.predicted is None or self.right.predicted is None:
            return 0
        bound = np.zeros(node.predicted.shape)
        return int(np.count_nonzero(alike_entries(node.predicted, self.right.predicted, bound)))

    def _catalogue(self) -> list[_Node]:
        found = []
        for each in CATALOGUE:
            if each.subject != self.message.subject or each.word in _NOT_OF_VALUES:
                continue
            formula = formula_of(each.classes[self.message.cls], self.message)
            known = Departure(each.word, each.hint, lambda _, formula=formula: formula, {}, each.further)  # type: ignore[misc]
            found.append(self._scored(_Node(formula, (known,))))
        return found

    def _scored(self, node: _Node) -> _Node:
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

    def _on_top(self, node: _Node, departure: Departure) -> _Node:
        """The node with a departure after all its others."""
        departures = (*node.departures, departure)
        return self._scored(_Node(departure.change(node.formula), departures, base=node.base or node.formula))

    def _beneath(self, node: _Node, departure: Departure) -> _Node:
        """The node with a departure before all its others."""
        formula = departure.change(node.base or node.formula)
        for each in node.departures:
            formula = each.change(formula)
        return self._scored(_Node(formula, (departure, *node.departures), base=node.base or node.formula))

    def _without_constants(self, node: _Node) -> Iterator[_Node]:
        """The node with one more departure, which has no constant but a factor or coefficients."""
        yield from self._scaled(node)
        if not node.departures:
            yield from self._with_threshold(node)
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

    def _with_constants(self, node: _Node) -> Iterator[_Node]:
        """The node with one more departure, whose constant is estimated."""
        answers = of_answers(len(self.message.parts))
        everywhere = (*of_arguments(self.names), *answers)
        attempts = [(family, self._on_top) for family in everywhere]
        if not node.departures:
            # One mistake comes before two.
            own = sorted(FAMILIES.get(self.message.subject, []), key=lambda family: len(family.make(_ANY).further))
            own += [*FORMULAS.get(self.message.subject, ()), *stages.families(self.message.subject)]
            attempts += [(family, self._on_top) for family in own]
        elif _is_outside(node):
            own = FAMILIES.get(self.message.subject, [])
            attempts = [(family, self._beneath) for family in (*own, *answers)] + attempts
        for family, place in attempts:
            best = self._best_of(node, family, place)
            if best is not None:
                yield best
                if best.matched == self.entries:
                    return

    def _with_terms(self, node: _Node) -> Iterator[_Node]:
        """The sum of terms with other coefficients."""
        cases = [(each.given, each.answer[0]) for each in self.observations]
        classes = self.message.cls != "LinearLayer"
        departure = terms.estimated(self.message.subject, cases, per_sample=self.message.per_sample, classes=classes)
        if departure is not None:
            yield self._on_top(node, departure)

    def _scaled(self, node: _Node, *, loosely: bool = False) -> Iterator[_Node]:
        """The node with the factors that its answers lack, part by part; ``loosely``: but for something small."""
        if any(departure.estimated.get("factor") for departure in node.departures):
            return
        if node.predicted is None:
            return
        found: list[scales.Scale] = []
        for part in range(len(self.message.parts)):
            ratios, sizes, within = self.answers.ratios(node.predicted, part)
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

    def _with_threshold(self, node: _Node) -> Iterator[_Node]:
        if self.message.cls != "ReLULayer":
            return
        low, high = -np.inf, np.inf
        for each in self.observations:
            found = threshold_of(self.message.subject, each.given, each.answer[0])
            if found is not None:
                low, high = max(low, found[0]), min(high, found[1])
        if np.isfinite([low, high]).all() and low < high:
            yield self._on_top(node, beyond(self.message.subject, _between(low, high)))

    def _best_of(self, node: _Node, family: Family, place: Callable[[_Node, Departure], _Node]) -> _Node | None:
        """The member of a family, on top of the node, that explains the most answers, and more than the node does."""
        best: _Node | None = None
        if node.predicted is None:
            return None
        changed = _formula_beneath if place == self._beneath else _formula_on_top

        def formula(c: float) -> Formula:
            self._count(1)
            return changed(node, family.make(c))

        for entry in self._telling(node)[: family.telling]:
            for constant in constants(family, entry, formula):
                candidate = place(node, family.make(constant))
                if candidate.matched > max(node.matched, best.matched if best else 0):
                    best = candidate
            if best is not None and best.matched == self.entries:
                break
        return best

    def _telling(self, node: _Node) -> list[Entry]:
        return [] if node.predicted is None else most_telling(self.answers, node.predicted)


def _between(low: float, high: float) -> float:
    """A threshold from ``low`` on and below ``high``: the one with the fewest digits."""
    return 0.0 if low <= 0 < high else neat_between(low, float(np.nextafter(high, low)))


def _formula_on_top(node: _Node, departure: Departure) -> Formula:
    return departure.change(node.formula)


def _formula_beneath(node: _Node, departure: Departure) -> Formula:
    formula = departure.change(node.base or node.formula)
    for each in node.departures:
        formula = each.change(formula)
    return formula


def _is_outside(node: _Node) -> bool:
    """Whether a node changes the answer of the right formula alone, by a factor or over the samples."""
    return bool(node.departures) and all(each.outside for each in node.departures)


def _mistake(departures: Sequence[Departure], node: _Node, message: Message) -> Mistake:
    """The mistake that a formula makes, as a method of the right class; the first of the departures comes first."""

    def method(self: Any, *arguments: Any, **named: Any) -> Any:
        given = {**dict(zip(message.arguments, arguments, strict=False)), **named}
        for name in ("W", "b"):
            if hasattr(self, name):
                given[name] = getattr(self, name)
        parts = node.formula(given)
        return list(parts) if len(message.parts) > 1 else parts[0]

    words = [word for each in departures for word in (each.word, *each.further)]
    estimated = {name: told for each in node.departures for name, told in each.estimated.items()}
    name = f"{message.subject}: {', '.join(words)} {estimated}"
    classes = classes_with(message.subject, method)
    return Mistake(name, message.subject, words[0], departures[0].hint, classes, tuple(words[1:]), estimated)
