"""A repair names the mistake of a gradient in the sandbox, and code that spoils the search changes no verdict."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from reference.execution.sandbox import Limits
from reference.execution.worker.frames import FrameError
from reference.execution.worker.protocol import Reply, Step
from reference.findings import Finding
from reference.gate.functions import judge_functions, sandbox_of
from reference.gradients import declaration
from reference.gradients.remote_repair import RemoteSearch
from reference.gradients.repair.sent import Sent
from tests.comparing import needs_flint

pytestmark = needs_flint

HONEST = """
import numpy as np

fun_args = (np.array([0.5]),)
def fun(x):
    return np.sin(x)
def fun_vjp(g, x):
    return (g * np.cos(g),)
"""
#: What a vjp may do where it finds itself searched, in the place of `pass`.
HOSTILE = """
import os
import sys
import numpy as np

def spoil():
    if "reference.gradients.repair.search" in sys.modules:
        pass

fun_args = (np.array([0.5]),)
def fun(x):
    return np.sin(x)
def fun_vjp(g, x):
    spoil()
    return (g * np.cos(g),)
"""
LIE = """
        from types import SimpleNamespace
        told = SimpleNamespace(word="no word", line=1, source="x", expression="x", positions=(0,), cost=0.0)
        sys.modules["reference.gradients.repair.search"]._repair = lambda *_: told
"""


def judged(folder: Path, text: str) -> Finding:
    path = folder / "handed_in.py"
    path.write_text(text, encoding="utf-8")
    only = "vjp.gradient[[]0].consistent"
    *before, found = judge_functions(path, only=only, seed=1, effort="quick").findings
    assert [each.status for each in (*before, found)] == ["passed", "passed", "failed"]
    return found


def asked(x: np.ndarray) -> Any:
    return SimpleNamespace(dtype=x.dtype, pattern=SimpleNamespace(args=(x,), differentiable=(0,)))


@pytest.mark.system
def test_a_repair_is_found_in_the_sandbox(tmp_path: Path) -> None:
    """The finding has the word and the line, as where the code runs in this process."""
    found = judged(tmp_path, HONEST)
    assert found.mistake == "wrong-argument"
    assert found.came is not None
    (place,) = [each for each in found.came.more if each.kind == "in code"]
    assert place.fields["file"] == "handed_in.py"
    assert place.fields["source"] == "return (g * np.cos(g),)"


@pytest.mark.system
def test_code_that_ends_the_search_gets_its_verdict_without_a_word(tmp_path: Path) -> None:
    """The process that judges is another one than that of the search."""
    assert judged(tmp_path, HOSTILE.replace("pass", "os._exit(0)")).mistake is None


@pytest.mark.system
@pytest.mark.parametrize(
    ("spoiling", "count"),
    [("pass", 1), ("while True: continue", 0), ("np.ones(10**12)", 0), (LIE, 0)],
    ids=["nothing", "loops", "takes memory", "lies"],
)
def test_code_that_spoils_the_search_gets_no_word(spoiling: str, count: int) -> None:
    """It may loop, take all memory, or lie."""
    text = HOSTILE.replace("pass", spoiling.strip())
    functions = declaration.declared(text)
    x, g = np.array([0.5, 2.0]), np.array([1.5, -1.0])
    samples = [Sent((each,), g, (g * np.cos(g),), (g * np.cos(each),), (0 * g,)) for each in (x, x + 0.25)]
    with sandbox_of(text, "handed_in", functions, Limits(seconds=3.0), "auto") as box:
        search = RemoteSearch(lambda: box, "Declared_fun", ("fun", "fun_vjp"), "handed_in.py", text)
        assert len(search(asked(x), samples)) == count


class Scripted:
    """Answers each request with the same value."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def run(self, steps: Sequence[Step]) -> list[Reply]:
        return [Reply()] * (len(steps) - 1) + [Reply(value=self.value)]


HONEST_REPLY = ("sign", 8, "return (g * np.cos(g),)", "np.cos(g)", (0,), 1.0)


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {0: "no word"},
        {1: 7},
        {2: "return g"},
        {3: "np.cos(x)"},
        {4: (1,)},
        {4: ("0",)},
        {5: "1"},
    ],
)
def test_a_reply_counts_where_it_tells_of_the_file(changed: dict[int, Any]) -> None:
    """A word that is none, and a place that the file does not have, are left out."""
    reply = tuple(changed.get(number, each) for number, each in enumerate(HONEST_REPLY))
    x = np.array([0.5, 2.0])
    search = RemoteSearch(lambda: Scripted([reply, 7]), "Declared_fun", ("fun", "fun_vjp"), "handed_in.py", HONEST)
    assert len(search(asked(x), [])) == (not changed)


def test_arrays_that_are_too_large_to_be_sent_get_no_word() -> None:
    """Then the mistake is named by the answers alone."""

    class Full:
        def run(self, steps: Sequence[Step]) -> list[Reply]:
            raise FrameError("too large")

    search = RemoteSearch(Full, "Declared_fun", ("fun", "fun_vjp"), "handed_in.py", HONEST)
    assert search(asked(np.array([0.5, 2.0])), []) == []
