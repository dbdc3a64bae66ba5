"""What the checks of a function work with: which cases are judged, what was answered, what is excused at kinks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.findings import NotApplicable, Violation
from reference.gradients import hidden
from reference.gradients.arguments import pattern
from reference.gradients.cases import Case
from reference.gradients.context import Context
from reference.gradients.specification import Specification
from reference.gradients.subject import Subject
from reference.numerics.estimate import Estimate
from reference.numerics.oracles import torch_autograd
from tests.gradients import drawn

pytestmark = pytest.mark.catalogue

Array = NDArray[Any]
X, Y = drawn(3, 4), drawn(4) + 2.0


def forward(x: Any, y: Any) -> Any:
    return np.sin(x) * y


def vjp(c: Any, x: Any, y: Any) -> Any:
    return c * np.cos(x) * y, (c * np.sin(x)).sum(axis=0)


def context(one: Any = forward, two: Any = vjp, args: Any = (X, Y), spec: Any = None, **more: Any) -> Context:
    given = pattern(args, None, **{key: more.pop(key) for key in ("legal", "draw") if key in more})
    subject = Subject(one, two, given, more.pop("takes_cotangent", True))
    return Context(subject, None if spec is None else Specification(spec, given), 0, "quick", **more)


class Watched:
    """Notes with what a function was called."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.calls: list[tuple[Any, ...]] = []

    def __call__(self, *args: Any) -> Any:
        self.calls.append(args)
        return self.function(*args)


def raising(*_: Any) -> Any:
    raise ValueError("no")


def beyond(limit: float, otherwise: Callable[..., Any]) -> Any:
    """The forward pass, and something else where a number is beyond a limit."""
    return lambda x, y: forward(x, y) if max(np.abs(x).max(), np.abs(y).max()) < limit else otherwise(x, y)


def test_an_output_is_asked_for_once() -> None:
    """In each case; what was raised is raised again."""
    watched = Watched(forward)
    asked = context(watched)
    assert np.array_equal(asked.output(asked.cases[0]), forward(X, Y))
    before = len(watched.calls)
    asked.output(asked.cases[0])
    assert len(watched.calls) == before
    asked.output(asked.cases[1])
    assert len(watched.calls) == before + 1
    failing = context(raising)
    for _ in range(2):
        with pytest.raises(Violation) as caught:
            failing.output(failing.cases[0])
        assert caught.value.mistake == "crash"


def test_cases_in_which_the_forward_pass_fails_are_left_out() -> None:
    """Where it raises or is not finite; how many are is told, and more than half of them are too many."""
    for otherwise in (raising, lambda x, y: x * np.inf, lambda x, y: x * np.nan):
        asked = context(beyond(100.0, otherwise))
        kinds = {case.kind for case in asked.judged()}
        assert "as given" in kinds
        assert "numbers of size 1e+300" not in kinds
        asked.check_enough()
        (note,) = asked.notes
        assert note.kind == "left out"
        assert note["left"] + len(asked.judged()) == note["drawn"] + 1
    asked = context(beyond(100.0, raising))
    assert asked.is_legal(asked.cases[0])
    assert not asked.is_legal(Case("made", (X + 1e3, Y), 0))
    context().check_enough()


def test_cases_near_the_given_ones_are_judged_where_others_are_not_legal() -> None:
    """If most of these are legal; else too few are left."""

    def only_near(x: Any, y: Any) -> Any:
        return forward(x, y) if np.abs(np.log(np.abs(y / Y))).max() < 2.5 else raising()

    asked = context(only_near)
    assert {case.kind for case in asked.judged()} >= {"as given", "near the given inputs"}
    asked.check_enough()
    assert [note.kind for note in asked.notes] == ["near given"]
    alone = context(lambda x, y: forward(x, y) if (x == X).all() else raising())
    assert [case.kind for case in alone.judged()] == ["as given"]
    with pytest.raises(NotApplicable) as caught:
        alone.check_enough()
    assert caught.value.reason.kind == "mostly left out"


def test_what_is_given_has_to_be_answered() -> None:
    """An exception there is the answer, unless it is one of arithmetic."""
    with pytest.raises(Violation):
        context(lambda x, y: raising() if (x == X).all() else forward(x, y)).judged()

    def dividing(x: Any, y: Any) -> Any:
        return 1 / 0 if (x == X).all() else forward(x, y)

    assert "as given" not in {case.kind for case in context(dividing).judged()}
    with pytest.raises(Violation):
        context(lambda x, y: forward(x, y) if (x == X).all() else "no array").judged()


