"""A training that is interrupted anywhere goes on as if it had never been interrupted."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

import bp
from bp.fast.whole import Whole
from bp.plain import Plain
from tests.fast_nets import SPIRALS, make_net, vector
from tests.strategies import Array

X, T = (array[::10] for array in SPIRALS[:2])
EPOCHS = 6


class Rebinding(bp.LinearLayer):
    """Somebody's own layer: an update puts other arrays in place of the parameters, and is counted in an array."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.updates = np.zeros(1)

    def update_params(self, dtheta: Any) -> None:
        self.updates += 1
        self.W, self.b = self.W + dtheta[0] / self.updates, self.b + dtheta[1] / self.updates


def own_net() -> bp.MLP:
    layer = Rebinding(2, 3, np.random.RandomState(0), "L")
    return bp.MLP(2, [layer], bp.LossCrossEntropyForSoftmaxLogits("CE"))


def whole(**settings: Any) -> tuple[Callable[[], bp.MLP], dict[str, Any]]:
    ending = settings.pop("ending", "logits")
    return lambda: make_net((2, 4, 3), ending=ending), {"batch_size": 30} | settings


RUNS = {
    "whole naive": whole(ending="naive"),
    "whole stable": whole(ending="stable"),
    "whole watched": whole(on_epoch=lambda history: None),
    "pieces": whole(batch_size=8),
    "pieces, two threads": whole(batch_size=8, threads=2),
    "plain": whole(batch_size=8, fast=False),
    "a layer of one's own": (own_net, {"batch_size": 8}),
}


@contextmanager
def interrupted_after(calls: int) -> Iterator[list[int]]:
    """Raise what Ctrl-C raises at a call or return of one of our functions; count these in the list's only entry.

    Python's own thread pool may wait for ever if an exception comes at the wrong place in it, so it is left alone; so
    are generators, since Python discards an exception that comes while it closes one.
    """
    count = [0]

    def watch(frame: Any, event: str, argument: Any) -> None:
        ours = frame.f_globals["__name__"].startswith(("bp.", __name__))
        if event not in ("call", "return") or not ours or frame.f_code.co_flags & inspect.CO_GENERATOR:
            return
        count[0] += 1
        if count[0] == calls:
            sys.setprofile(None)
            raise KeyboardInterrupt

    sys.setprofile(watch)
    try:
        yield count
    finally:
        sys.setprofile(None)


def trained(net: bp.MLP, history: bp.History, settings: dict[str, Any]) -> tuple[bp.History, Array]:
    bp.train(net, X, T, n_epochs=EPOCHS, X_test=X[:7], T_test=T[:7], alpha=0.5, history=history, **settings)
    return history, vector(net)


@pytest.mark.parametrize("run", RUNS)
def test_going_on_after_an_interruption_is_as_if_there_was_none(run: str) -> None:
    """Wherever it is interrupted, net and history fit each other, and going on with both changes no bit."""
    make, settings = RUNS[run]
    trained(make(), bp.History(), settings)  # what is made on first use is not counted
    net, history = make(), bp.History()
    with interrupted_after(0) as count:
        expected, parameters = trained(net, history, settings)
    assert expected.epochs == EPOCHS
    at = np.random.RandomState(0).randint(1, count[0] - 5, 12)
    for calls in at:
        net, history = make(), bp.History()
        with pytest.raises(KeyboardInterrupt), interrupted_after(int(calls)):
            trained(net, history, settings)
        assert len({len(series) for series in history.series()}) == 1 or not history.amplitude
        found, changed = trained(net, history, settings)
        assert found == expected
        assert changed.tobytes() == parameters.tobytes()


def test_which_path_takes_an_epoch_does_not_depend_on_interruptions() -> None:
    """If the fast path fails in one epoch, the others are its own, however many are done at once."""

    def run(first: int) -> tuple[bp.History, bytes]:
        net, history, epochs = make_net((2, 4, 3)), bp.History(), list[int]()
        descend, epoch = Whole.descend, Plain.epoch

        def fail(self: Any, n: int) -> None:
            if history.epochs <= 3 < history.epochs + n:
                raise FloatingPointError
            descend(self, n)

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(Whole, "descend", fail)
            patched.setattr(Plain, "epoch", lambda self, n: epochs.append(n) or epoch(self, n))
            for n_epochs in (first, EPOCHS):
                bp.train(net, X, T, 30, n_epochs, 0.5, history=history)
        assert epochs == [4]
        return history, vector(net).tobytes()

    assert run(2) == run(EPOCHS)


def test_a_layer_that_raises_leaves_no_half_epoch() -> None:
    """An exception of a layer of one's own is passed on, and the net is as it was after the last epoch."""
    net = own_net()
    before, layer = vector(net), net.layers[0]
    grads = [layer.grad, layer.grad]  # type: ignore[attr-defined]

    def grad(X: Array, delta_next: Array) -> Any:
        return grads.pop()(X, delta_next)

    layer.grad = grad  # type: ignore[attr-defined]
    with pytest.raises(IndexError):
        bp.train(net, X, T, 8, 1, 0.5)
    assert vector(net).tolist() == before.tolist()


@pytest.mark.parametrize("fast", [True, False])
def test_a_callback_that_changes_the_history_is_told(fast: bool) -> None:
    """A callback that clears or cuts the history is refused by name, instead of training for ever."""

    def clear(history: bp.History) -> None:
        if history.epochs == 1:
            history.loss_train.clear()

    with pytest.raises(
        ValueError, match="expected on_epoch to leave the history as it is, with 2 numbers in each list"
    ):
        bp.train(make_net((2, 4, 3)), X, T, 30, 5, 0.5, on_epoch=clear, fast=fast)
