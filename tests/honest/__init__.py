"""Correct implementations of the lab, each coded in another way: none of them may ever be failed.

`HONEST` maps a coding's name to a whole implementation for `reference.check`. One class of it is coded in the way that
the name says; the others are the plain ones. Nothing here comes from ``bp``, which is one more coding.
"""

from __future__ import annotations

from tests.honest.classes import OneMatrixLinear, ReadOnlyLinear, layer_class, linear_class, loss_class, net_class
from tests.honest.cross_entropy import CROSS_ENTROPY, CROSS_ENTROPY_IN_BOUNDS
from tests.honest.linear import LINEAR, strassen
from tests.honest.logits import COMPOUND
from tests.honest.network import NETS
from tests.honest.relu import RELU
from tests.honest.softmax import SOFTMAX, SOFTMAX_IN_BOUNDS


def _codings() -> dict[str, dict[str, type]]:
    """Class of the contract -> coding's name -> class."""
    rebinding = {"one sample at a time", "einsum"}
    plain = LINEAR["matrix products"]
    return {
        "LinearLayer": {
            **{name: linear_class(*each, rebinds=name in rebinding) for name, each in LINEAR.items()},
            "read-only properties": linear_class(*plain, base=ReadOnlyLinear),
            "one matrix": linear_class(*plain, base=OneMatrixLinear),
        },
        "ReLULayer": {name: layer_class("ReLULayer", *each) for name, each in RELU.items()},
        "SoftmaxLayer": {name: layer_class("SoftmaxLayer", *each) for name, each in SOFTMAX.items()},
        "LossCrossEntropy": {name: loss_class("LossCrossEntropy", *each) for name, each in CROSS_ENTROPY.items()},
        "LossCrossEntropyForSoftmaxLogits": {
            name: loss_class("LossCrossEntropyForSoftmaxLogits", *each) for name, each in COMPOUND.items()
        },
        "MLP": {name: net_class(*each) for name, each in NETS.items()},
    }


#: Class of the contract -> coding's name -> class.
CODINGS = _codings()
#: The first coding of each class.
PLAIN = {cls: next(iter(each.values())) for cls, each in CODINGS.items()}
#: "class: coding" -> an implementation for `reference.check`.
HONEST = {
    f"{cls}: {name}": {**PLAIN, cls: coding} for cls, codings in CODINGS.items() for name, coding in codings.items()
}
#: Right where the target is likely: by name, cross-entropy's forward and delta.
UNLIKELY_TARGETS_LOSE_DIGITS = CROSS_ENTROPY_IN_BOUNDS
#: A linear layer whose products are Strassen's.
STRASSEN = linear_class(lambda X, W, b: strassen(X, W) + b, *LINEAR["matrix products"][1:])
#: The same for assignment 1 alone.
NAIVE = {
    name: {**PLAIN, "SoftmaxLayer": layer_class("SoftmaxLayer", forward, SOFTMAX["less the maximum"][1])}
    for name, (forward, _) in SOFTMAX_IN_BOUNDS.items()
}
