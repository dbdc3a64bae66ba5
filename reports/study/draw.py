"""Draws the figures of the document from the results of its parts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from numpy.typing import NDArray

import bp
from reports import figures
from reports.figures import Figure
from reports.study import instability, seeds
from reports.study.facts import normalised_amplitude
from reports.study.plan import ALPHAS, LONG_XOR, SNAPSHOTS
from reports.study.results import Study
from reports.study.runs import history_of, net_of
from reports.study.submission_runs import PREFIX
from reports.training.experiments import EXPERIMENTS, load_data

_SPIRALS = {rf"$\alpha = {alpha:g}$": f"spirals-{alpha:g}" for alpha in ALPHAS}
#: With the largest rate all happens in the first epochs, so that the axis of epochs is linear up to this one.
_BEND = 10


def figures_of(study: Study, names: Iterable[str]) -> dict[str, Figure]:
    """The figures with these names; a figure whose part has failed is left out."""
    drawn = {}
    for name in names:
        try:
            figure = _FIGURES[name](study)
        except KeyError as missing:
            if missing.args[0] not in study.failed:
                raise
        else:
            if figure is not None:
                drawn[name] = figure
    return drawn


def svgs(study: Study, names: Iterable[str]) -> dict[str, bytes]:
    """The content of the SVG files of these figures, by name; a figure whose part has failed is left out."""
    return {name: figures.svg(figure) for name, figure in figures_of(study, names).items()}


def _xor(study: Study) -> Figure:
    short = study.results["xor"].record["settings"]["n_epochs"]
    histories = {f"{short} epochs": "xor", f"{LONG_XOR} epochs": "xor-long"}
    return _convergence(study, histories)


def _xor_regions(study: Study) -> Figure:
    X, T, _, _ = load_data(EXPERIMENTS["xor"])
    short = study.results["xor"].record["settings"]["n_epochs"]
    nets = {f"after {short} epochs": "xor", f"after {LONG_XOR} epochs": "xor-long"}
    return figures.decision_regions({"": {title: net_of(study.results[name]) for title, name in nets.items()}}, X, T)


def _spirals(study: Study) -> Figure:
    found = study.results[seeds.NAME].arrays
    bands = {
        title: {curve: found[f"{alpha:g}.{curve}"] for curve in ("loss_train", "acc_train")}
        for title, alpha in zip(_SPIRALS, ALPHAS, strict=True)
    }
    return _convergence(study, _SPIRALS, bands, bend=_BEND)


def _regions(study: Study) -> Figure:
    X, T, _, _ = load_data(EXPERIMENTS["spirals"])
    rows = {
        title: {f"after {epoch} epochs": net_of(study.results[name], str(epoch)) for epoch in SNAPSHOTS}
        for title, name in _SPIRALS.items()
    }
    return figures.decision_regions(rows, X, T)


def _dead(study: Study) -> Figure:
    return figures.dead_units(
        {title: study.results[name].record["dead_share"] for title, name in _SPIRALS.items()}, bend=_BEND
    )


def _mnist(study: Study) -> Figure:
    return _convergence(study, {"MNIST": "mnist"})


def _amplitude(study: Study) -> Figure:
    return figures.amplitudes(normalised_amplitude(_history(study, "mnist")), study.results["mnist"].record["change"])


def _samples(study: Study) -> Figure:
    return figures.images(study.results["mnist"].arrays["samples"], columns=10)


def _confusion(study: Study) -> Figure:
    return figures.confusion(study.results["mnist"].record["net"]["confusion"])


def _mistakes(study: Study) -> Figure:
    result = study.results["mnist"]
    titles = [f"{each['label']}, taken for {each['predicted']}" for each in result.record["net"]["surest_mistakes"]]
    return figures.images(result.arrays["mistakes"], titles, columns=6)


def _instability(study: Study) -> Figure | None:
    cells = [result.record for name, result in study.results.items() if name.startswith(instability.PREFIX)]
    kinds = {"naive": "naive softmax", "stable": "stable, compound"}
    return figures.instability_map(cells, kinds) if cells else None


def _digits(study: Study) -> Figure | None:
    measured = study.results["saturation"].record
    return None if measured["missing"] else figures.digits_lost(measured)


def _steps(study: Study) -> Figure | None:
    measured = study.results["steps"].record
    return None if measured["missing"] else figures.step_errors(measured)


def _convergence(
    study: Study,
    names: Mapping[str, str],
    bands: Mapping[str, Mapping[str, NDArray[Any]]] | None = None,
    *,
    bend: int | None = None,
) -> Figure:
    """The curves of our runs, by their titles, with those of the submission over them if there is one."""
    theirs = {title: PREFIX + name for title, name in names.items() if PREFIX + name in study.results}
    return figures.convergence(
        {title: _history(study, name) for title, name in names.items()},
        {title: _history(study, name) for title, name in theirs.items()},
        bands,
        bend=bend,
    )


def _history(study: Study, name: str) -> bp.History:
    return history_of(study.results[name].record)


_FIGURES: dict[str, Callable[[Study], Figure | None]] = {
    "xor": _xor,
    "xor-regions": _xor_regions,
    "spirals": _spirals,
    "regions": _regions,
    "dead": _dead,
    "samples": _samples,
    "mnist": _mnist,
    "amplitude": _amplitude,
    "confusion": _confusion,
    "mistakes": _mistakes,
    "instability": _instability,
    "digits": _digits,
    "steps": _steps,
}
