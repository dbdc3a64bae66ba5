"""What the report says of many initialisations, and of single steps, is computed rightly."""

from __future__ import annotations

import numpy as np
import pytest

import bp
from reports.study import facts, seeds
from reports.study.watch import Watch
from reports.training.experiments import EXPERIMENTS, build_net, load_data
from tests.study import silent_display

pytestmark = pytest.mark.outside

SPIRALS = EXPERIMENTS["spirals"]


def run(**changed: object) -> dict[str, object]:
    """The facts about a run, of which only a few matter to a test."""
    plain = dict.fromkeys(seeds.RANGES, 1) | {"good_at_end": False, "classes_predicted": 3, "hidden_units": 10}
    return plain | {"overfits": False, "dead_units": 0, "epoch_good": None} | changed


def test_runs_are_counted() -> None:
    """A run counts as good if it was good once, as collapsed with one class, as all dead only without a live unit."""
    runs = [
        run(epoch_good=7, good_at_end=True, acc_train=0.95),
        run(epoch_good=9, acc_train=0.5, overfits=True, dead_units=2),
        run(classes_predicted=1, dead_units=10, acc_train=0.3),
    ]
    found = seeds.summary(runs, run(acc_train=0.4))
    names = ("runs", "good", "good_at_end", "collapsed", "with_dead", "all_dead", "overfits")
    assert [found[name] for name in names] == [3, 2, 1, 1, 2, 1, 1]
    assert found["lab"]["higher"] == 2
    assert (found["acc_train"]["least"], found["acc_train"]["median"], found["acc_train"]["most"]) == (0.3, 0.5, 0.95)
    assert found["epoch_good"]["median"] == 8  # only of the runs that got there
    assert seeds.summary([run()], run())["epoch_good"] is None


def test_the_band_encloses_the_median_and_the_labs_seed_is_the_labs_run() -> None:
    """Each curve has its band at every epoch, and the run with the lab's seed is the one that the report shows."""
    experiment = SPIRALS.__class__(**{**SPIRALS.__dict__, "n_epochs": 5})
    data = load_data(experiment)
    result = seeds.part(experiment, (0.2, 1.0), 3, lambda: data).make(silent_display())
    for rate in ("0.2", "1"):
        for curve in facts.CURVES:
            low, middle, high = result.arrays[f"{rate}.{curve}"]
            assert len(middle) == 6
            assert np.all(low <= middle)
            assert np.all(middle <= high)
    net = build_net(experiment)
    history = bp.train(net, *data[:2], batch_size=300, n_epochs=5, alpha=1.0, X_test=data[2], T_test=data[3])
    lab = result.record["by_rate"]["1"]["lab"]
    assert lab["loss_train"] == pytest.approx(history.loss_train[-1], rel=1e-9)
    net = build_net(experiment)
    start = facts.all_parameters(net)
    bp.train(net, *data[:2], batch_size=300, n_epochs=1, alpha=1.0)
    after = facts.all_parameters(net)
    assert lab["first_length"] == pytest.approx(facts.distance_from(start, after), rel=1e-9)


def test_overfitting_needs_a_training_loss_that_falls() -> None:
    """A run overfits if its test loss has risen since it was lowest and its training loss has fallen since then."""

    def history(*losses: tuple[float, float]) -> bp.History:
        return bp.History(loss_train=[train for train, _ in losses], loss_test=[test for _, test in losses])

    assert seeds.overfits(history((3, 3), (2, 2), (1, 2.2)))
    assert not seeds.overfits(history((3, 3), (2, 2), (2.1, 2.2)))  # both rose: the steps are too long
    assert not seeds.overfits(history((3, 3), (2, 2), (1, 2.01)))


def test_a_step_promises_what_its_gradient_does() -> None:
    """To first order the loss falls by alpha times the gradient's square, and a tiny step keeps that promise."""
    X, T, _, _ = load_data(SPIRALS)
    net = build_net(SPIRALS)
    watch = Watch(net, X, T, (), shallow=True)
    gradient = net.gradient(X, T)
    square = sum(float((part**2).sum()) for parts in gradient.values() for part in parts)
    history = bp.train(net, X, T, batch_size=300, n_epochs=1, alpha=1e-6, on_epoch=lambda h: watch.see(h.epochs))
    found = watch.record(history, 1e-6, one_step=True)["steps"]
    assert found["promised"] == pytest.approx(1e-6 * square, rel=1e-6)
    assert found["fell"] == pytest.approx(found["promised"], rel=1e-3)


def test_rises_of_the_loss() -> None:
    """A step raises the loss if the next loss is higher; the worst loss is told with its epoch."""
    found = facts.of_rises([1.0, 3.0, 2.0, 2.0, *[1.9] * 10, 2.5])
    assert found == {"number": 14, "rose": 2, "first": 10, "rose_first": 1, "worst_loss": 3.0, "worst_epoch": 1}


def test_crossings_of_samples() -> None:
    """Each sample is told with the epoch in which it becomes right or wrong, and its probability before and after."""
    T = np.eye(2)[[0, 1]]
    probabilities = [np.array([[0.9, 0.1], [0.6, 0.4]]), np.array([[0.4, 0.6], [0.6, 0.4]])]
    probabilities.append(np.array([[0.4, 0.6], [0.3, 0.7]]))
    assert facts.crossings(probabilities, T) == [
        {"epoch": 1, "sample": 1, "right": False, "before": 0.9, "after": 0.4},
        {"epoch": 2, "sample": 2, "right": True, "before": 0.4, "after": 0.7},
    ]


def test_a_change_that_cancels_in_the_mean_is_seen_by_the_norm() -> None:
    """If one entry grows by what another loses, mean |W| is the same, and the norm of the change is not 0."""
    before, after = np.array([[3.0, 4.0]]), np.array([[4.0, 3.0]])
    assert np.abs(before).mean() == np.abs(after).mean()
    assert facts.distance_from(before, after) == pytest.approx(np.sqrt(2) / 5)
    assert facts.distance_from(np.zeros(2), np.ones(2)) == 0
