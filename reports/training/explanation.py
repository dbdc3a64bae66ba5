"""Says why a run on XOR has not learned it, which is no sign of a wrong gradient: the numbers of the run say which."""

from __future__ import annotations

import numpy as np

import bp
from reports.training.experiments import Data

#: A loss that has fallen by less than this share in the last tenth of the run no longer falls.
_STILL_FALLS = 1e-3


def why_not_learned(net: bp.MLP, data: Data, history: bp.History) -> str | None:
    """One sentence on a run whose training samples are not all classified correctly; None if they are."""
    if not history.epochs or history.acc_train[-1] == 1:
        return None
    before, now = history.loss_train[-1 - max(history.epochs // 10, 1)], history.loss_train[-1]
    if now < before * (1 - _STILL_FALLS):
        return (
            f"not learned yet: the loss still falls, by {1 - now / before:.1%} in the last tenth of the epochs; "
            "more of them (--epochs) or larger steps (--alpha) can learn it"
        )
    off, hidden = _hidden_units_off(net, data[0])
    return (
        f"not learned: the loss no longer falls, and {off} of {hidden} hidden units are off for all samples, so that "
        "no gradient reaches their weights; other initial weights (--seed) can learn it"
    )


def _hidden_units_off(net: bp.MLP, X: object) -> tuple[int, int]:
    """How many of the hidden units are 0 for all samples, and how many there are."""
    off = hidden = 0
    for layer in net.layers:
        X = layer.forward(np.asarray(X))
        if isinstance(layer, bp.ReLULayer):
            off += int(np.count_nonzero(~X.any(axis=0)))
            hidden += X.shape[1]
    return off, hidden
