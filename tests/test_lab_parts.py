"""What parts of an examination tell: the step of a training that failed, and the words for replies."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from reference.execution.worker.protocol import Reply, Unusable
from reference.findings import NotApplicable, Violation
from reference.lab import behaviour, replies
from reference.lab.checks.rehearsal import _Place
from reference.lab.rehearsal import DEEP_BATCH, Experiment
from reference.lab.replies import word_of
from reference.numerics.descent_rounding import Due
from reference.wording import fact

pytestmark = pytest.mark.catalogue

X, T = np.zeros((6, 2), np.float32), np.zeros((6, 3), np.float32)
DUE = Due(np.array([[1.0, 2.0], [3.0, 4.0]]), np.full((2, 2), 0.25))


def place(batch: int = 4) -> _Place:
    run = Experiment("XOR", (2, 5, 3), X, T, batch, 0.5, 7, compound=True)
    return _Place(run, 3, 1, slice(0, 4))


def test_a_step_of_a_training_says_where_it_is() -> None:
    """By the experiment, its sizes, the epoch and the batch; what was found stays."""
    found = place().blamed(Violation(fact("numbers", what="dW"), fact("type", name="dict"), mistake="wrong-type"))
    assert found.mistake == "wrong-type"
    assert found.evidence is None
    assert found.counterexample == {
        "experiment": "XOR", "n_units": [2, 5, 3], "loss": place().run.loss, "n_samples": 6, "batch_size": 4,
        "alpha": 0.5, "epoch": 3, "batch": 1,
    }  # fmt: skip
    (where,) = found.came.more
    assert (where.kind, where.fields) == ("in training", {"experiment": "XOR", "epoch": 3, "batch": 1})


@pytest.mark.parametrize(
    ("kind", "batch", "is_excused"),
    [
        ("MemoryError", 4, True), ("memory", DEEP_BATCH, True), ("timeout", DEEP_BATCH, True), ("timeout", 4, False),
        ("ValueError", DEEP_BATCH, False), ("SystemExit", 4, False),
    ],
)  # fmt: skip
def test_a_step_that_raises_fails(kind: str, batch: int, is_excused: bool) -> None:
    """Except for want of memory, or of time for a large batch: right code may need more."""
    reply = Reply(error=f"{kind}: too much", error_kind=kind)
    with pytest.raises(NotApplicable if is_excused else Violation) as caught:
        place(batch).require("dW", reply)
    if isinstance(caught.value, NotApplicable):
        assert caught.value.reason.fields == {"batch": batch, "said": f"{kind}: too much"}
    else:
        assert caught.value.mistake == word_of(reply)
        assert caught.value.due.fields["what"] == "dW"
        assert caught.value.counterexample["batch_size"] == batch
    place(batch).require("dW", Reply(value=3.0))


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (None, "not-implemented"), ({}, "wrong-type"), ("3", "wrong-type"), (np.zeros(4, dtype=complex), "wrong-dtype"),
        (Unusable("set", "type"), "wrong-type"), (Unusable("ragged", "shape"), "wrong-shape"), (np.zeros(5),
         "wrong-shape"),
    ],
)  # fmt: skip
def test_what_is_no_array_of_that_shape_fails(value: Any, word: str) -> None:
    """By the word for it, and with what it is about."""
    with pytest.raises(Violation) as caught:
        place().numbers("dW", Reply(value=value), (2, 2))
    assert caught.value.mistake == word
    assert caught.value.due.fields["what"] == "dW"
    assert "epoch" in caught.value.counterexample


def test_an_array_of_another_shape_is_brought_into_that_which_is_due() -> None:
    """Its shape is for other checks."""
    found = place().numbers("b", Reply(value=np.arange(4)), (2, 2))
    assert found.tolist() == [[0, 1], [2, 3]]
    assert place().array("loss", 3.0, ()).shape == ()


def test_an_entry_beyond_its_bound_fails() -> None:
    """The one that is farthest off, with what had been done before."""
    place().judge("W", Reply(value=(DUE.value + 0.2).ravel()), DUE)
    for wrong in (0.3, -0.3, np.nan):
        array = DUE.value.copy()
        array[1, 0] += wrong
        array[0, 1] += 0.26
        with pytest.raises(Violation) as caught:
            place().judge("W", Reply(value=array), DUE, "after the step")
        assert caught.value.index == (1, 0)
        assert caught.value.due.fields["what"] == "W"
        assert [each.kind for each in caught.value.due.more] == ["allowed", "after the step"]
        with pytest.raises(Violation) as caught:
            place().judge_array("W", array, DUE)
        assert [each.kind for each in caught.value.due.more] == ["allowed"]


@pytest.mark.parametrize(
    ("reply", "word"),
    [
        (Reply(error="x", error_kind="AttributeError", cause="absent"), "missing"),
        (Reply(error="x", error_kind="AttributeError", cause="not set"), "missing"),
        (Reply(error="x", error_kind="NotImplementedError"), "not-implemented"),
        (Reply(error="x", error_kind="SystemExit"), "exits"), (Reply(error="x", error_kind="exits"), "exits"),
        (Reply(error="x", error_kind="_ArrayMemoryError"), "memory"), (Reply(error="x", error_kind="timeout"),
         "timeout"),
        (Reply(error="x", error_kind="KeyError"), "crash"), (Reply(error="x"), "crash"),
    ],
)  # fmt: skip
def test_what_is_raised_has_a_word(reply: Reply, word: str) -> None:
    """By its kind, or by what was missing."""
    assert word_of(reply) == word


def test_what_is_no_number_is_called_by_its_type() -> None:
    """An array by its dtype; a stand-in with its cause."""
    asked: list[tuple[Any, str, str | None]] = [
        (None, "None", None), ({}, "dict", None), (np.zeros(2, dtype=complex), "array of dtype complex128", None),
        (Unusable("set", "type"), "set", None), (Unusable("a module", "stand-in"), "a module", "stand-in"),
    ]  # fmt: skip
    for value, name, cause in asked:
        found = replies.no_numbers(value)
        assert (found.fields["name"], found.fields.get("cause")) == (name, cause)
    for value, name, cause in asked[:2] + asked[3:]:
        found = replies.type_of(Reply(value, name))
        assert (found.fields["name"], found.fields["cause"]) == (name, cause)
    assert replies.word_for(np.zeros(2), arrays=False) == "wrong-type"
    for number in (3, 2.5, True, np.float32(1), np.arange(3), np.zeros((2, 2), np.uint8)):
        assert np.array_equal(replies.as_numbers(number), number)  # type: ignore[arg-type]
    for other in (None, "3", [1.0], (1.0,), {}, np.array("x"), np.zeros(2, dtype=complex)):
        assert replies.as_numbers(other) is None
    gradient = {"layer": [1, 2]}
    assert (replies.part_of(gradient, "layer", 0), replies.part_of(gradient, "layer", 1)) == (1, 2)
    for broken in (None, {}, {"layer": 3}, {"layer": []}):
        assert replies.part_of(broken, "layer", 0) is None


def test_a_number_in_the_place_of_nan_or_infinity_hides_it() -> None:
    """That of a row with NaN, or the largest double."""
    largest = float(np.finfo(np.float64).max)

    def hidden(due: Any, came: Any, kind: str = "entry") -> bool:
        return behaviour.hides(
            Violation(
                fact("entry", what="Y", index=(0,), value=due), fact(kind, what="Y", index=(0,), value=came), index=(0,)
            )
        )

    assert hidden(np.inf, largest)
    assert hidden(-np.inf, -largest)
    assert hidden(np.nan, largest)
    assert not hidden(1.0, largest)
    assert not hidden(np.inf, 1.0)
    assert not hidden(np.inf, np.inf)
