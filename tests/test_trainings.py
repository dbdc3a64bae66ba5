"""What is trained in the rehearsal: which experiments, with which steps, and what each step is held to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from reference.execution.in_process import InProcess
from reference.execution.worker.protocol import Call, Descend, Get, Keep, New, Ref, Reply, Rows, Seed
from reference.findings import NotApplicable, Violation
from reference.lab.checks import rehearsal
from reference.lab.context import Context
from reference.lab.mistakes import plain
from reference.lab.rehearsal import DEEP_BATCH, DEEP_WIDTHS, LAB_SEED, Experiment, images, spirals, xor
from reference.numerics import descent_rounding, tolerances
from reference.wording import fact
from tests.examining import with_methods

pytestmark = pytest.mark.catalogue

X, T = xor()


def experiment(**fields: Any) -> Experiment:
    """Two epochs of XOR in batches of three and one."""
    return replace(Experiment("XOR", (2, 3, 2), X, T, 3, 0.5, 2, compound=True), **fields)


def context(classes: Any = plain.CLASSES, **options: Any) -> Context:
    return Context(InProcess(classes, {}), "no oracle", "x", **options)


def asked(check: Any, monkeypatch: pytest.MonkeyPatch, seconds: float = 0.0, **options: Any) -> list[Experiment]:
    """The experiments that a check trains, of code that takes so many seconds."""
    found: list[Experiment] = []

    def rehearse(_: Context, run: Experiment) -> float:
        found.append(run)
        return seconds

    monkeypatch.setattr(rehearsal, "rehearse", rehearse)
    try:
        check(context(**options))
    except NotApplicable as absent:
        found.append(experiment(name=f"{absent}"))
    return found


@pytest.mark.parametrize("assignment", [1, 2, 3])
@pytest.mark.parametrize(("effort", "epochs"), [("quick", 40), ("normal", 100), ("exhaustive", 300)])
def test_xor_is_trained_as_the_lab_does(
    effort: Any, epochs: int, assignment: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All four points at once, with each loss that the assignment has."""
    found = asked(rehearsal.check_xor, monkeypatch, effort=effort, assignment=assignment, seed=5)
    assert [each.compound for each in found] == ([True, False] if assignment > 1 else [False])
    for each in found:
        assert (each.name, each.widths, each.batch, each.rate, each.epochs) == ("XOR", (2, 4, 2), 4, 0.1, epochs)
        assert (each.seed, each.grey) == (LAB_SEED + 5, None)
        assert np.array_equal(each.X, X)
        assert np.array_equal(each.T, T)


