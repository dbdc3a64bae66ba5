"""The catalogue of known mistakes: to recognise one by its answers, and for our tests, which must catch them all."""

from reference.lab.mistakes import everywhere, linear, logits, losses, network, relu, softmax
from reference.lab.mistakes.catalogue import CATALOGUE, Mistake

__all__ = [
    "CATALOGUE",
    "Mistake",
    "everywhere",
    "linear",
    "logits",
    "losses",
    "network",
    "relu",
    "softmax",
]
