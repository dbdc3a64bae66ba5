"""What the search asks before it tries edits: where the mistake can be, what the forward pass has, what is known."""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.gradients.repair import found as found_module
from reference.gradients.repair import given
from reference.gradients.repair.found import repaired
from reference.gradients.repair.influence import Influence
from reference.gradients.repair.instrument import State
from reference.gradients.repair.places import Edit
from reference.gradients.repair.running import Work, is_right
from reference.gradients.repair.view import View
from reference.numerics import likeness
from tests.repair_views import arguments_of, code, replaced_by, view_of

pytestmark = pytest.mark.catalogue

Array = NDArray[Any]


# What it is worth to change a place


class Code:
    """Runs a view's code with an edit in it, as `Running` does, but without an examination."""

    def __init__(self, view: View) -> None:
        self.work = Work()
        self.tried: list[str] = []
        (self._sites,) = view.functions

    @contextlib.contextmanager
    def edited(self, *edits: Edit) -> Iterator[bool]:
        function = self._sites.source.function
        before = function.__code__
        self.tried.append(code(edits[0].new or edits[0].place.node))
        try:
            function.__code__ = self._sites.edited(State(), {**replaced_by(edits[0])})
            yield True
        finally:
            function.__code__ = before

    def answers(self, sample: Any) -> tuple[Array, ...] | None:
        self.work.add(1)
        try:
            raw = self._sites.source.function(**sample.given)
        except ValueError:
            return None
        return tuple(np.asarray(each, dtype=float) for each in (raw if isinstance(raw, tuple) else (raw,)))


def sample_of(view: View, right: str) -> SimpleNamespace:
    """The first case: what the code answers, and what another body would."""
    args = arguments_of(0)
    sample = SimpleNamespace(args=tuple(args.values()), given=args, cotangent=args["g"])
    sample.answers = Code(view).answers(sample)
    sample.truths = Code(view_of(right)).answers(sample)
    sample.slack = tuple(np.zeros(each.shape) for each in sample.truths)
    return sample


def influence_of(wrong: str, right: str, **limits: Any) -> tuple[Influence, View]:
    view = view_of(wrong)
    sample = sample_of(view, right)
    positions = range(len(sample.truths))
    are_right = [is_right(sample, n, sample.answers[n]) for n in positions]
    running = Code(view)
    running.work.add(limits.get("done", 0))
    return Influence(
        (running), view, (sample),
        [n for n in positions if not are_right[n]], [n for n in positions if are_right[n]],
    ), view  # fmt: skip


#: The code, the right code, and all expressions that a constant repairs: with it, by word and cost.
SCALED: list[tuple[str, str, dict[tuple[str, float], list[str]]]] = [
    ("2.0 * (x * y)", "x * y", {
        ("scaled", 1.3): ["x * 0.5", "y * 0.5", "x * y * 0.5", "2.0 * (x * y) * 0.5"], ("scaled", 1.35): ["2.0 * 0.5"],
    }),
    ("-(x * y)", "x * y", {("sign", 1.2): ["-x", "-(x * y)", "-y", "--(x * y)"]}),
    ("x * y + np.sin(v)", "x * y", {("extra-term", 1.3): ["np.sin(v) * 0.0"]}),
    ("x * y + np.sin(v)", "x * y - 3 * np.sin(v)", {("scaled", 1.35): ["np.sin(v) * -3.0"]}),
    ("x * y + np.sin(v)", "x * y - np.sin(v)", {("sign", 1.2): ["-np.sin(v)"]}),
    ("x * y", "x * y + np.sin(v)", {}),
    # Each of two wrong gradients by itself, and both together.
    ("(x * 2, y * 2)", "(x, y)", {("scaled", 1.3): ["x * 0.5", "y * 0.5", "x * 2 * 0.5", "y * 2 * 0.5"]}),
    ("d = x * 2; return d, d * y", "d = x * 1; return d, d * y", {
        ("scaled", 1.3): [*["x * 0.5", "x * 2 * 0.5"] * 3, *["d * 0.5"] * 2, "y * 0.5", "d * y * 0.5"],
    }),
    ("d = x * 2; return d, d * y", "d = x * 1; return d, d * v", {
        ("scaled", 1.3): ["x * 0.5", "d * 0.5", "x * 2 * 0.5"],
    }),
    ("x * y.sum(0)", "x[:1] * y", {}),
    ("x[:2] * 2", "x", {}),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "right", "due"), SCALED)
