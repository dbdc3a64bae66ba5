"""The dress rehearsal: right codings pass the lab's trainings; what goes wrong only in a training is found there."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import bp
from reference.execution.in_process import InProcess
from reference.execution.worker import frames
from reference.execution.worker.protocol import Call, Descend, Get, Keep, New, Ref, Reply, Rows, Seed, Step
from reference.findings import NotApplicable, Violation
from reference.lab.checks import rehearsal
from reference.lab.context import Context
from reference.lab.mistakes import plain
from reference.lab.rehearsal import DEEP_WIDTHS, Experiment, images, spirals, xor
from reference.numerics import descent_rounding
from reference.numerics.rounding import DOUBLE
from tests.examining import Unexplained, with_methods
from tests.fast_mlp import FastMLP
from tests.honest import HONEST, NAIVE
from tests.wording import assert_phrase

pytestmark = [pytest.mark.catalogue]

CHECKS = {"xor": rehearsal.check_xor, "spirals": rehearsal.check_spirals, "deep": rehearsal.check_deep}
_BP = {name: getattr(bp, name) for name in plain.CLASSES}
_LOSS = "evaluate(X, T)"


def context(classes: dict[str, type], assignment: int = 3) -> Context:
    """A context at the least effort."""
    return Context(InProcess(classes, {}), "no oracle", "x", effort="quick", assignment=assignment)


def broken(classes: dict[str, type], name: str) -> Violation:
    """What a rehearsal finds."""
    with pytest.raises(Violation) as caught:
        CHECKS[name](context(classes))
    assert_phrase(str(caught.value.due))
    return caught.value


def counted(method: Callable[..., Any], wrong: Callable[..., Any], first: int) -> Callable[..., Any]:
    """The method, and from its ``first`` call on an object the wrong one."""

    def either(self: Any, *arguments: Any) -> Any:
        calls = vars(self)["calls"] = vars(self).get("calls", 0) + 1
        return (method if calls < first else wrong)(self, *arguments)

    return either


def _twice_the_step(self: Any, dtheta: Any) -> None:
    plain.LinearLayer.update_params(self, [2 * part for part in dtheta])


def _decaying_step(self: Any, dtheta: Any) -> None:
    plain.LinearLayer.update_params(self, [dtheta[0] - 1e-6 * self.W, dtheta[1]])


def _accumulated(self: Any, X: Any, T: Any) -> Any:
    found = plain.MLP.gradient(self, X, T)
    total = vars(self).setdefault("total", {name: [np.zeros_like(p) for p in parts] for name, parts in found.items()})
    for name, parts in found.items():
        total[name] = [old + part for old, part in zip(total[name], parts, strict=True)]
    return total if vars(self).setdefault("n", []).append(1) or len(self.n) > 10 else found


def _grad_of_many(self: Any, X: Any, delta_next: Any) -> Any:
    found = plain.LinearLayer.grad(self, X, delta_next)
    return [found[0] * (1.001 if len(X) > 2048 else 1), found[1]]


def _loss_by_memory(self: Any, X: Any, T: Any) -> Any:
    known = vars(self).setdefault("known", {})
    return known.setdefault(id(X.base), plain.MLP.evaluate(self, X, T))


def _first_rows(self: Any, X: Any, T: Any) -> Any:
    return plain.MLP.gradient(self, X if X.base is None else X.base[: len(X)], T)


def _in_single(self: Any, X: Any) -> Any:
    if X.dtype != self.W.dtype:
        raise TypeError("a mixture of types")
    return plain.LinearLayer.forward(self, X)


def _appended(self: Any, X: Any, output_layers: bool = True, last_layer: Any = None) -> Any:
    if output_layers and last_layer is None:
        self.layers += self.output_layers
        return plain.MLP.propagate(self, X, False)
    return plain.MLP.propagate(self, X, output_layers, last_layer)


def _emptied(self: Any, X: Any, T: Any) -> Any:
    losses = plain.MLP.evaluate(self, X, T)
    T[...] = 0
    return losses


def _softmax_of_many(self: Any, X: Any) -> Any:
    return plain.softmax(X) if len(X) < 64 else np.float64(np.float32(plain.softmax(X)))


def _named(self: Any, *, X: Any) -> Any:
    return np.maximum(X, 0)


#: What goes wrong, the class, its wrong methods, the rehearsal that finds it, what is off, and the epoch and batch.
SABOTEURS: list[tuple[str, str, dict[str, Any], str, str, int, int]] = [
    ("the twentieth update is doubled", "LinearLayer",
     {"update_params": counted(plain.LinearLayer.update_params, _twice_the_step, 20)}, "xor",
     "Linear_1.W", 20, 1),
    ("weights decay from the second epoch on", "LinearLayer",
     {"update_params": counted(plain.LinearLayer.update_params, _decaying_step, 2)}, "spirals",
     "Linear_1.W", 2, 1),
    ("gradients add up from the eleventh on", "MLP", {"gradient": _accumulated}, "xor",
     "gradient(X, T)['Linear_1'][0]", 11, 1),
    ("large batches weigh more", "LinearLayer", {"grad": _grad_of_many}, "deep",
     "gradient(X, T)['Linear_1'][0]", 1, 1),
    ("losses are remembered by the memory of X", "MLP", {"evaluate": _loss_by_memory}, "xor", _LOSS, 2, 1),
    ("parts of one array pass for each other", "MLP", {"gradient": _first_rows}, "deep",
     "gradient(X, T)['Linear_1'][0]", 1, 2),
    ("each prediction lengthens the network", "MLP", {"propagate": _appended}, "xor", _LOSS, 1, 1),
    ("targets are lost", "MLP", {"evaluate": _emptied}, "xor", "gradient(X, T)['Linear_1'][0]", 1, 1),
    ("large batches in low precision", "SoftmaxLayer", {"forward": _softmax_of_many}, "spirals", "propagate(X)", 1, 1),
    ("inputs in single precision are refused", "LinearLayer", {"forward": _in_single}, "xor", "propagate(X)", 1, 1),
    ("arguments have to be named", "ReLULayer", {"forward": _named}, "xor", "propagate(X)", 1, 1),
]  # fmt: skip


@pytest.mark.parametrize(
    ("cls", "methods", "name", "what", "epoch", "batch"),
    [each[1:] for each in SABOTEURS],
    ids=[s[0] for s in SABOTEURS],
)
def test_mistake_of_a_training_is_found_where_it_begins(
    cls: str, methods: dict[str, Any], name: str, what: str, epoch: int, batch: int
) -> None:
    """The violation says what is off, and the first epoch and batch in which it is."""
    violation = broken(with_methods(cls, methods), name)
    assert violation.due["what"] == what
    (place,) = (each for each in violation.came.more if each.kind == "in training")
    assert (place["epoch"], place["batch"]) == (epoch, batch)
    assert violation.mistake in {None, "crash"}


@pytest.mark.parametrize("name", list(HONEST))
def test_right_codings_pass_small_trainings(name: str) -> None:
    """Every honest coding passes XOR; what is slow passes a deep net of few pixels, and the others pass the spirals."""
    given = context(HONEST[name])
    rehearsal.check_xor(given)
    if name.startswith(("LinearLayer", "MLP")):
        X, T, _ = images(np.random.RandomState(0), 12)
        rehearsal.rehearse(given, Experiment("MNIST", (40, *DEEP_WIDTHS[1:]), X[:, :40], T, 6, 0.1, 1, compound=True))
    else:
        rehearsal.check_spirals(given)


@pytest.mark.parametrize("name", list(NAIVE))
def test_naive_softmax_passes_the_first_assignment(name: str) -> None:
    """Its logits stay where a naive softmax is right."""
    for check in (rehearsal.check_xor, rehearsal.check_spirals):
        check(context(NAIVE[name], assignment=1))


@pytest.mark.parametrize("net", [bp.MLP, FastMLP], ids=["plain", "fast"])
@pytest.mark.parametrize("name", list(CHECKS))
def test_own_implementation_passes(name: str, net: type) -> None:
    """By the plain path and by the fast one."""
    CHECKS[name](context({**_BP, "MLP": net}))


def test_masks_may_go_either_way_where_rounding_decides() -> None:
    """A unit within rounding of 0 passes its delta or stops it, and both gradients are within the bound."""
    X = np.array([[0.1, 0.2, -0.3], [1.0, 2.0, 3.0]])
    theta = [np.array([[1.0, 0.5], [1.0, 0.25], [1.0, 1.0]]), np.zeros(2), np.eye(2), np.array([0.5, -0.25])]
    T = np.eye(2)
    due = descent_rounding.due(X, T, theta, DOUBLE)
    assert due is not None
    Z = X @ theta[0]
    assert abs(Z[0, 0]) < 1e-16
    P = plain.softmax(np.maximum(Z, 0) @ theta[2] + theta[3])
    gradients = []
    for open_unit in (True, False):
        on = Z > 0
        on[0, 0] = open_unit
        found = X.T @ (((P - T) @ theta[2].T) * on) / 2
        gradients.append(found)
        assert (np.abs(found - due.gradient()[0].value) <= due.gradient()[0].bound).all()
    assert np.abs(gradients[0] - gradients[1]).max() > 1e-3


def test_bound_of_a_decided_batch_is_small() -> None:
    """Where rounding decides nothing, what is granted to 300 images is far below any mistake."""
    X, T, _ = images(np.random.RandomState(1), 300)
    rng = np.random.RandomState(2)
    theta = []
    for d, u in pairwise(DEEP_WIDTHS):
        theta += [rng.normal(0, np.sqrt(2 / d), (d, u)), np.ones(u)]
    due = descent_rounding.due(X, T, theta, DOUBLE)
    assert due is not None
    assert np.median(due.losses.bound) < 1e-6
    for part in due.gradient():
        assert np.median(part.bound) < 1e-4 * np.abs(part.value).max()


def test_nothing_is_due_where_targets_are_out_of_reach() -> None:
    """A probability that underflows leaves nothing to judge."""
    theta = [np.array([[2000.0, 0.0]]), np.zeros(2)]
    assert descent_rounding.due(np.ones((1, 1)), np.array([[0.0, 1.0]]), theta, DOUBLE) is None
    assert descent_rounding.due(np.ones((1, 1)), np.array([[1.0, 0.0]]), theta, DOUBLE) is not None


@pytest.mark.parametrize("kind", ["memory", "timeout"])
def test_too_little_memory_or_time_for_thousands_of_images_is_no_failure(kind: str) -> None:
    """Right code may need more than it is allowed here."""

    class Limited(InProcess):
        def run(self, steps: Any) -> list[Reply]:
            large = any(isinstance(each, Descend) and each.X.stop > 1000 for each in steps)
            return [Reply(error="ended", error_kind=kind)] * len(steps) if large else super().run(steps)

    given = Context(Limited(plain.CLASSES, {}), "no oracle", "x", effort="quick")
    rehearsal.check_xor(given)
    with pytest.raises(NotApplicable):
        rehearsal.check_deep(given)


def test_training_that_does_not_end_is_a_failure() -> None:
    """Four points are no reason for taking too long."""

    class Endless(InProcess):
        def run(self, steps: Any) -> list[Reply]:
            return [Reply(error="took too long", error_kind="timeout")] * len(steps)

    with pytest.raises(Violation) as caught:
        rehearsal.check_xor(Context(Endless(plain.CLASSES, {}), "no oracle", "x", effort="quick"))
    assert caught.value.mistake == "timeout"


def test_slow_code_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a few images already take too long, the large batches are not asked for."""
    sizes = set()

    def noted(self: Any, X: Any) -> Any:
        sizes.add(len(X))
        return plain.LinearLayer.forward(self, X)

    monkeypatch.setattr(rehearsal, "_MOST_SECONDS", 0.0)
    with pytest.raises(NotApplicable):
        rehearsal.check_deep(context(with_methods("LinearLayer", {"forward": noted})))
    assert len(sizes) == 1


