"""Trains the network of the spirals from many initialisations, to tell what is true of most from one seed's luck."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

import bp
from reports.io.progress import Display
from reports.study import facts
from reports.study.part import Arrays, Part, PartResult
from reports.study.runs import quiet_run
from reports.training.experiments import Data, Experiment, build_net

#: The name of the part.
NAME = "spirals-seeds"
_CODE = ("bp", "reports.training.experiments", "reports.study.facts", "reports.study.seeds")
#: The share of right training points at which a run counts as good.
_GOOD = 0.9
#: The band around the median: from this percentile to that.
BAND = (10, 90)
#: A run overfits if its test loss has risen by more than this share since its lowest value, and its training loss fell.
_RISE = 0.05
#: The facts about a run whose spread over the runs is told.
RANGES = (*facts.CURVES, "epoch_good", "fall", "first_length", "worst_loss", "rose", "rose_first", "dead_units")


def part(experiment: Experiment, alphas: Sequence[float], seeds: int, load: Callable[[], Data]) -> Part:
    """The part that trains the experiment's network with the seeds 1, ..., ``seeds`` at each learning rate.

    ``load`` returns the data, and can be pickled.
    """
    settings = {"experiment": asdict(experiment), "alphas": list(alphas), "seeds": seeds, "band": BAND}
    return Part(NAME, settings, partial(_train, experiment, alphas, seeds, load), _CODE, place="beside")


def _train(
    experiment: Experiment, alphas: Sequence[float], seeds: int, load: Callable[[], Data], display: Display
) -> PartResult:
    data = load()
    by_rate = {f"{alpha:g}": _at_rate(replace(experiment, alpha=alpha), seeds, data) for alpha in alphas}
    record = {
        "seeds": seeds,
        "good": _GOOD,
        "band": list(BAND),
        "rise": _RISE,
        "by_rate": {rate: found for rate, (found, _) in by_rate.items()},
    }
    bands = {f"{rate}.{name}": band for rate, (_, each) in by_rate.items() for name, band in each.items()}
    return PartResult(record, bands)


def _at_rate(experiment: Experiment, seeds: int, data: Data) -> tuple[dict[str, Any], Arrays]:
    """The facts about the runs at one learning rate, and the bands of their curves: low, median, high, (3, epochs)."""
    runs = [_run(replace(experiment, seed=seed), data) for seed in range(1, seeds + 1)]
    levels = [BAND[0], 50, BAND[1]]
    bands = {}
    for name in facts.CURVES:
        # A run that stops early keeps its last number, so that it stays in the band.
        curves = [_filled(history[name], experiment.n_epochs) for history, _ in runs]
        bands[name] = np.percentile(curves, levels, axis=0)
    _, lab = _run(experiment, data)
    return summary([found for _, found in runs], lab), bands


def _filled(values: list[float], n_epochs: int) -> list[float]:
    return values + values[-1:] * (n_epochs + 1 - len(values))


def _run(experiment: Experiment, data: Data) -> tuple[bp.History, dict[str, Any]]:
    net = build_net(experiment)
    before = facts.all_parameters(net)
    gradient = np.concatenate([part.ravel() for parts in net.gradient(*data[:2]).values() for part in parts])
    first_length = experiment.alpha * float(np.linalg.norm(gradient) / np.linalg.norm(before))
    # Without a function to call after each epoch, many epochs are computed at once.
    history = quiet_run(experiment, data, net)
    return history, of_run(history, net, data[0]) | {"first_length": first_length}


def of_run(history: bp.History, net: bp.MLP, X: NDArray[Any]) -> dict[str, Any]:
    """The facts about one run that the shares and the ranges are made from."""
    return {
        **{name: history[name][-1] for name in facts.CURVES},
        "epoch_good": facts.first_epoch_at_least(history.acc_train, _GOOD),
        "good_at_end": history.acc_train[-1] >= _GOOD,
        "overfits": overfits(history),
        "fall": facts.fall_of_last_tenth(history.loss_train),
        **facts.of_rises(history.loss_train),
        **facts.of_shallow_net(net, X),
    }


def overfits(history: bp.History) -> bool:
    """Whether the test loss has risen since it was lowest, by more than `_RISE`, while the training loss fell."""
    lowest = int(np.argmin(history.loss_test))
    rose = history.loss_test[-1] > (1 + _RISE) * history.loss_test[lowest]
    return rose and history.loss_train[-1] < history.loss_train[lowest]


def summary(runs: Sequence[dict[str, Any]], lab: dict[str, Any]) -> dict[str, Any]:
    """Counts and ranges over the runs at one learning rate, and the run with the lab's seed beside them.

    Returns
    -------
    dict
        Numbers of runs: ``good`` (90 % of the training points right after some epoch), ``good_at_end``, ``collapsed``
        (one class for all points), ``with_dead`` and ``all_dead`` (a unit, or all units, off for all training points),
        ``overfits``. For each of `RANGES` the percentiles, the least and the most. ``lab``: the facts about the lab's
        seed, with the number of other runs that end with a ``higher`` training accuracy.
    """
    return {
        "runs": len(runs),
        "good": sum(run["epoch_good"] is not None for run in runs),
        "good_at_end": sum(run["good_at_end"] for run in runs),
        "collapsed": sum(run["classes_predicted"] == 1 for run in runs),
        "with_dead": sum(run["dead_units"] > 0 for run in runs),
        "all_dead": sum(run["dead_units"] == run["hidden_units"] for run in runs),
        "overfits": sum(run["overfits"] for run in runs),
        **{name: _spread([run[name] for run in runs if run[name] is not None]) for name in RANGES},
        "lab": lab | {"higher": sum(run["acc_train"] > lab["acc_train"] for run in runs)},
    }


def _spread(values: Sequence[float]) -> dict[str, float] | None:
    if not values:
        return None
    low, middle, high = np.percentile(values, [BAND[0], 50, BAND[1]])
    return {"low": float(low), "median": float(middle), "high": float(high), "least": min(values), "most": max(values)}
