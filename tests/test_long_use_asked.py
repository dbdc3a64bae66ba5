"""How one object is used for long by the checks: many calls, and steps of training between them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from reference.execution.worker.protocol import Call, Get, Keep, Put, Ref
from reference.lab.checks import calls
from reference.lab.contract import MESSAGES, Message
from tests.hearing import OF, RELU, context, each_message, heard

pytestmark = pytest.mark.catalogue


def is_kept(call: Call) -> bool:
    """Whether it is made with arrays that other calls have, too."""
    return all(isinstance(value, Ref) for value in call.arguments.values())


@each_message
@pytest.mark.parametrize("effort", ["quick", "normal"])
def test_an_object_is_used_for_long(message: Message, effort: Any) -> None:
    """All arrays of a kind are the same ones; all methods of the class are called between; parameters change."""
    steps, cases = calls._uses(message, np.random.RandomState(0), 8 if effort == "quick" else 24, naive=False)
    rounds = {"quick": 8, "normal": 24}[effort]
    asked = [each for each in steps if isinstance(each, Call)]
    own = [each for each in asked if each.method == message.method]
    assert len(own) == len(cases) == rounds * 2 + rounds // 2
    others = {each.method for each in MESSAGES if each.cls == message.cls} - {message.method}
    for method in others:
        assert sum(each.method == method for each in asked) == rounds
    kept = list(filter(is_kept, own))
    assert len(kept) == rounds + rounds // 2
    assert all({**each.arguments} == {name: Ref(name) for name in message.arguments} for each in kept)
    assert {each.name for each in steps if isinstance(each, Keep)} == set(message.arguments)
    fresh = [each for each in own if not is_kept(each)]
    assert len({len(each.arguments[message.arguments[0]]) for each in fresh}) > 3
    updates = [each for each in asked if each.method == "update_params"]
    puts = [each for each in steps if isinstance(each, Put)]
    looks = [each for each in steps if isinstance(each, Get)]
    changes = rounds // 2 if message.parameters else 0
    assert len(updates) == changes // 2
    assert len(puts) == 2 * (changes - len(updates))
    assert [each.attribute for each in looks] == ["W", "b"] * changes
    for each in updates:
        assert set(each.arguments) == {"dtheta"}
        assert [part.shape for part in each.arguments["dtheta"]] == [(2, 4), (4,)]
    answers = iter(cases)
    for each in own:
        case = next(answers)
        if not is_kept(each):
            assert all(each.arguments[name] is case.arguments[name] for name in message.arguments)
    written: dict[str, Any] = {}
    answers = iter(cases)
    for step in steps:
        if isinstance(step, Keep):
            written[step.name] = step.array
        elif isinstance(step, Call) and step.method == message.method:
            case = next(answers)
            assert not is_kept(step) or all(written[name] is case.arguments[name] for name in message.arguments)
    assert {tuple(case.parameters) for case in cases} == {("W", "b") if message.parameters else ()}


@pytest.mark.parametrize("message", [each for each in MESSAGES if each.parameters], ids=lambda each: each.subject)
def test_a_batch_comes_again_after_a_step_of_training(message: Message) -> None:
    """The very same, as in the next epoch."""
    steps, cases = calls._uses(message, np.random.RandomState(0), 24, naive=False)
    answers, last, updates = iter(cases), cases[0], 0
    for step in steps:
        if isinstance(step, Call) and step.method == message.method:
            case = next(answers)
            assert updates == 0 or case is last
            last, updates = case, 0
        updates += isinstance(step, Call) and step.method == "update_params"


@each_message
def test_all_is_asked_of_one_object(message: Message) -> None:
    """Whatever is called, set or looked at."""
    steps, _ = calls._uses(message, np.random.RandomState(0), 8, naive=False)
    assert {step.name for step in steps if isinstance(step, Call | Get | Put)} == {"layer"}


def test_long_use_goes_as_far_as_the_effort_says() -> None:
    """And what is naive is not asked with logits that overflow."""
    for effort, rounds in (("quick", 8), ("normal", 24), ("exhaustive", 150)):
        asks = context(effort=effort)
        calls.check_long_use(asks, RELU)
        assert sum(isinstance(each, Call) and each.method == "forward" for each in heard(asks)[0]) == rounds * 5 // 2
    for assignment, far in ((1, False), (3, True)):
        asks = context(assignment=assignment)
        calls.check_long_use(asks, OF["SoftmaxLayer.forward"])
        size = max(np.abs(each.array).max() for each in heard(asks)[0] if isinstance(each, Keep))
        assert bool(size > 700) is far
