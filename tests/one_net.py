"""A small network and a batch, with what is true of them by numpy."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from reference.execution.in_process import InProcess
from reference.lab.context import Context
from reference.lab.mistakes import plain
from reference.lab.net_run import NetRun
from reference.lab.network import NetCase
from reference.numerics.oracles import ball

X, T = np.array([[1.0, -0.5], [0.25, 2.0]]), np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
THETA = (
    np.array([[1.0, -1.0], [0.5, 2.0]]), np.array([0.25, 0.5]),
    np.array([[1.0, 0.5, -1.0], [-0.5, 1.5, 1.0]]), np.array([0.0, 1.0, -1.0]),
)  # fmt: skip
HIDDEN = np.maximum(X @ THETA[0] + THETA[1], 0)
LOGITS = HIDDEN @ THETA[2] + THETA[3]
SOFTMAX = plain.softmax(LOGITS)
LOSSES = -np.log((SOFTMAX * T).sum(axis=1, keepdims=True))


def case(**fields: Any) -> NetCase:
    """Two inputs, two hidden units and three classes, with the compound loss, or with other fields."""
    return replace(NetCase((2, 2, 3), THETA, X, T, compound=True, own=True), **fields)


def run(net: NetCase, classes: Any = plain.CLASSES) -> NetRun:
    """Calls of the network that is made of these classes."""
    return NetRun(Context(InProcess(classes, {}), ball, "handed_in"), net)