def test_by_which_constant_a_value_has_to_be_multiplied(
    wrong: str, right: str, due: dict[tuple[str, float], list[str]]
) -> None:
    """It is computed from the effect of twice the value, where one constant does it for an argument or for all."""
    influence, _ = influence_of(wrong, right)
    found = sorted((each.word, each.cost, code(each.new or each.place.node)) for each in influence.scalings)
    assert found == sorted((*key, text) for key, texts in due.items() for text in texts)


#: The code, the right code, the places where nothing helps, and those on which a right gradient depends.
EXCLUDED: list[tuple[str, str, set[str], set[str]]] = [
    ("e = np.sin(v); return x * y", "x * u", {"np.sin(v)", "v"}, set()),
    ("w = x / x.sum(); return w * y", "x * y", set(), set()),
    ("w = x / x.sum(axis=1, keepdims=True); return w * y", "x * y", set(), set()),
    ("h = x[0, 0] * 1.0; return np.sign(h) * y", "y * u", {"x[0, 0] * 1.0", "h", "x[0, 0]", "1.0"}, set()),
    ("h = y * 0.0; return x + h * 2", "x + u", {"y"}, set()),
    ("e = np.argmax(x) * 1.0; return e * y", "y * u", set(), set()),
    ("h = x * v; return h * y, h + y", "h = x * v; return h * u, h + y", set(), {"x", "v", "x * v", "h", "y", "h + y"}),
    ("h = np.sin(v); return x * y, u * 1", "x * v, u * 1", {"np.sin(v)", "v"}, {"u", "u * 1"}),
]


@pytest.mark.parametrize(("wrong", "right", "excluded", "shared"), EXCLUDED)
def test_where_the_mistake_cannot_be(wrong: str, right: str, excluded: set[str], shared: set[str]) -> None:
    """What moves no wrong gradient; a value that is 0, or divided by its own sum, may do it.

    Where a right gradient depends on a place too, that place is told apart.
    """
    influence, _ = influence_of(wrong, right)
    assert {ast.unparse(each) for each in influence.excluded} == excluded
    assert {ast.unparse(each) for each in influence.shared} == shared


def test_masks_and_inner_expressions_are_not_tried() -> None:
    """Twice a compared value tells nothing, and what has no number of its own cannot be changed alone."""
    influence, view = influence_of("x * (y > limit) + (lambda q: q * 2)(v)", "x * (y > eps) + (lambda q: q * 2)(v)")
    tried = (influence)._running.tried
    assert tried
    assert {"y * 2.0", "limit * 2.0", "q * 2.0", "q * 2 * 2.0"}.isdisjoint(tried)
    assert {"x * 2.0", "v * 2.0"} <= set(tried)
    assert view.places


def test_no_place_is_tried_when_all_steps_are_spent() -> None:
    """The search may be over before it has begun."""
    influence, _ = influence_of("x * 2", "x", done=likeness.REPAIR_STEPS + 1)
    assert (influence)._running.tried == []


#: The code, the right code, and the values that constants get.
CONSTANTS = [
    ("x ** 2.5 * v", "x ** 2.2 * v", {2.2}),
    ("x ** 2.5 * v", "x ** 1.5 * v", set()),  # too far away for its steps
    ("np.exp(-x * 0.3) * y", "np.exp(-x * 0.75) * y", {0.75}),
    ("np.maximum(x, 0.3) * y", "np.sin(x) * y", set()),
    ("x * 2", "x * 3", set()),
    ("h = 0.25; return x * np.cosh(x * h)", "h = 0.3; return x * np.cosh(x * h)", {0.3}),
    ("x * np.sqrt(v + eps)", "x * np.sqrt(v + 0.01)", {0.01}),
    ("x.sum(1) * 0.5", "x.sum(0) * 0.5", set()),
    ("h = 0.5; return (x * np.exp(h * v))[:, : 3 if h > 0.6 else 4]", "x * np.exp(0.65 * v)", {0.65}),
]