def test_rehearsal_waits_until_nothing_else_fails() -> None:
    """After the failure of another check it is skipped, and the wrong code is not trained."""
    wrong = with_methods("ReLULayer", {"forward": lambda self, X: np.maximum(X, 0) + 1})
    examination = Unexplained(InProcess(wrong, {}), "x", effort="quick")
    for name in CHECKS:
        assert examination.finding(f"mlp.rehearsal.{name}").status == "skipped"


def test_class_that_is_missing_is_no_second_failure() -> None:
    """A network without a loss is not trained."""
    classes = {name: each for name, each in plain.CLASSES.items() if name != "LossCrossEntropy"}
    given = Context(InProcess(classes, {"LossCrossEntropy": "it is not there"}), "no oracle", "x", effort="quick")
    with pytest.raises(NotApplicable):
        rehearsal.check_xor(given)


def _received(steps: list[Step]) -> Any:
    """The steps as the worker unpacks them."""
    frame = frames.packed(steps, frames.MAX_REQUEST_BYTES)
    place = 0

    def receive(n: int) -> bytes:
        nonlocal place
        place += n
        return frame[place - n : place]

    return frames.unpacked(receive, frames.REQUEST)


def test_kept_array_is_passed_in_parts_that_share_its_memory() -> None:
    """`Rows` gives a view, so that what is written into it stays in the kept array."""

    class Writer(plain.ReLULayer):
        def forward(self, X: Any) -> Any:
            answer = X.copy()
            X[0] = 7
            return answer

    steps = [
        New("relu", "ReLULayer", {"name": "relu"}),
        Keep("all", np.arange(6.0).reshape(3, 2)),
        Call("relu", "forward", {"X": Rows("all", 1, 3)}),
        Call("relu", "forward", {"X": Ref("all")}),
    ]
    *_, first, whole = InProcess({"ReLULayer": Writer}, {}).run(_received(steps))
    assert first.value.tolist() == [[2.0, 3.0], [4.0, 5.0]]
    assert whole.value.tolist() == [[0.0, 1.0], [7.0, 7.0], [4.0, 5.0]]
    assert first.changed == ("X",)


