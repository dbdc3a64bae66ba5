"""Explanations in the making: formulas that give some of the answers, and what speaks for them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from reference.lab.contract import Message
from reference.lab.estimation import NAMED
from reference.lab.mistakes.catalogue import Mistake, classes_with
from reference.lab.mistakes.departures import Array, Departure, Formula
from reference.lab.observations import Answers, Observation

#: How many wrong answers the search looks at and how many right ones, and how many confirm what it has found.
_WRONG, _RIGHT, _MOST_ANSWERS = 6, 4, 30
#: How many explanations of the same words are put to the whole check.
_OF_ONE_KIND = 3
#: Numbers of a case that is looked at while there are smaller ones: the check itself sees all.
LARGE = 2000
#: Different numbers that are wrong, at least, if a formula is said to have given them, and if one of its constants is
#: no short number.
_FEWEST_NUMBERS, _FEWEST_FOR_CONSTANT = 3, 6
#: A number that nobody has written by hand.
_LONG = re.compile(r"\d*\.?\d{6,}")
#: Words for what may give the same number again and again.
_LIMITING = frozenset({"clipped", "nan-hidden", "log-of-zero", "no-shift", "batch-wide-shift"})


@dataclass
class Node:
    """A formula that explains some of the answers, and the mistakes that it is made of.

    Attributes
    ----------
    formula
        With all the mistakes.
    departures
        The mistakes, the innermost first.
    predicted
        What the formula gives for the answers that are looked at; None where it fails.
    matched, near
        How many entries it gives to the last digit, and roughly.
    base
        The formula without the departures.
    """

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

    @property
    def is_outside(self) -> bool:
        """Whether it changes the answer of the right formula alone, by a factor or over the samples."""
        return bool(self.departures) and all(each.outside for each in self.departures)

    def on_top(self, departure: Departure) -> Formula:
        """The formula with a departure after all others."""
        return departure.change(self.formula)

    def beneath(self, departure: Departure) -> Formula:
        """The formula with a departure before all others."""
        formula = departure.change(self.base or self.formula)
        for each in self.departures:
            formula = each.change(formula)
        return formula


def is_supported(node: Node, answers: Answers, right: Array | None) -> bool:
    """Whether enough different numbers are wrong to speak for a formula: a few are clipped or scaled from anything."""
    if right is None:
        return True
    wrong = ~answers.matched(right) & np.isfinite(answers.due)
    if not wrong.any():
        return True
    estimated = [told for each in node.departures for told in each.estimated.values()]
    if estimated and np.count_nonzero(wrong) < _FEWEST_NUMBERS:
        return False
    if {word for each in node.departures for word in (each.word, *each.further)} <= _LIMITING:
        return True
    # A zero stands where something else was due: that tells as much as the number that was.
    numbers = len(np.unique(np.where(answers.due == 0, right, answers.due)[wrong]))
    return numbers >= (_FEWEST_FOR_CONSTANT if any(map(_is_long, estimated)) else _FEWEST_NUMBERS)


def _is_long(told: str) -> bool:
    """Whether a constant is one that nobody has written: it has many digits and no name."""
    try:
        return bool(_LONG.search(told)) and abs(float(told)) not in NAMED
    except ValueError:  # it is told in words
        return bool(_LONG.search(told))


def _spread(items: Sequence[Any], most: int) -> list[Any]:
    """So many at most, from the first to the last."""
    step = max(1, -(-len(items) // most))
    return list(items[::step])


def chosen(observations: Sequence[Observation], right: Formula) -> tuple[list[Observation], list[Observation]]:
    """A few answers for the search, most of them wrong, and some more that confirm what it finds."""
    small = [each for each in observations if sum(array.size for array in each.given.values()) <= LARGE]
    wrong = [each for each in small if not _is_right(each, right)]
    if not wrong:
        small, wrong = list(observations), [each for each in observations if not _is_right(each, right)]
    others = [each for each in small if not any(each is other for other in wrong)]
    few = [*_spread(wrong, _WRONG), *_spread(others, _RIGHT)]
    return few, [*_spread(wrong, _MOST_ANSWERS), *_spread(others, _MOST_ANSWERS)]


def is_wrong(each: Observation, right: Formula) -> bool:
    """Whether an answer is not the right formula's."""
    return not _is_right(each, right)


def _is_right(each: Observation, right: Formula) -> bool:
    answers = Answers([each])
    predicted = answers.predicted(right)
    return predicted is not None and bool(answers.matched(predicted).all())


def mistake_of(departures: Sequence[Departure], node: Node, message: Message) -> Mistake:
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


def of_each_kind(mistakes: Sequence[Mistake]) -> list[Mistake]:
    """A few mistakes for each choice of words, so that none is said because another was not looked at."""
    kept: dict[frozenset[str], list[Mistake]] = {}
    for each in mistakes:
        alike = kept.setdefault(frozenset(each.words), [])
        if len(alike) < _OF_ONE_KIND:
            alike.append(each)
    return [each for alike in kept.values() for each in alike]
