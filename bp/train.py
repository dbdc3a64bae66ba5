"""Plain stochastic gradient descent over consecutive mini-batches."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from bp.fast import Fast, fast_path
from bp.fast.net import Shape, shape_of
from bp.history import History
from bp.interruption import all_or_nothing
from bp.messages import as_matrix, check_targets
from bp.mlp import MLP
from bp.plain import NotFiniteError, Plain
from bp.samples import Samples


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
    fast: bool = True,
    threads: int = 1,
) -> History:
    """Train ``net`` in place: for each mini-batch, theta <- theta - alpha dl/dtheta.

    Mini-batches are consecutive slices in order (the last may be smaller); nothing is shuffled. Losses and accuracies
    are taken before the first epoch and after each. Inputs and targets are converted to the dtype of the net's
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
        The history of a run to be continued, with the net as it was at its end. It is extended in place.
    on_epoch
        Called with the history before the first epoch and after each; a true answer ends the training there.
    stop_on_nonfinite
        End the training at the first loss or gradient that is not finite, with a `RuntimeWarning` that says in which
        epoch, batch and layer, and the same words in ``history.stopped``; the bad step is not taken. A
        `FloatingPointError`, which numpy raises under ``np.seterr(all="raise")``, ends it in the same way.
        False: go on regardless.
    fast
        Compute the steps by `bp.fast` where that is possible, which is many times faster and differs only by rounding
        errors. False: by the methods of the layers, one after the other.
    threads
        The number of threads that share a mini-batch on the fast path. It does not change the numbers, to the last bit.
        numpy's matrix products have threads of their own, which get in the way of several here: limit them to one
        (``OPENBLAS_NUM_THREADS=1``, or threadpoolctl).

    Returns
    -------
    History
        The numbers of every complete epoch, also if the training ended early.

    Raises
    ------
    ValueError
        An argument does not fit; then nothing has been changed. Or `on_epoch` has changed the numbers in the history.

    Notes
    -----
    If it is interrupted, by Ctrl-C for instance, the net and the history that was handed in are as they were after the
    last complete epoch; with both of them training goes on as if it had never been interrupted, to the last bit. A
    layer of your own must keep in arrays, as attributes, whatever it changes in training.

    Examples
    --------
    >>> from bp import LinearLayer, LossCrossEntropyForSoftmaxLogits, load_spirals
    >>> X, T, X_test, T_test = load_spirals()
    >>> layers = [LinearLayer(2, 3, np.random.RandomState(1234), "Linear_1")]
    >>> net = MLP(2, layers, LossCrossEntropyForSoftmaxLogits("CE"))
    >>> history = train(net, X, T, batch_size=300, n_epochs=200, X_test=X_test, T_test=T_test)
    >>> print(history.epochs, history["loss_train"][-1] < history["loss_train"][0])
    200 True
    """
    _check_settings(batch_size, n_epochs, alpha, threads)
    _check_history(history)
    alpha, shape = float(alpha), shape_of(net)
    own = on_epoch is not None  # which may change the arrays that were handed in
    train_set = _checked_set(net, shape, "train", X_train, T_train, own)
    test_set = None if X_test is None and T_test is None else _checked_set(net, shape, "test", X_test, T_test, own)
    if batch_size > len(train_set):
        raise ValueError(f"train: expected batch_size from 1 to N = {len(train_set)}, got {batch_size}")
    history = History() if history is None else history
    history.stopped = history.stopped_at = None
    run = _Run(
        fast_path(net, train_set, test_set, batch_size, alpha, threads, shape) if fast and shape is not None else None,
        Plain(net, train_set, test_set, batch_size, alpha, stop_on_nonfinite=stop_on_nonfinite),
        net,
        history,
    )
    try:
        for _ in run.epochs(n_epochs, watched=verbose or on_epoch is not None):
            if verbose:
                print(_line(history, n_epochs))  # noqa: T201 - the lab's train prints where it is asked to
            if on_epoch is not None and _stops(on_epoch, history):
                break
    except NotFiniteError as stop:
        history.stopped = f"training stopped {stop}. The history up to there is kept."
        history.stopped_at = stop.at
        warnings.warn(history.stopped, RuntimeWarning, stacklevel=2)
    return history


class _Run:
    """Runs epochs by the fast path where there is one and it succeeds, and by the plain path otherwise."""

    def __init__(self, fast: Fast | None, plain: Plain, net: MLP, history: History) -> None:
        self.fast, self.plain, self.net, self.history = fast, plain, net, history

    def epochs(self, n_epochs: int, *, watched: bool) -> Iterator[None]:
        """Yield whenever the history has grown: before the first epoch of a new run, and after one or more epochs."""
        most = 0 if self.fast is None or watched else min(self.fast.most, n_epochs)
        if not self.history.loss_train and not (most and self._add(most, first=True)):
            self._add(0)
            yield
        careful = 0  # the fast path has failed in one of the epochs up to this one: they are done one by one
        while (done := self.history.epochs) < n_epochs:
            at_once = 1 if self.fast is None or watched or done < careful else min(self.fast.most, n_epochs - done)
            if self._add(at_once):
                yield
            else:
                careful = done + at_once

    def _add(self, epochs: int, *, first: bool = False) -> bool:
        """Train for some epochs, or evaluate the untrained net for 0, and extend the history; both, if ``first``.

        False: the fast path has failed in one of several epochs, and nothing has changed. A single one that it fails in
        is done by the plain path. So which path an epoch takes does not depend on how many are done at once.
        """
        with all_or_nothing(self.net, self.history):
            numbers = None
            if self.fast is not None:
                numbers = _tried(partial(self.fast.run, epochs, first=first) if epochs else self.fast.before)
            if numbers is None and epochs <= 1 and not first:
                numbers = self.plain.epoch(self.history.epochs + 1) if epochs else self.plain.before()
            if numbers is not None:
                self.history.extend(numbers)
        return numbers is not None


def _stops(on_epoch: Callable[[History], bool | None], history: History) -> bool:
    """Call ``on_epoch``; tell whether its answer is true."""
    expected = [len(series) for series in history.series()]
    answer = on_epoch(history)
    if (got := [len(series) for series in history.series()]) != expected:
        raise ValueError(
            f"train: expected on_epoch to leave the history as it is, with {expected[0]} numbers in each list, and it "
            f"left {got}; return True to end the training"
        )
    return bool(answer)


def _tried(task: Callable[[], History | None]) -> History | None:
    """The result of a task of the fast path; None where something is not finite or numpy raises.

    The plain path then repeats the epochs and says where. numpy's warnings are suppressed, since the plain path will
    give them too.
    """
    ignored: Any = {kind: "ignore" for kind, state in np.geterr().items() if state == "warn" and kind != "under"}
    try:
        with np.errstate(**ignored):
            return task()
    except FloatingPointError:
        return None


def _checked_set(
    net: MLP, shape: Shape | None, kind: str, X: ArrayLike | None, T: ArrayLike | None, own: bool
) -> Samples:
    """Check that a set fits the net, to whose parameters' dtype it is converted; ``own`` is as for `Samples`."""
    if X is None or T is None:
        raise ValueError(f"train: expected X_{kind} and T_{kind}, got only one of the two")
    arrays = [array for pair in net.parameters().values() for array in pair]
    dtype = np.result_type(*arrays, np.float32)
    X, T = as_matrix(X, f"train: X_{kind}"), as_matrix(T, f"train: T_{kind}")
    if len(X) != len(T):
        raise ValueError(f"train: expected as many rows in T_{kind} as in X_{kind}, {len(X)}, got {len(T)}")
    check_targets(T, f"train: T_{kind}")
    data = Samples(X, T, dtype, own=own)
    if shape is not None and (X.shape[1], T.shape[1]) == (shape.widths[0], shape.widths[-1]):
        return data
    with np.errstate(all="ignore"):  # training checks later whether the numbers are finite
        net.evaluate(data.X[:1], data.T[:1])  # raises a ValueError if something does not fit a layer
    return data


def _check_settings(batch_size: int, n_epochs: int, alpha: float, threads: int) -> None:
    _check_integer("batch_size", batch_size, 1)
    _check_integer("n_epochs", n_epochs, 0)
    _check_integer("threads", threads, 1)
    _check_rate(alpha)


def _check_rate(alpha: object) -> None:
    real = isinstance(alpha, int | float | np.integer | np.floating) and not isinstance(alpha, bool)
    if not real or not 0 < alpha <= sys.float_info.max:  # type: ignore[operator]
        kind = "" if real else f" of type {type(alpha).__name__}, and not a number of Python or numpy"
        raise ValueError(f"train: expected a finite alpha > 0, got {alpha!r}{kind}")


def _check_history(history: object) -> None:
    if not isinstance(history, History | None):
        kind = type(history).__name__
        raise ValueError(f"train: expected history to be a bp.History or None, got a {kind}")  # noqa: TRY004 - as for all


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
