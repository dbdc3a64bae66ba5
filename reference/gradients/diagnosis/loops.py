"""Mistakes that are made anew at each turn of a loop: one line of the forward pass makes many steps of the graph.

A line of the gradient that is wrong is wrong at each turn. So what a hypothesis changes, it changes at all the steps
that one place in the forward pass has made.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import permutations
from typing import Any

from numpy.typing import NDArray

from reference.gradients.diagnosis import changes, composite
from reference.gradients.diagnosis.changes import value_of
from reference.gradients.diagnosis.graph import Change, Edge, Node, contribution
from reference.gradients.diagnosis.named import Named, first_found
from reference.gradients.diagnosis.samples import MakeChange, Place, Sample, Samples
from reference.gradients.diagnosis.view import View, seen

Array = NDArray[Any]
#: The steps of one place in the code, in their order.
Role = tuple[int, ...]
#: A loop has so many turns, where one that is left out can be told from a term that is missing.
_TURNS = 3
#: Steps whose derivative is written in terms of their output.
_OF_OUTPUT = {"tanh", "exp", "sqrt", "expm1", "reciprocal", "tan"}


def explanations(samples: Samples) -> Iterator[Named]:
    """All hypotheses of this module that reproduce the answers; the first kind that has any is told."""
    roles = roles_of(samples.graph.nodes)
    if not roles:
        return
    view = seen(samples, of_all=True)
    _restore(view, roles)
    trial = _Trial(view, roles)
    yield from first_found((_simple, _turn_left_out, _segments, _without_next_factor, _other_values), trial)


def roles_of(nodes: Sequence[Node]) -> list[Role]:
    """The steps that one place in the code has made several times."""
    found: dict[Any, list[int]] = {}
    for number, node in enumerate(nodes):
        if node.inputs:
            found.setdefault((node.site, node.op), []).append(number)
    return [tuple(each) for each in found.values() if len(each) > 1]


def _restore(view: View, roles: list[Role]) -> None:
    """Take edges for what they are at other turns: at one they may have no effect because a state begins with zeros."""
    lead, back = set(view.places), set()
    for role in roles:
        for place in range(len(view.nodes[role[0]].inputs)):
            edges = {(number, place) for number in role}
            if edges & lead:
                back |= edges
    back &= set(view.neutral)
    view.neutral = [each for each in view.neutral if each not in back]
    view.places = sorted([*view.places, *back])


class _Trial:
    """Tries hypotheses; the gradients of all arguments are kept, since the next argument asks for them again."""

    def __init__(self, view: View, roles: list[Role]) -> None:
        self.view = view
        self.roles = roles
        self.numbers = {id(node): number for number, node in enumerate(view.nodes)}
        self.places = set(view.places)
        self._reaches = _arguments_before(view)
        samples = view.samples
        first = samples.all[0]
        self._wrong = {
            n for n, truth in enumerate(first.truths) if not all(each.agrees(each.truths[n], n) for each in samples)
        }

    def edges(self) -> Iterator[tuple[Role, int, list[Place]]]:
        """Each place of an input, at all steps of a role, that leads to wrong gradients alone."""
        for role in self.roles:
            for place in range(len(self.view.nodes[role[0]].inputs)):
                edges = [(number, place) for number in role if (number, place) in self.places]
                reached = {n for number, _ in edges for n in self._reaches[id(self.view.nodes[number].inputs[place])]}
                if len(edges) > 1 and self.view.position in reached and reached <= self._wrong:
                    yield role, place, edges

    def leads_to_wrong(self, role: Role) -> bool:
        """Whether steps depend on the argument, and on none whose gradient is right."""
        reached = {n for number in role for n in self._reaches[id(self.view.nodes[number])]}
        return self.view.position in reached and reached <= self._wrong

    def jumps_agree(self, key: Any, jumps: dict[int, tuple[int, list[Array]]]) -> bool:
        """Whether other derivatives of several steps at once, for each sample, reproduce all answers."""
        view = self.view
        for which, sample in enumerate(view.samples):
            if (key, which) not in sample.memory:
                nodes = sample.graph.nodes
                by_step = {
                    last: (nodes[first], lambda g, d=values[which]: g * d) for last, (first, values) in jumps.items()
                }
                sample.memory[key, which] = view.all(sample, {}, by_step)
            found = sample.memory[key, which]
            if found is None or not sample.agrees(found[view.position], view.position):
                return False
        return True

    def agrees(self, key: Any, made: dict[Place, MakeChange]) -> bool:
        """Whether changes reproduce all answers for the argument."""
        view, sample = self.view, self.view.samples.all[0]
        key = (key, tuple(made))
        if key not in sample.memory:
            sample.memory[key] = view.all_of(sample, made)
        found = sample.memory[key]
        if found is None or not sample.agrees(found[view.position], view.position):
            return False
        return view.agrees(made)


def _arguments_before(view: View) -> dict[int, frozenset[int]]:
    found: dict[int, frozenset[int]] = {id(node): frozenset({n}) for n, node in enumerate(view.samples.graph.arguments)}
    for node in view.nodes:
        if id(node) not in found:
            found[id(node)] = frozenset().union(*(found[id(each)] for each in node.inputs))
    return found


# At each step of a place


def _simple(trial: _Trial) -> Iterator[Named]:
    """What comes along an edge is missing, has the wrong sign, or the step is differentiated wrongly."""
    samples = trial.view.samples
    for role, place, edges in trial.edges():
        node = trial.view.nodes[role[-1]]
        kinds: list[tuple[str, MakeChange]] = [("term-missing", _nothing), ("sign", _negative)]
        kinds += [each for each in changes.local(samples, node, place, alone=True) if each[0] != "mask-wrong-threshold"]
        for number, (word, make) in enumerate(kinds):
            if trial.agrees(number, dict.fromkeys(edges, make)):
                yield Named(word)
                break


def _nothing(_: Sample, edge: Edge) -> Change:
    return changes.nothing


def _negative(_: Sample, edge: Edge) -> Change:
    return lambda g, inputs, y: -contribution(edge.node, edge.place, g, inputs, y)


def _turn_left_out(trial: _Trial) -> Iterator[Named]:
    """The first or the last turn of a loop contributes nothing."""
    for count in sorted({len(role) for role in trial.roles if len(role) >= _TURNS}, reverse=True):
        for turn in (0, -1):
            steps = {role[turn] for role in trial.roles if len(role) == count}
            edges = [each for each in trial.view.places if each[0] in steps]
            if edges and trial.agrees("turn", dict.fromkeys(edges, _nothing)):
                yield Named("term-missing")
                return


# Several elementwise steps at once


def _segments(trial: _Trial) -> Iterator[Named]:
    """A formula for several steps is wrong at each turn, such as that of the logistic function."""
    view, samples = trial.view, trial.view.samples
    pairs = set(composite.pairs(view))
    found = []
    for firsts, lasts in permutations(trial.roles, 2):
        steps = list(zip(firsts, lasts, strict=False))
        if len(firsts) != len(lasts) or not pairs.issuperset(steps) or not trial.leads_to_wrong(firsts):
            continue
        formulas = [list(composite.wrong_formulas(samples, *ends)) for ends in steps]
        for number, turns in enumerate(zip(*formulas, strict=False)):
            words = {word for word, _ in turns}
            jumps = {last: (first, values) for (first, last), (_, values) in zip(steps, turns, strict=True)}
            if len(words) == 1 and trial.jumps_agree((firsts, lasts, number), jumps):
                found.append(Named(words.pop()))
    # A term that is missing in an inner step may be a factor that is missing in the whole.
    factors = [each for each in found if each.word == "factor-missing"]
    yield from factors or found


# A factor that the gradient has got on its way to a step


def _without_next_factor(trial: _Trial) -> Iterator[Named]:
    """Along an edge comes what it was before the step after was multiplied by a factor."""
    for role, _, edges in trial.edges():
        for to, factors in _next_factors(trial, role):
            made = {place: _divided(factors[place[0]]) for place in edges if place[0] in factors}
            if len(made) == len(edges) and trial.agrees(("next", to), made):
                yield Named("factor-missing")
                return


def _next_factors(trial: _Trial, role: Role) -> Iterator[tuple[int, dict[int, int]]]:
    """For each place of a product that a role enters, the step by which each of its steps is multiplied."""
    nodes = trial.view.nodes
    for place in (0, 1):
        factors: dict[int, int] = {}
        for number in role:
            uses = [each for each in trial.view.uses(number) if nodes[each[0]].op == "multiply"]
            if len(uses) == 1 and uses[0][1] == place:
                factors[number] = trial.numbers[id(nodes[uses[0][0]].inputs[1 - place])]
        if factors:
            yield place, factors


def _divided(number: int) -> MakeChange:
    def make(sample: Sample, edge: Edge) -> Change:
        by = value_of(sample, number)
        return lambda g, inputs, y: contribution(edge.node, edge.place, g / by, inputs, y)

    return make


# Other values


def _other_values(trial: _Trial) -> Iterator[Named]:
    """Each step takes another value for one of its inputs: of another line, or of the turn before or after."""
    nodes = trial.view.nodes
    for role, _, edges in trial.edges():
        node = nodes[role[-1]]
        if node.op not in {"matmul", "einsum"} and not node.is_elementwise:
            continue
        for wrong in range(len(node.inputs)):
            if node.is_elementwise and node.op in changes.MASKED | {"add", "subtract"}:
                continue
            given = tuple(trial.numbers[id(nodes[number].inputs[wrong])] for number in role)
            for others in _candidates(trial, role, given):
                other = dict(zip(role, others, strict=True))
                made = {each: changes.with_other(wrong, other[each[0]]) for each in edges}
                if trial.agrees(("other", wrong, others), made):
                    yield Named("wrong-argument")
                    return
        if node.op in _OF_OUTPUT:
            for others in _candidates(trial, role, role):
                other = dict(zip(role, others, strict=True))
                made = {each: changes.with_output(other[each[0]]) for each in edges}
                if trial.agrees(("output", others), made):
                    yield Named("wrong-argument")
                    return


def _candidates(trial: _Trial, role: Role, given: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """For each step of a role another one, of the same shape as what it takes."""
    nodes, seen = trial.view.nodes, {given}
    shape = nodes[given[-1]].value.shape
    lines: list[tuple[int, ...]] = [given]
    for other in (each for each in trial.roles if len(each) == len(role)):
        lines.append(other)
        lines += [
            tuple(trial.numbers[id(nodes[number].inputs[place])] for number in other)
            for place in range(len(nodes[other[0]].inputs))
        ]
    for line in lines:
        for moved in (line, (line[-1], *line[:-1]), (*line[1:], line[0])):
            if moved in seen or any(nodes[each].value.shape != shape for each in moved):
                continue
            seen.add(moved)
            if not all(nodes[each].op == "constant" for each in moved):
                yield moved
