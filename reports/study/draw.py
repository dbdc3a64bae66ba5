"""The document's figures, of those parts that are there."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import bp
from reports import figures
from reports.figures import Figure
from reports.study import instability
from reports.study.facts import normalised_amplitude
from reports.study.gather import Study
from reports.study.plan import ALPHAS, LONG_XOR, SNAPSHOTS
from reports.study.runs import history_of, net_of
from reports.study.theirs import PREFIX
from reports.training.experiments import EXPERIMENTS, load_data

_SPIRALS = {f"alpha = {alpha:g}": f"spirals-{alpha:g}" for alpha in ALPHAS}


def draw(study: Study) -> dict[str, Figure]:
    """By the name of their files; a figure whose numbers are missing is left out."""
    drawn = {}
    for name, make in _FIGURES.items():
        try:
            figure = make(study)
        except KeyError as missing:
            if missing.args[0] not in study.failed:
                raise
        else:
            if figure is not None:
                drawn[name] = figure
    return drawn


def _xor(study: Study) -> Figure:
    short = study.made["xor"].record["settings"]["n_epochs"]
    histories = {f"{short} epochs": "xor", f"{LONG_XOR} epochs": "xor-long"}
    return _convergence(study, histories)


def _xor_regions(study: Study) -> Figure:
    X, T, _, _ = load_data(EXPERIMENTS["xor"])
    short = study.made["xor"].record["settings"]["n_epochs"]
    nets = {f"after {short} epochs": "xor", f"after {LONG_XOR} epochs": "xor-long"}
    return figures.decision_regions({"": {title: net_of(study.made[name]) for title, name in nets.items()}}, X, T)


def _spirals(study: Study) -> Figure:
    return _convergence(study, _SPIRALS)


def _regions(study: Study) -> Figure:
    X, T, _, _ = load_data(EXPERIMENTS["spirals"])
    rows = {
        title: {f"after {epoch} epochs": net_of(study.made[name], str(epoch)) for epoch in SNAPSHOTS}
        for title, name in _SPIRALS.items()
    }
    return figures.decision_regions(rows, X, T)


def _dead(study: Study) -> Figure:
    return figures.dead_units({title: study.made[name].record["dead_share"] for title, name in _SPIRALS.items()})


def _mnist(study: Study) -> Figure:
    return _convergence(study, {"MNIST": "mnist"})


def _amplitude(study: Study) -> Figure:
    return figures.amplitudes(normalised_amplitude(_history(study, "mnist")))


def _samples(study: Study) -> Figure:
    return figures.images(study.made["mnist"].arrays["samples"], columns=10)


def _confusion(study: Study) -> Figure:
    return figures.confusion(study.made["mnist"].record["net"]["confusion"])


def _mistakes(study: Study) -> Figure:
    made = study.made["mnist"]
    titles = [f"{each['label']}, taken for {each['predicted']}" for each in made.record["net"]["surest_mistakes"]]
    return figures.images(made.arrays["mistakes"], titles, columns=6)


def _instability(study: Study) -> Figure | None:
    cells = [made.record for name, made in study.made.items() if name.startswith(instability.PREFIX)]
    kinds = {"naive": "naive softmax", "stable": "stable, compound"}
    return figures.instability_map(cells, kinds) if cells else None


def _digits(study: Study) -> Figure | None:
    measured = study.made["saturation"].record
    return None if measured["missing"] else figures.digits_lost(measured)


def _steps(study: Study) -> Figure | None:
    measured = study.made["steps"].record
    return None if measured["missing"] else figures.step_errors(measured)


def _convergence(study: Study, names: Mapping[str, str]) -> Figure:
    """Our runs by their titles, and over them those of somebody else's implementation."""
    theirs = {title: PREFIX + name for title, name in names.items() if PREFIX + name in study.made}
    return figures.convergence(
        {title: _history(study, name) for title, name in names.items()},
        {title: _history(study, name) for title, name in theirs.items()},
    )


def _history(study: Study, name: str) -> bp.History:
    return history_of(study.made[name].record)


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