@pytest.mark.parametrize(("wrong", "right", "due"), CONSTANTS)
def test_numbers_of_the_code_are_estimated(wrong: str, right: str, due: set[float]) -> None:
    """By Newton's method, for floating-point constants alone; none is offered where it does not get there."""
    influence, view = influence_of(wrong, right)
    edits = list(influence.constants(view))
    found = {float(eval(code(each.new or each.place.node))) for each in edits}  # noqa: S307 - a number
    assert all(any(abs(one - two) < 1e-6 for one in found) for two in due)
    assert bool(found) == bool(due)
    assert {each.word for each in edits} <= {"scaled"}
    assert all(1.3 < each.cost < 1.5 for each in edits)


# What the forward pass has


def forward(x: Array, w: Array) -> Array:
    h = np.tanh(x) * 0.5
    for _ in range(2):
        h = h + x[0] - w
    return -h @ w.T if (h > 1).any() else h


def asked(function: Any) -> Any:
    """What the search is told of a function."""
    pattern = SimpleNamespace(args=(np.ones((2, 2)), np.ones((2, 2))))
    return SimpleNamespace(pattern=pattern, run_forward=lambda args: function(*args))


def test_parts_of_the_forward_pass() -> None:
    """Each once, names first, and of the kinds that stand for numbers; what is stored into is none."""
    found = [ast.unparse(each) for each in given.given_by(asked(forward))]
    assert len(found) == len(set(found))
    names = [each for each in found if each.isidentifier()]
    assert {"np", "x", "h", "range", "w"} <= set(names) == set(found[: len(names)])
    assert {"np.tanh(x) * 0.5", "np.tanh(x)", "range(2)", "h + x[0] - w", "x[0]", "-h @ w.T", "-h", "h > 1"} <= set(
        found
    )
    assert {"_", "0.5", "w.T", "2"}.isdisjoint(found)


def test_only_so_many_parts_of_the_forward_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """All names, and as many expressions as can be tried."""
    monkeypatch.setattr(given, "_MOST", 2)
    found = given.given_by(asked(forward))
    assert len([each for each in found if not isinstance(each, ast.Name)]) == 2
    assert {"np", "x", "h", "w"} <= {each.id for each in found if isinstance(each, ast.Name)}


def test_a_forward_pass_without_source_has_no_parts() -> None:
    """Such as a function of numpy."""
    assert given.given_by(asked(np.matmul)) == []


# The search for all arguments at once


class Examined:
    """A context, for what is kept of the search."""

    def __init__(self, repairs: Any = None) -> None:
        self.repairs = repairs


@pytest.mark.parametrize("is_elsewhere", [True, False])
def test_repairs_are_searched_once(monkeypatch: pytest.MonkeyPatch, is_elsewhere: bool) -> None:
    """For all arguments at once, here or where the code is; the first repair of an argument counts."""
    repairs = [SimpleNamespace(positions=(1,), n=0), SimpleNamespace(positions=(0, 1), n=1)]
    searched = []

    def search(context: Any, samples: Any) -> list[Any]:
        searched.append((context, samples))
        return repairs

    monkeypatch.setattr(found_module, "all_samples", lambda _: ["one", "two"])
    monkeypatch.setattr(found_module.search, "repairs", None if is_elsewhere else search)
    context = Examined(search if is_elsewhere else None)
    for _ in range(2):
        answers = [repaired((context), position) for position in range(3)]
        assert answers == [repairs[1], repairs[0], None]
    assert searched == [(context, ["one", "two"])]


def test_one_sample_is_too_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many edits repair the gradient in one case."""
    monkeypatch.setattr(found_module, "all_samples", lambda _: ["one"])
    monkeypatch.setattr(found_module.search, "repairs", None)
    assert repaired((Examined()), 0) is None
