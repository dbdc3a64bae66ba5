"""Each promise of the form of an answer, check by check: what breaks it, what is told of that, and what does not."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.findings import NotApplicable, Violation
from reference.gradients import promises, rigorous, values
from reference.gradients.arguments import pattern
from reference.gradients.cases import Case
from reference.gradients.context import Context
from reference.gradients.specification import Specification
from reference.gradients.subject import Subject
from reference.numerics.oracles import ball, torch_autograd
from reference.wording import fact
from tests.gradients import drawn

pytestmark = pytest.mark.catalogue

Array = NDArray[Any]
X, Y = drawn(3, 4), drawn(4) + 2.0
LABELS = np.array([1, 0, 2])


def forward(x: Any, y: Any) -> Any:
    return np.sin(x) * y


def vjp(c: Any, x: Any, y: Any) -> Any:
    return c * np.cos(x) * y, (c * np.sin(x)).sum(axis=0)


def context(one: Any = forward, two: Any = vjp, args: Any = (X, Y), **more: Any) -> Context:
    return Context(Subject(one, two, pattern(args, None)), None, 0, "quick", **more)


def with_x(of: Callable[[Any], Any]) -> Any:
    """The gradients with another one for x."""
    return lambda c, x, y: (of(vjp(c, x, y)[0]), vjp(c, x, y)[1])


class Other(np.ndarray):
    """A class of its own."""


def broken(check: Callable[..., None], asked: Context, *args: Any) -> Violation:
    with pytest.raises(Violation) as caught:
        check(asked, *args)
    return caught.value


FORMS: dict[str, tuple[Callable[[Any], Any], str, str]] = {
    "another class": (lambda g: g.view(Other), "type", "wrong-type"),
    "single precision": (lambda g: g.astype(np.float32), "dtype", "wrong-dtype"),
    "a transpose": (lambda g: g.T, "shape", "wrong-shape"),
    "an axis too many": (lambda g: g[None], "shape", "wrong-shape"),
    "complex numbers": (lambda g: g + 0j, "type", "wrong-type"),
    "nothing": (lambda g: None, "type", "wrong-type"),
}


@pytest.mark.parametrize("which", FORMS)
def test_a_gradient_has_the_form_of_its_argument(which: str) -> None:
    """A plain array of its shape and precision; what is wrong with one is not said of another."""
    change, came, mistake = FORMS[which]
    violation = broken(promises.check_gradient_types, context(two=with_x(change)), 0)
    assert (violation.came.kind, violation.mistake, violation.due["what"]) == (came, mistake, "gradient[0]")
    if came == "dtype":
        assert (violation.due["dtype"], violation.came["dtype"]) == ("float64", "float32")
    if which == "another class":
        assert violation.came["name"] == "Other"
    assert set(violation.counterexample or ()) == {"cotangent", "args[0]", "args[1]"}
    promises.check_gradient_types(context(two=with_x(change)), 1)


@pytest.mark.parametrize("which", FORMS)
def test_an_output_has_one_form(which: str) -> None:
    """A plain array in the precision of the arguments, of the same shape in each case."""
    change, came, mistake = FORMS[which]
    asked = context(lambda x, y: change(forward(x, y)))
    if came == "shape":
        promises.check_forward_types(asked)  # nobody has said which
        return
    check = promises.check_forward_answers if which in {"complex numbers", "nothing"} else promises.check_forward_types
    violation = broken(check, asked)
    assert (violation.came.kind, violation.mistake) == (came, mistake)
    assert set(violation.counterexample or ()) == {"args[0]", "args[1]"}


def test_an_output_keeps_its_shape() -> None:
    """In all cases that of the given one."""
    violation = broken(promises.check_forward_types, context(lambda x, y: forward(x, y)[: 3 if (x == X).all() else 2]))
    assert (violation.mistake, violation.due["shape"], violation.came["shape"]) == ("wrong-shape", (3, 4), (2, 4))
    assert violation.due["what"] == "forward"


def test_what_is_right_has_its_form() -> None:
    """Numbers for outputs without axes, and whole numbers without gradients, too."""
    asked = context()
    promises.check_forward_answers(asked)
    promises.check_forward_types(asked)
    promises.check_gradient_answers(asked)
    for number in (0, 1):
        promises.check_gradient_types(asked, number)
    total = context(lambda x: float(x.sum()), lambda c, x: (c * np.ones(x.shape),), (X,))
    promises.check_forward_types(total)
    promises.check_gradient_types(total, 0)


@pytest.mark.parametrize(
    ("gradient", "is_right"),
    [
        (None, True), (np.zeros(3), True), (np.zeros(3, int), True), (np.zeros(2), False), (np.ones(3), False),
        (0.0, False),
    ],
)  # fmt: skip
def test_whole_numbers_have_the_gradient_none_or_zeros(gradient: Any, is_right: bool) -> None:
    """Of their shape."""
    asked = context(lambda x, n: x[n], lambda c, x, n: (np.eye(3)[n].T @ c, gradient), (X, LABELS))
    if is_right:
        promises.check_gradient_types(asked, 1)
        return
    violation = broken(promises.check_gradient_types, asked, 1)
    assert (violation.due.kind, violation.due["what"], violation.due["shape"]) == ("no derivative", "gradient[1]", (3,))
    assert violation.came["value"] == np.asarray(gradient).tolist()


def test_the_form_is_judged_where_there_is_an_answer() -> None:
    """What is raised at drawn arguments is told by the values; at the given ones it is the answer."""

    def raising(limit: float) -> Any:
        return lambda c, x, y: vjp(c, x, y) if np.abs(x).max() < limit else [].pop()

    promises.check_gradient_types(context(two=raising(100.0)), 0)
    assert broken(promises.check_gradient_types, context(two=raising(0.0)), 0).mistake == "crash"


def test_an_argument_that_is_held_is_not_judged() -> None:
    """It is said why."""
    for constant, kind in ((frozenset({1}), "argument constant"), (frozenset(), "argument held")):
        with pytest.raises(NotApplicable) as caught:
            promises.check_not_judged(context(constant=constant), 1)
        assert (caught.value.reason.kind, caught.value.reason["number"]) == (kind, 1)


WRITING: dict[str, tuple[str, Any, tuple[str, ...]]] = {
    "into the first": ("forward", lambda x, y: x.fill(1.0) or x * y, ("args[0]",)),
    "into both": ("forward", lambda x, y: x.fill(1.0) or y.fill(1.0) or x * y, ("args[0]", "args[1]")),
    "into the cotangent": ("vjp", lambda c, x, y: c.fill(1.0) or vjp(c, x, y), ("cotangent",)),
    "into the last": ("vjp", lambda c, x, y: y.fill(1.0) or vjp(c, x, y), ("args[1]",)),
}


@pytest.mark.parametrize("which", WRITING)
def test_what_a_call_writes_into_is_named(which: str) -> None:
    """The other part writes into nothing."""
    part, function, names = WRITING[which]
    asked = context(**{"one" if part == "forward" else "two": function})
    violation = broken(promises.check_inputs_unchanged, asked, part)
    assert (violation.mistake, violation.came["names"]) == ("mutates-input", names)
    assert ("cotangent" in (violation.counterexample or {})) is (part == "vjp")
    promises.check_inputs_unchanged(asked, "vjp" if part == "forward" else "forward")


def test_an_answer_is_no_view_where_that_is_asked() -> None:
    """Of an argument, of the cotangent, or of the other gradient; where it is not asked, views are right."""
    for part, one, two, name in (
        ("forward", lambda x, y: y, vjp, "args[1]"), ("forward", lambda x, y: x[::-1], vjp, "args[0]"),
        ("vjp", forward, lambda c, x, y: (c, y), "cotangent"), ("vjp", forward, lambda c, x, y: (c * 1, y), "args[1]"),
        ("vjp", forward, lambda c, x, y: [(both := c * 1), both[0]], None),
    ):  # fmt: skip
        violation = broken(promises.check_result_is_its_own, context(one, two, owns=True), part)
        assert violation.mistake == (None if name is None else "aliases-input")
        if name is not None:
            assert violation.came["name"] == name
        promises.check_result_is_its_own(context(one, two), part)
    promises.check_result_is_its_own(context(owns=True), "vjp")


def test_later_calls_leave_an_answer_as_it_is() -> None:
    """An array that is kept and filled again is no answer of its own."""
    kept = np.zeros(X.shape)

    def keeping(x: Any, y: Any) -> Any:
        kept[...] = forward(x, y)
        return kept

    assert broken(promises.check_result_is_its_own, context(keeping), "forward").mistake == "stateful"
    both = context(two=lambda c, x, y: (keeping(x, y), vjp(c, x, y)[1]))
    assert broken(promises.check_result_is_its_own, both, "vjp").mistake == "stateful"


class Counting:
    """A forward pass to whose answer something is added that depends on how often it was asked."""

    def __init__(self, by: Callable[[int], float]) -> None:
        self.by, self.calls = by, 0

    def __call__(self, x: Any, y: Any) -> Any:
        self.calls += 1
        return forward(x, y) + self.by(self.calls)


def test_an_answer_depends_on_the_arguments_alone() -> None:
    """Not on what was asked before."""
    last: list[Any] = [X]

    def remembering(x: Any, y: Any) -> Any:
        before, last[0] = last[0], x
        return forward(x, y) + (0.5 if (before != x).any() else 0.0)

    def keeping(x: Any, y: Any) -> Any:
        last[0] = x
        return forward(x, y)

    assert broken(promises.check_no_state, context(remembering), "forward").mistake == "stateful"
    after = context(keeping, lambda c, x, y: vjp(c, last[0], y))
    assert broken(promises.check_no_state, after, "vjp").mistake == "stateful"
    promises.check_no_state(context(), "vjp")


@pytest.mark.parametrize(
    ("by", "mistake"),
    [
        (float, "nondeterministic"), (lambda n: 0.5 * (n % 5 == 0), "nondeterministic"),
        (lambda n: 0.5 * (n == 5), "stateful"), (lambda n: 0.5 * (n == 7), "stateful"), (lambda n: 1e-16 * n, None),
    ],
)  # fmt: skip
def test_an_answer_is_the_same_each_time(by: Callable[[int], float], mistake: str | None) -> None:
    """But for the order of a sum; what further calls do not show again came from what was asked in between."""
    counted = Counting(by)
    asked = context(counted)
    promises._some(asked)
    counted.calls = 0
    if mistake is None:
        promises.check_no_state(asked, "forward")
        return
    assert broken(promises.check_no_state, asked, "forward").mistake == mistake


def test_an_answer_may_not_change_its_shape() -> None:
    """From one call to the next."""
    flat = [False]

    def turning(x: Any, y: Any) -> Any:
        flat[0] = not flat[0]
        return forward(x, y) if flat[0] else forward(x, y).ravel()

    violation = broken(promises.check_no_state, context(turning), "forward")
    assert {violation.due["shape"], violation.came["shape"]} == {(3, 4), (12,)}
    assert set(violation.counterexample or ()) == {"args[0]", "args[1]"}


LAYOUTS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "Fortran": ("layout-dependent", lambda x: np.ravel(x, order="K").reshape(x.shape)),
    "strided": ("layout-dependent", lambda x: x if x.flags.forc or min(x.strides) < 0 else x + 0.5),
    "reversed": ("layout-dependent", lambda x: x if x.strides[0] >= 0 else x + 0.5),
    "read-only": ("mutates-input", lambda x: x.__setitem__(0, x[0]) or x),
    "broadcast": ("layout-dependent", lambda x: x + 0.5 * (x.strides[0] == 0)),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("part", ["forward", "vjp"])
def test_the_layout_of_memory_does_not_matter(layout: str, part: str) -> None:
    """What is wrong in one is told with its name."""
    mistake, read = LAYOUTS[layout]
    if part == "forward":
        asked = context(lambda x, y: forward(read(x), y))
    else:
        asked = context(two=lambda c, x, y: vjp(c, read(x), y))
    violation = broken(promises.check_layouts, asked, part)
    (told,) = [each for each in violation.due.more if each.kind == "in layout"]
    assert (violation.mistake, told["layout"]) == (mistake, layout)
    promises.check_layouts(context(), part)


@pytest.mark.parametrize(
    ("one", "outcome"),
    [
        (lambda x: x.sum(axis=1), "right"), (lambda x: x.sum(axis=1, keepdims=True), "right"),
        (lambda x: 2 * x.sum(axis=1), "wrong"), (lambda x: x.sum(axis=1)[:2], "not judged"),
        (lambda x: x.sum(axis=1)[None, None], "right"), (lambda x: np.tile(x.sum(axis=1), (2, 1)), "not judged"),
    ],
)  # fmt: skip
def test_outputs_are_those_of_the_definition(one: Any, outcome: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the same shape, but for axes of one entry; what has another one is not judged."""
    for module in (torch_autograd, ball, rigorous):
        monkeypatch.setattr(module, "available", lambda: "not needed here")
    given = pattern((X,), None)
    spec = Specification(lambda x: x.sum(axis=1), given)
    asked = Context(Subject(one, lambda c, x: (c[:, None] + 0 * x,), given), spec, 0, "quick")
    if outcome == "right":
        values.check_forward_values(asked)
        assert len(asked.oracles) == 1
    elif outcome == "wrong":
        with np.errstate(all="ignore"):
            assert broken(values.check_forward_values, asked).mistake == "scaled"
    else:
        with pytest.raises(NotApplicable) as caught:
            values.check_forward_values(asked)
        assert caught.value.reason.kind == "output of another shape"
    with pytest.raises(NotApplicable):
        values.check_forward_values(context())


