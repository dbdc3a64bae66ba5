"""Runs the writer's functions with edits in them, and gives back what they were."""

from __future__ import annotations

import ast
import contextlib
import io
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.gradients.repair.asked import Asked, Sample
from reference.gradients.repair.instrument import EndlessError, Sites, State, filled
from reference.gradients.repair.places import Edit, Place
from reference.gradients.repair.sources import NoSourceError, Source, calls_in, sources_of
from reference.numerics import likeness

Array = NDArray[Any]
Answers = tuple[Any, ...]


#: Steps to compile an expression, and to compile a function anew for each of its nodes.
_OF_EXPRESSION, _OF_NODE = 170, 40
#: What Python raises where an edit makes no code: of a wrong form, or nested too deep.
_NOT_COMPILED = (SyntaxError, ValueError, TypeError, RecursionError, MemoryError)


@dataclass
class Work:
    """Counts what the search does in steps, each about as long as Python needs for one simple operation.

    It reads no clock, so that the same code always gets the same search, however busy the machine is.

    Attributes
    ----------
    done
        The steps so far.
    of_run
        The steps of one run of the functions.
    """

    done: int = 0
    of_run: int = 0

    def add(self, steps: int) -> None:
        """Count so many steps more."""
        self.done += steps

    def is_over(self, limit: float) -> bool:
        """Whether there have been more steps than these."""
        return self.done > limit


class Running:
    """The functions that compute a gradient, with a choice at each of their expressions.

    While it is entered, the functions run instrumented code; what they were comes back at the end.

    Parameters
    ----------
    context
        Of the examination.
    samples
        The cases in which edits are tried.

    Raises
    ------
    NoSourceError
        The source of the functions is not at hand.
    """

    def __init__(self, context: Asked, samples: Sequence[Sample]) -> None:
        self._context = context
        self._positions = context.pattern.differentiable
        self.samples = samples
        self.needs_forward = True
        self.work = Work()
        first = samples[0]

        def forward() -> None:
            context.run_forward(first.args)

        context.run_forward(first.args)
        self.sources = sources_of(lambda: self._raw(first), [forward])
        self._calls = calls_in(lambda: self._raw(first)), calls_in(forward)
        self.state = State()
        self.sites: list[Sites] = []
        number = 0
        for source in self.sources:
            sites = Sites(source, number)
            number = sites.next
            self.sites.append(sites)
        self._before: list[tuple[FunctionType, CodeType]] = []
        self._instrumented: dict[Source, CodeType] = {}

    def __enter__(self) -> Running:
        self._before = [(twin, twin.__code__) for each in self.sources for twin in each.twins]
        try:
            for sites in self.sites:
                self._instrumented[sites.source] = sites.code(self.state)
            self._install(self._instrumented)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for function, code in self._before:
            function.__code__ = code

    @staticmethod
    def _install(codes: dict[Source, CodeType]) -> None:
        for source, code in codes.items():
            for twin in source.twins:
                twin.__code__ = code

    def recorded(self, sample: Sample, factor: float = 1.0) -> State:
        """What every expression comes to in a case, for so many times its cotangent.

        From then on each run is charged what this one takes.
        """
        state = State()
        self._record(state, sample, factor)
        self._weigh(state)
        return state

    def corrected(self, sample: Sample, factor: float, place: Place, new: ast.expr, given: Array) -> State:
        """What every expression comes to where another one, with what is given, stands in a place."""
        state = State(at=place.number, names=place.sites.source.function.__globals__, given=given)
        state.code = _expression(new, state)
        self._record(state, sample, factor)
        return state

    def _record(self, state: State, sample: Sample, factor: float) -> None:
        self.work.add(_OF_NODE * sum(len(each.parents) for each in self.sources))
        try:
            self._install({sites.source: sites.code(state, recording=True) for sites in self.sites})
            self.answers(sample, factor)
        finally:
            self._install(self._instrumented)

    def _weigh(self, run: State) -> None:
        size = 0.0
        for sites in self.sites:
            for number, node in sites.expressions.items():
                if number in run.visits:
                    entries = np.size(run.values[number]) if isinstance(run.values[number], np.ndarray) else 0
                    may_be_product = isinstance(node, ast.Call | ast.BinOp)
                    size += run.visits[number] * (entries / 100 + (entries**1.5 / 1000 if may_be_product else 0))
        calls, of_forward = self._calls
        if self.needs_forward:
            size *= 2
        else:
            calls -= of_forward
        self.work.of_run = 10 + 5 * calls + sum(run.visits.values()) + int(size)

    def _raw(self, sample: Sample, factor: float = 1.0) -> Any:
        if self.needs_forward:
            self._context.run_forward(sample.args)
        cotangent = np.array(factor * sample.cotangent, dtype=self._context.dtype)
        return self._context.subject.vjp(cotangent, *(np.array(each) for each in sample.args))

    def answers(self, sample: Sample, factor: float = 1.0) -> Answers | None:
        """The gradients of all arguments, as doubles; None where there is no answer."""
        self.state.ticks = self.state.turn = 0
        self.work.add(self.work.of_run)
        try:
            raw = self._raw(sample, factor)
            parts = raw if isinstance(raw, tuple | list) else (raw,)
            return tuple(np.asarray(parts[number], dtype=np.float64) for number in self._positions)
        except (Exception, SystemExit, EndlessError):  # whatever edited code raises
            return None

    @contextlib.contextmanager
    def edited(self, *edits: Edit) -> Iterator[bool]:
        """The functions with edits, all in one of them; False where that cannot be compiled."""
        first = edits[0]
        source = first.place.sites.source
        if len(edits) == 1 and first.new is not None and not first.place.is_nested:
            self.work.add(_OF_EXPRESSION + first.steps)
            code = _expression(first.new, self.state)
            if code is None:
                yield False
                return
            self.state.names = source.function.__globals__
            self.state.code, self.state.at = code, first.place.number
            try:
                yield True
            finally:
                self.state.at = -1
            return
        replaced: dict[ast.AST, Any] = {}
        for edit in edits:
            replaced |= edit.replaced if edit.new is None else {edit.place.node: edit.new}
        self.work.add(_OF_NODE * len(first.place.sites.source.parents))
        try:
            code = first.place.sites.edited(self.state, replaced)
        except (NoSourceError, *_NOT_COMPILED):
            yield False
            return
        self._install({source: code})
        try:
            yield True
        finally:
            self._install({source: self._instrumented[source]})

    def does_without_forward(self) -> bool:
        """Whether the answers stay the same where the forward pass is not run before."""
        self.needs_forward = False
        for sample in (*self.samples[::-1], self.samples[0]):
            found = self.answers(sample)
            if found is None or not all(map(_is_same, found, sample.answers)):
                self.needs_forward = True
        return not self.needs_forward


