"""Every check, in order of dependency: what the command line, pytest and `reference.check` all consume."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Protocol

from reference.engine import Check, first_sentence
from reference.lab.checks import calls, consistency, edges, formula, net, parameters, promises, ranges, rehearsal
from reference.lab.context import Context
from reference.lab.contract import MESSAGES, Message, forward_of

Assignments = frozenset[int]
EVERY: Assignments = frozenset({1, 2, 3})
#: What only a stable implementation can promise.
STABLE: Assignments = frozenset({2, 3})


class Promise(Protocol):
    """A check that is made of several messages."""

    __name__: str

    def __call__(self, context: Context, message: Message) -> None:
        """Raises a `Violation` where the promise is broken."""


#: What every message promises. These checks depend on its answering at all.
_BEHAVIOUR: tuple[Promise, ...] = (
    promises.check_types,
    promises.check_inputs_unchanged,
    promises.check_repeatable,
)
#: These depend on its being right for ordinary cases.
_EVERYWHERE: tuple[Promise, ...] = (
    promises.check_small_sizes,
    promises.check_single_precision,
    promises.check_layouts,
    promises.check_no_state,
    calls.check_by_position,
    calls.check_long_use,
    ranges.check_any_size,
)

_LINEAR = [edges.check_large_inputs]
_LOGITS = [edges.check_moderate_logits, edges.check_tied_logits, edges.check_shift_invariance]
#: By key and method: what is promised at the edges in every assignment, and what is promised of a stable one.
_EDGES: dict[tuple[str, str], tuple[list[Promise], list[Promise]]] = {
    ("linear", "forward"): ([*_LINEAR, edges.check_nan_is_not_hidden], []),
    ("linear", "delta"): (_LINEAR, []),
    ("linear", "grad"): (_LINEAR, []),
    ("relu", "forward"): ([edges.check_large_inputs, edges.check_nan_is_not_hidden], []),
    ("relu", "delta"): ([edges.check_kink], []),
    ("softmax", "forward"): (
        [*_LOGITS, edges.check_subnormal_logits, edges.check_nan_is_not_hidden],
        [edges.check_saturated_logits, edges.check_extreme_logits, edges.check_far_samples],
    ),
    ("softmax", "delta"): ([edges.check_saturated_outputs], []),
    ("cross_entropy", "forward"): (
        [
            *(promises.check_one_class, edges.check_tiny_probabilities, edges.check_impossible_target),
            edges.check_nan_is_not_hidden,
        ],
        [edges.check_zero_off_target, edges.check_certain_predictions],
    ),
    ("cross_entropy", "delta"): (
        [promises.check_one_class, edges.check_tiny_probabilities],
        [edges.check_zero_off_target, edges.check_certain_predictions],
    ),
    ("logits", "forward"): (
        [promises.check_one_class, *_LOGITS, edges.check_subnormal_logits, edges.check_nan_is_not_hidden],
        [edges.check_saturated_logits, edges.check_extreme_logits, edges.check_far_samples],
    ),
    ("logits", "delta"): (
        [promises.check_one_class, *_LOGITS, edges.check_subnormal_logits],
        [edges.check_saturated_logits, edges.check_extreme_logits, edges.check_far_samples],
    ),
}

_KEYS = {message.cls: message.key for message in MESSAGES}
#: What a network is made of: if that does not even answer, nothing can be said of a network with these layers.
_PARTS = tuple(f"{each.key}.{each.method}.answers" for each in MESSAGES if each.key in {"linear", "relu", "softmax"})
_SOUND = (
    "answers", "types", "inputs_unchanged", "repeatable", "values", "result_is_its_own", "small_sizes", "no_state",
    "by_position", "long_use", "any_size",
)  # fmt: skip
#: Checks of the layers that excuse a wrong network that is made of them: a wrong layer may be the reason.
_RIGHT_PARTS = (
    *(f"{each.key}.{each.method}.{name}" for each in MESSAGES for name in _SOUND),
    *(f"{key}.has_params" for key in ("linear", "relu", "softmax")),
    *(f"{key}.made.by_position" for key in _KEYS.values()),
    "linear.initialize.values",
    "linear.update_params.adds",
    "linear.update_params.adds_again",
)


def all_checks(*, in_process: bool = False) -> Sequence[Check]:
    """Every check, each after those that it depends on.

    ``in_process`` adds those of formulas, for code that runs in the process of the examiner and may be followed there.
    """
    return _IN_PROCESS if in_process else _ANYWHERE


def _of_one_answer() -> Iterator[Check]:
    """Every check but those of a whole training."""
    for cls, key in _KEYS.items():
        yield from _of_class(cls, key)
        for message in MESSAGES:
            if message.cls == cls:
                yield from _of_message(message)
                yield _of_formula(message)
        if key == "linear":
            for run, name, subject in parameters.OF_LINEAR:
                needs = "linear.update_params.adds" if name.endswith("adds_again") else "linear.made"
                yield Check(f"linear.{name}", subject, first_sentence(run), run, (needs,))
    yield from _of_net()


def _assignments(key: str) -> Assignments:
    return STABLE if key == "logits" else EVERY  # the compound layer belongs to assignments 2 and 3


def _of_class(cls: str, key: str) -> Iterator[Check]:
    made = parameters.check_made
    # What is wrong with a constructor of the lab's linear layer is wrong with its initialisation.
    subject = "LinearLayer.initialize" if key == "linear" else cls
    yield Check(f"{key}.made", subject, first_sentence(made), partial(made, cls=cls), (), (), _assignments(key))
    ordered = calls.check_made_by_position
    run = partial(ordered, cls=cls)
    needs = (f"{key}.made",)
    yield Check(f"{key}.made.by_position", subject, first_sentence(ordered), run, needs, (), _assignments(key))
    if key in {"linear", "relu", "softmax"}:
        check = parameters.check_has_params
        yield Check(
            f"{key}.has_params", f"{cls}.has_params", first_sentence(check), partial(check, cls=cls), (f"{key}.made",)
        )


def _of_message(message: Message) -> Iterator[Check]:
    prefix = f"{message.key}.{message.method}"
    answers, values = f"{prefix}.answers", f"{prefix}.values"
    assignments = _assignments(message.key)

    def check(promise: Promise, needs: str, promised: Assignments = EVERY) -> Check:
        run = partial(promise, message=message)
        name = f"{prefix}.{_name(promise)}"
        return Check(name, message.subject, first_sentence(promise), run, (needs,), assignments=promised & assignments)

    yield check(promises.check_answers, f"{message.key}.made")
    for promise in _BEHAVIOUR:
        yield check(promise, answers)
    yield check(promises.check_result_is_its_own, f"{prefix}.inputs_unchanged")
    for promise in _relations(message):
        yield check(promise, f"{prefix}.repeatable")
    for promise in _EVERYWHERE:
        yield check(promise, values)
    always, stable = _EDGES[message.key, message.method]
    for promise in always:
        yield check(promise, values)
    for promise in stable:
        yield check(promise, values, STABLE)
    if message.single_in_lab:
        yield check(calls.check_lab_dtypes, values)
    if message.subject in ranges.SUBJECTS:
        yield check(ranges.check_any_magnitude, values)
    if message.method != "forward":
        own = check(consistency.check_derivative_of_own_forward, answers)
        # Where forward is wrong, its own checks say so. A right delta then does not fit it, which is no second mistake.
        yield replace(own, excuses=tuple(each.id for each in _of_message(forward_of(message))))


def _of_formula(message: Message) -> Check:
    prefix, run = f"{message.key}.{message.method}", formula.check_formula
    return Check(
        f"{prefix}.formula",
        message.subject,
        first_sentence(run),
        partial(run, message=message),
        (f"{prefix}.answers",),
        assignments=_assignments(message.key),
        explained_by=(f"{prefix}.values",),
    )


def _relations(message: Message) -> Iterator[Promise]:
    """Checks that need the same answer twice: of the values, and of how several answers belong together."""
    yield promises.check_values
    yield promises.check_order_of_samples
    yield promises.check_samples_independent if message.per_sample else promises.check_averaged
    if "delta_next" in message.arguments:
        yield promises.check_linear_in_delta_next


def _of_net() -> Iterator[Check]:
    for each in net.CHECKS:
        if each.id in net.TOGETHER:
            yield replace(each, depends_on=(*_PARTS, *each.depends_on), excuses=(*_RIGHT_PARTS, *each.excuses))
        else:
            yield each


def _name(check: Promise) -> str:
    return check.__name__.removeprefix("check_")


_FORMULAS = {f"{message.key}.{message.method}.formula" for message in MESSAGES}
_OF_ONE_ANSWER = tuple(_of_one_answer())
_WITHOUT_FORMULAS = tuple(each for each in _OF_ONE_ANSWER if each.id not in _FORMULAS)
_REHEARSAL = tuple(rehearsal.checks(_WITHOUT_FORMULAS))
_ANYWHERE, _IN_PROCESS = (*_WITHOUT_FORMULAS, *_REHEARSAL), (*_OF_ONE_ANSWER, *_REHEARSAL)