def test_gradients_are_linear_in_the_cotangent() -> None:
    """A part of it that is clipped, squared or not there is told with where the other cotangents came from."""
    for wrong in (lambda c: np.clip(c, -1.0, 1.0), np.square, lambda c: c + 0.5, np.abs):
        asked = context(two=lambda c, x, y, wrong=wrong: vjp(wrong(c), x, y))
        violation = broken(values.check_linear, asked)
        assert violation.due["what"] == "gradient[0]"
        assert [each.kind for each in violation.due.more] == ["from other cotangents"]
        assert "cotangent" in (violation.counterexample or {})
    second = context(two=lambda c, x, y: (vjp(c, x, y)[0], vjp(np.abs(c), x, y)[1]))
    assert broken(values.check_linear, second).due["what"] == "gradient[1]"
    values.check_linear(context())


def test_calls_are_crashes_where_they_raise() -> None:
    """With the word for what was raised, of whichever part."""

    def raising(*_: Any) -> Any:
        raise NotImplementedError

    for part, asked in (("forward", context(raising)), ("vjp", context(two=raising))):
        for check in (promises.check_inputs_unchanged, promises.check_result_is_its_own):
            violation = broken(partial(check, part=part), asked)
            assert (violation.mistake, violation.due["what"]) == ("not-implemented", part)
            assert set(violation.counterexample or ()) == questions(part)
    violation = broken(promises.check_no_state, context(two=raising), "vjp")
    assert set(violation.counterexample or ()) == questions("vjp")


