"""The lab's training, written in PyTorch alone: to be compared with ours number by number, and in time.

As in `torch_autograd`, torch is imported when it is used.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

if TYPE_CHECKING:
    import torch

#: Samples that a net is evaluated on at once.
_SLICE = 1000


class Training:
    """Linear layers with ReLU between them, softmax, cross-entropy, and plain gradient descent.

    Mini-batches are consecutive slices; each step subtracts alpha times the gradient of the batch's mean loss.

    Parameters
    ----------
    weights, biases
        Initial values, (D, U) and (U,), layer by layer.
    sets
        Training set and, where there is one, test set: inputs (N, D) and one-hot targets (N, K).
    loss
        "probabilities": minus log p_t, p by softmax. "logits": `torch.nn.functional.cross_entropy`.
    batch_size, alpha
        As the lab has them.
    dtype
        Of all arithmetic.
    compiled
        Let ``torch.compile`` make loss and gradient.
    """

    def __init__(
        self,
        weights: Sequence[ArrayLike],
        biases: Sequence[ArrayLike],
        sets: Sequence[tuple[ArrayLike, ArrayLike]],
        *,
        loss: Literal["probabilities", "logits"],
        batch_size: int,
        alpha: float,
        dtype: DTypeLike = np.float64,
        compiled: bool = False,
    ) -> None:
        import torch  # noqa: PLC0415 - optional and slow to import

        # As torch.nn.Linear has them: (U, D).
        arrays = [np.array(part, dtype) for W, b in zip(weights, biases, strict=True) for part in (np.transpose(W), b)]
        self._parameters = [torch.from_numpy(array).requires_grad_() for array in arrays]
        self._sets = [(torch.from_numpy(np.array(X, dtype)), torch.from_numpy(np.argmax(T, axis=1))) for X, T in sets]
        self._batch_size, self._alpha = batch_size, alpha
        self._outputs_and_losses: Callable[..., Any] = partial(_outputs_and_losses, loss)
        if compiled:
            self._outputs_and_losses = torch.compile(self._outputs_and_losses)

    def descend(self) -> None:
        """One epoch of steps."""
        import torch  # noqa: PLC0415 - optional and slow to import

        X, labels = self._sets[0]
        for start in range(0, len(X), self._batch_size):
            rows = slice(start, start + self._batch_size)
            _, losses = self._outputs_and_losses(X[rows], labels[rows], *self._parameters)
            gradients = torch.autograd.grad(losses.mean(), self._parameters)
            with torch.no_grad():
                for parameter, gradient in zip(self._parameters, gradients, strict=True):
                    parameter.sub_(gradient, alpha=self._alpha)

    def evaluate(self) -> list[tuple[float, float]]:
        """Mean loss and accuracy of each set, in slices that stay in the cache."""
        import torch  # noqa: PLC0415 - optional and slow to import

        told = []
        with torch.no_grad():
            for X, labels in self._sets:
                total, hits = 0.0, 0
                for rows in (slice(start, start + _SLICE) for start in range(0, len(X), _SLICE)):
                    outputs, losses = self._outputs_and_losses(X[rows], labels[rows], *self._parameters)
                    total += float(losses.sum())
                    hits += int((outputs.argmax(dim=1) == labels[rows]).sum())
                told.append((total / len(X), hits / len(X)))
        return told

    def amplitudes(self) -> list[float]:
        """Mean absolute weight of each layer."""
        return [float(W.detach().abs().mean()) for W in self._parameters[::2]]


def train_mlp(
    weights: Sequence[ArrayLike],
    biases: Sequence[ArrayLike],
    train: tuple[ArrayLike, ArrayLike],
    test: tuple[ArrayLike, ArrayLike] | None,
    *,
    loss: Literal["probabilities", "logits"],
    batch_size: int,
    n_epochs: int,
    alpha: float,
) -> dict[str, list[float]]:
    """The curves of `Training`, in double precision; the arguments are its.

    Returns
    -------
    dict
        ``loss_train``, ``acc_train``, ``loss_test``, ``acc_test``: a number before training and after each epoch; and
        ``amplitude_0``, ``amplitude_1``, ...: mean absolute weight of each layer.
    """
    sets = [train] if test is None else [train, test]
    training = Training(weights, biases, sets, loss=loss, batch_size=batch_size, alpha=alpha)
    curves: dict[str, list[float]] = {}
    for epoch in range(n_epochs + 1):
        if epoch:
            training.descend()
        for name, (mean, accuracy) in zip(("train", "test"), training.evaluate(), strict=False):
            curves.setdefault(f"loss_{name}", []).append(mean)
            curves.setdefault(f"acc_{name}", []).append(accuracy)
        for number, amplitude in enumerate(training.amplitudes()):
            curves.setdefault(f"amplitude_{number}", []).append(amplitude)
    return curves


def _outputs_and_losses(
    loss: str, X: torch.Tensor, labels: torch.Tensor, *parameters: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits (N, K) and losses (N,), from weights (U, D) and biases in turn."""
    import torch  # noqa: PLC0415 - optional and slow to import

    layers = list(zip(parameters[::2], parameters[1::2], strict=True))
    for W, b in layers[:-1]:
        X = torch.nn.functional.linear(X, W, b).relu()
    logits = torch.nn.functional.linear(X, *layers[-1])
    if loss == "logits":
        return logits, torch.nn.functional.cross_entropy(logits, labels, reduction="none")
    return logits, -logits.softmax(dim=1).gather(1, labels[:, None])[:, 0].log()
