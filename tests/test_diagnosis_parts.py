"""The parts of a diagnosis: samples and what agrees with them, views of a graph, formulas and factors of steps."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.gradients import rigorous
from reference.gradients.arguments import pattern
from reference.gradients.context import Context
from reference.gradients.diagnosis import changes, composite, factors, families, inside, samples
from reference.gradients.diagnosis.samples import MakeChange, Place, Samples, gather
from reference.gradients.diagnosis.tracing import NotTracedError
from reference.gradients.diagnosis.view import View, seen
from reference.gradients.specification import Specification
from reference.gradients.subject import Subject
from reference.numerics.oracles import torch_autograd
from tests.gradients import drawn
from tests.test_diagnosis_mechanisms import samples_of

pytestmark = pytest.mark.catalogue

Array = NDArray[Any]
Made = dict[Place, MakeChange]
X, Y = drawn(3, 4), drawn(3, 4) + 3.0


def forward(x: Any, y: Any) -> Any:
    return np.sin(x) * y + np.sin(x)


def vjp(c: Any, x: Any, y: Any) -> Any:
    return c * np.cos(x) * (y + 1), c * np.sin(x)


def asked(wrong: Callable[..., Any] = vjp, function: Callable[..., Any] = forward, position: int = 0) -> Samples:
    return samples_of(function, wrong, (X, Y), position)


# Samples


def test_an_answer_agrees_but_for_rounding() -> None:
    """And for its slack, entry by entry, or for the largest where it has another shape."""
    sample = asked().all[0]
    (due, _), slack = sample.answers, np.zeros(X.shape)
    slack[1, 2] = 0.5
    loose = replace(sample, slack=(slack, slack))
    for place, is_granted in (((1, 2), True), ((0, 0), False)):
        moved = due.copy()
        moved[place] += 0.25
        assert not sample.agrees(moved, 0)
        assert loose.agrees(moved, 0) is is_granted
    assert sample.agrees(due * (1 + 1e-14), 0)
    assert not sample.agrees(due * (1 + 1e-6), 0)
    assert not sample.agrees(due.T, 0)
    assert not sample.agrees(np.where(due == due[0, 0], np.nan, due), 0)
    assert not sample.agrees(due, 1)
    wide = replace(loose, answers=(due[None], due))
    assert wide.tolerance(0).tolist() == np.full((1, 3, 4), 0.5).tolist()
    assert wide.tolerance(1) is slack


def test_gradients_of_other_values() -> None:
    """At other arguments, with other values of steps, of another function, with another leaf."""
    sample = asked().all[0]
    c, numbers = sample.cotangent, {node.op: n for n, node in enumerate(sample.graph.nodes)}
    due = vjp(c, X + 1, Y - 1)
    assert all(map(np.allclose, sample.gradients_at((X + 1, Y - 1)), due))
    sine = next(node for node in sample.graph.nodes if node.op == "sin")
    by = sample.gradients_by({**sample.values, id(sine): np.ones(X.shape)})
    assert np.allclose(by[1], c)
    other = sample.gradients_with({id(sine): np.negative})
    assert np.allclose(other[1], -c * X)
    (leaf,) = [n for n, node in enumerate(sample.graph.nodes) if node is sample.graph.arguments[1]]
    assert np.allclose(sample.gradients_with_leaf(leaf, np.zeros(X.shape))[0], c * np.cos(X))
    assert np.allclose(sample.pulled({(numbers["multiply"], 0): changes.nothing})[0], c * np.cos(X))


def test_samples_of_an_argument() -> None:
    """Its answers and truths, whether all are recorded and of one shape, and what agrees with all of them."""
    found = asked(lambda c, x, y: (2 * vjp(c, x, y)[0], vjp(c, x, y)[1]))
    assert [each.shape for each in found.answers] == [(3, 4)] * 6
    assert found.is_traced
    assert found.are_of_one_shape
    assert found.agree([2 * each for each in found.truths])
    assert not found.agree([*found.answers[:-1], 0 * X])
    assert list(found) == list(found.all)
    some = Samples((*found.all[:-1], replace(found.all[-1], recorded=None)), 1, found.ask)
    assert not some.is_traced
    assert np.array_equal(some.answers[0], found.all[0].answers[1])
    with pytest.raises(NotTracedError):
        _ = some.all[-1].graph
    flat = replace(found.all[0], answers=(X.ravel(), X))
    assert not Samples((flat,), 0, found.ask).are_of_one_shape


def context(one: Any = forward, two: Any = vjp, args: Any = (X, Y), spec: Any = None, **more: Any) -> Context:
    given = pattern(args, None, **more)
    return Context(Subject(one, two, given), None if spec is None else Specification(spec, given), 0, "quick")


def test_samples_are_gathered_in_ordinary_cases() -> None:
    """Two cotangents in each, with the truth and what the code answers to anything else."""
    wrong = context(two=lambda c, x, y: (2 * vjp(c, x, y)[0], vjp(c, x, y)[1]))
    found = gather(wrong, 0)
    assert found is not None
    assert found.is_traced
    assert 4 <= len(found.all) <= 6
    for sample in found:
        due = vjp(sample.cotangent, *sample.args)
        assert all(map(np.allclose, sample.truths, due))
        assert not sample.slack[0].any()
        assert found.all[0].cotangent.dtype == np.float64
    assert found.agree([2 * each for each in found.truths])
    assert np.allclose(found.ask((X + 1, Y), X)[0], 2 * vjp(X, X + 1, Y)[0])
    other = gather(wrong, 1)
    assert other is not None
    assert other.all[0] is found.all[0]
    assert samples.all_samples(wrong) == list(found.all)


@pytest.mark.parametrize("reason", [None, "not needed here"])
def test_samples_of_code_that_cannot_be_recorded(reason: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """They have the truth that balls or differences tell, with its error."""
    if reason:
        monkeypatch.setattr(rigorous, "available", lambda: reason)

    def by_numbers(x: Any, y: Any) -> Any:
        return np.array([[math.sin(each) for each in row] for row in x]) * (y + 1)

    found = gather(context(by_numbers), 0)
    assert found is not None
    assert not found.is_traced
    for sample in found:
        for number, due in enumerate(vjp(sample.cotangent, *sample.args)):
            assert (np.abs(sample.truths[number] - due) <= sample.slack[number] + 1e-15 * np.abs(due)).all()
            assert 0 < sample.slack[number].max() < 1e-6


def test_samples_of_code_that_takes_other_ways() -> None:
    """Where its steps are not the same in all of them nothing is known but answers and truths."""

    def either(x: Any, y: Any) -> Any:
        return forward(x, y) if (x == X).all() else np.exp(np.log(np.abs(np.sin(x)))) * np.sign(np.sin(x)) * (y + 1)

    found = gather(context(either), 1)
    assert found is not None
    assert not found.is_traced
    assert (found.position, len(found.all)) == (1, 6)
    for sample in found:
        for number, due in enumerate(vjp(sample.cotangent, *sample.args)):
            assert np.allclose(sample.truths[number], due)
            assert np.allclose(sample.answers[number], due)


def test_the_truth_of_samples_is_that_of_the_definition(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is one; a forward pass that computes something else is not looked into."""
    monkeypatch.setattr(torch_autograd, "available", lambda: "not needed here")
    found = gather(context(lambda x, y: 2 * forward(x, y), spec=forward), 0)
    assert found is not None
    assert not found.is_traced
    assert all(map(np.allclose, found.all[0].truths, vjp(found.all[0].cotangent, *found.all[0].args)))
    assert np.allclose(found.all[0].answers[0], found.truths[0])