def questions(part: str) -> set[str]:
    """The arguments that a counterexample shows."""
    return {"args[0]", "args[1]"} | ({"cotangent"} if part == "vjp" else set())


def test_what_is_no_answer_is_told_with_its_arguments() -> None:
    """Also where it is only the same answer that is asked for."""
    for two, due, came in (
        (lambda c, x, y: vjp(c, x, y)[0], "gradients", "not in a tuple"), (lambda c, x, y: (vjp(c, x, y)[0], None),
         "real numbers", "type"),
    ):  # fmt: skip
        violation = broken(promises.check_no_state, context(two=two), "vjp")
        assert (violation.due.kind, violation.came.kind) == (due, came)
        assert set(violation.counterexample or ()) == questions("vjp")
        if due == "real numbers":
            assert violation.due["what"] == "gradient[1]"
    violation = broken(promises.check_no_state, context(lambda x, y: None), "forward")
    assert (violation.due["what"], set(violation.counterexample or ())) == ("forward", questions("forward"))


def test_answers_that_share_memory_are_told_with_their_arguments() -> None:
    """Whether with each other or with a later call; numbers share none."""
    kept = np.zeros(X.shape)

    def keeping(c: Any, x: Any, y: Any) -> Any:
        kept[...] = c * x
        return kept, y * 1

    shared = context(two=lambda c, x, y: [(both := c * 1), both[0]], owns=True)
    for asked in (shared, context(two=keeping)):
        violation = broken(promises.check_result_is_its_own, asked, "vjp")
        assert set(violation.counterexample or ()) == questions("vjp")
    total = context(lambda x: float(x.sum()), lambda c, x: (c * np.ones(x.shape),), (X,), owns=True)
    promises.check_result_is_its_own(total, "forward")


