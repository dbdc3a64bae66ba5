"""The same runs with somebody else's implementation, which is as confined as in the gate.

It is asked for the gradient of every batch; the steps, the losses, the accuracies and the amplitudes are ours. So it
learns where its own gradient leads it, and cannot make its curves prettier than they are.
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
from reports.study.part import Made, Part
from reports.study.runs import Loader, record_of
from reports.training.experiments import Data, Experiment, build_net, sets_of

Array = NDArray[Any]

#: What the names of these runs begin with.
PREFIX = "theirs-"

_CODE = ("bp", "reference", "reports.training.experiments", "reports.study.facts", "reports.study.theirs")
#: Of a submission's file, as far as it decides whether anything has changed.
_MOST = 2**24


@dataclass(frozen=True)
class Submission:
    """Where it is, and what it may take for one run."""

    path: Path
    limits: Limits
    sandbox: Kind = "auto"

    @property
    def fingerprint(self) -> str:
        """Of its files."""
        place = located(self.path)
        digest = hashlib.sha256()
        for path in [place] if place.is_file() else sorted(submission_files.files(place)):
            digest.update(
                str(path.relative_to(place.parent)).encode() + b"\0" + (submission_files.contents(path, _MOST) or b"")
            )
        return digest.hexdigest()


class _StoppedError(Exception):
    """Why a run does not go on, in words."""


def part(name: str, experiment: Experiment, load: Loader, submission: Submission) -> Part:
    """A run of an experiment with the submission's classes; our own is where it would end if they were right."""
    settings = {
        "experiment": asdict(experiment),
        "submission": submission.fingerprint,
        "limits": [submission.limits.seconds, submission.limits.memory, submission.sandbox],
    }
    return Part(name, settings, lambda display: _made(name, experiment, load(experiment), submission, display), _CODE)


def _made(name: str, experiment: Experiment, data: Data, submission: Submission, display: Display) -> Made:
    task = display.task(name, experiment.n_epochs)
    with Sandbox(located(submission.path), submission.limits, submission.sandbox) as box:
        history = train(box, experiment, data, task.epoch)
        isolation = box.isolation
    return Made(record_of(experiment, history) | {"isolation": isolation, "of": submission.path.name})


def train(
    executor: Executor, experiment: Experiment, data: Data, on_epoch: Callable[[bp.History], None] | None = None
) -> bp.History:
    """A run whose gradients come from ``executor``; it starts from the weights that ours starts from.

    Whatever the other side does ends the run, with the reason in ``history.stopped`` and the curves up to there.
    """
    X, T, *_ = data
    net = build_net(experiment)
    train_set, *rest = (Samples(*each, experiment.dtype) for each in sets_of(data))
    judge = Plain(net, train_set, rest[0] if rest else None, experiment.batch_size, experiment.alpha)
    history = bp.History()
    with np.errstate(all="ignore"):
        history.extend(judge.before())
        _tell(on_epoch, history)
        try:
            _need_classes(executor, experiment)
            for epoch in range(1, experiment.n_epochs + 1):
                _descend(executor, experiment, net, X, T, f"in epoch {epoch}")
                history.extend(judge.evaluate(epoch))
                _tell(on_epoch, history)
        except (_StoppedError, NotFiniteError) as stop:
            history.stopped = str(stop)
    return history


def _need_classes(executor: Executor, experiment: Experiment) -> None:
    loss = "LossCrossEntropyForSoftmaxLogits" if experiment.stable else "LossCrossEntropy"
    missing = executor.missing()
    for name in ("LinearLayer", "ReLULayer", "SoftmaxLayer", "MLP", loss):
        if name in missing:
            raise _StoppedError(f"before the first epoch: {missing[name]}")


def _tell(on_epoch: Callable[[bp.History], None] | None, history: bp.History) -> None:
    if on_epoch is not None:
        on_epoch(history)


def _descend(executor: Executor, experiment: Experiment, net: bp.MLP, X: Array, T: Array, when: str) -> None:
    """One pass over the training set."""
    size = experiment.batch_size
    for number, start in enumerate(range(0, len(X), size), start=1):
        place = f"{when}, batch {number}"
        parameters: list[Array] = [array for pair in net.parameters().values() for array in pair]
        rows = slice(start, start + size)
        question = NetCase(experiment.widths, tuple(parameters), X[rows], T[rows], experiment.stable)
        for parameter, gradient in zip(parameters, _gradient(executor, question, place), strict=True):
            np.subtract(parameter, experiment.alpha * gradient, out=parameter)
            if not np.isfinite(parameter).all():
                raise _StoppedError(f"{place}: the parameters are not finite any more")


def _gradient(executor: Executor, question: NetCase, place: str) -> list[Array]:
    """What the other side says it is, for each array of the parameters, of the right shape."""
    steps: list[Step] = [*question.steps(), Call("net", "gradient", {"X": question.X, "T": question.T})]
    replies: Sequence[Reply] = executor.run(steps)
    # What ends the process is the answer to all steps, and comes of the last.
    ended = len({reply.error for reply in replies}) == 1
    for step, reply in zip(steps, replies, strict=True):
        if reply.error is not None:
            what = "MLP.gradient" if ended else getattr(step, "cls", "MLP.gradient")
            raise _StoppedError(f"{place}: {what}: {reply.error}")
    found = replies[-1].value
    if not isinstance(found, dict):
        raise _StoppedError(f"{place}: expected MLP.gradient to give a dict, got {replies[-1].kind}")
    parts = []
    for name, W, b in zip(question.linear, question.theta[::2], question.theta[1::2], strict=True):
        shapes = [W.shape, b.shape]
        given = found.get(name)
        if not isinstance(given, list | tuple) or [_shape(each) for each in given] != shapes:
            raise _StoppedError(f"{place}: expected [dW, db] of shapes {shapes} for {name}, got something else")
        parts += [np.asarray(each, dtype=W.dtype) for each in given]
    return parts


def _shape(value: Any) -> tuple[int, ...] | None:
    return value.shape if isinstance(value, np.ndarray) and value.dtype.kind in "fiu" else None


def distance(ours: dict[str, Any], theirs: dict[str, Any]) -> dict[str, Any]:
    """How far the curves of two records are apart: the largest difference of the training losses, and where.

    Returns
    -------
    dict
        ``largest``, relative to our loss; ``epoch`` at which; ``epochs`` that were compared.
    """
    pairs = list(zip(ours["history"]["loss_train"], theirs["history"]["loss_train"], strict=False))
    apart = [abs(theirs - ours) / ours if math.isfinite(theirs) else math.inf for ours, theirs in pairs]
    epoch = int(np.argmax(apart))
    return {"largest": apart[epoch], "epoch": epoch, "epochs": len(pairs) - 1}