def test_where_nothing_is_to_be_told_apart_there_are_no_samples() -> None:
    """One case alone, answers that are not finite, or so many numbers that calls are counted."""
    assert gather(context(two=lambda c, x, y: (c * np.nan, c)), 0) is None
    assert gather(context(lambda x: x * 1.0, lambda c, x: (c,), (np.ones(5001),)), 0) is None
    alone = context(two=lambda c, x, y: (c * (np.nan if (x != X).any() else 1.0), c))
    assert {len(each.args) for each in samples.all_samples(alone)} <= {2}


def test_single_precision_has_its_slack() -> None:
    """A part of the largest entry of each gradient."""
    found = gather(context(args=(X.astype(np.float32), Y.astype(np.float32))), 0)
    assert found is not None
    assert found.is_traced
    for sample in found:
        assert 1e-8 < sample.slack[0].min() / np.abs(sample.truths[0]).max() < 1e-4
        assert {each.dtype for each in (*sample.answers, *sample.floats)} == {np.dtype(np.float64)}
    assert found.ask(found.all[0].args, X.astype(np.float32))[0].dtype == np.float64


# Views


def test_a_view_knows_the_uses_of_each_step() -> None:
    """By the number of the step that uses it, and the place of the input."""
    view = View(asked())
    sine = next(n for n, node in enumerate(view.nodes) if node.op == "sin" and view.uses(n))
    ops = [(view.nodes[n].op, place) for n, place in view.uses(sine)]
    assert ops in ([("multiply", 0)], [("add", 1)])
    assert view.uses(len(view.nodes) - 1) == []