def test_kinds_of_cases() -> None:
    """Those without equal numbers on purpose, those without extreme ones, and those in which there may be a kink."""
    asked = context()
    kinds = {name: {case.kind for case in getattr(asked, name)()} for name in ("generic", "calm", "tied")}
    assert "ties" not in kinds["generic"]
    assert {"as given", "short numbers", "ordinary numbers"} <= kinds["calm"]
    assert "numbers of size 1e+300" in kinds["generic"] - kinds["calm"]
    assert kinds["tied"] == {"ties", "zeros"}
    zero = context(args=(np.where(X[0, 0] == X, 0.0, X), Y))
    assert "as given" in {case.kind for case in zero.tied()}


def test_a_gradient_of_a_number_has_the_cotangent_1() -> None:
    """Whatever is drawn otherwise."""
    asked = context(lambda x: x.sum(), lambda c, x: (np.ones(x.shape),), (X,), takes_cotangent=False)
    assert [each.tolist() for each in asked.cotangents(asked.cases[1])] == [1.0]
    for cotangent in context().cotangents(asked.cases[0]):
        assert cotangent.shape == (3, 4)
        assert len(np.unique(cotangent)) > 1


def test_gradients_are_asked_for_once() -> None:
    """After the forward pass, with its arguments; with the roundings that are granted."""
    watched, gradients = Watched(forward), Watched(vjp)
    asked = context(watched, gradients)
    case = asked.cases[0]
    cotangent = asked.cotangents(case)[0]
    watched.calls.clear()
    answers, bounds = asked.gradients(case, cotangent)
    assert all(map(np.array_equal, answers, vjp(cotangent, X, Y)))
    assert all((bound > 0).all() and bound.max() < 1e-12 for bound in bounds)
    assert watched.calls
    before = len(gradients.calls)
    again, _ = asked.gradients(case, cotangent)
    assert again is answers
    assert len(gradients.calls) == before
    asked.gradients(case, -cotangent)
    assert len(gradients.calls) > before
    sizes = asked.sizes(case, cotangent)
    total = np.abs(cotangent * forward(X, Y)).sum()
    assert np.allclose(sizes[1] * np.maximum(1, np.abs(Y)), total)


