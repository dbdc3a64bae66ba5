"""Backpropagation by hand: the lab's layers, losses, network, training and data, in numpy alone."""

from bp.datasets import load_MNIST, load_spirals, load_XOR
from bp.history import History
from bp.layers import LinearLayer, NaiveSoftmaxLayer, ReLULayer, SoftmaxLayer
from bp.losses import LossCrossEntropy, LossCrossEntropyForSoftmaxLogits
from bp.mlp import MLP
from bp.train import train

__all__ = [
    "MLP",
    "History",
    "LinearLayer",
    "LossCrossEntropy",
    "LossCrossEntropyForSoftmaxLogits",
    "NaiveSoftmaxLayer",
    "ReLULayer",
    "SoftmaxLayer",
    "load_MNIST",
    "load_XOR",
    "load_spirals",
    "train",
]