def normalised(x: Any) -> Any:
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def normalised_vjp(c: Any, x: Any) -> Any:
    p = normalised(x)
    return (p * (c - (c * p).sum(axis=1, keepdims=True)),)


def test_edges_without_effect_are_left_out() -> None:
    """Those of a maximum that is taken off and cancels, unless all are to be kept."""
    found = samples_of(normalised, normalised_vjp, (X,), 0)
    view, whole_view = seen(found), seen(found, keep_all=True)
    ops = [view.nodes[n].op for n, _ in view.neutral]
    assert "max" in ops
    assert set(view.places).isdisjoint(view.neutral)
    assert sorted([*view.places, *view.neutral]) == whole_view.places
    assert whole_view.neutral == []
    assert seen(found) is view
    assert seen(found, of_all=True) is not view


def test_edges_may_depend_on_each_other() -> None:
    """Where one comes before the other."""
    view = View(samples_of(lambda x: np.sin(np.exp(x)) + np.cos(x), lambda c, x: (c,), (X,), 0), keep_all=True)
    place = {view.nodes[n].op: (n, k) for n, k in view.places}
    assert view.are_independent([place["sin"]])
    assert view.are_independent([place["sin"], place["cos"]])
    assert view.are_independent([place["exp"], place["cos"]])
    assert not view.are_independent([place["sin"], place["exp"]])
    assert not view.are_independent([place["exp"], place["cos"], place["sin"]])


def test_a_view_asks_for_gradients_with_changes() -> None:
    """None where they do not apply or do not fit; what agrees reproduces all answers."""
    view = View(asked(lambda c, x, y: (c * np.cos(x), c * np.sin(x))), keep_all=True)
    sample, number = view.samples.all[0], next(n for n, node in enumerate(view.nodes) if node.op == "multiply")
    without: Made = {(number, 0): lambda _, edge: changes.nothing}
    wide: Made = {(number, 0): lambda _, edge: lambda g, inputs, y: X[:2]}
    found = view.of(sample, without)
    assert found is not None
    assert np.allclose(found, sample.answers[0])
    every = view.all_of(sample, without)
    assert every is not None
    assert np.allclose(every[1], sample.answers[1])
    assert view.agrees(without)
    assert view.of(sample, wide) is None
    assert not view.agrees(wide)
    never: Made = {(number, 0): lambda _, edge: None}
    assert (view.of(sample, never), view.all_of(sample, never), view.agrees(never)) == (None, None, False)
    assert not view.agrees({(number, 0): lambda _, edge: lambda g, inputs, y: 0.5 * g})


# Formulas


