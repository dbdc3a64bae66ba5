"""What the checks of the lab's contract work with: they ask an implementation, know the truth, and log responses."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import repeat, tee
from operator import attrgetter
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from reference import engine
from reference.engine import Effort
from reference.engine.evidence import evidence_of
from reference.execution.worker.protocol import Call, Executor, Laid, Layout, Reply, Step
from reference.findings import NotApplicable, Violation
from reference.lab import large
from reference.lab.cases import Case, Sizes
from reference.lab.contract import Expected, Message, Oracle, forward_of
from reference.lab.formatting import module_of, most_telling, nested, point_of, repro, sizes_of
from reference.lab.replies import as_numbers, in_shape, no_numbers, raised, type_of, word_for, word_of
from reference.numerics import tolerances
from reference.numerics.compare import worst_entry
from reference.numerics.estimate import Estimate
from reference.numerics.memo import memo
from reference.numerics.sampling import normal_numbers, numbers_of_all_sizes, short_numbers
from reference.wording import Fact, fact

Array = NDArray[Any]
Known = TypeVar("Known")

#: Ordinary sizes: N, D and U differ, so that no axis passes for another, and none has a length of one or two.
ORDINARY_SIZES = (Sizes(3, 2, 4), Sizes(5, 4, 3), Sizes(2, 5, 7), Sizes(8, 6, 5))
ORDINARY = ORDINARY_SIZES[0]
#: From the smallest case that can show a mistake upwards: one sample, one unit, two classes, equal sizes.
SMALL_SIZES = (
    Sizes(1, 1, 2), Sizes(2, 1, 2), Sizes(1, 2, 2), Sizes(1, 1, 1), Sizes(2, 1, 1), Sizes(2, 2, 2), Sizes(1, 2, 1),
    Sizes(1, 1, 3), Sizes(1, 3, 4), Sizes(2, 1, 3), Sizes(3, 2, 1), Sizes(3, 3, 3), Sizes(5, 3, 2), Sizes(4, 4, 4),
)  # fmt: skip


#: Numbers of a case that a finding shows. A choice: a report of more is read by nobody.
MOST_SHOWN = 4096


@dataclass(frozen=True)
class Response:
    """What came back, for a comparison with what a known mistake gives: arrays, or what was raised.

    Attributes
    ----------
    values
        Part by part.
    bounds
        How far rounding may take each part of the right answer, where there is one.
    message, case
        What was called, where the values are arrays of the due shapes; None elsewhere.
    """

    values: tuple[Any, ...]
    bounds: tuple[Array, ...] | None = None
    message: Message | None = None
    case: Case | None = None


@dataclass
class Context(engine.Context):
    """What the checks of the lab's contract work with.

    Attributes
    ----------
    executor
        Where the implementation runs.
    oracle
        Where the truth comes from, or the reason why there is none.
    name
        Of the implementation, for messages.
    seed
        Of all draws; the same seed draws the same cases.
    effort
        How many cases a check looks at.
    assignment
        1 allows the naive softmax and what follows from it.
    log
        Every response, in order.
    oracles
        As in `reference.engine.Context`.
    classes
        By name, where their code runs in this process and may be followed; None elsewhere.
    primed
        Whether each call comes right after ``forward`` on the same batch. For the diagnosis of what needs it.
    """

    executor: Executor
    oracle: Oracle | str
    name: str
    seed: int = 0
    effort: Effort = "normal"
    assignment: int = 3
    log: list[Response] = field(default_factory=list)
    oracles: list[str] = field(default_factory=list)
    classes: Mapping[str, type] | None = None
    primed: bool = False

    def of(self, executor: Executor, log: list[Response], *, primed: bool | None = None) -> Context:
        """The same context for another executor, with a log of its own; ``primed`` as it is unless it is given."""
        primed = self.primed if primed is None else primed
        return replace(self, executor=executor, log=log, primed=primed, oracles=[])

    def start(self) -> None:
        """Forget what belongs to the check before."""
        super().start()
        self.log.clear()
        self.executor.stand_ins.clear()

    def known(self, key: Hashable, make: Callable[[], Known]) -> Known:
        """What ``make`` gives, made once in this process: see `reference.numerics.memo`.

        The key has to tell all that the value depends on, apart from the oracle.
        """
        oracle = self.oracle if isinstance(self.oracle, str) else (self.oracle.value, self.oracle.vjp)
        return memo.get((oracle, key), make)

    def drawn(self, key: Hashable, draw: Callable[[], Known]) -> Known:
        """What ``draw`` draws, with random numbers of this seed, drawn once in this process as by `known`."""
        return self.known((key, self.seed), draw)

    @property
    def rounds(self) -> int:
        """How many times each kind of random case is drawn."""
        return tolerances.ROUNDS[self.effort]

    @property
    def losses(self) -> tuple[bool, ...]:
        """For networks with either loss: True, with the compound one (from assignment 2 on), and False, without it."""
        return (True, False) if self.assignment > 1 else (False,)

    def home(self, cls: str) -> str:
        """The module from which a script imports the class."""
        return self.executor.modules().get(cls) or module_of(self.name)

    def truth(self) -> Oracle:
        """The oracle.

        Raises
        ------
        NotApplicable
            It is absent.
        """
        if isinstance(self.oracle, str):
            raise NotApplicable(fact("no oracle", said=self.oracle))
        self.note_oracle(self.oracle.NAME)
        return self.oracle

    def steps(self, message: Message, case: Case, layout: Layout = "C") -> list[Step]:
        """The steps that make a fresh object and call the method."""
        arguments: Mapping[str, Any] = case.arguments
        if layout != "C":  # as every array is laid out of which nothing is said
            arguments = {name: Laid(array, layout) for name, array in case.arguments.items()}
        first = [_forward(message, case)] if self.primed and message.method != "forward" else []
        return [*message.setting(case), *first, Call("layer", message.method, arguments)]

    def ask(self, message: Message, case: Case) -> Reply:
        """The reply of a fresh object to one call.

        Raises
        ------
        Violation
            The object could not be made, or the call raised an exception.
        """
        return self._last(message, case, self.executor.run(self.steps(message, case)))

    def _last(self, message: Message, case: Case, replies: Sequence[Reply]) -> Reply:
        for step in replies:
            if step.error is not None:
                self.log.append(Response((step.error_kind,)))
                due = fact("answers shapes", subject=message.subject, shapes=_shapes(case))
                if step.cause == "arguments":
                    due = fact("takes", subject=message.subject, names=tuple(message.arguments))
                raise self.violation(message, case, due, raised(step), word_of(step))
        return replies[-1]

    def violation(
        self, message: Message, case: Case, due: Fact, came: Fact, mistake: str | None = None, **fields: Any
    ) -> Violation:
        """A broken promise, with the case as its counterexample and a script that shows it."""
        return Violation(due, came, mistake=mistake, **self._shown(message, case), **fields)

    def _shown(self, message: Message, case: Case) -> dict[str, Any]:
        """The fields of a violation that show the case; of one that is too large to be read, its sizes."""
        if case.size + sum(map(np.size, case.parameters.values())) > MOST_SHOWN:
            return {"counterexample": sizes_of(case), "asked": (message, case)}
        script = repro(self.home(message.cls), message, case)
        return {"counterexample": nested(case), "repro": script, "asked": (message, case)}

    def actual(self, message: Message, case: Case) -> tuple[Array, ...]:
        """The arrays that one call answers, as `noted` gives them."""
        return self.noted(message, case, self._last(message, case, self.executor.run(self.steps(message, case))))

    def actual_of_each(self, message: Message, cases: Sequence[Case]) -> Iterator[tuple[Array, ...]]:
        """The same for several cases that are sent together, which is faster than one after the other."""
        answers = self.executor.run_all(self.steps(message, case) for case in cases)
        for case, replies in zip(cases, answers, strict=True):
            yield self.noted(message, case, self._last(message, case, replies))

    def noted(self, message: Message, case: Case, reply: Reply) -> tuple[Array, ...]:
        """The arrays of a reply, as `parts` gives them, noted in the log, where `judge` notes those that it judges."""
        arrays = self.parts(message, case, reply)
        self.log.append(Response(arrays, None, message, case))
        return arrays

    def parts(self, message: Message, case: Case, reply: Reply) -> tuple[Array, ...]:
        """The arrays of a reply, float64, in the shapes that are due where `in_shape` finds them.

        Raises
        ------
        Violation
            They are not arrays of real numbers, or have the wrong number of entries.
        """
        shapes = message.shapes(case)
        several = len(message.parts) > 1
        values = list(reply.value) if several and isinstance(reply.value, list | tuple) else [reply.value]
        if len(values) != len(shapes):
            came = fact("type", name=f"{reply.kind} of {len(values)}") if len(values) > 1 else type_of(reply)
            word = word_for(reply.value, arrays=False)
            raise self._refused(message, case, reply, fact("parts", names=message.parts), came, word)
        arrays = []
        for name, value, shape in zip(message.parts, values, shapes, strict=True):
            array = as_numbers(value)
            if array is None:
                word = "wrong-type" if several and value is None else word_for(value)
                raise self._refused(message, case, reply, fact("numbers", what=name), no_numbers(value), word)
            shaped = in_shape(array, shape)
            if shaped is None:
                due, came = fact("shape of", what=name, shape=shape), fact("shape", shape=array.shape)
                raise self._refused(message, case, reply, due, came, "wrong-shape")
            arrays.append(shaped.astype(np.float64))
        return tuple(arrays)

    def _refused(self, message: Message, case: Case, reply: Reply, due: Fact, came: Fact, word: str) -> Violation:
        """The violation by a reply that is no array as it is due; the reply is logged as it came."""
        self.log.append(Response((reply.value,)))
        return self.violation(message, case, due, came, word)

    def answer(self, message: Message, case: Case) -> Expected:
        """The truth of a case, and how far an honest answer may be from it."""
        repeats = case.repeats
        make = partial(message.answer, case) if repeats is None else partial(large.expected, message, repeats)
        return self.known((message.subject, case.key), partial(make, self.truth()))

    def judge(self, message: Message, case: Case, actual: tuple[Array, ...]) -> None:
        """Compare with the truth.

        Raises
        ------
        Violation
            An entry is farther from it than rounding can take it, or is not a number.
        """
        answer = self.answer(message, case)
        self.log.append(Response(actual, answer.bounds, message, case))
        for name, array, truth, bound in zip(message.parts, actual, answer.truth, answer.bounds, strict=True):
            wrong = wrong_entry(name, array, truth, bound)
            if wrong is not None:
                raise wrong.but(**self._shown(message, case))

    def judge_each(self, message: Message, cases: Iterable[Case]) -> None:
        """Judge all cases and raise the violation of the smallest case that is as gross as the grossest.

        Raises
        ------
        Violation
            At least one answer was wrong or did not come.
        """
        start = len(self.log)
        found = list(filter(None, self.violations(message, cases)))
        if found:
            trend: list[tuple[float, float, float]] = []
            for each in self.log[start:]:
                if each.case is not None and each.bounds is not None:
                    trend += point_of(message, each.case, each.values, self.answer(message, each.case))
            grossest = max(found, key=attrgetter("grossness"))
            like = [each for each in found if each.is_like(grossest)]
            smallest = min(like, key=lambda each: each.asked[1].size)
            raise smallest.but(evidence=most_telling([each.evidence for each in found], trend))

    def violations(
        self, message: Message, cases: Iterable[Case], layouts: Iterable[Layout] = repeat("C")
    ) -> Iterator[Violation | None]:
        """The violation of each case, or None. The truth is computed while the answers are awaited.

        Cases are drawn when they are needed: most known mistakes give another response to the first one already.
        """
        cases, called, due = tee(cases, 3)
        calls = map(partial(self.steps, message), called, layouts)
        truths = map(partial, repeat(self.answer), repeat(message), due)
        for case, replies in zip(cases, self.executor.run_all(calls, truths), strict=True):
            yield self._violation(message, case, replies)

    def _violation(self, message: Message, case: Case, replies: Sequence[Reply]) -> Violation | None:
        try:
            self.judge(message, case, self.parts(message, case, self._last(message, case, replies)))
        except Violation as violation:
            return violation
        return None

    def smallest(self, message: Message, key: str, like: Violation | None = None) -> Violation | None:
        """The violation by a case that is as small, with as short numbers, as was found, or None.

        It `is_like` the violation ``like``, if that is given.
        """
        rng = self.rng(key)
        # Short numbers first: where they show it, the counterexample can be read aloud. Single precision holds them.
        for draw in (short_numbers(rng), normal_numbers(rng), numbers_of_all_sizes(rng, message.key)):
            for sizes in SMALL_SIZES:
                for _ in range(tolerances.SMALLEST_TRIES):
                    case = message.draw(sizes, draw)
                    violation = self._violation(message, case, self.executor.run(self.steps(message, case)))
                    if violation is not None and (like is None or violation.is_like(like)):
                        return violation
        return None

    def is_right(self, message: Message, case: Case) -> bool:
        """Whether a fresh object answers one call rightly."""
        aside = self.of(self.executor, [])
        return aside._violation(message, case, self.executor.run(aside.steps(message, case))) is None

    def after_forward(self, message: Message, case: Case) -> Violation | tuple[Array, ...] | None:
        """What a fresh object answers right after ``forward`` on the same batch.

        None if the answer is right, its arrays if they are wrong, and a violation if no arrays came.
        """
        primed = self.of(self.executor, [], primed=True)
        try:
            found = primed.actual(message, case)
        except Violation as violation:
            return violation
        try:
            primed.judge(message, case, found)
        except Violation:
            return found
        return None

    def ordinary_cases(self, message: Message, key: str) -> Iterator[Case]:
        """Cases of ordinary sizes: with short numbers, normal ones, and ones of very different magnitudes."""
        rng = self.rng(key)
        for sizes in ORDINARY_SIZES:
            yield message.draw(sizes, short_numbers(rng))
        for _ in range(self.rounds):
            for sizes in ORDINARY_SIZES:
                yield message.draw(sizes, normal_numbers(rng))
                yield message.draw(sizes, numbers_of_all_sizes(rng, message.key))


def _forward(message: Message, case: Case) -> Call:
    """The call of ``forward`` on the batch of a case."""
    forward = forward_of(message)
    X = case.arguments["X"] if case.origin is None else case.origin
    return Call("layer", "forward", {"X": X, "T": case.arguments["T"]} if "T" in forward.arguments else {"X": X})


def entry(name: str, index: tuple[int, ...], array: Array) -> Fact:
    """One entry of an array and its value."""
    return fact("entry", what=name, index=index, value=float(array[index]))


def wrong_entry(what: str, actual: Array, truth: Estimate, bound: Array) -> Violation | None:
    """The violation, still without its case, that names the `worst_entry` of an array; None if no entry is wrong."""
    index = worst_entry(actual, truth, bound)
    if index is None:
        return None
    allowed = float(bound[index] + truth.error[index])
    return Violation(
        entry(what, index, truth.value).and_("allowed", error=allowed),
        entry(what, index, actual),
        index=index,
        bound=allowed,
        evidence=evidence_of(what, actual, truth, bound),
    )


def _shapes(case: Case) -> tuple[tuple[str, tuple[int, ...]], ...]:
    return tuple((name, array.shape) for name, array in case.arguments.items())
