"""Every check, in order of dependency: what the command line, pytest and `reference.check` all consume."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from reference.checks import edges, net, parameters, promises
from reference.contract import MESSAGES, Message
from reference.exam import Exam

Assignments = frozenset[int]
EVERY: Assignments = frozenset({1, 2, 3})
#: What only a stable implementation can promise.
STABLE: Assignments = frozenset({2, 3})


@dataclass(frozen=True)
class Check:
    """A promise, and how to see whether it is kept.

    Attributes
    ----------
    id
        ``layer.method.promise``.
    subject
        ``Class.method``, or the class alone.
    rationale
        The promise in a sentence or two, for a student.
    run
        Raises a `Violation` where it is broken.
    depends_on
        Ids of checks without which this one says nothing.
    assignments
        Those in which it is promised.
    """

    id: str
    subject: str
    rationale: str
    run: Callable[[Exam], None]
    depends_on: tuple[str, ...] = ()
    assignments: Assignments = EVERY


#: What every message promises, in this order; the first two are what the others stand on.
_PROMISES: tuple[Callable[[Exam, Message], None], ...] = (
    promises.check_types,
    promises.check_values,
    promises.check_small_batches,
    promises.check_single_precision,
    promises.check_layouts,
    promises.check_inputs_unchanged,
    promises.check_result_is_its_own,
    promises.check_no_state,
    promises.check_repeatable,
)

Edge = tuple[str, str, Callable[[Exam, Message], None], Assignments]
#: What is promised at the edges, by the message's key and method.
_EDGES: tuple[Edge, ...] = (
    ("linear", "forward", edges.check_nan_is_not_hidden, EVERY),
    ("relu", "forward", edges.check_nan_is_not_hidden, EVERY),
    ("relu", "delta", edges.check_kink, EVERY),
    ("softmax", "forward", edges.check_moderate_logits, EVERY),
    ("softmax", "forward", edges.check_shift_invariance, EVERY),
    ("softmax", "forward", edges.check_saturated_logits, STABLE),
    ("softmax", "forward", edges.check_extreme_logits, STABLE),
    ("softmax", "forward", edges.check_far_samples, STABLE),
    ("softmax", "forward", edges.check_nan_is_not_hidden, EVERY),
    ("cross_entropy", "forward", edges.check_tiny_probabilities, EVERY),
    ("cross_entropy", "forward", edges.check_impossible_target, EVERY),
    ("cross_entropy", "forward", edges.check_zero_off_target, STABLE),
    ("cross_entropy", "delta", edges.check_tiny_probabilities, EVERY),
    ("cross_entropy", "delta", edges.check_zero_off_target, STABLE),
    ("logits", "forward", edges.check_moderate_logits, STABLE),
    ("logits", "forward", edges.check_shift_invariance, STABLE),
    ("logits", "forward", edges.check_saturated_logits, STABLE),
    ("logits", "forward", edges.check_extreme_logits, STABLE),
    ("logits", "forward", edges.check_far_samples, STABLE),
    ("logits", "forward", edges.check_nan_is_not_hidden, STABLE),
    ("logits", "delta", edges.check_moderate_logits, STABLE),
    ("logits", "delta", edges.check_shift_invariance, STABLE),
    ("logits", "delta", edges.check_saturated_logits, STABLE),
    ("logits", "delta", edges.check_extreme_logits, STABLE),
    ("logits", "delta", edges.check_far_samples, STABLE),
)


def all_checks() -> Iterator[Check]:
    """Every check, each after those that it depends on."""
    for message in MESSAGES:
        # The compound layer belongs to assignments 2 and 3.
        yield from _of_message(message, STABLE if message.key == "logits" else EVERY)
    yield from _of_parameters()
    yield from _of_net()


def _of_message(message: Message, assignments: Assignments) -> Iterator[Check]:
    prefix = f"{message.key}.{message.method}"
    answers = f"{prefix}.answers"
    yield _check(answers, message, promises.check_answers, (), assignments)
    for promise in _PROMISES:
        yield _check(f"{prefix}.{_name(promise)}", message, promise, (answers,), assignments)
    if message.per_sample:
        rows = promises.check_samples_independent
        yield _check(f"{prefix}.{_name(rows)}", message, rows, (answers,), assignments)
    for key, method, edge, promised in _EDGES:
        if (key, method) == (message.key, message.method):
            yield _check(f"{prefix}.{_name(edge)}", message, edge, (f"{prefix}.values",), promised & assignments)


def _of_parameters() -> Iterator[Check]:
    for check, subject, needs in parameters.CHECKS:
        yield Check(f"linear.{_name(check)}", subject, _first_sentence(check), check, needs)


def _of_net() -> Iterator[Check]:
    for check, method, assignments in net.CHECKS:
        yield Check(f"mlp.{_name(check)}", f"MLP.{method}", _first_sentence(check), check, net.NEEDS, assignments)


def _check(
    name: str, message: Message, check: Callable[..., None], needs: tuple[str, ...], promised: Assignments
) -> Check:
    return Check(name, message.subject, _first_sentence(check), partial(check, message=message), needs, promised)


def _name(check: Callable[..., None]) -> str:
    return check.__name__.removeprefix("check_")


def _first_sentence(check: Callable[..., None]) -> str:
    return (check.__doc__ or "").split("\n\n")[0].strip().replace("\n    ", " ")
