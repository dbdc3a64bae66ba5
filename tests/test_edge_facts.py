"""What a check says of a method that is wrong on its kind of case alone: the word, the circumstance, and the case."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from reference.lab.mistakes import plain
from tests.comparing import needs_flint
from tests.examining import CHECKS, with_methods
from tests.test_check_words import violation_of

pytestmark = [needs_flint, pytest.mark.catalogue]

#: Whether a call is of the kind, by its first argument and the others.
Kind = Callable[..., Any]


def off(found: Any) -> Any:
    return [1.5 * part + 0.5 for part in found] if isinstance(found, list) else 1.5 * found + 0.5


def nothing(found: Any) -> Any:
    return found * np.nan


def wrong_where(check: str, kind: Kind, change: Callable[[Any], Any] = off) -> dict[str, type]:
    """The textbook's classes with one method that is wrong on a kind of call."""
    cls, _, method = CHECKS[check].subject.partition(".")
    right = getattr(plain.CLASSES[cls], method)

    def wrong(self: Any, *args: Any, **named: Any) -> Any:
        found = right(self, *args, **named)
        return change(found) if kind(*args, *named.values()) else found

    return with_methods(cls, {method: wrong})


def shape(*sizes: int) -> Kind:
    return lambda X, *_: X.shape == sizes


def beyond(size: float) -> Kind:
    return lambda X, *_: np.nanmax(np.abs(X)) > size


def one_class(X: Any, T: Any) -> bool:
    return len(T) > 1 and bool((T[0] == T).all())


def has(number: float) -> Kind:
    return lambda X, *_: (number == X).any()


def single(X: Any, *_: Any) -> bool:
    return bool(X.dtype == np.float32)


_LOSSES = ("cross_entropy.forward", "cross_entropy.delta")
_COMPOUND = ("logits.forward", "logits.delta")
_LOGITS = ("softmax.forward", *_COMPOUND)
#: The check, on what it is wrong, the word, the circumstances of what was due, and the shape of the first argument.
ROWS: list[tuple[str, Kind, str | None, list[tuple[str, dict[str, Any]]], tuple[int, ...]]] = [
    ("relu.forward.small_sizes", shape(1, 1), "batch-size-dependent", [], (1, 1)),
    ("softmax.forward.small_sizes", shape(2, 2), "batch-size-dependent", [], (2, 2)),
    *((f"{each}.one_class", one_class, "sample-dependence", [], (2, 2)) for each in (*_LOSSES, *_COMPOUND)),
    ("relu.forward.single_precision", single, None, [], (3, 4)),
    ("linear.grad.single_precision", single, None, [], (3, 2)),
    ("linear.grad.lab_dtypes", lambda X, *_: single(X) and len(X) == 2, None, [("inputs in single", {"names": ("X",)})],
     (2, 3)),
    ("logits.delta.lab_dtypes", lambda X, T: single(T) and len(T) == 4, None, [("inputs in single", {"names": ("T",)})],
     (4, 3)),
    ("relu.forward.any_magnitude", beyond(1e200), None, [], (1, 5)),
    ("linear.forward.large_inputs", beyond(1e7), None, [], (3, 2)),
    ("relu.forward.large_inputs", lambda X: (X == 0).all(), None, [], (1, 2)),
    *((f"{each}.moderate_logits", beyond(299), None, [], ()) for each in _LOGITS),
    *((f"{each}.extreme_logits", beyond(1e9), None, [], ()) for each in _LOGITS),
    *((f"{each}.saturated_logits", has(740.0), None, [], ()) for each in _LOGITS),
    *((f"{each}.tied_logits", has(2.5), None, [], (1, 3)) for each in _LOGITS),
    *((f"{each}.subnormal_logits", has(1e-310), None, [], (1, 2)) for each in _LOGITS),
    *((f"{each}.far_samples", has(-2000.0), None, [], (2, 2)) for each in _LOGITS),
    *((f"{each}.shift_invariance", lambda X, *_: X.min() > 30, None, [("without shift", {"shift": 64.0})], (1, 2))
      for each in _LOGITS),
    ("softmax.delta.saturated_outputs", lambda Y, _: Y.max() == 1, None, [], (1, 2)),
    *((f"{each}.tiny_probabilities", beyond(-1), None, [], (1, 2)) for each in _LOSSES),
    *((f"{each}.zero_off_target", has(0.0), None, [], (1, 2)) for each in _LOSSES),
    *((f"{each}.certain_predictions", has(1.0), None, [], (1, 2)) for each in _LOSSES),
]  # fmt: skip


