"""The lab's nets and data, for the tests of training."""

from __future__ import annotations

from typing import Any

import bp
from reports.training.experiments import EXPERIMENTS, build_net
from tests.strategies import Array

SPIRALS = bp.load_spirals()
XOR = bp.load_XOR()


def spiral_net() -> bp.MLP:
    return build_net(EXPERIMENTS["spirals"])


def spiral_run(net: bp.MLP, n_epochs: int, alpha: float = 1.0, **more: Any) -> bp.History:
    X_train, T_train, X_test, T_test = SPIRALS
    arguments = {"batch_size": 300, "n_epochs": n_epochs, "alpha": alpha, "X_test": X_test, "T_test": T_test}
    return bp.train(net, X_train, T_train, **(arguments | more))


def parameters(net: bp.MLP) -> list[Array]:
    return [array for pair in net.parameters().values() for array in pair]
