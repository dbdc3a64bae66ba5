"""Wrong codings of the network with two mistakes each."""

from __future__ import annotations

from typing import Any

from reference.lab.mistakes import plain

from .catalogue import coded_both
from .network import _back, _run  # noqa: F401


@coded_both("MLP.gradient", "layer-skipped", "averaged-twice")
def gradient_no_first_and_averaged(self: Any, X: Any, T: Any) -> Any:
    """The first layer's gradient is missing, and the others' are divided by the number of samples once more."""
    Z = _run(self, X)
    found = _back(self, Z, self.loss.delta(Z[-1], T), stop=1)
    return {name: [g / X.shape[0] for g in each] for name, each in found.items()}


@coded_both("MLP.propagate", "output-layers-ignored", "averaged-over-batch")
class NoOutputAndMean(plain.MLP):
    """The output layers are never run, and the loss is one mean."""

    def propagate(self, X: Any, output_layers: Any = True, last_layer: Any = None) -> Any:
        """Without output layers."""
        return super().propagate(X, False, last_layer)

    def evaluate(self, X: Any, T: Any) -> Any:
        """One mean."""
        return super().evaluate(X, T).mean()
