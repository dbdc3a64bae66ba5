"""What the lab's contract and `check_vjp` share: their common promises, scripts and random streams."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

from reference.engine import Context, first_sentence
from reference.engine.evidence import literal
from reference.engine.promises import after_any_call, check_memory, check_unchanged, in_layout, twice
from reference.findings import Violation
from reference.wording import Fact, fact


class Bare(Context):
    def __init__(self, seed: int = 0) -> None:
        self.seed, self.effort, self.oracles = seed, "quick", []


def blame(due: Fact, came: Fact, mistake: str) -> Violation:
    return Violation(due, came, mistake=mistake)


def wrong(**fields: Any) -> Violation:
    came = fact("raised", **fields) if fields else fact("zeros")
    return Violation(fact("number", value=1.0), came, mistake="sign", repro="print(1)")


def test_changed_arguments_are_all_named() -> None:
    """The violation names every argument that was changed; without one there is none."""
    check_unchanged([], blame)
    with pytest.raises(Violation) as caught:
        check_unchanged(["X", "T"], blame)
    violation = caught.value
    assert (violation.due, violation.came) == (fact("unchanged", names=("X", "T")), fact("changed", names=("X", "T")))
    assert violation.mistake == "mutates-input"


def test_shared_memory_is_told_before_later_changes() -> None:
    """An answer that is a view is told as a view of the first argument, whatever happened to it later."""
    check_memory([], altered=False, blame=blame)
    with pytest.raises(Violation) as caught:
        check_memory(["X", "T"], altered=True, blame=blame)
    assert (caught.value.due, caught.value.came) == (fact("memory of its own"), fact("view", name="X"))
    assert caught.value.mistake == "aliases-input"
    with pytest.raises(Violation) as caught:
        check_memory([], altered=True, blame=blame)
    assert (caught.value.due, caught.value.came) == (fact("stays"), fact("changed later"))
    assert caught.value.mistake == "stateful"


@pytest.mark.parametrize(
    ("layout", "error", "mistake"),
    [
        ("read-only", "ValueError", "mutates-input"),
        ("broadcast", "ValueError", "mutates-input"),
        ("F", "ValueError", "layout-dependent"),
        ("read-only", "TypeError", "layout-dependent"),
        ("read-only", None, "layout-dependent"),
    ],
)
def test_a_refused_write_is_a_changed_argument(layout: str, error: str | None, mistake: str) -> None:
    """A ValueError for an array that cannot be written to tells that the argument would be changed."""
    before = wrong(error=error, said="assignment destination is read-only") if error else wrong()
    found = in_layout(before, layout)
    assert found.mistake == mistake
    assert found.due == before.due.and_("in layout", layout=layout)
    assert found.came == before.came
    assert found.repro is None


@pytest.mark.parametrize(
    ("told", "suffix", "mistake"),
    [(after_any_call, "after any call", "stateful"), (twice, "twice", "nondeterministic")],
)
def test_what_one_call_does_not_show_has_no_script(told: Any, suffix: str, mistake: str) -> None:
    """The violation says when the answer is wrong, and has a word of its own and no script."""
    found = told(wrong())
    assert (found.due, found.mistake, found.repro) == (wrong().due.and_(suffix), mistake, None)


@pytest.mark.parametrize(
    "array",
    [
        np.array([[0.1, -2.0]]),
        np.array([np.nan, np.inf, -np.inf, -0.0]),
        np.array([0.1, np.inf], dtype=np.float32),
        np.array([[1, 2]], dtype=np.int64),
        np.array(5e-324),
        np.zeros((0,)),
    ],
)
def test_literals_make_the_array_again(array: Any) -> None:
    """In a script an array has the same dtype, shape and bits; the dtype is written only where it is not float64."""
    text = literal(array)
    made = eval(text)  # noqa: S307 - what scripts do
    assert (made.dtype, made.shape, made.tobytes()) == (array.dtype, array.shape, array.tobytes())
    assert ("dtype" in text) is (array.dtype != np.float64)


def test_random_streams_belong_to_a_seed_and_a_key() -> None:
    """The same seed and key draw the same numbers; another seed, or another key, draws others; any seed is taken."""

    def drawn(seed: int, key: str) -> list[float]:
        stream: list[float] = Bare(seed).rng(key).rand(3).tolist()
        return stream

    assert drawn(1, "a") == drawn(1, "a")
    streams = [drawn(seed, key) for seed in (0, 1, 2, 2**31, 10**30) for key in ("a", "b")]
    assert len({tuple(each) for each in streams}) == len(streams)


def test_oracles_are_noted_once_for_each_check() -> None:
    """The names of the oracles keep their order, and the next check begins without any."""
    context = Bare()
    for name in ("ball", "torch", "ball"):
        context.note_oracle(name)
    assert context.oracles == ["ball", "torch"]
    context.start()
    assert context.oracles == []


def promise(value: int) -> None:
    """It holds
    in two lines.

    More is not told.
    """  # noqa: D205


def test_rationale_is_the_first_paragraph() -> None:
    """The rationale is in one line, also where arguments are bound; without a docstring it is empty."""
    assert first_sentence(promise) == first_sentence(partial(promise, value=1)) == "It holds in two lines."
    assert first_sentence(lambda: None) == ""
