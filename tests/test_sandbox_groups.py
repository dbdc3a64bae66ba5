"""Requests that go to the worker together: each has its own replies, and one that ends the process is found."""

from __future__ import annotations

import os
from collections.abc import Sequence

import pytest

from reference.execution.worker.protocol import Call, Step
from tests.scripted import ENDED
from tests.test_sandbox import ASKED, FORCE, FOUND, MADE, Open, opened, replies

__all__ = ["opened"]  # a fixture

pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="a process is confined on POSIX systems alone"),
    pytest.mark.system,
]


def test_requests_go_together(opened: Open) -> None:
    """Several requests go in one frame, each with its own replies."""
    requests: list[Sequence[Step]] = [[MADE, ASKED] for _ in range(30)]
    many = [reply for number in range(24) for reply in replies(float(number))]
    last = [reply for number in range(24, 30) for reply in replies(float(number))]
    begun = opened(FORCE, FOUND, many, last)
    begun.missing()
    received = list(begun.box.run_all(requests))
    assert [each[-1].value.item() for each in received] == list(range(30))
    assert [len(each) for each in begun.script.asked] == [24, 6]


def test_request_that_ended_a_group_is_found(opened: Open) -> None:
    """If several requests together end the process they are sent singly, and only the one that ends it has failed."""
    begun = opened(FORCE, FOUND, EOFError(), FORCE, FOUND, replies(0.0), EOFError(), FORCE, FOUND, replies(2.0))
    begun.missing()
    first, second, third = begun.box.run_all([[MADE, ASKED] for _ in range(3)])
    assert [each[-1].value.item() for each in (first, third)] == [0, 2]
    assert second[-1].error == ENDED.message
    assert [len(each) for each in begun.script.asked] == [3, 2, 2, 2]


def test_end_that_no_single_request_repeats_is_an_error(opened: Open) -> None:
    """Who ends the process where several requests come together, and answers each of them alone, has not answered."""
    begun = opened(FORCE, FOUND, EOFError(), FORCE, FOUND, *(replies(float(n)) for n in range(3)))
    begun.missing()
    received = list(begun.box.run_all([[MADE, ASKED] for _ in range(3)]))
    due = f"{ENDED.message} when it got several calls together, although it answers each of them alone"
    due += " (its process was started 2 times)"
    assert [each[-1].error for each in received] == [due] * 3
    assert {each[-1].error_kind for each in received} == {ENDED.kind}


def test_after_an_end_requests_go_one_by_one(opened: Open) -> None:
    """After a process has ended, requests are sent one by one."""
    begun = opened(FORCE, FOUND, EOFError(), FORCE, FOUND, *(replies(float(n)) for n in range(4)))
    begun.missing()
    begun.box.run([MADE, Call("layer", "delta", {})])
    begun.box.run([MADE, ASKED])
    received = list(begun.box.run_all([[MADE, ASKED]] * 3))
    assert [each[-1].value.item() for each in received] == [1, 2, 3]
    assert [len(each) for each in begun.script.asked] == [2] * 5