def test_the_shape_of_cotangents_is_that_of_the_output(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or of the definition, where the output has another number of entries, is none, or the gradient cannot do it."""
    monkeypatch.setattr(torch_autograd, "available", lambda: "not needed here")
    flat = lambda x, y: forward(x, y).ravel()  # noqa: E731 - of this test
    assert context().shape == context(spec=forward).shape == (3, 4)
    of_any = lambda c, x, y: vjp(c.reshape(x.shape), x, y)  # noqa: E731 - of this test
    assert context(flat, of_any, spec=forward).shape == (12,)
    assert context(flat, lambda c, x, y: vjp(c[:3, :4], x, y), spec=forward).shape == (3, 4)
    for wrong in (raising, lambda x, y: forward(x, y)[:2]):
        assert context(wrong, spec=forward).shape == (3, 4)
    asked = context(lambda x, y: forward(x, y)[:2], spec=forward)
    assert asked.is_inside(asked.cases[0])


def test_a_gradient_of_another_shape_is_not_judged() -> None:
    """Its form is judged elsewhere."""
    context().require_shape(0)
    transposed = context(two=lambda c, x, y: (vjp(c, x, y)[0].T, vjp(c, x, y)[1]))
    transposed.require_shape(1)
    with pytest.raises(NotApplicable) as caught:
        transposed.require_shape(0)
    assert caught.value.reason["names"] == ("vjp.gradient[0].types",)


def test_entries_that_are_judged_one_by_one() -> None:
    """All of a small array, in order; some of a large one, the same for the same seed."""
    asked = context()
    assert asked.entries(X[:2, :3]) == list(np.ndindex(2, 3))
    some = asked.entries(np.zeros((2, 4)))
    assert len(set(some)) == len(some) == 6
    many = np.zeros((200, 200))
    found = asked.entries(many)
    assert found == sorted(set(found))
    assert len(found) == 6
    assert found == context().entries(many)


def test_calls_of_many_numbers_are_counted() -> None:
    """The forward pass is not asked again in the same case, nor with the gradients of the same case."""
    watched = Watched(lambda x: x * 1.0)
    asked = context(watched, lambda c, x: (c * 1.0,), (np.linspace(1.0, 2.0, 5001),))
    case = asked.cases[0]
    watched.calls.clear()
    asked.gradient_function(case)(np.ones(5001), *case.args)
    asked.gradient_function(case)(np.ones(5001), *case.args)
    asked.run_forward(case.args)
    assert len(watched.calls) == 1
    asked.run_forward(asked.cases[1].args)
    assert len(watched.calls) == 2


def sizes_vjp(slope: float) -> Any:
    return lambda c, x: (c * np.where(x == 0, slope, np.sign(x)),)


def test_a_kink_excuses_an_answer() -> None:
    """There it is judged by what is legal; the case is one of those with ties from then on."""
    x = np.array([0.0, 1.5, -2.0])
    asked = context(np.abs, sizes_vjp(0.5), (x,))
    case = asked.cases[0]
    cotangent = asked.cotangents(case)[0]
    answers, bounds = asked.gradients(case, cotangent)
    assert asked.is_excused(case, cotangent, answers, bounds)
    assert [each for each in asked.tied() if each is case] == [case]
    assert asked.at_tie(case, cotangent, answers, bounds).outcome == "legal"
    smooth = Case("made", (x + 1.0,), 7)
    assert not asked.is_excused(smooth, cotangent, *asked.gradients(smooth, cotangent))
    assert not any(each is smooth for each in asked.tied())


def test_a_kink_that_is_met_makes_a_case_one_with_ties() -> None:
    """Once."""
    asked = context(lambda x: np.abs(x - 0.25), lambda c, x: (c * np.sign(x - 0.25),), (np.array([0.25, 1.5, -2.0]),))
    case = asked.cases[0]
    before = len(asked.tied())
    for cotangent in asked.cotangents(case)[:1] * 2:
        assert asked.is_excused(case, cotangent, *asked.gradients(case, cotangent))
    assert len(asked.tied()) == before + 1


def test_no_number_is_excused_where_the_output_is_none() -> None:
    """Elsewhere it is not."""
    asked = context(np.log, lambda c, x: (np.where(x > 0, c / x, np.nan),), (np.array([0.5, 2.0]),))
    cotangent = asked.cotangents(asked.cases[0])[0]
    bounds = [np.zeros(2)]
    with np.errstate(all="ignore"):
        outside = Case("made", (np.array([-1.0, 2.0]),), 3)
        assert asked.is_excused(outside, cotangent, [np.array([np.nan, 1.0])], bounds)
        assert not asked.is_excused(asked.cases[0], cotangent, [np.array([np.nan, 1.0])], bounds)


def test_a_forward_pass_that_raises_or_changes_its_shape_is_not_known() -> None:
    """Its values are no numbers there, for differences; arrays that are no plain ones are passed on."""
    for otherwise in (raising, lambda x, y: forward(x, y)[:1]):
        found = context(beyond(100.0, otherwise))._own(X + 1e3, Y)
        assert found.shape == X.shape
        assert np.isnan(found).all()
    assert np.iscomplexobj(context()._own(X + 1j, Y))
    assert np.array_equal(context()._own(X, Y), forward(X, Y))


def test_roundings_that_are_kept_in_doubles_are_estimated() -> None:
    """Where they can excuse all that is off, and in double precision alone."""
    asked = context()
    case = asked.cases[0]
    cotangent = asked.cotangents(case)[0]
    answers, bounds = asked.gradients(case, cotangent)
    truth = Estimate(answers[0] * (1 + 1e-15), 0 * answers[0])
    assert (hidden.of_gradient(asked, case, cotangent, 0, truth) > 0).all()
    far = Estimate(answers[0] + 1.0, 0 * answers[0])
    assert hidden.of_gradient(asked, case, cotangent, 0, far) is bounds[0]
    found = hidden.of_forward(asked, case, forward(X, Y))
    assert (found > 0).all()
    assert found.max() < 1e-8
    single = context(args=(X.astype(np.float32), Y.astype(np.float32)))
    case = single.cases[0]
    assert not hidden.of_forward(single, case, single.output(case)).any()
    cotangent = single.cotangents(case)[0]
    assert hidden.of_gradient(single, case, cotangent, 1, far) is single.gradients(case, cotangent)[1][1]
