"""The examiner's own layers and losses, with which the network of a submission is judged by itself."""

from __future__ import annotations

import inspect

from reference.execution.worker.protocol import Define
from reference.lab import layers
from reference.lab.mistakes import plain

_PARTS = (
    plain.Named,
    plain.LinearLayer,
    plain.ReLULayer,
    plain.SoftmaxLayer,
    plain.LossCrossEntropy,
    plain.LossCrossEntropyForSoftmaxLogits,
    plain.softmax,
)
#: From where a script imports them: a public module, whose name tells a student what they are.
MODULE = layers.__name__
#: Defines them where the submission runs. The right network is not among them, since a wrong one could find it there.
OWN_LAYERS = Define(
    "\n\n".join(["from typing import Any\n\nimport numpy as np", *(inspect.getsource(each) for each in _PARTS)])
)
