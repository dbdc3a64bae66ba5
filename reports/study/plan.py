"""Which parts the report has, in full and in a hurry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from reports.study import catches, instability, runs, saturation, steps, theirs, verification
from reports.study.digits import AboutDigits
from reports.study.part import Made, Part
from reports.training.experiments import EXPERIMENTS, Data, Experiment, load_data

#: Learning rates of the spirals, and the epochs at which their regions are drawn.
ALPHAS = (0.2, 1.0, 5.0)
SNAPSHOTS = (10, 100, 1000)
#: XOR is not solved after the lab's epochs; after these it is.
LONG_XOR = 2000


@dataclass(frozen=True)
class Plan:
    """How much of everything to do.

    Attributes
    ----------
    mnist_epochs, unstable_epochs
        Of the two MNIST runs.
    sweep_images, sweep_epochs
        Of each combination in the search for instability.
    their_epochs
        Of MNIST with somebody else's implementation.
    cases
        Of each message, in its verification.
    every
        One of so many known mistakes is judged.
    shortened
        What the report says about it, if this is not all that the assignment asks for.
    """

    mnist_epochs: int
    unstable_epochs: int
    sweep_images: int
    sweep_epochs: int
    their_epochs: int
    cases: verification.Plan
    every: int
    shortened: tuple[str, ...] = ()


FULL = Plan(
    mnist_epochs=100,
    unstable_epochs=10,
    sweep_images=60_000,
    sweep_epochs=3,
    their_epochs=10,
    cases=verification.FULL,
    every=1,
)
QUICK = Plan(
    mnist_epochs=5,
    unstable_epochs=2,
    sweep_images=15_000,
    sweep_epochs=1,
    their_epochs=2,
    cases=verification.QUICK,
    every=12,
    shortened=(
        "MNIST is trained for 5 epochs instead of 100,",
        "MNIST with the naive softmax for 2 epochs instead of 10,",
        "the search for instability sees 15,000 images once instead of 60,000 three times,",
        "and fewer random cases and one known mistake in twelve are judged.",
    ),
)


def parts(plan: Plan, mnist_folder: Path | None, submission: theirs.Submission | None = None) -> list[Part]:
    """All parts, in the order of the report; with a submission, its runs at the end."""
    loaded: dict[str, Data] = {}  # by what decides it, so that MNIST is there once

    def data(experiment: Experiment) -> Data:
        if experiment.data not in loaded:
            loaded[experiment.data] = load_data(replace(experiment, input_scale=1.0), mnist_folder)
        return loaded[experiment.data]

    xor, spirals, mnist, unstable = (EXPERIMENTS[name] for name in ("xor", "spirals", "mnist", "mnist-unstable"))
    found = [
        runs.part("xor", xor, data),
        runs.part("xor-long", replace(xor, n_epochs=LONG_XOR), data),
        *(
            runs.part(
                f"spirals-{alpha:g}",
                replace(spirals, alpha=alpha),
                data,
                snapshots=SNAPSHOTS,
                about=runs.about_shallow,
            )
            for alpha in ALPHAS
        ),
        runs.part("mnist", replace(mnist, n_epochs=plan.mnist_epochs), data, about=AboutDigits(mnist, mnist_folder)),
        runs.part("mnist-unstable", replace(unstable, n_epochs=plan.unstable_epochs), data, about=runs.about_deep),
        *instability.parts(plan.sweep_images, plan.sweep_epochs, lambda: data(mnist)),
        _measured("saturation", saturation.measure, {"leads": list(saturation.LEADS)}, "reports.study.saturation"),
        _measured(
            "verification", partial(verification.measure, plan.cases), asdict(plan.cases), "reports.study.verification"
        ),
        _measured("steps", steps.measure, {"steps": steps.STEPS}, "reports.study.steps"),
        _measured("catches", partial(catches.measure, plan.every), {"every": plan.every}, "reports.study.catches"),
    ]
    if submission is not None:
        again = {"xor": xor, **{f"spirals-{alpha:g}": replace(spirals, alpha=alpha) for alpha in ALPHAS}}
        again["mnist"] = replace(mnist, n_epochs=min(plan.their_epochs, plan.mnist_epochs))
        found += [theirs.part(theirs.PREFIX + name, each, data, submission) for name, each in again.items()]
    return found


def _measured(name: str, measure: Callable[[], dict[str, Any]], settings: dict[str, Any], module: str) -> Part:
    code = ("bp", "reference", "reports.study.formulas", "reports.study.bench", module)
    return Part(name, settings, lambda display: Made(measure()), code)
