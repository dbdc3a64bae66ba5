"""The parts of the report, in full and in the quick version."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from reports.io.progress import Display
from reports.study import (
    efficiency,
    instability,
    known_mistakes,
    runs,
    saturation,
    seeds,
    steps,
    submission_runs,
    verification,
)
from reports.study.bench import training
from reports.study.digits import DigitAnalysis
from reports.study.part import Part, PartResult
from reports.training.experiments import EXPERIMENTS, Data, Experiment, load_data

#: The learning rates of the spirals, and the epochs after which their decision regions are drawn.
ALPHAS = (0.2, 1.0, 5.0)
SNAPSHOTS = (10, 100, 1000)
#: XOR is also trained for as many epochs, because its loss still falls after the lab's 100.
LONG_XOR = 2000


@dataclass(frozen=True)
class Plan:
    """How much work each part does.

    Attributes
    ----------
    mnist_epochs, unstable_epochs
        Epochs of the two MNIST runs.
    sweep_images, sweep_epochs
        Images and epochs of each run in the search for instability.
    their_epochs
        Epochs of MNIST with a submission.
    cases
        How many cases the verification draws.
    every
        Every ``every``-th known mistake of each hand is judged.
    seeds
        Initialisations of the spirals' network for each learning rate, besides the lab's.
    timing
        How an epoch is timed.
    shortened
        What the report says if this is less than the assignment asks for.
    """

    mnist_epochs: int
    unstable_epochs: int
    sweep_images: int
    sweep_epochs: int
    their_epochs: int
    cases: verification.Plan
    every: int
    seeds: int
    timing: training.Plan
    shortened: tuple[str, ...] = ()


FULL = Plan(
    mnist_epochs=100,
    unstable_epochs=10,
    sweep_images=60_000,
    sweep_epochs=3,
    their_epochs=10,
    cases=verification.FULL,
    every=2,
    seeds=30,
    timing=training.Plan(rounds=5, images=12_000, small_epochs=300, compiled=False),
)
QUICK = Plan(
    mnist_epochs=5,
    unstable_epochs=2,
    sweep_images=15_000,
    sweep_epochs=1,
    their_epochs=2,
    cases=verification.QUICK,
    every=24,
    seeds=10,
    timing=training.Plan(rounds=2, images=3000, small_epochs=30, compiled=False),
    shortened=(
        "MNIST is trained for 5 epochs instead of 100,",
        "MNIST with the naive softmax for 2 epochs instead of 10,",
        "the search for instability sees 15,000 images once instead of 60,000 three times,",
        "the spirals start from 10 other initialisations instead of 30,",
        "an epoch of MNIST is timed on 3000 images instead of 12,000,",
        "and fewer random cases are drawn and fewer known mistakes judged: one in 24 instead of one in two.",
    ),
)


def parts(plan: Plan, mnist_folder: Path | None, submission: submission_runs.Submission | None = None) -> list[Part]:
    """All parts in the order of the report; the runs of the submission, if there is one, come last."""
    loaded: dict[str, Data] = {}  # by the name of the data set, so that each is loaded once

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
                analysis=runs.analyse_shallow_net,
            )
            for alpha in ALPHAS
        ),
        seeds.part(spirals, ALPHAS, plan.seeds, partial(load_data, spirals)),
        runs.part(
            "mnist", replace(mnist, n_epochs=plan.mnist_epochs), data, analysis=DigitAnalysis(mnist, mnist_folder)
        ),
        runs.part(
            "mnist-unstable", replace(unstable, n_epochs=plan.unstable_epochs), data, analysis=runs.analyse_deep_net
        ),
        *instability.parts(plan.sweep_images, plan.sweep_epochs, lambda: data(mnist)),
        _measurement(
            "saturation", saturation.measure, {"leads": list(saturation.LEADS)}, ("reports.study.saturation",)
        ),
        _measurement(
            "verification",
            partial(verification.measure, plan.cases),
            asdict(plan.cases),
            ("reports.study.verification",),
        ),
        _measurement("steps", steps.measure, {"steps": steps.STEPS}, ("reports.study.steps",)),
        efficiency.part([mnist, spirals], plan.timing, data),
        _measurement(
            known_mistakes.NAME,
            partial(known_mistakes.measure, plan.every),
            {"every": plan.every},
            ("reports.study.known_mistakes", "reports.study.usual_tests"),
        ),
    ]
    if submission is not None:
        again = {"xor": xor, **{f"spirals-{alpha:g}": replace(spirals, alpha=alpha) for alpha in ALPHAS}}
        again["mnist"] = replace(mnist, n_epochs=min(plan.their_epochs, plan.mnist_epochs))
        found += [
            submission_runs.part(submission_runs.PREFIX + name, each, data, submission) for name, each in again.items()
        ]
    return found


def _measurement(
    name: str, measure: Callable[[], dict[str, Any]], settings: dict[str, Any], modules: tuple[str, ...]
) -> Part:
    code = ("bp", "reference", "reports.study.formulas", "reports.study.bench", *modules)
    return Part(name, settings, _Measured(measure), code, place="beside")


@dataclass(frozen=True)
class _Measured:
    """Makes a part of what a function returns; can be pickled if the function can."""

    measure: Callable[[], dict[str, Any]]

    def __call__(self, display: Display) -> PartResult:
        return PartResult(self.measure())
