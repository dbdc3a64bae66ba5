"""``bp train``: runs one experiment, with a progress bar; an interrupted run loses at most its last epoch."""

from __future__ import annotations

import argparse
import signal
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from types import FrameType

from rich.console import Console

import bp
from reports.commands.data import mnist_folder
from reports.io.exit_codes import FAILED, INTERRUPTED, OK, TOOL, UsageError
from reports.io.jsonfile import write_json
from reports.io.progress import Display
from reports.training import checkpoint
from reports.training.experiments import EXPERIMENTS, Experiment, build_net, load_data
from reports.training.experiments import run as run_experiment

#: Seconds between two savings. Saving costs little beside an epoch of MNIST, and would cost much after each epoch of
#: the small nets.
_SAVE_EVERY = 2.0


def run(arguments: argparse.Namespace) -> int:
    """Train the network of the experiment, or go on with an earlier run."""
    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    experiment = _chosen(arguments)
    files = _Files(arguments.out or Path(f"history-{experiment.name}.json"))
    net = build_net(experiment)
    history = _history_to_resume(files, experiment, net, resume=arguments.resume, overwrite=arguments.overwrite)
    folder = mnist_folder(arguments.folder, errors) if experiment.data == "MNIST" else None
    if experiment.data == "MNIST" and folder is None:
        return TOOL
    data = load_data(experiment, folder)
    if experiment.batch_size > len(data[0]):
        raise UsageError(f"expected --batch-size from 1 to {len(data[0])}, got {experiment.batch_size}")
    with _interruptions() as interrupted, Display(errors) as display, warnings.catch_warnings():
        # `_show` says why a run stopped; the warning would say it twice.
        warnings.filterwarnings("ignore", "training stopped", RuntimeWarning)
        task = display.task(experiment.name, experiment.n_epochs)
        saver = _Saver(files, experiment, net)

        def on_epoch(history: bp.History) -> bool:
            task.epoch(history)
            saver.save_if_due(history)
            if interrupted:
                errors.print("interrupted: this epoch is the last, and is saved")
            return bool(interrupted)

        history = run_experiment(experiment, data, net, history, on_epoch)
        files.save(experiment, net, history)
    return _show(experiment, history, files)


class _Files:
    """The two files of a run: the history, and beside it the weights."""

    def __init__(self, history: Path) -> None:
        self.history = history
        self.weights = history.with_suffix(".weights.npz")

    def save(self, experiment: Experiment, net: bp.MLP, history: bp.History) -> None:
        checkpoint.save(self.weights, experiment, net, history)
        record = {"experiment": asdict(experiment), "epochs_done": history.epochs, "history": history.as_dict()}
        write_json(self.history, record)


class _Saver:
    """Saves a run at the end of an epoch if `_SAVE_EVERY` seconds have passed since the last time."""

    def __init__(self, files: _Files, experiment: Experiment, net: bp.MLP) -> None:
        self._files, self._experiment, self._net = files, experiment, net
        self._last = time.monotonic()

    def save_if_due(self, history: bp.History) -> None:
        if time.monotonic() - self._last >= _SAVE_EVERY:
            self._files.save(self._experiment, self._net, history)
            self._last = time.monotonic()


def _chosen(arguments: argparse.Namespace) -> Experiment:
    """The experiment with the lab's settings, except those that the user has changed by an option."""
    given = {
        "n_epochs": arguments.epochs,
        "alpha": arguments.alpha,
        "batch_size": arguments.batch_size,
        "dtype": arguments.dtype,
        "seed": arguments.seed,
        "input_scale": arguments.input_scale,
    }
    changes = {name: value for name, value in given.items() if value is not None}
    return replace(EXPERIMENTS[arguments.experiment], **changes)


def _history_to_resume(
    files: _Files, experiment: Experiment, net: bp.MLP, *, resume: bool, overwrite: bool
) -> bp.History | None:
    """The history of the run to go on with, whose weights ``net`` is given; None to start from the beginning."""
    try:
        if resume:
            saved = checkpoint.load(files.weights)
            checkpoint.check_same_run(saved, experiment, files.weights)
            return saved.restore(net)
        if not overwrite and files.weights.exists():
            saved = checkpoint.load(files.weights)
            if not saved.finished:
                raise UsageError(
                    f"{files.weights} holds an unfinished run ({saved.history.epochs} of "
                    f"{saved.settings['n_epochs']} epochs): go on with --resume, or lose it with --overwrite"
                )
    except checkpoint.CheckpointError as error:
        raise UsageError(str(error)) from error
    return None


@contextmanager
def _interruptions() -> Iterator[list[int]]:
    """Yield a list that is empty until the user interrupts, so that the run can end after its epoch.

    A second interruption raises KeyboardInterrupt and ends the run at once.
    """
    received: list[int] = []

    def remember(number: int, frame: FrameType | None) -> None:
        # Nothing is printed here: the signal may arrive while something is being printed.
        if received:
            raise KeyboardInterrupt
        received.append(number)

    before = {number: signal.signal(number, remember) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _show(experiment: Experiment, history: bp.History, files: _Files) -> int:
    out = Console(highlight=False, soft_wrap=True)
    if history.loss_train:
        out.print(f"{experiment.name}: {history.epochs} of {experiment.n_epochs} epochs", markup=False)
        out.print(f"  train: loss {history.loss_train[-1]:.6g}, accuracy {history.acc_train[-1]:.2%}")
    if history.loss_test:
        out.print(f"  test:  loss {history.loss_test[-1]:.6g}, accuracy {history.acc_test[-1]:.2%}")
    out.print(f"  history in {files.history}, weights in {files.weights}", markup=False)
    if history.stopped is not None:
        out.print(f"  {history.stopped}", markup=False)
        return FAILED
    if history.epochs < experiment.n_epochs:
        out.print("  interrupted; the same command with --resume goes on")
        return INTERRUPTED
    return OK
