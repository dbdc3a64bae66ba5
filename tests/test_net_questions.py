"""What the examiner asks of networks: small ones of every shape with either loss, and one like the lab's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference.engine import Effort
from reference.execution.in_process import InProcess
from reference.execution.worker.protocol import Call
from reference.lab import network
from reference.lab.checks import deep, net_calls
from reference.lab.context import Context
from reference.lab.mistakes import plain
from reference.lab.network import SHAPES, NetCase, case_of
from reference.numerics import rounding, running_errors, tolerances
from reference.numerics.oracles import ball
from tests.comparing import needs_flint
from tests.spoiling import multiples

Array = NDArray[Any]
_NOBODY = InProcess({}, {})
_OF_LOSSES = ("evaluate", "gradient")


def sums(question: NetCase) -> list[Array]:
    """Of each linear layer, the logits last."""
    A, found = question.X, []
    for W, b in zip(question.theta[::2], question.theta[1::2], strict=True):
        found.append(A @ W + b)
        A = np.maximum(found[-1], 0)
    return found


def nets(shape: Any, seeds: int = 10) -> list[NetCase]:
    """One question for each seed."""
    return [case_of(Context(_NOBODY, "", "x", seed=seed), shape, compound=True) for seed in range(seeds)]


each_shape = pytest.mark.parametrize("shape", SHAPES)


@each_shape
def test_networks_are_asked_where_rounding_decides_nothing(shape: Any) -> None:
    """Each hidden unit is farther from 0 than any rounding takes it, and no probability underflows."""
    for question in nets(shape):
        *units, logits = sums(question)
        for Z, bound in zip(units, question.bounds.hidden, strict=True):
            assert (np.abs(Z) > tolerances.UNIT_MARGIN).all()
            assert (2 * bound < tolerances.UNIT_MARGIN).all()
        assert np.exp(-np.ptp(logits, axis=1)).min() > 1e-100


@each_shape
def test_networks_are_drawn_anew_until_they_are_fit(shape: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where more distance of units from 0, and less of logits from each other, is asked for, that is what there is."""
    assert np.exp(-tolerances.LOGIT_SPREAD) > 1e-100
    monkeypatch.setattr(tolerances, "UNIT_MARGIN", 0.05)
    monkeypatch.setattr(tolerances, "LOGIT_SPREAD", 5.0)
    for question in nets(shape, 3):
        *units, logits = sums(question)
        assert all((np.abs(Z) > 0.05).all() for Z in units)
        assert np.ptp(logits, axis=1).max() < 5


@each_shape
def test_networks_are_short_and_of_all_signs(shape: Any) -> None:
    """Weights, biases and inputs are multiples of 1/64, targets one-hot; units are on and off."""
    drawn = nets(shape, 40)
    for question in drawn:
        assert all(multiples(array, 1 / 64) for array in (question.X, *question.theta))
        assert (np.sort(question.T, axis=1) == np.eye(shape[0][-1])[-1]).all()
        assert (question.widths, question.X.shape) == (shape[0], (shape[1], shape[0][0]))
    numbers = [[*question.theta[::2], question.X] for question in drawn]
    units = [Z for question in drawn for Z in sums(question)[:-1]] or [np.array([-1, 1])]
    for arrays in (*zip(*numbers, strict=True), units):
        assert 0.2 < np.mean(np.concatenate([np.ravel(array > 0) for array in arrays])) < 0.8


def test_both_losses_are_asked_about() -> None:
    """Each shape with the compound loss, and each without; in the first assignment without alone."""
    for assignment, compound in ((1, [False]), (2, [True, False]), (3, [True, False])):
        context = Context(_NOBODY, "", "x", assignment=assignment)
        asked_about = [(each.compound, each.widths, len(each.X)) for each in network.cases(context)]
        assert asked_about == [(each, *shape) for each in compound for shape in SHAPES]
        alone = [each.compound for each in network.cases(context, compound_only=True)]
        assert alone == [True] * (len(SHAPES) if True in compound else 0)


