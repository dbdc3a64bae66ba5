"""What the examiner asks, by check: who weakens a question, or drops one, sees it here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from reference.checks.catalogue import all_checks
from reference.exam import Exam, word_of
from reference.findings import Violation
from reference.mistakes import plain
from reference.oracles import ball
from reference.session import InProcess
from reference.showing import literal
from reference.stage.protocol import Laid, Reply, Step
from reference.vjp.questions import cotangents, questions
from reference.vjp.usage import pattern
from tests.comparing import needs_flint
from tests.kept import assert_near

CHECKS = {check.id: check for check in all_checks()}


class Listening(InProcess):
    """Hears every step, and sums up the arrays in it."""

    def __init__(self, classes: Mapping[str, type]) -> None:
        super().__init__(classes, {})
        self.heard: dict[str, list[Any]] = {}

    def run(self, steps: Sequence[Step]) -> list[Reply]:
        for step in steps:
            told = vars(step)
            values = {**told.get("arguments", {}), **({"value": told["value"]} if "value" in told else {})}
            place = ".".join(str(told.get(name)) for name in ("name", "cls", "method", "attribute") if name in told)
            for name, value in values.items():
                self._sum_up(f"{place}({name})", value)
        return super().run(steps)

    def _sum_up(self, place: str, value: Any) -> None:
        """By place: how many arrays and other things came, how large they were, and how much was not finite."""
        array = value.array if isinstance(value, Laid) else value
        place += f" {value.layout}" if isinstance(value, Laid) else ""
        total = self.heard.setdefault(place, [0, 0, 0, 0.0, 0.0, 0])
        total[0] += 1
        if isinstance(array, np.ndarray) and array.dtype.kind in "fiu":
            finite = array[np.isfinite(array)].astype(np.float64)
            total[1] += array.size
            total[2] += array.size - finite.size
            # Numbers of all sizes are to be felt, and the sign of each.
            total[3] += float(np.arcsinh(finite * 1e3).sum())
            total[5] += int(np.signbit(finite).sum())
            total[4] += float(np.abs(np.log(np.abs(finite[finite != 0]))).sum())


@needs_flint
@pytest.mark.parametrize("name", CHECKS)
def test_checks_ask_what_they_asked(name: str) -> None:
    """Every array that a right implementation is asked about, summed up by message and argument."""
    session = Listening(plain.CLASSES)
    try:
        CHECKS[name].run(Exam(session, ball, "x", effort="quick"))
    except Violation as violation:  # the textbook's softmax is not the most accurate one
        pytest.fail(str(violation))
    assert_near("asked", "checks", name, session.heard)


@pytest.mark.parametrize("effort", ["quick", "normal", "exhaustive"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_gradients_are_asked_what_they_were_asked(effort: Any, dtype: str) -> None:
    """Inputs by kind, inside their domains, and cotangents."""
    args = (
        np.arange(6, dtype=dtype).reshape(2, 3) / 4, np.array([1, 2]), np.full(3, 0.5, dtype),
        np.full(4, 2.0, dtype), np.full(4, -2.0, dtype), np.array(0.5, dtype), np.zeros((0, 2), dtype),
    )  # fmt: skip
    asked = questions(pattern(args, [None, None, (0.0, 1.0), (1.0, np.inf), (-np.inf, -1.0), None, None]), 7, effort)
    listening = Listening({})
    for place, question in enumerate(asked):
        listening.heard[f"{place}: {question.kind}"] = [question.ordinary, question.seed]
        for number, array in enumerate(question.args):
            listening._sum_up(f"{number} {np.asarray(array).dtype}", np.asarray(array))
        for cotangent in cotangents(question, (2, 3), np.dtype(dtype), effort):
            listening._sum_up(f"cotangent {cotangent.dtype}", cotangent)
    assert len(asked) == listening.heard[f"0 {dtype}"][0]
    assert_near("asked", "gradients", f"{effort} {dtype}", listening.heard)


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        ("NotImplementedError", "not-implemented"), ("SystemExit", "exits"), ("MemoryError", "memory"),
        ("_ArrayMemoryError", "memory"), ("exits", "exits"), ("timeout", "timeout"), ("memory", "memory"),
        ("ValueError", "crash"), ("AttributeError", "crash"), (None, "crash"),
    ],
)  # fmt: skip
def test_what_is_raised_has_a_word(kind: str | None, word: str) -> None:
    """Of the fixed vocabulary; a method that is not there is missing, another attribute is a crash."""
    assert word_of(Reply(None, "", error="it went wrong", error_kind=kind), "forward") == word
    absent = Reply(None, "", error="'X' object has no attribute 'forward'", error_kind="AttributeError")
    assert word_of(absent, "forward") == "missing"
    assert word_of(absent, "delta") == "crash"


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64"])
def test_literals_make_the_array_again(dtype: str) -> None:
    """To the bit and in its type, NaN and infinity included."""
    array = np.array([[0.1, -0.0, 1e300 if dtype == "float64" else 3.0]]).astype(dtype)
    if dtype.startswith("float"):
        array = np.concatenate([array, [[np.nan, np.inf, -np.inf]]]).astype(dtype)
    again = eval(literal(array), {"np": np})  # noqa: S307 - made here
    assert again.dtype == array.dtype
    assert again.tobytes() == array.tobytes()
    assert ("dtype" in literal(array)) == (dtype != "float64")
