"""The lab's layers and losses as a textbook has them, right: the layers with which a network is judged by itself.

Scripts that show what is wrong with a network import them from here, so that no mistake in the submission's own layers
can hide the network's, or be taken for it.
"""

from reference.lab.mistakes.plain import (
    LinearLayer,
    LossCrossEntropy,
    LossCrossEntropyForSoftmaxLogits,
    ReLULayer,
    SoftmaxLayer,
)

__all__ = ["LinearLayer", "LossCrossEntropy", "LossCrossEntropyForSoftmaxLogits", "ReLULayer", "SoftmaxLayer"]
