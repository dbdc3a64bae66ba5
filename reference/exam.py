"""One examination: asks an implementation, fetches the truth, and compares. Numbers are compared here alone."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from reference.contract import Answer, Case, Draw, Message, Oracle, Sizes
from reference.estimate import Estimate
from reference.findings import Violation
from reference.protocol import Call, Laid, Layout, Reply, Session
from reference.showing import nested, repro, short

Effort = Literal["quick", "normal", "exhaustive"]
Array = NDArray[Any]

#: From the smallest question that can show a mistake to ones where no two sizes agree: the first that fails is small.
LADDER = (
    Sizes(1, 1, 2), Sizes(2, 1, 2), Sizes(1, 2, 2), Sizes(2, 2, 2), Sizes(1, 1, 1), Sizes(2, 1, 1), Sizes(2, 1, 3),
    Sizes(3, 2, 4), Sizes(4, 3, 2), Sizes(3, 3, 3), Sizes(5, 4, 3), Sizes(2, 5, 7), Sizes(8, 6, 5),
)  # fmt: skip
#: An ordinary question: N, D and U differ, so that no axis passes for another.
ORDINARY = Sizes(3, 2, 4)
_ROUNDS = {"quick": 1, "normal": 8, "exhaustive": 60}


@dataclass
class Exam:
    """What checks work with.

    Attributes
    ----------
    session
        Where the implementation runs.
    oracle
        Where the truth comes from.
    name
        Of the implementation, for messages.
    seed
        Of all draws; the same seed asks the same questions.
    effort
        How many questions a check asks.
    assignment
        1 allows the naive softmax and what follows from it.
    """

    session: Session
    oracle: Oracle
    name: str
    seed: int = 0
    effort: Effort = "normal"
    assignment: int = 3
    asked: list[tuple[Message, Case, tuple[Array, ...]]] = field(default_factory=list)

    @property
    def rounds(self) -> int:
        """How often to repeat what is drawn at random."""
        return _ROUNDS[self.effort]

    def rng(self, key: str) -> np.random.RandomState:
        """A generator for one check, independent of which other checks run."""
        return np.random.RandomState((self.seed * 1_000_003 + zlib.crc32(key.encode())) % 2**32)

    def ask(self, message: Message, case: Case, layout: Layout = "C") -> Reply:
        """The reply to one question, put to a fresh object.

        Raises
        ------
        Violation
            The object could not be made, or the call raised an exception.
        """
        arguments = {name: Laid(array, layout) for name, array in case.arguments.items()}
        *setting, reply = self.session.run([*message.setting(case), Call("layer", message.method, arguments)])
        for step in (*setting, reply):
            if step.error is not None:
                raise Violation(
                    f"{message.subject} to answer arguments of shapes {shapes(case)}",
                    step.error,
                    counterexample=nested(case),
                    mistake="not-implemented" if step.error_kind == "NotImplementedError" else "crash",
                    repro=repro(self.name, message, case),
                )
        return reply

    def actual(self, message: Message, case: Case, layout: Layout = "C") -> tuple[Array, ...]:
        """What came back, part by part, in the shapes of the truth where the number of entries allows it."""
        return self.parts(message, case, self.ask(message, case, layout))

    def parts(self, message: Message, case: Case, reply: Reply) -> tuple[Array, ...]:
        """The arrays of a reply.

        Raises
        ------
        Violation
            They are not arrays of real numbers, or have the wrong number of entries.
        """
        shapes_due = [estimate.value.shape for estimate in self.answer(message, case).truth]
        values = reply.value if len(message.parts) > 1 and isinstance(reply.value, list | tuple) else [reply.value]
        if len(values) != len(shapes_due):
            raise self._no_answer(message, case, f"{len(shapes_due)} arrays", f"{reply.kind} of {len(values)}")
        arrays = []
        for name, value, shape in zip(message.parts, values, shapes_due, strict=True):
            # A number counts as an array of one entry here; that it is none is for the check of types to say.
            if (
                value is None
                or isinstance(value, str | dict | list | tuple)
                or np.asarray(value).dtype.kind not in "fiub"
            ):
                raise self._no_answer(
                    message, case, f"{name} to be an array", reply.kind if len(values) == 1 else "none"
                )
            array = np.asarray(value)
            if array.size != int(np.prod(shape)):
                raise self._no_answer(message, case, f"{name} of shape {shape}", f"shape {array.shape}")
            arrays.append(array.reshape(shape).astype(np.float64))
        return tuple(arrays)

    def _no_answer(self, message: Message, case: Case, expected: str, came: str) -> Violation:
        mistake = (
            "not-implemented" if came == "NoneType" else ("wrong-shape" if came.startswith("shape") else "wrong-type")
        )
        return Violation(
            expected, came, counterexample=nested(case), mistake=mistake, repro=repro(self.name, message, case)
        )

    def answer(self, message: Message, case: Case) -> Answer:
        """The truth, and how far an honest answer may be from it."""
        return message.answer(case, self.oracle)

    def judge(self, message: Message, case: Case, actual: tuple[Array, ...], expected: str | None = None) -> None:
        """Compare with the truth.

        Raises
        ------
        Violation
            An entry is farther from it than rounding can take it, or is not a number.
        """
        answer = self.answer(message, case)
        self.asked.append((message, case, actual))
        for name, array, truth, bound in zip(message.parts, actual, answer.truth, answer.bounds, strict=True):
            index = worst_entry(array, truth, bound)
            if index is not None:
                raise Violation(
                    expected or f"{name}{list(index)} = {short(truth.value[index])}",
                    f"{name}{list(index)} = {short(array[index])}",
                    index=tuple(int(i) for i in index),
                    bound=float(bound[index] + truth.error[index]),
                    counterexample=nested(case),
                    repro=repro(self.name, message, case),
                )

    def cases(self, message: Message, key: str) -> Iterator[Case]:
        """The ladder of questions: short numbers first, then ordinary ones, then ones of very different sizes."""
        rng = self.rng(key)
        for sizes in LADDER:
            yield message.draw(sizes, short_numbers(rng))
        for _ in range(self.rounds):
            for sizes in LADDER[3:]:
                yield message.draw(sizes, normal_numbers(rng))
                yield message.draw(sizes, numbers_of_all_sizes(rng, message.key))


def worst_entry(actual: Array, truth: Estimate, bound: Array) -> tuple[int, ...] | None:
    """The index of the entry that is farthest beyond its bound; None if all are within."""
    with np.errstate(invalid="ignore", over="ignore"):
        excess = np.abs(actual - truth.value) - (bound + truth.error)
        same = actual == truth.value  # inf where inf is due
        excess = np.where(same, -np.inf, np.where(np.isnan(excess), np.inf, excess))
    # Relative to the bound a small entry that is wrong altogether would hide behind a large one that is wrong a little.
    index = tuple(int(i) for i in np.unravel_index(np.argmax(excess), excess.shape))
    return index if excess[index] > 0 else None


def short_numbers(rng: np.random.RandomState) -> Draw:
    """Multiples of 1/8 up to 2, none 0, so that a counterexample can be read aloud."""
    return lambda shape: rng.randint(1, 17, shape) * rng.choice([-1, 1], shape) / 8


def normal_numbers(rng: np.random.RandomState) -> Draw:
    """N(0, 1): all 53 bits in use."""
    return lambda shape: rng.randn(*shape)


def single_precision(draw: Draw) -> Draw:
    """The same, rounded to single precision."""
    return lambda shape: draw(shape).astype(np.float32)


def numbers_of_all_sizes(rng: np.random.RandomState, key: str) -> Draw:
    """From 1e-12 to 1e6 in size; for logits, of which differences count, up to 30."""
    if key in {"softmax", "logits", "cross_entropy"}:
        return lambda shape: rng.uniform(-30, 30, shape)
    return lambda shape: rng.randn(*shape) * 10.0 ** rng.uniform(-12, 6, shape)


def shapes(case: Case) -> str:
    """The arguments' shapes, for a message."""
    return ", ".join(f"{name} {array.shape}" for name, array in case.arguments.items())


def as_dict(case: Case) -> Mapping[str, Array]:
    """Parameters and arguments together."""
    return {**case.parameters, **case.arguments}
