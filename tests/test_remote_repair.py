"""The search in a sandbox: what is sent there, and what of its reply is believed."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Sequence
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.execution.system import SandboxError
from reference.execution.worker.frames import FrameError
from reference.execution.worker.protocol import Call, Define, New, Ref, Reply, Step, own
from reference.gradients import remote_repair
from reference.gradients.remote_repair import RemoteSearch, searching
from reference.gradients.repair import Repair, search
from reference.gradients.repair.sent import Loaded, Searching, Sent, SentPattern
from reference.numerics import likeness
from tests.test_repair_running import named

pytestmark = pytest.mark.catalogue

Array = NDArray[Any]
FILE = """import numpy as np

def back(g, x):
    d = np.zeros(3)
    for i in range(3):
        d[i] = (
            g[i] * x
        )
    return d
"""
X, G = np.array([0.5, 2.0, 1.0]), np.array([1.0, -1.0, 0.5])


class Scripted:
    """Notes what it is asked, and answers the last step."""

    def __init__(self, value: Any, error: str | None = None, raised: Exception | None = None) -> None:
        self.value, self.error, self.raised = value, error, raised
        self.steps: list[Step] = []

    def run(self, steps: Sequence[Step]) -> list[Reply]:
        self.steps += steps
        if self.raised is not None:
            raise self.raised
        return [Reply()] * (len(steps) - 1) + [Reply(value=self.value, error=self.error)]


def context(*args: Array, differentiable: tuple[int, ...] = (0,)) -> Any:
    pattern = SimpleNamespace(args=args or (X,), differentiable=differentiable)
    return SimpleNamespace(dtype=np.float32, pattern=pattern)


def asked(executor: Any, samples: Sequence[Any] = (), of: Any = None) -> list[Repair]:
    looking = RemoteSearch(lambda: executor, "Declared_back", ("fun", "back"), "handed_in.py", FILE)
    return looking(context() if of is None else of, samples)


REPLY = ("sign", 7, "d[i] = g[i] * x", "g[i] * x", (0,), 1.5)


def test_a_reply_becomes_repairs() -> None:
    """With the name of the file, in the order in which they came."""
    other = ("", 9, "return d", "d", (), 2.0)
    (one, two) = asked(Scripted([REPLY, other]))
    assert one == Repair("sign", "handed_in.py", 7, "d[i] = g[i] * x", "g[i] * x", (0,), 1.5)
    assert (two.word, two.line, two.positions, two.edit) == ("", 9, (), None)


@pytest.mark.parametrize(
    ("place", "value", "count"),
    [
        (0, "scaled", 1), (0, "", 1), (0, "no word", 0), (0, None, 0), (0, ["sign"], 0), (1, 6, 0), (1, 7.0, 0),
        (1, True, 0),
        (2, "return d", 0), (2, "d[i] = g[i]", 0), (3, "g[i]", 1), (3, "x", 1), (3, "d[i]", 0), (3, "g[i]*x", 0),
        (4, (1,), 0), (4, (-1,), 0), (4, (0, 0), 1), (4, [0], 0), (4, (0.0,), 0), (4, (True,), 0), (4, ("0",), 0),
        (5, 1, 0), (5, "1", 0),
    ],
)  # fmt: skip
def test_a_part_of_a_reply_that_is_not_of_the_file(place: int, value: Any, count: int) -> None:
    """Words are those of the vocabulary, places those of the file, positions those of arguments, all of their types."""
    reply = tuple(value if number == place else each for number, each in enumerate(REPLY))
    assert len(asked(Scripted([reply]))) == count


@pytest.mark.parametrize(
    "value", [None, (REPLY,), {0: REPLY}, "text", [list(REPLY)], [REPLY[:5]], [(*REPLY, 1)], [7], 7, []]
)
def test_a_reply_of_another_form_is_none(value: Any) -> None:
    """A list of tuples is expected."""
    assert asked(Scripted(value)) == []


def test_no_more_of_a_reply_is_read_than_a_search_finds() -> None:
    """The first hundred repairs of a reply are read, and no more."""
    assert len(asked(Scripted([REPLY] * 101))) == 100


def test_a_list_with_something_else_in_it_counts_for_the_rest() -> None:
    """What is no repair is left out."""
    assert len(asked(Scripted([7, REPLY, None, REPLY]))) == 2


@pytest.mark.parametrize("raised", [SandboxError("no process"), FrameError("too large")])
def test_no_reply_is_no_repair(raised: Exception) -> None:
    """Nor is one that tells of an error."""
    assert asked(Scripted([REPLY], raised=raised)) == []
    assert asked(Scripted([REPLY], error="ValueError: it failed")) == []


def test_other_exceptions_are_ours() -> None:
    """They are not taken for a search without a result."""
    with pytest.raises(ZeroDivisionError):
        asked(Scripted([], raised=ZeroDivisionError()))


def test_what_is_sent() -> None:
    """The search itself, and each case once; arrays are laid out plainly."""
    executor = Scripted([])
    turned = np.arange(6.0).reshape(2, 3).T
    first, second = (turned, np.float64(2.0)), (turned + 1, np.float64(3.0))
    samples = [Sent(args, G, (X,), (X + 1,), (0 * X,)) for args in (first, second, first)]
    asked(executor, samples, context(turned, X, differentiable=(0, 1)))
    one, define, made, call = executor.steps
    assert isinstance(one, New)
    assert isinstance(define, Define)
    assert isinstance(made, New)
    assert isinstance(call, Call)
    assert (call.method, one.cls) == ("repairs", "Declared_back")
    assert call.arguments["declared"] == Ref(one.name)
    assert call.name == made.name != one.name
    assert define.source == searching()
    assert made.cls == own("Searching")
    given = call.arguments
    assert (given["names"], given["dtype"], given["differentiable"]) == (["fun", "back"], "<f4", [0, 1])
    assert given["steps"] == likeness.REPAIR_STEPS
    assert [each[0] for each in given["samples"]] == [0, 1, 0]
    assert len(given["cases"]) == 2
    assert all(each.flags.c_contiguous for case in given["cases"] for each in case)
    assert [each.shape for each in given["cases"][0]] == [(3, 2), ()]
    assert np.array_equal(given["cases"][1][0], turned + 1)
    _, cotangent, answers, truths, slack = given["samples"][1]
    assert cotangent is G
    assert [np.array_equal(a, b) for a, b in ((answers[0], X), (truths[0], X + 1), (slack[0], 0 * X))] == [True] * 3
    assert [each.shape for each in given["given"]] == [(3, 2), (3,)]


def test_the_search_that_is_sent_is_whole() -> None:
    """Its text is code, holds every module that one of its modules imports, and none that stays here."""
    text: str = searching.__wrapped__()
    assert text == searching()
    tree = ast.parse(text)
    (assigned,) = [each for each in tree.body if isinstance(each, ast.Assign)]
    sources = ast.literal_eval(assigned.value)
    assert {"reference", "reference.gradients", "reference.gradients.repair", "reference.numerics"} <= set(sources)
    assert not sources["reference.gradients.repair"]
    (line,) = [each for each in text.splitlines() if "is_package=" in each]
    packages = line.partition("is_package=name in ")[2].removesuffix(")")
    assert {name for name in sources if any(other.startswith(f"{name}.") for other in sources)} == set(
        ast.literal_eval(packages)
    )
    assert "reference.gradients.repair.found" not in sources
    assert {"reference.gradients.repair.sent", "reference.numerics.likeness", "reference.numerics.shapes"} <= set(
        sources
    )
    for name, source in sources.items():
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("reference"):
                known = {node.module, *(f"{node.module}.{each.name}" for each in node.names)} & set(sources)
                assert known, (name, node.module)


#: A line, a statement and an expression, and whether the file has them there.
PLACES = [
    (4, "d = np.zeros(3)", "np.zeros(3)", True), (4, "d = np.zeros(3)", "3", True), (4, "d = np.zeros(3)", "d", True),
    (5, "d = np.zeros(3)", "np.zeros(3)", False), (4, "d = np.zeros(3)", "4", False),
    (5, "for i in range(3):", "range(3)", True),
    (7, "d[i] = g[i] * x", "g[i]", True), (6, "d[i] = g[i] * x", "g[i]", False), (6, "d[i] = g[i] * x", "d[i]", True),
    (6, "d[i] = g[i] * x", "d[i] = g[i] * x", True), (9, "return d", "return d", True), (9, "return d", "d", True),
    (7, "for i in range(3):", "g[i]", True), (4, "d", "d", True), (6, "x", "x", True), (4, "y", "y", False),
    (99, "d", "d", False),
    (2, "d", "d", False), (1, "np", "np", True), (4, "return d", "d", False), (0, "d", "d", False),
]  # fmt: skip


@pytest.mark.parametrize(("line", "source", "expression", "is_there"), PLACES)
def test_a_place_is_looked_up_in_the_file(line: int, source: str, expression: str, is_there: bool) -> None:
    """The expression in its line, in that statement; or a name whose value is met behind a statement there."""
    assert remote_repair._is_there(ast.parse(FILE), line, source, expression) is is_there


# There


def declared(text: str) -> Any:
    """An object of the class that stands for a file there."""
    module = ModuleType("declared_there")
    module._module = SimpleNamespace(**named(text))  # type: ignore[attr-defined]
    sys.modules["declared_there"] = module
    return type("Declared", (), {"__module__": "declared_there"})()


def test_the_search_there_is_the_search_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes in becomes its samples, and its repairs become tuples."""
    seen: list[Any] = []

    def repairs(known: Loaded, samples: Sequence[Sent]) -> list[Repair]:
        seen.extend((known, samples))
        return [Repair("sign", "file", 3, "source", "expression", (0,), 1.5)]

    monkeypatch.setattr(search, "repairs", repairs)
    monkeypatch.setattr(likeness, "REPAIR_STEPS", 1)
    one = declared("def fun(x):\n    return x\n\ndef back(g, x):\n    return g\n")
    told = [[1, G, [X], [X + 1], [X + 2]]]
    found = Searching().repairs(one, ["fun", "back"], "<f4", [X], [0], [[X + 3], [X + 4]], told, 77)
    known, samples = seen
    assert found == [("sign", 3, "source", "expression", (0,), 1.5)]
    assert likeness.REPAIR_STEPS == 77
    assert (known.subject, known.dtype, known.pattern.differentiable) == (known, np.dtype(np.float32), [0])
    assert (known.forward(7), known.vjp(8, 9)) == (7, 8)
    assert np.array_equal(known.pattern.args[0], X)
    (sample,) = samples
    assert sample.cotangent is G
    due = (X + 4, X, X + 1, X + 2)
    given = (sample.args, sample.answers, sample.truths, sample.slack)
    assert all(type(each) is tuple and np.array_equal(each[0], wanted) for each, wanted in zip(given, due, strict=True))


@pytest.mark.parametrize("raised", [ValueError, SystemExit, RecursionError, KeyError])
def test_a_forward_pass_that_raises_an_exception_is_ignored(raised: type[BaseException]) -> None:
    """It is run for what it keeps alone, on copies of the arguments."""
    called = []

    def forward(x: Array) -> None:
        called.append(x)
        x += 1
        raise raised

    known = Loaded(forward, len, SentPattern((X,), [0]), float)
    before = X.copy()
    known.run_forward((X,))
    assert len(called) == 1
    assert np.array_equal(X, before)


def test_an_interrupt_is_not_ignored() -> None:
    """Whoever stops the process means it."""

    def forward(_: Array) -> None:
        raise KeyboardInterrupt

    asked_of: Callable[..., None] = Loaded(forward, len, SentPattern((X,), [0]), float).run_forward
    with pytest.raises(KeyboardInterrupt):
        asked_of((X,))
