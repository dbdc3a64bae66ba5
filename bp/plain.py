"""The plain path of `bp.train`: gradient descent by the messages of the layers themselves, as in a textbook."""

from __future__ import annotations

import copy
import math
from functools import cached_property
from types import SimpleNamespace
from typing import Any, NamedTuple, NoReturn

import numpy as np

from bp.history import History
from bp.messages import Array, unchecked
from bp.mlp import MLP
from bp.nonfinite import gradients_are_finite, where_not_finite
from bp.samples import Samples

#: Rows that are evaluated at once: few enough for their activations to stay in the processor's cache.
_EVALUATION_ROWS = 1000


class NotFiniteError(Exception):
    """A value is not finite; the message says when and where the first one appeared.

    Attributes
    ----------
    at
        The same for programs: see `History.stopped_at`.
    """

    def __init__(self, message: str, epoch: int, batch: int | None, what: str | None) -> None:
        super().__init__(message)
        self.at: dict[str, int | str | None] = {"epoch": epoch, "batch": batch, "what": what}


class _Rows(NamedTuple):
    X: Array
    T: Array
    first: int


def _slices(data: Samples, n_rows: int) -> list[_Rows]:
    starts = range(0, len(data), n_rows)
    return [_Rows(data.X[start : start + n_rows], data.T[start : start + n_rows], start) for start in starts]


class Plain:
    """Trains any net, in place, epoch by epoch; the arguments are those of `bp.train`."""

    def __init__(
        self,
        net: MLP,
        train: Samples,
        test: Samples | None,
        batch_size: int,
        alpha: float,
        *,
        stop_on_nonfinite: bool = True,
    ) -> None:
        self._net = net
        self._train, self._test = train, test
        self._batch_size, self._alpha = batch_size, alpha
        self._stop_on_nonfinite = stop_on_nonfinite

    @cached_property
    def _bare(self) -> MLP:
        return _without_checks(self._net)

    def before(self) -> History:
        """The history of the untrained net: losses, accuracies and amplitudes."""
        return self.evaluate(0)

    def epoch(self, number: int) -> History:
        """Make the ``number``-th pass through the training set and evaluate the net.

        Raises
        ------
        NotFiniteError
            A loss or gradient is not finite; the step that would follow is not taken.
        """
        batches = _slices(self._train, self._batch_size)
        for place, batch in enumerate(batches, start=1):
            try:
                self._step(batch)
            except FloatingPointError as error:
                self._stop(f"in epoch {number}, batch {place} of {len(batches)}", number, place, batch, error)
        return self.evaluate(number)

    def _step(self, batch: _Rows) -> None:
        gradients = self._bare.gradient(batch.X, batch.T)
        if self._stop_on_nonfinite and not gradients_are_finite(gradients.values()):
            raise FloatingPointError("the gradient is not finite")
        layers: list[Any] = self._net.layers  # layers with parameters have more methods than `Layer`
        for layer in layers:
            if layer.has_params():
                layer.update_params([-self._alpha * part for part in gradients[layer.name]])

    def evaluate(self, epoch: int) -> History:
        """Losses, accuracies and amplitudes of the present net, after ``epoch`` epochs; raises as `epoch` does."""
        evaluations = [self._evaluate(self._train, epoch, "training")]
        if self._test is not None:
            evaluations.append(self._evaluate(self._test, epoch, "test"))
        return History.of(evaluations, {name: W for name, (W, _) in self._net.parameters().items()})

    def _evaluate(self, data: Samples, epoch: int, kind: str) -> tuple[float, float]:
        """Mean loss, and the share of samples whose most probable class is their target's."""
        total, hits = 0.0, 0
        for part in _slices(data, _EVALUATION_ROWS):
            try:
                losses, predictions = self._losses_and_predictions(part)
            except FloatingPointError as error:
                when = f"after epoch {epoch}" if epoch else "before the first epoch"
                self._stop(f"{when}, in the evaluation of the {kind} set", epoch, None, part, error)
            total += losses
            hits += int(np.count_nonzero(predictions.argmax(axis=1) == part.T.argmax(axis=1)))
        return total / len(data), hits / len(data)

    def _losses_and_predictions(self, part: _Rows) -> tuple[float, Array]:
        """The sum of the losses and the outputs of `MLP.propagate`, computed in one pass through the layers."""
        outputs = self._bare.propagate(part.X, output_layers=False)
        total = float(self._bare.loss.forward(outputs, part.T).sum())
        if self._stop_on_nonfinite and not math.isfinite(total):
            raise FloatingPointError("the loss is not finite")
        for layer in self._bare.output_layers:
            outputs = layer.forward(outputs)
        return total, outputs

    def _stop(self, when: str, epoch: int, batch: int | None, data: _Rows, error: FloatingPointError) -> NoReturn:
        if not self._stop_on_nonfinite:
            raise error
        what, sentence = where_not_finite(self._bare, data.X, data.T, data.first) or (None, str(error))
        raise NotFiniteError(f"{when}: {sentence}", epoch, batch, what) from error


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