def test_networks_have_targets_of_every_class() -> None:
    """Over the shapes and a few seeds."""
    exams = [Context(_NOBODY, "", "x", seed=seed) for seed in range(10)]
    labels = {k: {int(label) for context in exams for shape in SHAPES if shape[0][-1] == k
                  for label in case_of(context, shape, compound=False).T.argmax(axis=1)} for k in (2, 3)}  # fmt: skip
    assert labels == {2: {0, 1}, 3: {0, 1, 2}}


def test_deep_networks_are_asked_like_the_labs() -> None:
    """Pixels above 0 and below 1 for inputs, targets one-hot, and no unit is near 0."""
    question, bounds = deep.draw(np.random.RandomState(0))
    *units, _ = sums(question)
    assert question.X.min() > 0
    assert question.X.max() < 1
    assert (question.T.sum(axis=1) == 1).all()
    assert all((np.abs(Z) > 1e-12).all() for Z in units)
    assert [bound.shape for bound in bounds] == [array.shape for array in question.theta]
    assert all((bound > 0).all() for bound in bounds)


def test_signals_keep_their_size_in_deep_networks() -> None:
    """From the first layer to the logits, on average over a few."""
    ends = [sums(deep.draw(np.random.RandomState(seed))[0])[::5] for seed in range(4)]
    gains = [np.sqrt((last**2).mean() / (first**2).mean()) for first, last in ends]
    assert 0.5 < np.exp(np.mean(np.log(gains))) < 2


@needs_flint
@pytest.mark.parametrize(("effort", "assignment", "compound"), [
    ("quick", 3, [True]), ("normal", 3, [True]), ("exhaustive", 3, [True, False, True, False, True, False, True]),
    ("quick", 1, [False]),
])  # fmt: skip
def test_deep_networks_are_asked_with_either_loss(
    effort: Effort, assignment: int, compound: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With much effort; with less the compound loss alone, unless the assignment has none. Each is another network."""
    drawn: list[NetCase] = []

    def draw(rng: np.random.RandomState, *, compound: bool) -> tuple[NetCase, tuple[Array, ...]]:
        question, bounds = real(rng, widths=(6, 4, 3), compound=compound)
        drawn.append(question)
        return question, bounds

    real = deep.draw
    monkeypatch.setattr(deep, "draw", draw)
    deep.check_gradient_of_deep_net(
        Context(InProcess(plain.CLASSES, {}), ball, "x", effort=effort, assignment=assignment)
    )
    assert [each.compound for each in drawn] == compound
    assert len({each.X.tobytes() for each in drawn}) == len(drawn)


@needs_flint
@pytest.mark.parametrize(("plan", "compound"), [
    (number, compound) for number, plan in enumerate(net_calls._PLANS)
    for compound in ([True] if plan.before_softmax else [True, False])
])  # fmt: skip
def test_bounds_hold_for_layers_in_any_order(plan: int, compound: bool) -> None:
    """In single precision, where they are tried the hardest, the textbook's network stays within its bounds."""
    context = Context(_NOBODY, ball, "x")
    drawn = net_calls._Drawing(context, plan, net_calls._PLANS[plan], compound=compound)()
    X, *theta = (np.float32(array) for array in (drawn.X, *drawn.theta))
    case = replace(drawn, X=np.float64(X), theta=tuple(np.float64(array) for array in theta))
    bounds = running_errors.network(case.X, case.theta, case.T, rounding.SINGLE, case.all_kinds, case.before_softmax)
    T = np.float32(case.T)
    single = replace(case, X=X, theta=tuple(theta), own=False)
    calls = [Call("net", "propagate", {"X": X}), *(Call("net", name, {"X": X, "T": T}) for name in _OF_LOSSES)]
    *_, predicted, losses, gradient = InProcess(plain.CLASSES, {}).run([*single.steps(), *calls])
    found = [part for name in case.linear for part in gradient.value[name]]
    truths = case.true_gradient(ball)
    pairs = [*zip(found, truths, bounds.gradient, strict=True)]
    pairs.append((losses.value, ball.value(case.losses, case.theta), bounds.losses))
    pairs.append((predicted.value, ball.value(case.probabilities, case.theta), bounds.probabilities))
    assert max(np.abs(part - due.value).max() for part, due, _ in pairs) > 0
    assert all((np.abs(part - due.value) <= bound + due.error).all() for part, due, bound in pairs)