@pytest.mark.parametrize("part", ["forward", "vjp"])
def test_what_is_repeated_may_differ_by_twice_the_bound(part: str) -> None:
    """Entry by entry, each part by its own; NaN is NaN again, and no number otherwise."""
    asked = context()
    case = asked.cases[0]
    first, bounds = [X, Y], [np.full(X.shape, 0.25), np.full(Y.shape, 1.0)]
    if part == "forward":
        first, bounds = first[:1], bounds[:1]

    def same(*answers: Array) -> None:
        promises._check_same(asked, part, first, list(answers), bounds, case)

    others = first[1:]
    same(X + 0.4999, *others)
    same(X - 0.4999, *(each + 1.999 for each in others))
    for off in (0.51, -0.51):
        with pytest.raises(Violation) as caught:
            same(X + np.where(X[1, 2] == X, off, 0.0), *others)
        violation = caught.value
        assert violation.index == (1, 2)
        assert violation.due["what"] == ("forward" if part == "forward" else "gradient[0]")
        assert set(violation.counterexample or ()) == questions(part)
    strange = np.where(X[0, 1] == X, np.nan, X)
    with pytest.raises(Violation):
        same(strange, *others)
    first[0] = np.where(X[1, 1] == X, np.inf, strange)
    same(first[0].copy(), *others)
    with pytest.raises(Violation):
        same(strange, *others)
    first[0] = strange
    with pytest.raises(Violation):
        same(X, *others)
    with pytest.raises(Violation) as caught:
        same(X[:1], *others)
    assert caught.value.due["what"] == ("forward" if part == "forward" else "gradient[0]")
    assert (caught.value.due["shape"], caught.value.came["shape"]) == (X.shape, (1, 4))
    if others:
        with pytest.raises(Violation) as caught:
            same(strange, Y + 2.01)
        assert caught.value.due["what"] == "gradient[1]"