@pytest.mark.parametrize(
    ("effort", "epochs", "rates"), [("quick", 2, [1.0]), ("normal", 40, [1.0]), ("exhaustive", 60, [0.2, 1.0, 5.0])]
)
def test_spirals_are_trained_as_the_lab_does(
    effort: Any, epochs: int, rates: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All points at once, with each loss, and with much effort at each of the lab's learning rates."""
    found = asked(rehearsal.check_spirals, monkeypatch, effort=effort)
    assert [(each.rate, each.compound) for each in found] == [(rate, loss) for rate in rates for loss in (True, False)]
    for each in found:
        assert (each.name, each.widths, each.batch, each.epochs) == ("spirals", (2, 10, 3), 300, epochs)
        assert (each.X.shape, each.T.shape, each.seed, each.grey) == ((300, 2), (300, 3), LAB_SEED, None)
    (one, *_), (other, *_) = (asked(rehearsal.check_spirals, monkeypatch, seed=seed) for seed in (0, 1))
    assert not np.array_equal(one.X, other.X)
    assert other.seed == LAB_SEED + 1


@pytest.mark.parametrize(
    ("effort", "epochs", "losses"), [("quick", 1, [True]), ("normal", 2, [True]), ("exhaustive", 2, [True, False])]
)
def test_images_are_trained_as_the_lab_does(
    effort: Any, epochs: int, losses: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two batches of 3000 in an epoch, after a trial with fifty of the same images."""
    found = asked(rehearsal.check_deep, monkeypatch, effort=effort)
    assert [(each.compound, each.batch) for each in found] == [(loss, n) for loss in losses for n in (50, 3000)]
    for each in found:
        assert (each.name, each.widths, each.rate, each.seed) == ("MNIST", DEEP_WIDTHS, 0.1, LAB_SEED)
        trial = each.batch == 50
        assert (len(each.X), len(each.T), each.epochs) == ((50, 50, 1) if trial else (6000, 6000, epochs))
        assert (each.grey is None) == trial
    assert np.array_equal(found[0].X, found[1].X[:50])
    assert np.array_equal(found[0].T, found[1].T[:50])
    assert asked(rehearsal.check_deep, monkeypatch, effort="quick", assignment=1)[0].compound is False


def test_each_seed_has_images_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of one seed are made once."""
    monkeypatch.setattr(rehearsal, "images", lambda rng, n: (rng.rand(n, 1), np.ones((n, 1)), None))
    (_, one), (_, again), (_, other) = (
        asked(rehearsal.check_deep, monkeypatch, seed=seed, effort="quick") for seed in (70, 70, 71)
    )
    assert one.X is again.X
    assert not np.array_equal(one.X, other.X)


def test_slow_code_is_not_trained_with_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the trial tells that the whole training would take more than a minute of processor time."""
    slow = str(fact("too slow", batch=3000, few=50))
    for seconds, names in ((0.5, ["MNIST", "MNIST"]), (0.51, ["MNIST", slow])):
        found = asked(rehearsal.check_deep, monkeypatch, seconds=seconds, effort="quick")
        assert [each.name for each in found] == names
    found = asked(rehearsal.check_deep, monkeypatch, seconds=0.26, effort="normal")
    assert [each.name for each in found] == ["MNIST", slow]


def test_batches_are_consecutive() -> None:
    """In each epoch all samples, the last batch with what is left; both are counted from 1."""
    assert list(experiment().batches()) == [
        (epoch, batch, rows) for epoch in (1, 2) for batch, rows in ((1, slice(0, 3)), (2, slice(3, 4)))
    ]
    assert [rows for *_, rows in experiment(batch=4, epochs=1).batches()] == [slice(0, 4)]


@pytest.mark.parametrize("compound", [True, False])
def test_a_training_is_made_of_the_trainers_calls(compound: bool) -> None:
    """The network, the data, and for each batch losses, a step and a look; predictions before each epoch."""
    run = experiment(compound=compound)
    made, *rounds, after = run.groups()
    loss = "LossCrossEntropyForSoftmaxLogits" if compound else "LossCrossEntropy"
    assert run.classes == ("MLP", "LinearLayer", "ReLULayer", "SoftmaxLayer", loss)
    assert run.linear == ["Linear_1", "Linear_OUT"]
    looks = [Get(name, attribute) for name in run.linear for attribute in "Wb"]
    layers, softmax = [Ref("Linear_1"), Ref("ReLU_1"), Ref("Linear_OUT")], [Ref("Softmax_OUT")]
    given: dict[str, Any] = {"n_inputs": 2, "layers": layers if compound else layers + softmax, "loss": Ref("CE")}
    network = [
        ("Linear_1", "LinearLayer", {"n_inputs": 2, "n_units": 3, "rng": Seed(LAB_SEED), "name": "Linear_1"}),
        ("ReLU_1", "ReLULayer", {"name": "ReLU_1"}),
        ("Linear_OUT", "LinearLayer", {"n_inputs": 3, "n_units": 2, "rng": Seed(LAB_SEED), "name": "Linear_OUT"}),
        ("Softmax_OUT", "SoftmaxLayer", {"name": "Softmax_OUT"}),
        ("CE", loss, {"name": "CE"}),
        ("net", "MLP", {**given, "output_layers": softmax} if compound else given),
    ]
    assert made[:6] == [New(*each, by_position=True) for each in network]
    keep, keep_targets = made[6:8]
    assert isinstance(keep, Keep)
    assert isinstance(keep_targets, Keep)
    assert (keep.name, keep_targets.name) == ("all X", "all T")
    assert keep.array is X
    assert keep_targets.array is T
    assert made[8:] == looks

    def call(method: str, start: int, stop: int) -> Call:
        batch: dict[str, Any] = {"X": Rows("all X", start, stop)}
        if method == "evaluate":
            batch["T"] = Rows("all T", start, stop)
        return Call("net", method, batch, by_position=True)

    names = ("Linear_1", "Linear_OUT")
    whole = Descend("net", names, Rows("all X", 0, 3), Rows("all T", 0, 3), 0.5)
    rest = Descend("net", names, Rows("all X", 3, 4), Rows("all T", 3, 4), 0.5)
    epoch = [
        [call("propagate", 0, 3), call("evaluate", 0, 3), whole, *looks], [call("evaluate", 3, 4), rest, *looks],
    ]  # fmt: skip
    assert rounds == epoch * 2
    assert after == [call("propagate", 0, 3), call("evaluate", 0, 3)]


def test_images_are_sent_as_they_are_smallest() -> None:
    """Grey levels in the place of their numbers; both give the same."""
    pictures, targets, grey = images(np.random.RandomState(0), 30)
    sent = experiment(X=pictures, T=targets, grey=grey).groups()[0]
    (kept,) = [each for each in sent if isinstance(each, Keep) and each.name == "all X"]
    assert kept.array is grey
    assert np.array_equal(grey.standardised(), pictures)
    assert grey.levels.dtype == np.uint8
    covered = (grey.levels > 0).mean()
    assert 0.1 < covered < 0.2
    assert (grey.deviation > 0).all()
    black = (grey.levels == 0).all(axis=0)
    assert 0.1 < black.mean() < 0.4
    assert (grey.deviation[black] == 1).all()
    assert set(images(np.random.RandomState(1), 200)[1].argmax(axis=1).tolist()) == set(range(10))
    assert targets.shape == (30, 10)
    assert pictures.shape == (30, 784)
    for digit in set(targets.argmax(axis=1).tolist()):
        shown = (grey.levels[targets.argmax(axis=1) == digit] > 0).any(axis=0)
        assert 0.05 < shown.mean() < 0.25


def test_spirals_turn_by_four_radians() -> None:
    """Three arms of a hundred points each, from the middle outwards, with noise of 0.2 on the angle."""
    points, targets = spirals(np.random.RandomState(3))
    assert points.dtype == targets.dtype == np.float32
    assert targets.argmax(axis=1).tolist() == [0] * 100 + [1] * 100 + [2] * 100
    radius = np.hypot(*points.T).reshape(3, 100)
    assert radius == pytest.approx(np.broadcast_to(np.linspace(0, 2.5, 100), (3, 100)), abs=1e-6)
    angle = np.arctan2(*points.T).reshape(3, 100)
    due = np.linspace(0, 4, 100) + 4 * np.arange(3)[:, None]
    off = (angle - due + np.pi) % (2 * np.pi) - np.pi
    assert np.abs(off[:, 1:]).max() < 1
    assert 0.15 < off[:, 1:].std() < 0.25


def test_targets_of_xor() -> None:
    """The second class where one of the two is on."""
    assert T.argmax(axis=1).tolist() == [1, 0, 0, 1]
    assert {each.dtype for each in xor()} == {np.dtype(np.float32)}
    assert X.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]


def broken(methods: dict[str, Any], cls: str, run: Experiment) -> Violation:
    with pytest.raises(Violation) as caught:
        rehearsal.rehearse(context(with_methods(cls, methods)), run)
    return caught.value


class Late:
    """Right for so many calls, and then another answer."""

    def __init__(self, cls: str, method: str, calls: int, change: Any) -> None:
        self.right, self.left, self.change = getattr(plain.CLASSES[cls], method), calls, change

    def __get__(self, owner: Any, _: Any = None) -> Any:
        def method(*args: Any, **options: Any) -> Any:
            found = self.right(owner, *args, **options)
            if options:  # asked by another method
                return found
            self.left -= 1
            return found if self.left >= 0 else self.change(found)

        return method


def doubled(found: Any) -> Any:
    return {name: [2 * part for part in parts] for name, parts in found.items()}


@pytest.mark.parametrize(
    ("method", "calls", "change", "what", "epoch", "batch", "when"),
    [
        ("propagate", 0, lambda Y: 2 * Y, "propagate(X)", 1, 1, []),
        ("propagate", 1, lambda Y: 2 * Y, "propagate(X)", 2, 1, []),
        ("propagate", 2, lambda Y: 2 * Y, "propagate(X)", 2, 2, ["after the training"]),
        ("evaluate", 1, lambda Y: 2 * Y, "evaluate(X, T)", 1, 2, []),
        ("evaluate", 4, lambda Y: 2 * Y, "evaluate(X, T)", 2, 2, ["after the training"]),
        ("gradient", 2, doubled, "gradient(X, T)['Linear_1'][0]", 2, 1, []),
        ("gradient", 3, lambda G: {**G, "Linear_OUT": doubled(G)["Linear_OUT"]},
         "gradient(X, T)['Linear_OUT'][0]", 2, 2,
         []),
        ("gradient", 0, lambda G: {**G, "Linear_1": [G["Linear_1"][0], 2 * G["Linear_1"][1]]},
         "gradient(X, T)['Linear_1'][1]", 1, 1, []),
    ],
)  # fmt: skip
def test_a_wrong_step_is_told_by_its_place(
    method: str, calls: int, change: Any, what: str, epoch: int, batch: int, when: list[str]
) -> None:
    """The array, the epoch and the batch; and where it was only afterwards."""
    found = broken({method: Late("MLP", method, calls, change)}, "MLP", experiment())
    assert (found.due.kind, found.due["what"]) == ("entry", what)
    assert [each.kind for each in found.due.more] == ["allowed", *when]
    assert (found.counterexample["epoch"], found.counterexample["batch"]) == (epoch, batch)
    (place,) = [each for each in found.came.more if each.kind == "in training"]
    assert (place["experiment"], place["epoch"], place["batch"]) == ("XOR", epoch, batch)
    assert found.evidence is None


@pytest.mark.parametrize(
    ("step", "what"),
    [(lambda dW, db: [2 * dW, db], "Linear_1.W"), (lambda dW, db: [dW, 0 * db], "Linear_1.b")],
)
def test_a_wrong_update_is_told_by_its_parameter(step: Any, what: str) -> None:
    """After the step."""
    update = plain.LinearLayer.update_params
    found = broken({"update_params": lambda self, dtheta: update(self, step(*dtheta))}, "LinearLayer", experiment())
    assert found.due["what"] == what
    assert [each.kind for each in found.due.more] == ["allowed", "after the step"]


def test_a_network_that_cannot_be_made_is_told() -> None:
    """Before any step."""

    def refuse(self: Any, *args: Any, **kwargs: Any) -> None:
        raise ValueError("no")

    found = broken({"__init__": refuse}, "MLP", experiment())
    assert (found.due["what"], found.mistake) == ("the network", "crash")
    for method, what in (("propagate", "propagate(X)"), ("evaluate", "evaluate(X, T)")):
        found = broken({method: refuse}, "MLP", experiment())
        assert (found.due.kind, found.due["what"]) == ("answers", what)
    found = broken({"gradient": refuse}, "MLP", experiment())
    assert found.due["what"] == "a step of gradient descent, by gradient(X, T) and update_params(dtheta),"


def test_what_has_another_size_or_is_lost_is_told() -> None:
    """By the shapes, and by the name of the parameter."""
    found = broken({"propagate": lambda self, X, *_: np.ones((3, 5))}, "MLP", experiment())
    assert (found.due["what"], found.due["shape"], found.came["shape"]) == ("propagate(X)", (3, 2), (3, 5))
    assert found.mistake == "wrong-shape"

    def lose(self: Any, dtheta: Any) -> None:
        self.W = self.W + dtheta[0]
        self.b = "none"

    found = broken({"update_params": lose}, "LinearLayer", experiment())
    assert (found.due.kind, found.due["what"]) == ("numbers", "Linear_1.b")


def test_what_is_missing_or_diverges_is_not_judged() -> None:
    """A class that is not there is named; a training that has rightly diverged ends."""
    absent = Context(InProcess(plain.CLASSES, {"ReLULayer": "it is not there"}), "no oracle", "x")
    with pytest.raises(NotApplicable) as caught:
        rehearsal.rehearse(absent, experiment())
    assert (caught.value.reason.kind, caught.value.reason["said"]) == ("absent", "it is not there")
    with np.errstate(over="ignore"):
        rehearsal.rehearse(context(), experiment(rate=1e200, epochs=5))


def test_the_time_of_the_code_alone_is_counted() -> None:
    """By the clock of whoever runs it."""

    class Timed(InProcess):
        clock = 3.0

        def spent(self) -> float:
            return self.clock

        def run(self, steps: Any) -> list[Reply]:
            self.clock += 2.5
            return super().run(steps)

    for epochs in (1, 2):
        run = experiment(epochs=epochs)
        assert rehearsal.rehearse(Context(Timed(plain.CLASSES, {}), "no oracle", "x"), run) == 2.5


def test_single_precision_is_granted_to_parameters_in_single_precision() -> None:
    """Who keeps them so is held to it."""
    initialize = plain.LinearLayer.initialize

    def single(self: Any) -> None:
        initialize(self)
        self.W, self.b = self.W.astype(np.float32), self.b.astype(np.float32)

    def step(self: Any, dtheta: Any) -> None:
        self.W, self.b = (np.float32(old + part) for old, part in zip((self.W, self.b), dtheta, strict=True))

    classes = with_methods("LinearLayer", {"initialize": single, "update_params": step})
    assert rehearsal.rehearse(context(classes), experiment()) >= 0
    found = broken({"update_params": step}, "LinearLayer", experiment())
    assert found.due["what"] == "Linear_1.W"
    assert DEEP_BATCH == 3000


def test_seeds_are_those_of_a_generator() -> None:
    """Which takes 32 bits; neighbours stay apart."""
    found = [rehearsal._seed(context(seed=seed)) for seed in (0, 1, 2**32 - LAB_SEED, 2**40 + 7)]
    assert found == [LAB_SEED, LAB_SEED + 1, 0, LAB_SEED + 7]


def test_a_gradient_is_due_for_each_step_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the training nothing asks for it, and it takes longest to compute."""
    made: list[Any] = []
    gradient = descent_rounding.BatchDue.gradient
    monkeypatch.setattr(descent_rounding.BatchDue, "gradient", lambda self: made.append(self) or gradient(self))
    rehearsal.rehearse(context(), experiment(name="a training that no other test has"))
    assert len(made) == 4


@pytest.mark.parametrize(("part", "is_wrong"), [(0.9, False), (-0.9, False), (1.1, True), (-1.1, True)])
@pytest.mark.parametrize("number", range(4))
def test_new_weights_may_be_rounded(number: int, part: float, is_wrong: bool) -> None:
    """By a part of the old ones and of what is due, whatever signs they have."""
    run = experiment(rate=0.5)
    place = rehearsal._Place(run, 1, 2, slice(0, 3))
    theta = [np.full(shape, 2.0) for shape in ((2, 3), (3,), (3, 2), (2,))]
    gradient = [np.full(array.shape, 10.0) for array in theta]
    due = [np.full(array.shape, -3.0) for array in theta]
    due[number] = due[number] + part * tolerances.TRAINING_STEP_ROUNDING * (2.0 + 3.0)
    looks = [Reply(array, "ndarray") for array in due]
    if is_wrong:
        with pytest.raises(Violation) as found:
            rehearsal._after_step(place, theta, gradient, looks)
        assert found.value.due["what"] == ("Linear_1.W", "Linear_1.b", "Linear_OUT.W", "Linear_OUT.b")[number]
        assert (found.value.counterexample["epoch"], found.value.counterexample["batch"]) == (1, 2)
    else:
        moved = rehearsal._after_step(place, theta, gradient, looks)
        assert all(np.array_equal(one, other) for one, other in zip(moved, due, strict=True))
