"""Looks at a network after each epoch of its training, for what the report states beyond the curves of a history."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

import bp
from reports.study import facts
from reports.study.part import Arrays

#: Of a training set with so few samples, each sample is followed on its own.
_FEW = 4


class Watch:
    """Records how the parameters of a network move, which of its units are dead, and what it says of single samples.

    ``see`` is called before the first epoch and after each; ``record`` then returns the numbers for results.json.

    Attributes
    ----------
    arrays
        The parameters at the moments that were kept, for the figures.
    """

    def __init__(self, net: bp.MLP, X: NDArray[Any], T: NDArray[Any], snapshots: Sequence[int], *, shallow: bool):
        self._net, self._X, self._T, self._snapshots, self._shallow = net, X, T, snapshots, shallow
        self._start = {name: W.copy() for name, (W, _) in net.parameters().items()}
        self._change: dict[str, list[float]] = {name: [] for name in self._start}
        self._dead: list[float] = []
        self._probabilities: list[NDArray[Any]] = []
        self._lengths: list[float] = []  # of the step of each epoch
        self._size = 0.0  # of all parameters before the first step
        self._before: NDArray[Any] | None = None
        self.arrays: Arrays = {}

    def see(self, epoch: int) -> None:
        """Look at the network after this epoch; epoch 0 is before training."""
        for name, (W, _) in self._net.parameters().items():
            self._change[name].append(facts.distance_from(self._start[name], W))
        if self._shallow:
            hidden = self._net.propagate(self._X, last_layer="ReLU_1")
            self._dead.append(float((hidden.max(axis=0) == 0).mean()))
            self._see_step()
            if len(self._X) <= _FEW:
                self._probabilities.append(self._net.propagate(self._X))
        if epoch in self._snapshots:
            self.keep(str(epoch))

    def _see_step(self) -> None:
        now = facts.all_parameters(self._net)
        if self._before is None:
            self._size = float(np.linalg.norm(now))
        else:
            self._lengths.append(float(np.linalg.norm(now - self._before)))
        self._before = now

    def keep(self, moment: str) -> None:
        """Keep the parameters under the name of this moment."""
        for layer, (W, b) in self._net.parameters().items():
            self.arrays |= {f"{moment}.{layer}.W": W.copy(), f"{moment}.{layer}.b": b.copy()}

    def record(self, history: bp.History, alpha: float, *, one_step: bool) -> dict[str, Any]:
        """The numbers for results.json; ``one_step`` says that each epoch is one step over the whole training set."""
        last = {name: values[-1] for name, values in self._change.items() if values}
        found: dict[str, Any] = {"change": self._change, "changed": last}
        if self._shallow:
            found["dead_share"] = self._dead
            found["all_dead_epoch"] = facts.first_epoch_at_least(self._dead, 1.0)
            found["revived"] = sum(after < before for before, after in pairwise(self._dead))
            if one_step and self._lengths:
                found["steps"] = facts.of_steps(history.loss_train, self._lengths, alpha) | {
                    "first_length": self._lengths[0] / self._size
                }
        if self._probabilities:
            found["crossings"] = facts.crossings(self._probabilities, self._T)
            found["class_probability"] = [P[:, 0].tolist() for P in self._probabilities]
        return found
