"""``bp train``: runs one experiment, with a progress bar; an interrupted run loses at most its last epoch."""

from __future__ import annotations

import argparse
import signal
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from types import FrameType

from rich.console import Console

import bp
from reports.commands.data import mnist_folder
from reports.commands.plot import form_of, picture
from reports.io.destination import destination
from reports.io.exit_codes import FAILED, INTERRUPTED, OK, TOOL, UsageError
from reports.io.lock import only_run_on
from reports.io.outputs import STDOUT, Outputs, refuse_unwritable, require_matplotlib
from reports.io.progress import Display
from reports.training import checkpoint, curve
from reports.training.experiments import EXPERIMENTS, Experiment, build_net, load_data
from reports.training.experiments import run as run_experiment
from reports.training.explanation import why_not_learned
from reports.training.saved_history import text_of

#: Seconds between two savings. Saving costs little beside an epoch of MNIST, and would cost much after each epoch of
#: the small nets.
_SAVE_EVERY = 2.0


def run(arguments: argparse.Namespace) -> int:
    """Train the network of the experiment, or go on with an earlier run."""
    experiment = _chosen(arguments)
    outputs = _outputs(arguments, experiment)
    files = _Files(outputs)
    if files.weights is None and arguments.resume:
        raise UsageError(f"--resume needs the weights of a run, which are kept beside a file: {arguments.out} is none")
    with nullcontext() if files.weights is None else only_run_on(files.weights):
        return _train(arguments, experiment, files)


def _train(arguments: argparse.Namespace, experiment: Experiment, files: _Files) -> int:
    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    net = build_net(experiment)
    saved = _run_to_resume(files, experiment, net, resume=arguments.resume, overwrite=arguments.overwrite)
    folder = mnist_folder(arguments.folder, errors) if experiment.data == "MNIST" else None
    if experiment.data == "MNIST" and folder is None:
        return TOOL
    data = load_data(experiment, folder)
    if experiment.batch_size > len(data[0]):
        raise UsageError(f"expected --batch-size from 1 to {len(data[0])}, got {experiment.batch_size}")
    files.data = checkpoint.digest_of(data)
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

        history = run_experiment(experiment, data, net, _restored(saved, files, net), on_epoch)
        files.save(experiment, net, history)
        files.save_views(experiment, history)
    code = _show(experiment, history, files)
    why = why_not_learned(net, data, history) if experiment.data == "XOR" and code == OK else None
    if why is not None:
        files.console().print(f"  {why}", markup=False)
    return code


def _outputs(arguments: argparse.Namespace, experiment: Experiment) -> Outputs:
    """The files to write, looked over before the work."""
    if arguments.plot is not None:
        require_matplotlib()
        form_of("plot", arguments.plot)
    out = arguments.out or Path(f"history-{experiment.name}.json")
    return Outputs({"out": out, "plot": arguments.plot, "csv": arguments.csv})


class _Files:
    """The files of a run: the history, beside it the weights, and views of the history that the user asks for.

    Attributes
    ----------
    weights
        None where the history goes to a pipe or a device, since nothing can be kept beside it.
    data
        The digest of the data, which is kept with the weights.
    """

    def __init__(self, outputs: Outputs) -> None:
        self._outputs = outputs
        self.history = outputs.files["out"]
        place = None if self.history == STDOUT else destination(self.history)
        if place is not None and not self.history.is_symlink():
            place = self.history  # as the user has named it
        self.weights = None if place is None else place.with_name(_name_of_weights(place.name))
        self.data = ""
        if self.weights is not None:
            refuse_unwritable("out", self.weights)

    def save(self, experiment: Experiment, net: bp.MLP, history: bp.History) -> None:
        """Save the weights and the history; the history alone, where there is no place for weights."""
        if self.weights is not None:
            checkpoint.save(self.weights, experiment, net, history, self.data)
        self._outputs.write("out", text_of(experiment, history))

    def save_views(self, experiment: Experiment, history: bp.History) -> None:
        """Write the table and the figure of the history."""
        if "csv" in self._outputs.files:
            self._outputs.write("csv", curve.table(history))
        if "plot" in self._outputs.files:
            self._outputs.write("plot", picture(self._outputs.files["plot"], {experiment.name: history}))

    def console(self) -> Console:
        """Where the user is told the result: standard error, if a file goes to standard output."""
        return Console(stderr=self._outputs.to_stdout, highlight=False, soft_wrap=True)


def _name_of_weights(name: str) -> str:
    """The name of the weights beside a history: each history has its own, also ``run.0.1`` and ``run.0.5``."""
    if name.endswith("weights.npz"):
        raise UsageError(f"expected --out to be the file of a history, {name} is the name of a file of weights")
    return f"{name.removesuffix('.json')}.weights.npz" if name.endswith(".json") else f"{name}-weights.npz"


class _Saver:
    """Saves a run at the end of an epoch if `_SAVE_EVERY` seconds have passed since the last time."""

    def __init__(self, files: _Files, experiment: Experiment, net: bp.MLP) -> None:
        self._files, self._experiment, self._net = files, experiment, net
        self._last = time.monotonic()

    def save_if_due(self, history: bp.History) -> None:
        if self._files.weights is not None and time.monotonic() - self._last >= _SAVE_EVERY:
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


def _run_to_resume(
    files: _Files, experiment: Experiment, net: bp.MLP, *, resume: bool, overwrite: bool
) -> checkpoint.Checkpoint | None:
    """The run to go on with, which fits ``net``; None to start from the beginning."""
    if files.weights is None:
        return None
    try:
        if resume:
            saved = checkpoint.load(files.weights)
            checkpoint.check_same_run(saved, experiment, net, files.weights)
            return saved
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


def _restored(saved: checkpoint.Checkpoint | None, files: _Files, net: bp.MLP) -> bp.History | None:
    """The history of the run to go on with, whose weights ``net`` is given, if its data are the present ones."""
    if saved is None or files.weights is None:
        return None
    try:
        checkpoint.check_same_data(saved, files.data, files.weights)
    except checkpoint.CheckpointError as error:
        raise UsageError(str(error)) from error
    return saved.restore(net)


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

    # SIGHUP says that the terminal was closed; Windows has none.
    numbers = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {number: signal.signal(number, remember) for number in numbers}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _show(experiment: Experiment, history: bp.History, files: _Files) -> int:
    out = files.console()
    if history.loss_train:
        out.print(f"{experiment.name}: {history.epochs} of {experiment.n_epochs} epochs", markup=False)
        for line in curve.lines(history, out.encoding):
            out.print(f"  {line}", markup=False)
        out.print(f"  train: loss {history.loss_train[-1]:.6g}, accuracy {history.acc_train[-1]:.2%}")
    if history.loss_test:
        out.print(f"  test:  loss {history.loss_test[-1]:.6g}, accuracy {history.acc_test[-1]:.2%}")
    kept = f"weights in {files.weights}" if files.weights is not None else "no weights are kept"
    out.print(f"  history in {files.history}, {kept}", markup=False)
    if history.stopped is not None:
        out.print(f"  {history.stopped}", markup=False)
        return FAILED
    if history.epochs < experiment.n_epochs:
        resume = "the same command with --resume goes on" if files.weights is not None else "it cannot go on"
        out.print(f"  interrupted; {resume}", markup=False)
        return INTERRUPTED
    return OK