@pytest.mark.parametrize(("check", "kind", "word", "told", "first"), ROWS, ids=[row[0] for row in ROWS])
def test_what_is_wrong_on_a_kind_of_case(
    check: str, kind: Kind, word: str | None, told: list[tuple[str, dict[str, Any]]], first: tuple[int, ...]
) -> None:
    """By an entry that is too large, with a case of the kind; the smallest, where all are as gross."""
    found = violation_of(check, wrong_where(check, kind))
    assert found is not None
    assert (found.due.kind, found.came.kind, found.mistake) == ("entry", "entry", word)
    assert found.came["value"] == pytest.approx(1.5 * found.due["value"] + 0.5, rel=1e-6)
    assert [(each.kind, {**each.fields}) for each in found.due.more if each.kind != "allowed"] == told
    message, case = found.asked
    assert f"{message.key}.{message.method}" == check.rpartition(".")[0]
    assert kind(*case.arguments.values())
    assert np.shape(found.counterexample[message.arguments[0]]) == next(iter(case.arguments.values())).shape
    assert next(iter(case.arguments.values())).shape in ([first] if first else [(1, 2), (2, 3)])
    assert found.repro is not None


@pytest.mark.parametrize("promise", ["zero_off_target", "certain_predictions"])
@pytest.mark.parametrize("method", _LOSSES)
def test_a_logarithm_of_zero_is_told(method: str, promise: str) -> None:
    """Where no finite number comes."""
    check = f"{method}.{promise}"
    found = violation_of(check, wrong_where(check, has(0.0 if promise == "zero_off_target" else 1.0), nothing))
    assert found is not None
    assert (found.mistake, found.due.kind) == ("log-of-zero", "entry")
    infinite = violation_of(check, wrong_where(check, has(0.0), lambda found: found + np.inf))
    assert infinite is not None
    assert infinite.mistake == "log-of-zero"


@pytest.mark.parametrize("subject", ["relu.forward", "linear.grad", "logits.delta"])
def test_large_sizes_are_told_by_their_shapes(subject: str) -> None:
    """The smallest that are wrong; the numbers are too many to be shown."""
    check = f"{subject}.any_size"
    found = violation_of(check, wrong_where(check, lambda X, *_: len(X) > 700))
    assert found is not None
    assert found.mistake == "batch-size-dependent"
    (shapes,) = [dict(each["shapes"]) for each in found.due.more if each.kind == "of shapes"]
    assert next(iter(shapes.values()))[0] == 701
    assert set(shapes) == {"X", "delta_next", "W", "b"} if subject == "linear.grad" else {"X", "T"} >= set(shapes)
    assert found.asked[1].n_samples == 701


def test_values_are_told_by_the_smallest_case() -> None:
    """With short numbers, and the picture of a larger one."""
    found = violation_of("softmax.forward.values", wrong_where("softmax.forward.values", lambda X: True))
    assert found is not None
    assert np.shape(found.counterexample["X"]) == (1, 2)
    assert all(8 * x == int(8 * x) for x in np.ravel(found.counterexample["X"]))
    assert found.evidence is not None
    assert np.size(found.evidence.actual) == 40
    assert found.evidence.trend
    answers = violation_of("softmax.forward.answers", with_methods("SoftmaxLayer", {"forward": lambda self, X: None}))
    assert answers is not None
    assert (answers.mistake, np.shape(answers.counterexample["X"])) == ("not-implemented", (1, 2))
