"""One examination: puts questions to an implementation, fetches the truth, and keeps a log of what came back."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import repeat
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from reference.execution.worker.protocol import Call, Executor, Laid, Layout, Reply, Step, Unusable
from reference.findings import Evidence, NotApplicable, Violation
from reference.lab.contract import Case, Expected, Message, Oracle, Sizes, forward_of
from reference.lab.evidence import evidence_of, most_telling, point_of
from reference.lab.formatting import module_of, nested, repro, short
from reference.numerics.compare import worst_entry
from reference.numerics.memo import digest, memo
from reference.numerics.sampling import normal_numbers, numbers_of_all_sizes, short_numbers

Effort = Literal["quick", "normal", "exhaustive"]
Array = NDArray[Any]
Known = TypeVar("Known")

#: Ordinary questions: N, D and U differ, so that no axis passes for another, and none has a length of one or two.
ORDINARY_SIZES = (Sizes(3, 2, 4), Sizes(5, 4, 3), Sizes(2, 5, 7), Sizes(8, 6, 5))
ORDINARY = ORDINARY_SIZES[0]
#: From the smallest question that can show a mistake upwards: one sample, one unit, two classes, equal sizes.
SMALL_SIZES = (
    Sizes(1, 1, 2), Sizes(2, 1, 2), Sizes(1, 2, 2), Sizes(1, 1, 1), Sizes(2, 1, 1), Sizes(2, 2, 2), Sizes(1, 2, 1),
    Sizes(1, 1, 3), Sizes(1, 3, 4), Sizes(2, 1, 3), Sizes(3, 2, 1), Sizes(3, 3, 3), Sizes(5, 3, 2), Sizes(4, 4, 4),
)  # fmt: skip
_ROUNDS = {"quick": 1, "normal": 8, "exhaustive": 60}
#: Draws at each size in the search for a smaller counterexample: a mask, say, shows only where a number is negative.
_TRIES = 3


@dataclass(frozen=True)
class Response:
    """What came back, for a comparison with what a known mistake gives: arrays, or what was raised.

    Attributes
    ----------
    values
        Part by part.
    bounds
        How far rounding may take each part of the right answer, where there is one.
    """

    values: tuple[Any, ...]
    bounds: tuple[Array, ...] | None = None


@dataclass
class Context:
    """What checks work with.

    Attributes
    ----------
    session
        Where the implementation runs.
    oracle
        Where the truth comes from, or the reason why there is none.
    name
        Of the implementation, for messages.
    seed
        Of all draws; the same seed asks the same questions.
    effort
        How many questions a check asks.
    assignment
        1 allows the naive softmax and what follows from it.
    log
        Every answer, in order.
    """

    executor: Executor
    oracle: Oracle | str
    name: str
    seed: int = 0
    effort: Effort = "normal"
    assignment: int = 3
    log: list[Response] = field(default_factory=list)
    _trend: list[tuple[float, float, float]] = field(default_factory=list)

    def of(self, executor: Executor, log: list[Response]) -> Context:
        """The same examination of somebody else, with a log of its own."""
        return replace(self, executor=executor, log=log, _trend=[])

    def known(self, key: Hashable, make: Callable[[], Known]) -> Known:
        """What ``make`` gives, made once in this process: see `reference.numerics.memo`.

        The key has to tell all that the value depends on, apart from the oracle.
        """
        oracle = self.oracle if isinstance(self.oracle, str) else (self.oracle.value, self.oracle.vjp)
        return memo.get((oracle, key), make)

    @property
    def rounds(self) -> int:
        """How often to repeat what is drawn at random."""
        return _ROUNDS[self.effort]

    def home(self, cls: str) -> str:
        """What stands after ``from`` in a script that imports the class."""
        return self.executor.modules().get(cls) or module_of(self.name)

    def truth(self) -> Oracle:
        """The oracle.

        Raises
        ------
        NotApplicable
            It is absent.
        """
        if isinstance(self.oracle, str):
            raise NotApplicable(self.oracle)
        return self.oracle

    def rng(self, key: str) -> np.random.RandomState:
        """A generator for one check, independent of which other checks run."""
        return np.random.RandomState((self.seed * 1_000_003 + zlib.crc32(key.encode())) % 2**32)

    def ask(self, message: Message, case: Case, before: Sequence[Step] = ()) -> Reply:
        """The reply to one question, put to a fresh object after the steps ``before``.

        Raises
        ------
        Violation
            The object could not be made, or the call raised an exception.
        """
        return self._last(message, case, self.executor.run(_steps(message, case, before=before)))

    def _last(self, message: Message, case: Case, replies: Sequence[Reply]) -> Reply:
        for step in replies:
            if step.error is not None:
                self.log.append(Response((step.error_kind,)))
                names = ", ".join(message.arguments)
                misnamed = "unexpected keyword argument" in step.error
                raise Violation(
                    f"{message.subject} to take its arguments by the names {names}"
                    if misnamed
                    else f"{message.subject} to answer arguments of shapes {_shapes(case)}",
                    step.error,
                    counterexample=nested(case),
                    mistake=word_of(step, message.method),
                    repro=repro(self.home(message.cls), message, case),
                )
        return replies[-1]

    def actual(self, message: Message, case: Case) -> tuple[Array, ...]:
        """What came back, part by part, in the shapes of the truth where the number of entries allows it."""
        return self.parts(message, case, self.ask(message, case))

    def actual_of_each(self, message: Message, cases: Sequence[Case]) -> Iterator[tuple[Array, ...]]:
        """The same for several questions, put together: one after the other they take longer to go and come."""
        answers = self.executor.run_all(_steps(message, case) for case in cases)
        for case, replies in zip(cases, answers, strict=True):
            yield self.parts(message, case, self._last(message, case, replies))

    def parts(self, message: Message, case: Case, reply: Reply) -> tuple[Array, ...]:
        """The arrays of a reply.

        Raises
        ------
        Violation
            They are not arrays of real numbers, or have the wrong number of entries.
        """
        due = message.shapes(case)
        several = len(message.parts) > 1
        values = list(reply.value) if several and isinstance(reply.value, list | tuple) else [reply.value]
        self.log.append(Response(tuple(values)))
        if len(values) != len(due):
            got = kind_of(reply) if len(values) == 1 else f"{reply.kind} of {len(values)}"
            raise self._no_answer(message, case, f"a list [{', '.join(message.parts)}]", got, word_for(got))
        arrays = []
        for name, value, shape in zip(message.parts, values, due, strict=True):
            array = as_numbers(value)
            if array is None:
                came = no_numbers(value)
                word = "wrong-type" if several and value is None else word_for(came)
                raise self._no_answer(message, case, f"{name} to be an array of numbers", came, word)
            if array.size != int(np.prod(shape)):
                came = f"shape {array.shape}"
                raise self._no_answer(message, case, f"{name} of shape {shape}", came, "wrong-shape")
            arrays.append(array.reshape(shape).astype(np.float64))
        return tuple(arrays)

    def _no_answer(self, message: Message, case: Case, expected: str, came: str, word: str) -> Violation:
        return Violation(
            expected,
            came,
            counterexample=nested(case),
            mistake=word,
            repro=repro(self.home(message.cls), message, case),
        )

    def answer(self, message: Message, case: Case) -> Expected:
        """The truth, and how far an honest answer may be from it."""
        arrays = [*case.arguments.values(), *case.parameters.values(), *([] if case.origin is None else [case.origin])]
        return self.known((message.subject, digest(*arrays)), lambda: message.answer(case, self.truth()))

    def judge(self, message: Message, case: Case, actual: tuple[Array, ...]) -> None:
        """Compare with the truth.

        Raises
        ------
        Violation
            An entry is farther from it than rounding can take it, or is not a number.
        """
        answer = self.answer(message, case)
        self.log.append(Response(actual, answer.bounds))
        self._trend += point_of(message, case, actual, answer)
        for name, array, truth, bound in zip(message.parts, actual, answer.truth, answer.bounds, strict=True):
            index = worst_entry(array, truth, bound)
            if index is not None:
                violation = Violation(
                    f"{name}{list(index)} = {short(truth.value[index])}",
                    f"{name}{list(index)} = {short(array[index])}",
                    index=index,
                    bound=float(bound[index] + truth.error[index]),
                    counterexample=nested(case),
                    repro=repro(self.home(message.cls), message, case),
                )
                violation.evidence = evidence_of(name, array, truth, bound)
                raise violation

    def judge_each(self, message: Message, cases: Iterable[Case]) -> None:
        """Ask all the questions and compare; the first of the smallest that went wrong is told.

        Raises
        ------
        Violation
            At least one answer was wrong or did not come.
        """
        worst: tuple[int, Violation] | None = None
        evidence: list[Evidence | None] = []
        self._trend.clear()
        cases = list(cases)
        for case, violation in zip(cases, self.violations(message, cases), strict=True):
            size = sum(array.size for array in case.arguments.values())
            if violation is not None:
                evidence.append(violation.evidence)
                worst = (size, violation) if worst is None or size < worst[0] else worst
        if worst is not None:
            worst[1].evidence = most_telling(evidence, self._trend)
            raise worst[1]

    def violations(
        self, message: Message, cases: Sequence[Case], layouts: Iterable[Layout] = repeat("C")
    ) -> Iterator[Violation | None]:
        """What is wrong with each of the answers; the truth is found while the questions are under way."""
        questions = map(partial(_steps, message), cases, layouts)
        truths = (partial(self.answer, message, case) for case in cases)
        for case, replies in zip(cases, self.executor.run_all(questions, truths), strict=True):
            yield self._violation(message, case, replies)

    def _violation(self, message: Message, case: Case, replies: Sequence[Reply]) -> Violation | None:
        try:
            self.judge(message, case, self.parts(message, case, self._last(message, case, replies)))
        except Violation as violation:
            return violation
        return None

    def smallest(self, message: Message, key: str) -> Violation | None:
        """A wrong answer to a question as small and as short as there is one, if any is found."""
        rng = self.rng(key)
        # Short numbers first: where they show it, the counterexample can be read aloud. Single precision holds them.
        for draw in (short_numbers(rng), normal_numbers(rng), numbers_of_all_sizes(rng, message.key)):
            for sizes in SMALL_SIZES:
                for _ in range(_TRIES):
                    case = message.draw(sizes, draw)
                    violation = self._violation(message, case, self.executor.run(_steps(message, case)))
                    if violation is not None:
                        return violation
        return None

    def right_after_forward(self, message: Message, case: Case) -> bool:
        """Whether a backward message is wrong on a fresh object, and right once forward has seen the same batch."""
        if message.method == "forward" or self._is_right(message, case):
            return False
        forward = forward_of(message)
        X = case.arguments["X"] if case.origin is None else case.origin
        given = {"X": X, "T": case.arguments["T"]} if "T" in forward.arguments else {"X": X}
        return self._is_right(message, case, [Call("layer", "forward", given)])

    def _is_right(self, message: Message, case: Case, before: Sequence[Step] = ()) -> bool:
        try:
            self.judge(message, case, self.parts(message, case, self.ask(message, case, before)))
        except Violation:
            return False
        return True

    def ordinary_cases(self, message: Message, key: str) -> Iterator[Case]:
        """Questions of ordinary sizes: short numbers, ordinary ones, and ones of very different magnitudes."""
        rng = self.rng(key)
        for sizes in ORDINARY_SIZES:
            yield message.draw(sizes, short_numbers(rng))
        for _ in range(self.rounds):
            for sizes in ORDINARY_SIZES:
                yield message.draw(sizes, normal_numbers(rng))
                yield message.draw(sizes, numbers_of_all_sizes(rng, message.key))


def _steps(message: Message, case: Case, layout: Layout = "C", before: Sequence[Step] = ()) -> list[Step]:
    """One question, put to a fresh object after the steps ``before``."""
    arguments = {name: Laid(array, layout) for name, array in case.arguments.items()}
    return [*message.setting(case), *before, Call("layer", message.method, arguments)]


def kind_of(reply: Reply) -> str:
    """What came, in words."""
    return "None" if reply.value is None else reply.kind


def no_numbers(value: Any) -> str:
    """What came instead of an array of numbers, in words."""
    if isinstance(value, np.ndarray):
        return f"array of dtype {value.dtype}"
    return value.kind if isinstance(value, Unusable) else "None" if value is None else type(value).__name__


def word_for(came: str) -> str:
    """The word for an answer that is no array of numbers in the right shape, by what is said of the answer."""
    words = {"None": "not-implemented", "shape": "wrong-shape", "array": "wrong-dtype"}
    return words.get(came.split(" ", maxsplit=1)[0], "wrong-type")


def as_numbers(value: Any) -> Array | None:
    """An array of real numbers, or one number as such; None for anything else."""
    if value is None or isinstance(value, str | dict | list | tuple | Unusable):
        return None
    array = np.asarray(value)
    return array if array.dtype.kind in "fiub" else None


def word_of(reply: Reply, method: str) -> str:
    """The word for what was raised instead of an answer."""
    if reply.error_kind == "AttributeError" and (reply.error or "").endswith(f"has no attribute '{method}'"):
        return "missing"
    words = {
        "NotImplementedError": "not-implemented",
        "SystemExit": "exits",
        "MemoryError": "memory",
        "_ArrayMemoryError": "memory",
        # The process ended, as `reference.execution.sandbox` says.
        **{word: word for word in ("exits", "timeout", "memory")},
    }
    return words.get(reply.error_kind or "", "crash")


def _shapes(case: Case) -> str:
    return ", ".join(f"{name} {array.shape}" for name, array in case.arguments.items())
