"""`check_vjp` asks each kind of question: what is wrong on that kind alone fails, and fails what asks it alone."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pytest

from reference.engine import Effort
from reference.gradients import check_vjp
from reference.gradients.arguments import pattern
from reference.gradients.cases import Case, cases, cotangents
from reference.gradients.context import Context
from reference.gradients.subject import Subject
from reference.numerics.oracles import torch_autograd
from tests.spoiling import multiples, size
from tests.vjp_saboteurs import (
    CALLS,
    GIVEN,
    INPUTS,
    Calls,
    Inputs,
    definition,
    off_gradient_where,
    off_where,
    triple,
    tripled,
)

pytestmark = [pytest.mark.catalogue, pytest.mark.usefixtures("short_search")]


@pytest.fixture(autouse=True)
def without_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """The definition is for numpy alone, and PyTorch would take longer to load than all tests of this file."""
    monkeypatch.setattr(torch_autograd, "available", lambda: "not needed here")


def failed(forward: Any, vjp: Any, *args: Any, **options: Any) -> set[str]:
    found = check_vjp(forward, vjp, *args, spec=definition, **options)
    assert not [each for each in found if each.status == "error"]
    # Whose gradient is wrong in doubles has a wrong formula, too; that is asked in test_vjp_formula.py.
    wrong = {each.check for each in found if each.status == "failed"} - {"vjp.gradient.formula"}
    return {check.removeprefix("vjp.") for check in wrong}


@pytest.mark.parametrize("inputs", INPUTS, ids=lambda each: each.name)
def test_each_kind_of_input_is_asked(inputs: Inputs) -> None:
    """Of forward and of the gradient: at that effort, and where it is not the least one not before."""
    last = len(inputs.args) - 1
    wrong = {
        "forward.values": (off_where(inputs.kind), tripled),
        f"gradient[{last}].values": (triple, off_gradient_where(inputs.kind)),
    }
    for check, functions in wrong.items():
        due = set(inputs.caught.split()) if inputs.caught and "gradient" in check else {check}
        assert failed(*functions, *inputs.args, domain=inputs.domain, effort=inputs.effort) == due
        if inputs.effort != "quick":
            assert failed(*functions, *inputs.args, domain=inputs.domain, effort="quick") == set()


@pytest.mark.parametrize("calls", CALLS, ids=lambda each: each.name)
def test_each_kind_of_call_is_made(calls: Calls) -> None:
    """Cotangents, layouts, and whose memory is written to."""
    assert failed(calls.forward, calls.vjp, *calls.args, effort=calls.effort) == set(calls.caught.split())
    if calls.effort != "quick":
        assert failed(calls.forward, calls.vjp, *calls.args, effort="quick") == set()


def test_code_whose_way_rounding_decides_is_judged_by_differences() -> None:
    """Also where it writes into its arguments, so that what a running error analysis says of it holds for nothing."""
    calls = next(each for each in CALLS if each.name == "forward writes into short numbers")
    found = check_vjp(calls.forward, calls.vjp, *calls.args, only="vjp.gradient[0].consistent", seed=24)
    assert {each.status for each in found} <= {"passed", "failed", "skipped"}


EFFORTS: tuple[Effort, ...] = get_args(Effort)
EVERYTHING = (GIVEN, np.arange(4), np.zeros((0, 2)), np.array(0.5), GIVEN.astype(np.float32))


def asked(*args: Any, seed: int = 7, effort: Effort = "quick", domain: Any = None) -> list[Case]:
    return cases(pattern(args or EVERYTHING, domain), seed, effort)


def test_more_effort_asks_more() -> None:
    """Every kind that less effort asks, and further ones, or more of them."""
    quick, normal, exhaustive = ([each.kind for each in asked(effort=effort)] for effort in EFFORTS)
    assert set(quick) < set(normal) == set(exhaustive)
    repeated = [kinds.count("ordinary numbers") for kinds in (quick, normal, exhaustive)]
    assert 1 <= repeated[0] < repeated[1] < repeated[2] - 20
    given = asked()[0]
    numbers = [len(cotangents(given, (2, 3), np.float64, effort)) for effort in EFFORTS]
    assert 1 <= numbers[0] < numbers[1] < numbers[2]


def test_questions_begin_with_those_that_are_easy_to_read() -> None:
    """What was given, then short numbers; what is extreme comes last, and is marked as not ordinary."""
    for effort in EFFORTS:
        given, short, *others = asked(GIVEN, effort=effort)
        assert (given.args[0] == GIVEN).all()
        assert multiples(short.args[0], 1 / 8)
        marks = [each.ordinary for each in others]
        assert marks == sorted(marks, reverse=True)
        for each in (short, *others):
            assert each.ordinary is (size(each.args[0]) <= 2 and multiples(each.args[0], 1 / 8))


def test_the_seed_decides_the_inputs() -> None:
    """All but what was given, in every argument of floating point; each question has cotangents of its own."""
    one, again, other = asked(), asked(), asked(seed=8)
    assert [[a.tobytes() for a in each.args] for each in one] == [[a.tobytes() for a in each.args] for each in again]
    assert [each.seed for each in one] == [each.seed for each in again]
    for place in (0, 4):
        same = [np.array_equal(a.args[place], b.args[place]) for a, b in zip(one, other, strict=True)]
        assert same == [True] + [False] * (len(one) - 1)
    assert len({each.seed for each in (*one, *other)}) == len(one) + len(other)


def test_arguments_keep_their_form() -> None:
    """Shapes and precisions are those that were given, and so are whole numbers."""
    for effort in EFFORTS:
        for each in asked(effort=effort):
            assert [(a.shape, a.dtype) for a in each.args] == [(a.shape, a.dtype) for a in EVERYTHING]
            assert (each.args[1] == EVERYTHING[1]).all()


def test_single_precision_can_be_squared() -> None:
    """What is drawn for it is neither so large nor so small that its square, or that of 1 / x, is none."""
    for each in asked(np.full((6, 8), 7.25, np.float32), effort="exhaustive"):
        x = each.args[0][each.args[0] != 0]
        if x.size:
            largest = np.abs(x).max()
            assert 0 < largest**2 < np.inf
            assert 0 < (1 / largest) ** 2 < np.inf


def test_zero_stands_for_what_is_near_an_edge() -> None:
    """An eighth from the only edge that there is, or midway between two."""
    for domain, given, due in (((1.0, np.inf), 2.0, 1.125), ((-np.inf, -1.0), -2.0, -1.125), ((0.0, 1.0), 0.5, 0.5)):
        zeros = next(
            each for each in asked(given, effort="normal", domain=[domain]) if each.kind == "nothing but zeros"
        )
        assert zeros.args[0] == due


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_cotangents_are_short_first(dtype: Any) -> None:
    """In the precision of the arguments, of both signs; further ones use all their bits."""
    first, *others = cotangents(asked()[0], (6, 8), dtype, "exhaustive")
    assert multiples(first, 1 / 8)
    assert size(first) <= 2
    for each in (first, *others):
        assert each.dtype == dtype
        assert 0.1 < (each > 0).mean() < 0.9
    assert not any(multiples(each, 1 / 64) for each in others)
    assert not np.array_equal(*others[:2])


@pytest.mark.parametrize("sign", [-1, 1])
def test_cotangents_that_were_drawn_equal_are_made_different(sign: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the gradient of a softmax would be invisible, and a forgotten cotangent of a number as well."""
    monkeypatch.setattr("reference.gradients.cases.short_numbers", lambda rng, shape: np.full(shape, 1.0 * sign))
    for shape in ((), (3,), (2, 2)):
        (cotangent,) = cotangents(asked()[0], shape, np.float64, "quick")
        assert (cotangent != 0).all()
        assert np.abs(cotangent).min() < 1
        assert cotangent.size == 1 or np.ptp(cotangent) > 1


def test_as_many_entries_are_told_as_effort_allows() -> None:
    """All of them where there are few; else distinct ones, the more the more effort."""
    few, many = np.zeros((2, 3)), np.zeros((80, 100))
    numbers = []
    for effort in EFFORTS:
        context = Context(Subject(triple, tripled, pattern((GIVEN,), None)), None, 0, effort)
        assert context.entries(few) == list(np.ndindex(few.shape))
        chosen = context.entries(many)
        assert len(set(chosen)) == len(chosen)
        assert chosen == sorted(chosen)
        numbers.append(len(chosen))
    assert numbers[0] < numbers[1] < numbers[2] < many.size
