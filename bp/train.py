"""Plain stochastic gradient descent over consecutive mini-batches."""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from numbers import Real
from types import SimpleNamespace
from typing import Any, NoReturn, cast

import numpy as np
from numpy.typing import ArrayLike

from bp.history import History
from bp.messages import Array, as_matrix, check_targets, unchecked
from bp.mlp import MLP
from bp.nonfinite import gradients_are_finite, where_not_finite

#: Rows that are evaluated at once: few enough for their activations to stay in the processor's cache.
_EVALUATION_ROWS = 1000


def train(
    net: MLP,
    X_train: ArrayLike,
    T_train: ArrayLike,
    batch_size: int = 1,
    n_epochs: int = 2,
    alpha: float = 0.1,
    X_test: ArrayLike | None = None,
    T_test: ArrayLike | None = None,
    verbose: bool = False,
    *,
    history: History | None = None,
    on_epoch: Callable[[History], bool | None] | None = None,
    stop_on_nonfinite: bool = True,
) -> History:
    """Train ``net`` in place: for each mini-batch, theta <- theta - alpha dl/dtheta.

    Mini-batches are consecutive slices in order (the last may be smaller); nothing is shuffled. Losses and accuracies
    are taken before the first epoch and after each. Inputs and targets are converted once to the dtype of the net's
    parameters.

    Parameters
    ----------
    net
        Its parameters are changed.
    X_train, T_train
        Inputs (N, D) and targets (N, K), whose rows are probability distributions.
    batch_size
        1 to N.
    n_epochs
        Passes over the training set, those in ``history`` included.
    alpha
        Learning rate.
    X_test, T_test
        A test set to evaluate as well: both or neither.
    verbose
        Print a line an epoch.
    history
        Of the run to be continued, with the net as it was at its end. It is extended in place.
    on_epoch
        Called with the history before the first epoch and after each; a true answer ends the training there.
    stop_on_nonfinite
        End the training at the first loss or gradient that is not finite, with a `RuntimeWarning` that says in which
        epoch, batch and layer, and the same words in ``history.stopped``; the bad step is not taken. A
        `FloatingPointError`, which numpy raises under ``np.seterr(all="raise")``, ends it in the same way.
        False: go on regardless.

    Returns
    -------
    History
        Of every complete epoch, also where the training ended early.

    Raises
    ------
    ValueError
        An argument does not fit. Nothing has been changed then.
    """
    _check_settings(batch_size, n_epochs, alpha)
    train_set = _checked_set(net, "train", X_train, T_train)
    test_set = None if X_test is None and T_test is None else _checked_set(net, "test", X_test, T_test)
    if batch_size > len(train_set.X):
        raise ValueError(f"train: expected batch_size from 1 to N = {len(train_set.X)}, got {batch_size}")
    history = History() if history is None else history
    history.stopped = history.stopped_at = None
    run = _Run(net, _without_checks(net), train_set, test_set, history, batch_size, alpha, stop_on_nonfinite)
    try:
        for _ in run.epochs(n_epochs):
            if verbose:
                print(_line(history, n_epochs))  # noqa: T201 - the lab's train prints where it is asked to
            if on_epoch is not None and on_epoch(history):
                break
    except _NotFiniteError as stop:
        history.stopped = f"training stopped {stop}. The history up to there is kept."
        history.stopped_at = {"epoch": stop.epoch, "batch": stop.batch, "what": stop.what}
        warnings.warn(history.stopped, RuntimeWarning, stacklevel=2)
    return history


@dataclass(frozen=True)
class _Set:
    X: Array
    T: Array
    first: int = 0

    def slices(self, n_rows: int) -> list[_Set]:
        starts = range(0, len(self.X), n_rows)
        return [_Set(self.X[start : start + n_rows], self.T[start : start + n_rows], start) for start in starts]


class _NotFiniteError(Exception):
    """Says when and where the first value that is not finite came up."""

    def __init__(self, message: str, epoch: int, batch: int | None, what: str | None) -> None:
        super().__init__(message)
        self.epoch, self.batch, self.what = epoch, batch, what