def test_what_repeats_is_bounded_in_its_own_precision() -> None:
    """Whole numbers as doubles are."""
    double, single, whole = promises._repeated([X, X.astype(np.float32), np.array([1, -2])])
    assert single / double == pytest.approx(np.full(X.shape, 2.0**29), rel=1e-6)
    assert whole == pytest.approx(2 / np.abs(X).max() * double.max())


@pytest.mark.parametrize("which", [*range(6), None])
def test_answers_scatter_if_any_of_several_calls_differs(which: int | None) -> None:
    """From the first of them."""
    counted = Counting(lambda n: 0.5 * (n - 1 == which))
    asked = context(counted)
    case = asked.cases[0]
    bounds = promises._repeated([forward(X, Y)])
    counted.calls = 0
    assert promises._is_scattered(asked, "forward", case, bounds) is (which is not None)
    assert counted.calls == 6


@pytest.mark.parametrize(("part", "is_large", "is_called"), [
    ("vjp", False, True), ("vjp", True, False), ("forward", False, False), ("forward", True, False),
])  # fmt: skip
def test_the_forward_pass_comes_first(part: str, is_large: bool, is_called: bool) -> None:
    """Before a vjp, which may rely on it, unless calls are counted."""
    seen: list[Any] = []
    given: Any = SimpleNamespace(pattern=SimpleNamespace(is_large=is_large), run_forward=seen.append)
    case = Case("made", (X, Y), 0)
    promises._forward_first(given, part, case)
    assert [each is case.args for each in seen] == [True] * is_called


def test_what_rounding_grants_to_an_answer() -> None:
    """Of many numbers the forward pass is granted what repeats, since measuring takes calls."""
    case, measured, bounds = Case("made", (X, Y), 0), np.full(X.shape, 0.5), [X, Y]
    given: Any = SimpleNamespace(
        pattern=SimpleNamespace(is_large=False), output=lambda of: X if of is case else None,
        forward_bound=lambda of, output: measured if of is case and output is X else None,
        cotangents=lambda of: [Y, X] if of is case else None,
        gradients=lambda of, cotangent: (None, bounds if of is case and cotangent is Y else None),
    )  # fmt: skip
    (found,) = promises._granted(given, "forward", case)
    assert found is measured
    assert promises._granted(given, "vjp", case) is bounds
    given.pattern.is_large = True
    assert np.array_equal(promises._granted(given, "forward", case)[0], promises._repeated([X])[0])
    assert promises._granted(given, "vjp", case) is bounds


