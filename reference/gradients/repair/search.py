"""Looks for the edit after which a gradient is right."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from reference.gradients.repair import (
    activations,
    adjoints,
    aliases,
    arithmetic,
    axes,
    contracted,
    entries,
    exchanged,
    folds,
    indices,
    jacobians,
    masks,
    naming,
    orders,
    relations,
    renamed,
    replacing,
    selections,
    spectra,
    statements,
    together,
)
from reference.gradients.repair.asked import Asked, Sample
from reference.gradients.repair.corrected import Correcting
from reference.gradients.repair.given import given_by
from reference.gradients.repair.influence import Influence
from reference.gradients.repair.missing import missing, requirements
from reference.gradients.repair.places import Edit
from reference.gradients.repair.required import Required, Requirement
from reference.gradients.repair.running import Answers, Running, are_apart, is_right, quiet
from reference.gradients.repair.sources import NoSourceError
from reference.gradients.repair.view import View
from reference.numerics import likeness


@dataclass(frozen=True)
class Repair:
    """An edit after which a gradient is right.

    Attributes
    ----------
    word
        What its inverse is called.
    file, line, source
        Where it stands, and the first line of the statement.
    expression
        What it changes.
    positions
        The arguments of floating point whose gradients it repairs.
    cost
        As of the edit.
    edit
        The edit itself, where it was found in this process.
    """

    word: str
    file: str
    line: int
    source: str
    expression: str
    positions: tuple[int, ...]
    cost: float
    edit: Edit | None = None

    @property
    def is_renamed(self) -> bool:
        """Whether the name of another array of the forward pass stands in its place."""
        return self.edit is not None and naming.is_renamed(self.edit.place, self.edit.new)


#: Edits that repair a part of a gradient: of no more of them are pairs tried.
_MOST_PARTIAL = 14
#: Edits that there have to be steps for.
_FEWEST = 200
Family = Callable[[View], Iterator[Edit]]
#: The kinds of edits; those of a line are tried together, the likely ones first.
_FAMILIES: tuple[tuple[Family, ...], ...] = (
    (statements.stores, statements.exchanges, arithmetic.signs, axes.other_axes, axes.reductions, orders.reshapes,
     orders.turned, orders.symmetrized, orders.orders, orders.letters, orders.conjugated, indices.steps,
     indices.negated, indices.slices, indices.orders, masks.comparisons, masks.choices, masks.triangles,
     arithmetic.drops, arithmetic.options, arithmetic.powers, exchanged.lists, exchanged.ends, exchanged.windows,
     exchanged.derivatives, exchanged.entries, exchanged.neighbours, exchanged.blocks, exchanged.everywhere,
     statements.two_names, replacing.names, aliases.copies, adjoints.transposes, folds.folds, folds.rolls,
     together.constants, together.counters, together.slices, together.borders, together.others, together.halves,
     adjoints.commuted, selections.inverses, selections.indicators, selections.diagonals, entries.pairs,
     axes.unreduced, contracted.sides, renamed.families, renamed.steps, jacobians.complements,
     jacobians.projections, indices.ranges, together.strides, orders.running, spectra.conjugates, spectra.transforms),
    (statements.index_names, axes.sums, replacing.plain_factors, replacing.plain_terms,
     activations.derivatives, activations.of_products),
    (replacing.expressions, arithmetic.functions, entries.of_turn),
    (replacing.factors, replacing.terms),
)  # fmt: skip
#: In the place of which of them it is looked for what is missing, and the part of the steps that those before may take.
_OF_MISSING, _PART_BEFORE = 2, 0.6


def repairs(context: Asked, samples: Sequence[Sample]) -> list[Repair]:
    """The edits after which gradients are right in all samples, the likeliest first."""
    with quiet():
        try:
            running = Running(context, samples)
            with running:
                return Search(running, context).repairs()
        except (NoSourceError, RecursionError):  # code may be nested deeper than Python copies and compiles it
            return []


class Search:
    """The search for one context."""

    def __init__(self, running: Running, context: Asked) -> None:
        self._running = running
        self._samples = running.samples
        positions = range(len(self._samples[0].truths))
        right = {n: [is_right(s, n, s.answers[n]) for s in self._samples] for n in positions}
        # Many edits make a gradient 0, and none of them is the repair of a mistake.
        told = [n for n in positions if any(each.truths[n].any() for each in self._samples)]
        self.wrong = [n for n in told if not all(right[n])]
        self._right = [n for n in positions if all(right[n])]
        failing = [k for k in range(len(self._samples)) if not all(right[n][k] for n in positions)]
        self._first = self._samples[failing[0]] if failing else self._samples[0]
        self._context = context
        self._cases: list[tuple[int, Sample]] = []
        self._seen: View | None = None
        self._correcting: Correcting | None = None
        self._requirements: list[Requirement] = []
        self._partial: list[tuple[float, Edit]] = []

    def repairs(self) -> list[Repair]:
        """The repairs that were found, the best first."""
        if not self.wrong or not self._is_faithful():
            return []
        work = self._running.work
        self._running.recorded(self._first)
        if work.of_run > likeness.REPAIR_STEPS / _FEWEST:
            return []  # too few edits could be tried
        self._running.does_without_forward()
        view = self._view()
        influence = Influence(self._running, view, self._first, self.wrong, self._right)
        found: list[Repair] = []
        for number, edits in self._groups(view, influence):
            limit = likeness.REPAIR_STEPS * (1.0 if number >= _OF_MISSING else _PART_BEFORE)
            for edit in edits:
                if work.is_over(limit):
                    break
                if self._is_complete(found) and edit.cost > _least(found) + likeness.REPAIR_MARGIN:
                    continue
                positions = self._repairs([edit])
                if positions:
                    found.append(_repair(edit, positions, self._word_or_none(edit, positions)))
            if self._is_complete(found):
                break
        if not found:
            found += self._pairs()
        return _without_rivals(sorted(found, key=lambda each: (-len(each.positions), each.cost)))

    @property
    def steps(self) -> int:
        """The steps that were taken so far."""
        return self._running.work.done

    def _is_complete(self, found: Sequence[Repair]) -> bool:
        """Whether each wrong gradient has a repair."""
        return set(self.wrong) <= {position for each in found for position in each.positions}

    def _view(self) -> View:
        """The code with its values in four runs."""
        first, samples = self._first, self._samples
        others = [each for each in samples if each.args is not first.args]
        # A cotangent of one number, if it were the same one, would look like a constant.
        apart = (each for each in others if not np.array_equal(each.cotangent, first.cotangent))
        other = next(apart, [*others, samples[-1]][0])
        another = next((each for each in samples if each.args is first.args and each is not first), other)
        self._cases = [(0, first), (2, other), (3, another)]
        runs = [self._running.recorded(first), self._running.recorded(first, 2.0)]
        runs += [self._running.recorded(each) for each in (other, another)]
        given = given_by(self._context)
        self._correcting = Correcting(self._running, (first, first, other, another), runs, given)
        self._running.state.most_ticks = 20 + 10 * max(run.ticks for run in runs)
        self._seen = View(self._running.sites, runs, first.cotangent, given)
        return self._seen

    def _groups(self, view: View, influence: Influence) -> Iterator[tuple[int, list[Edit]]]:
        """The edits that are tried together, each with the number of their families."""
        for number in range(len(_FAMILIES)):
            if number == _OF_MISSING:
                # Few, and known to be right in one case: to look for what is missing may take all steps that are left.
                yield number, list(_until_error(influence.constants, view))
            yield number, self._edits(view, influence, number)

    def _edits(self, view: View, influence: Influence, number: int) -> list[Edit]:
        """All edits of some families, the likeliest first."""
        edits = [edit for family in _FAMILIES[number] for edit in _until_error(family, view)]
        if number == 1:
            edits += influence.scalings
            self._requirements = self._required(view, influence)
        if number == _OF_MISSING:
            edits += _until_error(missing, view, self._requirements, self._running.work, self._correcting)
        told = {each.place.node for each in self._requirements} if number > _OF_MISSING else set()
        edits = [each for each in edits if _may_repair(each, influence) and not _stores_nowhere(each)]
        edits = [each for each in edits if not (each.is_product and each.place.node in told)]
        # Those that were computed are few, and nearly known to be right: the steps have to be enough for them.
        return sorted(edits, key=lambda edit: (not edit.is_solved, edit.cost))

    def _required(self, view: View, influence: Influence) -> list[Requirement]:
        """What places lack; places where nothing helps are excluded from then on."""
        required = Required(self._running, self._cases, self.wrong, self._right)
        try:
            return requirements(view, required, self._running.work)
        except Exception:  # as of `_until_error`
            return []
        finally:
            influence.excluded |= required.excluded

    def _pairs(self) -> Iterator[Repair]:
        """Two edits of one kind that repair a gradient together, of those that repair a part of it."""
        best = sorted(self._partial, key=lambda each: each[0])[:_MOST_PARTIAL]
        work = self._running.work
        limit = work.done + likeness.REPAIR_STEPS / 4
        for (_, one), (_, two) in combinations(best, 2):
            if work.is_over(limit):
                return
            if one.word == two.word and are_apart(one, two):
                positions = self._repairs([one, two])
                if positions:
                    yield _repair(one, positions, naming.final(one))
                    return

    def _is_faithful(self) -> bool:
        """Whether the instrumented code answers as the code did."""
        answers = self._running.answers(self._first)
        return answers is not None and all(
            one.shape == two.shape and np.allclose(one, two, rtol=likeness.SAME_ANSWER, atol=0, equal_nan=True)
            for one, two in zip(answers, self._first.answers, strict=True)
        )

    def _repairs(self, edits: Sequence[Edit]) -> tuple[int, ...]:
        """The arguments whose gradients are right with edits, in all samples; none if they spoil another one."""
        with self._running.edited(*edits) as done:
            if not done:
                return ()
            answers = self._running.answers(self._first)
            positions = self._improved(self._first, answers, self.wrong)
            if not positions and len(edits) == 1 and answers is not None:
                self._note(edits[0], answers)
            for sample in self._samples:
                if not positions:
                    return ()
                if sample is not self._first:
                    positions = self._improved(sample, self._running.answers(sample), positions)
        return tuple(positions)

    def _improved(self, sample: Sample, answers: Answers | None, positions: Sequence[int]) -> list[int]:
        if answers is None:
            return []
        better = [n for n in positions if is_right(sample, n, answers[n])]
        return better if better and all(is_right(sample, n, answers[n]) for n in self._right) else []

    def _word_or_none(self, edit: Edit, positions: Sequence[int]) -> str:
        """The word for an edit; none where a rule for it stumbles over the code, which spoils no other repair."""
        try:
            return self._word(edit, positions)
        except Exception:  # as of `_until_error`
            return ""

    def _word(self, edit: Edit, positions: Sequence[int]) -> str:
        """The word for an edit; a sum with a part left out may make but one row wrong."""
        word = naming.final(edit)
        if self._seen is not None and edit.new is not None and isinstance(edit.place.node, ast.expr):
            relation = relations.Relation(self._seen, edit.place, edit.new)
            word = _REFINED.get(word, _as_it_is)(relation) or word
        pairs = [(self._first.answers[n], self._first.truths[n]) for n in positions if n in self.wrong]
        if word == "transposed" and naming.are_reversed(pairs):
            return "flipped"
        if word != "term-missing" or edit.place.role != "range":
            return word
        return naming.of_one_place([one - two for one, two in pairs if one.shape == two.shape]) or word

    def _note(self, edit: Edit, answers: Answers) -> None:
        """Keep an edit with which the gradient comes nearer to the truth."""
        left = total = 0.0
        for n in self.wrong:
            truth, before = self._first.truths[n], self._first.answers[n]
            if answers[n].shape != truth.shape or before.shape != truth.shape:
                return
            left += float(np.abs(answers[n] - truth).sum())
            total += float(np.abs(before - truth).sum())
        if left < likeness.NEARER * total and all(is_right(self._first, n, answers[n]) for n in self._right):
            self._partial.append((left / total, edit))


def _until_error(family: Callable[..., Iterator[Edit]], *args: Any) -> Iterator[Edit]:
    """The edits of a family; an exception in it, for code that nobody thought of, ends them and not the search."""
    try:
        yield from family(*args)
    except Exception:  # whatever it stumbles over, the other families have edits too
        return


def _as_it_is(_: relations.Relation) -> None:
    """No rule: the word says enough."""


#: Words that may say more where it is known how the wrong value differs from the right one.
_REFINED: dict[str, Callable[[relations.Relation], str | None]] = {
    "wrong-argument": relations.word_of,
    "factor-missing": relations.of_factors,
    "extra-term": relations.of_withheld,
}


def _least(found: Sequence[Repair]) -> float:
    """The cost of the likeliest repair."""
    return min(each.cost for each in found)


def _may_repair(edit: Edit, influence: Influence) -> bool:
    """Whether an edit can repair the gradient; where a right one depends on the place, nothing but names is tried."""
    node = edit.place.node
    is_renamed = isinstance(node, ast.Name) and isinstance(edit.new, ast.Name)
    return node not in influence.excluded and (is_renamed or node not in influence.shared)


def _stores_nowhere(edit: Edit) -> bool:
    """Whether what is stored would go into an array that nothing else has, which leaves the statement out."""
    at, parents = edit.place.node, edit.place.sites.source.parents
    while at in parents and parents[at][1] == "value" and isinstance(parents[at][0], ast.Subscript):
        at = parents[at][0]
        if isinstance(getattr(at, "ctx", None), ast.Store):
            return edit.new is not None and not isinstance(edit.new, ast.Name | ast.Attribute | ast.Subscript)
    return False


def _without_rivals(found: list[Repair]) -> list[Repair]:
    """The repairs; without a word where one was computed and another one is as simple and has another word."""
    return [
        replace(each, word="")
        if each.edit is not None
        and each.edit.is_solved
        and any(_is_rival(each, other) and other.word != each.word for other in found)
        else each
        for each in found
    ]


def _is_rival(one: Repair, other: Repair) -> bool:
    return not set(one.positions).isdisjoint(other.positions) and other.cost <= one.cost + likeness.AS_SIMPLE


def _repair(edit: Edit, positions: tuple[int, ...], word: str) -> Repair:
    place = edit.place
    sites, node = place.sites, place.node
    statement = sites.statements.get(sites.statement_of[node], node)  # the value behind a statement has none
    source, expression = (ast.unparse(each).splitlines()[0] for each in (statement, node))
    line = getattr(node, "lineno", 0)
    return Repair(word, Path(sites.source.filename).name, line, source, expression, positions, edit.cost, edit)
