"""What is known of a gradient that failed: answers beside the truth, in several cases of ordinary size."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from reference.gradients.cases import Case, cotangents
from reference.gradients.context import Context
from reference.gradients.diagnosis.graph import Change, Edge, Graph, Values, evaluate, pulled_back
from reference.gradients.diagnosis.tracing import NotTracedError, trace
from reference.gradients.specification import doubles
from reference.numerics import likeness

Array = NDArray[Any]

#: Kinds of cases without kinks and without numbers so large that rounding hides a formula.
_KINDS = ("as given", "short numbers", "ordinary numbers")
_MOST_SAMPLES = 6


@dataclass(frozen=True)
class Sample:
    """One case and one cotangent.

    Attributes
    ----------
    args
        All arguments.
    floats
        Those of floating point, in double precision.
    cotangent
        The weights of the outputs.
    answers, truths
        Of all arguments of floating point.
    slack
        How far each answer may be off by rounding, and by the oracle's own error.
    recorded
        What the forward pass computes, and the value of each of its steps; None where it could not be recorded.
    memory
        What hypotheses have come to, for the other arguments.
    """

    args: tuple[Array, ...]
    floats: tuple[Array, ...]
    cotangent: Array
    answers: tuple[Array, ...]
    truths: tuple[Array, ...]
    slack: tuple[Array, ...]
    recorded: tuple[Graph, Values] | None = None
    memory: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def graph(self) -> Graph:
        """What the forward pass computes.

        Raises
        ------
        NotTracedError
            It could not be recorded.
        """
        return self._recorded()[0]

    @property
    def values(self) -> Values:
        """The value of each step; raises what `graph` raises."""
        return self._recorded()[1]

    def _recorded(self) -> tuple[Graph, Values]:
        if self.recorded is None:
            raise NotTracedError("the forward pass of this sample was not recorded")
        return self.recorded

    def pulled(self, changes: Mapping[tuple[int, int], Change], jumps: Any = None) -> tuple[Array, ...]:
        """The gradients with changes at some edges: by the number of the step, and the place of the input."""
        by_node = {(id(self.graph.nodes[number]), place): change for (number, place), change in changes.items()}
        by_step = {id(self.graph.nodes[number]): jump for number, jump in (jumps or {}).items()}
        return pulled_back(self.graph, self.values, self.cotangent, by_node, by_step)

    def gradients_at(self, floats: Sequence[Array]) -> tuple[Array, ...]:
        """The right gradients at other arguments."""
        return pulled_back(self.graph, evaluate(self.graph, floats), self.cotangent)

    def gradients_by(self, values: Values) -> tuple[Array, ...]:
        """The gradients whose derivatives take these values of the steps."""
        return pulled_back(self.graph, values, self.cotangent)

    def gradients_with(self, changed: Mapping[int, Callable[..., Any]]) -> tuple[Array, ...]:
        """The right gradients of another function: by the id of a step, what it computes instead."""
        with np.errstate(all="ignore"):
            return self.gradients_by(evaluate(self.graph, self.floats, changed))

    def gradients_with_leaf(self, number: int, value: Array) -> tuple[Array, ...]:
        """The right gradients where an argument or a constant, given by its number, has another value."""
        leaf = self.graph.nodes[number]
        floats = [value if each is leaf else old for each, old in zip(self.graph.arguments, self.floats, strict=True)]
        with np.errstate(all="ignore"):
            return self.gradients_by(evaluate(self.graph, floats, {id(leaf): lambda: value}))

    def agrees(self, candidate: Any, position: int) -> bool:
        """Whether that is the answer for an argument, but for rounding."""
        answer, found = self.answers[position], np.asarray(candidate)
        if found.shape != answer.shape or not np.isfinite(found).all():
            return False
        largest = max(float(np.abs(answer).max(initial=0.0)), float(np.abs(found).max(initial=0.0)))
        allowed = self.tolerance(position) + likeness.SAME_NUMBER * np.abs(found) + likeness.SAME_BESIDE * largest
        return bool((np.abs(answer - found) <= allowed).all())

    def tolerance(self, position: int) -> Array:
        """The slack of the answers in their own shape, which may not be that of the argument."""
        slack, answer = self.slack[position], self.answers[position]
        return slack if slack.shape == answer.shape else np.full(answer.shape, float(slack.max(initial=0.0)))


@dataclass(frozen=True)
class Samples:
    """All samples of a failed check, about one argument.

    Attributes
    ----------
    all
        The samples; their graphs have the same steps.
    position
        The number of the argument among those of floating point.
    ask
        The answers to other arguments and cotangents.
    """

    all: tuple[Sample, ...]
    position: int
    ask: Callable[[Sequence[Array], Array], tuple[Array, ...]]

    def __iter__(self) -> Iterator[Sample]:
        return iter(self.all)

    @cached_property
    def answers(self) -> list[Array]:
        """The answers for the argument."""
        return [each.answers[self.position] for each in self.all]

    @cached_property
    def truths(self) -> list[Array]:
        """The truth for the argument."""
        return [each.truths[self.position] for each in self.all]

    @property
    def is_traced(self) -> bool:
        """Whether the formula of the forward pass is known."""
        return all(each.recorded is not None for each in self.all)

    @property
    def graph(self) -> Graph:
        """The graph of the first sample, whose steps are those of all; raises what `Sample.graph` raises."""
        return self.all[0].graph

    @property
    def are_of_one_shape(self) -> bool:
        """Whether answers have the shape of the argument."""
        return all(one.shape == two.shape for one, two in zip(self.answers, self.truths, strict=True))

    def agree(self, candidates: Sequence[Any]) -> bool:
        """Whether these are the answers in all samples."""
        return all(each.agrees(found, self.position) for each, found in zip(self.all, candidates, strict=True))


#: From a sample and an edge of its graph to what the edge contributes instead; None where that does not apply.
MakeChange = Callable[[Sample, Edge], Change | None]
#: An edge, by the number of the step and the place of its input.
Place = tuple[int, int]
#: The samples of each context: those of one argument are those of all.
_GATHERED: WeakKeyDictionary[Context, tuple[Sample, ...]] = WeakKeyDictionary()


def all_samples(context: Context) -> list[Sample]:
    """All cases of a context in which answers are compared with the truth."""
    if context not in _GATHERED:
        found: list[Sample] = []
        for case in [each for each in context.judged() if each.kind in _KINDS][: _MOST_SAMPLES // 2]:
            graph = _graph(context, case.args)
            for cotangent in _cotangents(context, case):
                sample = _sample(context, case, cotangent, graph)
                if sample is not None:
                    found.append(sample)
        _GATHERED[context] = tuple(found)
    return list(_GATHERED[context])


def gather(context: Context, position: int) -> Samples | None:
    """The samples for an argument; None where there is nothing to tell mistakes apart by."""
    if context.pattern.is_large and (context.spec is None or not context.spec.is_differentiated):
        return None  # every entry of a gradient would take calls of its own
    found = all_samples(context)
    if len(found) < 2:  # noqa: PLR2004 - one alone may agree by chance
        return None
    steps = [[node.op for node in each.graph.nodes] if each.recorded else [] for each in found]
    if any(each != steps[0] for each in steps):
        found = [Sample(s.args, s.floats, s.cotangent, s.answers, s.truths, s.slack) for s in found]

    def ask(args: Sequence[Array], cotangent: Array) -> tuple[Array, ...]:
        context.run_forward(args)
        raw = context.subject.answer(context.subject.vjp, (cotangent, *args))
        return tuple(np.asarray(raw[number], dtype=np.float64) for number in context.pattern.differentiable)

    return Samples(tuple(found), position, ask)


def _cotangents(context: Context, case: Case) -> list[Array]:
    if not context.subject.takes_cotangent:
        return context.cotangents(case)
    return cotangents(case, context.shape, context.dtype, "exhaustive")[:2]


def _graph(context: Context, args: Sequence[Array]) -> Graph | None:
    try:
        with np.errstate(all="ignore"):
            return trace(context.subject.forward, args, context.pattern.fixed)
    except NotTracedError:
        return None


def _sample(context: Context, case: Any, cotangent: Array, graph: Graph | None) -> Sample | None:
    floats = doubles(context.pattern.floats(case.args))
    weights = cotangent.astype(np.float64)
    context.run_forward(case.args)
    raw = context.subject.answer(context.subject.vjp, (cotangent, *case.args))
    answers = tuple(np.asarray(raw[number], dtype=np.float64) for number in context.pattern.differentiable)
    truths = _truths(context, case, cotangent, floats)
    if truths is None or not all(np.isfinite(each).all() for each in answers):
        return None
    recorded = None
    exact, slack = (tuple(each[part] for each in truths) for part in (0, 1))
    if graph is not None:
        with np.errstate(all="ignore"):
            values = evaluate(graph, floats)
            of_graph = pulled_back(graph, values, weights)
        if all(_same(one, value, error) for one, (value, error) in zip(of_graph, truths, strict=True)):
            recorded = graph, values
            exact, slack = of_graph, tuple(np.zeros(each.shape) for each in of_graph)
    single = context.dtype == np.float32
    more = (np.abs(each).max(initial=0.0) * likeness.SINGLE_ANSWERS if single else 0.0 for each in exact)
    slack = tuple(error + extra for error, extra in zip(slack, more, strict=True))
    return Sample(case.args, floats, weights, answers, exact, slack, recorded)


def _truths(context: Context, case: Any, cotangent: Array, floats: Any) -> list[tuple[Array, Array]] | None:
    if context.spec is not None and context.spec.is_differentiated:
        found = list(context.spec.gradient(cotangent, case.args))
    elif context.spec is None and context.known.is_known(case):
        found = list(context.known.gradient(cotangent, case.args))
    else:
        oracle = context.differences if context.spec is None else context.spec.differences
        found = [
            oracle.gradient(cotangent, floats, position, list(np.ndindex(array.shape)))
            for position, array in enumerate(floats)
        ]
    if not all(np.isfinite(each.error).all() and np.isfinite(each.value).all() for each in found):
        return None
    return [(np.asarray(each.value), np.asarray(each.error)) for each in found]


def _same(one: Array, value: Array, error: Array) -> bool:
    size = float(np.abs(value).max(initial=0.0))
    return bool(
        np.isfinite(one).all()
        and (np.abs(one - value) <= error + likeness.SAME_TRUTH * (size + likeness.NOT_ZERO)).all()
    )