@pytest.mark.parametrize(
    ("kinds", "is_large", "due"),
    [
        ("given short ties zeros ordinary ordinary", False, [0, 1, 2, 5]), ("given short ties", False, [0, 1, 2, 1]),
        ("given ties", False, [0, 1, 0]), ("given short ordinary", True, [0, 2]), ("", False, [0]),
    ],
)  # fmt: skip
def test_a_few_cases_are_asked(kinds: str, is_large: bool, due: list[int]) -> None:
    """The first, and at last an ordinary one, or the given one where there is none."""
    words = {"given": "as given", "short": "short numbers", "ordinary": "ordinary numbers"}
    calm = [Case(words.get(kind, kind), (X,), number) for number, kind in enumerate(kinds.split())]
    every = calm or [Case("as given", (X,), 0)]
    every = [*every, Case("numbers of size 30", (X,), 9)]
    given: Any = SimpleNamespace(calm=lambda: calm, cases=every, pattern=SimpleNamespace(is_large=is_large))
    assert [each.seed for each in promises._some(given)] == due


def test_what_is_given_has_to_have_gradients() -> None:
    """An exception there is told; elsewhere it is not asked."""

    def only(is_given: bool) -> Any:
        return lambda c, x, y: vjp(c, x, y) if np.array_equal(x, X) is is_given else [].pop()

    promises.check_gradient_answers(context(two=only(True)))
    assert broken(promises.check_gradient_answers, context(two=only(False))).mistake == "crash"


def test_too_few_legal_inputs_are_told_where_nothing_else_says_which_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """A definition says it."""
    for module in (torch_autograd, ball, rigorous):
        monkeypatch.setattr(module, "available", lambda: "not needed here")

    def narrow(x: Any, y: Any) -> Any:
        return forward(x, y) if np.array_equal(x, X) else x * np.nan

    with pytest.raises(NotApplicable):
        promises.check_forward_answers(context(narrow))
    asked = context()
    asked.spec = Specification(forward, pattern((X, Y), None))
    promises.check_forward_answers(asked)
    asked.check_enough = [].pop  # type: ignore[method-assign, assignment]
    promises.check_forward_answers(asked)


def test_an_argument_that_is_constant_is_noted() -> None:
    """Where its gradient is judged all the same."""
    for constant, notes in ((frozenset({1}), (fact("argument constant", number=1),)), (frozenset({0}), ())):
        asked = context(constant=constant)
        promises.check_gradient_types(asked, 1)
        assert asked.notes == notes


def test_of_many_numbers_one_case_shows_the_form() -> None:
    """At others nothing is asked for that."""
    many = np.linspace(1.0, 2.0, 5001)
    seen: list[Any] = []
    asked = context(lambda x: x * 2.0, lambda c, x: (seen.append(x) or c * 2.0,), (many,))
    promises.check_gradient_types(asked, 0)
    assert [np.array_equal(each, many) for each in seen] == [True]
    asked.judged()
    asked.subject = Subject(lambda x: seen.append(x) or x * 2.0, asked.subject.vjp, asked.pattern)
    seen.clear()
    promises.check_forward_types(asked)
    assert [np.array_equal(each, many) for each in seen] == [True]


