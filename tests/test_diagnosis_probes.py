"""One direction in the space of the arguments tells whether a change at a step can explain an answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.gradients.diagnosis.graph import pulled_back
from reference.gradients.diagnosis.probes import Probe, _direction
from reference.gradients.diagnosis.samples import Sample
from tests.gradients import drawn
from tests.test_diagnosis_graph import W, X, graph_of, layer

pytestmark = pytest.mark.catalogue

Array = NDArray[Any]


def sample(wrong: Callable[..., Sequence[Array]], function: Callable[..., Any] = layer, *args: Array) -> Sample:
    args = args or (X, W)
    graph, values = graph_of(function, *args)
    cotangent = drawn(*values[id(graph.output)].shape) + 1.0
    truths = pulled_back(graph, values, cotangent)
    return Sample(args, args, cotangent, tuple(wrong(cotangent, *args)), truths, truths, (graph, values))


def without_sine(c: Array, x: Array, w: Array) -> tuple[Array, Array]:
    return (c @ w.T) * (1 - np.tanh(x) ** 2), (np.tanh(x) + 2 * np.sin(x)).T @ c


def places(probe: Probe, op: str) -> list[tuple[int, int]]:
    return [(number, 0) for number, node in enumerate(probe.nodes) if node.op == op]


def test_a_direction_tells_what_a_change_has_to_do() -> None:
    """The effect of the mistake is the one that is wanted, and any other is refuted."""
    probe = Probe(sample(without_sine), [0])
    direction = _direction(X.shape)
    asked = sample(without_sine)
    assert np.isclose(probe.wanted, (direction * (asked.answers[0] - asked.truths[0])).sum())
    assert np.isclose(probe.scale, np.abs(direction * asked.truths[0]).sum())
    (sine,), (tanh,) = places(probe, "sin"), places(probe, "tanh")
    nothing = lambda g, inputs, y: 0.0 * g  # noqa: E731 - of one test
    assert not probe.refutes({sine: nothing})
    assert probe.refutes({tanh: nothing})
    assert probe.refutes({sine: lambda g, inputs, y: 0.5 * g})
    assert probe.refutes({sine: nothing, tanh: nothing})
    assert not probe.refutes({sine: lambda g, inputs, y: np.ones(7)})


def test_the_effect_of_an_edge() -> None:
    """What it contributes along the direction, by how the input moves there, and the size of that sum."""
    probe = Probe(sample(without_sine), [0])
    direction, asked = _direction(X.shape), sample(without_sine)
    (sine,) = places(probe, "sin")
    part = direction * 2 * (asked.cotangent @ W.T) * np.cos(X)
    found = probe.effect(sine)
    assert found is not None
    assert np.allclose(found, (part.sum(), np.abs(part).sum()), rtol=1e-6)
    assert probe.effect(sine) == found
    received = probe.received(sine[0])
    assert received is not None
    assert np.allclose(received, 2 * asked.cotangent @ W.T)
    along = probe.along(0, np.ones(X.shape))
    assert along is not None
    assert np.allclose(along, (direction.sum(), np.abs(direction).sum()))
    assert probe.along(0, np.ones(5)) is None
    assert np.allclose(probe.along(0, np.asarray(2.0)) or (), (2 * direction.sum(), 2 * np.abs(direction).sum()))


def test_a_direction_in_several_arguments() -> None:
    """What moves is what is asked for; an argument that stays has no effect."""
    both = Probe(sample(without_sine), [0, 1])
    one = Probe(sample(without_sine), [1])
    assert np.isclose(both.wanted, Probe(sample(without_sine), [0]).wanted)
    assert one.wanted == pytest.approx(0.0, abs=1e-12)
    (sine,) = places(one, "sin")
    assert one.effect(sine) == (0.0, 0.0)
    assert one.is_wanted(0.0, 1.0)
    assert one.is_wanted(5e-6, 1.0)
    assert not one.is_wanted(2e-5, 1.0)
    assert one.is_wanted(np.nan, 1.0)


def test_answers_of_another_shape_are_not_compared() -> None:
    """Answers of another shape tell of no change that would be needed."""
    probe = Probe(sample(lambda c, x, w: (x[0], w)), [0])
    assert probe.wanted == 0.0


def test_edges_that_are_left_out() -> None:
    """Nothing moves along them, and nothing comes back."""
    asked = sample(without_sine)
    numbers = [(n, 0) for n, node in enumerate(asked.graph.nodes) if node.op == "sin"]
    probe = Probe(asked, [0], numbers)
    found = probe.along(numbers[0][0], np.ones(X.shape))
    assert found is not None
    assert np.allclose(found, 0.0)
    received = probe.received(0)
    assert received is not None
    assert np.allclose(received, without_sine(asked.cotangent, X, W)[0])


def test_a_direction_has_no_small_entries() -> None:
    """Of both signs, and the same for each examination."""
    found = _direction((50, 40))
    assert np.array_equal(found, _direction((50, 40)))
    assert 0.5 <= np.abs(found).min() <= np.abs(found).max() <= 1.0
    assert 0.4 < (found > 0).mean() < 0.6
