"""Mistakes in a formula that people write for several steps at once, such as that of the logistic function."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.gradients.diagnosis import factors
from reference.gradients.diagnosis.changes import value_of
from reference.gradients.diagnosis.graph import Graph, pulled_back
from reference.gradients.diagnosis.named import Named
from reference.gradients.diagnosis.samples import Sample, Samples
from reference.gradients.diagnosis.view import View, seen
from reference.gradients.diagnosis.whole import factor_between
from reference.numerics import likeness

Array = NDArray[Any]
_LARGEST_EPSILON = 0.5
#: Rounds of Newton's method, and how near a constant has to be.
_ROUNDS = 12
_DEGREE = 3


def explanations(samples: Samples) -> Iterator[Named]:
    """All hypotheses of this module that reproduce the answers."""
    for test in (_segments, other_epsilon, *factors.KINDS):
        found = list(test(samples))
        if found:
            # A term that is missing in an inner step may be a factor that is missing in the whole.
            is_factor = test is _segments and any(each.word == "factor-missing" for each in found)
            yield from (each for each in found if not (is_factor and each.word == "term-missing"))
            return


# Several elementwise steps at once


def _segments(samples: Samples) -> Iterator[Named]:
    view = seen(samples)
    for first, last in pairs(view):
        derivatives = [_derivative(each, first, last) for each in samples]
        for word, wrong in wrong_formulas(samples, first, last):
            if _agrees(view, first, last, derivatives, wrong):
                yield Named(word)


def pairs(view: View) -> Iterator[tuple[int, int]]:
    """Steps of which the later is made of the earlier entry by entry, and of nothing else."""
    for last, node in enumerate(view.nodes):
        sources = _elementwise_sources(view, last)
        if node.is_elementwise:
            yield from ((first, last) for first in sources)


def _elementwise_sources(view: View, last: int) -> list[int]:
    """The steps through which all goes that enters a step, and after which all is elementwise."""
    numbers = {id(node): number for number, node in enumerate(view.nodes)}
    live = {number for number, _ in view.places} | {numbers[id(view.nodes[n].inputs[k])] for n, k in view.places}
    found, frontier = [], {last}
    while frontier:
        latest = max(frontier)
        node = view.nodes[latest]
        if len(frontier) == 1 and latest != last:
            found.append(latest)
        if not node.is_elementwise or node.value.shape != view.nodes[last].value.shape:
            break
        frontier.discard(latest)
        frontier |= {numbers[id(each)] for each in node.inputs if numbers[id(each)] in live}
    return [each for each in found if view.nodes[each].value.shape == view.nodes[last].value.shape]


def _derivative(sample: Sample, first: int, last: int) -> Array:
    """The derivative of the later step for the earlier one."""
    nodes = sample.graph.nodes
    part = Graph((nodes[first],), nodes[first : last + 1], nodes[last])
    return pulled_back(_cut(part), sample.values, np.ones(nodes[last].value.shape))[0]


def _cut(graph: Graph) -> Graph:
    """The graph without the steps before its argument."""
    kept = tuple(node for node in graph.nodes if node is not graph.arguments[0])
    return Graph(graph.arguments, kept, graph.output)


def wrong_formulas(samples: Samples, first: int, last: int) -> Iterator[tuple[str, list[Array]]]:
    """Wrong derivatives of the later step for the earlier one, in each sample."""
    derivatives = [_derivative(each, first, last) for each in samples]
    before = [value_of(each, first) for each in samples]
    after = [value_of(each, last) for each in samples]
    turned = _derivatives_at(samples, first, last, [-each for each in before])
    if turned is not None:
        yield "sign", turned
    yield "factor-missing", [np.ones_like(each) for each in derivatives]
    for sign, constant in ((1, 0), (-1, 1), (1, 1)):
        divided = [d / (constant + sign * y) for d, y in zip(derivatives, after, strict=True)]
        yield "factor-missing", divided
    at_output = _derivatives_at(samples, first, last, after)
    if at_output is not None:
        yield "wrong-argument", at_output
    coefficients = _polynomial(after, derivatives)
    if coefficients is not None:
        yield "wrong-argument", [np.polyval(coefficients, x) for x in before]
        yield from _other_coefficients(coefficients, after)
        signs = coefficients.copy()
        for place in np.flatnonzero(np.abs(signs) > likeness.PARTS_FIT):
            other = signs.copy()
            other[place] = -other[place]
            yield "sign", [np.polyval(other, y) for y in after]
            lower = signs.copy()
            if _DEGREE - place >= 2:  # noqa: PLR2004 - a square, of which one factor is left out
                lower[place + 1] += lower[place]
                lower[place] = 0.0
                yield "factor-missing", [np.polyval(lower, y) for y in after]


def _other_coefficients(coefficients: Array, after: list[Array]) -> Iterator[tuple[str, list[Array]]]:
    """The polynomial without its constant, or with 1 in the place of a coefficient."""
    if abs(coefficients[-1]) > likeness.PARTS_FIT and np.abs(coefficients[:-1]).max() > likeness.PARTS_FIT:
        yield "term-missing", [np.polyval([*coefficients[:-1], 0.0], y) for y in after]
    for place in np.flatnonzero(np.abs(coefficients) > likeness.PARTS_FIT):
        other = coefficients.copy()
        other[place] = 1.0
        if abs(abs(coefficients[place]) - 1) > likeness.PARTS_FIT:
            yield "factor-missing", [np.polyval(other, y) for y in after]


def _polynomial(after: list[Array], derivatives: list[Array]) -> Array | None:
    """The derivative as a polynomial of the output, such as y (1 - y); None where it is none."""
    y, d = (np.concatenate([np.ravel(each) for each in arrays]) for arrays in (after, derivatives))
    if len(np.unique(y)) <= _DEGREE + 2 or not np.isfinite(y).all():
        return None
    matrix = np.vander(y, _DEGREE + 1)
    found, *_ = np.linalg.lstsq(matrix, d, rcond=None)
    fits = np.abs(matrix @ found - d).max() <= likeness.PARTS_FIT * max(1.0, float(np.abs(d).max()))
    return np.where(np.abs(found) < likeness.PARTS_FIT, 0.0, found) if fits else None


def _derivatives_at(samples: Samples, first: int, last: int, points: list[Array]) -> list[Array] | None:
    found = []
    for sample, point in zip(samples, points, strict=True):
        nodes = sample.graph.nodes
        part = _cut(Graph((nodes[first],), nodes[first : last + 1], nodes[last]))
        values = dict(sample.values)
        values[id(nodes[first])] = point
        with np.errstate(all="ignore"):
            for node in part.nodes:
                if node.inputs:
                    values[id(node)] = np.asarray(node.run(*(values[id(each)] for each in node.inputs)))
            found.append(pulled_back(part, values, np.ones(nodes[last].value.shape))[0])
    return found


def _agrees(view: View, first: int, last: int, right: list[Array], wrong: list[Array]) -> bool:
    for sample, due, derivative in zip(view.samples, right, wrong, strict=True):
        source = sample.graph.nodes[first]
        if _refuted(view, sample, (first, last), due, derivative):
            return False
        found = view.pulled(sample, {}, {last: (source, lambda g, d=derivative: g * d)})
        if found is None or not sample.agrees(found, view.position):
            return False
    return True


def _refuted(view: View, sample: Sample, ends: tuple[int, int], due: Array, derivative: Array) -> bool:
    """Whether a wrong derivative of some steps surely does not explain the answer."""
    probe = view.probe(sample)
    gradient = probe.received(ends[1])
    with np.errstate(all="ignore"):
        right = probe.along(ends[0], gradient * due)
        wrong = probe.along(ends[0], gradient * derivative)
    return not (right and wrong and probe.is_wanted(wrong[0] - right[0], wrong[1] + right[1]))


# Constants


def other_epsilon(samples: Samples) -> Iterator[Named]:
    """A small constant of the forward pass has another value in the gradient; it is estimated."""
    graph = samples.graph
    for number, node in enumerate(graph.nodes):
        if not _is_added(samples, number):
            continue
        if node.value.ndim == 0 and 0 < float(node.value) <= _LARGEST_EPSILON:
            value = _fitted(samples, number, float(node.value))
            if value is not None and value != float(node.value):
                yield Named("other-epsilon", (("the constant", f"{value:.3g}"),))


def _is_added(samples: Samples, number: int) -> bool:
    """Whether a constant is added to something, or bounds it, as an epsilon does."""
    nodes = samples.graph.nodes
    users = [each.op for each in nodes if nodes[number] in each.inputs]
    return nodes[number].op == "constant" and bool(users) and set(users) <= {"add", "subtract", "maximum"}


def _fitted(samples: Samples, number: int, here: float) -> float | None:
    """The value of a constant with which the right formula gives the answers; one sample tells, and all are tried."""
    for start in (here, 0.0, 10 * here):
        value, some = start, samples.all[:1]
        for _ in range(_ROUNDS):
            step = max(abs(value), here) * likeness.EPSILON_STEP
            now, moved = (_with_constant(samples, some, number, each) for each in (value, value + step))
            if all(one.agrees(two, samples.position) for one, two in zip(some, now, strict=True)):
                if len(some) == len(samples.all):
                    return value
                some = samples.all  # which tell more digits
                continue
            slopes = [(two - one) / step for one, two in zip(now, moved, strict=True)]
            change = factor_between(slopes, [a - b for a, b in zip(samples.answers, now, strict=False)])
            if change is None or not np.isfinite(change):
                break
            value = max(value + change, 0.0)
    return None


def _with_constant(samples: Samples, some: Sequence[Sample], number: int, value: float) -> list[Array]:
    found = []
    for sample in some:
        changed = {id(sample.graph.nodes[number]): lambda: np.asarray(value)}
        found.append(sample.gradients_with(changed)[samples.position])
    return found
