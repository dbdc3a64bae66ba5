"""Runs the experiments of the report with a submission, in a sandbox as in `bp check`.

The submission computes the gradient of every batch. The steps, the losses, the accuracies and the amplitudes are
computed by our code, so the curves show where the submission's gradient leads, and the submission cannot embellish
them.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import bp
from bp.plain import NotFiniteError, Plain
from bp.samples import Samples
from reference.execution import submission_files
from reference.execution.sandbox import Kind, Limits, Sandbox
from reference.execution.worker.protocol import Call, Executor, Reply, Step
from reference.gate import located
from reference.lab.network import NetCase
from reports.io.progress import Display
from reports.study.part import Part, PartResult
from reports.study.runs import Loader, record_of
from reports.training.experiments import Data, Experiment, build_net, sets_of

Array = NDArray[Any]

#: The beginning of the names of these runs.
PREFIX = "theirs-"

_CODE = ("bp", "reference", "reports.training.experiments", "reports.study.facts", "reports.study.submission_runs")
#: Bytes of a file of the submission that are read to see whether it has changed.
_MOST_READ = 2**24


@dataclass(frozen=True)
class Submission:
    """The path of a submission, and its limits for one run."""

    path: Path
    limits: Limits
    sandbox: Kind = "auto"

    @property
    def fingerprint(self) -> str:
        """A hash of its files."""
        place = located(self.path)
        digest = hashlib.sha256()
        for path in [place] if place.is_file() else sorted(submission_files.files(place)):
            digest.update(
                str(path.relative_to(place.parent)).encode()
                + b"\0"
                + (submission_files.contents(path, _MOST_READ) or b"")
            )
        return digest.hexdigest()


class _StoppedError(Exception):
    """The run cannot go on; the message says why."""


def part(name: str, experiment: Experiment, load: Loader, submission: Submission) -> Part:
    """The part that runs an experiment with the submission's classes; if these are right, the curves equal ours."""
    settings = {
        "experiment": asdict(experiment),
        "submission": submission.fingerprint,
        "limits": [submission.limits.seconds, submission.limits.memory, submission.sandbox],
    }
    return Part(
        name,
        settings,
        lambda display: _train_in_sandbox(name, experiment, load(experiment), submission, display),
        _CODE,
    )


def _train_in_sandbox(
    name: str, experiment: Experiment, data: Data, submission: Submission, display: Display
) -> PartResult:
    task = display.task(name, experiment.n_epochs)
    with Sandbox(located(submission.path), submission.limits, submission.sandbox) as box:
        history = train(box, experiment, data, task.epoch)
        isolation = box.isolation
    return PartResult(record_of(experiment, history) | {"isolation": isolation, "of": submission.path.name})


def train(
    executor: Executor, experiment: Experiment, data: Data, on_epoch: Callable[[bp.History], None] | None = None
) -> bp.History:
    """Train with gradients from ``executor``, from the same initial weights as our own run.

    If the submission fails in any way, the run stops; ``history.stopped`` has the reason.
    """
    X, T, *_ = data
    net = build_net(experiment)
    train_set, *rest = (Samples(*each, experiment.dtype) for each in sets_of(data))
    evaluation = Plain(net, train_set, rest[0] if rest else None, experiment.batch_size, experiment.alpha)
    history = bp.History()
    with np.errstate(all="ignore"):
        history.extend(evaluation.before())
        _call(on_epoch, history)
        try:
            _require_classes(executor, experiment)
            for epoch in range(1, experiment.n_epochs + 1):
                _descend(executor, experiment, net, X, T, f"in epoch {epoch}")
                history.extend(evaluation.evaluate(epoch))
                _call(on_epoch, history)
        except (_StoppedError, NotFiniteError) as stop:
            history.stopped = str(stop)
    return history


def _require_classes(executor: Executor, experiment: Experiment) -> None:
    """Stop the run if the submission lacks a class that the experiment needs."""
    loss = "LossCrossEntropyForSoftmaxLogits" if experiment.stable else "LossCrossEntropy"
    missing = executor.missing()
    for name in ("LinearLayer", "ReLULayer", "SoftmaxLayer", "MLP", loss):
        if name in missing:
            raise _StoppedError(f"before the first epoch: {missing[name]}")


def _call(on_epoch: Callable[[bp.History], None] | None, history: bp.History) -> None:
    if on_epoch is not None:
        on_epoch(history)


def _descend(executor: Executor, experiment: Experiment, net: bp.MLP, X: Array, T: Array, when: str) -> None:
    """One epoch of steps over the training set."""
    size = experiment.batch_size
    for number, start in enumerate(range(0, len(X), size), start=1):
        place = f"{when}, batch {number}"
        parameters: list[Array] = [array for pair in net.parameters().values() for array in pair]
        rows = slice(start, start + size)
        case = NetCase(experiment.widths, tuple(parameters), X[rows], T[rows], experiment.stable)
        for parameter, gradient in zip(parameters, _gradient(executor, case, place), strict=True):
            np.subtract(parameter, experiment.alpha * gradient, out=parameter)
            if not np.isfinite(parameter).all():
                raise _StoppedError(f"{place}: the parameters are not finite any more")


def _gradient(executor: Executor, case: NetCase, place: str) -> list[Array]:
    """The submission's gradient for each parameter array; the run stops if a part is missing or has a wrong shape."""
    steps: list[Step] = [*case.steps(), Call("net", "gradient", {"X": case.X, "T": case.T})]
    replies: Sequence[Reply] = executor.run(steps)
    # If the process has ended, every step has the same error. Then the call of `gradient` has caused it.
    ended = len({reply.error for reply in replies}) == 1
    for step, reply in zip(steps, replies, strict=True):
        if reply.error is not None:
            what = "MLP.gradient" if ended else getattr(step, "cls", "MLP.gradient")
            raise _StoppedError(f"{place}: {what}: {reply.error}")
    found = replies[-1].value
    if not isinstance(found, dict):
        raise _StoppedError(f"{place}: expected MLP.gradient to give a dict, got {replies[-1].kind}")
    parts = []
    for name, W, b in zip(case.linear, case.theta[::2], case.theta[1::2], strict=True):
        shapes = [W.shape, b.shape]
        given = found.get(name)
        if not isinstance(given, list | tuple) or [_shape_of_numbers(each) for each in given] != shapes:
            raise _StoppedError(f"{place}: expected [dW, db] of shapes {shapes} for {name}, got something else")
        parts += [np.asarray(each, dtype=W.dtype) for each in given]
    return parts


def _shape_of_numbers(value: Any) -> tuple[int, ...] | None:
    """The shape of an array of real numbers; None for anything else."""
    return value.shape if isinstance(value, np.ndarray) and value.dtype.kind in "fiu" else None


def distance(ours: dict[str, Any], theirs: dict[str, Any]) -> dict[str, Any]:
    """How far the training losses of two runs are apart.

    Returns
    -------
    dict
        ``largest``: the largest difference relative to our loss. ``epoch``: where it is. ``epochs``: how many were
        compared.
    """
    pairs = list(zip(ours["history"]["loss_train"], theirs["history"]["loss_train"], strict=False))
    apart = [abs(theirs - ours) / ours if math.isfinite(theirs) else math.inf for ours, theirs in pairs]
    epoch = int(np.argmax(apart))
    return {"largest": apart[epoch], "epoch": epoch, "epochs": len(pairs) - 1}