def test_step_of_gradient_descent_moves_each_layer_by_its_gradient() -> None:
    """`Descend` replies with the gradient, and the parameters are less by the rate times it."""
    X, T = xor()
    given = {"n_inputs": 2, "n_units": 2, "rng": Seed(0), "name": "l"}
    net = {"n_inputs": 2, "layers": [Ref("l")], "loss": Ref("CE")}
    steps = [
        New("l", "LinearLayer", given),
        New("CE", "LossCrossEntropyForSoftmaxLogits", {"name": "CE"}),
        New("net", "MLP", net),
        Get("l", "W"),
        Descend("net", ("l",), X, T, 0.5),
        Get("l", "W"),
    ]
    *_, before, step, after = InProcess(plain.CLASSES, {}).run(_received(steps))
    assert set(step.value) == {"l"}
    assert np.array_equal(after.value, before.value - 0.5 * step.value["l"][0])


def test_data_are_those_of_the_lab() -> None:
    """XOR and spirals as `bp` has them, and images that are standardised."""
    rng = np.random.RandomState(1234)
    X, T = spirals(rng)
    theirs = bp.load_spirals()
    assert np.allclose(X, theirs[0], atol=1e-6)
    assert np.array_equal(T, theirs[1])
    assert {tuple(each) for each in xor()[0]} == {(0, 0), (0, 1), (1, 0), (1, 1)}
    X, T, _ = images(rng, 500)
    assert X.dtype == T.dtype == np.float32
    assert np.abs(X.mean(axis=0)).max() < 1e-5
    deviations = X.std(axis=0)
    assert np.all((deviations == 0) | (np.abs(deviations - 1) < 1e-3))
    assert (deviations == 0).any()
    assert np.array_equal(T.sum(axis=1), np.ones(500))
