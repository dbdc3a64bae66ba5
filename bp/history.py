"""The record of a training: numbers for each epoch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from bp.messages import Array


@dataclass
class History:
    """Losses, accuracies and weight amplitudes, index 0 before training, index e after epoch e.

    Attributes
    ----------
    loss_train, loss_test
        Mean loss over the set; the test lists stay empty where there is no test set.
    acc_train, acc_test
        Share of samples whose most probable class is their target's.
    amplitude
        Linear layer's name -> mean absolute weight.
    stopped
        Why training ended before its last epoch (a loss that is not finite), in a sentence; else None.
    stopped_at
        The same for programs: for instance ``{"epoch": 3, "batch": 7, "what": "the output of Softmax_OUT"}``. Epoch 0
        is before the first; batch is None where an evaluation found it, what is None where numpy raised and no value is
        to blame.

    Examples
    --------
    >>> history = History(loss_train=[0.7, 0.5])
    >>> print(history.epochs, history["loss_train"])
    1 [0.7, 0.5]
    """

    loss_train: list[float] = field(default_factory=list)
    loss_test: list[float] = field(default_factory=list)
    acc_train: list[float] = field(default_factory=list)
    acc_test: list[float] = field(default_factory=list)
    amplitude: dict[str, list[float]] = field(default_factory=dict)
    stopped: str | None = None
    stopped_at: dict[str, int | str | None] | None = None

    @classmethod
    def of(cls, evaluations: Iterable[tuple[float, float]], weights: Mapping[str, Array]) -> History:
        """A history with one evaluation: (mean loss, accuracy) of the training set and of the test set if there is one.

        ``weights`` are the layers' W by name.
        """
        history = cls(amplitude={name: [float(np.abs(W).mean())] for name, W in weights.items()})
        for name, (loss, accuracy) in zip(("train", "test"), evaluations, strict=False):
            history[f"loss_{name}"].append(loss)
            history[f"acc_{name}"].append(accuracy)
        return history

    @property
    def epochs(self) -> int:
        """The number of complete epochs."""
        return max(len(self.loss_train) - 1, 0)

    def series(self) -> list[list[float]]:
        """All lists of numbers, one number an epoch."""
        return [self.loss_train, self.loss_test, self.acc_train, self.acc_test, *self.amplitude.values()]

    def extend(self, more: History) -> None:
        """Append the numbers of later epochs."""
        for name in ("loss_train", "loss_test", "acc_train", "acc_test"):
            self[name].extend(more[name])
        for layer, values in more.amplitude.items():
            self.amplitude.setdefault(layer, []).extend(values)

    def __getitem__(self, name: str) -> Any:
        """``history["loss_train"]`` is ``history.loss_train``, as in the lab's ``run_info``."""
        if name not in self.__dataclass_fields__:
            raise KeyError(f"expected one of {list(self.__dataclass_fields__)}, got {name!r}")
        return getattr(self, name)

    def as_dict(self) -> dict[str, Any]:
        """Every field by name, as plain lists and numbers."""
        return asdict(self)