def _is_same(one: Array, two: Array) -> bool:
    return bool(np.array_equal(one, two, equal_nan=True))


def _expression(node: ast.expr, state: State) -> CodeType | None:
    try:
        code = compile(ast.fix_missing_locations(ast.Expression(node)), "<edit>", "eval")
    except _NOT_COMPILED:
        return None
    return filled(code, state)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Edited code may complain and print as it likes."""
    with (
        np.errstate(all="ignore"),
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        yield


def is_right(sample: Sample, position: int, answer: Any) -> bool:
    """Whether an answer is the truth, but for rounding and the oracle's own error."""
    truth, slack = sample.truths[position], sample.slack[position]
    if not isinstance(answer, np.ndarray) or answer.shape != truth.shape or not np.isfinite(answer).all():
        return False
    allowed = (
        slack
        + likeness.REPAIRED_NUMBER * np.abs(truth)
        + likeness.REPAIRED_BESIDE * float(np.abs(truth).max(initial=0.0))
    )
    return bool((np.abs(answer - truth) <= allowed).all())


def are_apart(one: Edit, two: Edit) -> bool:
    """Whether two edits are of one function, and neither stands inside the other."""
    if one.place.sites is not two.place.sites:
        return False
    nodes = [{edit.place.node, *edit.replaced} for edit in (one, two)]
    within = [{inner for node in each for inner in ast.walk(node)} for each in nodes]
    return nodes[0].isdisjoint(within[1]) and nodes[1].isdisjoint(within[0])
