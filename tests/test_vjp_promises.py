"""Each promise of the form of an answer, check by check: what breaks it, what is told of that, and what does not."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.findings import NotApplicable, Violation
from reference.gradients import promises, rigorous, values
from reference.gradients.arguments import pattern
from reference.gradients.context import Context
from reference.gradients.specification import Specification
from reference.gradients.subject import Subject
from reference.numerics.oracles import ball, torch_autograd
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


def questions(part: str) -> set[str]:
    """The arguments that a counterexample shows."""
    return {"args[0]", "args[1]"} | ({"cotangent"} if part == "vjp" else set())


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