def logistic(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def test_a_derivative_as_a_polynomial_of_the_output() -> None:
    """Of the third degree at most; few numbers, or another function, have none."""
    x = np.linspace(-2, 2, 9)
    y = logistic(x)
    found = composite._polynomial([y[:4], y[4:]], [(y * (1 - y))[:4], (y * (1 - y))[4:]])
    assert found is not None
    assert found == pytest.approx([0.0, -1.0, 1.0, 0.0], abs=1e-9)
    assert found[0] == found[3] == 0.0
    assert composite._polynomial([y], [np.exp(x)]) is None
    assert composite._polynomial([y[:5]], [(y * (1 - y))[:5]]) is None
    assert composite._polynomial([np.append(y, np.inf)], [np.append(y, 0.0)]) is None


def test_steps_of_which_one_is_made_of_the_other_alone() -> None:
    """Entry by entry, whatever lies between."""
    view = View(samples_of(lambda x: logistic(x) * 2.0 + x.sum(), lambda c, x: (c,), (X,), 0), keep_all=True)
    ops = [node.op for node in view.nodes]
    found = {(ops[first], ops[last]) for first, last in composite.pairs(view)}
    assert {("argument", "divide"), ("exp", "divide"), ("exp", "add"), ("negative", "multiply")} <= found
    assert not any("sum" in pair for pair in found)
    assert ("argument", "sum") not in found


def test_the_derivative_of_several_steps() -> None:
    """Of the later one for the earlier one, at the values of a sample or at others."""
    found = samples_of(lambda x: logistic(x) * 2.0, lambda c, x: (c,), (X,), 0)
    sample, nodes = found.all[0], found.graph.nodes
    last = next(n for n, node in enumerate(nodes) if node.op == "divide")
    y = logistic(sample.floats[0])
    assert np.allclose(composite._derivative(sample, 0, last), y * (1 - y))
    (at, *_) = composite._derivatives_at(found, 0, last, [np.zeros(X.shape) for _ in found]) or [np.ones(1)]
    assert np.allclose(at, 0.25)


# Factors


@pytest.mark.parametrize(
    ("array", "is_one"),
    [([0.0, 1.0, 1.0], True), ([0.0, -2.0], True), ([1.0, 2.0], False), ([0.0, 1.0, 2.0], False), ([0.0], False),
     ([0.0, 0.0], False)],
)  # fmt: skip
def test_a_mask_has_two_values(array: Any, is_one: bool) -> None:
    """Of which one is 0."""
    assert factors.is_mask_like(np.array(array)) is is_one


def test_a_product_with_an_array_of_fewer_axes() -> None:
    """Along the last axes, or along the first; None where it fits along neither."""
    row, column = np.arange(1.0, 5.0), np.arange(1.0, 4.0)
    for value, due in ((row, X * row), (column, X * column[:, None]), (np.array(2.0), 2 * X), (np.ones(5), None)):
        found = factors._times(X, value, 1.0)
        assert (None if found is None else found.tolist()) == (None if due is None else due.tolist())
    divided = factors._times(X, row, -1.0)
    assert divided is not None
    assert np.allclose(divided * row, X)
    assert factors._times(row, X, 1.0) is None


@pytest.mark.parametrize(
    ("factor", "power", "divides", "size", "word"),
    [
        (0.0, -1.0, False, 4, None), (2.0, -1.0, False, 4, "factor-missing"), (2.0, -1.0, False, 1, None),
        (1.0, 1.0, True, 4, "factor-missing"), (1.0, 1.0, False, 4, "wrong-argument"), (0.25, 1.0, True, 1, "scaled"),
        (0.3, 1.0, True, 1, None), (0.25, 1.0, False, 1, None), (4.0, 1.0, True, 1, None),
    ],
)  # fmt: skip
def test_a_factor_has_its_word(factor: float, power: float, divides: bool, size: int, word: str | None) -> None:
    """What is divided by, or multiplied with, but for a constant; a count is what stands for a sum."""
    node = asked().graph.arguments[0]
    assert factors._word_of_factor(factor, power, replace(node, value=np.ones(size)), divides=divides) == word


def test_a_value_varies_in_a_sample_or_among_them() -> None:
    """One number that is the same in all of them does not."""
    found = samples_of(lambda x: x * 2.0 + x.sum() + np.zeros(4), lambda c, x: (c,), (X,), 0)
    varies = {node.op: factors._varies_somewhere(found, n) for n, node in enumerate(found.graph.nodes)}
    assert (varies["argument"], varies["sum"]) == (True, True)
    constants = [n for n, node in enumerate(found.graph.nodes) if node.op == "constant"]
    assert len(constants) == 2
    assert not any(factors._varies_somewhere(found, n) for n in constants)


# Turns and paths


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((1,), {}), ((2,), {"term-missing": 2, "transposed": 1}),
        ((3,), {"last-sample-wrong": 1, "term-missing": 1, "not-summed": 2, "transposed": 1}),
        ((2, 3), {"term-missing": 4, "not-summed": 2, "transposed": 3}),
        ((3, 3), {"last-sample-wrong": 1, "term-missing": 3, "not-summed": 4, "transposed": 4}),
    ],
)  # fmt: skip
def test_turns_of_an_array(shape: tuple[int, ...], words: dict[str, int]) -> None:
    """Ends that are left out or kept alone, and flips; each is another array."""
    array = 1.0 + np.arange(math.prod(shape)).reshape(shape)
    found: dict[str, int] = {}
    arrays = []
    for word, turn in families._turns(shape):
        found[word] = found.get(word, 0) + 1
        arrays.append(turn(array).tobytes())
    assert found == words
    assert len(set(arrays)) == len(arrays)
    assert array.tobytes() not in arrays


def test_weights_of_paths_are_0_1_or_minus_1() -> None:
    """Of each path to one array; others are none."""

    def ways(x: Any) -> Any:
        return np.sin(x) * Y + np.exp(x) + x**3

    def weighed(one: float, two: float, three: float) -> Any:
        return lambda c, x: (c * (one * np.cos(x) * Y + two * np.exp(x) + three * 3 * x**2),)

    for weights in ((1.0, 0.0, 1.0), (0.0, -1.0, 1.0), (1.0, 1.0, 1.0), (1.0, 0.5, 1.0), (1.0, 2.0, 1.0)):
        view = View(samples_of(ways, weighed(*weights), (X,), 0), keep_all=True)
        found = families._weights(view, view.uses(0))
        assert (None if found is None else tuple(found)) == (weights if set(weights) <= {0.0, 1.0, -1.0} else None)


def test_groups_of_edges_that_differ() -> None:
    """Each once, and none that is empty."""
    one, two = [(1, 0)], [(1, 0), (2, 1)]
    assert list(inside._different([two, one, [], one, two])) == [two, one]
