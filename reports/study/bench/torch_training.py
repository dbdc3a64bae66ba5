"""The lab's training with PyTorch alone, with which the benchmarks compare times and the tests compare numbers.

PyTorch is optional and slow to import, so it is imported when it is used.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

if TYPE_CHECKING:
    import torch

#: How many samples are evaluated at once.
_SLICE = 1000


class Training:
    """A network of linear layers with ReLU between them, softmax and cross-entropy, trained by gradient descent.

    Mini-batches are consecutive slices; each step subtracts alpha times the gradient of the batch's mean loss.

    Parameters
    ----------
    weights, biases
        The initial values, of shapes (D, U) and (U,), layer by layer.
    sets
        The training set and, if there is one, the test set: inputs (N, D) and one-hot targets (N, K).
    loss
        "probabilities": minus log p_t, where p comes from softmax. "logits": `torch.nn.functional.cross_entropy`.
    batch_size, alpha
        As in `bp.train`.
    dtype
        The precision of all arithmetic.
    compiled
        Whether ``torch.compile`` compiles the loss and its gradient.
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

        # Weights have the shape (U, D), as in torch.nn.Linear.
        arrays = [np.array(part, dtype) for W, b in zip(weights, biases, strict=True) for part in (np.transpose(W), b)]
        self._parameters = [torch.from_numpy(array).requires_grad_() for array in arrays]
        self._sets = [(torch.from_numpy(np.array(X, dtype)), torch.from_numpy(np.argmax(T, axis=1))) for X, T in sets]
        self._batch_size, self._alpha = batch_size, alpha
        self._outputs_and_losses: Callable[..., Any] = partial(_outputs_and_losses, loss)
        if compiled:
            self._outputs_and_losses = torch.compile(self._outputs_and_losses)

    def descend(self) -> None:
        """Train for one epoch."""
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
        """The mean loss and the accuracy of each set, computed in slices that fit into the processor's cache."""
        import torch  # noqa: PLC0415 - optional and slow to import

        found = []
        with torch.no_grad():
            for X, labels in self._sets:
                total, hits = 0.0, 0
                for rows in (slice(start, start + _SLICE) for start in range(0, len(X), _SLICE)):
                    outputs, losses = self._outputs_and_losses(X[rows], labels[rows], *self._parameters)
                    total += float(losses.sum())
                    hits += int((outputs.argmax(dim=1) == labels[rows]).sum())
                found.append((total / len(X), hits / len(X)))
        return found

    def amplitudes(self) -> list[float]:
        """The mean absolute weight of each layer."""
        return [float(W.detach().abs().mean()) for W in self._parameters[::2]]


def _outputs_and_losses(
    loss: str, X: torch.Tensor, labels: torch.Tensor, *parameters: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits (N, K) and losses (N,); ``parameters`` are weights (U, D) and biases in turn."""
    import torch  # noqa: PLC0415 - optional and slow to import

    layers = list(zip(parameters[::2], parameters[1::2], strict=True))
    for W, b in layers[:-1]:
        X = torch.nn.functional.linear(X, W, b).relu()
    logits = torch.nn.functional.linear(X, *layers[-1])
    if loss == "logits":
        return logits, torch.nn.functional.cross_entropy(logits, labels, reduction="none")
    return logits, -logits.softmax(dim=1).gather(1, labels[:, None])[:, 0].log()