@pytest.mark.parametrize("part", ["forward", "vjp"])
@pytest.mark.parametrize("is_large", [False, True])
def test_each_layout_is_asked_for(part: str, is_large: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Equal rows in an array whose rows are one; of many numbers only two layouts, for their calls are counted."""
    args = (np.linspace(1.0, 2.0, 5001).reshape(3, -1), np.ones(1667)) if is_large else (X, Y)
    asked, seen = context(args=args), list[Any]()
    monkeypatch.setattr(promises, "_check_layout", lambda given, *of: seen.append(of))
    promises.check_layouts(asked, part)
    assert {of[0] for of in seen} == {part}
    assert [of[2] for of in seen] == (
        ["strided", "read-only"] if is_large else ["Fortran", "strided", "reversed", "read-only", "broadcast"]
    )
    last = seen[-1][1]
    assert (last.kind == "equal rows") is not is_large
    assert is_large or all((each == each[:1]).all() for each in last.args)
    for _, case, _, plain, bounds in seen:
        assert [each.shape for each in plain] == [each.shape for each in bounds]
        assert all(map(np.array_equal, plain, promises._values(asked, part, case)))
        assert all((each > 0).all() for each in bounds)


def test_equal_rows_are_asked_for_where_they_are_legal() -> None:
    """A function that raises an exception there is not to blame."""

    def apart(x: Any, y: Any) -> Any:
        return [].pop() if (x == x[:1]).all() else forward(x, y)

    for part in ("forward", "vjp"):
        promises.check_layouts(context(apart), part)


def test_the_forward_pass_comes_before_a_vjp_in_each_layout() -> None:
    """With the plain arguments of that case, on which a vjp may rely; an exception is told as of the part."""
    kept: list[Any] = []

    def keeping(x: Any, y: Any) -> Any:
        kept[:] = [x.copy()]
        return forward(x, y)

    asked = context(keeping, lambda c, x, y: vjp(c, kept.pop(), y))
    asked.run_forward(asked.cases[-1].args)
    promises.check_layouts(asked, "vjp")
    for part, of in (("forward", "one"), ("vjp", "two")):
        with pytest.raises(Violation) as caught:
            promises._values(context(**{of: lambda *_: [].pop()}), part, asked.cases[0])
        assert caught.value.due["what"] == part


def test_memory_is_no_answers_own_in_words() -> None:
    """What is shared is told, and only later calls make it a matter of state."""
    both = context(two=lambda c, x, y: [(both := c * 1), both[0]], owns=True)
    violation = broken(promises.check_result_is_its_own, both, "vjp")
    assert (violation.due, violation.came) == (fact("gradients with memory"), fact("gradients share memory"))
    violation = broken(promises.check_result_is_its_own, context(lambda x, y: y, owns=True), "forward")
    assert violation.mistake == "aliases-input"


def test_each_judged_case_shows_the_form() -> None:
    """A wrong one is told where it comes, with its arguments."""
    limit = 100.0
    asked = context(two=lambda c, x, y: vjp(c, x if np.abs(x).max() < limit else x.T.copy().T[None], y))
    violation = broken(promises.check_gradient_types, asked, 0)
    assert violation.mistake == "wrong-shape"
    labels = context(lambda x, n: x[n], lambda c, x, n: (np.eye(3)[n].T @ c, np.ones(3)), (X, LABELS))
    violation = broken(promises.check_gradient_types, labels, 1)
    assert set(violation.counterexample or ()) == {"cotangent", "args[0]", "args[1]"}


def test_a_gradient_of_a_fixed_argument_has_its_form_if_there_is_one() -> None:
    """None is as good."""
    given = pattern((X, Y), None, fixed=(1,))
    for second, is_right in ((None, True), (Y, True), (Y[:2], False), (Y.astype(np.float32), False)):
        subject = Subject(forward, lambda c, x, y, second=second: (vjp(c, x, y)[0], second), given)
        asked = Context(subject, None, 0, "quick")
        if is_right:
            promises.check_gradient_types(asked, 1)
        else:
            broken(promises.check_gradient_types, asked, 1)


def test_an_answer_after_other_questions_is_compared_at_what_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many numbers the forward pass is not called once more for that."""
    many = np.linspace(1.0, 2.0, 5001)
    for part, is_large, count in (("forward", False, 5), ("vjp", False, 5), ("forward", True, 4), ("vjp", True, 5)):
        args = (many,) if is_large else (X,)
        asked = context(lambda x: x * 2.0, lambda c, x: (c * 2.0,), args)
        seen: list[Any] = []
        plain = promises._values

        def watched(given: Any, part: str, case: Any, *layout: Any, seen: list[Any] = seen, plain: Any = plain) -> Any:
            seen.append(case)
            return plain(given, part, case, *layout)

        with monkeypatch.context() as patch:
            patch.setattr(promises, "_values", watched)
            promises.check_no_state(asked, part)
        here = asked.cases[0]
        assert [case is here for case in seen] == [True] * (count - 2) + [False, True]
        assert seen[-2] is promises._some(asked)[-1]


def test_layouts_are_those_of_an_ordinary_case(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last of a few."""
    asked, seen = context(), list[Any]()
    monkeypatch.setattr(promises, "_check_layout", lambda given, part, case, *_: seen.append(case))
    promises.check_layouts(asked, "forward")
    assert seen[0] is promises._some(asked)[-1]
    assert seen[-1].seed == seen[0].seed