@dataclass(frozen=True)
class _Run:
    net: MLP
    bare: MLP
    train: _Set
    test: _Set | None
    history: History
    batch_size: int
    alpha: float
    stop_on_nonfinite: bool

    def epochs(self, n_epochs: int) -> Iterator[None]:
        """Yield whenever the history has grown: before the first epoch of a new run, and after each epoch."""
        if not self.history.loss_train:
            self.record(0)
            yield
        for epoch in range(self.history.epochs + 1, n_epochs + 1):
            self.descend(epoch)
            self.record(epoch)
            yield

    def descend(self, epoch: int) -> None:
        batches = self.train.slices(self.batch_size)
        for number, batch in enumerate(batches, start=1):
            try:
                self.step(batch)
            except FloatingPointError as error:
                self.stop(f"in epoch {epoch}, batch {number} of {len(batches)}", epoch, number, batch, error)

    def step(self, batch: _Set) -> None:
        gradients = self.bare.gradient(batch.X, batch.T)
        if self.stop_on_nonfinite and not gradients_are_finite(gradients.values()):
            raise FloatingPointError("the gradient is not finite")
        for layer in self.net.layers:
            if layer.has_params():
                cast("Any", layer).update_params([-self.alpha * part for part in gradients[layer.name]])

    def record(self, epoch: int) -> None:
        """Append the losses, accuracies and amplitudes after that many epochs to the history."""
        history = self.history
        loss, accuracy = self.evaluate(self.train, epoch, "training")
        if self.test is not None:
            loss_test, acc_test = self.evaluate(self.test, epoch, "test")
            history.loss_test.append(loss_test)
            history.acc_test.append(acc_test)
        history.loss_train.append(loss)
        history.acc_train.append(accuracy)
        for name, (W, _) in self.net.parameters().items():
            history.amplitude.setdefault(name, []).append(float(np.abs(W).mean()))

    def evaluate(self, data: _Set, epoch: int, kind: str) -> tuple[float, float]:
        """Mean loss, and the share of samples whose most probable class is their target's."""
        total, hits = 0.0, 0
        for part in data.slices(_EVALUATION_ROWS):
            try:
                losses, predictions = self.losses_and_predictions(part)
            except FloatingPointError as error:
                when = f"after epoch {epoch}" if epoch else "before the first epoch"
                self.stop(f"{when}, in the evaluation of the {kind} set", epoch, None, part, error)
            total += losses
            hits += int(np.count_nonzero(predictions.argmax(axis=1) == part.T.argmax(axis=1)))
        return total / len(data.X), hits / len(data.X)

    def losses_and_predictions(self, part: _Set) -> tuple[float, Array]:
        """The sum of the losses, and what `MLP.propagate` gives, in one pass through the layers."""
        outputs = self.bare.propagate(part.X, output_layers=False)
        total = float(self.bare.loss.forward(outputs, part.T).sum())
        if self.stop_on_nonfinite and not math.isfinite(total):
            raise FloatingPointError("the loss is not finite")
        for layer in self.bare.output_layers:
            outputs = layer.forward(outputs)
        return total, outputs

    def stop(self, when: str, epoch: int, batch: int | None, data: _Set, error: FloatingPointError) -> NoReturn:
        if not self.stop_on_nonfinite:
            raise error
        what, said = where_not_finite(self.bare, data.X, data.T, data.first) or (None, str(error))
        raise _NotFiniteError(f"{when}: {said}", epoch, batch, what) from error


def _without_checks(net: MLP) -> MLP:
    """A view of ``net`` on the same parameters, whose messages trust their arguments."""
    view = copy.copy(net)
    view.layers = [_trusting(layer) for layer in net.layers]
    view.output_layers = [_trusting(layer) for layer in net.output_layers]
    view.loss = _trusting(net.loss)
    return view


def _trusting(part: Any) -> Any:
    """The messages of a layer or loss without their checks."""
    kept = {name: getattr(part, name) for name in ("name", "has_params") if hasattr(part, name)}
    messages = {name: getattr(part, name) for name in ("forward", "delta", "grad") if hasattr(part, name)}
    return SimpleNamespace(**kept, **{name: unchecked(message) for name, message in messages.items()})


def _checked_set(net: MLP, kind: str, X: ArrayLike | None, T: ArrayLike | None) -> _Set:
    """The set in the dtype of the net's parameters, once it is known to fit the net."""
    if X is None or T is None:
        raise ValueError(f"train: expected X_{kind} and T_{kind}, got only one of the two")
    dtype = np.result_type(*(array for pair in net.parameters().values() for array in pair), np.float32)
    X, T = as_matrix(X, f"train: X_{kind}"), as_matrix(T, f"train: T_{kind}")
    if len(X) != len(T):
        raise ValueError(f"train: expected as many rows in T_{kind} as in X_{kind}, {len(X)}, got {len(T)}")
    check_targets(T, f"train: T_{kind}")
    data = _Set(X.astype(dtype, copy=False), T.astype(dtype, copy=False))
    with np.errstate(all="ignore"):  # whether the numbers are finite is seen later, and said then
        net.evaluate(data.X[:1], data.T[:1])  # the layers themselves say what does not fit them
    return data


def _check_settings(batch_size: int, n_epochs: int, alpha: float) -> None:
    _check_integer("batch_size", batch_size, 1)
    _check_integer("n_epochs", n_epochs, 0)
    _check_rate(alpha)


def _check_rate(alpha: object) -> None:
    if not isinstance(alpha, Real) or not math.isfinite(alpha) or alpha <= 0:
        raise ValueError(f"train: expected a finite alpha > 0, got {alpha!r}")


def _check_integer(name: str, value: object, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise ValueError(f"train: expected {name} to be an integer of at least {least}, got {value!r}")


def _line(history: History, n_epochs: int) -> str:
    said = f"epoch {history.epochs:{len(str(n_epochs))}d}/{n_epochs}"
    for kind, losses, accuracies in (
        ("train", history.loss_train, history.acc_train),
        ("test", history.loss_test, history.acc_test),
    ):
        if losses:
            said += f"  {kind}: loss {losses[-1]:.4f}, accuracy {accuracies[-1]:.2%}"
    return said
